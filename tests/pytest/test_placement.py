# SPDX-License-Identifier: Apache-2.0
"""Claims and rules in hardware: nothing that can be seen of packets differs
from software, whatever the device can and can't.

The NIC is that of test_hw.py."""

import json
import random
import threading
import time
from collections import defaultdict

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from frames import (BLUE, BROADCAST, FAR, GREEN, HOST, RED, experimental,
                    frame, tagged)
from test_hw import as_nic, cable, dpdk     # noqa: F401: fixtures
from test_isolation import QUIET
from waiting import wait_for

NIC = "net_af_packet0"
MAGIC = b"placement"

UNTAGGED = "vlan_tci=0/0x0fff"
RULES = {
    "from": ["link=l1", "action=host", "priority=120",
             f'match="{UNTAGGED},dl_src={HOST}"'],
    "net": ["link=l1", "vnic=red", "action=ring", "ring=1", "priority=110",
            f'match="{UNTAGGED},ip,nw_dst=10.0.5.0/24"'],
    "ssh": ["link=l1", "action=host", "priority=100",
            f'match="{UNTAGGED},tcp,tp_dst=22"'],
    "noise": ["link=l1", "action=drop", "priority=90",
              f'match="{UNTAGGED},udp,tp_dst=9"'],
    "rest": ["link=l1", "action=drop", "priority=10",
             'match="dl_vlan=20,udp,nw_src=10.0.9.9"'],
    "any": ["link=l1", "action=drop", "priority=5", 'match="udp,tp_dst=9"'],
    "web": ["vnic=red", "action=ring", "ring=1", "priority=10",
            'match="tcp,tp_dst=80"'],
    "voice": ["vnic=red", "action=ring", "ring=1", "priority=5",
              'match="ip,ip_dscp=46"'],
    "dns": ["vnic=blue", "action=drop", 'match="udp,tp_dst=53"'],
    "ping": ["vnic=blue", "action=host", 'match="icmp"'],
}
# "any" is about frames of VLAN 0, too, which the NIC doesn't find for "noise"
# before it; and "voice" about fragments, of which it can't tell whether they
# are for "ssh" or "noise".
PLACEABLE = {*RULES, "red", "blue"} - {"any", "voice"}


def in_nic(sb, name=NIC, **columns):
    sb.vsctl("add-vnic-link", "l1", *as_nic(name),
             *[f"{key}={value}" for key, value in columns.items()])


def only(sb, bridge, **outputs):
    """Makes each port send to its guest what it receives, as it is."""
    sb.run("ovs-ofctl", "del-flows", bridge)
    for port, guest in outputs.items():
        sb.run("ovs-ofctl", "add-flow", bridge,
               f"in_port={port.replace('_', '.')},actions=output:{guest}-tap")


def ring_port(sb, vnic, n):
    """A guest for what ring 'n' of 'vnic' receives."""
    guest = sb.netns(f"{vnic}{n}")
    sb.veth(f"{vnic}{n}-tap", guest)
    sb.vsctl("add-port", f"br-{vnic}", f"{vnic}{n}-tap",
             "--", "add-vnic-ring", vnic, str(n), "role=control")
    return guest


def add_rules(sb, names=RULES):
    for name in names:
        sb.vsctl("add-vnic-rule", name, *RULES[name])


def installed(sb):
    """What is where: rules by their name, claims by that of their VNIC."""
    rows = json.loads(sb.appctl("vnic/classifier-show", "-f", "json", "l1"))
    return {row.get("rule") or row["vnic"]: row.get("installed")
            for row in rows if "vnic" in row or "rule" in row}


def counted(sb):
    rows = json.loads(sb.appctl("vnic/classifier-show", "-f", "json", "l1"))
    return {row["rule"]: (row["packets"], row["bytes"])
            for row in rows if "rule" in row}


