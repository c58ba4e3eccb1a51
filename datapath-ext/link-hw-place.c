/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-hw.h"

#include <rte_config.h>

#include "datapath-ext/link-private.h"
#include "datapath-ext/rules.h"
#include "datapath-ext/steer.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic_link_hw);

/* Into the device. */

static bool
is_same_owner(const struct placement *a, const struct placement *b)
{
    return a->is_vnic && b->is_vnic && l2_key_equal(&a->key, &b->key);
}

static unsigned int
choose_queue(const struct link *link, const struct placement *p)
{
    const struct placements *list = &link->hw->placements;
    unsigned int n_used[RTE_MAX_QUEUES_PER_PORT] = { 0 };
    unsigned int best = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct placement *other = list->all[i];

        if (other->hw_rule && other->how == HW_STEER) {
            if (is_same_owner(p, other)) {
                return other->queue;
            }
            n_used[other->queue]++;
        }
    }
    for (int i = 1; i < link->n_rxqs; i++) {
        if (n_used[i] < n_used[best]) {
            best = i;
        }
    }
    return best;
}

/* Replaces 'p->reason' unless it was placed. */
static bool
try_action(struct link *link, struct placement *p, enum hw_action how)
{
    struct link_hw *link_hw = link->hw;
    struct match match;
    struct hw_rule_config config = {
        .match = &match, .level = p->level, .action = how,
        .mark = link_hw->next_mark,
    };

    minimatch_expand(&p->match, &match);
    config.queue = how == HW_STEER ? choose_queue(link, p) : 0;
    free(p->reason);
    p->hw_rule = hw_rule_create(link_hw->hw, &config, &p->reason);
    if (!p->hw_rule) {
        return false;
    }
    p->how = how;
    p->queue = config.queue;
    p->packets = p->bytes = 0;
    link_hw->n_placed++;
    if (how != HW_DROP) {
        p->mark = link_hw->next_mark++;
    } else if (!hw_rule_query(link_hw->hw, p->hw_rule, &p->packets,
                              &p->bytes)) {
        link_hw_remove(link, p, NULL);
        return false;
    }
    return true;
}

static void
placement_insert(struct link *link, struct placement *p)
{
    p->is_refused = !((p->action == RULE_DROP && try_action(link, p, HW_DROP))
                      || try_action(link, p, HW_STEER)
                      || try_action(link, p, HW_MARK));
    if (p->is_refused) {
        VLOG_DBG("link %s: %s stays in software: %s", link->name,
                 p->name ? p->name : "a VNIC", p->reason);
    }
}

/* Decisions. */

/* A rule above 'p' that keeps it out of the device, or NULL.  Finds the level
 * that 'p' needs. */
static const struct placement *
find_obstacle(const struct placements *list, size_t from, size_t to,
              struct placement *p, unsigned int *level)
{
    for (size_t i = from; i < to; i++) {
        const struct placement *upper = list->all[i];

        if (!placement_is_in_force(upper) || !placement_overlaps(upper, p)) {
            continue;
        }
        if (upper->hw_rule) {
            *level = MAX(*level, upper->level + 1);
        }
        if (!p->rule) {
            p->asks_rules = p->asks_rules || !upper->is_vnic;
        } else if (!upper->hw_rule
                   || !hw_pattern_sees(&p->pattern, &upper->pattern)) {
            return upper;
        }
    }
    return NULL;
}

/* Why 'p' must stay out of the device, or NULL if only the device can say. */
static char *
find_reason(const struct link_hw *link_hw, size_t i, size_t first_of_vnic,
            unsigned int *level)
{
    const struct placements *list = &link_hw->placements;
    struct placement *p = list->all[i];
    const struct placement *obstacle;

    if (p->problem) {
        return xstrdup(p->problem);
    } else if (!p->hw_rule && link_hw->n_placed >= LINK_HW_MAX) {
        return xasprintf("%d rules and VNICs of the link are in hardware "
                         "already", LINK_HW_MAX);
    }
    obstacle = find_obstacle(list, 0, MIN(i, list->n_link), p, level);
    if (!obstacle && p->is_vnic) {
        obstacle = find_obstacle(list, first_of_vnic, i, p, level);
    }
    return (!obstacle ? NULL : obstacle->hw_rule
            ? xasprintf("the device could overlook frames of rule \"%s\", "
                        "which goes before it", obstacle->name)
            : xasprintf("rule \"%s\", which goes before it, is not in "
                        "hardware", obstacle->name));
}

/* Brings placement 'i' to where it should be, when all above it are there. */
static void
place_one(struct link *link, size_t i, size_t first_of_vnic, bool had_room)
{
    struct link_hw *link_hw = link->hw;
    struct placement *p = link_hw->placements.all[i];
    unsigned int level = 0;
    char *reason;

    if (!p->is_wanted) {
        return;
    }
    reason = find_reason(link_hw, i, first_of_vnic, &level);
    if (reason) {
        link_hw_remove(link, p, p);
        free(p->reason);
        p->reason = reason;
        p->is_refused = false;
    } else if (p->level != level
               || (p->is_refused ? had_room || link_hw->has_room
                                 : !p->hw_rule)) {
        link_hw_remove(link, p, p);
        p->level = level;
        placement_insert(link, p);
    }
    if (p->rule && p->rule->needs_hardware
        && p->rule->is_in_force != (p->hw_rule != NULL)) {
        rules_set_in_force(p->rule, p->hw_rule != NULL);
    }
}

