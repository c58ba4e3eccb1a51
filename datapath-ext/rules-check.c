/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/rules-check.h"

#include "datapath-ext/rule-config.h"
#include "flow.h"
#include "hash.h"
#include "openvswitch/hmap.h"
#include "util.h"

/* A rule that was accepted. */
struct member {
    const char *name;
    size_t seqno;               /* Its index in struct rules_checker. */
    uint16_t priority;
    size_t mask;                /* Index of its mask. */
    struct minimatch match;
};

/* Two rules overlap if they agree in the bits that both of them match.  So the
 * rules of each mask are entered once for each mask that there is, hashed by
 * the bits that both masks have: whether a new rule overlaps any rule of that
 * mask is then a matter of one probe.  Of rules that agree in these bits the
 * first one stands for all. */
struct mark {
    struct hmap_node node;      /* In struct rules_checker's 'marks'. */
    const struct member *member;
    size_t mask;                /* Index of the other mask. */
};

struct rules_checker {
    const struct minimask *masks[RULES_MAX_MASKS]; /* Of some member. */
    size_t n_masks;
    struct member **members;
    size_t n, allocated;
    struct hmap marks;          /* Contains "struct mark"s. */
};

/* The bits that two masks have in common. */
struct common {
    struct minimask mask;
    uint64_t storage[FLOW_U64S];
};

struct rules_checker *
rules_checker_create(void)
{
    struct rules_checker *checker = xzalloc(sizeof *checker);

    hmap_init(&checker->marks);
    return checker;
}

static void
member_destroy(struct member *member)
{
    minimatch_destroy(&member->match);
    free(member);
}

void
rules_checker_destroy(struct rules_checker *checker)
{
    struct mark *mark;

    if (!checker) {
        return;
    }
    HMAP_FOR_EACH_POP (mark, node, &checker->marks) {
        free(mark);
    }
    hmap_destroy(&checker->marks);
    for (size_t i = 0; i < checker->n; i++) {
        member_destroy(checker->members[i]);
    }
    free(checker->members);
    free(checker);
}

/* As miniflow_hash_in_minimask(), which is private to the classifier. */
static uint32_t
hash_in_minimask(const struct miniflow *flow, const struct minimask *mask,
                 uint32_t basis)
{
    const uint64_t *m = miniflow_get_values(&mask->masks);
    uint32_t hash = basis;
    uint64_t value;

    MINIFLOW_FOR_EACH_IN_FLOWMAP (value, flow, mask->masks.map) {
        hash = hash_add64(hash, value & *m++);
    }
    return hash_finish(hash, 0);
}

static uint32_t
mark_hash(const struct member *key, size_t mask, size_t other,
          const struct common *common)
{
    return hash_in_minimask(key->match.flow, &common->mask,
                            hash_3words(key->priority, mask, other));
}

/* Finds the first rule of mask 'mask' that overlaps 'key', whose own mask is,
 * or would be, number 'other'. */
static const struct member *
find_mark(const struct rules_checker *checker, const struct member *key,
          size_t mask, size_t other, const struct common *common)
{
    const struct mark *mark;

    HMAP_FOR_EACH_WITH_HASH (mark, node, mark_hash(key, mask, other, common),
                             &checker->marks) {
        const struct member *member = mark->member;

        if (mark->mask == other && member->mask == mask
            && member->priority == key->priority
            && miniflow_equal_in_minimask(member->match.flow,
                                          key->match.flow, &common->mask)) {
            return member;
        }
    }
    return NULL;
}

static void
add_mark(struct rules_checker *checker, const struct member *member,
         size_t other)
{
    struct common common;

    minimask_combine(&common.mask, member->match.mask, checker->masks[other],
                     common.storage);
    if (!find_mark(checker, member, member->mask, other, &common)) {
        struct mark *mark = xmalloc(sizeof *mark);

        mark->member = member;
        mark->mask = other;
        hmap_insert(&checker->marks, &mark->node,
                    mark_hash(member, member->mask, other, &common));
    }
}

static size_t
find_mask(const struct rules_checker *checker, const struct minimask *mask)
{
    size_t i;

    for (i = 0; i < checker->n_masks; i++) {
        if (minimask_equal(checker->masks[i], mask)) {
            break;
        }
    }
    return i;
}

/* For a rule of a known mask: probes. */
static const struct member *
probe_overlap(const struct rules_checker *checker, const struct member *new)
{
    const struct member *first = NULL;

    for (size_t i = 0; i < checker->n_masks; i++) {
        struct common common;
        const struct member *member;

        minimask_combine(&common.mask, new->match.mask, checker->masks[i],
                         common.storage);
        member = find_mark(checker, new, i, new->mask, &common);
        if (member && (!first || member->seqno < first->seqno)) {
            first = member;
        }
    }
    return first;
}

/* For the first rule of a mask: comparisons. */
static const struct member *
scan_overlap(const struct rules_checker *checker, const struct member *new)
{
    for (size_t i = 0; i < checker->n; i++) {
        const struct member *member = checker->members[i];
        struct common common;

        minimask_combine(&common.mask, new->match.mask, member->match.mask,
                         common.storage);
        if (member->priority == new->priority
            && miniflow_equal_in_minimask(member->match.flow,
                                          new->match.flow, &common.mask)) {
            return member;
        }
    }
    return NULL;
}

static void
accept_member(struct rules_checker *checker, struct member *new)
{
    if (new->mask == checker->n_masks) {
        checker->masks[checker->n_masks++] = new->match.mask;
        for (size_t i = 0; i < checker->n; i++) {
            add_mark(checker, checker->members[i], new->mask);
        }
    }
    for (size_t i = 0; i < checker->n_masks; i++) {
        add_mark(checker, new, i);
    }
    if (checker->n == checker->allocated) {
        checker->members = x2nrealloc(checker->members, &checker->allocated,
                                      sizeof *checker->members);
    }
    new->seqno = checker->n;
    checker->members[checker->n++] = new;
}

enum rules_problem
rules_checker_add(struct rules_checker *checker,
                  const struct rule_config *config, const char **other)
{
    struct member *new = xzalloc(sizeof *new);
    const struct member *overlap = NULL;
    enum rules_problem problem;

    new->name = config->name;
    new->priority = config->priority;
    minimatch_init(&new->match, &config->match);
    new->mask = find_mask(checker, new->match.mask);

    if (new->mask < checker->n_masks) {
        overlap = probe_overlap(checker, new);
    } else if (checker->n_masks < RULES_MAX_MASKS) {
        overlap = scan_overlap(checker, new);
    }
    problem = (overlap ? RULES_OVERLAP
               : new->mask == RULES_MAX_MASKS ? RULES_TOO_MANY_MASKS
               : RULES_OK);
    *other = overlap ? overlap->name : NULL;

    if (problem == RULES_OK) {
        accept_member(checker, new);
    } else {
        member_destroy(new);
    }
    return problem;
}
