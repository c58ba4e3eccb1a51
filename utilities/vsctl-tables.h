/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_TABLES_H
#define VSCTL_TABLES_H 1

/* Our tables, as ovs-vsctl sees them
 * ==================================
 *
 * What: which tables are ours, which of their columns names a row and which
 * ones tell how it fares, and what becomes of a command when the database has
 * none of them, for its schema is the stock one.
 *
 * Data flow: the prerequisites of a command, which run before the program
 * connects, call vsctl_tables_use() or vsctl_tables_require() and add columns
 * to the IDL; the IDL learns the schema, vsctl_tables_check_schema() is
 * called, and the IDL asks for the columns that are left.
 *
 * Ownership: the IDL is ovs-vsctl's; it is remembered here, for the function
 * of the IDL in which the schema is learnt has no such argument.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: without our tables, a command that requires them ends the program
 * with one sentence; one that merely uses them sees no rows, silently. */

#include <stddef.h>

struct ctl_table_class;
struct ovsdb_idl;
struct ovsdb_idl_column;
struct ovsdb_idl_row;
struct ovsdb_idl_table_class;
struct shash;

struct vsctl_table {
    const struct ovsdb_idl_table_class *class;
    const struct ovsdb_idl_column *name; /* NULL for the rings of VNICs. */
    const struct ovsdb_idl_column *status; /* NULL, with the next, for what
                                            * can't be in error. */
    const struct ovsdb_idl_column *status_reason;
    const char *add_verb;       /* "add-vnic", or NULL. */
};

extern const struct vsctl_table vsctl_vnic_table;
extern const struct vsctl_table vsctl_vnic_link_table;
extern const struct vsctl_table vsctl_vnic_ring_table;
extern const struct vsctl_table vsctl_vnic_classifier_table;
extern const struct vsctl_table vsctl_vns_instance_table;

/* The table that the user means by 'arg', which may be abbreviated and in any
 * case, or NULL if it is none of ours or ambiguous. */
const struct vsctl_table *vsctl_table_from_arg(const char *arg);
/* The table whose full name is 'name', or NULL. */
const struct vsctl_table *vsctl_table_from_name(const char *name);

/* The column that the user means by 'arg', likewise. */
const struct ovsdb_idl_column *vsctl_table_column_from_arg(
    const struct vsctl_table *, const char *arg);

/* The table's name column in 'row'; VNIC.ID for a ring, or its UUID if no VNIC
 * has it.  The caller frees it. */
char *vsctl_table_row_name(const struct vsctl_table *,
                           const struct ovsdb_idl_row *row);
/* The value of a string column; "" if it is empty. */
const char *vsctl_table_string(const struct ovsdb_idl_row *,
                               const struct ovsdb_idl_column *);
/* The row with 'name', or NULL. */
const struct ovsdb_idl_row *vsctl_table_find_row(const struct vsctl_table *,
                                                 const struct ovsdb_idl *,
                                                 const char *name);

/* For ctl_init__(): the stock table classes with names for our rows. */
const struct ctl_table_class *vsctl_tables_add_names(
    const struct ctl_table_class *stock);

/* For prerequisites. */
void vsctl_tables_use(struct ovsdb_idl *);
void vsctl_tables_require(struct ovsdb_idl *);
void vsctl_table_add_status(const struct vsctl_table *, struct ovsdb_idl *);

/* For the seam: 'schema' maps from the names of the tables that the server
 * has; it is NULL if the server does not tell. */
void vsctl_tables_check_schema(const struct shash *schema);

#endif /* utilities/vsctl-tables.h */
