/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/cache.h"

#include "datapath-ext/cache/ct-change.h"
#include "datapath-ext/cache/key-plain.h"
#include "datapath-ext/cache/learn.h"
#include "datapath-ext/cache/rewrite.h"
#include "datapath-ext/cache/tail.h"
#include "datapath-ext/cache/tcp.h"
#include "datapath-ext/input.h"
#include "odp-util.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "timeval.h"

VLOG_DEFINE_THIS_MODULE(vnic_cache);

/* Configuration.  Atomic, for threads look at it when they please. */
static atomic_uint32_t config_size = CACHE_DEFAULT_SIZE;
static atomic_uint config_number = 1;

static struct ovs_mutex caches_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list caches OVS_GUARDED_BY(caches_mutex)
    = OVS_LIST_INITIALIZER(&caches);

/* The thread's caches: one, but the main thread polls for every datapath. */
static thread_local struct ovs_list *mine;
static thread_local struct cache *last;

/* Life. */

static void
cache_free(struct cache *cache)
{
    long long now = ovs_pmd_now(cache->pmd);
    size_t size = cache->table.tags ? table_size(&cache->table) : 0;

    ovs_list_remove(&cache->in_thread);
    last = NULL;

    paths_flush(&cache->paths, now);
    for (size_t i = 0; i < size; i++) {
        if (!entry_is_free(&cache->table, i)) {
            learn_forget(cache, &cache->table.entries[i]);
        }
    }
    paths_destroy(&cache->paths, now);
    session_remove_table(cache->number);
    share_destroy(&cache->share);
    contexts_destroy(&cache->contexts);
    explain_destroy(&cache->explain);
    seen_destroy(&cache->seen);
    table_destroy(&cache->table);
    free_cacheline(cache);
}

/* Returns false if it would have to wait: cache_explain() has the mutex while
 * it waits for threads, and these have packets to care for. */
static bool
cache_destroy(struct cache *cache, bool may_wait)
{
    if (ovs_mutex_trylock(&caches_mutex)) {
        if (!may_wait) {
            return false;
        }
        ovs_mutex_lock(&caches_mutex);
    }
    ovs_list_remove(&cache->node);
    ovs_mutex_unlock(&caches_mutex);
    cache_free(cache);
    return true;
}

/* Returns false without memory. */
static bool
cache_allocate(struct cache *cache, uint32_t size)
{
    bool has_table = table_init(&cache->table, size);
    bool has_paths = paths_init(&cache->paths, cache->pmd,
                                cache->counters.kills);
    bool has_seen = seen_init(&cache->seen, size);

    share_init(&cache->share);
    contexts_init(&cache->contexts, &cache->seed);
    explain_init(&cache->explain);
    cache->number = session_add_table(&cache->table, cache->counters.kills);
    return has_table && has_paths && has_seen && cache->number;
}

static struct cache *
cache_create(struct dp_netdev_pmd_thread *pmd)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
    struct cache *cache;
    bool is_complete;
    uint32_t size;

    if (ovs_mutex_trylock(&caches_mutex)) {
        return NULL;            /* As cache_destroy(): the next batch, then. */
    }
    cache = xzalloc_cacheline(sizeof *cache);
    atomic_read_relaxed(&config_number, &cache->config);
    atomic_read_relaxed(&config_size, &size);
    cache->pmd = pmd;
    cache->size = size;
    cache->is_main = ovs_pmd_is_main(pmd);
    key_seed_init(&cache->seed);
    cache->recorder.pmd = pmd;
    cache->recorder.seed = &cache->seed;
    if (!mine) {
        mine = xmalloc(sizeof *mine);
        ovs_list_init(mine);
    }
    ovs_list_push_back(mine, &cache->in_thread);
    is_complete = cache_allocate(cache, size);
    ovs_list_push_back(&caches, &cache->node);
    ovs_mutex_unlock(&caches_mutex);
    if (!is_complete) {
        VLOG_ERR_RL(&rl, "no memory for a pipeline cache of %"PRIu32
                    " entries; set other_config:vnic-cache-size to less",
                    size);
        cache_destroy(cache, true);
        return NULL;
    }
    return cache;
}

