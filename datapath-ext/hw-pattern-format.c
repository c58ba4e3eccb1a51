/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/hw-pattern.h"

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* One field of an item: nothing if it is not in the mask.  Numbers are in
 * host byte order. */
static void
format_number(struct ds *ds, const char *name, uint32_t spec, uint32_t mask,
              uint32_t all)
{
    if (mask == all) {
        ds_put_format(ds, "%s is %"PRIu32" ", name, spec);
    } else if (mask) {
        ds_put_format(ds, "%s spec 0x%"PRIx32" %s mask 0x%"PRIx32" ",
                      name, spec, name, mask);
    }
}

/* An Ethernet type, which is matched exactly or not at all. */
static void
format_type(struct ds *ds, const char *name, ovs_be16 spec, ovs_be16 mask)
{
    if (mask) {
        ds_put_format(ds, "%s is 0x%04"PRIx16" ", name, ntohs(spec));
    }
}

static void
format_mac(struct ds *ds, const char *name, const struct rte_ether_addr *spec,
           const struct rte_ether_addr *mask)
{
    struct eth_addr addr, addr_mask;

    memcpy(&addr, spec, sizeof addr);
    memcpy(&addr_mask, mask, sizeof addr_mask);
    if (eth_mask_is_exact(addr_mask)) {
        ds_put_format(ds, "%s is "ETH_ADDR_FMT" ", name, ETH_ADDR_ARGS(addr));
    } else if (!eth_addr_is_zero(addr_mask)) {
        ds_put_format(ds, "%s spec "ETH_ADDR_FMT" %s mask "ETH_ADDR_FMT" ",
                      name, ETH_ADDR_ARGS(addr),
                      name, ETH_ADDR_ARGS(addr_mask));
    }
}

static void
format_ipv4(struct ds *ds, const char *name, ovs_be32 spec, ovs_be32 mask)
{
    if (mask == OVS_BE32_MAX) {
        ds_put_format(ds, "%s is "IP_FMT" ", name, IP_ARGS(spec));
    } else if (mask) {
        ds_put_format(ds, "%s spec "IP_FMT" ", name, IP_ARGS(spec));
        if (ip_is_cidr(mask)) {
            ds_put_format(ds, "%s prefix %d ", name, ip_count_cidr_bits(mask));
        } else {
            ds_put_format(ds, "%s mask "IP_FMT" ", name, IP_ARGS(mask));
        }
    }
}

static void
format_ipv6(struct ds *ds, const char *name, const uint8_t *spec_bytes,
            const uint8_t *mask_bytes)
{
    struct in6_addr spec, mask;

    memcpy(&spec, spec_bytes, sizeof spec);
    memcpy(&mask, mask_bytes, sizeof mask);
    if (ipv6_mask_is_any(&mask)) {
        return;
    }
    ds_put_format(ds, "%s %s ", name,
                  ipv6_mask_is_exact(&mask) ? "is" : "spec");
    ipv6_format_addr(&spec, ds);
    ds_put_char(ds, ' ');
    if (ipv6_mask_is_exact(&mask)) {
        return;
    }
    if (ipv6_is_cidr(&mask)) {
        ds_put_format(ds, "%s prefix %d ", name,
                      ipv6_count_cidr_bits(&mask));
    } else {
        ds_put_format(ds, "%s mask ", name);
        ipv6_format_addr(&mask, ds);
        ds_put_char(ds, ' ');
    }
}

static void
format_eth(struct ds *ds, const struct rte_flow_item_eth *spec,
           const struct rte_flow_item_eth *mask)
{
    format_mac(ds, "dst", &spec->dst, &mask->dst);
    format_mac(ds, "src", &spec->src, &mask->src);
    format_type(ds, "type", spec->type, mask->type);
    format_number(ds, "has_vlan", spec->has_vlan, mask->has_vlan, 1);
}

static void
format_vlan(struct ds *ds, const struct rte_flow_item_vlan *spec,
            const struct rte_flow_item_vlan *mask)
{
    uint16_t tci = ntohs(spec->tci), tci_mask = ntohs(mask->tci);

    format_number(ds, "pcp", tci >> VLAN_PCP_SHIFT, tci_mask >> VLAN_PCP_SHIFT,
                  VLAN_PCP_MASK >> VLAN_PCP_SHIFT);
    format_number(ds, "vid", tci & VLAN_VID_MASK, tci_mask & VLAN_VID_MASK,
                  VLAN_VID_MASK);
    format_type(ds, "inner_type", spec->inner_type, mask->inner_type);
}

static void
format_ports(struct ds *ds, ovs_be16 src, ovs_be16 src_mask,
             ovs_be16 dst, ovs_be16 dst_mask)
{
    format_number(ds, "src", ntohs(src), ntohs(src_mask), UINT16_MAX);
    format_number(ds, "dst", ntohs(dst), ntohs(dst_mask), UINT16_MAX);
}

