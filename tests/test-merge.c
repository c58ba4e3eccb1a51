/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/merge.h"

#include <assert.h>
#include <getopt.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdio.h>

#include "dp-packet.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/tcp-frame.h"
#include "timeval.h"
#include "util.h"

#define FRAME_MAX 9100

/* A pool to take packets from, or NULL for malloc(). */
static struct rte_mempool *pool;

static const struct tcp_frame plain = {
    .mac = 1, .ttl = 64, .frag_off = IP_DF, .proto = IPPROTO_TCP, .host = 1,
    .port = 1000, .seq = 1, .ack = 7, .flags = TCP_ACK, .window = 500,
    .payload_len = 100,
};

static struct dp_packet *
new_packet(const uint8_t *frame, size_t len)
{
    struct dp_packet *packet;

    if (!pool) {
        return dp_packet_clone_data_with_headroom(frame, len, 2);
    }

    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

    assert(mbuf && mbuf->nb_segs == 1 && !mbuf->next);
    packet = CONTAINER_OF(mbuf, struct dp_packet, mbuf);
    packet->source = DPBUF_DPDK;
    dp_packet_reset_offsets(packet);
    dp_packet_reset_cutlen(packet);
    pkt_metadata_init(&packet->md, 0);
    packet->packet_type = htonl(PT_ETH);
    dp_packet_put(packet, frame, len);
    return packet;
}

static struct dp_packet *
make_packet(const struct tcp_frame *spec)
{
    uint8_t frame[FRAME_MAX];

    return new_packet(frame, tcp_frame_build(spec, frame));
}

/* The oracle: what is asked of two neighbours, read from their bytes. */

/* A copy of a packet that went in. */
struct input {
    struct dp_packet *packet;   /* Which may be freed meanwhile. */
    uint8_t frame[FRAME_MAX];
    size_t len;
    uint64_t ol_flags;
    bool has_cutlen;
    uint32_t mark;              /* Of the flow, or 0. */
    int next;                   /* Index of what is merged to it, or -1. */
    bool is_tail;               /* Is merged to another. */
};

static const uint8_t *
input_ip(const struct input *in)
{
    const uint8_t *ip = in->frame + 14;

    if (in->len >= 18 && get16(ip - 2) == ETH_TYPE_VLAN) {
        ip += 4;
    }
    return (in->frame + in->len >= ip + 20 && get16(ip - 2) == ETH_TYPE_IP
            && ip[9] == IPPROTO_TCP ? ip : NULL);
}

static const uint8_t *
input_tcp(const struct input *in)
{
    const uint8_t *ip = input_ip(in);
    const uint8_t *tcp = ip ? ip + (ip[0] & 15) * 4 : NULL;

    return (tcp && (ip[0] & 15) >= 5 && in->frame + in->len >= tcp + 20
            && !(get16(ip + 6) & IP_FRAG_OFF_MASK) ? tcp : NULL);
}

static size_t
tcp_header_len(const uint8_t *tcp)
{
    return tcp[12] / 16 * 4;
}

static size_t
payload_len(const struct input *in)
{
    const uint8_t *tcp = input_tcp(in);

    return in->frame + in->len - tcp - tcp_header_len(tcp);
}

static bool
is_fit(const struct input *in)
{
    const uint8_t *ip = input_ip(in);
    const uint8_t *tcp = input_tcp(in);
    size_t len = in->frame + in->len - ip;

    return (ip[0] == 0x45 && get16(ip + 2) == len
            && (get16(ip + 6) == IP_DF || !get16(ip + 6))
            && tcp_header_len(tcp) >= 20
            && len > 20 + tcp_header_len(tcp)
            && (get16(tcp + 12) & 0xfff) == TCP_ACK
            && !in->has_cutlen
            && !naive_csum(ip, 20, 0)
            && !naive_tcp_csum(ip, tcp, len - 20)
            && !(in->ol_flags & (DP_PACKET_OL_RX_IP_CKSUM_BAD
                                 | DP_PACKET_OL_RX_L4_CKSUM_BAD
                                 | DP_PACKET_OL_TX_TCP_SEG)));
}