static struct cache *
cache_find(const struct dp_netdev_pmd_thread *pmd)
{
    struct cache *cache;

    if (mine) {
        LIST_FOR_EACH (cache, in_thread, mine) {
            if (cache->pmd == pmd) {
                return cache;
            }
        }
    }
    return NULL;
}

static struct cache *
cache_get(struct dp_netdev_pmd_thread *pmd)
{
    if (OVS_UNLIKELY(!last || last->pmd != pmd)) {
        last = cache_find(pmd);
        if (!last) {
            last = cache_create(pmd);
        }
    }
    return last;
}

/* A batch. */

struct work {
    struct cache *cache;
    long long now;              /* ms */
    uint32_t time;              /* The same, for entries. */
    size_t n;
    size_t n_useful;            /* Hits, and misses that may become hits. */
    struct dp_packet **packets;
    const odp_port_t *ports;
    struct key keys[NETDEV_MAX_BURST];
    uint32_t candidates[NETDEV_MAX_BURST];
    struct entry *entries[NETDEV_MAX_BURST];
    enum cache_miss misses[NETDEV_MAX_BURST];
};

#define PREFETCH_AHEAD 3

static inline enum cache_miss
extract(struct dp_packet *packet, odp_port_t port,
        const struct key_seed *seed, struct key *key)
{
    return (OVS_LIKELY(key_extract_plain(packet, port, seed, key)) ? CACHE_HIT
            : key_extract(packet, port, seed, key));
}

static inline void
parse(struct work *work)
{
    const struct table *table = &work->cache->table;

    for (size_t i = 0; i < MIN(PREFETCH_AHEAD, work->n); i++) {
        OVS_PREFETCH(dp_packet_data(work->packets[i]));
    }
    for (size_t i = 0; i < work->n; i++) {
        struct key *key = &work->keys[i];

        if (i + PREFETCH_AHEAD < work->n) {
            OVS_PREFETCH(dp_packet_data(work->packets[i + PREFETCH_AHEAD]));
        }

        work->misses[i] = extract(work->packets[i], work->ports[i],
                                  &work->cache->seed, key);
        if (OVS_LIKELY(!work->misses[i])) {
            OVS_PREFETCH(table->tags[table_bucket(table, key)]);
        }
    }
}

/* Packets of tunnels.  In two turns, for a header that was written piece by
 * piece can't be read in words at once. */

/* Takes off the header of a packet that may be an endpoint's. */
static void
open_tunnel(struct work *work, size_t i)
{
    struct cache *cache = work->cache;
    struct key *key = &work->keys[i];
    const struct tunnel_endpoint *endpoint = tunnels_find(&cache->tunnels,
                                                          key);

    if (!endpoint) {
        return;
    }
    if (OVS_LIKELY(work->misses[i] != CACHE_MISS_OFFLOAD
                   && work->misses[i] != CACHE_MISS_VLAN)) {
        work->misses[i] = tunnel_open(work->packets[i], key, endpoint->kind,
                                      &cache->outers[i]);
    }
    if (OVS_LIKELY(!work->misses[i])) {
        key->outer = cache->outers[i].len;
        OVS_PREFETCH((const uint8_t *) dp_packet_data(work->packets[i])
                     + CACHE_LINE_SIZE / 2);
    } else {
        key->order = KEY_ORDER_ALL;
    }
}

/* Gives a packet that came out of one the key of what it is now. */
static void
parse_inside(struct work *work, size_t i)
{
    struct cache *cache = work->cache;
    struct table *table = &cache->table;
    struct key *key = &work->keys[i];
    odp_port_t port = contexts_find(&cache->contexts, &cache->outers[i]);

    work->misses[i] = extract(work->packets[i], port, &cache->seed, key);
    key->outer = cache->outers[i].len;
    if (OVS_UNLIKELY(work->misses[i])) {
        /* Its own reason. */
    } else if (OVS_UNLIKELY(!context_is_known(port))) {
        work->misses[i] = CACHE_MISS_NO_ENTRY;
    } else {
        OVS_PREFETCH(table->tags[table_bucket(table, key)]);
    }
}

