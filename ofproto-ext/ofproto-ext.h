/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef OFPROTO_EXT_H
#define OFPROTO_EXT_H 1

/* ofproto-ext: the door for the main thread
 * =========================================
 *
 * What: the part of the product that turns configuration into OpenFlow flows.
 * So far these are the ring flows: each says, for packets from the port of a
 * receive ring, which virtual network stack (VNS) the ring implies.  It also
 * tells which flows a packet meets on its way.
 *
 * Data flow:
 *
 *     configuration     ofproto_ext_set_rings() takes the whole wanted set
 *     bridges           ofproto_ext_port_added(), ofproto_ext_flushed():
 *                       called before a packet can pass without its flow
 *     each turn         ofproto_ext_run() removes flows that are no longer
 *                       wanted, and repairs what is missing
 *     status            ofproto_ext_ring_error()
 *     questions         ofproto_ext_format_rules()
 *
 * Units: a packet's metadata is 64 bits wide.  Bits 0 to 15 are the id of its
 * VNS and bits 44 to 47 the role of its ring (enum metadata_role); a ring flow
 * sets these and leaves all others alone.  Both are 0 in a packet that came
 * from no such ring.
 *
 * Ownership: the configuration passed in remains the caller's.  No pointer to
 * a bridge of Open vSwitch is kept: they are found by name each time.
 *
 * Thread-safety: main thread only.
 *
 * Errors: a flow that can't be added is reported by ofproto_ext_ring_error()
 * until it could be; what depends on it must not receive as long.
 *
 * Source: the mechanism of US patent 7885257 (the receive ring implies the
 * virtual network stack). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct ds;
struct flow;
struct nlattr;
struct ofproto;

/* The values of metadata[44..47].  0 is no role, so that a pipeline can tell
 * "from the default ring" from "from no ring". */
enum metadata_role {
    METADATA_ROLE_DEFAULT = 1,
    METADATA_ROLE_LOCAL,
    METADATA_ROLE_FORWARD,
    METADATA_ROLE_LEVEL,
    METADATA_ROLE_MAC,
    METADATA_ROLE_CONTROL,
    METADATA_ROLE_MGMT,
};

struct ring_flow {
    const char *bridge;
    const char *port;           /* Unique among the ports of all bridges. */
    uint16_t vns_id;            /* 0 to drop all packets from 'port'. */
    enum metadata_role role;
};

/* Adds or changes the flows of ports that exist; ports that don't yet get
 * theirs when they appear.  What is no longer wanted stays until
 * ofproto_ext_run(): now its port may still exist, and receive. */
void ofproto_ext_set_rings(const struct ring_flow *, size_t n);

/* Call when 'port' has become number 'ofp_port' of a bridge, and before the
 * bridge learns of that (ofproto_type_run()).  Returns false if its flow could
 * not be added. */
bool ofproto_ext_port_added(struct ofproto *, const char *port,
                            ofp_port_t ofp_port);
/* Call when all flows of a bridge have just been removed. */
void ofproto_ext_flushed(void);

/* Call when the bridges have been configured, and in each turn of the main
 * loop, with ofproto_ext_wait() at its end.  Returns true if it had something
 * to do, so that ofproto_ext_ring_error() may have changed. */
bool ofproto_ext_run(void);
void ofproto_ext_wait(void);

/* Forgets everything and leaves the flows to die with their bridges. */
void ofproto_ext_exit(void);

/* Why the flow of 'port' couldn't be added, or NULL if it is there or nothing
 * needs it. */
const char *ofproto_ext_ring_error(const char *port);

/* Appends, a line each, the OpenFlow rules that a packet meets in one pass
 * through the datapath of 'type'.  'flow' is the packet at the start of the
 * pass, with its port's number in the datapath and its recirculation id;
 * 'actions' are what the datapath does with it.  The bridges are asked now, so
 * that a line before says so if they would do something else by now. */
void ofproto_ext_format_rules(const char *type, const struct flow *flow,
                              const struct nlattr *actions,
                              size_t actions_len, struct ds *);

#endif /* ofproto-ext/ofproto-ext.h */
