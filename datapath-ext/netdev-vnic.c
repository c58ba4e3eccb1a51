/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/netdev-vnic.h"

#include <errno.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/link.h"
#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_vnic);

struct netdev_vnic {
    struct netdev up;
    struct ovs_list node;       /* In 'devices'. */

    /* NULL while detached. */
    OVSRCU_TYPE(struct link_port *) port;

    /* Main thread only. */
    struct ring *ring;          /* That of 'port'. */
    unsigned int ring_depth;
    bool ring_wakes;
    odp_port_t number;          /* Datapath port number, or ODPP_NONE. */
    int n_open_rxqs;
    int requested_n_txq;

    atomic_uint flags;          /* enum netdev_flags. */

    /* Receive side: the thread that polls the device. */
    struct counter rx_packets, rx_bytes;

    /* Any thread. */
    struct counter tx_packets, tx_bytes;
    struct drop_counters *drops;
};

struct netdev_rxq_vnic {
    struct netdev_rxq up;
};

/* Every open device.  Global because the netdev layer calls providers with no
 * context but the device.  The mutex also serializes changes to the ports of
 * links: the last reference to a device may be dropped in any thread.  It is
 * taken inside OVS's netdev_mutex, so that nothing that opens or closes a
 * netdev may be called while it is held. */
static struct ovs_mutex devices_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list devices OVS_GUARDED_BY(devices_mutex)
    = OVS_LIST_INITIALIZER(&devices);

static netdev_vnic_lookup *lookup_config;

/* By 'is_default' and 'is_pmd'. */
static const struct netdev_class classes[2][2];

static bool
is_vnic_class(const struct netdev_class *class)
{
    return class >= &classes[0][0] && class <= &classes[1][1];
}

static struct netdev_vnic *
netdev_vnic_cast(const struct netdev *netdev)
{
    ovs_assert(is_vnic_class(netdev_get_class(netdev)));
    return CONTAINER_OF(netdev, struct netdev_vnic, up);
}

static struct link_port *
netdev_vnic_port(const struct netdev_vnic *dev)
{
    return ovsrcu_get(struct link_port *,
                      &CONST_CAST(struct netdev_vnic *, dev)->port);
}

static bool
netdev_vnic_is_up(const struct netdev_vnic *dev)
{
    unsigned int flags;

    atomic_read_relaxed(&CONST_CAST(struct netdev_vnic *, dev)->flags, &flags);
    return flags & NETDEV_UP;
}

/* The device of the link, or NULL if there is none. */
static struct netdev *
netdev_vnic_lower(const struct netdev *netdev)
{
    const struct link_port *port = netdev_vnic_port(netdev_vnic_cast(netdev));

    return port ? link_netdev(port->link) : NULL;
}

/* Attachment. */

/* Makes the thread that can poll the link poll 'dev'.  Returns false if that
 * must wait until its receive queues are closed. */
static bool
netdev_vnic_set_polling(struct netdev_vnic *dev, bool is_pmd)
{
    const struct netdev_class *class = netdev_get_class(&dev->up);
    const struct netdev_class *pair = classes[class >= &classes[1][0]];

    if (netdev_is_pmd(&dev->up) == is_pmd) {
        return true;
    }
    if (!dev->n_open_rxqs) {
        dev->up.netdev_class = &pair[is_pmd];
    }
    /* Also after the change: PMD threads may have to be started for it. */
    netdev_request_reconfigure(&dev->up);
    return !dev->n_open_rxqs;
}

static void
netdev_vnic_set_ring(struct netdev_vnic *dev, unsigned int depth)
{
    bool wakes = !netdev_is_pmd(&dev->up);

    if (!dev->ring || dev->ring_depth != depth || dev->ring_wakes != wakes) {
        ring_retire(dev->ring);
        dev->ring = ring_create(depth, wakes, dev->drops);
        dev->ring_depth = depth;
        dev->ring_wakes = wakes;
    }
}

