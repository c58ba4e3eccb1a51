/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/cache/output.h"

#include "hash.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "util.h"

void
outputs_init(struct outputs *outputs)
{
    hmap_init(&outputs->set);
    outputs->n_pending = 0;
}

void
outputs_destroy(struct outputs *outputs)
{
    hmap_destroy(&outputs->set);
}

static uint32_t
spec_hash(const struct output_spec *spec)
{
    uint32_t hash = spec->is_explicit + 2 * spec->drop_reason;

    if (spec->tail_len) {
        hash = hash_bytes(spec->tail, spec->tail_len, hash);
    }
    return hash_bytes(spec->ports, spec->n * sizeof spec->ports[0], hash);
}

bool
output_is(const struct output *output, const struct output_spec *spec)
{
    return (output->n == spec->n && output->is_explicit == spec->is_explicit
            && output->drop_reason == spec->drop_reason
            && !memcmp(output->ports, spec->ports,
                       spec->n * sizeof spec->ports[0])
            && output->tail_len == spec->tail_len
            && (!spec->tail_len
                || !memcmp(output->tail, spec->tail, spec->tail_len)));
}

struct output *
output_ref(struct outputs *outputs, const struct output_spec *spec)
{
    uint32_t hash = spec_hash(spec);
    struct output *output;

    HMAP_FOR_EACH_WITH_HASH (output, node, hash, &outputs->set) {
        if (output_is(output, spec)) {
            output->n_refs++;
            return output;
        }
    }
    output = xzalloc(sizeof *output);
    output->n_refs = 1;
    output->n = spec->n;
    memcpy(output->ports, spec->ports, sizeof output->ports);
    output->is_explicit = spec->is_explicit;
    output->drop_reason = spec->drop_reason;
    if (spec->tail_len) {
        output->tail = xmemdup(spec->tail, spec->tail_len);
        output->tail_len = spec->tail_len;
    }
    dp_packet_batch_init(&output->batch);
    hmap_insert(&outputs->set, &output->node, hash);
    return output;
}

void
output_unref(struct outputs *outputs, struct output *output)
{
    if (!--output->n_refs) {
        hmap_remove(&outputs->set, &output->node);
        free(output->tail);
        free(output);
    }
}

/* An action with a 32-bit argument. */
struct action {
    struct nlattr nla;
    uint32_t value;
};

static struct action
action_compose(enum ovs_action_attr type, uint32_t value)
{
    return (struct action) {
        .nla.nla_len = sizeof(struct action),
        .nla.nla_type = type,
        .value = value,
    };
}

static void
output_flush(struct output *output, odp_execute_cb execute, void *aux)
{
    struct dp_packet_batch *batch = &output->batch;

    for (size_t i = 0; i < output->n; i++) {
        struct action action = action_compose(OVS_ACTION_ATTR_OUTPUT,
                                              odp_to_u32(output->ports[i]));

        execute(aux, batch, &action.nla,
                i == output->n - 1 && !output->tail);
    }
    if (output->tail) {
        odp_execute_actions(aux, batch, true, output->tail, output->tail_len,
                            execute);
    } else if (output->is_explicit) {
        struct action action = action_compose(OVS_ACTION_ATTR_DROP,
                                              output->drop_reason);

        /* Counts by reason. */
        odp_execute_actions(aux, batch, true, &action.nla, sizeof action,
                            execute);
    } else if (!output->n) {
        dp_packet_delete_batch(batch, true);
    }
    dp_packet_batch_init(batch);
}

void
outputs_flush(struct outputs *outputs, odp_execute_cb execute, void *aux)
{
    for (size_t i = 0; i < outputs->n_pending; i++) {
        output_flush(outputs->pending[i], execute, aux);
    }
    outputs->n_pending = 0;
}
