# SPDX-License-Identifier: Apache-2.0
"""Changes of the configuration while frames flow."""

import re
from subprocess import PIPE

from frames import BLUE, FAR, GREEN, RED, experimental, frame, tagged
from test_isolation import QUIET
from waiting import wait_for


def assert_receives(far, guest, frames, on_wire=None):
    """'frames', sent from the wire as 'on_wire', reach 'guest'."""
    guest.seen.clear()
    far.send(*(on_wire or frames))
    assert experimental(guest.collect(QUIET)) == frames


def assert_deaf(far, guest, *frames):
    guest.seen.clear()
    far.send(*frames)
    assert not experimental(guest.collect(QUIET))


def test_change_of_the_address(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    assert_receives(far, red, [frame(RED)])

    sb.vsctl("set", "VNIC", "red", f'mac="{GREEN}"')

    assert sb.get("VNIC", "red", "mac_in_use") == GREEN
    assert_deaf(far, red, frame(RED))
    assert_receives(far, red, [frame(GREEN)])


def test_change_of_the_vlan(sb):
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED).wire()
    assert_receives(far, red, [frame(RED)])

    sb.vsctl("set", "VNIC", "red", "vlan=100")

    in_vlan = frame(RED)
    assert_deaf(far, red, frame(RED))
    assert_receives(far, red, [in_vlan], [tagged(in_vlan, 100)])
    answer = frame(FAR, RED)
    red.send(answer)
    assert experimental(far.collect(QUIET)) == [tagged(answer, 100)]

    sb.vsctl("clear", "VNIC", "red", "vlan")

    assert_receives(far, red, [frame(RED)])


