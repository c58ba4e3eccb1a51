/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_FRONT_H
#define VNIC_FRONT_H 1

/* Front
 * =====
 *
 * What: the port through which a VNIC's guest is reached, such as a tap or a
 * vhost-user device, seen as a way to hand it frames without passing
 * OpenFlow.  It is an ordinary port of the bridge, which the bridge owns and
 * configures; frames from the guest always take the way through OpenFlow.
 *
 * Data flow: rxq_recv() of a ring's port --front_send()--> the guest.
 *
 * A front may be reconfigured at any time by its owner, the datapath, which
 * takes care of its own threads but doesn't know of ours: the seam holds that
 * call (front_lock()) until no thread sends, and while it runs front_send()
 * refuses, so that frames pass through OpenFlow.
 *
 * Rejected: to wait for an RCU grace period there, since the datapath holds
 * locks that other threads wait for without being quiescent.
 *
 * Ownership: a front has a reference to its netdev, which its owner must
 * close before an interface of that name may change its type.
 *
 * Thread-safety: front_send() in any thread, by RCU; front_close() a grace
 * period after it was unpublished; all others in the main thread.
 *
 * Errors: front_open() returns NULL if there is no such port yet.
 *
 * Source: US patent 8005022 (from the ring to the guest's interface without
 * the host's network stack). */

#include <stdbool.h>

struct dp_packet_batch;
struct front;
struct netdev;

struct front *front_open(const char *name);
void front_close(struct front *);

/* Sends and takes all of 'batch'; returns false, and does neither, if it can't
 * now. */
bool front_send(struct front *, struct dp_packet_batch *batch);

const char *front_name(const struct front *);
/* The class of the port, which is another after its type was changed. */
const char *front_type(const struct front *);

/* The front on 'netdev', or NULL, kept from sending until it is unlocked. */
struct front *front_lock(const struct netdev *netdev);
void front_unlock(struct front *);

#endif /* datapath-ext/front.h */
