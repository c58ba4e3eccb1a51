/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/ring.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "datapath-ext/datapath-ext.h"
#include "dp-packet.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "tests/benchmark.h"
#include "util.h"

/* Packets carry a producer and a sequence number. */
struct stamp {
    uint32_t producer;
    uint32_t seqno;
};

static struct dp_packet *
stamp_packet(uint32_t producer, uint32_t seqno)
{
    struct stamp stamp = { producer, seqno };
    struct dp_packet *packet = dp_packet_new(sizeof stamp);

    dp_packet_put(packet, &stamp, sizeof stamp);
    return packet;
}

static struct stamp
take_stamp(struct dp_packet *packet)
{
    struct stamp stamp;

    memcpy(&stamp, dp_packet_data(packet), sizeof stamp);
    dp_packet_delete(packet);
    return stamp;
}

static struct ring *
create_ring(bool wakes, struct drop_counters *drops)
{
    const struct ring_options options = { .depth = 64, .wakes = wakes };

    return ring_create(&options, drops);
}

static void
put_range(struct ring *ring, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        struct dp_packet *packet = stamp_packet(0, i);

        ring_put(ring, &packet, 1);
    }
}

static void
test_order(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    struct ring *ring = create_ring(false, drops);
    struct dp_packet *packets[100];

    /* Exactly 'depth' frames fit, and those that came first. */
    put_range(ring, 0, 70);
    assert(ring_fill(ring) == 64);
    assert(ring_get_depth(ring) == 64);
    assert(counter_read(&drops->n[DROP_RING_FULL]) == 6);

    for (uint32_t i = 0; i < 64; i++) {
        if (i % NETDEV_MAX_BURST == 0) {
            assert(ring_get(ring, packets, 100) == NETDEV_MAX_BURST);
        }
        assert(take_stamp(packets[i % NETDEV_MAX_BURST]).seqno == i);
    }
    assert(!ring_get(ring, packets, 100));

    /* A burst that fits in part is cut, not refused. */
    put_range(ring, 0, 60);
    for (uint32_t i = 0; i < 10; i++) {
        packets[i] = stamp_packet(0, 60 + i);
    }
    ring_put(ring, packets, 10);
    assert(ring_fill(ring) == 64);
    assert(counter_read(&drops->n[DROP_RING_FULL]) == 12);

    /* What is left when the ring goes is a drop too. */
    ring_destroy(ring);
    assert(counter_read(&drops->n[DROP_RECONFIGURED]) == 64);
    ring_destroy(NULL);
    drop_counters_unref(drops);
}

/* A batch has packets of one source; each source keeps its order, and the
 * change of sources doesn't make batches short. */
static void
test_sources(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    struct ring *ring = create_ring(false, drops);
    struct dp_packet *packets[NETDEV_MAX_BURST];
    uint32_t next[2] = { 0, 1 };
    size_t n, n_batches = 0;

    for (uint32_t i = 0; i < 64; i++) {
        struct dp_packet *packet = stamp_packet(0, i);

        packet->source = i % 2 ? DPBUF_STUB : DPBUF_MALLOC;
        ring_put(ring, &packet, 1);
    }
    while ((n = ring_get(ring, packets, ARRAY_SIZE(packets)))) {
        bool is_stub = packets[0]->source == DPBUF_STUB;

        n_batches++;
        for (size_t i = 0; i < n; i++) {
            assert((packets[i]->source == DPBUF_STUB) == is_stub);
            packets[i]->source = DPBUF_MALLOC;
            assert(take_stamp(packets[i]).seqno == next[is_stub]);
            next[is_stub] += 2;
        }
    }
    assert(next[0] == 64 && next[1] == 65 && n_batches == 4);
    assert(!ring_fill(ring));
    ring_destroy(ring);
    drop_counters_unref(drops);
}

/* The link's frames and the neighbours' are two queues, each in order, that
 * get their turns. */
static void
test_two_ways(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    struct ring *ring = create_ring(false, drops);
    uint32_t next[2] = { 0, 0 };
    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n;

    assert(ring_is_direct(ring));
    for (uint32_t i = 0; i < 16; i++) {
        struct dp_packet *own = stamp_packet(0, i);
        struct dp_packet *other = stamp_packet(1, i);

        ring_put_own(ring, &own, 1);
        ring_put(ring, &other, 1);
    }
    assert(ring_fill(ring) == 32 && !ring_is_direct(ring));
    for (int turn = 0; (n = ring_get(ring, packets, 4)); turn++) {
        assert(n == 4);
        for (size_t i = 0; i < n; i++) {
            struct stamp stamp = take_stamp(packets[i]);

            assert(stamp.producer == turn % 2);
            assert(stamp.seqno == next[stamp.producer]++);
        }
    }
    assert(next[0] == 16 && next[1] == 16);
    assert(ring_is_direct(ring));
    ring_destroy(ring);
    drop_counters_unref(drops);
}

#define N_PRODUCERS 3
#define N_PACKETS 20000

struct producer {
    struct ring *ring;
    uint32_t id;
    void (*put)(struct ring *, struct dp_packet **, size_t);
};

