/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "datapath-ext/snoop.h"

#include <assert.h>
#include <netinet/icmp6.h>
#include <stdio.h>

#include "dp-packet.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "unaligned.h"
#include "util.h"

static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);
static const struct eth_addr other = ETH_ADDR_C(02,00,00,00,00,02);

static struct in6_addr
ip(const char *s)
{
    struct in6_addr addr;
    ovs_be32 ip4;

    if (ip_parse(s, &ip4)) {
        return in6_addr_mapped_ipv4(ip4);
    }
    assert(ipv6_parse(s, &addr));
    return addr;
}

/* Snoops a copy without room around it, for AddressSanitizer to see. */
static bool
snoop(const struct dp_packet *packet, struct in6_addr *addr)
{
    struct dp_packet *copy = dp_packet_clone(packet);
    bool found = snoop_address(copy, &mac, addr);

    assert(!dp_packet_size(packet) || dp_packet_equal(copy, packet));
    dp_packet_delete(copy);
    return found;
}

/* 'expected' is the address, or NULL for none. */
static void
check(const struct dp_packet *packet, const char *expected)
{
    struct in6_addr addr;
    bool found = snoop(packet, &addr);

    assert(found == (expected != NULL));
    if (found) {
        struct in6_addr want = ip(expected);

        assert(IN6_ARE_ADDR_EQUAL(&addr, &want));
    }
}

/* A frame that was cut tells nothing. */
static void
check_truncated(struct dp_packet *packet, const char *expected)
{
    size_t size = dp_packet_size(packet);

    check(packet, expected);
    for (size_t i = 0; i < size; i++) {
        dp_packet_set_size(packet, i);
        check(packet, NULL);
    }
    dp_packet_set_size(packet, size);
}

/* Each bit of the bytes from 'from' to 'to' matters. */
static void
check_bits(struct dp_packet *packet, size_t from, size_t to)
{
    uint8_t *data = dp_packet_data(packet);

    for (size_t i = from * 8; i < to * 8; i++) {
        data[i / 8] ^= 1 << i % 8;
        check(packet, NULL);
        data[i / 8] ^= 1 << i % 8;
    }
}

static void
build_arp(struct dp_packet *packet, uint16_t op, struct eth_addr sha,
          const char *spa)
{
    ovs_be32 spa_ip, tpa_ip;

    assert(ip_parse(spa, &spa_ip) && ip_parse("192.0.2.9", &tpa_ip));
    dp_packet_clear(packet);
    compose_arp(packet, op, sha, other, true, spa_ip, tpa_ip);
}

static void
test_arp(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const char *const bad[] = {
        "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255",
    };
    struct dp_packet packet;

    dp_packet_init(&packet, 0);
    build_arp(&packet, ARP_OP_REQUEST, mac, "192.0.2.1");
    check_truncated(&packet, "192.0.2.1");
    check_bits(&packet, 6, 20);             /* Source to address lengths. */
    check_bits(&packet, 22, 28);            /* Sender's hardware address. */
    dp_packet_put_zeros(&packet, 18);       /* As padded to 60 bytes. */
    check(&packet, "192.0.2.1");

    build_arp(&packet, ARP_OP_REPLY, mac, "169.254.1.1");
    check_truncated(&packet, "169.254.1.1");
    build_arp(&packet, ARP_OP_RARP, mac, "192.0.2.1");
    check(&packet, NULL);
    build_arp(&packet, ARP_OP_REPLY, other, "192.0.2.1");
    check(&packet, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        build_arp(&packet, ARP_OP_REPLY, mac, bad[i]);
        check(&packet, NULL);
    }

    /* Another's frame with the VNIC's address inside, and a tagged one. */
    struct eth_header *eth;

    build_arp(&packet, ARP_OP_REPLY, mac, "192.0.2.1");
    eth = dp_packet_data(&packet);
    eth->eth_src = other;
    check(&packet, NULL);
    eth->eth_src = mac;
    check(&packet, "192.0.2.1");
    eth_push_vlan(&packet, htons(ETH_TYPE_VLAN), htons(5));
    check(&packet, NULL);

    /* Not Ethernet. */
    build_arp(&packet, ARP_OP_REPLY, mac, "192.0.2.1");
    packet.packet_type = htonl(PT_IPV4);
    check(&packet, NULL);
    dp_packet_uninit(&packet);
}

