/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/reply.h"

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "unixctl.h"
#include "util.h"

#define MAX_COLUMNS 12

static char *
cell_to_string(const struct json *row, const char *key)
{
    const struct json *value = shash_find_data(json_object(row), key);

    return (!value || value->type == JSON_NULL ? xstrdup("-")
            : value->type == JSON_STRING ? xstrdup(json_string(value))
            : json_to_string(value, JSSF_SORT));
}

static size_t
column_width(const struct json *rows, const char *key)
{
    size_t width = strlen(key);

    for (size_t i = 0; i < json_array(rows)->n; i++) {
        char *cell = cell_to_string(json_array(rows)->elems[i], key);

        width = MAX(width, strlen(cell));
        free(cell);
    }
    return width;
}

/* Formats the members 'columns', which ends with NULL, of the objects 'rows'
 * as an aligned table.  The last column may be of any width. */
static char *
format_table(const struct json *rows, const char *const columns[])
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    int widths[MAX_COLUMNS];

    for (size_t c = 0; columns[c]; c++) {
        ovs_assert(c < MAX_COLUMNS);
        widths[c] = columns[c + 1] ? column_width(rows, columns[c]) : 0;
    }
    for (size_t r = 0; r <= json_array(rows)->n; r++) {
        for (size_t c = 0; columns[c]; c++) {
            char *cell = r ? cell_to_string(json_array(rows)->elems[r - 1],
                                            columns[c])
                           : xstrdup(columns[c]);

            ds_put_format(&ds, "%-*s%s", widths[c], cell,
                          columns[c + 1] ? "  " : "\n");
            free(cell);
        }
    }
    return ds_steal_cstr(&ds);
}

void
reply_rows(struct unixctl_conn *conn, struct json *rows, bool as_json,
           const char *const columns[])
{
    char *s = as_json ? json_to_string(rows, JSSF_PRETTY | JSSF_SORT)
                      : format_table(rows, columns);

    unixctl_command_reply(conn, s);
    free(s);
    json_destroy(rows);
}

/* Stores up to 'max' arguments that are no options in 'names', and their
 * number in '*n'. */
static bool
parse_args(struct unixctl_conn *conn, int argc, const char *argv[],
           bool *as_json, const char *names[], size_t max, size_t *n)
{
    *as_json = false;
    *n = 0;
    for (int i = 1; i < argc; i++) {
        const char *format = (!strncmp(argv[i], "--format=", 9) ? argv[i] + 9
                              : strcmp(argv[i], "-f") ? NULL
                              : i + 1 < argc ? argv[++i]
                              : "");

        if (format && strcmp(format, "json") && strcmp(format, "text")) {
            unixctl_command_reply_error(conn, "format must be json or text");
            return false;
        } else if (format) {
            *as_json = !strcmp(format, "json");
        } else if (*n == max) {
            unixctl_command_reply_error(conn, max == 1
                                        ? "give at most one name"
                                        : "there are too many arguments");
            return false;
        } else {
            names[(*n)++] = argv[i];
        }
    }
    return true;
}

bool
reply_parse_args(struct unixctl_conn *conn, int argc, const char *argv[],
                 bool *as_json, const char **namep)
{
    size_t n;

    *namep = NULL;
    return parse_args(conn, argc, argv, as_json, namep, 1, &n);
}

bool
reply_parse_names(struct unixctl_conn *conn, int argc, const char *argv[],
                  bool *as_json, const char *names[], size_t n)
{
    size_t n_names;

    if (!parse_args(conn, argc, argv, as_json, names, n, &n_names)) {
        return false;
    }
    if (n_names < n) {
        unixctl_command_reply_error(conn, "an argument is missing");
        return false;
    }
    return true;
}

void
reply_unknown(struct unixctl_conn *conn, const char *what, const char *name)
{
    char *s = xasprintf("there is no %s \"%s\"", what, name);

    unixctl_command_reply_error(conn, s);
    free(s);
}
