/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LOCAL_LEARN_H
#define VNIC_LOCAL_LEARN_H 1

/* Learning of local addresses
 * ===========================
 *
 * What: which IP addresses a guest has, as its network namespace
 * (VNIC.netns) tells.  They are those of its interfaces that have the VNIC's
 * MAC address, IPv6 link-local ones included, and without those that
 * duplicate address detection has not passed.
 *
 * Data flow:
 *
 *     configuration --local_learn_set()--> the whole set of who is watched
 *     main loop     local_learn_run(), local_learn_wait()
 *     local_learn_seqno() differs: reconfigure, and ask local_learn_get()
 *
 * Each change in a namespace makes us read all of its links and addresses
 * anew, at most ten times a second, and so that at most a tenth of the main
 * thread's time goes there: a guest with privileges in its namespace can
 * change them as fast as it likes.
 *
 * A namespace that goes away or comes is noticed at once, by inotify(7); what
 * inotify can't tell (the namespace is mounted after its name appears, the
 * directory of the names isn't there yet), within a second.
 *
 * Units: none.
 *
 * Ownership: the configuration passed in remains the caller's.  What
 * local_learn_get() returns is ours, until the next local_learn_set() or
 * local_learn_run().
 *
 * Thread-safety: main thread only.
 *
 * Errors: a sentence for status_reason, beginning with the column.  It goes
 * away when what it says is mended. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct in6_addr;
struct local_learn;

/* Addresses per VNIC.  More are counted, and otherwise ignored. */
#define LOCAL_LEARN_MAX 64

struct local_learn_wanted {
    const char *name;           /* Of the VNIC. */
    const char *netns;          /* Name of its namespace. */
    struct eth_addr mac;        /* Of the VNIC. */
};

struct local_learn_info {
    const struct in6_addr *addrs; /* Sorted; IPv4 as IPv4-mapped. */
    size_t n;
    size_t n_ignored;           /* Beyond LOCAL_LEARN_MAX. */
    const char *error;          /* Or NULL. */
};

struct local_learn *local_learn_create(void);
void local_learn_destroy(struct local_learn *);

/* Names must be unique.  What is new can be asked for when this returns. */
void local_learn_set(struct local_learn *,
                     const struct local_learn_wanted[], size_t n);

void local_learn_run(struct local_learn *);
void local_learn_wait(struct local_learn *);

/* Differs from what it was whenever local_learn_run() has found something
 * that local_learn_get() shows.  local_learn_set() doesn't change it. */
uint64_t local_learn_seqno(const struct local_learn *);

/* Returns false if 'name' is not in the set. */
bool local_learn_get(const struct local_learn *, const char *name,
                     struct local_learn_info *);

#endif /* vswitchd-plugin/local-learn.h */
