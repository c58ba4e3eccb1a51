/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/share.h"

#include "datapath-ext/cache/ovs.h"
#include "hash.h"
#include "odp-util.h"
#include "util.h"

void
share_init(struct share *share)
{
    hmap_init(&share->ports);
    share->n_active = 0;
    share->last = NULL;
}

void
share_destroy(struct share *share)
{
    struct share_port *port;

    HMAP_FOR_EACH_POP (port, node, &share->ports) {
        free(port);
    }
    hmap_destroy(&share->ports);
}

static struct share_port *
port_get(struct share *share, odp_port_t number)
{
    uint32_t hash = hash_odp_port(number);
    struct share_port *port = share->last;

    if (OVS_LIKELY(port && port->port == number)) {
        return port;
    }
    HMAP_FOR_EACH_WITH_HASH (port, node, hash, &share->ports) {
        if (port->port == number) {
            share->last = port;
            return port;
        }
    }
    port = xzalloc(sizeof *port);
    port->port = number;
    hmap_insert(&share->ports, &port->node, hash);
    share->last = port;
    return port;
}

bool
share_may_add(struct share *share, odp_port_t number, uint32_t used,
              uint32_t size)
{
    struct share_port *port = port_get(share, number);
    uint32_t limit = size / 4 * SHARE_ALONE;

    if (used > size / 2) {
        limit /= MAX(share->n_active + !port->n, 1);
    }
    return port->n < limit;
}

void
share_add(struct share *share, odp_port_t number, int n)
{
    struct share_port *port = port_get(share, number);

    share->n_active -= !!port->n;
    port->n += n;
    share->n_active += !!port->n;
}

/* At the end of a window or a rest. */
static void
port_check(struct share_port *port)
{
    if (port->rests) {
        port->rests = false;
    } else if (port->n_packets >= SHARE_WINDOW_MIN) {
        if (port->n_useful < port->n_packets / SHARE_FRUIT) {
            port->n_fruitless = MIN(port->n_fruitless + 1, SHARE_PATIENCE);
        } else {
            port->n_fruitless = 0;
        }
        port->rests = port->n_fruitless == SHARE_PATIENCE;
    }
    port->n_packets = port->n_useful = 0;
}

/* Has the time come to check, or is it so long ago that 'next_check' seems to
 * be in the future again? */
static inline bool
port_is_due(const struct share_port *port, uint32_t now)
{
    return port->next_check - now - 1 >= SHARE_WINDOW_MS * SHARE_PATIENCE;
}

bool
share_stands_aside(struct share *share, const struct dp_netdev_pmd_thread *pmd,
                   odp_port_t number, uint32_t now)
{
    struct share_port *port = port_get(share, number);

    if (OVS_UNLIKELY(port_is_due(port, now))) {
        port_check(port);
        port->is_simple = pmd && ovs_pmd_is_simple(pmd, number);
        port->next_check = now + SHARE_WINDOW_MS * (port->rests
                                                    ? SHARE_PATIENCE - 1 : 1);
    }
    return port->is_simple || port->rests;
}

void
share_count(struct share *share, odp_port_t number, size_t n, size_t n_useful)
{
    struct share_port *port = port_get(share, number);

    port->n_packets += n;
    port->n_useful += n_useful;
}
