/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_ROW_H
#define VSCTL_ROW_H 1

/* Adding a row
 * ============
 *
 * What: what "add-vnic" and "add-vnic-link" have in common: arguments NAME
 * and COLUMN[:KEY]=VALUE..., among which one column must be, and --may-exist,
 * which takes a row by that name for the one wanted if it has the same value
 * in that column, and sets the columns again.
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
struct ovsdb_idl_column;
struct ovsdb_idl_row;
struct vsctl_table;

struct vsctl_row_kind {
    const struct vsctl_table *table;
    const struct ovsdb_idl_column *key; /* Must be given. */
    const char *key_usage;      /* "link=LINK". */
    int first;                  /* Index of the first column in argv[]; NAME
                                 * comes just before. */
};

const struct ovsdb_idl_row *vsctl_row_find(const struct ctl_context *,
                                           const struct vsctl_row_kind *,
                                           const char *name);

/* In the order in which a verb calls them: its prerequisites; whether the row
 * may be added, as far as the database tells; and to add it. */
void vsctl_row_prerequisites(struct ctl_context *,
                             const struct vsctl_row_kind *);
bool vsctl_row_check(struct ctl_context *, const struct vsctl_row_kind *);
void vsctl_row_add(struct ctl_context *, const struct vsctl_row_kind *);

bool vsctl_row_has_option(const struct ctl_context *, const char *option);
/* Sets an error in the manner of stock --may-exist: the command as the user
 * wrote it, "but" what 'format' says is so. */
void vsctl_row_error_but(struct ctl_context *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* utilities/vsctl-row.h */
