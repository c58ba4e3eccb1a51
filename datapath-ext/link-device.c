/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include <errno.h>
#include <net/if.h>

#include <rte_config.h>
#include <rte_ethdev.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/link-hw.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-numa.h"
#include "packets.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic_link_device);

/* Life. */

/* One for each PMD thread that there can be, and one for the main thread. */
static unsigned int
wanted_n_txq(void)
{
    int n_cores = ovs_numa_get_n_cores();

    /* Without sysfs nobody knows. */
    return n_cores != OVS_CORE_UNSPEC ? MAX(n_cores, 1) + 1 : 2;
}

/* Classes without this do at once what they are told. */
static int
reconfigure(struct netdev *netdev)
{
    int error = netdev_reconfigure(netdev);

    return error == EOPNOTSUPP ? 0 : error;
}

static int
set_options(struct netdev *netdev, const struct link_config *config,
            char **errp)
{
    struct smap options;
    int error;

    smap_clone(&options, &config->options);
    if (config->n_rxq) {
        smap_replace_nocopy(&options, "n_rxq",
                            xasprintf("%u", config->n_rxq));
    }
    /* Also without any: a DPDK port must know that it lacks its devargs before
     * it is started. */
    error = netdev_set_config(netdev, &options, errp);
    smap_destroy(&options);
    if (error) {
        char *reason = *errp;

        *errp = xasprintf("options: %s; change options",
                          reason ? reason : ovs_strerror(error));
        free(reason);
        return error;
    }
    if (*errp) {
        /* No error, says the class that can't be configured at all. */
        free(*errp);
        *errp = xstrdup(smap_is_empty(&config->options)
                        ? "rings: a device of this type has a fixed number; "
                          "clear rings"
                        : "options: a device of this type has none; clear "
                          "options");
        return EOPNOTSUPP;
    }
    return 0;
}

static int
refuse_mtu(int mtu, int error, char **errp)
{
    *errp = xasprintf("mtu_request: the device refuses %d (%s); change "
                      "mtu_request", mtu, ovs_strerror(error));
    return error;
}

/* Open vSwitch goes on without, if a driver can't change the MTU, and tells of
 * the one that it has asked for. */
static int
check_mtu(const struct netdev *netdev, int mtu, char **errp)
{
    int port_id = netdev_dpdk_get_port_id(CONST_CAST(struct netdev *, netdev));
    uint16_t actual;

    if (port_id < 0 || !rte_eth_dev_is_valid_port(port_id)
        || rte_eth_dev_get_mtu(port_id, &actual) || actual == mtu) {
        return 0;
    }
    *errp = xasprintf("mtu_request: the device can't change its MTU, which is "
                      "%"PRIu16"; clear mtu_request", actual);
    return EOPNOTSUPP;
}

static int
reconfigure_with_mtu(struct netdev *netdev, int mtu, char **errp)
{
    int error = netdev_set_mtu(netdev, mtu);

    if (error) {
        return refuse_mtu(mtu, error, errp);
    }
    error = reconfigure(netdev);
    if (!error) {
        return check_mtu(netdev, mtu, errp);
    }
    /* Was it the MTU?  Then it works with that of any Ethernet. */
    if (!netdev_set_mtu(netdev, ETH_PAYLOAD_MAX) && !reconfigure(netdev)) {
        return refuse_mtu(mtu, error, errp);
    }
    return error;
}

static int
link_configure_netdev(struct netdev *netdev, const struct link_config *config,
                      char **errp)
{
    int error;

    if (netdev_get_tunnel_config(netdev)) {
        *errp = xasprintf("type: a tunnel can't be a link; change type");
        return EINVAL;
    }
    error = set_options(netdev, config, errp);
    if (error) {
        return error;
    }
    netdev_set_tx_multiq(netdev, wanted_n_txq());
    return (config->mtu ? reconfigure_with_mtu(netdev, config->mtu, errp)
            : reconfigure(netdev));
}

