/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/steer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath-ext/frame.h"
#include "datapath-ext/rules.h"
#include "dp-packet.h"
#include "flow.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/naive-rules.h"
#include "tests/rule-set.h"
#include "util.h"

/* Steering only passes rings on, so any address is one. */
static char places[STEER_N_IDS + 3];
#define RING(N) ((struct ring *) &places[N])
#define FALLBACK RING(STEER_N_IDS)
#define LOCAL RING(STEER_N_IDS + 1)
#define FORWARD RING(STEER_N_IDS + 2)

static unsigned int
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* The oracle: which ring a frame gets without rules. */
static struct ring *
naive_split(const struct steer_options *options, const uint8_t *frame,
            size_t size)
{
    const uint8_t *p = frame + 12, *end = frame + size;
    uint8_t dst[16] = { [10] = 0xff, [11] = 0xff };

    if (!options->local && !options->forward) {
        return options->fallback;
    }
    if (get16(p) == 0x8100 && p + 6 <= end) {
        p += 4;
    }
    if (get16(p) == 0x0800 && p + 2 + 20 <= end) {
        memcpy(dst + 12, p + 2 + 16, 4);
    } else if (get16(p) == 0x86dd && p + 2 + 40 <= end) {
        memcpy(dst, p + 2 + 24, 16);
    } else {
        return options->fallback;
    }
    for (size_t i = 0; i < options->n_addresses; i++) {
        if (!memcmp(dst, &options->addresses[i], 16)) {
            return options->local ? options->local : options->fallback;
        }
    }
    if (frame[0] & 1) {
        return options->local ? options->local : options->fallback;
    }
    return options->forward ? options->forward : options->fallback;
}

/* As the frame is on the link, of which 'bare_vlan' says that it is the one
 * that a neighbour's frame is in without having its tag. */
static size_t
naive_tag(uint8_t *dst, const uint8_t *frame, size_t size,
          uint16_t bare_vlan)
{
    memcpy(dst, frame, 12);
    dst[12] = 0x81;
    dst[13] = 0;
    dst[14] = bare_vlan >> 8;
    dst[15] = bare_vlan;
    memcpy(dst + 16, frame + 12, size - 12);
    return size + 4;
}

static const struct naive_rule *
naive_rule(const struct rule_set *set, const uint8_t *frame, size_t size,
           uint16_t bare_vlan)
{
    uint8_t tagged[NAIVE_MAX_FRAME + 4];
    struct naive_key key;

    if (bare_vlan) {
        size = naive_tag(tagged, frame, size, bare_vlan);
        naive_parse(tagged, size, flow_vlan_limit + 1, &key);
    } else {
        naive_parse(frame, size, flow_vlan_limit, &key);
    }
    return naive_lookup(set->naive, set->n, &key);
}

/* Addresses that random frames are likely to go to. */
static size_t
draw_addresses(struct in6_addr *addresses, size_t n)
{
    static const struct in6_addr none;
    size_t n_drawn = 0;

    while (n_drawn < n) {
        uint8_t frame[NAIVE_MAX_FRAME];
        struct naive_key key;

        naive_parse(frame, naive_random_frame(frame), 2, &key);
        if (key.eth_type[0] == 8 && key.eth_type[1] == 0) {
            ovs_be32 ip4;

            memcpy(&ip4, key.ip4_dst, sizeof ip4);
            in6_addr_set_mapped_ipv4(&addresses[n_drawn++], ip4);
        } else if (memcmp(key.ip6_dst, &none, sizeof none)) {
            memcpy(&addresses[n_drawn++], key.ip6_dst, sizeof none);
        }
    }
    return n_drawn;
}

struct scene {
    struct steer_options options;
    struct in6_addr addresses[64];
    struct rule_set *set;
    struct rule_config configs[RULE_SET_MAX];
    struct steer *steer;
};

static struct scene *
scene_create(void)
{
    struct scene *scene = xzalloc(sizeof *scene);
    struct steer_options *options = &scene->options;

    options->fallback = FALLBACK;
    options->local = random_range(4) ? LOCAL : NULL;
    options->forward = random_range(4) ? FORWARD : NULL;
    for (size_t i = 0; i < STEER_N_IDS; i++) {
        options->by_id[i] = random_range(2) ? RING(i) : NULL;
    }
    options->addresses = scene->addresses;
    options->n_addresses = draw_addresses(scene->addresses, random_range(65));

    scene->set = rule_set_create(random_range(2) ? 1 + random_range(20) : 0);
    for (size_t i = 0; i < scene->set->n; i++) {
        scene->configs[i] = scene->set->configs[i];
        scene->configs[i].action = random_range(3);
        scene->configs[i].ring = random_range(STEER_N_IDS);
    }
    options->rules = scene->configs;
    options->n_rules = scene->set->n;
    scene->steer = steer_create(options);
    return scene;
}