def test_two_vnics_exchange_their_addresses(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    blue = sb.tenant("blue", "l1", BLUE).wire()

    sb.vsctl("set", "VNIC", "red", f'mac="{BLUE}"',
             "--", "set", "VNIC", "blue", f'mac="{RED}"')

    for guest, mac in (red, BLUE), (blue, RED):
        assert_receives(far, guest, [frame(mac)])
    assert_deaf(far, red, frame(RED))


def test_change_of_the_link(sb):
    far1, far2 = sb.link("l1").wire(), sb.link("l2").wire()
    red = sb.tenant("red", "l1", RED).wire()

    sb.vsctl("set", "VNIC", "red", "link=l2")

    assert_deaf(far1, red, frame(RED))
    assert_receives(far2, red, [frame(RED)])


def test_disabled_vnic(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    sb.tenant("blue", "l1", BLUE)

    sb.vsctl("set", "VNIC", "red", "enabled=false")

    assert sb.get("VNIC", "red", "status") == "inactive"
    assert_deaf(far, red, frame(RED))
    assert sb.drops("link-show", "l1")["no_default_port"] == 1

    sb.vsctl("set", "VNIC", "red", "enabled=true")

    assert_receives(far, red, [frame(RED)])


def test_no_late_frames(sb):
    """What comes while a link has no ports is lost, not kept for later."""
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()

    sb.vsctl("set", "VNIC", "red", "enabled=false")
    assert_deaf(far, red, *[frame(RED) for _ in range(5)])
    sb.vsctl("set", "VNIC", "red", "enabled=true")

    assert not experimental(red.collect(QUIET))
    assert_receives(far, red, [frame(RED)])


def test_vnic_moves_to_another_bridge(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    other = sb.netns("other")
    sb.veth("other-tap", other)
    sb.bridge("br")
    sb.vsctl("add-port", "br", "other-tap")
    other = other.wire()

    for home, bridge, guest in (("br-red", "br", other),
                                ("br", "br-red", red)):
        sb.vsctl("del-port", home, "red", "--", "add-port", bridge, "red",
                 "--", "set", "Interface", "red", "type=vnic")
        assert_receives(far, guest, [frame(RED)])
    assert len(red.collect(0)) == len(other.collect(0)) == 1


def test_port_that_is_down(sb):
    far = sb.link("l1", mac=FAR).wire()
    red = sb.tenant("red", "l1", RED).wire()

    sb.run("ovs-ofctl", "mod-port", "br-red", "red", "down")
    assert_deaf(far, red, frame(RED))
    red.send(frame(FAR, RED))
    assert not experimental(far.collect(QUIET))

    sb.run("ovs-ofctl", "mod-port", "br-red", "red", "up")
    assert_receives(far, red, [frame(RED)])


def test_statistics_in_the_database(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    far.send(*[frame(RED, size=100) for _ in range(10)], frame(BLUE))
    assert len(experimental(red.collect(2, until=10))) == 10

    # They are written every 5 seconds.
    wait_for(lambda: sb.vsctl("get", "VNIC", "red", "statistics:rx_packets",
                              check=False) == "10\n", "10 packets")
    assert sb.get("VNIC", "red", "statistics:rx_bytes") == "1000"
    assert sb.get("VNIC_Link", "l1", "statistics:rx_packets") == "11"
    assert sb.get("VNIC_Link", "l1", "statistics:rx_unclaimed") == "1"


def test_random_address_outlives_disabling(sb):
    sb.link("l1")
    sb.bridge("br")
    sb.vsctl("add-vnic", "br", "dice", "link=l1", "mac_mode=random")
    mac = sb.get("VNIC", "dice", "mac_in_use")

    sb.vsctl("set", "VNIC", "dice", "enabled=false")
    sb.vsctl("set", "VNIC", "dice", "enabled=true")

    assert sb.get("VNIC", "dice", "mac_in_use") == mac


def test_deleted_vnic(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()

    sb.vsctl("del-vnic", "red")

    assert "red" not in sb.appctl("vnic/show")
    assert "red\n" not in sb.vsctl("list-ports", "br-red")
    assert_deaf(far, red, frame(RED))


def test_duplicate_address(sb):
    """The second holder gets an error, though its name sorts first, and the
    first one loses not a packet while that comes and goes."""
    far = sb.link("l1", ip="10.0.0.1")
    sb.tenant("red", "l1", RED, ip="10.0.0.2")
    pings = far.spawn("ping", "-n", "-q", "-c", "150", "-i", "0.02",
                      "-W", "1", "10.0.0.2", stdout=PIPE)

    sb.bridge("br-double")
    sb.vsctl("add-vnic", "br-double", "double", "link=l1", f'mac="{RED}"')
    assert sb.get("VNIC", "double", "status") == "error"
    reason = sb.get("VNIC", "double", "status_reason")
    assert "red" in reason and RED in reason
    assert sb.get("VNIC", "double", "mac_in_use") == "[]"
    assert sb.get("VNIC", "red", "status") == "active"

    sb.vsctl("set", "VNIC", "double", f'mac="{BLUE}"')
    assert sb.get("VNIC", "double", "status") == "active"
    assert sb.get("VNIC", "double", "status_reason") == "[]"
    assert sb.show("show", "double")["mac"] == BLUE
    sb.vsctl("del-vnic", "double")

    output = pings.communicate(timeout=20)[0]
    assert re.search(r"150 received, 0% packet loss", output), output


def test_first_holder_keeps_its_address_when_the_link_returns(sb):
    far = sb.link("l1")
    red = sb.tenant("red", "l1", RED).wire()
    sb.bridge("br-double")
    sb.vsctl("add-vnic", "br-double", "double", "link=l1", f'mac="{RED}"')

    sb.run("ip", "link", "del", "l1")
    sb.wait_status("VNIC_Link", "l1", "error")
    sb.veth("l1", far)
    sb.wait_status("VNIC_Link", "l1", "active")

    assert sb.get("VNIC", "double", "status") == "error"
    assert sb.get("VNIC", "red", "status") == "active"
    assert_receives(far.wire(), red, [frame(RED)])


def test_mended_duplicate_receives(sb):
    far = sb.link("l1").wire()
    red = sb.tenant("red", "l1", RED).wire()
    blue = sb.tenant("blue", "l1", BLUE).wire()
    sb.vsctl("set", "VNIC", "blue", f'mac="{RED}"')
    assert sb.get("VNIC", "blue", "status") == "error"
    assert_receives(far, red, [frame(RED)])
    assert_deaf(far, blue, frame(RED), frame(BLUE))

    sb.vsctl("set", "VNIC", "blue", f'mac="{BLUE}"')

    assert_receives(far, blue, [frame(BLUE)])


def test_interface_with_options_only(sb):
    far = sb.link("l1", mac=FAR).wire()
    guest = sb.netns("guest")
    sb.veth("guest-tap", guest)
    sb.bridge("br")
    sb.vsctl("add-port", "br", "guest-tap",
             "--", "add-port", "br", "v", "--", "set", "Interface", "v",
             "type=vnic", "options:link=l1", f'options:mac="{RED}"',
             "options:vlan=100")
    wire = guest.wire()
    inward, outward = frame(RED), frame(FAR, RED)

    assert_receives(far, wire, [inward], [tagged(inward, 100)])
    wire.send(outward)
    assert experimental(far.collect(QUIET)) == [tagged(outward, 100)]

    sb.vsctl("set", "Interface", "v", "options:link=none")
    assert "none" in sb.get("Interface", "v", "error")
    assert_deaf(far, wire, tagged(inward, 100))


def test_column_that_the_device_can_not_have(sb):
    sb.link("l1")
    for column, value in (("rings", "2"), ("options", "n_rxq=2")):
        sb.vsctl("set", "VNIC_Link", "l1", f"{column}={value}")
        reason = sb.get("VNIC_Link", "l1", "status_reason")
        assert reason.strip('"').startswith(f"{column}: "), reason
        sb.vsctl("clear", "VNIC_Link", "l1", column)
        assert sb.get("VNIC_Link", "l1", "status") == "active"
