/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_VNIC_PRIVATE_H
#define VNIC_VNIC_PRIVATE_H 1

/* Inside a VNIC
 * =============
 *
 * What: what vnic.c (configuration, attachment), vnic-device.c (ports) and
 * vnic-front.c (bypass) share, and nobody else may include.
 *
 * Data flow, Ownership: see vnic.h.
 *
 * Thread-safety: all of it with 'vnics_mutex', which vnic.h tells of.
 *
 * Errors: none. */

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/vnic.h"
#include "openvswitch/shash.h"
#include "openvswitch/thread.h"

struct vnic {
    struct vnic_config config;
    struct limit *rx_limit, *tx_limit; /* NULL without a limit. */
    struct link_port *port;     /* NULL while detached. */
    OVSRCU_TYPE(struct link_port *) published; /* The same, for others. */
    struct ring *tx;            /* That of 'port'. */
    struct learned *learned;    /* NULL if it doesn't learn. */
    struct front *front;        /* NULL if there is none, or not yet. */
    struct ovs_list devices;    /* Attached "struct vnic_device"s. */
    bool is_stale;              /* Is 'port' not what it should be? */
    char *refusal;              /* Why its link must not have it, until all
                                 * is configured again; or NULL. */
};

/* Global because the netdev layer calls providers with no context but the
 * device. */
extern struct ovs_mutex vnics_mutex;
extern struct shash vnics OVS_GUARDED_BY(vnics_mutex);
/* "struct vnic_device"s by the name of their netdev. */
extern struct shash vnic_devices OVS_GUARDED_BY(vnics_mutex);

static inline struct ring *
device_ring(const struct vnic_device *device)
{
    return device ? ovsrcu_get_protected(struct ring *, &device->ring) : NULL;
}

/* Finds the VNIC and the ring that the port 'name' is for. */
struct vnic *vnic_from_port_name(const char *name, const struct ring_config **)
    OVS_REQUIRES(vnics_mutex);
struct vnic_device *find_device(const struct vnic *,
                                const struct ring_config *)
    OVS_REQUIRES(vnics_mutex);

void vnic_detach(struct vnic *) OVS_REQUIRES(vnics_mutex);
/* Makes a VNIC what its configuration and its devices say, on 'link'. */
void vnic_rebuild(struct vnic *, struct link *) OVS_REQUIRES(vnics_mutex);
/* The same on the link that is wanted, if it can be attached.  Main thread. */
void vnic_update(struct vnic *) OVS_REQUIRES(vnics_mutex);

/* Can the device, which may be NULL, serve a ring of the VNIC on 'link'? */
bool device_is_ready(const struct vnic_device *, const struct vnic *,
                     const struct link *);
void device_set_ring(struct vnic_device *, const struct vnic *,
                     const struct ring_config *, struct link *);
/* Gives the device its place among the ports that receive from 'link', by the
 * number that it has now. */
void device_set_member(struct vnic_device *, struct link *);
void device_update_plain(struct vnic_device *, const struct front *);
void device_publish(struct vnic_device *, struct link_port *);
void device_detach(struct vnic_device *);

/* Fronts that are no longer used.  They are closed when no thread can send to
 * them any more, with no mutex held, and before the bridges do what was
 * configured: they may open the same names as other types of device. */
struct old_fronts {
    struct front **fronts;
    size_t n, allocated;
};

void vnic_drop_front(struct vnic *, struct old_fronts *);
void old_fronts_close(struct old_fronts *);

#endif /* datapath-ext/vnic-private.h */
