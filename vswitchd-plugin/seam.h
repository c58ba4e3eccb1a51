/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_PLUGIN_SEAM_H
#define VNIC_PLUGIN_SEAM_H 1

/* The control seam
 * ================
 *
 * What: every place in which the plugin reaches into Open vSwitch other than
 * through public registration functions: functions that one OVS object calls
 * in another and that the linker redirects to us.  datapath-ext/seam.h, the
 * other seam, says how that works and what holds for both.
 *
 * Data flow: main() of ovs-vswitchd.c calls bridge_init(), then in turn
 * bridge_run() and bridge_wait(), at the end bridge_exit(); bridge_run()
 * calls, when the database changed, bridge_reconfigure(), whose first call
 * into another object is ofproto_set_flow_limit() and after which it calls
 * ovsrec_open_vswitch_set_cur_cfg(), with its transaction still open.  In
 * between, ofproto_port_add() adds ports.  A change of controllers or of
 * fail_mode flushes a bridge's flows and then calls connmgr_flushed().
 *
 * Rejected: our own main() and a copy of bridge_run(), which would have to be
 * kept in step with every OVS release.
 *
 * Thread-safety: main thread only.
 *
 * Errors: none; each contact returns what the real function returned. */

#define PLUGIN_CONTACTS                                                     \
    CONTACT(bridge_init, "vswitchd/ovs-vswitchd.o", "1.0 to 3.7",           \
            "our netdev classes and commands must exist before the first "  \
            "bridge is configured")                                         \
    CONTACT(ovsdb_idl_create, "vswitchd/bridge.o", "1.0 to 3.7",            \
            "the plugin shares the bridge's IDL, which is static there")    \
    CONTACT(ofproto_set_flow_limit, "vswitchd/bridge.o", "2.0 to 3.7",      \
            "links and VNICs must be there when bridge_reconfigure(), "     \
            "which is static, adds their ports")                            \
    CONTACT(ofproto_port_add, "vswitchd/bridge.o", "2.0 to 3.1",            \
            "a packet must not enter a pipeline without the id that its "   \
            "ring implies: the flow for that needs the port's number, and " \
            "must be there before ofproto_type_run() tells the pipeline "   \
            "of the port")                                                  \
    CONTACT(connmgr_flushed, "ofproto/libofproto_la-ofproto.o",             \
            "2.0 to 3.1", "a bridge that was flushed gets its first flow "  \
            "here, and ours must precede it")                               \
    CONTACT(ovsrec_open_vswitch_set_cur_cfg, "vswitchd/bridge.o",           \
            "1.0 to 3.7",                                                   \
            "status must be written in the transaction that tells "         \
            "ovs-vsctl that the configuration is in effect")                \
    CONTACT(bridge_run, "vswitchd/ovs-vswitchd.o", "1.0 to 3.7",            \
            "statistics are written periodically")                          \
    CONTACT(bridge_wait, "vswitchd/ovs-vswitchd.o", "1.0 to 3.7",           \
            "the main loop must wake up for that")                          \
    CONTACT(bridge_exit, "vswitchd/ovs-vswitchd.o", "1.0 to 3.7",           \
            "links are closed, and our transaction ended, before the IDL "  \
            "is destroyed")                 \
    CONTACT(bridge_get_memory_usage, "vswitchd/ovs-vswitchd.o",             \
            "1.1 to 3.7", "memory/show tells what links and rings take")    \
    CONTACT(ovs_print_version, "vswitchd/ovs-vswitchd.o", "2.0 to 3.7",     \
            "--version tells both versions")                                \
    CONTACT(ovs_get_program_version, "lib/unixctl.o", "1.1 to 3.7",         \
            "ovs-appctl version tells both versions")

#endif /* vswitchd-plugin/seam.h */
