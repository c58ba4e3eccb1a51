/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_PLUGIN_UNIXCTL_H
#define VNIC_PLUGIN_UNIXCTL_H 1

/* Commands
 * ========
 *
 * What: the 'ovs-appctl vnic/...' commands, which tell what is in effect now.
 * Each takes "-f json" (or "--format=json") for programs, text otherwise.
 *
 * Data flow: struct config and datapath-ext's counters --> struct json; the
 * text is made from the same values.
 *
 * Thread-safety: main thread only.
 *
 * Errors: an unknown name is an error reply that names it. */

#include <stddef.h>

struct seam_contact;

void plugin_unixctl_init(void);

/* What vnic/seam-show shows, besides the datapath's own contacts. */
void plugin_unixctl_set_contacts(const struct seam_contact *, size_t n);

#endif /* vswitchd-plugin/plugin-unixctl.h */
