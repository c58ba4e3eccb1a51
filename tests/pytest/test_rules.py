# SPDX-License-Identifier: Apache-2.0
"""Classifier rules and real frames.

    far -- link l1 -- VNIC red   --- red       (default ring)
                          |--- red.1 --- control   (control ring)
                          '--- red.2 --- forward   (forwarding ring)
               VNIC blue, VLAN 100  -- blue
               default port         -- host

Each ring's port ends in a namespace of its own, so that a frame shows where it
went."""

import glob
import json
import random
import socket
import threading
import time

import pytest

from frames import (BLUE, BROADCAST, FAR, HOST, ICMP, ICMPV6, RED, TCP, UDP,
                    frame, packet, tagged)
from rings import add_ring
from test_dpdk import AS_SYSTEM, dpdk                 # noqa: F401
from test_isolation import QUIET

PORTS = {"red": "red", "red.1": "control", "red.2": "forward",
         "blue": "blue", "host": "host"}
OWN = "10.0.0.2"

# Not pcap, which has room for a few frames only while a PMD thread waits for
# the processor: what is lost there never was the link's.
AS_PMD = ["netdev=dpdk0", "type=dpdk",
          "options:dpdk-devargs=net_af_packet0,iface=l1,framecnt=4096"]


class Steering:
    def __init__(self, sb, link):
        self.sb = sb
        self.far = sb.far.wire()
        sb.vsctl("add-vnic-link", "l1", *link)
        red = sb.tenant("red", "l1", RED)
        sb.vsctl("set", "VNIC", "red", f"ip_addresses={OWN}", "rings=@r",
                 "--", "--id=@r", "create", "VNIC_Ring", "id=0")
        self.wires = {"red": red.wire()}
        for number, role in (1, "control"), (2, "forward"):
            add_ring(sb, "red", number, f"role={role}")
            self.wires[f"red.{number}"] = self.end(role)
        blue = sb.tenant("blue", "l1", BLUE, vlan=100)
        self.wires["blue"] = blue.wire()
        self.wires["host"] = sb.default_port("host", "l1").wire()
        # No NORMAL action, for red's rings are three cables.
        sb.run("ovs-ofctl", "del-flows", "br-red")
        for port, end in list(PORTS.items())[:3]:
            sb.run("ovs-ofctl", "add-flow", "br-red",
                   f"in_port={port},actions=output:{end}-tap")

    def end(self, name):
        ns = self.sb.netns(name)
        self.sb.veth(f"{name}-tap", ns)
        self.sb.vsctl("add-port", "br-red", f"{name}-tap")
        return ns.wire()

    def rule(self, name, match, *columns):
        self.sb.vsctl("--", "--id=@c", "create", "VNIC_Classifier",
                      f"name={name}", f'match="{match}"', *columns)
        assert self.sb.get("VNIC_Classifier", name, "status") == "active", (
            self.sb.get("VNIC_Classifier", name, "status_reason"))

    def collect(self, seconds=QUIET):
        """What arrived where since the last call."""
        time.sleep(seconds)
        for wire in self.wires.values():
            wire.seen = []
            wire.collect(0)
        return {port: wire.seen for port, wire in self.wires.items()}

    def check(self, **expected):
        """Sends these frames, and each must arrive at its port alone, as it
        came.  'lost' must not arrive."""
        expected = {port.replace("_", "."): frames
                    for port, frames in expected.items()}
        self.far.send(*[f for frames in expected.values() for f in frames])
        expected.pop("lost", None)
        for port, seen in self.collect().items():
            assert sorted(seen) == sorted(expected.get(port, [])), port

    def match(self, flow):
        """The ports that vnic/match names."""
        reply = self.ask("vnic/match", "-f", "json", "l1", flow)
        return sorted(row["port"] for row in json.loads(reply) if row["port"])

    def ask(self, *words):
        """As ovs-appctl, without a process each time."""
        path, = glob.glob(f"{self.sb.dir}/ovs-vswitchd.*.ctl")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(path)
            connection.sendall(json.dumps(
                {"id": 0, "method": words[0], "params": words[1:]}).encode())
            data = b""
            while True:
                data += connection.recv(65536)
                try:
                    reply = json.loads(data)
                    break
                except ValueError:
                    continue        # It goes on.
        assert reply["error"] is None, reply
        return reply["result"]


@pytest.fixture(params=["main", "pmd"])
def steering(request):
    if request.param == "pmd":
        return Steering(request.getfixturevalue("dpdk"), AS_PMD)
    sb = request.getfixturevalue("sb")
    sb.far = sb.netns("far")
    sb.veth("l1", sb.far, FAR)
    return Steering(sb, AS_SYSTEM[:1])


def ip(dst_ip=OWN, **kwargs):
    """A packet for red, no two the same."""
    return packet(RED, kwargs.pop("nw_src", "10.0.0.1"), dst_ip,
                  payload=random.randbytes(30), **kwargs)


