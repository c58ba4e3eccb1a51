/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_PATH_H
#define CACHE_PATH_H 1

/* Path
 * ====
 *
 * What: what entries share that went the same way: the megaflows of every
 * pass, the Ethernet header at the end, the output, and counters that are due
 * to the megaflows.
 *
 * Data flow: record.h --path_ref()--> entry.path
 *            hit --path_count()--> path --paths_flush()--> megaflows
 *            a megaflow ends or gets other actions --seam.c-->
 *                path_megaflow_end(), path_actions_end() --> dead
 *
 * Accounting: hits are added to the path and given to its megaflows within
 * PATHS_FLUSH_MS, and before anything is learnt or a path is freed.  With 32
 * paths in a batch and six megaflows in each, it costs twice as much to do it
 * at once.  What a megaflow loses that is deleted meanwhile is what stock
 * loses too of packets under way.
 *
 * Death: whoever ends a megaflow marks its paths 'dead' before RCU may free
 * it; a hit reads the mark with the rest of the line.  The thread releases the
 * megaflows of dead paths in paths_flush(), and the path's memory when no
 * entry has it any more.
 *
 * Units: packets and bytes, as the megaflows count them: after each pass, so
 * that a tag that came or went counts.
 *
 * Ownership: a path holds a reference to each of its megaflows.
 *
 * Thread-safety: a path belongs to its thread, but for 'dead' and the map from
 * megaflows to paths, which is for all and has a mutex, an innermost lock.
 *
 * Errors: path_ref() returns NULL if a megaflow has ended or all paths are in
 * use. */

#include "datapath-ext/cache/output.h"
#include "datapath-ext/cache/ovs.h"
#include "datapath-ext/cache/session.h"
#include "util.h"

#define PATH_MAX_PASSES 8
#define PATHS_MAX (1u << 16)
#define PATHS_FLUSH_MS 1
#define PATH_MAX_L2 (ETH_HEADER_LEN + 2 * VLAN_HEADER_LEN)

/* 'flags'. */
enum {
    PATH_CT = 1 << 0,           /* Conntrack verified checksums. */
    PATH_TCP = 1 << 1,          /* Conntrack followed windows. */
    PATH_L3 = 1 << 2,           /* Network or transport header changes. */
    PATH_HASH = 1 << 3,         /* The output needs an RSS hash. */
};

struct path_pass {
    struct dp_netdev_flow *flow;
    const void *actions;        /* From ovs_flow_actions(). */
    int32_t growth;             /* Bytes more than on input. */
};

/* What was observed. */
struct path_spec {
    uint8_t flags;
    uint8_t l2_old, l2_new;     /* Lengths of the Ethernet header with its
                                 * tags; both 0 if it didn't change. */
    uint8_t l2[PATH_MAX_L2];    /* Afterwards. */
    size_t n;
    struct path_pass passes[PATH_MAX_PASSES];
    struct output_spec output;
};

OVS_ALIGNED_STRUCT(CACHE_LINE_SIZE, path) {
    /* The line that hits use. */
    atomic_bool dead;
    bool is_pending;
    uint8_t flags;
    uint8_t l2_old, l2_new;
    uint8_t l2[PATH_MAX_L2];
    uint8_t tcp_flags;
    uint32_t n_packets;
    uint64_t n_bytes;
    struct output *output;
    uint32_t n_refs;            /* Entries. */
    uint32_t next;              /* Pending, or spare. */

    /* For all else. */
    struct path_watch *watches; /* NULL once released. */
    uint8_t n;
    struct path_pass passes[PATH_MAX_PASSES];
    struct hmap_node node;      /* In paths.by_content, if watched. */
};
BUILD_ASSERT_DECL(offsetof(struct path, watches) <= CACHE_LINE_SIZE);

struct paths {
    struct path *all;           /* From 1 on. */
    uint32_t n;
    uint32_t spare;
    uint32_t pending;
    uint32_t n_live;
    struct hmap by_content;
    struct outputs outputs;
    atomic_bool any_dead;
    const struct dp_netdev_pmd_thread *pmd;
    struct counter *killed;     /* N_CACHE_KILLS. */
    long long next_flush;       /* ms */
};

static inline bool
paths_have_room(const struct paths *paths)
{
    return paths->spare || paths->n < PATHS_MAX;
}

/* The megaflows are this thread's. */
bool paths_init(struct paths *, const struct dp_netdev_pmd_thread *,
                struct counter *killed);
/* No entry has a path any more. */
void paths_destroy(struct paths *, long long now);

/* Returns a path's number with one more entry, or 0. */
uint32_t path_ref(struct paths *, const struct path_spec *);
void path_unref(struct paths *, uint32_t number);

static inline struct path *
path_get(const struct paths *paths, uint32_t number)
{
    return &paths->all[number];
}

static inline bool
path_is_dead(const struct path *path)
{
    bool dead;

    atomic_read_relaxed(&CONST_CAST(struct path *, path)->dead, &dead);
    return dead;
}

static inline void
path_count(struct paths *paths, struct path *path, uint32_t bytes,
           uint8_t tcp_flags)
{
    path->n_packets++;
    path->n_bytes += bytes;
    path->tcp_flags |= tcp_flags;
    if (!path->is_pending) {
        path->is_pending = true;
        path->next = paths->pending;
        paths->pending = path - paths->all;
    }
}

/* Gives megaflows what is due to them. */
void paths_flush(struct paths *, long long now);

/* Any thread: what cmap_replace() removes, ovsrcu_postpone() frees. */
void path_megaflow_end(const void *node);
void path_actions_end(const void *actions);

#endif /* datapath-ext/cache/path.h */