static struct link_port *
link_port_create(const struct netdev_vnic *dev,
                 const struct vnic_config *config, struct link *link)
{
    struct link_port *port = xzalloc(sizeof *port);

    port->claim.key.mac = config->mac;
    port->claim.key.vlan = config->vlan;
    port->is_default = config->is_default;
    port->number = dev->number;
    port->link = link;
    return port;
}

static bool
link_port_is_wanted(const struct link_port *port,
                    const struct link_port *wanted)
{
    return port->link == wanted->link && link_port_same_key(port, wanted);
}

static void
netdev_vnic_publish(struct netdev_vnic *dev, struct link_port *port)
{
    struct link_port *old = netdev_vnic_port(dev);

    ovsrcu_set(&dev->port, port);
    if (old) {
        ovsrcu_postpone(free, old);
    }
    netdev_change_seq_changed(&dev->up);
}

static void
netdev_vnic_detach__(struct netdev_vnic *dev)
    OVS_REQUIRES(devices_mutex)
{
    struct link_port *port = netdev_vnic_port(dev);

    if (port) {
        link_remove_port(port->link, port);
        netdev_vnic_publish(dev, NULL);
        /* What waits was for the address, VLAN and link that are left. */
        ring_retire(dev->ring);
        dev->ring = NULL;
    }
}

/* Returns the port that 'dev' should have, or NULL if it can have none. */
static struct link_port *
netdev_vnic_wanted_port(const struct netdev_vnic *dev, unsigned int *depth)
{
    struct link *link;
    const struct vnic_config *config
        = lookup_config(netdev_get_name(&dev->up), &link);

    if (!config || config->error || !link
        || config->is_default != (netdev_get_class(&dev->up)
                                  >= &classes[1][0])) {
        return NULL;
    }
    *depth = config->depth;
    return link_port_create(dev, config, link);
}

static void
netdev_vnic_attach__(struct netdev_vnic *dev)
    OVS_REQUIRES(devices_mutex)
{
    struct link_port *old = netdev_vnic_port(dev);
    unsigned int depth;
    struct link_port *new = netdev_vnic_wanted_port(dev, &depth);

    if (!new || !netdev_vnic_set_polling(dev, link_is_pmd(new->link))) {
        netdev_vnic_detach__(dev);
        free(new);
        return;
    }
    bool stays = old && link_port_is_wanted(old, new);

    if (stays && old->number == new->number && dev->ring_depth == depth) {
        free(new);
        return;
    }
    if (!stays) {
        netdev_vnic_detach__(dev);
    }
    netdev_vnic_set_ring(dev, depth);
    new->ring = dev->ring;
    new->drops = dev->drops;
    if (stays) {
        link_replace_port(new->link, old, new);
    } else if (!link_add_port(new->link, new)) {
        VLOG_WARN("%s: its place on link %s is taken",
                  netdev_get_name(&dev->up), link_name(new->link));
        free(new);
        return;
    }
    netdev_vnic_publish(dev, new);
}

static void
netdev_vnic_attach_one(struct netdev_vnic *dev)
{
    ovs_mutex_lock(&devices_mutex);
    netdev_vnic_attach__(dev);
    ovs_mutex_unlock(&devices_mutex);
}

void
netdev_vnic_detach(const struct link *link)
{
    struct netdev_vnic *dev;

    ovs_mutex_lock(&devices_mutex);
    LIST_FOR_EACH (dev, node, &devices) {
        struct link_port *port = netdev_vnic_port(dev);

        if (!port) {
            continue;
        }
        if (link) {
            if (port->link == link) {
                netdev_vnic_detach__(dev);
            }
        } else {
            unsigned int depth;
            struct link_port *new = netdev_vnic_wanted_port(dev, &depth);

            if (!new || !link_port_is_wanted(port, new)) {
                netdev_vnic_detach__(dev);
            }
            free(new);
        }
    }
    ovs_mutex_unlock(&devices_mutex);
}

