/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/vnic-config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath-ext/datapath-ext.h"
#include "ovstest.h"
#include "packets.h"
#include "util.h"

/* Each member of what a VNIC's configuration is made of, with a way to change
 * it.  Whoever adds a member to one of the structs must add it here, and will
 * be told if vnic_config_equal() doesn't know of it. */

struct mutator {
    const char *name;
    size_t offset, size;
    bool is_ignored;            /* Is it the key by which two are compared? */
};

#define MEMBER(STRUCT, MEMBER) \
    { #STRUCT "." #MEMBER, offsetof(struct STRUCT, MEMBER), \
      MEMBER_SIZEOF(struct STRUCT, MEMBER), false }
#define IGNORED(STRUCT, MEMBER) \
    { #STRUCT "." #MEMBER, offsetof(struct STRUCT, MEMBER), \
      MEMBER_SIZEOF(struct STRUCT, MEMBER), true }

static const struct mutator ring_members[] = {
    MEMBER(ring_config, id),
    MEMBER(ring_config, role),
    MEMBER(ring_config, depth),
    MEMBER(ring_config, weight),
    MEMBER(ring_config, is_strict),
    MEMBER(ring_config, is_busy),
    MEMBER(ring_config, lro),
    MEMBER(ring_config, is_required),
};

static const struct mutator rule_members[] = {
    MEMBER(rule_config, name),
    MEMBER(rule_config, priority),
    MEMBER(rule_config, match),
    MEMBER(rule_config, action),
    MEMBER(rule_config, vnic),
    MEMBER(rule_config, ring),
    MEMBER(rule_config, in_hardware),
    MEMBER(rule_config, needs_hardware),
};

static const struct mutator vnic_members[] = {
    IGNORED(vnic_config, name),
    MEMBER(vnic_config, link),
    MEMBER(vnic_config, is_default),
    MEMBER(vnic_config, mac),
    MEMBER(vnic_config, vlan),
    MEMBER(vnic_config, ring),  /* By ring_members. */
    MEMBER(vnic_config, rings), /* Likewise. */
    MEMBER(vnic_config, n_rings),
    MEMBER(vnic_config, addresses),
    MEMBER(vnic_config, n_addresses),
    MEMBER(vnic_config, rules), /* By rule_members. */
    MEMBER(vnic_config, n_rules),
    MEMBER(vnic_config, learns),
    MEMBER(vnic_config, maxbw_kbps),
    MEMBER(vnic_config, priority),
    MEMBER(vnic_config, front),
    MEMBER(vnic_config, front_type),
    MEMBER(vnic_config, error),
};

/* Stops if a byte of a struct belongs to none of its 'members'.  'bytes' is
 * such a struct, of which all that is no padding is 0xff; NULL if that isn't
 * known, and then a hole that is too small for a pointer may be padding. */
static void
check_complete(const char *name, const uint8_t *bytes, size_t size,
               const struct mutator *members, size_t n)
{
    size_t hole = 0;

    for (size_t i = 0; i < size; i++) {
        bool is_known = bytes && !bytes[i];

        for (size_t j = 0; j < n; j++) {
            is_known |= (i >= members[j].offset
                         && i < members[j].offset + members[j].size);
        }
        hole = is_known ? 0 : hole + 1;
        if (hole && (bytes || hole >= sizeof(void *))) {
            ovs_fatal(0, "struct %s has a member at byte %"PRIuSIZE" that "
                      "tests/test-vnic-config.c does not know; add it there, "
                      "to vnic_config_equal() and, if it points to anything, "
                      "to vnic_config_copy() and vnic_config_destroy()",
                      name, i);
        }
    }
}

/* Only the compiler knows what is padding. */
#if __GNUC__ >= 11 && !__clang__
#define CHECK_COMPLETE(STRUCT, MEMBERS)                                 \
    do {                                                                \
        struct STRUCT s;                                                \
                                                                        \
        memset(&s, 0xff, sizeof s);                                     \
        __builtin_clear_padding(&s);                                    \
        check_complete(#STRUCT, (const uint8_t *) &s, sizeof s,         \
                       MEMBERS, ARRAY_SIZE(MEMBERS));                   \
    } while (0)
