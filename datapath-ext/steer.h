/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_STEER_H
#define VNIC_STEER_H 1

/* Steering
 * ========
 *
 * What: says which of its receive rings a VNIC gets a frame in.  A VNIC whose
 * only ring is the default one has no such object.
 *
 * Data flow:
 *
 *     frame for the VNIC --steer_frame()-->
 *         1. the VNIC's rules (rules.h): a ring, the link's default port, or
 *            nowhere
 *         2. an IP packet to one of the VNIC's own addresses, or in a frame
 *            with a group address: the local ring
 *         3. any other IP packet: the forwarding ring
 *         4. no IP packet, or no ring for it: the default ring
 *
 * The split of 2 and 3 lets segments be merged that end here, while those that
 * the guest routes on keep their boundaries.
 *
 * Ownership: immutable, apart from the counters of rules.  Part of a struct
 * link_port, freed with it.  Rings belong to the VNIC's ports and outlive it.
 *
 * Thread-safety: steer_frame() in any thread that is not quiescent.
 *
 * Errors: none; what can't be parsed goes to the default ring.
 *
 * Source: US patent 7944923 (local and forwarding receive rings). */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "rule-config.h"

struct frame;
struct ring;
struct rule;
struct rules;
struct steer;

#define STEER_N_IDS 64

struct steer_options {
    struct ring *fallback;      /* The default ring. */
    struct ring *local;         /* NULL if there is none... */
    struct ring *forward;       /* ...and so for this. */
    struct ring *by_id[STEER_N_IDS]; /* NULL if there is none. */
    const struct rule_config *rules;
    size_t n_rules;
    const struct in6_addr *addresses; /* The VNIC's own, IPv4 ones mapped. */
    size_t n_addresses;
};

struct steer_verdict {
    enum rule_action action;
    struct ring *ring;          /* With RULE_RING. */
    struct rule *rule;          /* That said so, or NULL. */
    const char *why;            /* Otherwise, in words. */
};

struct steer *steer_create(const struct steer_options *);
void steer_destroy(struct steer *);
/* Rules that stay go on counting. */
void steer_inherit(struct steer *, const struct steer *old);

void steer_frame(const struct steer *, struct frame *,
                 struct steer_verdict *);

/* What becomes of a frame that 'rule', one of the VNIC's, is known to be for.
 */
void steer_obey(const struct steer *, struct rule *, struct steer_verdict *);

/* The ring of that number, or the default one. */
struct ring *steer_ring(const struct steer *, unsigned int id);
/* NULL if there are none. */
struct rules *steer_rules(const struct steer *);

#endif /* datapath-ext/steer.h */