void
netdev_vnic_attach(void)
{
    struct netdev_vnic *dev;

    ovs_mutex_lock(&devices_mutex);
    LIST_FOR_EACH (dev, node, &devices) {
        netdev_vnic_attach__(dev);
    }
    ovs_mutex_unlock(&devices_mutex);
}

void
netdev_vnic_notify(const struct link *link)
{
    struct netdev_vnic *dev;

    ovs_mutex_lock(&devices_mutex);
    LIST_FOR_EACH (dev, node, &devices) {
        const struct link_port *port = netdev_vnic_port(dev);

        if (port && port->link == link) {
            netdev_change_seq_changed(&dev->up);
        }
    }
    ovs_mutex_unlock(&devices_mutex);
}

void
netdev_vnic_set_port_number(struct netdev *netdev, odp_port_t number)
{
    if (is_vnic_class(netdev_get_class(netdev))) {
        struct netdev_vnic *dev = netdev_vnic_cast(netdev);

        dev->number = number;
        netdev_vnic_attach_one(dev);
    }
}

/* Life. */

static struct netdev *
netdev_vnic_alloc(void)
{
    struct netdev_vnic *dev = xzalloc_cacheline(sizeof *dev);

    return &dev->up;
}

static int
netdev_vnic_construct(struct netdev *netdev)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    ovsrcu_init(&dev->port, NULL);
    dev->number = ODPP_NONE;
    dev->requested_n_txq = netdev->n_txq;
    dev->drops = drop_counters_create();
    atomic_init(&dev->flags, NETDEV_UP);

    ovs_mutex_lock(&devices_mutex);
    ovs_list_push_back(&devices, &dev->node);
    ovs_mutex_unlock(&devices_mutex);
    return 0;
}

static void
netdev_vnic_destruct(struct netdev *netdev)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    ovs_mutex_lock(&devices_mutex);
    ovs_list_remove(&dev->node);
    netdev_vnic_detach__(dev);
    ovs_mutex_unlock(&devices_mutex);
}

/* A thread that polls the link may still put frames into the ring. */
static void
netdev_vnic_free(struct netdev_vnic *dev)
{
    ring_destroy(dev->ring);
    drop_counters_unref(dev->drops);
    free_cacheline(dev);
}

static void
netdev_vnic_dealloc(struct netdev *netdev)
{
    ovsrcu_postpone(netdev_vnic_free, netdev_vnic_cast(netdev));
}

/* Configuration. */

static int
netdev_vnic_check_options(const struct netdev *netdev, const struct smap *args,
                          char **errp)
{
    const struct smap_node *node;

    SMAP_FOR_EACH (node, args) {
        if (strcmp(node->key, "link")
            && strcmp(node->key, "mac") && strcmp(node->key, "vlan")) {
            *errp = xasprintf("%s: options:%s is not one of link, mac, vlan",
                              netdev_get_name(netdev), node->key);
            return EINVAL;
        }
    }
    return 0;
}

static int
netdev_vnic_set_config(struct netdev *netdev, const struct smap *args,
                       char **errp)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    struct link *link;
    const struct vnic_config *config
        = lookup_config(netdev_get_name(netdev), &link);
    int error = netdev_vnic_check_options(netdev, args, errp);

    if (error) {
        return error;
    }
    if (config && config->error) {
        *errp = xasprintf("%s: %s", netdev_get_name(netdev), config->error);
        return EINVAL;
    }
    netdev_vnic_attach_one(dev);
    return 0;
}

static int
netdev_vnic_get_config(const struct netdev *netdev, struct smap *args)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    const struct link_port *port = netdev_vnic_port(dev);

    if (port) {
        smap_add(args, "link", link_name(port->link));
        if (!port->is_default) {
            smap_add_format(args, "mac", ETH_ADDR_FMT,
                            ETH_ADDR_ARGS(port->claim.key.mac));
            smap_add_format(args, "vlan", "%"PRIu16, port->claim.key.vlan);
        }
    }
    return 0;
}

/* One queue per thread, so that threads meet only in the queues of the link's
 * device, if that has fewer. */
