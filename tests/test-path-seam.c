/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmap.h"
#include "datapath-ext/cache/path.h"
#include "datapath-ext/counter.h"
#include "dpif-netdev-private-flow.h"
#include "dpif-netdev-private-thread.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

/* Paths of the pipeline cache over megaflows of dpif-netdev, which another
 * thread changes and deletes. */

#define N_FLOWS 6
#define N_PASSES 2
#define N_HELD 32
#define N_ROUNDS 30000

struct arena {
    struct dp_netdev_pmd_thread *pmd;
    OVSRCU_TYPE(struct dp_netdev_flow *) flows[N_FLOWS];
    struct counter killed[N_CACHE_KILLS];
    struct paths paths;
    uint32_t held[N_HELD];
    uint64_t n_packets;
    atomic_bool stop;
};

static struct dp_netdev_flow *
flow_get(struct arena *arena, unsigned int i)
{
    return ovsrcu_get(struct dp_netdev_flow *, &arena->flows[i]);
}

static struct cmap_node *
flow_node(const struct dp_netdev_flow *flow)
{
    return CONST_CAST(struct cmap_node *, &flow->node);
}

static void
flow_add(struct arena *arena, unsigned int i)
{
    struct dp_netdev_flow *flow = xzalloc(sizeof *flow);

    *CONST_CAST(ovs_u128 *, &flow->ufid) = (ovs_u128) { .u32 = { i } };
    ovs_refcount_init(&flow->ref_cnt);
    ovsrcu_init(&flow->actions, xzalloc(sizeof(struct dp_netdev_actions)));
    cmap_insert(&arena->pmd->flow_table, flow_node(flow), i);
    ovsrcu_set(&arena->flows[i], flow);
}

/* As dp_netdev_pmd_remove_flow() and our hook in cmap_remove(). */
static void
flow_remove(struct arena *arena, unsigned int i)
{
    struct dp_netdev_flow *flow = flow_get(arena, i);

    cmap_remove(&arena->pmd->flow_table, flow_node(flow), i);
    path_megaflow_end(flow_node(flow));
    sched_yield();
    flow->dead = true;
    dp_netdev_flow_unref(flow);
}

/* As dpif_netdev_flow_put() and our hook in ovsrcu_postpone(). */
static void
flow_modify(struct arena *arena, unsigned int i)
{
    struct dp_netdev_flow *flow = flow_get(arena, i);
    struct dp_netdev_actions *old
        = ovsrcu_get(struct dp_netdev_actions *, &flow->actions);

    ovsrcu_set(&flow->actions, xzalloc(sizeof *old));
    path_actions_end(old);
    ovsrcu_postpone(free, old);
}

static void *
reviser_main(void *arena_)
{
    struct arena *arena = arena_;
    bool stop = false;

    while (!stop) {
        unsigned int i = random_range(N_FLOWS);

        if (random_range(3)) {
            flow_modify(arena, i);
        } else {
            flow_remove(arena, i);
            flow_add(arena, i);
        }
        ovsrcu_quiesce();
        atomic_read_relaxed(&arena->stop, &stop);
    }
    return NULL;
}

/* What was recorded a moment ago. */
static uint32_t
learn(struct arena *arena)
{
    struct path_spec spec = { .n = N_PASSES };

    for (size_t i = 0; i < N_PASSES; i++) {
        struct dp_netdev_flow *flow = flow_get(arena, random_range(N_FLOWS));

        spec.passes[i] = (struct path_pass) {
            .flow = flow, .actions = ovs_flow_actions(flow),
        };
    }
    if (!random_range(4)) {
        sched_yield();
    }
    return path_ref(&arena->paths, &spec);
}

static void *
owner_main(void *arena_)
{
    struct arena *arena = arena_;

    for (int i = 0; i < N_ROUNDS; i++) {
        uint32_t *held = &arena->held[random_range(N_HELD)];

        if (*held && !path_is_dead(path_get(&arena->paths, *held))) {
            path_count(&arena->paths, path_get(&arena->paths, *held), 60, 0);
            arena->n_packets++;
        }
        if (!random_range(4)) {
            if (*held) {
                path_unref(&arena->paths, *held);
            }
            *held = learn(arena);
        }
        if (!random_range(8)) {
            paths_flush(&arena->paths, i);
            ovsrcu_quiesce();
        }
    }
    return NULL;
}

