/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/ovs.h"

#include <netinet/in.h>

#include "conntrack.h"
#include "conntrack-private.h"
#include "conntrack-tp.h"
#include "ct-dpif.h"
#include "dp-packet.h"
#include "dpif-netdev-private-dpif.h"
#include "dpif-netdev-private-flow.h"
#include "dpif-netdev-private-thread.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* PMD threads. */

long long
ovs_pmd_now(const struct dp_netdev_pmd_thread *pmd)
{
    return pmd->ctx.now / 1000;
}

bool
ovs_pmd_is_main(const struct dp_netdev_pmd_thread *pmd)
{
    return pmd->core_id == NON_PMD_CORE_ID;
}

unsigned int
ovs_pmd_core(const struct dp_netdev_pmd_thread *pmd)
{
    return pmd->core_id;
}

bool
ovs_pmd_is_simple(const struct dp_netdev_pmd_thread *pmd, odp_port_t port)
{
    /* A port without any flow would be simple too, and its next packets may
     * not be. */
    return (ccmap_find(&pmd->n_flows, odp_to_u32(port))
            && dp_netdev_simple_match_enabled(pmd, port));
}

void
ovs_pmd_count_hits(struct dp_netdev_pmd_thread *pmd, unsigned int n)
{
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_RECV, n);
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_EXACT_HIT, n);
}

struct dp_netdev_pmd_thread *
ovs_pmd_of(struct dfc_cache *dfc)
{
    return CONTAINER_OF(dfc, struct dp_netdev_pmd_thread, flow_cache);
}

void
ovs_stock_input(struct dp_netdev_pmd_thread *pmd,
                struct dp_packet_batch *batch, odp_port_t in_port)
{
    dp_netdev_input(pmd, batch, in_port);
}

/* Megaflows. */

struct dp_netdev_flow *
ovs_flow_of(const struct flow *flow)
{
    return CONTAINER_OF(flow, struct dp_netdev_flow, flow);
}

const void *
ovs_flow_node(const struct dp_netdev_flow *flow)
{
    return &flow->node;
}

const void *
ovs_flow_actions(const struct dp_netdev_flow *flow)
{
    return ovsrcu_get(struct dp_netdev_actions *, &flow->actions);
}

bool
ovs_flow_has_tcp_flags(const struct dp_netdev_flow *flow, uint16_t flags)
{
    const struct miniflow *mask = &flow->cr.mask->mf;

    return MINIFLOW_GET_BE16(mask, tcp_flags) & htons(flags);
}

bool
ovs_flow_executes(const struct dp_netdev_flow *flow, const void *actions)
{
    return ovsrcu_get(struct dp_netdev_actions *,
                      &flow->actions)->actions == actions;
}

bool
ovs_flow_is_listed(const struct dp_netdev_pmd_thread *pmd,
                   const struct dp_netdev_flow *flow)
{
    const struct dp_netdev_flow *other;

    CMAP_FOR_EACH_WITH_HASH (other, node, dp_netdev_flow_hash(&flow->ufid),
                             &pmd->flow_table) {
        if (other == flow) {
            return true;
        }
    }
    return false;
}

void
ovs_flow_format(const struct dp_netdev_flow *flow, struct ds *ds)
{
    const struct dp_netdev_actions *actions
        = ovsrcu_get(struct dp_netdev_actions *, &flow->actions);

    odp_format_ufid(&flow->ufid, ds);
    ds_put_format(ds, ", recirc_id(%#"PRIx32"), actions:",
                  flow->flow.recirc_id);
    format_odp_actions(ds, actions->actions, actions->size, NULL);
}

void
ovs_flow_copy(const struct dp_netdev_flow *flow, struct flow *packet,
              struct nlattr **actions_, size_t *actions_len)
{
    const struct dp_netdev_actions *actions
        = ovsrcu_get(struct dp_netdev_actions *, &flow->actions);

    *packet = flow->flow;
    *actions_ = xmemdup(actions->actions, actions->size);
    *actions_len = actions->size;
}

bool
ovs_flow_ref(struct dp_netdev_flow *flow)
{
    return ovs_refcount_try_ref_rcu(&flow->ref_cnt);
}

void
ovs_flow_unref(struct dp_netdev_flow *flow)
{
    dp_netdev_flow_unref(flow);
}

