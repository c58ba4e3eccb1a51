/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_STEER_H
#define VNIC_STEER_H 1

/* Steering
 * ========
 *
 * What: says which of its receive rings a VNIC gets a frame in.  A VNIC whose
 * only ring is the default one has no such object.
 *
 * Data flow:
 *
 *     frame for the VNIC --steer_frame()-->
 *         1. an IP packet to one of the VNIC's own addresses, or in a frame
 *            with a group address: the local ring
 *         2. any other IP packet: the forwarding ring
 *         3. no IP packet, or no ring for it: the default ring
 *
 * The split lets segments be merged that end here, while those that the guest
 * routes on keep their boundaries.
 *
 * Ownership: immutable.  Part of a struct link_port, freed with it.  Rings
 * belong to the VNIC's ports and outlive it.
 *
 * Thread-safety: steer_frame() in any thread.
 *
 * Errors: none; what can't be parsed goes to the default ring.
 *
 * Source: US patent 7944923 (local and forwarding receive rings). */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct dp_packet;
struct ring;
struct steer;

struct steer_options {
    struct ring *fallback;      /* The default ring. */
    struct ring *local;         /* NULL if there is none... */
    struct ring *forward;       /* ...and so for this. */
    const struct in6_addr *addresses; /* The VNIC's own, IPv4 ones mapped. */
    size_t n_addresses;
};

struct steer *steer_create(const struct steer_options *);
void steer_destroy(struct steer *);

/* 'packet' is as it came from the device, or from a neighbour without a
 * tag. */
struct ring *steer_frame(const struct steer *, const struct dp_packet *);

#endif /* datapath-ext/steer.h */
