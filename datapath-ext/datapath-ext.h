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
 *                       (a VNIC has a port for each of its rings)
 *                       bridge -> port's send() -> link_send() -> device
 *     status            link_get_info(), port_get_info()
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

#include "datapath-ext/cache-info.h"
#include "datapath-ext/drop.h"
#include "datapath-ext/rule-config.h"
#include "datapath-ext/rules-check.h"
#include "datapath-ext/seam.h"
#include "datapath-ext/service.h"
#include "openvswitch/types.h"
#include "smap.h"

struct flow;
struct simap;

/* Who classifies: the column hw_classifier. */
enum hw_classifier { HW_CLASSIFIER_AUTO, HW_CLASSIFIER_OFF,
                     HW_CLASSIFIER_REQUIRED };

struct link_config {
    const char *name;
    const char *netdev;         /* Device to open, or NULL for an etherstub. */
    const char *type;           /* Its netdev class, "" for "system". */
    struct smap options;        /* Its options. */
    unsigned int n_rxq;         /* Receive queues to ask for, 0 for any. */
    int mtu;                    /* To ask for, 0 for the device's own. */
    enum hw_classifier hw_classifier;
};

enum ring_role {
    RING_DEFAULT,
    RING_LOCAL,
    RING_FORWARD,
    RING_LEVEL,
    RING_MAC,
    RING_CONTROL,
    RING_MGMT,
};

#define RING_DEPTH_DEFAULT 512
#define RING_MAX_ID 63

struct ring_config {
    int id;                     /* 0 to RING_MAX_ID, or -1 for a default ring
                                 * without a number. */
    enum ring_role role;
    unsigned int depth;         /* A power of 2. */
    unsigned int weight;        /* Share of service, see service.h. */
    bool is_strict;
    bool is_busy;               /* Does the main thread spin for it? */
    bool lro;                   /* May TCP segments be merged? */
    bool is_required;           /* Must its frames not take the default ring,
                                 * so that the VNIC waits for its port? */
};

struct vnic_config {
    const char *name;           /* Also the name of its port. */
    const char *link;           /* Name of its link; NULL if 'error'. */
    bool is_default;            /* A default port: no 'mac', no 'vlan'. */
    struct eth_addr mac;
    uint16_t vlan;
    struct ring_config ring;    /* The default ring. */
    const struct ring_config *rings; /* All others.  The port of each is named
                                      * NAME.ID. */
    size_t n_rings;
    const struct in6_addr *addresses; /* Its own, IPv4 ones mapped. */
    size_t n_addresses;
    const struct rule_config *rules; /* For the frames that it claims. */
    size_t n_rules;
    bool learns;                /* Are those of which the guest tells added? */
    uint64_t maxbw_kbps;        /* Each way, 0 for no limit. */
    enum vnic_priority priority;
    const char *front;          /* Port that gets what the rings receive,
                                 * past OpenFlow; NULL for none... */
    const char *front_type;     /* ...and its netdev class. */
    const char *error;          /* Why its port must be refused, or NULL. */
};

/* Rules for all frames that a link receives. */
struct link_rules {
    const char *link;
    const struct rule_config *rules;
    size_t n;
};

/* Where a frame goes, and why. */
struct match_result {
    char *port;                 /* That receives it, or NULL: it is dropped. */
    char *why;                  /* A sentence. */
    bool in_hardware;           /* Is the device asked, too? */
};

struct link_info {
    char *error;                /* Why the device isn't open, or NULL. */
    char *failure;              /* Why it doesn't work, until it does, though
                                 * it is open; or NULL. */
    struct eth_addr mac;        /* The device's; zero if it has none. */
    bool is_pmd;                /* Polled by PMD threads? */
    int n_rxq, n_txq, mtu;
    uint64_t rx_packets, rx_bytes, rx_flooded, rx_unclaimed;
    uint64_t rx_marked;         /* Of these, hardware has classified. */
    unsigned int hw_rules;      /* Rules and claims in hardware. */
    uint64_t tx_packets, tx_bytes, tx_local;
    uint64_t drops[N_DROPS];

