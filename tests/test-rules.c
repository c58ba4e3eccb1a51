/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/rules.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>

#include "datapath-ext/rules-check.h"
#include "dp-packet.h"
#include "flow.h"
#include "openflow/openflow.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "tests/probe-seam.h"
#include "tests/rule-set.h"
#include "timeval.h"
#include "util.h"
#include "vswitchd-plugin/match.h"

/* Frames in memory of just their size, for AddressSanitizer. */
static void
compare_random(const struct rule_set *set, size_t n, uint64_t *n_hits)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t frame[NAIVE_MAX_FRAME];
        size_t size = naive_random_frame(frame);
        uint8_t *copy = xmemdup(frame, size ? size : 1);

        *n_hits += rule_set_compare(set, copy, size);
        free(copy);
    }
}

static void
init_seed(struct ovs_cmdl_context *ctx, int arg)
{
    uint32_t seed = ctx->argc > arg ? strtoul(ctx->argv[arg], NULL, 0)
                                    : time_wall_msec();

    printf("seed %"PRIu32"\n", seed);
    random_set_seed(seed);
}

/* check PAIRS [SEED]: random frames on random rules. */

#define FRAMES_PER_SET 250

static void
test_check(struct ovs_cmdl_context *ctx)
{
    uint64_t n_pairs = strtoull(ctx->argv[1], NULL, 10);
    uint64_t n = 0, n_hits = 0, n_rules = 0, n_sets = 0;

    init_seed(ctx, 2);
    while (n < n_pairs) {
        struct rule_set *set = rule_set_create(random_range(100));

        assert(rules_count(set->rules) == set->n);
        assert(rules_count_masks(set->rules) == set->n_masks);
        for (size_t i = 0; i < set->n; i++) {
            assert(!strcmp(rules_get(set->rules, i)->name,
                           set->naive[i].name));
        }
        flow_limit_vlans(random_range(3));
        compare_random(set, FRAMES_PER_SET, &n_hits);
        n += FRAMES_PER_SET;
        n_rules += set->n;
        n_sets++;
        rule_set_destroy(set);
        ovsrcu_quiesce();
    }
    printf("%"PRIu64" frames on %"PRIu64" sets of %"PRIu64" rules: "
           "%"PRIu64" hits\n", n, n_sets, n_rules, n_hits);
    fflush(stdout);
    assert(n_hits > n / 10 && n_hits < n - n / 10);
}

/* masks: all the masks that there can be, and packets that try to make the
 * lookup grow. */

static void
test_masks(struct ovs_cmdl_context *ctx)
{
    uint64_t n_hits = 0, max_probes = 0;
    struct rule_set *set;

    init_seed(ctx, 1);
    set = rule_set_create(100 * RULE_SET_MAX);
    assert(set->n_masks == RULES_MAX_MASKS);
    for (int i = 0; i < 100000; i++) {
        uint64_t before = probe_count();

        compare_random(set, 1, &n_hits);
        max_probes = MAX(max_probes, probe_count() - before);
        assert(max_probes <= RULES_MAX_MASKS);
        assert(rules_count_masks(set->rules) == RULES_MAX_MASKS);
    }
    printf("%"PRIuSIZE" rules, %"PRIuSIZE" masks, at most %"PRIu64" probes, "
           "%"PRIu64" hits\n", set->n, set->n_masks, max_probes, n_hits);
    fflush(stdout);
    assert(max_probes == RULES_MAX_MASKS);
    rule_set_destroy(set);
}

/* many: sets as large as a configuration may get, which must take neither a
 * square number of steps to check nor to make and destroy. */

static struct rule_config *
many_configs(int n, int kind)
{
    struct rule_config *configs = xcalloc(n, sizeof *configs);

    for (int i = 0; i < n; i++) {
        struct match *match = &configs[i].match;

        /* Of one priority, or of all there are, in ascending or descending
         * order; with one address, or some with two. */
        configs[i].name = "many";
        configs[i].priority = kind & 1 ? 7 : kind & 2 ? i : n - i;
        match_init_catchall(match);
        match_set_dl_type(match, htons(ETH_TYPE_IP));
        match_set_nw_src(match, htonl(i));
        if (kind & 4 && i % 2) {
            match_set_nw_dst(match, htonl(i));
        }
    }
    return configs;
}

