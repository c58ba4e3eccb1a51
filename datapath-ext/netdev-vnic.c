/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/netdev-vnic.h"

#include <errno.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/front.h"
#include "datapath-ext/handover.h"
#include "datapath-ext/learned.h"
#include "datapath-ext/link.h"
#include "datapath-ext/merge.h"
#include "datapath-ext/ring.h"
#include "datapath-ext/vnic.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

/* Below how many frames in its ring a port polls the link.  High enough for
 * batches that are worth their fixed cost, low enough for the frames that wait
 * in the rings of many VNICs to stay in the cache: see bench/bench-vnic. */
#define POLL_BELOW 8

struct netdev_vnic {
    struct netdev up;
    struct vnic_device device;

    /* Main thread only. */
    int n_open_rxqs;
    int requested_n_txq;

    atomic_uint flags;          /* enum netdev_flags. */
    atomic_int mtu;             /* 0 for that of the link. */
};

struct netdev_rxq_vnic {
    struct netdev_rxq up;
};

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
                      &CONST_CAST(struct netdev_vnic *, dev)->device.port);
}

static struct ring *
netdev_vnic_ring(const struct netdev_vnic *dev)
{
    return ovsrcu_get(struct ring *,
                      &CONST_CAST(struct netdev_vnic *, dev)->device.ring);
}

static bool
read_flag(const atomic_bool *flag)
{
    bool value;

    atomic_read_relaxed(CONST_CAST(atomic_bool *, flag), &value);
    return value;
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

/* A vnic_set_polling function. */
static bool
netdev_vnic_set_polling(struct netdev *netdev, bool is_pmd)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    const struct netdev_class *pair = classes[dev->device.is_default];

    if (netdev_is_pmd(netdev) == is_pmd) {
        return true;
    }
    if (!dev->n_open_rxqs) {
        netdev->netdev_class = &pair[is_pmd];
    }
    /* Also after the change: PMD threads may have to be started for it. */
    netdev_request_reconfigure(netdev);
    return !dev->n_open_rxqs;
}

void
netdev_vnic_set_port_number(struct netdev *netdev, odp_port_t number)
{
    if (is_vnic_class(netdev_get_class(netdev))) {
        vnic_device_set_number(&netdev_vnic_cast(netdev)->device, number);
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

    dev->requested_n_txq = netdev->n_txq;
    atomic_init(&dev->flags, NETDEV_UP);
    vnic_device_add(&dev->device, netdev,
                    netdev_get_class(netdev) >= &classes[1][0]);
    return 0;
}

static void
netdev_vnic_destruct(struct netdev *netdev)
{
    vnic_device_remove(&netdev_vnic_cast(netdev)->device);
}

/* A thread that polls the link may still drop frames for it. */
static void
netdev_vnic_free(struct netdev_vnic *dev)
{
    vnic_device_destroy(&dev->device);
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
    int error = netdev_vnic_check_options(netdev, args, errp);

    if (error) {
        return error;
    }
    *errp = vnic_device_get_error(&dev->device);
    if (*errp) {
        return EINVAL;
    }
    vnic_device_update(&dev->device);
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
    vnic_device_update(&dev->device);
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
netdev_vnic_get_lower_mtu(const struct netdev *netdev, int *mtu)
{
    struct netdev *lower = netdev_vnic_lower(netdev);

    if (lower) {
        return netdev_get_mtu(lower, mtu);
    }
    *mtu = ETH_PAYLOAD_MAX;
    return 0;
}

static int
netdev_vnic_get_mtu(const struct netdev *netdev, int *mtu)
{
    int lower_mtu;
    int error = netdev_vnic_get_lower_mtu(netdev, &lower_mtu);

    atomic_read_relaxed(&netdev_vnic_cast(netdev)->mtu, mtu);
    if (!*mtu || (!error && *mtu > lower_mtu)) {
        *mtu = lower_mtu;
        return error;
    }
    return 0;
}

/* A VNIC may have a smaller MTU than the device, whose own is in the link's
 * mtu_request: a VNIC must not change it for its neighbours. */
static int
netdev_vnic_set_mtu(struct netdev *netdev, int mtu)
{
    int lower_mtu;

    if (!netdev_vnic_get_lower_mtu(netdev, &lower_mtu) && mtu > lower_mtu) {
        return EINVAL;
    }
    atomic_store_relaxed(&netdev_vnic_cast(netdev)->mtu, mtu);
    netdev_change_seq_changed(netdev);
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
        flags = (flags & ~off) | on;
        atomic_store_relaxed(&dev->flags, flags);
        vnic_device_set_up(&dev->device, flags & NETDEV_UP);
        netdev_change_seq_changed(netdev);
    }
    return 0;
}

static uint64_t
netdev_vnic_drops(const struct netdev_vnic *dev, enum drop_reason reason)
{
    return counter_read(&dev->device.drops->n[reason]);
}

static uint64_t
netdev_vnic_all_drops(const struct netdev_vnic *dev)
{
    uint64_t n = 0;

    for (int i = 0; i < N_DROPS; i++) {
        n += netdev_vnic_drops(dev, i);
    }
    return n;
}

static int
netdev_vnic_get_stats(const struct netdev *netdev, struct netdev_stats *stats)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);

    memset(stats, 0xff, sizeof *stats);
    stats->rx_packets = counter_read(&dev->device.rx_packets);
    stats->rx_bytes = counter_read(&dev->device.rx_bytes);
    stats->tx_packets = counter_read(&dev->device.tx_packets);
    stats->tx_bytes = counter_read(&dev->device.tx_bytes);
    stats->rx_errors = stats->tx_errors = 0;
    stats->rx_dropped = counter_read(&dev->device.drops->received);
    stats->tx_dropped = netdev_vnic_all_drops(dev);
    /* Both go on counting meanwhile. */
    stats->tx_dropped -= MIN(stats->tx_dropped, stats->rx_dropped);
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

