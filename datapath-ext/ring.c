/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/ring.h"

#include <rte_ring.h>
#include <rte_ring_peek.h>

#include "datapath-ext/handover.h"
#include "datapath-ext/limit.h"
#include "datapath-ext/service.h"
#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "seq.h"
#include "util.h"

/* For ThreadSanitizer, which can't see that what is put into 'others' comes
 * before its being taken out: the consumer loads one half of a word that
 * producers store as a whole. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_acquire(ADDRESS)
#define __tsan_release(ADDRESS)
#endif

struct ring {
    /* Constant. */
    struct ring_options options;
    struct rte_ring *own;       /* Packet pointers from the link. */
    struct rte_ring *others;    /* From neighbours. */
    struct seq *seq;            /* Changes at each put; NULL if none waits. */
    struct drop_counters *drops; /* The port's. */
    enum drop_reason full;      /* Why a frame that doesn't fit is dropped. */

    /* Any producer. */
    atomic_bool has_others;     /* Was anything ever put into 'others'? */

    /* See handover.h. */
    ATOMIC(struct handover *) owner;
    struct handover *previous;  /* Owner before, if that may be active. */
    size_t place;               /* The owner's. */

    /* Consumer. */
    bool others_first;
    atomic_uint n_held;
    struct dp_packet *held[NETDEV_MAX_BURST]; /* Taken from a queue, but of
                                               * another source than the batch
                                               * that was given. */
    struct service_slot slot;
};

/* RING_F_EXACT_SZ, for otherwise one slot of 'depth' stays unused. */
static struct rte_ring *
queue_create(unsigned int depth, unsigned int flags)
{
    ssize_t size = rte_ring_get_memsize(rte_align32pow2(depth + 1));
    struct rte_ring *queue;

    ovs_assert(size > 0);
    queue = xzalloc_cacheline(size);
    ovs_assert(!rte_ring_init(queue, "vnic", depth,
                              flags | RING_F_SC_DEQ | RING_F_EXACT_SZ));
    return queue;
}

struct ring *
ring_create(const struct ring_options *options, struct drop_counters *drops)
{
    struct ring *ring = xzalloc_cacheline(sizeof *ring);

    ring->options = *options;
    ring->options.port = nullable_xstrdup(options->port);
    ring->own = queue_create(options->depth, RING_F_SP_ENQ);
    /* RING_F_MP_RTS_ENQ, for with the default mode all producers spin while
     * one of them is preempted in the middle, and the main thread, which is
     * one, is not pinned to a core. */
    ring->others = queue_create(options->depth, RING_F_MP_RTS_ENQ);
    ring->seq = options->wakes ? seq_create() : NULL;
    ring->drops = drop_counters_ref(drops);
    ring->full = options->limit ? DROP_MAXBW : DROP_RING_FULL;
    limit_ref(options->limit);
    if (options->service) {
        service_join(options->service, &ring->slot, options->rank,
                     options->weight);
    }
    return ring;
}

static void
ring_drop(struct ring *ring, enum drop_reason reason,
          struct dp_packet **packets, size_t n)
{
    if (ring->options.is_tx) {
        drop_packets(ring->drops, reason, packets, n);
    } else {
        drop_received(ring->drops, reason, packets, n);
    }
}

void
ring_destroy(struct ring *ring)
{
    if (!ring) {
        return;
    }

    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n;

    while ((n = ring_drain(ring, packets, ARRAY_SIZE(packets)))) {
        ring_drop(ring, DROP_RECONFIGURED, packets, n);
    }
    if (ring->options.service) {
        service_leave(&ring->slot);
    }
    if (ring->seq) {
        seq_destroy(ring->seq);
    }
    limit_unref(ring->options.limit);
    free(CONST_CAST(char *, ring->options.port));
    drop_counters_unref(ring->drops);
    free_cacheline(ring->own);
    free_cacheline(ring->others);
    free_cacheline(ring);
}

