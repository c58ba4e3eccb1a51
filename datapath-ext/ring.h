/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_RING_H
#define VNIC_RING_H 1

/* Receive ring
 * ============
 *
 * What: a bounded queue of frames between the classifier of a link and the
 * port that receives them.  A full ring drops and counts; it never makes its
 * producer wait, so that a slow port can't stall its neighbours.
 *
 * Data flow:
 *
 *     link_poll(), link_send() of a neighbour  --ring_put()-->  ring
 *     ring  --ring_get()-->  rxq of the port, in a PMD or the main thread
 *
 * Units: 'depth' and fills are frames.
 *
 * Ownership: a ring has a reference to its counters.  ring_put() takes
 * ownership of all packets, those it drops included; ring_get() gives it to
 * the caller.  ring_destroy() drops what is left.
 *
 * Thread-safety: any number of threads may put, one at a time may get
 * (DPDK's rte_ring with relaxed tail synchronization of several producers, and
 * a single consumer: rte_ring_rts.h).  ring_destroy() only after a grace
 * period that follows the last moment at which a thread could find the ring.
 *
 * Errors: none; creation aborts only if memory runs out, as all of OVS. */

#include <stddef.h>

#include "counter.h"
#include "drop.h"

struct dp_packet;
struct ring;

struct ring_stats {
    uint64_t packets;           /* Put into the ring. */
    uint64_t bytes;             /* Put into the ring. */
    uint64_t polls;             /* Calls to ring_get(). */
    uint64_t dropped;           /* For want of room. */
    unsigned int fill;          /* Frames in the ring now. */
    unsigned int depth;         /* Frames that fit. */
};

/* 'depth' must be a power of 2.  If 'wakes', each put wakes up the thread that
 * waits in ring_wait(); a busy-polling consumer doesn't need that.  Drops are
 * counted in the counters given, those of the port. */
struct ring *ring_create(unsigned int depth, bool wakes,
                         struct drop_counters *);
void ring_destroy(struct ring *);
/* ring_destroy() after a grace period. */
void ring_retire(struct ring *);

/* Producers. */
void ring_put(struct ring *, struct dp_packet **packets, size_t n);

/* The consumer.  Returns fewer than there are where the packets' source
 * (malloc() or a DPDK pool) changes: a batch has one source. */
size_t ring_get(struct ring *, struct dp_packet **packets, size_t max);
void ring_wait(struct ring *);

/* Anyone. */
unsigned int ring_fill(const struct ring *);
void ring_get_stats(const struct ring *, struct ring_stats *);

#endif /* datapath-ext/ring.h */
