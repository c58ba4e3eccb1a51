/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_INFO_H
#define CACHE_INFO_H 1

/* What is known of pipeline caches
 * ================================
 *
 * What: the counters of one thread's cache (cache/cache.h) and what is in it,
 * for the main thread to show, and the switch.
 *
 * Data flow: cache/cache.c --cache_get_infos()--> 'vnic/cache-show' and the
 *            table VNIC_Cache
 *            cache/explain.c --cache_explain()--> 'vnic/cache-explain'
 *
 * Units: packets for hits and misses; entries, paths, recordings.
 *
 * Ownership: the caller frees arrays and explanations.
 *
 * Thread-safety: main thread.  Counters of other threads are read while they
 * run, so that sums may be a batch apart.
 *
 * Errors: none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath-ext/cache/miss.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"

struct match;
struct nlattr;

#define CACHE_MIN_SIZE 256
#define CACHE_DEFAULT_SIZE (1u << 18)
#define CACHE_MAX_SIZE (1u << 22)

struct cache_info {
    bool is_main;               /* The main thread's, or... */
    unsigned int core;          /* ...of a PMD thread on this core. */
    uint64_t size;
    uint64_t entries;
    uint64_t paths;
    uint64_t hits;
    uint64_t misses[N_CACHE_MISSES];
    uint64_t refusals[N_CACHE_REFUSALS];
    uint64_t kills[N_CACHE_KILLS];
    uint64_t inserts;
    uint64_t again;             /* Of these, for a key that had an entry. */
    uint64_t evictions;
};

/* Turns the cache on or off, for all threads.  'size' is a power of 2 in the
 * range above; caches of another size are made anew, empty. */
void cache_configure(bool on, size_t size);
bool cache_is_on(void);

/* What is told of entries, as text, and the megaflows in it, for whoever can
 * tell more of them. */
struct cache_stage {
    size_t at;                  /* In the text, behind the megaflow. */
    struct flow flow;           /* Of the packet that made the megaflow, with
                                 * its port in the datapath. */
    struct nlattr *actions;     /* In the datapath. */
    size_t actions_len;
};

struct cache_explanation {
    struct ds text;
    struct cache_stage *stages;
    size_t n, allocated;
};

#define CACHE_EXPLANATION_INITIALIZER { .text = DS_EMPTY_INITIALIZER }

/* Appends the entries that match, with datapath port numbers, and the stages
 * that were recorded for them; at most 'max' of each cache. */
void cache_explain(const struct match *, size_t max,
                   struct cache_explanation *);
void cache_explanation_destroy(struct cache_explanation *);

size_t cache_get_infos(struct cache_info **);
struct cache;
void cache_info_read(struct cache_info *, const struct cache *);
/* Adds 'info' to 'total', which stands for no thread. */
void cache_info_add(struct cache_info *total, const struct cache_info *info);
size_t cache_n_sessions(void);

#endif /* datapath-ext/cache-info.h */