@pytest.fixture
def tenants(dpdk):                          # noqa: F811
    """Receivers: red with a second ring, blue in VLAN 20, and the host."""
    in_nic(dpdk)
    dpdk.wires = {
        "red": dpdk.tenant("red", "l1", RED).wire(),
        "red1": ring_port(dpdk, "red", 1).wire(),
        "blue": dpdk.tenant("blue", "l1", BLUE, vlan=20).wire(),
        "host": dpdk.default_port("dflt", "l1").wire(),
    }
    only(dpdk, "br-red", red="red", red_1="red1")
    only(dpdk, "br-blue", blue="blue")
    only(dpdk, "br-dflt", dflt="dflt")
    dpdk.wire = dpdk.far.wire()
    return dpdk


def random_headers():
    """Of a connection: few values, so that most rules have frames, those that
    a device overlooks among them: of VLAN 0, or with two tags."""
    pick = random.choice
    dst, vlan = pick([(RED, 0), (RED, 0), (RED, 21), (BLUE, 20), (BLUE, 20),
                      (GREEN, 21), (BROADCAST, 20), (BROADCAST, 0)])
    packet = Ether(dst=dst, src=pick([FAR, FAR, HOST]))
    for _ in range(pick([0, 0, 1, 1, 2]) if vlan == 0 else pick([0, 1, 1, 2])):
        packet /= Dot1Q(vlan=pick([vlan, vlan, vlan, 0]), prio=pick([0, 5]))
    if pick([0, 0, 0, 0, 1]):
        return packet / pick([ARP(pdst="10.0.0.1"), Raw(b"\x88\xb5" * 20)])
    if pick([True, True, True, False]):
        packet /= IP(dst=pick(["10.0.0.1", "10.0.5.1"]),
                     src=pick(["10.0.0.2", "10.0.9.9"]),
                     tos=pick([0, 184]), chksum=0)
    else:
        packet /= IPv6(dst="2001:db8::1", src="2001:db8::2", tc=pick([0, 184]))
    sport = random.randint(1024, 65535)
    return packet / pick([TCP(sport=sport, dport=pick([22, 80, 443])),
                          UDP(sport=sport, dport=pick([9, 53, 80])),
                          ICMP(type=8)])


def plain_headers():
    """For each rule a connection that it is for."""
    red, blue = Ether(dst=RED, src=FAR), Ether(dst=BLUE, src=FAR)
    ip, tag = IP(src="10.0.0.2", dst="10.0.0.1", chksum=0), Dot1Q(vlan=20)
    return [Ether(dst=RED, src=HOST) / ip / UDP(),
            red / IP(dst="10.0.5.1") / UDP(), red / ip / TCP(dport=22),
            red / ip / UDP(dport=9), red / ip / TCP(dport=80),
            red / IP(src="10.0.0.2", dst="10.0.0.1", tos=184) / UDP(dport=80),
            blue / tag / IP(src="10.0.9.9", dst="10.0.0.1") / UDP(dport=80),
            blue / tag / ip / UDP(dport=9), blue / tag / ip / UDP(dport=53),
            blue / tag / ip / ICMP(), blue / tag / ip / UDP(dport=80)]


def make_frames(n_connections, n):
    """Each tells its connection and its place in it."""
    headers = [bytes(packet) for packet in plain_headers()]
    headers += [bytes(random_headers())
                for _ in range(n_connections - len(headers))]
    frames, seqs = [], [0] * n_connections
    for _ in range(n):
        i = random.randrange(n_connections)
        frames.append(headers[i] + MAGIC + i.to_bytes(2, "big")
                      + seqs[i].to_bytes(4, "big") + b"end.")
        seqs[i] += 1
    return frames


def send_slowly(wire, frames):
    """So slowly that no queue overflows."""
    for i in range(0, len(frames), 8):
        wire.send(*frames[i:i + 8])
        time.sleep(0.004)


def collect(wires):
    """(receiver, connection) -> places of its frames, in order."""
    got = defaultdict(list)
    for name, wire in wires.items():
        for f in wire.collect(QUIET):
            at = f.find(MAGIC) + len(MAGIC)
            if f[at + 6:at + 10] == b"end.":
                got[name, int.from_bytes(f[at:at + 2], "big")].append(
                    (int.from_bytes(f[at + 2:at + 6], "big"), f))
        wire.seen = []
    return got


