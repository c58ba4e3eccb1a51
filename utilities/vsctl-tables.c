/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-tables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/shash.h"
#include "openvswitch/uuid.h"
#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "ovsdb-idl-provider.h"
#include "util.h"
#include "vswitch-idl.h"

#define TABLE(PREFIX, NAME, ADD_VERB)                   \
    {                                                   \
        .class = &ovsrec_table_##PREFIX,                \
        .name = NAME,                                   \
        .status = &ovsrec_##PREFIX##_col_status,        \
        .status_reason = &ovsrec_##PREFIX##_col_status_reason, \
        .add_verb = ADD_VERB,                           \
    }

const struct vsctl_table vsctl_vnic_table
    = TABLE(vnic, &ovsrec_vnic_col_name, "add-vnic");
const struct vsctl_table vsctl_vnic_link_table
    = TABLE(vnic_link, &ovsrec_vnic_link_col_name, "add-vnic-link");
const struct vsctl_table vsctl_vnic_classifier_table
    = TABLE(vnic_classifier, &ovsrec_vnic_classifier_col_name,
            "add-vnic-rule");
const struct vsctl_table vsctl_vnic_ring_table = TABLE(vnic_ring, NULL, NULL);
const struct vsctl_table vsctl_vns_instance_table
    = TABLE(vns_instance, &ovsrec_vns_instance_col_name, "add-vns");

#undef TABLE

/* The daemon's alone: no row of it can be wrong. */
static const struct vsctl_table vnic_cache_table = {
    .class = &ovsrec_table_vnic_cache,
    .name = &ovsrec_vnic_cache_col_name,
};

static const struct vsctl_table *const tables[] = {
    &vsctl_vnic_table,
    &vsctl_vnic_link_table,
    &vsctl_vnic_classifier_table,
    &vsctl_vnic_ring_table,
    &vsctl_vns_instance_table,
    &vnic_cache_table,
};

/* What the prerequisites of the commands asked for. */
static struct {
    struct ovsdb_idl *idl;      /* NULL if no command uses our tables. */
    bool required;
    bool rings;                 /* Column "rings" of VNIC is wanted. */
} use;

static char
fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char) c);
}

static bool
is_abbreviation(const char *arg, const char *name)
{
    while (*arg && fold(*arg) == fold(*name)) {
        arg++;
        name++;
    }
    return !*arg;
}

const struct vsctl_table *
vsctl_table_from_arg(const char *arg)
{
    const struct vsctl_table *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const char *name = tables[i]->class->name;

        if (is_abbreviation(arg, name)) {
            if (strlen(arg) == strlen(name)) {
                return tables[i];
            } else if (found) {
                return NULL;
            }
            found = tables[i];
        }
    }
    return found;
}

const struct vsctl_table *
vsctl_table_from_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (!strcmp(tables[i]->class->name, name)) {
            return tables[i];
        }
    }
    return NULL;
}

const struct ovsdb_idl_column *
vsctl_table_column_from_arg(const struct vsctl_table *table, const char *arg)
{
    const struct ovsdb_idl_column *found = NULL;

    for (size_t i = 0; i < table->class->n_columns; i++) {
        const struct ovsdb_idl_column *column = &table->class->columns[i];

        if (is_abbreviation(arg, column->name)) {
            if (strlen(arg) == strlen(column->name)) {
                return column;
            } else if (found) {
                return NULL;
            }
            found = column;
        }
    }
    return found;
}

const char *
vsctl_table_string(const struct ovsdb_idl_row *row,
                   const struct ovsdb_idl_column *column)
{
    const struct ovsdb_datum *datum = ovsdb_idl_read(row, column);

    return datum->n ? datum->keys[0].s->string : "";
}

/* The name that the port of the ring has; the UUID if no VNIC is seen to refer
 * to it. */
static char *
ring_name(const struct ovsdb_idl_row *row)
{
    const struct ovsrec_vnic_ring *ring
        = CONTAINER_OF(row, const struct ovsrec_vnic_ring, header_);
    const struct ovsrec_vnic *vnic;

    OVSREC_VNIC_FOR_EACH (vnic, row->table->idl) {
        for (size_t i = 0; i < vnic->n_rings; i++) {
            if (vnic->rings[i] == ring) {
                return xasprintf("%s.%"PRId64, vnic->name, ring->id);
            }
        }
    }
    return xasprintf(UUID_FMT, UUID_ARGS(&row->uuid));
}

char *
vsctl_table_row_name(const struct vsctl_table *table,
                     const struct ovsdb_idl_row *row)
{
    return (table->name
            ? xstrdup(vsctl_table_string(row, table->name))
            : ring_name(row));
}

const struct ovsdb_idl_row *
vsctl_table_find_row(const struct vsctl_table *table,
                     const struct ovsdb_idl *idl, const char *name)
{
    const struct ovsdb_idl_row *row;

    for (row = ovsdb_idl_first_row(idl, table->class); row;
         row = ovsdb_idl_next_row(row)) {
        if (!strcmp(vsctl_table_string(row, table->name), name)) {
            return row;
        }
    }
    return NULL;
}

const struct ctl_table_class *
vsctl_tables_add_names(const struct ctl_table_class *stock)
{
    static struct ctl_table_class classes[OVSREC_N_TABLES];

    memcpy(classes, stock, sizeof classes);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct ctl_table_class *class
            = &classes[tables[i]->class - ovsrec_table_classes];

        class->row_ids[0].name_column = tables[i]->name;
    }
    return classes;
}

void
vsctl_tables_use(struct ovsdb_idl *idl)
{
    use.idl = idl;
}

void
vsctl_tables_require(struct ovsdb_idl *idl)
{
    use.idl = idl;
    use.required = true;
}

void
vsctl_table_add_status(const struct vsctl_table *table, struct ovsdb_idl *idl)
{
    if (table->name) {
        ovsdb_idl_add_column(idl, table->name);
    } else {
        ovsdb_idl_add_column(idl, &ovsrec_vnic_col_name);
        ovsdb_idl_add_column(idl, &ovsrec_vnic_ring_col_id);
        use.rings = true;
    }
    if (table->status) {
        ovsdb_idl_add_column(idl, table->status);
        ovsdb_idl_add_column(idl, table->status_reason);
    }
}

static void
omit_table(const struct ovsdb_idl_table_class *class)
{
    for (size_t i = 0; i < class->n_columns; i++) {
        ovsdb_idl_omit(use.idl, &class->columns[i]);
    }
}

/* Not earlier: a reference makes the IDL want the other table, for good, and
 * so warn if the database lacks that. */
static void
add_references(void)
{
    if (use.rings) {
        ovsdb_idl_add_column(use.idl, &ovsrec_vnic_col_rings);
    }
}

void
vsctl_tables_check_schema(const struct shash *schema)
{
    if (!use.idl) {
        return;
    }
    if (!schema) {
        add_references();
        return;
    }
    if (shash_find(schema, vsctl_vnic_table.class->name)) {
        add_references();
        /* Were they gone after a reconnection, it would be too late. */
        use.idl = NULL;
        return;
    }
    if (use.required) {
        /* Not ctl_fatal(), which would destroy the IDL: it is at work. */
        ovs_error(0, "the database has no VNIC tables: its schema is not that "
                  "of ovs-vnic; convert it with ovsdb-client convert");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        omit_table(tables[i]->class);
    }
}