static int
netdev_vnic_set_tx_multiq(struct netdev *netdev, unsigned int n_txq)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    if (dev->requested_n_txq != n_txq) {
        dev->requested_n_txq = n_txq;
        netdev_request_reconfigure(netdev);
    }
    return 0;
}

static int
netdev_vnic_reconfigure(struct netdev *netdev)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    netdev->n_txq = dev->requested_n_txq;
    netdev_vnic_attach_one(dev);
    return 0;
}

/* Properties: those of the link's device, as far as it has any. */

static int
netdev_vnic_get_numa_id(const struct netdev *netdev)
{
    struct netdev *lower = netdev_vnic_lower(netdev);

    return lower ? netdev_get_numa_id(lower) : NETDEV_NUMA_UNSPEC;
}

static int
netdev_vnic_set_etheraddr(struct netdev *netdev OVS_UNUSED,
                          const struct eth_addr mac OVS_UNUSED)
{
    /* Set in the VNIC's row, where conflicts are seen. */
    return EOPNOTSUPP;
}

static int
netdev_vnic_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
    const struct link_port *port = netdev_vnic_port(netdev_vnic_cast(netdev));

    if (!port) {
        return ENODEV;
    }
    if (port->is_default) {
        struct netdev *lower = link_netdev(port->link);

        return lower ? netdev_get_etheraddr(lower, mac) : EOPNOTSUPP;
    }
    *mac = port->claim.key.mac;
    return 0;
}

static int
netdev_vnic_get_mtu(const struct netdev *netdev, int *mtu)
{
    struct netdev *lower = netdev_vnic_lower(netdev);

    if (lower) {
        return netdev_get_mtu(lower, mtu);
    }
    *mtu = ETH_PAYLOAD_MAX;
    return 0;
}

static int
netdev_vnic_get_carrier(const struct netdev *netdev, bool *carrier)
{
    const struct link_port *port = netdev_vnic_port(netdev_vnic_cast(netdev));
    struct netdev *lower = netdev_vnic_lower(netdev);

    *carrier = port && (!lower || netdev_get_carrier(lower));
    return 0;
}

static int
netdev_vnic_get_features(const struct netdev *netdev,
                         enum netdev_features *current,
                         enum netdev_features *advertised,
                         enum netdev_features *supported,
                         enum netdev_features *peer)
{
    struct netdev *lower = netdev_vnic_lower(netdev);

    return lower ? netdev_get_features(lower, current, advertised, supported,
                                       peer)
                 : EOPNOTSUPP;
}

static int
netdev_vnic_get_status(const struct netdev *netdev, struct smap *smap)
{
    smap_add(smap, "driver_name", netdev_get_type(netdev));
    return netdev_vnic_get_config(netdev, smap);
}

static int
netdev_vnic_update_flags(struct netdev *netdev, enum netdev_flags off,
                         enum netdev_flags on, enum netdev_flags *old_flagsp)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    unsigned int flags;

    atomic_read_relaxed(&dev->flags, &flags);
    *old_flagsp = flags;
    if (off || on) {
        atomic_store_relaxed(&dev->flags, (flags & ~off) | on);
        netdev_change_seq_changed(netdev);
    }
    return 0;
}

static uint64_t
netdev_vnic_drops(const struct netdev_vnic *dev, enum drop_reason reason)
{
    return counter_read(&dev->drops->n[reason]);
}

static int
netdev_vnic_get_stats(const struct netdev *netdev, struct netdev_stats *stats)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    memset(stats, 0xff, sizeof *stats);
    stats->rx_packets = counter_read(&dev->rx_packets);
    stats->rx_bytes = counter_read(&dev->rx_bytes);
    stats->tx_packets = counter_read(&dev->tx_packets);
    stats->tx_bytes = counter_read(&dev->tx_bytes);
    stats->rx_errors = stats->tx_errors = 0;
    stats->rx_dropped = netdev_vnic_drops(dev, DROP_RING_FULL)
        + netdev_vnic_drops(dev, DROP_RECONFIGURED);
    stats->tx_dropped = 0;
    for (int i = 0; i < N_DROPS; i++) {
        stats->tx_dropped += netdev_vnic_drops(dev, i);
    }
    stats->tx_dropped -= stats->rx_dropped;
    return 0;
}