static void
enter_tunnels(struct work *work)
{
    struct cache *cache = work->cache;

    if (OVS_UNLIKELY(contexts_check_ports(&cache->contexts))) {
        tunnels_clear(&cache->tunnels);
    }
    for (size_t i = 0; i < work->n; i++) {
        struct key *key = &work->keys[i];

        if (!tunnels_has_port(&cache->tunnels, work->ports[i])) {
            continue;
        } else if (OVS_LIKELY(key->order == KEY_ORDER_FLOW)
                   || (work->misses[i] == CACHE_MISS_PROTOCOL
                       && key->narrow.proto == IPPROTO_GRE)) {
            open_tunnel(work, i);
        } else if (work->misses[i] == CACHE_MISS_MALFORMED) {
            /* Stock may still find something inside. */
            key->order = KEY_ORDER_ALL;
        }
    }
    for (size_t i = 0; i < work->n; i++) {
        if (work->keys[i].outer) {
            parse_inside(work, i);
        }
    }
}

static inline void
leave_tunnel(struct work *work, size_t i)
{
    if (OVS_UNLIKELY(work->keys[i].outer)) {
        tunnel_close(work->packets[i], &work->cache->outers[i]);
    }
}

static inline void
look_up(struct work *work)
{
    const struct table *table = &work->cache->table;

    for (size_t i = 0; i < work->n; i++) {
        const struct key *key = &work->keys[i];
        uint32_t candidates = 0;

        if (OVS_LIKELY(!work->misses[i])) {
            candidates = table_candidates(table, key);
        }
        work->candidates[i] = candidates;
        if (OVS_LIKELY(candidates)) {
            struct entry *entry = table_entry(table, table_bucket(table, key),
                                              ctz32(candidates));

            OVS_PREFETCH(entry);
            if (key->shape & KEY_WIDE) {
                OVS_PREFETCH(&entry->wide);
            }
        }
    }
}

static inline void
match(struct work *work)
{
    const struct cache *cache = work->cache;

    for (size_t i = 0; i < work->n; i++) {
        const struct key *key = &work->keys[i];
        struct entry *entry = NULL;

        if (OVS_LIKELY(work->candidates[i])) {
            entry = table_find(&cache->table, key, work->candidates[i]);
        }
        work->entries[i] = entry;
        if (OVS_LIKELY(entry)) {
            uint32_t session;

            OVS_PREFETCH(path_get(&cache->paths, entry->path));
            atomic_read_relaxed(&entry->session, &session);
            if (session && key->narrow.proto == IPPROTO_TCP) {
                session_prefetch(session);
            }
        } else if (!work->misses[i]) {
            work->misses[i] = CACHE_MISS_NO_ENTRY;
            seen_prefetch(&cache->seen, key->hash);
        }
    }
}

static inline enum cache_miss
follow_tcp(struct dp_packet *packet, const struct key *key, uint32_t session)
{
    const struct tcp_header *tcp = ALIGNED_CAST(
        const struct tcp_header *,
        (const uint8_t *) dp_packet_data(packet) + key->l4_ofs);
    struct tcp_segment segment = {
        .seq = ntohl(get_16aligned_be32(&tcp->tcp_seq)),
        .ack = ntohl(get_16aligned_be32(&tcp->tcp_ack)),
        .window = ntohs(tcp->tcp_winsz),
        .length = (key->l3_len - (key->l4_ofs - key->l3_ofs)
                   - TCP_OFFSET(tcp->tcp_ctl) * 4),
    };

    return session_tcp(session, &segment);
}

