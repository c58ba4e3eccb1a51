/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include <errno.h>

#include "datapath-ext/handover.h"
#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "openvswitch/vlog.h"
#include "packets.h"

VLOG_DEFINE_THIS_MODULE(vnic_link_rx);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* One batch on its way.  Successive frames for one ring are a run, so that the
 * ring is entered once for all of them. */
struct reception {
    struct link *link;
    const struct ring *mine;    /* As in link_poll(). */
    struct dp_packet_batch *batch;
    struct handover *handover;

    struct ring *ring;          /* Of the run. */
    struct dp_packet *packets[NETDEV_MAX_BURST];
    size_t n;
};

static void
run_flush(struct reception *rx)
{
    size_t n = 0;

    if (rx->ring == rx->mine) {
        while (n < rx->n && !dp_packet_batch_is_full(rx->batch)) {
            dp_packet_batch_add(rx->batch, rx->packets[n++]);
        }
    }
    if (n < rx->n
        && !(rx->handover && handover_add(rx->handover, rx->ring,
                                          &rx->packets[n], rx->n - n))) {
        ring_put_own(rx->ring, &rx->packets[n], rx->n - n);
    }
    rx->n = 0;
}

static void
run_add(struct reception *rx, struct ring *ring, struct dp_packet *packet)
{
    if (rx->ring != ring || rx->n == ARRAY_SIZE(rx->packets)) {
        if (rx->n) {
            run_flush(rx);
        }
        rx->ring = ring;
    }
    rx->packets[rx->n++] = packet;
}

void
link_untag(struct dp_packet *packet)
{
    /* OVS's eth_pop_vlan() does nothing for a packet that was not parsed yet,
     * as those from a device are.  Of such a packet, what was found out about
     * headers and padding is of the last one in the same buffer. */
    uint8_t *data = dp_packet_data(packet);

    memmove(data + VLAN_HEADER_LEN, data, 2 * ETH_ADDR_LEN);
    dp_packet_reset_offsets(packet);
    dp_packet_pull(packet, VLAN_HEADER_LEN);
}

struct dp_packet *
link_copy(const struct dp_packet *packet)
{
    struct dp_packet *copy = dp_packet_clone(packet);

    /* What the device or the datapath noted about the original, such as a
     * hardware flow's mark, is not true of its second way through the
     * datapath. */
    dp_packet_reset_offload(copy);
    return copy;
}

/* 'packet' is for the default port, says a rule of 'port'. */
static void
deliver_to_host(const struct link_port *from, const struct link_port *port,
                struct dp_packet *packet, uint16_t bare_vlan)
{
    struct link_port *default_port = link_default_port(port->link);

    if (!default_port) {
        drop_packets(&port->link->drops, DROP_NO_DEFAULT_PORT, &packet, 1);
    } else if (default_port == from) {
        drop_packets(from->drops, DROP_SPLIT_HORIZON, &packet, 1);
    } else {
        /* As the frame would be on the device. */
        if (bare_vlan) {
            eth_push_vlan(packet, htons(ETH_TYPE_VLAN), htons(bare_vlan));
        }
        ring_put(default_port->ring, &packet, 1);
    }
}

/* A neighbour's frame goes where its receiver's own rules say, but those for
 * all frames of the link are about what comes from the device. */
void
link_deliver(const struct link_port *from, const struct link_port *port,
             struct dp_packet *packet, uint16_t bare_vlan)
{
    struct verdict verdict;
    struct frame frame;

    frame_init(&frame, packet);
    frame.bare_vlan = bare_vlan;
    link_port_classify(port, &frame, &verdict);
    if (OVS_UNLIKELY(verdict.rule)) {
        rule_count(verdict.rule, dp_packet_size(packet));
    }
    if (OVS_LIKELY(verdict.kind == VERDICT_RING)) {
        ring_put(verdict.ring, &packet, 1);
    } else if (verdict.kind == VERDICT_DROP) {
        drop_received(port->drops, DROP_RULE, &packet, 1);
    } else if (eth_addr_is_multicast(frame.key.mac)
               && link_default_port(port->link)) {
        /* That has sent it, or gets a copy of its own. */
        dp_packet_delete(packet);
    } else {
        deliver_to_host(from, port, packet, bare_vlan);
    }
}

size_t
link_copy_to_vlan(struct link *link, const struct dp_packet *packet,
                  uint16_t vlan, const struct link_port *from)
{
    struct link_port *port;
    size_t n = 0;

    CMAP_FOR_EACH (port, claim.node, &link->cls.claims) {
        if (port->claim.key.vlan == vlan && port != from) {
            link_deliver(from, port, link_copy(packet), vlan);
            n++;
        }
    }
    return n;
}

/* Gives 'port' its copy of a group-addressed frame, in order with the unicast
 * frames, which come the same way.  A rule that wants it on the default port
 * has nothing to do: that has its copy.  Returns false in this case. */
static bool
receive_copy(struct reception *rx, struct frame *frame,
             const struct link_port *port)
{
    struct dp_packet *copy;
    struct verdict verdict;

    link_port_classify(port, frame, &verdict);
    if (OVS_UNLIKELY(verdict.rule)) {
        rule_count(verdict.rule, dp_packet_size(frame->packet));
    }
    if (OVS_UNLIKELY(verdict.kind != VERDICT_RING)) {
        if (verdict.kind == VERDICT_DROP) {
            drop_count_received(port->drops, DROP_RULE, 1);
            return true;
        }
        return false;
    }
    copy = link_copy(frame->packet);
    if (frame->key.vlan) {
        link_untag(copy);
    }
    run_add(rx, verdict.ring, copy);
    return true;
}

