/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "csum.h"
#include "datapath-ext/cache/context.h"
#include "datapath-ext/cache/tail.h"
#include "datapath-ext/cache/tunnel.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev-native-tnl.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

/* Tunnel headers, compared with what Open vSwitch itself makes of them. */

static const struct key_seed seed = { { 1, 0x123456789abcdef1, 77 } };
#define PORT u32_to_odp(3)

struct kind {
    enum tunnel_kind kind;
    bool is_ipv6;
    bool has_checksum;
    uint8_t n_options;          /* Geneve: bytes.  GRE: has a sequence. */
    uint8_t len;
};

static const struct kind kinds[] = {
    { TUNNEL_VXLAN, false, false, 0, 50 },
    { TUNNEL_VXLAN, false, true, 0, 50 },
    { TUNNEL_VXLAN, true, true, 0, 70 },
    { TUNNEL_GENEVE, false, false, 0, 50 },
    { TUNNEL_GENEVE, true, true, 24, 94 },
    { TUNNEL_GENEVE, false, true, 64, 114 },
    { TUNNEL_GRE, false, false, 0, 42 },
    { TUNNEL_GRE, false, true, 4, 50 },
    { TUNNEL_GRE, true, true, 0, 66 },
};

static void
put_inner(struct dp_packet *packet)
{
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    eth_addr_random(&flow.dl_dst);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = 1;
    flow.nw_dst = 2;
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_ttl = 64;
    flow.tp_src = random_uint32();
    flow_compose(packet, &flow, NULL, 64);
}

static void
put_tunnel(uint8_t *l4, const struct kind *kind)
{
    if (kind->kind == TUNNEL_GRE) {
        struct gre_base_hdr *gre = (void *) l4;

        gre->flags = htons(GRE_KEY | (kind->has_checksum ? GRE_CSUM : 0)
                           | (kind->n_options ? GRE_SEQ : 0));
        gre->protocol = htons(ETH_TYPE_TEB);
        l4[kind->has_checksum ? 11 : 7] = 99;
    } else if (kind->kind == TUNNEL_GENEVE) {
        struct genevehdr *geneve = (void *) (l4 + UDP_HEADER_LEN);

        geneve->opt_len = kind->n_options / 4;
        geneve->proto_type = htons(ETH_TYPE_TEB);
        random_bytes(geneve->options, kind->n_options);
        l4[UDP_HEADER_LEN + 6] = 99;
    } else {
        l4[UDP_HEADER_LEN] = 8;
        l4[UDP_HEADER_LEN + 6] = 99;
    }
}

static size_t
l4_ofs(const struct kind *kind)
{
    return (ETH_HEADER_LEN
            + (kind->is_ipv6 ? IPV6_HEADER_LEN : IP_HEADER_LEN));
}

static void
put_checksums(struct dp_packet *packet, const struct kind *kind)
{
    uint8_t *data = dp_packet_data(packet);
    uint8_t *l3 = data + ETH_HEADER_LEN;
    uint8_t *l4 = data + l4_ofs(kind);
    size_t n = dp_packet_size(packet) - l4_ofs(kind);
    size_t at = kind->kind == TUNNEL_GRE ? 4 : 6;
    uint32_t partial = 0;
    ovs_be16 sum;

    if (!kind->is_ipv6) {
        memset(l3 + 10, 0, 2);
        sum = csum(l3, IP_HEADER_LEN);
        memcpy(l3 + 10, &sum, 2);
    }
    if (kind->has_checksum) {
        memset(l4 + at, 0, 2);
        if (kind->kind != TUNNEL_GRE) {
            partial = (kind->is_ipv6 ? packet_csum_pseudoheader6((void *) l3)
                       : packet_csum_pseudoheader((void *) l3));
        }
        sum = csum_finish(csum_continue(partial, l4, n));
        sum = sum || kind->kind == TUNNEL_GRE ? sum : OVS_BE16_MAX;
        memcpy(l4 + at, &sum, 2);
    }
}

