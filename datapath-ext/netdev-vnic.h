/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef NETDEV_VNIC_H
#define NETDEV_VNIC_H 1

/* The netdev classes "vnic" and "vnic-link"
 * =========================================
 *
 * What: the ports by which bridges see the receive rings of VNICs ("vnic"),
 * and the default ports of links ("vnic-link").  vnic.h attaches them to their
 * links; a device that is not attached receives nothing and drops what it is
 * given.
 *
 * Data flow:
 *
 *     rxq_recv()  takes from the device's own ring, and polls the link when
 *                 that is nearly empty
 *     send()      link_send(), by way of a ring if the VNIC has a limit
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

#include "openvswitch/types.h"

struct link;
struct netdev;

/* Call once; 'find_link' returns the open link of a name, or NULL. */
void netdev_vnic_register(struct link *(*find_link)(const char *name));

void netdev_vnic_set_port_number(struct netdev *, odp_port_t);

#endif /* datapath-ext/netdev-vnic.h */