static int
link_open_rxqs(struct link *link)
{
    int n = netdev_n_rxq(link->netdev);

    link->rxqs = xcalloc(MAX(n, 1), sizeof *link->rxqs);
    for (link->n_rxqs = 0; link->n_rxqs < n; link->n_rxqs++) {
        int error = netdev_rxq_open(link->netdev, &link->rxqs[link->n_rxqs],
                                    link->n_rxqs);
        if (error) {
            return error;
        }
    }
    return n ? 0 : EOPNOTSUPP;
}

static void
link_close_rxqs(struct link *link)
{
    for (int i = 0; i < link->n_rxqs; i++) {
        netdev_rxq_close(link->rxqs[i]);
    }
    link->n_rxqs = 0;
    free(link->rxqs);
    link->rxqs = NULL;
}

static unsigned int
link_kernel_ifindex(const struct netdev *netdev)
{
    unsigned int ifindex = if_nametoindex(netdev_get_name(netdev));

    /* Userspace devices invent an ifindex. */
    return ifindex && netdev_get_ifindex(netdev) == ifindex ? ifindex : 0;
}

/* Opens the device.  On failure, what was opened is link_close()'s. */
int
link_open_device(struct link *link, const struct link_config *config,
                 char **errp)
{
    int error;

    error = netdev_open(config->netdev, config->type, &link->netdev);
    if (error) {
        link->netdev = NULL;
        return error;
    }
    error = link_configure_netdev(link->netdev, config, errp);
    if (!error) {
        error = link_open_rxqs(link);
    }
    if (!error) {
        /* Now that it is started: before that, it has no rules. */
        error = link_hw_open(link, config->hw_classifier, errp);
    }
    if (!error) {
        error = netdev_turn_flags_on(link->netdev, NETDEV_PROMISC,
                                     &link->saved_flags);
    }
    link->ifindex = link_kernel_ifindex(link->netdev);
    return error;
}

void
link_close_device(struct link *link)
{
    link_close_rxqs(link);
    netdev_restore_flags(link->saved_flags);
    netdev_close(link->netdev);
    free(link->failure);
}

/* Reconfiguration. */

/* 'error' is 0 for none. */
static void
link_set_failure(struct link *link, int error)
{
    bool is_new = !link->failure;

    free(link->failure);
    link->failure = !error ? NULL
        : xasprintf("netdev: \"%s\" can't be reconfigured (%s), which is "
                    "tried again each second; check the device",
                    netdev_get_name(link->netdev), ovs_strerror(error));
    if (error) {
        link->retry_at = time_msec() + LINK_RETRY_MS;
        if (is_new) {
            VLOG_INFO("link %s: %s", link->name, link->failure);
        }
    }
}

/* The device's wish, such as the number of queues that a guest asked for,
 * waits until no thread uses it: a grace period after 'is_paused' was set,
 * none that saw it unset is still polling or transmitting. */
static void
link_reconfigure(struct link *link)
{
    int error;

    atomic_store_relaxed(&link->is_paused, true);
    ovsrcu_synchronize();
    link_hw_stop(link);
    link_close_rxqs(link);
    error = reconfigure(link->netdev);
    if (!error) {
        error = link_open_rxqs(link);
    }
    link_set_failure(link, error);
    if (error) {
        return;
    }
    link_hw_start(link);
    atomic_store_relaxed(&link->is_paused, false);
    VLOG_DBG("link %s: reconfigured with %d receive queues", link->name,
             link->n_rxqs);
}

bool
link_must_reconfigure(const struct link *link)
{
    return (link->netdev
            && (netdev_is_reconf_required(link->netdev)
                || (link->failure && time_msec() >= link->retry_at)));
}

void
link_run(struct link *link)
{
    if (link_must_reconfigure(link)) {
        link_reconfigure(link);
    }
}

void
link_run_wait(struct link *link)
{
    if (link->netdev) {
        seq_wait(link->netdev->reconfigure_seq,
                 link->netdev->last_reconfigure_seq);
    }
    if (link->failure) {
        poll_timer_wait_until(link->retry_at);
    }
}
