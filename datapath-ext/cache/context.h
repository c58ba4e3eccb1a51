/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_CONTEXT_H
#define CACHE_CONTEXT_H 1

/* Contexts
 * ========
 *
 * What: the outer headers of packets that come out of a tunnel, each with a
 * number.  In such a packet's key the number and the UDP source port are where
 * others have the input port, so that a key stays as small as it is, and
 * nothing is left out of it: a sender derives the UDP source port from what
 * is inside, so that this takes no more entries.
 *
 * Data flow: tunnel.h: header --contexts_find()--> in_port of a key
 *            learn.c: contexts_ref(), contexts_unref() with each entry
 *
 * Validity: what stock takes off, and to which port that leads, is decided by
 * a megaflow of the path, whose end is told, and by the datapath's ports,
 * whose end is not: contexts_ports_changed() is called when a thread loads its
 * ports anew, and from then on no context is found until the same header was
 * seen to lead to the same port.
 *
 * Room: for CONTEXTS_MAX.  When all are taken, those of entries that are dead
 * or idle come free in learn.c.
 *
 * Units: none.
 *
 * Ownership: part of a cache.  A context lives while entries have it.
 *
 * Thread-safety: one thread, but for contexts_ports_changed().
 *
 * Errors: contexts_ref() returns NULL without room. */

#include "datapath-ext/cache/tunnel.h"
#include "openvswitch/hmap.h"
#include "util.h"

#define CONTEXTS_MAX 4096

/* Port numbers of the datapath are below. */
#define CONTEXT_PORT 0x80000000
#define CONTEXT_UNKNOWN 0x7fff
BUILD_ASSERT_DECL(CONTEXTS_MAX <= CONTEXT_UNKNOWN);

struct context {
    struct tunnel_outer outer;
    struct hmap_node node;      /* In 'by_outer', unless it is retired. */
    unsigned int generation;    /* Of ports, in which it was seen. */
    uint32_t n_refs;            /* Entries. */
    odp_port_t tunnel_port;     /* To which it leads. */
    uint16_t number;
    bool is_retired;            /* It leads elsewhere now. */
};

struct contexts {
    const struct key_seed *seed;
    unsigned int generation;
    struct context *last;       /* Found last, or NULL. */
    struct hmap by_outer;
    struct context **by_number; /* NULL until there is one. */
    uint32_t n;                 /* Those that exist. */
    uint32_t next_number;       /* Where to look for a free one. */
};

void contexts_init(struct contexts *, const struct key_seed *);
void contexts_destroy(struct contexts *);

/* Any thread: its ports are others from now on. */
void contexts_ports_changed(void);
/* Have they changed since this was called last? */
bool contexts_check_ports(struct contexts *);

static inline odp_port_t
context_to_port(uint32_t number, ovs_be16 l4_src)
{
    return u32_to_odp(CONTEXT_PORT | number << 16
                      | (OVS_FORCE uint16_t) l4_src);
}

static inline bool
context_is_port(odp_port_t port)
{
    return (odp_to_u32(port) & CONTEXT_PORT) && port != ODPP_NONE;
}

/* For a key's 'in_port' that is a context's. */
static inline struct context *
contexts_get(const struct contexts *contexts, odp_port_t port)
{
    return contexts->by_number[odp_to_u32(port) >> 16 & 0x7fff];
}

/* The datapath's port for a key's. */
static inline odp_port_t
contexts_in_port(const struct contexts *contexts, odp_port_t port)
{
    return (OVS_UNLIKELY(context_is_port(port))
            ? contexts_get(contexts, port)->outer.narrow.in_port : port);
}

/* What is the key's 'in_port'?  With CONTEXT_UNKNOWN as number if there is no
 * context that holds. */
odp_port_t contexts_find(struct contexts *, const struct tunnel_outer *);

static inline bool
context_is_known(odp_port_t port)
{
    return (odp_to_u32(port) >> 16 & 0x7fff) != CONTEXT_UNKNOWN;
}

/* Of a header that was seen to lead to 'tunnel_port'. */
struct context *contexts_ref(struct contexts *, const struct tunnel_outer *,
                             odp_port_t tunnel_port);
void contexts_unref(struct contexts *, struct context *);

#endif /* datapath-ext/cache/context.h */