/* Is what was recorded still so, and does conntrack agree? */
static inline enum cache_miss
check(struct work *work, size_t i, const struct path *path)
{
    struct entry *entry = work->entries[i];
    const struct key *key = &work->keys[i];
    uint32_t deadline = entry_deadline(entry);
    uint32_t session;

    if (OVS_UNLIKELY(path_is_dead(path) || deadline == ENTRY_DEAD)) {
        return CACHE_MISS_DEAD;
    }
    atomic_read_relaxed(&entry->session, &session);
    if (path->flags & PATH_CT) {
        if (OVS_UNLIKELY(!session)) {
            return CACHE_MISS_DEAD;
        }
        if (OVS_UNLIKELY(!key_checksums_hold_plain(work->packets[i],
                                                   key))) {
            return CACHE_MISS_CHECKSUM;
        }
        if (path->flags & PATH_TCP) {
            enum cache_miss miss = follow_tcp(work->packets[i], key, session);

            if (OVS_UNLIKELY(miss != CACHE_HIT)) {
                return miss;
            }
        }
    }
    /* Last, for conntrack doesn't keep a connection alive for what it finds
     * invalid. */
    if (OVS_UNLIKELY(entry_time_reached(deadline, work->time))
        && !session_renew(entry, session, work->now)) {
        return CACHE_MISS_EXPIRED;
    }
    return CACHE_HIT;
}

/* What must not overtake the misses so far. */
struct order {
    uint64_t pairs;
    uint64_t flows;
};

static inline bool
order_overtakes(const struct order *order, const struct key *key)
{
    return ((order->pairs >> key->pair | order->flows >> key->flow) & 1);
}

static inline void
order_add(struct order *order, const struct key *key)
{
    if (OVS_LIKELY(key->order == KEY_ORDER_FLOW)) {
        order->flows |= UINT64_C(1) << key->flow;
    } else if (key->order == KEY_ORDER_PAIR) {
        order->pairs |= UINT64_C(1) << key->pair;
    } else if (key->order == KEY_ORDER_ALL) {
        order->flows = UINT64_MAX;
    }
}

/* Applies hits.  Returns their number. */
static inline size_t
apply(struct work *work)
{
    struct cache *cache = work->cache;
    struct order order = { 0, 0 };
    size_t n_hits = 0;

    for (size_t i = 0; i < work->n; i++) {
        struct dp_packet *packet = work->packets[i];
        const struct key *key = &work->keys[i];
        struct entry *entry = work->entries[i];

        if (OVS_LIKELY(!work->misses[i])) {
            struct path *path = path_get(&cache->paths, entry->path);

            if (OVS_UNLIKELY((order.flows || order.pairs)
                             && order_overtakes(&order, key))) {
                work->misses[i] = CACHE_MISS_ORDER;
            } else {
                work->misses[i] = check(work, i, path);
            }
            if (OVS_LIKELY(!work->misses[i])) {
                path_count(&cache->paths, path,
                           dp_packet_size(packet) + key->outer,
                           key->tcp_flags);
                /* Devices look at no more of it, and all of it is on three
                 * lines. */
                packet->md.skb_priority = 0;
                packet->md.in_port.odp_port = work->ports[i];
                if (OVS_UNLIKELY(key->outer)) {
                    packet->md.in_port.odp_port = contexts_get(
                        &cache->contexts, key->narrow.in_port)->tunnel_port;
                }
                if (OVS_UNLIKELY(path->flags & PATH_HASH)) {
                    tail_set_hash(packet, key);
                }
                rewrite_apply(packet, key, entry, path);
                output_add(&cache->paths.outputs, path->output, packet);
                n_hits++;
                continue;
            }
        }
        order_add(&order, key);
    }
    return n_hits;
}

static void
output(struct work *work, size_t n_hits)
{
    struct cache *cache = work->cache;
    struct ovs_execute_aux aux = { .pmd = cache->pmd, .flow = NULL };

    if (n_hits) {
        counter_add_own(&cache->counters.hits, n_hits);
        ovs_pmd_count_hits(cache->pmd, n_hits);
        outputs_flush(&cache->paths.outputs, recorder_execute_cb(), &aux);
    }
}

