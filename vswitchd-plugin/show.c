/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/show.h"

#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/plugin.h"
#include "vswitchd-plugin/reply.h"
#include "vswitchd-plugin/status.h"

void
put_uint(struct json *row, const char *key, uint64_t value)
{
    json_object_put(row, key, json_integer_create(value));
}

void
put_status(struct json *row, const struct row_status *status)
{
    json_object_put_string(row, "status",
                           status_state_to_string(status->state));
    json_object_put(row, "reason", status->reason
                    ? json_string_create(status->reason)
                    : json_null_create());
}

void
put_mac(struct json *row, const struct eth_addr mac)
{
    json_object_put_format(row, "mac", ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
}

void
put_drops(struct json *row, const uint64_t drops[N_DROPS])
{
    struct json *by_reason = json_object_create();
    uint64_t total = 0;

    for (int i = 0; i < N_DROPS; i++) {
        put_uint(by_reason, drop_name(i), drops[i]);
        total += drops[i];
    }
    put_uint(row, "drops", total);
    json_object_put(row, "drops_by_reason", by_reason);
}

static void
add_vnics(struct json *rows, const struct config *config,
          const struct shash *vnics, const char *name, add_vnic_func *add)
{
    const struct shash_node **sorted = shash_sort(vnics);

    for (size_t i = 0; i < shash_count(vnics); i++) {
        const struct vnic_row *vnic = sorted[i]->data;

        if (!name || !strcmp(name, vnic->name)) {
            add(rows, config, vnic);
        }
    }
    free(sorted);
}

void
show_vnics(struct unixctl_conn *conn, int argc, const char *argv[],
           const char *const columns[], add_vnic_func *add)
{
    const struct config *config = plugin_config();
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        return;
    }
    if (name && (!config || (!shash_find(&config->vnics, name)
                             && !shash_find(&config->defaults, name)))) {
        reply_unknown(conn, "VNIC", name);
        return;
    }

    struct json *rows = json_array_create_empty();

    if (config) {
        add_vnics(rows, config, &config->vnics, name, add);
        add_vnics(rows, config, &config->defaults, name, add);
    }
    reply_rows(conn, rows, as_json, columns);
}

void
show_links(struct unixctl_conn *conn, int argc, const char *argv[],
           const char *const columns[], add_link_func *add)
{
    const struct config *config = plugin_config();
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        return;
    }
    if (name && (!config || !shash_find(&config->links, name))) {
        reply_unknown(conn, "link", name);
        return;
    }

    struct json *rows = json_array_create_empty();

    if (config) {
        const struct shash_node **sorted = shash_sort(&config->links);

        for (size_t i = 0; i < shash_count(&config->links); i++) {
            const struct link_row *link = sorted[i]->data;

            if (!name || !strcmp(name, link->name)) {
                add(rows, config, link);
            }
        }
        free(sorted);
    }
    reply_rows(conn, rows, as_json, columns);
}
