/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/drop.h"

#include "util.h"

static const struct {
    const char *name;
    const char *text;
} drops[N_DROPS] = {
#define DROP(ENUM, NAME, TEXT) { NAME, TEXT },
    VNIC_DROPS
#undef DROP
};

const char *
drop_name(enum drop_reason reason)
{
    ovs_assert(reason < N_DROPS);
    return drops[reason].name;
}

const char *
drop_text(enum drop_reason reason)
{
    ovs_assert(reason < N_DROPS);
    return drops[reason].text;
}

void
drop_packets(struct drop_counters *counters, enum drop_reason reason,
             struct dp_packet **packets, size_t n)
{
    if (!n) {
        return;
    }
    counter_add(&counters->n[reason], n);
    for (size_t i = 0; i < n; i++) {
        dp_packet_delete(packets[i]);
    }
}

void
drop_batch(struct drop_counters *counters, enum drop_reason reason,
           struct dp_packet_batch *batch)
{
    drop_packets(counters, reason, batch->packets, batch->count);
    dp_packet_batch_init(batch);
}
