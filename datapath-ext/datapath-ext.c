/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/datapath-ext.h"

#include "datapath-ext/cache/cache.h"
#include "datapath-ext/link.h"
#include "datapath-ext/link-hw.h"
#include "datapath-ext/netdev-vnic.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/vnic.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "odp-util.h"
#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "simap.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(datapath_ext);

struct link_entry {
    struct link_config config;  /* Owns what it points to. */
    struct link *link;          /* NULL if the device can't be opened... */
    char *error;                /* ...and why, ... */
    long long int retry_at;     /* ...and until when, in msec. */
    bool is_due;                /* Was it wanted again before that? */
    uint64_t change_seq;        /* Of the device, when seen last. */
};

/* What is configured, for the main thread.  Global because the netdev layer
 * brings no context when it opens a device (netdev-provider.h). */
static struct shash links = SHASH_INITIALIZER(&links);

static struct link *
find_link(const char *name)
{
    const struct link_entry *entry = shash_find_data(&links, name);

    return entry ? entry->link : NULL;
}

void
datapath_ext_init(void)
{
    netdev_vnic_register(find_link);
    cache_init();
}

void
datapath_ext_exit(void)
{
    datapath_ext_set_vnics(NULL, 0, NULL, 0);
    datapath_ext_set_links(NULL, 0);
}

void
datapath_ext_run(void)
{
    struct shash_node *node;

    /* PMD threads do it for themselves. */
    cache_run(cache_is_on());

    SHASH_FOR_EACH (node, &links) {
        struct link_entry *entry = node->data;
        struct netdev *netdev = entry->link ? link_netdev(entry->link) : NULL;
        uint64_t seq = netdev ? netdev_get_change_seq(netdev) : 0;

        if (entry->link && link_must_reconfigure(entry->link)) {
            vnics_clear_hw(entry->link);
            link_run(entry->link);
        }
        if (entry->change_seq != seq) {
            entry->change_seq = seq;
            vnics_notify(entry->link);
        }
    }
    vnics_run();
    SHASH_FOR_EACH (node, &links) {
        struct link_entry *entry = node->data;

        if (entry->link && link_hw_is_stale(entry->link)) {
            vnics_place(entry->link);
        }
    }
}

void
datapath_ext_place(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &links) {
        struct link_entry *entry = node->data;

        if (entry->link) {
            vnics_place(entry->link);
        }
    }
}

void
datapath_ext_wait(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &links) {
        const struct link_entry *entry = node->data;

        if (entry->link) {
            link_run_wait(entry->link);
        } else if (entry->is_due) {
            poll_timer_wait_until(entry->retry_at);
        }
    }
    vnics_wait();
}

bool
datapath_ext_must_retry(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &links) {
        const struct link_entry *entry = node->data;

        if (!entry->link && entry->is_due && time_msec() >= entry->retry_at) {
            return true;
        }
    }
    return false;
}

/* Links. */

static void
link_config_copy(struct link_config *dst, const struct link_config *src)
{
    dst->name = xstrdup(src->name);
    dst->netdev = nullable_xstrdup(src->netdev);
    dst->type = xstrdup(src->type);
    smap_clone(&dst->options, &src->options);
    dst->n_rxq = src->n_rxq;
    dst->mtu = src->mtu;
    dst->hw_classifier = src->hw_classifier;
}

static bool
link_config_equal(const struct link_config *a, const struct link_config *b)
{
    return (nullable_string_is_equal(a->netdev, b->netdev)
            && !strcmp(a->type, b->type)
            && smap_equal(&a->options, &b->options)
            && a->n_rxq == b->n_rxq
            && a->mtu == b->mtu
            && a->hw_classifier == b->hw_classifier);
}

static void
link_entry_free(struct link_entry *entry)
{
    link_close(entry->link);
    free(CONST_CAST(char *, entry->config.name));
    free(CONST_CAST(char *, entry->config.netdev));
    free(CONST_CAST(char *, entry->config.type));
    smap_destroy(&entry->config.options);
    free(entry->error);
    free(entry);
}

static bool
link_entry_is_wanted(struct link_entry *entry, const struct shash *wanted)
{
    const struct link_config *config
        = shash_find_data(wanted, entry->config.name);

    if (!config || !link_config_equal(&entry->config, config)) {
        return false;
    } else if (entry->link) {
        return !link_is_stale(entry->link);
    }
    /* An attempt to open a device may itself change devices, of which Open
     * vSwitch hears, so that it would follow on itself for ever. */
    entry->is_due = time_msec() < entry->retry_at;
    return entry->is_due;
}

/* Closes the links that are not wanted as they are.  One grace period for all
 * of them: their ports go first, and when no thread can be in link_poll() or
 * link_send() any more, they do. */