static long long int
thread_cpu_usec(void)
{
    struct timespec ts;

    xclock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Returns how many microseconds of the processor it took. */
static long long int
run_many(int n, int kind)
{
    struct rule_config *configs = many_configs(n, kind);
    struct rules_checker *checker = rules_checker_create();
    long long int start = thread_cpu_usec();
    const char *other;

    for (int i = 0; i < n; i++) {
        assert(rules_checker_add(checker, &configs[i], &other) == RULES_OK);
    }
    assert(rules_checker_add(checker, &configs[n / 2], &other)
           == RULES_OVERLAP);
    rules_checker_destroy(checker);
    rules_destroy(rules_create(configs, n));
    free(configs);
    ovsrcu_quiesce();
    return thread_cpu_usec() - start;
}

static void
test_many(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int kind = 0; kind < 8; kind++) {
        long long int few = run_many(5000, kind);
        long long int many = run_many(20000, kind);

        printf("kind %d: 5000 rules %lld us, 20000 rules %lld us\n", kind,
               few, many);
        fflush(stdout);
        /* It would be 16 times as long if it grew with the square. */
        assert(many < 10 * few + 100000);
    }
}

/* publish SWAPS [SEED]: sets are replaced while threads look up in them. */

#define N_FLOWS 64
#define N_READERS 2

struct shared {
    OVSRCU_TYPE(struct rules *) rules;
    atomic_uint generation;     /* Of the newest set that is published. */
    atomic_bool stop;
};

/* A set that says its generation in 'ring', and what flow it is for in the
 * name.  What shapes it has changes all the time. */
static struct rules *
generation_create(unsigned int generation)
{
    struct rule_config configs[2 * N_FLOWS];
    char names[N_FLOWS][8];
    struct rules *rules;
    size_t n = 0;

    memset(configs, 0, sizeof configs);
    for (int i = 0; i < N_FLOWS; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        for (int j = 0; j < 2; j++) {
            struct rule_config *config = &configs[n];

            config->name = names[i];
            config->priority = 1000 * j + random_range(1000);
            config->ring = generation;
            match_init_catchall(&config->match);
            match_set_dl_type(&config->match, htons(ETH_TYPE_IP));
            match_set_nw_proto(&config->match, IPPROTO_UDP);
            match_set_tp_dst(&config->match, htons(i));
            if (j) {
                match_set_nw_src_masked(&config->match, htonl(i << 24),
                                        be32_prefix_mask(random_range(9)));
            }
            n += j == 0 || random_range(2);
        }
    }
    rules = rules_create(configs, n);
    for (size_t i = 0; i < n; i++) {
        rules_get(rules, i)->aux = rules;
    }
    return rules;
}

static unsigned int
get_generation(struct shared *shared)
{
    unsigned int generation;

    atomic_read_explicit(&shared->generation, &generation,
                         memory_order_acquire);
    return generation;
}

/* One lookup: it must find the rule of the right flow, in the set that was
 * published when it began, when it ended, or between. */
static void
read_once(struct shared *shared, int i)
{
    unsigned int first = get_generation(shared);
    const struct rules *rules = ovsrcu_get(struct rules *, &shared->rules);
    struct flow flow;
    struct rule *rule;
    char name[8];

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_src = htonl(i << 24);
    flow.tp_dst = htons(i);

    rule = rules_lookup(rules, &flow);
    snprintf(name, sizeof name, "f%d", i);
    assert(rule && rule->aux == rules && !strcmp(rule->name, name));
    counter_add(&rule->packets, 1);
    /* Between the publication of a set and that of its generation. */
    assert(rule->ring >= first && rule->ring <= get_generation(shared) + 1);
}

static void *
read_forever(void *shared_)
{
    struct shared *shared = shared_;
    uint64_t *n = xzalloc(sizeof *n);
    bool stop = false;

    while (!stop) {
        for (int i = 0; i < N_FLOWS; i++) {
            read_once(shared, i);
            ++*n;
        }
        ovsrcu_quiesce();
        atomic_read_relaxed(&shared->stop, &stop);
    }
    return n;
}

