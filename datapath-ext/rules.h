/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_RULES_H
#define VNIC_RULES_H 1

/* Classification rules
 * ====================
 *
 * What: an immutable set of rules "match, priority -> action" of one owner, a
 * link or a VNIC.  The rule of the highest priority that matches a frame
 * counts.  A change of the configuration makes a new set, which replaces the
 * old one in one step.
 *
 * Data flow:
 *
 *     VNIC_Classifier rows --match.h, rules-check.h--> struct rule_config[]
 *         --rules_create()--> struct rules (in a link or a port, by RCU)
 *     frame --rules_extract()--> struct flow --rules_lookup()--> struct rule
 *
 * Bound: a lookup makes at most one hash probe for each distinct mask (the
 * set of fields and prefix lengths that a match looks at) in the set, and a
 * set has at most RULES_MAX_MASKS of them.  Packets never add any.  So no
 * rules and no traffic can make a lookup explode, as they can a tuple space
 * that is filled by packets (CVE-2019-25076).  Rules of one mask, such as all
 * 5-tuples or all host addresses, cost a single probe however many there are.
 *
 * A frame's flow is what Open vSwitch would make of it as a packet on a port,
 * with these consequences for whoever writes a match:
 *
 *     - What a frame lacks reads as 0: the ports of a later fragment or of a
 *       truncated header, and the addresses and protocol of a malformed IP
 *       header.
 *     - The VLAN is that of the outer tag, be it 802.1Q or 802.1ad.  The type
 *       is the one behind as many tags as flow_vlan_limit says (the column
 *       other_config:vlan-limit).
 *
 * Ownership: rules_create() copies what it is given.  The owner frees a set
 * with rules_retire() when it was unpublished.
 *
 * Thread-safety: rules_lookup() in any thread that is not quiescent; a set
 * never changes but for its counters.  rules_destroy() in the main thread or
 * in an RCU callback.
 *
 * Errors: rules_create() never fails; rules-check.h finds what must not be
 * passed to it.
 *
 * Source: lib/classifier.h of Open vSwitch, which does the work.  Tuple space
 * search: Srinivasan, Suri and Varghese, SIGCOMM 1999. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath-ext/counter.h"
#include "datapath-ext/rule-config.h"

struct dp_packet;
struct flow;
struct match;
struct rules;

struct rule {
    const char *name;
    enum rule_action action;
    const char *vnic;
    unsigned int ring;
    bool in_hardware;           /* As in struct rule_config... */
    bool needs_hardware;        /* ...and so this. */
    bool is_in_force;           /* Main thread: does a lookup find it? */
    void *aux;                  /* The owner's, set before publication. */
    struct counter packets;     /* Hits, for any thread to add. */
    struct counter bytes;
};

static inline void
rule_count(struct rule *rule, uint64_t bytes)
{
    counter_add(&rule->packets, 1);
    counter_add(&rule->bytes, bytes);
}

struct rules *rules_create(const struct rule_config *, size_t n);
void rules_destroy(struct rules *);
/* Lets the counters of rules go on where those of the same name in 'old',
 * which may be NULL, are now.  Those that need hardware stay in force. */
void rules_inherit(struct rules *, const struct rules *old);
/* rules_destroy() after a grace period. */
void rules_retire(struct rules *);

/* Makes the 'flow' of a frame as it came from the device, with its tags.
 * Initializes the packet's metadata, which is undefined until a datapath does
 * that, and sets its layer offsets. */
void rules_extract(struct dp_packet *, struct flow *);

/* The rule that counts for 'flow', or NULL. */
struct rule *rules_lookup(const struct rules *, const struct flow *);

/* A rule that needs hardware is in force only when this says so. */
void rules_set_in_force(struct rule *, bool);

/* Rule 'i' in descending order of their priority, and what it matches. */
struct rule *rules_get_ranked(const struct rules *, size_t i, struct match *);

/* NULL if there is none of that name; 'rules' may be NULL too. */
struct rule *rules_find(const struct rules *, const char *name);

/* All rules, in the order of the configuration. */
struct rule *rules_get(const struct rules *, size_t i);
size_t rules_count(const struct rules *);
size_t rules_count_masks(const struct rules *);

#endif /* datapath-ext/rules.h */
