/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/hw-pattern.h"

#include <netinet/icmp6.h>

#include "datapath-ext/classify.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "packets.h"
#include "util.h"

/* A translation in progress.  Each step takes what it has translated out of
 * 'left', so that nothing can be overlooked. */
struct translation {
    const struct match *match;
    struct flow_wildcards left;
    struct hw_pattern *pattern;
};

/* Copies FIELD of struct flow into DST of spec and mask, and takes it. */
#define TAKE(T, DST, FIELD)                                                 \
    do {                                                                    \
        (T)->pattern->spec.DST = (T)->match->flow.FIELD;                    \
        (T)->pattern->mask.DST = (T)->match->wc.masks.FIELD;                \
        (T)->left.masks.FIELD = 0;                                          \
    } while (0)

/* The same for addresses, which are structs or arrays. */
#define TAKE_BYTES(T, DST, FIELD)                                           \
    do {                                                                    \
        BUILD_ASSERT(sizeof (T)->pattern->spec.DST                          \
                     == sizeof (T)->match->flow.FIELD);                     \
        memcpy(&(T)->pattern->spec.DST, &(T)->match->flow.FIELD,            \
               sizeof (T)->match->flow.FIELD);                              \
        memcpy(&(T)->pattern->mask.DST, &(T)->match->wc.masks.FIELD,        \
               sizeof (T)->match->wc.masks.FIELD);                          \
        memset(&(T)->left.masks.FIELD, 0, sizeof (T)->left.masks.FIELD);    \
    } while (0)

static void
add_item(struct hw_pattern *pattern, enum rte_flow_item_type type,
         const void *spec, const void *mask, size_t size)
{
    struct rte_flow_item *item = &pattern->items[pattern->n++];

    ovs_assert(pattern->n <= HW_PATTERN_MAX_ITEMS);
    memset(item, 0, sizeof *item);
    item->type = type;
    if (size && !is_all_zeros(mask, size)) {
        item->spec = spec;
        item->mask = mask;
    }
}

/* MEMBER of spec and mask as an item of TYPE. */
#define ADD_ITEM(T, TYPE, MEMBER)                                           \
    add_item((T)->pattern, RTE_FLOW_ITEM_TYPE_##TYPE,                       \
             &(T)->pattern->spec.MEMBER, &(T)->pattern->mask.MEMBER,        \
             sizeof (T)->pattern->mask.MEMBER)

/* Ethernet and VLAN. */

enum tag { TAG_ANY, TAG_NONE, TAG_ONE, TAG_IMPOSSIBLE };

static enum tag
tag_from_tci(ovs_be16 tci, ovs_be16 mask)
{
    if (!mask) {
        return TAG_ANY;
    } else if (tci & htons(VLAN_CFI)) {
        return TAG_ONE;
    } else if (!tci) {
        return TAG_NONE;
    } else {
        /* An untagged frame's TCI is all zeros. */
        return mask & htons(VLAN_CFI) ? TAG_IMPOSSIBLE : TAG_ONE;
    }
}

/* Does the item for this type imply the type? */
static bool
is_ip(ovs_be16 dl_type)
{
    return dl_type == htons(ETH_TYPE_IP) || dl_type == htons(ETH_TYPE_IPV6);
}

static char *
add_l2(struct translation *t)
{
    const struct match *match = t->match;
    struct hw_pattern *pattern = t->pattern;
    ovs_be16 dl_type = match->flow.dl_type;
    ovs_be16 dl_type_mask = match->wc.masks.dl_type;
    enum tag tag = tag_from_tci(match->flow.vlans[0].tci,
                                match->wc.masks.vlans[0].tci);

    if (tag == TAG_IMPOSSIBLE) {
        return xasprintf("vlan_tci=0x%04x/0x%04x matches no frame",
                         ntohs(match->flow.vlans[0].tci),
                         ntohs(match->wc.masks.vlans[0].tci));
    }
    if (dl_type_mask && (dl_type_mask != OVS_BE16_MAX
                         || ntohs(dl_type) < ETH_TYPE_MIN
                         || eth_type_vlan(dl_type))) {
        return xasprintf("dl_type=0x%04x has no equivalent in the flow API",
                         ntohs(dl_type));
    }
    if (is_ip(dl_type)) {
        dl_type = dl_type_mask = 0;
    }
    t->left.masks.dl_type = 0;
    t->left.masks.vlans[0].tci = 0;

    TAKE_BYTES(t, eth.dst, dl_dst);
    TAKE_BYTES(t, eth.src, dl_src);
    if (tag == TAG_ONE) {
        const ovs_be16 cfi = htons(VLAN_CFI);

        pattern->spec.vlan.tci = match->flow.vlans[0].tci & ~cfi;
        pattern->mask.vlan.tci = match->wc.masks.vlans[0].tci & ~cfi;
        pattern->spec.vlan.inner_type = dl_type;
        pattern->mask.vlan.inner_type = dl_type_mask;
        ADD_ITEM(t, ETH, eth);
        ADD_ITEM(t, VLAN, vlan);
    } else {
        pattern->spec.eth.type = dl_type;
        pattern->mask.eth.type = dl_type_mask;
        pattern->mask.eth.has_vlan = tag == TAG_NONE;
        ADD_ITEM(t, ETH, eth);
    }
    return NULL;
}