static void
test_publish(struct ovs_cmdl_context *ctx)
{
    pthread_t threads[N_READERS];
    struct shared shared;
    unsigned int n_swaps = strtoul(ctx->argv[1], NULL, 10);
    uint64_t n = 0;

    init_seed(ctx, 2);
    ovsrcu_init(&shared.rules, generation_create(0));
    atomic_init(&shared.generation, 0);
    atomic_init(&shared.stop, false);
    for (int i = 0; i < N_READERS; i++) {
        threads[i] = ovs_thread_create("reader", read_forever, &shared);
    }
    for (unsigned int i = 1; i <= n_swaps; i++) {
        struct rules *old = ovsrcu_get_protected(struct rules *,
                                                 &shared.rules);

        ovsrcu_set(&shared.rules, generation_create(i));
        atomic_store_explicit(&shared.generation, i, memory_order_release);
        rules_retire(old);
        ovsrcu_quiesce();
        sched_yield();
    }
    atomic_store_relaxed(&shared.stop, true);
    for (int i = 0; i < N_READERS; i++) {
        void *result;

        xpthread_join(threads[i], &result);
        n += *(uint64_t *) result;
        free(result);
    }
    printf("%u sets, %"PRIu64" lookups\n", n_swaps, n);
    assert(n > n_swaps);
    rules_destroy(ovsrcu_get_protected(struct rules *, &shared.rules));
}

/* benchmark [SEED]: nanoseconds, by the number of masks. */

static void
benchmark(size_t n_rules, struct flow *flows, size_t n_flows)
{
    struct rule_set *set = rule_set_create(n_rules);
    uint64_t n_hits = 0, probes = probe_count();
    const size_t n = 2000000;
    long long int start = time_usec();

    for (size_t i = 0; i < n; i++) {
        n_hits += rules_lookup(set->rules, &flows[i % n_flows]) != NULL;
    }
    printf("%3"PRIuSIZE" rules, %2"PRIuSIZE" masks: %4.0f ns per lookup, "
           "%4.1f probes, %2.0f %% hits\n", set->n, set->n_masks,
           (time_usec() - start) * 1000.0 / n,
           (double) (probe_count() - probes) / n, n_hits * 100.0 / n);
    rule_set_destroy(set);
}

static void
test_benchmark(struct ovs_cmdl_context *ctx)
{
    uint8_t frames[1024][NAIVE_MAX_FRAME];
    size_t sizes[ARRAY_SIZE(frames)];
    struct flow flows[ARRAY_SIZE(frames)];
    const int rounds = 1000;
    long long int start;

    init_seed(ctx, 1);
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        sizes[i] = naive_random_frame(frames[i]);
    }
    start = time_usec();
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
            struct dp_packet packet;

            dp_packet_use_const(&packet, frames[i], sizes[i]);
            rules_extract(&packet, &flows[i]);
        }
    }
    printf("%.0f ns per rules_extract()\n", (time_usec() - start) * 1000.0
           / rounds / ARRAY_SIZE(frames));
    for (size_t n_rules = 1; n_rules < 10000; n_rules *= 3) {
        benchmark(n_rules, flows, ARRAY_SIZE(flows));
    }
}

/* seeds DIRECTORY N: what the fuzz targets start from. */

static void
write_seed(const char *directory, const char *kind, int i, const void *data,
           size_t size)
{
    char *path = xasprintf("%s/%s-%04d", directory, kind, i);
    FILE *stream = fopen(path, "w");

    if (!stream || fwrite(data, 1, size, stream) != size || fclose(stream)) {
        ovs_fatal(errno, "%s", path);
    }
    free(path);
}

static void
test_seeds(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[2]);

    random_set_seed(1);
    for (int i = 0; i < n; i++) {
        uint8_t frame[NAIVE_MAX_FRAME];
        size_t size = naive_random_frame(frame);
        struct rule_config config;
        struct naive_rule rule;
        char *s;

        write_seed(ctx->argv[1], "packet", i, frame, size);

        /* As an operator would write it, and as a program. */
        naive_random_rule(&rule);
        s = naive_format(&rule);
        if (i % 2) {
            ovs_assert(!match_parse(s, &config.match));
            free(s);
            s = match_to_string(&config.match, NULL, OFP_DEFAULT_PRIORITY);
        }
        write_seed(ctx->argv[1], "match", i, s, strlen(s));
        free(s);
    }
}

static void
test_rules_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "check", "PAIRS [SEED]", 1, 2, test_check, OVS_RO },
        { "masks", "[SEED]", 0, 1, test_masks, OVS_RO },
        { "many", NULL, 0, 0, test_many, OVS_RO },
        { "publish", "SWAPS [SEED]", 1, 2, test_publish, OVS_RO },
        { "seeds", "DIRECTORY N", 2, 2, test_seeds, OVS_RO },
        { "benchmark", "[SEED]", 0, 1, test_benchmark, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-rules", test_rules_main);