static bool
are_neighbours(const struct input *a, const struct input *b)
{
    const uint8_t *ip_a = input_ip(a), *ip_b = input_ip(b);
    const uint8_t *tcp_a = input_tcp(a), *tcp_b = input_tcp(b);

    return (is_fit(a) && is_fit(b)
            && ip_a - a->frame == ip_b - b->frame
            && !memcmp(a->frame, b->frame, ip_a - a->frame)
            && ip_a[1] == ip_b[1]
            && get16(ip_a + 6) == get16(ip_b + 6)
            && (get16(ip_a + 6) || get16(ip_a + 4) + 1 == get16(ip_b + 4))
            && ip_a[8] == ip_b[8]
            && (uint32_t) (get32(tcp_a + 4) + payload_len(a))
                == get32(tcp_b + 4)
            && !memcmp(tcp_a + 8, tcp_b + 8, 8)     /* ACK to window. */
            && !memcmp(tcp_a + 18, tcp_b + 18, tcp_header_len(tcp_a) - 18)
            && a->mark == b->mark);
}

/* Index of the newest packet of the connection of packet 'j' before it, -1 if
 * there is none, or one whose ports are unknown and may be of it. */
static int
find_previous(const struct input inputs[], int j)
{
    const uint8_t *ip = input_ip(&inputs[j]);

    for (int i = j - 1; i >= 0; i--) {
        if (input_ip(&inputs[i])
            && !memcmp(input_ip(&inputs[i]) + 12, ip + 12, 8)) {
            if (!input_tcp(&inputs[i])) {
                return -1;
            }
            if (!memcmp(input_tcp(&inputs[i]), input_tcp(&inputs[j]), 4)) {
                return i;
            }
        }
    }
    return -1;
}

static void
find_groups(struct input inputs[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        inputs[i].next = -1;
        inputs[i].is_tail = false;
    }
    for (size_t j = 0; j < n; j++) {
        int i = input_tcp(&inputs[j]) ? find_previous(inputs, j) : -1;

        if (i >= 0 && are_neighbours(&inputs[i], &inputs[j])) {
            inputs[i].next = j;
            inputs[j].is_tail = true;
        }
    }
}

/* The packet that is expected of 'head' and what is merged to it. */
static size_t
naive_merge(const struct input inputs[], int head, uint8_t *frame)
{
    const struct input *in = &inputs[head];
    uint8_t *ip = frame + (input_ip(in) - in->frame);
    uint8_t *tcp = ip + 20;
    size_t len = in->len;

    memcpy(frame, in->frame, len);
    for (int i = in->next; i >= 0; i = inputs[i].next) {
        const struct input *tail = &inputs[i];

        memcpy(frame + len, tail->frame + tail->len - payload_len(tail),
               payload_len(tail));
        len += payload_len(tail);
    }
    put16(ip + 2, frame + len - ip);
    put16(ip + 10, 0);
    put16(ip + 10, naive_csum(ip, 20, 0));
    put16(tcp + 16, 0);
    put16(tcp + 16, naive_tcp_csum(ip, tcp, frame + len - tcp));
    return len;
}

static void
save_input(struct input *in, struct dp_packet *packet)
{
    in->packet = packet;
    in->len = dp_packet_size(packet);
    memcpy(in->frame, dp_packet_data(packet), in->len);
    in->ol_flags = *dp_packet_ol_flags_ptr(packet);
    in->has_cutlen = dp_packet_get_cutlen(packet) != 0;
    in->mark = 0;
    dp_packet_has_flow_mark(packet, &in->mark);
}

