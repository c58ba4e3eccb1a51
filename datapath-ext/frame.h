/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_FRAME_H
#define VNIC_FRAME_H 1

/* Frame
 * =====
 *
 * What: a frame that is being classified, with what is known of its headers:
 * the little that addresses and VLANs need at once, and all that rules may
 * look at only when a rule asks, for that costs more.
 *
 * Data flow: frame_init() --> link-classify.c, steer.h: frame_flow()
 *
 * Units: none.
 *
 * Ownership: on the stack of whoever classifies; the packet is the caller's.
 *
 * Thread-safety: the caller's.
 *
 * Errors: frame_init() returns false for what is no Ethernet frame. */

#include "classify.h"
#include "dp-packet.h"
#include "flow.h"
#include "packets.h"
#include "rules.h"

struct frame {
    struct dp_packet *packet;
    struct l2_key key;
    uint16_t bare_vlan;         /* The VLAN that a neighbour's frame, which
                                 * has no tag, is in; or 0. */
    bool has_flow;
    struct flow flow;           /* If 'has_flow'. */
};

static inline bool
frame_init(struct frame *frame, struct dp_packet *packet)
{
    frame->packet = packet;
    frame->bare_vlan = 0;
    frame->has_flow = false;
    return classify_extract(packet, &frame->key);
}

/* All header fields, as the frame has them on the link: with its tag. */
static inline const struct flow *
frame_flow(struct frame *frame)
{
    if (!frame->has_flow) {
        rules_extract(frame->packet, &frame->flow);
        if (frame->bare_vlan) {
            flow_push_vlan_uninit(&frame->flow, NULL);
            flow_set_dl_vlan(&frame->flow, htons(frame->bare_vlan), 0);
        }
        frame->has_flow = true;
    }
    return &frame->flow;
}

#endif /* datapath-ext/frame.h */
