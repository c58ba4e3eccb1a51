/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/table.h"

#include <sys/mman.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "datapath-ext/cache/memory.h"
#include "odp-util.h"

bool
table_init(struct table *table, size_t size)
{
    size_t n_buckets = size / TABLE_WAYS;

    ovs_assert(IS_POW2(size) && n_buckets);
    BUILD_ASSERT_DECL(sizeof *table->tags == CACHE_LINE_SIZE);
    memset(table, 0, sizeof *table);
    table->mask = n_buckets - 1;
    table->bytes = size * sizeof *table->entries;
    table->entries = memory_map(table->bytes);
    table->tags = memory_map(n_buckets * sizeof *table->tags);
    if (!table->entries || !table->tags) {
        table_destroy(table);
        return false;
    }
    return true;
}

void
table_destroy(struct table *table)
{
    memory_unmap(table->entries, table->bytes);
    memory_unmap(table->tags,
                 (size_t) (table->mask + 1) * sizeof *table->tags);
    memset(table, 0, sizeof *table);
}

#ifdef __SSE2__
static inline uint32_t
compare_half(const uint16_t *tags, __m128i tag)
{
    const __m128i *line = (const void *) tags;
    __m128i low = _mm_cmpeq_epi16(_mm_load_si128(line), tag);
    __m128i high = _mm_cmpeq_epi16(_mm_load_si128(line + 1), tag);

    return _mm_movemask_epi8(_mm_packs_epi16(low, high));
}

static inline uint32_t
compare(const uint16_t *tags, uint16_t tag_)
{
    __m128i tag = _mm_set1_epi16(tag_);

    return (compare_half(tags, tag)
            | compare_half(tags + TABLE_WAYS / 2, tag) << TABLE_WAYS / 2);
}
#else
static inline uint32_t
compare(const uint16_t *tags, uint16_t tag)
{
    uint32_t found = 0;

    for (size_t i = 0; i < TABLE_WAYS; i++) {
        found |= (uint32_t) (tags[i] == tag) << i;
    }
    return found;
}
#endif

uint32_t
table_candidates(const struct table *table, const struct key *key)
{
    return compare(table->tags[table_bucket(table, key)], table_tag(key));
}

/* The way of a dead or idle entry, of 'port' unless that is ODPP_NONE, or
 * TABLE_WAYS. */
static unsigned int
find_victim(const struct table *table, uint32_t bucket, uint32_t now,
            odp_port_t port)
{
    unsigned int victim = TABLE_WAYS;
    uint32_t longest = TABLE_IDLE_MS;

    for (unsigned int way = 0; way < TABLE_WAYS; way++) {
        const struct entry *entry = table_entry(table, bucket, way);

        if (!table->tags[bucket][way]
            || (port != ODPP_NONE && entry->key.in_port != port)) {
            continue;
        } else if (entry_deadline(entry) == ENTRY_DEAD) {
            return way;
        }
        if (now - entry->last_hit >= longest) {
            longest = now - entry->last_hit;
            victim = way;
        }
    }
    return victim;
}

struct entry *
table_place(const struct table *table, const struct key *key, uint32_t now,
            bool *is_used)
{
    uint32_t bucket = table_bucket(table, key);
    struct entry *entry = table_find(table, key, table_candidates(table, key));
    uint32_t empty = compare(table->tags[bucket], 0);

    *is_used = true;
    if (entry) {
        return entry;
    } else if (empty) {
        *is_used = false;
        return table_entry(table, bucket, ctz32(empty));
    }

    unsigned int victim = find_victim(table, bucket, now, ODPP_NONE);

    return victim < TABLE_WAYS ? table_entry(table, bucket, victim) : NULL;
}

struct entry *
table_victim(const struct table *table, const struct key *key, uint32_t now)
{
    uint32_t bucket = table_bucket(table, key);
    unsigned int victim = find_victim(table, bucket, now,
                                      key->narrow.in_port);

    return victim < TABLE_WAYS ? table_entry(table, bucket, victim) : NULL;
}

static uint16_t *
entry_tag(const struct table *table, const struct entry *entry)
{
    uint32_t index = table_index(table, entry);

    return &table->tags[index / TABLE_WAYS][index % TABLE_WAYS];
}

void
table_set(struct table *table, struct entry *entry, const struct key *key)
{
    uint16_t *tag = entry_tag(table, entry);

    table->n_used += !*tag;
    *tag = table_tag(key);
}

void
table_clear(struct table *table, struct entry *entry)
{
    uint16_t *tag = entry_tag(table, entry);

    table->n_used -= !!*tag;
    *tag = 0;
    atomic_store_relaxed(&entry->deadline, ENTRY_DEAD);
}
