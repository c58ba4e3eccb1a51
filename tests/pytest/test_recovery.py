# SPDX-License-Identifier: Apache-2.0
"""What comes back by itself: devices, and the daemon."""

import re
from subprocess import PIPE

from frames import BLUE, FAR, RED
from waiting import wait_for


def test_link_vanishes_and_returns(sb):
    far = sb.link("l1", mac=FAR, ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    other = sb.link("l2", ip="10.0.1.1")
    sb.tenant("blue", "l2", BLUE, ip="10.0.1.2")
    red.ping("10.0.0.1")
    pings = other.spawn("ping", "-n", "-q", "-c", "200", "-i", "0.02",
                        "-W", "1", "10.0.1.2", stdout=PIPE)

    sb.run("ip", "link", "del", "l1")

    assert "l1" in sb.wait_status("VNIC_Link", "l1", "error")
    assert "l1" in sb.wait_status("VNIC", "red", "error")
    assert red.ping("10.0.0.1", count=1, check=False) == 1

    sb.veth("l1", far, mac=FAR, ip="10.0.0.1")

    sb.wait_status("VNIC_Link", "l1", "active")
    sb.wait_status("VNIC", "red", "active")
    wait_for(lambda: not red.ping("10.0.0.1", count=1, check=False), "pings")
    red.ping("10.0.0.1")
    output = pings.communicate(timeout=20)[0]
    assert re.search(r"200 received, 0% packet loss", output), output


def test_link_returns_between_two_looks(sb):
    """The daemon may not see that the device was away, just that it has
    become another one of the same name."""
    far = sb.link("l1", mac=FAR, ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    red.ping("10.0.0.1")

    sb.run("sh", "-c", "ip link del l1; ip link add l1 type veth peer name "
           f"eth0 address {FAR} netns {far.name}; ip link set l1 up")
    far.run("ip", "link", "set", "eth0", "up")
    far.run("ethtool", "-K", "eth0", "tx", "off", "rx", "off")
    far.run("ip", "addr", "add", "10.0.0.1/24", "dev", "eth0")

    wait_for(lambda: not red.ping("10.0.0.1", count=1, check=False), "pings")
    assert sb.get("VNIC_Link", "l1", "status") == "active"


def test_device_that_comes_after_its_link(sb):
    sb.vsctl("add-vnic-link", "l1", "netdev=l1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    assert sb.get("VNIC_Link", "l1", "status") == "error"
    assert sb.get("VNIC", "red", "status") == "error"

    sb.veth("l1", sb.netns("far"), ip="10.0.0.1")

    sb.wait_status("VNIC", "red", "active")
    red.ping("10.0.0.1")


def test_device_that_is_a_port_first(sb):
    far = sb.netns("far")
    sb.veth("l1", far, ip="10.0.0.1")
    sb.bridge("br")
    sb.vsctl("add-port", "br", "l1")
    sb.vsctl("add-vnic-link", "l1", "netdev=l1")
    assert "remove that port" in sb.get("VNIC_Link", "l1", "status_reason")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")

    sb.vsctl("del-port", "br", "l1")

    sb.wait_status("VNIC", "red", "active")
    red.ping("10.0.0.1")


def test_link_that_goes_down_and_up(sb):
    sb.link("l1", ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    red.ping("10.0.0.1")

    sb.run("ip", "link", "set", "l1", "down")
    assert red.ping("10.0.0.1", count=1, check=False) == 1
    sb.run("ip", "link", "set", "l1", "up")

    wait_for(lambda: not red.ping("10.0.0.1", count=1, check=False), "pings")


def test_daemon_is_killed_and_restarted(sb):
    far = sb.link("l1", ip="10.0.0.1")
    red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    sb.tenant("blue", "l1", BLUE, ip="10.0.0.3")
    red.serve_http("10.0.0.2", "This is red.")
    assert far.curl("10.0.0.2") == "This is red."

    sb.kill_daemon()
    assert "This is red." not in far.curl("10.0.0.2", check=False)
    sb.start_daemon()

    for name in "red", "blue":
        assert sb.get("VNIC", name, "status") == "active"
    wait_for(lambda: far.curl("10.0.0.2", check=False) == "This is red.",
             "HTTP")
    red.ping("10.0.0.3")


def test_daemon_is_killed_ten_times(sb):
    far = sb.link("l1", ip="10.0.0.1")
    sb.tenant("red", "l1", RED, ip="10.0.0.2")
    for _ in range(10):
        sb.kill_daemon()
        sb.start_daemon()
        assert sb.get("VNIC", "red", "status") == "active"
    wait_for(lambda: not far.ping("10.0.0.2", count=1, check=False), "pings")
    far.ping("10.0.0.2")


def test_database_server_restarts(sb):
    """Without a database OVS's main thread polls nothing; what matters is
    that all goes on as before when it is back."""
    far = sb.link("l1", ip="10.0.0.1")
    sb.tenant("red", "l1", RED, ip="10.0.0.2")
    far.ping("10.0.0.2")

    sb.server.kill()
    sb.server.wait()
    sb.start_server()

    wait_for(lambda: not far.ping("10.0.0.2", count=1, check=False), "pings")
    far.ping("10.0.0.2")
    sb.vsctl("set", "VNIC", "red", "vlan=100")
    assert far.ping("10.0.0.2", count=1, check=False) == 1
    sb.vsctl("clear", "VNIC", "red", "vlan")
    far.ping("10.0.0.2")
