/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/hw.h"

#include <errno.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "datapath-ext/hw-actions.h"
#include "datapath-ext/hw-pattern.h"
#include "datapath-ext/hw-probe.h"
#include "netdev.h"
#include "netdev-dpdk.h"
#include "netdev-offload.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/match.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic_hw);

struct hw {
    struct netdev *netdev;
    char *driver;               /* Its name, for messages. */
    struct ovs_list rules;      /* Contains "struct hw_rule"s. */
};

struct hw_rule {
    struct ovs_list node;       /* In struct hw's 'rules'. */
    struct rte_flow *flow;      /* The driver's. */
    bool counts;
};

static unsigned int
action_flags(enum hw_action action)
{
    switch (action) {
    case HW_STEER: return HW_HAS_MARK | HW_HAS_QUEUE;
    case HW_MARK: return HW_HAS_MARK;
    case HW_DROP: return HW_HAS_DROP;
    default: OVS_NOT_REACHED();
    }
}

/* What the driver says about its last failure. */
static const char *
driver_reason(const struct rte_flow_error *error)
{
    return error->message ? error->message : rte_strerror(rte_errno);
}

static struct rte_flow *
create_flow__(struct hw *hw, const struct hw_rule_config *config,
              const struct hw_pattern *pattern, unsigned int flags,
              struct rte_flow_error *error)
{
    const struct rte_flow_attr attr = {
        .ingress = 1,
        .priority = config->level,
    };
    struct hw_actions actions;

    memset(error, 0, sizeof *error);
    hw_actions_init(&actions, flags, config->mark, config->queue,
                    netdev_n_rxq(hw->netdev));
    return netdev_dpdk_rte_flow_create(hw->netdev, &attr, pattern->items,
                                       actions.actions, error);
}

/* Creates a flow with a counter, or else without. */
static struct rte_flow *
create_flow(struct hw *hw, const struct hw_rule_config *config,
            const struct hw_pattern *pattern, unsigned int flags,
            bool *counts, struct rte_flow_error *error)
{
    struct rte_flow *flow
        = create_flow__(hw, config, pattern, flags | HW_HAS_COUNT, error);

    *counts = flow != NULL;
    return flow ? flow : create_flow__(hw, config, pattern, flags, error);
}

/* The sentence about a rule that the driver has just refused. */
static char *
refusal(const struct hw *hw, const struct hw_pattern *pattern,
        unsigned int flags, const struct rte_flow_error *error)
{
    if (rte_errno == ENOSYS) {
        return xasprintf("driver %s has no flow API", hw->driver);
    }

    struct ds ds = DS_EMPTY_INITIALIZER;
    char *reason;

    hw_pattern_format(pattern, &ds);
    reason = xasprintf("driver %s refuses \"%s\" with %s (%s)", hw->driver,
                       ds_cstr(&ds), hw_actions_name(flags),
                       driver_reason(error));
    ds_destroy(&ds);
    return reason;
}

struct hw_rule *
hw_rule_create(struct hw *hw, const struct hw_rule_config *config,
               char **reasonp)
{
    unsigned int flags = action_flags(config->action);
    struct hw_pattern pattern;
    struct rte_flow_error error;
    struct rte_flow *flow;
    bool counts;

    *reasonp = hw_pattern_init(&pattern, config->match);
    if (*reasonp) {
        return NULL;
    }
    if (config->action == HW_DROP && pattern.mask.eth.has_vlan) {
        *reasonp = xstrdup("a device may overlook that a frame must be "
                           "untagged, and so must not drop it");
        return NULL;
    }
    flow = create_flow(hw, config, &pattern, flags, &counts, &error);
    if (!flow && hw_pattern_forget_tags(&pattern)) {
        flow = create_flow(hw, config, &pattern, flags, &counts, &error);
    }
    if (!flow) {
        *reasonp = refusal(hw, &pattern, flags, &error);
        return NULL;
    }

    struct hw_rule *rule = xmalloc(sizeof *rule);

    rule->flow = flow;
    rule->counts = counts;
    ovs_list_push_back(&hw->rules, &rule->node);
    return rule;
}

