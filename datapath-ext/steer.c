/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/steer.h"

#include <stdlib.h>

#include "datapath-ext/frame.h"
#include "datapath-ext/rules.h"
#include "dp-packet.h"
#include "packets.h"
#include "util.h"

struct steer {
    struct rules *rules;        /* NULL if there are none. */
    bool splits;                /* Are local and forwarding rings other than
                                 * the default one? */
    struct ring *fallback, *local, *forward;
    struct ring *by_id[STEER_N_IDS];
    size_t n_addresses;
    struct in6_addr addresses[]; /* Sorted: 64 at most take 6 steps. */
};

static int
compare_addresses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

struct steer *
steer_create(const struct steer_options *options)
{
    size_t size = options->n_addresses * sizeof(struct in6_addr);
    struct steer *steer = xmalloc(sizeof *steer + size);

    steer->fallback = options->fallback;
    steer->local = options->local ? options->local : options->fallback;
    steer->forward = options->forward ? options->forward : options->fallback;
    steer->splits = options->local || options->forward;
    steer->rules = options->n_rules ? rules_create(options->rules,
                                                   options->n_rules) : NULL;
    memcpy(steer->by_id, options->by_id, sizeof steer->by_id);
    steer->n_addresses = options->n_addresses;
    nullable_memcpy(steer->addresses, options->addresses, size);
    qsort(steer->addresses, steer->n_addresses, sizeof steer->addresses[0],
          compare_addresses);
    return steer;
}

void
steer_destroy(struct steer *steer)
{
    if (steer) {
        rules_destroy(steer->rules);
        free(steer);
    }
}

void
steer_inherit(struct steer *steer, const struct steer *old)
{
    if (steer && old && steer->rules) {
        rules_inherit(steer->rules, old->rules);
    }
}

struct ring *
steer_ring(const struct steer *steer, unsigned int id)
{
    return (id < STEER_N_IDS && steer->by_id[id] ? steer->by_id[id]
            : steer->fallback);
}

struct rules *
steer_rules(const struct steer *steer)
{
    return steer->rules;
}

/* Finds the destination of an IP packet with at most one VLAN tag, that of
 * the VNIC's own VLAN or a priority tag.  Returns false for anything else. */
static bool
frame_ip_dst(const struct dp_packet *packet, struct in6_addr *dst)
{
    const uint8_t *data = dp_packet_data(packet);
    size_t size = dp_packet_size(packet);
    size_t ofs = 2 * ETH_ADDR_LEN;
    ovs_be16 type;

    memcpy(&type, data + ofs, sizeof type);
    if (type == htons(ETH_TYPE_VLAN) && size >= ofs + VLAN_HEADER_LEN + 2) {
        ofs += VLAN_HEADER_LEN;
        memcpy(&type, data + ofs, sizeof type);
    }
    ofs += sizeof type;

    if (type == htons(ETH_TYPE_IP) && size >= ofs + IP_HEADER_LEN) {
        ovs_be32 ip4;

        memcpy(&ip4, data + ofs + offsetof(struct ip_header, ip_dst),
               sizeof ip4);
        in6_addr_set_mapped_ipv4(dst, ip4);
        return true;
    }
    if (type == htons(ETH_TYPE_IPV6) && size >= ofs + IPV6_HEADER_LEN) {
        memcpy(dst, data + ofs + offsetof(struct ovs_16aligned_ip6_hdr,
                                          ip6_dst), sizeof *dst);
        return true;
    }
    return false;
}

static bool
is_local(const struct steer *steer, const struct in6_addr *dst)
{
    return bsearch(dst, steer->addresses, steer->n_addresses, sizeof *dst,
                   compare_addresses);
}

static struct ring *
split(const struct steer *steer, const struct dp_packet *packet,
      const char **why)
{
    const struct eth_header *eth = dp_packet_data(packet);
    struct in6_addr dst;

    if (!steer->splits) {
        *why = "the default ring takes what no rule directs elsewhere";
        return steer->fallback;
    } else if (!frame_ip_dst(packet, &dst)) {
        *why = "the default ring takes what is no IP packet";
        return steer->fallback;
    } else if (eth_addr_is_multicast(eth->eth_dst)) {
        *why = "IP packets with a group address are local";
        return steer->local;
    } else if (is_local(steer, &dst)) {
        *why = "the destination is an address of the VNIC";
        return steer->local;
    }
    *why = "the destination is no address of the VNIC";
    return steer->forward;
}

void
steer_obey(const struct steer *steer, struct rule *rule,
           struct steer_verdict *verdict)
{
    verdict->rule = rule;
    verdict->action = rule->action;
    verdict->ring = rule->action == RULE_RING ? steer_ring(steer, rule->ring)
                                              : NULL;
}

void
steer_frame(const struct steer *steer, struct frame *frame,
            struct steer_verdict *verdict)
{
    struct rule *rule = steer->rules
        ? rules_lookup(steer->rules, frame_flow(frame)) : NULL;

    if (rule) {
        steer_obey(steer, rule, verdict);
        return;
    }
    verdict->rule = NULL;
    verdict->action = RULE_RING;
    verdict->ring = split(steer, frame->packet, &verdict->why);
}