/* As dp_netdev_flow_used(), which is private to dpif-netdev.c. */
void
ovs_flow_used(struct dp_netdev_flow *flow, uint64_t packets, uint64_t bytes,
              uint16_t tcp_flags, long long now)
{
    struct dp_netdev_flow_stats *stats = &flow->stats;
    unsigned long long n;
    uint16_t flags;

    atomic_store_relaxed(&stats->used, now);
    atomic_read_relaxed(&stats->packet_count, &n);
    atomic_store_relaxed(&stats->packet_count, n + packets);
    atomic_read_relaxed(&stats->byte_count, &n);
    atomic_store_relaxed(&stats->byte_count, n + bytes);
    atomic_read_relaxed(&stats->tcp_flags, &flags);
    atomic_store_relaxed(&stats->tcp_flags, flags | tcp_flags);
}

/* Connections. */

/* Global as conntrack's functions, which it is called from, are. */
static const struct ovs_ct_hooks *hooks;

struct conn *
ovs_conn_of_node(const void *node)
{
    return CONTAINER_OF(node, struct conn, cm_node);
}

bool
ovs_conn_is_tcp(const struct conn *conn)
{
    return conn->key.nw_proto == IPPROTO_TCP;
}

bool
ovs_conn_is_usable(const struct conn *conn)
{
    /* atomic_flag has no function that only reads. */
    uint8_t reclaimed = __atomic_load_n((const uint8_t *) &conn->reclaimed,
                                        __ATOMIC_RELAXED);

    return (!reclaimed && !conn->alg && !conn->alg_related && !conn->seq_skew
            && conn->conn_type == CT_CONN_TYPE_DEFAULT);
}

uint16_t
ovs_conn_zone(const struct conn *conn)
{
    return conn->key.zone;
}

/* As conn_key_cmp() of lib/conntrack.c. */
static bool
ends_equal(const struct ct_endpoint *a, const struct ct_endpoint *b)
{
    return (!memcmp(&a->addr, &b->addr, sizeof a->addr)
            && a->icmp_id == b->icmp_id && a->icmp_type == b->icmp_type
            && a->icmp_code == b->icmp_code);
}

static bool
keys_equal(const struct conn_key *a, const struct conn_key *b)
{
    return (ends_equal(&a->src, &b->src) && ends_equal(&a->dst, &b->dst)
            && a->dl_type == b->dl_type && a->zone == b->zone
            && a->nw_proto == b->nw_proto);
}

bool
ovs_conn_hides(const struct conn *newer, const struct conn *older)
{
    return (keys_equal(&newer->key, &older->key)
            || keys_equal(&newer->key, &older->rev_key)
            || keys_equal(&newer->rev_key, &older->key)
            || keys_equal(&newer->rev_key, &older->rev_key));
}

bool
ovs_conn_is_reverse(const struct conn *conn)
{
    return conn->conn_type == CT_CONN_TYPE_UN_NAT;
}

bool
ovs_ct_has_map(const struct conntrack *ct, const struct cmap *map)
{
    return map == &ct->conns;
}

static void
format_endpoint(const struct conn *conn, const struct ct_endpoint *endpoint,
                struct ds *ds)
{
    if (conn->key.dl_type == htons(ETH_TYPE_IPV6)) {
        ipv6_format_addr_bracket(&endpoint->addr.ipv6, ds, true);
    } else {
        ds_put_format(ds, IP_FMT, IP_ARGS(endpoint->addr.ipv4));
    }
    ds_put_format(ds, ":%"PRIu16, ntohs(endpoint->port));
}

void
ovs_conn_format(const struct conn *conn, struct ds *ds)
{
    ds_put_format(ds, "zone %"PRIu16", ", conn->key.zone);
    format_endpoint(conn, &conn->key.src, ds);
    ds_put_cstr(ds, " to ");
    format_endpoint(conn, &conn->key.dst, ds);
    ds_put_cstr(ds, ", replies from ");
    format_endpoint(conn, &conn->rev_key.src, ds);
    ds_put_cstr(ds, " to ");
    format_endpoint(conn, &conn->rev_key.dst, ds);
}

struct ovs_ct_mark
ovs_conn_mark_locked(const struct conn *conn)
{
    return (struct ovs_ct_mark) { .mark = conn->mark, .label = conn->label };
}

struct ovs_ct_mark
ovs_conn_mark(struct conn *conn)
{
    struct ovs_ct_mark mark;

    ovs_mutex_lock(&conn->lock);
    mark = ovs_conn_mark_locked(conn);
    ovs_mutex_unlock(&conn->lock);
    return mark;
}

