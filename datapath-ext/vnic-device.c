/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/vnic-private.h"

#include "datapath-ext/front.h"
#include "datapath-ext/link.h"
#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "util.h"

/* A device that is down, merges segments or has a front must look at each
 * batch itself. */
void
device_update_plain(struct vnic_device *device, const struct front *front)
{
    bool lro;

    atomic_read_relaxed(&device->lro, &lro);
    atomic_store_relaxed(&device->is_plain,
                         (device->is_up && !lro && !front
                          && device->number != ODPP_NONE));
}

void
vnic_device_set_up(struct vnic_device *device, bool is_up)
{
    ovs_mutex_lock(&vnics_mutex);
    device->is_up = is_up;
    device_update_plain(device, ovsrcu_get_protected(struct front *,
                                                     &device->front));
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnic_device_count(struct vnic_device *device,
                  const struct dp_packet_batch *batch)
{
    struct dp_packet *packet;
    uint64_t bytes = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bytes += dp_packet_size(packet);
    }
    counter_add_own(&device->rx_packets, batch->count);
    counter_add_own(&device->rx_bytes, bytes);
}

void
device_publish(struct vnic_device *device, struct link_port *port)
{
    ovsrcu_set(&device->port, port);
    netdev_change_seq_changed(device->netdev);
}

void
device_set_member(struct vnic_device *device, struct link *link)
{
    const char *dpif_type = netdev_get_dpif_type(device->netdev);
    struct link_member *member = NULL;

    if (device->member && device->member->number == device->number
        && device->member->dpif_type == dpif_type) {
        return;
    }
    if (device->number != ODPP_NONE) {
        member = xmalloc(sizeof *member);
        member->number = device->number;
        member->dpif_type = dpif_type;
        link_add_member(link, member);
    }
    if (device->member) {
        link_remove_member(link, device->member);
        ovsrcu_postpone(free, device->member);
    }
    device->member = member;
}

void
device_detach(struct vnic_device *device)
{
    struct link_port *port
        = ovsrcu_get_protected(struct link_port *, &device->port);

    if (device->member) {
        link_remove_member(port->link, device->member);
        ovsrcu_postpone(free, device->member);
        device->member = NULL;
    }
    ovs_list_remove(&device->node);
    ovs_list_init(&device->node);
    device_publish(device, NULL);
    /* What waits was for the address, VLAN and link that are left. */
    ring_retire(device_ring(device));
    ovsrcu_set(&device->ring, NULL);
    ovsrcu_set(&device->learned, NULL);
    ovsrcu_set(&device->front, NULL);
}

void
device_set_ring(struct vnic_device *device, const struct vnic *vnic,
                const struct ring_config *config, struct link *link)
{
    bool is_control = (config->role == RING_CONTROL
                       || config->role == RING_MGMT);
    struct ring *ring = device_ring(device);
    struct ring_options options = {
        .port = netdev_get_name(device->netdev),
        .aux = device,
        .depth = config->depth,
        .wakes = !link_is_pmd(link),
        .limit = vnic->rx_limit,
        .service = link_service(link),
        .rank = service_rank(vnic->config.priority, config->is_strict,
                             is_control),
        .weight = config->weight,
    };

    if (!ring || !ring_has_options(ring, &options)) {
        ovsrcu_set(&device->ring, ring_create(&options, device->drops));
        ring_retire(ring);
    }
    atomic_store_relaxed(&device->is_main, config == &vnic->config.ring);
    atomic_store_relaxed(&device->is_busy, config->is_busy);
    atomic_store_relaxed(&device->lro, config->lro);
    ovsrcu_set(&device->learned, vnic->learned);
    ovsrcu_set(&device->front, vnic->front);
    device_update_plain(device, vnic->front);
}

bool
device_is_ready(const struct vnic_device *device, const struct vnic *vnic,
                const struct link *link)
{
    return (device && device->is_default == vnic->config.is_default
            && netdev_is_pmd(device->netdev) == link_is_pmd(link));
}

/* Devices that come and go. */