    /* The device's own counters, UINT64_MAX for those that it lacks. */
    uint64_t device_rx_dropped, device_rx_errors;
    uint64_t device_tx_dropped, device_tx_errors;
};

/* A port of a VNIC: its own, which is that of its default ring, or that of
 * another ring. */
struct port_info {
    bool is_attached;           /* Does it receive from its link? */
    bool is_bypassing;          /* Do its packets go past OpenFlow? */
    uint32_t number;            /* In the datapath; UINT32_MAX if in none. */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t polls;             /* Visits to the ring. */
    uint64_t merged;            /* Segments of TCP that became part of another
                                 * packet, and don't count as received. */
    uint64_t bypassed;          /* Of the received packets: past OpenFlow. */
    unsigned int fill, depth;   /* Of the ring. */
    uint64_t drops[N_DROPS];
};

/* The addresses that a VNIC treats as its own. */
struct vnic_addresses {
    struct in6_addr *addresses; /* The configured ones first. */
    size_t n;
    size_t n_learned;           /* Of these, learned from its frames. */
};

/* Call once, before the first bridge is configured. */
void datapath_ext_init(void);
/* Call after the last bridge is gone. */
void datapath_ext_exit(void);

/* Call in each turn of the main loop, which wakes up when connectivity_seq
 * changes: passes on what changed in the links' devices, and does what they
 * ask for. */
void datapath_ext_run(void);
void datapath_ext_wait(void);
/* Is it time for datapath_ext_set_links(), with the same links, because one
 * could not be opened a moment ago? */
bool datapath_ext_must_retry(void);

void datapath_ext_set_links(const struct link_config *, size_t n);
/* All links must be among the 'rules', those without a rule too. */
void datapath_ext_set_vnics(const struct vnic_config *, size_t n,
                            const struct link_rules *rules, size_t n_rules);

/* Call before you ask for counters or for what is in hardware: puts there what
 * should be, and fetches its counters. */
void datapath_ext_place(void);

/* Call when the bridges have added their ports: VNICs find their fronts. */
void datapath_ext_find_fronts(void);

/* Returns false if no link of that name is configured. */
bool link_get_info(const char *name, struct link_info *);
void link_info_destroy(struct link_info *);
/* Adds what was found out about the device when it was opened, see hw.h.
 * Nothing if it isn't open. */
void link_add_capabilities(const char *name, struct smap *);

/* Returns false if there is no port of that name.  A port has its counters
 * also while an error keeps it out of the configuration. */
bool port_get_info(const char *name, struct port_info *);

/* The same for all ports of a VNIC together. */
bool vnic_get_info(const char *name, struct port_info *);

/* Returns false if no VNIC of that name is configured. */
bool vnic_get_addresses(const char *name, struct vnic_addresses *);
void vnic_addresses_destroy(struct vnic_addresses *);

/* What becomes of a frame with these header fields that the link receives:
 * returns the number of '*results', 0 if there is no such link.  Counts as no
 * received frame, but asks the very functions that handle those. */
size_t link_match(const char *link, const struct flow *,
                  struct match_result **results);
void match_results_free(struct match_result *, size_t n);

/* A rule of a link or of a VNIC, or a VNIC's claim, if 'rule' is NULL, which
 * counts nothing.  Functions return false if there is none of that name now.
 */
struct rule_info {
    uint64_t packets, bytes;
    bool is_in_force;
    bool in_hardware;           /* Is it in force there? */
    char *reason;               /* Why it isn't though it should be, or NULL;
                                 * to be freed by the caller. */
};

bool link_get_rule_info(const char *link, const char *rule,
                        struct rule_info *);
bool vnic_get_rule_info(const char *vnic, const char *rule,
                        struct rule_info *);

/* Why a VNIC is not attached whose link requires hardware, or NULL; to be
 * freed by the caller. */
char *vnic_get_refusal(const char *name);

/* The name of the port of ring 'id', to be freed by the caller. */
char *ring_port_name(const char *vnic, int id);

/* Adds "vnic links", "vnic ports" and "vnic ring bytes". */
void datapath_ext_get_memory_usage(struct simap *);

#endif /* datapath-ext/datapath-ext.h */
