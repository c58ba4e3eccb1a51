/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "csum.h"
#include "datapath-ext/cache/context.h"
#include "datapath-ext/cache/key-plain.h"
#include "datapath-ext/cache/rewrite.h"
#include "datapath-ext/cache/seen.h"
#include "datapath-ext/cache/share.h"
#include "datapath-ext/cache/table.h"
#include "dp-packet.h"
#include "flow.h"
#include "odp-util.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

/* The parts of the pipeline cache that one thread has for itself. */

static const struct key_seed seed = { { 1, 0x123456789abcdef1, 77 } };

/* Packets, of which all bytes are random but for lengths and types. */

struct kind {
    bool is_ipv6;
    uint8_t proto;
    uint8_t n_tags;
    bool has_dei;
};

static void
put_random(struct dp_packet *packet, size_t n)
{
    random_bytes(dp_packet_put_uninit(packet, n), n);
}

static void
put_tag(struct dp_packet *packet, const struct kind *kind, bool is_inner)
{
    bool is_ad = !is_inner && kind->n_tags == 2;
    struct vlan_header tag = {
        .vlan_tci = htons((random_uint32() & ~VLAN_CFI)
                          | (kind->has_dei ? VLAN_CFI : 0)),
    };
    ovs_be16 type = htons(is_ad ? ETH_TYPE_VLAN_8021AD : ETH_TYPE_VLAN_8021Q);

    dp_packet_put(packet, &type, sizeof type);
    dp_packet_put(packet, &tag.vlan_tci, sizeof tag.vlan_tci);
}

static void
put_l4(struct dp_packet *packet, uint8_t proto, bool is_ipv6, size_t payload)
{
    static const ovs_be16 checksums[] = { 0, OVS_BE16_MAX };
    uint32_t random = random_range(4);
    uint8_t *l4 = dp_packet_tail(packet);

    put_random(packet, 20 + payload);
    if (proto == IPPROTO_TCP) {
        l4[12] = 5 << 4;
        l4[13] = TCP_ACK;
        l4[16] &= 0x7f;         /* None of 0xffff, see test_odd_zeros(). */
        if (!random) {
            memcpy(l4 + 16, &checksums[0], 2);
        }
    } else if (proto == IPPROTO_UDP) {
        ovs_be16 len = htons(20 + payload);

        memcpy(l4 + 4, &len, 2);
        if (random < 2) {
            memcpy(l4 + 6, &checksums[random], 2);
        }
    } else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
        l4[0] = is_ipv6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST;
        l4[1] = 0;
        l4[2] &= 0x7f;
    }
}

