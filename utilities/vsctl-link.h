/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_LINK_H
#define VSCTL_LINK_H 1

/* Verbs for links
 * ===============
 *
 * What: the commands that ovs-vsctl has for the devices that VNICs share.  A
 * link is a row of its table and nothing else.
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
void vsctl_link_register(void);

/* Their lines for --help. */
const char *vsctl_link_usage(void);

#endif /* utilities/vsctl-link.h */
