/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-row.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "ovsdb-idl-provider.h"
#include "packets.h"
#include "process.h"
#include "sset.h"
#include "svec.h"
#include "util.h"
#include "utilities/vsctl-error.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"
#include "utilities/vsctl-value.h"

bool
vsctl_row_has_option(const struct ctl_context *ctx, const char *option)
{
    return shash_find(&ctx->options, option) != NULL;
}

/* The command as the user wrote it. */
static char *
command_line(const struct ctl_context *ctx)
{
    struct svec words = SVEC_EMPTY_INITIALIZER;
    const struct shash_node *node;
    char *s;

    SHASH_FOR_EACH (node, &ctx->options) {
        svec_add(&words, node->name);
    }
    for (int i = 0; i < ctx->argc; i++) {
        svec_add(&words, ctx->argv[i]);
    }
    svec_terminate(&words);
    s = process_escape_args(words.names);
    svec_destroy(&words);
    return s;
}

void
vsctl_row_error_but(struct ctl_context *ctx, const char *format, ...)
{
    char *line = command_line(ctx);
    char *but;
    va_list args;

    va_start(args, format);
    but = xvasprintf(format, args);
    va_end(args);
    ctl_error(ctx, "\"%s\" but %s", line, but);
    free(but);
    free(line);
}

static const char *
row_name(const struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    return ctx->argv[kind->first - 1];
}

static bool
is_argument_of(const char *arg, const struct ovsdb_idl_column *column)
{
    size_t len = strlen(column->name);

    return !strncmp(arg, column->name, len) && arg[len] == '=';
}

static bool
has_key_argument(const struct ctl_context *ctx,
                 const struct vsctl_row_kind *kind,
                 const struct vsctl_row_key *key)
{
    for (int i = kind->first; i < ctx->argc; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(key->columns); j++) {
            if (key->columns[j]
                && is_argument_of(ctx->argv[i], key->columns[j])) {
                return true;
            }
        }
    }
    return false;
}

static void
error_requires(struct ctl_context *ctx, const struct vsctl_row_key *key)
{
    ctl_error(ctx, "'%s' command requires %s", ctx->argv[0], key->usage);
}

/* The prerequisites of "set", which wants one column at least, take care of
 * the columns in the arguments. */
void
vsctl_row_set_prerequisites(struct ctl_context *ctx,
                            const struct vsctl_table *table, int first)
{
    int n = ctx->argc - first;

    if (n) {
        char **argv = xmalloc((3 + n) * sizeof *argv);

        argv[0] = CONST_CAST(char *, "set");
        argv[1] = table->class->name;
        argv[2] = ctx->argv[first - 1];
        memcpy(&argv[3], &ctx->argv[first], n * sizeof *argv);
        vsctl_stock_prerequisites(ctx, "set", 3 + n, argv);
        free(argv);
    }
    vsctl_tables_require(ctx->idl);
    vsctl_table_add_status(table, ctx->idl);
}

void
vsctl_row_add_prerequisites(struct ctl_context *ctx,
                            const struct vsctl_row_kind *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind->keys); i++) {
        const struct vsctl_row_key *key = &kind->keys[i];

        if (key->usage && !has_key_argument(ctx, kind, key)) {
            error_requires(ctx, key);
            return;
        }
        for (size_t j = 0; j < ARRAY_SIZE(key->columns); j++) {
            if (key->columns[j]) {
                ovsdb_idl_add_column(ctx->idl, key->columns[j]);
            }
        }
    }
    vsctl_row_set_prerequisites(ctx, kind->table, kind->first);
}

void
vsctl_row_prerequisites(struct ctl_context *ctx,
                        const struct vsctl_row_kind *kind)
{
    vsctl_tables_require(ctx->idl);
    ovsdb_idl_add_column(ctx->idl, kind->table->name);
}

const struct ovsdb_idl_row *
vsctl_row_find(const struct ctl_context *ctx,
               const struct vsctl_row_kind *kind, const char *name)
{
    return vsctl_table_find_row(kind->table, ctx->idl, name);
}

bool
vsctl_row_check(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const char *name = row_name(ctx, kind);

    if (!name[0]) {
        ctl_error(ctx, "%s name must not be empty string",
                  kind->table->class->name);
    } else if (!vsctl_row_has_option(ctx, "--may-exist")
               && vsctl_row_find(ctx, kind, name)) {
        ctl_error(ctx, "there is already a %s named \"%s\"; choose another "
                  "name or use --may-exist %s", kind->table->class->name,
                  name, ctx->argv[0]);
    }
    return !ctx->error;
}

/* Returns 'arg', or a copy with quotes around the value if it is a MAC address
 * or a match that stands without: the database's notation takes their colons
 * and commas for something else, and nobody expects to have to write
 * mac='"..."'.  The caller frees it. */
static char *
quote_value(const char *arg)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct eth_addr mac;

    if (!strncmp(arg, "mac=", 4) && eth_addr_from_string(arg + 4, &mac)) {
        ds_put_format(&s, "mac=\"%s\"", arg + 4);
    } else if (!strncmp(arg, "match=", 6) && arg[6] && arg[6] != '"') {
        ds_put_cstr(&s, "match=");
        json_string_escape(arg + 6, &s);
    } else {
        ds_put_cstr(&s, arg);
    }
    return ds_steal_cstr(&s);
}

