# SPDX-License-Identifier: Apache-2.0
"""Kinds of links, and frames of unusual sizes."""

import time

from frames import (BLUE, BROADCAST, FAR, HOST, RED, experimental, frame,
                    tagged)
from test_isolation import QUIET
from waiting import wait_for


def test_etherstub(sb):
    """Two VNICs on a link without a device reach each other."""
    sb.vsctl("create", "VNIC", "name=stub0", "kind=etherstub")
    red = sb.tenant("red", "stub0", RED, ip="10.0.0.2")
    blue = sb.tenant("blue", "stub0", BLUE, ip="10.0.0.3")
    assert sb.get("VNIC", "stub0", "status") == "active"
    blue.serve_http("10.0.0.3", "This is blue.")

    assert red.curl("10.0.0.3") == "This is blue."
    blue.ping("10.0.0.2")


def test_etherstub_byte_for_byte(sb):
    sb.vsctl("create", "VNIC", "name=stub0", "kind=etherstub")
    red = sb.tenant("red", "stub0", RED).wire()
    blue = sb.tenant("blue", "stub0", BLUE).wire()
    green = sb.tenant("green", "stub0", HOST, vlan=100).wire()
    unicast = [frame(BLUE, RED) for _ in range(20)]
    broadcast = [frame(BROADCAST, RED) for _ in range(5)]

    red.send(*unicast, *broadcast, *[frame(FAR, RED) for _ in range(3)],
             frame(HOST, RED))

    assert sorted(experimental(blue.collect(QUIET))) == sorted(
        unicast + broadcast)
    assert not experimental(green.collect(0) + red.collect(0))
    assert sb.drops("show", "red")["no_device"] == 4


def test_tap(sb):
    """The kernel behind a tap device that the daemon makes is the far end."""
    sb.vsctl("add-vnic-link", "l1", "netdev=tap7", "type=tap")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    sb.run("ip", "link", "set", "tap7", "up")
    sb.run("ip", "addr", "add", "10.0.0.1/24", "dev", "tap7")
    red.serve_http("10.0.0.2", "This is red.")

    sb.host.ping("10.0.0.2")
    assert sb.host.curl("10.0.0.2") == "This is red."
    assert sb.get("VNIC_Link", "l1", "capabilities:polling") == "main"

    # And it goes with its link.
    sb.vsctl("del-vnic-link", "l1")
    assert "tap7" not in sb.run("ip", "link")


def test_small_frames(sb):
    """From a bare Ethernet header on: untouched, and nothing comes to harm.
    A tag without the bytes that should follow it is in no VLAN."""
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    frames = [frame(RED, size=size) for size in range(14, 61)]

    far.send(*frames, *[frame(RED, size=size, ethertype=0x8100)
                        for size in (14, 15, 16, 17)])

    assert [f for f in red.collect(QUIET) if f[12:14] == b"\x88\xb5"] == frames
    far.send(frame(RED))
    assert len(experimental(red.collect(QUIET))) == len(frames) + 1


def test_runts_sent_on_a_vnic(sb):
    """Frames that end in their VLAN tag, which no host lets out, from a
    controller."""
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED)
    for size in range(14, 18):
        runt = frame(FAR, RED, size=size, ethertype=0x8100)
        sb.run("ovs-ofctl", "packet-out", "br-red",
               f"in_port=LOCAL packet={runt.hex()} actions=red")

    red.wire().send(frame(FAR, RED))

    assert len(experimental(far.collect(QUIET))) == 1
    assert len(far.seen) == 1
    drops = sb.drops("show", "red")
    assert drops["foreign_vlan"] + drops["malformed"] == 4


def test_large_frames(sb):
    """The link's MTU is the VNIC's, and a tag does not count."""
    far = sb.link("l1")
    green = sb.tenant("green", "l1", RED, vlan=100)
    for device in "l1", "green-tap":
        sb.run("ip", "link", "set", device, "mtu", "9000")
    for guest in far, green:
        guest.run("ip", "link", "set", "eth0", "mtu", "9000")
    wait_for(lambda: sb.get("Interface", "green", "mtu") == "9000",
             "an MTU of 9000")
    wire = green.wire()
    big = frame(RED, size=9014)

    far.wire().send(tagged(big, 100))

    assert experimental(wire.collect(QUIET)) == [big]


def test_flood(sb):
    """A burst that no queue can hold is lost in part; what is left is whole
    and in order, and the next frame gets through."""
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    frames = [frame(RED, size=64) for _ in range(20000)]

    far.send(*frames)

    time.sleep(1)
    rest = iter(frames)
    assert red.collect(0) and all(f in rest for f in red.seen)
    far.send(frames[0])
    assert red.collect(QUIET)[-1] == frames[0]
