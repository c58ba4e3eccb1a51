/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_CT_CHANGE_H
#define CACHE_CT_CHANGE_H 1

/* Changes of connections
 * ======================
 *
 * What: finds out which connections a call of conntrack_execute() gave another
 * mark or label, or replaced by force, so that entries which rely on them
 * die.  A mark that is set to what it was is no change.
 *
 * Data flow: seam.c: ct_change_begin(), conntrack_execute(), ct_change_end();
 *            meanwhile, for each connection, ovs.h's hook: ct_change_note()
 *
 * Units: none.
 *
 * Ownership: struct ct_change is on the stack of the call.
 *
 * Thread-safety: one thread, which has one such call at a time.
 *
 * Errors: none. */

#include <stdbool.h>

#include "datapath-ext/cache/ovs.h"
#include "dp-packet.h"

struct ct_change {
    size_t n;
    struct {
        struct conn *conn;
        struct ovs_ct_mark mark; /* Before. */
    } conns[2 * NETDEV_MAX_BURST];
};

void ct_change_begin(struct ct_change *, const struct dp_packet_batch *);
void ct_change_note(struct conn *); /* Its lock is held. */
void ct_change_end(struct ct_change *, const struct dp_packet_batch *,
                   bool force);

#endif /* datapath-ext/cache/ct-change.h */
