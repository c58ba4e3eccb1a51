/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/cache-unixctl.h"

#include "datapath-ext/datapath-ext.h"
#include "dpif.h"
#include "ofproto-ext/ofproto-ext.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/match.h"
#include "sset.h"
#include "unixctl.h"
#include "util.h"
#include "vswitchd-plugin/match.h"
#include "vswitchd-plugin/reply.h"
#include "vswitchd-plugin/show.h"

typedef const char *name_func(size_t);

static struct json *
by_reason(const uint64_t *values, size_t n, size_t from, name_func *name)
{
    struct json *object = json_object_create();

    for (size_t i = from; i < n; i++) {
        put_uint(object, name(i), values[i]);
    }
    return object;
}

static void
put_info(struct json *row, const struct cache_info *info)
{
    put_uint(row, "size", info->size);
    put_uint(row, "entries", info->entries);
    put_uint(row, "paths", info->paths);
    put_uint(row, "hits", info->hits);
    json_object_put(row, "misses",
                    by_reason(info->misses, N_CACHE_MISSES, 1,
                              cache_miss_name));
    put_uint(row, "inserts", info->inserts);
    put_uint(row, "resimulations", info->again);
    put_uint(row, "evictions", info->evictions);
    json_object_put(row, "refusals",
                    by_reason(info->refusals, N_CACHE_REFUSALS, 1,
                              cache_refusal_name));
    json_object_put(row, "invalidations",
                    by_reason(info->kills, N_CACHE_KILLS, 0,
                              cache_kill_name));
}

static char *
info_to_name(const struct cache_info *info)
{
    return info->is_main ? xstrdup("main") : xasprintf("core %u", info->core);
}

/* JSON. */

static char *
infos_to_json(const struct cache_info *infos, size_t n,
              const struct cache_info *total)
{
    struct json *reply = json_object_create();
    struct json *pmds = json_array_create_empty();
    struct json *sum = json_object_create();
    char *s;

    for (size_t i = 0; i < n; i++) {
        struct json *row = json_object_create();

        if (infos[i].is_main) {
            json_object_put_string(row, "core", "main");
        } else {
            put_uint(row, "core", infos[i].core);
        }
        put_info(row, &infos[i]);
        json_array_add(pmds, row);
    }
    put_info(sum, total);
    put_uint(sum, "sessions", cache_n_sessions());
    json_object_put(reply, "enabled", json_boolean_create(cache_is_on()));
    json_object_put(reply, "pmds", pmds);
    json_object_put(reply, "total", sum);
    s = json_to_string(reply, JSSF_SORT);
    json_destroy(reply);
    return s;
}

/* Text. */

static void
format_reasons(struct ds *ds, const char *what, const uint64_t *values,
               size_t n, size_t from, name_func *name, name_func *text)
{
    for (size_t i = from; i < n; i++) {
        if (values[i]) {
            ds_put_format(ds, "  %s %s: %"PRIu64" (%s)\n", what, name(i),
                          values[i], text(i));
        }
    }
}

static void
info_format(struct ds *ds, const char *name, const struct cache_info *info)
{
    uint64_t misses = 0;

    for (size_t i = 0; i < N_CACHE_MISSES; i++) {
        misses += info->misses[i];
    }

    uint64_t all = info->hits + misses;

    ds_put_format(ds, "%s:\n", name);
    ds_put_format(ds, "  entries: %"PRIu64" of %"PRIu64", paths: %"PRIu64"\n",
                  info->entries, info->size, info->paths);
    ds_put_format(ds, "  hits: %"PRIu64" (%.1f %%)\n", info->hits,
                  all ? 100.0 * info->hits / all : 0);
    format_reasons(ds, "miss", info->misses, N_CACHE_MISSES, 1,
                   cache_miss_name, cache_miss_text);
    ds_put_format(ds, "  inserts: %"PRIu64", of these again: %"PRIu64
                  ", evictions: %"PRIu64"\n", info->inserts, info->again,
                  info->evictions);
    format_reasons(ds, "refusal", info->refusals, N_CACHE_REFUSALS, 1,
                   cache_refusal_name, cache_refusal_text);
    format_reasons(ds, "invalidation", info->kills, N_CACHE_KILLS, 0,
                   cache_kill_name, cache_kill_text);
}

