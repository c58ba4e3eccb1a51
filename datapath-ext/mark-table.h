/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_MARK_TABLE_H
#define VNIC_MARK_TABLE_H 1

/* Marks
 * =====
 *
 * What: says what a mark that a network device put on a frame means: for which
 * rule, or for which VNIC's claim, the device has taken the frame.
 *
 * Data flow:
 *
 *     link-hw.c: what is in the device --mark_table_add()--> struct mark_table
 *     frame --hw_take_mark()--> mark --mark_table_find()--> struct mark, or
 *         NULL: unknown
 *
 * A lookup must be cheaper than the one it saves, which is a probe of a hash
 * table.  Marks are numbers that count upwards, so a mark is its own hash, and
 * one probe of an array nearly always finds it.
 *
 * Ownership: a table is changed only before it is published, and freed a grace
 * period after it was unpublished.  Rules and ports are their owners', who
 * unpublish the table before they unpublish those.
 *
 * Thread-safety: mark_table_find() in any thread.
 *
 * Errors: none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct link_port;
struct rule;

struct mark {
    uint32_t mark;              /* 0 if the slot is free. */
    ovs_be16 tci, tci_mask;     /* With a rule: its frames have this TCI. */
    bool asks_rules;            /* With a claim: may a rule of the link go
                                 * before it? */
    struct rule *rule;          /* NULL for a claim. */
    const struct link_port *port; /* Whose; NULL for a rule of the link. */
};

struct mark_table {
    uint32_t mask;              /* Number of slots, less 1. */
    struct mark slots[];
};

/* Holds at most 'n' marks. */
struct mark_table *mark_table_create(size_t n);
/* Copies 'mark', which must be new to the table. */
void mark_table_add(struct mark_table *, const struct mark *);

static inline const struct mark *
mark_table_find(const struct mark_table *table, uint32_t mark)
{
    const struct mark *slot;

    /* At least every other slot is free. */
    for (uint32_t i = mark; ; i++) {
        slot = &table->slots[i & table->mask];
        if (slot->mark == mark || !slot->mark) {
            break;
        }
    }
    return slot->mark ? slot : NULL;
}

#endif /* datapath-ext/mark-table.h */
