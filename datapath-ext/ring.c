/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/ring.h"

#include <rte_ring.h>
#include <rte_ring_peek.h>

#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "seq.h"
#include "util.h"

struct ring {
    /* Constant. */
    struct rte_ring *queue;     /* Packet pointers. */
    struct seq *seq;            /* Changes at each put; NULL if none waits. */
    struct drop_counters *drops; /* The port's. */

    /* Producers. */
    struct counter packets;
    struct counter bytes;
    struct counter dropped;

    /* Consumer. */
    PADDED_MEMBERS_CACHELINE_MARKER(CACHE_LINE_SIZE, consumer,
        struct counter polls;
    );
};

struct ring *
ring_create(unsigned int depth, bool wakes, struct drop_counters *drops)
{
    /* RING_F_EXACT_SZ, for otherwise one slot of 'depth' stays unused.
     * RING_F_MP_RTS_ENQ, for with the default mode all producers spin while
     * one of them is preempted in the middle, and the main thread, which is
     * one, is not pinned to a core. */
    unsigned int slots = rte_align32pow2(depth + 1);
    ssize_t size = rte_ring_get_memsize(slots);
    struct ring *ring = xzalloc_cacheline(sizeof *ring);

    ovs_assert(size > 0);
    ring->queue = xzalloc_cacheline(size);
    ovs_assert(!rte_ring_init(ring->queue, "vnic", depth,
                              RING_F_MP_RTS_ENQ | RING_F_SC_DEQ
                              | RING_F_EXACT_SZ));
    ring->seq = wakes ? seq_create() : NULL;
    ring->drops = drop_counters_ref(drops);
    return ring;
}

void
ring_destroy(struct ring *ring)
{
    if (!ring) {
        return;
    }

    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n;

    while ((n = ring_get(ring, packets, ARRAY_SIZE(packets)))) {
        drop_packets(ring->drops, DROP_RECONFIGURED, packets, n);
    }
    if (ring->seq) {
        seq_destroy(ring->seq);
    }
    drop_counters_unref(ring->drops);
    free_cacheline(ring->queue);
    free_cacheline(ring);
}

void
ring_retire(struct ring *ring)
{
    if (ring) {
        ovsrcu_postpone(ring_destroy, ring);
    }
}

void
ring_put(struct ring *ring, struct dp_packet **packets, size_t n)
{
    uint64_t bytes = 0;

    /* Sizes first: what is in the ring is the consumer's. */
    for (size_t i = 0; i < n; i++) {
        bytes += dp_packet_size(packets[i]);
    }

    size_t put = rte_ring_enqueue_burst(ring->queue, (void **) packets, n,
                                        NULL);
    if (OVS_UNLIKELY(put < n)) {
        for (size_t i = put; i < n; i++) {
            bytes -= dp_packet_size(packets[i]);
        }
        counter_add(&ring->dropped, n - put);
        drop_packets(ring->drops, DROP_RING_FULL, &packets[put], n - put);
    }
    if (put) {
        counter_add(&ring->packets, put);
        counter_add(&ring->bytes, bytes);
        if (ring->seq) {
            seq_change(ring->seq);
        }
    }
}

size_t
ring_get(struct ring *ring, struct dp_packet **packets, size_t max)
{
    counter_add_own(&ring->polls, 1);

    /* A batch must not mix packets of DPDK's pools with others: netdev-dpdk
     * looks at the first one to know what all of them are. */
    size_t n = rte_ring_dequeue_burst_start(ring->queue, (void **) packets,
                                            max, NULL);
    size_t n_same = 0;

    while (n_same < n && packets[n_same]->source == packets[0]->source) {
        n_same++;
    }
    if (n) {
        rte_ring_dequeue_finish(ring->queue, n_same);
    }
    return n_same;
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

    if (ring_fill(ring)) {
        poll_immediate_wake();
    } else {
        seq_wait(ring->seq, seqno);
    }
}

unsigned int
ring_fill(const struct ring *ring)
{
    return rte_ring_count(ring->queue);
}

void
ring_get_stats(const struct ring *ring, struct ring_stats *stats)
{
    stats->packets = counter_read(&ring->packets);
    stats->bytes = counter_read(&ring->bytes);
    stats->polls = counter_read(&ring->polls);
    stats->dropped = counter_read(&ring->dropped);
    stats->fill = ring_fill(ring);
    stats->depth = rte_ring_get_capacity(ring->queue);
}
