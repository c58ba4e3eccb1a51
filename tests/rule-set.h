/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef RULE_SET_H
#define RULE_SET_H 1

/* A set of random rules twice: as rules_create() makes it, of matches that
 * match_parse() has read, and as a list for the naive search.
 *
 * Each function stops the program where the two disagree. */

#include "datapath-ext/rules.h"
#include "tests/naive-rules.h"

#define RULE_SET_MAX 400

struct rule_set {
    struct rule_config configs[RULE_SET_MAX];
    struct naive_rule naive[RULE_SET_MAX];
    size_t n, n_masks;
    struct rules_checker *checker;
    struct rules *rules;
};

/* Tries 'n_tries' rules, of which those remain that get along. */
struct rule_set *rule_set_create(size_t n_tries);
void rule_set_destroy(struct rule_set *);

/* Returns whether a rule matches the frame. */
bool rule_set_compare(const struct rule_set *, const uint8_t *frame,
                      size_t size);

#endif /* tests/rule-set.h */
