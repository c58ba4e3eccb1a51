/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_LINK_H
#define VNIC_LINK_H 1

/* Link
 * ====
 *
 * What: a network device that VNICs share, with the classifier that says
 * which of them a received frame belongs to.  A link without a device is an
 * etherstub: its ports reach just each other.
 *
 * Data flow:
 *
 *     device --link_poll()--> rules.h, those for all frames, else
 *         classify.h --> port --> steer.h --> ring; copies to all ports of the
 *         VLAN for group addresses; else the default port
 *     port --link_send()--> the port that has the address, copies for group
 *         addresses, else the device
 *
 * A port in a VLAN sees frames without that VLAN's tag; the default port sees
 * them as they are on the device.
 *
 * Split horizon: a frame that came from a link is neither flooded back to it
 * nor handed to another of its ports, for two ports of a link in one bridge
 * would otherwise turn any broadcast into a storm.  A unicast frame may leave
 * through the device it came from: that is routing on a stick.  Each type of
 * datapath numbers its ports by itself, so the type counts; a second datapath
 * of a type, which only ovs-dpctl makes, is not told from the first.
 *
 * Polling: whoever serves a ring polls the device for all when its own ring
 * runs short.  While traffic is light each visit to any ring polls; under
 * load rings fill up, and a visit takes a batch from the ring instead.  So
 * batches stay long however many rings share the device, and a link with one
 * VNIC never uses the ring at all: frames for the ring that is being served
 * go straight to its batch.
 *
 * Units: 'vlan' as in classify.h.
 *
 * Ownership: link_open() makes, link_close() destroys, and only after a grace
 * period since the last port was removed.  The caller owns ports and members
 * and frees them a grace period after their removal.
 *
 * Thread-safety: link_poll(), link_wait(), link_send() and the getters in any
 * thread; the thread that gets 'rx_mutex' polls for all, the others find what
 * it put into their rings.  The others in the main thread, one at a time.
 * Lock order: 'rx_mutex' is a leaf apart from what netdev providers take.
 *
 * Hardware: link-hw.h.
 *
 * Errors: link_open() returns NULL and a sentence in '*errp'. */

#include <stdbool.h>

#include "classify.h"
#include "cmap.h"
#include "drop.h"
#include "openvswitch/types.h"

struct dp_packet;
struct dp_packet_batch;
struct handover;
struct link;
struct link_config;
struct link_info;
struct match_result;
struct netdev;
struct ring;
struct rule;
struct rule_config;
struct rule_info;
struct rules;
struct service;
struct smap;
struct steer;

/* A port of a link: a VNIC or the default port.  Everything is constant once
 * it was added. */
struct link_port {
    struct claim claim;         /* Not in the classifier if 'is_default'. */
    bool is_default;
    struct link *link;
    struct ring *ring;          /* What it receives... */
    struct steer *steer;        /* ...unless this says another ring. */
    struct ring *tx;            /* Its sends wait here; NULL if they don't. */
    struct drop_counters *drops;
};

/* A port of the datapath that receives from a link. */
struct link_member {
    struct cmap_node node;      /* In struct link's 'members'. */
    odp_port_t number;          /* Datapath port number... */
    const char *dpif_type;      /* ...and whose: as in struct netdev. */
};

/* How long a device that can't be opened or reconfigured is left alone. */
#define LINK_RETRY_MS 1000

struct link *link_open(const struct link_config *, char **errp);
void link_close(struct link *);

/* Must the link be closed and opened again?  For its device has gone or been
 * replaced by another of the same name, or Open vSwitch now wants to have the
 * classification in hardware, which the link requires, for itself. */
bool link_is_stale(const struct link *);

/* Does what the device asks for: for example, a vhost-user device changes its
 * queues when a guest connects.  Meanwhile the link neither receives nor
 * transmits.  If that fails it doesn't until it has been tried again with
 * success.  Call in each turn of the main loop. */
bool link_must_reconfigure(const struct link *);
void link_run(struct link *);
void link_run_wait(struct link *);

/* Returns false if the key or the place of the default port is taken. */
bool link_add_port(struct link *, struct link_port *);
/* 'old' must have the key of 'new': no frame goes astray meanwhile. */
void link_replace_port(struct link *, struct link_port *old,
                       struct link_port *new);
void link_remove_port(struct link *, struct link_port *);
/* Do the two stand for the same key, or both for the default port? */
bool link_port_same_key(const struct link_port *, const struct link_port *);

void link_add_member(struct link *, struct link_member *);
void link_remove_member(struct link *, struct link_member *);

/* Receives a batch from the device, unless another thread does.  Frames for
 * the ring 'mine', which must be empty and the caller's to serve, are added to
 * 'batch' while there is room, and those for other rings to the handover where
 * that takes them; each may be NULL.  All others go to their rings.  Returns
 * how many frames came. */
size_t link_poll(struct link *, const struct ring *mine,
                 struct dp_packet_batch *batch, struct handover *);
/* How many rings its ports have. */
size_t link_n_rings(const struct link *);
void link_wait(struct link *);
/* For a port of a datapath of 'dpif_type', which is where the frames' input
 * ports are, too. */
void link_send(const struct link_port *from, const char *dpif_type, int qid,
               struct dp_packet_batch *);

const char *link_name(const struct link *);
bool link_is_pmd(const struct link *);
/* NULL for an etherstub. */
struct netdev *link_netdev(const struct link *);
struct service *link_service(const struct link *);
/* The rules for all frames of the link; 'rules' has the aux members that
 * link_classify() wants, and is the link's from now on. */
bool link_has_rules(const struct link *, const struct rule_config *, size_t n);
void link_set_rules(struct link *, const struct rule_config *, size_t n,
                    struct rules *);
const struct rules *link_get_rules(const struct link *);

/* See link_match() in datapath-ext.h. */
size_t link_explain(const struct link *, struct dp_packet *,
                    struct match_result **);

/* What hw.h found out about the device.  "hw_classifier" is "yes", "off" or
 * the reason why the device can't classify. */
const struct smap *link_capabilities(const struct link *);
/* About a rule of the link, or of the VNIC 'key', or its claim, if 'rule' is
 * NULL. */
void link_fill_rule_info(const struct link *, const struct l2_key *key,
                         const struct rule *, struct rule_info *);
void link_fill_info(const struct link *, struct link_info *);

#endif /* datapath-ext/link.h */
