/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/path.h"

#include "cmap.h"
#include "datapath-ext/cache/memory.h"
#include "datapath-ext/counter.h"
#include "hash.h"
#include "openvswitch/list.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"

/* By whose end paths die: a node of a megaflow's, or its actions.  All paths
 * of a port may have its first megaflow, so that they are in a list: among
 * nodes of one hash a cmap finds one of n in n steps. */
struct path_watched {
    struct cmap_node node;      /* In 'all_watched'. */
    uint32_t hash;
    ATOMIC(const void *) what;  /* NULL once it has ended: its memory may
                                 * become anything then, also ours. */
    struct ovs_list watches;    /* Guarded by 'mutex'. */
};

struct path_watch {
    struct ovs_list node;
    struct path_watched *watched;
    struct path *path;
    struct paths *paths;
};

/* Global as megaflows of all threads end in any thread. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct cmap all_watched = CMAP_INITIALIZER;

bool
paths_init(struct paths *paths, const struct dp_netdev_pmd_thread *pmd,
           struct counter *killed)
{
    memset(paths, 0, sizeof *paths);
    paths->all = memory_map(PATHS_MAX * sizeof *paths->all);
    paths->n = 1;
    paths->pmd = pmd;
    paths->killed = killed;
    atomic_init(&paths->any_dead, false);
    hmap_init(&paths->by_content);
    outputs_init(&paths->outputs);
    return paths->all;
}

/* Watches. */

static bool
watched_is(struct path_watched *watched, const void *what)
{
    const void *is;

    atomic_read_relaxed(&watched->what, &is);
    return is == what;
}

static struct path_watched *
watched_find(const void *what)
{
    struct path_watched *watched;

    CMAP_FOR_EACH_WITH_HASH (watched, node, hash_pointer(what, 0),
                             &all_watched) {
        if (watched_is(watched, what)) {
            return watched;
        }
    }
    return NULL;
}

static void
watch_add(struct path_watch *watch, const void *what, struct path *path,
          struct paths *paths)
    OVS_REQUIRES(mutex)
{
    struct path_watched *watched = watched_find(what);

    if (!watched) {
        watched = xmalloc(sizeof *watched);
        watched->hash = hash_pointer(what, 0);
        atomic_init(&watched->what, what);
        ovs_list_init(&watched->watches);
        cmap_insert(&all_watched, &watched->node, watched->hash);
    }
    watch->watched = watched;
    watch->path = path;
    watch->paths = paths;
    ovs_list_push_back(&watched->watches, &watch->node);
}

static void
watch_remove(struct path_watch *watch)
    OVS_REQUIRES(mutex)
{
    struct path_watched *watched = watch->watched;

    ovs_list_remove(&watch->node);
    if (ovs_list_is_empty(&watched->watches)) {
        cmap_remove(&all_watched, &watched->node, watched->hash);
        ovsrcu_postpone(free, watched);
    }
}

static void
path_watch(struct paths *paths, struct path *path)
{
    path->watches = xmalloc(2 * path->n * sizeof *path->watches);
    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < path->n; i++) {
        watch_add(&path->watches[2 * i], ovs_flow_node(path->passes[i].flow),
                  path, paths);
        watch_add(&path->watches[2 * i + 1], path->passes[i].actions,
                  path, paths);
    }
    ovs_mutex_unlock(&mutex);
}

static void
path_unwatch(struct path *path)
{
    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < 2 * path->n; i++) {
        watch_remove(&path->watches[i]);
    }
    ovs_mutex_unlock(&mutex);
    free(path->watches);
    path->watches = NULL;
}

static void
watched_kill(struct path_watched *watched, enum cache_kill cause)
    OVS_REQUIRES(mutex)
{
    struct path_watch *watch;

    atomic_store_relaxed(&watched->what, NULL);
    LIST_FOR_EACH (watch, node, &watched->watches) {
        if (!path_is_dead(watch->path)) {
            counter_add(&watch->paths->killed[cause], 1);
        }
        atomic_store_explicit(&watch->path->dead, true,
                              memory_order_release);
        atomic_store_relaxed(&watch->paths->any_dead, true);
    }
}

static void
kill_by(const void *what, enum cache_kill cause)
{
    struct path_watched *watched;

    /* Without the lock: this comes for all that is removed anywhere, also by
     * us and under it.  What is not watched yet will be looked at again by
     * who watches it (path_holds()). */
    atomic_thread_fence(memory_order_seq_cst);
    if (OVS_LIKELY(!watched_find(what))) {
        return;
    }
    ovs_mutex_lock(&mutex);
    watched = watched_find(what);
    if (watched) {
        watched_kill(watched, cause);
    }
    ovs_mutex_unlock(&mutex);
}

void
path_megaflow_end(const void *node)
{
    kill_by(node, CACHE_KILL_FLOW);
}

void
path_actions_end(const void *actions)
{
    kill_by(actions, CACHE_KILL_ACTIONS);
}

/* Life. */

static uint32_t
spec_hash(const struct path_spec *spec)
{
    uint32_t hash = hash_bytes(spec->l2, spec->l2_new, spec->flags);

    for (size_t i = 0; i < spec->n; i++) {
        hash = hash_add64(hash, (uintptr_t) spec->passes[i].flow);
        hash = hash_add64(hash, (uintptr_t) spec->passes[i].actions);
    }
    return hash_finish(hash, spec->n);
}