static struct dp_packet *
make_packet(const struct kind *kind, size_t payload, size_t padding)
{
    struct dp_packet *packet = dp_packet_new_with_headroom(256, 64);
    ovs_be16 type = htons(kind->is_ipv6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
    size_t l4_len = 20 + payload;

    put_random(packet, 2 * ETH_ADDR_LEN);
    for (int i = 0; i < kind->n_tags; i++) {
        put_tag(packet, kind, i);
    }
    dp_packet_put(packet, &type, sizeof type);
    if (kind->is_ipv6) {
        uint8_t ip[IPV6_HEADER_LEN];

        random_bytes(ip, sizeof ip);
        ip[0] = 0x60 | (ip[0] & 0xf);
        ip[4] = l4_len >> 8;
        ip[5] = l4_len;
        ip[6] = kind->proto;
        ip[7] |= 2;
        dp_packet_put(packet, ip, sizeof ip);
    } else {
        uint8_t ip[IP_HEADER_LEN];

        random_bytes(ip, sizeof ip);
        ip[0] = 0x45;
        ip[2] = (IP_HEADER_LEN + l4_len) >> 8;
        ip[3] = IP_HEADER_LEN + l4_len;
        ip[6] = ip[7] = 0;
        ip[8] |= 2;
        ip[9] = kind->proto;
        ip[10] &= 0x7f;
        dp_packet_put(packet, ip, sizeof ip);
    }
    put_l4(packet, kind->proto, kind->is_ipv6, payload);
    put_random(packet, padding);
    return packet;
}

static bool
keys_equal(const struct key *a, const struct key *b)
{
    return (key_narrow_equal(&a->narrow, &b->narrow) && a->tci == b->tci
            && a->shape == b->shape && a->l3_ofs == b->l3_ofs
            && a->l4_ofs == b->l4_ofs && a->order == b->order
            && a->pair == b->pair && a->flow == b->flow
            && a->tcp_flags == b->tcp_flags
            && a->l3_len == b->l3_len && a->hash == b->hash);
}

/* If it has a plain key, that is the key. */
static bool
check_plain(struct dp_packet *packet, enum cache_miss miss,
            const struct key *key)
{
    struct key plain;

    memset(&plain, 0x5a, sizeof plain);
    if (!key_extract_plain(packet, u32_to_odp(3), &seed, &plain)) {
        return false;
    }
    assert(miss == CACHE_HIT && keys_equal(&plain, key));
    return true;
}

static enum cache_miss
extract(struct dp_packet *packet, struct key *key)
{
    enum cache_miss miss;

    memset(key, 0xa5, sizeof *key);
    miss = key_extract(packet, u32_to_odp(3), &seed, key);
    check_plain(packet, miss, key);
    if (miss == CACHE_HIT) {
        assert(key_checksums_hold(packet, key)
               == key_checksums_hold_plain(packet, key));
    }
    return miss;
}

/* What becomes of a packet of 'kind' when 'byte' at 'ofs' from its IP header
 * is another. */
static enum cache_miss
extract_changed(const struct kind *kind, int ofs, uint8_t byte)
{
    struct dp_packet *packet = make_packet(kind, 30, 0);
    size_t l3 = ETH_HEADER_LEN + VLAN_HEADER_LEN * kind->n_tags;
    uint8_t *data = dp_packet_data(packet);
    enum cache_miss miss;
    struct key key;

    data[l3 + ofs] = byte;
    miss = extract(packet, &key);
    dp_packet_delete(packet);
    return miss;
}

/* As much of a packet as a flow has of it. */
static void
check_key(struct dp_packet *packet, const struct key *key)
{
    struct flow flow;

    pkt_metadata_init(&packet->md, u32_to_odp(3));
    flow_extract(packet, &flow);
    assert(eth_addr_equals(key->narrow.eth_dst, flow.dl_dst));
    assert(eth_addr_equals(key->narrow.eth_src, flow.dl_src));
    assert(key->narrow.proto == flow.nw_proto);
    assert(key->narrow.tos == flow.nw_tos && key->narrow.ttl == flow.nw_ttl);
    assert(key->l3_ofs == packet->l3_ofs && key->l4_ofs == packet->l4_ofs);
    assert(dp_packet_size(packet) - key->l3_ofs - key->l3_len
           == packet->l2_pad_size);
    assert((key->tci | (flow.vlans[0].tpid ? htons(VLAN_CFI) : 0))
           == flow.vlans[0].tci);
    if (flow.dl_type == htons(ETH_TYPE_IP)) {
        assert(key->narrow.src == flow.nw_src
               && key->narrow.dst == flow.nw_dst);
    } else {
        assert(!memcmp(key->wide.src, &flow.ipv6_src, 12)
               && !memcmp(&key->narrow.src, flow.ipv6_src.s6_addr + 12, 4)
               && !memcmp(key->wide.dst, &flow.ipv6_dst, 12)
               && !memcmp(&key->narrow.dst, flow.ipv6_dst.s6_addr + 12, 4)
               && key->wide.label == flow.ipv6_label);
    }
    if (flow.nw_proto == IPPROTO_TCP) {
        assert(htons(key->tcp_flags) == flow.tcp_flags);
        assert(htons(key->narrow.tcp_flags)
               == (flow.tcp_flags & ~htons(TCP_PSH)));
    }
}

static void
test_key_good(const struct kind *kind)
{
    struct dp_packet *packet = make_packet(kind, random_range(60),
                                           random_range(100));
    struct key key, other;

    assert(extract(packet, &key)
           == (kind->has_dei && kind->n_tags ? CACHE_MISS_VLAN : CACHE_HIT));
    assert(key.order == KEY_ORDER_FLOW);
    check_key(packet, &key);
    if (kind->n_tags && !kind->has_dei) {
        uint8_t *data = dp_packet_data(packet);

        /* One with the DEI doesn't get overtaken by one without. */
        data[ETH_HEADER_LEN] |= VLAN_CFI >> 8;
        assert(extract(packet, &other) == CACHE_MISS_VLAN);
        assert(other.order == KEY_ORDER_FLOW && other.flow == key.flow);
    }
    dp_packet_delete(packet);
}

/* Checksums of 0xffff are misses, but for UDP, which has them for 0. */
static void
test_odd_zero(const struct kind *kind, size_t ofs, enum cache_miss expected)
{
    struct dp_packet *packet = make_packet(kind, 30, 0);
    struct key key;

    memset((uint8_t *) dp_packet_data(packet) + ETH_HEADER_LEN + ofs, 0xff,
           2);
    assert(extract(packet, &key) == expected);
    assert(key.order == KEY_ORDER_FLOW);
    dp_packet_delete(packet);
}

static void
test_key_short(const struct kind *kind)
{
    struct dp_packet *packet = make_packet(kind, 0, 0);
    size_t size = dp_packet_size(packet);
    struct key key;

    while (size--) {
        dp_packet_set_size(packet, size);
        assert(extract(packet, &key) != CACHE_HIT);
    }
    dp_packet_delete(packet);

    packet = make_packet(kind, 0, 256);
    assert(extract(packet, &key) == CACHE_MISS_MALFORMED);
    dp_packet_delete(packet);
}

/* A packet with good checksums, and what becomes of it when a byte is
 * another. */
static void
test_plain(uint8_t proto)
{
    const struct kind kind = { .proto = proto };
    struct dp_packet *packet = make_packet(&kind, random_range(90),
                                           random_range(20));
    uint8_t *l3 = (uint8_t *) dp_packet_data(packet) + ETH_HEADER_LEN;
    size_t ofs = proto == IPPROTO_TCP ? 16 : 6;
    struct ip_header *ip = (void *) l3;
    struct key key;
    ovs_be16 sum;
    uint32_t pseudo;

    dp_packet_set_l3(packet, ip);
    memset(l3 + 10, 0, 2);
    memset(l3 + IP_HEADER_LEN + ofs, 0, 2);
    sum = csum(ip, IP_HEADER_LEN);
    memcpy(l3 + 10, &sum, 2);
    pseudo = packet_csum_pseudoheader(ip);
    sum = csum_finish(csum_continue(pseudo, l3 + IP_HEADER_LEN,
                                    ntohs(ip->ip_tot_len) - IP_HEADER_LEN));
    memcpy(l3 + IP_HEADER_LEN + ofs, &sum, 2);

    assert(extract(packet, &key) == CACHE_HIT
           && check_plain(packet, CACHE_HIT, &key));
    assert(key_checksums_hold_plain(packet, &key) || !sum);
    for (int i = 0; i < 100; i++) {
        uint8_t *byte = (uint8_t *) dp_packet_data(packet) + random_range(54);
        uint8_t was = *byte;

        *byte = random_uint32();
        extract(packet, &key);
        *byte = was;
    }
    *dp_packet_ol_flags_ptr(packet) |= DP_PACKET_OL_RX_L4_CKSUM_BAD;
    assert(extract(packet, &key) == CACHE_HIT
           && !key_checksums_hold_plain(packet, &key));
    *dp_packet_ol_flags_ptr(packet) |= DP_PACKET_OL_TX_IPV4;
    assert(extract(packet, &key) == CACHE_MISS_OFFLOAD);
    dp_packet_delete(packet);
}

static void
test_key(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint8_t protos[2][4] = {
        { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP },
        { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP },
    };
    const struct kind tcp4 = { .proto = IPPROTO_TCP };
    const struct kind udp4 = { .proto = IPPROTO_UDP };
    const struct kind icmp4 = { .proto = IPPROTO_ICMP };
    const struct kind udp6 = { .is_ipv6 = true, .proto = IPPROTO_UDP };

    flow_limit_vlans(2);
    for (int i = 0; i < 20000; i++) {
        bool is_ipv6 = random_range(2);
        struct kind kind = {
            is_ipv6, protos[is_ipv6][random_range(4)], random_range(3),
            !random_range(4),
        };

        test_key_good(&kind);
        kind.has_dei = false;
        if (i < 200) {
            test_key_short(&kind);
        }
    }
    for (int i = 0; i < 20000; i++) {
        test_plain(i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
    }
    test_odd_zero(&tcp4, 10, CACHE_MISS_CHECKSUM);
    test_odd_zero(&tcp4, 20 + 16, CACHE_MISS_CHECKSUM);
    test_odd_zero(&udp4, 20 + 6, CACHE_HIT);
    assert(extract_changed(&tcp4, 0, 0x46) == CACHE_MISS_OPTIONS);
    assert(extract_changed(&tcp4, 0, 0x55) == CACHE_MISS_OPTIONS);
    assert(extract_changed(&tcp4, 6, 0x20) == CACHE_MISS_FRAGMENT);
    assert(extract_changed(&tcp4, 7, 1) == CACHE_MISS_FRAGMENT);
    assert(extract_changed(&tcp4, 6, 0x40) == CACHE_HIT);
    assert(extract_changed(&tcp4, 8, 1) == CACHE_MISS_TTL);
    assert(extract_changed(&tcp4, 9, 47) == CACHE_MISS_PROTOCOL);
    assert(extract_changed(&tcp4, 3, 71) == CACHE_MISS_MALFORMED);
    assert(extract_changed(&tcp4, 20 + 12, 4 << 4) == CACHE_MISS_MALFORMED);
    assert(extract_changed(&tcp4, 20 + 12, 15 << 4) == CACHE_MISS_MALFORMED);
    assert(extract_changed(&tcp4, 20 + 12, 5 << 4 | 1)
           == CACHE_MISS_MALFORMED);
    assert(extract_changed(&udp4, 20 + 5, 49) == CACHE_MISS_MALFORMED);
    assert(extract_changed(&icmp4, 20, 3) == CACHE_MISS_PROTOCOL);
    assert(extract_changed(&udp6, 0, 0x40) == CACHE_MISS_MALFORMED);
    assert(extract_changed(&udp6, 6, 44) == CACHE_MISS_PROTOCOL);
    assert(extract_changed(&udp6, 7, 0) == CACHE_MISS_TTL);
    assert(extract_changed(&udp6, 5, 49) == CACHE_MISS_MALFORMED);
}

/* Rewrites, against Open vSwitch's own functions. */

static void
change_ipv4(struct dp_packet *packet)
{
    const struct ip_header *ip = dp_packet_l3(packet);
    ovs_be32 src = get_16aligned_be32(&ip->ip_src);
    ovs_be32 dst = get_16aligned_be32(&ip->ip_dst);

    packet_set_ipv4(packet,
                    random_range(2) ? (OVS_FORCE ovs_be32) random_uint32()
                    : random_range(4) ? src : dst,
                    random_range(2) ? (OVS_FORCE ovs_be32) random_uint32()
                    : random_range(4) ? dst : src,
                    random_range(2) ? random_uint32() : ip->ip_tos,
                    random_range(2) ? random_uint32() | 2 : ip->ip_ttl);
}

static void
change_ipv6(struct dp_packet *packet)
{
    const struct ovs_16aligned_ip6_hdr *ip = dp_packet_l3(packet);
    ovs_be32 flow = get_16aligned_be32(&ip->ip6_flow);
    struct in6_addr src, dst;

    memcpy(&src, &ip->ip6_src, sizeof src);
    memcpy(&dst, &ip->ip6_dst, sizeof dst);
    if (random_range(2)) {
        random_bytes(&src, sizeof src);
    }
    if (random_range(2)) {
        random_bytes(&dst, sizeof dst);
    }
    packet_set_ipv6(packet, &src, &dst,
                    random_range(2) ? random_uint32() : ntohl(flow) >> 20,
                    flow & htonl(IPV6_LABEL_MASK),
                    random_range(2) ? random_uint32() | 2 : ip->ip6_hlim);
}

static void
change_l4(struct dp_packet *packet, uint8_t proto)
{
    const struct udp_header *udp = dp_packet_l4(packet);
    ovs_be16 src = random_range(2) ? htons(random_range(65536)) : udp->udp_src;
    ovs_be16 dst = random_range(2) ? htons(random_range(65536)) : udp->udp_dst;

    if (proto == IPPROTO_TCP) {
        packet_set_tcp_port(packet, src, dst);
    } else if (proto == IPPROTO_UDP) {
        packet_set_udp_port(packet, src, dst);
    }
}

static void
change_l2(struct dp_packet *packet)
{
    if (random_range(2)) {
        random_bytes(dp_packet_data(packet), 12);
    }
    switch (random_range(4)) {
    case 0:
        eth_push_vlan(packet, htons(ETH_TYPE_VLAN_8021Q),
                      htons(random_range(4096)));
        break;
    case 1:
        eth_pop_vlan(packet);
        break;
    default:
        break;
    }
}

static void
test_rewrite_one(const struct kind *kind)
{
    struct dp_packet *packet = make_packet(kind, random_range(60),
                                           random_range(9));
    struct dp_packet *expected = dp_packet_clone(packet);
    struct path path = { .dead = false };
    struct path_spec spec = { .flags = 0 };
    struct entry entry = { .path = 1 };
    struct key before, after;
    int n_changes = 1 + random_range(3);
    struct flow flow;

    pkt_metadata_init(&expected->md, u32_to_odp(3));
    flow_extract(expected, &flow);
    assert(extract(packet, &before) == CACHE_HIT);
    for (int i = 0; i < n_changes; i++) {
        if (kind->is_ipv6) {
            change_ipv6(expected);
        } else {
            change_ipv4(expected);
        }
        change_l4(expected, kind->proto);
    }
    change_l2(expected);
    enum cache_miss miss = extract(expected, &after);

    if (miss == CACHE_HIT || miss == CACHE_MISS_CHECKSUM) {
        assert(rewrite_compose(&before, &after, dp_packet_data(expected),
                               &entry, &spec));
        entry.key = before.narrow;
        path.flags = spec.flags;
        path.l2_old = spec.l2_old;
        path.l2_new = spec.l2_new;
        memcpy(path.l2, spec.l2, sizeof path.l2);
        rewrite_apply(packet, &before, &entry, &path);
        assert(dp_packet_equal(packet, expected));
        assert(packet->l3_ofs == expected->l3_ofs
               && packet->l4_ofs == expected->l4_ofs
               && packet->l2_pad_size == expected->l2_pad_size);
    } else {
        assert(kind->n_tags == 2);      /* And got one more. */
    }
    dp_packet_delete(packet);
    dp_packet_delete(expected);
}

static void
test_rewrite(struct ovs_cmdl_context *ctx)
{
    static const uint8_t protos[2][4] = {
        { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP },
        { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP },
    };

    flow_limit_vlans(2);
    for (int i = atoi(ctx->argv[1]); i > 0; i--) {
        bool is_ipv6 = random_range(2);
        struct kind kind = {
            is_ipv6, protos[is_ipv6][random_range(4)], random_range(3), false,
        };

        test_rewrite_one(&kind);
    }
}

/* The table. */

#define SIZE 256

static void
random_key(struct key *key, odp_port_t port)
{
    memset(key, 0, sizeof *key);
    random_bytes(&key->narrow, sizeof key->narrow);
    key->narrow.in_port = port;
    key->hash = random_uint32();
}

static struct entry *
victim(const struct table *table, const struct key *key, uint32_t now)
{
    static const struct contexts contexts; /* None. */

    return table_victim(table, key, now, &contexts, key->narrow.in_port);
}

static struct entry *
place(struct table *table, const struct key *key, uint32_t now, bool *is_used)
{
    struct entry *entry = table_place(table, key, now, is_used);

    if (entry) {
        if (*is_used) {
            table_clear(table, entry);
        }
        entry->key = key->narrow;
        entry->tci = 0;
        entry->shape = 0;
        entry->last_hit = now;
        atomic_store_relaxed(&entry->deadline, entry_time(now));
        table_set(table, entry, key);
    }
    return entry;
}

static void
test_table(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const odp_port_t port = u32_to_odp(1), other = u32_to_odp(2);
    struct entry *entry, *old, *entries[SIZE];
    struct key key, keys[SIZE];
    struct table table;
    uint32_t now = UINT32_MAX - 1000;   /* Times wrap. */
    size_t n = 0;
    bool is_used;

    assert(table_init(&table, SIZE) && table_size(&table) == SIZE);
    /* Live ones are never evicted. */
    for (int i = 0; i < 20000; i++) {
        random_key(&key, port);
        entry = place(&table, &key, now, &is_used);
        if (entry) {
            assert(!is_used && n < SIZE);
            keys[n] = key;
            entries[n++] = entry;
        }
    }
    assert(n == SIZE && table.n_used == SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        uint32_t found = table_candidates(&table, &keys[i]);

        assert(table_find(&table, &keys[i], found) == entries[i]);
        entries[i]->last_hit = now;
    }
    random_key(&key, port);
    assert(!victim(&table, &key, now));
    /* The same key: its own place. */
    assert(place(&table, &keys[5], now, &is_used) == entries[5] && is_used);
    /* A dead one's. */
    atomic_store_relaxed(&entries[7]->deadline, ENTRY_DEAD);
    key.hash = keys[7].hash;
    assert(victim(&table, &key, now) == entries[7]);
    key.narrow.in_port = other;
    assert(!victim(&table, &key, now));
    assert(place(&table, &key, now, &is_used) == entries[7] && is_used);
    /* The one that was idle for longest. */
    now += TABLE_IDLE_MS - 1;
    key.narrow.in_port = port;
    assert(!table_place(&table, &key, now, &is_used));
    now++;
    old = table_entry(&table, table_bucket(&table, &key), 9);
    old->last_hit -= 10;
    assert(victim(&table, &key, now) == old);
    assert(place(&table, &key, now, &is_used) == old && is_used);
    /* A place that is free is no victim. */
    for (size_t i = 0; i < SIZE; i++) {
        table_clear(&table, &table.entries[i]);
    }
    assert(!table.n_used && !victim(&table, &key, now));
    assert(table_place(&table, &key, now, &is_used) && !is_used);
    table_destroy(&table);
}

static void
test_seen(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    uint32_t now = 5 << 10, hash = 0x12345678, n_seen = 0;
    struct seen seen;

    assert(seen_init(&seen, 256));
    assert(!seen_check(&seen, hash, now));
    assert(seen_check(&seen, hash, now));
    seen_refuse(&seen, hash, now, SEEN_SHORT);
    assert(!seen_check(&seen, hash, now) && seen_is_refused(&seen, hash, now));
    now += SEEN_SHORT_MS;
    assert(seen_check(&seen, hash, now));
    seen_refuse(&seen, hash, now, SEEN_LONG);
    now += (SEEN_LONG - 1) * SEEN_SHORT_MS;
    assert(!seen_check(&seen, hash, now) && seen_is_refused(&seen, hash, now));
    now += SEEN_SHORT_MS;
    assert(seen_check(&seen, hash, now) && !seen_is_refused(&seen, hash, now));
    /* SEEN_WAYS keys that share a bucket are all known. */
    for (uint32_t i = 1; i < SEEN_WAYS; i++) {
        assert(!seen_check(&seen, hash ^ i << 20, now));
    }
    for (uint32_t i = 0; i < SEEN_WAYS; i++) {
        assert(seen_check(&seen, hash ^ i << 20, now));
    }
    /* With one more, some are, in whatever order they come. */
    for (uint32_t i = 0; i < 20 * (SEEN_WAYS + 1); i++) {
        n_seen += seen_check(&seen, hash ^ i % (SEEN_WAYS + 1) << 20, now);
    }
    assert(n_seen > 20);
    seen_destroy(&seen);
}

static void
test_share(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const odp_port_t a = u32_to_odp(1), b = u32_to_odp(2);
    uint32_t used = 0;
    struct share share;

    share_init(&share);
    while (share_may_add(&share, a, used, 1024)) {
        share_add(&share, a, 1);
        used++;
    }
    assert(used == 768 && share.n_active == 1);
    while (share_may_add(&share, b, used, 1024)) {
        share_add(&share, b, 1);
        used++;
    }
    assert(used == 768 + 384 && share.n_active == 2);
    share_add(&share, a, -768);
    assert(share.n_active == 1 && share_may_add(&share, a, 384, 1024));
    share_destroy(&share);
}

/* Windows of a port with 'n' packets, of which so many are useful.  Returns in
 * how many of them the cache stood aside. */
static int
run_windows(struct share *share, uint32_t *now, int n_windows, size_t n,
            size_t n_useful)
{
    const odp_port_t port = u32_to_odp(1);
    int n_aside = 0;

    for (int i = 0; i < n_windows; i++) {
        if (share_stands_aside(share, NULL, port, *now)) {
            n_aside++;
        } else {
            share_count(share, port, n, n_useful);
        }
        *now += SHARE_WINDOW_MS;
    }
    return n_aside;
}

static void
test_aside(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const size_t n = SHARE_WINDOW_MIN;
    struct share share;
    uint32_t now = 1;

    share_init(&share);
    /* With some use, or too few to tell. */
    assert(!run_windows(&share, &now, 100, n, n / SHARE_FRUIT));
    assert(!run_windows(&share, &now, 100, n - 1, 0));
    /* With none, it is patient for a while, and then rests nine windows of
     * ten. */
    assert(!run_windows(&share, &now, SHARE_PATIENCE, n, 0));
    assert(run_windows(&share, &now, 100, n, 0) == 90);
    /* It is back after the next window that is of use. */
    run_windows(&share, &now, SHARE_PATIENCE, n, n);
    assert(!run_windows(&share, &now, 100, n, n));
    /* Also when it was quiet for more than half of what a time can say... */
    run_windows(&share, &now, 100, n, 0);
    now += UINT32_C(1) << 31;
    run_windows(&share, &now, SHARE_PATIENCE, n, n);
    assert(!run_windows(&share, &now, 100, n, n));
    share_destroy(&share);
    /* ...and in a host that has been up for as long. */
    share_init(&share);
    now = UINT32_C(1) << 31 | 1;
    assert(run_windows(&share, &now, 110, n, 0) == 90);
    share_destroy(&share);
}

static void
test_cache_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "key", NULL, 0, 0, test_key, OVS_RO },
        { "rewrite", NULL, 1, 1, test_rewrite, OVS_RO },
        { "table", NULL, 0, 0, test_table, OVS_RO },
        { "seen", NULL, 0, 0, test_seen, OVS_RO },
        { "share", NULL, 0, 0, test_share, OVS_RO },
        { "aside", NULL, 0, 0, test_aside, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-cache", test_cache_main);
