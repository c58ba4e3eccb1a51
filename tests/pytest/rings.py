# SPDX-License-Identifier: Apache-2.0
"""A guest that is a host and a router, behind a VNIC with several rings.

    far 10.0.0.1 -- link l1 -- VNIC red with red, red.1 local, red.2 forward
    fd00::1                       |
                               br-red
                                  |
              eth0 of guest red, a tap: 10.0.0.2, fd00::2
              eth1 of guest red -- "third" 10.9.0.2, fd09::2

The daemon makes the tap, which then moves into the guest's namespace: a tap
takes what is longer than the MTU, as a local ring with lro gives it."""

import json

from frames import FAR, RED

AS_SYSTEM = ["netdev=l1"]


def rings(sb, vnic):
    """What vnic/ring-show says of each ring of the VNIC, by port."""
    return {row["port"]: row for row in json.loads(
        sb.appctl("vnic/ring-show", "-f", "json", vnic))}


def packets(sb, vnic):
    """How many packets have left each ring of the VNIC, by port."""
    return {port: row["packets"] for port, row in rings(sb, vnic).items()}


def add_ring(sb, vnic, number, *columns):
    sb.vsctl("add-vnic-ring", vnic, str(number), *columns)
    return f"{vnic}.{number}"


def far_end(sb):
    sb.far = sb.netns("far")
    sb.veth("l1", sb.far, FAR, ip="10.0.0.1")


class Router:
    """The guest.  'sb' has a far end, from far_end() or dpdk."""

    def __init__(self, sb, link=AS_SYSTEM, columns=("ip_addresses=10.0.0.2",)):
        self.sb = sb
        self.far = sb.far
        self.guest = sb.netns("red")
        self.third = sb.netns("third")
        sb.vsctl("add-vnic-link", "l1", *link)
        sb.bridge("br-red")
        sb.vsctl("add-port", "br-red", "red-tap", "--", "set", "Interface",
                 "red-tap", "type=tap", "--", "add-vnic", "br-red", "red",
                 "link=l1", f'mac="{RED}"', *columns)
        # Room for all that a TCP connection may have on its way.
        add_ring(sb, "red", 1, "role=local", "lro=true", "depth=4096")
        add_ring(sb, "red", 2, "role=forward", "depth=4096")
        self.add_flows()
        self.add_networks()

    def add_flows(self):
        """No NORMAL action, for which the rings are three cables."""
        self.sb.run("ovs-ofctl", "del-flows", "br-red")
        for port in "red", "red.1", "red.2":
            self.sb.run("ovs-ofctl", "add-flow", "br-red",
                        f"in_port={port},actions=output:red-tap")
        self.sb.run("ovs-ofctl", "add-flow", "br-red",
                    "in_port=red-tap,actions=output:red")

    def add_networks(self):
        self.sb.run("ip", "link", "set", "red-tap", "netns", "red", "name",
                    "eth0", "address", RED, "up")
        self.guest.run("ip", "addr", "add", "10.0.0.2/24", "dev", "eth0")
        self.guest.run("ip", "link", "add", "eth1", "type", "veth", "peer",
                       "name", "eth0", "netns", "third")
        self.guest.run("ip", "addr", "add", "10.9.0.1/24", "dev", "eth1")
        self.third.run("ip", "addr", "add", "10.9.0.2/24", "dev", "eth0")
        self.guest.run("ip", "link", "set", "eth1", "up")
        self.third.run("ip", "link", "set", "eth0", "up")
        self.guest.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.third.run("ip", "route", "add", "default", "via", "10.9.0.1")
        self.far.run("ip", "route", "add", "10.9.0.0/24", "via", "10.0.0.2")

    def add_ipv6(self):
        for ns in self.far, self.guest, self.third:
            ns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
        for ns, device, ip in ((self.far, "eth0", "fd00::1"),
                               (self.guest, "eth0", "fd00::2"),
                               (self.guest, "eth1", "fd09::1"),
                               (self.third, "eth0", "fd09::2")):
            ns.run("ip", "addr", "add", f"{ip}/64", "dev", device, "nodad")
        self.guest.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        self.third.run("ip", "-6", "route", "add", "default", "via", "fd09::1")
        self.far.run("ip", "-6", "route", "add", "fd09::/64", "via", "fd00::2")

    def taken(self):
        """Packets of the default, the local and the forwarding ring."""
        taken = packets(self.sb, "red")
        return [taken[port] for port in ("red", "red.1", "red.2")]
