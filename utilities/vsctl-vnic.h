/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_VNIC_H
#define VSCTL_VNIC_H 1

/* Verbs for VNICs
 * ===============
 *
 * What: the commands that ovs-vsctl has for VNICs.  A VNIC is a row of its
 * table, an Interface of type "vnic" by the same name, and the port of that;
 * or, if an administrator made it so, such an Interface with options in place
 * of the row.  The verbs treat all of it as one.
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

/* Makes the verbs known to the parser of command lines. */
void vsctl_vnic_register(void);

/* Their lines for --help. */
const char *vsctl_vnic_usage(void);

#endif /* utilities/vsctl-vnic.h */
