/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/hw.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "datapath-ext/classify.h"
#include "datapath-ext/hw-pattern.h"
#include "dpdk.h"
#include "dp-packet.h"
#include "netdev.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/vlog.h"
#include "odp-util.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

/* Parses 's' as the column match of VNIC_Classifier is. */
static void
parse_match(const char *s, struct match *match)
{
    enum ofputil_protocol protocols;
    struct ofputil_flow_mod fm;
    char *error = parse_ofp_str(&fm, OFPFC_DELETE, s, NULL, NULL, &protocols);

    if (error) {
        ovs_fatal(0, "%s: %s", s, error);
    }
    minimatch_expand(&fm.match, match);
    minimatch_destroy(&fm.match);
    free(CONST_CAST(struct ofpact *, fm.ofpacts));
}

static void
print_pattern(const struct match *match)
{
    struct hw_pattern pattern;
    char *reason = hw_pattern_init(&pattern, match);

    if (reason) {
        printf("no: %s\n", reason);
        free(reason);
    } else {
        struct ds ds = DS_EMPTY_INITIALIZER;

        hw_pattern_format(&pattern, &ds);
        puts(ds_cstr(&ds));
        ds_destroy(&ds);
        /* What drivers check. */
        for (size_t i = 0; i < pattern.n; i++) {
            assert(!pattern.items[i].last);
            assert(!pattern.items[i].spec == !pattern.items[i].mask);
        }
    }
}

/* Reads matches, one a line, and prints the pattern or the reason. */
static void
test_pattern(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct ds line = DS_EMPTY_INITIALIZER;

    while (!ds_get_line(&line, stdin)) {
        struct match match;

        parse_match(ds_cstr(&line), &match);
        print_pattern(&match);
    }
    ds_destroy(&line);
}

/* Every bit of struct flow that a match may ask for is in the pattern or in a
 * reason: a match that asks for one more field than a pattern shows would take
 * frames that it must not. */
static void
test_fields(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    size_t n_taken = 0, n_refused = 0;

    for (size_t byte = 0; byte < sizeof(struct flow); byte++) {
        struct hw_pattern plain, pattern;
        struct match match;
        char *reason;

        parse_match("tcp", &match);
        assert(!hw_pattern_init(&plain, &match));
        if (((uint8_t *) &match.wc)[byte]) {
            continue;           /* packet_type, dl_type, nw_proto. */
        }
        ((uint8_t *) &match.wc)[byte] = UINT8_MAX;
        reason = hw_pattern_init(&pattern, &match);
        if (reason) {
            n_refused++;
            free(reason);
        } else {
            assert(memcmp(&plain.mask, &pattern.mask, sizeof plain.mask));
            n_taken++;
        }
    }
    /* MAC addresses, TCI, IPv4 addresses, TOS, ports. */
    assert(n_taken == 2 * 6 + 2 + 2 * 4 + 1 + 2 * 2);
    assert(n_refused > 400);
}

static void
test_claims(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct l2_key key = { .mac = ETH_ADDR_C(02,00,00,00,00,0a) };
    struct match match;

    hw_match_from_claim(&match, &key);
    print_pattern(&match);
    key.vlan = 20;
    hw_match_from_claim(&match, &key);
    print_pattern(&match);
}

/* A device. */

/* Opens the DPDK device 'devargs' as link.c does. */
static struct netdev *
open_device(const char *devargs, int n_rxq, struct netdev_rxq **rxqs)
{
    struct smap args = SMAP_INITIALIZER(&args);
    struct netdev *netdev;
    char *error = NULL;

    smap_add(&args, "dpdk-init", "true");
    smap_add(&args, "dpdk-extra", getenv("DPDK_EXTRA"));
    dpdk_init(&args);
    assert(dpdk_available());
    smap_clear(&args);

    assert(!netdev_open("dpdk0", "dpdk", &netdev));
    smap_add(&args, "dpdk-devargs", devargs);
    smap_add_format(&args, "n_rxq", "%d", n_rxq);
    if (netdev_set_config(netdev, &args, &error)) {
        ovs_fatal(0, "%s: %s", devargs, error);
    }
    assert(!netdev_reconfigure(netdev));
    assert(netdev_n_rxq(netdev) == n_rxq);
    for (int i = 0; i < n_rxq; i++) {
        assert(!netdev_rxq_open(netdev, &rxqs[i], i));
    }
    smap_destroy(&args);
    return netdev;
}

struct rule {
    struct hw_rule *hw_rule;    /* NULL if it was refused. */
    uint32_t mark;
    struct match match;
};

/* Initializes 'rule' with "steer MARK QUEUE MATCH", "mark MARK MATCH" or
 * "drop MATCH", any of them after "level LEVEL". */
