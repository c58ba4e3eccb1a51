/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/snoop.h"

#include <netinet/icmp6.h>

#include "dp-packet.h"
#include "packets.h"
#include "unaligned.h"

/* Can a host have it? */
static bool
is_host_ip4(ovs_be32 addr)
{
    uint8_t net = ntohl(addr) >> 24;

    return net != 0 && net != 127 && net < 224;
}

/* An IPv4-mapped one never is on a link, and would pass for ARP's. */
static bool
is_host_ip6(const struct in6_addr *addr)
{
    return (!IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr)
            && !IN6_IS_ADDR_MULTICAST(addr) && !IN6_IS_ADDR_V4MAPPED(addr));
}

static bool
snoop_arp(const struct dp_packet *packet, const struct eth_addr *mac,
          struct in6_addr *addr)
{
    const struct arp_eth_header *arp
        = dp_packet_at(packet, ETH_HEADER_LEN, sizeof *arp);

    if (!arp
        || arp->ar_hrd != htons(ARP_HRD_ETHERNET)
        || arp->ar_pro != htons(ARP_PRO_IP)
        || arp->ar_hln != ETH_ADDR_LEN
        || arp->ar_pln != sizeof(ovs_be32)
        || (arp->ar_op != htons(ARP_OP_REQUEST)
            && arp->ar_op != htons(ARP_OP_REPLY))
        || !eth_addr_equals(arp->ar_sha, *mac)) {
        return false;
    }

    ovs_be32 spa = get_16aligned_be32(&arp->ar_spa);

    in6_addr_set_mapped_ipv4(addr, spa);
    return is_host_ip4(spa);
}

/* Finds the Neighbor Discovery message and the size of its options, or
 * returns NULL. */
static const struct ovs_nd_msg *
find_nd(const struct dp_packet *packet,
        const struct ovs_16aligned_ip6_hdr **ip6p, size_t *options_lenp)
{
    const struct ovs_16aligned_ip6_hdr *ip6
        = dp_packet_at(packet, ETH_HEADER_LEN, sizeof *ip6);

    if (!ip6
        || ip6->ip6_vfc >> 4 != 6
        || ip6->ip6_nxt != IPPROTO_ICMPV6
        || ip6->ip6_hlim != 255) {
        return NULL;
    }

    uint16_t len = ntohs(ip6->ip6_plen);
    const struct ovs_nd_msg *nd
        = dp_packet_at(packet, ETH_HEADER_LEN + sizeof *ip6, len);

    if (!nd || len < sizeof *nd || nd->icmph.icmp6_code
        || packet_csum_upperlayer6(ip6, nd, IPPROTO_ICMPV6, len)) {
        return NULL;
    }
    *ip6p = ip6;
    *options_lenp = len - sizeof *nd;
    return nd;
}

/* Checks all options.  Stores in '*lla' the first of 'type', or NULL. */
static bool
parse_options(const struct ovs_nd_msg *nd, size_t len, uint8_t type,
              const struct ovs_nd_lla_opt **lla)
{
    const uint8_t *option = (const uint8_t *) nd->options;

    *lla = NULL;
    while (len) {
        size_t option_len = len >= ND_LLA_OPT_LEN ? option[1] * 8 : 0;

        if (!option_len || option_len > len) {
            return false;
        }
        if (option[0] == type && !*lla) {
            *lla = ALIGNED_CAST(const struct ovs_nd_lla_opt *, option);
        }
        option += option_len;
        len -= option_len;
    }
    return true;
}

static bool
snoop_nd(const struct dp_packet *packet, const struct eth_addr *mac,
         struct in6_addr *addr)
{
    const struct ovs_16aligned_ip6_hdr *ip6;
    const struct ovs_nd_lla_opt *lla;
    size_t len;
    const struct ovs_nd_msg *nd = find_nd(packet, &ip6, &len);

    if (!nd) {
        return false;
    }

    struct in6_addr source, target;

    memcpy(&source, &ip6->ip6_src, sizeof source);
    memcpy(&target, &nd->target, sizeof target);
    switch (nd->icmph.icmp6_type) {
    case ND_NEIGHBOR_SOLICIT:
        if (!parse_options(nd, len, ND_OPT_SOURCE_LINKADDR, &lla)
            || (lla && !eth_addr_equals(lla->mac, *mac))
            || IN6_IS_ADDR_MULTICAST(&target)) {
            return false;
        }
        *addr = source;
        break;

    case ND_NEIGHBOR_ADVERT:
        if (!parse_options(nd, len, ND_OPT_TARGET_LINKADDR, &lla)
            || (lla ? !eth_addr_equals(lla->mac, *mac)
                : !IN6_ARE_ADDR_EQUAL(&source, &target))) {
            return false;
        }
        *addr = target;
        break;

    default:
        return false;
    }
    return is_host_ip6(addr);
}

bool
snoop_address(const struct dp_packet *packet, const struct eth_addr *mac,
              struct in6_addr *addr)
{
    const struct eth_header *eth = dp_packet_at(packet, 0, sizeof *eth);

    if (!eth || !dp_packet_is_eth(packet)
        || !eth_addr_equals(eth->eth_src, *mac)) {
        return false;
    }
    switch (ntohs(eth->eth_type)) {
    case ETH_TYPE_ARP:
        return snoop_arp(packet, mac, addr);
    case ETH_TYPE_IPV6:
        return snoop_nd(packet, mac, addr);
    default:
        return false;
    }
}