static int
netdev_vnic_get_custom_stats(const struct netdev *netdev,
                             struct netdev_custom_stats *custom)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    custom->size = N_DROPS;
    custom->counters = xcalloc(N_DROPS, sizeof *custom->counters);
    for (int i = 0; i < N_DROPS; i++) {
        snprintf(custom->counters[i].name, sizeof custom->counters[i].name,
                 "drop_%s", drop_name(i));
        custom->counters[i].value = netdev_vnic_drops(dev, i);
    }
    return 0;
}

/* Packets. */

static int
netdev_vnic_send(struct netdev *netdev, int qid, struct dp_packet_batch *batch,
                 bool concurrent_txq OVS_UNUSED)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    const struct link_port *port = netdev_vnic_port(dev);
    struct dp_packet *packet;
    uint64_t bytes = 0;

    if (OVS_UNLIKELY(!port || !netdev_vnic_is_up(dev))) {
        drop_batch(dev->drops, DROP_PORT_DOWN, batch);
        return 0;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bytes += dp_packet_size(packet);
    }
    counter_add(&dev->tx_packets, dp_packet_batch_size(batch));
    counter_add(&dev->tx_bytes, bytes);
    link_send(port, qid, batch);
    return 0;
}

static struct netdev_rxq *
netdev_vnic_rxq_alloc(void)
{
    struct netdev_rxq_vnic *rxq = xzalloc(sizeof *rxq);

    return &rxq->up;
}

static int
netdev_vnic_rxq_construct(struct netdev_rxq *rxq)
{
    netdev_vnic_cast(rxq->netdev)->n_open_rxqs++;
    return 0;
}

static void
netdev_vnic_rxq_destruct(struct netdev_rxq *rxq)
{
    netdev_vnic_cast(rxq->netdev)->n_open_rxqs--;
}

static void
netdev_vnic_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(CONTAINER_OF(rxq, struct netdev_rxq_vnic, up));
}

static int
netdev_vnic_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                     int *qfill)
{
    struct netdev_vnic *dev = netdev_vnic_cast(rxq->netdev);
    const struct link_port *port = netdev_vnic_port(dev);
    struct dp_packet *packet;
    uint64_t bytes = 0;

    if (OVS_UNLIKELY(!port)) {
        return EAGAIN;
    }
    if (ring_fill(port->ring) < NETDEV_MAX_BURST) {
        link_poll(port->link);
    }
    dp_packet_batch_init(batch);
    batch->count = ring_get(port->ring, batch->packets, NETDEV_MAX_BURST);
    if (OVS_UNLIKELY(!netdev_vnic_is_up(dev))) {
        drop_batch(dev->drops, DROP_PORT_DOWN, batch);
    }
    if (!batch->count) {
        return EAGAIN;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bytes += dp_packet_size(packet);
    }
    counter_add_own(&dev->rx_packets, batch->count);
    counter_add_own(&dev->rx_bytes, bytes);
    if (qfill) {
        *qfill = ring_fill(port->ring);
    }
    return 0;
}

static void
netdev_vnic_rxq_wait(struct netdev_rxq *rxq)
{
    const struct link_port *port
        = netdev_vnic_port(netdev_vnic_cast(rxq->netdev));

    if (port) {
        ring_wait(port->ring);
        link_wait(port->link);
    }
}

static int
netdev_vnic_rxq_drain(struct netdev_rxq *rxq)
{
    struct netdev_vnic *dev = netdev_vnic_cast(rxq->netdev);
    const struct link_port *port = netdev_vnic_port(dev);

    if (port) {
        struct dp_packet_batch batch;

        do {
            dp_packet_batch_init(&batch);
            batch.count = ring_get(port->ring, batch.packets,
                                   NETDEV_MAX_BURST);
            drop_batch(dev->drops, DROP_RECONFIGURED, &batch);
        } while (ring_fill(port->ring));
    }
    return 0;
}

