/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_REPLY_H
#define VNIC_REPLY_H 1

/* Replies of commands
 * ===================
 *
 * What: the arguments and the two forms of output that all 'vnic/...' commands
 * have in common.
 *
 * Data flow: argv --reply_parse_args()--> name and form; rows, an array of
 * JSON objects --reply_rows()--> JSON, or the members in 'columns' as an
 * aligned table.
 *
 * Ownership: reply_rows() frees the rows.
 *
 * Thread-safety: main thread only.
 *
 * Errors: reply_parse_args() returns false when it has already replied with
 * the error. */

#include <stdbool.h>
#include <stddef.h>

struct json;
struct unixctl_conn;

/* Takes "-f json", "--format=json" and their "text" twins out of the
 * arguments.  Stores the one other argument, or NULL, in '*namep'. */
bool reply_parse_args(struct unixctl_conn *, int argc, const char *argv[],
                      bool *as_json, const char **namep);
/* The same for 'n' other arguments that must be there. */
bool reply_parse_names(struct unixctl_conn *, int argc, const char *argv[],
                       bool *as_json, const char *names[], size_t n);

/* 'columns' ends with NULL; the last one may be of any width. */
void reply_rows(struct unixctl_conn *, struct json *rows, bool as_json,
                const char *const columns[]);

/* "there is no VNIC "v9"" */
void reply_unknown(struct unixctl_conn *, const char *what, const char *name);

#endif /* vswitchd-plugin/reply.h */
