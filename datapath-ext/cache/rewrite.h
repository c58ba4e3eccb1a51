/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_REWRITE_H
#define CACHE_REWRITE_H 1

/* Rewrite
 * =======
 *
 * What: one store of all that the whole pipeline changes in a packet's
 * headers, and one correction for each checksum.
 *
 * Data flow: headers before and after --rewrite_compose()--> entry, path
 *            hit: packet, entry, path --rewrite_apply()--> packet
 *
 * The corrections are constants of an entry, for all that changes is in its
 * key (RFC 1624, equation 3).  What the last of stock's corrections leaves as
 * the representation of zero, one correction by their sum leaves too, see
 * checksum.h.
 *
 * Units: none.
 *
 * Ownership: the caller's.
 *
 * Thread-safety: the caller's.
 *
 * Errors: rewrite_compose() returns false for a change that it can't
 * express.  Its caller applies what was composed to what was observed and
 * compares.
 *
 * Source: lib/packets.c packet_set_*(), lib/odp-execute.c. */

#include <netinet/in.h>

#include "datapath-ext/cache/checksum.h"
#include "datapath-ext/cache/path.h"
#include "datapath-ext/cache/table.h"
#include "dp-packet.h"
#include "packets.h"

/* Before and after, each with its key.  Fills in what 'entry' and 'spec' say
 * of headers, and nothing else. */
bool rewrite_compose(const struct key *before, const struct key *after,
                     const uint8_t *after_l2, struct entry *,
                     struct path_spec *);

/* The place of the checksum in a transport header that has one. */
static inline size_t
rewrite_checksum_ofs(uint8_t proto)
{
    return (proto == IPPROTO_TCP ? offsetof(struct tcp_header, tcp_csum)
            : proto == IPPROTO_UDP ? offsetof(struct udp_header, udp_csum)
            : offsetof(struct icmp6_header, icmp6_cksum));
}

static inline void
rewrite_l4(uint8_t *l4, const struct entry *entry)
{
    uint8_t proto = entry->key.proto;
    uint16_t sum;

    if (entry->l4_delta) {
        uint8_t *place = l4 + rewrite_checksum_ofs(proto);

        memcpy(&sum, place, sizeof sum);
        if (proto != IPPROTO_UDP) {
            sum = checksum_adjust(sum, entry->l4_delta);
        } else if (sum) {       /* Else the sender didn't compute one. */
            sum = checksum_adjust(sum, entry->l4_delta);
            sum = sum ? sum : UINT16_MAX;
        }
        memcpy(place, &sum, sizeof sum);
    }
    if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
        memcpy(l4, &entry->l4_src, 2 * sizeof entry->l4_src);
    }
}

static inline void
rewrite_ipv4(uint8_t *l3, const struct entry *entry)
{
    uint16_t sum;

    if (entry->l3_delta) {
        memcpy(&sum, l3 + offsetof(struct ip_header, ip_csum), sizeof sum);
        sum = checksum_adjust(sum, entry->l3_delta);
        memcpy(l3 + offsetof(struct ip_header, ip_csum), &sum, sizeof sum);
    }
    l3[offsetof(struct ip_header, ip_tos)] = entry->tos;
    l3[offsetof(struct ip_header, ip_ttl)] = entry->ttl;
    memcpy(l3 + offsetof(struct ip_header, ip_src), &entry->src,
           2 * sizeof entry->src);
}

static inline void
rewrite_ipv6(uint8_t *l3, const struct entry *entry)
{
    l3[0] = 0x60 | entry->tos >> 4;
    l3[1] = (l3[1] & 0x0f) | entry->tos << 4;
    l3[offsetof(struct ovs_16aligned_ip6_hdr, ip6_hlim)] = entry->ttl;
    memcpy(l3 + 8, entry->wide_src, sizeof entry->wide_src);
    memcpy(l3 + 20, &entry->src, sizeof entry->src);
    memcpy(l3 + 24, entry->wide_dst, sizeof entry->wide_dst);
    memcpy(l3 + 36, &entry->dst, sizeof entry->dst);
}

static inline void
rewrite_offsets(struct dp_packet *packet, const struct key *key)
{
    packet->l2_pad_size = dp_packet_size(packet) - key->l3_ofs - key->l3_len;
    packet->l2_5_ofs = UINT16_MAX;
    packet->l3_ofs = key->l3_ofs;
    packet->l4_ofs = key->l4_ofs;
}

/* In pieces of constant size: 'rep movs', which the compiler takes for one
 * that varies, costs 25 ns. */
static inline void
rewrite_l2(uint8_t *l2, const struct path *path)
{
    memcpy(l2, path->l2, ETH_HEADER_LEN);
    for (size_t i = ETH_HEADER_LEN; i < path->l2_new; i += VLAN_HEADER_LEN) {
        memcpy(l2 + i, path->l2 + i, VLAN_HEADER_LEN);
    }
}

/* 'key' is the packet's. */
static inline void
rewrite_apply(struct dp_packet *packet, const struct key *key,
              const struct entry *entry, const struct path *path)
{
    rewrite_offsets(packet, key);
    if (path->flags & PATH_L3) {
        uint8_t *data = dp_packet_data(packet);

        if (OVS_LIKELY(!(key->shape & KEY_IPV6))) {
            rewrite_ipv4(data + key->l3_ofs, entry);
        } else {
            rewrite_ipv6(data + key->l3_ofs, entry);
        }
        rewrite_l4(data + key->l4_ofs, entry);
    }
    if (path->l2_new) {
        if (OVS_UNLIKELY(path->l2_new != path->l2_old)) {
            dp_packet_resize_l2(packet, path->l2_new - path->l2_old);
        }
        rewrite_l2(dp_packet_data(packet), path);
    }
}

#endif /* datapath-ext/cache/rewrite.h */
