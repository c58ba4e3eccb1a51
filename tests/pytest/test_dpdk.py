# SPDX-License-Identifier: Apache-2.0
"""Links on DPDK devices, whose VNICs PMD threads poll.

DPDK's pcap driver makes a DPDK device of one end of a veth, so that the far
end is as in the other tests."""

import re
import random
import time
from subprocess import DEVNULL, PIPE

import pytest

from frames import (BLUE, BROADCAST, FAR, RED, addressed_to, experimental,
                    frame, tagged)
from netns import send_paced
from test_isolation import QUIET
from waiting import wait_for

# Ordinary memory, so that the host's huge pages stay as they are.
# --legacy-mem, for else OVS adds --in-memory, which goes with neither;
# fewer megabytes than that are not enough for OVS's packet pools.
DPDK_EXTRA = "--no-pci --no-huge --legacy-mem -m 1024 --iova-mode=va"

AS_DPDK = ["netdev=dpdk0", "type=dpdk",
           "options:dpdk-devargs=net_pcap0,iface=l1"]
AS_SYSTEM = ["netdev=l1", 'type=""', "options={}"]


def start_dpdk(sb, extra=DPDK_EXTRA):
    sb.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
             f'other_config:dpdk-extra="{extra}"',
             "other_config:pmd-cpu-mask=0x2",
             "other_config:pmd-maxsleep=100")
    sb.far = sb.netns("far")
    sb.veth("l1", sb.far, FAR, ip="10.0.0.1")
    # Written when a device has changed, which l1 now has, and not in the
    # transaction that ovs-vsctl waits for.
    wait_for(lambda: sb.get("Open_vSwitch", ".", "dpdk_initialized") == "true",
             "DPDK")


@pytest.fixture
def dpdk(sb):
    """A sandbox with DPDK, and with a cable from l1 to "far"."""
    start_dpdk(sb)
    return sb


def polled_by_pmd(sb):
    """Names of the ports in pmd-rxq-show."""
    lines = sb.appctl("dpif-netdev/pmd-rxq-show").splitlines()
    return {line.split()[1] for line in lines if "port:" in line}


def test_vnics_on_a_pmd(dpdk):
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    red = dpdk.tenant("red", "l1", RED, ip="10.0.0.2")
    blue = dpdk.tenant("blue", "l1", BLUE, ip="10.0.0.3")
    dpdk.default_port("default", "l1")
    assert dpdk.get("VNIC_Link", "l1", "capabilities:polling") == "pmd"
    red.serve_http("10.0.0.2", "This is red.")

    dpdk.far.ping("10.0.0.3")
    blue.ping("10.0.0.2")
    assert dpdk.far.curl("10.0.0.2") == "This is red."
    assert polled_by_pmd(dpdk) == {"red", "blue", "default"}


def test_2000_frames_to_two_vnics_on_a_pmd(dpdk):
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    far = dpdk.far.wire()
    red = dpdk.tenant("red", "l1", RED).wire()
    blue = dpdk.tenant("blue", "l1", BLUE, vlan=100).wire()
    frames = [frame(random.choice([RED, BLUE])) for _ in range(2000)]
    to_red, to_blue = addressed_to(frames, RED), addressed_to(frames, BLUE)

    send_paced(far, [f if f in to_red else tagged(f, 100) for f in frames],
               [red, blue])

    assert experimental(red.collect(QUIET)) == to_red
    assert experimental(blue.collect(QUIET)) == to_blue


def test_polling_changes_with_the_link(dpdk):
    """From the main thread to a PMD and back, under a stream of pings."""
    dpdk.vsctl("add-vnic-link", "l1", *AS_SYSTEM)
    red = dpdk.tenant("red", "l1", RED, ip="10.0.0.2")
    dpdk.far.ping("10.0.0.2")
    dpdk.far.spawn("ping", "-n", "-q", "-i", "0.002", "10.0.0.2",
                   stdout=DEVNULL)

    for _ in range(5):
        dpdk.vsctl("set", "VNIC_Link", "l1", *AS_DPDK)
        wait_for(lambda: polled_by_pmd(dpdk) == {"red"}, "a PMD for red")
        dpdk.wait_status("VNIC", "red", "active")
        red.ping("10.0.0.1", count=2)

        dpdk.vsctl("set", "VNIC_Link", "l1", *AS_SYSTEM)
        wait_for(lambda: not polled_by_pmd(dpdk), "red leaving the PMD")
        dpdk.wait_status("VNIC", "red", "active")
        red.ping("10.0.0.1", count=2)