static void
receive_group(struct reception *rx, struct frame *frame)
{
    struct link_port *default_port = link_default_port(rx->link);
    bool has_copies = default_port != NULL;
    struct link_port *port;

    counter_add_own(&rx->link->rx_flooded, 1);
    if (default_port) {
        run_add(rx, default_port->ring, link_copy(frame->packet));
    }
    if (frame->key.vlan != L2_VLAN_NONE) {
        CMAP_FOR_EACH (port, claim.node, &rx->link->cls.claims) {
            if (port->claim.key.vlan == frame->key.vlan
                && receive_copy(rx, frame, port)) {
                has_copies = true;
            }
        }
    }
    if (OVS_LIKELY(has_copies)) {
        dp_packet_delete(frame->packet);
    } else {
        drop_packets(&rx->link->drops, DROP_NO_DEFAULT_PORT, &frame->packet,
                     1);
    }
}

static void
receive_default(struct reception *rx, struct dp_packet *packet)
{
    struct link_port *default_port = link_default_port(rx->link);

    if (default_port) {
        run_add(rx, default_port->ring, packet);
    } else {
        drop_packets(&rx->link->drops, DROP_NO_DEFAULT_PORT, &packet, 1);
    }
}

static void
receive_one(struct reception *rx, struct dp_packet *packet)
{
    struct verdict verdict;
    struct frame frame;

    if (OVS_UNLIKELY(!frame_init(&frame, packet))) {
        drop_packets(&rx->link->drops, DROP_MALFORMED, &packet, 1);
        return;
    }
    if (OVS_LIKELY(!rx->link->takes_marks)
        || !link_obey_mark(rx->link, &frame, &verdict)) {
        link_classify(rx->link, &frame, &verdict);
    }
    if (OVS_UNLIKELY(verdict.rule)) {
        rule_count(verdict.rule, dp_packet_size(packet));
    }
    switch (verdict.kind) {
    case VERDICT_RING:
        if (frame.key.vlan && frame.key.vlan == verdict.port->claim.key.vlan) {
            link_untag(packet);
        }
        run_add(rx, verdict.ring, packet);
        break;
    case VERDICT_GROUP:
        receive_group(rx, &frame);
        break;
    case VERDICT_UNCLAIMED:
        counter_add_own(&rx->link->rx_unclaimed, 1);
        receive_default(rx, packet);
        break;
    case VERDICT_HOST:
        receive_default(rx, packet);
        break;
    case VERDICT_DROP:
        drop_received(verdict.port ? verdict.port->drops : &rx->link->drops,
                      DROP_RULE, &packet, 1);
        break;
    }
}

/* Puts each packet of 'received' into the ring it belongs to. */
static void
receive_batch(struct reception *rx, struct dp_packet_batch *received)
{
    struct link *link = rx->link;
    struct dp_packet *packet;
    uint64_t bytes = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, received) {
        bytes += dp_packet_size(packet);
        receive_one(rx, packet);
    }
    if (rx->n) {
        run_flush(rx);
    }
    counter_add_own(&link->rx_packets, received->count);
    counter_add_own(&link->rx_bytes, bytes);
}

/* Returns the number of frames received. */
static size_t
poll_rxq(struct link *link, const struct ring *mine,
         struct dp_packet_batch *batch, struct handover *handover)
    OVS_REQUIRES(link->rx_mutex)
{
    struct dp_packet_batch received;
    struct netdev_rxq *rxq;
    int error;

    /* Their number may have changed meanwhile. */
    link->next_rxq = link->next_rxq + 1 < link->n_rxqs
        ? link->next_rxq + 1 : 0;
    rxq = link->rxqs[link->next_rxq];
    dp_packet_batch_init(&received);
    error = netdev_rxq_recv(rxq, &received, NULL);
    if (!error) {
        struct reception rx = {
            .link = link, .mine = mine, .batch = batch,
            .handover = handover,
        };

        receive_batch(&rx, &received);
        return received.count;
    }
    if (error != EAGAIN && error != EOPNOTSUPP && error != ENETDOWN) {
        VLOG_INFO_RL(&rl, "%s: error receiving from %s (%s)", link->name,
                     netdev_get_name(link->netdev), ovs_strerror(error));
    }
    return 0;
}

size_t
link_poll(struct link *link, const struct ring *mine,
          struct dp_packet_batch *batch, struct handover *handover)
{
    size_t n = 0;

    if (link->netdev && !ovs_mutex_trylock(&link->rx_mutex)) {
        if (!link_is_paused(link)) {
            n = poll_rxq(link, mine, batch, handover);
        }
        ovs_mutex_unlock(&link->rx_mutex);
    }
    return n;
}

/* Bounded, as a device may receive without end. */
void
link_discard_backlog(struct link *link)
{
    int idle = 0;

    if (link_is_paused(link)) {
        return;
    }
    ovs_mutex_lock(&link->rx_mutex);
    for (int i = 0; i < 1024 && idle < link->n_rxqs; i++) {
        idle = poll_rxq(link, NULL, NULL, NULL) ? 0 : idle + 1;
    }
    ovs_mutex_unlock(&link->rx_mutex);
}

void
link_wait(struct link *link)
{
    if (!link->netdev || link_is_paused(link)) {
        return;
    }
    ovs_mutex_lock(&link->rx_mutex);
    for (int i = 0; i < link->n_rxqs; i++) {
        netdev_rxq_wait(link->rxqs[i]);
    }
    ovs_mutex_unlock(&link->rx_mutex);
}
