# SPDX-License-Identifier: Apache-2.0
"""Who sees which frame: on the wire and in the guests, byte for byte."""

import random
import time

from frames import (BLUE, BROADCAST, FAR, GREEN, RED, addressed_to,
                    experimental, frame, tagged)
from netns import send_paced

QUIET = 0.4                     # Seconds in which a stray frame would come.


def test_2000_frames_to_two_vnics(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    blue = sb.tenant("blue", "l1", BLUE).wire()
    frames = [frame(random.choice([RED, BLUE])) for _ in range(2000)]

    send_paced(far, frames, [red, blue])

    assert experimental(red.collect(QUIET)) == addressed_to(frames, RED)
    assert experimental(blue.collect(QUIET)) == addressed_to(frames, BLUE)


def test_2000_frames_from_two_vnics(sb):
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED).wire()
    blue = sb.tenant("blue", "l1", BLUE).wire()
    from_red = [frame(FAR, RED) for _ in range(1000)]
    from_blue = [frame(FAR, BLUE) for _ in range(1000)]

    for i in range(0, 1000, 20):
        red.send(*from_red[i:i + 20])
        blue.send(*from_blue[i:i + 20])
        far.collect(2, until=2 * (i + 20))

    seen = experimental(far.collect(QUIET))
    assert [f for f in seen if f in from_red] == from_red
    assert [f for f in seen if f in from_blue] == from_blue
    assert len(seen) == 2000
    assert not experimental(red.collect(0)) + experimental(blue.collect(0))


def test_vnic_to_vnic_stays_off_the_wire(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    blue = sb.tenant("blue", "l1", BLUE).wire()
    frames = [frame(BLUE, RED) for _ in range(200)]

    send_paced(red, frames, [blue])

    assert experimental(blue.collect(QUIET)) == frames
    assert not experimental(far.collect(QUIET))
    assert sb.show("link-show", "l1")["tx_local"] == 200


class Segment:
    """Red and blue in no VLAN, green in VLAN 100, and a default port."""

    def __init__(self, sb):
        self.far = sb.link("l1").wire()
        self.red = sb.tenant("red", "l1", RED).wire()
        self.blue = sb.tenant("blue", "l1", BLUE).wire()
        self.green = sb.tenant("green", "l1", GREEN, vlan=100).wire()
        self.default = sb.default_port("default", "l1").wire()

    def expect(self, **expected):
        """Each must have seen these frames, each of them once, and no other
        of ours.  In any order: these are several flows."""
        time.sleep(QUIET)
        for name, wire in vars(self).items():
            assert (sorted(experimental(wire.collect(0)))
                    == sorted(expected.get(name, []))), name


def test_broadcast_from_the_wire(sb):
    segment = Segment(sb)
    frames = [frame(BROADCAST) for _ in range(10)]

    segment.far.send(*frames)

    segment.expect(red=frames, blue=frames, default=frames)


def test_multicast_from_the_wire_in_a_vlan(sb):
    segment = Segment(sb)
    frames = [frame("01:00:5e:00:00:63") for _ in range(10)]
    on_wire = [tagged(f, 100) for f in frames]

    segment.far.send(*on_wire)

    segment.expect(green=frames, default=on_wire)


def test_broadcast_from_a_vnic(sb):
    segment = Segment(sb)
    frames = [frame(BROADCAST, RED) for _ in range(10)]

    segment.red.send(*frames)

    segment.expect(far=frames, blue=frames, default=frames)


def test_broadcast_from_a_vnic_in_a_vlan(sb):
    segment = Segment(sb)
    frames = [frame(BROADCAST, GREEN) for _ in range(10)]
    on_wire = [tagged(f, 100) for f in frames]

    segment.green.send(*frames)

    segment.expect(far=on_wire, default=on_wire)


def test_broadcast_from_the_default_port(sb):
    segment = Segment(sb)
    plain = [frame(BROADCAST) for _ in range(5)]
    in_vlan = [frame(BROADCAST) for _ in range(5)]
    on_wire = [tagged(f, 100) for f in in_vlan]

    segment.default.send(*plain, *on_wire)

    segment.expect(far=plain + on_wire, red=plain, blue=plain, green=in_vlan)


def test_two_vnics_on_one_bridge_make_no_storm(sb):
    """The documented trap: NORMAL on a bridge with two cables into one
    segment.  It delivers each broadcast twice, and that must be all."""
    far = sb.link("l1").wire()
    sb.bridge("br")
    red = sb.tenant("red", "l1", RED, bridge="br").wire()
    blue = sb.tenant("blue", "l1", BLUE, bridge="br").wire()
    frames = [frame(BROADCAST) for _ in range(5)]

    far.send(*frames)

    for guest in red, blue:
        seen = experimental(guest.collect(QUIET))
        assert set(seen) == set(frames) and len(seen) <= 2 * len(frames)
    assert not experimental(far.collect(QUIET)), "reflected to the wire"
    assert sb.drops("show", "red")["split_horizon"] > 0

    red.send(*[frame(BROADCAST, RED) for _ in range(5)])
    far.collect(QUIET)
    sent = sb.show("link-show", "l1")["tx_packets"]
    assert 5 <= sent <= 10
    far.collect(QUIET)
    assert sb.show("link-show", "l1")["tx_packets"] == sent, "a storm"