static void
format_l3(struct ds *ds, enum rte_flow_item_type type,
          const struct hw_pattern_values *spec,
          const struct hw_pattern_values *mask)
{
    if (type == RTE_FLOW_ITEM_TYPE_IPV4) {
        const struct rte_ipv4_hdr *s = &spec->ipv4.hdr, *m = &mask->ipv4.hdr;

        format_number(ds, "tos", s->type_of_service, m->type_of_service,
                      UINT8_MAX);
        format_number(ds, "proto", s->next_proto_id, m->next_proto_id,
                      UINT8_MAX);
        format_ipv4(ds, "src", s->src_addr, m->src_addr);
        format_ipv4(ds, "dst", s->dst_addr, m->dst_addr);
    } else {
        const struct rte_ipv6_hdr *s = &spec->ipv6.hdr, *m = &mask->ipv6.hdr;

        format_number(ds, "tc", ntohl(s->vtc_flow) >> RTE_IPV6_HDR_TC_SHIFT,
                      ntohl(m->vtc_flow) >> RTE_IPV6_HDR_TC_SHIFT, UINT8_MAX);
        format_number(ds, "proto", s->proto, m->proto, UINT8_MAX);
        format_ipv6(ds, "src", s->src_addr, m->src_addr);
        format_ipv6(ds, "dst", s->dst_addr, m->dst_addr);
    }
}

static void
format_l4(struct ds *ds, enum rte_flow_item_type type,
          const struct hw_pattern_values *spec,
          const struct hw_pattern_values *mask)
{
    if (type == RTE_FLOW_ITEM_TYPE_ICMP) {
        format_number(ds, "type", spec->icmp.hdr.icmp_type,
                      mask->icmp.hdr.icmp_type, UINT8_MAX);
        format_number(ds, "code", spec->icmp.hdr.icmp_code,
                      mask->icmp.hdr.icmp_code, UINT8_MAX);
    } else if (type == RTE_FLOW_ITEM_TYPE_ICMP6) {
        format_number(ds, "type", spec->icmp6.type, mask->icmp6.type,
                      UINT8_MAX);
        format_number(ds, "code", spec->icmp6.code, mask->icmp6.code,
                      UINT8_MAX);
    } else {
        /* The headers of the three begin alike. */
        BUILD_ASSERT(offsetof(struct rte_tcp_hdr, dst_port)
                     == offsetof(struct rte_udp_hdr, dst_port));
        BUILD_ASSERT(offsetof(struct rte_tcp_hdr, dst_port)
                     == offsetof(struct rte_sctp_hdr, dst_port));
        format_ports(ds, spec->tcp.hdr.src_port, mask->tcp.hdr.src_port,
                     spec->tcp.hdr.dst_port, mask->tcp.hdr.dst_port);
    }
}

static const char *
item_name(enum rte_flow_item_type type)
{
    switch ((int) type) {
    case RTE_FLOW_ITEM_TYPE_ETH: return "eth";
    case RTE_FLOW_ITEM_TYPE_VLAN: return "vlan";
    case RTE_FLOW_ITEM_TYPE_IPV4: return "ipv4";
    case RTE_FLOW_ITEM_TYPE_IPV6: return "ipv6";
    case RTE_FLOW_ITEM_TYPE_TCP: return "tcp";
    case RTE_FLOW_ITEM_TYPE_UDP: return "udp";
    case RTE_FLOW_ITEM_TYPE_SCTP: return "sctp";
    case RTE_FLOW_ITEM_TYPE_ICMP: return "icmp";
    case RTE_FLOW_ITEM_TYPE_ICMP6: return "icmp6";
    default: OVS_NOT_REACHED();
    }
}

void
hw_pattern_format(const struct hw_pattern *pattern, struct ds *ds)
{
    const struct hw_pattern_values *spec = &pattern->spec;
    const struct hw_pattern_values *mask = &pattern->mask;

    for (size_t i = 0; i < pattern->n - 1; i++) {
        enum rte_flow_item_type type = pattern->items[i].type;

        ds_put_format(ds, "%s ", item_name(type));
        if (!pattern->items[i].mask) {
            /* No fields. */
        } else if (type == RTE_FLOW_ITEM_TYPE_ETH) {
            format_eth(ds, &spec->eth, &mask->eth);
        } else if (type == RTE_FLOW_ITEM_TYPE_VLAN) {
            format_vlan(ds, &spec->vlan, &mask->vlan);
        } else if (type == RTE_FLOW_ITEM_TYPE_IPV4
                   || type == RTE_FLOW_ITEM_TYPE_IPV6) {
            format_l3(ds, type, spec, mask);
        } else {
            format_l4(ds, type, spec, mask);
        }
        ds_put_cstr(ds, "/ ");
    }
    ds_put_cstr(ds, "end");
}
