/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_RULES_CHECK_H
#define VNIC_RULES_CHECK_H 1

/* Check of classification rules
 * =============================
 *
 * What: finds out, rule by rule, whether a set of rules may be passed to
 * rules_create().  Two rules of equal priority may not match the same frame,
 * for it would be left open which of them counts; and a set has a limited
 * number of masks, which bounds each lookup (rules.h).
 *
 * Data flow: the rules of one owner --rules_checker_add()--> RULES_OK: the
 * rule is a member of the set, or a problem: it is not.
 *
 * Units: with n rules and m masks a rule takes O(m) time, the first rule of a
 * mask O(n); all take O(n * m) space until rules_checker_destroy().  To
 * compare each rule with each other one, as classifier_rule_overlaps() does,
 * would take seconds for some 10,000 rules.
 *
 * Ownership: the names of rules are the caller's and must outlive the
 * checker.
 *
 * Thread-safety: none needed; the caller has a checker to itself.
 *
 * Errors: as returned. */

struct rule_config;
struct rules_checker;

enum rules_problem {
    RULES_OK,
    RULES_OVERLAP,              /* With a rule of equal priority. */
    RULES_TOO_MANY_MASKS,       /* It would be number RULES_MAX_MASKS + 1. */
};

struct rules_checker *rules_checker_create(void);
void rules_checker_destroy(struct rules_checker *);

/* With RULES_OVERLAP, '*other' is the name of the first such rule, else
 * NULL. */
enum rules_problem rules_checker_add(struct rules_checker *,
                                     const struct rule_config *,
                                     const char **other);

#endif /* datapath-ext/rules-check.h */