void
vnic_device_add(struct vnic_device *device, struct netdev *netdev,
                bool is_default)
{
    device->netdev = netdev;
    device->is_default = is_default;
    device->drops = drop_counters_create();
    device->number = ODPP_NONE;
    device->is_up = true;
    atomic_init(&device->odp_number, odp_to_u32(ODPP_NONE));
    ovsrcu_init(&device->port, NULL);
    ovsrcu_init(&device->ring, NULL);
    ovsrcu_init(&device->learned, NULL);
    ovsrcu_init(&device->front, NULL);
    ovs_list_init(&device->node);

    ovs_mutex_lock(&vnics_mutex);
    shash_add_assert(&vnic_devices, netdev_get_name(netdev), device);
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnic_device_remove(struct vnic_device *device)
{
    const char *name = netdev_get_name(device->netdev);
    const struct ring_config *ring;
    struct vnic *vnic;

    ovs_mutex_lock(&vnics_mutex);
    shash_find_and_delete_assert(&vnic_devices, name);
    vnic = vnic_from_port_name(name, &ring);
    if (!ovs_list_is_empty(&device->node)) {
        if (ring == &vnic->config.ring || ring->is_required) {
            vnic_detach(vnic);
        } else {
            vnic_rebuild(vnic, vnic->port->link);
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnic_device_destroy(struct vnic_device *device)
{
    drop_counters_unref(device->drops);
}

void
vnic_device_update(struct vnic_device *device)
{
    const struct ring_config *ring;
    struct vnic *vnic;

    ovs_mutex_lock(&vnics_mutex);
    vnic = vnic_from_port_name(netdev_get_name(device->netdev), &ring);
    if (vnic) {
        if (ovs_list_is_empty(&device->node)) {
            vnic->is_stale = true;
        }
        vnic_update(vnic);
    }
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnic_device_set_number(struct vnic_device *device, odp_port_t number)
{
    ovs_mutex_lock(&vnics_mutex);
    device->number = number;
    atomic_store_relaxed(&device->odp_number, odp_to_u32(number));
    device_update_plain(device, ovsrcu_get_protected(struct front *,
                                                     &device->front));
    if (!ovs_list_is_empty(&device->node)) {
        device_set_member(device, ovsrcu_get_protected(
            struct link_port *, &device->port)->link);
    }
    ovs_mutex_unlock(&vnics_mutex);
    vnic_device_update(device);
}

char *
vnic_device_get_error(const struct vnic_device *device)
{
    const char *name = netdev_get_name(device->netdev);
    const struct ring_config *ring;
    const struct vnic *vnic;
    char *error = NULL;

    ovs_mutex_lock(&vnics_mutex);
    vnic = vnic_from_port_name(name, &ring);
    if (vnic && vnic->config.error) {
        error = xasprintf("%s: %s", name, vnic->config.error);
    }
    ovs_mutex_unlock(&vnics_mutex);
    return error;
}

/* Status. */

static void
device_add_info(const struct vnic_device *device, struct port_info *info)
{
    struct ring *ring = device_ring(device);

    info->rx_packets += counter_read(&device->rx_packets);
    info->rx_bytes += counter_read(&device->rx_bytes);
    info->tx_packets += counter_read(&device->tx_packets);
    info->tx_bytes += counter_read(&device->tx_bytes);
    info->polls += counter_read(&device->polls);
    info->merged += counter_read(&device->merged);
    info->bypassed += counter_read(&device->bypassed);
    if (ring) {
        info->fill += ring_fill(ring);
        info->depth += ring_get_depth(ring);
    }
    for (int i = 0; i < N_DROPS; i++) {
        info->drops[i] += counter_read(&device->drops->n[i]);
    }
}

bool
vnic_get_port_info(const char *name, struct port_info *info)
{
    const struct vnic_device *device;

    ovs_mutex_lock(&vnics_mutex);
    device = shash_find_data(&vnic_devices, name);
    if (device) {
        info->is_attached = device_ring(device) != NULL;
        info->is_bypassing = ovsrcu_get_protected(struct front *,
                                                  &device->front) != NULL;
        info->number = odp_to_u32(device->number);
        device_add_info(device, info);
    }
    ovs_mutex_unlock(&vnics_mutex);
    return device != NULL;
}

void
vnic_add_ring_infos(const char *name, struct port_info *info)
{
    const struct vnic *vnic;

    ovs_mutex_lock(&vnics_mutex);
    vnic = shash_find_data(&vnics, name);
    for (size_t i = 0; vnic && i < vnic->config.n_rings; i++) {
        const struct vnic_device *device
            = find_device(vnic, &vnic->config.rings[i]);

        if (device) {
            device_add_info(device, info);
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}

void
vnics_count(unsigned int *n_ports, unsigned int *n_slots)
{
    const struct shash_node *node;

    *n_ports = *n_slots = 0;
    ovs_mutex_lock(&vnics_mutex);
    SHASH_FOR_EACH (node, &vnic_devices) {
        struct ring *ring = device_ring(node->data);

        ++*n_ports;
        *n_slots += ring ? 2 * ring_get_depth(ring) : 0;
    }
    SHASH_FOR_EACH (node, &vnics) {
        const struct vnic *vnic = node->data;

        *n_slots += vnic->tx ? 2 * ring_get_depth(vnic->tx) : 0;
    }
    ovs_mutex_unlock(&vnics_mutex);
}
