/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_RING_H
#define VSCTL_RING_H 1

/* Verbs for rings
 * ===============
 *
 * What: the commands that ovs-vsctl has for the receive rings of a VNIC.  A
 * ring is a row among the "rings" of the VNIC and, unless its role is
 * "default", an Interface of type "vnic" by the name of VNIC.ID, with a port
 * on the bridge of the VNIC's own port, which is that of the default ring.
 *
 * Data flow: arguments --> rows, in the transaction of the command line; ports
 * by way of vsctl-port.h.
 *
 * Ownership: rows belong to the IDL.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: in the context, upon which ovs-vsctl ends without a commit; so what
 * a verb did until then need not be undone. */

struct ctl_context;

/* Makes the verbs known to the parser of command lines. */
void vsctl_ring_register(void);

/* Their lines for --help. */
const char *vsctl_ring_usage(void);

/* For the verbs for VNICs, which must tell the ports of rings from those of
 * VNICs: the prerequisites; the name of the ring whose port 'name' is, as in
 * "ring 1 of VNIC v1", which the caller frees, or NULL; and to delete the
 * ports of all rings of a VNIC. */
void vsctl_ring_prerequisites(struct ctl_context *);
char *vsctl_ring_of_port(const struct ctl_context *, const char *name);
void vsctl_ring_del_ports(struct ctl_context *, const char *vnic_name);

#endif /* utilities/vsctl-ring.h */
