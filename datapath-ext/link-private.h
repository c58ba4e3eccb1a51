/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LINK_PRIVATE_H
#define VNIC_LINK_PRIVATE_H 1

/* Inside a link
 * =============
 *
 * What: what link.c (life, ports), link-device.c (the device), link-rx.c
 * (receive) and link-tx.c (send) share, and nobody else may include.
 *
 * Data flow, Ownership: see link.h.
 *
 * Thread-safety: as the groups of struct link's members say.
 *
 * Errors: none. */

#include "datapath-ext/counter.h"
#include "datapath-ext/frame.h"
#include "datapath-ext/link.h"
#include "datapath-ext/mark-table.h"
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
    struct link_hw *hw;         /* NULL until the device is open. */
    struct smap capabilities;   /* Of the device. */
    struct service *service;    /* Order among the rings of all ports. */

    /* Written by the main thread, read by all. */
    struct classifier_l2 cls;   /* Ports by MAC and VLAN. */
    struct cmap members;        /* By datapath port number. */
    OVSRCU_TYPE(struct link_port *) default_port;
    OVSRCU_TYPE(struct rules *) rules; /* For all frames; NULL for none. */
    atomic_bool is_paused;      /* Must the device be left alone? */

    /* Written, if at all, while no thread uses the device. */
    bool takes_marks;           /* May frames have marks of hardware? */

    /* Written by the main thread, made NULL by any, read by all. */
    OVSRCU_TYPE(struct mark_table *) marks; /* NULL if none is known. */

    /* Receive side. */
    struct ovs_mutex rx_mutex;
    struct netdev_rxq **rxqs;   /* Polled with 'rx_mutex' held. */
    int n_rxqs;
    int next_rxq OVS_GUARDED;
    struct counter rx_packets, rx_bytes, rx_flooded, rx_unclaimed;
    struct counter rx_marked;   /* Hardware said whose. */

    /* Transmit side. */
    struct counter tx_packets, tx_bytes, tx_local;
    ATOMIC(long long int) singly_until; /* In msec; 0 if frames go by
                                         * batches. */

    struct drop_counters drops;

    /* Main thread. */
    char *failure;              /* Why it stays paused, or NULL... */
    long long int retry_at;     /* ...and until when, in msec. */
    struct rule_config *rule_configs; /* Those of 'rules'. */
    size_t n_rule_configs;
};

/* What becomes of a received frame. */
enum verdict_kind {
    VERDICT_RING,               /* Into 'ring' of 'port'. */
    VERDICT_HOST,               /* To the default port: a rule says so. */
    VERDICT_DROP,               /* A rule says so. */
    VERDICT_GROUP,              /* Copies for all ports of its VLAN. */
    VERDICT_UNCLAIMED,          /* To the default port: nobody else wants
                                 * it. */
};

struct verdict {
    enum verdict_kind kind;
    const struct link_port *port; /* Whose rule or ring it is, or NULL. */
    struct ring *ring;
    struct rule *rule;          /* That decided, or NULL. */
    const char *why;            /* Without one, in words. */
};

/* Both only look, and count nothing: 'link' for any frame from the device,
 * 'port' for a frame that is known to be its own. */
void link_classify(const struct link *, struct frame *, struct verdict *);
void link_port_classify(const struct link_port *, struct frame *,
                        struct verdict *);
/* The same as link_classify(), with less work, if hardware has marked the
 * frame.  Returns false if it hasn't, or if the mark is not to be trusted.
 * Takes the mark off. */
bool link_obey_mark(struct link *, struct frame *, struct verdict *);

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

static inline struct rules *
link_rules(const struct link *link)
{
    return ovsrcu_get(struct rules *, &link->rules);
}

static inline struct mark_table *
link_marks(const struct link *link)
{
    return ovsrcu_get(struct mark_table *, &link->marks);
}

static inline bool
link_is_paused(const struct link *link)
{
    bool is_paused;

    atomic_read_relaxed(&CONST_CAST(struct link *, link)->is_paused,
                        &is_paused);
    return is_paused;
}

/* Opens the device.  On failure, what was opened is link_close_device()'s. */
int link_open_device(struct link *, const struct link_config *, char **errp);
void link_close_device(struct link *);

/* Takes the tag off a frame that classify_extract() found in a VLAN. */
void link_untag(struct dp_packet *);
/* A copy for another port. */
struct dp_packet *link_copy(const struct dp_packet *);
/* Puts 'packet', which the port 'from' sent, into a ring of 'port'. */
void link_deliver(const struct link_port *from, const struct link_port *port,
                  struct dp_packet *packet, uint16_t bare_vlan);
/* Copies 'packet', which is in 'vlan' but carries no tag of it, to every port
 * in 'vlan' but 'from'.  Returns how many these are. */
size_t link_copy_to_vlan(struct link *, const struct dp_packet *packet,
                         uint16_t vlan, const struct link_port *from);

/* Receives, to nobody, what waited in the device while nobody polled it. */
void link_discard_backlog(struct link *);

#endif /* datapath-ext/link-private.h */
