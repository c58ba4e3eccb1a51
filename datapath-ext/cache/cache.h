/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H 1

/* Pipeline cache
 * ==============
 *
 * What: an input function in front of dpif-netdev.  What the pipeline did to a
 * packet on all its passes (routing, NAT, firewall, every recirculation) is
 * recorded once, composed into one entry, and applied again to all packets
 * with the same key: the same bytes, order in each connection, counters and
 * conntrack state as without it, as one lookup and one rewrite.  A miss is
 * always legal, a stale hit never.
 *
 * Data flow, top-down in cache_input():
 *
 *     packets --key.h, tunnel.h--> keys --table.h--> entries --session.h,
 *     path.h-->
 *         valid: --rewrite.h--> path_count() --output.h--> ports
 *         else:  stock's input function, some of them recorded --record.h-->
 *                learn.h --> entries
 *
 * Order: hits leave before misses.  A packet with the addresses and ports of
 * an earlier miss of its batch is a miss too.
 *
 * Thread-safety: a cache belongs to the thread of one struct
 * dp_netdev_pmd_thread, found through a thread-local list, and nobody else
 * touches its table, paths and recorder, but for:
 *
 *     entry.deadline, .session, .next   any thread, under session.c's mutex;
 *                                       the owner reads and renews deadline
 *                                       with compare-and-swap: 0 stays 0
 *     path.dead, paths.any_dead         any thread, under path.c's mutex
 *     counters                          read by any thread
 *     configuration                     atomic, read by all
 *
 * A hit uses pointers to megaflows (a reference in the path holds them),
 * connections and sessions (RCU holds them: the thread doesn't quiesce within
 * a batch, and their end is told before they are handed to RCU), ports by
 * number only.
 *
 * Ownership: a cache comes with the thread's first batch, and goes when the
 * thread ends, when another input function is chosen, or another size.
 *
 * Units: packets; entries for sizes.
 *
 * Errors: without memory the packets go to stock, and it is logged once.
 *
 * Source: US10110514; Open vSwitch's EMC and SMC. */

#include "datapath-ext/cache-info.h"
#include "datapath-ext/cache/context.h"
#include "datapath-ext/cache/explain.h"
#include "datapath-ext/cache/record.h"
#include "datapath-ext/cache/refused.h"
#include "datapath-ext/cache/seen.h"
#include "datapath-ext/cache/share.h"
#include "datapath-ext/counter.h"
#include "openvswitch/list.h"

struct cache_counters {
    struct counter hits;
    struct counter misses[N_CACHE_MISSES];
    struct counter refusals[N_CACHE_REFUSALS];
    struct counter kills[N_CACHE_KILLS];
    struct counter inserts;
    struct counter again;       /* Of these, for a key that had an entry. */
    struct counter evictions;
};

struct cache {
    struct dp_netdev_pmd_thread *pmd;
    bool is_main;
    uint32_t size;              /* Entries. */
    unsigned int number;        /* From session_add_table(). */
    unsigned int config;        /* Number of the configuration it has. */
    struct key_seed seed;
    struct table table;
    struct paths paths;
    struct seen seen;
    struct share share;
    struct recorder recorder;
    struct tunnels tunnels;
    struct contexts contexts;
    struct tunnel_outer outers[NETDEV_MAX_BURST]; /* Of this batch. */
    uint32_t next_sweep, last_sweep; /* For learn.c: an entry; ms. */
    struct explain_slot explain;
    struct refused refused;

    struct ovs_list in_thread;  /* In the thread's list. */
    struct ovs_list node;       /* In the list of all. */
    struct counter n_entries;   /* Copies, for others to read. */
    struct counter n_paths;
    struct cache_counters counters;
};

/* An input function of dpif-netdev's, which gives its misses to stock's. */
int32_t cache_input(struct dp_netdev_pmd_thread *, struct dp_packet_batch *,
                    odp_port_t in_port);
/* The same for packets of several ports, at most NETDEV_MAX_BURST. */
void cache_input_mixed(struct dp_netdev_pmd_thread *,
                       struct dp_packet *packets[], const odp_port_t ports[],
                       size_t n);

/* Main thread, besides cache-info.h. */
void cache_init(void);

/* Called by the thread now and then, also when no packets come. */
void cache_run(bool is_chosen);
void cache_thread_end(struct dp_netdev_pmd_thread *);

#endif /* datapath-ext/cache/cache.h */