def deliver(sb, frames):
    send_slowly(sb.wire, frames)
    return collect(sb.wires), counted(sb)


def set_device(sb, name, hw_classifier):
    sb.vsctl("set", "VNIC_Link", "l1", f"hw_classifier={hw_classifier}",
             f'options:dpdk-devargs="{name},iface=l1,qpairs=2"')
    wait_for(lambda: all(sb.get("VNIC", vnic, "status") == "active"
                         for vnic in ("red", "blue")), "VNICs")


# Devices, and what of the above is in them.
DEVICES = {
    NIC: PLACEABLE,
    "net_af_packet_noqueue": PLACEABLE,
    "net_af_packet_nodrop": PLACEABLE,
    "net_af_packet_nocount": PLACEABLE,
    "net_af_packet_notags": PLACEABLE,
    "net_af_packet_nolevels": {"from", "rest", "ping"},
    "net_af_packet_max2": {"from", "net"},
    "net_af_packet_nomark": set(),
}


@pytest.mark.parametrize("device", DEVICES)
def test_same_as_software(tenants, device):
    add_rules(tenants)
    frames = make_frames(400, 3000)
    set_device(tenants, NIC, "off")
    assert set(installed(tenants).values()) == {"sw"}
    expected, expected_counters = deliver(tenants, frames)
    assert sum(map(len, expected.values())) > 1000
    assert not [name for name, (packets, _) in expected_counters.items()
                if not packets]

    set_device(tenants, device, "auto")
    print(installed(tenants))
    assert {name for name, where in installed(tenants).items()
            if where == "hw"} == DEVICES[device]
    got, counters = deliver(tenants, frames)

    assert got == expected
    assert counters == expected_counters
    marked = tenants.show("link-show", "l1")["marked"]
    assert marked >= 100 if DEVICES[device] else marked == 0


def test_what_is_installed(tenants):
    """And what says so: the rows, the commands, and statistics."""
    add_rules(tenants, ["net", "web", "rest"])
    assert tenants.get("VNIC_Classifier", "web", "installed") == "hw"
    assert tenants.get("VNIC_Classifier", "web", "status_reason") == "[]"
    assert set(installed(tenants).values()) == {"hw"}
    assert tenants.show("link-show", "l1")["hw_rules"] == 5

    def where(flow):
        return json.loads(tenants.appctl("vnic/match", "-f", "json", "l1",
                                         flow))[0]
    for flow, place, port in (
            (f"dl_dst={RED},tcp,tp_dst=80", "hw", "red.1"),
            (f"dl_dst={RED},tcp,tp_dst=81", "hw", "red"),
            (f"dl_dst={GREEN}", "sw", "dflt"),
            (f"dl_dst={BROADCAST},tcp,tp_dst=80", "sw", "dflt")):
        assert (where(flow)["installed"], where(flow)["port"]) == (place, port)

    add_rules(tenants, ["any"])
    assert tenants.get("VNIC_Classifier", "any", "installed") == "sw"
    assert tenants.get("VNIC_Classifier", "any", "status_reason") == (
        "placement: in software, as the device could overlook frames of rule "
        "\\\"net\\\", which goes before it")
    tenants.vsctl("set", "VNIC_Classifier", "web", "placement=sw")
    assert tenants.get("VNIC_Classifier", "web", "installed") == "sw"
    assert tenants.get("VNIC_Classifier", "web", "status_reason") == "[]"

    frames = [frame(RED) for _ in range(50)]
    tenants.wire.send(*frames)
    wait_for(lambda: tenants.show("link-show", "l1")["marked"] == 50, "marks")
    tenants.vsctl("set", "VNIC_Link", "l1", "hw_classifier=off")
    assert tenants.get("VNIC_Classifier", "any", "status_reason") == "[]"
    assert tenants.show("link-show", "l1")["hw_rules"] == 0