/* An NS or NA with 'n' bytes of options and a good checksum. */
static void
build_nd(struct dp_packet *packet, uint8_t type, const char *source,
         const char *target, const void *options, size_t n)
{
    struct ovs_16aligned_ip6_hdr *ip6;
    struct in6_addr addr;
    struct ovs_nd_msg *nd;

    dp_packet_clear(packet);
    eth_compose(packet, other, mac, ETH_TYPE_IPV6, 0);
    ip6 = dp_packet_put_zeros(packet, sizeof *ip6 + sizeof *nd);
    nd = ALIGNED_CAST(struct ovs_nd_msg *, ip6 + 1);
    ip6->ip6_vfc = 0x60;
    ip6->ip6_plen = htons(sizeof *nd + n);
    ip6->ip6_nxt = IPPROTO_ICMPV6;
    ip6->ip6_hlim = 255;
    addr = ip(source);
    memcpy(&ip6->ip6_src, &addr, sizeof addr);
    addr = ip("ff02::1");
    memcpy(&ip6->ip6_dst, &addr, sizeof addr);
    nd->icmph.icmp6_type = type;
    addr = ip(target);
    memcpy(&nd->target, &addr, sizeof addr);
    dp_packet_put(packet, options, n);
}

static struct ovs_16aligned_ip6_hdr *
packet_ip6(struct dp_packet *packet)
{
    return dp_packet_at_assert(packet, ETH_HEADER_LEN, IPV6_HEADER_LEN);
}

static struct ovs_nd_msg *
packet_nd(struct dp_packet *packet)
{
    return dp_packet_at_assert(packet, ETH_HEADER_LEN + IPV6_HEADER_LEN,
                               ND_MSG_LEN);
}

static void
finish_nd(struct dp_packet *packet)
{
    struct ovs_16aligned_ip6_hdr *ip6 = packet_ip6(packet);
    struct ovs_nd_msg *nd = packet_nd(packet);

    nd->icmph.icmp6_cksum = 0;
    nd->icmph.icmp6_cksum
        = packet_csum_upperlayer6(ip6, nd, IPPROTO_ICMPV6,
                                  dp_packet_size(packet) - ETH_HEADER_LEN
                                  - IPV6_HEADER_LEN);
}

static void
check_nd(uint8_t type, const char *source, const char *target,
         const void *options, size_t n, const char *expected)
{
    struct dp_packet packet;

    dp_packet_init(&packet, 0);
    build_nd(&packet, type, source, target, options, n);
    finish_nd(&packet);
    check_truncated(&packet, expected);
    if (expected) {
        check_bits(&packet, 6, 14);                     /* Ethernet. */
        check_bits(&packet, 18, dp_packet_size(&packet));
        dp_packet_put_zeros(&packet, 3);                /* A trailer. */
        check(&packet, expected);
        eth_push_vlan(&packet, htons(ETH_TYPE_VLAN), htons(5));
        check(&packet, NULL);
    }
    dp_packet_uninit(&packet);
}

#define NS ND_NEIGHBOR_SOLICIT
#define NA ND_NEIGHBOR_ADVERT
#define SLLA "\1\1\2\0\0\0\0\1"
#define TLLA "\2\1\2\0\0\0\0\1"
#define FALSE_SLLA "\1\1\2\0\0\0\0\2"
#define FALSE_TLLA "\2\1\2\0\0\0\0\2"
#define NONCE "\16\1\1\2\3\4\5\6"
#define LONG_OPTION "\41\2\1\2\3\4\5\6\7\1\2\3\4\5\6\7"
#define EMPTY_OPTION "\41\0\1\2\3\4\5\6"

