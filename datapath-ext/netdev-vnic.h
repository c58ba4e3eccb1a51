/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef NETDEV_VNIC_H
#define NETDEV_VNIC_H 1

/* The netdev classes "vnic" and "vnic-link"
 * =========================================
 *
 * What: the ports by which bridges see VNICs and the default ports of links.
 * A device is attached while its configuration and its link exist; a device
 * without either stays, receives nothing and drops what it is given.
 *
 * Data flow:
 *
 *     rxq_recv()  polls the link, then takes from the device's own ring
 *     send()      link_send()
 *
 * A device is polled by whichever thread can poll its link: PMD threads for
 * dpdk or afxdp devices, else the main thread.  OVS asks the class for that,
 * so each of the two names has two classes, and a device changes from one to
 * the other while none of its receive queues is open.  (Separate names for
 * the two, as "afxdp" and "afxdp-nonpmd", would put the burden on users.)
 *
 * Ownership: the netdev layer owns devices by reference count.
 *
 * Thread-safety: the functions below are for the main thread; the class's
 * functions as netdev-provider.h says.
 *
 * Errors: as netdev-provider.h says. */

#include <stdbool.h>

#include "openvswitch/types.h"

struct link;
struct netdev;
struct vnic_config;
struct vnic_info;

/* How a device finds its configuration.  Returns NULL if there is none of
 * that name, and NULL in '*linkp' if the link isn't there or isn't open. */
typedef const struct vnic_config *netdev_vnic_lookup(const char *name,
                                                     struct link **linkp);

void netdev_vnic_register(netdev_vnic_lookup *);

/* Detaches the devices of 'link', or of all links whose device is gone or
 * whose place in the classifier is no longer the wanted one if 'link' is
 * NULL. */
void netdev_vnic_detach(const struct link *link);
/* Attaches all devices that can be. */
void netdev_vnic_attach(void);

/* Says that a property of the link's device, such as its carrier, changed. */
void netdev_vnic_notify(const struct link *);

void netdev_vnic_set_port_number(struct netdev *, odp_port_t);
/* Does nothing unless a device of that name is open. */
void netdev_vnic_fill_info(const char *name, struct vnic_info *);

#endif /* datapath-ext/netdev-vnic.h */
