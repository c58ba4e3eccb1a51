/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_CLASSIFY_H
#define VNIC_CLASSIFY_H 1

/* Classification on a link
 * ========================
 *
 * What: says which port of a link a frame belongs to, by destination MAC
 * address and VLAN.
 *
 * Data flow:
 *
 *     frame --classify_extract()--> struct l2_key --classify_lookup()-->
 *         struct claim (embedded in the port) or NULL: the default port's
 *
 * Units: 'vlan' is a VLAN ID in host byte order, 0 for an untagged or
 * priority-tagged frame, or L2_VLAN_NONE for a frame in no VLAN that a VNIC
 * can be in: 802.1ad outer tags and VLAN ID 4095, which IEEE 802.1Q-2018
 * table 9-2 reserves.
 *
 * Lookup: a table of open addressing with linear probing, at most half full,
 * in which a lookup that finds its claim at once touches one cache line and
 * compares one number.  Every received frame pays for it, which is why it is
 * not the cmap that holds the claims too.  Packets can't make it slow: they
 * add nothing, and its hash is seeded at random.
 *
 * Ownership: the caller owns claims and frees them an RCU grace period after
 * classify_remove() or classify_replace().
 *
 * Thread-safety: lookups and iteration in any thread that is not quiescent;
 * the caller serializes the functions that change the classifier (cmap.h).
 *
 * Errors: classify_insert() returns false, and changes nothing, if the key is
 * claimed; classify_extract() returns false for what is no Ethernet frame. */

#include <stdbool.h>
#include <stdint.h>

#include "cmap.h"
#include "openvswitch/compiler.h"
#include "ovs-rcu.h"
#include "openvswitch/types.h"

struct dp_packet;

#define L2_VLAN_NONE UINT16_MAX

struct l2_key {
    struct eth_addr mac;
    uint16_t vlan;
};

/* The table below compares and hashes keys as one number. */
BUILD_ASSERT_DECL(sizeof(struct l2_key) == sizeof(uint64_t));

struct claim {
    struct cmap_node node;      /* In struct classifier's 'claims'. */
    struct l2_key key;          /* Constant while in the classifier. */
};

struct l2_table;

struct classifier_l2 {
    struct cmap claims;         /* All "struct claim"s, to iterate over. */
    OVSRCU_TYPE(struct l2_table *) table; /* To look them up. */
};

void classify_init(struct classifier_l2 *);
void classify_destroy(struct classifier_l2 *);

bool classify_insert(struct classifier_l2 *, struct claim *);
/* Puts 'new' in the place of 'old', which has the same key: no lookup misses
 * the key meanwhile. */
void classify_replace(struct classifier_l2 *, struct claim *old,
                      struct claim *new);
void classify_remove(struct classifier_l2 *, struct claim *);

bool l2_key_equal(const struct l2_key *, const struct l2_key *);
bool classify_extract(const struct dp_packet *, struct l2_key *);
struct claim *classify_lookup(const struct classifier_l2 *,
                              const struct l2_key *);

#endif /* datapath-ext/classify.h */
