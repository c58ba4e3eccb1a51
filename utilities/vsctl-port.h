/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_PORT_H
#define VSCTL_PORT_H 1

/* Ports of type "vnic"
 * ====================
 *
 * What: what the verbs for VNICs and those for rings do alike with the
 * Interface of a VNIC or of a ring and with the port that has it.
 *
 * Data flow: names --> stock commands, which keep ovs-vsctl's cache of bridges
 * and ports, and note what to check after ovs-vswitchd has set it up.
 *
 * Ownership: rows belong to the IDL; the caller frees the name of a bridge.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: in the context, or the stock command ends the program, as it does by
 * itself. */

#include <stdbool.h>

struct ctl_context;
struct ovsrec_interface;

/* The prerequisites of all that follows. */
void vsctl_port_prerequisites(struct ctl_context *);

/* The Interface with 'name', of whatever type, or NULL. */
const struct ovsrec_interface *vsctl_port_find(const struct ctl_context *,
                                               const char *name);
bool vsctl_port_is_vnic(const struct ovsrec_interface *);
char *vsctl_port_bridge(struct ctl_context *, const struct ovsrec_interface *);

/* Adds a port 'name' with an Interface of type "vnic" to 'bridge'; with
 * --may-exist it may be there, and keeps its type then. */
void vsctl_port_add(struct ctl_context *, const char *bridge,
                    const char *name);
/* Deletes the port of the Interface, or just the Interface if its port has
 * others. */
void vsctl_port_del(struct ctl_context *, const struct ovsrec_interface *);

/* Extension of stock commands that add ports: a link that loses its device to
 * the port is reported with the reason that ovs-vswitchd gives. */
void vsctl_port_pre_add_stock(struct ctl_context *);
void vsctl_port_run_add_stock(struct ctl_context *,
                              void (*stock)(struct ctl_context *));

#endif /* utilities/vsctl-port.h */
