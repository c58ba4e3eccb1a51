/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link.h"

#include <errno.h>
#include <net/if.h>

#include "datapath-ext/counter.h"
#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "odp-util.h"
#include "ovs-numa.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vnic_link);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

struct link {
    /* Constant. */
    char *name;
    struct netdev *netdev;      /* NULL for an etherstub. */
    struct netdev_saved_flags *saved_flags;
    unsigned int ifindex;       /* 0 unless it is a kernel device. */

    /* Written by the main thread, read by all. */
    struct classifier_l2 cls;   /* Ports by MAC and VLAN. */
    struct cmap numbers;        /* Ports by datapath port number. */
    OVSRCU_TYPE(struct link_port *) default_port;

    /* Receive side. */
    struct ovs_mutex rx_mutex;
    struct netdev_rxq **rxqs;   /* Polled with 'rx_mutex' held. */
    int n_rxqs;                 /* Constant. */
    int next_rxq OVS_GUARDED;
    struct counter rx_packets, rx_bytes, rx_flooded, rx_unclaimed;

    /* Transmit side. */
    struct counter tx_packets, tx_bytes, tx_local;

    struct drop_counters drops;
};

/* A run of frames for one port, so that a ring is entered once per run. */
struct run {
    const struct link_port *port;
    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n;
};

static void
run_flush(struct run *run)
{
    if (run->n) {
        ring_put(run->port->ring, run->packets, run->n);
        run->n = 0;
    }
}

static void
run_add(struct run *run, const struct link_port *port,
        struct dp_packet *packet)
{
    if (run->port != port || run->n == ARRAY_SIZE(run->packets)) {
        run_flush(run);
        run->port = port;
    }
    run->packets[run->n++] = packet;
}

static struct link_port *
link_port_from_claim(const struct claim *claim)
{
    return claim ? CONTAINER_OF(claim, struct link_port, claim) : NULL;
}

static struct link_port *
link_default_port(const struct link *link)
{
    return ovsrcu_get(struct link_port *, &link->default_port);
}

static struct link_port *
link_port_by_number(const struct link *link, odp_port_t number)
{
    struct link_port *port;

    CMAP_FOR_EACH_WITH_HASH (port, number_node, hash_odp_port(number),
                             &link->numbers) {
        if (port->number == number) {
            return port;
        }
    }
    return NULL;
}

static void
link_no_default(struct link *link, struct dp_packet *packet)
{
    drop_packets(&link->drops, DROP_NO_DEFAULT_PORT, &packet, 1);
}

/* Takes the tag off a frame that classify_extract() found in a VLAN.  OVS's
 * eth_pop_vlan() does nothing for a packet that was not parsed yet, as those
 * from a device are. */
static void
link_untag(struct dp_packet *packet)
{
    uint8_t *data = dp_packet_data(packet);

    memmove(data + VLAN_HEADER_LEN, data, 2 * ETH_ADDR_LEN);
    dp_packet_resize_l2(packet, -VLAN_HEADER_LEN);
}

/* A copy for another port.  What the device or the datapath noted about the
 * original, such as a hardware flow's mark, is not true of its second way
 * through the datapath. */
static struct dp_packet *
link_copy(const struct dp_packet *packet)
{
    struct dp_packet *copy = dp_packet_clone(packet);

    dp_packet_reset_offload(copy);
    return copy;
}

/* Receive. */

/* Copies 'packet', which is in 'vlan' but carries no tag of it, to every port
 * in 'vlan' but 'from'. */
static void
link_copy_to_vlan(struct link *link, const struct dp_packet *packet,
                  uint16_t vlan, const struct link_port *from)
{
    struct link_port *port;

    CMAP_FOR_EACH (port, claim.node, &link->cls.claims) {
        if (port->claim.key.vlan == vlan && port != from) {
            struct dp_packet *copy = link_copy(packet);

            ring_put(port->ring, &copy, 1);
        }
    }
}

static void
link_receive_group(struct link *link, struct dp_packet *packet,
                   const struct l2_key *key)
{
    struct link_port *default_port = link_default_port(link);

    counter_add_own(&link->rx_flooded, 1);
    if (default_port) {
        struct dp_packet *copy = link_copy(packet);

        ring_put(default_port->ring, &copy, 1);
    }
    if (key->vlan != L2_VLAN_NONE) {
        if (key->vlan) {
            link_untag(packet);
        }
        link_copy_to_vlan(link, packet, key->vlan, NULL);
    }
    dp_packet_delete(packet);
}

