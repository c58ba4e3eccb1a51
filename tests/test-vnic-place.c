/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/datapath-ext.h"

#include <assert.h>

#include "dp-packet.h"
#include "netdev.h"
#include "odp-util.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "packets.h"
#include "simap.h"
#include "util.h"

/* VNICs v1 and v2 on an etherstub, with their ports. */
static struct {
    struct link_config link;
    struct vnic_config vnics[2];
    struct netdev *netdevs[2];
} scene;

static void
apply(void)
{
    const struct link_rules rules = { .link = "stub" };

    datapath_ext_set_vnics(scene.vnics, ARRAY_SIZE(scene.vnics), &rules, 1);
}

static void
start(void)
{
    static const char *const names[] = { "v1", "v2" };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    scene.link = (struct link_config) { .name = "stub", .type = "" };
    smap_init(&scene.link.options);
    datapath_ext_init();
    datapath_ext_set_links(&scene.link, 1);
    for (size_t i = 0; i < ARRAY_SIZE(scene.vnics); i++) {
        scene.vnics[i] = (struct vnic_config) {
            .name = names[i], .link = "stub",
            .mac = ETH_ADDR_C(02,00,00,00,00,00),
            .ring = { .id = -1, .depth = 64, .weight = 1 },
        };
        scene.vnics[i].mac.ea[5] = i + 1;
        assert(!netdev_open(names[i], "vnic", &scene.netdevs[i]));
    }
}

static void
stop(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(scene.vnics); i++) {
        netdev_close(scene.netdevs[i]);
    }
    datapath_ext_exit();
    smap_destroy(&scene.link.options);
    /* What was postponed is freed, or it would be a leak. */
    ovsrcu_exit();
}

static bool
is_attached(size_t i)
{
    struct port_info info;

    assert(port_get_info(scene.vnics[i].name, &info));
    return info.is_attached;
}

static unsigned int
ring_bytes(void)
{
    struct simap usage = SIMAP_INITIALIZER(&usage);
    unsigned int bytes;

    datapath_ext_get_memory_usage(&usage);
    bytes = simap_get(&usage, "vnic ring bytes");
    simap_destroy(&usage);
    return bytes;
}

/* Two VNICs whose sends wait in a ring want one place, which the daemon never
 * asks for.  Who hasn't got it keeps no ring, for its ports and for sends. */
static void
test_taken(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    start();
    for (size_t i = 0; i < ARRAY_SIZE(scene.vnics); i++) {
        scene.vnics[i].mac.ea[5] = 1;
        scene.vnics[i].maxbw_kbps = 1000;
    }
    apply();
    assert(is_attached(0) != is_attached(1));
    assert(ring_bytes() == 2 * 2 * 64 * sizeof(void *));

    /* It gets the place when that is free. */
    scene.vnics[is_attached(0) ? 0 : 1].mac.ea[5] = 2;
    apply();
    assert(is_attached(0) && is_attached(1));
    assert(ring_bytes() == 2 * 2 * 2 * 64 * sizeof(void *));
    stop();
    assert(!ring_bytes());
}

/* A rule that comes to need hardware, on a link that has none, is no longer
 * in force. */
static void
test_needs_hardware(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct rule_config rule = { .name = "r", .action = RULE_DROP };
    struct rule_info info;

    match_init_catchall(&rule.match);
    start();
    scene.vnics[0].rules = &rule;
    scene.vnics[0].n_rules = 1;
    apply();
    assert(vnic_get_rule_info("v1", "r", &info));
    assert(info.is_in_force && !info.in_hardware);
    free(info.reason);
    rule.in_hardware = rule.needs_hardware = true;
    apply();
    assert(vnic_get_rule_info("v1", "r", &info));
    assert(!info.is_in_force && !info.in_hardware);
    assert(info.reason);
    free(info.reason);
    stop();
}

/* A neighbour's broadcast for a host that there isn't. */
static void
test_no_host(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct rule_config rule = { .name = "r", .action = RULE_HOST };
    struct dp_packet *packet = dp_packet_new(60);
    struct dp_packet_batch batch;
    struct link_info info;

    match_init_catchall(&rule.match);
    start();
    scene.vnics[1].rules = &rule;
    scene.vnics[1].n_rules = 1;
    apply();
    memset(dp_packet_put_uninit(packet, 60), 0xff, 60);
    packet->md.in_port.odp_port = ODPP_NONE;
    dp_packet_batch_init_packet(&batch, packet);
    netdev_send(scene.netdevs[0], 0, &batch, true);
    assert(link_get_info("stub", &info));
    assert(info.drops[DROP_NO_DEFAULT_PORT] == 1);
    link_info_destroy(&info);
    stop();
}

static void
test_vnic_place_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "taken", NULL, 0, 0, test_taken, OVS_RO },
        { "no-host", NULL, 0, 0, test_no_host, OVS_RO },
        { "needs-hardware", NULL, 0, 0, test_needs_hardware, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vnic-place", test_vnic_place_main);
