/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/mark-table.h"

#include <assert.h>
#include <stdio.h>

#include "datapath-ext/hw-pattern.h"
#include "datapath-ext/rules.h"
#include "openvswitch/dynamic-string.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"
#include "vswitchd-plugin/match.h"

/* Marks. */

#define MAX_MARKS 1024

/* Marks as a link has after a while: some of those that were given, from any
 * number up to the last. */
static void
test_marks(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int round = 0; round < 2000; round++) {
        size_t n = random_range(round % 2 ? 8 : MAX_MARKS);
        uint32_t step = 1 + random_range(100);
        uint32_t first = UINT32_MAX - MAX_MARKS * step - random_range(3);
        struct mark_table *table = mark_table_create(n);
        uint32_t last;

        if (round % 3) {
            first = 2 + random_range(1 << 16);
        }
        last = first + n * step;
        for (size_t i = 0; i < n; i++) {
            struct mark mark = { .mark = first + i * step, .tci = i };

            mark_table_add(table, &mark);
        }
        for (size_t i = 0; i < n; i++) {
            const struct mark *mark = mark_table_find(table,
                                                      first + i * step);

            assert(mark && mark->mark == first + i * step && mark->tci == i);
            assert(step == 1
                   || !mark_table_find(table, first + i * step + 1));
        }
        assert(!mark_table_find(table, 0));
        assert(!mark_table_find(table, first - 1));
        assert(!mark_table_find(table, last));
        free(table);
    }
}

/* Patterns. */

static void
parse_pattern(const char *s, struct hw_pattern *pattern)
{
    struct match match;

    assert(!match_parse(s, &match));
    assert(!hw_pattern_init(pattern, &match));
}

/* Reads "LOWER UPPER" lines and says whether a device that has found LOWER
 * sees UPPER; "any" matches all. */
static void
test_sees(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct ds line = DS_EMPTY_INITIALIZER;

    while (!ds_get_line(&line, stdin)) {
        char *upper = strchr(ds_cstr(&line), ' ');
        struct hw_pattern patterns[2];

        assert(upper);
        *upper++ = '\0';
        parse_pattern(strcmp(ds_cstr(&line), "any") ? ds_cstr(&line) : "",
                      &patterns[0]);
        parse_pattern(strcmp(upper, "any") ? upper : "", &patterns[1]);
        printf("%s %s: %s\n", ds_cstr(&line), upper,
               hw_pattern_sees(&patterns[0], &patterns[1]) ? "yes" : "no");
    }
    ds_destroy(&line);
}

/* Rules that need hardware. */

static void
init_config(struct rule_config *config, const char *name, uint16_t priority,
            const char *match)
{
    memset(config, 0, sizeof *config);
    config->name = name;
    config->priority = priority;
    config->action = RULE_DROP;
    assert(!match_parse(match, &config->match));
}

static const char *
lookup(const struct rules *rules, const char *flow)
{
    struct match match;
    const struct rule *rule;

    assert(!match_parse(flow, &match));
    rule = rules_lookup(rules, &match.flow);
    return rule ? rule->name : "none";
}

/* One that isn't in force hides none of the others. */
static void
test_force(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct rule_config configs[4];
    struct rules *rules, *heirs;
    struct match match;

    init_config(&configs[0], "a", 9, "tcp,tp_dst=80");
    init_config(&configs[1], "b", 5, "tcp,tp_dst=80");
    init_config(&configs[2], "c", 4, "tcp");
    init_config(&configs[3], "d", 1, "tcp,tp_dst=80");
    configs[0].needs_hardware = configs[2].needs_hardware = true;
    rules = rules_create(configs, ARRAY_SIZE(configs));

    assert(!strcmp(lookup(rules, "tcp,tp_dst=80"), "b"));
    assert(!strcmp(lookup(rules, "tcp,tp_dst=81"), "none"));
    rules_set_in_force(rules_find(rules, "a"), true);
    assert(!strcmp(lookup(rules, "tcp,tp_dst=80"), "a"));
    rules_set_in_force(rules_find(rules, "b"), false);
    rules_set_in_force(rules_find(rules, "a"), false);
    assert(!strcmp(lookup(rules, "tcp,tp_dst=80"), "d"));
    rules_set_in_force(rules_find(rules, "c"), true);
    assert(!strcmp(lookup(rules, "tcp,tp_dst=80"), "c"));

    /* Who is in force stays so, and a rule that needs no hardware is. */
    heirs = rules_create(configs, ARRAY_SIZE(configs));
    rules_inherit(heirs, rules);
    assert(!rules_find(heirs, "a")->is_in_force);
    assert(!strcmp(lookup(heirs, "tcp,tp_dst=80"), "b"));
    assert(!strcmp(lookup(heirs, "tcp,tp_dst=81"), "c"));

    assert(!strcmp(rules_get_ranked(heirs, 0, &match)->name, "a"));
    assert(match_equal(&match, &configs[0].match));
    assert(!strcmp(rules_get_ranked(heirs, 3, &match)->name, "d"));
    rules_destroy(heirs);
    rules_destroy(rules);
}

static void
test_placement_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "marks", NULL, 0, 0, test_marks, OVS_RO },
        { "sees", NULL, 0, 0, test_sees, OVS_RO },
        { "force", NULL, 0, 0, test_force, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-placement", test_placement_main);
