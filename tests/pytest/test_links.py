# SPDX-License-Identifier: Apache-2.0
"""Links on every kind of device that this machine can have, and their MTU:
frames in and out through a VNIC on each."""

import os
import re

import pytest

import guest
from foreign import read_pcap, write_pcap
from frames import BLUE, FAR, HOST, RED, experimental, frame
from guest import Guest, VhostUserNic
from rings import far_end
from test_dpdk import DPDK_EXTRA, dpdk, start_dpdk    # noqa: F401
from test_isolation import QUIET
from waiting import wait_for

# DPDK's tap and memif drivers want as many queues of one kind as of the other,
# and Open vSwitch asks for a transmit queue per processor and one more.
AS_MANY_AS_TX = f"rings={os.cpu_count() + 1}"


def add_dpdk_link(sb, name, devargs, *columns):
    """Returns its status."""
    sb.vsctl("add-vnic-link", name, f"netdev=dev-{name}", "type=dpdk",
             f"options:dpdk-devargs={devargs}", *columns)
    return sb.get("VNIC_Link", name, "status")


def driver(sb, name):
    return sb.get("VNIC_Link", name, "capabilities:driver")


@pytest.mark.parametrize("devargs", ["net_af_packet0,iface=l1",
                                     "net_af_xdp0,iface=l1"])
def test_dpdk_on_a_cable(dpdk, devargs):              # noqa: F811
    assert add_dpdk_link(dpdk, "k", devargs) == "active"
    red = dpdk.tenant("red", "k", RED, ip="10.0.0.2")
    assert devargs.startswith(driver(dpdk, "k"))
    dpdk.far.ping("10.0.0.2")
    red.ping("10.0.0.1")


@pytest.mark.parametrize("kind, polling", [("afxdp", "pmd"),
                                           ("afxdp-nonpmd", "main")])
def test_afxdp(sb, kind, polling):
    if kind not in sb.get("Open_vSwitch", ".", "iface_types"):
        sb.vsctl("add-vnic-link", "k", "netdev=l1", f"type={kind}")
        reason = sb.get("VNIC_Link", "k", "status_reason")
        assert reason.startswith(f'type: \\"{kind}\\" is unknown'), reason
        pytest.skip("this Open vSwitch is built without AF_XDP")
    far_end(sb)
    # veths are slow to take a program themselves.
    sb.vsctl("add-vnic-link", "k", "netdev=l1", f"type={kind}",
             "options:xdp-mode=generic")
    red = sb.tenant("red", "k", RED, ip="10.0.0.2")
    assert sb.get("VNIC_Link", "k", "status") == "active"
    assert sb.get("VNIC_Link", "k", "capabilities:polling") == polling
    sb.far.ping("10.0.0.2")
    red.ping("10.0.0.1")


def test_tap(dpdk):                                   # noqa: F811
    """The kernel of the host is the far end."""
    assert add_dpdk_link(dpdk, "bad", "net_tap1,iface=tap1") == "error"
    reason = dpdk.get("VNIC_Link", "bad", "status_reason")
    assert "cannot open" in reason and "Operation not permitted" in reason
    dpdk.vsctl("del-vnic-link", "bad")

    assert add_dpdk_link(dpdk, "k", "net_tap0,iface=tap0",
                         AS_MANY_AS_TX) == "active"
    assert driver(dpdk, "k") == "net_tap"
    red = dpdk.tenant("red", "k", RED, ip="10.0.1.2")
    dpdk.run("ip", "addr", "add", "10.0.1.1/24", "dev", "tap0")
    dpdk.run("ip", "link", "set", "tap0", "up")
    red.serve_http("10.0.1.2", "This is red.")

    dpdk.host.ping("10.0.1.2")
    red.ping("10.0.1.1")
    assert dpdk.host.curl("10.0.1.2") == "This is red."


def test_memif(dpdk):                                 # noqa: F811
    """Two links of one daemon, joined by shared memory."""
    for name, role in ("k1", "server"), ("k2", "client"):
        assert add_dpdk_link(
            dpdk, name, f"net_memif{name},role={role},id=0,"
            f"socket={dpdk.dir}/memif,socket-abstract=no",
            AS_MANY_AS_TX) == "active"
        assert driver(dpdk, name) == "net_memif"
    red = dpdk.tenant("red", "k1", RED, ip="10.0.1.2")
    blue = dpdk.tenant("blue", "k2", BLUE, ip="10.0.1.3")
    blue.serve_http("10.0.1.3", "This is blue.")

    red.ping("10.0.1.3")
    blue.ping("10.0.1.2")
    assert red.curl("10.0.1.3") == "This is blue."