static void
link_receive_unicast(struct link *link, struct dp_packet *packet,
                     const struct l2_key *key, struct run *run)
{
    struct link_port *port
        = link_port_from_claim(classify_lookup(&link->cls, key));

    if (port) {
        if (key->vlan) {
            link_untag(packet);
        }
        run_add(run, port, packet);
        return;
    }

    counter_add_own(&link->rx_unclaimed, 1);
    port = link_default_port(link);
    if (port) {
        run_add(run, port, packet);
    } else {
        link_no_default(link, packet);
    }
}

/* Puts each packet of 'batch' into the ring it belongs to. */
static void
link_receive(struct link *link, struct dp_packet_batch *batch)
{
    struct run run = { .n = 0 };
    struct dp_packet *packet;
    uint64_t bytes = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct l2_key key;

        bytes += dp_packet_size(packet);
        if (OVS_UNLIKELY(!classify_extract(packet, &key))) {
            drop_packets(&link->drops, DROP_MALFORMED, &packet, 1);
        } else if (OVS_UNLIKELY(eth_addr_is_multicast(key.mac))) {
            run_flush(&run);
            link_receive_group(link, packet, &key);
        } else {
            link_receive_unicast(link, packet, &key, &run);
        }
    }
    run_flush(&run);
    counter_add_own(&link->rx_packets, batch->count);
    counter_add_own(&link->rx_bytes, bytes);
}

/* Returns the number of frames received. */
static size_t
link_poll_rxq(struct link *link)
    OVS_REQUIRES(link->rx_mutex)
{
    struct netdev_rxq *rxq = link->rxqs[link->next_rxq];
    struct dp_packet_batch batch;
    int error;

    link->next_rxq = (link->next_rxq + 1) % link->n_rxqs;
    dp_packet_batch_init(&batch);
    error = netdev_rxq_recv(rxq, &batch, NULL);
    if (!error) {
        size_t n = batch.count;

        link_receive(link, &batch);
        return n;
    }
    if (error != EAGAIN && error != EOPNOTSUPP && error != ENETDOWN) {
        VLOG_INFO_RL(&rl, "%s: error receiving from %s (%s)", link->name,
                     netdev_get_name(link->netdev), ovs_strerror(error));
    }
    return 0;
}

void
link_poll(struct link *link)
{
    if (link->netdev && !ovs_mutex_trylock(&link->rx_mutex)) {
        link_poll_rxq(link);
        ovs_mutex_unlock(&link->rx_mutex);
    }
}

/* While a link has no ports, nobody polls it and frames wait in the device.
 * Receives them, to nobody, so that the first port doesn't get what came
 * before it was there.  Bounded, as a device may receive without end. */
static void
link_discard_backlog(struct link *link)
{
    int idle = 0;

    ovs_mutex_lock(&link->rx_mutex);
    for (int i = 0; i < 1024 && idle < link->n_rxqs; i++) {
        idle = link_poll_rxq(link) ? 0 : idle + 1;
    }
    ovs_mutex_unlock(&link->rx_mutex);
}

void
link_wait(struct link *link)
{
    if (!link->netdev) {
        return;
    }
    ovs_mutex_lock(&link->rx_mutex);
    for (int i = 0; i < link->n_rxqs; i++) {
        netdev_rxq_wait(link->rxqs[i]);
    }
    ovs_mutex_unlock(&link->rx_mutex);
}

/* Send. */

static void
link_tag(const struct link_port *from, struct dp_packet *packet)
{
    if (!from->is_default && from->claim.key.vlan) {
        eth_push_vlan(packet, htons(ETH_TYPE_VLAN),
                      htons(from->claim.key.vlan));
    }
}

/* Finds out where 'packet', sent by 'from', is to go.  Returns false, with the
 * reason in '*reason', if it must not be sent at all. */
static bool
link_send_key(const struct link_port *from, const struct dp_packet *packet,
              struct l2_key *key, enum drop_reason *reason)
{
    if (!classify_extract(packet, key)) {
        *reason = DROP_MALFORMED;
        return false;
    }
    if (!from->is_default) {
        if (key->vlan && !from->claim.key.vlan) {
            *reason = DROP_FOREIGN_VLAN;
            return false;
        }
        key->vlan = from->claim.key.vlan;
    }
    return true;
}

/* Hands a frame that no port has claimed to the device.  Returns 'packet' if
 * it is to be transmitted, NULL if it was disposed of. */
static struct dp_packet *
link_send_device(const struct link_port *from, struct dp_packet *packet)
{
    struct link *link = from->link;

    if (link->netdev) {
        link_tag(from, packet);
        return packet;
    }

    struct link_port *default_port = link_default_port(link);

    if (default_port && default_port != from) {
        link_tag(from, packet);
        dp_packet_reset_offload(packet);
        ring_put(default_port->ring, &packet, 1);
    } else {
        drop_packets(from->drops, DROP_NO_DEVICE, &packet, 1);
    }
    return NULL;
}