/* IP and above. */

/* The protocols that have an item of their own, which implies them. */
static bool
has_l4_item(const struct match *match)
{
    uint8_t proto = match->flow.nw_proto;

    return (match->wc.masks.nw_proto == UINT8_MAX
            && (proto == IPPROTO_TCP || proto == IPPROTO_UDP
                || proto == IPPROTO_SCTP
                || proto == (match->flow.dl_type == htons(ETH_TYPE_IP)
                             ? IPPROTO_ICMP : IPPROTO_ICMPV6)));
}

static bool
is_extension_header(uint8_t proto)
{
    return (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING
            || proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH
            || proto == IPPROTO_FRAGMENT);
}

static void
add_ipv4(struct translation *t)
{
    TAKE(t, ipv4.hdr.src_addr, nw_src);
    TAKE(t, ipv4.hdr.dst_addr, nw_dst);
    TAKE(t, ipv4.hdr.type_of_service, nw_tos);
    if (has_l4_item(t->match)) {
        t->left.masks.nw_proto = 0;
    } else {
        TAKE(t, ipv4.hdr.next_proto_id, nw_proto);
    }
    ADD_ITEM(t, IPV4, ipv4);
}

static char *
add_ipv6(struct translation *t)
{
    const struct match *match = t->match;
    uint8_t proto_mask = match->wc.masks.nw_proto;

    TAKE_BYTES(t, ipv6.hdr.src_addr, ipv6_src);
    TAKE_BYTES(t, ipv6.hdr.dst_addr, ipv6_dst);
    t->pattern->spec.ipv6.hdr.vtc_flow
        = htonl((uint32_t) match->flow.nw_tos << RTE_IPV6_HDR_TC_SHIFT);
    t->pattern->mask.ipv6.hdr.vtc_flow
        = htonl((uint32_t) match->wc.masks.nw_tos << RTE_IPV6_HDR_TC_SHIFT);
    t->left.masks.nw_tos = 0;
    if (has_l4_item(match)) {
        t->left.masks.nw_proto = 0;
    } else if (proto_mask && (proto_mask != UINT8_MAX
                              || is_extension_header(match->flow.nw_proto))) {
        return xasprintf("nw_proto=%"PRIu8" can be the number of an IPv6 "
                         "extension header", match->flow.nw_proto);
    } else {
        TAKE(t, ipv6.hdr.proto, nw_proto);
    }
    ADD_ITEM(t, IPV6, ipv6);
    return NULL;
}

/* ICMP's type and code are in the low bytes of struct flow's ports, whose high
 * bytes are zeros in any frame. */
#define TAKE_ICMP(T, DST, FIELD)                                            \
    do {                                                                    \
        (T)->pattern->spec.DST = ntohs((T)->match->flow.FIELD);             \
        (T)->pattern->mask.DST = ntohs((T)->match->wc.masks.FIELD);         \
        if (ntohs((T)->match->flow.FIELD) <= UINT8_MAX) {                   \
            (T)->left.masks.FIELD = 0;                                      \
        }                                                                   \
    } while (0)

static void
add_l4(struct translation *t)
{
    switch (t->match->flow.nw_proto) {
    case IPPROTO_TCP:
        TAKE(t, tcp.hdr.src_port, tp_src);
        TAKE(t, tcp.hdr.dst_port, tp_dst);
        ADD_ITEM(t, TCP, tcp);
        break;
    case IPPROTO_UDP:
        TAKE(t, udp.hdr.src_port, tp_src);
        TAKE(t, udp.hdr.dst_port, tp_dst);
        ADD_ITEM(t, UDP, udp);
        break;
    case IPPROTO_SCTP:
        TAKE(t, sctp.hdr.src_port, tp_src);
        TAKE(t, sctp.hdr.dst_port, tp_dst);
        ADD_ITEM(t, SCTP, sctp);
        break;
    case IPPROTO_ICMP:
        TAKE_ICMP(t, icmp.hdr.icmp_type, tp_src);
        TAKE_ICMP(t, icmp.hdr.icmp_code, tp_dst);
        ADD_ITEM(t, ICMP, icmp);
        break;
    case IPPROTO_ICMPV6:
        TAKE_ICMP(t, icmp6.type, tp_src);
        TAKE_ICMP(t, icmp6.code, tp_dst);
        ADD_ITEM(t, ICMP6, icmp6);
        break;
    default:
        OVS_NOT_REACHED();
    }
}