def test_placement_hw_fails_as_asked(tenants):
    """A rule that isn't in hardware, and must be, is not in force."""
    set_device(tenants, "net_af_packet_noipv6", "auto")
    tenants.vsctl("add-vnic-rule", "six", "vnic=red", "action=drop",
                  'match="udp6"', "placement=hw")
    tenants.vsctl("add-vnic-rule", "four", "vnic=red", "action=ring",
                  "ring=1", 'match="udp"', "placement=hw", "priority=9")
    assert tenants.get("VNIC_Classifier", "six", "status") == "error"
    reason = tenants.get("VNIC_Classifier", "six", "status_reason")
    assert reason.startswith("placement: driver net_af_packet refuses")
    assert reason.endswith("(header is unknown); set it to auto or sw")
    assert tenants.get("VNIC_Classifier", "six", "installed") == "[]"
    assert tenants.get("VNIC_Classifier", "four", "installed") == "hw"

    six, four = (bytes(Ether(dst=RED, src=FAR) / ip / UDP(dport=1)
                       / (MAGIC + bytes(6) + b"end."))
                 for ip in (IPv6(dst="2001:db8::1"), IP(dst="10.0.0.1")))
    tenants.wire.send(six, four)
    assert set(collect(tenants.wires)) == {("red", 0), ("red1", 0)}

    tenants.vsctl("set", "VNIC_Classifier", "six", "placement=auto")
    assert tenants.get("VNIC_Classifier", "six", "status") == "active"
    assert tenants.get("VNIC_Classifier", "six", "installed") == "sw"
    tenants.wire.send(six, four)
    assert set(collect(tenants.wires)) == {("red1", 0)}

    # Where nothing can be in hardware, neither can the rule.
    set_device(tenants, NIC, "off")
    assert tenants.get("VNIC_Classifier", "four", "status_reason") == (
        "placement: hw_classifier of the link is off; set it to auto or sw")
    tenants.wire.send(six, four)
    assert set(collect(tenants.wires)) == {("red", 0)}
    set_device(tenants, NIC, "auto")
    assert tenants.get("VNIC_Classifier", "four", "installed") == "hw"


def test_required_is_for_all(tenants):
    """Each VNIC and each rule that has no place is an error, and heals."""
    set_device(tenants, "net_af_packet_max2", "required")
    tenants.tenant("green", "l1", GREEN)

    def status(table, row):
        return tenants.get(table, row, "status")
    assert status("VNIC", "green") == "error"
    assert status("VNIC", "red") == status("VNIC", "blue") == "active"
    reason = tenants.get("VNIC", "green", "status_reason")
    assert reason.startswith('link: VNIC_Link \\"l1\\" has '
                             "hw_classifier=required, and driver")
    assert reason.endswith("with mark (the table is full); set that to auto")
    tenants.vsctl("add-vnic-rule", "web", *RULES["web"])
    assert status("VNIC_Classifier", "web") == "error"
    assert "table is full" in tenants.get("VNIC_Classifier", "web",
                                          "status_reason")
    tenants.wire.send(frame(GREEN), bytes(
        Ether(dst=RED, src=FAR) / IP() / TCP(dport=80)
        / (MAGIC + bytes(6) + b"end.")))
    assert set(collect(tenants.wires)) == {("red", 0)}

    tenants.vsctl("set", "VNIC_Classifier", "web", "placement=sw")
    assert tenants.get("VNIC_Classifier", "web", "status_reason") == (
        'placement: is sw, but VNIC_Link \\"l1\\" has '
        "hw_classifier=required; change one of them")
    tenants.vsctl("del-vnic", "blue")
    tenants.wait_status("VNIC", "green", "active")
    assert installed(tenants)["green"] == "hw"
    tenants.vsctl("del-vnic", "green",
                  "--", "set", "VNIC_Classifier", "web", "placement=auto")
    tenants.wait_status("VNIC_Classifier", "web", "active")
    assert installed(tenants) == {"web": "hw", "red": "hw"}