/* All that isn't dead is as it was recorded. */
static void
check(struct arena *arena)
{
    for (size_t i = 0; i < N_HELD; i++) {
        const struct path *path = path_get(&arena->paths, arena->held[i]);

        for (size_t j = 0; arena->held[i] && !path_is_dead(path)
                           && j < path->n; j++) {
            const struct path_pass *pass = &path->passes[j];

            assert(ovs_flow_is_listed(arena->pmd, pass->flow));
            assert(ovs_flow_actions(pass->flow) == pass->actions);
        }
    }
}

/* No path holds a megaflow any more. */
static void
arena_destroy(struct arena *arena)
{
    for (size_t i = 0; i < N_HELD; i++) {
        if (arena->held[i]) {
            path_unref(&arena->paths, arena->held[i]);
        }
    }
    paths_flush(&arena->paths, 0);
    assert(!arena->paths.n_live);
    paths_destroy(&arena->paths, 0);
    for (unsigned int i = 0; i < N_FLOWS; i++) {
        assert(ovs_refcount_read(&flow_get(arena, i)->ref_cnt) == 1);
        flow_remove(arena, i);
    }
    cmap_destroy(&arena->pmd->flow_table);
    free(arena->pmd);
    free(arena);
}

static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct arena *arena = xzalloc(sizeof *arena);
    pthread_t owner, reviser;

    arena->pmd = xzalloc(sizeof *arena->pmd);
    cmap_init(&arena->pmd->flow_table);
    assert(paths_init(&arena->paths, arena->pmd, arena->killed));
    for (unsigned int i = 0; i < N_FLOWS; i++) {
        flow_add(arena, i);
    }
    reviser = ovs_thread_create("reviser", reviser_main, arena);
    owner = ovs_thread_create("owner", owner_main, arena);
    ovsrcu_quiesce_start();
    xpthread_join(owner, NULL);
    atomic_store_relaxed(&arena->stop, true);
    xpthread_join(reviser, NULL);
    ovsrcu_quiesce_end();

    printf("%"PRIu64" hits, %"PRIu64" paths killed by flows, %"PRIu64
           " by actions\n", arena->n_packets,
           counter_read(&arena->killed[CACHE_KILL_FLOW]),
           counter_read(&arena->killed[CACHE_KILL_ACTIONS]));
    fflush(stdout);
    check(arena);
    assert(arena->n_packets);
    assert(counter_read(&arena->killed[CACHE_KILL_FLOW]));
    assert(counter_read(&arena->killed[CACHE_KILL_ACTIONS]));
    arena_destroy(arena);
}

/* All paths of a port may share its first megaflow.  To let go of them takes
 * time in proportion to their number, in which their thread polls nothing. */
static void
test_shared(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    enum { N_PATHS = 40000 };
    struct arena *arena = xzalloc(sizeof *arena);
    uint32_t *numbers = xmalloc(N_PATHS * sizeof *numbers);
    clock_t start;

    arena->pmd = xzalloc(sizeof *arena->pmd);
    cmap_init(&arena->pmd->flow_table);
    assert(paths_init(&arena->paths, arena->pmd, arena->killed));
    for (unsigned int i = 0; i < N_FLOWS; i++) {
        flow_add(arena, i);
    }
    for (uint32_t i = 0; i < N_PATHS; i++) {
        struct path_spec spec = { .l2_old = 14, .l2_new = 14, .n = 1 };

        memcpy(spec.l2, &i, sizeof i);
        spec.passes[0].flow = flow_get(arena, 0);
        spec.passes[0].actions = ovs_flow_actions(flow_get(arena, 0));
        numbers[i] = path_ref(&arena->paths, &spec);
        assert(numbers[i]);
    }
    flow_modify(arena, 0);
    assert(counter_read(&arena->killed[CACHE_KILL_ACTIONS]) == N_PATHS);
    start = clock();
    paths_flush(&arena->paths, 0);
    printf("%ld us\n", (long) ((clock() - start) * 1000000
                               / CLOCKS_PER_SEC));
    fflush(stdout);
    assert(clock() - start < CLOCKS_PER_SEC / 2);
    assert(!arena->paths.n_live);
    for (uint32_t i = 0; i < N_PATHS; i++) {
        path_unref(&arena->paths, numbers[i]);
    }
    free(numbers);
    arena_destroy(arena);
}

static void
test_path_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { "shared", NULL, 0, 0, test_shared, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-path", test_path_main);
