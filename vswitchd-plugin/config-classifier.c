/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/config.h"

#include "util.h"
#include "vswitch-idl.h"
#include "vswitchd-plugin/match.h"

#define RULE_PRIORITY_DEFAULT 32768

/* Rules come in three kinds, by the columns link and vnic:
 *
 *     link          for all frames of the link: host, drop
 *     vnic          for the frames that the VNIC's address and VLAN claim:
 *                   ring, level, host, drop
 *     link, vnic    for all frames of the link: ring, level, of that VNIC
 */

static bool
needs_ring(const struct ovsrec_vnic_classifier *rec)
{
    return !strcmp(rec->action, "ring") || !strcmp(rec->action, "level");
}

/* What is wrong with an owner is so with its rules. */
static void
check_owner_status(struct classifier_row *row, const char *column,
                   const char *table, const char *name,
                   const struct row_status *status)
{
    if (status->state == ROW_ERROR) {
        row_error(&row->status, "%s: %s \"%s\" has an error; see its "
                  "status_reason", column, table, name);
    } else if (status->state == ROW_INACTIVE) {
        row_inactive(&row->status, "%s: %s \"%s\" is inactive; see its "
                     "status_reason", column, table, name);
    }
}

static struct link_row *
read_link_owner(struct classifier_row *row, const struct config *config,
                const char *name)
{
    struct link_row *link = shash_find_data(&config->links, name);

    if (!link) {
        row_error(&row->status, "link: there is no VNIC_Link \"%s\"; create "
                  "it or change link", name);
    } else if (link->is_etherstub) {
        row_error(&row->status, "link: \"%s\" is an etherstub, which has no "
                  "device to receive from; name a VNIC_Link", name);
    } else {
        check_owner_status(row, "link", "VNIC_Link", name, &link->status);
    }
    return link;
}

static struct vnic_row *
read_vnic_owner(struct classifier_row *row, const struct config *config,
                const char *name)
{
    struct vnic_row *vnic = shash_find_data(&config->vnics, name);

    if (!vnic) {
        row_error(&row->status, "vnic: there is no VNIC \"%s\"; create it or "
                  "change vnic", name);
    } else if (vnic->is_etherstub) {
        row_error(&row->status, "vnic: \"%s\" is an etherstub, which receives "
                  "nothing itself; name a VNIC", name);
    } else {
        check_owner_status(row, "vnic", "VNIC", name, &vnic->status);
    }
    return vnic;
}

/* Returns the VNIC, if that column is set and right. */
static const struct vnic_row *
read_owner(struct classifier_row *row, const struct config *config,
           const struct ovsrec_vnic_classifier *rec)
{
    struct link_row *link = NULL;
    struct vnic_row *vnic = NULL;

    if (!rec->link && !rec->vnic) {
        row_error(&row->status, "link: neither link nor vnic is set; set "
                  "either link or vnic");
    }
    if (rec->link) {
        link = read_link_owner(row, config, rec->link);
    }
    if (rec->vnic) {
        vnic = read_vnic_owner(row, config, rec->vnic);
    }
    if (rec->link && !rec->vnic && needs_ring(rec)) {
        row_error(&row->status, "vnic: must be set with action %s; name the "
                  "VNIC of the ring", rec->action);
    } else if (rec->link && rec->vnic && !needs_ring(rec)) {
        row_error(&row->status, "vnic: must be empty with link and action "
                  "%s; clear vnic", rec->action);
    } else if (link && vnic
               && !nullable_string_is_equal(vnic->link, rec->link)) {
        row_error(&row->status, "vnic: VNIC \"%s\" is not on link \"%s\"; "
                  "change vnic or link", rec->vnic, rec->link);
    }
    row->owner = link ? &link->classifier : vnic ? &vnic->classifier : NULL;
    row->link = link ? link->name : NULL;
    row->vnic = vnic && !link ? vnic->name : NULL;
    row->rule.vnic = link && vnic ? vnic->name : NULL;
    return vnic;
}

/* Each of these actions has an argument, in the column of its name. */
static void
check_argument(struct classifier_row *row,
               const struct ovsrec_vnic_classifier *rec)
{
    const struct {
        const char *name;
        bool is_set;
    } arguments[] = {
        { "ring", rec->n_ring }, { "vns", rec->vns },
        { "level", rec->n_level }, { "evi", rec->n_evi },
    };

    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
        bool wanted = !strcmp(rec->action, arguments[i].name);

        if (wanted && !arguments[i].is_set) {
            row_error(&row->status, "%s: must be set with action %s; set it",
                      arguments[i].name, rec->action);
        } else if (!wanted && arguments[i].is_set) {
            row_error(&row->status, "%s: must be empty with action %s; clear "
                      "it", arguments[i].name, rec->action);
        }
    }
}