static void
scene_destroy(struct scene *scene)
{
    steer_destroy(scene->steer);
    rule_set_destroy(scene->set);
    free(scene);
}

enum outcome { BY_RULE, TO_LOCAL, TO_FORWARD, TO_FALLBACK, N_OUTCOMES };

static enum outcome
check_frame(const struct scene *scene, const uint8_t *bytes, size_t size,
            uint16_t bare_vlan)
{
    const struct steer_options *options = &scene->options;
    const struct naive_rule *naive
        = naive_rule(scene->set, bytes, size, bare_vlan);
    struct steer_verdict verdict;
    struct dp_packet *packet;
    struct frame frame;

    packet = dp_packet_clone_data(bytes, size);
    assert(frame_init(&frame, packet));
    frame.bare_vlan = bare_vlan;
    steer_frame(scene->steer, &frame, &verdict);
    assert(dp_packet_size(packet) == size
           && !memcmp(dp_packet_data(packet), bytes, size));
    dp_packet_delete(packet);

    assert(!verdict.rule == !naive);
    if (naive) {
        const struct rule_config *config
            = &scene->configs[naive - scene->set->naive];

        assert(!strcmp(verdict.rule->name, naive->name));
        assert(verdict.action == config->action);
        if (verdict.action == RULE_RING) {
            struct ring *ring = options->by_id[config->ring];

            assert(verdict.ring == (ring ? ring : FALLBACK));
        }
        return BY_RULE;
    }
    assert(verdict.action == RULE_RING);
    assert(verdict.ring == naive_split(options, bytes, size));
    assert(verdict.why);
    return (verdict.ring == LOCAL ? TO_LOCAL
            : verdict.ring == FORWARD ? TO_FORWARD : TO_FALLBACK);
}

static void
test_random(struct ovs_cmdl_context *ctx)
{
    static const char *const names[N_OUTCOMES] = {
        "by a rule", "local", "forward", "default"
    };
    int n_scenes = atoi(ctx->argv[1]);
    unsigned int n[N_OUTCOMES] = { 0 };

    random_set_seed(atoi(ctx->argv[2]));
    for (int i = 0; i < n_scenes; i++) {
        struct scene *scene = scene_create();

        for (int j = 0; j < 1000; j++) {
            uint8_t frame[NAIVE_MAX_FRAME];
            size_t size = naive_random_frame(frame);
            uint16_t bare_vlan = random_range(4) ? 0
                                 : 1 + random_range(4094);

            if (size < ETH_HEADER_LEN) {
                continue;       /* Never gets here, see classify.h. */
            }
            if (!random_range(4)) {
                frame[0] ^= 1;
            }
            n[check_frame(scene, frame, size, bare_vlan)]++;
        }
        scene_destroy(scene);
    }
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        printf("%s: %u\n", names[i], n[i]);
        assert(n[i] >= n_scenes * 10);
    }
}

/* Frames of which one knows where they belong. */
static struct ring *
steer_hex(const struct steer *steer, const char *hex, size_t cut)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct steer_verdict verdict;
    struct frame frame;

    assert(!*dp_packet_put_hex(packet, hex, NULL));
    dp_packet_set_size(packet, dp_packet_size(packet) - cut);
    assert(frame_init(&frame, packet));
    steer_frame(steer, &frame, &verdict);
    dp_packet_delete(packet);
    return verdict.ring;
}

#define MACS "020000000001" "020000000009"
#define GROUP "01005e000001" "020000000009"
#define IP4 "4500001c0000000040110000" "0a000002"
#define IP6 "6000000000003b40" "fd000000000000000000000000000009"
#define OWN6 "fd000000000000000000000000000001"

