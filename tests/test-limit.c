/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/limit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/time-seam.h"
#include "util.h"

#define N_PACKETS 32

/* The oracle, a leaky bucket (the virtual scheduling algorithm of ITU-T
 * I.371): what passed and has not leaked yet never exceeds the burst, or one
 * frame if that is longer. */
struct naive_bucket {
    uint64_t rate, burst;       /* Bits per ms, bits. */
    uint64_t level;
    long long int now;
};

static void
naive_advance(struct naive_bucket *bucket, long long int msec)
{
    uint64_t leaked = bucket->rate * msec;

    bucket->level -= MIN(leaked, bucket->level);
    bucket->now += msec;
    time_stop(bucket->now);
}

static void
naive_pass(struct naive_bucket *bucket, size_t bytes)
{
    assert(!bucket->level || bucket->level + bytes * 8 <= bucket->burst);
    bucket->level += bytes * 8;
}

static uint64_t
naive_burst(uint64_t kbps)
{
    return MAX(kbps * LIMIT_BURST_MS, 2 * 1514 * 8);
}

static void
make_packets(struct dp_packet *packets[N_PACKETS], size_t size)
{
    for (size_t i = 0; i < N_PACKETS; i++) {
        packets[i] = dp_packet_new(size);
        dp_packet_put_zeros(packets[i], size);
    }
}

static void
free_packets(struct dp_packet *packets[N_PACKETS])
{
    for (size_t i = 0; i < N_PACKETS; i++) {
        dp_packet_delete(packets[i]);
    }
}

/* Takes all that may pass now, of a sender that always has more.  Returns how
 * many bits. */
static uint64_t
take_all(struct limit *limit, struct dp_packet **packets,
         struct naive_bucket *bucket)
{
    uint64_t bits = 0;
    size_t n;

    do {
        n = limit_admit(limit, packets, N_PACKETS);
        for (size_t i = 0; i < n; i++) {
            naive_pass(bucket, dp_packet_size(packets[i]));
            bits += dp_packet_size(packets[i]) * 8;
        }
    } while (n == N_PACKETS);
    return bits;
}

/* A greedy sender gets the rate exactly: the burst at first, then all that the
 * time is worth but a part of a frame. */
static void
check_rate(uint64_t kbps, size_t size)
{
    struct naive_bucket bucket = { .rate = kbps, .burst = naive_burst(kbps),
                                   .now = time_real_msec() };
    const uint64_t frame = size * 8;
    const bool is_long = frame > bucket.burst;
    const long long int start = bucket.now;
    const long long int end = start + MAX((is_long ? 20 : 100000) * frame
                                          / kbps, 100);
    /* The bucket must not run over between two looks. */
    const int max_step = is_long ? 1 : MAX((bucket.burst - frame) / kbps, 1);
    struct dp_packet *packets[N_PACKETS];
    struct limit *limit;
    uint64_t bits, worth, lost = frame;

    time_stop(start);
    limit = limit_create(kbps);
    make_packets(packets, size);
    bits = take_all(limit, packets, &bucket);
    while (bucket.now < end) {
        naive_advance(&bucket, 1 + random_range(max_step));
        bits += take_all(limit, packets, &bucket);
    }
    worth = bucket.burst + kbps * (bucket.now - start);
    if (is_long) {
        /* A long frame waits for the full bucket and is owed then, and the
         * bucket is full up to 1 ms before somebody looks. */
        assert(bits <= worth + frame);
        lost = bucket.burst + frame + kbps * (bits / frame + 1);
    } else {
        assert(bits <= worth);
    }
    assert(bits + lost > worth);
    printf("%"PRIu64" kbps, %"PRIuSIZE" bytes: %"PRIu64" of %"PRIu64" bits "
           "in %lld ms\n", kbps, size, bits, worth, bucket.now - start);
    free_packets(packets);
    limit_unref(limit);
}

static void
test_rate(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint64_t rates[] = {
        1, 64, 100, 1000, 9999, 1000000, 10000000, 40000000
    };
    static const size_t sizes[] = { 60, 1514, 9014, 65000 };

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            check_rate(rates[i], sizes[j]);
        }
    }
    assert(!limit_create(0));
    limit_unref(NULL);
    assert(!limit_ref(NULL));
}

/* Whatever came before and however long the pause, the burst is the most that
 * passes at once. */
