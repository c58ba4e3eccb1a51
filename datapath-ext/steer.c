/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/steer.h"

#include <stdlib.h>

#include "dp-packet.h"
#include "packets.h"
#include "util.h"

struct steer {
    struct ring *fallback, *local, *forward;
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
    steer->n_addresses = options->n_addresses;
    nullable_memcpy(steer->addresses, options->addresses, size);
    qsort(steer->addresses, steer->n_addresses, sizeof steer->addresses[0],
          compare_addresses);
    return steer;
}

void
steer_destroy(struct steer *steer)
{
    free(steer);
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

struct ring *
steer_frame(const struct steer *steer, const struct dp_packet *packet)
{
    const struct eth_header *eth = dp_packet_data(packet);
    struct in6_addr dst;

    return (!frame_ip_dst(packet, &dst) ? steer->fallback
            : eth_addr_is_multicast(eth->eth_dst) ? steer->local
            : is_local(steer, &dst) ? steer->local
            : steer->forward);
}
