/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/tunnel.h"

#include <netinet/in.h>

#include "datapath-ext/cache/checksum.h"
#include "dp-packet.h"
#include "packets.h"

/* An endpoint goes when so many packets in a row stay in their tunnel. */
#define MAX_DOUBTS 8
/* Of GRE packets that miss one in so many is recorded. */
#define PROBE_INTERVAL 32

/* Endpoints. */

void
tunnels_clear(struct tunnels *tunnels)
{
    tunnels->n = 0;
    tunnels->ports = 0;
}

static void
tunnels_set_ports(struct tunnels *tunnels)
{
    tunnels->ports = 0;
    for (size_t i = 0; i < tunnels->n; i++) {
        uint32_t port = odp_to_u32(tunnels->endpoints[i].in_port);

        tunnels->ports |= UINT64_C(1) << port % 64;
    }
}

static inline bool
endpoint_is(const struct tunnel_endpoint *endpoint,
            const struct key_narrow *narrow, uint8_t shape,
            const struct key_wide *wide)
{
    return (endpoint->dst == narrow->dst && endpoint->l4_dst == narrow->l4_dst
            && endpoint->proto == narrow->proto
            && endpoint->in_port == narrow->in_port
            && endpoint->is_ipv6 == (shape & KEY_IPV6)
            && (!endpoint->is_ipv6
                || !memcmp(endpoint->high_dst, wide->dst, sizeof wide->dst)));
}

static struct tunnel_endpoint *
find(const struct tunnels *tunnels, const struct key_narrow *narrow,
     uint8_t shape, const struct key_wide *wide)
{
    for (size_t i = 0; i < tunnels->n; i++) {
        const struct tunnel_endpoint *endpoint = &tunnels->endpoints[i];

        if (endpoint_is(endpoint, narrow, shape, wide)) {
            return CONST_CAST(struct tunnel_endpoint *, endpoint);
        }
    }
    return NULL;
}

const struct tunnel_endpoint *
tunnels_find(const struct tunnels *tunnels, const struct key *key)
{
    return find(tunnels, &key->narrow, key->shape, &key->wide);
}

bool
tunnels_add(struct tunnels *tunnels, const struct key *key,
            enum tunnel_kind kind)
{
    struct tunnel_endpoint *endpoint = find(tunnels, &key->narrow, key->shape,
                                            &key->wide);

    if (!endpoint && tunnels->n < TUNNELS_MAX) {
        endpoint = &tunnels->endpoints[tunnels->n++];
        memset(endpoint, 0, sizeof *endpoint);
        endpoint->in_port = key->narrow.in_port;
        endpoint->dst = key->narrow.dst;
        endpoint->l4_dst = key->narrow.l4_dst;
        endpoint->proto = key->narrow.proto;
        endpoint->is_ipv6 = key->shape & KEY_IPV6;
        if (endpoint->is_ipv6) {
            memcpy(endpoint->high_dst, key->wide.dst,
                   sizeof endpoint->high_dst);
        }
        tunnels_set_ports(tunnels);
    }
    if (endpoint) {
        endpoint->kind = kind;
        endpoint->n_doubts = 0;
    }
    return endpoint;
}

static struct tunnel_endpoint *
find_outer(const struct tunnels *tunnels, const struct tunnel_outer *outer)
{
    return find(tunnels, &outer->narrow, outer->shape, &outer->wide);
}

void
tunnels_confirm(struct tunnels *tunnels, const struct tunnel_outer *outer)
{
    struct tunnel_endpoint *endpoint = find_outer(tunnels, outer);

    if (endpoint) {
        endpoint->n_doubts = 0;
    }
}

void
tunnels_remove(struct tunnels *tunnels, const struct tunnel_outer *outer)
{
    struct tunnel_endpoint *endpoint = find_outer(tunnels, outer);

    if (endpoint) {
        *endpoint = tunnels->endpoints[--tunnels->n];
        tunnels_set_ports(tunnels);
    }
}

void
tunnels_doubt(struct tunnels *tunnels, const struct tunnel_outer *outer)
{
    struct tunnel_endpoint *endpoint = find_outer(tunnels, outer);

    if (endpoint && ++endpoint->n_doubts >= MAX_DOUBTS) {
        tunnels_remove(tunnels, outer);
    }
}

bool
tunnels_probe(struct tunnels *tunnels, const struct key *key)
{
    return (key->narrow.proto == IPPROTO_GRE
            && !(tunnels->n_probes++ % PROBE_INTERVAL));
}

/* Headers. */

/* Each returns the length of the tunnel's own header, including UDP's, or 0.
 * 'n' bytes are there. */

static size_t
parse_vxlan(const uint8_t *l4, size_t n, struct tunnel_outer *outer)
{
    const uint8_t *vxlan = l4 + UDP_HEADER_LEN;
    static const uint8_t flags[] = { VXLAN_FLAGS >> 24, 0, 0, 0 };

    if (n < UDP_HEADER_LEN + sizeof(struct vxlanhdr)
        || memcmp(vxlan, flags, sizeof flags) || vxlan[7]) {
        return 0;
    }
    memcpy(outer->header, vxlan, sizeof outer->header);
    return UDP_HEADER_LEN + sizeof(struct vxlanhdr);
}