static uint64_t
batch_bytes(const struct dp_packet_batch *batch)
{
    struct dp_packet *packet;
    uint64_t bytes = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bytes += dp_packet_size(packet);
    }
    return bytes;
}

/* Drops what is longer than 'mtu', with an Ethernet header and a VLAN tag. */
static void
drop_long(struct netdev_vnic *dev, struct dp_packet_batch *batch, int mtu)
{
    const size_t size = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    size_t i;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        bool is_tagged = eth_type_vlan(((struct eth_header *)
                                        dp_packet_data(packet))->eth_type);
        unsigned int max = mtu + ETH_HEADER_LEN
            + (is_tagged ? VLAN_HEADER_LEN : 0);

        if (dp_packet_size(packet) > max) {
            drop_packets(dev->device.drops, DROP_MTU, &packet, 1);
        } else {
            dp_packet_batch_refill(batch, packet, i);
        }
    }
}

/* Learns the addresses of which the guest tells. */
static void
netdev_vnic_learn(const struct netdev_vnic *dev, const struct link_port *port,
                  const struct dp_packet_batch *batch)
{
    struct learned *learned = ovsrcu_get(struct learned *,
                                         &dev->device.learned);

    if (OVS_UNLIKELY(learned)
        && learned_snoop(learned, batch, &port->claim.key.mac)) {
        vnics_learned();
    }
}

