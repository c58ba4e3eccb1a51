/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "conntrack.h"
#include "conntrack-private.h"
#include "conntrack-tp.h"
#include "datapath-ext/cache/session.h"
#include "datapath-ext/cache/tcp.h"
#include "datapath-ext/counter.h"
#include "dp-packet.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

/* Sessions of the pipeline cache, with conntrack's own connections and
 * functions of each protocol. */

/* As much of a conntrack as these functions look at. */
static struct conntrack *
make_conntrack(void)
{
    struct conntrack *ct = xzalloc(sizeof *ct);

    cmap_init(&ct->timeout_policies);
    atomic_init(&ct->tcp_seq_chk, true);
    return ct;
}

static void
after(struct conntrack *ct OVS_UNUSED, struct conn *conn,
      struct dp_packet *packet OVS_UNUSED, bool reply,
      enum ovs_ct_result result)
{
    session_after_update(conn, reply, result);
}

static void
hook(void)
{
    static const struct ovs_ct_hooks hooks = { session_before_update, after };

    ovs_ct_hook(&hooks);
}

static void
make_segment(struct dp_packet *packet, const struct tcp_segment *segment,
             uint16_t flags, int wscale)
{
    size_t options = wscale >= 0 ? 4 : 0;
    struct tcp_header tcp = {
        .tcp_ctl = TCP_CTL(flags, 5 + options / 4),
        .tcp_winsz = htons(segment->window),
    };
    uint8_t l2_l3[ETH_HEADER_LEN + IP_HEADER_LEN] = { 0 };
    uint16_t len = IP_HEADER_LEN + TCP_HEADER_LEN + options + segment->length;
    uint8_t option[] = { 3, 3, wscale, 0 };

    put_16aligned_be32(&tcp.tcp_seq, htonl(segment->seq));
    put_16aligned_be32(&tcp.tcp_ack, htonl(segment->ack));
    dp_packet_clear(packet);
    l2_l3[ETH_HEADER_LEN] = 0x45;
    l2_l3[ETH_HEADER_LEN + 2] = len >> 8;
    l2_l3[ETH_HEADER_LEN + 3] = len;
    l2_l3[ETH_HEADER_LEN + 9] = IPPROTO_TCP;
    dp_packet_put(packet, l2_l3, sizeof l2_l3);
    dp_packet_put(packet, &tcp, sizeof tcp);
    dp_packet_put(packet, option, options);
    dp_packet_put_zeros(packet, segment->length);
    dp_packet_reset_offsets(packet);
    packet->l3_ofs = ETH_HEADER_LEN;
    packet->l4_ofs = ETH_HEADER_LEN + IP_HEADER_LEN;
}

static enum ct_update_res
update(struct conntrack *ct, struct conn *conn, struct dp_packet *packet,
       bool reply)
{
    enum ct_update_res res;

    ovs_mutex_lock(&conn->lock);
    res = (conn->key.nw_proto == IPPROTO_TCP ? &ct_proto_tcp
           : &ct_proto_other)->conn_update(ct, conn, packet, reply, 0);
    ovs_mutex_unlock(&conn->lock);
    return res;
}

static void
conn_finish(struct conn *conn, uint8_t proto, uint16_t zone)
{
    conn->key.nw_proto = proto;
    conn->key.zone = zone;
    conn->conn_type = CT_CONN_TYPE_DEFAULT;
    ovs_mutex_init_adaptive(&conn->lock);
    atomic_flag_clear(&conn->reclaimed);
}

