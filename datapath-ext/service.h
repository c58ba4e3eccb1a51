/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_SERVICE_H
#define VNIC_SERVICE_H 1

/* Service order
 * =============
 *
 * What: says how many frames a receive ring of a link may give to its port in
 * one visit, so that under overload rings of a higher rank go first, and
 * rings of equal rank share by weight.  While all rings of a link have the
 * same rank and weight, as is usual, it changes nothing: threads visit rings
 * in turn.
 *
 * Data flow:
 *
 *     ring_put()  --service_put()-->  frames pending in the ring's rank
 *     ring_get()  --service_quota()--> how many frames; then service_got()
 *
 * Frames are counted in and out at all times, a run or a batch at once, so
 * that the order is right from the moment at which a rank or weight changes.
 *
 * Ranks: 0 is first.  Control and management rings have rank 0; all others
 * rank by the priority of their VNIC, and within that the strict rings of a
 * VNIC go before the others (service_rank()).  A ring yields, and gives
 * nothing, while a higher rank has pending frames and is being served.  A
 * rank with pending frames that nobody takes, for its port is down or its
 * thread stalls, holds up nobody: that is seen from one visit to the next.  A
 * higher rank that is served as fast as its frames come leaves a lower one
 * every other visit.
 *
 * Weights: while other rings of its rank have pending frames, a ring earns
 * its weight's part of a full batch by each visit (deficit round robin with
 * frames as the unit, for a frame is what costs processor time).  Without
 * others it may give all it has: the order is work conserving.
 *
 * Ownership: reference counted by a link and by each of its rings, which may
 * outlive it by a grace period.  A "struct service_slot" is a ring's place in
 * the order, embedded in the ring.
 *
 * Thread-safety: service_put() and service_got() in any thread;
 * service_quota() in the ring's consumer; service_join() and service_leave()
 * in the main thread or when the ring is destroyed, serialized by a mutex.
 *
 * Errors: none.
 *
 * Source: dladm(1M) "priority"; deficit round robin as in M. Shreedhar and G.
 * Varghese, SIGCOMM 1995. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counter.h"

enum vnic_priority {
    VNIC_PRIORITY_HIGH,
    VNIC_PRIORITY_MEDIUM,
    VNIC_PRIORITY_LOW,
    N_VNIC_PRIORITIES
};

#define SERVICE_N_RANKS (1 + 2 * N_VNIC_PRIORITIES)
#define SERVICE_WEIGHT_DEFAULT 100
#define SERVICE_WEIGHT_MAX 1000

/* Several, for threads that share a rank don't take turns exactly. */
#define SERVICE_QUIET_VISITS 8

struct service;

struct service_slot {
    /* Constant. */
    struct service *service;
    unsigned int rank;
    unsigned int weight;

    /* Consumer. */
    double credit;              /* Frames earned. */
    uint64_t seen[SERVICE_N_RANKS]; /* What each rank had given, when this
                                     * ring looked last... */
    uint64_t due[SERVICE_N_RANKS]; /* ...and with what it had pending. */
    bool has_yielded;           /* At its last visit? */
    uint64_t seen_visits;       /* Visits to the heaviest ring, likewise. */
    unsigned int n_quiet;       /* Looks since these changed. */
};

struct service *service_create(void);
void service_unref(struct service *);

unsigned int service_rank(enum vnic_priority, bool is_strict,
                          bool is_control);

void service_join(struct service *, struct service_slot *, unsigned int rank,
                  unsigned int weight);
void service_leave(struct service_slot *);

/* Does the order differ from visiting rings in turn? */
bool service_is_mixed(const struct service_slot *);

/* 'n' frames entered the ring: called by the one thread that receives for the
 * link, or by any. */
void service_put_own(struct service_slot *, size_t n);
void service_put(struct service_slot *, size_t n);
/* 'n' frames left the ring, for its port or to be dropped. */
void service_got(struct service_slot *, size_t n);

/* How many frames, 'max' at most, the ring may give now, of 'fill'. */
size_t service_quota(struct service_slot *, size_t fill, size_t max);

#endif /* datapath-ext/service.h */
