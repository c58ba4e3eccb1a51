/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/mark-table.h"

#include "util.h"

struct mark_table *
mark_table_create(size_t n)
{
    size_t n_slots = ROUND_UP_POW2(MAX(2 * n, 2));
    struct mark_table *table
        = xzalloc(sizeof *table + n_slots * sizeof table->slots[0]);

    table->mask = n_slots - 1;
    return table;
}

void
mark_table_add(struct mark_table *table, const struct mark *mark)
{
    uint32_t i = mark->mark;

    ovs_assert(mark->mark && !mark_table_find(table, mark->mark));
    while (table->slots[i & table->mask].mark) {
        i++;
    }
    table->slots[i & table->mask] = *mark;
}