static struct dp_packet *
link_send_group(const struct link_port *from, struct dp_packet *packet,
                const struct l2_key *key)
{
    struct link *link = from->link;
    struct link_port *default_port = link_default_port(link);

    if (!from->is_default || !key->vlan) {
        link_copy_to_vlan(link, packet, key->vlan, from);
    } else if (key->vlan != L2_VLAN_NONE) {
        struct dp_packet *untagged = link_copy(packet);

        link_untag(untagged);
        link_copy_to_vlan(link, untagged, key->vlan, from);
        dp_packet_delete(untagged);
    }
    link_tag(from, packet);
    if (default_port && default_port != from) {
        struct dp_packet *copy = link_copy(packet);

        ring_put(default_port->ring, &copy, 1);
    }
    if (!link->netdev) {
        dp_packet_delete(packet);
        return NULL;
    }
    return packet;
}

static struct dp_packet *
link_send_local(const struct link_port *from, const struct link_port *to,
                struct dp_packet *packet)
{
    if (from->is_default && to->claim.key.vlan) {
        link_untag(packet);
    }
    dp_packet_reset_offload(packet);
    counter_add(&from->link->tx_local, 1);
    ring_put(to->ring, &packet, 1);
    return NULL;
}

/* Returns 'packet', ready for the device, or NULL if it was disposed of. */
static struct dp_packet *
link_send_one(const struct link_port *from, struct dp_packet *packet)
{
    const struct link *link = from->link;
    enum drop_reason reason;
    struct l2_key key;

    if (!link_send_key(from, packet, &key, &reason)) {
        drop_packets(from->drops, reason, &packet, 1);
        return NULL;
    }

    bool is_group = eth_addr_is_multicast(key.mac);
    const struct link_port *to = is_group ? NULL
        : link_port_from_claim(classify_lookup(&link->cls, &key));

    if (!is_group && (!to || to == from)) {
        return link_send_device(from, packet);
    }
    if (link_port_by_number(link, packet->md.in_port.odp_port)) {
        drop_packets(from->drops, DROP_SPLIT_HORIZON, &packet, 1);
        return NULL;
    }
    return is_group ? link_send_group(from, packet, &key)
                    : link_send_local(from, to, packet);
}

void
link_send(const struct link_port *from, int qid, struct dp_packet_batch *batch)
{
    const size_t size = dp_packet_batch_size(batch);
    struct link *link = from->link;
    struct dp_packet *packet;
    uint64_t bytes = 0;
    size_t i;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        packet = link_send_one(from, packet);
        if (packet) {
            bytes += dp_packet_size(packet);
            dp_packet_batch_refill(batch, packet, i);
        }
    }
    if (dp_packet_batch_is_empty(batch)) {
        return;
    }

    counter_add(&link->tx_packets, dp_packet_batch_size(batch));
    counter_add(&link->tx_bytes, bytes);
    /* Ports of several threads share the queues, so always 'concurrent'. */
    netdev_send(link->netdev, qid % netdev_n_txq(link->netdev), batch, true);
}

/* Ports. */

static void
link_add_number(struct link *link, struct link_port *port)
{
    if (port->number != ODPP_NONE) {
        cmap_insert(&link->numbers, &port->number_node,
                    hash_odp_port(port->number));
    }
}

static void
link_remove_number(struct link *link, struct link_port *port)
{
    if (port->number != ODPP_NONE) {
        cmap_remove(&link->numbers, &port->number_node,
                    hash_odp_port(port->number));
    }
}

bool
link_port_same_key(const struct link_port *a, const struct link_port *b)
{
    return (a->is_default == b->is_default
            && (a->is_default || l2_key_equal(&a->claim.key, &b->claim.key)));
}

bool
link_add_port(struct link *link, struct link_port *port)
{
    port->link = link;
    if (link->netdev && !link_default_port(link)
        && cmap_is_empty(&link->cls.claims)) {
        link_discard_backlog(link);
    }
    if (port->is_default) {
        if (link_default_port(link)) {
            return false;
        }
        ovsrcu_set(&link->default_port, port);
    } else if (!classify_insert(&link->cls, &port->claim)) {
        return false;
    }
    link_add_number(link, port);
    return true;
}

void
link_replace_port(struct link *link, struct link_port *old,
                  struct link_port *new)
{
    ovs_assert(old->link == link && link_port_same_key(old, new));
    new->link = link;
    link_add_number(link, new);
    if (new->is_default) {
        ovsrcu_set(&link->default_port, new);
    } else {
        classify_replace(&link->cls, &old->claim, &new->claim);
    }
    link_remove_number(link, old);
}