/* Which misses may become entries: those of keys that have missed before. */
static inline bool
is_worth_recording(struct work *work, size_t i)
{
    uint32_t hash = work->keys[i].hash;

    switch (work->misses[i]) {
    case CACHE_MISS_NO_ENTRY:
        return seen_check(&work->cache->seen, hash, work->time);
    case CACHE_MISS_DEAD:
    case CACHE_MISS_EXPIRED:
        return !seen_is_refused(&work->cache->seen, hash, work->time);
    case CACHE_MISS_PROTOCOL:
        return tunnels_probe(&work->cache->tunnels, &work->keys[i]);
    default:
        return false;
    }
}

static void
give_to_stock(struct work *work, struct dp_packet_batch *batch,
              odp_port_t port)
{
    struct cache *cache = work->cache;

    recorder_arm(&cache->recorder);
    ovs_stock_input(cache->pmd, batch, port);
    recorder_disarm();
    learn_all(cache, work->now);
    dp_packet_batch_init(batch);
}

/* Gives the packets that missed to stock, in runs of one port. */
static void
miss(struct work *work)
{
    struct cache *cache = work->cache;
    odp_port_t port = ODPP_NONE;
    struct dp_packet_batch batch;

    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < work->n; i++) {
        if (OVS_LIKELY(!work->misses[i])) {
            continue;
        }
        if (port != work->ports[i] && !dp_packet_batch_is_empty(&batch)) {
            give_to_stock(work, &batch, port);
        }
        port = work->ports[i];
        counter_add_own(&cache->counters.misses[work->misses[i]], 1);
        leave_tunnel(work, i);
        if (is_worth_recording(work, i)) {
            work->n_useful++;
            recorder_add(&cache->recorder, work->packets[i], &work->keys[i],
                         &cache->outers[i]);
        }
        dp_packet_batch_add(&batch, work->packets[i]);
    }
    if (!dp_packet_batch_is_empty(&batch)) {
        give_to_stock(work, &batch, port);
    }
}

/* What others must see in time. */
static void
cache_flush(struct cache *cache, long long now)
{
    paths_flush(&cache->paths, now);
    counter_set(&cache->n_entries, cache->table.n_used);
    counter_set(&cache->n_paths, cache->paths.n_live);
}

static void
work_run(struct work *work)
{
    size_t n_hits;

    parse(work);
    if (OVS_UNLIKELY(work->cache->tunnels.n)) {
        enter_tunnels(work);
    }
    look_up(work);
    match(work);
    n_hits = apply(work);
    work->n_useful = n_hits;
    output(work, n_hits);
    if (n_hits < work->n) {
        miss(work);
    }
    if (work->cache->is_main) {
        cache_flush(work->cache, work->now);
    }
}

/* Entry points. */

/* Without a cache. */
static void
input_mixed(struct dp_netdev_pmd_thread *pmd, struct dp_packet *packets[],
            const odp_port_t ports[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct dp_packet_batch batch;

        dp_packet_batch_init_packet(&batch, packets[i]);
        ovs_stock_input(pmd, &batch, ports[i]);
    }
}

/* Returns the number of packets for which the cache was of use. */
static size_t
cache_work(struct cache *cache, struct dp_packet *packets[],
           const odp_port_t ports[], size_t n)
{
    struct work work;

    work.cache = cache;
    work.now = ovs_pmd_now(cache->pmd);
    work.time = entry_time(work.now);
    work.packets = packets;
    work.ports = ports;
    work.n = n;
    work_run(&work);
    return work.n_useful;
}

void
cache_input_mixed(struct dp_netdev_pmd_thread *pmd,
                  struct dp_packet *packets[], const odp_port_t ports[],
                  size_t n)
{
    struct cache *cache = cache_get(pmd);

    if (OVS_LIKELY(cache)) {
        cache_work(cache, packets, ports, n);
    } else {
        input_mixed(pmd, packets, ports, n);
    }
}

