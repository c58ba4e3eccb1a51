# SPDX-License-Identifier: Apache-2.0
"""VLAN tags, and frames that no VNIC claims."""

from frames import BLUE, FAR, GREEN, HOST, RED, experimental, frame, tagged
from test_isolation import QUIET


def test_vnic_in_a_vlan(sb):
    far = sb.link("l1", mac=FAR).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()
    inward = [frame(GREEN) for _ in range(50)]
    outward = [frame(FAR, GREEN) for _ in range(50)]

    far.send(*[tagged(f, 100) for f in inward])
    assert experimental(green.collect(QUIET)) == inward

    green.send(*outward)
    assert experimental(far.collect(QUIET)) == [tagged(f, 100)
                                                for f in outward]


def test_priority_bits_do_not_change_the_vlan(sb):
    """PCP 5 and DEI in the tag; and VLAN 0, which is no VLAN."""
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()
    to_green, to_red = frame(GREEN), frame(RED)

    far.send(tagged(to_green, 0xb000 | 100), tagged(to_red, 0xa000))

    assert experimental(green.collect(QUIET)) == [to_green]
    assert len(experimental(red.collect(QUIET))) == 1


def test_same_mac_in_two_vlans(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    twin = sb.tenant("twin", "l1", RED, vlan=100).wire()
    to_red = [frame(RED) for _ in range(20)]
    to_twin = [frame(RED) for _ in range(20)]

    far.send(*to_red, *[tagged(f, 100) for f in to_twin])

    assert experimental(red.collect(QUIET)) == to_red
    assert experimental(twin.collect(QUIET)) == to_twin


def test_other_vlans_are_not_delivered(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()

    far.send(*[tagged(frame(mac), vlan) for mac in (RED, GREEN)
               for vlan in (200, 101, 4094, 4095)],
             tagged(frame(RED), 100), frame(GREEN))

    assert not experimental(red.collect(QUIET))
    assert not experimental(green.collect(QUIET))
    assert sb.drops("link-show", "l1")["no_default_port"] == 10


def test_double_tags(sb):
    """The outer tag counts; 802.1ad's is no VNIC's."""
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()
    inner = tagged(frame(GREEN), 7)
    service = tagged(frame(RED), 100)
    service = service[:12] + b"\x88\xa8" + service[14:]

    far.send(tagged(inner, 100), service)

    assert green.collect(QUIET) == [inner]
    assert not experimental(red.collect(QUIET))


def test_tagged_frame_on_an_untagged_vnic(sb):
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()

    red.send(*[tagged(frame(dst, RED), 100) for dst in (FAR, GREEN)])

    assert not experimental(far.collect(QUIET))
    assert not experimental(green.collect(QUIET))
    assert sb.drops("show", "red")["foreign_vlan"] == 2


def test_unclaimed_frames_reach_the_default_port(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    default = sb.default_port("default", "l1").wire()
    frames = [frame(BLUE), tagged(frame(BLUE), 200), tagged(frame(RED), 200)]

    far.send(*frames)

    assert sorted(experimental(default.collect(QUIET))) == sorted(frames)
    assert not experimental(red.collect(QUIET))
    assert sb.show("link-show", "l1")["unclaimed"] == 3


def test_unclaimed_frames_without_a_default_port(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()

    far.send(*[frame(BLUE) for _ in range(7)])

    assert not experimental(red.collect(QUIET))
    assert sb.drops("link-show", "l1")["no_default_port"] == 7


def test_default_port_sends(sb):
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED).wire()
    green = sb.tenant("green", "l1", GREEN, vlan=100).wire()
    default = sb.default_port("default", "l1").wire()
    to_far = [frame(FAR, HOST), tagged(frame(FAR, HOST), 200)]
    to_red, to_green = frame(RED, HOST), frame(GREEN, HOST)

    default.send(*to_far, to_red, tagged(to_green, 100))

    assert sorted(experimental(far.collect(QUIET))) == sorted(to_far)
    assert experimental(red.collect(QUIET)) == [to_red]
    assert experimental(green.collect(QUIET)) == [to_green]
