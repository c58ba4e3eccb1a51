/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_SEEN_H
#define CACHE_SEEN_H 1

/* Seen
 * ====
 *
 * What: which keys have missed lately, to record a key only when it misses
 * for the second time: most keys of short connections, and all of a scan,
 * never do.  Keys that were refused are left alone for a while: a second for
 * what the pipeline does with them, SEEN_SHORT_MS for what a connection is in
 * now, which its next packets may change.
 *
 * Data flow: cache.c: miss --seen_check()--> record or not
 *            learn.c: refused --seen_refuse()-->
 *
 * A bucket has the fingerprints of SEEN_WAYS keys.  With one place only, two
 * keys that share it and take turns would never be recorded, and of 64k keys
 * in twice as many places two in five share one.  A new key takes the place of
 * one of them by chance: if it were the oldest, five keys that take turns
 * would never be recorded either.
 *
 * Units: ms of time_msec().
 *
 * Ownership: part of a cache.
 *
 * Thread-safety: one thread.
 *
 * Errors: seen_init() returns false without memory. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "datapath-ext/cache/memory.h"
#include "openvswitch/compiler.h"

#define SEEN_WAYS 4
#define SEEN_SHORT_MS 16

/* In units of SEEN_SHORT_MS. */
#define SEEN_SHORT 1
#define SEEN_LONG 64

struct seen_place {
    uint16_t tag;
    uint16_t until;             /* Refused until then, in these units. */
};

struct seen {
    struct seen_place (*buckets)[SEEN_WAYS];
    uint32_t mask;
    uint32_t random;
};

/* 'size' keys, a power of 2. */
static inline bool
seen_init(struct seen *seen, uint32_t size)
{
    seen->mask = size / SEEN_WAYS - 1;
    seen->random = 0;
    seen->buckets = memory_map((size_t) (seen->mask + 1)
                               * sizeof *seen->buckets);
    return seen->buckets;
}

static inline void
seen_destroy(struct seen *seen)
{
    memory_unmap(seen->buckets,
                 (size_t) (seen->mask + 1) * sizeof *seen->buckets);
}

static inline uint16_t
seen_tag(uint32_t hash)
{
    return hash >> 16 | 1;
}

static inline void
seen_prefetch(const struct seen *seen, uint32_t hash)
{
    OVS_PREFETCH_WRITE(seen->buckets[hash & seen->mask]);
}

static inline struct seen_place *
seen_find(const struct seen *seen, uint32_t hash)
{
    struct seen_place *bucket = seen->buckets[hash & seen->mask];

    for (int i = 0; i < SEEN_WAYS; i++) {
        if (bucket[i].tag == seen_tag(hash)) {
            return &bucket[i];
        }
    }
    return NULL;
}

static inline uint16_t
seen_time(uint32_t now)
{
    return now / SEEN_SHORT_MS;
}

/* A place for a key that has none. */
static inline struct seen_place *
seen_add(struct seen *seen, uint32_t hash, uint32_t now)
{
    struct seen_place *bucket = seen->buckets[hash & seen->mask];
    unsigned int way;

    /* By chance, for what follows an order may follow that of the keys. */
    seen->random = seen->random * 1664525 + 1013904223;
    way = seen->random >> 16 & (SEEN_WAYS - 1);
    for (unsigned int i = 0; i < SEEN_WAYS; i++) {
        if (!bucket[i].tag) {
            way = i;
            break;
        }
    }
    bucket[way] = (struct seen_place) {
        .tag = seen_tag(hash),
        .until = seen_time(now),
    };
    return &bucket[way];
}

/* A time that wraps around may be refused once more in ten minutes. */
static inline bool
seen_place_is_refused(const struct seen_place *place, uint32_t now)
{
    return (uint16_t) (place->until - seen_time(now) - 1) < SEEN_LONG;
}

static inline bool
seen_is_refused(const struct seen *seen, uint32_t hash, uint32_t now)
{
    const struct seen_place *place = seen_find(seen, hash);

    return place && seen_place_is_refused(place, now);
}

/* Should a key that missed be recorded? */
static inline bool
seen_check(struct seen *seen, uint32_t hash, uint32_t now)
{
    const struct seen_place *place = seen_find(seen, hash);

    if (!place) {
        seen_add(seen, hash, now);
        return false;
    }
    return !seen_place_is_refused(place, now);
}

/* For SEEN_SHORT or SEEN_LONG. */
static inline void
seen_refuse(struct seen *seen, uint32_t hash, uint32_t now, uint16_t span)
{
    struct seen_place *place = seen_find(seen, hash);

    if (!place) {
        place = seen_add(seen, hash, now);
    }
    place->until = seen_time(now) + span;
}

#endif /* datapath-ext/cache/seen.h */
