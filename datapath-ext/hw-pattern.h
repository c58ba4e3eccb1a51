/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_HW_PATTERN_H
#define VNIC_HW_PATTERN_H 1

/* Patterns for hardware
 * =====================
 *
 * What: a struct match in the terms of DPDK's flow API: a list of items, one
 * per header, from the outside in.
 *
 *     dl_vlan=20,ip,nw_dst=10.0.0.0/24
 *     eth / vlan vid is 20 / ipv4 dst spec 10.0.0.0 dst prefix 24 / end
 *
 * The rule that everything here follows: of well-formed frames, a pattern may
 * match fewer than the match, for software classifies what hardware missed,
 * but never one more.  So
 *
 *     - "in no VLAN or in VLAN 0" (vlan_tci=0/0x0fff) becomes "untagged";
 *       priority-tagged frames are left to software;
 *     - a TCP, UDP, SCTP or ICMP item, which a device applies to frames
 *       that it parsed that far, may leave out fragments;
 *     - a value that means something else to a device than to Open vSwitch is
 *       refused, such as the number of an IPv6 extension header, which Open
 *       vSwitch skips and a device takes for the protocol.
 *
 * A match without a VLAN says nothing about tags, and neither does the
 * pattern, which most devices then apply to untagged frames only.  What the
 * next item implies is not said twice (the Ethernet type of IPv4, the protocol
 * of TCP), and an item without fields has no masks: drivers compare the shape
 * of a pattern with a list of shapes, and those are the shapes that most have.
 *
 * Traps, for drivers: masks must be given, as the default masks of DPDK are
 * not ours; no bit may be set in a spec that is not in its mask; 'last' must
 * be null; VLAN tags carry the DEI bit where struct flow has VLAN_CFI, which
 * means "there is a tag".  A driver may refuse or, worse, ignore 'has_vlan',
 * which is younger than most of them: see hw.h for what follows.
 *
 * Fewer also means that a frame which no pattern took may have been for one: a
 * device that found no TCP in a fragment didn't say that the fragment isn't
 * TCP.  So of two rules the lower one's mark tells that a frame is not for the
 * upper one only if the device, to find the lower pattern, looked at all that
 * the upper pattern is about: hw_pattern_sees().
 *
 * Data flow:
 *
 *     struct l2_key --hw_match_from_claim()--> struct match
 *     struct match --hw_pattern_init()--> struct hw_pattern --> rte_flow_*()
 *
 * Ownership: a pattern is a single struct that contains all; its items point
 * into it, so it must not be copied.
 *
 * Thread-safety: as any plain struct.
 *
 * Errors: hw_pattern_init() returns a sentence that names the field, for the
 * caller to free, or NULL.
 *
 * Source: rte_flow.h; "Flow rules management" of testpmd's manual for the
 * text; lib/netdev-offload-dpdk.c of Open vSwitch for what drivers accept. */

#include <stdbool.h>
#include <stddef.h>

#include <rte_flow.h>

struct ds;
struct l2_key;
struct match;

#define HW_PATTERN_MAX_ITEMS 5  /* eth, vlan, ip, l4, end */

struct hw_pattern_values {
    struct rte_flow_item_eth eth;
    struct rte_flow_item_vlan vlan;
    union {
        struct rte_flow_item_ipv4 ipv4;
        struct rte_flow_item_ipv6 ipv6;
    };
    union {
        struct rte_flow_item_tcp tcp;
        struct rte_flow_item_udp udp;
        struct rte_flow_item_sctp sctp;
        struct rte_flow_item_icmp icmp;
        struct rte_flow_item_icmp6 icmp6;
    };
};

struct hw_pattern {
    struct rte_flow_item items[HW_PATTERN_MAX_ITEMS];
    size_t n;                   /* Items, with the END. */
    struct hw_pattern_values spec, mask;
};

char *hw_pattern_init(struct hw_pattern *, const struct match *);

/* Takes out what many drivers can't match: that a frame is untagged.  The
 * pattern then matches tagged frames too, and who receives its frames must
 * look himself.  Returns false if there was nothing to take out. */
bool hw_pattern_forget_tags(struct hw_pattern *);

/* Does a device that has found 'lower' in a frame know for sure whether
 * 'upper' is in it? */
bool hw_pattern_sees(const struct hw_pattern *lower,
                     const struct hw_pattern *upper);

/* Appends the text that testpmd takes after "pattern". */
void hw_pattern_format(const struct hw_pattern *, struct ds *);

/* What the claim of a VNIC matches.  Inexact for VLAN 0, see above. */
void hw_match_from_claim(struct match *, const struct l2_key *);

#endif /* datapath-ext/hw-pattern.h */