static size_t
parse_geneve(const uint8_t *l4, size_t n, struct tunnel_outer *outer)
{
    const struct genevehdr *geneve = (const void *) (l4 + UDP_HEADER_LEN);
    size_t header = UDP_HEADER_LEN + sizeof *geneve;
    size_t n_options;

    if (n < header || geneve->ver
        || geneve->proto_type != htons(ETH_TYPE_TEB)) {
        return 0;
    }
    n_options = geneve->opt_len * 4;
    if (n < header + n_options || n_options > TUNNEL_MAX_OPTIONS) {
        return 0;
    }
    memcpy(outer->header, geneve, sizeof outer->header);
    outer->n_options = n_options;
    if (OVS_UNLIKELY(n_options)) {
        memset(outer->options, 0, sizeof outer->options);
        memcpy(outer->options, geneve->options, n_options);
    }
    return header + n_options;
}

static size_t
parse_gre(const uint8_t *l4, size_t n, struct tunnel_outer *outer)
{
    const struct gre_base_hdr *gre = (const void *) l4;
    uint16_t flags = ntohs(gre->flags);
    size_t header = sizeof *gre;

    if (flags & ~(GRE_CSUM | GRE_KEY | GRE_SEQ)
        || gre->protocol != htons(ETH_TYPE_TEB)) {
        return 0;
    }
    header += flags & GRE_CSUM ? 4 : 0;
    memset(outer->header, 0, sizeof outer->header);
    if (flags & GRE_KEY) {
        if (n < header + 4) {
            return 0;
        }
        memcpy(outer->header, l4 + header, 4);
        header += 4;
    }
    header += flags & GRE_SEQ ? 4 : 0;
    return n >= header ? header : 0;
}

static bool
checksums_hold(const struct dp_packet *packet, const struct key *key,
               const struct tunnel_outer *outer, size_t n)
{
    const uint8_t *data = dp_packet_data(packet);
    const uint8_t *l4 = data + key->l4_ofs;

    if (outer->has_checksum && outer->kind != TUNNEL_GRE) {
        return key_checksums_hold(packet, key);
    }
    return ((key->shape & KEY_IPV6
             || key_l3_checksum_holds(packet, data + key->l3_ofs))
            && (!outer->has_checksum
                || checksum_fold(checksum_sum(l4, n)) == 0xffff));
}

static size_t
parse(const uint8_t *l4, size_t n, struct tunnel_outer *outer)
{
    ovs_be16 flags;

    switch ((enum tunnel_kind) outer->kind) {
    case TUNNEL_VXLAN:
    case TUNNEL_GENEVE:
        outer->l4_src = outer->narrow.l4_src;
        outer->narrow.l4_src = 0;
        outer->has_checksum = l4[6] || l4[7];
        return (outer->kind == TUNNEL_VXLAN ? parse_vxlan(l4, n, outer)
                : parse_geneve(l4, n, outer));
    case TUNNEL_GRE:
        outer->l4_src = 0;
        memcpy(&flags, l4, sizeof flags);
        outer->has_checksum = !!(flags & htons(GRE_CSUM));
        return parse_gre(l4, n, outer);
    default:
        OVS_NOT_REACHED();
    }
}

enum cache_miss
tunnel_open(struct dp_packet *packet, const struct key *key,
            enum tunnel_kind kind, struct tunnel_outer *outer)
{
    const uint8_t *l4 = (const uint8_t *) dp_packet_data(packet) + key->l4_ofs;
    size_t n = key->l3_len - (key->l4_ofs - key->l3_ofs);
    size_t header;

    outer->narrow = key->narrow;
    outer->tci = key->tci;
    outer->shape = key->shape;
    outer->kind = kind;
    outer->n_options = 0;
    outer->zero = 0;
    if (OVS_UNLIKELY(key->shape & KEY_WIDE)) {
        outer->wide = key->wide;
    }
    header = parse(l4, n, outer);
    if (OVS_UNLIKELY(!header || n < header + ETH_HEADER_LEN
                     /* Padding would become that of what is inside. */
                     || key->l4_ofs + n != dp_packet_size(packet)
                     || !checksums_hold(packet, key, outer, n))) {
        return CACHE_MISS_TUNNEL;
    }
    outer->len = key->l4_ofs + header;
    outer->ol_flags = *dp_packet_ol_flags_ptr(packet);
    dp_packet_reset_offload(packet);
    dp_packet_reset_packet(packet, outer->len);
    return CACHE_HIT;
}

void
tunnel_close(struct dp_packet *packet, const struct tunnel_outer *outer)
{
    *dp_packet_ol_flags_ptr(packet) = outer->ol_flags;
    dp_packet_reset_packet(packet, -outer->len);
}
