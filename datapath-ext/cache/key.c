/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/key.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "datapath-ext/cache/checksum.h"
#include "dp-packet.h"
#include "packets.h"
#include "random.h"

/* Hashes. */

void
key_seed_init(struct key_seed *seed)
{
    random_bytes(seed, sizeof *seed);
    for (size_t i = 0; i < ARRAY_SIZE(seed->s); i++) {
        seed->s[i] |= 1;
    }
}

static inline uint64_t
hash_addresses(const struct key_seed *seed, struct key *key)
{
    uint64_t addresses;

    memcpy(&addresses, &key->narrow.src, sizeof addresses);
    if (key->shape & KEY_IPV6) {
        const struct key_wide *wide = &key->wide;

        addresses ^= key_mix(key_word(wide, 0) ^ seed->s[1],
                             key_word(wide, 1) ^ seed->s[2])
                     ^ key_mix(key_word(wide, 2) ^ seed->s[2], seed->s[0]);
    }
    key->pair = key_pair(addresses);
    key->order = KEY_ORDER_PAIR;
    return addresses;
}

static inline void
hash_all(const struct key_seed *seed, uint64_t addresses, struct key *key)
{
    uint64_t shape = key->shape | (uint64_t) key->tci << 8;
    uint64_t words[3];
    uint32_t ports;

    if (key->shape & KEY_WIDE) {
        shape ^= ((uint64_t) key->wide.label << 32
                  ^ (uint64_t) key->wide.inner_tci << 24);
    }
    memcpy(words, &key->narrow, sizeof words);
    memcpy(&ports, &key->narrow.l4_src, sizeof ports);
    key_hash(seed, addresses, ports | (uint64_t) key->narrow.proto << 32,
             words, shape, key);
}

void
key_set_in_port(struct key *key, odp_port_t in_port,
                const struct key_seed *seed)
{
    key->narrow.in_port = in_port;
    hash_all(seed, hash_addresses(seed, key), key);
}

/* Headers.  Each function returns the next header's offset, or 0 and a
 * miss. */

static inline size_t
parse_ethernet(const uint8_t *data, size_t size, struct key *key,
               ovs_be16 *type)
{
    size_t ofs = ETH_HEADER_LEN;

    memcpy(&key->narrow.eth_dst, data, 2 * ETH_ADDR_LEN);
    memcpy(type, data + 2 * ETH_ADDR_LEN, sizeof *type);
    key->tci = 0;
    key->shape = 0;
    if (OVS_LIKELY(!eth_type_vlan(*type))) {
        return ofs;
    }
    key->miss = CACHE_MISS_VLAN;
    if (size < ofs + 2 * VLAN_HEADER_LEN) {
        return 0;
    }
    key->shape = *type == htons(ETH_TYPE_VLAN_8021AD) ? KEY_VLAN_AD : KEY_VLAN;
    memcpy(&key->tci, data + ofs, sizeof key->tci);
    memcpy(type, data + ofs + 2, sizeof *type);
    ofs += VLAN_HEADER_LEN;
    if (*type == htons(ETH_TYPE_VLAN)) {
        key->shape |= KEY_QINQ;
        memset(&key->wide, 0, sizeof key->wide);
        memcpy(&key->wide.inner_tci, data + ofs, sizeof key->tci);
        memcpy(type, data + ofs + 2, sizeof *type);
        ofs += VLAN_HEADER_LEN;
    } else if (eth_type_vlan(*type)) {
        return 0;
    }
    return key->shape & KEY_QINQ && eth_type_vlan(*type) ? 0 : ofs;
}

/* A flow has no bit for the DEI, so that it may or may not get lost. */
static inline bool
has_dei(const struct key *key)
{
    return ((key->tci | (key->shape & KEY_QINQ ? key->wide.inner_tci : 0))
            & htons(VLAN_CFI));
}

static inline size_t
parse_ipv4(const uint8_t *l3, size_t size, size_t ofs, struct key *key)
{
    const struct ip_header *ip = (const void *) l3;

    key->miss = CACHE_MISS_MALFORMED;
    if (OVS_UNLIKELY(size < ofs + IP_HEADER_LEN + 8)) {
        return 0;
    }
    memcpy(&key->narrow.src, &ip->ip_src, 2 * sizeof key->narrow.src);
    key->order = KEY_ORDER_PAIR;
    key->l3_len = ntohs(ip->ip_tot_len);
    if (OVS_UNLIKELY(ip->ip_ihl_ver != IP_IHL_VER(5, 4))) {
        key->miss = CACHE_MISS_OPTIONS;
        return 0;
    }
    if (OVS_UNLIKELY(IP_IS_FRAGMENT(ip->ip_frag_off))) {
        key->miss = CACHE_MISS_FRAGMENT;
        return 0;
    }
    if (OVS_UNLIKELY(key->l3_len < IP_HEADER_LEN + 8
                     || key->l3_len > size - ofs
                     || size - ofs - key->l3_len > KEY_MAX_PADDING)) {
        return 0;
    }
    key->narrow.tos = ip->ip_tos;
    key->narrow.ttl = ip->ip_ttl;
    key->narrow.proto = ip->ip_proto;
    return ofs + IP_HEADER_LEN;
}