bool
ovs_ct_mark_equal(const struct ovs_ct_mark *a, const struct ovs_ct_mark *b)
{
    return a->mark == b->mark && ovs_u128_equals(a->label, b->label);
}

/* TCP. */

struct conn_tcp {
    struct conn up;
    struct tcp_peer {
        uint32_t seqlo;
        uint32_t seqhi;
        uint16_t max_win;
        uint8_t wscale;
        enum ct_dpif_tcp_state state;
    } peer[2];
};

#define CT_WSCALE_FLAG 0x80
#define CT_WSCALE_UNKNOWN 0x40
#define CT_WSCALE_MASK 0xf
#define TCP_MAX_WSCALE 14

static bool
tcp_is_established(const struct conn_tcp *conn)
{
    return (conn->peer[0].state == CT_DPIF_TCPS_ESTABLISHED
            && conn->peer[1].state == CT_DPIF_TCPS_ESTABLISHED);
}

bool
ovs_tcp_get(struct conn *conn_, struct tcp_window windows[2])
{
    struct conn_tcp *conn = CONTAINER_OF(conn_, struct conn_tcp, up);
    bool is_established;

    ovs_mutex_lock(&conn_->lock);
    hooks->before(conn_);
    is_established = tcp_is_established(conn);
    for (size_t i = 0; i < 2; i++) {
        const struct tcp_peer *peer = &conn->peer[i];

        windows[i] = (struct tcp_window) {
            .seqlo = peer->seqlo, .seqhi = peer->seqhi,
            .max_win = peer->max_win, .wscale = peer->wscale,
            .state = peer->state,
        };
    }
    ovs_mutex_unlock(&conn_->lock);
    return is_established;
}

void
ovs_tcp_set(struct conn *conn_, const struct tcp_window windows[2])
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct conn_tcp *conn = CONTAINER_OF(conn_, struct conn_tcp, up);

    for (size_t i = 0; i < 2; i++) {
        conn->peer[i].seqlo = windows[i].seqlo;
        conn->peer[i].seqhi = windows[i].seqhi;
        conn->peer[i].max_win = windows[i].max_win;
    }
}

/* As tcp_conn_update() does for a segment without SYN. */
void
ovs_tcp_scale(const struct tcp_window windows[2], uint8_t scale[2])
{
    uint8_t both = windows[0].wscale & windows[1].wscale;

    for (size_t i = 0; i < 2; i++) {
        scale[i] = (both & CT_WSCALE_FLAG ? windows[i].wscale & CT_WSCALE_MASK
                    : both & CT_WSCALE_UNKNOWN ? TCP_MAX_WSCALE : 0);
    }
}

/* Hooks.  Global as the tables of functions are whose members they
 * replace. */

typedef enum ct_update_res update_func(struct conntrack *, struct conn *,
                                       struct dp_packet *, bool reply,
                                       long long now);
static struct {
    struct ct_l4_proto *proto;
    update_func *update;        /* Conntrack's own. */
} protos[] = {
    { &ct_proto_tcp, NULL }, { &ct_proto_other, NULL },
    { &ct_proto_icmp4, NULL }, { &ct_proto_icmp6, NULL },
};
static enum ovs_ct_result
ct_result(const struct conn *conn, enum ct_update_res res)
{
    switch (res) {
    case CT_UPDATE_VALID:
        return (ovs_conn_is_tcp(conn)
                && !tcp_is_established(CONTAINER_OF(conn, struct conn_tcp,
                                                    up))
                ? OVS_CT_UNSETTLED : OVS_CT_ESTABLISHED);
    case CT_UPDATE_VALID_NEW:
        return OVS_CT_NEW;
    case CT_UPDATE_NEW:
        return OVS_CT_AGAIN;
    case CT_UPDATE_INVALID:
    default:
        return OVS_CT_INVALID;
    }
}

/* As l4_protos[] of lib/conntrack.c. */
static update_func *
real_update(const struct conn *conn)
{
    switch (conn->key.nw_proto) {
    case IPPROTO_TCP:
        return protos[0].update;
    case IPPROTO_ICMP:
        return protos[2].update;
    case IPPROTO_ICMPV6:
        return protos[3].update;
    default:
        return protos[1].update;
    }
}

