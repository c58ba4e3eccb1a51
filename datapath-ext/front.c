/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/front.h"

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/shash.h"
#include "ovs-thread.h"
#include "util.h"

struct front {
    struct netdev *netdev;
    struct ovs_rwlock rwlock;   /* Held for reading while sending. */
};

/* By the name of the netdev.  Global because the seam, which must find the
 * front of a netdev, brings no context.  Main thread only. */
static struct shash fronts = SHASH_INITIALIZER(&fronts);

struct front *
front_open(const char *name)
{
    struct netdev *netdev = netdev_from_name(name);
    struct front *front;

    if (!netdev) {
        return NULL;
    }
    if (shash_find(&fronts, name)) {
        /* A guest's port is the front of one VNIC. */
        netdev_close(netdev);
        return NULL;
    }
    front = xzalloc(sizeof *front);
    front->netdev = netdev;
    ovs_rwlock_init(&front->rwlock);
    shash_add(&fronts, name, front);
    return front;
}

void
front_close(struct front *front)
{
    if (front) {
        shash_find_and_delete_assert(&fronts, front_name(front));
        netdev_close(front->netdev);
        ovs_rwlock_destroy(&front->rwlock);
        free(front);
    }
}

bool
front_send(struct front *front, struct dp_packet_batch *batch)
{
    if (ovs_rwlock_tryrdlock(&front->rwlock)) {
        return false;
    }

    int n_txq = netdev_n_txq(front->netdev);

    if (n_txq) {
        /* 'concurrent', for the datapath's threads use the queue too. */
        netdev_send(front->netdev, ovsthread_id_self() % n_txq, batch, true);
    }
    ovs_rwlock_unlock(&front->rwlock);
    return n_txq;
}

const char *
front_name(const struct front *front)
{
    return netdev_get_name(front->netdev);
}

const char *
front_type(const struct front *front)
{
    return netdev_get_type(front->netdev);
}

struct front *
front_lock(const struct netdev *netdev)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct front *front = shash_find_data(&fronts, netdev_get_name(netdev));

    if (!front) {
        return NULL;
    }
    ovs_rwlock_wrlock(&front->rwlock);
    return front;
}

void
front_unlock(struct front *front)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    if (front) {
        ovs_rwlock_unlock(&front->rwlock);
    }
}