void
vsctl_row_set(struct ctl_context *ctx, const struct vsctl_table *table,
              const struct ovsdb_idl_row *row, const char *name, int first)
{
    for (int i = first; i < ctx->argc && !ctx->error; i++) {
        char *arg = quote_value(ctx->argv[i]);

        ctx->error = ctl_set_column(table->class->name, row, arg,
                                    ctx->symtab);
        vsctl_value_explain(ctx, table, name, &arg, 1);
        free(arg);
    }
    vsctl_error_note_row(table, row);
}

static bool
has_key(const struct ovsdb_idl_row *row, const struct vsctl_row_key *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(key->columns); i++) {
        const struct ovsdb_idl_column *column = key->columns[i];

        if (column && !ovsdb_datum_is_default(ovsdb_idl_read(row, column),
                                              &column->type)) {
            return true;
        }
    }
    return false;
}

static void
set_columns(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
            const struct ovsdb_idl_row *row)
{
    const char *name = row_name(ctx, kind);

    vsctl_row_set(ctx, kind->table, row, name, kind->first);
    if (!ctx->error
        && strcmp(vsctl_table_string(row, kind->table->name), name)) {
        ctl_error(ctx, "'%s' command can't set name to other than \"%s\"",
                  ctx->argv[0], name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kind->keys) && !ctx->error; i++) {
        if (kind->keys[i].usage && !has_key(row, &kind->keys[i])) {
            error_requires(ctx, &kind->keys[i]);
        }
    }
}

/* Sets an error if 'column' is not what it was before. */
static void
check_same(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
           const struct ovsdb_idl_row *row,
           const struct ovsdb_idl_column *column,
           const struct ovsdb_datum *before)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    if (!ctx->error
        && !ovsdb_datum_equals(ovsdb_idl_read(row, column), before,
                               &column->type)) {
        ovsdb_datum_to_string(before, &column->type, &s);
        vsctl_row_error_but(ctx, "%s actually has %s %s", row_name(ctx, kind),
                            column->name, ds_cstr(&s));
    }
    ds_destroy(&s);
}

static void
update_row(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
           const struct ovsdb_idl_row *row)
{
    const struct vsctl_row_key *key = &kind->keys[0];
    struct ovsdb_datum before[ARRAY_SIZE(key->columns)];

    for (size_t i = 0; i < ARRAY_SIZE(before) && key->columns[i]; i++) {
        ovsdb_datum_clone(&before[i], ovsdb_idl_read(row, key->columns[i]));
        ovsdb_idl_txn_verify(row, key->columns[i]);
    }
    set_columns(ctx, kind, row);
    for (size_t i = 0; i < ARRAY_SIZE(before) && key->columns[i]; i++) {
        check_same(ctx, kind, row, key->columns[i], &before[i]);
        ovsdb_datum_destroy(&before[i], &key->columns[i]->type);
    }
}

/* Sets the name as any column, which refuses what is not UTF-8 or too long. */
static const struct ovsdb_idl_row *
insert_row(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const struct ovsdb_idl_row *row = ovsdb_idl_txn_insert(
        ctx->txn, kind->table->class, NULL);
    struct ds arg = DS_EMPTY_INITIALIZER;
    char *args[1];

    ds_put_cstr(&arg, "name=");
    json_string_escape(row_name(ctx, kind), &arg);
    args[0] = ds_cstr(&arg);
    ctx->error = ctl_set_column(kind->table->class->name, row, args[0],
                                ctx->symtab);
    vsctl_value_explain(ctx, kind->table, row_name(ctx, kind), args, 1);
    ds_destroy(&arg);
    return row;
}

void
vsctl_row_add(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const struct ovsdb_idl_row *row
        = vsctl_row_find(ctx, kind, row_name(ctx, kind));

    if (row) {
        update_row(ctx, kind, row);
    } else {
        set_columns(ctx, kind, insert_row(ctx, kind));
    }
}

void
vsctl_row_del(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const struct ovsdb_idl_row *row
        = vsctl_row_find(ctx, kind, ctx->argv[1]);

    if (row) {
        ovsdb_idl_txn_delete(row);
    } else if (!vsctl_row_has_option(ctx, "--if-exists")) {
        ctl_error(ctx, "no %s named %s", kind->table->class->name,
                  ctx->argv[1]);
    }
}

void
vsctl_row_put_sorted(const struct sset *names, struct ds *out)
{
    const char **sorted = sset_sort(names);

    for (size_t i = 0; i < sset_count(names); i++) {
        ds_put_format(out, "%s\n", sorted[i]);
    }
    free(sorted);
}

void
vsctl_row_list(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    struct sset names = SSET_INITIALIZER(&names);
    const struct ovsdb_idl_row *row;

    for (row = ovsdb_idl_first_row(ctx->idl, kind->table->class); row;
         row = ovsdb_idl_next_row(row)) {
        sset_add(&names, vsctl_table_string(row, kind->table->name));
    }
    vsctl_row_put_sorted(&names, &ctx->output);
    sset_destroy(&names);
}