static enum ct_update_res
update(struct conntrack *ct, struct conn *conn, struct dp_packet *packet,
       bool reply, long long now)
{
    enum ct_update_res res;

    hooks->before(conn);
    res = real_update(conn)(ct, conn, packet, reply, now);
    hooks->after(ct, conn, packet, reply, ct_result(conn, res));
    return res;
}

void
ovs_ct_hook(const struct ovs_ct_hooks *hooks_)
{
    hooks = hooks_;
    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        if (!protos[i].update) {
            protos[i].update = protos[i].proto->conn_update;
            protos[i].proto->conn_update = update;
        }
    }
}

/* Conntrack's functions for other protocols don't look at the packet; TCP's
 * does, but in established connections only the time is to be set. */
bool
ovs_conn_touch(struct conntrack *ct, struct conn *conn, bool reply,
               enum ovs_ct_result result, long long now, long long *lifetime)
{
    enum ovs_ct_result now_is = OVS_CT_INVALID;
    long long expiration;

    ovs_mutex_lock(&conn->lock);
    atomic_read_relaxed(&conn->expiration, &expiration);
    if (now < expiration && ovs_conn_is_usable(conn)) {
        if (!ovs_conn_is_tcp(conn)) {
            now_is = ct_result(conn, real_update(conn)(ct, conn, NULL, reply,
                                                       now));
        } else if (tcp_is_established(CONTAINER_OF(conn, struct conn_tcp,
                                                   up))) {
            conn_update_expiration(ct, conn, CT_TM_TCP_ESTABLISHED, now);
            now_is = OVS_CT_ESTABLISHED;
        }
        atomic_read_relaxed(&conn->expiration, &expiration);
    }
    ovs_mutex_unlock(&conn->lock);
    *lifetime = expiration - now;
    return now_is == result;
}

/* The trial: a SYN with known numbers makes a connection with known peers. */

static void
compose_syn(struct dp_packet *packet)
{
    struct tcp_header *tcp;
    struct ip_header *ip;

    dp_packet_put_zeros(packet, ETH_HEADER_LEN);
    ip = dp_packet_put_zeros(packet, IP_HEADER_LEN);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(IP_HEADER_LEN + TCP_HEADER_LEN + 4);
    ip->ip_proto = IPPROTO_TCP;
    tcp = dp_packet_put_zeros(packet, TCP_HEADER_LEN);
    dp_packet_put(packet, "\3\3\5\0", 4);       /* Window scale 5. */
    ip = dp_packet_at_assert(packet, ETH_HEADER_LEN, IP_HEADER_LEN);
    tcp = dp_packet_at_assert(packet, ETH_HEADER_LEN + IP_HEADER_LEN,
                              TCP_HEADER_LEN);
    put_16aligned_be32(&tcp->tcp_seq, htonl(0x01020304));
    tcp->tcp_ctl = TCP_CTL(TCP_SYN, 6);
    tcp->tcp_winsz = htons(0x4000);
    dp_packet_reset_offsets(packet);
    dp_packet_set_l3(packet, ip);
    dp_packet_set_l4(packet, tcp);
}

bool
ovs_tcp_is_known(void)
{
    /* Enough of it for conn_init_expiration(), which looks for a policy. */
    struct conntrack *ct = xzalloc(sizeof *ct);
    struct dp_packet packet;
    struct conn *conn;
    bool is_known;

    cmap_init(&ct->timeout_policies);
    dp_packet_init(&packet, 128);
    compose_syn(&packet);
    conn = ct_proto_tcp.new_conn(ct, &packet, 0, DEFAULT_TP_ID);

    const struct tcp_peer *peer = CONTAINER_OF(conn, struct conn_tcp,
                                               up)->peer;

    is_known = (peer[0].seqlo == 0x01020304 && peer[0].seqhi == 0x01020306
                && peer[0].max_win == 0x200
                && peer[0].wscale == (CT_WSCALE_FLAG | 5)
                && peer[0].state == CT_DPIF_TCPS_SYN_SENT
                && peer[1].seqlo == 0 && peer[1].seqhi == 1
                && peer[1].max_win == 1 && peer[1].wscale == 0
                && peer[1].state == CT_DPIF_TCPS_CLOSED);
    free(conn);
    dp_packet_uninit(&packet);
    cmap_destroy(&ct->timeout_policies);
    free(ct);
    return is_known;
}