def test_vnic_changes_under_a_pmd(dpdk):
    """Ports come, change and go while a PMD thread polls their link."""
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    dpdk.tenant("red", "l1", RED, ip="10.0.0.2")
    dpdk.far.ping("10.0.0.2")
    pings = dpdk.far.spawn("ping", "-n", "-q", "-c", "500", "-i", "0.004",
                           "-W", "1", "10.0.0.2", stdout=PIPE)
    dpdk.bridge("br")

    for i in range(10):
        dpdk.vsctl("add-vnic", "br", "blue", "link=l1", f'mac="{BLUE}"')
        dpdk.vsctl("set", "VNIC", "blue", f"vlan={i + 1}")
        dpdk.vsctl("set", "VNIC", "blue", "rings=@r",
                   "--", "--id=@r", "create", "VNIC_Ring", "id=0",
                   f"depth={64 << (i % 4)}")
        dpdk.vsctl("del-vnic", "blue")

    output = pings.communicate(timeout=20)[0]
    # Not none lost: while it adds a port, Open vSwitch takes no upcalls, and
    # drops a packet whose flow it has just removed.
    sent, received = (int(n) for n in re.findall(
        r"(\d+) packets transmitted, (\d+) received", output)[0])
    assert sent > 50 and sent - received <= sent // 50 + 1, output


def test_broadcasts_leave_through_a_dpdk_port(dpdk):
    """A ring holds the device's own packets and copies of broadcasts by turns;
    a dpdk port takes a batch for what its first packet is."""
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    out = dpdk.netns("out")
    dpdk.veth("l2", out)
    dpdk.bridge("br")
    dpdk.vsctl("add-vnic", "br", "red", "link=l1", f'mac="{RED}"',
               "--", "add-port", "br", "p2",
               "--", "set", "Interface", "p2", "type=dpdk",
               "options:dpdk-devargs=net_pcap1,iface=l2")
    far, out = dpdk.far.wire(), out.wire()
    frames = [frame(BROADCAST if i % 2 else RED, size=100)
              for i in range(600)]

    send_paced(far, frames, [out])

    got = experimental(out.collect(QUIET))
    assert sorted(got) == sorted(frames)
    assert [f for f in got if f in frames[::2]] == frames[::2]


def test_dpdk_comes_after_its_link(sb):
    sb.vsctl("add-vnic-link", "l1", *AS_DPDK)
    far = sb.netns("far")
    sb.veth("l1", far, FAR, ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    assert sb.get("VNIC", "red", "status") == "error"

    sb.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
             f'other_config:dpdk-extra="{DPDK_EXTRA}"',
             "other_config:pmd-cpu-mask=0x2",
             "other_config:pmd-maxsleep=100")

    sb.wait_status("VNIC", "red", "active")
    red.ping("10.0.0.1")


@pytest.mark.parametrize("kind, option, good", [
    ("dpdk", "dpdk-devargs", "net_null0"),
    ("dpdkvhostuserclient", "vhost-server-path", "/vnic-none/vm0.sock")])
def test_link_without_its_option(dpdk, kind, option, good):
    dpdk.vsctl("add-vnic-link", "l1", "netdev=l1", f"type={kind}")
    assert dpdk.get("VNIC_Link", "l1", "status") == "error"
    reason = dpdk.get("VNIC_Link", "l1", "status_reason")
    assert f"{option} is missing; set options:{option}" in reason
    dpdk.vsctl("set", "VNIC_Link", "l1", f"options:{option}={good}")
    assert dpdk.get("VNIC_Link", "l1", "status") == "active"
    dpdk.vsctl("clear", "VNIC_Link", "l1", "options")
    assert dpdk.get("VNIC_Link", "l1", "status") == "error"


def test_daemon_with_dpdk_is_killed_and_restarted(dpdk):
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    dpdk.tenant("red", "l1", RED, ip="10.0.0.2")
    dpdk.far.ping("10.0.0.2")

    dpdk.kill_daemon()
    time.sleep(0.2)
    dpdk.start_daemon()

    assert dpdk.get("VNIC", "red", "status") == "active"
    wait_for(lambda: not dpdk.far.ping("10.0.0.2", count=1, check=False),
             "pings")
