/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/classifier-unixctl.h"

#include "flow.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-match.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "unixctl.h"
#include "util.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/match.h"
#include "vswitchd-plugin/plugin.h"
#include "vswitchd-plugin/reply.h"
#include "vswitchd-plugin/show.h"

/* vnic/classifier-show. */

static struct json *
add_row(struct json *rows, const char *link, const char *match,
        const char *action, const char *installed)
{
    struct json *row = json_object_create();

    json_object_put_string(row, "link", link);
    json_object_put_string(row, "match", match);
    json_object_put_string(row, "action", action);
    if (installed) {
        json_object_put_string(row, "installed", installed);
    }
    json_array_add(rows, row);
    return row;
}

static char *
action_to_string(const struct rule_config *rule, const char *owner)
{
    return (rule->action == RULE_HOST ? xstrdup("default port")
            : rule->action == RULE_DROP ? xstrdup("drop (rule)")
            : xasprintf("ring %u of %s", rule->ring,
                        rule->vnic ? rule->vnic : owner));
}

static int
compare_priorities(const void *a_, const void *b_)
{
    const struct rule_config *const *a = a_;
    const struct rule_config *const *b = b_;

    return ((*a)->priority != (*b)->priority
            ? ((*a)->priority > (*b)->priority ? -1 : 1)
            : strcmp((*a)->name, (*b)->name));
}

/* Adds the rules of a link, or those of 'vnic' on it. */
static void
add_rules(struct json *rows, const char *link, const char *vnic,
          const struct rule_list *list)
{
    const struct rule_config **sorted = xmalloc(list->n_rules
                                                * sizeof *sorted);

    for (size_t i = 0; i < list->n_rules; i++) {
        sorted[i] = &list->rules[i];
    }
    qsort(sorted, list->n_rules, sizeof *sorted, compare_priorities);
    for (size_t i = 0; i < list->n_rules; i++) {
        const struct rule_config *rule = sorted[i];
        char *match = match_to_string(&rule->match, NULL,
                                      OFP_DEFAULT_PRIORITY);
        char *action = action_to_string(rule, vnic);
        struct rule_info info = { .is_in_force = false };
        bool is_used = vnic
            ? vnic_get_rule_info(vnic, rule->name, &info)
            : link_get_rule_info(link, rule->name, &info);
        struct json *row = add_row(rows, link, match, action,
                                   info.in_hardware ? "hw"
                                   : info.is_in_force ? "sw" : NULL);

        json_object_put_string(row, "rule", rule->name);
        put_uint(row, "priority", rule->priority);
        if (vnic) {
            json_object_put_string(row, "vnic", vnic);
        }
        if (is_used) {
            put_uint(row, "packets", info.packets);
            put_uint(row, "bytes", info.bytes);
        }
        free(info.reason);
        free(action);
        free(match);
    }
    free(sorted);
}

static void
add_claim(struct json *rows, const char *link, const struct vnic_row *vnic)
{
    char *vlan = vnic->config.vlan
        ? xasprintf("dl_vlan=%"PRIu16, vnic->config.vlan)
        : xstrdup("vlan_tci=0x0000/0x0fff");
    char *match = xasprintf("%s,dl_dst="ETH_ADDR_FMT, vlan,
                            ETH_ADDR_ARGS(vnic->config.mac));
    char *action = xasprintf("%s of %s", vnic->config.n_rings ? "rings"
                             : "ring", vnic->name);

    struct rule_info info = { .in_hardware = false };

    vnic_get_rule_info(vnic->name, NULL, &info);
    json_object_put_string(add_row(rows, link, match, action,
                                   info.in_hardware ? "hw" : "sw"),
                           "vnic", vnic->name);
    free(info.reason);
    free(action);
    free(match);
    free(vlan);
}

