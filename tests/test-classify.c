/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/classify.h"

#include <assert.h>
#include <stdlib.h>

#include "datapath-ext/link.h"
#include "dp-packet.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/benchmark.h"
#include "util.h"

/* The naive classifier: a list that is searched from end to end. */

#define N_CLAIMS 256

static struct claim claims[N_CLAIMS];
static bool is_in[N_CLAIMS];

static struct claim *
naive_lookup(const struct l2_key *key)
{
    for (size_t i = 0; i < N_CLAIMS; i++) {
        if (is_in[i] && claims[i].key.vlan == key->vlan
            && eth_addr_equals(claims[i].key.mac, key->mac)) {
            return &claims[i];
        }
    }
    return NULL;
}

/* Few enough that equal keys are frequent. */
static struct l2_key
random_key(void)
{
    struct l2_key key = { .vlan = random_range(4) };

    key.mac = eth_addr_zero;
    key.mac.ea[0] = 2;
    key.mac.ea[5] = random_range(100);
    return key;
}

static void
change_one(struct classifier_l2 *cls)
{
    size_t i = random_range(N_CLAIMS);

    if (is_in[i]) {
        classify_remove(cls, &claims[i]);
        is_in[i] = false;
        ovsrcu_synchronize();
    } else {
        claims[i].key = random_key();
        bool is_free = !naive_lookup(&claims[i].key);

        assert(classify_insert(cls, &claims[i]) == is_free);
        is_in[i] = is_free;
    }
}

static void
test_check(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct classifier_l2 cls;
    size_t n_found = 0;

    classify_init(&cls);
    for (int round = 0; round < 2000; round++) {
        change_one(&cls);
        for (int i = 0; i < 50; i++) {
            struct l2_key key = random_key();
            struct claim *claim = classify_lookup(&cls, &key);

            assert(claim == naive_lookup(&key));
            n_found += claim != NULL;
        }
    }
    assert(n_found);
    for (size_t i = 0; i < N_CLAIMS; i++) {
        if (is_in[i]) {
            classify_remove(&cls, &claims[i]);
        }
    }
    classify_destroy(&cls);
}

/* The VLAN of a frame of which these are the bytes behind the addresses, or
 * -1 if it is no frame. */
static int
vlan_of(const void *bytes, size_t n)
{
    struct dp_packet packet;
    struct l2_key key;
    int vlan;

    dp_packet_init(&packet, 64);
    dp_packet_put_zeros(&packet, 2 * ETH_ADDR_LEN);
    dp_packet_put(&packet, bytes, n);
    vlan = classify_extract(&packet, &key) ? key.vlan : -1;
    dp_packet_uninit(&packet);
    return vlan;
}

static void
test_frames(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    /* Untagged, also if what follows looks like a tag. */
    assert(vlan_of("\x08\x00\x81\x00", 4) == 0);
    /* Priority-tagged. */
    assert(vlan_of("\x81\x00\xe0\x00\x08\x00", 6) == 0);
    /* Tagged: the priority doesn't matter, the outer tag does. */
    assert(vlan_of("\x81\x00\x00\x64\x08\x00", 6) == 100);
    assert(vlan_of("\x81\x00\xf0\x64\x08\x00", 6) == 100);
    assert(vlan_of("\x81\x00\x00\x64\x81\x00\x00\xc8\x08\x00", 10) == 100);
    assert(vlan_of("\x81\x00\x0f\xfe\x08\x00", 6) == 4094);
    /* In no VLAN that a VNIC can be in. */
    assert(vlan_of("\x81\x00\x0f\xff\x08\x00", 6) == L2_VLAN_NONE);
    assert(vlan_of("\x88\xa8\x00\x64\x08\x00", 6) == L2_VLAN_NONE);
    assert(vlan_of("\x81\x00\x00\x64", 4) == L2_VLAN_NONE);
    assert(vlan_of("\x81\x00", 2) == L2_VLAN_NONE);
    /* Too short for an Ethernet header. */
    assert(vlan_of("\x08", 1) == -1);
    assert(vlan_of("", 0) == -1);
}

/* Packets whose first lines, headers and metadata, are more than a first-level
 * cache holds, in an order that branch prediction can't learn. */
#define N_PACKETS 2048

struct benchmark {
    struct classifier_l2 cls;
    struct link_port *ports;    /* As on a link, claims are parts of them. */
    struct dp_packet *packets[N_PACKETS];
};

static struct eth_addr
mac_of(uint32_t i)
{
    struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,00);

    put_unaligned_be32(ALIGNED_CAST(ovs_be32 *, &mac.ea[2]), htonl(i));
    return mac;
}

static size_t
classify_all(void *benchmark_)
{
    struct benchmark *benchmark = benchmark_;
    size_t n_found = 0;

    for (size_t i = 0; i < N_PACKETS; i++) {
        struct l2_key key;

        if (classify_extract(benchmark->packets[i], &key)) {
            n_found += classify_lookup(&benchmark->cls, &key) != NULL;
        }
    }
    return n_found;
}

static void
benchmark_claims(unsigned int n)
{
    struct benchmark benchmark;

    benchmark.ports = xcalloc(n, sizeof *benchmark.ports);
    classify_init(&benchmark.cls);
    for (size_t i = 0; i < n; i++) {
        benchmark.ports[i].claim.key.mac = mac_of(i);
        assert(classify_insert(&benchmark.cls, &benchmark.ports[i].claim));
    }
    for (size_t i = 0; i < N_PACKETS; i++) {
        struct eth_header *eth;

        benchmark.packets[i] = dp_packet_new(64);
        eth = dp_packet_put_zeros(benchmark.packets[i], 60);
        eth->eth_dst = mac_of(random_range(n));
        eth->eth_type = htons(ETH_TYPE_IP);
    }

    benchmark_run(classify_all, &benchmark, N_PACKETS, "%u claims", n);

    for (size_t i = 0; i < N_PACKETS; i++) {
        dp_packet_delete(benchmark.packets[i]);
    }
    for (size_t i = 0; i < n; i++) {
        classify_remove(&benchmark.cls, &benchmark.ports[i].claim);
    }
    classify_destroy(&benchmark.cls);
    ovsrcu_synchronize();
    free(benchmark.ports);
}

static void
test_benchmark(struct ovs_cmdl_context *ctx)
{
    benchmark_header("classify");
    for (int i = 1; i < ctx->argc; i++) {
        benchmark_claims(strtoul(ctx->argv[i], NULL, 10));
    }
}

static void
test_classify_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "check", NULL, 0, 0, test_check, OVS_RO },
        { "frames", NULL, 0, 0, test_frames, OVS_RO },
        { "benchmark", "CLAIMS...", 1, INT_MAX, test_benchmark, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-classify", test_classify_main);