def test_ring(sb):
    """What goes out comes in again: the driver's rings are both ends."""
    # Its memory pool needs more than the others'.
    start_dpdk(sb, DPDK_EXTRA.replace("-m 1024", "-m 2048"))
    assert add_dpdk_link(sb, "k", "net_ring0") == "active"
    assert driver(sb, "k") == "net_ring"
    red = sb.tenant("red", "k", RED).wire()
    default = sb.default_port("default", "k").wire()
    frames = [frame(HOST, RED) for _ in range(20)]

    red.send(*frames)
    assert experimental(default.collect(QUIET)) == frames
    # And to red, from the device rather than from the default port.
    default.send(*[frame(FAR, HOST) for _ in range(5)])
    assert len(experimental(default.collect(QUIET))) == 25
    assert sb.show("link-show", "k")["rx_packets"] >= 25


def test_null(dpdk):                                  # noqa: F811
    """Takes all, and gives frames of zeroes, which a rule steers to red."""
    red = dpdk.netns("red")
    dpdk.veth("red-tap", red)
    dpdk.bridge("br")
    dpdk.vsctl("add-port", "br", "red-tap", "--", "add-vnic", "br", "red",
               "link=k", f'mac="{RED}"', "rings=@r", "--", "--id=@r",
               "create", "VNIC_Ring", "id=0")
    dpdk.vsctl("--", "--id=@c", "create", "VNIC_Classifier", "name=all",
               "link=k", "vnic=red", "action=ring", "ring=0")
    # Not by NORMAL: their destination is also their source.
    dpdk.run("ovs-ofctl", "del-flows", "br")
    for port, out in ("red", "red-tap"), ("red-tap", "red"):
        dpdk.run("ovs-ofctl", "add-flow", "br",
                 f"in_port={port},actions=output:{out}")
    wire = red.wire()
    assert add_dpdk_link(dpdk, "k", "net_null0,size=64") == "active"
    assert driver(dpdk, "k") == "net_null"
    assert wire.receive(5) == bytes(64)

    before = dpdk.show("link-show", "k")["tx_packets"]
    wire.send(*[frame(FAR, RED) for _ in range(7)])
    wait_for(lambda: dpdk.show("link-show", "k")["tx_packets"] >= before + 7,
             "sent frames")


def test_pcap_files(dpdk):                            # noqa: F811
    inward, outward = frame(RED), [frame(FAR, RED) for _ in range(7)]
    write_pcap(f"{dpdk.dir}/in.pcap", [inward])
    red = dpdk.tenant("red", "k", RED).wire()
    assert add_dpdk_link(
        dpdk, "k", f"net_pcap0,rx_pcap={dpdk.dir}/in.pcap,infinite_rx=1,"
        f"tx_pcap={dpdk.dir}/out.pcap") == "active"

    assert red.receive(5) == inward
    red.send(*outward)
    wait_for(lambda: dpdk.show("show", "red")["tx_packets"] == 7, "frames")
    dpdk.vsctl("del-vnic-link", "k")        # Closes the file.
    assert read_pcap(f"{dpdk.dir}/out.pcap") == outward


def test_vhost_user_far_end_comes_and_goes(dpdk):     # noqa: F811
    """A virtual machine is the far end: before it, with it, after kill -9 and
    with its successor."""
    guest.need()
    vm = Guest(dpdk, "vm", VhostUserNic(dpdk, "vm"), FAR, "10.0.0.1")
    dpdk.vsctl("add-vnic-link", "k", f"netdev={vm.nic.port}",
               "type=dpdkvhostuserclient",
               f"options:vhost-server-path={vm.nic.socket}")
    red = dpdk.tenant("red", "k", RED, ip="10.0.0.2")
    assert dpdk.get("VNIC_Link", "k", "status") == "active"
    assert dpdk.get("VNIC", "red", "status") == "active"
    red.wire().send(*[frame(FAR, RED) for _ in range(5)])

    for _ in range(2):
        vm.start()
        vm.run("ping -c 1 -W 3 10.0.0.2")
        red.ping("10.0.0.1")
        vm.serve(100000)
        assert len(red.run("curl", "-sS", "--max-time", "5", "--output",
                           "/dev/null", "--write-out", "%{size_download}",
                           "http://10.0.0.1/body")) == len("100000")
        vm.kill()
        assert red.ping("10.0.0.1", count=1, check=False) == 1
        assert dpdk.get("VNIC_Link", "k", "status") == "active"


