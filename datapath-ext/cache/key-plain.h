/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_KEY_PLAIN_H
#define CACHE_KEY_PLAIN_H 1

/* Keys of plain packets
 * =====================
 *
 * What: the key of most packets, in a third of the time that key_extract()
 * takes: no tag, IPv4 without options, TCP or UDP, nothing odd.  All is at a
 * fixed place, so that the key is put together in registers from few words.
 * key_extract() writes it field by field, and reading that as words for the
 * hash then waits until the stores are through.
 *
 * Data flow: cache.c: packet --key_extract_plain()--> key
 *                     if it has none: --key_extract()--> key, or a miss
 *
 * What it makes is what key_extract() would make, to the bit, and so with
 * checksums; tests/test-cache.c compares them.
 *
 * Units: see key.h.
 *
 * Ownership: see key.h.
 *
 * Thread-safety: the caller's.
 *
 * Errors: false, which means nothing but that key_extract() must look. */

#include <netinet/in.h>
#include <stdbool.h>

#include "datapath-ext/cache/checksum.h"
#include "datapath-ext/cache/key.h"
#include "dp-packet.h"
#include "packets.h"

#ifdef WORDS_BIGENDIAN
#define KEY_HAS_PLAIN 0
#else
#define KEY_HAS_PLAIN 1
#endif

/* Where what is. */
enum {
    PLAIN_L3 = ETH_HEADER_LEN,
    PLAIN_L4 = ETH_HEADER_LEN + IP_HEADER_LEN,
    PLAIN_MIN = PLAIN_L4 + TCP_HEADER_LEN,
};

/* What a device said of checksums. */
#define PLAIN_RX_FLAGS (DP_PACKET_OL_RX_IP_CKSUM_MASK                       \
                        | DP_PACKET_OL_RX_L4_CKSUM_MASK)

static inline uint64_t
plain_64(const uint8_t *data)
{
    return key_word(data, 0);
}

static inline uint32_t
plain_32(const uint8_t *data)
{
    uint32_t word;

    memcpy(&word, data, sizeof word);
    return word;
}

static inline uint16_t
plain_16(const uint8_t *data)
{
    uint16_t word;

    memcpy(&word, data, sizeof word);
    return word;
}

/* Has the UDP header nothing odd?  'l4_len' is its length with payload. */
static inline bool
plain_udp(const uint8_t *l4, uint32_t l4_len)
{
    return (OVS_FORCE uint16_t) htons(l4_len)
           == plain_16(l4 + offsetof(struct udp_header, udp_len));
}

static inline bool
plain_tcp(const uint8_t *l4, uint32_t l4_len)
{
    uint8_t ctl = l4[offsetof(struct tcp_header, tcp_ctl)];
    uint32_t header = ctl / 4;  /* Bytes, if the rest of 'ctl' is 0. */

    return (!(ctl & 0xf) && header >= TCP_HEADER_LEN && header <= l4_len
            && plain_16(l4 + offsetof(struct tcp_header, tcp_csum))
               != UINT16_MAX);
}

static inline bool
key_extract_plain(struct dp_packet *packet, odp_port_t in_port,
                  const struct key_seed *seed, struct key *key)
{
    const uint8_t *data = dp_packet_data(packet);
    const uint8_t *l4 = data + PLAIN_L4;
    uint32_t size = dp_packet_size(packet);
    uint32_t flags = 0;

    if (OVS_UNLIKELY(!KEY_HAS_PLAIN || size < PLAIN_MIN
                     || packet->packet_type != htonl(PT_ETH)
                     || *dp_packet_ol_flags_ptr(packet) & KEY_OFFLOADS)) {
        return false;
    }

    uint32_t type = plain_32(data + 12); /* And version, length, TOS. */
    uint64_t ip = plain_64(data + PLAIN_L3 + 2); /* Length to protocol. */
    uint64_t addresses = plain_64(data + PLAIN_L3 + 12);
    uint32_t l3_len = (OVS_FORCE uint16_t) htons(ip);
    uint8_t ttl = ip >> 48, proto = ip >> 56;

    /* 0x40 in the fragment's first byte is "don't fragment". */
    if (OVS_UNLIKELY((type & 0xffffff) != 0x450008
                     || ip & UINT64_C(0xffbf00000000) || ttl <= 1
                     || l3_len > size - PLAIN_L3
                     || size - PLAIN_L3 - l3_len > KEY_MAX_PADDING
                     || plain_16(data + PLAIN_L3 + 10) == UINT16_MAX)) {
        return false;
    }
    if (proto == IPPROTO_UDP) {
        if (OVS_UNLIKELY(l3_len < IP_HEADER_LEN + UDP_HEADER_LEN
                         || !plain_udp(l4, l3_len - IP_HEADER_LEN))) {
            return false;
        }
    } else if (OVS_UNLIKELY(proto != IPPROTO_TCP
                            || l3_len < IP_HEADER_LEN + TCP_HEADER_LEN
                            || !plain_tcp(l4, l3_len - IP_HEADER_LEN))) {
        return false;
    } else {
        flags = l4[offsetof(struct tcp_header, tcp_ctl) + 1];
    }

    uint32_t ports = plain_32(l4);
    uint64_t words[4] = {
        plain_64(data),
        plain_32(data + 8) | (uint64_t) odp_to_u32(in_port) << 32,
        type >> 24 | (uint32_t) ttl << 8 | (uint32_t) proto << 16
            | (uint64_t) (flags & ~TCP_PSH) << 24 | addresses << 32,
        addresses >> 32 | (uint64_t) ports << 32,
    };

    memcpy(&key->narrow, words, sizeof words);
    key->tci = 0;
    key->shape = 0;
    key->tcp_flags = flags;
    key->l3_ofs = PLAIN_L3;
    key->l4_ofs = PLAIN_L4;
    key->outer = 0;
    key->l3_len = l3_len;
    key_hash(seed, addresses, ports | (uint64_t) proto << 32, words, 0, key);
    return true;
}

/* As key_checksums_hold(). */
static inline bool
key_checksums_hold_plain(const struct dp_packet *packet,
                         const struct key *key)
{
    const uint8_t *l3 = (const uint8_t *) dp_packet_data(packet) + key->l3_ofs;
    const uint8_t *l4 = l3 + IP_HEADER_LEN;
    uint16_t l4_len = key->l3_len - IP_HEADER_LEN;
    uint8_t proto = key->narrow.proto;

    if (OVS_UNLIKELY(key->shape & KEY_IPV6
                     || (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
                     || *dp_packet_ol_flags_ptr(packet) & PLAIN_RX_FLAGS)) {
        return key_checksums_hold(packet, key);
    }

    uint64_t addresses = checksum_sum(l3 + 12, 8);
    uint64_t header = checksum_sum(l3, 12) + addresses;
    uint64_t pseudo = (addresses + (OVS_FORCE uint16_t) htons(l4_len)
                       + (OVS_FORCE uint16_t) htons(proto));

    return (OVS_LIKELY(checksum_fold(header) == UINT16_MAX)
            && (OVS_LIKELY(checksum_fold(pseudo + checksum_sum(l4, l4_len))
                           == UINT16_MAX)
                || (proto == IPPROTO_UDP && !plain_16(l4 + 6))));
}

#endif /* datapath-ext/cache/key-plain.h */
