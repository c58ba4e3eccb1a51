/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/learn.h"

#include "datapath-ext/cache/rewrite.h"

#define LONG_WAY (TCP_SYN | TCP_FIN | TCP_RST | TCP_URG)

/* Entries that are looked at in a millisecond in which no context is free. */
#define SWEEP 1024

void
learn_forget(struct cache *cache, struct entry *entry)
{
    struct contexts *contexts = &cache->contexts;
    uint32_t index = table_index(&cache->table, entry);
    odp_port_t port = entry->key.in_port;
    uint32_t path = entry->path;

    session_leave(cache->number, entry, index);
    share_add(&cache->share, contexts_in_port(contexts, port), -1);
    table_clear(&cache->table, entry);
    path_unref(&cache->paths, path);
    if (context_is_port(port)) {
        contexts_unref(contexts, contexts_get(contexts, port));
    }
}

/* Tunnels. */

/* Entries whose contexts nobody uses hold them until their places are wanted,
 * which may be never. */
static void
sweep(struct cache *cache, uint32_t now)
{
    if (cache->last_sweep == now) {
        return;
    }
    cache->last_sweep = now;
    for (size_t i = 0; i < SWEEP; i++) {
        size_t index = cache->next_sweep++ % table_size(&cache->table);
        struct entry *entry = &cache->table.entries[index];

        if (!entry_is_free(&cache->table, index)
            && context_is_port(entry->key.in_port)
            && entry_is_unused(entry, now)) {
            learn_forget(cache, entry);
        }
    }
}

static bool
pop_is_expected(const struct record *record)
{
    const struct record_pop *pop = &record->pop;

    return (!pop->is_other && pop->kind == record->outer.kind
            && pop->len == record->outer.len);
}

/* What the packet was in becomes a part of its key. */
static enum cache_refusal
learn_context(struct cache *cache, struct record *record, uint32_t now,
              struct context **context)
{
    struct contexts *contexts = &cache->contexts;

    if (!record->pop.is_done || !pop_is_expected(record)) {
        return CACHE_REFUSAL_TUNNEL;
    }
    *context = contexts_ref(contexts, &record->outer, record->pop.port);
    if (!*context) {
        sweep(cache, now);
        return CACHE_REFUSAL_ROOM;
    }
    key_set_in_port(&record->before.key,
                    context_to_port((*context)->number,
                                    record->outer.l4_src), &cache->seed);
    return CACHE_KEEP;
}

/* Of a packet that was taken for one of an endpoint. */
static void
learn_endpoint(struct cache *cache, const struct record *record)
{
    const struct record_pop *pop = &record->pop;

    if (pop->is_done && pop->len) {
        if (pop_is_expected(record)) {
            tunnels_confirm(&cache->tunnels, &record->outer);
        } else {
            tunnels_remove(&cache->tunnels, &record->outer);
        }
    } else if (!pop->is_done && record->path.n) {
        tunnels_doubt(&cache->tunnels, &record->outer);
    }
}

/* Of one that was not; returns false if it has not become one. */
static bool
learn_new_endpoint(struct cache *cache, const struct record *record)
{
    const struct record_pop *pop = &record->pop;

    return (pop->is_done && pop->len && !pop->is_other
            && tunnels_add(&cache->tunnels, &record->before.key, pop->kind));
}

/* What became of the packet, as a path, but for the rewrite. */
static enum cache_refusal
spec_complete(struct record *record)
{
    struct path_spec *spec = &record->path;
    const struct session_spec *session = &record->session;

    if (record->packet || !spec->n) {
        return CACHE_REFUSAL_VANISHED;
    }
    if (!record->has_output) {
        record->after = record->before;
    }
    if (session->n) {
        spec->flags |= PATH_CT;
    }
    if (spec->output.tail_len) {
        spec->flags |= PATH_HASH;
    }
    if (session->n && ovs_conn_is_tcp(session->conns[0].conn)) {
        uint8_t flags = record->before.key.narrow.tcp_flags;

        spec->flags |= PATH_TCP;
        if (flags & LONG_WAY || !(flags & TCP_ACK)) {
            return CACHE_REFUSAL_TCP_STATE;
        }
    }
    return CACHE_KEEP;
}

/* Applies 'entry' to the headers that came in. */
static bool
entry_reproduces(const struct entry *entry, const struct path *path,
                 const struct record *record)
{
    const struct record_headers *before = &record->before;
    const struct record_headers *after = &record->after;
    uint64_t stub[32];
    struct dp_packet packet;
    bool equal;

    dp_packet_use_stub(&packet, stub, sizeof stub);
    dp_packet_reserve(&packet, 2 * VLAN_HEADER_LEN);
    dp_packet_put(&packet, before->bytes, before->n);
    rewrite_apply(&packet, &before->key, entry, path);
    equal = (dp_packet_size(&packet) == after->n
             && !memcmp(dp_packet_data(&packet), after->bytes, after->n)
             && before->size - before->n == after->size - after->n);
    dp_packet_uninit(&packet);
    return equal;
}

static void
entry_set_key(struct entry *entry, const struct key *key)
{
    entry->key = key->narrow;
    entry->tci = key->tci;
    entry->shape = key->shape;
    if (key->shape & KEY_WIDE) {
        entry->wide = key->wide;
    }
}

