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
 *     link_poll()                 --ring_put_own()-->  ring
 *     link_send() of a neighbour  --ring_put()------>  ring
 *     ring  --ring_get()-->  rxq of the port, in a PMD or the main thread
 *
 * The two ways in are two queues, since the first, which takes nearly all of
 * the traffic, needs no atomic operation.  Frames of one way stay in order; a
 * connection uses one of them.  ring_get() turns from one to the other.
 *
 * A ring may have a limit (limit.h), which delays what ring_get() gives, and a
 * place in the service order of its link (service.h), which shortens it.  The
 * sends of a VNIC with a limit wait in a ring too.
 *
 * Units: 'depth' and fills are frames.  Each queue takes 'depth' frames.
 *
 * Ownership: a ring has a copy of the name of its port, and references to its
 * counters and its limit.  ring_put*() takes ownership of all packets, those
 * it drops included; ring_get() gives it to the caller.  ring_destroy() drops
 * what is left.
 *
 * Thread-safety: ring_put() in any number of threads, ring_put_own() in one at
 * a time, ring_get() in one at a time (DPDK's rte_ring with relaxed tail
 * synchronization of several producers, rte_ring_rts.h; with a single
 * producer; and a single consumer).  ring_destroy() only after a grace period
 * that follows the last moment at which a thread could find the ring.
 *
 * Errors: none; creation aborts only if memory runs out, as all of OVS. */

#include <stdbool.h>
#include <stddef.h>

#include "counter.h"
#include "drop.h"

struct dp_packet;
struct handover;
struct limit;
struct ring;
struct service;

struct ring_options {
    const char *port;           /* Name of its port, for those who ask. */
    void *aux;                  /* The port itself. */
    unsigned int depth;         /* A power of 2. */
    bool wakes;                 /* Does each put wake up the thread that waits
                                 * in ring_wait()?  A busy-polling consumer
                                 * doesn't need that. */
    bool is_tx;                 /* Do frames wait to be sent? */
    struct limit *limit;        /* NULL for none. */
    struct service *service;    /* NULL for none. */
    unsigned int rank, weight;  /* With 'service'. */
};

/* Drops are counted in the counters given, those of the port. */
struct ring *ring_create(const struct ring_options *, struct drop_counters *);
void ring_destroy(struct ring *);
/* ring_destroy() after a grace period. */
void ring_retire(struct ring *);
bool ring_has_options(const struct ring *, const struct ring_options *);

/* Producers. */
void ring_put(struct ring *, struct dp_packet **packets, size_t n);
void ring_put_own(struct ring *, struct dp_packet **packets, size_t n);

/* The consumer.  Returns NETDEV_MAX_BURST packets at most, all of one source
 * (malloc() or a DPDK pool), and fewer than there are where the limit or the
 * service order say so.  'packets' must have room for NETDEV_MAX_BURST, also
 * if 'max' is less. */
size_t ring_get(struct ring *, struct dp_packet **packets, size_t max);
/* Takes all, whatever the limit and the order. */
size_t ring_drain(struct ring *, struct dp_packet **packets, size_t max);
void ring_wait(struct ring *);

/* Does nothing, neither a limit nor the order, delay what is in the ring? */
bool ring_is_free(const struct ring *);
/* And is it empty, so that frames need not pass it? */
bool ring_is_direct(const struct ring *);

/* See handover.h.  ring_claim() returns false if another thread still has
 * frames for the ring in its hands: ask again at the next visit. */
bool ring_claim(struct ring *, struct handover *);
bool ring_is_owned(const struct ring *, const struct handover *);
/* Where the owner keeps frames for the ring, which is for it to check. */
size_t ring_get_place(const struct ring *);
void ring_set_place(struct ring *, size_t place);

/* Anyone. */
void *ring_get_aux(const struct ring *);
unsigned int ring_fill(const struct ring *);
const char *ring_get_port(const struct ring *);
unsigned int ring_get_depth(const struct ring *);

#endif /* datapath-ext/ring.h */
