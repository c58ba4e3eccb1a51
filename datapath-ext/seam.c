/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/seam.h"

#include "datapath-ext/front.h"
#include "datapath-ext/handover.h"
#include "datapath-ext/netdev-vnic.h"
#include "dpif.h"
#include "dpif-netdev-private-dpif.h"
#include "netdev-offload.h"
#include "util.h"

enum {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) CONTACT_##SYMBOL,
    DATAPATH_CONTACTS
#undef CONTACT
};

/* Global because a redirected call brings no context of ours. */
static struct seam_contact contacts[] = {
#define CONTACT(SYMBOL, CALLER, VERSIONS, REASON) \
    { #SYMBOL, CALLER, VERSIONS, REASON, { 0 } },
    DATAPATH_CONTACTS
#undef CONTACT
};

struct seam_contact *
datapath_contacts(size_t *n)
{
    *n = ARRAY_SIZE(contacts);
    return contacts;
}

int __real_netdev_ports_insert(struct netdev *, struct dpif_port *);
int __wrap_netdev_ports_insert(struct netdev *, struct dpif_port *);

int
__wrap_netdev_ports_insert(struct netdev *netdev, struct dpif_port *port)
{
    int error = __real_netdev_ports_insert(netdev, port);

    counter_add(&contacts[CONTACT_netdev_ports_insert].fired, 1);
    netdev_vnic_set_port_number(netdev, port->port_no);
    return error;
}

/* The datapath's list of input functions has this address in the place of
 * dpif_scalar's, whose own work is done by the real function. */
int32_t __real_dp_netdev_input(struct dp_netdev_pmd_thread *,
                               struct dp_packet_batch *, odp_port_t);
int32_t __wrap_dp_netdev_input(struct dp_netdev_pmd_thread *,
                               struct dp_packet_batch *, odp_port_t);

static void
deliver(void *pmd, struct dp_packet_batch *batch, odp_port_t port)
{
    __real_dp_netdev_input(pmd, batch, port);
}

int32_t
__wrap_dp_netdev_input(struct dp_netdev_pmd_thread *pmd,
                       struct dp_packet_batch *batch, odp_port_t port)
{
    if (OVS_LIKELY(!handover_is_pending())) {
        return __real_dp_netdev_input(pmd, batch, port);
    }
    /* Threads may lose each other's counts, which matters less than what a
     * locked instruction per batch costs. */
    counter_add_own(&contacts[CONTACT_dp_netdev_input].fired, 1);
    handover_run(batch, port, deliver, pmd);
    return 0;
}

int __real_netdev_reconfigure(struct netdev *);
int __wrap_netdev_reconfigure(struct netdev *);

int
__wrap_netdev_reconfigure(struct netdev *netdev)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct front *front = front_lock(netdev);
    int error = __real_netdev_reconfigure(netdev);

    counter_add(&contacts[CONTACT_netdev_reconfigure].fired, 1);
    front_unlock(front);
    return error;
}
