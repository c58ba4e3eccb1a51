/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_KEY_FLOW_H
#define CACHE_KEY_FLOW_H 1

/* Keys as flows
 * =============
 *
 * What: the network and transport fields of a key as members of Open vSwitch's
 * struct flow, which has both halves of an IPv6 address in one place, and an
 * echo's type and code in two.
 *
 * Data flow: key.h --> explain.c, for texts; tail.c, for hashes.
 *
 * Units: network byte order, on both sides.
 *
 * Ownership: the caller's.
 *
 * Thread-safety: the caller's.
 *
 * Errors: none. */

#include "datapath-ext/cache/key.h"
#include "flow.h"

static inline struct in6_addr
key_ipv6(const ovs_be32 high[3], ovs_be32 low)
{
    struct in6_addr address;

    memcpy(&address, high, 12);
    memcpy((uint8_t *) &address + 12, &low, sizeof low);
    return address;
}

/* 'flow' has its types and protocol. */
static inline void
key_put_ports(ovs_be16 src, ovs_be16 dst, struct flow *flow)
{
    flow->tp_src = src;
    flow->tp_dst = dst;
    if (is_icmpv4(flow, NULL) || is_icmpv6(flow, NULL)) {
        /* The key has both in one, and the identifier in the other. */
        flow->tp_dst = htons(ntohs(src) & 0xff);
        flow->tp_src = htons(ntohs(src) >> 8);
    }
}

/* Types, protocol, addresses and ports. */
static inline void
key_put_tuple(const struct key_narrow *narrow, uint8_t shape,
              const struct key_wide *wide, struct flow *flow)
{
    flow->packet_type = htonl(PT_ETH);
    flow->nw_proto = narrow->proto;
    if (shape & KEY_IPV6) {
        flow->dl_type = htons(ETH_TYPE_IPV6);
        flow->ipv6_src = key_ipv6(wide->src, narrow->src);
        flow->ipv6_dst = key_ipv6(wide->dst, narrow->dst);
    } else {
        flow->dl_type = htons(ETH_TYPE_IP);
        flow->nw_src = narrow->src;
        flow->nw_dst = narrow->dst;
    }
    key_put_ports(narrow->l4_src, narrow->l4_dst, flow);
}

#endif /* datapath-ext/cache/key-flow.h */
