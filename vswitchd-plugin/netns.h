/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_NETNS_H
#define VNIC_NETNS_H 1

/* Network namespace
 * =================
 *
 * What: rtnetlink in a network namespace that ip-netns(8) has named.
 *
 * A socket belongs to the namespace of the thread that creates it.  A thread
 * of its own, which ends at once, creates ours: the main thread never leaves
 * its namespace, so nothing that it does can happen in a guest's, and there is
 * no way back that could fail.  (A creation takes some 100 microseconds.)
 * nl_dump_start() and nl_transact() are of no use here, for they take sockets
 * from a pool that all of Open vSwitch shares.
 *
 * An open netns keeps the namespace alive, with all of its devices, after "ip
 * netns del" took away the name.  Who has one open must close it as soon as
 * netns_is_current() is false.
 *
 * Data flow:
 *
 *     the kernel's announcements --netns_changed()--> "something has changed"
 *     netns_dump() --> links and addresses as they are now
 *
 * Units: none.
 *
 * Ownership: netns_open() makes, netns_close() destroys.
 *
 * Thread-safety: main thread only.  Nothing here blocks.
 *
 * Errors: positive errno values.  EINVAL of netns_open() means that the name
 * stands for something that is no network namespace. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct in6_addr;
struct netns;
struct ofpbuf;

/* Where the names are. */
#define NETNS_DIR "/run/netns"

/* May it be a name?  Any other must not come near a path. */
bool netns_name_is_valid(const char *name);

int netns_open(const char *name, struct netns **);
void netns_close(struct netns *);

/* Does the name still stand for this namespace? */
bool netns_is_current(const struct netns *);

/* Has a link or an address changed since the last call? */
bool netns_changed(struct netns *);
/* Wakes up poll_block() when netns_changed(). */
void netns_wait(const struct netns *);

/* Asks for all objects of RTM_GETLINK or RTM_GETADDR and calls 'cb' for each.
 * EAGAIN means that something changed meanwhile, so that 'cb' may have seen
 * half of it. */
typedef void netns_dump_cb(struct ofpbuf *msg, void *aux);
int netns_dump(struct netns *, uint16_t type, netns_dump_cb *, void *aux);

/* Reads a message of RTM_GETADDR; one of RTM_GETLINK is for
 * rtnetlink_parse().  Returns false if the address isn't one to be reached
 * at: not of a host, or duplicate address detection has not passed it. */
bool netns_parse_address(const struct ofpbuf *msg, int *ifindex,
                         struct in6_addr *);

#endif /* vswitchd-plugin/netns.h */
