/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

/* For rte_eth_dev_conf_get(), which reads the configuration of a port and does
 * nothing else. */
#define ALLOW_EXPERIMENTAL_API 1

#include "datapath-ext/hw-probe.h"

#include <rte_ethdev.h>
#include <rte_flow.h>

#include "datapath-ext/classify.h"
#include "datapath-ext/hw.h"
#include "datapath-ext/hw-actions.h"
#include "datapath-ext/hw-pattern.h"
#include "netdev.h"
#include "netdev-dpdk.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

static void
set_l4(struct match *match, uint8_t proto)
{
    match_set_dl_type(match, htons(ETH_TYPE_IP));
    match_set_nw_dst(match, htonl(0));
    match_set_nw_proto(match, proto);
    match_set_tp_dst(match, htons(0));
}

void
hw_probe_match(enum hw_probe probe, struct match *match)
{
    struct l2_key key = { .vlan = probe == HW_PROBE_VLAN ? 1 : 0 };
    struct in6_addr any = in6addr_any;

    if (probe == HW_PROBE_ETH || probe == HW_PROBE_VLAN) {
        hw_match_from_claim(match, &key);
        return;
    }
    match_init_catchall(match);
    switch (probe) {
    case HW_PROBE_IPV4:
        match_set_dl_type(match, htons(ETH_TYPE_IP));
        match_set_nw_dst(match, htonl(0));
        break;
    case HW_PROBE_IPV6:
        match_set_dl_type(match, htons(ETH_TYPE_IPV6));
        match_set_ipv6_dst(match, &any);
        break;
    case HW_PROBE_TCP: set_l4(match, IPPROTO_TCP); break;
    case HW_PROBE_UDP: set_l4(match, IPPROTO_UDP); break;
    case HW_PROBE_SCTP: set_l4(match, IPPROTO_SCTP); break;
    case HW_PROBE_ETH: case HW_PROBE_VLAN: case N_HW_PROBES: default:
        OVS_NOT_REACHED();
    }
}

bool
hw_probe_validate(uint16_t port_id, enum hw_probe probe, unsigned int flags,
                  unsigned int level, unsigned int n_queues)
{
    const struct rte_flow_attr attr = { .ingress = 1, .priority = level };
    struct hw_actions actions;
    struct hw_pattern pattern;
    struct rte_flow_error error;
    struct match match;
    char *reason;

    hw_probe_match(probe, &match);
    reason = hw_pattern_init(&pattern, &match);
    ovs_assert(!reason);
    hw_actions_init(&actions, flags, 1, 0, n_queues);
    do {
        if (!rte_flow_validate(port_id, &attr, pattern.items, actions.actions,
                               &error)) {
            return true;
        }
    } while (hw_pattern_forget_tags(&pattern));
    return false;
}

static void
add_list(struct smap *smap, const char *key, struct ds *ds)
{
    ds_chomp(ds, ' ');
    smap_add(smap, key, ds->length ? ds_cstr(ds) : "none");
    ds_destroy(ds);
}

/* A driver may have patterns that go with some actions only, so it is asked
 * about each pair. */
static void
fill_flow_api(uint16_t port_id, unsigned int n_queues, struct smap *smap)
{
    static const char *const pattern_names[] = {
#define PROBE(ENUM, NAME) NAME,
        HW_PROBES
#undef PROBE
    };
    static const struct {
        const char *name;
        unsigned int flags;
    } actions[] = {
        { "mark+queue", HW_HAS_MARK | HW_HAS_QUEUE },
        { "mark", HW_HAS_MARK },
        { "queue", HW_HAS_QUEUE },
        { "drop", HW_HAS_DROP },
        { "count", HW_HAS_COUNT | HW_HAS_DROP },
        { "count", HW_HAS_COUNT | HW_HAS_MARK | HW_HAS_QUEUE },
    };
    struct ds patterns = DS_EMPTY_INITIALIZER, names = DS_EMPTY_INITIALIZER;
    bool takes[ARRAY_SIZE(actions)] = { false };
    bool has_levels = false;

    for (enum hw_probe probe = 0; probe < N_HW_PROBES; probe++) {
        bool any = false;

        for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
            if (hw_probe_validate(port_id, probe, actions[i].flags, 0,
                                  n_queues)) {
                any = takes[i] = true;
                has_levels = has_levels || hw_probe_validate(
                    port_id, probe, actions[i].flags, 1, n_queues);
            }
        }
        if (any) {
            ds_put_format(&patterns, "%s ", pattern_names[probe]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        bool said = i && takes[i - 1]
            && !strcmp(actions[i].name, actions[i - 1].name);

        if (takes[i] && !said) {
            ds_put_format(&names, "%s ", actions[i].name);
        }
    }
    add_list(smap, "flow_patterns", &patterns);
    add_list(smap, "flow_actions", &names);
    smap_add(smap, "flow_levels", has_levels ? "yes" : "no");
}

/* What the device can spread frames by. */
static void
fill_rss(const struct rte_eth_dev_info *info, struct smap *smap)
{
    static const struct {
        const char *name;
        uint64_t types;
    } fields[] = {
        { "eth", RTE_ETH_RSS_ETH },
        { "vlan", RTE_ETH_RSS_VLAN },
        { "ip", RTE_ETH_RSS_IP },
        { "tcp", RTE_ETH_RSS_TCP },
        { "udp", RTE_ETH_RSS_UDP },
        { "sctp", RTE_ETH_RSS_SCTP },
    };
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (info->flow_type_rss_offloads & fields[i].types) {
            ds_put_format(&ds, "%s ", fields[i].name);
        }
    }
    add_list(smap, "rss", &ds);
}

/* A port has receive interrupts only if it was configured with them.  To ask
 * the driver for more would mean to enable one. */
static void
fill_interrupts(uint16_t port_id, struct smap *smap)
{
    struct rte_eth_conf conf;

    if (!rte_eth_dev_conf_get(port_id, &conf)) {
        smap_add(smap, "rx_interrupts", conf.intr_conf.rxq ? "yes" : "no");
    }
}

void
hw_fill_capabilities(const struct netdev *netdev, struct smap *smap)
{
    int port_id = netdev_dpdk_get_port_id(CONST_CAST(struct netdev *, netdev));
    struct rte_eth_dev_info info;

    if (port_id < 0 || !rte_eth_dev_is_valid_port(port_id)
        || rte_eth_dev_info_get(port_id, &info)) {
        return;
    }
    smap_add(smap, "driver", info.driver_name);
    smap_add_format(smap, "max_rxq", "%"PRIu16, info.max_rx_queues);
    smap_add_format(smap, "max_txq", "%"PRIu16, info.max_tx_queues);
    fill_rss(&info, smap);
    fill_interrupts(port_id, smap);
    fill_flow_api(port_id, netdev_n_rxq(netdev), smap);
}
