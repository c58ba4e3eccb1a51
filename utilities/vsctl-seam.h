/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_SEAM_H
#define VSCTL_SEAM_H 1

/* ovs-vsctl's seam
 * ================
 *
 * What: every place in which our ovs-vsctl reaches into Open vSwitch's.  The
 * program is OVS's ovs-vsctl.o, whose tables and state are static, linked with
 * our objects; at each contact the linker redirects a call of OVS's to us
 * (datapath-ext/seam.h says how).
 *
 * Data flow, in the order in which main() of ovs-vsctl.c calls:
 *
 *     ctl_init__()            row names of our tables, our verbs
 *     ovs_print_version(), ctl_get_db_cmd_usage()   --version, --help
 *     ctl_parse_commands()    stock commands get their extensions
 *     ovsdb_cs_parse_schema()   has this database our tables, and how long
 *                             may a string be?
 *     ovsdb_idl_txn_commit_block(), ovsdb_idl_txn_get_error()   index clashes
 *     ovsdb_idl_enable_reconnect()   now it waits for ovs-vswitchd
 *     ovsdb_idl_txn_destroy()   what did ovs-vswitchd say?
 *
 * Rejected: a copy of ovs-vsctl.c with our tables in it, which would have to
 * be kept in step with every OVS release, and a tool of our own, whose
 * commands could not be in one transaction with stock ones.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: none of its own; vsctl-tables.h and vsctl-error.h say when a contact
 * ends the program. */

#define VSCTL_CONTACTS                                                      \
    CONTACT(ctl_init__, "utilities/ovs-vsctl.o", "3.1",                     \
            "tables[], by which rows have names, is static")                \
    CONTACT(ctl_parse_commands, "utilities/ovs-vsctl.o", "3.1",             \
            "commands can be registered but not extended")                  \
    CONTACT(ctl_get_db_cmd_usage, "utilities/ovs-vsctl.o", "3.1",           \
            "--help lists our verbs")                                       \
    CONTACT(ovs_print_version, "utilities/ovs-vsctl.o", "3.1",              \
            "--version tells both versions")                                \
    CONTACT(ovsdb_cs_parse_schema, "lib/ovsdb-idl.o", "3.1",                \
            "the IDL would warn of the tables that a stock database lacks") \
    CONTACT(ovsdb_idl_txn_commit_block, "utilities/ovs-vsctl.o", "3.1",     \
            "the IDL would log an index clash as JSON before we explain it") \
    CONTACT(ovsdb_idl_txn_get_error, "utilities/ovs-vsctl.o", "3.1",        \
            "an index clash on our tables is told in words")                \
    CONTACT(ovsdb_idl_enable_reconnect, "utilities/ovs-vsctl.o", "3.1",     \
            "wait_for_reload is static; this is called if it is set")       \
    CONTACT(ovsdb_idl_txn_destroy, "utilities/ovs-vsctl.o", "3.1",          \
            "the call that follows post_db_reload_do_checks(), which is "   \
            "static, and knows the transaction")

#endif /* utilities/vsctl-seam.h */
