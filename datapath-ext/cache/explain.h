/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_EXPLAIN_H
#define CACHE_EXPLAIN_H 1

/* Explain
 * =======
 *
 * What: the entries of a cache that match a flow, with what they do and the
 * stages that were recorded: megaflows with their actions, connections by
 * zone; or if there is none, what was recorded of the flow and not kept, with
 * the reason.  Which OpenFlow rules a megaflow is made of is not known here,
 * so that each is also handed out as it is.
 *
 * Data flow: the main thread --explain_ask()--> a request in the cache;
 *            the cache's thread, from cache_run(), --explain_run()--> looks
 *            through some entries at a time, so that its packets don't wait,
 *            and answers;
 *            the main thread waits for that.
 *
 * The thread reads its own table, so that nothing of it needs a lock for the
 * sake of a question.
 *
 * Units: entries.
 *
 * Ownership: a request is on the stack of explain_ask(), which takes it back
 * before it returns.
 *
 * Thread-safety: explain_ask() is for the main thread, explain_run() for the
 * cache's, which may be the same.
 *
 * Errors: a thread that doesn't answer in a second is said to be busy. */

#include "openvswitch/match.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"

struct cache;
struct cache_explanation;

struct explain_slot {
    struct ovs_mutex mutex;
    struct explain_request *request OVS_GUARDED;
    atomic_bool is_asked;       /* For a look without the mutex. */
};

void explain_init(struct explain_slot *);
/* Nobody waits any more. */
void explain_destroy(struct explain_slot *);

/* Appends to 'answer' the entries that match, at most 'max', or why there is
 * none. */
void explain_ask(struct cache *, const struct match *, size_t max,
                 struct cache_explanation *answer);
void explain_run(struct cache *);

#endif /* datapath-ext/cache/explain.h */
