/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/service.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

#define BATCH 32                /* Frames of a full batch. */
#define MAX_RINGS 8

/* A ring without frames, which its number of frames stands for. */
struct fake_ring {
    struct service_slot slot;
    size_t fill;
    uint64_t given;
};

static void
ring_join(struct fake_ring *ring, struct service *service, unsigned int rank,
          unsigned int weight)
{
    *ring = (struct fake_ring) { .fill = 0 };
    service_join(service, &ring->slot, rank, weight);
}

static void
ring_leave(struct fake_ring *ring)
{
    service_got(&ring->slot, ring->fill);
    service_leave(&ring->slot);
}

static void
ring_add(struct fake_ring *ring, size_t n)
{
    if (n % 2) {
        service_put(&ring->slot, n);
    } else {
        service_put_own(&ring->slot, n);
    }
    ring->fill += n;
}

static void
ring_take(struct fake_ring *ring, size_t n)
{
    service_got(&ring->slot, n);
    ring->fill -= n;
    ring->given += n;
}

static size_t
visit(struct fake_ring *ring, size_t max)
{
    size_t quota = service_quota(&ring->slot, ring->fill, max);

    assert(quota <= max);
    quota = MIN(quota, ring->fill);
    ring_take(ring, quota);
    return quota;
}

static void
test_ranks(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    /* Control goes before any priority, priority before strictness. */
    const unsigned int ranks[] = {
        service_rank(VNIC_PRIORITY_LOW, false, true),
        service_rank(VNIC_PRIORITY_HIGH, true, false),
        service_rank(VNIC_PRIORITY_HIGH, false, false),
        service_rank(VNIC_PRIORITY_MEDIUM, true, false),
        service_rank(VNIC_PRIORITY_MEDIUM, false, false),
        service_rank(VNIC_PRIORITY_LOW, true, false),
        service_rank(VNIC_PRIORITY_LOW, false, false),
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
        assert(ranks[i] == i && i < SERVICE_N_RANKS);
    }
}

/* Rings of another rank or weight come and go: the order is in force exactly
 * while two differ. */
static void
test_members(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct service *service = service_create();
    struct fake_ring a, b, c;

    ring_join(&a, service, 3, 100);
    assert(!service_is_mixed(&a.slot));
    ring_join(&b, service, 3, 100);
    assert(!service_is_mixed(&a.slot));
    assert(service_quota(&a.slot, 0, BATCH) == BATCH);
    ring_join(&c, service, 3, 101);
    assert(service_is_mixed(&a.slot) && service_is_mixed(&c.slot));
    ring_leave(&a);
    assert(service_is_mixed(&b.slot));
    ring_leave(&b);
    assert(!service_is_mixed(&c.slot));
    ring_join(&a, service, 4, 101);
    assert(service_is_mixed(&c.slot));
    /* The last one that leaves frees it, whoever created it. */
    service_unref(service);
    ring_leave(&c);
    assert(!service_is_mixed(&a.slot));
    ring_leave(&a);
    service_unref(NULL);
}

static void
test_order(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct service *service = service_create();
    struct fake_ring high, low;

    ring_join(&high, service, 1, 100);
    ring_join(&low, service, 2, 100);

    /* Without frames in the high rank nobody waits. */
    ring_add(&low, 1000);
    assert(visit(&low, BATCH) == BATCH);

    /* While it is served, it has everything. */
    ring_add(&high, 5 * BATCH);
    for (int i = 0; i < 4; i++) {
        assert(visit(&high, BATCH) == BATCH);
        assert(visit(&low, BATCH) == 0);
    }
    assert(visit(&high, BATCH) == BATCH);
    assert(visit(&low, BATCH) == BATCH);

    /* That nobody takes its frames holds up nobody, but for the first visit,
     * when it might just have got them. */
    ring_add(&high, BATCH + 1);
    assert(visit(&high, BATCH) == BATCH);
    assert(visit(&low, BATCH) == 0);
    for (int i = 0; i < 3; i++) {
        assert(visit(&low, BATCH) == BATCH);
    }
    assert(visit(&high, BATCH) == 1);
    ring_add(&high, 1);
    assert(visit(&low, BATCH) == 0);
    assert(visit(&low, BATCH) == BATCH);

    /* The low rank never stops the high one. */
    ring_add(&high, 10 * BATCH);
    for (int i = 0; i < 10; i++) {
        visit(&low, BATCH);
        assert(visit(&high, BATCH) == BATCH);
    }
    ring_leave(&high);
    ring_leave(&low);
    service_unref(service);
}

#define N_WEIGHTS 5

/* Lets all rings of 'weights' have frames at all times but those of
 * weight 'idle', for 'n' rounds.  Returns how many rounds gave nothing. */
