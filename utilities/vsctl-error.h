/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_ERROR_H
#define VSCTL_ERROR_H 1

/* What went wrong with our rows
 * =============================
 *
 * What: messages for what the database refuses and for what ovs-vswitchd finds
 * wrong with rows of our tables that the command line touched.  Stock tables
 * keep their stock messages.
 *
 * Data flow: the run() functions of our verbs, and of the stock commands that
 * write to rows, note the rows that they touch.  Then, as the seam calls:
 *
 *     vsctl_error_before_commit()   a row that lacks a column ends the
 *                                   program; the IDL would log as JSON, too
 *     vsctl_error_explain()         an index clash ends the program, in words
 *     vsctl_error_wait_for_reload()   the status of the rows will be known
 *     vsctl_error_txn_done()        rows whose status is "error" are told
 *
 * If the transaction is tried again, the rows are noted again.
 *
 * Ownership: rows are noted by UUID; the IDL may free them meanwhile.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: as with stock Interfaces, a row that ovs-vswitchd finds wrong does
 * not change the exit status: it is in the database and may become right. */

struct ctl_context;
struct ovsdb_idl_row;
struct ovsdb_idl_txn;
struct vsctl_table;

/* For the verbs. */
void vsctl_error_note_row(const struct vsctl_table *,
                          const struct ovsdb_idl_row *);

/* Extensions of "create" and of "set", "add", "remove" and "clear", whose own
 * function is 'stock'. */
void vsctl_error_prerequisites(struct ctl_context *);
void vsctl_error_run_create(struct ctl_context *,
                            void (*stock)(struct ctl_context *));
void vsctl_error_run_set(struct ctl_context *,
                         void (*stock)(struct ctl_context *));

/* For the seam. */
void vsctl_error_before_commit(struct ovsdb_idl_txn *);
void vsctl_error_after_commit(void);
void vsctl_error_explain(const char *error);
void vsctl_error_wait_for_reload(void);
void vsctl_error_txn_done(struct ovsdb_idl_txn *);

#endif /* utilities/vsctl-error.h */