static const struct vnic_row *
find_default(const struct config *config, const char *link)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->defaults) {
        const struct vnic_row *vnic = node->data;

        if (vnic->status.state == ROW_ACTIVE && !strcmp(vnic->link, link)) {
            return vnic;
        }
    }
    return NULL;
}

/* In the order in which the link looks, in the syntax of flows.  VLAN 0 is
 * untagged or priority-tagged. */
static void
add_classifier(struct json *rows, const struct config *config,
               const struct link_row *link_row)
{
    const char *link = link_row->name;

    if (link_row->status.state != ROW_ACTIVE) {
        return;
    }

    const struct shash_node **sorted = shash_sort(&config->vnics);
    const struct vnic_row *fallback = find_default(config, link);

    add_rules(rows, link, NULL, &link_row->classifier);
    add_row(rows, link, "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
            "copy to each VNIC in the VLAN and the default port", "sw");
    for (size_t i = 0; i < shash_count(&config->vnics); i++) {
        const struct vnic_row *vnic = sorted[i]->data;

        if (nullable_string_is_equal(vnic->link, link)
            && row_effective(&vnic->status,
                             &vnic->runtime)->state == ROW_ACTIVE) {
            add_claim(rows, link, vnic);
            add_rules(rows, link, vnic->name, &vnic->classifier);
        }
    }
    if (fallback) {
        char *action = xasprintf("default port %s", fallback->name);

        add_row(rows, link, "", action, "sw");
        free(action);
    } else {
        add_row(rows, link, "", "drop (no_default_port)", "sw");
    }
    free(sorted);
}

static void
vnic_classifier_show(struct unixctl_conn *conn, int argc, const char *argv[],
                     void *aux OVS_UNUSED)
{
    static const char *const columns[] = {
        "link", "installed", "vnic", "rule", "priority", "packets", "match",
        "action", NULL
    };

    show_links(conn, argc, argv, columns, add_classifier);
}

/* vnic/match. */

static void
reply_match(struct unixctl_conn *conn, const char *link,
            const struct flow *flow, bool as_json)
{
    static const char *const columns[] = { "installed", "port", "why", NULL };
    struct match_result *results;
    size_t n = link_match(link, flow, &results);
    struct json *rows = json_array_create_empty();

    for (size_t i = 0; i < n; i++) {
        struct json *row = json_object_create();

        json_object_put_string(row, "installed",
                               results[i].in_hardware ? "hw" : "sw");
        json_object_put(row, "port", results[i].port
                        ? json_string_create(results[i].port)
                        : json_null_create());
        json_object_put_string(row, "why", results[i].why);
        json_array_add(rows, row);
    }
    match_results_free(results, n);
    reply_rows(conn, rows, as_json, columns);
}

static void
vnic_match(struct unixctl_conn *conn, int argc, const char *argv[],
           void *aux OVS_UNUSED)
{
    const struct config *config = plugin_config();
    const struct link_row *link;
    const char *names[2];
    struct match match;
    bool as_json;
    char *error;

    if (!reply_parse_names(conn, argc, argv, &as_json, names, 2)) {
        return;
    }
    link = config ? shash_find_data(&config->links, names[0]) : NULL;
    if (!link) {
        reply_unknown(conn, "link", names[0]);
        return;
    }
    if (link->status.state != ROW_ACTIVE) {
        error = xasprintf("link \"%s\" is not in use (%s)", names[0],
                          link->status.reason);
        unixctl_command_reply_error(conn, error);
        free(error);
        return;
    }
    error = match_parse(names[1], &match);
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
        return;
    }
    reply_match(conn, names[0], &match.flow, as_json);
}

void
classifier_unixctl_init(void)
{
    unixctl_command_register("vnic/classifier-show", "[-f json] [LINK]  "
                             "which frames go where", 0, 3,
                             vnic_classifier_show, NULL);
    unixctl_command_register("vnic/match", "[-f json] LINK FLOW  which ring a "
                             "frame would take, and why", 2, 4, vnic_match,
                             NULL);
}
