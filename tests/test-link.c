/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath-ext/datapath-ext.h"
#include "datapath-ext/ring.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "packets.h"
#include "tests/time-seam.h"
#include "util.h"

/* A device that does what a test wants of it, and no real one does when it is
 * asked to. */
struct device {
    struct netdev up;
    struct dp_packet_batch rx;  /* To be received. */
    int tx_error;
    size_t max_size;            /* Of frames that it sends, or 0. */
    size_t n_sent, n_calls;
    void (*reconfigure)(void);
    int reconfigure_error;
};

/* The last one that was opened. */
static struct device *device;

static struct netdev *
device_alloc(void)
{
    device = xzalloc(sizeof *device);
    return &device->up;
}

static int
device_construct(struct netdev *netdev OVS_UNUSED)
{
    return 0;
}

static void
device_destruct(struct netdev *netdev OVS_UNUSED)
{
}

static void
device_dealloc(struct netdev *netdev)
{
    ovs_assert(&device->up == netdev);
    free(device);
    device = NULL;
}

static int
device_get_etheraddr(const struct netdev *netdev OVS_UNUSED,
                     struct eth_addr *mac)
{
    *mac = eth_addr_zero;
    return 0;
}

static int
device_update_flags(struct netdev *netdev OVS_UNUSED,
                    enum netdev_flags off OVS_UNUSED,
                    enum netdev_flags on OVS_UNUSED, enum netdev_flags *old)
{
    *old = NETDEV_UP;
    return 0;
}

static int
device_reconfigure(struct netdev *netdev OVS_UNUSED)
{
    if (device->reconfigure) {
        device->reconfigure();
    }
    return device->reconfigure_error;
}

/* As sendmmsg(2), on which Open vSwitch's class for devices of the kernel
 * relies, it stops at the first frame that it can't send. */
static int
device_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
            struct dp_packet_batch *batch, bool concurrent OVS_UNUSED)
{
    struct dp_packet *packet;
    int error = 0;

    device->n_calls++;
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        error = (device->tx_error ? device->tx_error
                 : device->max_size && dp_packet_size(packet)
                                       > device->max_size ? EMSGSIZE : 0);
        if (error) {
            break;
        }
        device->n_sent++;
    }
    dp_packet_delete_batch(batch, true);
    return error;
}

static struct netdev_rxq *
device_rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

static int
device_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
device_rxq_destruct(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static void
device_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}

static int
device_rxq_recv(struct netdev_rxq *rxq OVS_UNUSED,
                struct dp_packet_batch *batch, int *qfill OVS_UNUSED)
{
    if (dp_packet_batch_is_empty(&device->rx)) {
        return EAGAIN;
    }
    *batch = device->rx;
    dp_packet_batch_init(&device->rx);
    return 0;
}

static const struct netdev_class device_class = {
    .type = "test-link",
    .alloc = device_alloc,
    .construct = device_construct,
    .destruct = device_destruct,
    .dealloc = device_dealloc,
    .get_etheraddr = device_get_etheraddr,
    .update_flags = device_update_flags,
    .reconfigure = device_reconfigure,
    .send = device_send,
    .rxq_alloc = device_rxq_alloc,
    .rxq_construct = device_rxq_construct,
    .rxq_destruct = device_rxq_destruct,
    .rxq_dealloc = device_rxq_dealloc,
    .rxq_recv = device_rxq_recv,
};

/* The link on it, with one VNIC. */
static struct link *link;
static struct link_port port = {
    .claim.key.mac = ETH_ADDR_C(02,00,00,00,00,01),
};

static void
start(void)
{
    const struct ring_options options = { .depth = 64 };
    struct link_config config = {
        .name = "l1", .netdev = "e1", .type = "test-link",
        .options = SMAP_INITIALIZER(&config.options),
        .hw_classifier = HW_CLASSIFIER_OFF,
    };
    char *error;

    netdev_register_provider(&device_class);
    link = link_open(&config, &error);
    if (!link) {
        ovs_fatal(0, "%s", error);
    }
    port.drops = drop_counters_create();
    port.ring = ring_create(&options, port.drops);
    assert(link_add_port(link, &port));
}

