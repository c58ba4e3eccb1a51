/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_SESSION_H
#define CACHE_SESSION_H 1

/* Session
 * =======
 *
 * What: the conntrack connections that the packets of some entries go
 * through, one for each zone, in both directions.  It keeps stock's conntrack
 * exact while nobody calls it:
 *
 *   - Liveness.  A hit after an entry's deadline renews the timeouts of all
 *     connections, as a packet would.  A deadline comes after SESSION_RENEW_MS
 *     or an eighth of the shortest timeout, whichever is sooner, so a
 *     connection's idle time is counted from at most that long before its last
 *     packet.
 *
 *   - TCP's windows.  conntrack follows both ends' sequence numbers in each
 *     zone, and they are the same in all of them, for NAT doesn't change them.
 *     The session holds them once, on one cache line, on lease: while it is
 *     live its windows are valid and the connections' are stale.  Before a
 *     packet on the long way changes one of the connections,
 *     session_before_update() revokes the lease and gives that connection its
 *     windows; the next hit takes a new one, when all agree again.  Nothing
 *     else reads windows; the TCP states, which 'dpctl/dump-conntrack' shows,
 *     don't change in a live session: both ends are established, and what
 *     would change them takes the long way.
 *
 *   - Death.  When a connection ends, is replaced, gets its first reply or
 *     another mark or label, all entries of its sessions are dead before the
 *     function that did it returns.
 *
 * Data flow: learn.c --session_join()--> session, in entry.session
 *            hit --session_renew(), session_tcp()-->
 *            conntrack --seam.c, ovs.h--> session_before_update(),
 *            session_after_update(), session_conn_*()
 *
 * Units: ms of time_msec() for times; sequence numbers in host byte order.
 *
 * Ownership: a session lives while it has entries.  It doesn't own its
 * connections: it hears of their end before RCU frees them.  Its own memory is
 * handed on after a grace period, so that a thread which has found it in an
 * entry may use it until it quiesces.
 *
 * Thread-safety: all functions may be called by any thread.  A mutex guards
 * membership: it is the innermost lock, since conntrack calls us under its
 * own.  Windows have a lock of their own, a byte on their line.  Who wants it
 * on a hit doesn't wait: a busy session is a miss.
 *
 * Errors: session_join() returns a refusal.
 *
 * Source: lib/conntrack-tcp.c tcp_conn_update(), after Guido van Rooij, "Real
 * stateful TCP packet filtering in IP Filter". */

#include "datapath-ext/cache/miss.h"
#include "datapath-ext/cache/ovs.h"
#include "datapath-ext/cache/table.h"

#define SESSION_MAX_CONNS 6     /* As many as there can be recirculations. */
#define SESSION_RENEW_MS 1000
/* Who sends packets of one connection with ever other fields (TTL, ECN, flow
 * label) makes ever more entries of its session, and each that leaves is
 * searched for in a list, under the mutex.  One too many ends them all. */
#define SESSION_MAX_ENTRIES 64

/* An entry as other threads know it: which table, and which of its
 * entries. */
#define ENTRY_ID_BITS 22
#define SESSION_MAX_TABLES 1023

/* Makes a table's entries known; the number is for entry ids, or 0 if there
 * are too many tables.  'killed' has N_CACHE_KILLS counters. */
struct counter;
unsigned int session_add_table(struct table *, struct counter *killed);
void session_remove_table(unsigned int number);

/* What was observed of a packet. */
struct session_spec {
    struct conntrack *ct;
    unsigned int n_hidden;      /* session_n_hidden() before that. */
    size_t n;
    struct session_conn_spec {
        struct conn *conn;
        bool reply;
        enum ovs_ct_result result;
        struct ovs_ct_mark mark;
    } conns[SESSION_MAX_CONNS];
};

/* For 'entry', number 'index' of table 'table': makes it part of the session
 * of these connections, and sets its session and deadline. */
enum cache_refusal session_join(const struct session_spec *,
                                unsigned int table, struct entry *,
                                uint32_t index, long long now);
void session_leave(unsigned int table, struct entry *, uint32_t index);

/* On a hit.  'session' is that of an entry.  Sets the entry's deadline.
 * Returns false, and the entry is dead, if a connection isn't what it was. */
bool session_renew(struct entry *, uint32_t session, long long now);

struct tcp_segment;
void session_prefetch(uint32_t session);
enum cache_miss session_tcp(uint32_t session, const struct tcp_segment *);

/* From conntrack.  The connection may be of no session. */
void session_before_update(struct conn *); /* Its lock is held. */
void session_after_update(struct conn *, bool reply, enum ovs_ct_result);
void session_conn_kill(const struct conn *, enum cache_kill);
void session_conn_end(const struct conn *);
void session_kill_all(enum cache_kill);
/* From now on conntrack finds a newer connection with the same addresses in
 * one direction. */
void session_conn_hide(const struct conn *);
unsigned int session_n_hidden(void);

/* A line for each connection, for the thread that has the entry. */
struct ds;
void session_format(uint32_t session, struct ds *);
/* For 'vnic/cache-show'. */
size_t session_count(void);

#endif /* datapath-ext/cache/session.h */