#else
#define CHECK_COMPLETE(STRUCT, MEMBERS) \
    check_complete(#STRUCT, NULL, sizeof(struct STRUCT), \
                   MEMBERS, ARRAY_SIZE(MEMBERS))
#endif

static void
test_complete(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    CHECK_COMPLETE(ring_config, ring_members);
    CHECK_COMPLETE(vnic_config, vnic_members);
    /* gcc 12 doesn't find the padding behind a struct match. */
    check_complete("rule_config", NULL, sizeof(struct rule_config),
                   rule_members, ARRAY_SIZE(rule_members));
}

/* A configuration that has everything. */
struct sample {
    struct vnic_config config;
    struct ring_config rings[2];
    struct rule_config rules[2];
    struct in6_addr addresses[2];
};

static void
sample_init(struct sample *sample)
{
    memset(sample, 0, sizeof *sample);
    sample->rings[0] = (struct ring_config) { .id = 1, .depth = 64 };
    sample->rings[1] = (struct ring_config) { .id = 2, .depth = 128 };
    sample->rules[0] = (struct rule_config) { .name = "a", .vnic = "v2" };
    sample->rules[1] = (struct rule_config) { .name = "b" };
    match_init_catchall(&sample->rules[0].match);
    match_init_catchall(&sample->rules[1].match);
    in6_addr_set_mapped_ipv4(&sample->addresses[0], htonl(0x0a000001));
    in6_addr_set_mapped_ipv4(&sample->addresses[1], htonl(0x0a000002));
    sample->config = (struct vnic_config) {
        .name = "v1", .link = "l1", .front = "p1", .front_type = "tap",
        .error = "no",
        .rings = sample->rings, .n_rings = 2,
        .rules = sample->rules, .n_rules = 2,
        .addresses = sample->addresses, .n_addresses = 2,
    };
}

/* The copy shares nothing with the original that could be changed or freed
 * there. */
static void
test_copy(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vnic_config copy, again;
    struct sample sample, other;

    sample_init(&sample);
    sample_init(&other);
    vnic_config_copy(&copy, &sample.config);
    assert(!strcmp(copy.name, "v1"));
    assert(vnic_config_equal(&copy, &sample.config));
    assert(vnic_config_equal(&copy, &other.config));
    memset(sample.rings, 0xff, sizeof sample.rings);
    memset(sample.rules, 0xff, sizeof sample.rules);
    memset(sample.addresses, 0xff, sizeof sample.addresses);
    assert(vnic_config_equal(&copy, &other.config));
    vnic_config_copy(&again, &copy);
    vnic_config_destroy(&copy);
    assert(vnic_config_equal(&again, &other.config));
    vnic_config_destroy(&again);

    /* One that has nothing. */
    vnic_config_copy(&copy, &(struct vnic_config) { .name = "v1" });
    assert(vnic_config_equal(&copy, &(struct vnic_config) { .name = "v1" }));
    assert(!vnic_config_equal(&copy, &other.config));
    vnic_config_destroy(&copy);
}

static void
check_unequal(struct sample *changed, const char *name, bool is_ignored)
{
    struct sample sample;

    sample_init(&sample);
    if (vnic_config_equal(&changed->config, &sample.config) != is_ignored
        || vnic_config_equal(&sample.config, &changed->config)
           != is_ignored) {
        ovs_fatal(0, "vnic_config_equal() %s %s",
                  is_ignored ? "looks at" : "ignores", name);
    }
    printf("%s: ok\n", name);
}

/* Changes numbers; bools are 0 in the sample. */
static void
check_numbers(const struct mutator *members, size_t n, size_t base)
{
    for (size_t i = 0; i < n; i++) {
        struct sample sample;

        sample_init(&sample);
        *((uint8_t *) &sample + base + members[i].offset) ^= 1;
        check_unequal(&sample, members[i].name, false);
    }
}