# MTU.

def passes(ns, ip, size):
    """Does an IP packet of that size get there and back, in one piece?"""
    output = ns.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "0.5", "-M",
                    "do", "-s", str(size - 28), ip, check=False)
    return bool(re.search(r" [12] received", output))


def test_mtu_of_link_and_vnic(sb):
    far_end(sb)
    sb.vsctl("add-vnic-link", "l1", "netdev=l1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    for ns in sb.far, red:
        ns.run("ip", "link", "set", "eth0", "mtu", "9000")
    sb.run("ip", "link", "set", "red-tap", "mtu", "9000")
    red.ping("10.0.0.1")
    assert passes(sb.far, "10.0.0.2", 1500) and passes(red, "10.0.0.1", 1500)
    assert not passes(red, "10.0.0.1", 1501)
    assert not passes(sb.far, "10.0.0.2", 4000)

    sb.vsctl("set", "VNIC_Link", "l1", "mtu_request=4000")
    assert "mtu 4000" in sb.run("ip", "link", "show", "l1")
    assert passes(sb.far, "10.0.0.2", 4000) and passes(red, "10.0.0.1", 4000)
    assert not passes(sb.far, "10.0.0.2", 4100)
    assert not passes(red, "10.0.0.1", 4001)

    # The VNIC's own, which binds what the guest sends.
    sb.vsctl("set", "Interface", "red", "mtu_request=2000")
    wait_for(lambda: sb.get("Interface", "red", "mtu") == "2000", "an MTU")
    before = sb.drops("show", "red")["mtu"]
    assert passes(red, "10.0.0.1", 2000) and not passes(red, "10.0.0.1", 2001)
    assert sb.drops("show", "red")["mtu"] == before + 2
    sb.vsctl("clear", "Interface", "red", "mtu_request")

    # What the device can't have, though a veth could.
    sb.run("ip", "tuntap", "add", "tap7", "mode", "tap")
    sb.vsctl("add-vnic-link", "l7", "netdev=tap7", "mtu_request=65535",
             check=False)
    reason = sb.wait_status("VNIC_Link", "l7", "error")
    assert reason.startswith("mtu_request: the device refuses 65535"), reason
    sb.vsctl("set", "VNIC_Link", "l7", "mtu_request=60000")
    assert sb.get("VNIC_Link", "l7", "status") == "active"
    assert sb.get("VNIC_Link", "l7", "capabilities:mtu") == "60000"

    # The device's may change below us.
    sb.run("ip", "link", "set", "l1", "mtu", "3000")
    wait_for(lambda: sb.get("VNIC_Link", "l1", "capabilities:mtu") == "3000",
             "the new MTU")


def test_mtu_of_dpdk_drivers(dpdk):                     # noqa: F811
    """One that can't have the MTU, and one that ignores what it is told."""
    write_pcap(f"{dpdk.dir}/in.pcap", [])
    assert add_dpdk_link(dpdk, "t", "net_tap0,iface=tap9", AS_MANY_AS_TX,
                         "mtu_request=4000") == "error"
    assert dpdk.get("VNIC_Link", "t", "status_reason") == (
        "mtu_request: the device refuses 4000 (Invalid argument); change "
        "mtu_request")
    dpdk.vsctl("set", "VNIC_Link", "t", "mtu_request=1400")
    assert dpdk.get("VNIC_Link", "t", "status") == "active"
    assert "mtu 1400" in dpdk.run("ip", "link", "show", "tap9")

    assert add_dpdk_link(dpdk, "k", f"net_pcap0,rx_pcap={dpdk.dir}/in.pcap",
                         "mtu_request=4000") == "error"
    assert dpdk.get("VNIC_Link", "k", "status_reason") == (
        "mtu_request: the device can't change its MTU, which is 1500; clear "
        "mtu_request")
    dpdk.vsctl("clear", "VNIC_Link", "k", "mtu_request")
    assert dpdk.get("VNIC_Link", "k", "status") == "active"
