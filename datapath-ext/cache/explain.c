/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/explain.h"

#include "datapath-ext/cache-info.h"
#include "datapath-ext/cache/cache.h"
#include "datapath-ext/cache/key-flow.h"
#include "odp-util.h"
#include "packets.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

#define ENTRIES_AT_ONCE 1024
#define PATIENCE_MS 1000

struct explain_request {
    const struct match *match;
    size_t max;
    struct cache_explanation *answer;
    size_t n_found;
    size_t next;                /* Entry to look at. */
    bool is_done;
};

void
explain_init(struct explain_slot *slot)
{
    ovs_mutex_init(&slot->mutex);
    ovs_mutex_lock(&slot->mutex);
    slot->request = NULL;
    ovs_mutex_unlock(&slot->mutex);
    atomic_init(&slot->is_asked, false);
}

void
explain_destroy(struct explain_slot *slot)
{
    ovs_mutex_lock(&slot->mutex);
    if (slot->request) {
        slot->request->is_done = true;
        slot->request = NULL;
    }
    ovs_mutex_unlock(&slot->mutex);
    ovs_mutex_destroy(&slot->mutex);
}

/* The packet that an entry is for, as a flow; and that it becomes. */

static void
outer_to_flow(const struct tunnel_outer *outer, struct flow_tnl *tunnel)
{
    uint8_t vni[8] = { 0 };

    memcpy(vni + 4, outer->header, 4);
    if (outer->kind != TUNNEL_GRE) {
        memcpy(vni + 5, outer->header + 4, 3);
        vni[4] = 0;
    }
    memcpy(&tunnel->tun_id, vni, sizeof vni);
    if (outer->kind != TUNNEL_GRE
        || outer->narrow.l4_src & htons(GRE_KEY)) {
        tunnel->flags = FLOW_TNL_F_KEY;
    }
    tunnel->flags |= outer->has_checksum ? FLOW_TNL_F_CSUM : 0;
    tunnel->ip_tos = outer->narrow.tos;
    tunnel->ip_ttl = outer->narrow.ttl;
    if (outer->shape & KEY_IPV6) {
        tunnel->ipv6_src = key_ipv6(outer->wide.src, outer->narrow.src);
        tunnel->ipv6_dst = key_ipv6(outer->wide.dst, outer->narrow.dst);
    } else {
        tunnel->ip_src = outer->narrow.src;
        tunnel->ip_dst = outer->narrow.dst;
    }
}

static void
key_to_flow(const struct key_narrow *key, ovs_be16 tci, uint8_t shape,
            const struct key_wide *wide, struct flow *flow)
{
    memset(flow, 0, sizeof *flow);
    flow->in_port.odp_port = key->in_port;
    flow->dl_dst = key->eth_dst;
    flow->dl_src = key->eth_src;
    if (shape & (KEY_VLAN | KEY_VLAN_AD)) {
        flow->vlans[0].tpid = htons(shape & KEY_VLAN ? ETH_TYPE_VLAN_8021Q
                                    : ETH_TYPE_VLAN_8021AD);
        flow->vlans[0].tci = tci | htons(VLAN_CFI);
    }
    if (shape & KEY_QINQ) {
        flow->vlans[1].tpid = htons(ETH_TYPE_VLAN_8021Q);
        flow->vlans[1].tci = wide->inner_tci | htons(VLAN_CFI);
    }
    flow->nw_tos = key->tos;
    flow->nw_ttl = key->ttl;
    flow->tcp_flags = htons(key->tcp_flags);
    if (shape & KEY_IPV6) {
        flow->ipv6_label = wide->label;
    }
    key_put_tuple(key, shape, wide, flow);
}

