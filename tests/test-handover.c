/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/handover.h"

#include <assert.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/link.h"
#include "datapath-ext/ring.h"
#include "datapath-ext/vnic.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "ovstest.h"
#include "util.h"

#define N_RINGS 3

/* Rings of a link without a device, whose frames a test hands over itself. */
static struct {
    struct link *link;
    struct drop_counters *drops;
    struct netdev netdevs[N_RINGS];
    struct vnic_device devices[N_RINGS];
    struct ring *rings[N_RINGS];
    unsigned int n_delivered[N_RINGS];
    unsigned int n_unflushed;
} scene;

static const char dpif_type[] = "netdev";

static void
start(void)
{
    struct link_config config = { .name = "l1" };
    char *error;

    scene.link = link_open(&config, &error);
    scene.drops = drop_counters_create();
    for (int i = 0; i < N_RINGS; i++) {
        struct ring_options options = {
            .depth = 64, .aux = &scene.devices[i],
        };

        scene.netdevs[i].dpif_type = dpif_type;
        scene.devices[i].netdev = &scene.netdevs[i];
        atomic_init(&scene.devices[i].is_plain, true);
        atomic_init(&scene.devices[i].odp_number, 100 + i);
        scene.rings[i] = ring_create(&options, scene.drops);
        assert(ring_claim(scene.rings[i], handover_get()));
    }
}

static void
stop(void)
{
    for (int i = 0; i < N_RINGS; i++) {
        ring_destroy(scene.rings[i]);
    }
    drop_counters_unref(scene.drops);
    link_close(scene.link);
}

/* Each frame says in its first byte which ring it is for. */
static struct dp_packet *
make_frame(int ring, enum dp_packet_source source)
{
    struct dp_packet *packet = dp_packet_new(60);

    *(uint8_t *) dp_packet_put_zeros(packet, 60) = ring;
    packet->source = source;
    return packet;
}

/* As link_poll() does it with a run. */
static void
add_run(int ring, struct dp_packet **packets, size_t n)
{
    if (!handover_add(handover_get(), scene.rings[ring], packets, n)) {
        ring_put_own(scene.rings[ring], packets, n);
    }
}

static void
take_batch(void *aux OVS_UNUSED, struct dp_packet_batch *batch,
           odp_port_t port)
{
    int ring = odp_to_u32(port) - 100;
    struct dp_packet *packet;

    assert(ring >= 0 && ring < N_RINGS && !dp_packet_batch_is_empty(batch));

    enum dp_packet_source source = batch->packets[0]->source;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        assert(*(uint8_t *) dp_packet_data(packet) == ring);
        assert(packet->source == source);
        scene.n_delivered[ring]++;
        scene.n_unflushed++;
        packet->source = DPBUF_MALLOC;
        dp_packet_delete(packet);
    }
}

/* While frames are kept, others must not think that they were delivered. */
static void
take_flush(void *aux OVS_UNUSED)
{
    assert(handover_is_active(handover_get()));
    scene.n_unflushed = 0;
}

/* What the datapath does with what rxq_recv() of ring 0's port returns. */
static void
input(struct dp_packet_batch *batch)
{
    if (dp_packet_batch_is_empty(batch)) {
        /* EAGAIN: nobody comes for the rest, which must not be handed out with
         * the next batch of another port. */
        assert(!handover_is_pending());
        assert(!handover_is_active(handover_get()));
    } else if (handover_is_pending()) {
        static const struct handover_sink sink = { take_batch, take_flush };

        handover_run(batch, u32_to_odp(100), &sink, NULL);
        assert(!scene.n_unflushed);
    } else {
        take_batch(NULL, batch, u32_to_odp(100));
    }
    assert(!handover_is_pending());
}

/* A run whose frames have two sources, as a flooded and a received one on a
 * DPDK device, goes into its ring.  If nothing else came, nothing is left to
 * deliver. */
static void
test_mixed(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet *packets[NETDEV_MAX_BURST];
    struct dp_packet_batch batch;

    start();
    for (int others = 0; others < 3; others++) {
        memset(scene.n_delivered, 0, sizeof scene.n_delivered);
        dp_packet_batch_init(&batch);
        handover_begin(handover_get(), scene.link, dpif_type);
        if (others == 1) {
            packets[0] = make_frame(2, DPBUF_MALLOC);
            add_run(2, packets, 1);
        }
        packets[0] = make_frame(1, DPBUF_MALLOC);
        packets[1] = make_frame(1, DPBUF_STUB);
        add_run(1, packets, 2);
        if (others == 2) {
            packets[0] = make_frame(2, DPBUF_MALLOC);
            add_run(2, packets, 1);
        }
        handover_commit(handover_get(), &batch);
        input(&batch);
        assert(scene.n_delivered[0] == 0 && scene.n_delivered[1] == 0);
        assert(scene.n_delivered[2] == (others > 0));

        /* They wait in the ring. */
        for (int i = 0; i < 2; i++) {
            assert(ring_get(scene.rings[1], packets, NETDEV_MAX_BURST) == 1);
            packets[0]->source = DPBUF_MALLOC;
            dp_packet_delete(packets[0]);
        }
    }
    stop();
}

/* What waits in a ring goes first, and each frame to its own port. */
static void
test_order(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet *packets[NETDEV_MAX_BURST];
    struct dp_packet_batch batch;

    start();
    for (int i = 0; i < 40; i++) {
        packets[0] = make_frame(1, DPBUF_MALLOC);
        ring_put_own(scene.rings[1], packets, 1);
    }
    dp_packet_batch_init_packet(&batch, make_frame(0, DPBUF_MALLOC));
    handover_begin(handover_get(), scene.link, dpif_type);
    for (int i = 0; i < 10; i++) {
        for (int ring = 1; ring < N_RINGS; ring++) {
            packets[0] = make_frame(ring, DPBUF_MALLOC);
            add_run(ring, packets, 1);
        }
    }
    handover_commit(handover_get(), &batch);
    input(&batch);
    /* A full batch of ring 1 was taken, so the new ones wait behind. */
    assert(scene.n_delivered[0] == 1 && scene.n_delivered[2] == 10);
    assert(scene.n_delivered[1] == NETDEV_MAX_BURST);
    assert(ring_fill(scene.rings[1]) == 40 + 10 - NETDEV_MAX_BURST);
    assert(counter_read(&scene.devices[2].rx_packets) == 10);
    stop();
}

/* The main thread polls for all datapaths; each numbers ports by itself. */
static void
test_datapaths(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet *packets[NETDEV_MAX_BURST];
    struct dp_packet_batch batch;

    start();
    scene.netdevs[2].dpif_type = "dummy";
    memset(scene.n_delivered, 0, sizeof scene.n_delivered);
    dp_packet_batch_init(&batch);
    handover_begin(handover_get(), scene.link, dpif_type);
    for (int ring = 1; ring < N_RINGS; ring++) {
        packets[0] = make_frame(ring, DPBUF_MALLOC);
        add_run(ring, packets, 1);
    }
    handover_commit(handover_get(), &batch);
    input(&batch);
    assert(scene.n_delivered[1] == 1 && scene.n_delivered[2] == 0);
    assert(ring_fill(scene.rings[2]) == 1);
    stop();
}

static void
test_handover_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "mixed", NULL, 0, 0, test_mixed, OVS_RO },
        { "order", NULL, 0, 0, test_order, OVS_RO },
        { "datapaths", NULL, 0, 0, test_datapaths, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-handover", test_handover_main);