int32_t
cache_input(struct dp_netdev_pmd_thread *pmd, struct dp_packet_batch *batch,
            odp_port_t in_port)
{
    struct cache *cache = cache_get(pmd);
    size_t n = dp_packet_batch_size(batch);
    odp_port_t ports[NETDEV_MAX_BURST];

    if (OVS_UNLIKELY(!cache)) {
        ovs_stock_input(pmd, batch, in_port);
    } else if (share_stands_aside(&cache->share, pmd, in_port,
                                  entry_time(ovs_pmd_now(pmd)))) {
        counter_add_own(&cache->counters.misses[CACHE_MISS_ASIDE], n);
        ovs_stock_input(pmd, batch, in_port);
    } else {
        for (size_t i = 0; i < n; i++) {
            ports[i] = in_port;
        }
        share_count(&cache->share, in_port, n,
                    cache_work(cache, batch->packets, ports, n));
    }
    return 0;
}

/* Housekeeping. */

void
cache_run(bool is_chosen)
{
    struct cache *cache;
    unsigned int number;

    if (OVS_LIKELY(!mine || ovs_list_is_empty(mine))) {
        return;
    }
    atomic_read_relaxed(&config_number, &number);
    LIST_FOR_EACH_SAFE (cache, in_thread, mine) {
        if (OVS_UNLIKELY(!is_chosen || cache->config != number)) {
            if (cache_destroy(cache, false)) {
                continue;
            }
        }

        explain_run(cache);

        long long now = ovs_pmd_now(cache->pmd);

        if (now >= cache->paths.next_flush) {
            cache_flush(cache, now);
        }
    }
}

void
cache_thread_end(struct dp_netdev_pmd_thread *pmd)
{
    struct cache *cache = cache_find(pmd);

    if (cache) {
        cache_destroy(cache, true);
    }
    if (mine && ovs_list_is_empty(mine)) {
        free(mine);
        mine = NULL;
    }
}

/* For the main thread. */

void
cache_configure(bool on, size_t size)
{
    unsigned int number;
    uint32_t old;

    input_choose(on ? "dpif_vnic" : "dpif_scalar");
    atomic_read_relaxed(&config_size, &old);
    if (old != size) {
        atomic_store_relaxed(&config_size, size);
        atomic_add_relaxed(&config_number, 1, &number);
    }
}

bool
cache_is_on(void)
{
    return input_is_cache();
}

size_t
cache_get_infos(struct cache_info **infos)
{
    struct cache *cache;
    size_t n = 0;

    ovs_mutex_lock(&caches_mutex);
    *infos = xmalloc(MAX(ovs_list_size(&caches), 1) * sizeof **infos);
    LIST_FOR_EACH (cache, node, &caches) {
        cache_info_read(&(*infos)[n++], cache);
    }
    ovs_mutex_unlock(&caches_mutex);
    return n;
}

void
cache_explain(const struct match *match, size_t max,
              struct cache_explanation *answer)
{
    struct cache *cache;

    ovs_mutex_lock(&caches_mutex);
    LIST_FOR_EACH (cache, node, &caches) {
        if (cache->is_main) {
            ds_put_cstr(&answer->text, "main:\n");
        } else {
            ds_put_format(&answer->text, "core %u:\n",
                          ovs_pmd_core(cache->pmd));
        }
        explain_ask(cache, match, max, answer);
    }
    ovs_mutex_unlock(&caches_mutex);
}

size_t
cache_n_sessions(void)
{
    return session_count();
}

/* Conntrack. */

static void
ct_before(struct conn *conn)
{
    session_before_update(conn);
    ct_change_note(conn);
}

static void
ct_after(struct conntrack *ct, struct conn *conn, struct dp_packet *packet,
         bool reply, enum ovs_ct_result result)
{
    record_ct_update(ct, conn, packet, reply, result);
    session_after_update(conn, reply, result);
}

void
cache_init(void)
{
    static const struct ovs_ct_hooks hooks = { ct_before, ct_after };

    if (!ovs_tcp_is_known()) {
        VLOG_ERR("conntrack's TCP connections are not as in Open vSwitch 3.1; "
                 "the pipeline cache does not record TCP");
        record_forbid_tcp();
    }
    ovs_ct_hook(&hooks);
}
