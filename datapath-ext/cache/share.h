/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_SHARE_H
#define CACHE_SHARE_H 1

/* Shares
 * ======
 *
 * What: what a cache knows of each input port: how many entries its packets
 * have, so that one port can't take all places, and whether the cache stands
 * aside for it.
 *
 * A port may have SHARE_ALONE quarters of all entries, or, once half of them
 * are used, an equal part of those quarters with all the other ports that
 * have any.
 *
 * The cache stands aside where stock looks up neither header nor connection:
 * all flows of the port are what dpif-netdev calls simple (port, Ethernet
 * type, VLAN), for which it doesn't parse packets, and a cache must.
 *
 * It stands aside, too, where it bears no fruit: a port of which for a tenth
 * of a second hardly a packet hit, or had a key that was seen before and might
 * be kept.  From then on it looks at one window in ten, to see whether that
 * has changed.  A flood of packets that are all new, or a pipeline that can't
 * be kept, costs a tenth of what it would.
 *
 * Data flow: learn.c --share_add(), share_may_add()-->
 *            cache.c --share_stands_aside()-->
 *
 * Units: entries; ms.
 *
 * Ownership: part of a cache.
 *
 * Thread-safety: one thread.
 *
 * Errors: none. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/types.h"

#define SHARE_ALONE 3

/* Windows, and packets of one that say enough. */
#define SHARE_WINDOW_MS 10
#define SHARE_WINDOW_MIN 256
/* Fruitless is a window with less than a SHARE_FRUIT-th of useful packets;
 * after so many the port rests, but for one window in as many. */
#define SHARE_FRUIT 16
#define SHARE_PATIENCE 10

struct dp_netdev_pmd_thread;

struct share_port {
    struct hmap_node node;
    odp_port_t port;
    uint32_t n;                 /* Entries. */
    bool is_simple;
    bool rests;
    uint8_t n_fruitless;        /* Windows in a row. */
    uint32_t n_packets;         /* In this window. */
    uint32_t n_useful;
    uint32_t next_check;        /* ms */
};

struct share {
    struct hmap ports;
    uint32_t n_active;          /* Ports with entries. */
    struct share_port *last;    /* Looked up last. */
};

void share_init(struct share *);
void share_destroy(struct share *);

/* 'used' of 'size' entries are in use. */
bool share_may_add(struct share *, odp_port_t, uint32_t used, uint32_t size);
void share_add(struct share *, odp_port_t, int n);
/* 'pmd' knows which flows are simple; none are if it is NULL. */
bool share_stands_aside(struct share *, const struct dp_netdev_pmd_thread *,
                        odp_port_t, uint32_t now);
/* Of 'n' packets, so many hit or had a key that may come to hit. */
void share_count(struct share *, odp_port_t, size_t n, size_t n_useful);

#endif /* datapath-ext/cache/share.h */
