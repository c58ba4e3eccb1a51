/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/table.h"

#include <sys/mman.h>

#include "datapath-ext/cache/context.h"
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

/* The way of a dead or idle entry, of 'port' if 'contexts' isn't NULL, or
 * TABLE_WAYS. */
static unsigned int
find_victim(const struct table *table, uint32_t bucket, uint32_t now,
            const struct contexts *contexts, odp_port_t port)
{
    unsigned int victim = TABLE_WAYS;
    uint32_t longest = TABLE_IDLE_MS;

    for (unsigned int way = 0; way < TABLE_WAYS; way++) {
        const struct entry *entry = table_entry(table, bucket, way);

        if (!table->tags[bucket][way]
            || (contexts
                && contexts_in_port(contexts, entry->key.in_port) != port)) {
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
    uint32_t empty = tags_compare(table->tags[bucket], 0);

    *is_used = true;
    if (entry) {
        return entry;
    } else if (empty) {
        *is_used = false;
        return table_entry(table, bucket, ctz32(empty));
    }

    unsigned int victim = find_victim(table, bucket, now, NULL, ODPP_NONE);

    return victim < TABLE_WAYS ? table_entry(table, bucket, victim) : NULL;
}

struct entry *
table_victim(const struct table *table, const struct key *key, uint32_t now,
             const struct contexts *contexts, odp_port_t port)
{
    uint32_t bucket = table_bucket(table, key);
    unsigned int victim = find_victim(table, bucket, now, contexts, port);

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