/* Is this the ring that 'rec' asks for? */
static bool
is_wanted_ring(const struct ovsrec_vnic_classifier *rec,
               const struct ovsrec_vnic_ring *ring)
{
    return (rec->n_ring ? ring->id == rec->ring[0]
            : (ring->role && !strcmp(ring->role, "level") && ring->n_level
               && ring->level[0] == rec->level[0]));
}

/* Of several rings that are wanted the lowest that is right. */
static void
read_ring(struct classifier_row *row, const struct config *config,
          const struct ovsrec_vnic_classifier *rec,
          const struct vnic_row *vnic)
{
    const struct ovsrec_vnic_ring *found = NULL;
    bool has_error = false;
    int64_t n = rec->n_ring ? rec->ring[0] : rec->level[0];

    for (size_t i = 0; vnic->rec && i < vnic->rec->n_rings; i++) {
        const struct ovsrec_vnic_ring *ring = vnic->rec->rings[i];

        if (!is_wanted_ring(rec, ring)) {
            continue;
        }
        if (config_find_ring(config, ring)->status.state == ROW_ERROR) {
            has_error = true;
        } else if (!found || ring->id < found->id) {
            found = ring;
        }
    }
    if (found) {
        row->rule.ring = found->id;
    } else if (has_error) {
        row_error(&row->status, "%s: the VNIC_Ring of %s %"PRId64" of VNIC "
                  "\"%s\" has an error; see its status_reason", rec->action,
                  rec->n_ring ? "id" : "level", n, vnic->name);
    } else {
        row_error(&row->status, "%s: VNIC \"%s\" has no VNIC_Ring of %s "
                  "%"PRId64"; add one to its rings or change %s", rec->action,
                  vnic->name, rec->n_ring ? "id" : "level", n, rec->action);
    }
}

static void
read_action(struct classifier_row *row, const struct config *config,
            const struct ovsrec_vnic_classifier *rec,
            const struct vnic_row *vnic)
{
    if (needs_ring(rec)) {
        row->rule.action = RULE_RING;
        if (vnic && row->status.state != ROW_ERROR) {
            read_ring(row, config, rec, vnic);
        }
    } else if (!strcmp(rec->action, "host")) {
        row->rule.action = RULE_HOST;
    } else if (!strcmp(rec->action, "drop")) {
        row->rule.action = RULE_DROP;
    } else {
        row_inactive(&row->status, "action: this version has no action %s; "
                     "use ring, level, host or drop", rec->action);
    }
}

static void
read_match(struct classifier_row *row, const char *s)
{
    char *error = match_parse(s, &row->rule.match);

    if (error) {
        row_error(&row->status, "match: %s", error);
        free(error);
    }
}

static enum placement
parse_placement(const char *s)
{
    return (!s || !strcmp(s, "auto") ? PLACEMENT_AUTO
            : !strcmp(s, "hw") ? PLACEMENT_HW
            : PLACEMENT_SW);
}

/* A link that requires hardware does so for its rules, too. */
static void
read_placement(struct classifier_row *row, const struct config *config,
               const char *placement, const struct vnic_row *vnic)
{
    const char *name = row->link ? row->link : vnic ? vnic->link : NULL;
    const struct link_row *link
        = name ? shash_find_data(&config->links, name) : NULL;

    row->placement = parse_placement(placement);
    if (link && link->config.hw_classifier == HW_CLASSIFIER_REQUIRED) {
        row->required_by = link->name;
        if (row->placement == PLACEMENT_SW) {
            row_error(&row->status, "placement: is sw, but VNIC_Link \"%s\" "
                      "has hw_classifier=required; change one of them",
                      link->name);
        }
    }
    row->rule.in_hardware = row->placement != PLACEMENT_SW;
    row->rule.needs_hardware = row->placement == PLACEMENT_HW
        || row->required_by;
}

static bool
is_same_rule(const struct classifier_row *a, const struct classifier_row *b)
{
    return (nullable_string_is_equal(a->link, b->link)
            && nullable_string_is_equal(a->vnic, b->vnic)
            && a->rule.priority == b->rule.priority
            && match_equal(&a->rule.match, &b->rule.match));
}