/* An established one. */
static struct conn *
make_tcp(struct conntrack *ct, struct dp_packet *packet, uint32_t seq,
         uint32_t ack, int wscale)
{
    struct tcp_segment syn = { seq, 0, 1000, 0 };
    struct tcp_segment syn_ack = { ack, seq + 1, 1000, 0 };
    struct tcp_segment last = { seq + 1, ack + 1, 1000, 0 };
    struct conn *conn;

    make_segment(packet, &syn, TCP_SYN, wscale);
    conn = ct_proto_tcp.new_conn(ct, packet, 0, DEFAULT_TP_ID);
    conn_finish(conn, IPPROTO_TCP, 0);
    make_segment(packet, &syn_ack, TCP_SYN | TCP_ACK, wscale);
    assert(update(ct, conn, packet, true) == CT_UPDATE_VALID);
    make_segment(packet, &last, TCP_ACK, -1);
    assert(update(ct, conn, packet, false) == CT_UPDATE_VALID);
    return conn;
}

static void
conn_free(struct conn *conn)
{
    ovs_mutex_destroy(&conn->lock);
    free(conn);
}

/* A step away from 'x', mostly a small one, or just at the edges that
 * tcp_conn_update() knows. */
static uint32_t
near(uint32_t x)
{
    static const int edges[] = { 0, 1, 0xffff + 1500, 1000, 65535, 1448 };
    uint32_t step = random_range(3) ? edges[random_range(ARRAY_SIZE(edges))]
                    : random_range(70000) << random_range(15);

    x += random_range(2) ? step : -step;
    return x + random_range(3) - 1;
}

static void
check_windows(const struct tcp *tcp, struct conn *conn)
{
    struct tcp_window windows[2];

    assert(ovs_tcp_get(conn, windows));
    for (int i = 0; i < 2; i++) {
        assert(windows[i].seqlo == tcp->windows[i].seqlo);
        assert(windows[i].seqhi == tcp->windows[i].seqhi);
        assert(windows[i].max_win == tcp->windows[i].max_win);
    }
}

/* Follows the same segments in a connection and on lease.  Returns how many
 * were valid. */
static unsigned int
follow(struct conntrack *ct, struct dp_packet *packet, int wscale)
{
    struct conn *conn = make_tcp(ct, packet, near(0), near(0x80000000),
                                 wscale);
    struct tcp_window windows[2];
    unsigned int n_valid = 0;
    struct tcp tcp;

    tcp_init(&tcp);
    tcp.n = 1;
    assert(ovs_tcp_get(conn, windows));
    assert(tcp_lease(&tcp, tcp_revision(&tcp), 0, windows));
    for (int i = 0; i < 100; i++) {
        bool reply = random_range(2);
        struct tcp_segment segment = {
            .seq = near(tcp.windows[reply].seqlo),
            .ack = near(tcp.windows[!reply].seqlo),
            .window = random_range(2) ? random_range(65536) : 1000,
            .length = random_range(2) ? random_range(1461) : 0,
        };
        enum tcp_verdict verdict;
        enum ct_update_res res;

        if (random_range(2)) {
            /* One that is likely in order. */
            segment.seq = tcp.windows[reply].seqlo;
            segment.ack = tcp.windows[!reply].seqlo;
        }
        make_segment(packet, &segment, TCP_ACK, -1);
        res = update(ct, conn, packet, reply);
        verdict = tcp_segment(&tcp, reply, &segment);
        assert(verdict == (res == CT_UPDATE_VALID ? TCP_VALID : TCP_OUTSIDE));
        n_valid += verdict == TCP_VALID;
        check_windows(&tcp, conn);
    }
    conn_free(conn);
    return n_valid;
}

static void
test_follow(struct ovs_cmdl_context *ctx)
{
    struct conntrack *ct = make_conntrack();
    int n = atoi(ctx->argv[1]);
    unsigned int n_valid = 0;
    struct dp_packet packet;

    hook();
    dp_packet_init(&packet, 2048);
    for (int i = 0; i < n; i++) {
        n_valid += follow(ct, &packet, (int) random_range(17) - 1);
    }
    printf("%u of %d segments valid\n", n_valid, 100 * n);
    fflush(stdout);
    assert(n_valid > 5 * n && n_valid < 95 * n);
    dp_packet_uninit(&packet);
    free(ct);
}

/* Threads. */

#define N_FLOWS 8
#define N_ZONES 2
#define N_OWNERS 2
#define N_ROUNDS 20000
#define TABLE_SIZE 256