static void *
produce(void *producer_)
{
    struct producer *producer = producer_;

    for (uint32_t i = 0; i < N_PACKETS; i++) {
        struct dp_packet *packet = stamp_packet(producer->id, i);

        producer->put(producer->ring, &packet, 1);
        /* Mostly give the consumer its turn, but fill the ring at times. */
        while (i % 128 && ring_fill(producer->ring) > 32) {
            sched_yield();
        }
    }
    return NULL;
}

/* The first producer is the link's, the others are neighbours.  Frames of one
 * producer stay in order, none is seen twice, and each is either
 * received or counted as dropped. */
static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    struct ring *ring = create_ring(true, drops);
    struct producer producers[N_PRODUCERS];
    pthread_t threads[N_PRODUCERS];
    int64_t last[N_PRODUCERS];
    uint64_t n_received = 0;
    const uint64_t total = N_PRODUCERS * N_PACKETS;

    for (uint32_t i = 0; i < N_PRODUCERS; i++) {
        producers[i] = (struct producer) {
            ring, i, i ? ring_put : ring_put_own
        };
        last[i] = -1;
        threads[i] = ovs_thread_create("producer", produce, &producers[i]);
    }
    while (n_received + counter_read(&drops->n[DROP_RING_FULL]) < total) {
        struct dp_packet *packets[NETDEV_MAX_BURST];
        size_t n = ring_get(ring, packets, ARRAY_SIZE(packets));

        if (!n) {
            sched_yield();
        }
        for (size_t i = 0; i < n; i++) {
            struct stamp stamp = take_stamp(packets[i]);

            assert(stamp.producer < N_PRODUCERS);
            assert(stamp.seqno > last[stamp.producer]);
            last[stamp.producer] = stamp.seqno;
        }
        n_received += n;
    }
    for (uint32_t i = 0; i < N_PRODUCERS; i++) {
        xpthread_join(threads[i], NULL);
    }
    assert(n_received > N_PACKETS / 100);
    assert(counter_read(&drops->n[DROP_RING_FULL]) < total);
    assert(!ring_fill(ring));
    ring_destroy(ring);
    drop_counters_unref(drops);
}

/* As many packets are under way as a burst for each ring, which is what a PMD
 * thread that polls all of them leads to. */
struct benchmark {
    unsigned int n_rings;
    unsigned int run;           /* Packets per ring_put_own(). */
    struct ring **rings;
    size_t n_packets;
    struct dp_packet **packets;
    uint32_t *order;            /* Index of the ring for each run. */
};

static size_t
put_and_get_all(void *benchmark_)
{
    struct benchmark *b = benchmark_;
    struct dp_packet **end = b->packets + b->n_packets;
    struct dp_packet **packets = b->packets;
    const uint32_t *order = b->order;
    size_t n_received = 0;

    for (; packets < end; packets += b->run) {
        ring_put_own(b->rings[*order++], packets, b->run);
    }
    for (size_t i = 0; i < b->n_rings; i++) {
        struct dp_packet **dst = &b->packets[n_received];
        size_t n;

        /* The packets change places among each other. */
        while ((n = ring_get(b->rings[i], dst, NETDEV_MAX_BURST))) {
            dst += n;
        }
        n_received = dst - b->packets;
    }
    return n_received;
}

static void
benchmark_rings(unsigned int n_rings, unsigned int run)
{
    const struct ring_options options = { .depth = RING_DEPTH_DEFAULT };
    struct drop_counters *drops = drop_counters_create();
    struct benchmark b = {
        .n_rings = n_rings,
        .run = run,
        .rings = xcalloc(n_rings, sizeof *b.rings),
        .n_packets = n_rings * NETDEV_MAX_BURST,
        .packets = xcalloc(n_rings * NETDEV_MAX_BURST, sizeof *b.packets),
        .order = xcalloc(n_rings * NETDEV_MAX_BURST, sizeof *b.order),
    };

    for (size_t i = 0; i < n_rings; i++) {
        b.rings[i] = ring_create(&options, drops);
    }
    for (size_t i = 0; i < b.n_packets; i++) {
        b.packets[i] = dp_packet_new(64);
        dp_packet_put_zeros(b.packets[i], 60);
        b.order[i] = random_range(n_rings);
    }

    benchmark_run(put_and_get_all, &b, b.n_packets, "%u rings, runs of %u",
                  n_rings, run);

    for (size_t i = 0; i < b.n_packets; i++) {
        dp_packet_delete(b.packets[i]);
    }
    for (size_t i = 0; i < n_rings; i++) {
        ring_destroy(b.rings[i]);
    }
    drop_counters_unref(drops);
    free(b.rings);
    free(b.packets);
    free(b.order);
}

static void
test_benchmark(struct ovs_cmdl_context *ctx)
{
    static const unsigned int runs[] = { 1, 4, NETDEV_MAX_BURST };

    benchmark_header("ring");
    for (int i = 1; i < ctx->argc; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(runs); j++) {
            benchmark_rings(strtoul(ctx->argv[i], NULL, 10), runs[j]);
        }
    }
}

static void
test_ring_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "order", NULL, 0, 0, test_order, OVS_RO },
        { "sources", NULL, 0, 0, test_sources, OVS_RO },
        { "two-ways", NULL, 0, 0, test_two_ways, OVS_RO },
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { "benchmark", "RINGS...", 1, INT_MAX, test_benchmark, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring", test_ring_main);
