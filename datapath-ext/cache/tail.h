/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_TAIL_H
#define CACHE_TAIL_H 1

/* Tail
 * ====
 *
 * What: the end of a list of datapath actions, from the first that puts
 * packets into a tunnel, or does so with a copy of them.  It is repeated as it
 * is, by Open vSwitch's own functions, so that lengths, checksums and whatever
 * else is of each packet are theirs.
 *
 * The UDP source port comes from a packet's RSS hash, which stock computes
 * from the headers that came in unless a device did: tail_set_hash().
 *
 * Data flow: record.h --tail_find()--> output.h, which executes it
 *
 * A tail has nothing of which the effect is not one of the packet and its
 * hash: outputs, headers pushed, copies with these; and, once a header was
 * pushed, changes of that.  Before it, a change would make the tail's packets
 * others than those at its start, which an entry makes.  GRE with sequence
 * numbers is none: which packet gets which depends on all the others.
 *
 * Units: bytes.
 *
 * Ownership: a tail is a part of a list of actions.
 *
 * Thread-safety: any thread.
 *
 * Errors: refusals.
 *
 * Source: native_tunnel_output() of ofproto/ofproto-dpif-xlate.c,
 * miniflow_hash_5tuple() of lib/flow.c. */

#include <stdbool.h>
#include <stddef.h>

#include "datapath-ext/cache/miss.h"

struct dp_packet;
struct key;
struct nlattr;

/* Stores in '*tail' where it begins, or NULL if there is none. */
enum cache_refusal tail_find(const struct nlattr *actions, size_t len,
                             const struct nlattr **tail);

/* 'key' is that of what came in, or came out of a tunnel. */
void tail_set_hash(struct dp_packet *, const struct key *);

#endif /* datapath-ext/cache/tail.h */
