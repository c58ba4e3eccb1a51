/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache-info.h"

#include <stdlib.h>

#include "datapath-ext/cache/cache.h"

static void
add_up(uint64_t *total, const uint64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        total[i] += values[i];
    }
}

void
cache_info_add(struct cache_info *total, const struct cache_info *info)
{
    total->size += info->size;
    total->entries += info->entries;
    total->paths += info->paths;
    total->hits += info->hits;
    add_up(total->misses, info->misses, N_CACHE_MISSES);
    add_up(total->refusals, info->refusals, N_CACHE_REFUSALS);
    add_up(total->kills, info->kills, N_CACHE_KILLS);
    total->inserts += info->inserts;
    total->again += info->again;
    total->evictions += info->evictions;
}

static void
counters_read(const struct counter *counters, uint64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = counter_read(&counters[i]);
    }
}

void
cache_info_read(struct cache_info *info, const struct cache *cache)
{
    const struct cache_counters *counters = &cache->counters;

    info->is_main = cache->is_main;
    info->core = ovs_pmd_core(cache->pmd);
    info->size = cache->size;
    info->entries = counter_read(&cache->n_entries);
    info->paths = counter_read(&cache->n_paths);
    info->hits = counter_read(&counters->hits);
    counters_read(counters->misses, info->misses, N_CACHE_MISSES);
    counters_read(counters->refusals, info->refusals, N_CACHE_REFUSALS);
    counters_read(counters->kills, info->kills, N_CACHE_KILLS);
    info->inserts = counter_read(&counters->inserts);
    info->again = counter_read(&counters->again);
    info->evictions = counter_read(&counters->evictions);
}

void
cache_explanation_destroy(struct cache_explanation *explanation)
{
    for (size_t i = 0; i < explanation->n; i++) {
        free(explanation->stages[i].actions);
    }
    free(explanation->stages);
    ds_destroy(&explanation->text);
}
