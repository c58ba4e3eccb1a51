/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef CACHE_OUTPUT_H
#define CACHE_OUTPUT_H 1

/* Output
 * ======
 *
 * What: where packets go at the end of a path: to some ports, one after the
 * other, and into tunnels (tail.h), or nowhere.  Paths with the same ports and
 * tunnels share an output, so that the packets of a batch that go there are
 * sent together.
 *
 * Data flow: path --output_add()--> the packets of this batch
 *            --output_flush()--> dpif-netdev's own function for actions
 *
 * That function is static; record.h has got hold of its address.  It looks the
 * port up, so that a port that is gone drops and counts as it does there, and
 * chooses the queue, bond member and time to send.
 *
 * Units: none.
 *
 * Ownership: an output belongs to its set, and lives while paths refer to it.
 *
 * Thread-safety: one thread.
 *
 * Errors: none. */

#include "dp-packet.h"
#include "odp-execute.h"
#include "openvswitch/hmap.h"

#define OUTPUT_MAX_PORTS 16

struct output {
    struct hmap_node node;      /* In the set. */
    unsigned int n_refs;
    size_t n;
    odp_port_t ports[OUTPUT_MAX_PORTS];
    bool is_explicit;           /* Nowhere, by a drop action. */
    uint32_t drop_reason;
    struct nlattr *tail;        /* What follows, a copy, or NULL. */
    size_t tail_len;

    struct dp_packet_batch batch; /* What this batch sends there. */
};

struct outputs {
    struct hmap set;
    struct output *pending[NETDEV_MAX_BURST];
    size_t n_pending;
};

/* What was observed. */
struct output_spec {
    size_t n;
    odp_port_t ports[OUTPUT_MAX_PORTS];
    bool is_explicit;
    uint32_t drop_reason;
    const struct nlattr *tail;  /* A part of a megaflow's actions. */
    size_t tail_len;
};

void outputs_init(struct outputs *);
void outputs_destroy(struct outputs *);

bool output_is(const struct output *, const struct output_spec *);
struct output *output_ref(struct outputs *, const struct output_spec *);
void output_unref(struct outputs *, struct output *);

/* At most NETDEV_MAX_BURST packets between two calls of outputs_flush(). */
static inline void
output_add(struct outputs *outputs, struct output *output,
           struct dp_packet *packet)
{
    if (dp_packet_batch_is_empty(&output->batch)) {
        outputs->pending[outputs->n_pending++] = output;
    }
    dp_packet_batch_add(&output->batch, packet);
}

/* Calls 'execute' with 'aux'. */
void outputs_flush(struct outputs *, odp_execute_cb execute, void *aux);

#endif /* datapath-ext/cache/output.h */
