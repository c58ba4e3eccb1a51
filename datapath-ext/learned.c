/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/learned.h"

#include "datapath-ext/snoop.h"
#include "dp-packet.h"
#include "openvswitch/types.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

struct learned {
    struct ovs_mutex mutex;
    size_t n OVS_GUARDED;
    struct {
        struct in6_addr address;
        long long int heard;    /* When, for the last time. */
    } entries[LEARNED_MAX] OVS_GUARDED;
    atomic_bool changed;        /* Since learned_taken()? */
};

struct learned *
learned_create(void)
{
    struct learned *learned = xzalloc(sizeof *learned);

    ovs_mutex_init(&learned->mutex);
    return learned;
}

static void
learned_destroy(struct learned *learned)
{
    ovs_mutex_destroy(&learned->mutex);
    free(learned);
}

void
learned_retire(struct learned *learned)
{
    if (learned) {
        ovsrcu_postpone(learned_destroy, learned);
    }
}

/* Returns the entry of 'address', or the one that it may have. */
static size_t
find_entry(const struct learned *learned, const struct in6_addr *address)
    OVS_REQUIRES(learned->mutex)
{
    size_t oldest = 0;

    for (size_t i = 0; i < learned->n; i++) {
        if (ipv6_addr_equals(&learned->entries[i].address, address)) {
            return i;
        }
        if (learned->entries[i].heard < learned->entries[oldest].heard) {
            oldest = i;
        }
    }
    return learned->n < LEARNED_MAX ? learned->n : oldest;
}

/* Returns true if 'address' is new. */
static bool
learned_add(struct learned *learned, const struct in6_addr *address)
{
    bool is_new;

    ovs_mutex_lock(&learned->mutex);

    size_t i = find_entry(learned, address);

    is_new = (i == learned->n
              || !ipv6_addr_equals(&learned->entries[i].address, address));
    if (is_new) {
        learned->n = MAX(learned->n, i + 1);
        learned->entries[i].address = *address;
        atomic_store_relaxed(&learned->changed, true);
    }
    learned->entries[i].heard = time_msec();
    ovs_mutex_unlock(&learned->mutex);
    return is_new;
}

bool
learned_snoop(struct learned *learned, const struct dp_packet_batch *batch,
              const struct eth_addr *mac)
{
    struct dp_packet *packet;
    struct in6_addr address;
    bool any_new = false;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (OVS_UNLIKELY(snoop_address(packet, mac, &address))
            && learned_add(learned, &address)) {
            any_new = true;
        }
    }
    return any_new;
}

size_t
learned_get(struct learned *learned, struct in6_addr addresses[LEARNED_MAX])
{
    size_t n;

    ovs_mutex_lock(&learned->mutex);
    n = learned->n;
    for (size_t i = 0; i < n; i++) {
        addresses[i] = learned->entries[i].address;
    }
    ovs_mutex_unlock(&learned->mutex);
    return n;
}

void
learned_taken(struct learned *learned)
{
    /* An address that is added from now on sets it again, and one that was
     * added before is in what learned_get() returns. */
    atomic_store_relaxed(&learned->changed, false);
}

bool
learned_changed(const struct learned *learned)
{
    bool changed;

    atomic_read_relaxed(&CONST_CAST(struct learned *, learned)->changed,
                        &changed);
    return changed;
}
