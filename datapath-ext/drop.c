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

struct drop_counters *
drop_counters_create(void)
{
    struct drop_counters *counters = xzalloc_cacheline(sizeof *counters);

    ovs_refcount_init(&counters->ref_cnt);
    return counters;
}

struct drop_counters *
drop_counters_ref(struct drop_counters *counters)
{
    ovs_refcount_ref(&counters->ref_cnt);
    return counters;
}

void
drop_counters_unref(struct drop_counters *counters)
{
    if (counters && ovs_refcount_unref(&counters->ref_cnt) == 1) {
        free_cacheline(counters);
    }
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
drop_count_received(struct drop_counters *counters, enum drop_reason reason,
                    uint64_t n)
{
    counter_add(&counters->n[reason], n);
    counter_add(&counters->received, n);
}

void
drop_received(struct drop_counters *counters, enum drop_reason reason,
              struct dp_packet **packets, size_t n)
{
    if (n) {
        counter_add(&counters->received, n);
    }
    drop_packets(counters, reason, packets, n);
}

void
drop_batch(struct drop_counters *counters, enum drop_reason reason,
           struct dp_packet_batch *batch)
{
    drop_packets(counters, reason, batch->packets, batch->count);
    dp_packet_batch_init(batch);
}
