/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "ofproto-ext/ofproto-ext.h"

#include "hash.h"
#include "ofproto-ext/flow-table.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/hmap.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_flow);

#define METADATA_VNS_MASK UINT64_C(0xffff)
#define METADATA_ROLE_SHIFT 44
#define METADATA_ROLE_MASK (UINT64_C(0xf) << METADATA_ROLE_SHIFT)

/* A wanted flow. */
struct ring {
    struct ring_flow flow;      /* Owns its strings. */
    enum ofperr error;          /* Why it couldn't be added, or 0. */
};

/* A flow that was added. */
struct placed {
    struct hmap_node node;      /* In 'placed', by bridge and number. */
    char *bridge;
    ofp_port_t ofp_port;
    bool is_wanted;             /* Within repair_all() only. */
};

/* What a bridge looked like after the last repair. */
struct seen {
    bool exists;
    ovs_version_t version;      /* Of its flow tables. */
    size_t n_ports;
};

/* The rings and their flows.  Global because Open vSwitch reports what happens
 * to its bridges through functions that bring no context of ours. */
static struct shash rings = SHASH_INITIALIZER(&rings);   /* By port. */
static struct hmap placed = HMAP_INITIALIZER(&placed);
static struct shash bridges = SHASH_INITIALIZER(&bridges); /* "struct seen" */
static bool must_prune;         /* May 'placed' have what isn't wanted? */

/* Each flow that a controller changes makes a new version of the tables.  To
 * look for all our flows as often would slow it down, and isn't needed: what
 * removes one calls ofproto_ext_flushed().  This is for the flow that found no
 * room before. */
#define CHECK_INTERVAL 1000     /* In msec. */
static long long int next_check;

/* Flows. */

/* Matches packets that have no id yet.  The flow's own resubmit then passes it
 * by, and the operator's table 0 goes on with the packet. */
static void
ring_flow_match(ofp_port_t ofp_port, struct match *match)
{
    match_init_catchall(match);
    match_set_in_port(match, ofp_port);
    match_set_metadata_masked(match, htonll(0), htonll(METADATA_VNS_MASK));
}

/* No actions drop the packet. */
static void
ring_flow_actions(const struct ring_flow *flow, struct ofpbuf *actions)
{
    struct ofpact_resubmit *resubmit;
    ovs_be64 value, mask;

    if (!flow->vns_id) {
        return;
    }
    value = htonll(flow->vns_id
                   | (uint64_t) flow->role << METADATA_ROLE_SHIFT);
    mask = htonll(METADATA_VNS_MASK | METADATA_ROLE_MASK);
    ofpact_put_set_field(actions, mf_from_id(MFF_METADATA), &value, &mask);

    resubmit = ofpact_put_RESUBMIT(actions);
    resubmit->in_port = OFPP_IN_PORT;
    resubmit->table_id = 0;
}

static enum ofperr
ring_flow_install(struct ofproto *ofproto, ofp_port_t ofp_port,
                  const struct ring_flow *flow)
{
    uint64_t stub[128 / 8];
    struct ofpbuf actions = OFPBUF_STUB_INITIALIZER(stub);
    enum ofperr error = 0;
    struct match match;

    ring_flow_match(ofp_port, &match);
    ring_flow_actions(flow, &actions);
    if (!flow_table_has(ofproto, &match, &actions)) {
        error = flow_table_add(ofproto, &match, &actions);
    }
    ofpbuf_uninit(&actions);
    return error;
}

/* Which flows are where. */

static uint32_t
placed_hash(const char *bridge, ofp_port_t ofp_port)
{
    return hash_string(bridge, ofp_to_u16(ofp_port));
}

static struct placed *
placed_find(const char *bridge, ofp_port_t ofp_port)
{
    struct placed *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, placed_hash(bridge, ofp_port),
                             &placed) {
        if (p->ofp_port == ofp_port && !strcmp(p->bridge, bridge)) {
            return p;
        }
    }
    return NULL;
}

static struct placed *
placed_insert(const char *bridge, ofp_port_t ofp_port)
{
    struct placed *p = xzalloc(sizeof *p);

    p->bridge = xstrdup(bridge);
    p->ofp_port = ofp_port;
    hmap_insert(&placed, &p->node, placed_hash(bridge, ofp_port));
    return p;
}

static void
placed_forget(struct placed *p)
{
    hmap_remove(&placed, &p->node);
    free(p->bridge);
    free(p);
}

static void
placed_remove(struct placed *p)
{
    struct ofproto *ofproto = flow_table_bridge(p->bridge);

    if (ofproto) {
        struct match match;

        ring_flow_match(p->ofp_port, &match);
        flow_table_remove(ofproto, &match);
    }
    placed_forget(p);
}

static void
ring_place(struct ring *ring, struct ofproto *ofproto, ofp_port_t ofp_port)
{
    enum ofperr error = ring_flow_install(ofproto, ofp_port, &ring->flow);
    struct placed *p = placed_find(ring->flow.bridge, ofp_port);

    if (error && error != ring->error) {
        VLOG_INFO("bridge %s: can't add the flow of port %s (%s)",
                  ring->flow.bridge, ring->flow.port,
                  ofperr_to_string(error));
    }
    ring->error = error;
    if (!p) {
        p = placed_insert(ring->flow.bridge, ofp_port);
    }
    p->is_wanted = true;
}

