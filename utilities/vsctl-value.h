/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_VALUE_H
#define VSCTL_VALUE_H 1

/* Values that a column refuses
 * ============================
 *
 * What: says which row and column a refused value was meant for, and what to
 * do.  OVS's own words for what is wrong with it stay; they name neither, and
 * a string's length is refused by the server only, as JSON.
 *
 * Data flow:
 *
 *     schema of the server --> vsctl_value_learn() --> types of the IDL
 *     stock error, arguments --> vsctl_value_explain() --> sentence
 *     row before the commit --> vsctl_value_check_row() --> ends the program
 *
 * Units: lengths are in characters of UTF-8, as in the schema.
 *
 * Ownership: an error in the context is replaced and freed.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: an error that none of the arguments explains stays as it is. */

#include <stddef.h>

struct ctl_context;
struct json;
struct ovsdb_idl_row;
struct vsctl_table;

/* Takes the limits of strings over from the server's schema, for the types in
 * vswitch-idl.c have none. */
void vsctl_value_learn(const struct json *schema);

/* Explains the context's error, if there is one, if it is about one of the
 * 'n' arguments COLUMN=VALUE for the row of 'table' that the user calls
 * 'name', which is NULL if it has no name yet. */
void vsctl_value_explain(struct ctl_context *, const struct vsctl_table *,
                         const char *name, char *args[], size_t n);
/* The same, if it is known to be about a value for 'column', which may be
 * abbreviated. */
void vsctl_value_explain_column(struct ctl_context *,
                                const struct vsctl_table *, const char *name,
                                const char *column);

/* Ends the program if 'row' is new and lacks a column that must be set. */
void vsctl_value_check_row(const struct vsctl_table *,
                           const struct ovsdb_idl_row *row);

#endif /* utilities/vsctl-value.h */