void
ring_retire(struct ring *ring)
{
    if (ring) {
        ovsrcu_postpone(ring_destroy, ring);
    }
}

bool
ring_has_options(const struct ring *ring, const struct ring_options *options)
{
    const struct ring_options *own = &ring->options;

    return (own->depth == options->depth
            && own->wakes == options->wakes
            && own->is_tx == options->is_tx
            && own->limit == options->limit
            && own->service == options->service
            && own->aux == options->aux
            && own->rank == options->rank
            && own->weight == options->weight);
}

/* Producers. */

/* Returns how many didn't fit and were dropped. */
static size_t
queue_put(struct ring *ring, struct rte_ring *queue,
          struct dp_packet **packets, size_t n)
{
    size_t put = rte_ring_enqueue_burst(queue, (void **) packets, n, NULL);

    if (OVS_UNLIKELY(put < n)) {
        ring_drop(ring, ring->full, &packets[put], n - put);
    }
    if (put && ring->seq) {
        seq_change(ring->seq);
    }
    return n - put;
}

void
ring_put(struct ring *ring, struct dp_packet **packets, size_t n)
{
    bool has_others;
    size_t dropped;

    atomic_read_relaxed(&ring->has_others, &has_others);
    if (OVS_UNLIKELY(!has_others)) {
        atomic_store_explicit(&ring->has_others, true, memory_order_release);
    }
    /* Counted first: the order must not see more frames leave than came. */
    if (ring->options.service) {
        service_put(&ring->slot, n);
    }
    __tsan_release(ring->others);
    dropped = queue_put(ring, ring->others, packets, n);
    if (OVS_UNLIKELY(dropped) && ring->options.service) {
        service_got(&ring->slot, dropped);
    }
}

void
ring_put_own(struct ring *ring, struct dp_packet **packets, size_t n)
{
    size_t dropped;

    if (ring->options.service) {
        service_put_own(&ring->slot, n);
    }
    dropped = queue_put(ring, ring->own, packets, n);
    if (OVS_UNLIKELY(dropped) && ring->options.service) {
        service_got(&ring->slot, dropped);
    }
}

/* The consumer. */

static bool
ring_has_others(const struct ring *ring)
{
    bool has_others;

    /* Pairs with ring_put(). */
    atomic_read_explicit(&CONST_CAST(struct ring *, ring)->has_others,
                         &has_others, memory_order_acquire);
    return has_others;
}

static size_t
queue_get(struct rte_ring *queue, struct limit *limit,
          struct dp_packet **packets, size_t max)
{
    size_t n;

    if (OVS_LIKELY(!limit)) {
        n = rte_ring_dequeue_burst(queue, (void **) packets, max, NULL);
        __tsan_acquire(queue);
        return n;
    }
    n = rte_ring_dequeue_burst_start(queue, (void **) packets, max, NULL);
    if (n) {
        __tsan_acquire(queue);
        n = limit_admit(limit, packets, n);
        rte_ring_dequeue_finish(queue, n);
    }
    return n;
}

static unsigned int
ring_n_held(const struct ring *ring)
{
    unsigned int n;

    atomic_read_relaxed(&CONST_CAST(struct ring *, ring)->n_held, &n);
    return n;
}

static size_t
take_held(struct ring *ring, struct dp_packet **packets)
{
    size_t n = ring_n_held(ring);

    memcpy(packets, ring->held, n * sizeof *packets);
    atomic_store_relaxed(&ring->n_held, 0);
    return n;
}

/* A batch must not mix packets of DPDK's pools with others: netdev-dpdk looks
 * at the first one to know what all of them are.  Copies of group-addressed
 * frames are of malloc(), and to end the batch at each of them would let
 * whoever sends them slow a ring down.  Holds back those of other sources than
 * the first, which keeps the order of any one connection. */