struct arena {
    struct conntrack *ct;
    OVSRCU_TYPE(struct conn *) conns[N_FLOWS][N_ZONES];
    atomic_bool stop;
    atomic_count n_hits;
};

static bool
flow_is_tcp(unsigned int flow)
{
    return flow % 2;
}

static struct conn *
arena_make(struct arena *arena, unsigned int flow, unsigned int zone)
{
    struct conn *conn;

    if (flow_is_tcp(flow)) {
        struct dp_packet packet;

        dp_packet_init(&packet, 128);
        conn = make_tcp(arena->ct, &packet, 100, 200, 7);
        conn->key.zone = zone;
        dp_packet_uninit(&packet);
    } else {
        conn = ct_proto_other.new_conn(arena->ct, NULL, 0, DEFAULT_TP_ID);
        conn_finish(conn, IPPROTO_UDP, zone);
        update(arena->ct, conn, NULL, true);
    }
    return conn;
}

struct owner {
    struct arena *arena;
    struct table table;
    struct counter killed[N_CACHE_KILLS];
    unsigned int number;
    pthread_t thread;
};

static void
owner_join(struct owner *owner, struct entry *entry, unsigned int flow,
           bool reply)
{
    struct session_spec spec = { .ct = owner->arena->ct, .n = N_ZONES };
    uint32_t index = table_index(&owner->table, entry);

    session_leave(owner->number, entry, index);
    for (unsigned int i = 0; i < N_ZONES; i++) {
        struct conn *conn = ovsrcu_get(struct conn *,
                                       &owner->arena->conns[flow][i]);

        spec.conns[i] = (struct session_conn_spec) {
            .conn = conn, .reply = reply, .result = OVS_CT_ESTABLISHED,
            .mark = ovs_conn_mark(conn),
        };
    }
    session_join(&spec, owner->number, entry, index, 1);
}

static void
owner_hit(struct owner *owner, struct entry *entry, unsigned int flow,
          bool reply)
{
    struct tcp_segment segment = { 101, 201, 1000, 0 };
    enum cache_miss miss = CACHE_HIT;
    uint32_t session;

    if (reply) {
        segment = (struct tcp_segment) { 201, 101, 1000, 0 };
    }
    if (entry_deadline(entry) == ENTRY_DEAD) {
        owner_join(owner, entry, flow, reply);
        return;
    }
    atomic_read_relaxed(&entry->session, &session);
    if (!session || (!random_range(4) && !session_renew(entry, session, 1))) {
        return;
    }
    if (flow_is_tcp(flow)) {
        miss = session_tcp(session, &segment);
    }
    if (!miss) {
        atomic_count_inc(&owner->arena->n_hits);
    }
}

static void *
owner_main(void *owner_)
{
    struct owner *owner = owner_;

    for (int i = 0; i < N_ROUNDS; i++) {
        unsigned int flow = random_range(N_FLOWS);
        bool reply = random_range(2);
        struct entry *entry = &owner->table.entries[2 * flow + reply];

        if (random_range(50)) {
            owner_hit(owner, entry, flow, reply);
        } else {
            session_leave(owner->number, entry,
                          table_index(&owner->table, entry));
        }
        if (!(i % 32)) {
            ovsrcu_quiesce();
        }
    }
    for (size_t i = 0; i < 2 * N_FLOWS; i++) {
        session_leave(owner->number, &owner->table.entries[i], i);
    }
    return NULL;
}

static bool
is_stopped(struct arena *arena)
{
    bool stop;

    atomic_read_relaxed(&arena->stop, &stop);
    return stop;
}