/* Compares the packet 'out' with what 'head' should have become. */
static void
check_output(const struct input inputs[], int head, struct dp_packet *out)
{
    const struct input *in = &inputs[head];
    static uint8_t frame[UINT16_MAX];
    uint32_t mark = 0;

    assert(out->mbuf.nb_segs == 1 && !out->mbuf.next);
    assert(out->mbuf.data_len == out->mbuf.pkt_len);
    dp_packet_has_flow_mark(out, &mark);
    assert(mark == in->mark);
    if (in->next < 0) {
        assert(out == in->packet || out->source == DPBUF_MALLOC);
        assert(dp_packet_size(out) == in->len);
        assert(!memcmp(dp_packet_data(out), in->frame, in->len));
        assert(*dp_packet_ol_flags_ptr(out) == in->ol_flags);
        assert(!out->mbuf.tx_offload && !out->mbuf.packet_type);
    } else {
        size_t len = naive_merge(inputs, head, frame);

        assert(dp_packet_size(out) == len && len <= MERGE_FRAME_MAX);
        assert(!memcmp(dp_packet_data(out), frame, len));
        assert(out->source == DPBUF_MALLOC);
        assert(dp_packet_headroom(out) >= 128);
        assert(dp_packet_ip_checksum_valid(out));
        assert(dp_packet_l4_checksum_valid(out));
    }
}

/* Merges 'packets', compares the result with the oracle's and frees it.
 * Returns the number of packets that were left. */
static size_t
check_merge(struct dp_packet **packets, size_t n)
{
    static struct input inputs[NETDEV_MAX_BURST];
    struct merge_stats stats = { 0 };

    for (size_t i = 0; i < n; i++) {
        save_input(&inputs[i], packets[i]);
    }
    find_groups(inputs, n);

    size_t n_out = merge_batch(packets, n, &stats);
    size_t n_merged = 0, o = 0;

    for (size_t i = 0; i < n; i++) {
        if (!inputs[i].is_tail) {
            assert(o < n_out);
            if (!pool && inputs[i].next < 0) {
                assert(packets[o] == inputs[i].packet);
            }
            assert(packets[o]->source == packets[0]->source);
            check_output(inputs, i, packets[o++]);
            n_merged += inputs[i].next >= 0;
        }
    }
    assert(o == n_out);
    assert(stats.packets == n_merged);
    assert(stats.segments == n - n_out + n_merged);
    assert(stats.copied == (pool && n_merged ? n_out - n_merged : 0));
    for (size_t i = 0; i < n_out; i++) {
        dp_packet_delete(packets[i]);
    }
    return n_out;
}

/* Each rule for itself: merges two segments that differ in one thing. */

static size_t
merge_two(const struct tcp_frame *a, const struct tcp_frame *b)
{
    struct dp_packet *packets[] = { make_packet(a), make_packet(b) };

    return check_merge(packets, 2);
}

static void
test_rules(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct tcp_frame base = plain;

    base.timestamp = 5;
    base.ip_id = 77;
    for (int df = 0; df < 2; df++) {
        struct tcp_frame next;

        base.frag_off = df ? IP_DF : 0;
        next = base;
        next.seq += next.payload_len;
        next.ip_id++;
        assert(merge_two(&base, &next) == 1);
        assert(merge_two(&next, &base) == 2);   /* Out of order. */
        assert(merge_two(&base, &base) == 2);   /* Sent again. */

#define DIFFERS(N, MEMBER, VALUE)                   \
        {                                           \
            struct tcp_frame other = next;         \
            other.MEMBER = VALUE;                   \
            assert(merge_two(&base, &other) == (N)); \
            other = base;                           \
            other.MEMBER = VALUE;                   \
            if ((N) == 2) {                         \
                assert(merge_two(&other, &next) == 2); \
            }                                       \
        }
        DIFFERS(2, mac, 2);
        DIFFERS(2, vlan, 5);
        DIFFERS(2, tos, 3);                     /* Congestion experienced. */
        DIFFERS(2, ttl, 63);
        DIFFERS(df ? 1 : 2, ip_id, 90);
        DIFFERS(2, frag_off, df ? 0 : IP_DF);
        DIFFERS(2, frag_off, IP_MORE_FRAGMENTS);
        DIFFERS(2, frag_off, 0x8000);
        DIFFERS(2, has_ip_option, true);
        DIFFERS(2, proto, IPPROTO_UDP);
        DIFFERS(2, host, 2);
        DIFFERS(2, port, 1001);
        DIFFERS(2, seq, 50);
        DIFFERS(2, ack, 8);
        DIFFERS(2, flags, TCP_ACK | TCP_PSH);
        DIFFERS(2, flags, TCP_ACK | TCP_FIN);
        DIFFERS(2, flags, TCP_ACK | TCP_SYN);
        DIFFERS(2, flags, TCP_ACK | TCP_RST);
        DIFFERS(2, flags, TCP_ACK | TCP_URG);
        DIFFERS(2, flags, TCP_ACK | TCP_ECE);
        DIFFERS(2, flags, TCP_ACK | TCP_CWR);
        DIFFERS(2, flags, TCP_ACK | TCP_NS);
        DIFFERS(2, flags, 0);
        DIFFERS(2, window, 501);
        DIFFERS(2, timestamp, 6);
        DIFFERS(2, timestamp, 0);
        DIFFERS(2, payload_len, 0);
        DIFFERS(2, trailer_len, 1);
        DIFFERS(2, bad_ip_csum, true);
        DIFFERS(2, bad_tcp_csum, true);
#undef DIFFERS
    }

    /* Two in a VLAN, a sequence number that wraps around. */
    base.frag_off = IP_DF;
    base.vlan = 0x2005;
    base.seq = UINT32_MAX - 40;

    struct tcp_frame next = base;

    next.seq += next.payload_len;
    assert(merge_two(&base, &next) == 1);
    next.vlan++;
    assert(merge_two(&base, &next) == 2);
}

