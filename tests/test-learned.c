/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/learned.h"

#include <assert.h>
#include <stdlib.h>

#include "dp-packet.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/time-seam.h"
#include "util.h"

static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);

/* Hears that its guest has 10.0.0.0 + 'address'.  Returns whether that was
 * new. */
static bool
hear(struct learned *learned, uint32_t address)
{
    struct dp_packet_batch batch;
    bool is_new;

    dp_packet_batch_init_packet(&batch, dp_packet_new(0));
    compose_arp(batch.packets[0], ARP_OP_REQUEST, mac, eth_addr_zero, true,
                htonl(0x0a000000 + address), htonl(0x0a000000));
    is_new = learned_snoop(learned, &batch, &mac);
    dp_packet_delete_batch(&batch, true);
    return is_new;
}

static size_t
get(struct learned *learned, uint32_t found[LEARNED_MAX])
{
    struct in6_addr addresses[LEARNED_MAX];
    size_t n = learned_get(learned, addresses);

    assert(n <= LEARNED_MAX);
    for (size_t i = 0; i < n; i++) {
        found[i] = ntohl(in6_addr_get_mapped_ipv4(&addresses[i]))
            - 0x0a000000;
    }
    return n;
}

static int
compare(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static void
check_same(struct learned *learned, const uint32_t *expected, size_t n)
{
    uint32_t found[LEARNED_MAX], sorted[LEARNED_MAX];

    assert(get(learned, found) == n);
    memcpy(sorted, expected, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    qsort(found, n, sizeof *found, compare);
    assert(!memcmp(sorted, found, n * sizeof *found));
}

/* Random addresses against a list in the order in which they were heard. */
static void
test_random(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct learned *learned = learned_create();
    uint32_t list[LEARNED_MAX + 1];
    long long int now = time_real_msec();
    size_t n = 0, n_new = 0;
    bool changed = false;

    random_set_seed(1);
    check_same(learned, list, 0);
    assert(!learned_changed(learned));
    for (int i = 0; i < 20000; i++) {
        uint32_t address = 1 + random_range(i % 1000 < 500 ? 70 : 200);
        size_t at = 0;
        bool is_new;

        time_stop(++now);
        while (at < n && list[at] != address) {
            at++;
        }
        is_new = at == n;
        if (is_new) {
            n_new++;
        } else {
            memmove(&list[at], &list[at + 1], (--n - at) * sizeof *list);
        }
        list[n++] = address;
        if (n > LEARNED_MAX) {
            memmove(list, list + 1, --n * sizeof *list);
        }
        assert(hear(learned, address) == is_new);
        changed |= is_new;
        assert(learned_changed(learned) == changed);
        if (!random_range(10)) {
            /* To look is not to take. */
            check_same(learned, list, n);
            assert(learned_changed(learned) == changed);
        }
        if (!random_range(10)) {
            learned_taken(learned);
            changed = false;
        }
    }
    assert(n_new > 1000 && n_new < 19000);
    learned_retire(learned);
    learned_retire(NULL);
}

/* Threads: a guest sends from several, while the main thread looks. */

#define N_THREADS 3
#define N_HEARD 20000

static void *
guest(void *learned)
{
    unsigned int seed = ovsthread_id_self();

    for (int i = 0; i < N_HEARD; i++) {
        seed = seed * 1103515245 + 12345;
        hear(learned, 1 + (seed >> 16) % 100);
    }
    return NULL;
}

static void
test_threads(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct learned *learned = learned_create();
    pthread_t threads[N_THREADS];
    uint32_t found[LEARNED_MAX];

    for (size_t i = 0; i < N_THREADS; i++) {
        threads[i] = ovs_thread_create("guest", guest, learned);
    }
    for (int i = 0; i < 2000; i++) {
        size_t n = get(learned, found);

        qsort(found, n, sizeof *found, compare);
        for (size_t j = 0; j < n; j++) {
            assert(found[j] >= 1 && found[j] <= 100);
            assert(!j || found[j] != found[j - 1]);
        }
        if (learned_changed(learned)) {
            learned_taken(learned);
        }
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
    }
    assert(get(learned, found) == LEARNED_MAX);
    learned_retire(learned);
    ovsrcu_quiesce();
}

static void
test_learned_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "random", NULL, 0, 0, test_random, OVS_RO },
        { "threads", NULL, 0, 0, test_threads, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-learned", test_learned_main);
