/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef NAIVE_RULES_H
#define NAIVE_RULES_H 1

/* The naive oracle for classification rules: a parser of raw frames that
 * shares no line with Open vSwitch's, and a search from end to end.  It
 * knows a frame, and a match, as one string of bytes.
 *
 * For test-rules.c and the fuzz targets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct naive_key {
    uint8_t eth_dst[6], eth_src[6];
    uint8_t tci[2];             /* With bit 0x1000 if there is a tag. */
    uint8_t eth_type[2];
    uint8_t ip4_src[4], ip4_dst[4];
    uint8_t ip6_src[16], ip6_dst[16];
    uint8_t proto[1], tos[1];
    uint8_t l4_src[2], l4_dst[2]; /* Ports, or ICMP type and code. */
};

struct naive_rule {
    char name[16];
    uint16_t priority;
    struct naive_key value, mask;
};

/* 'max_tags' is how many VLAN tags the parser looks behind.  A frame that is
 * too short for an Ethernet header has a key of zeros. */
void naive_parse(const uint8_t *frame, size_t size, int max_tags,
                 struct naive_key *);

/* The VLAN by which a link classifies (classify.h), or -1 if it is no
 * frame. */
int naive_vlan(const uint8_t *frame, size_t size);

const struct naive_rule *naive_lookup(const struct naive_rule *, size_t n,
                                      const struct naive_key *);
bool naive_overlap(const struct naive_rule *, const struct naive_rule *);

/* Random rules and frames that have good chances to meet.  naive_format()
 * writes the match in our match language. */
void naive_random_rule(struct naive_rule *);
char *naive_format(const struct naive_rule *);
#define NAIVE_MAX_FRAME 160
size_t naive_random_frame(uint8_t frame[NAIVE_MAX_FRAME]);

#endif /* tests/naive-rules.h */