/* In a tunnel's header. */
static struct dp_packet *
make_packet(const struct kind *kind)
{
    struct dp_packet *packet = dp_packet_new_with_headroom(512, 128);
    size_t n;
    uint8_t *data;
    uint8_t proto = kind->kind == TUNNEL_GRE ? IPPROTO_GRE : IPPROTO_UDP;

    put_inner(packet);
    data = dp_packet_push_zeros(packet, kind->len);
    data[0] = 2;
    memcpy(data + 12, kind->is_ipv6 ? "\x86\xdd" : "\x08\x00", 2);
    n = dp_packet_size(packet) - l4_ofs(kind);
    data += ETH_HEADER_LEN;
    if (kind->is_ipv6) {
        data[0] = 0x60;
        data[4] = n >> 8;
        data[5] = n;
        data[6] = proto;
        data[7] = 64;
        data[23] = 1;
        data[39] = 2;
    } else {
        data[0] = 0x45;
        data[2] = (n + IP_HEADER_LEN) >> 8;
        data[3] = n + IP_HEADER_LEN;
        data[8] = 64;
        data[9] = proto;
        data[12] = data[16] = 10;
    }
    data = (uint8_t *) dp_packet_data(packet) + l4_ofs(kind);
    put_tunnel(data, kind);
    if (kind->kind != TUNNEL_GRE) {
        data[0] = 200;
        data[2] = 18;
        data[4] = n >> 8;
        data[5] = n;
    }
    put_checksums(packet, kind);
    return packet;
}

/* As cache.c has it. */
static bool
open_packet(struct dp_packet *packet, const struct kind *kind,
            struct tunnel_outer *outer)
{
    uint8_t proto = kind->kind == TUNNEL_GRE ? IPPROTO_GRE : IPPROTO_UDP;
    enum cache_miss miss;
    struct key key;

    memset(&key, 0xa5, sizeof key);
    memset(outer, 0xa5, sizeof *outer);
    miss = key_extract(packet, PORT, &seed, &key);
    return ((key.order == KEY_ORDER_FLOW
             || (miss == CACHE_MISS_PROTOCOL
                 && key.narrow.proto == IPPROTO_GRE))
            && miss != CACHE_MISS_VLAN && key.narrow.proto == proto
            && !tunnel_open(packet, &key, kind->kind, outer));
}

/* What stock knows of it then; returns false if it drops the packet. */
static bool
pop(struct dp_packet *packet, const struct kind *kind, struct flow *outer)
{
    pkt_metadata_init(&packet->md, PORT);
    flow_extract(packet, outer);
    return (kind->kind == TUNNEL_VXLAN ? netdev_vxlan_pop_header(packet)
            : kind->kind == TUNNEL_GENEVE ? netdev_geneve_pop_header(packet)
            : netdev_gre_pop_header(packet));
}

static void
check_equal(const struct flow *a, const struct flow_tnl *a_tunnel,
            const struct flow *b, const struct flow_tnl *b_tunnel)
{
    struct flow_tnl x = *a_tunnel, y = *b_tunnel;

    assert(flow_equal(a, b));
    x.tp_src = y.tp_src = 0;
    assert(!memcmp(&x, &y, offsetof(struct flow_tnl, metadata)));
    assert(x.metadata.present.len == y.metadata.present.len
           && !memcmp(x.metadata.opts.gnv, y.metadata.opts.gnv,
                      x.metadata.present.len));
}

static void
mutate(struct dp_packet *packet, const struct kind *kind)
{
    uint8_t *data = dp_packet_data(packet);

    for (uint32_t n = random_range(3); n > 0; n--) {
        data[random_range(kind->len)] ^= 1 << random_range(8);
    }
    if (random_range(4)) {
        put_checksums(packet, kind);
    }
    if (!random_range(16)) {
        dp_packet_put_zeros(packet, 2);
    }
}

/* A packet of which a bit or two differ from a known one's: if ours opens it,
 * stock does; if it has the same context, stock knows the same of it. */
