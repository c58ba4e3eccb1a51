/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_STATS_H
#define VNIC_STATS_H 1

/* Statistics column
 * =================
 *
 * What: a column "statistics" in the making, as the generated setters take it.
 *
 * Data flow: counters --stats_add()--> struct stats --> ovsrec_*_set_*()
 *
 * Units: those of the counters.
 *
 * Ownership: the keys are the caller's; literals, as a rule.
 *
 * Thread-safety: it is a local variable.
 *
 * Errors: too many keys are a bug. */

#include <stdint.h>

#include "util.h"

#define STATS_MAX 96

struct stats {
    const char *keys[STATS_MAX];
    int64_t values[STATS_MAX];
    size_t n;
};

static inline void
stats_add(struct stats *stats, const char *key, uint64_t value)
{
    ovs_assert(stats->n < STATS_MAX);
    stats->keys[stats->n] = key;
    stats->values[stats->n++] = value;
}

#endif /* vswitchd-plugin/stats.h */
