/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-error.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "dirs.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/uuid.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "ovsdb-idl-provider.h"
#include "util.h"
#include "utilities/vsctl-tables.h"
#include "utilities/vsctl-value.h"

struct noted_row {
    const struct vsctl_table *table;
    struct uuid uuid;           /* Provisional if the row is inserted. */
};

/* Global because a redirected call brings no context of ours. */
static struct {
    struct noted_row *rows;
    size_t n, allocated;
    bool waits_for_reload;
    enum vlog_level idl_level;  /* To be restored after the commit. */
} noted;

void
vsctl_error_note_row(const struct vsctl_table *table,
                     const struct ovsdb_idl_row *row)
{
    for (size_t i = 0; i < noted.n; i++) {
        if (uuid_equals(&noted.rows[i].uuid, &row->uuid)) {
            return;
        }
    }
    if (noted.n >= noted.allocated) {
        noted.rows = x2nrealloc(noted.rows, &noted.allocated,
                                sizeof *noted.rows);
    }
    noted.rows[noted.n].table = table;
    noted.rows[noted.n++].uuid = row->uuid;
}

/* Stock commands whose first argument is a table. */

void
vsctl_error_prerequisites(struct ctl_context *ctx)
{
    const struct vsctl_table *table = vsctl_table_from_arg(ctx->argv[1]);

    if (table) {
        vsctl_tables_require(ctx->idl);
        vsctl_table_add_status(table, ctx->idl);
    }
}

/* "create" prints the provisional UUID, which is replaced only later. */
void
vsctl_error_run_create(struct ctl_context *ctx,
                       void (*stock)(struct ctl_context *))
{
    const struct vsctl_table *table = vsctl_table_from_arg(ctx->argv[1]);
    const struct ovsdb_idl_row *row;
    struct uuid uuid;

    stock(ctx);
    if (table && uuid_from_string(&uuid, ds_cstr(&ctx->output))) {
        row = ovsdb_idl_get_row_for_uuid(ctx->idl, table->class, &uuid);
        if (row) {
            vsctl_error_note_row(table, row);
        }
    }
    if (table) {
        vsctl_value_explain(ctx, table, NULL, &ctx->argv[2], ctx->argc - 2);
    }
}

/* The row is looked up first, for it might get another name.  Of the commands,
 * "set" has the columns in all its further arguments, the others have one in
 * the first of them. */
void
vsctl_error_run_set(struct ctl_context *ctx,
                    void (*stock)(struct ctl_context *))
{
    const struct vsctl_table *table = vsctl_table_from_arg(ctx->argv[1]);
    const struct ovsdb_idl_row *row = NULL;

    if (table) {
        free(ctl_get_row(ctx, table->class, ctx->argv[2], false, &row));
        if (row) {
            vsctl_error_note_row(table, row);
        }
    }
    stock(ctx);
    if (!table) {
        return;
    }
    if (!strcmp(ctx->argv[0], "set")) {
        vsctl_value_explain(ctx, table, ctx->argv[2], &ctx->argv[3],
                            ctx->argc - 3);
    } else {
        vsctl_value_explain_column(ctx, table, ctx->argv[2], ctx->argv[3]);
    }
}

/* What the database refuses. */

static struct vlog_module *
idl_module(void)
{
    return vlog_module_from_name("ovsdb_idl");
}

static const struct ovsdb_idl_row *
find_noted(const struct noted_row *noted_row, const struct uuid *uuid,
           struct ovsdb_idl_txn *txn)
{
    return ovsdb_idl_get_row_for_uuid(ovsdb_idl_txn_get_idl(txn),
                                      noted_row->table->class,
                                      uuid ? uuid : &noted_row->uuid);
}

/* An error of a transaction that touches our rows is told by ovs-vsctl, in
 * words if it is an index clash: the IDL's warning would say the same once
 * more.  A level that the user asked for stays. */
