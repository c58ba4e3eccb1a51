/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_VNS_H
#define VSCTL_VNS_H 1

/* Verbs for VNS instances
 * =======================
 *
 * What: the commands that ovs-vsctl has for virtual network stacks.  An
 * instance is a row of its table and nothing else.
 *
 * Data flow: arguments --> rows, in the transaction of the command line.
 *
 * Ownership: rows belong to the IDL.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: in the context, upon which ovs-vsctl ends without a commit; so what
 * a verb did until then need not be undone. */

/* Makes the verbs known to the parser of command lines. */
void vsctl_vns_register(void);

/* Their lines for --help. */
const char *vsctl_vns_usage(void);

#endif /* utilities/vsctl-vns.h */
