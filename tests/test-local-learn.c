/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>
#undef NDEBUG

#include "vswitchd-plugin/local-learn.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "ovstest.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

#define MAC "02:00:00:00:00:01"
#define TIMEOUT 10000           /* In msec: much, for a busy machine. */

static struct local_learn *ll;

/* Runs a command that must succeed. */
static void OVS_PRINTF_FORMAT(1, 2)
run(const char *format, ...)
{
    va_list args;
    char *command;

    va_start(args, format);
    command = xvasprintf(format, args);
    va_end(args);
    printf("%s\n", command);
    fflush(stdout);
    if (system(command)) {
        ovs_fatal(0, "failed: %s", command);
    }
    free(command);
}

/* Namespaces of our own, with an empty /run/netns: what we do is seen nowhere
 * else and goes away with us. */
static void
isolate(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    if (unshare((uid ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET)) {
        printf("skipped: no privilege to create namespaces (%s)\n",
               ovs_strerror(errno));
        exit(77);
    }
    if (uid) {
        FILE *f = fopen("/proc/self/setgroups", "w");

        fputs("deny", f);
        fclose(f);
        f = fopen("/proc/self/uid_map", "w");
        fprintf(f, "0 %d 1", (int) uid);
        fclose(f);
        f = fopen("/proc/self/gid_map", "w");
        fprintf(f, "0 %d 1", (int) gid);
        fclose(f);
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
        || mount("tmpfs", "/run", "tmpfs", 0, NULL)) {
        printf("skipped: mount: %s\n", ovs_strerror(errno));
        exit(77);
    }
}

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

static struct local_learn_info
get(const char *name)
{
    struct local_learn_info info;

    assert(local_learn_get(ll, name, &info));
    return info;
}

static bool
has(const char *name, const char *addr)
{
    struct local_learn_info info = get(name);
    struct in6_addr wanted = ip(addr);

    for (size_t i = 0; i < info.n; i++) {
        if (IN6_ARE_ADDR_EQUAL(&info.addrs[i], &wanted)) {
            return true;
        }
    }
    return false;
}

/* Sleeps until 'll' wants to run, or until 'deadline'. */
static void
nap(long long int deadline)
{
    local_learn_wait(ll);
    poll_timer_wait_until(deadline);
    poll_block();
}

/* Waits until CONDITION, and checks that it came with a new seqno. */
#define WAIT_UNTIL(CONDITION)                                       \
    do {                                                            \
        long long int deadline = time_msec() + TIMEOUT;             \
        uint64_t seqno_ = local_learn_seqno(ll);                    \
                                                                    \
        assert(!(CONDITION));                                       \
        while (local_learn_run(ll), !(CONDITION)) {                 \
            if (time_msec() > deadline) {                           \
                ovs_fatal(0, "%s:%d: never: %s",                    \
                          __FILE__, __LINE__, #CONDITION);          \
            }                                                       \
            nap(deadline);                                          \
        }                                                           \
        assert(local_learn_seqno(ll) != seqno_);                    \
    } while (0)

/* Lets 'msec' pass.  Returns how often 'll' wanted to run. */
static int
pass(int msec)
{
    long long int end = time_msec() + msec;
    int n = 0;

    while (local_learn_run(ll), time_msec() < end) {
        nap(end);
        n++;
    }
    return n;
}

static void
want(const char *netns)
{
    struct local_learn_wanted wanted[] = {
        { "v1", netns, ETH_ADDR_C(02,00,00,00,00,01) },
        { "v2", netns, ETH_ADDR_C(02,00,00,00,00,02) },
    };

    local_learn_set(ll, wanted, ARRAY_SIZE(wanted));
}

static void
add_guest(void)
{
    run("ip netns add guest");
    run("ip -n guest link add eth0 address "MAC" type veth peer name p0");
    run("ip -n guest link set lo up");
}

static void
begin(void)
{
    isolate();
    ll = local_learn_create();
}

static void
end(void)
{
    local_learn_destroy(ll);
    local_learn_destroy(NULL);
}

static void
test_addresses(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct local_learn_info info;
    uint64_t seqno;

    begin();
    add_guest();
    run("ip -n guest addr add 192.0.2.1/24 dev eth0");

    /* What is there can be had at once, and is no change. */
    seqno = local_learn_seqno(ll);
    want("guest");
    assert(get("v1").n == 1 && has("v1", "192.0.2.1") && !get("v1").error);
    assert(!get("v2").n && !get("v2").error);
    assert(!local_learn_get(ll, "v3", &info));
    pass(300);
    assert(local_learn_seqno(ll) == seqno);

    run("ip -n guest addr add 2001:db8::1/64 dev eth0 nodad");
    WAIT_UNTIL(has("v1", "2001:db8::1"));
    assert(get("v1").n == 2 && !get("v1").n_ignored);

    /* A tentative address is none.  With the device up, a link-local one
     * appears, and all pass duplicate address detection. */
    run("ip -n guest link set p0 up");
    run("ip -n guest link set eth0 up");
    run("ip -n guest addr add 2001:db8::2/64 dev eth0");
    pass(300);
    assert(!has("v1", "2001:db8::2"));
    WAIT_UNTIL(has("v1", "2001:db8::2"));
    if (!has("v1", "fe80::ff:fe00:1")) {
        WAIT_UNTIL(has("v1", "fe80::ff:fe00:1"));
    }
    assert(get("v1").n == 4);

    run("ip -n guest addr del 192.0.2.1/24 dev eth0");
    WAIT_UNTIL(!has("v1", "192.0.2.1"));

    /* A peer's address is not the guest's, that of another interface is not
     * the VNIC's, and that of a second one with the same MAC address is. */
    run("ip -n guest addr add 192.0.2.3 peer 192.0.2.4 dev eth0");
    run("ip -n guest addr add 192.0.2.5/24 dev lo");
    run("ip -n guest addr add 192.0.2.6/24 dev p0");
    run("ip -n guest link add eth1 address "MAC" type veth peer name p1");
    run("ip -n guest addr add 192.0.2.7/24 dev eth1");
    WAIT_UNTIL(has("v1", "192.0.2.7"));
    assert(has("v1", "192.0.2.3") && !has("v1", "192.0.2.4"));
    assert(!has("v1", "192.0.2.5") && !has("v1", "192.0.2.6"));

    /* The same address twice is one. */
    size_t n = get("v1").n;
    run("ip -n guest addr add 192.0.2.7/32 dev eth0");
    pass(300);
    assert(get("v1").n == n);

    run("ip -n guest link del eth1");
    pass(300);
    assert(has("v1", "192.0.2.7"));
    end();
}

static void
test_links(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    uint64_t seqno;

    begin();
    add_guest();
    run("ip -n guest addr add 192.0.2.1/24 dev eth0");
    want("guest");
    assert(get("v1").n == 1);

    /* A name says nothing. */
    seqno = local_learn_seqno(ll);
    run("ip -n guest link set eth0 name nic");
    pass(300);
    assert(has("v1", "192.0.2.1") && local_learn_seqno(ll) == seqno);

    /* The MAC address says all. */
    run("ip -n guest link set nic address 02:00:00:00:00:02");
    WAIT_UNTIL(!get("v1").n);
    assert(has("v2", "192.0.2.1"));
    run("ip -n guest link set nic address "MAC);
    WAIT_UNTIL(has("v1", "192.0.2.1"));

    run("ip -n guest link del nic");
    WAIT_UNTIL(!get("v1").n);
    assert(!get("v1").error);
    end();
}

static void
test_bound(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    begin();
    add_guest();
    want("guest");
    run("for i in `seq 1 70`; do echo addr add 10.0.0.$i/24 dev eth0; done "
        "| ip -n guest -batch -");
    WAIT_UNTIL(get("v1").n == LOCAL_LEARN_MAX && get("v1").n_ignored == 6);
    for (size_t i = 1; i < get("v1").n; i++) {
        assert(memcmp(&get("v1").addrs[i - 1], &get("v1").addrs[i],
                      sizeof(struct in6_addr)) < 0);
    }

    /* A guest that changes its addresses all the time doesn't keep us busy. */
    run("for i in `seq 1 1500`; do echo addr add 10.1.0.1/24 dev eth0; "
        "echo addr del 10.1.0.1/24 dev eth0; done > /run/batch");
    run("ip -n guest -batch /run/batch & echo $! > /run/pid");
    int n = pass(1000);
    printf("%d turns in 1 s\n", n);
    assert(n <= 25);

    run("while kill -0 `cat /run/pid` 2>/dev/null; do sleep 0.1; done");
    run("ip -n guest addr flush dev eth0");
    WAIT_UNTIL(!get("v1").n && !get("v1").n_ignored);
    end();
}

static bool
device_exists(const char *name)
{
    return if_nametoindex(name) != 0;
}

static void
test_namespaces(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    begin();

    /* Not even the directory is there.  We look about once a second. */
    want("guest");
    printf("%s\n", get("v1").error);
    assert(!strcmp(get("v1").error, "netns: there is no /run/netns/guest; "
                   "create it with \"ip netns add guest\", or clear the "
                   "column"));
    assert(pass(1500) <= 5);
    add_guest();
    run("ip -n guest addr add 192.0.2.1/24 dev eth0");
    WAIT_UNTIL(!get("v1").error && has("v1", "192.0.2.1"));
    assert(pass(1500) <= 4);

    /* Deleted: it goes away at once, for we don't hold it. */
    run("ip -n guest link add host0 type veth peer name eth2");
    run("ip -n guest link set host0 netns $$");
    assert(device_exists("host0"));
    run("ip netns del guest");
    WAIT_UNTIL(get("v1").error && !get("v1").n);
    for (int i = 0; device_exists("host0"); i++) {
        assert(i < TIMEOUT / 10);
        pass(10);
    }

    /* Back, and replaced by another of the same name. */
    add_guest();
    run("ip -n guest addr add 192.0.2.2/24 dev eth0");
    WAIT_UNTIL(!get("v1").error && has("v1", "192.0.2.2"));
    run("ip netns del guest");
    add_guest();
    run("ip -n guest addr add 192.0.2.3/24 dev eth0");
    WAIT_UNTIL(has("v1", "192.0.2.3"));
    assert(!has("v1", "192.0.2.2"));

    /* Another name for the same. */
    run("ip netns add old");
    want("old");
    assert(!get("v1").n && !get("v1").error);
    want("guest");
    assert(has("v1", "192.0.2.3"));

    /* Not a namespace, and not a name. */
    run("touch /run/netns/file");
    want("file");
    printf("%s\n", get("v1").error);
    assert(strstr(get("v1").error, "is no network namespace"));
    run("rm /run/netns/file && ip netns add file");
    WAIT_UNTIL(!get("v1").error);
    want("../guest");
    printf("%s\n", get("v1").error);
    assert(strstr(get("v1").error, "\"../guest\" is no name"));
    assert(pass(1200) <= 2);

    /* Nothing wanted: nothing done. */
    local_learn_set(ll, NULL, 0);
    assert(!local_learn_get(ll, "v1", &(struct local_learn_info) { 0 }));
    assert(pass(500) == 1);

    /* The directory goes, and comes back. */
    want("guest");
    run("umount -l /run/netns/guest && umount -l /run/netns; "
        "rm -rf /run/netns");
    WAIT_UNTIL(get("v1").error);
    add_guest();
    run("ip -n guest addr add 192.0.2.4/24 dev eth0");
    WAIT_UNTIL(has("v1", "192.0.2.4"));
    end();
}

static void
test_local_learn_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "addresses", NULL, 0, 0, test_addresses, OVS_RO },
        { "links", NULL, 0, 0, test_links, OVS_RO },
        { "bound", NULL, 0, 0, test_bound, OVS_RO },
        { "namespaces", NULL, 0, 0, test_namespaces, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-local-learn", test_local_learn_main);