static size_t
hold_others(struct ring *ring, struct dp_packet **packets, size_t n)
{
    size_t n_held = 0, n_same = 0;

    for (size_t i = 0; i < n; i++) {
        if (OVS_LIKELY(packets[i]->source == packets[0]->source)) {
            packets[n_same++] = packets[i];
        } else {
            ring->held[n_held++] = packets[i];
        }
    }
    if (OVS_UNLIKELY(n_held)) {
        atomic_store_relaxed(&ring->n_held, n_held);
    }
    return n_same;
}

static size_t
ring_take(struct ring *ring, struct limit *limit, struct dp_packet **packets,
          size_t max)
{
    size_t n;

    max = MIN(max, NETDEV_MAX_BURST);
    if (OVS_UNLIKELY(ring_n_held(ring))) {
        n = take_held(ring, packets);
    } else if (OVS_LIKELY(!ring_has_others(ring))) {
        n = queue_get(ring->own, limit, packets, max);
    } else {
        struct rte_ring *queues[] = { ring->own, ring->others };
        bool first = ring->others_first;

        n = queue_get(queues[first], limit, packets, max);
        if (!n) {
            n = queue_get(queues[!first], limit, packets, max);
        }
        ring->others_first = !first;
    }
    n = hold_others(ring, packets, n);
    if (n && ring->options.service) {
        service_got(&ring->slot, n);
    }
    return n;
}

size_t
ring_get(struct ring *ring, struct dp_packet **packets, size_t max)
{
    if (ring->options.service) {
        max = service_quota(&ring->slot, ring_fill(ring), max);
        if (!max) {
            return 0;
        }
    }
    return ring_take(ring, ring->options.limit, packets, max);
}

size_t
ring_drain(struct ring *ring, struct dp_packet **packets, size_t max)
{
    return ring_take(ring, NULL, packets, max);
}

void
ring_wait(struct ring *ring)
{
    if (!ring->seq) {
        poll_immediate_wake();
        return;
    }

    /* Read before the look into the ring, or a put between the two would be
     * slept through. */
    uint64_t seqno = seq_read(ring->seq);

    if (!ring_fill(ring)) {
        seq_wait(ring->seq, seqno);
    } else if (ring->options.limit && !ring_n_held(ring)) {
        limit_wait(ring->options.limit);
    } else {
        poll_immediate_wake();
    }
}

bool
ring_is_free(const struct ring *ring)
{
    return (!ring->options.limit
            && !(ring->options.service && service_is_mixed(&ring->slot)));
}

bool
ring_is_direct(const struct ring *ring)
{
    return ring_is_free(ring) && !ring_fill(ring);
}

bool
ring_claim(struct ring *ring, struct handover *self)
{
    struct handover *owner;

    atomic_read_relaxed(&ring->owner, &owner);
    if (OVS_UNLIKELY(owner != self)) {
        ring->previous = owner;
        /* Before the look at 'previous': either that thread sees that the ring
         * is not its own any more, or we see that it is active. */
        atomic_store(&ring->owner, self);
    }
    if (OVS_UNLIKELY(ring->previous)) {
        if (handover_is_active(ring->previous)) {
            return false;
        }
        ring->previous = NULL;
    }
    return true;
}

bool
ring_is_owned(const struct ring *ring, const struct handover *handover)
{
    struct handover *owner;

    atomic_read(&CONST_CAST(struct ring *, ring)->owner, &owner);
    return owner == handover;
}

size_t
ring_get_place(const struct ring *ring)
{
    return ring->place;
}

void
ring_set_place(struct ring *ring, size_t place)
{
    ring->place = place;
}

/* Anyone. */

void *
ring_get_aux(const struct ring *ring)
{
    return ring->options.aux;
}

unsigned int
ring_fill(const struct ring *ring)
{
    return (ring_n_held(ring) + rte_ring_count(ring->own)
            + (ring_has_others(ring) ? rte_ring_count(ring->others) : 0));
}

const char *
ring_get_port(const struct ring *ring)
{
    return ring->options.port;
}

unsigned int
ring_get_depth(const struct ring *ring)
{
    return ring->options.depth;
}
