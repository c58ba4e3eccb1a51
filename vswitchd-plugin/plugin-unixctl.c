/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/plugin-unixctl.h"

#include "datapath-ext/datapath-ext.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "unixctl.h"
#include "util.h"
#include "vswitchd-plugin/cache-unixctl.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/plugin.h"
#include "vswitchd-plugin/reply.h"
#include "vswitchd-plugin/classifier-unixctl.h"
#include "vswitchd-plugin/show.h"
#include "vswitchd-plugin/status.h"

/* Set by the seam; see plugin_unixctl_set_contacts(). */
static const struct seam_contact *plugin_contacts;
static size_t n_plugin_contacts;

void
plugin_unixctl_set_contacts(const struct seam_contact *contacts, size_t n)
{
    plugin_contacts = contacts;
    n_plugin_contacts = n;
}

/* vnic/show, vnic/ring-show. */

static struct json *
vnic_to_json(const struct vnic_row *vnic)
{
    const struct row_status *status = row_effective(&vnic->status,
                                                    &vnic->runtime);
    struct json *row = json_object_create();
    struct port_info info;

    json_object_put_string(row, "name", vnic->name);
    json_object_put_string(row, "link", vnic->link ? vnic->link : "-");
    put_status(row, status);
    if (!vnic->config.is_default && !vnic->is_etherstub) {
        put_mac(row, vnic->config.mac);
        put_uint(row, "vlan", vnic->config.vlan);
    }
    if (vnic_get_info(vnic->name, &info)) {
        put_uint(row, "rx_packets", info.rx_packets);
        put_uint(row, "rx_bytes", info.rx_bytes);
        put_uint(row, "tx_packets", info.tx_packets);
        put_uint(row, "tx_bytes", info.tx_bytes);
        put_uint(row, "bypassed", info.bypassed);
        json_object_put(row, "bypass",
                        json_boolean_create(info.is_bypassing));
        put_drops(row, info.drops);
    }
    return row;
}

static void
add_vnic(struct json *rows, const struct config *config OVS_UNUSED,
         const struct vnic_row *vnic)
{
    json_array_add(rows, vnic_to_json(vnic));
}

static void
add_ring(struct json *rows, const char *vnic, const char *port,
         const struct ring_config *ring)
{
    struct port_info info;
    struct json *row;

    if (!port_get_info(port, &info) || !info.is_attached) {
        return;
    }
    row = json_object_create();
    json_object_put_string(row, "vnic", vnic);
    json_object_put_string(row, "port", port);
    json_object_put_string(row, "role", ring_role_name(ring->role));
    put_uint(row, "number", info.number);
    put_uint(row, "depth", info.depth);
    put_uint(row, "fill", info.fill);
    put_uint(row, "packets", info.rx_packets);
    put_uint(row, "bytes", info.rx_bytes);
    put_uint(row, "polls", info.polls);
    put_uint(row, "merged", info.merged);
    put_drops(row, info.drops);
    json_array_add(rows, row);
}

static void
add_rings(struct json *rows, const struct config *config OVS_UNUSED,
          const struct vnic_row *vnic)
{
    add_ring(rows, vnic->name, vnic->name, &vnic->config.ring);
    for (size_t i = 0; i < vnic->config.n_rings; i++) {
        const struct ring_config *ring = &vnic->rings[i];
        char *port = ring_port_name(vnic->name, ring->id);

        add_ring(rows, vnic->name, port, ring);
        free(port);
    }
}

static void
vnic_show(struct unixctl_conn *conn, int argc, const char *argv[],
          void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "name", "link", "mac", "vlan", "status", "rx_packets", "tx_packets",
        "drops", "reason", NULL
    };

    show_vnics(conn, argc, argv, columns, add_vnic);
}

static void
vnic_ring_show(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "vnic", "port", "role", "depth", "fill", "packets", "bytes", "polls",
        "drops", NULL
    };

    show_vnics(conn, argc, argv, columns, add_rings);
}

/* vnic/address-show. */

static void
add_addresses(struct json *rows, const struct config *config OVS_UNUSED,
              const struct vnic_row *vnic)
{
    struct vnic_addresses own;

    if (!vnic_get_addresses(vnic->name, &own)) {
        return;
    }
    for (size_t i = 0; i < own.n; i++) {
        struct ds address = DS_EMPTY_INITIALIZER;
        struct json *row = json_object_create();

        ipv6_format_mapped(&own.addresses[i], &address);
        json_object_put_string(row, "vnic", vnic->name);
        json_object_put_string(row, "address", ds_cstr(&address));
        json_object_put_string(row, "source",
                               i < vnic->n_configured ? "ip_addresses"
                               : i < own.n - own.n_learned ? "netns"
                               : "guest");
        json_array_add(rows, row);
        ds_destroy(&address);
    }
    vnic_addresses_destroy(&own);
}

static void
vnic_address_show(struct unixctl_conn *conn, int argc, const char *argv[],
                  void *aux OVS_UNUSED)
{
    static const char *const columns[] = { "vnic", "source", "address", NULL };

    show_vnics(conn, argc, argv, columns, add_addresses);
}

/* vnic/link-show. */