static bool
test_one(const struct kind *kind, struct contexts *contexts,
         const struct dp_packet *known, const struct flow *flow)
{
    struct dp_packet *packet = dp_packet_clone(known);
    struct dp_packet *copy;
    struct tunnel_outer outer;
    struct flow other;
    bool is_found = false;

    mutate(packet, kind);
    copy = dp_packet_clone(packet);
    if (open_packet(packet, kind, &outer)) {
        assert(outer.len == kind->len || kind->kind != TUNNEL_VXLAN);
        is_found = context_is_known(contexts_find(contexts, &outer));
        assert(pop(copy, kind, &other));
        assert(dp_packet_size(packet) == dp_packet_size(copy)
               && !memcmp(dp_packet_data(packet), dp_packet_data(copy),
                          dp_packet_size(packet)));
        if (is_found) {
            struct context *context = contexts_get(contexts, contexts_find(
                contexts, &outer));

            assert(context->tunnel_port == u32_to_odp(9));
            other.tp_src = flow->tp_src;
            check_equal(flow, &known->md.tunnel, &other, &copy->md.tunnel);
        }
        tunnel_close(packet, &outer);
        assert(dp_packet_size(packet) == dp_packet_size(copy) + outer.len);
        dp_packet_delete(copy);
    } else {
        dp_packet_delete(copy);
    }
    dp_packet_delete(packet);
    return is_found;
}

static void
test_tunnel(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[1]);

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct kind *kind = &kinds[i];
        struct dp_packet *known = make_packet(kind);
        struct dp_packet *copy = dp_packet_clone(known);
        struct tunnel_outer outer;
        struct contexts contexts;
        struct context *context;
        struct flow flow;
        int n_found = 0;

        contexts_init(&contexts, &seed);
        assert(open_packet(known, kind, &outer) && outer.len == kind->len);
        assert(!context_is_known(contexts_find(&contexts, &outer)));
        context = contexts_ref(&contexts, &outer, u32_to_odp(9));
        assert(context_is_known(contexts_find(&contexts, &outer)));
        tunnel_close(known, &outer);
        assert(dp_packet_equal(known, copy));
        assert(pop(copy, kind, &flow));
        known->md = copy->md;
        for (int j = 0; j < n; j++) {
            n_found += test_one(kind, &contexts, known, &flow);
        }
        assert(n_found > n / 4 && n_found < n);
        contexts_unref(&contexts, context);
        contexts_destroy(&contexts);
        dp_packet_delete(copy);
        dp_packet_delete(known);
    }
}

/* Contexts. */

static void
test_context(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct context *all[CONTEXTS_MAX], *again;
    struct contexts contexts;
    struct tunnel_outer outer;

    contexts_init(&contexts, &seed);
    memset(&outer, 0, sizeof outer);
    for (size_t i = 0; i < CONTEXTS_MAX; i++) {
        outer.narrow.src = i;
        all[i] = contexts_ref(&contexts, &outer, u32_to_odp(1));
        assert(all[i]->number == i);
    }
    outer.narrow.src = CONTEXTS_MAX;
    assert(!contexts_ref(&contexts, &outer, u32_to_odp(1)));
    contexts_unref(&contexts, all[77]);
    all[77] = contexts_ref(&contexts, &outer, u32_to_odp(1));
    assert(all[77]->number == 77);
    /* It leads elsewhere: entries of the old one aren't found any more. */
    contexts_unref(&contexts, all[78]);
    again = contexts_ref(&contexts, &outer, u32_to_odp(2));
    assert(again != all[77] && again->number == 78 && again->n_refs == 1);
    assert(contexts_find(&contexts, &outer) == context_to_port(78, 0));
    /* After a change of ports none is, until it was seen again. */
    contexts_ports_changed();
    assert(contexts_check_ports(&contexts)
           && !contexts_check_ports(&contexts));
    assert(!context_is_known(contexts_find(&contexts, &outer)));
    assert(contexts_ref(&contexts, &outer, u32_to_odp(2)) == again);
    assert(contexts_find(&contexts, &outer) == context_to_port(78, 0));
    contexts_unref(&contexts, again);
    all[78] = again;
    for (size_t i = 0; i < CONTEXTS_MAX; i++) {
        contexts_unref(&contexts, all[i]);
    }
    contexts_destroy(&contexts);
}