static void
entry_apply_to_flow(const struct entry *entry, const struct path *path,
                    struct flow *flow)
{
    memset(&flow->tunnel, 0, sizeof flow->tunnel);
    if (path->l2_new) {
        memcpy(&flow->dl_dst, path->l2, ETH_ADDR_LEN);
        memcpy(&flow->dl_src, path->l2 + ETH_ADDR_LEN, ETH_ADDR_LEN);
        memset(flow->vlans, 0, sizeof flow->vlans);
        for (size_t i = 0; i < (path->l2_new - ETH_HEADER_LEN) / 4u; i++) {
            memcpy(&flow->vlans[i], path->l2 + 2 * ETH_ADDR_LEN + 4 * i, 4);
            flow->vlans[i].tci |= htons(VLAN_CFI);
        }
    }
    flow->nw_tos = entry->tos;
    flow->nw_ttl = entry->ttl;
    if (entry->shape & KEY_IPV6) {
        flow->ipv6_src = key_ipv6(entry->wide_src, entry->src);
        flow->ipv6_dst = key_ipv6(entry->wide_dst, entry->dst);
    } else {
        flow->nw_src = entry->src;
        flow->nw_dst = entry->dst;
    }
    key_put_ports(entry->l4_src, entry->l4_dst, flow);
}

/* Text. */

static void
format_output(struct ds *ds, const struct output *output)
{
    if (!output->n && !output->tail) {
        ds_put_cstr(ds, "drop");
    }
    for (size_t i = 0; i < output->n; i++) {
        ds_put_format(ds, "%s%"PRIu32, i ? "," : "port ",
                      odp_to_u32(output->ports[i]));
    }
    if (output->tail) {
        ds_put_cstr(ds, output->n ? ", then " : "");
        format_odp_actions(ds, output->tail, output->tail_len, NULL);
    }
}

static void
add_stage(struct cache_explanation *answer, const struct dp_netdev_flow *flow)
{
    struct cache_stage *stage;

    if (answer->n >= answer->allocated) {
        answer->stages = x2nrealloc(answer->stages, &answer->allocated,
                                    sizeof *answer->stages);
    }
    stage = &answer->stages[answer->n++];
    ovs_flow_format(flow, &answer->text);
    ds_put_char(&answer->text, '\n');
    stage->at = answer->text.length;
    ovs_flow_copy(flow, &stage->flow, &stage->actions, &stage->actions_len);
}

static void
format_stages(const struct path *path, struct cache_explanation *answer)
{
    if (!path->watches) {
        ds_put_cstr(&answer->text, "  its passes are no longer known\n");
        return;
    }
    for (size_t i = 0; i < path->n; i++) {
        ds_put_format(&answer->text, "  pass %"PRIuSIZE": ", i + 1);
        add_stage(answer, path->passes[i].flow);
    }
}

static void
format_entry(struct cache *cache, const struct entry *entry,
             const struct flow *before, struct cache_explanation *answer)
{
    struct ds *ds = &answer->text;
    const struct path *path = path_get(&cache->paths, entry->path);
    bool is_dead = (path_is_dead(path)
                    || entry_deadline(entry) == ENTRY_DEAD);
    struct flow after = *before;
    uint32_t session;

    ds_put_format(ds, "%s: ", is_dead ? "entry, no longer valid" : "entry");
    flow_format(ds, before, NULL);
    entry_apply_to_flow(entry, path, &after);
    ds_put_cstr(ds, "\n  becomes: ");
    flow_format(ds, &after, NULL);
    ds_put_cstr(ds, "\n  output: ");
    format_output(ds, path->output);
    ds_put_char(ds, '\n');
    format_stages(path, answer);
    atomic_read_relaxed(&entry->session, &session);
    if (session) {
        session_format(session, ds);
    }
}

/* The cache's thread. */

/* The 'i'th newest. */
static const struct refused_note *
refused_get(const struct refused *refused, uint32_t i)
{
    return &refused->notes[(refused->next - i) % REFUSED_MAX];
}

static bool
refused_again(const struct refused *refused, uint32_t i)
{
    uint32_t hash = refused_get(refused, i)->key.hash;

    for (uint32_t j = 1; j < i; j++) {
        if (refused_get(refused, j)->key.hash == hash) {
            return true;
        }
    }
    return false;
}

/* Of each key the newest note: it may be refused for one reason first, and for
 * another one later. */