/* Changes. */

/* Moves what is in the device from 'old' to 'new'. */
static void
placement_inherit(struct placement *new, struct placement *old)
{
    new->hw_rule = old->hw_rule;
    new->reason = old->reason;
    new->is_refused = old->is_refused;
    new->how = old->how;
    new->level = old->level;
    new->queue = old->queue;
    new->mark = old->mark;
    new->packets = old->packets;
    new->bytes = old->bytes;
    old->hw_rule = NULL;
    old->reason = NULL;
}

static struct placement *
find_heir(const struct placements *new, const struct placement *old)
{
    return placements_find(new, old->is_vnic ? &old->key : NULL, old->name);
}

/* Replaces the list of placements, and keeps in the device what is the
 * same. */
static void
replace_placements(struct link *link, struct placements *new)
{
    struct placements *old = &link->hw->placements;

    /* First those that drop and rely on others.  They come back, and so make
     * no room. */
    for (int pass = 0; pass < 2; pass++) {
        bool had_room = link->hw->has_room;

        for (size_t i = 0; i < old->n; i++) {
            struct placement *p = old->all[i];
            const struct placement *heir = find_heir(new, p);

            if (pass ? !heir || !placement_is_same(p, heir)
                : p->how == HW_DROP && p->level) {
                link_hw_remove(link, p, heir);
            }
        }
        link->hw->has_room = pass ? link->hw->has_room : had_room;
    }
    for (size_t i = 0; i < old->n; i++) {
        struct placement *heir = find_heir(new, old->all[i]);

        if (heir && placement_is_same(old->all[i], heir)) {
            placement_inherit(heir, old->all[i]);
        }
    }
    placements_destroy(old);
    /* 'by_name' has a pointer to itself while it is small. */
    hmap_init(&old->by_name);
    hmap_swap(&old->by_name, &new->by_name);
    hmap_destroy(&new->by_name);
    old->all = new->all;
    old->n = new->n;
    old->allocated = new->allocated;
    old->n_link = new->n_link;
}

static void
add_mark(struct mark_table *table, const struct placement *p)
{
    struct mark mark = {
        .mark = p->mark, .rule = p->rule, .port = p->port,
        .asks_rules = p->asks_rules,
    };
    struct match match;

    if (!p->hw_rule || p->how == HW_DROP) {
        return;
    }
    minimatch_expand(&p->match, &match);
    mark.tci = match.flow.vlans[0].tci;
    /* What a rule for "untagged" has marked in VLAN 0 may be for a rule above
     * that the device doesn't apply to tagged frames. */
    mark.tci_mask = p->pattern.mask.eth.has_vlan
        ? OVS_BE16_MAX : match.wc.masks.vlans[0].tci;
    mark_table_add(table, &mark);
}

static void
publish_marks(struct link *link)
{
    struct link_hw *link_hw = link->hw;
    const struct placements *list = &link_hw->placements;

    if (link_hw->table) {
        ovsrcu_postpone(free, link_hw->table);
    }
    link_hw->table = mark_table_create(link_hw->n_placed);
    for (size_t i = 0; i < list->n; i++) {
        add_mark(link_hw->table, list->all[i]);
    }
    ovsrcu_set(&link->marks, link_hw->table);
}

/* Without hardware no rule that needs it is in force. */
static void
suspend_rules(const struct rules *rules)
{
    for (size_t i = 0; rules && i < rules_count(rules); i++) {
        struct rule *rule = rules_get(rules, i);

        if (rule->needs_hardware && rule->is_in_force) {
            rules_set_in_force(rule, false);
        }
    }
}

static void
suspend_all(struct link *link)
{
    const struct link_port *port;

    suspend_rules(link_rules(link));
    CMAP_FOR_EACH (port, claim.node, &link->cls.claims) {
        if (port->steer) {
            suspend_rules(steer_rules(port->steer));
        }
    }
}

void
link_hw_place(struct link *link)
{
    struct link_hw *link_hw = link->hw;
    size_t first_of_vnic = 0;
    struct placements new;
    bool had_room;

    if (!link_hw_is_stale(link)) {
        return;
    }
    atomic_store_relaxed(&link_hw->is_stale, false);
    if (!link_hw->hw) {
        suspend_all(link);
        return;
    }
    placements_init(&new);
    placements_collect(&new, link);
    replace_placements(link, &new);
    had_room = link_hw->has_room;
    link_hw->has_room = false;

    const struct placements *list = &link_hw->placements;

    for (size_t i = 0; i < list->n; i++) {
        if (i >= list->n_link
            && (i == list->n_link
                || !is_same_owner(list->all[i], list->all[i - 1]))) {
            first_of_vnic = i;
        }
        place_one(link, i, first_of_vnic, had_room);
    }
    publish_marks(link);
}
