/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_SHOW_H
#define VSCTL_SHOW_H 1

/* "ovs-vsctl show"
 * ================
 *
 * What: the links, VNICs and VNS instances, after what the stock command shows
 * and in its format; nothing if there are none.  Rings stand below their VNIC,
 * and rules below the link or VNIC that owns them, or by themselves if there
 * is none.  Our rows can't be in the stock command's own table: it starts at
 * the Open_vSwitch row and follows references by UUID, and nothing refers to
 * our rows so but VNICs to their rings.
 *
 * Data flow: rows of the IDL --> 'output' of the context.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: none. */

struct ctl_context;

void vsctl_show_prerequisites(struct ctl_context *);
void vsctl_show_run(struct ctl_context *,
                    void (*stock)(struct ctl_context *));

#endif /* utilities/vsctl-show.h */
