/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/hw-actions.h"

#include "util.h"

static void
add_action(struct hw_actions *actions, size_t *n,
           enum rte_flow_action_type type, const void *conf)
{
    ovs_assert(*n < ARRAY_SIZE(actions->actions));
    actions->actions[*n].type = type;
    actions->actions[(*n)++].conf = conf;
}

void
hw_actions_init(struct hw_actions *actions, unsigned int flags, uint32_t mark,
                unsigned int queue, unsigned int n_queues)
{
    size_t n = 0;

    memset(actions, 0, sizeof *actions);
    if (flags & HW_HAS_COUNT) {
        add_action(actions, &n, RTE_FLOW_ACTION_TYPE_COUNT, &actions->count);
    }
    if (flags & HW_HAS_MARK) {
        actions->mark.id = mark;
        add_action(actions, &n, RTE_FLOW_ACTION_TYPE_MARK, &actions->mark);
    }
    if (flags & HW_HAS_DROP) {
        add_action(actions, &n, RTE_FLOW_ACTION_TYPE_DROP, NULL);
    } else if (flags & HW_HAS_QUEUE) {
        actions->queue.index = queue;
        add_action(actions, &n, RTE_FLOW_ACTION_TYPE_QUEUE, &actions->queue);
    } else {
        n_queues = MIN(n_queues, ARRAY_SIZE(actions->rss_queues));
        for (unsigned int i = 0; i < n_queues; i++) {
            actions->rss_queues[i] = i;
        }
        actions->rss.queue_num = n_queues;
        actions->rss.queue = actions->rss_queues;
        add_action(actions, &n, RTE_FLOW_ACTION_TYPE_RSS, &actions->rss);
    }
    add_action(actions, &n, RTE_FLOW_ACTION_TYPE_END, NULL);
}

const char *
hw_actions_name(unsigned int flags)
{
    switch (flags & ~HW_HAS_COUNT) {
    case HW_HAS_MARK | HW_HAS_QUEUE: return "mark and queue";
    case HW_HAS_MARK: return "mark";
    case HW_HAS_QUEUE: return "queue";
    case HW_HAS_DROP: return "drop";
    default: OVS_NOT_REACHED();
    }
}
