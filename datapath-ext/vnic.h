/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_VNIC_H
#define VNIC_VNIC_H 1

/* VNIC
 * ====
 *
 * What: brings together what a VNIC is made of: its configuration, its link,
 * and its ports, of which each serves one receive ring.  When all that it
 * needs is there, the VNIC is attached: it has a struct link_port in its
 * link, through which frames come and go.
 *
 * Data flow:
 *
 *     vnics_set()         the configuration of all VNICs
 *     vnic_device_add()   a netdev of one of our classes was opened
 *     vnics_detach()      a link is about to close
 *          \--> each VNIC concerned gets the struct link_port that fits, in
 *               the place of the one before, so that no frame goes astray
 *
 * A ring whose port does not exist gets nothing: its frames go to the default
 * ring.  A VNIC whose own port does not exist is not attached.
 *
 * Ownership: struct vnic_device is embedded in its netdev.  This module owns
 * configurations (copies), rings, limits and struct link_ports.
 *
 * Thread-safety: functions that take 'vnics_mutex' inside may be called in
 * any thread, for the last reference to a netdev may be dropped in any.  The
 * mutex is taken inside OVS's netdev_mutex, so that nothing that opens or
 * closes a netdev may be called while it is held.  Packet code reads 'port',
 * 'ring' and the flags of a struct vnic_device by RCU, without the mutex.
 *
 * Errors: none; what is missing leaves the VNIC detached. */

#include <stdbool.h>

#include "counter.h"
#include "drop.h"
#include "openvswitch/list.h"
#include "openvswitch/types.h"
#include "ovs-rcu.h"

struct dp_packet_batch;
struct front;
struct learned;
struct link;
struct link_member;
struct link_port;
struct link_rules;
struct netdev;
struct port_info;
struct ring;
struct vnic;
struct vnic_config;

struct vnic_device {
    /* Constant. */
    struct netdev *netdev;
    bool is_default;            /* Of class "vnic-link"? */
    struct drop_counters *drops;

    /* Read by RCU; NULL while detached. */
    OVSRCU_TYPE(struct link_port *) port;
    OVSRCU_TYPE(struct ring *) ring;
    OVSRCU_TYPE(struct learned *) learned; /* NULL also if it doesn't learn. */
    OVSRCU_TYPE(struct front *) front; /* NULL also if there is no bypass. */
    atomic_bool is_plain;       /* See vnic_device_is_plain(). */
    atomic_uint32_t odp_number; /* 'number', for packet threads. */
    atomic_bool is_main;        /* Is it the VNIC's own port? */
    atomic_bool is_busy;        /* As in struct ring_config. */
    atomic_bool lro;            /* As in struct ring_config. */

    /* With 'vnics_mutex'. */
    bool is_up;                 /* Administratively. */
    struct ovs_list node;       /* In struct vnic's 'devices' if attached. */
    odp_port_t number;          /* Datapath port number, or ODPP_NONE. */
    struct link_member *member; /* In the link while attached. */

    /* Written by the thread that polls the device. */
    struct counter rx_packets, rx_bytes, polls, bypassed, merged;

    /* Any thread. */
    struct counter tx_packets, tx_bytes;
};

/* Returns the link of that name, or NULL if it isn't there or isn't open. */
typedef struct link *vnic_find_link(const char *name);
/* Makes the thread that can poll the link poll the device.  Returns false if
 * that must wait until its receive queues are closed. */
typedef bool vnic_set_polling(struct netdev *, bool is_pmd);

/* Its port now, by RCU, or NULL: for rules of a link, whose aux it is. */
struct link_port *vnic_get_port(const struct vnic *);

/* Call once. */
void vnics_init(vnic_find_link *, vnic_set_polling *);

/* Takes the whole wanted set. */
void vnics_set(const struct vnic_config *, size_t n,
               const struct link_rules *, size_t n_rules);
/* What the main loop does: takes learned addresses into use. */
void vnics_run(void);
void vnics_wait(void);
/* For a packet thread: there are learned addresses to take into use. */
void vnics_learned(void);

/* Gives fronts to the VNICs that want one and haven't, if they are there. */
void vnics_find_fronts(void);
/* Puts into the link's device what should be there, and fetches its counters.
 * If the link requires hardware, VNICs that have no place there are detached.
 */
void vnics_place(struct link *);
/* Takes all out of it, before it is started anew or left to others. */
void vnics_clear_hw(struct link *);
/* Detaches the VNICs of 'link'. */
void vnics_detach(const struct link *);
/* Tells the ports on 'link' that a property of its device changed. */
void vnics_notify(const struct link *);

void vnic_device_add(struct vnic_device *, struct netdev *, bool is_default);
void vnic_device_remove(struct vnic_device *);
/* After a grace period since its removal. */
void vnic_device_destroy(struct vnic_device *);
/* Do frames go from its ring to the datapath just as they are? */
static inline bool
vnic_device_is_plain(const struct vnic_device *device)
{
    bool is_plain;

    atomic_read_relaxed(&CONST_CAST(struct vnic_device *, device)->is_plain,
                        &is_plain);
    return is_plain;
}

static inline odp_port_t
vnic_device_number(const struct vnic_device *device)
{
    uint32_t number;

    atomic_read_relaxed(&CONST_CAST(struct vnic_device *, device)->odp_number,
                        &number);
    return OVS_FORCE (odp_port_t) number;
}

/* Finds out whether it is plain; for when its flags have changed. */
void vnic_device_set_up(struct vnic_device *, bool is_up);
/* Counts received packets; for the thread that serves it. */
void vnic_device_count(struct vnic_device *, const struct dp_packet_batch *);

/* What the device depends on changed: its number, or how it is polled. */
void vnic_device_set_number(struct vnic_device *, odp_port_t number);
void vnic_device_update(struct vnic_device *);
/* Why the configuration refuses the device, to be freed by the caller, or
 * NULL. */
char *vnic_device_get_error(const struct vnic_device *);

/* See datapath-ext.h. */
bool vnic_get_port_info(const char *name, struct port_info *);
/* Adds the counters of the VNIC's further rings to those of its own port. */
void vnic_add_ring_infos(const char *name, struct port_info *);
/* Counts open ports, and slots in the rings of VNICs, each way. */
void vnics_count(unsigned int *n_ports, unsigned int *n_slots);

#endif /* datapath-ext/vnic.h */
