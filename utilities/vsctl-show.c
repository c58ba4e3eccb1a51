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
    const struct ovsdb_idl_column *columns[4];
} shows[] = {
    { &vsctl_vnic_link_table,
      { &ovsrec_vnic_link_col_netdev, &ovsrec_vnic_link_col_type,
        NULL, NULL } },
    { &vsctl_vnic_table,
      { &ovsrec_vnic_col_kind, &ovsrec_vnic_col_link,
        &ovsrec_vnic_col_mac_in_use, &ovsrec_vnic_col_vlan } },
};

void
vsctl_show_prerequisites(struct ctl_context *ctx)
{
    vsctl_tables_use(ctx->idl);
    for (size_t i = 0; i < ARRAY_SIZE(shows); i++) {
        const struct show *show = &shows[i];

        vsctl_table_add_status(show->table, ctx->idl);
        for (size_t j = 0; j < ARRAY_SIZE(show->columns); j++) {
            if (show->columns[j]) {
                ovsdb_idl_add_column(ctx->idl, show->columns[j]);
            }
        }
    }
}

static void
put_column(const struct ovsdb_idl_row *row,
           const struct ovsdb_idl_column *column, struct ds *out)
{
    const struct ovsdb_datum *datum = ovsdb_idl_read(row, column);

    if (!ovsdb_datum_is_default(datum, &column->type)) {
        ds_put_format(out, "        %s: ", column->name);
        ovsdb_datum_to_string(datum, &column->type, out);
        ds_put_char(out, '\n');
    }
}

static void
put_row(const struct show *show, const struct ovsdb_idl_row *row,
        struct ds *out)
{
    const struct vsctl_table *table = show->table;

    ds_put_format(out, "    %s ", table->class->name);
    ovsdb_datum_to_string(ovsdb_idl_read(row, table->name),
                          &table->name->type, out);
    ds_put_char(out, '\n');

    for (size_t i = 0; i < ARRAY_SIZE(show->columns); i++) {
        if (show->columns[i]) {
            put_column(row, show->columns[i], out);
        }
    }
    /* That all is well goes without saying, as with Interfaces. */
    if (strcmp(vsctl_table_string(row, table->status), "active")) {
        put_column(row, table->status, out);
        put_column(row, table->status_reason, out);
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
        shash_add(&rows, vsctl_table_string(row, show->table->name), row);
    }

    const struct shash_node **sorted = shash_sort(&rows);

    for (size_t i = 0; i < shash_count(&rows); i++) {
        put_row(show, sorted[i]->data, out);
    }
    free(sorted);
    shash_destroy(&rows);
}

void
vsctl_show_run(struct ctl_context *ctx, void (*stock)(struct ctl_context *))
{
    stock(ctx);
    for (size_t i = 0; i < ARRAY_SIZE(shows); i++) {
        put_table(&shows[i], ctx->idl, &ctx->output);
    }
}