static void
create_rule(struct hw *hw, const char *s, struct rule *rule)
{
    struct hw_rule_config config = { .match = &rule->match };
    char *reason;
    int n = 0;

    if (ovs_scan(s, "level %u %n", &config.level, &n)) {
        s += n;
    }
    if (ovs_scan(s, "steer %"SCNu32" %u %n", &config.mark, &config.queue,
                 &n)) {
        config.action = HW_STEER;
    } else if (ovs_scan(s, "mark %"SCNu32" %n", &config.mark, &n)) {
        config.action = HW_MARK;
    } else if (ovs_scan(s, "drop %n", &n) && n) {
        config.action = HW_DROP;
    } else {
        ovs_fatal(0, "%s: not a rule", s);
    }
    parse_match(s + n, &rule->match);
    rule->mark = config.mark;
    rule->hw_rule = hw_rule_create(hw, &config, &reason);
    if (!rule->hw_rule) {
        printf("no: %s\n", reason);
        free(reason);
    }
}

/* What software says about a rule and a frame. */
static bool
rule_matches(const struct rule *rule, struct dp_packet *packet)
{
    struct flow flow;

    pkt_metadata_init(&packet->md, ODPP_NONE);
    flow_extract(packet, &flow);
    return flow_equal_except(&flow, &rule->match.flow, &rule->match.wc);
}

/* Prints the queue, the mark or -1 and the bytes of a frame, and "missed" if
 * hardware has missed it.  Makes sure that it is a frame for the rule that has
 * marked it. */
static void
print_packet(int queue, struct dp_packet *packet, const struct rule *rules,
             size_t n_rules)
{
    const uint8_t *data = dp_packet_data(packet);
    uint32_t mark = 0;
    bool is_marked = hw_take_mark(packet, &mark);
    bool is_known = false, is_missed = false;

    assert(!hw_take_mark(packet, &mark));
    for (const struct rule *rule = rules; rule < rules + n_rules; rule++) {
        if (!is_marked) {
            is_missed = is_missed || rule_matches(rule, packet);
        } else if (rule->mark == mark) {
            assert(rule_matches(rule, packet));
            is_known = true;
        }
    }
    assert(is_known == is_marked);

    printf("queue %d mark %d ", queue, is_marked ? (int) mark : -1);
    for (size_t i = 0; i < dp_packet_size(packet); i++) {
        printf("%02x", data[i]);
    }
    puts(is_missed ? " missed" : "");
}

/* Prints what the device receives until there is something on standard
 * input. */
static void
receive(struct netdev_rxq **rxqs, int n_rxq, const struct rule *rules,
        size_t n_rules)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    while (!poll(&input, 1, 1)) {
        for (int i = 0; i < n_rxq; i++) {
            struct dp_packet_batch batch;
            struct dp_packet *packet;

            dp_packet_batch_init(&batch);
            if (netdev_rxq_recv(rxqs[i], &batch, NULL)) {
                continue;
            }
            DP_PACKET_BATCH_FOR_EACH (j, packet, &batch) {
                print_packet(i, packet, rules, n_rules);
            }
            dp_packet_delete_batch(&batch, true);
        }
        fflush(stdout);
    }
}

static void
print_counters(const struct hw *hw, const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t packets, bytes;

        if (rules[i].hw_rule) {
            if (hw_rule_query(hw, rules[i].hw_rule, &packets, &bytes)) {
                printf("counted %"PRIu64" %"PRIu64, packets, bytes);
            } else {
                printf("counted not");
            }
            putchar('\n');
        }
    }
}

/* test-hw device DEVARGS N_RXQ RULE...: puts rules into a DPDK device, and
 * prints what it receives; at the first line of input its counters; and then
 * what it receives without rules, until the second. */
static void
test_device(struct ovs_cmdl_context *ctx)
{
    int n_rxq = atoi(ctx->argv[2]);
    size_t n_rules = ctx->argc - 3;
    struct netdev_rxq **rxqs = xcalloc(n_rxq, sizeof *rxqs);
    struct rule *rules = xcalloc(n_rules, sizeof *rules);
    struct netdev *netdev = open_device(ctx->argv[1], n_rxq, rxqs);
    struct netdev_saved_flags *saved_flags;
    char *reason;
    struct hw *hw = hw_open(netdev, &reason);
    char line[16];

    assert(!netdev_turn_flags_on(netdev, NETDEV_UP | NETDEV_PROMISC,
                                 &saved_flags));
    if (!hw) {
        printf("no: %s\n", reason);
        free(reason);
    } else {
        for (size_t i = 0; i < n_rules; i++) {
            create_rule(hw, ctx->argv[3 + i], &rules[i]);
        }
        puts("ready");
        fflush(stdout);
        receive(rxqs, n_rxq, rules, n_rules);
        ignore(fgets(line, sizeof line, stdin));
        print_counters(hw, rules, n_rules);
        if (n_rules && rules[0].hw_rule) {
            assert(hw_rule_destroy(hw, rules[0].hw_rule));
        }
        hw_close(hw);
        puts("closed");
        fflush(stdout);
        receive(rxqs, n_rxq, NULL, 0);
    }

    for (int i = 0; i < n_rxq; i++) {
        netdev_rxq_close(rxqs[i]);
    }
    netdev_restore_flags(saved_flags);
    netdev_close(netdev);
    free(rules);
    free(rxqs);
}

static void
test_hw_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "pattern", NULL, 0, 0, test_pattern, OVS_RO },
        { "fields", NULL, 0, 0, test_fields, OVS_RO },
        { "claims", NULL, 0, 0, test_claims, OVS_RO },
        { "device", NULL, 2, INT_MAX, test_device, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-hw", test_hw_main);
