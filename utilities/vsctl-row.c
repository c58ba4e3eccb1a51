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
#include "ovsdb-idl.h"
#include "ovsdb-idl-provider.h"
#include "process.h"
#include "svec.h"
#include "packets.h"
#include "util.h"
#include "utilities/vsctl-error.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"

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
has_key_argument(const struct ctl_context *ctx,
                 const struct vsctl_row_kind *kind)
{
    size_t len = strlen(kind->key->name);

    for (int i = kind->first; i < ctx->argc; i++) {
        if (!strncmp(ctx->argv[i], kind->key->name, len)
            && ctx->argv[i][len] == '=') {
            return true;
        }
    }
    return false;
}

static void
error_requires(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    ctl_error(ctx, "'%s' command requires %s", ctx->argv[0], kind->key_usage);
}

/* The prerequisites of "set" take care of the columns in the arguments. */
void
vsctl_row_prerequisites(struct ctl_context *ctx,
                        const struct vsctl_row_kind *kind)
{
    int n = ctx->argc - kind->first;

    if (!has_key_argument(ctx, kind)) {
        error_requires(ctx, kind);
        return;
    }

    char **argv = xmalloc((3 + n) * sizeof *argv);

    argv[0] = CONST_CAST(char *, "set");
    argv[1] = kind->table->class->name;
    argv[2] = CONST_CAST(char *, row_name(ctx, kind));
    memcpy(&argv[3], &ctx->argv[kind->first], n * sizeof *argv);
    vsctl_stock_prerequisites(ctx, "set", 3 + n, argv);
    free(argv);
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

/* Sets the name as any column, which refuses what is not UTF-8. */
static const struct ovsdb_idl_row *
insert_row(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const struct ovsdb_idl_row *row = ovsdb_idl_txn_insert(
        ctx->txn, kind->table->class, NULL);
    struct ds arg = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&arg, "name=");
    json_string_escape(row_name(ctx, kind), &arg);
    ctx->error = ctl_set_column(kind->table->class->name, row, ds_cstr(&arg),
                                ctx->symtab);
    ds_destroy(&arg);
    return row;
}

/* Sets a column.  Puts quotes around a MAC address that stands without, whose
 * colons the database's notation takes for something else: nobody expects to
 * have to write mac='"..."'. */
static char *
set_column(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
           const struct ovsdb_idl_row *row, const char *arg)
{
    struct eth_addr mac;
    char *quoted, *error;

    if (strncmp(arg, "mac=", 4) || !eth_addr_from_string(arg + 4, &mac)) {
        return ctl_set_column(kind->table->class->name, row, arg,
                              ctx->symtab);
    }
    quoted = xasprintf("mac=\"%s\"", arg + 4);
    error = ctl_set_column(kind->table->class->name, row, quoted,
                           ctx->symtab);
    free(quoted);
    return error;
}

static void
set_columns(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
            const struct ovsdb_idl_row *row)
{
    const char *name = row_name(ctx, kind);

    for (int i = kind->first; i < ctx->argc && !ctx->error; i++) {
        ctx->error = set_column(ctx, kind, row, ctx->argv[i]);
    }
    if (ctx->error) {
        return;
    }
    if (strcmp(vsctl_table_string(row, kind->table->name), name)) {
        ctl_error(ctx, "'%s' command can't set name to other than \"%s\"",
                  ctx->argv[0], name);
    } else if (!vsctl_table_string(row, kind->key)[0]) {
        error_requires(ctx, kind);
    }
}

static void
update_row(struct ctl_context *ctx, const struct vsctl_row_kind *kind,
           const struct ovsdb_idl_row *row)
{
    char *key = xstrdup(vsctl_table_string(row, kind->key));

    ovsdb_idl_txn_verify(row, kind->key);
    set_columns(ctx, kind, row);
    if (!ctx->error && strcmp(vsctl_table_string(row, kind->key), key)) {
        vsctl_row_error_but(ctx, "%s actually has %s %s", row_name(ctx, kind),
                            kind->key->name, key[0] ? key : "[]");
    }
    free(key);
}

void
vsctl_row_add(struct ctl_context *ctx, const struct vsctl_row_kind *kind)
{
    const struct ovsdb_idl_row *row
        = vsctl_row_find(ctx, kind, row_name(ctx, kind));

    if (row) {
        update_row(ctx, kind, row);
    } else {
        row = insert_row(ctx, kind);
        set_columns(ctx, kind, row);
    }
    vsctl_error_note_row(kind->table, row);
}
