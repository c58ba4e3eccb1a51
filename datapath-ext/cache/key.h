/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_KEY_H
#define CACHE_KEY_H 1

/* Key
 * ===
 *
 * What: all fields of a packet on which the stock pipeline could depend, in
 * one fixed form: what a flow can match (addresses, tags, DSCP and ECN, TTL,
 * protocol, ports, TCP flags, the IPv6 label, the input port), and the ICMP
 * identifier, by which conntrack knows an echo.  What was in a tunnel has its
 * context (context.h) instead of an input port.  What a megaflow has masked
 * out is part of it too: that costs entries, and spares a thought about masks
 * on every packet.
 *
 * Data flow: packet --key_extract()--> key, hashes, offsets --> table.h
 *
 * TCP's PSH alone is left out: some segments of a connection have it, others
 * don't, and conntrack doesn't care.  Pipelines that do match on it aren't
 * cached (record.c).
 *
 * What has no key is a miss with its reason (miss.h): fragments, options, all
 * that is malformed, for what stock does with those isn't decided by these
 * fields alone.  A packet has a key only if its lengths agree, so that what
 * conntrack would check about lengths holds for all packets of a key.
 *
 * Units: fields are in network byte order unless they are single bytes.
 *
 * Ownership: on the stack of the thread that handles the batch.
 *
 * Thread-safety: the caller's.
 *
 * Errors: none but a miss.
 *
 * Source: miniflow_extract() of lib/flow.c, conn_key_extract() of
 * lib/conntrack.c. */

#include <stdint.h>
#include <string.h>

#include "datapath-ext/cache/miss.h"
#include "openvswitch/types.h"
#include "util.h"

struct dp_packet;

/* 'shape' of a key: how it is to be read. */
enum {
    KEY_IPV6 = 1 << 0,
    KEY_VLAN = 1 << 1,          /* The outer tag, which has TPID 0x8100. */
    KEY_VLAN_AD = 1 << 2,       /* Its TPID is 0x88a8. */
    KEY_QINQ = 1 << 3,          /* There is an inner tag, with TPID 0x8100. */
    KEY_WIDE = KEY_IPV6 | KEY_QINQ, /* 'wide' is used. */
};

/* What IPv4 with up to one tag needs, which is half a cache line. */
struct key_narrow {
    struct eth_addr eth_dst;
    struct eth_addr eth_src;
    odp_port_t in_port;
    uint8_t tos;
    uint8_t ttl;
    uint8_t proto;
    uint8_t tcp_flags;          /* Without PSH. */
    ovs_be32 src;               /* IPv6: the last 32 bits. */
    ovs_be32 dst;
    ovs_be16 l4_src;            /* ICMP: type and code. */
    ovs_be16 l4_dst;            /* ICMP: identifier. */
};
BUILD_ASSERT_DECL(sizeof(struct key_narrow) == 32);

/* What IPv6 and a second tag need besides. */
struct key_wide {
    ovs_be32 src[3];            /* The first 96 bits. */
    ovs_be32 dst[3];
    ovs_be32 label;
    ovs_be16 inner_tci;
    ovs_be16 zero;
};
BUILD_ASSERT_DECL(sizeof(struct key_wide) == 32);

/* What is known of a packet that is a miss, for the packets that must not
 * overtake it. */
enum key_order {
    KEY_ORDER_NONE,             /* It is of no connection. */
    KEY_ORDER_PAIR,             /* Its addresses: 'pair' is valid. */
    KEY_ORDER_FLOW,             /* Ports too: 'flow' is valid. */
    KEY_ORDER_ALL,              /* It may be of any. */
};

struct key {
    struct key_narrow narrow;
    ovs_be16 tci;               /* The outer tag, or 0. */
    uint8_t shape;

