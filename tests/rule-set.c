/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "tests/rule-set.h"

#include <assert.h>

#include "datapath-ext/rules-check.h"
#include "dp-packet.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "util.h"
#include "vswitchd-plugin/match.h"

static bool
naive_has_mask(const struct rule_set *set, const struct naive_key *mask)
{
    for (size_t i = 0; i < set->n; i++) {
        if (!memcmp(&set->naive[i].mask, mask, sizeof *mask)) {
            return true;
        }
    }
    return false;
}

/* The first rule of 'set' that overlaps 'rule', or NULL. */
static const char *
naive_find_overlap(const struct rule_set *set, const struct naive_rule *rule)
{
    for (size_t i = 0; i < set->n; i++) {
        if (naive_overlap(&set->naive[i], rule)) {
            return set->naive[i].name;
        }
    }
    return NULL;
}

static void
config_init(struct rule_config *config, const struct naive_rule *naive)
{
    char *s = naive_format(naive);
    char *error = match_parse(s, &config->match);

    if (error) {
        ovs_fatal(0, "%s: %s", s, error);
    }
    free(s);
    config->name = naive->name;
    config->priority = naive->priority;
    config->action = RULE_DROP;
}

/* Adds the rule 'set->naive[set->n]' if nothing is wrong with it, about which
 * the checker must agree with the naive search. */
static void
rule_set_add(struct rule_set *set)
{
    struct naive_rule *naive = &set->naive[set->n];
    bool is_new_mask = !naive_has_mask(set, &naive->mask);
    const char *overlap, *other;
    enum rules_problem problem;

    snprintf(naive->name, sizeof naive->name, "r%"PRIuSIZE, set->n);
    config_init(&set->configs[set->n], naive);
    problem = rules_checker_add(set->checker, &set->configs[set->n], &other);

    overlap = naive_find_overlap(set, naive);
    if (is_new_mask && set->n_masks == RULES_MAX_MASKS) {
        assert(problem == RULES_TOO_MANY_MASKS && !other);
    } else if (overlap) {
        assert(problem == RULES_OVERLAP && other == overlap);
    } else {
        assert(problem == RULES_OK && !other);
        set->n_masks += is_new_mask;
        set->n++;
    }
}

struct rule_set *
rule_set_create(size_t n_tries)
{
    struct rule_set *set = xzalloc(sizeof *set);

    set->checker = rules_checker_create();
    for (size_t i = 0; i < n_tries && set->n < RULE_SET_MAX; i++) {
        naive_random_rule(&set->naive[set->n]);
        rule_set_add(set);
    }
    set->rules = rules_create(set->configs, set->n);
    return set;
}

void
rule_set_destroy(struct rule_set *set)
{
    rules_destroy(set->rules);
    rules_checker_destroy(set->checker);
    free(set);
}

/* Frames. */

static void
extract(const uint8_t *frame, size_t size, struct flow *flow)
{
    struct dp_packet packet;

    dp_packet_use_const(&packet, frame, size);
    /* What a device delivers has any metadata. */
    random_bytes(&packet.md, sizeof packet.md);
    rules_extract(&packet, flow);
}

static void OVS_NO_RETURN
disagree(const struct rule_set *set, const uint8_t *frame, size_t size,
         const struct rule *rule, const struct naive_rule *naive)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_hex_dump(&s, frame, size, 0, false);
    for (size_t i = 0; i < set->n; i++) {
        const struct naive_rule *each = &set->naive[i];

        if (each == naive || (rule && !strcmp(each->name, rule->name))) {
            char *match = naive_format(each);

            ds_put_format(&s, "%s: priority=%d,%s\n", each->name,
                          each->priority, match);
            free(match);
        }
    }
    ovs_fatal(0, "at most %d tags: found %s, the naive search %s\n%s",
              flow_vlan_limit, rule ? rule->name : "nothing",
              naive ? naive->name : "nothing", ds_cstr(&s));
}

bool
rule_set_compare(const struct rule_set *set, const uint8_t *frame,
                 size_t size)
{
    const struct naive_rule *naive;
    const struct rule *rule;
    struct naive_key key;
    struct flow flow;

    extract(frame, size, &flow);
    rule = rules_lookup(set->rules, &flow);
    naive_parse(frame, size, flow_vlan_limit, &key);
    naive = naive_lookup(set->naive, set->n, &key);
    if (!rule != !naive || (rule && strcmp(rule->name, naive->name))) {
        disagree(set, frame, size, rule, naive);
    }
    return rule;
}
