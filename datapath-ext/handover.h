/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_HANDOVER_H
#define VNIC_HANDOVER_H 1

/* Handover
 * ========
 *
 * What: frames that a thread has received from a link for rings that it serves
 * itself.  It gives them to the datapath at once, each with its own port, and
 * the rings stay empty.  Without it the thread would put each frame into a
 * ring, find it there when its turn comes and by then cold, and the datapath
 * would look through all its ports for output to flush after every ring
 * instead of after every few hundred frames.
 *
 * Data flow:
 *
 *     rxq_recv() of any port of a link --> link_poll() --handover_add()-->
 *         a batch for each ring that this thread owns
 *     the datapath's input function (see seam.h) --handover_run()--> the
 *         batches, one after the other; then more polls of the link, as many
 *         as the link has rings, up to HANDOVER_POLLS
 *
 * A frame goes this way only if nothing delays or changes what leaves its ring
 * (limit, service order, merging, bypass), and after all that waits there.  So
 * the frames of a connection stay in order.
 *
 * Whose ring: the thread that visited it last, with ring_claim().  A
 * thread that finds another owner takes the ring over, but waits until that
 * owner has no batches in its hands, for there may be older frames of the ring
 * among them: 'is_active' and the ring's owner are written and read in
 * opposite order by the two, so that at least one sees the other (Dekker).
 *
 * Units: frames.
 *
 * Ownership: one struct handover per thread, which goes to the next new thread
 * when its own ends: a ring may still name it.  Packets in it are its own
 * between handover_add() and handover_run().
 *
 * Thread-safety: each thread uses its own, but for handover_is_active().
 *
 * Errors: none. */

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/types.h"
#include "ovs-atomic.h"

struct dp_packet;
struct dp_packet_batch;
struct handover;
struct link;
struct ring;

/* How many frames are collected before they are delivered: enough for runs of
 * several frames for one port, few enough to stay in the first-level cache. */
#define HANDOVER_FRAMES 512
#define HANDOVER_POLLS 16

/* This thread's. */
struct handover *handover_get(void);
bool handover_is_active(const struct handover *);

/* From handover_begin() on, frames may be added, for ports of the datapath of
 * this type (netdev_get_dpif_type()), which is the one that polls: the main
 * thread may poll for several. */
void handover_begin(struct handover *, struct link *, const char *dpif_type);
/* Returns false, and takes nothing, if the frames must go into the ring. */
bool handover_add(struct handover *, struct ring *,
                  struct dp_packet **packets, size_t n);
/* No more frames are added.  If 'batch', which the caller returns from its
 * receive queue, is empty, moves some there: the datapath goes on only if
 * there is something. */
void handover_commit(struct handover *, struct dp_packet_batch *batch);

/* For the input function: did this thread's last call to handover_commit()
 * leave anything to do?  Then it is for handover_run() to deliver the batch
 * that it was called with and all others. */
bool handover_is_pending(void);

/* Where handover_run() delivers: 'deliver' may keep packets (not the batch)
 * until 'flush', which may be NULL. */
struct handover_sink {
    void (*deliver)(void *aux, struct dp_packet_batch *, odp_port_t);
    void (*flush)(void *aux);
};
void handover_run(struct dp_packet_batch *, odp_port_t,
                  const struct handover_sink *, void *aux);

#endif /* datapath-ext/handover.h */
