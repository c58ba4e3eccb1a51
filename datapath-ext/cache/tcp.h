/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_TCP_H
#define CACHE_TCP_H 1

/* TCP windows on lease
 * ====================
 *
 * What: what conntrack keeps of the sequence numbers of both ends of a TCP
 * connection, once for all the zones that it goes through, on one cache line;
 * the difference between 60 and 600 ns per segment at 64k connections.
 *
 * Data flow:
 *
 *     hit --tcp_segment()--> checked and followed, if live
 *     session.c: all connections agree --tcp_lease()--> live
 *     session.c: a connection will change --tcp_revoke()--> its windows,
 *         not live any more
 *
 * A connection is 'pending' from the lease on until tcp_revoke() for it: its
 * own windows are stale.  'revision' tells tcp_lease() whether anybody revoked
 * since the connections' windows were read.
 *
 * Units: sequence numbers in host byte order.
 *
 * Ownership: part of a session.  Direction 0 is that of the packet the session
 * was made for; 'orientation' has a bit for each connection whose reply
 * direction that is.
 *
 * Thread-safety: any thread; a lock of one byte.  tcp_segment() doesn't wait
 * for it, all others do, and hold it for a few instructions only.
 *
 * Errors: verdicts.
 *
 * Source: lib/conntrack-tcp.c tcp_conn_update(). */

#include <stdbool.h>
#include <stdint.h>

#include "datapath-ext/cache/ovs.h"
#include "ovs-atomic.h"

struct tcp {
    atomic_flag lock;
    bool is_live;
    bool has_ended;             /* No lease any more. */
    uint8_t n;                  /* Connections. */
    uint8_t orientation;        /* Bitmap. */
    uint8_t pending;            /* Bitmap. */
    uint8_t scale[2];
    uint32_t revision;
    struct tcp_window windows[2]; /* [0]: who sends in direction 0. */
};

/* A segment without SYN, FIN, RST and URG, and with ACK. */
struct tcp_segment {
    uint32_t seq;
    uint32_t ack;
    uint16_t window;
    uint16_t length;            /* Of the payload. */
};

enum tcp_verdict {
    TCP_VALID,
    TCP_NOT_LIVE,
    TCP_OUTSIDE,                /* Of the window; nothing has changed. */
    TCP_BUSY,
};

void tcp_init(struct tcp *);
enum tcp_verdict tcp_segment(struct tcp *, bool direction,
                             const struct tcp_segment *);

/* Returns true, and stores what the windows of connection 'place' are, as
 * struct conn_tcp has them, if it is pending. */
bool tcp_revoke(struct tcp *, unsigned int place, struct tcp_window [2]);
uint32_t tcp_revision(struct tcp *);
/* The windows of all connections are these, as those of connection 'place'
 * are; if the revision is still this one. */
bool tcp_lease(struct tcp *, uint32_t revision, unsigned int place,
               const struct tcp_window [2]);
void tcp_end(struct tcp *);
void tcp_resume(struct tcp *);
/* Forgets that 'place' is pending, for it has ended. */
void tcp_forget(struct tcp *, unsigned int place);
bool tcp_is_pending(struct tcp *);

#endif /* datapath-ext/cache/tcp.h */