/* More data than fits into a packet. */
static void
check_limit(size_t payload)
{
    size_t per_packet = (MERGE_FRAME_MAX - 54) / payload;
    struct dp_packet *packets[NETDEV_MAX_BURST];
    struct merge_stats stats = { 0 };
    struct tcp_frame spec = plain;
    uint32_t seq = spec.seq;

    spec.payload_len = payload;
    for (size_t i = 0; i < NETDEV_MAX_BURST; i++) {
        packets[i] = make_packet(&spec);
        spec.seq += spec.payload_len;
    }

    size_t n = merge_batch(packets, NETDEV_MAX_BURST, &stats);

    assert(n == DIV_ROUND_UP(NETDEV_MAX_BURST, per_packet));
    for (size_t i = 0; i < n; i++) {
        const uint8_t *frame = dp_packet_data(packets[i]);
        size_t len = dp_packet_size(packets[i]);

        assert(len == 54 + payload * per_packet || i == n - 1);
        assert(get32(frame + 38) == seq);
        assert(!naive_csum(frame + 14, 20, 0));
        assert(!naive_tcp_csum(frame + 14, frame + 34, len - 34));
        for (size_t j = 54; j < len; j++) {
            assert(frame[j] == (uint8_t) (seq++ * 151 >> 3));
        }

        /* What bridges do to packets: room is made for headers. */
        dp_packet_push_zeros(packets[i], 200);
        dp_packet_push_zeros(packets[i], 200);
        assert(dp_packet_size(packets[i]) == len + 400);
        dp_packet_delete(packets[i]);
    }
    assert(seq == spec.seq);
}

static void
test_limit(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    check_limit(8959);          /* Jumbo frames; odd, for the checksum. */
    check_limit(3241);          /* IP would have room for one more. */
    check_limit((MERGE_FRAME_MAX - 54) / 8);
}

/* Random streams. */

#define N_STREAMS 6

/* Changes something, mostly not. */
static void
vary(struct tcp_frame *spec)
{
    uint32_t seq = spec->seq;

    switch (random_range(40)) {
    case 0: spec->tos ^= 3; break;
    case 1: spec->ttl ^= 1; break;
    case 2: spec->frag_off ^= IP_DF; break;
    case 3: spec->ack += 100; break;
    case 4: spec->window ^= 1; break;
    case 5: spec->timestamp += 1; break;
    case 6: spec->timestamp = 0; break;
    case 7: spec->vlan ^= 0x1005; break;
    case 11: spec->vlan ^= spec->vlan ? 1 : 0; break;
    case 8: spec->seq = seq - random_range(3000); break;
    case 9: spec->seq = seq + random_range(3000); break;
    case 10: spec->mac ^= 1; break;
    }
}

