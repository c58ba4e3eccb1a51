/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include <errno.h>
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
#include "ovs-numa.h"
#include "seq.h"
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

/* One for each PMD thread that there can be, and one for the main thread. */
static unsigned int
wanted_n_txq(void)
{
    int n_cores = ovs_numa_get_n_cores();

    /* Without sysfs nobody knows. */
    return n_cores != OVS_CORE_UNSPEC ? MAX(n_cores, 1) + 1 : 2;
}

static int
link_configure_netdev(struct netdev *netdev, const struct link_config *config,
                      char **errp)
{
    struct smap options;
    int error;

    if (netdev_get_tunnel_config(netdev)) {
        *errp = xasprintf("type: a tunnel can't be a link; change type");
        return EINVAL;
    }

    smap_clone(&options, &config->options);
    if (config->n_rxq) {
        smap_replace_nocopy(&options, "n_rxq",
                            xasprintf("%u", config->n_rxq));
    }
    error = smap_is_empty(&options)
        ? 0 : netdev_set_config(netdev, &options, errp);
    smap_destroy(&options);
    if (error) {
        char *reason = *errp;

        *errp = xasprintf("options: %s; change options",
                          reason ? reason : ovs_strerror(error));
        free(reason);
        return error;
    }
    if (*errp) {
        /* No error, says the class that can't be configured at all. */
        free(*errp);
        *errp = xstrdup(smap_is_empty(&config->options)
                        ? "rings: a device of this type has a fixed number; "
                          "clear rings"
                        : "options: a device of this type has none; clear "
                          "options");
        return EOPNOTSUPP;
    }

    if (config->mtu) {
        error = netdev_set_mtu(netdev, config->mtu);
        if (error) {
            *errp = xasprintf("mtu_request: the device refuses %d (%s); "
                              "change mtu_request", config->mtu,
                              ovs_strerror(error));
            return error;
        }
    }

    netdev_set_tx_multiq(netdev, wanted_n_txq());
    error = netdev_reconfigure(netdev);
    return error == EOPNOTSUPP ? 0 : error;
}

static int
link_open_rxqs(struct link *link)
{
    int n = netdev_n_rxq(link->netdev);

    link->rxqs = xcalloc(MAX(n, 1), sizeof *link->rxqs);
    for (link->n_rxqs = 0; link->n_rxqs < n; link->n_rxqs++) {
        int error = netdev_rxq_open(link->netdev, &link->rxqs[link->n_rxqs],
                                    link->n_rxqs);
        if (error) {
            return error;
        }
    }
    return n ? 0 : EOPNOTSUPP;
}

static void
link_close_rxqs(struct link *link)
{
    for (int i = 0; i < link->n_rxqs; i++) {
        netdev_rxq_close(link->rxqs[i]);
    }
    link->n_rxqs = 0;
    free(link->rxqs);
    link->rxqs = NULL;
}

static unsigned int
link_kernel_ifindex(const struct netdev *netdev)
{
    unsigned int ifindex = if_nametoindex(netdev_get_name(netdev));

    /* Userspace devices invent an ifindex. */
    return ifindex && netdev_get_ifindex(netdev) == ifindex ? ifindex : 0;
}

/* Opens the device.  On failure, what was opened is link_close()'s. */
static int
link_open_netdev(struct link *link, const struct link_config *config,
                 char **errp)
{
    int error;

    error = netdev_open(config->netdev, config->type, &link->netdev);
    if (error) {
        link->netdev = NULL;
        return error;
    }
    error = link_configure_netdev(link->netdev, config, errp);
    if (!error) {
        error = link_open_rxqs(link);
    }
    if (!error) {
        /* Now that it is started: before that, it has no rules. */
        error = link_hw_open(link, config->hw_classifier, errp);
    }
    if (!error) {
        error = netdev_turn_flags_on(link->netdev, NETDEV_PROMISC,
                                     &link->saved_flags);
    }
    link->ifindex = link_kernel_ifindex(link->netdev);
    return error;
}

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
        int error = link_open_netdev(link, config, errp);

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
    link_close_rxqs(link);
    netdev_restore_flags(link->saved_flags);
    netdev_close(link->netdev);
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

/* The device's wish, such as the number of queues that a guest asked for,
 * waits until no thread uses it: a grace period after 'is_paused' was set,
 * none that saw it unset is still polling or transmitting. */
static void
link_reconfigure(struct link *link)
{
    int error;

    atomic_store_relaxed(&link->is_paused, true);
    ovsrcu_synchronize();
    link_hw_stop(link);
    link_close_rxqs(link);
    error = netdev_reconfigure(link->netdev);
    if (!error || error == EOPNOTSUPP) {
        error = link_open_rxqs(link);
    }
    if (error) {
        VLOG_INFO("link %s: %s can't be reconfigured (%s)", link->name,
                  netdev_get_name(link->netdev), ovs_strerror(error));
        return;
    }
    link_hw_start(link);
    atomic_store_relaxed(&link->is_paused, false);
    VLOG_DBG("link %s: reconfigured with %d receive queues", link->name,
             link->n_rxqs);
}

bool
link_must_reconfigure(const struct link *link)
{
    return link->netdev && netdev_is_reconf_required(link->netdev);
}

void
link_run(struct link *link)
{
    if (link_must_reconfigure(link)) {
        link_reconfigure(link);
    }
}

void
link_run_wait(struct link *link)
{
    if (link->netdev) {
        seq_wait(link->netdev->reconfigure_seq,
                 link->netdev->last_reconfigure_seq);
    }
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
