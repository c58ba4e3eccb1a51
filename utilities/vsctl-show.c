/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-show.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "util.h"
#include "utilities/vsctl-tables.h"
#include "vswitch-idl.h"

static const struct show {
    const struct vsctl_table *table;
    const struct ovsdb_idl_column *name;
    const struct ovsdb_idl_column *columns[10]; /* Ends with NULL. */
} link_show = {
    &vsctl_vnic_link_table, &ovsrec_vnic_link_col_name,
    { &ovsrec_vnic_link_col_netdev, &ovsrec_vnic_link_col_type }
}, vnic_show = {
    &vsctl_vnic_table, &ovsrec_vnic_col_name,
    { &ovsrec_vnic_col_kind, &ovsrec_vnic_col_link,
      &ovsrec_vnic_col_mac_in_use, &ovsrec_vnic_col_vlan,
      &ovsrec_vnic_col_vns }
}, ring_show = {
    &vsctl_vnic_ring_table, &ovsrec_vnic_ring_col_id,
    { &ovsrec_vnic_ring_col_role, &ovsrec_vnic_ring_col_level,
      &ovsrec_vnic_ring_col_depth, &ovsrec_vnic_ring_col_lro,
      &ovsrec_vnic_ring_col_vns }
}, rule_show = {
    &vsctl_vnic_classifier_table, &ovsrec_vnic_classifier_col_name,
    { &ovsrec_vnic_classifier_col_link, &ovsrec_vnic_classifier_col_vnic,
      &ovsrec_vnic_classifier_col_priority, &ovsrec_vnic_classifier_col_match,
      &ovsrec_vnic_classifier_col_action, &ovsrec_vnic_classifier_col_ring,
      &ovsrec_vnic_classifier_col_vns, &ovsrec_vnic_classifier_col_level,
      &ovsrec_vnic_classifier_col_evi }
}, vns_show = {
    &vsctl_vns_instance_table, &ovsrec_vns_instance_col_name,
    { &ovsrec_vns_instance_col_vns_id }
};

static void
show_prerequisites(const struct show *show, struct ovsdb_idl *idl)
{
    vsctl_table_add_status(show->table, idl);
    for (size_t i = 0; show->columns[i]; i++) {
        ovsdb_idl_add_column(idl, show->columns[i]);
    }
}

void
vsctl_show_prerequisites(struct ctl_context *ctx)
{
    vsctl_tables_use(ctx->idl);
    show_prerequisites(&link_show, ctx->idl);
    show_prerequisites(&vnic_show, ctx->idl);
    show_prerequisites(&ring_show, ctx->idl);
    show_prerequisites(&rule_show, ctx->idl);
    show_prerequisites(&vns_show, ctx->idl);
}

/* One row. */

static void
put_column(const struct ovsdb_idl_row *row,
           const struct ovsdb_idl_column *column, int level, struct ds *out)
{
    const struct ovsdb_datum *datum = ovsdb_idl_read(row, column);

    if (!ovsdb_datum_is_default(datum, &column->type)) {
        ds_put_char_multiple(out, ' ', level * 4);
        ds_put_format(out, "%s: ", column->name);
        ovsdb_datum_to_string(datum, &column->type, out);
        ds_put_char(out, '\n');
    }
}

/* 'owner' is the column that names the row above, which goes without saying,
 * or NULL. */
static void
put_row(const struct show *show, const struct ovsdb_idl_row *row, int level,
        const struct ovsdb_idl_column *owner, struct ds *out)
{
    const struct vsctl_table *table = show->table;

    ds_put_char_multiple(out, ' ', level * 4);
    ds_put_format(out, "%s ", table->class->name);
    ovsdb_datum_to_string(ovsdb_idl_read(row, show->name), &show->name->type,
                          out);
    ds_put_char(out, '\n');

    for (size_t i = 0; show->columns[i]; i++) {
        if (show->columns[i] != owner) {
            put_column(row, show->columns[i], level + 1, out);
        }
    }
    /* That all is well goes without saying, as with Interfaces. */
    if (strcmp(vsctl_table_string(row, table->status), "active")) {
        put_column(row, table->status, level + 1, out);
        put_column(row, table->status_reason, level + 1, out);
    }
}

