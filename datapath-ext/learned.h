/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LEARNED_H
#define VNIC_LEARNED_H 1

/* Learned addresses
 * =================
 *
 * What: the IP addresses that a guest was heard to have (snoop.h), which its
 * VNIC treats as local.
 *
 * Data flow:
 *
 *     a VNIC's send() --learned_snoop()--> the set
 *     main loop: learned_changed() --> learned_taken(), learned_get() -->
 *         a new steering
 *
 * Nothing else but the choice of a ring of this same VNIC hangs on them, so it
 * doesn't matter that a guest can claim any address.  It does matter that a
 * guest may claim very many: there are LEARNED_MAX at most, of which the one
 * that was heard of the longest time ago gives way, and the main loop looks
 * ten times a second.
 *
 * Units: time in ms.
 *
 * Ownership: one per VNIC; freed a grace period after it was unpublished.
 *
 * Thread-safety: any thread.  There is a mutex, which is taken for frames that
 * tell an address only.
 *
 * Errors: none. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct dp_packet_batch;
struct eth_addr;
struct learned;

#define LEARNED_MAX 64

struct learned *learned_create(void);
/* Destroys it after a grace period. */
void learned_retire(struct learned *);

/* Learns from frames that the VNIC with the address 'mac' sends.  Returns true
 * if one was new. */
bool learned_snoop(struct learned *, const struct dp_packet_batch *,
                   const struct eth_addr *mac);

/* Returns how many addresses it stored in 'addresses'. */
size_t learned_get(struct learned *,
                   struct in6_addr addresses[LEARNED_MAX]);
/* Was any new one heard of since learned_taken()? */
bool learned_changed(const struct learned *);
/* What learned_get() returns from now on is taken into use. */
void learned_taken(struct learned *);

#endif /* datapath-ext/learned.h */