static int
netdev_vnic_send(struct netdev *netdev, int qid, struct dp_packet_batch *batch,
                 bool concurrent_txq OVS_UNUSED)
{
    struct netdev_vnic *dev = netdev_vnic_cast(netdev);
    const struct link_port *port = netdev_vnic_port(dev);
    int mtu;

    if (OVS_UNLIKELY(!port || !netdev_vnic_is_up(dev))) {
        drop_batch(dev->device.drops, DROP_PORT_DOWN, batch);
        return 0;
    }
    atomic_read_relaxed(&dev->mtu, &mtu);
    if (OVS_UNLIKELY(mtu)) {
        drop_long(dev, batch, mtu);
    }
    netdev_vnic_learn(dev, port, batch);
    counter_add(&dev->device.tx_packets, dp_packet_batch_size(batch));
    counter_add(&dev->device.tx_bytes, batch_bytes(batch));
    if (OVS_UNLIKELY(port->tx)) {
        ring_put(port->tx, batch->packets, dp_packet_batch_size(batch));
    } else {
        link_send(port, netdev_get_dpif_type(netdev), qid, batch);
    }
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

/* Sends what the VNIC's limit admits now.  The thread that polls the VNIC's
 * own port does that, for it is always there. */
static void
netdev_vnic_send_waiting(const struct netdev_vnic *dev,
                         const struct link_port *port)
{
    struct dp_packet_batch batch;

    if (read_flag(&dev->device.is_main)) {
        dp_packet_batch_init(&batch);
        batch.count = ring_get(port->tx, batch.packets, NETDEV_MAX_BURST);
        if (batch.count) {
            link_send(port, netdev_get_dpif_type(&dev->up), 0, &batch);
        }
    }
}

/* Fills 'batch' from the ring, and makes sure that somebody polls the link. */
static void
netdev_vnic_fill_batch(struct netdev_vnic *dev, const struct link_port *port,
                       struct ring *ring, struct handover *handover,
                       struct dp_packet_batch *batch)
{
    bool is_direct = false;

    counter_add_own(&dev->device.polls, 1);
    dp_packet_batch_init(batch);
    batch->count = ring_get(ring, batch->packets, NETDEV_MAX_BURST);
    if (!batch->count) {
        is_direct = ring_is_direct(ring);
    }
    if (batch->count < POLL_BELOW) {
        link_poll(port->link, is_direct ? ring : NULL, batch, handover);
    }
}

static void
netdev_vnic_merge(struct netdev_vnic *dev, struct dp_packet_batch *batch)
{
    struct merge_stats stats = { .packets = 0 };

    batch->count = merge_batch(batch->packets, batch->count, &stats);
    counter_add_own(&dev->device.merged, stats.segments - stats.packets);
}

/* Hands 'batch' to the VNIC's front.  Returns false if there is no bypass. */
static bool
netdev_vnic_bypass(struct netdev_vnic *dev, struct dp_packet_batch *batch)
{
    struct front *front = ovsrcu_get(struct front *, &dev->device.front);
    size_t n = batch->count;

    if (OVS_LIKELY(!front) || !front_send(front, batch)) {
        return false;
    }
    counter_add_own(&dev->device.bypassed, n);
    return true;
}

/* What becomes of a batch from the ring before the datapath sees it.  Returns
 * false if nothing is left. */
static bool
netdev_vnic_receive(struct netdev_vnic *dev, struct dp_packet_batch *batch)
{
    if (OVS_UNLIKELY(!netdev_vnic_is_up(dev))) {
        drop_received(dev->device.drops, DROP_PORT_DOWN, batch->packets,
                      batch->count);
        return false;
    }
    if (OVS_UNLIKELY(batch->count > 1 && read_flag(&dev->device.lro))) {
        netdev_vnic_merge(dev, batch);
    }
    vnic_device_count(&dev->device, batch);
    return !netdev_vnic_bypass(dev, batch);
}

static int
netdev_vnic_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                     int *qfill)
{
    struct netdev_vnic *dev = netdev_vnic_cast(rxq->netdev);
    const struct link_port *port = netdev_vnic_port(dev);
    struct ring *ring = netdev_vnic_ring(dev);
    struct handover *handover;

    if (OVS_UNLIKELY(!port || !ring)) {
        return EAGAIN;
    }
    handover = handover_get();
    if (OVS_UNLIKELY(!ring_claim(ring, handover))) {
        return EAGAIN;
    }
    if (OVS_UNLIKELY(port->tx)) {
        netdev_vnic_send_waiting(dev, port);
    }
    handover_begin(handover, port->link, netdev_get_dpif_type(rxq->netdev));
    netdev_vnic_fill_batch(dev, port, ring, handover, batch);
    if (batch->count && !netdev_vnic_receive(dev, batch)) {
        dp_packet_batch_init(batch);
    }
    handover_commit(handover, batch);
    if (qfill) {
        *qfill = ring_fill(ring);
    }
    return batch->count ? 0 : EAGAIN;
}

static void
netdev_vnic_rxq_wait(struct netdev_rxq *rxq)
{
    struct netdev_vnic *dev = netdev_vnic_cast(rxq->netdev);
    const struct link_port *port = netdev_vnic_port(dev);
    struct ring *ring = netdev_vnic_ring(dev);

    if (!port || !ring) {
        return;
    }
    if (read_flag(&dev->device.is_busy)) {
        poll_immediate_wake();
        return;
    }
    ring_wait(ring);
    if (port->tx && read_flag(&dev->device.is_main)) {
        ring_wait(port->tx);
    }
    link_wait(port->link);
}

static int
netdev_vnic_rxq_drain(struct netdev_rxq *rxq)
{
    struct netdev_vnic *dev = netdev_vnic_cast(rxq->netdev);
    struct ring *ring = netdev_vnic_ring(dev);

    if (ring) {
        struct dp_packet_batch batch;

        do {
            dp_packet_batch_init(&batch);
            batch.count = ring_drain(ring, batch.packets, NETDEV_MAX_BURST);
            drop_received(dev->device.drops, DROP_RECONFIGURED, batch.packets,
                          batch.count);
        } while (ring_fill(ring));
    }
    return 0;
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
        .set_mtu = netdev_vnic_set_mtu,                 \
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
netdev_vnic_register(struct link *(*find_link)(const char *name))
{
    vnics_init(find_link, netdev_vnic_set_polling);
    netdev_register_provider(&classes[false][false]);
    netdev_register_provider(&classes[true][false]);
}
