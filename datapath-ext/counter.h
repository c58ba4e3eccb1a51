/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_COUNTER_H
#define VNIC_COUNTER_H 1

/* Counter
 * =======
 *
 * What: a 64-bit statistic that one or several threads raise and any thread
 * reads.
 *
 * Data flow: packet code adds, status and 'show' code reads.
 *
 * Units: those of the member that has this type.
 *
 * Ownership: embedded in its owner, zero-initialized with it.
 *
 * Thread-safety: counter_add_own() is for a counter that a single thread, or
 * the holder of one lock, writes: a plain addition that a reader never sees
 * torn, as dpif-netdev's non_atomic_ullong_add() (which is private to it).
 * counter_add() is for all others and costs a locked instruction.
 *
 * Errors: none; it wraps at 2**64. */

#include <stdint.h>

#include "ovs-atomic.h"

struct counter {
    atomic_uint64_t value;
};

static inline uint64_t
counter_read(const struct counter *counter)
{
    uint64_t value;

    atomic_read_relaxed(&CONST_CAST(struct counter *, counter)->value, &value);
    return value;
}

/* For a copy of a number that one thread keeps elsewhere. */
static inline void
counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_relaxed(&counter->value, value);
}

static inline void
counter_add_own(struct counter *counter, uint64_t n)
{
    atomic_store_relaxed(&counter->value, counter_read(counter) + n);
}

static inline void
counter_add(struct counter *counter, uint64_t n)
{
    uint64_t orig;

    atomic_add_relaxed(&counter->value, n, &orig);
}

#endif /* datapath-ext/counter.h */