def test_rules_of_a_vnic(steering):
    steering.rule("bgp", "tcp,tp_dst=179", "vnic=red", "action=ring", "ring=1")
    steering.rule("bgp6", "tcp6,tp_dst=179", "vnic=red", "action=ring",
                  "ring=1")
    steering.rule("bad", "udp,tp_dst=9", "vnic=red", "action=drop")
    steering.rule("ssh", "tcp,tp_dst=22", "vnic=red", "action=host")

    steering.check(
        red_1=[ip(proto=TCP, tp_dst=179),
               ip("10.9.0.9", proto=TCP, tp_dst=179),
               ip("fd00::2", nw_src="fd00::1", proto=TCP, tp_dst=179)],
        host=[ip(proto=TCP, tp_dst=22)],
        red=[ip(proto=TCP, tp_dst=80), ip(tp_dst=179), frame(RED)],
        red_2=[ip("10.9.0.9", tp_dst=10)],
        lost=[ip(tp_dst=9), ip("10.9.0.9", tp_dst=9)])
    assert steering.sb.drops("show", "red")["rule"] == 2


def test_rules_of_a_link(steering):
    """Whoever's the frame is; tagged ones keep their tag."""
    columns = "link=l1", "vnic=red", "action=ring", "ring=1"
    steering.rule("prefix", "ip,nw_src=192.168.0.0/16", *columns, "priority=1")
    steering.rule("vlan", "dl_vlan=77", *columns, "priority=2")
    steering.rule("dscp", "ip,ip_dscp=46", *columns, "priority=3")
    steering.rule("dscp6", "ipv6,ip_dscp=46", *columns, "priority=4")
    steering.rule("prefix6", "ipv6,ipv6_src=fd07::/16", *columns, "priority=5")
    steering.rule("scan", "tcp,tp_dst=23", "link=l1", "action=drop",
                  "priority=9")
    to_blue = packet(BLUE, "10.0.0.1", "10.0.0.3", payload=bytes(40))

    steering.check(
        red_1=[ip(nw_src="192.168.3.4"),
               packet(HOST, "192.168.3.4", "10.8.0.1"),
               tagged(frame(HOST), 77), tagged(ip(), 77),
               ip("10.9.0.9", tos=46 << 2), ip(tos=46 << 2 | 1),
               packet(FAR, "fd00::1", "fd00::9", tos=46 << 2),
               ip("fd00::2", nw_src="fd07::5")],
        host=[tagged(frame(HOST), 78)],
        red=[ip(nw_src="192.169.3.4"), ip(tos=45 << 2)],
        red_2=[ip("fd00::2", nw_src="fd08::5")],
        lost=[ip(proto=TCP, tp_dst=23),
              packet(HOST, "192.168.3.4", "10.8.0.1", TCP, tp_dst=23)])
    steering.far.send(tagged(to_blue, 100))
    assert steering.collect()["blue"] == [to_blue]
    assert steering.sb.drops("link-show", "l1")["rule"] == 2


CHANGES = 200


class Stream(threading.Thread):
    """Numbered packets for red, 2,000 per second until stop()."""

    def __init__(self, wire):
        super().__init__(daemon=True)
        self.wire = wire
        self.is_stopped = False
        self.n = 0
        self.start()

    def run(self):
        start = time.monotonic()
        while not self.is_stopped:
            while self.n < 2000 * (time.monotonic() - start):
                self.wire.send(packet(RED, "10.0.0.1", OWN, tp_dst=179,
                                      payload=self.n.to_bytes(30, "big")))
                self.n += 1
            time.sleep(0.002)

    def stop(self):
        self.is_stopped = True
        self.join()


def test_200_changes_lose_no_frame(steering):
    """Each frame arrives once, in order, in the ring before or after a
    change."""
    sb = steering.sb
    steering.rule("bgp", "udp,tp_dst=179", "vnic=red", "action=ring", "ring=1")
    stream = Stream(steering.far)
    # Both flows are there: what comes with an upcall may be overtaken.
    for ring in 0, 1:
        sb.vsctl("set", "VNIC_Classifier", "bgp", f"ring={ring}")
        time.sleep(0.3)
    for i in range(CHANGES):
        sb.vsctl("set", "VNIC_Classifier", "bgp", f"ring={i % 2}")
    assert sb.get("VNIC_Classifier", "bgp", "status") == "active"
    stream.stop()

    numbers = {port: [int.from_bytes(f[-30:], "big") for f in seen]
               for port, seen in steering.collect().items()}
    assert sorted(numbers["red"] + numbers["red.1"]) == list(range(stream.n))
    for port in "red", "red.1":
        assert len(numbers[port]) > stream.n / 10
        assert numbers[port] == sorted(numbers[port])
    assert not numbers["red.2"] + numbers["blue"] + numbers["host"]


