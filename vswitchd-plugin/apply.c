/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/apply.h"

#include "datapath-ext/datapath-ext.h"
#include "ofproto-ext/ofproto-ext.h"
#include "sset.h"
#include "util.h"
#include "vswitchd-plugin/config.h"
#include "vswitchd-plugin/local-learn.h"

static void
take_link_info(struct link_row *row)
{
    struct link_info info;

    if (row->status.state != ROW_ACTIVE || !link_get_info(row->name, &info)) {
        return;
    }
    if (info.error) {
        row_error(&row->status, "%s", info.error);
    }
    link_info_destroy(&info);
}

void
apply_cache(const struct config *config, const struct config *prev)
{
    if (!prev || prev->cache.on != config->cache.on
        || prev->cache.size != config->cache.size) {
        cache_configure(config->cache.on, config->cache.size);
    }
}

void
apply_links(struct config *config)
{
    size_t n = 0;
    struct link_config *links
        = xmalloc(shash_count(&config->links) * sizeof *links);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->links) {
        const struct link_row *row = node->data;

        if (row->status.state == ROW_ACTIVE) {
            links[n++] = row->config;
        }
    }
    datapath_ext_set_links(links, n);
    free(links);

    SHASH_FOR_EACH (node, &config->links) {
        take_link_info(node->data);
    }
}

static size_t
add_vnics(const struct shash *rows, struct vnic_config *vnics, size_t n)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, rows) {
        const struct vnic_row *row = node->data;

        if (row->is_etherstub) {
            continue;
        }
        if (row->status.state == ROW_ACTIVE && !row->is_held) {
            vnics[n] = row->config;
            vnics[n].rules = row->classifier.rules;
            vnics[n++].n_rules = row->classifier.n_rules;
        } else if (row->status.state == ROW_ERROR && !row->has_row) {
            /* Has no status column: the port is refused instead. */
            vnics[n] = row->config;
            vnics[n++].error = row->status.reason;
        }
    }
    return n;
}

/* Returns true if that of any VNIC changed. */
static bool
refresh_held(struct config *config)
{
    struct sset held = SSET_INITIALIZER(&held);
    struct shash_node *node;
    bool changed = false;

    SHASH_FOR_EACH (node, &config->vns_ports) {
        const struct vns_port *port = node->data;

        if (ofproto_ext_ring_error(port->flow.port)) {
            sset_add(&held, port->vnic->name);
        }
    }
    SHASH_FOR_EACH (node, &config->vns_ports) {
        struct vnic_row *vnic = ((struct vns_port *) node->data)->vnic;
        bool is_held = sset_contains(&held, vnic->name);

        changed = changed || vnic->is_held != is_held;
        vnic->is_held = is_held;
    }
    sset_destroy(&held);
    return changed;
}

void
apply_vns(struct config *config)
{
    size_t n = 0;
    struct ring_flow *flows
        = xmalloc(shash_count(&config->vns_ports) * sizeof *flows);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->vns_ports) {
        flows[n++] = ((const struct vns_port *) node->data)->flow;
    }
    ofproto_ext_set_rings(flows, n);
    free(flows);
    refresh_held(config);
}

void
apply_vns_errors(struct config *config)
{
    if (refresh_held(config)) {
        apply_vnics(config);
    }
}

static bool
is_learning(const struct vnic_row *row)
{
    return (row->status.state == ROW_ACTIVE && row->config.learns
            && row->netns);
}

static void
take_learned(struct vnic_row *row, const struct local_learn *learn)
{
    struct local_learn_info info;

    if (!local_learn_get(learn, row->name, &info)) {
        return;
    }
    if (info.error) {
        row_note(&row->status, "%s", info.error);
    } else if (info.n_ignored) {
        row_note(&row->status, "local_learn: %"PRIuSIZE" addresses in the "
                 "namespace are more than %d and ignored", info.n_ignored,
                 LOCAL_LEARN_MAX);
    }

    size_t n = row->config.n_addresses;

    row->addresses = xrealloc(row->addresses,
                              (n + info.n) * sizeof *row->addresses);
    nullable_memcpy(&row->addresses[n], info.addrs,
                    info.n * sizeof *row->addresses);
    row->config.addresses = row->addresses;
    row->config.n_addresses = n + info.n;
}

void
apply_local_learn(struct config *config, struct local_learn *learn)
{
    size_t n = 0;
    struct local_learn_wanted *wanted
        = xmalloc(shash_count(&config->vnics) * sizeof *wanted);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->vnics) {
        const struct vnic_row *row = node->data;

        if (is_learning(row)) {
            wanted[n++] = (struct local_learn_wanted) {
                row->name, row->netns, row->config.mac
            };
        }
    }
    local_learn_set(learn, wanted, n);
    free(wanted);
    SHASH_FOR_EACH (node, &config->vnics) {
        struct vnic_row *row = node->data;

        if (is_learning(row)) {
            take_learned(row, learn);
        }
    }
}

static size_t
add_link_rules(const struct config *config, struct link_rules *rules)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &config->links) {
        const struct link_row *row = node->data;

        rules[n++] = (struct link_rules) {
            row->name, row->classifier.rules, row->classifier.n_rules
        };
    }
    return n;
}

void
apply_vnics(struct config *config)
{
    size_t max = shash_count(&config->vnics) + shash_count(&config->defaults);
    struct vnic_config *vnics = xmalloc(max * sizeof *vnics);
    size_t n = add_vnics(&config->vnics, vnics, 0);

    n = add_vnics(&config->defaults, vnics, n);

    struct link_rules *rules
        = xmalloc(shash_count(&config->links) * sizeof *rules);
    size_t n_rules = add_link_rules(config, rules);

    datapath_ext_set_vnics(vnics, n, rules, n_rules);
    free(rules);
    free(vnics);
}