/* Endpoints. */

static void
test_endpoint(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct tunnel_outer outer;
    struct tunnels tunnels;
    struct key key;

    memset(&tunnels, 0, sizeof tunnels);
    memset(&key, 0, sizeof key);
    memset(&outer, 0, sizeof outer);
    for (uint32_t i = 0; i < TUNNELS_MAX; i++) {
        key.narrow.in_port = u32_to_odp(i);
        assert(!tunnels_has_port(&tunnels, key.narrow.in_port)
               && !tunnels_find(&tunnels, &key));
        assert(tunnels_add(&tunnels, &key, TUNNEL_GRE));
        assert(tunnels_has_port(&tunnels, key.narrow.in_port)
               && tunnels_find(&tunnels, &key));
    }
    key.narrow.dst = 1;
    assert(!tunnels_find(&tunnels, &key)
           && !tunnels_add(&tunnels, &key, TUNNEL_GRE));
    /* It stays while some of its packets come out. */
    outer.narrow = key.narrow;
    outer.narrow.dst = 0;
    for (int i = 0; i < 100; i++) {
        tunnels_doubt(&tunnels, &outer);
        if (i % 7 == 6) {
            tunnels_confirm(&tunnels, &outer);
        }
    }
    key.narrow.dst = 0;
    assert(tunnels_find(&tunnels, &key));
    for (int i = 0; i < 8; i++) {
        tunnels_doubt(&tunnels, &outer);
    }
    assert(!tunnels_find(&tunnels, &key)
           && !tunnels_has_port(&tunnels, key.narrow.in_port));
    tunnels_clear(&tunnels);
    assert(!tunnels.ports);
}

/* Tails. */

