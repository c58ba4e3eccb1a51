/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_RULE_CONFIG_H
#define VNIC_RULE_CONFIG_H 1

/* Configuration of a classification rule
 * ======================================
 *
 * What: a rule as it is wanted, in plain values.  It has a header of its own
 * because "struct rule" in rules.h is also the name of something else in
 * ofproto, which those who just pass configuration on may include.
 *
 * Data flow: VNIC_Classifier rows --> struct rule_config --rules_create()-->
 * struct rule; also --> hw.h.
 *
 * Ownership: strings are the caller's, or belong to a copy.
 *
 * Thread-safety: plain data.
 *
 * Errors: rules-check.h finds what must not be passed on. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/match.h"

#define RULES_MAX_MASKS 32

enum rule_action {
    RULE_RING,                  /* Into ring 'ring' of the VNIC. */
    RULE_HOST,                  /* To the default port of the link. */
    RULE_DROP,
};

struct rule_config {
    const char *name;           /* Of the VNIC_Classifier row. */
    uint16_t priority;
    struct match match;
    enum rule_action action;
    const char *vnic;           /* Whose ring; NULL for the owner's own. */
    unsigned int ring;          /* With RULE_RING: the id of the ring. */
    bool in_hardware;           /* Wanted there, see hw.h... */
    bool needs_hardware;        /* ...and in force nowhere else. */
};

/* A copy owns its strings. */
struct rule_config *rule_configs_copy(const struct rule_config *, size_t n);
void rule_configs_free(const struct rule_config *, size_t n);
bool rule_configs_equal(const struct rule_config *a, size_t n_a,
                        const struct rule_config *b, size_t n_b);

#endif /* datapath-ext/rule-config.h */
