/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/merge.h"

#include <rte_gro.h>

#include "csum.h"
#include "datapath-ext/segment.h"
#include "dp-packet.h"
#include "packets.h"
#include "unaligned.h"

/* A connection, in one direction. */
struct stream {
    const struct segment *any;  /* A packet of it, for its addresses. */
    int last;                   /* Its newest packet if that is FIT, or -1. */
    size_t frame_len;           /* What the present run will be merged to. */
    bool has_run;               /* Does the present run have two segments? */
    unsigned int round;         /* That of the present run. */
};

struct burst {
    struct dp_packet **packets;
    size_t n;
    struct segment segments[NETDEV_MAX_BURST]; /* Of packets[]. */
    struct stream streams[NETDEV_MAX_BURST];
    size_t n_streams;
    unsigned int n_rounds;
    struct merge_stats *stats;
};

static struct stream *
find_stream(struct burst *burst, const struct segment *seg)
{
    for (size_t i = 0; i < burst->n_streams; i++) {
        struct stream *stream = &burst->streams[i];

        if (segment_same_addresses(stream->any, seg)
            && segment_same_ports(stream->any, seg)) {
            return stream;
        }
    }

    struct stream *stream = &burst->streams[burst->n_streams++];

    *stream = (struct stream) { .any = seg, .last = -1 };
    return stream;
}

/* Ends the run of segments, so that nothing is merged with it any more. */
static void
end_run(struct stream *stream)
{
    stream->round += stream->has_run;
    stream->has_run = false;
    stream->last = -1;
}

static bool
is_intact(struct burst *burst, int i)
{
    struct segment *seg = &burst->segments[i];
    bool was_checked = seg->is_checked;
    bool ok = segment_is_intact(burst->packets[i], seg);

    burst->stats->bad_checksum += !ok && !was_checked;
    return ok;
}

static bool
same_flow_mark(const struct dp_packet *a, const struct dp_packet *b)
{
    uint32_t mark_a = 0, mark_b = 0;
    bool has_a = dp_packet_has_flow_mark(a, &mark_a);
    bool has_b = dp_packet_has_flow_mark(b, &mark_b);

    return has_a == has_b && mark_a == mark_b;
}

/* May packet 'i' be merged with the one before it?  Leaves to rte_gro what
 * rte_gro compares. */
static bool
extends(struct burst *burst, const struct stream *stream, int i)
{
    const struct segment *b = &burst->segments[i];

    if (b->fitness != FIT || stream->last < 0) {
        return false;
    }

    const struct segment *a = &burst->segments[stream->last];
    const struct dp_packet *packet_a = burst->packets[stream->last];
    const struct dp_packet *packet_b = burst->packets[i];

    return (ntohl(get_16aligned_be32(&a->tcp->tcp_seq)) + a->payload_len
            == ntohl(get_16aligned_be32(&b->tcp->tcp_seq))
            && stream->frame_len + b->payload_len <= MERGE_FRAME_MAX
            && a->l2_len == b->l2_len
            && !memcmp(dp_packet_data(packet_a), dp_packet_data(packet_b),
                       a->l2_len)
            && a->ip->ip_tos == b->ip->ip_tos
            && a->ip->ip_ttl == b->ip->ip_ttl
            && a->tcp->tcp_winsz == b->tcp->tcp_winsz
            && same_flow_mark(packet_a, packet_b)
            && is_intact(burst, stream->last)
            && is_intact(burst, i));
}

/* Puts packet 'i' into the run of its connection, or begins another. */
static void
join(struct burst *burst, int i)
{
    struct segment *seg = &burst->segments[i];
    struct stream *stream = find_stream(burst, seg);

    if (extends(burst, stream, i)) {
        struct segment *last = &burst->segments[stream->last];

        last->in_run = seg->in_run = true;
        last->round = seg->round = stream->round;
        stream->has_run = true;
        stream->frame_len += seg->payload_len;
        stream->last = i;
        burst->n_rounds = MAX(burst->n_rounds, stream->round + 1);
    } else {
        end_run(stream);
        if (seg->fitness == FIT) {
            stream->frame_len = dp_packet_size(burst->packets[i]);
            stream->last = i;
        }
    }
}

