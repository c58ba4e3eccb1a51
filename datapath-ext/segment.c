/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/segment.h"

#include "csum.h"
#include "dp-packet.h"
#include "packets.h"
#include "unaligned.h"

/* Finds the IPv4 header, or returns NULL. */
static const struct ip_header *
find_ipv4(const struct dp_packet *packet, uint16_t *l2_len)
{
    const struct eth_header *eth = dp_packet_at(packet, 0, sizeof *eth);

    if (!eth || !dp_packet_is_eth(packet)) {
        return NULL;
    }

    ovs_be16 type = eth->eth_type;

    *l2_len = ETH_HEADER_LEN;
    if (type == htons(ETH_TYPE_VLAN)) {
        const struct vlan_eth_header *veh
            = dp_packet_at(packet, 0, sizeof *veh);

        if (!veh) {
            return NULL;
        }
        type = veh->veth_next_type;
        *l2_len = VLAN_ETH_HEADER_LEN;
    }
    return (type == htons(ETH_TYPE_IP)
            ? dp_packet_at(packet, *l2_len, IP_HEADER_LEN) : NULL);
}

/* The fitness of a packet with an IPv4 and a whole TCP header. */
static enum fitness
rate(const struct dp_packet *packet, struct segment *seg)
{
    const struct ip_header *ip = seg->ip;
    size_t len = ntohs(ip->ip_tot_len);

    seg->tcp_len = TCP_OFFSET(seg->tcp->tcp_ctl) * 4;
    if (ip->ip_ihl_ver != IP_IHL_VER(5, 4)
        || ip->ip_frag_off & ~htons(IP_DF)
        || len != dp_packet_size(packet) - seg->l2_len
        || seg->tcp_len < TCP_HEADER_LEN
        || len <= IP_HEADER_LEN + seg->tcp_len
        || TCP_FLAGS(seg->tcp->tcp_ctl) != TCP_ACK
        || dp_packet_get_cutlen(packet)
        || packet->mbuf.nb_segs != 1
        || *dp_packet_ol_flags_ptr(packet) & RTE_MBUF_F_TX_OFFLOAD_MASK
        || dp_packet_ip_checksum_bad(packet)
        || dp_packet_l4_checksum_bad(packet)) {
        return UNFIT;
    }
    seg->payload_len = len - IP_HEADER_LEN - seg->tcp_len;
    return FIT;
}

void
segment_parse(const struct dp_packet *packet, struct segment *seg)
{
    memset(seg, 0, sizeof *seg);
    seg->ip = find_ipv4(packet, &seg->l2_len);
    if (!seg->ip || seg->ip->ip_proto != IPPROTO_TCP) {
        return;
    }

    size_t ip_len = IP_IHL(seg->ip->ip_ihl_ver) * 4;

    seg->fitness = PORTLESS;
    if (ip_len >= IP_HEADER_LEN && !(seg->ip->ip_frag_off
                                     & htons(IP_FRAG_OFF_MASK))) {
        seg->tcp = dp_packet_at(packet, seg->l2_len + ip_len, TCP_HEADER_LEN);
        if (seg->tcp) {
            seg->fitness = rate(packet, seg);
        }
    }
}

bool
segment_same_addresses(const struct segment *a, const struct segment *b)
{
    return (get_16aligned_be32(&a->ip->ip_src)
            == get_16aligned_be32(&b->ip->ip_src)
            && get_16aligned_be32(&a->ip->ip_dst)
            == get_16aligned_be32(&b->ip->ip_dst));
}

bool
segment_same_ports(const struct segment *a, const struct segment *b)
{
    return (a->tcp->tcp_src == b->tcp->tcp_src
            && a->tcp->tcp_dst == b->tcp->tcp_dst);
}

bool
segment_is_intact(const struct dp_packet *packet, struct segment *seg)
{
    if (!seg->is_checked) {
        bool ip_ok = (dp_packet_ip_checksum_valid(packet)
                      || !csum(seg->ip, IP_HEADER_LEN));
        bool tcp_ok = (dp_packet_l4_checksum_valid(packet)
                       || !csum_finish(csum_continue(
                               packet_csum_pseudoheader(seg->ip), seg->tcp,
                               seg->tcp_len + seg->payload_len)));

        seg->is_checked = true;
        seg->is_intact = ip_ok && tcp_ok;
    }
    return seg->is_intact;
}

uint16_t
segment_payload_csum(const struct segment *seg)
{
    return (OVS_FORCE uint16_t) csum_finish(
        csum_continue(packet_csum_pseudoheader(seg->ip), seg->tcp,
                      seg->tcp_len));
}
