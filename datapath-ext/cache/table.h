/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H 1

/* Table
 * =====
 *
 * What: the entries of one thread's pipeline cache.  An entry says what
 * becomes of the packets of one key: the values of their headers afterwards,
 * and the path (path.h) and session (session.h) that it shares with others.
 *
 * Data flow: key.h --table_find()--> entry; learn.c --table_place()--> entry
 *
 * Layout: a bucket is a line of 32 tags of 16 bits, compared at once, and its
 * entries have two lines each, of which IPv4 touches one.  A look-up reads two
 * lines, whatever anybody sends: a bucket is never left for another one.  With
 * buckets of 16 and half of them used, some flows evict each other for ever;
 * with 32 hardly any do.
 *
 * Replacement: a new entry takes a free place or that of a dead entry, else
 * that of one which nobody has used for TABLE_IDLE_MS, else none: who scans
 * with fresh flows finds no place that is in use.
 *
 * Units: ms of time_msec(), truncated to 32 bits, for times.
 *
 * Ownership: a table belongs to its cache.  Memory is mapped when it is made,
 * with huge pages if there are any, and comes when it is touched.
 *
 * Thread-safety: its thread alone reads and writes, but for 'deadline',
 * 'session' and 'next', which session.h writes under its mutex.
 *
 * Errors: table_create() returns NULL if the memory can't be had. */

#include <stdbool.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "datapath-ext/cache/key.h"
#include "ovs-atomic.h"

#define TABLE_WAYS 32
#define TABLE_IDLE_MS 2000

/* The deadline of an entry that must not be used any more. */
#define ENTRY_DEAD 0

struct entry {
    /* For all packets. */
    struct key_narrow key;
    ovs_be16 tci;
    uint16_t l4_delta;          /* For the checksum, see checksum.h, or 0. */
    atomic_uint32_t deadline;   /* When its connections must hear that they
                                 * are in use, or ENTRY_DEAD. */
    uint32_t path : 24;
    uint32_t shape : 8;
    atomic_uint32_t session;    /* From session_ref(), or 0. */
    uint8_t tos;
    uint8_t ttl;
    uint16_t l3_delta;
    ovs_be32 src;
    ovs_be32 dst;
    ovs_be16 l4_src;
    ovs_be16 l4_dst;

    /* If 'shape' & KEY_WIDE, but for the last. */
    struct key_wide wide;
    ovs_be32 wide_src[3];
    ovs_be32 wide_dst[3];
    uint32_t next;              /* In its session: an entry id, or 0. */
    uint32_t last_hit;          /* Approximate: set with the deadline. */
};
BUILD_ASSERT_DECL(sizeof(struct entry) == 2 * CACHE_LINE_SIZE);
BUILD_ASSERT_DECL(offsetof(struct entry, wide) == CACHE_LINE_SIZE);

struct table {
    uint32_t mask;              /* Number of buckets - 1. */
    uint32_t n_used;
    uint16_t (*tags)[TABLE_WAYS];
    struct entry *entries;
    size_t bytes;
};

/* 'size' is a power of 2, at least 8 * TABLE_WAYS. */
bool table_init(struct table *, size_t size);
void table_destroy(struct table *);

static inline size_t
table_size(const struct table *table)
{
    return (size_t) (table->mask + 1) * TABLE_WAYS;
}

static inline uint32_t
table_bucket(const struct table *table, const struct key *key)
{
    return key->hash & table->mask;
}

static inline uint16_t
table_tag(const struct key *key)
{
    return key->hash >> 16 | 1; /* 0 is an empty place. */
}

/* The ways of a bucket with this tag, as a bitmap. */
#ifdef __SSE2__
static inline uint32_t
tags_compare_half(const uint16_t *tags, __m128i tag)
{
    const __m128i *line = (const void *) tags;
    __m128i low = _mm_cmpeq_epi16(_mm_load_si128(line), tag);
    __m128i high = _mm_cmpeq_epi16(_mm_load_si128(line + 1), tag);

    return _mm_movemask_epi8(_mm_packs_epi16(low, high));
}

static inline uint32_t
tags_compare(const uint16_t *tags, uint16_t tag_)
{
    __m128i tag = _mm_set1_epi16(tag_);

    return (tags_compare_half(tags, tag)
            | tags_compare_half(tags + TABLE_WAYS / 2, tag) << TABLE_WAYS / 2);
}
#else
static inline uint32_t
tags_compare(const uint16_t *tags, uint16_t tag)
{
    uint32_t found = 0;

    for (size_t i = 0; i < TABLE_WAYS; i++) {
        found |= (uint32_t) (tags[i] == tag) << i;
    }
    return found;
}
#endif

static inline uint32_t
table_candidates(const struct table *table, const struct key *key)
{
    return tags_compare(table->tags[table_bucket(table, key)],
                        table_tag(key));
}

static inline struct entry *
table_entry(const struct table *table, uint32_t bucket, unsigned int way)
{
    return &table->entries[bucket * TABLE_WAYS + way];
}

static inline uint32_t
table_index(const struct table *table, const struct entry *entry)
{
    return entry - table->entries;
}

static inline bool
entry_has_key(const struct entry *entry, const struct key *key)
{
    return (key_narrow_equal(&entry->key, &key->narrow)
            && entry->tci == key->tci && entry->shape == key->shape
            && (!(key->shape & KEY_WIDE)
                || key_wide_equal(&entry->wide, &key->wide)));
}

/* The entry of 'key' among 'candidates', dead or not, or NULL. */
static inline struct entry *
table_find(const struct table *table, const struct key *key,
           uint32_t candidates)
{
    uint32_t bucket = table_bucket(table, key);

    for (; candidates; candidates &= candidates - 1) {
        struct entry *entry = table_entry(table, bucket, ctz32(candidates));

        if (OVS_LIKELY(entry_has_key(entry, key))) {
            return entry;
        }
    }
    return NULL;
}

/* A place for 'key': that of an entry with the same key, a free, dead or idle
 * one, or NULL.  'is_used' tells whether it holds an entry, which the caller
 * unlinks before it fills the place and calls table_set(). */
struct entry *table_place(const struct table *, const struct key *,
                          uint32_t now, bool *is_used);
/* The place of a dead or idle entry of a port in the key's bucket, or NULL. */
struct contexts;
struct entry *table_victim(const struct table *, const struct key *,
                           uint32_t now, const struct contexts *,
                           odp_port_t port);
void table_set(struct table *, struct entry *, const struct key *);
void table_clear(struct table *, struct entry *);

static inline bool
entry_is_free(const struct table *table, size_t index)
{
    return !table->tags[index / TABLE_WAYS][index % TABLE_WAYS];
}

static inline uint32_t
entry_deadline(const struct entry *entry)
{
    uint32_t deadline;

    atomic_read_relaxed(&CONST_CAST(struct entry *, entry)->deadline,
                        &deadline);
    return deadline;
}

/* Dead, or idle for so long that its place may be taken. */
static inline bool
entry_is_unused(const struct entry *entry, uint32_t now)
{
    return (entry_deadline(entry) == ENTRY_DEAD
            || now - entry->last_hit >= TABLE_IDLE_MS);
}

/* A time that is no special value. */
static inline uint32_t
entry_time(long long ms)
{
    uint32_t time = ms;

    return time ? time : 1;
}

static inline bool
entry_time_reached(uint32_t time, uint32_t now)
{
    return (int32_t) (now - time) >= 0;
}

#endif /* datapath-ext/cache/table.h */
