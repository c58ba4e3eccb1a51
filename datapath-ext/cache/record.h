/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_RECORD_H
#define CACHE_RECORD_H 1

/* Recorder
 * ========
 *
 * What: an observer of what the stock datapath does to some packets, on all
 * their passes: megaflows and their actions, conntrack connections, outputs
 * and the bytes that went there.  It sees the real execution, not a dry run,
 * so that what it doesn't understand is simply not kept.
 *
 * Data flow:
 *
 *     cache.c: recorder_arm(), stock's input function, recorder_disarm()
 *     meanwhile, in the same thread, through seam.c:
 *         a batch's actions begin --> record_execute(), which puts itself
 *             between them and dpif-netdev's function for output,
 *             recirculation and conntrack
 *         a packet gets an upcall --> record_upcall()
 *         conntrack updates a connection --> record_ct_update()
 *         conntrack sets marks --> record_ct_change()
 *     learn.c: each record that has no refusal becomes an entry
 *
 * What puts it into a tunnel is the tail of its last action list (tail.h).  A
 * tunnel's header may come off in the first pass, if nothing else becomes of
 * that packet: what was inside is then seen to come back for a second pass.
 *
 * A record is finished if the packet's last action list ended with the last
 * output, or was a drop and nothing else.  A packet that vanished otherwise,
 * in a fragment queue, say, or for too many recirculations, is refused, as are
 * all actions that are not known to depend on the key alone.
 *
 * Units: bytes.
 *
 * Ownership: a recorder belongs to its cache.  Packets are found by their
 * addresses, and forgotten when they are handed on.
 *
 * Thread-safety: one thread, which alone sees it armed.
 *
 * Errors: refusals (miss.h). */

#include "datapath-ext/cache/key.h"
#include "datapath-ext/cache/output.h"
#include "datapath-ext/cache/path.h"
#include "datapath-ext/cache/session.h"
#include "datapath-ext/cache/tunnel.h"
#include "odp-execute.h"

#define RECORDER_SIZE NETDEV_MAX_BURST
#define RECORDER_PLACES 64
BUILD_ASSERT_DECL(RECORDER_SIZE < RECORDER_PLACES);

/* Enough for all headers that can change. */
#define RECORD_HEADERS (PATH_MAX_L2 + 40 + 20)

struct record_headers {
    struct key key;
    uint32_t size;              /* Of the packet, without 'outer'. */
    uint32_t n;
    uint8_t bytes[RECORD_HEADERS];
};

/* A tunnel's header that was taken off. */
struct record_pop {
    bool is_done;
    bool is_other;              /* Not by what tunnel.h knows. */
    odp_port_t port;            /* The tunnel's. */
    uint32_t len;
    enum tunnel_kind kind;
};

struct record {
    const struct dp_packet *packet; /* NULL when it is gone. */
    bool is_probe;              /* It has no key, so that it can't be kept. */
    enum cache_refusal refusal;
    bool is_recirculating;
    bool has_output;
    bool is_pushed;             /* Into a tunnel: another header's turn. */
    size_t n_before_tail;       /* Outputs of the list that has one. */
    size_t n_conns_before;
    uint32_t size;              /* Of the packet. */
    struct record_pop pop;
    struct tunnel_outer outer;  /* If the key is of what is inside. */
    struct record_headers before;
    struct record_headers after;
    struct path_spec path;      /* Passes and outputs. */
    struct session_spec session;
};

struct recorder {
    struct dp_netdev_pmd_thread *pmd;
    const struct key_seed *seed;
    size_t n;
    uint8_t places[RECORDER_PLACES]; /* By hash of the packet's address:
                                      * index + 1 of its record, or 0. */
    struct record records[RECORDER_SIZE];
};

/* Returns false if there is no room.  A packet that came out of a tunnel is in
 * it again. */
bool recorder_add(struct recorder *, const struct dp_packet *,
                  const struct key *, const struct tunnel_outer *);
void recorder_clear(struct recorder *);
void recorder_arm(struct recorder *);
void recorder_disarm(void);
/* From now on no TCP connection is kept. */
void record_forbid_tcp(void);
/* Dpif-netdev's own function, or NULL if none was seen yet. */
odp_execute_cb recorder_execute_cb(void);

/* For the seam. */
typedef void record_real_execute(void *aux, struct dp_packet_batch *,
                                 bool steal, const struct nlattr *, size_t,
                                 odp_execute_cb);
void record_execute(void *aux, struct dp_packet_batch *, bool steal,
                    const struct nlattr *actions, size_t actions_len,
                    odp_execute_cb, record_real_execute *);
bool record_is_armed(void);
void record_upcall(const struct dp_packet *);
void record_ct_update(struct conntrack *, struct conn *,
                      const struct dp_packet *, bool reply,
                      enum ovs_ct_result);
void record_ct_change(const struct conn *);

#endif /* datapath-ext/cache/record.h */