static void
stop(void)
{
    link_remove_port(link, &port);
    ring_destroy(port.ring);
    drop_counters_unref(port.drops);
    link_close(link);
}

static uint64_t
drops(enum drop_reason reason)
{
    struct link_info info;

    memset(&info, 0, sizeof info);
    link_fill_info(link, &info);
    link_info_destroy(&info);
    return info.drops[reason] + counter_read(&port.drops->n[reason]);
}

/* Prints how many frames were dropped for 'reason', and stops if it isn't 'n',
 * or if any was dropped for another. */
static void
report(enum drop_reason reason, uint64_t n)
{
    for (int i = 0; i < N_DROPS; i++) {
        assert(drops(i) == (i == reason ? n : 0));
    }
    printf("%s: %"PRIu64"\n", drop_name(reason), drops(reason));
}

static struct dp_packet *
make_frame_to(struct eth_addr dst, size_t size)
{
    /* Of 0 bytes there would be no data at all. */
    struct dp_packet *packet = dp_packet_new(MAX(size, 1));
    struct eth_header eth = { .eth_dst = dst };

    dp_packet_put_zeros(packet, size);
    memcpy(dp_packet_data(packet), &eth, MIN(size, sizeof eth));
    packet->md.in_port.odp_port = ODPP_NONE;
    packet->packet_type = htonl(PT_ETH);
    return packet;
}

/* To a station that no port is. */
static struct dp_packet *
make_frame(size_t size)
{
    const struct eth_addr dst = ETH_ADDR_C(02,00,00,00,00,09);

    return make_frame_to(dst, size);
}

static void
send_frames(size_t size, size_t n)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init(&batch);
    while (n--) {
        dp_packet_batch_add(&batch, make_frame(size));
    }
    link_send(&port, NULL, 0, &batch);
}

/* A frame that is too short, and one that is none, each way. */
static void
test_malformed(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet_batch batch;

    start();
    for (size_t size = 0; size < ETH_HEADER_LEN; size++) {
        dp_packet_batch_add(&device->rx, make_frame(size));
    }
    link_poll(link, NULL, NULL, NULL);
    send_frames(ETH_HEADER_LEN - 1, 3);
    dp_packet_batch_init_packet(&batch, make_frame(60));
    batch.packets[0]->packet_type = htonl(PT_IPV4);
    link_send(&port, NULL, 0, &batch);
    report(DROP_MALFORMED, ETH_HEADER_LEN + 3 + 1);
    assert(!device->n_sent);
    stop();
}

/* The port is not polled, while others are, which poll the link for it. */
static void
test_ring_full(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    start();
    for (int i = 0; i < 3; i++) {
        while (!dp_packet_batch_is_full(&device->rx)) {
            dp_packet_batch_add(&device->rx,
                                make_frame_to(port.claim.key.mac, 60));
        }
        link_poll(link, NULL, NULL, NULL);
    }
    assert(ring_fill(port.ring) == 64);
    report(DROP_RING_FULL, 3 * NETDEV_MAX_BURST - 64);
    stop();
}

static void
test_device(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet_batch batch;

    start();
    send_frames(60, 3);
    assert(device->n_sent == 3);
    device->tx_error = EIO;
    send_frames(60, 5);
    report(DROP_DEVICE, 5);

    /* One that is too long costs no other. */
    device->tx_error = 0;
    device->max_size = 1514;
    dp_packet_batch_init(&batch);
    for (int i = 0; i < 10; i++) {
        dp_packet_batch_add(&batch, make_frame(i == 4 || i == 7 ? 1600 : 60));
    }
    link_send(&port, NULL, 0, &batch);
    assert(device->n_sent == 3 + 8);
    assert(device->n_calls == 2 + 10);
    report(DROP_DEVICE, 5 + 2);

    /* When that is long ago, frames go by batches. */
    time_stop(time_real_msec() + 60000);
    send_frames(60, 5);
    assert(device->n_calls == 2 + 10 + 1);
    stop();
}

