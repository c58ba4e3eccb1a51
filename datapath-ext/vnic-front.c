/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/vnic-private.h"

#include "datapath-ext/front.h"
#include "ovs-rcu.h"
#include "smap.h"
#include "util.h"

void
old_fronts_close(struct old_fronts *old)
{
    if (old->n) {
        ovsrcu_synchronize();
    }
    while (old->n) {
        front_close(old->fronts[--old->n]);
    }
    free(old->fronts);
}

void
vnic_drop_front(struct vnic *vnic, struct old_fronts *old)
{
    struct vnic_device *device;

    if (!vnic->front) {
        return;
    }
    LIST_FOR_EACH (device, node, &vnic->devices) {
        ovsrcu_set(&device->front, NULL);
        device_update_plain(device, NULL);
    }
    if (old->n >= old->allocated) {
        old->fronts = x2nrealloc(old->fronts, &old->allocated,
                                 sizeof *old->fronts);
    }
    old->fronts[old->n++] = vnic->front;
    vnic->front = NULL;
}

/* The VNICs that lack a front, by name, with the name of that. */
static void
vnics_without_front(struct smap *names)
{
    struct shash_node *node;

    ovs_mutex_lock(&vnics_mutex);
    SHASH_FOR_EACH (node, &vnics) {
        const struct vnic *vnic = node->data;

        if (vnic->config.front && !vnic->front) {
            smap_add(names, vnic->config.name, vnic->config.front);
        }
    }
    ovs_mutex_unlock(&vnics_mutex);
}

static void
vnic_set_front(const char *name, struct front *front)
{
    struct vnic_device *device;
    struct vnic *vnic;

    ovs_mutex_lock(&vnics_mutex);
    vnic = shash_find_data(&vnics, name);
    vnic->front = front;
    LIST_FOR_EACH (device, node, &vnic->devices) {
        ovsrcu_set(&device->front, front);
        device_update_plain(device, front);
    }
    ovs_mutex_unlock(&vnics_mutex);
}

/* Netdevs may be opened only without the mutex. */
void
vnics_find_fronts(void)
{
    struct smap names = SMAP_INITIALIZER(&names);
    struct smap_node *node;

    vnics_without_front(&names);
    SMAP_FOR_EACH (node, &names) {
        struct front *front = front_open(node->value);

        if (front) {
            vnic_set_front(node->key, front);
        }
    }
    smap_destroy(&names);
}
