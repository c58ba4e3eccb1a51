/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_HW_H
#define VNIC_HW_H 1

/* Classification in hardware
 * ==========================
 *
 * What: rules in a network device, through DPDK's flow API (rte_flow): frames
 * that match a rule get its mark and go to its receive queue, or are dropped.
 *
 * Data flow:
 *
 *     netdev --hw_open()--> struct hw, or the driver's reason against it
 *     struct match, mark, queue --hw_rule_create()--> rule in the device
 *     frame --device--> receive queue --hw_take_mark()--> mark: whose frame
 *
 * Why marks: receive queues are shared.  The device spreads what no rule
 * matches over all of them (RSS), so that the queue a frame came from proves
 * nothing; the mark that a device put on it does.  A frame without the mark of
 * a rule that is in force is classified in software, always: a rule that
 * hardware misses costs time and nothing else.
 *
 * So there is no rule with a queue and no mark.  It would need RSS kept off
 * its queue, by a redirection table (RETA) that Open vSwitch, which owns the
 * port, knows nothing of and that a restart of the port forgets; and frames
 * that a driver doesn't hash go to queue 0 whatever the table says.  A driver
 * without marks is left to software.  Where marks work and queues don't,
 * HW_MARK still saves the lookup, though frames come by any queue.
 *
 * Open vSwitch's own offload (other_config:hw-offload) marks frames too, and
 * takes every mark for one of its own.  hw_open() refuses while it is on.  It
 * can be switched on later (never off, but by a restart): see hw_is_allowed().
 * For the same reason hw_take_mark() removes the mark from the frame.
 *
 * For the receiver:
 *
 *     - Marks of one device are never used again while it is open, for a frame
 *       may wait in a queue for longer than its rule exists.  Count upwards
 *       from 1; many devices have 24 bits or less, and refuse more.
 *     - An unknown mark is no mark.
 *     - Frames that a rule for "untagged" marked may be tagged after all, for
 *       many drivers refuse to look (then the rule does without) or ignore
 *       that they should.  So compare the VLAN of a marked frame with the
 *       rule's: for the claim of a VNIC, l2_key_equal() on the key that
 *       classify_extract() finds says all.  Nobody can compare what was
 *       dropped, so there is no HW_DROP for "untagged".
 *     - A rule counts only if no rule above it does.  'level' says so to the
 *       device (0 is highest), and most have one level only, among whose rules
 *       it is open which one counts.  Nor does the mark of a rule prove that
 *       the frame isn't for one above that the device has overlooked:
 *       link-hw.h says what follows.
 *     - The port forgets its rules when it is stopped: hw_close() before
 *       netdev_reconfigure() or netdev_close(), hw_open() and all rules again
 *       after it.
 *
 * Units: queues are numbers of the netdev's receive queues.
 *
 * Ownership: a struct hw has a reference to its netdev and owns its rules;
 * hw_close() removes those that are left from the device.
 *
 * Thread-safety: main thread only, other than hw_take_mark().  Other threads
 * may poll the device meanwhile.
 *
 * Errors: a function that can be refused returns NULL and a sentence with the
 * driver's own reason in '*reasonp', for the caller to free.
 *
 * Source: rte_flow.h of DPDK 22.11; netdev-dpdk.h of Open vSwitch. */

#include <stdbool.h>
#include <stdint.h>

#include "dp-packet.h"

struct hw;
struct hw_rule;
struct match;
struct netdev;
struct smap;

enum hw_action {
    HW_STEER,                   /* Mark, and into a queue. */
    HW_MARK,                    /* Mark; into any queue, by RSS. */
    HW_DROP,
};

struct hw_rule_config {
    const struct match *match;
    unsigned int level;         /* 0 comes first. */
    enum hw_action action;
    uint32_t mark;              /* For all but HW_DROP. */
    unsigned int queue;         /* For HW_STEER. */
};

/* 'netdev' must be configured and open for receiving.  Asks the driver, and
 * puts a rule into the device and takes it out again: some drivers approve of
 * rules that they then can't create.  The rule is for frames that no network
 * has. */
struct hw *hw_open(struct netdev *, char **reasonp);
void hw_close(struct hw *);

/* False if Open vSwitch's own offload is on: close all struct hw. */
bool hw_is_allowed(void);

struct hw_rule *hw_rule_create(struct hw *, const struct hw_rule_config *,
                               char **reasonp);
/* Returns false if the driver fails to remove the rule, which may then be in
 * force until the port is stopped; frames of it have a mark that counts no
 * longer. */
bool hw_rule_destroy(struct hw *, struct hw_rule *);

/* What the device has counted for a rule.  Returns false if it doesn't. */
bool hw_rule_query(const struct hw *, const struct hw_rule *,
                   uint64_t *packets, uint64_t *bytes);

/* Adds what is known of the device: see the column capabilities in
 * ovs-vswitchd.conf.db(5).  Only asks, and so changes nothing in the device.
 * Adds nothing for what is no DPDK port. */
void hw_fill_capabilities(const struct netdev *, struct smap *);

/* If the device has marked 'packet', takes the mark off. */
static inline bool
hw_take_mark(struct dp_packet *packet, uint32_t *mark)
{
    if (!dp_packet_has_flow_mark(packet, mark)) {
        return false;
    }
    *dp_packet_ol_flags_ptr(packet) &= ~DP_PACKET_OL_FLOW_MARK;
    return true;
}

#endif /* datapath-ext/hw.h */
