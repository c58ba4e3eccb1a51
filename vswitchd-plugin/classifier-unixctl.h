/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_CLASSIFIER_UNIXCTL_H
#define VNIC_CLASSIFIER_UNIXCTL_H 1

/* Commands about classification
 * =============================
 *
 * What: vnic/classifier-show, which lists what links match frames against, and
 * vnic/match, which says where one frame would go.
 *
 * Data flow: configuration and counters --> the reply.  vnic/match makes a
 * frame of a flow and asks the code that classifies received ones.
 *
 * Thread-safety: main thread only.
 *
 * Errors: in the reply. */

void classifier_unixctl_init(void);

#endif /* vswitchd-plugin/classifier-unixctl.h */