static void
add_link(struct json *rows, const struct config *config OVS_UNUSED,
         const struct link_row *link)
{
    struct json *row = json_object_create();
    struct link_info info;

    json_object_put_string(row, "name", link->name);
    put_status(row, row_effective(&link->status, &link->runtime));
    json_object_put(row, "capabilities",
                    smap_to_json(&link->capabilities));
    if (link_get_info(link->name, &info)) {
        json_object_put_string(row, "polled_by", link->is_etherstub ? "-"
                               : info.is_pmd ? "pmd" : "main");
        put_mac(row, info.mac);
        put_uint(row, "rx_packets", info.rx_packets);
        put_uint(row, "rx_bytes", info.rx_bytes);
        put_uint(row, "flooded", info.rx_flooded);
        put_uint(row, "unclaimed", info.rx_unclaimed);
        put_uint(row, "marked", info.rx_marked);
        put_uint(row, "hw_rules", info.hw_rules);
        put_uint(row, "tx_packets", info.tx_packets);
        put_uint(row, "tx_bytes", info.tx_bytes);
        put_uint(row, "tx_local", info.tx_local);
        put_drops(row, info.drops);
        link_info_destroy(&info);
    }
    json_array_add(rows, row);
}

static void
vnic_link_show(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "name", "polled_by", "mac", "status", "rx_packets", "flooded",
        "unclaimed", "marked", "tx_packets", "tx_local", "drops", "reason",
        NULL
    };

    show_links(conn, argc, argv, columns, add_link);
}

/* vnic/seam-show, vnic/drop-reasons, vnic/timing, vnic/version. */

static void
add_contacts(struct json *rows, const char *seam,
             const struct seam_contact *contacts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct json *row = json_object_create();

        json_object_put_string(row, "seam", seam);
        json_object_put_string(row, "symbol", contacts[i].symbol);
        json_object_put_string(row, "caller", contacts[i].caller);
        json_object_put_string(row, "versions", contacts[i].ovs_versions);
        put_uint(row, "fired", counter_read(&contacts[i].fired));
        json_object_put_string(row, "reason", contacts[i].reason);
        json_array_add(rows, row);
    }
}

static void
vnic_seam_show(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "seam", "symbol", "caller", "versions", "fired", "reason", NULL
    };
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        return;
    }

    size_t n;
    const struct seam_contact *contacts = datapath_contacts(&n);
    struct json *rows = json_array_create_empty();

    add_contacts(rows, "control", plugin_contacts, n_plugin_contacts);
    add_contacts(rows, "datapath", contacts, n);
    reply_rows(conn, rows, as_json, columns);
}

static void
vnic_drop_reasons(struct unixctl_conn *conn, int argc, const char *argv[],
                  void *aux OVS_UNUSED)
{
    static const char *const columns[] = { "name", "text", NULL };
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        return;
    }

    struct json *rows = json_array_create_empty();

    for (int i = 0; i < N_DROPS; i++) {
        struct json *row = json_object_create();

        json_object_put_string(row, "name", drop_name(i));
        json_object_put_string(row, "text", drop_text(i));
        json_array_add(rows, row);
    }
    reply_rows(conn, rows, as_json, columns);
}

static void
vnic_timing(struct unixctl_conn *conn, int argc, const char *argv[],
            void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "passes", "reconfigure_us", "publish_us", NULL
    };
    struct plugin_timing timing = plugin_timing();
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        return;
    }

    struct json *row = json_object_create();

    put_uint(row, "passes", timing.n);
    put_uint(row, "reconfigure_us", timing.reconfigure_us);
    put_uint(row, "publish_us", timing.publish_us);
    reply_rows(conn, json_array_create_1(row), as_json, columns);
}

static void
vnic_version(struct unixctl_conn *conn, int argc, const char *argv[],
             void *aux OVS_UNUSED)
{
    static const char *const columns[] = { "program", "version", NULL };
    struct json *rows = json_array_create_empty();
    const char *versions[][2] = {
        { "ovs-vnic", VNIC_VERSION },
        { "Open vSwitch", VERSION },
    };
    const char *name;
    bool as_json;

    if (!reply_parse_args(conn, argc, argv, &as_json, &name)) {
        json_destroy(rows);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct json *row = json_object_create();

        json_object_put_string(row, "program", versions[i][0]);
        json_object_put_string(row, "version", versions[i][1]);
        json_array_add(rows, row);
    }
    reply_rows(conn, rows, as_json, columns);
}

void
plugin_unixctl_init(void)
{
    static const struct {
        const char *name;
        const char *usage;
        unixctl_cb_func *cb;
        int max_args;
    } commands[] = {
        { "vnic/show", "[-f json] [VNIC]  VNICs, their status and packets",
          vnic_show, 3 },
        { "vnic/link-show", "[-f json] [LINK]  links, their status and "
          "packets", vnic_link_show, 3 },
        { "vnic/address-show", "[-f json] [VNIC]  which addresses are local",
          vnic_address_show, 3 },
        { "vnic/ring-show", "[-f json] [VNIC]  receive rings and their fill",
          vnic_ring_show, 3 },
        { "vnic/drop-reasons", "[-f json]  why frames are dropped",
          vnic_drop_reasons, 2 },
        { "vnic/seam-show", "[-f json]  contacts with Open vSwitch and how "
          "often they fired", vnic_seam_show, 2 },
        { "vnic/timing", "[-f json]  how long the last configuration took",
          vnic_timing, 2 },
        { "vnic/version", "[-f json]  versions of ovs-vnic and Open vSwitch",
          vnic_version, 2 },
    };

    cache_unixctl_init();
    classifier_unixctl_init();
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        unixctl_command_register(commands[i].name, commands[i].usage, 0,
                                 commands[i].max_args, commands[i].cb, NULL);
    }
}
