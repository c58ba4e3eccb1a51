/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_LEARN_H
#define CACHE_LEARN_H 1

/* Learn
 * =====
 *
 * What: turns what was recorded into entries.  An entry is tried out first: it
 * is applied to the headers that came in, and must make of them the headers
 * that went out.
 *
 * Data flow: record.h --learn_all()--> table.h, path.h, session.h
 *
 * Units: see cache.h.
 *
 * Ownership: see cache.h.
 *
 * Thread-safety: the cache's thread.
 *
 * Errors: refusals, which are counted. */

#include "datapath-ext/cache/cache.h"

/* Of packets that go to tunnels it also learns which these are. */
void learn_all(struct cache *, long long now);
/* Makes the place of an entry free. */
void learn_forget(struct cache *, struct entry *);

#endif /* datapath-ext/cache/learn.h */