static int
run_rounds(struct fake_ring *rings, const unsigned int *weights,
           unsigned int idle, int n)
{
    int n_empty = 0;

    for (int i = 0; i < n; i++) {
        size_t given = 0;

        for (size_t j = 0; j < N_WEIGHTS; j++) {
            if (weights[j] != idle && rings[j].fill < 2 * BATCH) {
                ring_add(&rings[j], 2 * BATCH);
            }
            given += visit(&rings[j], BATCH);
        }
        n_empty += !given;
    }
    return n_empty;
}

static void
check_shares(const struct fake_ring *rings, const unsigned int *weights,
             unsigned int idle)
{
    uint64_t given = 0, sum = 0;

    for (size_t i = 0; i < N_WEIGHTS; i++) {
        given += rings[i].given;
        sum += weights[i] != idle ? weights[i] : 0;
    }
    for (size_t i = 0; i < N_WEIGHTS; i++) {
        double share = (double) rings[i].given / given;
        double fair = weights[i] != idle ? (double) weights[i] / sum : 0;

        printf("weight %4u: %.4f of all, fair is %.4f\n", weights[i], share,
               fair);
        assert(fabs(share - fair) <= 0.02 * fair);
    }
}

static void
test_weights(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const unsigned int weights[N_WEIGHTS] = { 7, 1000, 100, 500, 100 };
    struct service *service = service_create();
    struct fake_ring rings[N_WEIGHTS];

    for (size_t i = 0; i < N_WEIGHTS; i++) {
        ring_join(&rings[i], service, 4, weights[i]);
    }
    assert(!run_rounds(rings, weights, 0, 50000));
    check_shares(rings, weights, 0);

    /* Without the heaviest one the others share, and lose no visits. */
    while (rings[1].fill) {
        visit(&rings[1], BATCH);
    }
    run_rounds(rings, weights, 1000, 10);
    for (size_t i = 0; i < N_WEIGHTS; i++) {
        rings[i].given = 0;
    }
    assert(!run_rounds(rings, weights, 1000, 50000));
    check_shares(rings, weights, 1000);
    assert(rings[3].given == 50000 * BATCH);
    for (size_t i = 0; i < N_WEIGHTS; i++) {
        ring_leave(&rings[i]);
    }
    service_unref(service);
}

/* As long as anybody has frames, each round of visits gives some: whatever the
 * weights, however idle the heavy ones. */
static void
test_conserving(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct service *service = service_create();
    struct fake_ring light[2], heavy;
    int n_empty = 0;

    ring_join(&light[0], service, 2, 1);
    ring_join(&light[1], service, 2, 1);
    ring_join(&heavy, service, 2, SERVICE_WEIGHT_MAX);
    ring_add(&heavy, BATCH);
    assert(visit(&heavy, BATCH) == BATCH);
    ring_add(&light[0], 100 * BATCH);
    ring_add(&light[1], 100 * BATCH);
    for (int i = 0; i < 100 + SERVICE_QUIET_VISITS; i++) {
        n_empty += !(visit(&light[0], BATCH) + visit(&light[1], BATCH));
        visit(&heavy, BATCH);
    }
    assert(!light[0].fill && !light[1].fill);
    assert(n_empty <= SERVICE_QUIET_VISITS);

    /* Alone, a ring has its full batches at once. */
    ring_add(&heavy, BATCH);
    visit(&heavy, BATCH);
    ring_add(&light[0], 3 * BATCH);
    assert(visit(&light[0], BATCH) == BATCH);
    assert(visit(&light[0], BATCH) == BATCH);

    /* What a ring without frames would have earned is lost: it can't come
     * back with more than others. */
    ring_add(&heavy, 100 * BATCH);
    for (int i = 0; i < 100; i++) {
        visit(&heavy, 1);
        visit(&light[1], BATCH);
    }
    ring_add(&light[1], BATCH);
    assert(visit(&light[1], BATCH) == 0);
    ring_leave(&light[0]);
    ring_leave(&light[1]);
    ring_leave(&heavy);
    service_unref(service);
}

/* The oracle: what service.h says, in terms of rings and their visits, with
 * neither counters nor totals. */
struct naive_ring {
    bool exists;
    unsigned int rank, weight;
    size_t fill;
    double credit;
    bool was_served[SERVICE_N_RANKS]; /* Since this ring was visited last. */
    bool saw_heaviest;          /* Likewise, was a heaviest ring visited? */
    unsigned int n_quiet;
    size_t owed[SERVICE_N_RANKS]; /* Of what each rank had when it looked
                                   * last, what is still there. */
    bool has_yielded;
};

struct naive {
    struct naive_ring rings[MAX_RINGS];
    bool ever_served[SERVICE_N_RANKS], ever_visited[SERVICE_N_RANKS];
    unsigned int heaviest[SERVICE_N_RANKS];
};

