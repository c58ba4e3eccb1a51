/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include <net/if.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/hw.h"
#include "datapath-ext/link-hw.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/service.h"
#include "datapath-ext/steer.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic_link);

/* Ports. */

void
link_add_member(struct link *link, struct link_member *member)
{
    cmap_insert(&link->members, &member->node, hash_odp_port(member->number));
}

void
link_remove_member(struct link *link, struct link_member *member)
{
    cmap_remove(&link->members, &member->node, hash_odp_port(member->number));
}

bool
link_port_same_key(const struct link_port *a, const struct link_port *b)
{
    return (a->is_default == b->is_default
            && (a->is_default || l2_key_equal(&a->claim.key, &b->claim.key)));
}

bool
link_add_port(struct link *link, struct link_port *port)
{
    port->link = link;
    link_hw_forget(link);
    if (link->netdev && !link_default_port(link)
        && cmap_is_empty(&link->cls.claims)) {
        link_discard_backlog(link);
    }
    if (port->is_default) {
        if (link_default_port(link)) {
            return false;
        }
        ovsrcu_set(&link->default_port, port);
    } else if (!classify_insert(&link->cls, &port->claim)) {
        return false;
    }
    return true;
}

void
link_replace_port(struct link *link, struct link_port *old,
                  struct link_port *new)
{
    ovs_assert(old->link == link && link_port_same_key(old, new));
    new->link = link;
    link_hw_forget(link);
    if (new->is_default) {
        ovsrcu_set(&link->default_port, new);
    } else {
        classify_replace(&link->cls, &old->claim, &new->claim);
    }
}

void
link_remove_port(struct link *link, struct link_port *port)
{
    link_hw_forget(link);
    if (port->is_default) {
        ovsrcu_set(&link->default_port, NULL);
    } else {
        classify_remove(&link->cls, &port->claim);
    }
}

/* Life. */

struct link *
link_open(const struct link_config *config, char **errp)
{
    struct link *link = xzalloc(sizeof *link);

    link->name = xstrdup(config->name);
    classify_init(&link->cls);
    cmap_init(&link->members);
    ovsrcu_init(&link->default_port, NULL);
    ovsrcu_init(&link->rules, NULL);
    ovsrcu_init(&link->marks, NULL);
    link->service = service_create();
    smap_init(&link->capabilities);
    ovs_mutex_init(&link->rx_mutex);

    *errp = NULL;
    if (config->netdev) {
        int error = link_open_device(link, config, errp);

        if (error) {
            if (!*errp) {
                *errp = xasprintf("netdev: cannot open \"%s\" (%s); create "
                                  "that device or change netdev",
                                  config->netdev, ovs_strerror(error));
            }
            link_close(link);
            return NULL;
        }
    } else {
        link_hw_open(link, config->hw_classifier, errp);
    }
    VLOG_INFO("link %s: opened on %s", link->name,
              config->netdev ? config->netdev : "no device");
    return link;
}

void
link_close(struct link *link)
{
    if (!link) {
        return;
    }
    VLOG_INFO("link %s: closed", link->name);
    link_hw_destroy(link);
    link_close_device(link);
    classify_destroy(&link->cls);
    ovs_assert(cmap_is_empty(&link->members));
    cmap_destroy(&link->members);
    service_unref(link->service);
    link_set_rules(link, NULL, 0, NULL);
    smap_destroy(&link->capabilities);
    ovs_mutex_destroy(&link->rx_mutex);
    free(link->name);
    free(link);
}

bool
link_is_stale(const struct link *link)
{
    return ((link->hw && link->hw->hw && link->hw->is_required
             && !hw_is_allowed())
            || (link->ifindex
                && if_nametoindex(netdev_get_name(link->netdev))
                   != link->ifindex));
}

/* Getters. */

const char *
link_name(const struct link *link)
{
    return link->name;
}

bool
link_is_pmd(const struct link *link)
{
    return link->netdev && netdev_is_pmd(link->netdev);
}

struct netdev *
link_netdev(const struct link *link)
{
    return link->netdev;
}

bool
link_has_rules(const struct link *link, const struct rule_config *configs,
               size_t n)
{
    return rule_configs_equal(link->rule_configs, link->n_rule_configs,
                              configs, n);
}

void
link_set_rules(struct link *link, const struct rule_config *configs, size_t n,
               struct rules *rules)
{
    struct rules *old = ovsrcu_get_protected(struct rules *, &link->rules);

    link_hw_forget(link);
    if (rules) {
        rules_inherit(rules, old);
    }
    ovsrcu_set(&link->rules, rules);
    rules_retire(old);
    rule_configs_free(link->rule_configs, link->n_rule_configs);
    link->rule_configs = rule_configs_copy(configs, n);
    link->n_rule_configs = n;
}

const struct rules *
link_get_rules(const struct link *link)
{
    return link_rules(link);
}

size_t
link_n_rings(const struct link *link)
{
    return cmap_count(&link->members);
}

struct service *
link_service(const struct link *link)
{
    return link->service;
}

const struct smap *
link_capabilities(const struct link *link)
{
    return &link->capabilities;
}

void
link_fill_rule_info(const struct link *link, const struct l2_key *key,
                    const struct rule *rule, struct rule_info *info)
{
    const char *reason;

    *info = (struct rule_info) {
        .packets = rule ? counter_read(&rule->packets) : 0,
        .bytes = rule ? counter_read(&rule->bytes) : 0,
        .is_in_force = !rule || rule->is_in_force,
        .in_hardware = link_hw_has(link, key, rule, &reason),
        .reason = nullable_xstrdup(reason),
    };
}

void
link_fill_info(const struct link *link, struct link_info *info)
{
    struct netdev_stats stats;

    info->failure = nullable_xstrdup(link->failure);
    info->is_pmd = link_is_pmd(link);
    if (link->netdev) {
        netdev_get_etheraddr(link->netdev, &info->mac);
        info->n_rxq = link->n_rxqs;
        info->n_txq = netdev_n_txq(link->netdev);
        netdev_get_mtu(link->netdev, &info->mtu);
        if (!netdev_get_stats(link->netdev, &stats)) {
            info->device_rx_dropped = stats.rx_dropped;
            info->device_rx_errors = stats.rx_errors;
            info->device_tx_dropped = stats.tx_dropped;
            info->device_tx_errors = stats.tx_errors;
        }
    }
    info->rx_packets = counter_read(&link->rx_packets);
    info->rx_bytes = counter_read(&link->rx_bytes);
    info->rx_flooded = counter_read(&link->rx_flooded);
    info->rx_unclaimed = counter_read(&link->rx_unclaimed);
    info->rx_marked = counter_read(&link->rx_marked);
    info->hw_rules = link->hw ? link->hw->n_placed : 0;
    info->tx_packets = counter_read(&link->tx_packets);
    info->tx_bytes = counter_read(&link->tx_bytes);
    info->tx_local = counter_read(&link->tx_local);
    for (int i = 0; i < N_DROPS; i++) {
        info->drops[i] = counter_read(&link->drops.n[i]);
    }
}