static void
test_burst(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint64_t rates[] = { 1, 1000, 123456, 40000000 };

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct naive_bucket bucket = { .rate = rates[i],
                                       .burst = naive_burst(rates[i]),
                                       .now = time_real_msec() };
        struct dp_packet *packets[N_PACKETS];
        struct limit *limit;

        time_stop(bucket.now);
        limit = limit_create(rates[i]);
        make_packets(packets, 100);
        for (int j = 0; j < 1000; j++) {
            uint64_t bits = 0;

            if (j % 2) {
                /* A few. */
                size_t n = limit_admit(limit, packets, random_range(5));

                while (n--) {
                    naive_pass(&bucket, 100);
                }
            } else {
                bits = take_all(limit, packets, &bucket);
                assert(bits > bucket.burst - bucket.burst / 100 - 8 * 5 * 100);
            }
            naive_advance(&bucket, bucket.burst / bucket.rate
                          + 1 + random_range(100000));
        }
        free_packets(packets);
        limit_unref(limit);
    }
}

static size_t
get(struct ring *ring)
{
    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n = ring_get(ring, packets, NETDEV_MAX_BURST);

    for (size_t i = 0; i < n; i++) {
        dp_packet_delete(packets[i]);
    }
    return n;
}

static void
put(struct ring *ring, bool is_own, size_t size)
{
    struct dp_packet *packet = dp_packet_new(size);

    dp_packet_put_zeros(packet, size);
    (is_own ? ring_put_own : ring_put)(ring, &packet, 1);
}

/* The rings of a VNIC have the limit together, and none starves. */
static void
test_shared(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    long long int now = time_real_msec();
    struct ring *rings[2];
    size_t n[2] = { 0, 0 };

    time_stop(now);

    /* 100 frames of 125 bytes in a ms: that many make 10 ms. */
    struct limit *limit = limit_create(100000);
    const struct ring_options options = {
        .depth = 4096, .wakes = true, .limit = limit,
    };

    for (int i = 0; i < 2; i++) {
        rings[i] = ring_create(&options, drops);
    }
    limit_unref(limit);         /* They have it now. */
    for (int ms = 0; ms < 1000; ms++) {
        for (int i = 0; i < 2; i++) {
            while (ring_fill(rings[i]) < 2048) {
                put(rings[i], i, 125);
            }
        }
        time_stop(++now);
        for (bool any = true; any; ) {
            any = false;
            for (int i = 0; i < 2; i++) {
                size_t got = get(rings[i]);

                n[i] += got;
                any |= got > 0;
            }
        }
    }
    assert(n[0] + n[1] == 1000 + 999 * 100);
    assert(n[0] > n[1] / 2 && n[1] > n[0] / 2);
    ring_destroy(rings[0]);
    ring_destroy(rings[1]);
    drop_counters_unref(drops);
}

/* Waits for the ring.  Returns how long. */
static long long int
wait_for(struct ring *ring)
{
    long long int start = time_real_msec();

    ring_wait(ring);
    poll_timer_wait_until(start + 5000);
    poll_block();
    return time_real_msec() - start;
}

static void
check_next(struct ring *ring, size_t size, uint8_t mark)
{
    struct dp_packet *packets[NETDEV_MAX_BURST];

    assert(ring_get(ring, packets, NETDEV_MAX_BURST) == 1);
    assert(dp_packet_size(packets[0]) == size);
    assert(*(uint8_t *) dp_packet_data(packets[0]) == mark);
    dp_packet_delete(packets[0]);
}

/* Frames of a ring with a limit wait in order, and are dropped for the limit's
 * sake when the ring is full. */
