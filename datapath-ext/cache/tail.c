/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/tail.h"

#include "datapath-ext/cache/key-flow.h"
#include "dp-packet.h"
#include "netdev-native-tnl.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "packets.h"

static bool
gre_has_sequence(const struct ovs_action_push_tnl *push)
{
    const uint8_t *header = (const uint8_t *) push->header;
    const struct gre_base_hdr *gre = ALIGNED_CAST(
        const struct gre_base_hdr *,
        header + ETH_HEADER_LEN + (netdev_tnl_is_header_ipv6(header)
                                   ? IPV6_HEADER_LEN : IP_HEADER_LEN));

    return gre->flags & htons(GRE_SEQ);
}

static bool
push_is_repeatable(const struct nlattr *a)
{
    const struct ovs_action_push_tnl *push = nl_attr_get(a);

    switch (push->tnl_type) {
    case OVS_VPORT_TYPE_VXLAN:
    case OVS_VPORT_TYPE_GENEVE:
        return true;
    case OVS_VPORT_TYPE_GRE:
    case OVS_VPORT_TYPE_IP6GRE:
        return !gre_has_sequence(push);
    default:
        return false;
    }
}

/* 'is_own' if the packet's headers may change: in a copy, or those that were
 * pushed.  The recorder would see a change of others in what goes into the
 * tunnel, and it would be made twice: by the entry, and by the tail. */
static bool
is_repeatable(const struct nlattr *actions, size_t len, bool is_own)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, actions, len) {
        switch (nl_attr_type(a)) {
        case OVS_ACTION_ATTR_OUTPUT:
            break;
        case OVS_ACTION_ATTR_TUNNEL_PUSH:
            if (!push_is_repeatable(a)) {
                return false;
            }
            is_own = true;
            break;
        case OVS_ACTION_ATTR_CLONE:
            /* The last gets no copy. */
            if (!is_repeatable(nl_attr_get(a), nl_attr_get_size(a),
                               is_own || NLA_ALIGN(a->nla_len) < left)) {
                return false;
            }
            break;
        case OVS_ACTION_ATTR_SET:
        case OVS_ACTION_ATTR_SET_MASKED:
        case OVS_ACTION_ATTR_PUSH_VLAN:
        case OVS_ACTION_ATTR_POP_VLAN:
            if (!is_own) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool
has_push(const struct nlattr *a)
{
    const struct nlattr *inner;
    size_t left;

    if (nl_attr_type(a) == OVS_ACTION_ATTR_CLONE) {
        NL_NESTED_FOR_EACH (inner, left, a) {
            if (has_push(inner)) {
                return true;
            }
        }
    }
    return nl_attr_type(a) == OVS_ACTION_ATTR_TUNNEL_PUSH;
}

enum cache_refusal
tail_find(const struct nlattr *actions, size_t len, const struct nlattr **tail)
{
    const struct nlattr *a;
    size_t left;

    *tail = NULL;
    NL_ATTR_FOR_EACH (a, left, actions, len) {
        if (has_push(a)) {
            *tail = a;
            return (is_repeatable(a, left, false) ? CACHE_KEEP
                    : CACHE_REFUSAL_TUNNEL);
        }
    }
    return CACHE_KEEP;
}

/* Open vSwitch's function for a whole flow is compiled where its function for
 * a part of one is, with the same hash; of the flow it reads these members
 * only. */
void
tail_set_hash(struct dp_packet *packet, const struct key *key)
{
    struct flow flow;

    if (dp_packet_rss_valid(packet)) {
        return;
    }
    key_put_tuple(&key->narrow, key->shape, &key->wide, &flow);
    if (key->shape & KEY_QINQ && flow_vlan_limit < 2) {
        flow.dl_type = htons(ETH_TYPE_VLAN); /* Stock looks no further. */
    }
    dp_packet_set_rss_hash(packet, flow_hash_5tuple(&flow, 0));
}
