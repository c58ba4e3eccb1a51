/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_SHOW_H
#define VNIC_SHOW_H 1

/* Show commands
 * =============
 *
 * What: what the 'show' commands of ovs-appctl have in common: they reply with
 * rows for each link or VNIC, or for the one that is named.
 *
 * Data flow: the command's arguments --show_vnics(), show_links()--> a
 * function that adds rows for one of them --> reply.h
 *
 * Units: those of the values that are put.
 *
 * Ownership: rows belong to the reply.
 *
 * Thread-safety: main thread only.
 *
 * Errors: an unknown name or argument is the reply. */

#include <stdint.h>

#include "datapath-ext/datapath-ext.h"
#include "openvswitch/json.h"
#include "openvswitch/types.h"

struct config;
struct link_row;
struct row_status;
struct unixctl_conn;
struct vnic_row;

typedef void add_vnic_func(struct json *rows, const struct config *,
                           const struct vnic_row *);
typedef void add_link_func(struct json *rows, const struct config *,
                           const struct link_row *);

/* 'columns' are those of the text, and end with NULL. */
void show_vnics(struct unixctl_conn *, int argc, const char *argv[],
                const char *const columns[], add_vnic_func *);
void show_links(struct unixctl_conn *, int argc, const char *argv[],
                const char *const columns[], add_link_func *);

void put_uint(struct json *row, const char *key, uint64_t value);
void put_status(struct json *row, const struct row_status *);
void put_mac(struct json *row, const struct eth_addr);
/* The sum, and in "drops_by_reason" each. */
void put_drops(struct json *row, const uint64_t drops[N_DROPS]);

#endif /* vswitchd-plugin/show.h */