    /* Not compared. */
    uint8_t tcp_flags;          /* All. */
    uint8_t l3_ofs;
    uint8_t l4_ofs;
    uint8_t miss;               /* enum cache_miss. */
    uint8_t order;              /* enum key_order. */
    uint8_t pair;               /* 0 to 63, by the addresses. */
    uint8_t flow;               /* 0 to 63, by addresses and ports. */
    uint8_t outer;              /* Bytes that a tunnel put before what this
                                 * is the key of, see tunnel.h. */
    uint16_t l3_len;            /* From the IP header on, without padding. */
    uint32_t hash;              /* Of all that is compared. */
    struct key_wide wide;       /* If 'shape' & KEY_WIDE. */
};

/* Seeds: a fresh secret for each start of the daemon, for whoever could
 * compute hashes could fill one bucket. */
struct key_seed {
    uint64_t s[3];
};

void key_seed_init(struct key_seed *);

/* Returns CACHE_HIT if the packet has a key, which is stored in 'key', or the
 * reason why it has none.  CACHE_MISS_OFFLOAD, CACHE_MISS_CHECKSUM and
 * CACHE_MISS_TTL come last: all members are valid then too. */
enum cache_miss key_extract(struct dp_packet *, odp_port_t in_port,
                            const struct key_seed *, struct key *);
/* For a key that has all. */
void key_set_in_port(struct key *, odp_port_t, const struct key_seed *);

/* What stock calls padding is at most this long. */
#define KEY_MAX_PADDING UINT8_MAX

/* Flags of packets that have no key. */
#define KEY_OFFLOADS (DP_PACKET_OL_TX_L4_MASK | DP_PACKET_OL_TX_TCP_SEG     \
                      | DP_PACKET_OL_TX_IPV4 | DP_PACKET_OL_TX_IPV6         \
                      | DP_PACKET_OL_FLOW_MARK)

/* Hashes: multiply and fold, as in Wang Yi's wyhash, with a secret.
 * lib/hash.h takes a basis too, but CRC32c, its best, is linear, so that keys
 * that collide do so under every basis, and its murmur takes three times as
 * long. */
static inline uint64_t
key_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/* Fibonacci hashing: six bits of the product's top. */
static inline uint8_t
key_pair(uint64_t addresses)
{
    return addresses * UINT64_C(0x9e3779b97f4a7c15) >> 58;
}

/* 'ports' are both and, above them, the protocol.  'words' are those of
 * 'key->narrow', 'addresses' and 'shape' stand for all else. */
static inline void
key_hash(const struct key_seed *seed, uint64_t addresses, uint64_t ports,
         const uint64_t words[3], uint64_t shape, struct key *key)
{
    uint64_t flow = key_mix(addresses ^ seed->s[0], ports ^ seed->s[1]);

    key->pair = key_pair(addresses);
    key->flow = flow & 63;
    key->order = KEY_ORDER_FLOW;
    key->hash = key_mix(flow ^ words[0] ^ shape << 13,
                        key_mix(words[1] ^ seed->s[2],
                                words[2] ^ seed->s[0]));
}

/* Eight bytes of a key, which need not be aligned. */
static inline uint64_t
key_word(const void *key, size_t i)
{
    uint64_t word;

    memcpy(&word, (const uint8_t *) key + i * sizeof word, sizeof word);
    return word;
}

static inline bool
key_words_equal(const void *a, const void *b)
{
    return !((key_word(a, 0) ^ key_word(b, 0))
             | (key_word(a, 1) ^ key_word(b, 1))
             | (key_word(a, 2) ^ key_word(b, 2))
             | (key_word(a, 3) ^ key_word(b, 3)));
}

static inline bool
key_narrow_equal(const struct key_narrow *a, const struct key_narrow *b)
{
    return key_words_equal(a, b);
}

static inline bool
key_wide_equal(const struct key_wide *a, const struct key_wide *b)
{
    return key_words_equal(a, b);
}

/* Do all checksums hold that conntrack would verify?  As lib/conntrack.c,
 * believes a device that says so. */
bool key_checksums_hold(const struct dp_packet *, const struct key *);
/* That of an IPv4 header without options. */
bool key_l3_checksum_holds(const struct dp_packet *, const uint8_t *l3);

#endif /* datapath-ext/cache/key.h */
