/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef DATAPATH_EXT_H
#define DATAPATH_EXT_H 1

/* datapath-ext: the door for the main thread
 * ==========================================
 *
 * What: the part of the product that moves packets.  It registers the netdev
 * classes "vnic" (a VNIC) and "vnic-link" (the default port of a link), and
 * holds the links and the VNICs that these ports stand for.
 *
 * Data flow:
 *
 *     configuration     datapath_ext_set_links(), datapath_ext_set_vnics():
 *                       each takes the whole wanted set and applies what
 *                       differs from the present one
 *     ports             created by bridges: netdev_open("v1", "vnic") finds
 *                       the configuration by its name, before or after it
 *                       is set
 *     packets           device -> link_poll() -> ring -> port's rxq -> bridge
 *                       bridge -> port's send() -> link_send() -> device
 *     status            link_get_info(), vnic_get_info()
 *
 * Units: sizes in bytes, 'depth' in frames, 'vlan' a VLAN ID with 0 for none.
 *
 * Ownership: the configuration passed in remains the caller's.  Info structs
 * are filled into the caller's storage and released with *_info_destroy().
 *
 * Thread-safety: all of this header is for the main thread.  PMD threads use
 * link.h through netdev-vnic.c.
 *
 * Errors: nothing here fails as a whole.  A link whose device can't be opened
 * stays in the set, with its error in struct link_info, and is tried again at
 * each datapath_ext_set_links(); its VNICs wait.
 *
 * Source: the mechanism of US patent 8005022 (packets classified into receive
 * rings of VNICs); providers as in OVS lib/netdev-provider.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath-ext/drop.h"
#include "datapath-ext/seam.h"
#include "openvswitch/types.h"
#include "smap.h"

struct simap;

struct link_config {
    const char *name;
    const char *netdev;         /* Device to open, or NULL for an etherstub. */
    const char *type;           /* Its netdev class, "" for "system". */
    struct smap options;        /* Its options. */
    unsigned int n_rxq;         /* Receive queues to ask for, 0 for any. */
};

#define RING_DEPTH_DEFAULT 512

struct vnic_config {
    const char *name;           /* Also the name of its port. */
    const char *link;           /* Name of its link; NULL if 'error'. */
    bool is_default;            /* A default port: no 'mac', no 'vlan'. */
    struct eth_addr mac;
    uint16_t vlan;
    unsigned int depth;         /* Of its receive ring: a power of 2. */
    const char *error;          /* Why its port must be refused, or NULL. */
};

struct link_info {
    char *error;                /* Why the device isn't open, or NULL. */
    struct eth_addr mac;        /* The device's; zero if it has none. */
    bool is_pmd;                /* Polled by PMD threads? */
    int n_rxq, n_txq;
    uint64_t rx_packets, rx_bytes, rx_flooded, rx_unclaimed;
    uint64_t tx_packets, tx_bytes, tx_local;
    uint64_t drops[N_DROPS];
};

struct vnic_info {
    bool has_port;              /* Is there a netdev of this name? */
    bool is_attached;           /* Does it receive from its link? */
    uint32_t port_number;       /* In the datapath; UINT32_MAX if in none. */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    struct {
        uint64_t packets, bytes, polls, dropped;
        unsigned int fill, depth;
    } ring;
    uint64_t drops[N_DROPS];
};

/* Call once, before the first bridge is configured. */
void datapath_ext_init(void);
/* Call after the last bridge is gone. */
void datapath_ext_exit(void);

/* Call in each turn of the main loop, which wakes up when connectivity_seq
 * changes: passes on what changed in the links' devices. */
void datapath_ext_run(void);

void datapath_ext_set_links(const struct link_config *, size_t n);
void datapath_ext_set_vnics(const struct vnic_config *, size_t n);

/* Both return false if nothing of that name is configured.  A VNIC's port has
 * its counters also while an error keeps it out of the configuration. */
bool link_get_info(const char *name, struct link_info *);
void link_info_destroy(struct link_info *);
bool vnic_get_info(const char *name, struct vnic_info *);

/* Adds "vnic links", "vnic ports" and "vnic ring bytes". */
void datapath_ext_get_memory_usage(struct simap *);

#endif /* datapath-ext/datapath-ext.h */