/* Status. */

static void
netdev_vnic_fill_info__(const struct netdev_vnic *dev, struct vnic_info *info)
{
    const struct link_port *port = netdev_vnic_port(dev);

    info->has_port = true;
    info->is_attached = port != NULL;
    info->port_number = odp_to_u32(dev->number);
    info->rx_packets = counter_read(&dev->rx_packets);
    info->rx_bytes = counter_read(&dev->rx_bytes);
    info->tx_packets = counter_read(&dev->tx_packets);
    info->tx_bytes = counter_read(&dev->tx_bytes);
    if (dev->ring) {
        struct ring_stats stats;

        ring_get_stats(dev->ring, &stats);
        info->ring.packets = stats.packets;
        info->ring.bytes = stats.bytes;
        info->ring.polls = stats.polls;
        info->ring.dropped = stats.dropped;
        info->ring.fill = stats.fill;
        info->ring.depth = stats.depth;
    }
    for (int i = 0; i < N_DROPS; i++) {
        info->drops[i] = netdev_vnic_drops(dev, i);
    }
}

void
netdev_vnic_fill_info(const char *name, struct vnic_info *info)
{
    /* Not by walking 'devices', which would make a walk over all VNICs
     * quadratic. */
    struct netdev *netdev = netdev_from_name(name);

    if (netdev && is_vnic_class(netdev_get_class(netdev))) {
        netdev_vnic_fill_info__(netdev_vnic_cast(netdev), info);
    }
    netdev_close(netdev);
}

#define NETDEV_VNIC_CLASS(TYPE, PMD)                    \
    {                                                   \
        .type = TYPE,                                   \
        .is_pmd = PMD,                                  \
        .alloc = netdev_vnic_alloc,                     \
        .construct = netdev_vnic_construct,             \
        .destruct = netdev_vnic_destruct,               \
        .dealloc = netdev_vnic_dealloc,                 \
        .get_config = netdev_vnic_get_config,           \
        .set_config = netdev_vnic_set_config,           \
        .reconfigure = netdev_vnic_reconfigure,         \
        .set_tx_multiq = netdev_vnic_set_tx_multiq,     \
        .get_numa_id = netdev_vnic_get_numa_id,         \
        .set_etheraddr = netdev_vnic_set_etheraddr,     \
        .get_etheraddr = netdev_vnic_get_etheraddr,     \
        .get_mtu = netdev_vnic_get_mtu,                 \
        .get_carrier = netdev_vnic_get_carrier,         \
        .get_features = netdev_vnic_get_features,       \
        .get_status = netdev_vnic_get_status,           \
        .get_stats = netdev_vnic_get_stats,             \
        .get_custom_stats = netdev_vnic_get_custom_stats, \
        .update_flags = netdev_vnic_update_flags,       \
        .send = netdev_vnic_send,                       \
        .rxq_alloc = netdev_vnic_rxq_alloc,             \
        .rxq_construct = netdev_vnic_rxq_construct,     \
        .rxq_destruct = netdev_vnic_rxq_destruct,       \
        .rxq_dealloc = netdev_vnic_rxq_dealloc,         \
        .rxq_recv = netdev_vnic_rxq_recv,               \
        .rxq_wait = netdev_vnic_rxq_wait,               \
        .rxq_drain = netdev_vnic_rxq_drain,             \
    }

static const struct netdev_class classes[2][2] = {
    { NETDEV_VNIC_CLASS("vnic", false), NETDEV_VNIC_CLASS("vnic", true) },
    { NETDEV_VNIC_CLASS("vnic-link", false),
      NETDEV_VNIC_CLASS("vnic-link", true) },
};

void
netdev_vnic_register(netdev_vnic_lookup *lookup)
{
    lookup_config = lookup;
    netdev_register_provider(&classes[false][false]);
    netdev_register_provider(&classes[true][false]);
}