static enum precedence
precedence(const struct classifier_row *row, const struct config *prev,
           const struct ovsrec_vnic_classifier *rec)
{
    const struct classifier_row *old
        = prev ? shash_find_data(&prev->classifiers, row->name) : NULL;

    if (!prev) {
        /* The daemon's first look: the database still knows what was in use
         * when the daemon before it ended. */
        return (nullable_string_is_equal(rec->status, "active")
                ? HOLDER : NEWCOMER);
    }
    return (!old || !old->is_holder || !is_same_rule(old, row) ? NEWCOMER
            : old->status.state == ROW_ACTIVE ? HOLDER_IN_USE
            : HOLDER);
}

static void
read_classifier(struct config *config, const struct config *prev,
                const struct ovsrec_vnic_classifier *rec)
{
    struct classifier_row *row = xzalloc(sizeof *row);
    const struct vnic_row *vnic;

    row->name = xstrdup(rec->name);
    row->rule.name = row->name;
    row->rule.priority = optional_int(rec->priority, rec->n_priority,
                                      RULE_PRIORITY_DEFAULT);
    shash_add(&config->classifiers, rec->name, row);

    if (!optional_bool(rec->enabled, rec->n_enabled, true)) {
        row_inactive(&row->status, "enabled: is false");
    }
    vnic = read_owner(row, config, rec);
    read_placement(row, config, rec->placement, vnic);
    check_argument(row, rec);
    read_action(row, config, rec, vnic);
    read_match(row, rec->match);
    row->precedence = precedence(row, prev, rec);
}

/* Makes 'row' one of its owner's rules, if it gets along with those that are
 * there. */
static void
add_rule(struct classifier_row *row)
{
    struct rule_list *list = row->owner;
    const char *other;

    if (!list->checker) {
        list->checker = rules_checker_create();
    }
    switch (rules_checker_add(list->checker, &row->rule, &other)) {
    case RULES_OK:
        if (list->n_rules == list->allocated) {
            list->rules = x2nrealloc(list->rules, &list->allocated,
                                     sizeof *list->rules);
        }
        list->rules[list->n_rules++] = row->rule;
        break;
    case RULES_OVERLAP:
        row_error(&row->status, "priority: overlaps rule \"%s\" of equal "
                  "priority; change one of the priorities or matches", other);
        break;
    case RULES_TOO_MANY_MASKS:
        row_error(&row->status, "match: has a combination of fields and "
                  "prefix lengths beyond the %d that other rules use "
                  "already; match on the same as one of them",
                  RULES_MAX_MASKS);
        break;
    }
}

static int
compare_names(const void *a_, const void *b_)
{
    const struct rule_config *a = a_;
    const struct rule_config *b = b_;

    return strcmp(a->name, b->name);
}

/* Sorts the rules, so that who was first makes no difference to a list of the
 * same rules. */
static void
rule_list_close(struct rule_list *list)
{
    if (list->n_rules) {
        qsort(list->rules, list->n_rules, sizeof *list->rules, compare_names);
    }
    rules_checker_destroy(list->checker);
    list->checker = NULL;
}

void
rule_list_destroy(struct rule_list *list)
{
    rule_list_close(list);
    free(list->rules);
}

/* Of two rules that can't both be in use the one that is in use stays, else
 * the first by name does: it must not be chance. */
static void
add_rules(struct config *config)
{
    const struct shash_node **sorted = shash_sort(&config->classifiers);

    for (int turn = N_PRECEDENCES - 1; turn >= 0; turn--) {
        for (size_t i = 0; i < shash_count(&config->classifiers); i++) {
            struct classifier_row *row = sorted[i]->data;

            if (row->precedence != turn) {
                continue;
            }
            if (row->status.state == ROW_ACTIVE) {
                add_rule(row);
                row->is_holder = row->status.state == ROW_ACTIVE;
            } else {
                row->is_holder = turn > NEWCOMER;
            }
        }
    }
    free(sorted);
}

static void
collect_rules(struct config *config)
{
    struct shash_node *node;

    add_rules(config);
    SHASH_FOR_EACH (node, &config->links) {
        rule_list_close(&((struct link_row *) node->data)->classifier);
    }
    SHASH_FOR_EACH (node, &config->vnics) {
        rule_list_close(&((struct vnic_row *) node->data)->classifier);
    }
}

void
config_read_classifiers(struct config *config, const struct ovsdb_idl *idl,
                        const struct config *prev)
{
    const struct ovsrec_vnic_classifier *rec;

    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rec, idl) {
        read_classifier(config, prev, rec);
    }
    collect_rules(config);
}
