/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_HW_ACTIONS_H
#define VNIC_HW_ACTIONS_H 1

/* Actions for hardware
 * ====================
 *
 * What: what a device does with a frame, in the terms of DPDK's flow API: a
 * list of actions.  It always says where the frame goes, for many drivers
 * refuse a mark alone: without a queue and not dropped, the frame is spread
 * over all queues as if there were no rule, as lib/netdev-offload-dpdk.c does.
 *
 * Data flow:
 *
 *     HW_HAS_* --hw_actions_init()--> struct hw_actions --> rte_flow_*()
 *
 * Ownership: a list is a single struct that contains all; its actions point
 * into it, so it must not be copied.
 *
 * Thread-safety: as any plain struct.
 *
 * Errors: none. */

#include <stdint.h>

#include <rte_flow.h>

enum {
    HW_HAS_MARK = 1 << 0,
    HW_HAS_QUEUE = 1 << 1,
    HW_HAS_DROP = 1 << 2,
    HW_HAS_COUNT = 1 << 3,
};

struct hw_actions {
    struct rte_flow_action actions[4]; /* Count, mark, where to, end. */
    struct rte_flow_action_count count;
    struct rte_flow_action_mark mark;
    struct rte_flow_action_queue queue;
    struct rte_flow_action_rss rss;
    uint16_t rss_queues[RTE_MAX_QUEUES_PER_PORT];
};

/* 'flags' are HW_HAS_*; 'n_queues' is how many the port has. */
void hw_actions_init(struct hw_actions *, unsigned int flags, uint32_t mark,
                     unsigned int queue, unsigned int n_queues);

/* "mark and queue" and the like. */
const char *hw_actions_name(unsigned int flags);

#endif /* datapath-ext/hw-actions.h */