static void
format_refused(const struct refused *refused, struct explain_request *request)
{
    struct ds *ds = &request->answer->text;
    size_t n = 0;

    for (uint32_t i = 1; i <= REFUSED_MAX && n < request->max; i++) {
        const struct refused_note *note = refused_get(refused, i);
        const struct key *key = &note->key;
        struct flow flow;

        key_to_flow(&key->narrow, key->tci, key->shape, &key->wide, &flow);
        if (note->why && !refused_again(refused, i)
            && flow_equal_except(&flow, &request->match->flow,
                                 &request->match->wc)) {
            ds_put_format(ds, "not kept, %s (%s): ",
                          cache_refusal_name(note->why),
                          cache_refusal_text(note->why));
            flow_format(ds, &flow, NULL);
            ds_put_char(ds, '\n');
            n++;
        }
    }
    ds_put_cstr(ds, n ? "no entry\n"
                : "no entry, and none was refused lately: seen less than "
                "twice, or a miss that vnic/cache-show counts\n");
}

static void
look_at(struct cache *cache, struct explain_request *request, size_t index)
{
    const struct entry *entry = &cache->table.entries[index];
    struct flow flow;

    key_to_flow(&entry->key, entry->tci, entry->shape, &entry->wide, &flow);
    if (context_is_port(entry->key.in_port)) {
        const struct context *context = contexts_get(&cache->contexts,
                                                     entry->key.in_port);

        flow.in_port.odp_port = context->outer.narrow.in_port;
        outer_to_flow(&context->outer, &flow.tunnel);
    }
    if (flow_equal_except(&flow, &request->match->flow, &request->match->wc)) {
        request->n_found++;
        format_entry(cache, entry, &flow, request->answer);
    }
}

void
explain_run(struct cache *cache)
{
    struct explain_slot *slot = &cache->explain;
    struct explain_request *request;
    bool is_asked;

    atomic_read_relaxed(&slot->is_asked, &is_asked);
    if (OVS_LIKELY(!is_asked)) {
        return;
    }
    ovs_mutex_lock(&slot->mutex);
    request = slot->request;
    if (request) {
        size_t end = MIN(request->next + ENTRIES_AT_ONCE,
                         table_size(&cache->table));

        for (; request->next < end; request->next++) {
            if (!entry_is_free(&cache->table, request->next)
                && request->n_found < request->max) {
                look_at(cache, request, request->next);
            }
        }
        if (end == table_size(&cache->table)) {
            if (!request->n_found) {
                format_refused(&cache->refused, request);
            }
            request->is_done = true;
            slot->request = NULL;
        }
    }
    if (!slot->request) {       /* Also if who asked has given up. */
        atomic_store_relaxed(&slot->is_asked, false);
    }
    ovs_mutex_unlock(&slot->mutex);
}

/* The main thread. */

static bool
is_done(struct explain_slot *slot, struct explain_request *request)
{
    bool done;

    ovs_mutex_lock(&slot->mutex);
    done = request->is_done;
    ovs_mutex_unlock(&slot->mutex);
    return done;
}

void
explain_ask(struct cache *cache, const struct match *match, size_t max,
            struct cache_explanation *answer)
{
    struct explain_request request = { match, max, answer, 0, 0, false };
    struct explain_slot *slot = &cache->explain;
    long long deadline = time_msec() + PATIENCE_MS;

    ovs_mutex_lock(&slot->mutex);
    slot->request = &request;
    atomic_store_relaxed(&slot->is_asked, true);
    ovs_mutex_unlock(&slot->mutex);
    while (!is_done(slot, &request)) {
        if (cache->is_main) {
            explain_run(cache);
        } else if (time_msec() >= deadline) {
            ds_put_cstr(&answer->text, "the thread is too busy to answer\n");
            break;
        } else {
            xnanosleep(1000 * 1000);
        }
    }
    ovs_mutex_lock(&slot->mutex);
    slot->request = NULL;
    ovs_mutex_unlock(&slot->mutex);
}
