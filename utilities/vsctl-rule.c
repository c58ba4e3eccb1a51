/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-rule.h"

#include <limits.h>
#include <string.h>

#include "db-ctl-base.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "utilities/vsctl-row.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

/* Without an action there is no rule; the schema has no default. */
static const struct vsctl_row_kind rule_kind = {
    .table = &vsctl_vnic_classifier_table,
    .keys = {
        { { &ovsrec_vnic_classifier_col_link,
            &ovsrec_vnic_classifier_col_vnic }, "link=LINK or vnic=VNIC" },
        { { &ovsrec_vnic_classifier_col_action, NULL }, "action=ACTION" },
    },
    .first = 2,
};

static void
pre_add_vnic_rule(struct ctl_context *ctx)
{
    vsctl_row_add_prerequisites(ctx, &rule_kind);
}

static void
cmd_add_vnic_rule(struct ctl_context *ctx)
{
    if (vsctl_row_check(ctx, &rule_kind)) {
        vsctl_row_add(ctx, &rule_kind);
    }
}

static void
pre_vnic_rule(struct ctl_context *ctx)
{
    vsctl_row_prerequisites(ctx, &rule_kind);
}

static void
cmd_del_vnic_rule(struct ctl_context *ctx)
{
    vsctl_row_del(ctx, &rule_kind);
}

static void
pre_list_vnic_rules(struct ctl_context *ctx)
{
    vsctl_row_prerequisites(ctx, &rule_kind);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_classifier_col_link);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_classifier_col_vnic);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_link_col_name);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_vnic_col_name);
}

static bool
is_owned_by(const struct ovsrec_vnic_classifier *rule, const char *owner)
{
    return ((rule->link && !strcmp(rule->link, owner))
            || (rule->vnic && !strcmp(rule->vnic, owner)));
}

static bool
is_owner(const struct ctl_context *ctx, const char *name)
{
    return (vsctl_table_find_row(&vsctl_vnic_link_table, ctx->idl, name)
            || vsctl_table_find_row(&vsctl_vnic_table, ctx->idl, name));
}

/* An owner that is gone may still have rules. */
static void
cmd_list_vnic_rules(struct ctl_context *ctx)
{
    const char *owner = ctx->argc > 1 ? ctx->argv[1] : NULL;
    struct sset names = SSET_INITIALIZER(&names);
    const struct ovsrec_vnic_classifier *rule;

    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rule, ctx->idl) {
        if (!owner || is_owned_by(rule, owner)) {
            sset_add(&names, rule->name);
        }
    }
    if (owner && sset_is_empty(&names) && !is_owner(ctx, owner)) {
        ctl_error(ctx, "no VNIC_Link or VNIC named %s", owner);
    }
    vsctl_row_put_sorted(&names, &ctx->output);
    sset_destroy(&names);
}

static const struct ctl_command_syntax commands[] = {
    {"add-vnic-rule", 2, INT_MAX, "ARG ARG...", pre_add_vnic_rule,
     cmd_add_vnic_rule, NULL, "--may-exist", RW},
    {"del-vnic-rule", 1, 1, "ARG", pre_vnic_rule, cmd_del_vnic_rule, NULL,
     "--if-exists", RW},
    {"list-vnic-rules", 0, 1, "[ARG]", pre_list_vnic_rules,
     cmd_list_vnic_rules, NULL, "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};

void
vsctl_rule_register(void)
{
    ctl_register_commands(commands);
}

const char *
vsctl_rule_usage(void)
{
    return "\
  add-vnic-rule RULE link=LINK|vnic=VNIC action=ACTION\n\
                              add RULE to LINK or VNIC\n\
  del-vnic-rule RULE          delete RULE\n\
  list-vnic-rules [LINK|VNIC]  print the names of the rules (of these)\n\
";
}
