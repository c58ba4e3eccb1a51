/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_ROW_H
#define VSCTL_ROW_H 1

/* Rows by name
 * ============
 *
 * What: what the verbs that add, delete and list rows have in common.  To add
 * takes arguments NAME and COLUMN[:KEY]=VALUE..., among which some columns
 * must be, and --may-exist, which takes a row by that name for the one wanted
 * if it has the same value in the first of those, and sets the columns again.
 *
 * Data flow: arguments --> columns of a row, by way of ctl_set_column(), which
 * knows what values a column takes.
 *
 * Ownership: rows belong to the IDL.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: in the context.  They end the program without a commit, so what was
 * done until then need not be undone. */

#include <stdbool.h>

#include "compiler.h"

struct ctl_context;
struct ds;
struct ovsdb_idl_column;
struct ovsdb_idl_row;
struct sset;
struct vsctl_table;

/* One of 'columns' must be given.  NULL if there are fewer. */
struct vsctl_row_key {
    const struct ovsdb_idl_column *columns[2];
    const char *usage;          /* "link=LINK". */
};

struct vsctl_row_kind {
    const struct vsctl_table *table;
    struct vsctl_row_key keys[2]; /* The first tells rows of one name apart;
                                   * the second may be empty. */
    int first;                  /* Index of the first column in argv[]; NAME
                                 * comes just before. */
};

const struct ovsdb_idl_row *vsctl_row_find(const struct ctl_context *,
                                           const struct vsctl_row_kind *,
                                           const char *name);

/* In the order in which a verb calls them: its prerequisites; whether the row
 * may be added, as far as the database tells; and to add it. */
void vsctl_row_add_prerequisites(struct ctl_context *,
                                 const struct vsctl_row_kind *);
bool vsctl_row_check(struct ctl_context *, const struct vsctl_row_kind *);
void vsctl_row_add(struct ctl_context *, const struct vsctl_row_kind *);

/* To delete the row that the first argument names, if --if-exists allows that
 * there is none, and to list the names of all rows. */
void vsctl_row_prerequisites(struct ctl_context *,
                             const struct vsctl_row_kind *);
void vsctl_row_del(struct ctl_context *, const struct vsctl_row_kind *);
void vsctl_row_list(struct ctl_context *, const struct vsctl_row_kind *);

/* Sets the columns in the arguments from argv[first] in 'row', which the user
 * calls 'name', and notes it for vsctl-error.h. */
void vsctl_row_set_prerequisites(struct ctl_context *,
                                 const struct vsctl_table *, int first);
void vsctl_row_set(struct ctl_context *, const struct vsctl_table *,
                   const struct ovsdb_idl_row *row, const char *name,
                   int first);

bool vsctl_row_has_option(const struct ctl_context *, const char *option);
void vsctl_row_put_sorted(const struct sset *names, struct ds *);
/* Sets an error in the manner of stock --may-exist: the command as the user
 * wrote it, "but" what 'format' says is so. */
void vsctl_row_error_but(struct ctl_context *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* utilities/vsctl-row.h */
