/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-hw.h"

#include <errno.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/link-private.h"
#include "datapath-ext/rules.h"
#include "util.h"

/* hw_open() has tried a rule with mark 1. */
#define FIRST_MARK 2

/* Counters. */

static struct drop_counters *
placement_drops(struct link *link, const struct placement *p)
{
    return p->port ? p->port->drops : &link->drops;
}

/* Adds what the device has dropped for 'p' to the counters of 'heir', which is
 * 'p' or has its place now. */
static void
count_drops(struct link *link, struct placement *p,
            const struct placement *heir)
{
    uint64_t packets, bytes;

    if (p->hw_rule && p->how == HW_DROP
        && hw_rule_query(link->hw->hw, p->hw_rule, &packets, &bytes)) {
        counter_add(&heir->rule->packets, packets - p->packets);
        counter_add(&heir->rule->bytes, bytes - p->bytes);
        drop_count_received(placement_drops(link, heir), DROP_RULE,
                            packets - p->packets);
        p->packets = packets;
        p->bytes = bytes;
    }
}

void
link_hw_count(struct link *link)
{
    /* Placements may point to what is gone until they are made anew. */
    if (!link_marks(link)) {
        return;
    }

    const struct placements *list = &link->hw->placements;

    for (size_t i = 0; i < list->n; i++) {
        count_drops(link, list->all[i], list->all[i]);
    }
}

/* Out of the device. */

void
link_hw_remove(struct link *link, struct placement *p,
               const struct placement *heir)
{
    if (p->hw_rule) {
        if (heir) {
            count_drops(link, p, heir);
        }
        hw_rule_destroy(link->hw->hw, p->hw_rule);
        p->hw_rule = NULL;
        link->hw->n_placed--;
        link->hw->has_room = true;
    }
}

/* Upwards, for those that drop rely on those above them. */
static void
remove_all(struct link *link, bool counts)
{
    const struct placements *list = &link->hw->placements;

    for (size_t i = list->n; i-- > 0; ) {
        link_hw_remove(link, list->all[i], counts ? list->all[i] : NULL);
    }
}

void
link_hw_clear(struct link *link)
{
    if (link_marks(link)) {
        link_hw_forget(link);
        remove_all(link, true);
    }
}

void
link_hw_forget(struct link *link)
{
    if (link->hw) {
        ovsrcu_set(&link->marks, NULL);
        atomic_store_relaxed(&link->hw->is_stale, true);
    }
}

bool
link_hw_is_stale(const struct link *link)
{
    bool is_stale = false;

    if (link->hw) {
        atomic_read_relaxed(&link->hw->is_stale, &is_stale);
    }
    return is_stale;
}

/* Life. */

void
link_hw_stop(struct link *link)
{
    struct link_hw *link_hw = link->hw;

    if (!link_hw || !link_hw->hw) {
        return;
    }

    struct placements *list = &link_hw->placements;

    link_hw_forget(link);
    remove_all(link, false);
    placements_destroy(list);
    placements_init(list);
    if (link_hw->table) {
        ovsrcu_postpone(free, link_hw->table);
        link_hw->table = NULL;
    }
    hw_close(link_hw->hw);
    link_hw->hw = NULL;
}

bool
link_hw_must_stop(const struct link *link)
{
    return link->hw && link->hw->hw && !hw_is_allowed();
}

void
link_hw_start(struct link *link)
{
    struct link_hw *link_hw = link->hw;

    if (!link_hw || !link->netdev) {
        return;
    }
    if (!link_hw->is_off) {
        link_hw_forget(link);
        free(link_hw->reason);
        link_hw->hw = hw_open(link->netdev, &link_hw->reason);
        if (link_hw->hw) {
            link->takes_marks = true;
        }
    }
    smap_clear(&link->capabilities);
    hw_fill_capabilities(link->netdev, &link->capabilities);
    smap_add(&link->capabilities, "hw_classifier",
             link_hw->is_off ? "off" : link_hw->hw ? "yes" : link_hw->reason);
}

int
link_hw_open(struct link *link, enum hw_classifier mode, char **errp)
{
    struct link_hw *link_hw = xzalloc(sizeof *link_hw);

    link->hw = link_hw;
    link_hw->is_off = mode == HW_CLASSIFIER_OFF;
    link_hw->is_required = mode == HW_CLASSIFIER_REQUIRED;
    link_hw->next_mark = FIRST_MARK;
    placements_init(&link_hw->placements);
    if (!link->netdev) {
        link_hw->reason = xstrdup("an etherstub has no hardware");
        return 0;
    }
    if (link_hw->is_off) {
        link_hw->reason = xstrdup("hw_classifier of the link is off");
    }
    link_hw_start(link);
    if (!link_hw->hw && link_hw->is_required) {
        *errp = xasprintf("hw_classifier: %s; set it to auto or off",
                          link_hw->reason);
        return EOPNOTSUPP;
    }
    return 0;
}

void
link_hw_destroy(struct link *link)
{
    if (link->hw) {
        link_hw_stop(link);
        placements_destroy(&link->hw->placements);
        free(link->hw->reason);
        free(link->hw);
        link->hw = NULL;
    }
}

/* Questions. */

bool
link_hw_has(const struct link *link, const struct l2_key *key,
            const struct rule *rule, const char **reason)
{
    const struct link_hw *link_hw = link->hw;
    const struct placement *p;

    *reason = NULL;
    if (!link_hw) {
        return false;
    } else if (!link_hw->hw) {
        if (link_hw->is_required || (rule && rule->needs_hardware)) {
            *reason = link_hw->reason;
        }
        return false;
    }
    p = placements_find(&link_hw->placements, key, rule ? rule->name : NULL);
    if (p && !p->hw_rule) {
        *reason = p->reason;
    }
    return p && p->hw_rule;
}

const char *
link_hw_refusal(const struct link *link, const struct l2_key *key)
{
    const char *reason;

    return (link->hw && link->hw->is_required
            && !link_hw_has(link, key, NULL, &reason) ? reason : NULL);
}

bool
link_hw_decides(const struct link *link, const struct verdict *verdict)
{
    const char *reason;

    /* No two rules have the same name. */
    return ((verdict->rule && link_hw_has(link, NULL, verdict->rule, &reason))
            || (verdict->port && link_hw_has(link, &verdict->port->claim.key,
                                             verdict->rule, &reason)));
}
