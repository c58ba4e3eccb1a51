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
    CONTACT(dp_netdev_input, "lib/dpif-netdev-private-dpif.o",              \
            "2.16 to 3.7",                                                  \
            "frames for several ports must reach the datapath in one go, "  \
            "which knows of one port for each receive queue")               \
    CONTACT(netdev_reconfigure, "lib/dpif-netdev.o", "2.7 to 3.7",          \
            "frames that bypass OpenFlow must not be sent to a port while " \
            "the datapath reconfigures it")

/* All contacts of datapath-ext, '*n' of them. */
struct seam_contact *datapath_contacts(size_t *n);

#endif /* datapath-ext/seam.h */