/* Rules. */

/* The column that names the row below which the rule is shown, or NULL if
 * there is no such row. */
static const struct ovsdb_idl_column *
rule_owner(const struct ovsdb_idl *idl,
           const struct ovsrec_vnic_classifier *rule)
{
    if (rule->link && vsctl_table_find_row(&vsctl_vnic_link_table, idl,
                                           rule->link)) {
        return &ovsrec_vnic_classifier_col_link;
    } else if (rule->vnic && vsctl_table_find_row(&vsctl_vnic_table, idl,
                                                  rule->vnic)) {
        return &ovsrec_vnic_classifier_col_vnic;
    } else {
        return NULL;
    }
}

/* Puts the rules whose 'owner' column is 'name', or, if 'owner' is NULL, those
 * that no row owns. */
static void
put_rules(const struct ovsdb_idl *idl, const struct ovsdb_idl_column *owner,
          const char *name, int level, struct ds *out)
{
    struct shash rules = SHASH_INITIALIZER(&rules);
    const struct ovsrec_vnic_classifier *rule;

    OVSREC_VNIC_CLASSIFIER_FOR_EACH (rule, idl) {
        if (rule_owner(idl, rule) == owner
            && (!owner
                || !strcmp(vsctl_table_string(&rule->header_, owner), name))) {
            shash_add(&rules, rule->name, rule);
        }
    }

    const struct shash_node **sorted = shash_sort(&rules);

    for (size_t i = 0; i < shash_count(&rules); i++) {
        rule = sorted[i]->data;
        put_row(&rule_show, &rule->header_, level, owner, out);
    }
    free(sorted);
    shash_destroy(&rules);
}

/* Links, VNICs and VNS instances. */

static int
compare_rings(const void *a_, const void *b_)
{
    const struct ovsrec_vnic_ring *const *a = a_, *const *b = b_;

    return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

static void
put_rings(const struct ovsrec_vnic *vnic, struct ds *out)
{
    struct ovsrec_vnic_ring **rings = xmalloc(vnic->n_rings * sizeof *rings);

    for (size_t i = 0; i < vnic->n_rings; i++) {
        rings[i] = vnic->rings[i];
    }
    qsort(rings, vnic->n_rings, sizeof *rings, compare_rings);
    for (size_t i = 0; i < vnic->n_rings; i++) {
        put_row(&ring_show, &rings[i]->header_, 2, NULL, out);
    }
    free(rings);
}

static void
put_owned(const struct show *show, const struct ovsdb_idl *idl,
          const struct ovsdb_idl_row *row, struct ds *out)
{
    const char *name = vsctl_table_string(row, show->name);

    if (show == &link_show) {
        put_rules(idl, &ovsrec_vnic_classifier_col_link, name, 2, out);
    } else if (show == &vnic_show) {
        put_rings(CONTAINER_OF(row, const struct ovsrec_vnic, header_), out);
        put_rules(idl, &ovsrec_vnic_classifier_col_vnic, name, 2, out);
    }
}

static void
put_table(const struct show *show, const struct ovsdb_idl *idl,
          struct ds *out)
{
    struct shash rows = SHASH_INITIALIZER(&rows);
    const struct ovsdb_idl_row *row;

    for (row = ovsdb_idl_first_row(idl, show->table->class); row;
         row = ovsdb_idl_next_row(row)) {
        shash_add(&rows, vsctl_table_string(row, show->name), row);
    }

    const struct shash_node **sorted = shash_sort(&rows);

    for (size_t i = 0; i < shash_count(&rows); i++) {
        put_row(show, sorted[i]->data, 1, NULL, out);
        put_owned(show, idl, sorted[i]->data, out);
    }
    free(sorted);
    shash_destroy(&rows);
}

void
vsctl_show_run(struct ctl_context *ctx, void (*stock)(struct ctl_context *))
{
    stock(ctx);
    put_table(&link_show, ctx->idl, &ctx->output);
    put_table(&vnic_show, ctx->idl, &ctx->output);
    put_rules(ctx->idl, NULL, NULL, 1, &ctx->output);
    put_table(&vns_show, ctx->idl, &ctx->output);
}