# What vnic/match says, and where frames go.  Rules and flows are drawn from
# the same few values, or they would seldom meet.

FLOWS, RULES = 500, 40
MACS = [RED, RED, RED, BLUE, HOST, BROADCAST]
IPS = [OWN, "10.0.0.3", "10.9.0.1", "10.9.7.1", "192.168.1.1"]
IP6S = ["fd00::2", "fd00::3", "fd07::1", "fd07:7::1", "fe80::1"]
VLANS = [None, None, None, 100, 77]
TP_PORTS = [22, 80, 179, 180]
TOSES = [0, 0, 184, 40]
PROTOS = {(4, TCP): "tcp", (4, UDP): "udp", (4, ICMP): "icmp",
          (6, TCP): "tcp6", (6, UDP): "udp6", (6, ICMPV6): "icmp6"}
pick = random.choice


class Flow:
    """The same random fields as a flow and as a frame."""

    def __init__(self, number):
        payload = number.to_bytes(30, "big")
        version, proto = pick(list(PROTOS))
        dst, vlan, tos = pick(MACS), pick(VLANS), pick(TOSES)
        self.fields = {"dl_src": FAR, "dl_dst": dst}
        if vlan:
            self.fields["dl_vlan"] = vlan
        if random.random() < 0.1:
            made = frame(dst, size=60)[:-30] + payload
            self.fields["dl_type"] = "0x88b5"
            self.kind = ""
        else:
            ips = IPS if version == 4 else IP6S
            src_ip, dst_ip = pick(ips), pick(ips)
            ports = ((pick([8, 128]), 0) if proto in (ICMP, ICMPV6)
                     else (pick(TP_PORTS), pick(TP_PORTS)))
            made = packet(dst, src_ip, dst_ip, proto, *ports, tos, payload)
            self.kind = PROTOS[version, proto]
            addresses = (("nw_src", "nw_dst") if version == 4
                         else ("ipv6_src", "ipv6_dst"))
            names = (("icmp_type", "icmp_code") if proto in (ICMP, ICMPV6)
                     else ("tp_src", "tp_dst"))
            self.fields.update(zip(addresses, (src_ip, dst_ip)))
            self.fields.update(zip(names, ports))
            self.fields["nw_tos"] = tos
        self.frame = tagged(made, vlan) if vlan else made

    def text(self, names=None):
        """In the flow syntax, with all of the fields or with these."""
        words = [f"{name}={value}" for name, value in self.fields.items()
                 if names is None or name in names]
        return ",".join([self.kind] * bool(self.kind) + words)

    def as_match(self):
        """Of a rule that this flow meets, and others do too."""
        names = set(random.sample(sorted(self.fields), random.randint(0, 2)))
        match = self.text(names | ({"dl_type"} if not self.kind else set()))
        for name, length in ("nw_src", 16), ("ipv6_dst", 32):
            if name in names and random.random() < 0.5:
                match = match.replace(self.fields[name],
                                      f"{self.fields[name]}/{length}")
        return match


ACTIONS = [("link=l1", "vnic=red", "action=ring", "ring=1"),
           ("link=l1", "vnic=red", "action=ring", "ring=2"),
           ("link=l1", "action=host"), ("link=l1", "action=drop"),
           ("vnic=red", "action=ring", "ring=0"),
           ("vnic=red", "action=ring", "ring=1"),
           ("vnic=red", "action=ring", "ring=2"),
           ("vnic=red", "action=host"), ("vnic=red", "action=drop"),
           ("vnic=blue", "action=host"), ("vnic=blue", "action=drop")]


def test_match_tells_where_frames_go(steering):
    sb = steering.sb
    words = []
    for i in range(RULES):
        words += ["--", f"--id=@c{i}", "create", "VNIC_Classifier",
                  f"name=c{i}", f"priority={i}",
                  f'match="{Flow(0).as_match()}"', *pick(ACTIONS)]
    sb.vsctl(*words)
    statuses = sb.vsctl("--bare", "--columns=status", "find",
                        "VNIC_Classifier").split()
    assert statuses.count("active") == RULES, sb.vsctl(
        "--columns=match,status_reason", "find", "VNIC_Classifier")
    flows = [Flow(i) for i in range(FLOWS)]
    expected = [steering.match(flow.text()) for flow in flows]
    kinds = {tuple(ports) for ports in expected}
    assert len(kinds) >= 6, kinds

    for i in range(0, FLOWS, 20):
        steering.far.send(*[flow.frame for flow in flows[i:i + 20]])
        time.sleep(0.02)

    got = [[] for _ in flows]
    for port, seen in steering.collect().items():
        for f in seen:
            got[int.from_bytes(f[-30:], "big")].append(port)
    for flow, where, ports in zip(flows, got, expected):
        assert sorted(where) == ports, flow.text()
