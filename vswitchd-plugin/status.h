/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_STATUS_H
#define VNIC_STATUS_H 1

/* Status columns
 * ==============
 *
 * What: writes what the daemon knows into the ephemeral columns of our rows.
 * Only what differs is written, so that an idle pass makes no transaction.
 * The rows of one table, VNIC_Cache, are its own work too.
 *
 * Data flow: struct config and datapath-ext's counters --> columns of the rows
 * that 'idl' has now, found by name or UUID.
 *
 * Thread-safety: main thread only, inside an open transaction of 'idl'.
 *
 * Errors: a row that has gone is passed over. */

#include <stdbool.h>

struct config;
struct ovsdb_idl;
struct ovsdb_idl_txn;

/* Tells 'idl' that a change of the columns that we write ourselves is no
 * change of the configuration. */
void status_omit_alerts(struct ovsdb_idl *);

/* The columns status, status_reason and what goes with them. */
void status_write(const struct config *, const struct ovsdb_idl *);

/* The columns statistics. */
void status_write_statistics(const struct config *, const struct ovsdb_idl *);

/* The rows of VNIC_Cache, which are ours to make: 'txn' is that in which they
 * are.  There must be one at a time, for names are unique. */
void status_write_caches(const struct ovsdb_idl *, struct ovsdb_idl_txn *txn);
/* Is there something to write, or to remove? */
bool status_has_caches(const struct ovsdb_idl *);

/* "active", "inactive" or "error". */
const char *status_state_to_string(int row_state);

#endif /* vswitchd-plugin/status.h */