/* Is the hash that of the pipeline's first look-up? */
static void
test_hash(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint8_t protos[] = {
        IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
    };

    for (int i = 0; i < 4000; i++) {
        struct dp_packet *packet = dp_packet_new(512);
        bool is_ipv6 = i & 1;
        struct {
            struct miniflow mf;
            uint64_t values[FLOW_U64S];
        } m;
        uint32_t hash;
        struct flow flow;
        struct key key;

        memset(&flow, 0, sizeof flow);
        flow.dl_type = htons(is_ipv6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
        flow.nw_ttl = 64;
        flow.nw_proto = protos[random_range(ARRAY_SIZE(protos))];
        flow.tp_src = random_uint32();
        flow.tp_dst = random_uint32();
        if (is_ipv6) {
            random_bytes(&flow.ipv6_src, 16);
            random_bytes(&flow.ipv6_dst, 16);
        } else {
            flow.nw_src = random_uint32();
            flow.nw_dst = random_uint32();
        }
        if (flow.nw_proto == IPPROTO_ICMP) {
            flow.nw_proto = is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
            flow.tp_src = htons(is_ipv6 ? 128 : 8);
            flow.tp_dst = 0;
        }
        flow_compose(packet, &flow, NULL, 64);
        for (int j = i % 3; j > 0; j--) {
            eth_push_vlan(packet, htons(ETH_TYPE_VLAN), htons(j));
        }
        flow_limit_vlans(1 + i % 5 % 2);
        memset(&key, 0xa5, sizeof key);
        key_extract(packet, PORT, &seed, &key);
        assert(key.order == KEY_ORDER_FLOW);
        tail_set_hash(packet, &key);
        pkt_metadata_init(&packet->md, PORT);
        miniflow_extract(packet, &m.mf);
        hash = dp_packet_get_rss_hash(packet);
        assert(dp_packet_rss_valid(packet)
               && hash == miniflow_hash_5tuple(&m.mf, 0));
        /* A device's own stays. */
        dp_packet_set_rss_hash(packet, 7);
        tail_set_hash(packet, &key);
        assert(dp_packet_get_rss_hash(packet) == 7);
        dp_packet_delete(packet);
    }
}

static void
put_push(struct ofpbuf *actions, uint32_t type, uint16_t gre_flags)
{
    struct ovs_action_push_tnl push;
    uint8_t *header = (uint8_t *) push.header;

    memset(&push, 0, sizeof push);
    push.tnl_type = type;
    header[12] = 8;
    header[34] = gre_flags >> 8;
    nl_msg_put_unspec(actions, OVS_ACTION_ATTR_TUNNEL_PUSH, &push,
                      sizeof push);
}

/* 'what' are actions: o for an output, r for a recirculation, v to push a tag,
 * p for VXLAN, g for GRE, q for that with sequence numbers, e for ERSPAN; and
 * in parentheses a clone. */
static enum cache_refusal
find_tail(const char *what, size_t *start)
{
    const struct nlattr *tail;
    enum cache_refusal refusal;
    struct ofpbuf actions;
    size_t clone = 0;

    ofpbuf_init(&actions, 0);
    for (; *what; what++) {
        switch (*what) {
        case 'o':
            nl_msg_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, 1);
            break;
        case 'r':
            nl_msg_put_u32(&actions, OVS_ACTION_ATTR_RECIRC, 1);
            break;
        case 'v':
            nl_msg_put_u32(&actions, OVS_ACTION_ATTR_PUSH_VLAN, 1);
            break;
        case '(':
            clone = nl_msg_start_nested(&actions, OVS_ACTION_ATTR_CLONE);
            break;
        case ')':
            nl_msg_end_nested(&actions, clone);
            break;
        default:
            put_push(&actions, (*what == 'p' ? OVS_VPORT_TYPE_VXLAN
                                : *what == 'e' ? OVS_VPORT_TYPE_ERSPAN
                                : OVS_VPORT_TYPE_GRE),
                     *what == 'q' ? GRE_SEQ : GRE_KEY);
            break;
        }
    }
    refusal = tail_find(actions.data, actions.size, &tail);
    *start = tail ? (const char *) tail - (const char *) actions.data : 0;
    ofpbuf_uninit(&actions);
    return refusal;
}

static void
test_tail(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const struct {
        const char *actions;
        size_t n_before;        /* Bytes. */
        enum cache_refusal refusal;
    } tests[] = {
        { "oro", 0, CACHE_KEEP },
        { "(vo)o", 0, CACHE_KEEP },
        { "po", 0, CACHE_KEEP },
        { "opo", 8, CACHE_KEEP },
        { "vopvo", 16, CACHE_KEEP },
        { "o(po)(vgo)po", 8, CACHE_KEEP },
        { "o(vpo)o", 8, CACHE_KEEP },
        { "o(vpo)", 8, CACHE_REFUSAL_TUNNEL },
        { "o(pvo)", 8, CACHE_KEEP },
        { "o(po)vo", 8, CACHE_REFUSAL_TUNNEL },
        { "opr", 8, CACHE_REFUSAL_TUNNEL },
        { "o(pr)o", 8, CACHE_REFUSAL_TUNNEL },
        { "oqo", 8, CACHE_REFUSAL_TUNNEL },
        { "oeo", 8, CACHE_REFUSAL_TUNNEL },
        { "ogo", 8, CACHE_KEEP },
    };

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        size_t start;

        assert(find_tail(tests[i].actions, &start) == tests[i].refusal);
        assert(start == tests[i].n_before);
    }
}

static void
test_tunnel_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "header", NULL, 1, 1, test_tunnel, OVS_RO },
        { "context", NULL, 0, 0, test_context, OVS_RO },
        { "endpoint", NULL, 0, 0, test_endpoint, OVS_RO },
        { "hash", NULL, 0, 0, test_hash, OVS_RO },
        { "tail", NULL, 0, 0, test_tail, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-tunnel", test_tunnel_main);