static void
find_runs(struct burst *burst)
{
    for (size_t i = 0; i < burst->n; i++) {
        struct segment *seg = &burst->segments[i];

        segment_parse(burst->packets[i], seg);
        if (seg->fitness == PORTLESS) {
            for (size_t j = 0; j < burst->n_streams; j++) {
                if (segment_same_addresses(burst->streams[j].any, seg)) {
                    end_run(&burst->streams[j]);
                }
            }
        } else if (seg->fitness != FOREIGN) {
            join(burst, i);
        }
    }
}

/* Appends to 'merged' the data of packet 'i' and frees that. */
static void
append(struct burst *burst, int i, struct dp_packet *merged)
{
    struct dp_packet *packet = burst->packets[i];

    packet->mbuf.next = NULL;
    packet->mbuf.nb_segs = 1;
    dp_packet_put(merged, dp_packet_data(packet), dp_packet_size(packet));
    dp_packet_delete(packet);
    burst->packets[i] = NULL;
    burst->stats->segments++;
}

/* The checksum field must be 0 and the length right. */
static void
finish_headers(struct dp_packet *merged, uint16_t l2_len, uint32_t data_csum)
{
    struct ip_header *ip = dp_packet_at_assert(merged, l2_len, IP_HEADER_LEN);
    struct tcp_header *tcp = ALIGNED_CAST(struct tcp_header *, ip + 1);
    uint64_t *ol_flags = dp_packet_ol_flags_ptr(merged);

    ip->ip_tot_len = htons(dp_packet_size(merged) - l2_len);
    ip->ip_csum = 0;
    ip->ip_csum = csum(ip, IP_HEADER_LEN);
    tcp->tcp_csum = 0;
    tcp->tcp_csum = csum_finish(csum_continue(
        data_csum + packet_csum_pseudoheader(ip), tcp,
        TCP_OFFSET(tcp->tcp_ctl) * 4));

    *ol_flags &= ~(DP_PACKET_OL_RX_IP_CKSUM_MASK
                   | DP_PACKET_OL_RX_L4_CKSUM_MASK);
    *ol_flags |= DP_PACKET_OL_RX_IP_CKSUM_GOOD | DP_PACKET_OL_RX_L4_CKSUM_GOOD;
}

static int
find_packet(const struct burst *burst, const struct rte_mbuf *mbuf, int from)
{
    for (size_t i = from; i < burst->n; i++) {
        if (burst->packets[i] && &burst->packets[i]->mbuf == mbuf) {
            return i;
        }
    }
    OVS_NOT_REACHED();
}

/* Makes one packet of the chain of mbufs that rte_gro has made. */
static void
linearize(struct burst *burst, struct rte_mbuf *mbuf)
{
    int first = find_packet(burst, mbuf, 0);
    struct dp_packet *head = burst->packets[first];
    const struct segment *seg = &burst->segments[first];
    uint16_t l2_len = seg->l2_len;
    uint32_t tail_len = mbuf->pkt_len - mbuf->data_len;
    struct rte_mbuf *next = mbuf->next;

    mbuf->next = NULL;
    mbuf->nb_segs = 1;
    mbuf->pkt_len = mbuf->data_len;
    /* rte_gro has written it, and segment_payload_csum() reads it. */
    CONST_CAST(struct ip_header *, seg->ip)->ip_tot_len
        = htons(mbuf->data_len - l2_len);

    struct dp_packet *merged
        = dp_packet_clone_with_headroom(head, RTE_PKTMBUF_HEADROOM);
    uint32_t data_csum = segment_payload_csum(seg);
    bool is_odd = seg->payload_len % 2;

    dp_packet_prealloc_tailroom(merged, tail_len);
    for (int i = first; next; ) {
        i = find_packet(burst, next, i + 1);
        seg = &burst->segments[i];
        next = next->next;

        /* A sum of 16-bit words from an odd offset has its bytes swapped. */
        uint16_t sum = segment_payload_csum(seg);
        data_csum += is_odd ? (uint16_t) (sum << 8 | sum >> 8) : sum;
        is_odd ^= seg->payload_len % 2;
        append(burst, i, merged);
    }
    finish_headers(merged, l2_len, data_csum);
    dp_packet_delete(head);
    burst->packets[first] = merged;
    burst->stats->segments++;
    burst->stats->packets++;
}

