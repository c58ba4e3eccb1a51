/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "datapath-ext/input.h"

#include <errno.h>

#include "cpu.h"
#include "datapath-ext/cache/cache.h"
#include "datapath-ext/handover.h"
#include "dp-packet.h"
#include "dpif.h"
#include "dpif-netdev-private-dpif.h"
#include "dpif-netdev-private-thread.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "util.h"

/* That of the file whose place this takes: logs and tests name it. */
VLOG_DEFINE_THIS_MODULE(dpif_netdev_impl);

/* Frames for several ports, in batches of one. */

struct single {
    struct dp_netdev_pmd_thread *pmd;
    dp_netdev_input_func input;
};

static void
single_deliver(void *single_, struct dp_packet_batch *batch, odp_port_t port)
{
    const struct single *single = single_;

    single->input(single->pmd, batch, port);
}

static int32_t
single_run(struct dp_netdev_pmd_thread *pmd, struct dp_packet_batch *batch,
           odp_port_t port, dp_netdev_input_func input)
{
    static const struct handover_sink sink = { single_deliver, NULL };
    struct single single = { pmd, input };

    handover_run(batch, port, &sink, &single);
    return 0;
}

/* The same, in mixed batches. */

struct mixed {
    struct dp_netdev_pmd_thread *pmd;
    size_t n;
    struct dp_packet *packets[NETDEV_MAX_BURST];
    odp_port_t ports[NETDEV_MAX_BURST];
};

static void
mixed_flush(void *mixed_)
{
    struct mixed *mixed = mixed_;

    if (mixed->n) {
        cache_input_mixed(mixed->pmd, mixed->packets, mixed->ports, mixed->n);
        mixed->n = 0;
    }
}

static void
mixed_deliver(void *mixed_, struct dp_packet_batch *batch, odp_port_t port)
{
    struct mixed *mixed = mixed_;

    for (size_t i = 0; i < dp_packet_batch_size(batch); i++) {
        struct dp_packet *packet = batch->packets[i];

        /* Netdevs assume that a batch has one source. */
        if (mixed->n == NETDEV_MAX_BURST
            || (mixed->n && packet->source != mixed->packets[0]->source)) {
            mixed_flush(mixed);
        }
        mixed->packets[mixed->n] = packet;
        mixed->ports[mixed->n++] = port;
    }
}

/* The list.
 *
 * dpif-impl-set changes the function of PMD threads, and only of those.  So
 * that a choice in the database is one too, and that the main thread follows,
 * each function looks whether it is still the one. */

static int32_t input_scalar(struct dp_netdev_pmd_thread *,
                            struct dp_packet_batch *, odp_port_t);
static ATOMIC(dp_netdev_input_func) chosen = input_scalar;

static dp_netdev_input_func
chosen_get(void)
{
    dp_netdev_input_func func;

    atomic_read_relaxed(&chosen, &func);
    return func;
}

static inline bool
has_changed(dp_netdev_input_func self, struct dp_netdev_pmd_thread *pmd)
{
    dp_netdev_input_func func = chosen_get();

    if (OVS_UNLIKELY(func != self)) {
        atomic_store_relaxed(&pmd->netdev_input_func, func);
        return true;
    }
    return false;
}

static int32_t
input_scalar(struct dp_netdev_pmd_thread *pmd, struct dp_packet_batch *batch,
             odp_port_t port)
{
    if (has_changed(input_scalar, pmd)) {
        return chosen_get()(pmd, batch, port);
    }
    return (OVS_LIKELY(!handover_is_pending())
            ? dp_netdev_input(pmd, batch, port)
            : single_run(pmd, batch, port, dp_netdev_input));
}

static int32_t
input_vnic(struct dp_netdev_pmd_thread *pmd, struct dp_packet_batch *batch,
           odp_port_t port)
{
    static const struct handover_sink sink = { mixed_deliver, mixed_flush };
    struct mixed mixed;

    if (has_changed(input_vnic, pmd)) {
        return chosen_get()(pmd, batch, port);
    }
    if (OVS_LIKELY(!handover_is_pending())) {
        return cache_input(pmd, batch, port);
    }
    mixed.pmd = pmd;
    mixed.n = 0;
    handover_run(batch, port, &sink, &mixed);
    return 0;
}

/* As dpif-netdev-private-dpif.c decides whether it has this one. */
#if __x86_64__ && HAVE_AVX512F && HAVE_LD_AVX512_GOOD && __SSE4_2__
#define HAS_AVX512 1
static int32_t
input_avx512(struct dp_netdev_pmd_thread *pmd, struct dp_packet_batch *batch,
             odp_port_t port)
{
    if (has_changed(input_avx512, pmd)) {
        return chosen_get()(pmd, batch, port);
    }
    /* It may decline a batch, which single_deliver() would not notice. */
    return (OVS_LIKELY(!handover_is_pending())
            ? dp_netdev_input_outer_avx512(pmd, batch, port)
            : single_run(pmd, batch, port, dp_netdev_input));
}

static int32_t
probe_avx512(void)
{
    return (cpu_has_isa(OVS_CPU_ISA_X86_AVX512F)
            && cpu_has_isa(OVS_CPU_ISA_X86_BMI2)) ? 0 : -ENOTSUP;
}
#endif

static const struct dpif_netdev_impl_info_t impls[] = {
    { .input_func = input_scalar, .probe = NULL, .name = "dpif_scalar" },
#ifdef HAS_AVX512
    { .input_func = input_avx512, .probe = probe_avx512,
      .name = "dpif_avx512" },
#endif
    { .input_func = input_vnic, .probe = NULL, .name = "dpif_vnic" },
};

bool
input_is_cache(void)
{
    return chosen_get() == input_vnic;
}

dp_netdev_input_func
dp_netdev_impl_get_default(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    dp_netdev_input_func func = chosen_get();

    if (ovsthread_once_start(&once)) {
        for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
            if (impls[i].input_func == func) {
                VLOG_INFO("Default DPIF implementation is %s.\n",
                          impls[i].name);
            }
        }
        ovsthread_once_done(&once);
    }
    return func;
}

static void
put_impl(struct ds *reply, const struct dpif_netdev_impl_info_t *impl,
         struct dp_netdev_pmd_thread **pmds, size_t n)
{
    ds_put_format(reply, "  %s (pmds: ", impl->name);
    for (size_t i = 0; i < n; i++) {
        if (pmds[i]->core_id != NON_PMD_CORE_ID
            && chosen_get() == impl->input_func) {
            ds_put_format(reply, "%u,", pmds[i]->core_id);
        }
    }
    ds_chomp(reply, ',');
    if (ds_last(reply) == ' ') {
        ds_put_cstr(reply, "none");
    }
    ds_put_cstr(reply, ")\n");
}

void
dp_netdev_impl_get(struct ds *reply, struct dp_netdev_pmd_thread **pmds,
                   size_t n)
{
    ds_put_cstr(reply, "Available DPIF implementations:\n");
    for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
        put_impl(reply, &impls[i], pmds, n);
    }
}

bool
input_choose(const char *name)
{
    return !dp_netdev_impl_set_default_by_name(name);
}

int32_t
dp_netdev_impl_set_default_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
        if (!strcmp(impls[i].name, name)) {
            int32_t error = impls[i].probe ? impls[i].probe() : 0;

            if (!error) {
                atomic_store_relaxed(&chosen, impls[i].input_func);
            }
            return error;
        }
    }
    return -EINVAL;
}
