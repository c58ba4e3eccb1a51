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
 * never do.  Keys that were refused for what the pipeline does with them are
 * left alone for a second.
 *
 * Data flow: cache.c: miss --seen_check()--> record or not
 *            learn.c: refused --seen_refuse()-->
 *
 * A bucket has the fingerprints of its last SEEN_WAYS new keys.
 * With one place only, two keys that share it and take turns would never be
 * recorded, and of 64k keys in twice as many places two in five share one.
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

struct seen_place {
    uint16_t tag;
    uint8_t is_refused;
    uint8_t when;               /* In units of 1024 ms. */
};

struct seen {
    struct seen_place (*buckets)[SEEN_WAYS];
    uint32_t mask;
};

/* 'size' keys, a power of 2. */
static inline bool
seen_init(struct seen *seen, uint32_t size)
{
    seen->mask = size / SEEN_WAYS - 1;
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

static inline struct seen_place *
seen_add(struct seen *seen, uint32_t hash)
{
    struct seen_place *bucket = seen->buckets[hash & seen->mask];

    memmove(&bucket[1], &bucket[0], (SEEN_WAYS - 1) * sizeof *bucket);
    bucket[0] = (struct seen_place) { .tag = seen_tag(hash) };
    return bucket;
}

static inline bool
seen_place_is_refused(const struct seen_place *place, uint32_t now)
{
    return place->is_refused && place->when == (uint8_t) (now >> 10);
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
        seen_add(seen, hash);
        return false;
    }
    return !seen_place_is_refused(place, now);
}

static inline void
seen_refuse(struct seen *seen, uint32_t hash, uint32_t now)
{
    struct seen_place *place = seen_find(seen, hash);

    if (!place) {
        place = seen_add(seen, hash);
    }
    place->is_refused = true;
    place->when = now >> 10;
}

#endif /* datapath-ext/cache/seen.h */
