/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/handover.h"

#include "datapath-ext/link.h"
#include "datapath-ext/ring.h"
#include "datapath-ext/vnic.h"
#include "dp-packet.h"
#include "netdev.h"
#include "odp-util.h"
#include "ovs-thread.h"
#include "util.h"

struct entry {
    struct ring *ring;
    struct dp_packet_batch batch;
};

struct handover {
    atomic_bool is_active;
    struct handover *next;      /* In 'spare'. */

    /* Its thread. */
    bool is_pending;            /* Is handover_run() to come? */
    odp_port_t first_port;      /* Of the batch from handover_take_first(), or
                                 * ODPP_NONE. */
    struct link *link;
    const char *dpif_type;      /* Of the datapath that polls. */
    size_t n_frames;
    size_t n;
    struct entry entries[HANDOVER_FRAMES];
};

static thread_local struct handover *self;

/* Those of threads that have ended.  Global as threads are. */
static struct ovs_mutex spare_mutex = OVS_MUTEX_INITIALIZER;
static struct handover *spare OVS_GUARDED_BY(spare_mutex);
static ovsthread_key_t key;

static void
handover_release(void *handover_)
{
    struct handover *handover = handover_;

    ovs_mutex_lock(&spare_mutex);
    handover->next = spare;
    spare = handover;
    ovs_mutex_unlock(&spare_mutex);
}

static struct handover *
handover_create(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct handover *handover;

    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&key, handover_release);
        ovsthread_once_done(&once);
    }
    ovs_mutex_lock(&spare_mutex);
    handover = spare;
    if (handover) {
        spare = handover->next;
    }
    ovs_mutex_unlock(&spare_mutex);
    if (!handover) {
        handover = xzalloc_cacheline(sizeof *handover);
    }
    handover->first_port = ODPP_NONE;
    ovsthread_setspecific(key, handover);
    return handover;
}

struct handover *
handover_get(void)
{
    if (OVS_UNLIKELY(!self)) {
        self = handover_create();
    }
    return self;
}

bool
handover_is_active(const struct handover *handover)
{
    bool is_active;

    atomic_read(&CONST_CAST(struct handover *, handover)->is_active,
                &is_active);
    return is_active;
}

void
handover_begin(struct handover *handover, struct link *link,
               const char *dpif_type)
{
    handover->link = link;
    handover->dpif_type = dpif_type;
    /* Before any look at the owner of a ring. */
    atomic_store(&handover->is_active, true);
}

static void
handover_end(struct handover *handover)
{
    handover->is_pending = false;
    handover->first_port = ODPP_NONE;
    /* Pairs with ring_claim(): who sees this sees what was delivered. */
    atomic_store_explicit(&handover->is_active, false, memory_order_release);
}

/* A batch has one source, see ring.c. */
static bool
fits(const struct entry *entry, struct dp_packet *const *packets, size_t n)
{
    const struct dp_packet_batch *batch = &entry->batch;
    const struct dp_packet *first = batch->count ? batch->packets[0]
                                                 : packets[0];

    if (batch->count + n > NETDEV_MAX_BURST) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (packets[i]->source != first->source) {
            return false;
        }
    }
    return true;
}

/* Makes a batch for 'ring', with what waits there. */
static struct entry *
entry_create(struct handover *handover, struct ring *ring)
{
    struct entry *entry;

    if (handover->n == ARRAY_SIZE(handover->entries)) {
        return NULL;
    }
    ring_set_place(ring, handover->n);
    entry = &handover->entries[handover->n++];
    entry->ring = ring;
    dp_packet_batch_init(&entry->batch);
    if (ring_fill(ring)) {
        entry->batch.count = ring_get(ring, entry->batch.packets,
                                      NETDEV_MAX_BURST);
    }
    return entry;
}

bool
handover_add(struct handover *handover, struct ring *ring,
             struct dp_packet **packets, size_t n)
{
    const struct vnic_device *device = ring_get_aux(ring);

    if (!ring_is_owned(ring, handover) || !ring_is_free(ring)
        || !vnic_device_is_plain(device)
        || netdev_get_dpif_type(device->netdev) != handover->dpif_type) {
        return false;
    }

    size_t place = ring_get_place(ring);
    struct entry *entry = &handover->entries[place];

    if (place >= handover->n || entry->ring != ring) {
        entry = entry_create(handover, ring);
    }
    if (!entry || !fits(entry, packets, n) || ring_fill(ring)) {
        return false;
    }
    memcpy(&entry->batch.packets[entry->batch.count], packets,
           n * sizeof *packets);
    entry->batch.count += n;
    handover->n_frames += n;
    return true;
}

static odp_port_t
entry_port(const struct entry *entry)
{
    return vnic_device_number(ring_get_aux(entry->ring));
}

static void
entry_count(const struct entry *entry)
{
    vnic_device_count(ring_get_aux(entry->ring), &entry->batch);
}

void
handover_commit(struct handover *handover, struct dp_packet_batch *batch)
{
    /* An entry stays empty if its first run had packets of two sources. */
    while (handover->n
           && !handover->entries[handover->n - 1].batch.count) {
        handover->n--;
    }
    if (!handover->n) {
        if (batch->count && link_n_rings(handover->link) > 1) {
            /* Others may follow when more is polled. */
            handover->is_pending = true;
        } else {
            handover_end(handover);
        }
        return;
    }
    if (!batch->count) {
        /* The last, so that the others keep their places. */
        const struct entry *last = &handover->entries[--handover->n];

        entry_count(last);
        *batch = last->batch;
        handover->first_port = entry_port(last);
    }
    handover->is_pending = true;
}

bool
handover_is_pending(void)
{
    return self && self->is_pending;
}

/* Polls the link until there are HANDOVER_FRAMES, or it has no more.  Returns
 * false if there was nothing. */
static bool
handover_gather(struct handover *handover, unsigned int *polls)
{
    size_t n;

    handover->n_frames = 0;
    do {
        --*polls;
        n = link_poll(handover->link, NULL, NULL, handover);
    } while (n == NETDEV_MAX_BURST && *polls
             && handover->n_frames < HANDOVER_FRAMES);
    return handover->n;
}

static void
handover_deliver_all(struct handover *handover,
                     const struct handover_sink *sink, void *aux)
{
    for (size_t i = 0; i < handover->n; i++) {
        struct entry *entry = &handover->entries[i];
        odp_port_t port = entry_port(entry);

        if (entry->batch.count) {
            entry_count(entry);
            sink->deliver(aux, &entry->batch, port);
        }
    }
    if (sink->flush) {
        sink->flush(aux);
    }
    handover->n = 0;
}

void
handover_run(struct dp_packet_batch *batch, odp_port_t port,
             const struct handover_sink *sink, void *aux)
{
    struct handover *handover = self;
    unsigned int polls = MIN(link_n_rings(handover->link), HANDOVER_POLLS);

    sink->deliver(aux, batch, (handover->first_port != ODPP_NONE
                               ? handover->first_port : port));
    do {
        handover_deliver_all(handover, sink, aux);
    } while (polls && handover_gather(handover, &polls));
    handover_end(handover);
}
