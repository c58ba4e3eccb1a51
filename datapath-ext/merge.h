/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_MERGE_H
#define VNIC_MERGE_H 1

/* Merging of TCP segments
 * =======================
 *
 * What: makes fewer, longer packets of a burst that was taken from a ring
 * whose packets end on this host.  A router must not do this: it owes the
 * next hop the packets as they were sent.
 *
 * DPDK's GRO library (rte_gro.h) does the merging.  It looks at addresses,
 * ports, acknowledgment number, options, DF and IP ID.  It doesn't look at
 * checksums, VLAN, TOS, TTL, window, IP options, fragments and trailers, and
 * it also merges segments that arrived in the wrong order, moving them past
 * others of their connection.  So we show it just segments that may become
 * one, and those of one connection in rounds: what must not be merged with
 * the run of segments before it waits for the next round.
 *
 * Two segments of a connection become one packet if nothing of the connection
 * came between them and
 *
 *   - the second begins where the first ends, and both carry data;
 *   - both have the flag ACK and no other;
 *   - both are IPv4, not fragmented, without IP options and without trailer;
 *   - they have the same Ethernet header and VLAN tag (one at most), TOS
 *     (thus ECN), TTL, DF, acknowledgment number, window and TCP options, and
 *     where DF is 0, consecutive IP IDs;
 *   - both have correct IP and TCP checksums.
 *
 * That is what Linux's GRO asks, except that Linux lets a segment with PSH or
 * FIN end a packet, that Linux asks for equal sizes, so that it can segment
 * the packet again, and that DPDK 22.11 knows IPv4 only: TCP over IPv6 passes
 * unmerged.
 *
 * Data flow:
 *
 *     ring_get() --merge_batch()--> rxq of the port
 *
 * A merged packet has the headers of its first segment and that one's place in
 * the burst.  Its TCP checksum is composed of those of the segments, not
 * computed over the data: it still covers what the sender sent, and an error
 * of ours would not go unnoticed.
 *
 * Units: 'n' is packets, at most NETDEV_MAX_BURST.
 *
 * Ownership: packets in 'packets' belong to the caller, before and after.
 * A merged packet is new and its segments are freed.  All others keep their
 * pointers, with one exception: as a batch has one source (see ring_get()),
 * and a merged packet is of malloc(), a burst from a DPDK pool in which
 * something was merged is copied as a whole.
 *
 * Thread-safety: any thread; no state is kept.  It needs 50 kB of stack.
 *
 * Errors: none.
 *
 * Source: the aggregation of packets for the host only is the mechanism of US
 * patent 7944923 (local and forwarding receive rings). */

#include <stddef.h>
#include <stdint.h>

struct dp_packet;

/* The largest frame that merging makes, in bytes.  A dp_packet counts its
 * memory in 16 bits; the rest is for headers that a bridge may push. */
#define MERGE_FRAME_MAX (UINT16_MAX - 1024)

struct merge_stats {
    uint64_t packets;           /* Merged packets made... */
    uint64_t segments;          /* ...of so many segments. */
    uint64_t bad_checksum;      /* Segments not merged just because theirs is
                                 * wrong. */
    uint64_t copied;            /* To keep the batch to one source. */
};

/* Returns the number of packets that 'packets' has then, in order.  Adds to
 * 'stats'. */
size_t merge_batch(struct dp_packet **packets, size_t n, struct merge_stats *);

#endif /* datapath-ext/merge.h */
