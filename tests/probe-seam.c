/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "tests/probe-seam.h"

#include "cmap.h"
#include "datapath-ext/counter.h"

const struct cmap_node *__real_cmap_find(const struct cmap *, uint32_t hash);
const struct cmap_node *__wrap_cmap_find(const struct cmap *, uint32_t hash);

static struct counter probes;

uint64_t
probe_count(void)
{
    return counter_read(&probes);
}

const struct cmap_node *
__wrap_cmap_find(const struct cmap *cmap, uint32_t hash)
{
    counter_add(&probes, 1);
    return __real_cmap_find(cmap, hash);
}