/* Makes one frame of its own kind, mostly a plain one. */
static void
spoil(struct tcp_frame *spec)
{
    spec->flags = TCP_ACK;
    spec->payload_len = (random_range(2) ? 1448
                         : 1 + random_range(random_range(2) ? 9 : 1460));
    switch (random_range(60)) {
    case 0: spec->flags |= TCP_PSH; break;
    case 1: spec->flags |= TCP_FIN; break;
    case 2: spec->flags |= 1 << random_range(12); break;
    case 3: spec->payload_len = 0; break;
    case 4: spec->has_ip_option = true; break;
    case 5: spec->frag_off |= IP_MORE_FRAGMENTS; break;
    case 6: spec->frag_off |= 1 + random_range(IP_FRAG_OFF_MASK); break;
    case 7: spec->bad_ip_csum = true; break;
    case 8: spec->bad_tcp_csum = true; break;
    case 9: spec->trailer_len = 1 + random_range(40); break;
    case 10: spec->proto = IPPROTO_UDP; break;
    }
}

static void
spoil_packet(struct dp_packet *packet, const struct tcp_frame *spec)
{
    uint64_t *ol_flags = dp_packet_ol_flags_ptr(packet);
    uint8_t *frame = dp_packet_data(packet);

    switch (random_range(60)) {
    case 0: *ol_flags |= DP_PACKET_OL_RX_IP_CKSUM_BAD; break;
    case 1: *ol_flags |= DP_PACKET_OL_RX_L4_CKSUM_BAD; break;
    case 2: *ol_flags |= DP_PACKET_OL_TX_TCP_SEG; break;
    case 3: dp_packet_set_cutlen(packet, 60); break;
    case 4: dp_packet_set_flow_mark(packet, 1 + random_range(2)); break;
    case 5: put16(frame + 12, ETH_TYPE_IPV6); break;
    case 6: put16(frame + 12, random_uint32()); break;
    case 7: dp_packet_set_size(packet, random_range(54)); break;
    case 8: frame[(spec->vlan ? 18 : 14)] = random_uint32(); return;
    }
    if (!spec->bad_ip_csum && random_range(2)
        && !(*ol_flags & DP_PACKET_OL_RX_IP_CKSUM_BAD)) {
        *ol_flags |= DP_PACKET_OL_RX_IP_CKSUM_GOOD;
    }
    if (!spec->bad_tcp_csum && random_range(2)
        && !(*ol_flags & DP_PACKET_OL_RX_L4_CKSUM_BAD)) {
        *ol_flags |= DP_PACKET_OL_RX_L4_CKSUM_GOOD;
    }
    dp_packet_set_rss_hash(packet, random_uint32());
}

static struct dp_packet *
random_packet(struct tcp_frame *stream)
{
    vary(stream);

    struct tcp_frame spec = *stream;

    spoil(&spec);

    struct dp_packet *packet = make_packet(&spec);

    spoil_packet(packet, &spec);
    stream->seq += spec.payload_len;
    stream->ip_id++;
    return packet;
}

static void
check_random(int n_batches)
{
    struct tcp_frame streams[N_STREAMS];
    size_t n_in = 0, n_out = 0;

    for (size_t i = 0; i < N_STREAMS; i++) {
        streams[i] = plain;
        streams[i].port += i / 2;
        streams[i].host += i % 2;
        streams[i].seq = random_uint32();
        streams[i].timestamp = i;
    }
    for (int i = 0; i < n_batches; i++) {
        struct dp_packet *packets[NETDEV_MAX_BURST];
        size_t n = random_range(NETDEV_MAX_BURST + 1);
        size_t n_streams = 1 + random_range(N_STREAMS);

        for (size_t j = 0; j < n; j++) {
            packets[j] = random_packet(&streams[random_range(n_streams)]);
        }
        if (n > 1 && !random_range(3)) {
            size_t j = random_range(n - 1);
            struct dp_packet *tmp = packets[j];

            packets[j] = packets[j + 1];
            packets[j + 1] = tmp;
        }
        n_in += n;
        n_out += check_merge(packets, n);
    }
    /* The oracle agrees that nothing is merged, too. */
    assert(n_out < n_in * 3 / 4);
    printf("%"PRIuSIZE" packets, %"PRIuSIZE" left\n", n_in, n_out);
}

static void
test_random(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    random_set_seed(7);
    check_random(10000);
}

