/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/service.h"

#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

/* Frames in and out.  What is written by the receiving thread and by those
 * that poll rings is on different cache lines. */
struct service_rank {
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        struct counter put_own;
        struct counter put;
    );
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        struct counter got;
        atomic_uint32_t heaviest; /* Weight of a ring that has frames... */
        struct counter visits;  /* ...and visits to such as heavy ones. */
    );
};

struct service {
    struct service_rank ranks[SERVICE_N_RANKS];

    atomic_bool is_mixed;       /* What service_quota() looks at. */

    struct ovs_refcount ref_cnt;

    /* Rings by rank and weight. */
    struct ovs_mutex mutex;
    unsigned int n[SERVICE_N_RANKS][SERVICE_WEIGHT_MAX + 1] OVS_GUARDED;
};

struct service *
service_create(void)
{
    struct service *service = xzalloc_cacheline(sizeof *service);

    ovs_refcount_init(&service->ref_cnt);
    ovs_mutex_init(&service->mutex);
    return service;
}

void
service_unref(struct service *service)
{
    if (service && ovs_refcount_unref(&service->ref_cnt) == 1) {
        ovs_mutex_destroy(&service->mutex);
        free_cacheline(service);
    }
}

unsigned int
service_rank(enum vnic_priority priority, bool is_strict, bool is_control)
{
    return is_control ? 0 : 1 + 2 * priority + !is_strict;
}

/* Finds out whether any two rings differ in rank or weight. */
static void
service_update(struct service *service)
    OVS_REQUIRES(service->mutex)
{
    unsigned int n_kinds = 0;

    for (size_t rank = 0; rank < SERVICE_N_RANKS; rank++) {
        for (size_t weight = 0; weight <= SERVICE_WEIGHT_MAX; weight++) {
            n_kinds += service->n[rank][weight] > 0;
        }
    }
    atomic_store_relaxed(&service->is_mixed, n_kinds > 1);
}

static void
service_count(struct service_slot *slot, int delta)
{
    struct service *service = slot->service;

    ovs_mutex_lock(&service->mutex);
    service->n[slot->rank][slot->weight] += delta;
    if (service->n[slot->rank][slot->weight] <= 1) {
        service_update(service);
    }
    ovs_mutex_unlock(&service->mutex);
}

void
service_join(struct service *service, struct service_slot *slot,
             unsigned int rank, unsigned int weight)
{
    ovs_assert(rank < SERVICE_N_RANKS && weight <= SERVICE_WEIGHT_MAX);
    ovs_refcount_ref(&service->ref_cnt);
    slot->service = service;
    slot->rank = rank;
    slot->weight = weight;
    service_count(slot, 1);
}

void
service_leave(struct service_slot *slot)
{
    service_count(slot, -1);
    service_unref(slot->service);
}

bool
service_is_mixed(const struct service_slot *slot)
{
    bool is_mixed;

    atomic_read_relaxed(&slot->service->is_mixed, &is_mixed);
    return is_mixed;
}

void
service_put_own(struct service_slot *slot, size_t n)
{
    counter_add_own(&slot->service->ranks[slot->rank].put_own, n);
}

void
service_put(struct service_slot *slot, size_t n)
{
    counter_add(&slot->service->ranks[slot->rank].put, n);
}

void
service_got(struct service_slot *slot, size_t n)
{
    counter_add(&slot->service->ranks[slot->rank].got, n);
}

/* Reads 'got' first: frames that come and go meanwhile count as pending. */
static uint64_t
rank_pending(const struct service_rank *rank, uint64_t *got)
{
    *got = counter_read(&rank->got);
    return counter_read(&rank->put_own) + counter_read(&rank->put) - *got;
}

/* Does a higher rank want its turn, and does it take it?
 *
 * In a rank that is well served a few frames arrive between any two visits: to
 * yield to those again and again would leave this ring nothing, although its
 * thread has time.  So a ring that has yielded does so once more only if the
 * higher rank still has frames that it had then. */
static bool
must_yield(struct service_slot *slot)
{
    const struct service *service = slot->service;
    bool wants = false, is_behind = false;

    for (size_t i = 0; i < slot->rank; i++) {
        uint64_t got;
        uint64_t pending = rank_pending(&service->ranks[i], &got);

        if (pending && got != slot->seen[i]) {
            wants = true;
            is_behind |= (int64_t) (slot->due[i] - got) > 0;
        }
        slot->seen[i] = got;
        slot->due[i] = got + pending;
    }
    slot->has_yielded = wants && (!slot->has_yielded || is_behind);
    return slot->has_yielded;
}

/* The weight that earns a full batch now. */
static uint32_t
heaviest_weight(struct service_slot *slot)
{
    struct service_rank *rank = &slot->service->ranks[slot->rank];
    uint64_t visits = counter_read(&rank->visits);
    uint32_t heaviest;

    atomic_read_relaxed(&rank->heaviest, &heaviest);
    if (slot->weight < heaviest) {
        slot->n_quiet = visits == slot->seen_visits ? slot->n_quiet + 1 : 0;
        slot->seen_visits = visits;
        if (slot->n_quiet < SERVICE_QUIET_VISITS) {
            return heaviest;
        }
    }
    slot->n_quiet = 0;
    if (slot->weight != heaviest) {
        /* Two may do this at once; the heavier one comes again. */
        atomic_store_relaxed(&rank->heaviest, slot->weight);
    }
    counter_add(&rank->visits, 1);
    return slot->weight;
}

static bool
is_alone(const struct service_slot *slot, size_t fill)
{
    uint64_t got;

    return rank_pending(&slot->service->ranks[slot->rank], &got) <= fill;
}

size_t
service_quota(struct service_slot *slot, size_t fill, size_t max)
{
    if (OVS_LIKELY(!service_is_mixed(slot))) {
        return max;
    }
    if (!fill) {
        slot->credit = 0;
        return 0;
    }

    /* Looked up also by a ring that yields: it has frames. */
    uint32_t heaviest = heaviest_weight(slot);

    if (must_yield(slot)) {
        return 0;
    }
    if (slot->weight == heaviest || is_alone(slot, fill)) {
        slot->credit = 0;
        return max;
    }
    slot->credit += (double) max * slot->weight / heaviest;
    slot->credit = MIN(slot->credit, max);

    size_t quota = slot->credit;

    quota = MIN(quota, fill);
    slot->credit -= quota;
    return quota;
}
