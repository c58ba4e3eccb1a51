/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_PLACEMENT_H
#define VNIC_PLACEMENT_H 1

/* Placement
 * =========
 *
 * What: a rule of a link, a rule of a VNIC or a VNIC's claim, as a device
 * would have it, and where it is: in the device, or why not.
 *
 * A device knows one list of rules, not a link's list, then claims, then a
 * list for each VNIC.  So a VNIC's rule is for the frames that the rule and
 * the claim both match, and all stand in the order in which software looks:
 *
 *     1. rules of the link, by priority
 *     2. for each VNIC: its rules, by priority, then its claim
 *
 * Data flow:
 *
 *     rules.h, link.h --placements_collect()--> struct placement, in that
 *         order --link-hw.c--> hw.h
 *
 * Ownership: a placement owns its name, reasons and match.  Its rule and port
 * are their owners', and it may point to them only as long as the link's
 * ports and rules stay as they are.
 *
 * Thread-safety: main thread.
 *
 * Errors: 'problem'. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath-ext/classify.h"
#include "datapath-ext/hw.h"
#include "datapath-ext/hw-pattern.h"
#include "datapath-ext/rule-config.h"
#include "openvswitch/hmap.h"

struct link;
struct link_port;
struct rule;

struct placement {
    /* Which it is. */
    struct hmap_node node;      /* In struct placements' 'by_name'. */
    char *name;                 /* Of the rule; NULL for a claim. */
    bool is_vnic;               /* Has it a 'key'?  Else it is the link's. */
    struct l2_key key;          /* Of the VNIC. */

    /* What it is. */
    struct rule *rule;          /* NULL for a claim. */
    struct link_port *port;     /* NULL for a rule of the link. */
    enum rule_action action;    /* RULE_RING for a claim. */
    bool is_wanted;             /* In hardware? */
    struct minimatch match;
    uint64_t brief[2];          /* Some fields of 'match'... */
    uint64_t brief_mask[2];     /* ...and their masks. */
    struct hw_pattern pattern;
    char *problem;              /* Why it has no pattern, or NULL. */

    /* Where it is. */
    struct hw_rule *hw_rule;    /* NULL if it isn't in hardware... */
    char *reason;               /* ...and why, if it is wanted there. */
    bool is_refused;            /* Is 'reason' the device's, for 'level'? */
    enum hw_action how;
    unsigned int level, queue;
    uint32_t mark;
    uint64_t packets, bytes;    /* Counted by the device, and in the rule's
                                 * counters already. */
    bool asks_rules;            /* As in struct mark. */
};

struct placements {
    struct placement **all;     /* In the order of software. */
    size_t n, allocated;
    size_t n_link;              /* Of these, the first are the link's. */
    struct hmap by_name;
};

void placements_init(struct placements *);
/* None may be in hardware any more. */
void placements_destroy(struct placements *);

/* Everything that 'link' has. */
void placements_collect(struct placements *, const struct link *);

/* A rule of the VNIC with 'key', its claim if 'name' is NULL, or a rule of the
 * link if 'key' is NULL. */
struct placement *placements_find(const struct placements *,
                                  const struct l2_key *key, const char *name);

/* Is it the same for a device, apart from the level? */
bool placement_is_same(const struct placement *, const struct placement *);
/* Is there a frame that both match? */
bool placement_overlaps(const struct placement *, const struct placement *);
/* Does software obey it? */
bool placement_is_in_force(const struct placement *);

#endif /* datapath-ext/placement.h */