/* The same with packets of a DPDK pool, none of which may get lost. */
static void
test_dpdk(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    enum { N_MBUFS = 255 };
    static char *args[] = { "test-vnic", "--no-huge", "--no-shconf",
                            "--no-pci", "--no-telemetry", "-m", "64",
                            "-l", "0", "--log-level=*:error", NULL };

    optind = 1;
    if (rte_eal_init(ARRAY_SIZE(args) - 1, args) < 0) {
        printf("skipped: DPDK does not start here\n");
        exit(77);
    }
    /* As netdev-dpdk's: a dp_packet is an mbuf with private data. */
    pool = rte_pktmbuf_pool_create("merge", N_MBUFS, 0,
                                   ROUND_UP(sizeof(struct dp_packet)
                                            - sizeof(struct rte_mbuf),
                                            RTE_MBUF_PRIV_ALIGN),
                                   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    assert(pool);
    random_set_seed(11);
    check_random(3000);
    assert(rte_mempool_avail_count(pool) == N_MBUFS);
    rte_mempool_free(pool);
    rte_eal_cleanup();
}

/* Nanoseconds per packet of a burst of 32. */
static void
benchmark(const char *name, size_t n_flows, bool hw_csum, size_t payload,
          bool runs_of_two)
{
    enum { N_ROUNDS = 3000 };
    struct merge_stats stats = { 0 };
    struct tcp_frame specs[NETDEV_MAX_BURST];
    long long int best = LLONG_MAX;
    uint64_t n_out = 0;

    for (size_t i = 0; i < n_flows; i++) {
        specs[i] = plain;
        specs[i].port += i;
        specs[i].timestamp = 9;
        specs[i].payload_len = payload;
    }
    for (int series = 0; series < 5; series++) {
        long long int total = 0;

        n_out = 0;
        for (int i = 0; i < N_ROUNDS; i++) {
            struct dp_packet *packets[NETDEV_MAX_BURST];

            for (size_t j = 0; j < NETDEV_MAX_BURST; j++) {
                struct tcp_frame *spec = &specs[j % n_flows];

                spec->window ^= runs_of_two && !(j % 2);
                packets[j] = make_packet(spec);
                spec->seq += payload;
                if (hw_csum) {
                    *dp_packet_ol_flags_ptr(packets[j])
                        |= (DP_PACKET_OL_RX_IP_CKSUM_GOOD
                            | DP_PACKET_OL_RX_L4_CKSUM_GOOD);
                }
            }

            struct timespec start, end;

            xclock_gettime(CLOCK_MONOTONIC, &start);
            size_t n = merge_batch(packets, NETDEV_MAX_BURST, &stats);
            xclock_gettime(CLOCK_MONOTONIC, &end);
            total += ((end.tv_sec - start.tv_sec) * 1000000000LL
                      + end.tv_nsec - start.tv_nsec);
            n_out += n;
            for (size_t j = 0; j < n; j++) {
                dp_packet_delete(packets[j]);
            }
        }
        best = MIN(best, total);
    }
    printf("%-34s %7.1f ns/packet, %4.1f packets left of 32\n", name,
           (double) best / N_ROUNDS / NETDEV_MAX_BURST,
           (double) n_out / N_ROUNDS);
}

static void
test_benchmark(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    printf("bursts of 32, 1448 bytes of data, malloc()ed:\n");
    benchmark("1 flow", 1, false, 1448, false);
    benchmark("8 flows", 8, false, 1448, false);
    benchmark("1 flow, checksums known good", 1, true, 1448, false);
    benchmark("8 flows, checksums known good", 8, true, 1448, false);
    benchmark("1 flow, runs of 2 (16 rounds)", 1, true, 1448, true);
    benchmark("32 flows, nothing to merge", 32, false, 1448, false);
    benchmark("8 flows of pure ACKs", 8, false, 0, false);
}

static void
test_merge_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "rules", NULL, 0, 0, test_rules, OVS_RO },
        { "limit", NULL, 0, 0, test_limit, OVS_RO },
        { "random", NULL, 0, 0, test_random, OVS_RO },
        { "dpdk", NULL, 0, 0, test_dpdk, OVS_RO },
        { "benchmark", NULL, 0, 0, test_benchmark, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-merge", test_merge_main);