static inline size_t
parse_ipv6(const uint8_t *l3, size_t size, size_t ofs, struct key *key)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = (const void *) l3;
    ovs_be32 flow;

    key->miss = CACHE_MISS_MALFORMED;
    if (OVS_UNLIKELY(size < ofs + IPV6_HEADER_LEN + 8
                     || l3[0] >> 4 != 6)) {
        return 0;
    }
    key->shape |= KEY_IPV6;
    memcpy(key->wide.src, &ip6->ip6_src, sizeof key->wide.src);
    memcpy(&key->narrow.src, l3 + 20, sizeof key->narrow.src);
    memcpy(key->wide.dst, &ip6->ip6_dst, sizeof key->wide.dst);
    memcpy(&key->narrow.dst, l3 + 36, sizeof key->narrow.dst);
    key->order = KEY_ORDER_PAIR;
    key->l3_len = IPV6_HEADER_LEN + ntohs(ip6->ip6_plen);
    if (OVS_UNLIKELY(key->l3_len < IPV6_HEADER_LEN + 8
                     || key->l3_len > size - ofs
                     || size - ofs - key->l3_len > KEY_MAX_PADDING)) {
        return 0;
    }
    flow = get_16aligned_be32(&ip6->ip6_flow);
    if (!(key->shape & KEY_QINQ)) {
        key->wide.inner_tci = 0;
        key->wide.zero = 0;
    }
    key->narrow.tos = ntohl(flow) >> 20;
    key->narrow.ttl = ip6->ip6_hlim;
    key->narrow.proto = ip6->ip6_nxt;
    key->wide.label = flow & htonl(IPV6_LABEL_MASK);
    return ofs + IPV6_HEADER_LEN;
}