static void
test_nd(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const char *const bad[] = {
        "::", "::1", "ff02::1", "::ffff:192.0.2.1",
    };

    check_nd(NA, "fe80::1", "2001:db8::1", TLLA, 8, "2001:db8::1");
    check_nd(NA, "fe80::1", "fe80::1", TLLA, 8, "fe80::1");
    check_nd(NA, "fe80::1", "2001:db8::1", LONG_OPTION TLLA, 24,
             "2001:db8::1");
    check_nd(NA, "fe80::1", "2001:db8::1", FALSE_TLLA, 8, NULL);
    check_nd(NA, "2001:db8::1", "2001:db8::1", "", 0, "2001:db8::1");
    check_nd(NA, "2001:db8::1", "2001:db8::1", FALSE_TLLA, 8, NULL);
    check_nd(NA, "fe80::1", "2001:db8::1", "", 0, NULL);
    check_nd(NA, "fe80::1", "2001:db8::1", SLLA, 8, NULL);

    check_nd(NS, "2001:db8::1", "2001:db8::2", SLLA, 8, "2001:db8::1");
    check_nd(NS, "2001:db8::1", "2001:db8::2", "", 0, "2001:db8::1");
    check_nd(NS, "2001:db8::1", "2001:db8::2", FALSE_SLLA, 8, NULL);
    check_nd(NS, "2001:db8::1", "ff02::2", SLLA, 8, NULL);
    check_nd(NS, "::", "2001:db8::1", NONCE, 8, NULL);      /* DAD. */

    check_nd(NA, "fe80::1", "2001:db8::1", TLLA EMPTY_OPTION, 16, NULL);
    check_nd(NA, "fe80::1", "2001:db8::1", TLLA LONG_OPTION, 16, NULL);
    check_nd(NA, "fe80::1", "2001:db8::1", TLLA TLLA, 15, NULL);
    check_nd(NA, "fe80::1", "2001:db8::1", TLLA TLLA, 9, NULL);
    check_nd(ND_ROUTER_ADVERT, "fe80::1", "2001:db8::1", TLLA, 8, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_nd(NA, "fe80::1", bad[i], TLLA, 8, NULL);
        check_nd(NS, bad[i], "2001:db8::2", SLLA, 8, NULL);
    }

    /* Composed by Open vSwitch. */
    struct in6_addr a = ip("2001:db8::1"), b = ip("2001:db8::2");
    struct dp_packet packet;

    dp_packet_init(&packet, 0);
    compose_nd_na(&packet, mac, other, &a, &b, htonl(ND_RSO_OVERRIDE));
    check(&packet, "2001:db8::1");
    dp_packet_clear(&packet);
    compose_nd_ns(&packet, mac, &a, &b);
    check(&packet, "2001:db8::1");

    /* With a good checksum, but not to be trusted. */
    build_nd(&packet, NA, "fe80::1", "2001:db8::1", TLLA, 8);
    finish_nd(&packet);
    check(&packet, "2001:db8::1");
    packet_ip6(&packet)->ip6_hlim = 254;
    check(&packet, NULL);
    packet_ip6(&packet)->ip6_hlim = 255;
    packet_nd(&packet)->icmph.icmp6_code = 1;
    finish_nd(&packet);
    check(&packet, NULL);
    dp_packet_uninit(&packet);
}

/* Frames with a few random bytes: nothing is read out of bounds, and what is
 * found is a host's address. */
static void
test_random(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct dp_packet packet;
    int n_found = 0;

    dp_packet_init(&packet, 0);
    random_set_seed(5);
    for (int i = 0; i < 200000; i++) {
        bool is_nd = random_range(4);
        struct in6_addr addr;

        if (is_nd) {
            build_nd(&packet, random_range(2) ? NA : NS, "2001:db8::1",
                     "2001:db8::1", LONG_OPTION TLLA, random_range(25));
        } else {
            build_arp(&packet, ARP_OP_REQUEST, mac, "192.0.2.1");
        }

        size_t size = dp_packet_size(&packet);
        uint8_t *data = dp_packet_data(&packet);

        for (int j = random_range(3); j; j--) {
            data[12 + random_range(size - 12)] = random_uint32();
        }
        if (is_nd) {
            finish_nd(&packet);
        }
        if (!random_range(4)) {
            dp_packet_set_size(&packet, random_range(size + 1));
        }
        if (snoop(&packet, &addr)) {
            assert(!IN6_IS_ADDR_MULTICAST(&addr));
            assert(!IN6_IS_ADDR_UNSPECIFIED(&addr));
            assert(!IN6_IS_ADDR_V4MAPPED(&addr) || data[12] == 0x08);
            n_found++;
        }
    }
    printf("%d found\n", n_found);
    assert(n_found > 1000);
    dp_packet_uninit(&packet);
}

static void
test_snoop_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "arp", NULL, 0, 0, test_arp, OVS_RO },
        { "nd", NULL, 0, 0, test_nd, OVS_RO },
        { "random", NULL, 0, 0, test_random, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-snoop", test_snoop_main);