static void
test_ring(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();
    const long long int start = time_real_msec();
    long long int now = start;

    time_stop(now);

    /* The burst is two full frames, which take 242.24 ms. */
    struct limit *limit = limit_create(100);
    const struct ring_options options = {
        .depth = 64, .wakes = true, .limit = limit,
    };
    struct ring *ring = ring_create(&options, drops);

    limit_unref(limit);
    assert(!ring_is_direct(ring));
    put(ring, true, 1514);
    put(ring, true, 1514);
    assert(get(ring) == 2);

    for (size_t i = 0; i < 70; i++) {
        struct dp_packet *packet = dp_packet_new(100);

        memset(dp_packet_put_uninit(packet, 100 + i), i, 100 + i);
        ring_put_own(ring, &packet, 1);
    }
    assert(counter_read(&drops->n[DROP_MAXBW]) == 6);
    assert(counter_read(&drops->n[DROP_RING_FULL]) == 0);
    assert(ring_fill(ring) == 64);

    /* Not before it is worth the next frame, and then at once: 8 ms for 100
     * bytes, and what is over stays. */
    assert(!get(ring));
    time_stop(now + 7);
    assert(!get(ring));
    time_stop(now + 8);
    check_next(ring, 100, 0);
    assert(!get(ring));
    time_stop(now + 8 + 8);
    assert(!get(ring));
    time_stop(now + 8 + 9);
    check_next(ring, 101, 1);
    now += 8 + 9;
    for (size_t i = 2, bits = 101 * 8 + 100 * 8; i < 64; i++) {
        /* In the very ms in which all up to this one are paid for. */
        bits += (100 + i) * 8;
        while (now < start + DIV_ROUND_UP(bits, 100)) {
            assert(!get(ring));
            time_stop(++now);
        }
        check_next(ring, 100 + i, i);
    }
    assert(!ring_fill(ring));

    /* Who waits wakes up when the next frame may pass: not much later, for
     * 5 s is the end. */
    now = time_real_msec() + 1000;
    time_stop(now);
    put(ring, false, 1514);
    put(ring, false, 1514);
    assert(get(ring) == 2);
    put(ring, false, 1514);
    put(ring, false, 1514);
    now = time_real_msec();
    time_stop(now);
    assert(!get(ring));
    assert(wait_for(ring) >= 1000);
    time_stop(now + 1000 + 122);
    assert(get(ring) == 1 && ring_fill(ring) == 1);
    ring_destroy(ring);
    assert(counter_read(&drops->n[DROP_RECONFIGURED]) == 1);
    drop_counters_unref(drops);
}

/* A frame that was admitted, and held back for its source, waits for no
 * limit. */
static void
test_held(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct drop_counters *drops = drop_counters_create();

    time_stop(time_real_msec());

    struct limit *limit = limit_create(1);
    const struct ring_options options = {
        .depth = 64, .wakes = true, .limit = limit,
    };
    struct ring *ring = ring_create(&options, drops);
    struct dp_packet *packets[NETDEV_MAX_BURST];

    limit_unref(limit);
    for (size_t i = 0; i < 3; i++) {
        packets[i] = dp_packet_new(1514);
        dp_packet_put_zeros(packets[i], 1514);
    }
    packets[1]->source = DPBUF_STUB;
    ring_put_own(ring, packets, 3);
    assert(ring_get(ring, packets, NETDEV_MAX_BURST) == 1);
    dp_packet_delete(packets[0]);
    assert(ring_fill(ring) == 2);
    assert(wait_for(ring) < 5000);
    assert(ring_get(ring, packets, NETDEV_MAX_BURST) == 1);
    assert(packets[0]->source == DPBUF_STUB);
    packets[0]->source = DPBUF_MALLOC;
    dp_packet_delete(packets[0]);
    assert(!get(ring) && ring_fill(ring) == 1);
    ring_destroy(ring);
    drop_counters_unref(drops);
}

/* Threads. */

#define N_THREADS 3

struct admission {
    struct limit *limit;
    uint64_t bits;
};

static void *
admit(void *admission_)
{
    struct admission *admission = admission_;
    struct dp_packet *packets[N_PACKETS];

    make_packets(packets, 125);
    for (int i = 0; i < 20000; i++) {
        struct limit *limit = limit_ref(admission->limit);

        admission->bits += limit_admit(limit, packets, 1 + i % N_PACKETS)
            * 1000;
        if (!(i % 100)) {
            limit_wait(limit);
            poll_immediate_wake();
            poll_block();
        }
        limit_unref(limit);
    }
    free_packets(packets);
    return NULL;
}

static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct limit *limit = limit_create(10000);
    struct admission admissions[N_THREADS];
    pthread_t threads[N_THREADS];
    long long int start = time_real_msec();
    uint64_t bits = 0;

    for (size_t i = 0; i < N_THREADS; i++) {
        admissions[i] = (struct admission) { limit, 0 };
        threads[i] = ovs_thread_create("admit", admit, &admissions[i]);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
        bits += admissions[i].bits;
    }
    assert(bits >= naive_burst(10000) - 1000);
    assert(bits <= naive_burst(10000)
           + 10000 * (time_real_msec() - start + 1));
    limit_unref(limit);
}

static void
test_limit_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "rate", NULL, 0, 0, test_rate, OVS_RO },
        { "burst", NULL, 0, 0, test_burst, OVS_RO },
        { "shared", NULL, 0, 0, test_shared, OVS_RO },
        { "ring", NULL, 0, 0, test_ring, OVS_RO },
        { "held", NULL, 0, 0, test_held, OVS_RO },
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-limit", test_limit_main);
