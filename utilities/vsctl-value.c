/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-value.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-data.h"
#include "ovsdb-error.h"
#include "ovsdb-idl.h"
#include "ovsdb-idl-provider.h"
#include "ovsdb-parser.h"
#include "ovsdb-types.h"
#include "util.h"
#include "utilities/vsctl-tables.h"

/* How a value that breaks a constraint is reported by ovsdb-data.c. */
#define CONSTRAINT "constraint violation: "

/* The schema. */

static const struct json *
member(const struct json *json, const char *name)
{
    return (json && json->type == JSON_OBJECT
            ? shash_find_data(json->object, name) : NULL);
}

/* The column classes are const for users of the IDL, but are not defined so.
 * A limit that is set at each connection is the server's own. */
static void
learn_column(const struct ovsdb_idl_column *column, const struct json *schema)
{
    struct ovsdb_type *type = CONST_CAST(struct ovsdb_type *, &column->type);
    const struct json *json = member(schema, "type");
    struct ovsdb_error *error;
    struct ovsdb_type told;

    if (!json || type->key.type != OVSDB_TYPE_STRING) {
        return;
    }
    error = ovsdb_type_from_json(&told, json);
    if (!error) {
        if (told.key.type == OVSDB_TYPE_STRING) {
            type->key.string = told.key.string;
        }
        ovsdb_type_destroy(&told);
    }
    ovsdb_error_destroy(error);
}

void
vsctl_value_learn(const struct json *schema)
{
    const struct json *tables = member(schema, "tables");
    const struct shash_node *node;

    if (!tables || tables->type != JSON_OBJECT) {
        return;
    }
    SHASH_FOR_EACH (node, tables->object) {
        const struct vsctl_table *table = vsctl_table_from_name(node->name);
        const struct json *columns = member(node->data, "columns");

        for (size_t i = 0; table && i < table->class->n_columns; i++) {
            const struct ovsdb_idl_column *column = &table->class->columns[i];

            learn_column(column, member(columns, column->name));
        }
    }
}

/* Explanations. */

static void
explain(struct ctl_context *ctx, const struct vsctl_table *table,
        const char *name, const struct ovsdb_idl_column *column)
{
    size_t len = strlen(CONSTRAINT);
    bool constraint = !strncmp(ctx->error, CONSTRAINT, len);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, table->class->name);
    if (name && strcmp(column->name, "name")) {
        ds_put_format(&s, " \"%s\"", name);
    }
    ds_put_format(&s, ": %s: %s", column->name,
                  constraint ? ctx->error + len : ctx->error);
    if (constraint) {
        ds_put_format(&s, "; choose another %s", column->name);
    }
    free(ctx->error);
    ctx->error = ds_steal_cstr(&s);
}

/* Returns the column of 'arg' if it is what the error is about, or NULL.  That
 * is found out by parsing the value again: stock commands don't tell how far
 * they came. */
static const struct ovsdb_idl_column *
guilty_column(const struct ctl_context *ctx, const struct vsctl_table *table,
              const char *arg)
{
    const struct ovsdb_idl_column *column;
    struct ovsdb_datum datum;
    const char *p = arg;
    char *token, *error;
    bool guilty;

    error = ovsdb_token_parse(&p, &token);
    if (error) {
        free(error);
        return NULL;
    }
    column = vsctl_table_column_from_arg(table, token);
    free(token);
    if (!column || *p != '=') {
        return NULL;
    }
    error = ovsdb_datum_from_string(&datum, &column->type, p + 1,
                                    ctx->symtab);
    guilty = error && !strcmp(error, ctx->error);
    ovsdb_datum_destroy(&datum, &column->type);
    free(error);
    return guilty ? column : NULL;
}

void
vsctl_value_explain(struct ctl_context *ctx, const struct vsctl_table *table,
                    const char *name, char *args[], size_t n)
{
    for (size_t i = 0; ctx->error && i < n; i++) {
        const struct ovsdb_idl_column *column
            = guilty_column(ctx, table, args[i]);

        if (column) {
            explain(ctx, table, name, column);
            return;
        }
    }
}

void
vsctl_value_explain_column(struct ctl_context *ctx,
                           const struct vsctl_table *table, const char *name,
                           const char *arg)
{
    const struct ovsdb_idl_column *column
        = vsctl_table_column_from_arg(table, arg);

    if (ctx->error && column
        && !strncmp(ctx->error, CONSTRAINT, strlen(CONSTRAINT))) {
        explain(ctx, table, name, column);
    }
}

/* Rows. */

static void
check_column(const struct vsctl_table *table, const struct ovsdb_idl_row *row,
             const struct ovsdb_idl_column *column)
{
    struct ovsdb_error *error = ovsdb_datum_check_constraints(
        ovsdb_idl_read(row, column), &column->type);

    if (error) {
        char *name = vsctl_table_row_name(table, row);
        char *s = ovsdb_error_to_string_free(error);

        ctl_fatal("%s \"%s\": %s must be set: %s", table->class->name, name,
                  column->name,
                  strncmp(s, CONSTRAINT, strlen(CONSTRAINT))
                  ? s : s + strlen(CONSTRAINT));
    }
}

/* What was set was checked then; what was not has its default. */
void
vsctl_value_check_row(const struct vsctl_table *table,
                      const struct ovsdb_idl_row *row)
{
    for (size_t i = 0; !row->old_datum && i < table->class->n_columns; i++) {
        check_column(table, row, &table->class->columns[i]);
    }
}