static void
links_remove_unwanted(const struct shash *wanted)
{
    struct link_entry **dead = xmalloc(shash_count(&links) * sizeof *dead);
    struct shash_node *node;
    bool was_open = false;
    size_t n_dead = 0;

    SHASH_FOR_EACH_SAFE (node, &links) {
        struct link_entry *entry = node->data;

        if (link_entry_is_wanted(entry, wanted)) {
            continue;
        }
        if (entry->link) {
            vnics_detach(entry->link);
            was_open = true;
        }
        shash_delete(&links, node);
        dead[n_dead++] = entry;
    }
    if (was_open) {
        ovsrcu_synchronize();
    }
    while (n_dead) {
        link_entry_free(dead[--n_dead]);
    }
    free(dead);
}

static void
links_add_missing(const struct link_config *configs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!shash_find(&links, configs[i].name)) {
            struct link_entry *entry = xzalloc(sizeof *entry);

            link_config_copy(&entry->config, &configs[i]);
            entry->link = link_open(&entry->config, &entry->error);
            entry->retry_at = time_msec() + LINK_RETRY_MS;
            shash_add(&links, configs[i].name, entry);
        }
    }
}

/* Open vSwitch's own offload may have been switched on. */
static void
links_check_hw(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &links) {
        struct link_entry *entry = node->data;

        if (entry->link && link_hw_must_stop(entry->link)) {
            vnics_clear_hw(entry->link);
            link_hw_stop(entry->link);
            link_hw_start(entry->link);
        }
    }
}

void
datapath_ext_set_links(const struct link_config *configs, size_t n)
{
    struct shash wanted = SHASH_INITIALIZER(&wanted);

    for (size_t i = 0; i < n; i++) {
        shash_add(&wanted, configs[i].name, &configs[i]);
    }
    links_remove_unwanted(&wanted);
    links_check_hw();
    links_add_missing(configs, n);
    shash_destroy(&wanted);
}

bool
link_get_info(const char *name, struct link_info *info)
{
    const struct link_entry *entry = shash_find_data(&links, name);

    if (!entry) {
        return false;
    }
    memset(info, 0, sizeof *info);
    info->error = nullable_xstrdup(entry->error);
    if (entry->link) {
        link_fill_info(entry->link, info);
    }
    return true;
}

void
link_info_destroy(struct link_info *info)
{
    free(info->error);
    free(info->failure);
}

void
link_add_capabilities(const char *name, struct smap *smap)
{
    const struct link_entry *entry = shash_find_data(&links, name);
    const struct smap_node *node;

    if (entry && entry->link) {
        SMAP_FOR_EACH (node, link_capabilities(entry->link)) {
            smap_replace(smap, node->key, node->value);
        }
    }
}

size_t
link_match(const char *name, const struct flow *flow,
           struct match_result **results)
{
    const struct link *link = find_link(name);
    struct flow tagged = *flow;
    struct dp_packet *packet;
    size_t n;

    *results = NULL;
    if (!link) {
        return 0;
    }
    packet = dp_packet_new(0);
    flow_fix_vlan_tpid(&tagged);
    flow_compose(packet, &tagged, NULL, 64);
    n = link_explain(link, packet, results);
    dp_packet_delete(packet);
    return n;
}

void
match_results_free(struct match_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(results[i].port);
        free(results[i].why);
    }
    free(results);
}

bool
link_get_rule_info(const char *link_name_, const char *name,
                   struct rule_info *info)
{
    const struct link *link = find_link(link_name_);
    const struct rule *rule = link ? rules_find(link_get_rules(link), name)
                                   : NULL;

    if (rule) {
        link_fill_rule_info(link, NULL, rule, info);
    }
    return rule != NULL;
}

/* VNICs. */

void
datapath_ext_set_vnics(const struct vnic_config *configs, size_t n,
                       const struct link_rules *rules, size_t n_rules)
{
    vnics_set(configs, n, rules, n_rules);
}

void
datapath_ext_find_fronts(void)
{
    vnics_find_fronts();
}

bool
port_get_info(const char *name, struct port_info *info)
{
    memset(info, 0, sizeof *info);
    info->number = odp_to_u32(ODPP_NONE);
    return vnic_get_port_info(name, info);
}

bool
vnic_get_info(const char *name, struct port_info *info)
{
    bool exists = port_get_info(name, info);

    vnic_add_ring_infos(name, info);
    return exists;
}

void
datapath_ext_get_memory_usage(struct simap *usage)
{
    unsigned int n_ports, n_slots;

    vnics_count(&n_ports, &n_slots);
    if (n_ports || !shash_is_empty(&links)) {
        simap_increase(usage, "vnic links", shash_count(&links));
        simap_increase(usage, "vnic ports", n_ports);
        simap_increase(usage, "vnic ring bytes", n_slots * sizeof(void *));
    }
}
