/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_RULE_H
#define VSCTL_RULE_H 1

/* Verbs for classifier rules
 * ==========================
 *
 * What: the commands that ovs-vsctl has for rules.  A rule is a row of table
 * VNIC_Classifier, which names the link or the VNIC that owns it.
 *
 * Data flow: arguments --> rows, in the transaction of the command line.
 * A rule outlives its owner, as a QoS row outlives its port: ovs-vswitchd says
 * in the rule's status what is missing.
 *
 * Ownership: rows belong to the IDL.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: in the context, upon which ovs-vsctl ends without a commit; so what
 * a verb did until then need not be undone. */

/* Makes the verbs known to the parser of command lines. */
void vsctl_rule_register(void);

/* Their lines for --help. */
const char *vsctl_rule_usage(void);

#endif /* utilities/vsctl-rule.h */
