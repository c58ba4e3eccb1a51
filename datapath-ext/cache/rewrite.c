/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/rewrite.h"

/* What pseudo header and ports add to a transport checksum. */
static uint64_t
l4_difference(const struct key *before, const struct key *after)
{
    uint8_t proto = before->narrow.proto;
    uint64_t sum = 0;

    if (proto == IPPROTO_SCTP || proto == IPPROTO_ICMP) {
        return 0;
    }
    sum = checksum_difference(&before->narrow.src, &after->narrow.src,
                              2 * sizeof before->narrow.src);
    if (before->shape & KEY_IPV6) {
        sum += checksum_difference(before->wide.src, after->wide.src,
                                   2 * sizeof before->wide.src);
    }
    if (proto != IPPROTO_ICMPV6) {
        sum += checksum_difference(&before->narrow.l4_src,
                                   &after->narrow.l4_src,
                                   2 * sizeof before->narrow.l4_src);
    }
    return sum;
}

static uint64_t
l3_difference(const struct key *before, const struct key *after)
{
    const uint8_t tos[2][2] = {{ 0x45, before->narrow.tos },
                               { 0x45, after->narrow.tos }};
    const uint8_t ttl[2][2] = {{ before->narrow.ttl, before->narrow.proto },
                               { after->narrow.ttl, after->narrow.proto }};

    if (before->shape & KEY_IPV6) {
        return 0;
    }
    return (checksum_difference(tos[0], tos[1], 2)
            + checksum_difference(ttl[0], ttl[1], 2)
            + checksum_difference(&before->narrow.src, &after->narrow.src,
                                  2 * sizeof before->narrow.src));
}

/* What no action of OpenFlow changes, or no entry has a place for. */
static bool
is_expressible(const struct key *before, const struct key *after)
{
    bool has_ports = (before->narrow.proto == IPPROTO_TCP
                      || before->narrow.proto == IPPROTO_UDP);

    return (before->narrow.proto == after->narrow.proto
            && before->narrow.tcp_flags == after->narrow.tcp_flags
            && before->l3_len == after->l3_len
            && !((before->shape ^ after->shape) & KEY_IPV6)
            && (!(before->shape & KEY_IPV6)
                || before->wide.label == after->wide.label)
            && (has_ports
                || (before->narrow.l4_src == after->narrow.l4_src
                    && before->narrow.l4_dst == after->narrow.l4_dst)));
}

static bool
l2_equal(const struct key *a, const struct key *b)
{
    const uint8_t tags = KEY_VLAN | KEY_VLAN_AD | KEY_QINQ;

    return (!memcmp(&a->narrow.eth_dst, &b->narrow.eth_dst, 2 * ETH_ADDR_LEN)
            && a->tci == b->tci && !((a->shape ^ b->shape) & tags)
            && (!(a->shape & KEY_QINQ)
                || a->wide.inner_tci == b->wide.inner_tci));
}

bool
rewrite_compose(const struct key *before, const struct key *after,
                const uint8_t *after_l2, struct entry *entry,
                struct path_spec *spec)
{
    const struct key_narrow *new = &after->narrow;

    if (!is_expressible(before, after)) {
        return false;
    }
    if (!l2_equal(before, after)) {
        spec->l2_old = before->l3_ofs;
        spec->l2_new = after->l3_ofs;
        memcpy(spec->l2, after_l2, spec->l2_new);
    }
    entry->tos = new->tos;
    entry->ttl = new->ttl;
    entry->src = new->src;
    entry->dst = new->dst;
    entry->l4_src = new->l4_src;
    entry->l4_dst = new->l4_dst;
    if (before->shape & KEY_IPV6) {
        memcpy(entry->wide_src, after->wide.src, sizeof entry->wide_src);
        memcpy(entry->wide_dst, after->wide.dst, sizeof entry->wide_dst);
    }
    entry->l3_delta = checksum_fold(l3_difference(before, after));
    entry->l4_delta = checksum_fold(l4_difference(before, after));
    if (entry->l3_delta || entry->l4_delta
        || before->narrow.tos != new->tos || before->narrow.ttl != new->ttl
        || before->narrow.src != new->src || before->narrow.dst != new->dst) {
        spec->flags |= PATH_L3;
    }
    return true;
}
