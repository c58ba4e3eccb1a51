/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/rules.h"

#include "classifier.h"
#include "dp-packet.h"
#include "flow.h"
#include "hash.h"
#include "odp-util.h"
#include "openvswitch/hmap.h"
#include "util.h"

struct entry {
    struct cls_rule cls_rule;   /* In struct rules' 'cls'. */
    struct hmap_node node;      /* In struct rules' 'by_name'. */
    struct rule rule;
};

struct rules {
    struct classifier cls;
    struct entry *entries;      /* In ascending order of their priority. */
    struct rule **by_config;    /* Them, in the order of the configuration. */
    struct hmap by_name;        /* Contains "struct entry"s. */
    size_t n;
};

static int
compare_priorities(const void *a_, const void *b_)
{
    const struct rule_config *const *a = a_;
    const struct rule_config *const *b = b_;

    return (*a)->priority < (*b)->priority ? -1
           : (*a)->priority > (*b)->priority;
}

static void
entry_init(struct entry *entry, const struct rule_config *config)
{
    cls_rule_init(&entry->cls_rule, &config->match, config->priority);
    entry->rule.name = xstrdup(config->name);
    entry->rule.action = config->action;
    entry->rule.vnic = nullable_xstrdup(config->vnic);
    entry->rule.ring = config->ring;
    entry->rule.in_hardware = config->in_hardware;
    entry->rule.needs_hardware = config->needs_hardware;
    entry->rule.is_in_force = true;
}

static void
entry_uninit(struct entry *entry)
{
    cls_rule_destroy(&entry->cls_rule);
    free(CONST_CAST(char *, entry->rule.name));
    free(CONST_CAST(char *, entry->rule.vnic));
}

/* Rules go in, and out, in ascending order of their priority.  In any other
 * order each of n rules with the same mask may cost O(n): on insertion the
 * list of rules with the same match is searched, on removal the rest of the
 * rules for the new highest priority.
 *
 * The classifier has neither tries nor stages (flow segments): both exist to
 * find out which bits of a packet did not matter, which nobody here asks. */
struct rules *
rules_create(const struct rule_config *configs, size_t n)
{
    const struct rule_config **sorted = xmalloc(n * sizeof *sorted);
    struct rules *rules = xzalloc(sizeof *rules);

    classifier_init(&rules->cls, NULL);
    rules->entries = xcalloc(n, sizeof *rules->entries);
    rules->by_config = xmalloc(n * sizeof *rules->by_config);
    rules->n = n;
    hmap_init(&rules->by_name);
    hmap_reserve(&rules->by_name, n);

    for (size_t i = 0; i < n; i++) {
        sorted[i] = &configs[i];
    }
    qsort(sorted, n, sizeof *sorted, compare_priorities);

    classifier_defer(&rules->cls);
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &rules->entries[i];

        entry_init(entry, sorted[i]);
        rules->by_config[sorted[i] - configs] = &entry->rule;
        hmap_insert_fast(&rules->by_name, &entry->node,
                         hash_string(entry->rule.name, 0));
        classifier_insert(&rules->cls, &entry->cls_rule, OVS_VERSION_MIN,
                          NULL, 0);
        if (entry->rule.needs_hardware) {
            rules_set_in_force(&entry->rule, false);
        }
    }
    classifier_publish(&rules->cls);
    free(sorted);
    ovs_assert(rules_count_masks(rules) <= RULES_MAX_MASKS);
    return rules;
}

void
rules_destroy(struct rules *rules)
{
    if (!rules) {
        return;
    }
    classifier_defer(&rules->cls);
    for (size_t i = 0; i < rules->n; i++) {
        classifier_remove_assert(&rules->cls, &rules->entries[i].cls_rule);
        entry_uninit(&rules->entries[i]);
    }
    classifier_publish(&rules->cls);
    classifier_destroy(&rules->cls);
    hmap_destroy(&rules->by_name);
    free(rules->by_config);
    free(rules->entries);
    free(rules);
}

struct rule *
rules_find(const struct rules *rules, const char *name)
{
    struct entry *entry;

    if (rules) {
        HMAP_FOR_EACH_WITH_HASH (entry, node, hash_string(name, 0),
                                 &rules->by_name) {
            if (!strcmp(entry->rule.name, name)) {
                return &entry->rule;
            }
        }
    }
    return NULL;
}

void
rules_inherit(struct rules *rules, const struct rules *old)
{
    for (size_t i = 0; old && i < rules->n; i++) {
        struct rule *heir = rules->by_config[i];
        const struct rule *rule = rules_find(old, heir->name);

        if (rule) {
            counter_add(&heir->packets, counter_read(&rule->packets));
            counter_add(&heir->bytes, counter_read(&rule->bytes));
            if (rule->is_in_force && !heir->is_in_force) {
                rules_set_in_force(heir, true);
            }
        }
    }
}

void
rules_retire(struct rules *rules)
{
    if (rules) {
        ovsrcu_postpone(rules_destroy, rules);
    }
}

void
rules_extract(struct dp_packet *packet, struct flow *flow)
{
    pkt_metadata_init(&packet->md, ODPP_NONE);
    flow_extract(packet, flow);
}

struct rule *
rules_lookup(const struct rules *rules, const struct flow *flow)
{
    /* The lookup changes a flow for conjunctive matches only, and there are
     * none.  As it has no wildcards to fill, it skips everything but one probe
     * per mask, of those that could still beat what it found. */
    const struct cls_rule *cls_rule
        = classifier_lookup(&rules->cls, OVS_VERSION_MAX,
                            CONST_CAST(struct flow *, flow), NULL);

    return (cls_rule
            ? &CONTAINER_OF(CONST_CAST(struct cls_rule *, cls_rule),
                            struct entry, cls_rule)->rule
            : NULL);
}

/* Out of force is what the classifier calls invisible in its newest version,
 * which is the one that is looked up. */
void
rules_set_in_force(struct rule *rule, bool is_in_force)
{
    struct entry *entry = CONTAINER_OF(rule, struct entry, rule);

    if (is_in_force) {
        cls_rule_restore_visibility(&entry->cls_rule);
    } else {
        cls_rule_make_invisible_in_version(&entry->cls_rule, OVS_VERSION_MAX);
    }
    rule->is_in_force = is_in_force;
}

struct rule *
rules_get_ranked(const struct rules *rules, size_t i, struct match *match)
{
    ovs_assert(i < rules->n);

    struct entry *entry = &rules->entries[rules->n - 1 - i];

    minimatch_expand(&entry->cls_rule.match, match);
    return &entry->rule;
}

struct rule *
rules_get(const struct rules *rules, size_t i)
{
    ovs_assert(i < rules->n);
    return rules->by_config[i];
}

size_t
rules_count(const struct rules *rules)
{
    return rules->n;
}

size_t
rules_count_masks(const struct rules *rules)
{
    return cmap_count(&rules->cls.subtables_map);
}