def stream_frame(kind, i):
    """Frame 'i' of a kind, told by the two bytes before its number."""
    kinds = {
        "red": Ether(dst=RED, src=FAR, type=0x88b5),
        "blue": Ether(dst=BLUE, src=FAR) / Dot1Q(vlan=20, type=0x88b5),
        "web": Ether(dst=RED, src=FAR) / IP(dst="10.0.0.1") / TCP(dport=80),
        "pass": (Ether(dst=BLUE, src=FAR) / Dot1Q(vlan=20)
                 / IP(dst="10.0.0.2") / UDP(dport=5000)),
        "bad": (Ether(dst=BLUE, src=FAR) / Dot1Q(vlan=20)
                / IP(dst="10.0.0.2") / UDP(dport=5001)),
    }
    return bytes(kinds[kind] / (
        MAGIC + list(kinds).index(kind).to_bytes(2, "big")
        + i.to_bytes(4, "big") + b"end." + bytes(20)))


KINDS = ["red", "blue", "web", "pass", "bad"]


class Stream(threading.Thread):
    """Some 1500 frames a second, of all kinds in turn."""

    def __init__(self, wire):
        super().__init__()
        self.wire, self.n, self.is_wanted = wire, 0, True
        self.frames = {kind: stream_frame(kind, 0) for kind in KINDS}

    def run(self):
        while self.is_wanted:
            for kind in KINDS:
                f = self.frames[kind]
                at = f.index(MAGIC) + len(MAGIC) + 2
                self.wire.send(f[:at] + self.n.to_bytes(4, "big")
                               + f[at + 4:])
            self.n += 1
            time.sleep(0.003)

    def stop(self):
        self.is_wanted = False
        self.join()

    def check(self, wires, is_lossless=True, **places):
        """Each frame has arrived once, at one of the places of its kind."""
        got = {key: [seq for seq, _ in seqs]
               for key, seqs in collect(wires).items()}
        assert {where for where, kind in got
                if where not in places[KINDS[kind]]} == set()
        for i, kind in enumerate(KINDS):
            seqs = sorted(seq for where in places[kind]
                          for seq in got.get((where, i), []))
            assert len(seqs) == len(set(seqs))
            if places[kind] and is_lossless:
                assert seqs == list(range(self.n)), kind


@pytest.fixture
def stream(tenants):
    """What drops in hardware relies on what passes."""
    tenants.appctl("vlog/set", "vnic_link_device:file:dbg")
    tenants.vsctl("add-vnic-rule", "pass", "vnic=blue", "action=host",
                  'match="udp,tp_dst=5000"', "priority=9",
                  "--", "add-vnic-rule", "bad", "vnic=blue", "action=drop",
                  'match="udp"', "priority=1")
    assert set(installed(tenants).values()) == {"hw"}
    thread = Stream(tenants.wire)
    thread.start()
    yield thread
    thread.stop()


def test_changes_under_traffic(tenants, stream):
    """Rules and VNICs that come, change and go."""
    tenants.tenant("green", "l1", GREEN)
    for _ in range(4):
        tenants.vsctl("add-vnic-rule", "web", *RULES["web"])
        tenants.vsctl("set", "VNIC_Classifier", "pass",
                      'match="udp,tp_dst=5000,nw_dst=10.0.0.0/8"')
        tenants.vsctl("set", "VNIC", "green", "enabled=false")
        tenants.vsctl("add-vnic-rule", "net", *RULES["net"])
        tenants.vsctl("set", "VNIC_Classifier", "pass", "priority=20")
        tenants.vsctl("set", "VNIC", "green", "enabled=true")
        tenants.vsctl("set", "VNIC_Classifier", "web", "placement=sw")
        tenants.vsctl("del-vnic-rule", "net", "--", "del-vnic-rule", "web")
        tenants.vsctl("set", "VNIC_Classifier", "pass", "placement=sw",
                      'match="udp,tp_dst=5000"', "priority=9")
        assert installed(tenants)["bad"] == "sw"
        tenants.vsctl("set", "VNIC_Classifier", "pass", "placement=auto")
        assert installed(tenants)["bad"] == "hw"
    stream.stop()

    stream.check(tenants.wires, red=["red"], blue=["blue"],
                 web=["red", "red1"], bad=[], **{"pass": ["host"]})
    assert counted(tenants)["bad"][0] == stream.n
    marked = tenants.show("link-show", "l1")["marked"]
    assert marked > stream.n