static char *
add_l3(struct translation *t)
{
    const struct match *match = t->match;

    if (!match->wc.masks.dl_type || !is_ip(match->flow.dl_type)) {
        return NULL;
    }
    if (match->flow.dl_type == htons(ETH_TYPE_IP)) {
        add_ipv4(t);
    } else {
        char *reason = add_ipv6(t);

        if (reason) {
            return reason;
        }
    }
    if (has_l4_item(match)) {
        add_l4(t);
    }
    return NULL;
}

/* What no step has taken. */
static char *
check_left(const struct translation *t)
{
    if (flow_wildcards_is_catchall(&t->left)) {
        return NULL;
    }
    for (enum mf_field_id id = 0; id < MFF_N_IDS; id++) {
        const struct mf_field *field = mf_from_id(id);

        /* The prerequisites tell fields apart that share a place in struct
         * flow, such as nw_proto and arp_op. */
        if (!mf_is_all_wild(field, &t->left)
            && mf_are_prereqs_ok(field, &t->match->flow, NULL)) {
            return xasprintf("field %s has no equivalent in the flow API",
                             field->name);
        }
    }
    return xstrdup("a field of the match has no equivalent in the flow API");
}

char *
hw_pattern_init(struct hw_pattern *pattern, const struct match *match)
{
    struct translation t = { .match = match, .left = match->wc,
                             .pattern = pattern };
    struct match masked = *match;
    char *reason;

    match_zero_wildcarded_fields(&masked);
    t.match = &masked;
    if (masked.flow.packet_type == htonl(PT_ETH)) {
        t.left.masks.packet_type = 0;
    }
    memset(pattern, 0, sizeof *pattern);

    reason = add_l2(&t);
    if (!reason) {
        reason = add_l3(&t);
    }
    if (!reason) {
        reason = check_left(&t);
    }
    add_item(pattern, RTE_FLOW_ITEM_TYPE_END, NULL, NULL, 0);
    return reason;
}

bool
hw_pattern_forget_tags(struct hw_pattern *pattern)
{
    struct rte_flow_item *eth = &pattern->items[0];

    if (!pattern->mask.eth.has_vlan) {
        return false;
    }
    pattern->mask.eth.has_vlan = 0;
    if (is_all_zeros(&pattern->mask.eth, sizeof pattern->mask.eth)) {
        eth->spec = eth->mask = NULL;
    }
    return true;
}

static bool
has_item(const struct hw_pattern *pattern, enum rte_flow_item_type type)
{
    for (size_t i = 0; i < pattern->n; i++) {
        if (pattern->items[i].type == type) {
            return true;
        }
    }
    return false;
}

/* Three fields are less than they seem, as a device that looks at one of them
 * may see something else than Open vSwitch does: the Ethernet type of a frame
 * with (more) tags, that a frame has no tag if it has VLAN 0, and the number
 * behind IPv6's own header.  Where 'lower' has them too, it has left such
 * frames out. */
bool
hw_pattern_sees(const struct hw_pattern *lower,
                const struct hw_pattern *upper)
{
    if (upper->n > lower->n) {
        return false;
    }
    for (size_t i = 0; i < upper->n - 1; i++) {
        if (upper->items[i].type != lower->items[i].type) {
            return false;
        }
    }
    return ((lower->mask.eth.has_vlan || !upper->mask.eth.has_vlan)
            && (lower->mask.eth.has_vlan || lower->mask.eth.type
                || !upper->mask.eth.type)
            && (lower->mask.vlan.inner_type || !upper->mask.vlan.inner_type)
            && (!has_item(upper, RTE_FLOW_ITEM_TYPE_IPV6)
                || lower->mask.ipv6.hdr.proto
                || !upper->mask.ipv6.hdr.proto));
}

void
hw_match_from_claim(struct match *match, const struct l2_key *key)
{
    match_init_catchall(match);
    match_set_dl_dst(match, key->mac);
    if (key->vlan) {
        match_set_dl_vlan(match, htons(key->vlan), 0);
    } else {
        match_set_dl_tci_masked(match, 0, htons(VLAN_VID_MASK));
    }
}
