/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/classify.h"

#include "dp-packet.h"
#include "hash.h"
#include "packets.h"
#include "random.h"
#include "util.h"

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

/* The table. */

struct l2_slot {
    atomic_uint64_t key;        /* 0 if the slot was never used. */
    OVSRCU_TYPE(struct claim *) claim; /* NULL if it was removed. */
};

struct l2_table {
    uint64_t multiplier;        /* Odd, and random. */
    unsigned int shift;
    size_t mask;                /* Number of slots - 1. */
    size_t n_used;              /* Slots with a key. */
    struct l2_slot slots[];
};

#define MIN_SLOTS 16

static uint64_t
l2_key_to_uint64(const struct l2_key *key)
{
    uint64_t number;

    memcpy(&number, key, sizeof number);
    return number;
}

/* Multiplicative hashing, Knuth volume 3, section 6.4. */
static size_t
l2_table_start(const struct l2_table *table, uint64_t key)
{
    return (key * table->multiplier) >> table->shift;
}

static struct l2_table *
l2_table_create(size_t n_claims)
{
    size_t n = MAX(ROUND_UP_POW2(n_claims * 4), MIN_SLOTS);
    struct l2_table *table
        = xzalloc_cacheline(sizeof *table + n * sizeof *table->slots);

    table->multiplier = random_uint64() | 1;
    table->shift = 64 - log_2_floor(n);
    table->mask = n - 1;
    return table;
}

/* The slot of 'key', or the one that it may have. */
static struct l2_slot *
l2_table_find(const struct l2_table *table, uint64_t key)
{
    for (size_t i = l2_table_start(table, key); ; i = (i + 1) & table->mask) {
        const struct l2_slot *slot = &table->slots[i];
        uint64_t slot_key;

        /* Pairs with l2_table_set(): who sees a key sees its claim. */
        atomic_read_explicit(&CONST_CAST(struct l2_slot *, slot)->key,
                             &slot_key, memory_order_acquire);
        if (OVS_LIKELY(slot_key == key || !slot_key)) {
            return CONST_CAST(struct l2_slot *, slot);
        }
    }
}

static void
l2_table_set(struct l2_table *table, uint64_t key, struct claim *claim)
{
    struct l2_slot *slot = l2_table_find(table, key);
    uint64_t slot_key;

    ovsrcu_set(&slot->claim, claim);
    atomic_read_relaxed(&slot->key, &slot_key);
    if (!slot_key) {
        atomic_store_explicit(&slot->key, key, memory_order_release);
        table->n_used++;
    }
}

static struct l2_table *
classify_table(const struct classifier_l2 *cls)
{
    return ovsrcu_get(struct l2_table *, &cls->table);
}

/* Makes a new table of all claims, with room for more, and without the slots
 * of those that are gone. */
static void
classify_rebuild(struct classifier_l2 *cls)
{
    struct l2_table *old = classify_table(cls);
    struct l2_table *table = l2_table_create(cmap_count(&cls->claims));
    struct claim *claim;

    CMAP_FOR_EACH (claim, node, &cls->claims) {
        l2_table_set(table, l2_key_to_uint64(&claim->key), claim);
    }
    ovsrcu_set(&cls->table, table);
    ovsrcu_postpone(free_cacheline, old);
}

/* Changes. */

void
classify_init(struct classifier_l2 *cls)
{
    cmap_init(&cls->claims);
    ovsrcu_init(&cls->table, l2_table_create(0));
}

void
classify_destroy(struct classifier_l2 *cls)
{
    ovs_assert(cmap_is_empty(&cls->claims));
    cmap_destroy(&cls->claims);
    free_cacheline(classify_table(cls));
}

bool
classify_insert(struct classifier_l2 *cls, struct claim *claim)
{
    struct l2_table *table = classify_table(cls);

    ovs_assert(l2_key_to_uint64(&claim->key));
    if (classify_lookup(cls, &claim->key)) {
        return false;
    }
    cmap_insert(&cls->claims, &claim->node, l2_key_hash(&claim->key));
    if (table->n_used * 2 > table->mask) {
        classify_rebuild(cls);
    } else {
        l2_table_set(table, l2_key_to_uint64(&claim->key), claim);
    }
    return true;
}

void
classify_replace(struct classifier_l2 *cls, struct claim *old,
                 struct claim *new)
{
    ovs_assert(l2_key_equal(&old->key, &new->key));
    cmap_replace(&cls->claims, &old->node, &new->node, l2_key_hash(&old->key));
    l2_table_set(classify_table(cls), l2_key_to_uint64(&new->key), new);
}

void
classify_remove(struct classifier_l2 *cls, struct claim *claim)
{
    cmap_remove(&cls->claims, &claim->node, l2_key_hash(&claim->key));
    l2_table_set(classify_table(cls), l2_key_to_uint64(&claim->key), NULL);
}

/* Lookup. */

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
    uint64_t number = l2_key_to_uint64(key);
    struct l2_slot *slot = l2_table_find(classify_table(cls), number);

    /* An empty slot has no claim. */
    return ovsrcu_get(struct claim *, &slot->claim);
}
