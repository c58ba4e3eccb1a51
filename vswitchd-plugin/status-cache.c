/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/status.h"

#include "datapath-ext/datapath-ext.h"
#include "openvswitch/shash.h"
#include "util.h"
#include "vswitch-idl.h"
#include "vswitchd-plugin/stats.h"

/* Keys of the column, by what they count. */

static const char *const misses[N_CACHE_MISSES] = {
#define MISS(NAME, STRING, TEXT) [CACHE_MISS_##NAME] = "miss_" STRING,
    CACHE_MISSES
#undef MISS
};

static const char *const refusals[N_CACHE_REFUSALS] = {
#define REFUSAL(NAME, STRING, TEXT)             \
    [CACHE_REFUSAL_##NAME] = "refusal_" STRING,
    CACHE_REFUSALS
#undef REFUSAL
};

static const char *const kills[N_CACHE_KILLS] = {
#define KILL(NAME, STRING, TEXT) [CACHE_KILL_##NAME] = "invalidation_" STRING,
    CACHE_KILLS
#undef KILL
};

/* And a dozen more. */
BUILD_ASSERT_DECL(N_CACHE_MISSES + N_CACHE_REFUSALS + N_CACHE_KILLS + 12
                  <= STATS_MAX);

/* 'keys' lacks what is no reason: a hit is no miss. */
static void
stats_add_reasons(struct stats *stats, const char *sum,
                  const char *const keys[], const uint64_t *values, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        if (keys[i]) {
            stats_add(stats, keys[i], values[i]);
            total += values[i];
        }
    }
    stats_add(stats, sum, total);
}

static void
write_row(const struct ovsrec_vnic_cache *rec, const char *name,
          const struct cache_info *info)
{
    struct stats stats = { .n = 0 };

    stats_add(&stats, "size", info->size);
    stats_add(&stats, "entries", info->entries);
    stats_add(&stats, "paths", info->paths);
    stats_add(&stats, "hits", info->hits);
    stats_add_reasons(&stats, "misses", misses, info->misses,
                      N_CACHE_MISSES);
    stats_add(&stats, "inserts", info->inserts);
    stats_add(&stats, "resimulations", info->again);
    stats_add(&stats, "evictions", info->evictions);
    stats_add_reasons(&stats, "refusals", refusals, info->refusals,
                      N_CACHE_REFUSALS);
    stats_add_reasons(&stats, "invalidations", kills, info->kills,
                      N_CACHE_KILLS);
    if (!strcmp(name, "total")) {
        stats_add(&stats, "sessions", cache_n_sessions());
    }
    ovsrec_vnic_cache_set_statistics(rec, stats.keys, stats.values, stats.n);
}

/* Threads of two datapaths, such as "netdev" and "dummy", may have one
 * name. */
static void
add_info(struct shash *rows, char *name, const struct cache_info *info)
{
    struct cache_info *sum = shash_find_data(rows, name);

    if (!sum) {
        sum = xzalloc(sizeof *sum);
        shash_add(rows, name, sum);
    }
    cache_info_add(sum, info);
    free(name);
}

/* The rows that there should be: none while the cache is off. */
static void
collect(struct shash *rows)
{
    const struct cache_info none = { .size = 0 };
    struct cache_info *infos;
    size_t n;

    if (!cache_is_on()) {
        return;
    }
    n = cache_get_infos(&infos);
    add_info(rows, xstrdup("total"), &none);
    for (size_t i = 0; i < n; i++) {
        add_info(rows, xstrdup("total"), &infos[i]);
        add_info(rows, (infos[i].is_main ? xstrdup("main")
                        : xasprintf("core%u", infos[i].core)), &infos[i]);
    }
    free(infos);
}

void
status_write_caches(const struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn)
{
    const struct ovsrec_vnic_cache *rec, *next;
    struct shash rows = SHASH_INITIALIZER(&rows);
    struct shash_node *node;

    collect(&rows);
    OVSREC_VNIC_CACHE_FOR_EACH_SAFE (rec, next, idl) {
        struct cache_info *info = shash_find_and_delete(&rows, rec->name);

        if (info) {
            write_row(rec, rec->name, info);
            free(info);
        } else {
            ovsrec_vnic_cache_delete(rec);
        }
    }
    SHASH_FOR_EACH (node, &rows) {
        rec = ovsrec_vnic_cache_insert(txn);
        ovsrec_vnic_cache_set_name(rec, node->name);
        write_row(rec, node->name, node->data);
    }
    shash_destroy_free_data(&rows);
}

bool
status_has_caches(const struct ovsdb_idl *idl)
{
    return cache_is_on() || ovsrec_vnic_cache_first(idl);
}
