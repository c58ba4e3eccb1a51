/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LINK_HW_H
#define VNIC_LINK_HW_H 1

/* A link's part in hardware
 * =========================
 *
 * What: puts the claims of VNICs and the rules of a link into its device, if
 * that can classify, and says what the marks mean that come back.  Hardware
 * saves work, and never has a say of its own: every frame is disposed of as
 * software would do it.
 *
 * Data flow:
 *
 *     ports and rules --placement.h--> what may go into the device, in order
 *         --link_hw_place()--> hw.h, and a struct mark_table
 *     frame with a mark --link_obey_mark() in link-classify.c--> verdict
 *
 * What goes into the device.  A device marks a frame for a rule that the
 * frame matches, apart from its VLAN tag, at which some don't look; and it
 * takes fewer frames than match, never more (hw-pattern.h).  A mark is
 * therefore no proof that the frame isn't for a rule above: the device may
 * have overlooked that one.  So
 *
 *     - a rule goes into the device only if each rule above that shares a
 *       frame with it is there too, and is one that the device can't have
 *       overlooked if it found this one (hw_pattern_sees()).  Its mark, with
 *       the VLAN compared, is then the verdict, without a look at the rest of
 *       the headers.
 *     - the claim of a VNIC always may, for its mark just replaces the lookup
 *       of the VNIC: the rules of the link are asked before, if one could be
 *       for such a frame, and those of the VNIC and its address lists after.
 *
 * Levels.  Each gets the first level below all above it that it shares frames
 * with: level 0 if there are none.  A device with one level refuses what needs
 * another.
 *
 * Actions.  HW_STEER, else HW_MARK.  A rule that drops: HW_DROP, if the device
 * counts what it drops, else it is marked and software drops and counts.
 *
 * Queues.  All that is one VNIC's goes to one queue, that with the fewest
 * placements when its first one comes; rules of the link are spread in the
 * same way.  So a flood for one VNIC fills its own queue and what RSS has put
 * there, and the frames of a connection, which all take the same rule, stay in
 * order.  A hash of the address would do without looking, but would put two
 * VNICs into the same of two queues every other time.
 *
 * Changes.  Whatever changes among ports and rules calls link_hw_forget(), by
 * which all marks become unknown, so that software classifies, before what a
 * mark stands for goes.  link_hw_place() then does all anew, but keeps in the
 * device what is the same.  What is in a device that is full is not removed
 * for something above it that comes later, and a refusal stands until
 * something has left the device.
 *
 * Rules that drop in hardware are the only ones that act on their own.  One
 * with rules above it relies on these, and so leaves the device before any
 * other change and comes back after.  For as long as it takes link_hw_place()
 * to come, a rule that is no longer wanted drops on, as if the change came
 * later.
 *
 * Units: at most LINK_HW_MAX placements in a device.  With n placements and m
 * rules on the link, link_hw_place() takes O(n * m) time.
 *
 * Ownership: part of its link.  After link_hw_place() and until
 * link_hw_forget(), placements and the table of marks may point to rules and
 * ports.
 *
 * Thread-safety: main thread, other than link_hw_forget().  link_hw_place(),
 * link_hw_count() and link_hw_clear() while no other thread may change ports
 * and rules.
 *
 * Errors: link_hw_open() returns a positive errno and a sentence in
 * '*errp'. */

#include <stdbool.h>
#include <stddef.h>

#include "datapath-ext/mark-table.h"
#include "datapath-ext/placement.h"
#include "ovs-rcu.h"

enum hw_classifier;
struct link;
struct rule;
struct verdict;

#define LINK_HW_MAX 1024

struct link_hw {
    struct hw *hw;              /* NULL if the device isn't used... */
    char *reason;               /* ...and why. */
    bool is_off, is_required;
    atomic_bool is_stale;       /* Must link_hw_place() do something? */
    uint32_t next_mark;
    struct placements placements; /* Empty without 'hw'. */
    size_t n_placed;
    bool has_room;              /* Has something left the device since
                                 * link_hw_place() began last? */
    struct mark_table *table;   /* Published last, and not freed yet. */
};

/* Life.  The device must be started; it forgets its rules when it stops, so
 * stop and start this with it.  To destroy is to stop, too. */
int link_hw_open(struct link *, enum hw_classifier, char **errp);
void link_hw_stop(struct link *);
/* Has Open vSwitch's own offload been switched on? */
bool link_hw_must_stop(const struct link *);
void link_hw_start(struct link *);
void link_hw_destroy(struct link *);

/* Makes all marks unknown, before a port or a rule goes or another comes. */
void link_hw_forget(struct link *);
bool link_hw_is_stale(const struct link *);
/* Makes the device have what it should, if anything has changed. */
void link_hw_place(struct link *);
/* Adds what the device has dropped to the counters of its rules. */
void link_hw_count(struct link *);
/* Takes everything out of the device, and counts, after link_hw_place(): to do
 * before link_hw_stop(), which can't count. */
void link_hw_clear(struct link *);

/* For link-hw-place.c: takes a placement out of the device, if it is there.
 * What the device has counted goes to 'heir', unless that is NULL: the same
 * one, or what has its place now. */
void link_hw_remove(struct link *, struct placement *,
                    const struct placement *heir);

/* Is the rule, or the claim of VNIC 'key' if there is no rule, in hardware?
 * If it isn't and should be, '*reason' says why and stays the link's, else it
 * is NULL. */
bool link_hw_has(const struct link *, const struct l2_key *key,
                 const struct rule *, const char **reason);
/* Why the VNIC may not receive, or NULL: its claim must be in hardware. */
const char *link_hw_refusal(const struct link *, const struct l2_key *key);
/* Is what decided in hardware? */
bool link_hw_decides(const struct link *, const struct verdict *);

#endif /* datapath-ext/link-hw.h */