EXCHANGES = 10


def test_vnics_exchange_addresses_under_traffic(tenants):
    """What is in flight with the mark of the one is not for the other."""
    stream = Stream(tenants.wire)
    stream.start()
    for _ in range(EXCHANGES // 2):
        tenants.vsctl("set", "VNIC", "red", f'mac="{BLUE}"', "vlan=20",
                      "--", "set", "VNIC", "blue", f'mac="{RED}"', "vlan=[]")
        tenants.vsctl("set", "VNIC", "red", f'mac="{RED}"', "vlan=[]",
                      "--", "set", "VNIC", "blue", f'mac="{BLUE}"', "vlan=20")
    stream.stop()

    got = {key: [seq for seq, _ in seqs]
           for key, seqs in collect(tenants.wires).items()}
    # Between two places a frame may find nobody, which the host gets; and one
    # that is under way while both of them change is lost, now and then.
    assert {where for where, _ in got} <= {"red", "blue", "host"}
    for i in range(len(KINDS)):
        seqs = sorted(got.get(("red", i), []) + got.get(("blue", i), [])
                      + got.get(("host", i), []))
        assert len(seqs) == len(set(seqs))
        assert set(seqs) <= set(range(stream.n))
        assert len(seqs) >= stream.n - EXCHANGES


def test_offload_switched_on_under_traffic(tenants, stream):
    time.sleep(0.5)
    tenants.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    wait_for(lambda: set(installed(tenants).values()) == {"sw"}, "software")
    assert "hw-offload" in tenants.vsctl("get", "VNIC_Link", "l1",
                                         "capabilities:hw_classifier")
    time.sleep(0.5)
    stream.stop()
    # Open vSwitch now changes the queueing disciplines of the guests' devices,
    # which may lose a frame.
    stream.check(tenants.wires, False, red=["red"], blue=["blue"],
                 web=["red"], bad=[], **{"pass": ["host"]})
    assert counted(tenants)["bad"][0] == stream.n
    assert {name: tenants.show("show", name)["rx_packets"] / stream.n
            for name in ("red", "blue", "dflt")} == {
                "red": 2, "blue": 1, "dflt": 1}


def test_reset_of_the_device(tenants, stream):
    """All is there again when the device was started anew, and the frames that
    come meanwhile are nobody else's."""
    before = counted(tenants)
    assert set(before) == {"pass", "bad"}
    for _ in range(3):
        tenants.wire.send(frame(HOST, ethertype=0x88b6))
        time.sleep(0.3)
    wait_for(lambda: tenants.log(10000).count("link l1: reconfigured") == 3,
             "resets")
    assert set(installed(tenants).values()) == {"hw"}
    stream.stop()
    marked = tenants.show("link-show", "l1")["marked"]
    got = collect(tenants.wires)

    assert {(where, KINDS[kind]) for where, kind in got} == {
        ("red", "red"), ("blue", "blue"), ("red", "web"), ("host", "pass")}
    red = [frame(RED) for _ in range(20)]
    tenants.wire.send(*red)
    wait_for(lambda: tenants.show("link-show", "l1")["marked"] == marked + 20,
             "marks")


def test_device_that_fails_for_a_while(dpdk):           # noqa: F811
    """It says so, and works again as soon as it can."""
    in_nic(dpdk, "net_af_packet_norestart")
    red = dpdk.tenant("red", "l1", RED).wire()
    far = dpdk.far.wire()
    only(dpdk, "br-red", red="red")
    far.send(frame(HOST, ethertype=0x88b6))

    reason = dpdk.wait_status("VNIC_Link", "l1", "error")
    assert "can't be reconfigured (Input/output error)" in reason
    assert dpdk.wait_status("VNIC", "red", "inactive").endswith(
        "has an error; see its status_reason")

    dpdk.wait_status("VNIC_Link", "l1", "active")
    dpdk.wait_status("VNIC", "red", "active")
    again = frame(RED)
    far.send(again)
    assert experimental(red.collect(QUIET)) == [again]