static bool
naive_is_mixed(const struct naive *naive)
{
    for (size_t i = 0; i < MAX_RINGS; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct naive_ring *a = &naive->rings[i];
            const struct naive_ring *b = &naive->rings[j];

            if (a->exists && b->exists
                && (a->rank != b->rank || a->weight != b->weight)) {
                return true;
            }
        }
    }
    return false;
}

static size_t
naive_pending(const struct naive *naive, unsigned int rank)
{
    size_t n = 0;

    for (size_t i = 0; i < MAX_RINGS; i++) {
        if (naive->rings[i].exists && naive->rings[i].rank == rank) {
            n += naive->rings[i].fill;
        }
    }
    return n;
}

static void
naive_got(struct naive *naive, struct naive_ring *ring, size_t n)
{
    ring->fill -= n;
    for (size_t i = 0; n && i < MAX_RINGS; i++) {
        size_t *owed = &naive->rings[i].owed[ring->rank];

        naive->rings[i].was_served[ring->rank] = true;
        *owed -= MIN(*owed, n);
    }
    naive->ever_served[ring->rank] |= n > 0;
}

static unsigned int
naive_heaviest(struct naive *naive, struct naive_ring *ring)
{
    unsigned int *heaviest = &naive->heaviest[ring->rank];

    if (ring->weight < *heaviest) {
        ring->n_quiet = ring->saw_heaviest ? 0 : ring->n_quiet + 1;
        ring->saw_heaviest = false;
        if (ring->n_quiet < SERVICE_QUIET_VISITS) {
            return *heaviest;
        }
    }
    ring->n_quiet = 0;
    *heaviest = ring->weight;
    naive->ever_visited[ring->rank] = true;
    for (size_t i = 0; i < MAX_RINGS; i++) {
        naive->rings[i].saw_heaviest |= naive->rings[i].rank == ring->rank;
    }
    return *heaviest;
}

static size_t
naive_quota(struct naive *naive, struct naive_ring *ring, size_t max)
{
    bool wants = false, is_behind = false;

    if (!naive_is_mixed(naive)) {
        return max;
    }
    if (!ring->fill) {
        ring->credit = 0;
        return 0;
    }

    unsigned int heaviest = naive_heaviest(naive, ring);

    for (size_t i = 0; i < ring->rank; i++) {
        if (naive_pending(naive, i) && ring->was_served[i]) {
            wants = true;
            is_behind |= ring->owed[i] > 0;
        }
        ring->was_served[i] = false;
        ring->owed[i] = naive_pending(naive, i);
    }
    ring->has_yielded = wants && (!ring->has_yielded || is_behind);
    if (ring->has_yielded) {
        return 0;
    }
    if (ring->weight == heaviest
        || naive_pending(naive, ring->rank) == ring->fill) {
        ring->credit = 0;
        return max;
    }
    ring->credit = MIN(ring->credit + (double) max * ring->weight / heaviest,
                       max);

    size_t quota = MIN((size_t) ring->credit, ring->fill);

    ring->credit -= quota;
    return quota;
}

static void
naive_join(struct naive *naive, struct naive_ring *ring, unsigned int rank,
           unsigned int weight)
{
    *ring = (struct naive_ring) {
        .exists = true, .rank = rank, .weight = weight,
        .saw_heaviest = naive->ever_visited[rank],
    };
    /* All that happened before it came is new to it. */
    memcpy(ring->was_served, naive->ever_served, sizeof ring->was_served);
}

static void
random_step(struct service *service, struct fake_ring *rings,
            struct naive *naive)
{
    size_t i = random_range(MAX_RINGS), n = random_range(80);
    struct naive_ring *expected = &naive->rings[i];
    struct fake_ring *ring = &rings[i];

    if (!expected->exists) {
        unsigned int rank = random_range(3) * (SERVICE_N_RANKS - 1) / 2;
        unsigned int weight = 1 + random_range(3) * 499;

        ring_join(ring, service, rank, weight);
        naive_join(naive, expected, rank, weight);
        return;
    }
    assert(service_is_mixed(&ring->slot) == naive_is_mixed(naive));
    switch (random_range(40)) {
    case 0:
        naive_got(naive, expected, expected->fill);
        ring_leave(ring);
        expected->exists = false;
        break;
    case 1 ... 14:
        ring_add(ring, n);
        expected->fill += n;
        break;
    case 15 ... 17:             /* Dropped, or drained. */
        n = MIN(n, ring->fill);
        naive_got(naive, expected, n);
        ring_take(ring, n);
        break;
    default: {
        size_t quota = naive_quota(naive, expected, BATCH);

        assert(service_quota(&ring->slot, ring->fill, BATCH) == quota);
        quota = MIN(quota, ring->fill);
        naive_got(naive, expected, quota);
        ring_take(ring, quota);
        assert(ring->fill == expected->fill);
        break;
    }
    }
}

