/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef DATAPATH_EXT_SEAM_H
#define DATAPATH_EXT_SEAM_H 1

/* The datapath's seam
 * ===================
 *
 * What: every place in which datapath-ext reaches into Open vSwitch other than
 * through its public registration functions.  A contact is a function of OVS
 * that crosses object files and that the linker redirects to us
 * (-Wl,--wrap=SYMBOL): the call in CALLER goes to __wrap_SYMBOL() in seam.c,
 * which calls __real_SYMBOL().
 *
 * Data flow: DATAPATH_CONTACTS is the one list.  The build takes the --wrap
 * options from it, and stops if SYMBOL is not an undefined reference of the
 * object CALLER, for then the call could not be redirected (seam-check).
 * 'vnic/seam-show' prints it with the number of times each contact fired, and
 * a test makes each of them fire.
 *
 * Thread-safety: 'fired' may be raised and read by any thread.
 *
 * Errors: a contact never fails on its own account; it returns what the real
 * function returned. */

#include <stddef.h>

#include "counter.h"

struct seam_contact {
    const char *symbol;         /* The redirected function. */
    const char *caller;         /* The OVS object that calls it. */
    const char *ovs_versions;   /* In which this call was seen. */
    const char *reason;         /* Why there is no public way. */
    struct counter fired;
};

#define DATAPATH_CONTACTS                                                   \
    CONTACT(netdev_ports_insert, "lib/dpif.o", "2.12 to 3.7",               \
            "a VNIC must know its port number in the datapath, by which a " \
            "link tells frames that came from it, and no netdev is told it")\
    CONTACT(netdev_reconfigure, "lib/dpif-netdev.o", "2.7 to 3.7",          \
            "frames that bypass OpenFlow must not be sent to a port while " \
            "the datapath reconfigures it")                                 \
    CONTACT(odp_execute_actions, "lib/dpif-netdev.o", "2.11 to 3.7",        \
            "the pipeline cache records what the datapath does to packets") \
    CONTACT(dpif_register_upcall_cb,                                        \
            "ofproto/libofproto_la-ofproto-dpif-upcall.o",                  \
            "2.3 to 3.7",                                                   \
            "actions from an upcall are of no megaflow, so that they can't "\
            "be recorded")                                                  \
    CONTACT(conntrack_execute, "lib/dpif-netdev.o", "3.1",                  \
            "a connection's mark and label change with no other notice")    \
    CONTACT(timeout_policy_update, "lib/dpif-netdev.o", "3.1",              \
            "timeouts of connections change with no other notice")          \
    CONTACT(timeout_policy_delete, "lib/dpif-netdev.o", "3.1",              \
            "timeouts of connections change with no other notice")          \
    CONTACT(cmap_insert, "lib/conntrack.o", "3.1",                          \
            "a new connection may hide an older one with its addresses")    \
    CONTACT(cmap_replace, "lib/conntrack.o", "2.6 to 3.7",                  \
            "megaflows and connections leave their maps, which no public "  \
            "function tells")                                               \
    CONTACT(ovsrcu_postpone__, "lib/dpif-netdev.o", "2.3 to 3.7",           \
            "a megaflow's old actions are freed after a change")            \
    CONTACT(pmd_perf_start_iteration, "lib/dpif-netdev.o", "2.10 to 3.7",   \
            "counters of cached packets are due also when none follow")     \
    CONTACT(netdev_has_tunnel_push_pop, "lib/dpif-netdev.o", "2.6 to 3.7",  \
            "a thread that has loaded its ports may find other tunnels " \
            "behind their numbers")                                         \
    CONTACT(dfc_cache_uninit, "lib/dpif-netdev.o", "2.16 to 3.7",           \
            "a thread's cache ends with the thread")

/* All contacts of datapath-ext, '*n' of them. */
struct seam_contact *datapath_contacts(size_t *n);

#endif /* datapath-ext/seam.h */