void
link_remove_port(struct link *link, struct link_port *port)
{
    link_remove_number(link, port);
    if (port->is_default) {
        ovsrcu_set(&link->default_port, NULL);
    } else {
        classify_remove(&link->cls, &port->claim);
    }
}

/* Life. */

static int
link_configure_netdev(struct netdev *netdev, const struct link_config *config,
                      char **errp)
{
    struct smap options;
    int error;

    if (netdev_get_tunnel_config(netdev)) {
        *errp = xasprintf("type: a tunnel can't be a link; change type");
        return EINVAL;
    }

    smap_clone(&options, &config->options);
    if (config->n_rxq) {
        smap_replace_nocopy(&options, "n_rxq",
                            xasprintf("%u", config->n_rxq));
    }
    error = smap_is_empty(&options)
        ? 0 : netdev_set_config(netdev, &options, errp);
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

    netdev_set_tx_multiq(netdev, MAX(ovs_numa_get_n_cores(), 1) + 1);
    error = netdev_reconfigure(netdev);
    return error == EOPNOTSUPP ? 0 : error;
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

static unsigned int
link_kernel_ifindex(const struct netdev *netdev)
{
    unsigned int ifindex = if_nametoindex(netdev_get_name(netdev));

    /* Userspace devices invent an ifindex. */
    return ifindex && netdev_get_ifindex(netdev) == ifindex ? ifindex : 0;
}

/* Opens the device.  On failure, what was opened is link_close()'s. */
static int
link_open_netdev(struct link *link, const struct link_config *config,
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
        error = netdev_turn_flags_on(link->netdev, NETDEV_PROMISC,
                                     &link->saved_flags);
    }
    link->ifindex = link_kernel_ifindex(link->netdev);
    return error;
}

struct link *
link_open(const struct link_config *config, char **errp)
{
    struct link *link = xzalloc(sizeof *link);

    link->name = xstrdup(config->name);
    classify_init(&link->cls);
    cmap_init(&link->numbers);
    ovsrcu_init(&link->default_port, NULL);
    ovs_mutex_init(&link->rx_mutex);

    *errp = NULL;
    if (config->netdev) {
        int error = link_open_netdev(link, config, errp);

        if (error) {
            if (!*errp) {
                *errp = xasprintf("netdev: cannot open \"%s\" (%s); create "
                                  "that device or change netdev",
                                  config->netdev, ovs_strerror(error));
            }
            link_close(link);
            return NULL;
        }
    }
    VLOG_INFO("link %s: opened on %s", link->name,
              config->netdev ? config->netdev : "no device");
    return link;
}

void
link_close(struct link *link)
{
    if (!link) {
        return;
    }
    VLOG_INFO("link %s: closed", link->name);
    for (int i = 0; i < link->n_rxqs; i++) {
        netdev_rxq_close(link->rxqs[i]);
    }
    free(link->rxqs);
    netdev_restore_flags(link->saved_flags);
    netdev_close(link->netdev);
    classify_destroy(&link->cls);
    cmap_destroy(&link->numbers);
    ovs_mutex_destroy(&link->rx_mutex);
    free(link->name);
    free(link);
}

bool
link_is_stale(const struct link *link)
{
    return link->ifindex
        && if_nametoindex(netdev_get_name(link->netdev)) != link->ifindex;
}

/* Getters. */

const char *
link_name(const struct link *link)
{
    return link->name;
}

bool
link_is_pmd(const struct link *link)
{
    return link->netdev && netdev_is_pmd(link->netdev);
}

struct netdev *
link_netdev(const struct link *link)
{
    return link->netdev;
}

void
link_fill_info(const struct link *link, struct link_info *info)
{
    info->is_pmd = link_is_pmd(link);
    if (link->netdev) {
        netdev_get_etheraddr(link->netdev, &info->mac);
        info->n_rxq = link->n_rxqs;
        info->n_txq = netdev_n_txq(link->netdev);
    }
    info->rx_packets = counter_read(&link->rx_packets);
    info->rx_bytes = counter_read(&link->rx_bytes);
    info->rx_flooded = counter_read(&link->rx_flooded);
    info->rx_unclaimed = counter_read(&link->rx_unclaimed);
    info->tx_packets = counter_read(&link->tx_packets);
    info->tx_bytes = counter_read(&link->tx_bytes);
    info->tx_local = counter_read(&link->tx_local);
    for (int i = 0; i < N_DROPS; i++) {
        info->drops[i] = counter_read(&link->drops.n[i]);
    }
}