/* The device asks to be reconfigured; what another thread would send while
 * that is done, this one does in the midst of it. */
static void
send_meanwhile(void)
{
    send_frames(60, 4);
    dp_packet_batch_add(&device->rx, make_frame_to(port.claim.key.mac, 60));
    link_poll(link, NULL, NULL, NULL);
    assert(dp_packet_batch_size(&device->rx) == 1);
}

static void
test_paused(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet_batch batch;

    start();
    device->reconfigure = send_meanwhile;
    netdev_request_reconfigure(&device->up);
    link_run(link);
    report(DROP_PAUSED, 4);
    assert(!device->n_sent);

    /* Then it goes on, and what the device has received is not lost. */
    send_frames(60, 2);
    assert(device->n_sent == 2);
    dp_packet_batch_init(&batch);
    link_poll(link, port.ring, &batch, NULL);
    assert(dp_packet_batch_size(&batch) == 1);
    dp_packet_delete_batch(&batch, true);
    stop();
}

static char *
failure(void)
{
    struct link_info info = { .error = NULL };
    char *s;

    link_fill_info(link, &info);
    s = nullable_xstrdup(info.failure);
    link_info_destroy(&info);
    return s;
}

/* The device can't be reconfigured, time and again, and then it can. */
static void
test_failing(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    long long int now = time_real_msec();
    char *s;

    start();
    device->reconfigure_error = ENOMEM;
    netdev_request_reconfigure(&device->up);
    for (int i = 0; i < 3; i++) {
        time_stop(now += 1000);
        assert(link_must_reconfigure(link));
        link_run(link);
        s = failure();
        assert(s && strstr(s, "\"e1\" can't be reconfigured (Cannot allocate "
                              "memory)"));
        free(s);
        assert(!link_must_reconfigure(link));
        time_stop(now += 999);
        assert(!link_must_reconfigure(link));
        time_stop(now -= 999);
        send_frames(60, 1);
        assert(!link_poll(link, NULL, NULL, NULL));
    }
    report(DROP_PAUSED, 3);

    device->reconfigure_error = 0;
    time_stop(now + 1000);
    link_run(link);
    assert(!failure() && !link_must_reconfigure(link));
    send_frames(60, 2);
    assert(device->n_sent == 2);
    report(DROP_PAUSED, 3);
    stop();
}

/* Two datapaths have a port 3; the link receives for just one of them. */
static void
test_datapaths(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct eth_addr broadcast = ETH_ADDR_C(ff,ff,ff,ff,ff,ff);
    static const char *const types[] = { "netdev", "dummy" };
    struct link_member member = {
        .number = u32_to_odp(3), .dpif_type = types[0],
    };

    start();
    link_add_member(link, &member);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct dp_packet_batch batch;

        dp_packet_batch_init_packet(&batch, make_frame_to(broadcast, 60));
        batch.packets[0]->md.in_port.odp_port = member.number;
        link_send(&port, types[i], 0, &batch);
        assert(device->n_sent == i);
    }
    report(DROP_SPLIT_HORIZON, 1);
    link_remove_member(link, &member);
    stop();
}

static void
test_link_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "malformed", NULL, 0, 0, test_malformed, OVS_RO },
        { "ring-full", NULL, 0, 0, test_ring_full, OVS_RO },
        { "device", NULL, 0, 0, test_device, OVS_RO },
        { "paused", NULL, 0, 0, test_paused, OVS_RO },
        { "datapaths", NULL, 0, 0, test_datapaths, OVS_RO },
        { "failing", NULL, 0, 0, test_failing, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-link", test_link_main);
