/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_SEGMENT_H
#define VNIC_SEGMENT_H 1

/* Segment
 * =======
 *
 * What: what merging (merge.h) must know of a packet: which connection it
 * belongs to, whether it can be merged at all, and its checksums.
 *
 * Data flow: segment_parse() once for each packet of a burst, the rest as
 * merge.c needs it.
 *
 * Units: lengths in bytes.
 *
 * Ownership: a segment points into its packet.
 *
 * Thread-safety: that of the packet.
 *
 * Errors: none; what can't be parsed is FOREIGN or PORTLESS. */

#include <stdbool.h>
#include <stdint.h>

struct dp_packet;
struct ip_header;
struct tcp_header;

/* What a packet is to merging. */
enum fitness {
    FOREIGN,                    /* Not TCP over IPv4. */
    PORTLESS,                   /* TCP, of unknown ports: a fragment, say. */
    UNFIT,                      /* A connection's, but never merged. */
    FIT,                        /* May be merged with the right neighbour. */
};

struct segment {
    enum fitness fitness;
    uint16_t l2_len, tcp_len;   /* Of headers, in bytes. */
    uint16_t payload_len;
    const struct ip_header *ip;
    const struct tcp_header *tcp; /* NULL if FOREIGN or PORTLESS. */
    bool is_checked;            /* Is 'is_intact' known? */
    bool is_intact;             /* Are the checksums right? */

    /* For merge.c. */
    bool in_run;                /* Goes to rte_gro, in 'round'. */
    unsigned int round;
};

void segment_parse(const struct dp_packet *, struct segment *);

/* Neither may be FOREIGN, and for the second, neither PORTLESS. */
bool segment_same_addresses(const struct segment *, const struct segment *);
bool segment_same_ports(const struct segment *, const struct segment *);

/* Are the checksums of a FIT segment right?  Asks the device if it knows, and
 * computes them the first time else: the sum over the data is what costs most
 * in merging. */
bool segment_is_intact(const struct dp_packet *, struct segment *);

/* The sum over the data of an intact segment, as csum_continue()'s, computed
 * from its headers only: what the checksum leaves when they are taken out. */
uint16_t segment_payload_csum(const struct segment *);

#endif /* datapath-ext/segment.h */
