/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/classify.h"

#include "dp-packet.h"
#include "hash.h"
#include "packets.h"

static uint32_t
l2_key_hash(const struct l2_key *key)
{
    return hash_mac(key->mac, key->vlan, 0);
}

bool
l2_key_equal(const struct l2_key *a, const struct l2_key *b)
{
    return a->vlan == b->vlan && eth_addr_equals(a->mac, b->mac);
}

void
classify_init(struct classifier_l2 *cls)
{
    cmap_init(&cls->claims);
}

void
classify_destroy(struct classifier_l2 *cls)
{
    ovs_assert(cmap_is_empty(&cls->claims));
    cmap_destroy(&cls->claims);
}

bool
classify_insert(struct classifier_l2 *cls, struct claim *claim)
{
    if (classify_lookup(cls, &claim->key)) {
        return false;
    }
    cmap_insert(&cls->claims, &claim->node, l2_key_hash(&claim->key));
    return true;
}

void
classify_replace(struct classifier_l2 *cls, struct claim *old,
                 struct claim *new)
{
    ovs_assert(l2_key_equal(&old->key, &new->key));
    cmap_replace(&cls->claims, &old->node, &new->node, l2_key_hash(&old->key));
}

void
classify_remove(struct classifier_l2 *cls, struct claim *claim)
{
    cmap_remove(&cls->claims, &claim->node, l2_key_hash(&claim->key));
}

static uint16_t
frame_vlan(const struct dp_packet *packet)
{
    const struct vlan_eth_header *veh = dp_packet_data(packet);

    if (veh->veth_type == htons(ETH_TYPE_VLAN_8021AD)) {
        return L2_VLAN_NONE;
    }
    if (veh->veth_type != htons(ETH_TYPE_VLAN)) {
        return 0;
    }
    if (dp_packet_size(packet) < sizeof *veh) {
        return L2_VLAN_NONE;
    }

    int vid = vlan_tci_to_vid(veh->veth_tci);
    return vid == VLAN_VID_MASK >> VLAN_VID_SHIFT ? L2_VLAN_NONE : vid;
}

bool
classify_extract(const struct dp_packet *packet, struct l2_key *key)
{
    const struct eth_header *eth = dp_packet_data(packet);

    if (!dp_packet_is_eth(packet) || dp_packet_size(packet) < sizeof *eth) {
        return false;
    }
    key->mac = eth->eth_dst;
    key->vlan = frame_vlan(packet);
    return true;
}

struct claim *
classify_lookup(const struct classifier_l2 *cls, const struct l2_key *key)
{
    struct claim *claim;

    CMAP_FOR_EACH_WITH_HASH (claim, node, l2_key_hash(key), &cls->claims) {
        if (l2_key_equal(&claim->key, key)) {
            return claim;
        }
    }
    return NULL;
}