/* Repair. */

static void
bridge_note(const char *name, struct seen *seen)
{
    const struct ofproto *ofproto = flow_table_bridge(name);

    seen->exists = ofproto != NULL;
    seen->version = ofproto ? ofproto->tables_version : 0;
    seen->n_ports = ofproto ? hmap_count(&ofproto->ports) : 0;
}

/* A port that is replaced by another with the same number between two turns
 * isn't noticed here, but by ofproto_ext_port_added(). */
static bool
bridges_changed(bool with_tables)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bridges) {
        const struct seen *old = node->data;
        struct seen new;

        bridge_note(node->name, &new);
        if (new.exists != old->exists || new.n_ports != old->n_ports
            || (with_tables && new.version != old->version)) {
            return true;
        }
    }
    return false;
}

static void
bridges_note(void)
{
    struct shash_node *node;
    struct placed *p;

    shash_clear_free_data(&bridges);
    SHASH_FOR_EACH (node, &rings) {
        const struct ring *ring = node->data;

        if (!shash_find(&bridges, ring->flow.bridge)) {
            shash_add(&bridges, ring->flow.bridge,
                      xzalloc(sizeof(struct seen)));
        }
    }
    HMAP_FOR_EACH (p, node, &placed) {
        if (!shash_find(&bridges, p->bridge)) {
            shash_add(&bridges, p->bridge, xzalloc(sizeof(struct seen)));
        }
    }
    SHASH_FOR_EACH (node, &bridges) {
        bridge_note(node->name, node->data);
    }
}

static void
ring_repair(struct ring *ring)
{
    struct ofproto *ofproto = flow_table_bridge(ring->flow.bridge);
    const struct ofport *port = ofproto
        ? shash_find_data(&ofproto->port_by_name, ring->flow.port) : NULL;

    if (port) {
        ring_place(ring, ofproto, port->ofp_port);
    } else {
        ring->error = 0;
    }
}

static void
repair_all(bool prune)
{
    struct shash_node *node;
    struct placed *p;

    HMAP_FOR_EACH (p, node, &placed) {
        p->is_wanted = false;
    }
    SHASH_FOR_EACH (node, &rings) {
        ring_repair(node->data);
    }
    if (prune) {
        HMAP_FOR_EACH_SAFE (p, node, &placed) {
            if (!p->is_wanted) {
                placed_remove(p);
            }
        }
    }
    must_prune = !prune;
    bridges_note();
}

/* The door. */

static void
rings_clear(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &rings) {
        struct ring *ring = node->data;

        free(CONST_CAST(char *, ring->flow.bridge));
        free(CONST_CAST(char *, ring->flow.port));
        free(ring);
        shash_delete(&rings, node);
    }
}

void
ofproto_ext_set_rings(const struct ring_flow *flows, size_t n)
{
    rings_clear();
    for (size_t i = 0; i < n; i++) {
        struct ring *ring = xzalloc(sizeof *ring);

        ring->flow = flows[i];
        ring->flow.bridge = xstrdup(flows[i].bridge);
        ring->flow.port = xstrdup(flows[i].port);
        shash_add(&rings, ring->flow.port, ring);
    }
    if (n || !hmap_is_empty(&placed)) {
        repair_all(false);
    }
}

bool
ofproto_ext_port_added(struct ofproto *ofproto, const char *port,
                       ofp_port_t ofp_port)
{
    struct ring *ring = shash_find_data(&rings, port);

    if (ring && !strcmp(ring->flow.bridge, ofproto->name)) {
        ring_place(ring, ofproto, ofp_port);
        return !ring->error;
    }

    /* The flow of a port that had this number is not for this one. */
    struct placed *p = placed_find(ofproto->name, ofp_port);

    if (p) {
        placed_remove(p);
    }
    return true;
}

void
ofproto_ext_flushed(void)
{
    if (!shash_is_empty(&rings)) {
        repair_all(false);
    }
}

bool
ofproto_ext_run(void)
{
    if (!must_prune && !bridges_changed(time_msec() >= next_check)) {
        return false;
    }
    repair_all(true);
    next_check = time_msec() + CHECK_INTERVAL;
    return true;
}

void
ofproto_ext_wait(void)
{
    if (bridges_changed(true)) {
        poll_timer_wait_until(next_check);
    }
}

void
ofproto_ext_exit(void)
{
    struct placed *p;

    rings_clear();
    HMAP_FOR_EACH_SAFE (p, node, &placed) {
        placed_forget(p);
    }
    hmap_destroy(&placed);
    hmap_init(&placed);
    shash_clear_free_data(&bridges);
    must_prune = false;
}

const char *
ofproto_ext_ring_error(const char *port)
{
    const struct ring *ring = shash_find_data(&rings, port);

    return ring && ring->error ? ofperr_to_string(ring->error) : NULL;
}