static void
test_split(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct in6_addr addresses[2];
    struct steer_options options = {
        .fallback = FALLBACK, .local = LOCAL, .forward = FORWARD,
        .addresses = addresses, .n_addresses = 2,
    };
    struct steer *steer;

    in6_addr_set_mapped_ipv4(&addresses[0], htonl(0x0a000001));
    assert(ipv6_parse("fd00::1", &addresses[1]));
    steer = steer_create(&options);

    assert(steer_hex(steer, MACS "0800" IP4 "0a000001", 0) == LOCAL);
    assert(steer_hex(steer, MACS "0800" IP4 "0a000003", 0) == FORWARD);
    assert(steer_hex(steer, GROUP "0800" IP4 "0a000003", 0) == LOCAL);
    assert(steer_hex(steer, MACS "86dd" IP6 OWN6, 0) == LOCAL);
    assert(steer_hex(steer, MACS "86dd" IP6 IP6, 0) == FORWARD);
    /* An IPv6 packet to the mapped form of an IPv4 address is to that
     * address, as far as a stack would take it at all. */
    assert(steer_hex(steer, MACS "86dd" IP6
                     "00000000000000000000ffff0a000001", 0) == LOCAL);
    /* One tag, but neither two nor one of a provider. */
    assert(steer_hex(steer, MACS "8100e000" "0800" IP4 "0a000001", 0)
           == LOCAL);
    assert(steer_hex(steer, MACS "81000064" "0800" IP4 "0a000003", 0)
           == FORWARD);
    assert(steer_hex(steer, MACS "8100006481000000" "0800" IP4 "0a000001", 0)
           == FALLBACK);
    assert(steer_hex(steer, MACS "88a80064" "0800" IP4 "0a000001", 0)
           == FALLBACK);
    /* A byte too short, in any of the headers. */
    assert(steer_hex(steer, MACS "0800" IP4 "0a000001", 1) == FALLBACK);
    assert(steer_hex(steer, MACS "86dd" IP6 OWN6, 1) == FALLBACK);
    assert(steer_hex(steer, MACS "8100e000" "0800" IP4 "0a000001", 1)
           == FALLBACK);
    assert(steer_hex(steer, MACS "8100e000" "0800", 1) == FALLBACK);
    assert(steer_hex(steer, MACS "0800", 0) == FALLBACK);
    assert(steer_hex(steer, GROUP "0806" IP4 "0a000001", 0) == FALLBACK);
    steer_destroy(steer);
}

static void
test_rings(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct steer_options options = {
        .fallback = FALLBACK, .by_id = { [0] = RING(0), [63] = RING(63) },
    };
    struct steer *steer = steer_create(&options);

    /* Without a ring for either, nobody looks at addresses. */
    assert(steer_hex(steer, MACS "0800" IP4 "0a000001", 0) == FALLBACK);
    assert(!steer_rules(steer));
    assert(steer_ring(steer, 0) == RING(0));
    assert(steer_ring(steer, 63) == RING(63));
    assert(steer_ring(steer, 1) == FALLBACK);
    assert(steer_ring(steer, STEER_N_IDS) == FALLBACK);
    assert(steer_ring(steer, UINT_MAX) == FALLBACK);
    steer_destroy(steer);

    /* With only one of them, the default ring is the other. */
    options.local = LOCAL;
    steer = steer_create(&options);
    assert(steer_hex(steer, MACS "0800" IP4 "0a000001", 0) == FALLBACK);
    assert(steer_hex(steer, GROUP "0800" IP4 "0a000001", 0) == LOCAL);
    steer_destroy(steer);
    steer_destroy(NULL);
}

/* Rules that stay keep what they counted, under another place and action. */
static void
test_inherit(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct rule_config configs[2] = {
        { .name = "a", .priority = 1, .action = RULE_DROP },
        { .name = "b", .priority = 2, .action = RULE_RING, .ring = 5 },
    };
    struct steer_options options = {
        .fallback = FALLBACK, .rules = configs, .n_rules = 2,
    };
    struct steer *old, *new, *none;

    match_init_catchall(&configs[0].match);
    match_init_catchall(&configs[1].match);
    old = steer_create(&options);
    rule_count(rules_get(steer_rules(old), 0), 10);
    rule_count(rules_get(steer_rules(old), 1), 20);
    rule_count(rules_get(steer_rules(old), 1), 20);
    configs[0].name = "b";
    configs[1].name = "c";
    new = steer_create(&options);
    steer_inherit(new, old);
    assert(counter_read(&rules_get(steer_rules(new), 0)->packets) == 2);
    assert(counter_read(&rules_get(steer_rules(new), 0)->bytes) == 40);
    assert(counter_read(&rules_get(steer_rules(new), 1)->packets) == 0);

    options.n_rules = 0;
    none = steer_create(&options);
    steer_inherit(none, old);
    steer_inherit(new, none);
    steer_inherit(new, NULL);
    steer_inherit(NULL, old);
    assert(counter_read(&rules_get(steer_rules(new), 0)->packets) == 2);
    steer_destroy(none);
    steer_destroy(new);
    steer_destroy(old);
}

static void
test_steer_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "split", NULL, 0, 0, test_split, OVS_RO },
        { "rings", NULL, 0, 0, test_rings, OVS_RO },
        { "inherit", NULL, 0, 0, test_inherit, OVS_RO },
        { "random", "SCENES SEED", 2, 2, test_random, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-steer", test_steer_main);
