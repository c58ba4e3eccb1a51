/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LINK_PRIVATE_H
#define VNIC_LINK_PRIVATE_H 1

/* Inside a link
 * =============
 *
 * What: what link.c (life, ports), link-rx.c (receive) and link-tx.c (send)
 * share, and nobody else may include.
 *
 * Data flow, Ownership: see link.h.
 *
 * Thread-safety: as the groups of struct link's members say.
 *
 * Errors: none. */

#include "datapath-ext/counter.h"
#include "datapath-ext/link.h"
#include "netdev.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "smap.h"

struct link {
    /* Constant. */
    char *name;
    struct netdev *netdev;      /* NULL for an etherstub. */
    struct netdev_saved_flags *saved_flags;
    unsigned int ifindex;       /* 0 unless it is a kernel device. */
    struct hw *hw;              /* NULL if the device can't classify. */
    struct smap capabilities;   /* Of the device. */
    struct service *service;    /* Order among the rings of all ports. */

    /* Written by the main thread, read by all. */
    struct classifier_l2 cls;   /* Ports by MAC and VLAN. */
    struct cmap members;        /* By datapath port number. */
    OVSRCU_TYPE(struct link_port *) default_port;
    atomic_bool is_paused;      /* Must the device be left alone? */

    /* Receive side. */
    struct ovs_mutex rx_mutex;
    struct netdev_rxq **rxqs;   /* Polled with 'rx_mutex' held. */
    int n_rxqs;
    int next_rxq OVS_GUARDED;
    struct counter rx_packets, rx_bytes, rx_flooded, rx_unclaimed;

    /* Transmit side. */
    struct counter tx_packets, tx_bytes, tx_local;

    struct drop_counters drops;
};

static inline struct link_port *
link_port_from_claim(const struct claim *claim)
{
    return claim ? CONTAINER_OF(claim, struct link_port, claim) : NULL;
}

static inline struct link_port *
link_default_port(const struct link *link)
{
    return ovsrcu_get(struct link_port *, &link->default_port);
}

static inline bool
link_is_paused(const struct link *link)
{
    bool is_paused;

    atomic_read_relaxed(&CONST_CAST(struct link *, link)->is_paused,
                        &is_paused);
    return is_paused;
}

/* Takes the tag off a frame that classify_extract() found in a VLAN. */
void link_untag(struct dp_packet *);
/* A copy for another port. */
struct dp_packet *link_copy(const struct dp_packet *);
/* Puts 'packet', which another port sent, into a ring of 'port'. */
void link_deliver(const struct link_port *port, struct dp_packet *packet);
/* Copies 'packet', which is in 'vlan' but carries no tag of it, to every port
 * in 'vlan' but 'from'. */
void link_copy_to_vlan(struct link *, const struct dp_packet *packet,
                       uint16_t vlan, const struct link_port *from);

/* Receives, to nobody, what waited in the device while nobody polled it. */
void link_discard_backlog(struct link *);

#endif /* datapath-ext/link-private.h */