/* Packets on the long way. */
static void *
slow_main(void *arena_)
{
    struct arena *arena = arena_;
    struct tcp_segment segment = { 101, 201, 1000, 0 };
    struct dp_packet packet;

    dp_packet_init(&packet, 128);
    make_segment(&packet, &segment, TCP_ACK, -1);
    while (!is_stopped(arena)) {
        unsigned int flow = random_range(N_FLOWS);
        bool reply = !flow_is_tcp(flow) && random_range(2);

        for (unsigned int i = 0; i < N_ZONES; i++) {
            update(arena->ct, ovsrcu_get(struct conn *,
                                         &arena->conns[flow][i]),
                   &packet, reply);
        }
        ovsrcu_quiesce();
    }
    dp_packet_uninit(&packet);
    return NULL;
}

/* Ends connections as conn_clean() does. */
static void
arena_replace(struct arena *arena, unsigned int flow, unsigned int zone)
{
    struct conn *new = arena_make(arena, flow, zone);
    struct conn *old = ovsrcu_get(struct conn *, &arena->conns[flow][zone]);

    ovsrcu_set(&arena->conns[flow][zone], new);
    atomic_flag_test_and_set(&old->reclaimed);
    session_conn_end(old);
    ovsrcu_postpone(conn_free, old);
}

static void *
killer_main(void *arena_)
{
    struct arena *arena = arena_;

    while (!is_stopped(arena)) {
        unsigned int flow = random_range(N_FLOWS);
        unsigned int zone = random_range(N_ZONES);

        switch (random_range(40)) {
        case 0:
            session_kill_all(CACHE_KILL_CONN_FORCE);
            break;
        case 1:
        case 2:
            arena_replace(arena, flow, zone);
            break;
        case 3:
            session_conn_kill(ovsrcu_get(struct conn *,
                                         &arena->conns[flow][zone]),
                              CACHE_KILL_CONN_MARK);
            break;
        default:
            sched_yield();
            break;
        }
        ovsrcu_quiesce();
    }
    return NULL;
}

static void
owners_run(struct arena *arena)
{
    struct owner *owners = xcalloc(N_OWNERS, sizeof *owners);

    for (size_t i = 0; i < N_OWNERS; i++) {
        owners[i].arena = arena;
        assert(table_init(&owners[i].table, TABLE_SIZE));
        owners[i].number = session_add_table(&owners[i].table,
                                             owners[i].killed);
        assert(owners[i].number);
    }
    for (size_t i = 0; i < N_OWNERS; i++) {
        owners[i].thread = ovs_thread_create("owner", owner_main, &owners[i]);
    }
    for (size_t i = 0; i < N_OWNERS; i++) {
        xpthread_join(owners[i].thread, NULL);
        session_remove_table(owners[i].number);
        table_destroy(&owners[i].table);
    }
    free(owners);
}

static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct arena arena = { .ct = make_conntrack() };
    pthread_t slow, killer;

    hook();
    atomic_init(&arena.stop, false);
    for (unsigned int i = 0; i < N_FLOWS * N_ZONES; i++) {
        ovsrcu_init(&arena.conns[i / N_ZONES][i % N_ZONES],
                    arena_make(&arena, i / N_ZONES, i % N_ZONES));
    }
    slow = ovs_thread_create("slow", slow_main, &arena);
    killer = ovs_thread_create("killer", killer_main, &arena);
    /* Or there would be no grace period, and no memory used again. */
    ovsrcu_quiesce_start();
    owners_run(&arena);
    atomic_store_relaxed(&arena.stop, true);
    xpthread_join(slow, NULL);
    xpthread_join(killer, NULL);
    ovsrcu_quiesce_end();

    printf("%u hits\n", atomic_count_get(&arena.n_hits));
    assert(atomic_count_get(&arena.n_hits) > N_ROUNDS / 10);
    /* No session outlives its connections. */
    for (unsigned int i = 0; i < N_FLOWS * N_ZONES; i++) {
        struct conn *conn = ovsrcu_get_protected(
            struct conn *, &arena.conns[i / N_ZONES][i % N_ZONES]);

        session_conn_end(conn);
        conn_free(conn);
    }
    assert(!session_count());
    free(arena.ct);
}

static void
test_session_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "follow", NULL, 1, 1, test_follow, OVS_RO },
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-session", test_session_main);
