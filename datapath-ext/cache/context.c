/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/context.h"

#include "ovs-atomic.h"

/* Global as one thread may load the ports of another's datapath.  It moves
 * rarely, and for all caches: they learn again. */
static atomic_uint ports_generation = 1;

void
contexts_init(struct contexts *contexts, const struct key_seed *seed)
{
    memset(contexts, 0, sizeof *contexts);
    contexts->seed = seed;
    atomic_read_relaxed(&ports_generation, &contexts->generation);
    hmap_init(&contexts->by_outer);
}

void
contexts_destroy(struct contexts *contexts)
{
    ovs_assert(!contexts->n);
    hmap_destroy(&contexts->by_outer);
    free(contexts->by_number);
}

void
contexts_ports_changed(void)
{
    unsigned int old;

    atomic_add_relaxed(&ports_generation, 1, &old);
}

bool
contexts_check_ports(struct contexts *contexts)
{
    unsigned int generation;

    atomic_read_relaxed(&ports_generation, &generation);
    if (OVS_LIKELY(contexts->generation == generation)) {
        return false;
    }
    contexts->generation = generation;
    contexts->last = NULL;
    return true;
}

static inline uint32_t
outer_hash(const struct contexts *contexts, const struct tunnel_outer *outer)
{
    const uint64_t *s = contexts->seed->s;
    uint64_t hash = (key_mix(key_word(outer, 0) ^ s[0],
                             key_word(outer, 1) ^ s[1])
                     ^ key_mix(key_word(outer, 2) ^ s[1],
                               key_word(outer, 3) ^ s[2])
                     ^ key_mix(key_word(outer, 4) ^ s[2],
                               key_word(outer, 5) ^ s[0]));

    if (outer->shape & KEY_WIDE) {
        hash = key_mix(hash ^ key_word(&outer->wide, 0) ^ s[0],
                       key_word(&outer->wide, 1) ^ s[1])
               ^ key_mix(hash ^ key_word(&outer->wide, 2) ^ s[1],
                         key_word(&outer->wide, 3) ^ s[2]);
    }
    for (size_t i = 0; i < outer->n_options; i += sizeof(uint64_t)) {
        hash = key_mix(hash ^ s[1], key_word(outer->options + i, 0) ^ s[2]);
    }
    return hash ^ hash >> 32;
}

static inline bool
outer_equal(const struct tunnel_outer *a, const struct tunnel_outer *b)
{
    return (key_narrow_equal(&a->narrow, &b->narrow)
            && key_word(a, 4) == key_word(b, 4)
            && key_word(a, 5) == key_word(b, 5)
            && (OVS_LIKELY(!(a->shape & KEY_WIDE))
                || key_wide_equal(&a->wide, &b->wide))
            && (OVS_LIKELY(!a->n_options)
                || !memcmp(a->options, b->options, a->n_options)));
}

static struct context *
find(const struct contexts *contexts, const struct tunnel_outer *outer,
     uint32_t hash)
{
    struct context *context;

    HMAP_FOR_EACH_WITH_HASH (context, node, hash, &contexts->by_outer) {
        if (outer_equal(&context->outer, outer)) {
            return context;
        }
    }
    return NULL;
}

odp_port_t
contexts_find(struct contexts *contexts, const struct tunnel_outer *outer)
{
    struct context *context = contexts->last;

    if (!context || !outer_equal(&context->outer, outer)) {
        context = find(contexts, outer, outer_hash(contexts, outer));
        if (!context || context->generation != contexts->generation) {
            return context_to_port(CONTEXT_UNKNOWN, outer->l4_src);
        }
        contexts->last = context;
    }
    return context_to_port(context->number, outer->l4_src);
}

/* Life. */

static struct context *
context_create(struct contexts *contexts, const struct tunnel_outer *outer,
               odp_port_t tunnel_port, uint32_t hash)
{
    struct context *context;

    if (contexts->n >= CONTEXTS_MAX) {
        return NULL;
    }
    if (!contexts->by_number) {
        contexts->by_number = xcalloc(CONTEXTS_MAX,
                                      sizeof *contexts->by_number);
    }
    while (contexts->by_number[contexts->next_number % CONTEXTS_MAX]) {
        contexts->next_number++;
    }
    context = xzalloc_cacheline(sizeof *context);
    context->outer = *outer;
    context->tunnel_port = tunnel_port;
    context->number = contexts->next_number++ % CONTEXTS_MAX;
    hmap_insert(&contexts->by_outer, &context->node, hash);
    contexts->by_number[context->number] = context;
    contexts->n++;
    return context;
}

/* Nobody finds it any more; its entries go as they get old. */
static void
context_retire(struct contexts *contexts, struct context *context)
{
    context->is_retired = true;
    contexts->last = NULL;
    hmap_remove(&contexts->by_outer, &context->node);
}

struct context *
contexts_ref(struct contexts *contexts, const struct tunnel_outer *outer,
             odp_port_t tunnel_port)
{
    uint32_t hash = outer_hash(contexts, outer);
    struct context *context = find(contexts, outer, hash);

    if (context && context->tunnel_port != tunnel_port) {
        context_retire(contexts, context);
        context = NULL;
    }
    if (!context) {
        context = context_create(contexts, outer, tunnel_port, hash);
    }
    if (context) {
        context->generation = contexts->generation;
        context->n_refs++;
    }
    return context;
}

void
contexts_unref(struct contexts *contexts, struct context *context)
{
    if (--context->n_refs) {
        return;
    }
    if (!context->is_retired) {
        context_retire(contexts, context);
    }
    contexts->by_number[context->number] = NULL;
    contexts->n--;
    free_cacheline(context);
}