/* What rte_gro wants to know, and what was there before. */
struct hints {
    struct rte_mbuf *mbuf;
    uint32_t packet_type;
    uint64_t tx_offload;
};

static struct rte_mbuf *
put_hints(struct dp_packet *packet, const struct segment *seg,
          struct hints *hints)
{
    struct rte_mbuf *mbuf = &packet->mbuf;

    *hints = (struct hints) { mbuf, mbuf->packet_type, mbuf->tx_offload };
    mbuf->packet_type = (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4
                         | RTE_PTYPE_L4_TCP);
    mbuf->tx_offload = 0;
    mbuf->l2_len = seg->l2_len;
    mbuf->l3_len = IP_HEADER_LEN;
    mbuf->l4_len = seg->tcp_len;
    return mbuf;
}

static void
merge_round(struct burst *burst, unsigned int round)
{
    struct rte_gro_param param = {
        .gro_types = RTE_GRO_TCP_IPV4,
        .max_flow_num = NETDEV_MAX_BURST,
        .max_item_per_flow = 1,
    };
    struct rte_mbuf *mbufs[NETDEV_MAX_BURST];
    struct hints hints[NETDEV_MAX_BURST];
    size_t n = 0;

    for (size_t i = 0; i < burst->n; i++) {
        const struct segment *seg = &burst->segments[i];

        if (seg->in_run && seg->round == round) {
            mbufs[n] = put_hints(burst->packets[i], seg, &hints[n]);
            n++;
        }
    }

    size_t n_out = rte_gro_reassemble_burst(mbufs, n, &param);

    for (size_t i = 0; i < n; i++) {
        hints[i].mbuf->packet_type = hints[i].packet_type;
        hints[i].mbuf->tx_offload = hints[i].tx_offload;
    }
    for (size_t i = 0; i < n_out; i++) {
        if (mbufs[i]->nb_segs > 1) {
            linearize(burst, mbufs[i]);
        }
    }
}

/* Closes the gaps in 'packets'. */
static size_t
close_gaps(struct dp_packet **packets, size_t n)
{
    size_t n_left = 0;

    for (size_t i = 0; i < n; i++) {
        if (packets[i]) {
            packets[n_left++] = packets[i];
        }
    }
    return n_left;
}

static void
copy_others(struct dp_packet **packets, size_t n, struct merge_stats *stats)
{
    for (size_t i = 0; i < n; i++) {
        struct dp_packet *packet = packets[i];

        if (packet->source != DPBUF_MALLOC) {
            packets[i] = dp_packet_clone_with_headroom(
                packet, dp_packet_headroom(packet));
            dp_packet_delete(packet);
            stats->copied++;
        }
    }
}

size_t
merge_batch(struct dp_packet **packets, size_t n, struct merge_stats *stats)
{
    struct burst burst;

    ovs_assert(n <= NETDEV_MAX_BURST);
    if (n < 2) {
        return n;
    }
    burst.packets = packets;
    burst.n = n;
    burst.n_streams = burst.n_rounds = 0;
    burst.stats = stats;
    find_runs(&burst);
    if (!burst.n_rounds) {
        return n;
    }
    for (unsigned int round = 0; round < burst.n_rounds; round++) {
        merge_round(&burst, round);
    }

    size_t n_left = close_gaps(packets, n);

    if (n_left < n) {
        copy_others(packets, n_left, stats);
    }
    return n_left;
}
