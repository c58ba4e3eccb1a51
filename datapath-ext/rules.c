/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/rules.h"

#include "classifier.h"
#include "dp-packet.h"
#include "flow.h"
#include "odp-util.h"
#include "util.h"

struct entry {
    struct cls_rule cls_rule;   /* In struct rules' 'cls'. */
    struct rule rule;
};

struct rules {
    struct classifier cls;
    struct entry *entries;      /* In ascending order of their priority. */
    struct rule **by_config;    /* Them, in the order of the configuration. */
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

    for (size_t i = 0; i < n; i++) {
        sorted[i] = &configs[i];
    }
    qsort(sorted, n, sizeof *sorted, compare_priorities);

    classifier_defer(&rules->cls);
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &rules->entries[i];

        entry_init(entry, sorted[i]);
        rules->by_config[sorted[i] - configs] = &entry->rule;
        classifier_insert(&rules->cls, &entry->cls_rule, OVS_VERSION_MIN,
                          NULL, 0);
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
    free(rules->by_config);
    free(rules->entries);
    free(rules);
}

static struct rule *
find_rule(const struct rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (!strcmp(rules->by_config[i]->name, name)) {
            return rules->by_config[i];
        }
    }
    return NULL;
}

void
rules_inherit(struct rules *rules, const struct rules *old)
{
    for (size_t i = 0; old && i < rules->n; i++) {
        /* Nearly always at the same place, as both are sorted. */
        const struct rule *heir = rules->by_config[i];
        const struct rule *rule
            = i < old->n && !strcmp(old->by_config[i]->name, heir->name)
            ? old->by_config[i] : find_rule(old, heir->name);

        if (rule) {
            counter_add(&rules->by_config[i]->packets,
                        counter_read(&rule->packets));
            counter_add(&rules->by_config[i]->bytes,
                        counter_read(&rule->bytes));
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