static char *
infos_to_text(const struct cache_info *infos, size_t n,
              const struct cache_info *total)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_format(&ds, "pipeline cache: %s\n", cache_is_on() ? "on" : "off");
    for (size_t i = 0; i < n; i++) {
        char *name = info_to_name(&infos[i]);

        info_format(&ds, name, &infos[i]);
        free(name);
    }
    if (!n) {
        ds_put_cstr(&ds, "  no thread has one\n");
    } else if (n > 1) {
        info_format(&ds, "total", total);
    }
    return ds_steal_cstr(&ds);
}

static void
cache_show(struct unixctl_conn *conn, int argc, const char *argv[],
           void *aux OVS_UNUSED)
{
    struct cache_info *infos, total;
    bool as_json;
    char *reply;
    size_t n;

    if (!reply_parse_names(conn, argc, argv, &as_json, NULL, 0)) {
        return;
    }
    memset(&total, 0, sizeof total);
    n = cache_get_infos(&infos);
    for (size_t i = 0; i < n; i++) {
        cache_info_add(&total, &infos[i]);
    }
    reply = (as_json ? infos_to_json(infos, n, &total)
             : infos_to_text(infos, n, &total));
    unixctl_command_reply(conn, reply);
    free(reply);
    free(infos);
}

/* vnic/cache-explain. */

#define MAX_ENTRIES 20

static bool
find_in_datapath(const char *dp_name, const char *type, const char *name,
                 odp_port_t *number)
{
    struct dpif_port port;
    struct dpif *dpif;
    bool found;

    if (dpif_open(dp_name, type, &dpif)) {
        return false;
    }
    found = !dpif_port_query_by_name(dpif, name, &port);
    if (found) {
        *number = port.port_no;
        dpif_port_destroy(&port);
    }
    dpif_close(dpif);
    return found;
}

/* In whichever datapath has a port of this name.  Returns the datapath's type,
 * which the caller frees, or NULL. */
static char *
find_port(const char *name, odp_port_t *number)
{
    struct sset types = SSET_INITIALIZER(&types);
    char *found = NULL;
    const char *type;

    dp_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        struct sset names = SSET_INITIALIZER(&names);
        const char *dp_name;

        if (strcmp(type, "system") && !dp_enumerate_names(type, &names)) {
            SSET_FOR_EACH (dp_name, &names) {
                if (!found
                    && find_in_datapath(dp_name, type, name, number)) {
                    found = xstrdup(type);
                }
            }
        }
        sset_destroy(&names);
    }
    sset_destroy(&types);
    return found;
}

/* The caches know megaflows; the rules that these are made of are put between
 * the lines. */
static void
format_explanation(const struct cache_explanation *what, const char *type,
                   struct ds *ds)
{
    size_t at = 0;

    for (size_t i = 0; i < what->n; i++) {
        const struct cache_stage *stage = &what->stages[i];

        ds_put_buffer(ds, what->text.string + at, stage->at - at);
        ofproto_ext_format_rules(type, &stage->flow, stage->actions,
                                 stage->actions_len, ds);
        at = stage->at;
    }
    ds_put_buffer(ds, what->text.string + at, what->text.length - at);
}

static void
explain_match(struct unixctl_conn *conn, struct match *match,
              odp_port_t number, const char *type)
{
    struct cache_explanation what = CACHE_EXPLANATION_INITIALIZER;
    struct ds answer = DS_EMPTY_INITIALIZER;

    match->flow.in_port.odp_port = number;
    match->wc.masks.in_port.odp_port = u32_to_odp(UINT32_MAX);
    cache_explain(match, MAX_ENTRIES, &what);
    if (what.text.length) {
        format_explanation(&what, type, &answer);
    } else {
        ds_put_cstr(&answer, "no thread has a cache\n");
    }
    unixctl_command_reply(conn, ds_cstr(&answer));
    ds_destroy(&answer);
    cache_explanation_destroy(&what);
}

static void
explain(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
        void *aux OVS_UNUSED)
{
    odp_port_t number = 0;
    char *type = find_port(argv[1], &number);
    struct match match;
    char *error;

    if (!type) {
        reply_unknown(conn, "port", argv[1]);
        return;
    }
    error = match_parse(argv[2], &match);
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        explain_match(conn, &match, number, type);
    }
    free(type);
}

void
cache_unixctl_init(void)
{
    unixctl_command_register("vnic/cache-explain",
                             "PORT FLOW  cached entries of a flow, and the "
                             "stages they stand for", 2, 2, explain, NULL);
    unixctl_command_register("vnic/cache-show",
                             "[-f json]  hits and misses of the pipeline "
                             "cache", 0, 2, cache_show, NULL);
}
