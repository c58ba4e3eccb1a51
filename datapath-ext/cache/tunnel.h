/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_TUNNEL_H
#define CACHE_TUNNEL_H 1

/* Tunnels
 * =======
 *
 * What: which packets stock takes a tunnel's header off in their first pass,
 * and that header: VXLAN, Geneve and GRE over IPv4 or IPv6.  A cache knows
 * such a packet by what is inside, and by a context (context.h), which is the
 * header.
 *
 * That a packet is for a tunnel is learnt: an endpoint is a port, address and
 * UDP port for whose packets stock was seen to do that.  Packets to tunnel
 * ports of others, or in a guest's own traffic, are plain ones.  A packet of
 * an endpoint that stock treats otherwise costs a miss, never a wrong hit, for
 * the context has all that stock could have gone by.
 *
 * Data flow:
 *
 *     record.h --learn.c--> tunnels_add()
 *     packet, its key --tunnels_find()--> endpoint --tunnel_open()--> header,
 *         and the packet begins with what is inside
 *     a miss --tunnel_close()--> the packet is as it came
 *
 * What is checked: all that stock checks when it takes the header off
 * (checksums, lengths, flags).  What it would drop is a miss, and so is what
 * it takes off but no context describes: padding, VXLAN's extensions, GRE for
 * other than Ethernet.
 *
 * Without endpoints this costs a look at 'n' for each batch, and packets of a
 * port without them a look at a bitmap.
 *
 * Units: bytes.
 *
 * Ownership: part of a cache.
 *
 * Thread-safety: one thread.
 *
 * Errors: misses.
 *
 * Source: lib/netdev-native-tnl.c netdev_*_pop_header(); RFC 7348, 8926,
 * 2890. */

#include "datapath-ext/cache/key.h"
#include "odp-util.h"

#define TUNNEL_MAX_OPTIONS 64
#define TUNNELS_MAX 16

enum tunnel_kind {
    TUNNEL_VXLAN,
    TUNNEL_GENEVE,
    TUNNEL_GRE,
};

/* An outer header as a context has it: without the UDP source port, which
 * depends on what is inside and is in the key besides, and without what no
 * flow can depend on: identification, lengths, checksums, GRE's sequence
 * number. */
struct tunnel_outer {
    struct key_narrow narrow;   /* GRE: flags and protocol are the ports. */
    ovs_be16 tci;
    uint8_t shape;
    uint8_t kind;
    uint8_t len;                /* Of all headers. */
    uint8_t n_options;
    uint8_t has_checksum;
    uint8_t zero;
    uint8_t header[8];          /* VXLAN's, Geneve's, or GRE's key. */
    struct key_wide wide;       /* If 'shape' & KEY_WIDE. */
    uint8_t options[TUNNEL_MAX_OPTIONS]; /* Geneve's. */

    /* Of one packet. */
    ovs_be16 l4_src;            /* UDP's, or 0. */
    uint64_t ol_flags;
};
BUILD_ASSERT_DECL(offsetof(struct tunnel_outer, wide) == 48);
BUILD_ASSERT_DECL(TUNNEL_MAX_OPTIONS % sizeof(uint64_t) == 0);

struct tunnel_endpoint {
    odp_port_t in_port;
    ovs_be32 dst;
    ovs_be32 high_dst[3];       /* IPv6. */
    ovs_be16 l4_dst;
    uint8_t proto;
    uint8_t is_ipv6;
    uint8_t kind;
    uint8_t n_doubts;           /* Packets that stayed in their tunnel since
                                 * one was taken out. */
};

struct tunnels {
    size_t n;
    uint64_t ports;             /* Which have endpoints, modulo 64. */
    uint32_t n_probes;
    struct tunnel_endpoint endpoints[TUNNELS_MAX];
};

void tunnels_clear(struct tunnels *);
/* Stock took the header off a packet with this key, whose miss was none or
 * CACHE_MISS_PROTOCOL.  Returns false if there is no room. */
bool tunnels_add(struct tunnels *, const struct key *, enum tunnel_kind);
/* What stock did to a packet of an endpoint: it took off the header that was
 * expected, another one, or none. */
void tunnels_confirm(struct tunnels *, const struct tunnel_outer *);
void tunnels_remove(struct tunnels *, const struct tunnel_outer *);
void tunnels_doubt(struct tunnels *, const struct tunnel_outer *);

static inline bool
tunnels_has_port(const struct tunnels *tunnels, odp_port_t port)
{
    return tunnels->ports >> (odp_to_u32(port) % 64) & 1;
}

/* The endpoint of a packet with this key, all of which is valid but for the
 * hash, or NULL. */
const struct tunnel_endpoint *tunnels_find(const struct tunnels *,
                                           const struct key *);
/* Should a packet that has no key be recorded, as it may be a tunnel's? */
bool tunnels_probe(struct tunnels *, const struct key *);

/* 'key' is the packet's.  If the header is as stock wants it, fills in
 * 'outer', makes the packet begin with what is inside, without its offload
 * flags, and returns CACHE_HIT. */
enum cache_miss tunnel_open(struct dp_packet *, const struct key *,
                            enum tunnel_kind, struct tunnel_outer *);
void tunnel_close(struct dp_packet *, const struct tunnel_outer *);

#endif /* datapath-ext/cache/tunnel.h */