bool
hw_rule_destroy(struct hw *hw, struct hw_rule *rule)
{
    struct rte_flow_error error = { .message = NULL };
    bool ok = !netdev_dpdk_rte_flow_destroy(hw->netdev, rule->flow, &error);

    if (!ok) {
        VLOG_INFO("%s: driver %s fails to remove a rule (%s)",
                  netdev_get_name(hw->netdev), hw->driver,
                  driver_reason(&error));
    }
    ovs_list_remove(&rule->node);
    free(rule);
    return ok;
}

bool
hw_rule_query(const struct hw *hw, const struct hw_rule *rule,
              uint64_t *packets, uint64_t *bytes)
{
    struct rte_flow_query_count count = { .reset = 0 };
    struct rte_flow_error error;

    if (!rule->counts
        || netdev_dpdk_rte_flow_query_count(hw->netdev, rule->flow, &count,
                                            &error)
        || !count.hits_set) {
        return false;
    }
    *packets = count.hits;
    *bytes = count.bytes_set ? count.bytes : 0;
    return true;
}

/* Life. */

bool
hw_is_allowed(void)
{
    return !netdev_is_flow_api_enabled();
}

/* Creates and removes the rule.  Returns the reason if that fails. */
static char *
try_rule(struct hw *hw, enum hw_probe probe, enum hw_action action)
{
    struct hw_rule_config config = { .action = action, .mark = 1 };
    struct hw_rule *rule;
    struct match match;
    char *reason;

    hw_probe_match(probe, &match);
    config.match = &match;
    rule = hw_rule_create(hw, &config, &reason);
    if (rule) {
        hw_rule_destroy(hw, rule);
    }
    return reason;
}

/* Is there any kind of rule with a mark that the driver really creates?  Tries
 * the first that it approves of, and if there is none the claim of a VNIC, for
 * the reason against it.  Just one, for drivers log errors for each. */
static char *
try_rules(struct hw *hw, uint16_t port_id)
{
    static const enum hw_action actions[] = { HW_STEER, HW_MARK };

    for (enum hw_probe probe = 0; probe < N_HW_PROBES; probe++) {
        for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
            if (hw_probe_validate(port_id, probe, action_flags(actions[i]), 0,
                                  netdev_n_rxq(hw->netdev))) {
                return try_rule(hw, probe, actions[i]);
            }
        }
    }
    return try_rule(hw, HW_PROBE_ETH, HW_STEER);
}

struct hw *
hw_open(struct netdev *netdev, char **reasonp)
{
    int port_id = netdev_dpdk_get_port_id(netdev);
    struct rte_eth_dev_info info;
    struct hw *hw;

    *reasonp = NULL;
    if (port_id < 0) {
        *reasonp = xasprintf("a device of type %s has no flow API",
                             netdev_get_type(netdev));
        return NULL;
    }
    if (!rte_eth_dev_is_valid_port(port_id)
        || rte_eth_dev_info_get(port_id, &info)) {
        *reasonp = xasprintf("%s is no DPDK port", netdev_get_name(netdev));
        return NULL;
    }
    if (!hw_is_allowed()) {
        *reasonp = xstrdup("the device is left to Open vSwitch's own offload "
                           "while other_config:hw-offload is true");
        return NULL;
    }

    hw = xmalloc(sizeof *hw);
    hw->netdev = netdev_ref(netdev);
    hw->driver = xstrdup(info.driver_name);
    ovs_list_init(&hw->rules);
    *reasonp = try_rules(hw, port_id);
    if (*reasonp) {
        hw_close(hw);
        return NULL;
    }
    return hw;
}

void
hw_close(struct hw *hw)
{
    struct hw_rule *rule;

    if (!hw) {
        return;
    }
    LIST_FOR_EACH_SAFE (rule, node, &hw->rules) {
        hw_rule_destroy(hw, rule);
    }
    netdev_close(hw->netdev);
    free(hw->driver);
    free(hw);
}