/* 'size' is that of the L4 header and its payload. */
static inline bool
parse_l4(const uint8_t *l4, size_t size, struct key *key)
{
    struct key_narrow *narrow = &key->narrow;
    bool is_ipv6 = key->shape & KEY_IPV6;

    key->miss = CACHE_MISS_MALFORMED;
    narrow->tcp_flags = 0;
    key->tcp_flags = 0;
    memcpy(&narrow->l4_src, l4, 4);
    if (narrow->proto == IPPROTO_TCP) {
        const struct tcp_header *tcp = (const void *) l4;

        if (OVS_UNLIKELY(size < TCP_HEADER_LEN)) {
            return false;
        }

        size_t header = TCP_OFFSET(tcp->tcp_ctl) * 4;

        key->tcp_flags = ntohs(tcp->tcp_ctl);
        narrow->tcp_flags = key->tcp_flags & ~TCP_PSH;
        /* The bits above have no place in the key. */
        return (header >= TCP_HEADER_LEN && header <= size
                && !(tcp->tcp_ctl & htons(0x0f00)));
    } else if (narrow->proto == IPPROTO_UDP) {
        const struct udp_header *udp = (const void *) l4;

        return ntohs(udp->udp_len) == size;
    } else if (narrow->proto == (is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        key->miss = CACHE_MISS_PROTOCOL;
        memcpy(&narrow->l4_dst, l4 + 4, sizeof narrow->l4_dst);
        return (is_ipv6 ? l4[0] == ICMP6_ECHO_REQUEST
                          || l4[0] == ICMP6_ECHO_REPLY
                        : l4[0] == ICMP4_ECHO_REQUEST
                          || l4[0] == ICMP4_ECHO_REPLY) && !l4[1];
    }
    key->miss = CACHE_MISS_PROTOCOL;
    return narrow->proto == IPPROTO_SCTP && size >= SCTP_HEADER_LEN;
}

/* 0xffff is 0 in ones' complement, and no sender computes it but for UDP.
 * Stock makes 0 of it when it changes a field and changes it back, of which an
 * entry knows nothing. */
static inline bool
has_odd_zero(const uint8_t *data, const struct key *key)
{
    uint8_t proto = key->narrow.proto;
    const uint8_t *l4 = data + key->l4_ofs;
    uint16_t l3_sum = 0, l4_sum = 0;

    if (OVS_LIKELY(!(key->shape & KEY_IPV6))) {
        memcpy(&l3_sum, data + key->l3_ofs + offsetof(struct ip_header,
                                                      ip_csum), 2);
    }
    if (proto == IPPROTO_TCP) {
        memcpy(&l4_sum, l4 + offsetof(struct tcp_header, tcp_csum), 2);
    } else if (proto == IPPROTO_ICMPV6) {
        memcpy(&l4_sum, l4 + offsetof(struct icmp6_header, icmp6_cksum), 2);
    }
    return l3_sum == UINT16_MAX || l4_sum == UINT16_MAX;
}

enum cache_miss
key_extract(struct dp_packet *packet, odp_port_t in_port,
            const struct key_seed *seed, struct key *key)
{
    const uint8_t *data = dp_packet_data(packet);
    size_t size = dp_packet_size(packet);
    uint64_t addresses;
    ovs_be16 type;
    size_t ofs;

    key->order = KEY_ORDER_NONE;
    key->outer = 0;
    key->narrow.in_port = in_port;
    if (OVS_UNLIKELY(packet->packet_type != htonl(PT_ETH)
                     || size < ETH_HEADER_LEN)) {
        return CACHE_MISS_NOT_IP;
    }
    ofs = parse_ethernet(data, size, key, &type);
    if (OVS_UNLIKELY(!ofs)) {
        return key->miss;
    }
    key->l3_ofs = ofs;
    if (OVS_LIKELY(type == htons(ETH_TYPE_IP))) {
        ofs = parse_ipv4(data + ofs, size, ofs, key);
    } else if (type == htons(ETH_TYPE_IPV6)) {
        ofs = parse_ipv6(data + ofs, size, ofs, key);
    } else {
        return CACHE_MISS_NOT_IP;
    }
    if (OVS_UNLIKELY(!ofs)) {
        if (key->order) {
            hash_addresses(seed, key);
        }
        return key->miss;
    }
    addresses = hash_addresses(seed, key);
    key->l4_ofs = ofs;
    if (OVS_UNLIKELY(!parse_l4(data + ofs,
                               key->l3_len - (ofs - key->l3_ofs), key))) {
        return key->miss;
    }
    hash_all(seed, addresses, key);
    if (key->shape & (KEY_VLAN | KEY_VLAN_AD) && OVS_UNLIKELY(has_dei(key))) {
        return CACHE_MISS_VLAN; /* In order with those that have none. */
    }
    if (OVS_UNLIKELY(*dp_packet_ol_flags_ptr(packet)
                     & KEY_OFFLOADS)) {
        return CACHE_MISS_OFFLOAD;
    }
    if (OVS_UNLIKELY(has_odd_zero(data, key))) {
        return CACHE_MISS_CHECKSUM;
    }
    return OVS_LIKELY(key->narrow.ttl > 1) ? CACHE_HIT : CACHE_MISS_TTL;
}

bool
key_l3_checksum_holds(const struct dp_packet *packet, const uint8_t *l3)
{
    return (!dp_packet_ip_checksum_bad(packet)
            && (dp_packet_ip_checksum_valid(packet)
                || checksum_fold(checksum_sum(l3, IP_HEADER_LEN)) == 0xffff));
}

bool
key_checksums_hold(const struct dp_packet *packet, const struct key *key)
{
    const uint8_t *data = dp_packet_data(packet);
    const uint8_t *l3 = data + key->l3_ofs;
    const uint8_t *l4 = data + key->l4_ofs;
    uint8_t proto = key->narrow.proto;
    size_t l4_len = key->l3_len - (key->l4_ofs - key->l3_ofs);
    bool is_ipv6 = key->shape & KEY_IPV6;
    uint64_t sum = 0;

    if (!is_ipv6 && OVS_UNLIKELY(!key_l3_checksum_holds(packet, l3))) {
        return false;
    }
    if (dp_packet_l4_checksum_bad(packet)) {
        return false;
    } else if (proto == IPPROTO_SCTP || dp_packet_l4_checksum_valid(packet)) {
        return true;            /* conntrack doesn't look at SCTP's. */
    } else if (proto == IPPROTO_UDP && !is_ipv6 && !l4[6] && !l4[7]) {
        return true;            /* The sender didn't compute one. */
    }
    if (proto != IPPROTO_ICMP) {
        sum = is_ipv6 ? checksum_sum(l3 + 8, 32) : checksum_sum(l3 + 12, 8);
        sum += (OVS_FORCE uint16_t) htons(l4_len)
               + (OVS_FORCE uint16_t) htons(proto);
    }
    return checksum_fold(sum + checksum_sum(l4, l4_len)) == 0xffff;
}