void
vsctl_error_before_commit(struct ovsdb_idl_txn *txn)
{
    for (size_t i = 0; i < noted.n; i++) {
        const struct ovsdb_idl_row *row = find_noted(&noted.rows[i], NULL,
                                                     txn);

        if (row) {
            vsctl_value_check_row(noted.rows[i].table, row);
        }
    }
    noted.idl_level = vlog_get_level(idl_module(), VLF_CONSOLE);
    if (noted.n && noted.idl_level == VLL_WARN) {
        vlog_set_levels(idl_module(), VLF_CONSOLE, VLL_ERR);
    }
}

void
vsctl_error_after_commit(void)
{
    vlog_set_levels(idl_module(), VLF_CONSOLE, noted.idl_level);
}

/* Returns a copy of what stands between 'before' and 'after' in 's', or
 * NULL. */
static char *
between(const char *s, const char *before, const char *after)
{
    const char *start = strstr(s, before);
    const char *end;

    if (!start) {
        return NULL;
    }
    start += strlen(before);
    end = strstr(start, after);
    return end ? xmemdup0(start, end - start) : NULL;
}

/* 'value' is as ovsdb-server prints it: quoted unless it is a plain word. */
static char *
clash_message(const struct vsctl_table *table, const char *column,
              const char *value)
{
    const char *quote = value[0] == '"' ? "" : "\"";

    if (strcmp(column, "name")) {
        return xasprintf("there is already a %s with %s %s%s%s; choose "
                         "another %s", table->class->name, column, quote,
                         value, quote, column);
    }
    return xasprintf("there is already a %s named %s%s%s; choose another "
                     "name%s%s", table->class->name, quote, value, quote,
                     table->add_verb ? " or use --may-exist " : "",
                     table->add_verb ? table->add_verb : "");
}

/* Returns a message, which the caller frees, if 'details' tell of an index
 * clash on one of our tables, or NULL. */
static char *
explain_details(const char *details)
{
    char *name = between(details, "causes multiple rows in \"", "\" table");
    char *value = between(details, "identical values (", ") for index on");
    char *column = between(details, "for index on column \"", "\"");
    const struct vsctl_table *table
        = name ? vsctl_table_from_name(name) : NULL;
    char *message = (table && value && column
                     ? clash_message(table, column, value)
                     : NULL);

    free(name);
    free(value);
    free(column);
    return message;
}

void
vsctl_error_explain(const char *error)
{
    struct json *json = json_from_string(error);
    char *message = NULL;

    if (json->type == JSON_OBJECT) {
        const struct json *details = shash_find_data(json->object, "details");

        if (details && details->type == JSON_STRING) {
            message = explain_details(json_string(details));
        }
    }
    json_destroy(json);
    if (message) {
        ctl_fatal("%s", message);
    }
}

/* What ovs-vswitchd finds wrong. */

void
vsctl_error_wait_for_reload(void)
{
    noted.waits_for_reload = true;
}

static bool
report_row(const struct noted_row *noted_row, struct ovsdb_idl_txn *txn)
{
    const struct vsctl_table *table = noted_row->table;
    const struct uuid *uuid
        = ovsdb_idl_txn_get_insert_uuid(txn, &noted_row->uuid);
    const struct ovsdb_idl_row *row = find_noted(noted_row, uuid, txn);

    if (!row || !table->status
        || strcmp(vsctl_table_string(row, table->status), "error")) {
        return false;
    }

    char *name = vsctl_table_row_name(table, row);

    ovs_error(0, "Error detected while setting up %s '%s': %s.  "
              "See ovs-vswitchd log for details.", table->class->name, name,
              vsctl_table_string(row, table->status_reason));
    free(name);
    return true;
}

void
vsctl_error_txn_done(struct ovsdb_idl_txn *txn)
{
    bool is_error = false;

    if (noted.waits_for_reload) {
        for (size_t i = 0; i < noted.n; i++) {
            is_error |= report_row(&noted.rows[i], txn);
        }
    }
    if (is_error) {
        ovs_error(0, "The default log directory is \"%s\".", ovs_logdir());
    }
    free(noted.rows);
    memset(&noted, 0, sizeof noted);
}
