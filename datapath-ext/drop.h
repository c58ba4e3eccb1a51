/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_DROP_H
#define VNIC_DROP_H 1

/* Drop reasons
 * ============
 *
 * What: the one list of reasons for which links, rings and VNICs drop a frame.
 * The enum, the names in statistics columns and 'show' commands, and the
 * text in ovs-vnic(7) all come from VNIC_DROPS.
 *
 * Data flow: whoever drops frames calls drop_packets() or drop_batch() with
 * the counters of the port, ring or link to which the loss belongs, or
 * drop_received() if they were on the way from the link to a port.
 *
 * Units: frames.
 *
 * Ownership: functions that are passed packets take ownership of them.
 * Counters are shared by reference: a ring that is on its way out still counts
 * for a port that has gone.
 *
 * Thread-safety: any thread.
 *
 * Errors: none. */

#include "counter.h"
#include "dp-packet.h"

#define VNIC_DROPS                                                          \
    DROP(MALFORMED, "malformed",                                            \
         "shorter than an Ethernet header, or not Ethernet")                \
    DROP(NO_DEFAULT_PORT, "no_default_port",                                \
         "claimed by no VNIC, and the link has no default port")            \
    DROP(RING_FULL, "ring_full",                                            \
         "the receive ring was full: its port is polled too slowly")        \
    DROP(MAXBW, "maxbw",                                                    \
         "the queue in front of the VNIC's maxbw_kbps limit was full")      \
    DROP(RULE, "rule",                                                      \
         "matched a classifier rule whose action is drop")                  \
    DROP(PORT_DOWN, "port_down",                                            \
         "sent to a port that is inactive or administratively down")        \
    DROP(SPLIT_HORIZON, "split_horizon",                                    \
         "would have returned to the link it came from")                    \
    DROP(FOREIGN_VLAN, "foreign_vlan",                                      \
         "sent with a VLAN tag on a VNIC that is in no VLAN")               \
    DROP(MTU, "mtu",                                                        \
         "sent with more bytes than the MTU of the VNIC")                   \
    DROP(DEVICE, "device",                                                  \
         "sent, and refused by the link's device")                          \
    DROP(PAUSED, "paused",                                                  \
         "sent while the link's device was being reconfigured")             \
    DROP(NO_DEVICE, "no_device",                                            \
         "sent on an etherstub to an address that none of its VNICs has")   \
    DROP(RECONFIGURED, "reconfigured",                                      \
         "waited in a ring that was replaced or removed")

enum drop_reason {
#define DROP(ENUM, NAME, TEXT) DROP_##ENUM,
    VNIC_DROPS
#undef DROP
    N_DROPS
};

struct drop_counters {
    struct counter n[N_DROPS];
    struct counter received;    /* Of all these, on the way to the port. */
    struct ovs_refcount ref_cnt;
};

struct drop_counters *drop_counters_create(void);
struct drop_counters *drop_counters_ref(struct drop_counters *);
void drop_counters_unref(struct drop_counters *);

/* "ring_full" and the like. */
const char *drop_name(enum drop_reason);

/* The sentence for the manual. */
const char *drop_text(enum drop_reason);

void drop_packets(struct drop_counters *, enum drop_reason,
                  struct dp_packet **packets, size_t n);

/* The same for frames that a port would have received, and one that just
 * counts them. */
void drop_received(struct drop_counters *, enum drop_reason,
                   struct dp_packet **packets, size_t n);
void drop_count_received(struct drop_counters *, enum drop_reason, uint64_t n);

/* Drops all of 'batch' and leaves it empty. */
void drop_batch(struct drop_counters *, enum drop_reason,
                struct dp_packet_batch *batch);

#endif /* datapath-ext/drop.h */
