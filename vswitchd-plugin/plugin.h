/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_PLUGIN_H
#define VNIC_PLUGIN_H 1

/* The plugin
 * ==========
 *
 * What: what ovs-vnic adds to the main thread of ovs-vswitchd.
 *
 * Data flow, in the order in which the seam (seam.h) calls:
 *
 *     plugin_init()         before the bridge module: classes, commands
 *     plugin_set_idl()      when the bridge module has made its IDL
 *     plugin_complete_idl() when it has said what it needs of the IDL
 *     plugin_reconfigure()  the database changed: links and VNICs, before the
 *                           bridges look at their ports
 *     plugin_port_added()   a bridge has a new port, but passes none of its
 *                           packets yet
 *     plugin_flows_flushed()  a bridge has no flows, and does not forward yet
 *     plugin_publish()      after the bridges, before cur_cfg is written, in
 *                           the same transaction: so ovs-vsctl, which waits
 *                           for cur_cfg, finds the status columns written
 *     plugin_run(), plugin_wait()   each turn of the main loop
 *     plugin_exit()         before the bridges and the IDL go
 *
 * Ownership: one context, static in plugin.c, for OVS's functions that the
 * seam stands in for take none.
 *
 * Thread-safety: main thread only.
 *
 * Errors: none that stop the daemon; a row's errors are in its status. */

#include <stdbool.h>

#include "openvswitch/types.h"

struct config;
struct ofproto;
struct ovsdb_idl;
struct simap;

void plugin_init(void);
void plugin_set_idl(struct ovsdb_idl *);
void plugin_complete_idl(void);
void plugin_reconfigure(void);
void plugin_port_added(struct ofproto *, const char *port, ofp_port_t);
void plugin_flows_flushed(void);
void plugin_publish(void);
void plugin_run(void);
void plugin_wait(void);
void plugin_exit(void);

void plugin_get_memory_usage(struct simap *);

/* "ovs-vnic 0.1.0". */
const char *plugin_version(void);

/* For plugin-unixctl.c: what is configured now, with its status up to date, or
 * NULL before the first configuration. */
const struct config *plugin_config(void);
/* How long the last plugin_reconfigure() and plugin_publish() took, in
 * microseconds, and how often they ran. */
struct plugin_timing {
    unsigned long long int n;
    long long int reconfigure_us;
    long long int publish_us;
};
struct plugin_timing plugin_timing(void);

#endif /* vswitchd-plugin/plugin.h */