static void
test_random(struct ovs_cmdl_context *ctx)
{
    int n_steps = atoi(ctx->argv[1]);

    for (int seed = 1; seed <= 20; seed++) {
        struct service *service = service_create();
        struct fake_ring rings[MAX_RINGS];
        struct naive naive = { .heaviest = { 0 } };

        random_set_seed(seed);
        for (int i = 0; i < n_steps; i++) {
            random_step(service, rings, &naive);
        }
        for (size_t i = 0; i < MAX_RINGS; i++) {
            if (naive.rings[i].exists) {
                ring_leave(&rings[i]);
            }
        }
        service_unref(service);
    }
}

/* Threads: rings that each have a consumer, of the link's producer and of a
 * neighbour. */

#define N_CONSUMERS 3
#define N_FRAMES 60000

struct shared_ring {
    struct service_slot slot;
    atomic_uint64_t fill;
};

struct threads {
    struct shared_ring rings[N_CONSUMERS];
};

static void
shared_put(struct shared_ring *ring, bool is_own, size_t n)
{
    uint64_t orig;

    (is_own ? service_put_own : service_put)(&ring->slot, n);
    atomic_add_explicit(&ring->fill, n, &orig, memory_order_release);
    /* Let them catch up: a ring is bounded. */
    while (orig > 512) {
        sched_yield();
        atomic_read_relaxed(&ring->fill, &orig);
    }
}

static void *
produce(void *threads_, bool is_own)
{
    struct threads *t = threads_;

    for (int i = 0; i < N_FRAMES; i += 3) {
        for (size_t j = 0; j < N_CONSUMERS; j++) {
            shared_put(&t->rings[j], is_own, 3);
        }
    }
    return NULL;
}

static void *
produce_own(void *threads)
{
    return produce(threads, true);
}

static void *
produce_others(void *threads)
{
    return produce(threads, false);
}

static void *
consume(void *ring_)
{
    struct shared_ring *ring = ring_;

    for (uint64_t left = 2 * N_FRAMES; left; ) {
        uint64_t fill, n;

        atomic_read_explicit(&ring->fill, &fill, memory_order_acquire);
        n = service_quota(&ring->slot, fill, BATCH);
        assert(n <= BATCH);
        n = MIN(n, fill);
        if (n) {
            atomic_sub(&ring->fill, n, &fill);
            service_got(&ring->slot, n);
            left -= n;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

/* Each frame comes through, whatever the interleaving, and then the service's
 * totals are even: a ring of lower rank has its full batches again. */
static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const unsigned int ranks[] = { 1, 2, 2 };
    static const unsigned int weights[] = { 100, 1, 1000 };
    struct service *service = service_create();
    pthread_t threads[N_CONSUMERS + 2];
    struct fake_ring last, passer;
    struct threads t;

    for (size_t i = 0; i < N_CONSUMERS; i++) {
        t.rings[i] = (struct shared_ring) { .slot.service = NULL };
        service_join(service, &t.rings[i].slot, ranks[i], weights[i]);
    }
    for (size_t i = 0; i < N_CONSUMERS; i++) {
        threads[i] = ovs_thread_create("consumer", consume, &t.rings[i]);
    }
    threads[N_CONSUMERS] = ovs_thread_create("own", produce_own, &t);
    threads[N_CONSUMERS + 1] = ovs_thread_create("others", produce_others,
                                                 &t);
    /* Meanwhile, rings come and go. */
    for (int i = 0; i < 1000; i++) {
        ring_join(&passer, service, i % SERVICE_N_RANKS, 1 + i % 1000);
        ring_leave(&passer);
    }
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        xpthread_join(threads[i], NULL);
    }

    ring_join(&last, service, 2, 2);
    ring_add(&last, 4 * BATCH);
    for (int i = 0; i < 4; i++) {
        assert(visit(&last, BATCH) == BATCH);
    }
    ring_leave(&last);
    for (size_t i = 0; i < N_CONSUMERS; i++) {
        service_leave(&t.rings[i].slot);
    }
    service_unref(service);
}

static void
test_service_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "ranks", NULL, 0, 0, test_ranks, OVS_RO },
        { "members", NULL, 0, 0, test_members, OVS_RO },
        { "order", NULL, 0, 0, test_order, OVS_RO },
        { "weights", NULL, 0, 0, test_weights, OVS_RO },
        { "conserving", NULL, 0, 0, test_conserving, OVS_RO },
        { "random", "STEPS", 1, 1, test_random, OVS_RO },
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-service", test_service_main);