static void
check_rule_members(void)
{
    struct sample sample;

    for (size_t i = 0; i < 2; i++) {
        sample_init(&sample);
        sample.rules[i].name = "c";
        check_unequal(&sample, "rule_config.name", false);
        sample_init(&sample);
        sample.rules[i].vnic = "v3";
        check_unequal(&sample, "rule_config.vnic", false);
        sample_init(&sample);
        sample.rules[i].vnic = i ? "v2" : NULL;
        check_unequal(&sample, "rule_config.vnic", false);
        sample_init(&sample);
        match_set_in_port(&sample.rules[i].match, 1);
        check_unequal(&sample, "rule_config.match", false);
    }
}

/* Pointers of a vnic_config: to another string, to none, to other values. */
static void
check_pointer(const struct mutator *member)
{
    struct sample sample;
    const char **string
        = ALIGNED_CAST(const char **, (char *) &sample.config
                                      + member->offset);

    if (member->offset == offsetof(struct vnic_config, rings)
        || member->offset == offsetof(struct vnic_config, rules)) {
        return;                 /* Their members are changed one by one. */
    }
    sample_init(&sample);
    if (member->offset == offsetof(struct vnic_config, addresses)) {
        sample.addresses[1].s6_addr[15]++;
        check_unequal(&sample, member->name, false);
        return;
    }
    *string = "other";
    check_unequal(&sample, member->name, member->is_ignored);
    if (!member->is_ignored) {
        *string = NULL;
        check_unequal(&sample, member->name, false);
    }
}

static bool
is_pointer(const struct mutator *member)
{
    static const size_t offsets[] = {
        offsetof(struct vnic_config, name),
        offsetof(struct vnic_config, link),
        offsetof(struct vnic_config, rings),
        offsetof(struct vnic_config, rules),
        offsetof(struct vnic_config, addresses),
        offsetof(struct vnic_config, front),
        offsetof(struct vnic_config, front_type),
        offsetof(struct vnic_config, error),
    };

    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        if (member->offset == offsets[i]) {
            return true;
        }
    }
    return false;
}

static void
test_equal(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct sample a, b;

    sample_init(&a);
    sample_init(&b);
    assert(vnic_config_equal(&a.config, &b.config));
    for (size_t i = 0; i < ARRAY_SIZE(vnic_members); i++) {
        if (is_pointer(&vnic_members[i])) {
            check_pointer(&vnic_members[i]);
        } else if (strstr(vnic_members[i].name, ".n_")) {
            sample_init(&a);
            *ALIGNED_CAST(size_t *, (char *) &a.config
                                    + vnic_members[i].offset) = 1;
            check_unequal(&a, vnic_members[i].name, false);
        } else {
            check_numbers(&vnic_members[i], 1, 0);
        }
    }
    check_numbers(ring_members, ARRAY_SIZE(ring_members),
                  offsetof(struct sample, config.ring));
    for (size_t i = 0; i < 2; i++) {
        check_numbers(ring_members, ARRAY_SIZE(ring_members),
                      offsetof(struct sample, rings)
                      + i * sizeof(struct ring_config));
        for (size_t j = 0; j < ARRAY_SIZE(rule_members); j++) {
            const struct mutator *member = &rule_members[j];

            if (member->offset != offsetof(struct rule_config, name)
                && member->offset != offsetof(struct rule_config, vnic)
                && member->offset != offsetof(struct rule_config, match)) {
                check_numbers(member, 1, offsetof(struct sample, rules)
                              + i * sizeof(struct rule_config));
            }
        }
    }
    check_rule_members();
}

static void
test_find(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct sample sample;

    sample_init(&sample);
    assert(vnic_config_find_ring(&sample.config, 1) == &sample.rings[0]);
    assert(vnic_config_find_ring(&sample.config, 2) == &sample.rings[1]);
    /* The default ring's number is not among them. */
    sample.config.ring.id = 7;
    assert(!vnic_config_find_ring(&sample.config, 7));
    assert(!vnic_config_find_ring(&sample.config, -1));
}

static void
test_vnic_config_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "complete", NULL, 0, 0, test_complete, OVS_RO },
        { "copy", NULL, 0, 0, test_copy, OVS_RO },
        { "equal", NULL, 0, 0, test_equal, OVS_RO },
        { "find", NULL, 0, 0, test_find, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vnic-config", test_vnic_config_main);
