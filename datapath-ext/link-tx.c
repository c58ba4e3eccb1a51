/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/link-private.h"

#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "odp-util.h"
#include "packets.h"
#include "timeval.h"

/* Did the frame with this input port, of a datapath of 'dpif_type', come from
 * 'link'? */
static bool
link_has_member(const struct link *link, odp_port_t number,
                const char *dpif_type)
{
    const struct link_member *member;

    CMAP_FOR_EACH_WITH_HASH (member, node, hash_odp_port(number),
                             &link->members) {
        if (member->number == number && member->dpif_type == dpif_type) {
            return true;
        }
    }
    return false;
}

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
        link_deliver(from, default_port, packet, 0);
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
    size_t n_copies = 0;

    if (!from->is_default || !key->vlan) {
        n_copies = link_copy_to_vlan(link, packet, key->vlan, from);
    } else if (key->vlan != L2_VLAN_NONE) {
        struct dp_packet *untagged = link_copy(packet);

        link_untag(untagged);
        n_copies = link_copy_to_vlan(link, untagged, key->vlan, from);
        dp_packet_delete(untagged);
    }
    link_tag(from, packet);
    if (default_port && default_port != from) {
        link_deliver(from, default_port, link_copy(packet), 0);
        n_copies++;
    }
    if (link->netdev) {
        return packet;
    }
    if (n_copies) {
        dp_packet_delete(packet);
    } else {
        drop_packets(from->drops, DROP_NO_DEVICE, &packet, 1);
    }
    return NULL;
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
    link_deliver(from, to, packet, to->claim.key.vlan);
    return NULL;
}

/* Returns 'packet', ready for the device, or NULL if it was disposed of. */
static struct dp_packet *
link_send_one(const struct link_port *from, const char *dpif_type,
              struct dp_packet *packet)
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

    if (!is_group && !to) {
        return link_send_device(from, packet);
    }
    if (link_has_member(link, packet->md.in_port.odp_port, dpif_type)) {
        drop_packets(from->drops, DROP_SPLIT_HORIZON, &packet, 1);
        return NULL;
    }
    if (to == from) {
        return link_send_device(from, packet);
    }
    return is_group ? link_send_group(from, packet, &key)
                    : link_send_local(from, to, packet);
}

/* How long the device gets frames one by one after it has refused any. */
#define SINGLY_MS 1000

static bool
link_sends_singly(struct link *link)
{
    long long int until;

    atomic_read_relaxed(&link->singly_until, &until);
    if (OVS_LIKELY(!until)) {
        return false;
    }
    if (time_msec() < until) {
        return true;
    }
    atomic_store_relaxed(&link->singly_until, 0);
    return false;
}

static void
transmit_batch(const struct link_port *from, int qid,
               struct dp_packet_batch *batch, uint64_t bytes)
{
    struct link *link = from->link;
    size_t n = dp_packet_batch_size(batch);

    /* Ports of several threads share the queues, so always 'concurrent'.
     * netdev_send() takes the batch also when it fails. */
    if (OVS_UNLIKELY(netdev_send(link->netdev,
                                 qid % netdev_n_txq(link->netdev), batch,
                                 true))) {
        counter_add(&from->drops->n[DROP_DEVICE], n);
        atomic_store_relaxed(&link->singly_until, time_msec() + SINGLY_MS);
        return;
    }
    counter_add(&link->tx_packets, n);
    counter_add(&link->tx_bytes, bytes);
}

/* Of a batch, Open vSwitch's classes for devices of the kernel send what comes
 * before a frame that the device refuses, throw away what comes after, and
 * don't say which it was.  So from the first refusal on, for a while, frames
 * go one by one: only those that are refused are lost, and each is counted for
 * what became of it.  Always to do so would cost a third of the rate. */
static void
link_transmit(const struct link_port *from, int qid,
              struct dp_packet_batch *batch, uint64_t bytes)
{
    struct dp_packet *packet;

    if (OVS_LIKELY(!link_sends_singly(from->link))) {
        transmit_batch(from, qid, batch, bytes);
        return;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct dp_packet_batch one;

        bytes = dp_packet_size(packet);
        dp_packet_batch_init_packet(&one, packet);
        transmit_batch(from, qid, &one, bytes);
    }
}

void
link_send(const struct link_port *from, const char *dpif_type, int qid,
          struct dp_packet_batch *batch)
{
    const size_t size = dp_packet_batch_size(batch);
    struct link *link = from->link;
    struct dp_packet *packet;
    uint64_t bytes = 0;
    size_t i;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        packet = link_send_one(from, dpif_type, packet);
        if (packet) {
            bytes += dp_packet_size(packet);
            dp_packet_batch_refill(batch, packet, i);
        }
    }
    if (dp_packet_batch_is_empty(batch)) {
        return;
    }

    if (OVS_UNLIKELY(link_is_paused(link))) {
        drop_batch(from->drops, DROP_PAUSED, batch);
        return;
    }
    link_transmit(from, qid, batch, bytes);
}