/* 'entry' is a place that nobody finds yet. */
static enum cache_refusal
entry_fill(struct cache *cache, struct entry *entry, struct record *record,
           long long now)
{
    const struct key *key = &record->before.key;
    uint32_t index = table_index(&cache->table, entry);
    enum cache_refusal refusal = CACHE_KEEP;

    if (!rewrite_compose(key, &record->after.key, record->after.bytes,
                         entry, &record->path)) {
        return CACHE_REFUSAL_REWRITE;
    }
    entry_set_key(entry, key);
    entry->path = path_ref(&cache->paths, &record->path);
    if (!entry->path) {
        return (paths_have_room(&cache->paths) ? CACHE_REFUSAL_RACE
                : CACHE_REFUSAL_ROOM);
    }
    entry->last_hit = now;
    if (!entry_reproduces(entry, path_get(&cache->paths, entry->path),
                          record)) {
        refusal = CACHE_REFUSAL_CHECK;
    } else if (record->session.n) {
        refusal = session_join(&record->session, cache->number, entry, index,
                               now);
    } else {
        atomic_store_relaxed(&entry->session, 0);
        atomic_store_relaxed(&entry->deadline,
                             entry_time(now + SESSION_RENEW_MS));
    }
    if (refusal) {
        path_unref(&cache->paths, entry->path);
    }
    return refusal;
}

static enum cache_refusal
learn_entry(struct cache *cache, struct record *record, long long now)
{
    const struct key *key = &record->before.key;
    odp_port_t port = contexts_in_port(&cache->contexts, key->narrow.in_port);
    enum cache_refusal refusal;
    struct entry *entry;
    bool is_used;

    entry = table_place(&cache->table, key, now, &is_used);
    if (!entry) {
        return CACHE_REFUSAL_ROOM;
    }
    if (!(is_used && contexts_in_port(&cache->contexts,
                                      entry->key.in_port) == port)
        && !share_may_add(&cache->share, port, cache->table.n_used,
                          table_size(&cache->table))) {
        /* Instead of one more, one of its own that is out of use: nobody
         * clears these away, so that they would fill its share for ever. */
        entry = table_victim(&cache->table, key, now, &cache->contexts, port);
        is_used = true;
        if (!entry) {
            return CACHE_REFUSAL_QUOTA;
        }
    }
    if (is_used) {
        counter_add_own(entry_has_key(entry, key) ? &cache->counters.again
                        : &cache->counters.evictions, 1);
        learn_forget(cache, entry);
    }
    refusal = entry_fill(cache, entry, record, now);
    if (!refusal) {
        table_set(&cache->table, entry, key);
        share_add(&cache->share, port, 1);
        counter_add_own(&cache->counters.inserts, 1);
    }
    return refusal;
}

static enum cache_refusal
learn(struct cache *cache, struct record *record, long long now)
{
    enum cache_refusal refusal = spec_complete(record);
    struct context *context = NULL;

    if (!refusal && record->before.key.outer) {
        refusal = learn_context(cache, record, now, &context);
    } else if (!refusal && record->pop.is_done) {
        refusal = CACHE_REFUSAL_TUNNEL;
    }
    if (!refusal) {
        refusal = learn_entry(cache, record, now);
    }
    if (refusal && context) {
        contexts_unref(&cache->contexts, context);
    }
    return refusal;
}

/* For how long the key isn't recorded again, in units of seen.h: not at all if
 * its next packet may well be kept. */
static uint16_t
refusal_span(enum cache_refusal refusal)
{
    switch (refusal) {
    case CACHE_REFUSAL_UPCALL:
    case CACHE_REFUSAL_RACE:
    case CACHE_REFUSAL_CT_NEW:
        return 0;
    case CACHE_REFUSAL_TCP_STATE:
    case CACHE_REFUSAL_CT_INVALID:
    case CACHE_REFUSAL_CT_CHANGE:
        return SEEN_SHORT;
    default:
        return SEEN_LONG;
    }
}

/* A number of a context may be another's before anybody asks. */
static void
learn_refusal(struct cache *cache, struct record *record,
              enum cache_refusal refusal)
{
    if (record->before.key.outer) {
        record->before.key.narrow.in_port = record->outer.narrow.in_port;
    }
    refused_note(&cache->refused, &record->before.key, refusal);
}

void
learn_all(struct cache *cache, long long now)
{
    struct recorder *recorder = &cache->recorder;

    for (size_t i = 0; i < recorder->n; i++) {
        struct record *record = &recorder->records[i];
        enum cache_refusal refusal = record->refusal;
        /* Before a context makes another of it. */
        uint32_t hash = record->before.key.hash;
        bool is_known = true;

        if (record->before.key.outer) {
            learn_endpoint(cache, record);
        } else {
            is_known = !learn_new_endpoint(cache, record);
        }
        if (record->is_probe) {
            continue;
        }
        if (!refusal) {
            refusal = learn(cache, record, now);
        }
        if (refusal) {
            counter_add_own(&cache->counters.refusals[refusal], 1);
            learn_refusal(cache, record, refusal);
            if (is_known && refusal_span(refusal)) {
                seen_refuse(&cache->seen, hash, now,
                            refusal_span(refusal));
            }
        }
    }
    recorder_clear(recorder);
}