static bool
path_is(const struct path *path, const struct path_spec *spec)
{
    if (path->flags != spec->flags || path->n != spec->n
        || path->l2_old != spec->l2_old || path->l2_new != spec->l2_new
        || memcmp(path->l2, spec->l2, spec->l2_new)
        || !output_is(path->output, &spec->output)) {
        return false;
    }
    for (size_t i = 0; i < spec->n; i++) {
        if (path->passes[i].flow != spec->passes[i].flow
            || path->passes[i].actions != spec->passes[i].actions
            || path->passes[i].growth != spec->passes[i].growth) {
            return false;
        }
    }
    return !path_is_dead(path);
}

static struct path *
path_alloc(struct paths *paths)
{
    struct path *path;

    if (paths->spare) {
        path = path_get(paths, paths->spare);
        paths->spare = path->next;
    } else if (paths->n < PATHS_MAX) {
        path = path_get(paths, paths->n++);
    } else {
        return NULL;
    }
    memset(path, 0, sizeof *path);
    atomic_init(&path->dead, false);
    return path;
}

static void
path_free(struct paths *paths, struct path *path)
{
    path->next = paths->spare;
    paths->spare = path - paths->all;
}

/* Are the megaflows what they were when they were observed? */
static bool
path_holds(const struct paths *paths, const struct path *path)
{
    /* Who ends a megaflow looks for watches after it; we, the other way
     * around. */
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < path->n; i++) {
        const struct path_pass *pass = &path->passes[i];

        if (!ovs_flow_is_listed(paths->pmd, pass->flow)
            || ovs_flow_actions(pass->flow) != pass->actions) {
            return false;
        }
    }
    return true;
}

static void
path_count_megaflows(struct path *path, long long now)
{
    if (path->n_packets && path->watches) {
        for (size_t i = 0; i < path->n; i++) {
            const struct path_pass *pass = &path->passes[i];

            ovs_flow_used(pass->flow, path->n_packets,
                          (path->n_bytes
                           + (int64_t) pass->growth * path->n_packets),
                          path->tcp_flags, now);
        }
    }
    path->n_packets = 0;
    path->n_bytes = 0;
    path->tcp_flags = 0;
    path->is_pending = false;
}

/* Lets go of the megaflows; the path stays dead while entries have it. */
static void
path_release(struct paths *paths, struct path *path)
{
    if (!path->watches) {
        return;
    }
    hmap_remove(&paths->by_content, &path->node);
    path_unwatch(path);
    for (size_t i = 0; i < path->n; i++) {
        ovs_flow_unref(path->passes[i].flow);
    }
    paths->n_live--;
}

static struct path *
path_create(struct paths *paths, const struct path_spec *spec, uint32_t hash)
{
    struct path *path = path_alloc(paths);
    size_t n = 0;

    while (path && n < spec->n && ovs_flow_ref(spec->passes[n].flow)) {
        n++;
    }
    if (!path || n < spec->n) {
        while (n--) {
            ovs_flow_unref(spec->passes[n].flow);
        }
        if (path) {
            path_free(paths, path);
        }
        return NULL;
    }
    path->flags = spec->flags;
    path->l2_old = spec->l2_old;
    path->l2_new = spec->l2_new;
    memcpy(path->l2, spec->l2, spec->l2_new);
    path->n = spec->n;
    memcpy(path->passes, spec->passes, spec->n * sizeof spec->passes[0]);
    path->output = output_ref(&paths->outputs, &spec->output);
    path_watch(paths, path);
    hmap_insert(&paths->by_content, &path->node, hash);
    paths->n_live++;
    return path;
}

uint32_t
path_ref(struct paths *paths, const struct path_spec *spec)
{
    uint32_t hash = spec_hash(spec);
    struct path *path;

    HMAP_FOR_EACH_WITH_HASH (path, node, hash, &paths->by_content) {
        if (path_is(path, spec)) {
            path->n_refs++;
            return path - paths->all;
        }
    }
    path = path_create(paths, spec, hash);
    if (!path) {
        return 0;
    }
    path->n_refs = 1;
    /* Only from now on is the path told. */
    if (!path_holds(paths, path)) {
        path_unref(paths, path - paths->all);
        return 0;
    }
    return path - paths->all;
}

void
path_unref(struct paths *paths, uint32_t number)
{
    struct path *path = path_get(paths, number);

    /* A pending one is freed in paths_flush(). */
    if (!--path->n_refs && !path->is_pending) {
        path_release(paths, path);
        output_unref(&paths->outputs, path->output);
        path_free(paths, path);
    }
}

/* Dead paths hold megaflows back until somebody looks. */
static void
paths_release_dead(struct paths *paths)
{
    struct path *path;

    atomic_store_relaxed(&paths->any_dead, false);
    HMAP_FOR_EACH_SAFE (path, node, &paths->by_content) {
        if (path_is_dead(path)) {
            path_release(paths, path);
        }
    }
}

void
paths_flush(struct paths *paths, long long now)
{
    uint32_t number = paths->pending;
    bool any_dead;

    paths->pending = 0;
    while (number) {
        struct path *path = path_get(paths, number);
        uint32_t next = path->next;

        path_count_megaflows(path, now);
        if (!path->n_refs) {
            path->n_refs = 1;
            path_unref(paths, number);
        }
        number = next;
    }
    atomic_read_relaxed(&paths->any_dead, &any_dead);
    if (OVS_UNLIKELY(any_dead)) {
        paths_release_dead(paths);
    }
    paths->next_flush = now + PATHS_FLUSH_MS;
}

void
paths_destroy(struct paths *paths, long long now)
{
    paths_flush(paths, now);
    hmap_destroy(&paths->by_content);
    outputs_destroy(&paths->outputs);
    memory_unmap(paths->all, PATHS_MAX * sizeof *paths->all);
    paths->all = NULL;
}
