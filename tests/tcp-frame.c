/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "tests/tcp-frame.h"

#include "packets.h"

uint16_t
naive_csum(const uint8_t *data, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? data[i] : data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

uint16_t
naive_tcp_csum(const uint8_t *ip, const uint8_t *tcp, size_t len)
{
    uint16_t pseudo = ~naive_csum(ip + 12, 8, ip[9] + len);

    return naive_csum(tcp, len, pseudo);
}

static size_t
build_tcp(const struct tcp_frame *spec, uint8_t *tcp)
{
    size_t tcp_len = spec->timestamp ? 32 : 20;

    memset(tcp, 0, tcp_len);
    put16(tcp, spec->port);
    put16(tcp + 2, 80);
    put32(tcp + 4, spec->seq);
    put32(tcp + 8, spec->ack);
    put16(tcp + 12, tcp_len / 4 << 12 | spec->flags);
    put16(tcp + 14, spec->window);
    if (spec->timestamp) {
        memcpy(tcp + 20, "\1\1\10\12", 4);
        put32(tcp + 24, spec->timestamp);
    }
    for (size_t i = 0; i < spec->payload_len; i++) {
        tcp[tcp_len + i] = (spec->seq + i) * 151 >> 3;
    }
    return tcp_len + spec->payload_len;
}

size_t
tcp_frame_build(const struct tcp_frame *spec, uint8_t *frame)
{
    static const uint8_t macs[] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0 };
    size_t l2_len = spec->vlan ? 18 : 14;
    uint8_t *ip = frame + l2_len;
    size_t ip_len = spec->has_ip_option ? 24 : 20;
    uint8_t *tcp = ip + ip_len;

    memcpy(frame, macs, sizeof macs);
    frame[11] = spec->mac;
    if (spec->vlan) {
        put16(frame + 12, ETH_TYPE_VLAN);
        put16(frame + 14, spec->vlan);
    }
    put16(ip - 2, ETH_TYPE_IP);

    size_t len = ip_len + build_tcp(spec, tcp);

    memset(ip, 0, ip_len);
    ip[0] = 0x40 | ip_len / 4;
    ip[1] = spec->tos;
    put16(ip + 2, len);
    put16(ip + 4, spec->ip_id);
    put16(ip + 6, spec->frag_off);
    ip[8] = spec->ttl;
    ip[9] = spec->proto;
    put32(ip + 12, 0x0a000000 | spec->host);
    put32(ip + 16, 0x0a000102);
    memset(ip + 20, 1, ip_len - 20);    /* No-operations. */
    put16(ip + 10, naive_csum(ip, ip_len, 0));
    put16(tcp + 16, naive_tcp_csum(ip, tcp, len - ip_len));

    ip[11] ^= spec->bad_ip_csum;
    tcp[17] ^= spec->bad_tcp_csum;
    memset(ip + len, 0xee, spec->trailer_len);
    return l2_len + len + spec->trailer_len;
}
