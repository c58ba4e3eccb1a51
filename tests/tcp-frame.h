/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef TCP_FRAME_H
#define TCP_FRAME_H 1

/* TCP frames for tests, and what an oracle needs to read them: byte by byte,
 * sharing nothing with csum.h and packets.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything of a frame that a test varies. */
struct tcp_frame {
    uint8_t mac;                /* Last byte of the source address. */
    uint16_t vlan;              /* TCI, 0 for no tag. */
    uint8_t tos, ttl;
    uint16_t ip_id, frag_off;
    bool has_ip_option;
    uint8_t proto;              /* IPPROTO_TCP or another. */
    uint8_t host;               /* Last byte of the source IP address. */
    uint16_t port;
    uint32_t seq, ack;
    uint16_t flags;             /* 12 bits. */
    uint16_t window;
    uint32_t timestamp;         /* TCP option, 0 for none. */
    size_t payload_len;
    size_t trailer_len;
    bool bad_ip_csum, bad_tcp_csum;
};

/* Returns the length of the frame. */
size_t tcp_frame_build(const struct tcp_frame *, uint8_t *frame);

/* The Internet checksum, from the partial sum 'sum'. */
uint16_t naive_csum(const uint8_t *data, size_t n, uint32_t sum);
uint16_t naive_tcp_csum(const uint8_t *ip, const uint8_t *tcp, size_t len);

static inline uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static inline void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static inline uint32_t
get32(const uint8_t *p)
{
    return (uint32_t) get16(p) << 16 | get16(p + 2);
}

static inline void
put32(uint8_t *p, uint32_t x)
{
    put16(p, x >> 16);
    put16(p + 2, x);
}

#endif /* tests/tcp-frame.h */