/* A device may change while it is open: a vhost-user port gets the queues that
 * its guest wants. */
static void
refresh_link(struct link_row *row)
{
    struct link_info info;

    row_status_clear(&row->runtime);
    smap_clear(&row->capabilities);
    if (row->status.state != ROW_ACTIVE || row->is_etherstub
        || !link_get_info(row->name, &info)) {
        return;
    }
    if (info.failure) {
        row_error(&row->runtime, "%s", info.failure);
    }
    smap_add(&row->capabilities, "polling", info.is_pmd ? "pmd" : "main");
    smap_add_format(&row->capabilities, "n_rxq", "%d", info.n_rxq);
    smap_add_format(&row->capabilities, "n_txq", "%d", info.n_txq);
    smap_add_format(&row->capabilities, "mtu", "%d", info.mtu);
    link_add_capabilities(row->name, &row->capabilities);
    link_info_destroy(&info);
}

/* Says why the link refuses the VNIC, if it does. */
static bool
refresh_refused(struct vnic_row *row)
{
    char *reason = vnic_get_refusal(row->name);

    if (!reason) {
        return false;
    }
    row_error(&row->runtime, "link: VNIC_Link \"%s\" has "
              "hw_classifier=required, and %s; set that to auto",
              row->link, reason);
    free(reason);
    return true;
}

static bool
has_failed(const struct config *config, const char *link)
{
    const struct link_row *row = shash_find_data(&config->links, link);

    return row && row->runtime.state == ROW_ERROR;
}

static void
refresh_vnic(const struct config *config, struct vnic_row *row)
{
    struct port_info info;

    row_status_clear(&row->runtime);
    if (row->is_etherstub || row->status.state != ROW_ACTIVE
        || refresh_refused(row)) {
        return;
    }
    if (row->is_held) {
        row_error(&row->runtime, "vns: table 0 of its bridge takes no flow "
                  "for it; see flow_limit in table Flow_Table");
    } else if (!row->has_iface) {
        row_inactive(&row->runtime, "there is no Interface \"%s\" of type "
                     "vnic; add it with ovs-vsctl --may-exist add-vnic "
                     "BRIDGE %s link=%s", row->name, row->name, row->link);
    } else if (!port_get_info(row->name, &info)) {
        row_inactive(&row->runtime, "its port could not be added; its bridge "
                     "must have datapath_type=netdev, and see the error "
                     "column of Interface \"%s\"", row->name);
    } else if (!info.is_attached) {
        row_inactive(&row->runtime, "its port waits for another thread to "
                     "poll it; this passes in a moment");
    } else if (has_failed(config, row->link)) {
        row_inactive(&row->runtime, "link: VNIC_Link \"%s\" has an error; "
                     "see its status_reason", row->link);
    }
}

static void
refresh_ring(struct ring_row *row)
{
    const struct vnic_row *vnic = row->vnic;
    struct port_info info;

    row_status_clear(&row->runtime);
    if (row_effective(&vnic->status, &vnic->runtime)->state != ROW_ACTIVE) {
        row_inactive(&row->runtime, "VNIC \"%s\" is not active", vnic->name);
    } else if (!row->has_iface) {
        row_inactive(&row->runtime, "there is no Interface \"%s\" of type "
                     "vnic, so the default ring takes its frames; add it "
                     "with ovs-vsctl add-port BRIDGE %s -- set Interface %s "
                     "type=vnic", row->port, row->port, row->port);
    } else if (!port_get_info(row->port, &info)) {
        row_inactive(&row->runtime, "its port could not be added; see the "
                     "error column of Interface \"%s\"", row->port);
    } else if (!info.is_attached) {
        row_inactive(&row->runtime, "its port waits for another thread to "
                     "poll it; this passes in a moment");
    }
}

/* What became of a rule that is in use. */
static void
refresh_placement(struct classifier_row *row, const struct rule_info *info)
{
    row->installed = info->in_hardware ? "hw"
                     : info->is_in_force ? "sw" : NULL;
    if (!info->reason) {
        return;
    } else if (row->required_by) {
        row_error(&row->runtime, "placement: VNIC_Link \"%s\" has "
                  "hw_classifier=required, and %s; set that to auto",
                  row->required_by, info->reason);
    } else if (row->placement == PLACEMENT_HW) {
        row_error(&row->runtime, "placement: %s; set it to auto or sw",
                  info->reason);
    } else {
        row_note(&row->runtime, "placement: in software, as %s",
                 info->reason);
    }
}

static void
refresh_classifier(struct classifier_row *row)
{
    struct rule_info info;

    row_status_clear(&row->runtime);
    row->installed = NULL;
    if (row->status.state == ROW_ACTIVE
        && (row->link ? link_get_rule_info(row->link, row->name, &info)
                      : vnic_get_rule_info(row->vnic, row->name, &info))) {
        refresh_placement(row, &info);
        free(info.reason);
    }
}

void
apply_refresh(struct config *config)
{
    struct shash_node *node;
    struct ring_row *ring;

    datapath_ext_place();
    SHASH_FOR_EACH (node, &config->links) {
        refresh_link(node->data);
    }
    SHASH_FOR_EACH (node, &config->classifiers) {
        refresh_classifier(node->data);
    }
    SHASH_FOR_EACH (node, &config->vnics) {
        refresh_vnic(config, node->data);
    }
    HMAP_FOR_EACH (ring, node, &config->rings) {
        refresh_ring(ring);
    }
}
