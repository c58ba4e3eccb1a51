/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_OVS_H
#define CACHE_OVS_H 1

/* Open vSwitch's private structures
 * =================================
 *
 * What: all that the pipeline cache needs to know of structures that Open
 * vSwitch keeps to itself: PMD threads, megaflows and conntrack connections.
 * ovs-seam.c alone includes their headers.  One of them, struct conn_tcp, has
 * no header, so that its layout is repeated there, and tried out at start:
 * ovs_tcp_is_known().
 *
 * Data flow: path.h, session.h, record.h --> here --> Open vSwitch
 *
 * Units: ms of time_msec() for times; packets and bytes.
 *
 * Ownership: a megaflow lives while ovs_flow_ref() holds it.  A connection
 * lives until the first quiescent state after session.h has heard of its end.
 *
 * Thread-safety: functions on a PMD thread and its megaflows are for that
 * thread, but for those whose arguments are all const.  Functions on a
 * connection take its lock, unless they say that the caller holds it.
 *
 * Errors: as each function says.
 *
 * Source: lib/dpif-netdev-private-*.h, lib/conntrack-private.h,
 * lib/conntrack-tcp.c of Open vSwitch 3.1. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct conn;
struct conntrack;
struct dfc_cache;
struct dp_netdev_flow;
struct dp_netdev_pmd_thread;
struct dp_packet;
struct ds;
struct dp_packet_batch;
struct flow;
struct nlattr;

/* PMD threads; that of the main thread is one too. */
long long ovs_pmd_now(const struct dp_netdev_pmd_thread *);
bool ovs_pmd_is_main(const struct dp_netdev_pmd_thread *);
unsigned int ovs_pmd_core(const struct dp_netdev_pmd_thread *);
/* Does stock handle all packets of the port without a look at their
 * headers? */
bool ovs_pmd_is_simple(const struct dp_netdev_pmd_thread *, odp_port_t);
void ovs_pmd_count_hits(struct dp_netdev_pmd_thread *, unsigned int n);
struct dp_netdev_pmd_thread *ovs_pmd_of(struct dfc_cache *);
/* Stock's input function, for packets of one port. */
void ovs_stock_input(struct dp_netdev_pmd_thread *, struct dp_packet_batch *,
                     odp_port_t in_port);

/* The argument of dpif-netdev's callback for actions. */
struct ovs_execute_aux {
    struct dp_netdev_pmd_thread *pmd;
    const struct flow *flow;
};

/* Megaflows. */
struct dp_netdev_flow *ovs_flow_of(const struct flow *);
/* What its table of flows and its actions are found by: pointers that
 * cmap_replace() and ovsrcu_postpone() get when they end. */
const void *ovs_flow_node(const struct dp_netdev_flow *);
const void *ovs_flow_actions(const struct dp_netdev_flow *);
/* Does it match on one of these flags? */
bool ovs_flow_has_tcp_flags(const struct dp_netdev_flow *, uint16_t flags);
bool ovs_flow_executes(const struct dp_netdev_flow *, const void *actions);
/* Is it in its thread's table of flows?  It leaves that before cmap_replace()
 * tells; that it is dead it says only afterwards. */
bool ovs_flow_is_listed(const struct dp_netdev_pmd_thread *,
                        const struct dp_netdev_flow *);
/* Its id, as 'dpctl/dump-flows -m' has it, recirculation id and actions. */
void ovs_flow_format(const struct dp_netdev_flow *, struct ds *);
/* The packet that made it, and its actions, which the caller frees. */
void ovs_flow_copy(const struct dp_netdev_flow *, struct flow *,
                   struct nlattr **actions, size_t *actions_len);
bool ovs_flow_ref(struct dp_netdev_flow *);
void ovs_flow_unref(struct dp_netdev_flow *);
void ovs_flow_used(struct dp_netdev_flow *, uint64_t packets, uint64_t bytes,
                   uint16_t tcp_flags, long long now);

/* Connections. */
enum ovs_ct_result {
    OVS_CT_NEW,                 /* Valid, and no reply was seen. */
    OVS_CT_ESTABLISHED,
    OVS_CT_UNSETTLED,           /* TCP that opens or closes. */
    OVS_CT_INVALID,
    OVS_CT_AGAIN,               /* A new connection takes its place. */
};

struct conn *ovs_conn_of_node(const void *node);
bool ovs_conn_is_tcp(const struct conn *);
/* A plain connection that has not begun to end. */
bool ovs_conn_is_usable(const struct conn *);
uint16_t ovs_conn_zone(const struct conn *);
/* Is what is looked for by an older one's addresses found as 'newer'? */
bool ovs_conn_hides(const struct conn *newer, const struct conn *older);
/* Does it stand for the translated addresses of another one? */
bool ovs_conn_is_reverse(const struct conn *);
struct cmap;
bool ovs_ct_has_map(const struct conntrack *, const struct cmap *);

/* As 'dpctl/dump-conntrack' shows it, without its counters. */
void ovs_conn_format(const struct conn *, struct ds *);

/* As a packet in this direction would; returns false if the connection has
 * expired or would say anything but 'result'.  Stores how long it lives. */
bool ovs_conn_touch(struct conntrack *, struct conn *, bool reply,
                    enum ovs_ct_result result, long long now,
                    long long *lifetime);

struct ovs_ct_mark {
    uint32_t mark;
    ovs_u128 label;
};
struct ovs_ct_mark ovs_conn_mark(struct conn *);
struct ovs_ct_mark ovs_conn_mark_locked(const struct conn *);
bool ovs_ct_mark_equal(const struct ovs_ct_mark *, const struct ovs_ct_mark *);

/* TCP's windows, as struct tcp_peer. */
struct tcp_window {
    uint32_t seqlo;
    uint32_t seqhi;
    uint16_t max_win;
    uint8_t wscale;
    uint8_t state;
};

/* Is struct conn_tcp as it was in 3.1? */
bool ovs_tcp_is_known(void);
/* The windows of both ends, after ovs_ct_hooks.before(); returns false if they
 * aren't both established.  windows[0] is the end that opened the
 * connection. */
bool ovs_tcp_get(struct conn *, struct tcp_window windows[2]);
/* The caller holds the connection's lock. */
void ovs_tcp_set(struct conn *, const struct tcp_window windows[2]);
/* The factors by which windows are to be scaled. */
void ovs_tcp_scale(const struct tcp_window windows[2], uint8_t scale[2]);

/* Conntrack's functions of each protocol. */
struct ovs_ct_hooks {
    /* Before and after a packet changes a connection, which is locked. */
    void (*before)(struct conn *);
    void (*after)(struct conntrack *, struct conn *, struct dp_packet *,
                  bool reply, enum ovs_ct_result);
};
void ovs_ct_hook(const struct ovs_ct_hooks *);

#endif /* datapath-ext/cache/ovs.h */
