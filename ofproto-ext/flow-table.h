/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H 1

/* Our flows in table 0
 * ====================
 *
 * What: adds, finds and removes single flows in table 0 of a bridge, before
 * the flows of the operator and of a controller.
 *
 * Like the flows of in-band control and fail-open, ours have a priority that
 * OpenFlow can't express, so that no controller sees, changes or deletes them;
 * "ovs-appctl bridge/dump-flows" shows them.  Theirs is above all of those:
 * whatever table 0 does with a packet, it does after us.
 *
 * Rejected: a table of our own.  All packets start in table 0, which belongs
 * to the operator.  Also rejected: ofproto_add_flow(), which doesn't tell
 * whether the flow was added.
 *
 * Data flow: ring-flow.c decides which flows there should be.
 *
 * Ownership: matches and actions remain the caller's.
 *
 * Thread-safety: main thread only.
 *
 * Errors: an OpenFlow error code, 0 for success. */

#include <stdbool.h>

#include "openvswitch/ofp-errors.h"

struct match;
struct ofpbuf;
struct ofproto;

/* Returns NULL if there is no bridge of that name. */
struct ofproto *flow_table_bridge(const char *name);

/* Is there a flow with just this match and these actions? */
bool flow_table_has(const struct ofproto *, const struct match *,
                    const struct ofpbuf *actions);
/* Adds a flow or replaces the actions of the one with the same match, so that
 * no packet sees neither. */
enum ofperr flow_table_add(struct ofproto *, const struct match *,
                           const struct ofpbuf *actions);
void flow_table_remove(struct ofproto *, const struct match *);

#endif /* ofproto-ext/flow-table.h */
