# SPDX-License-Identifier: Apache-2.0
"""Classification in hardware.

The NIC is one of our own, see tests/test-nic.c: DPDK's af_packet device on one
end of a veth, with rules.  Other devices are there for their reasons why they
can't classify."""

import json
import os
import random
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.sctp import SCTP

from frames import BLUE, FAR, RED, frame, tagged
from sandbox import BUILD
from test_dpdk import AS_DPDK, DPDK_EXTRA
from waiting import wait_for

NIC = f"{BUILD}/tests/test-nic.so"


@pytest.fixture
def cable(sb):
    """A sandbox with a cable from l1 to "far"."""
    sb.far = sb.netns("far")
    sb.veth("l1", sb.far, FAR)
    return sb


class Device:
    """test-hw device: rules in a device, and what it receives."""

    def __init__(self, sb, *rules, name="net_af_packet0", n_rxq=2):
        self.wire = sb.far.wire()
        self.log = open(f"{sb.dir}/test-hw.log", "w+")
        self.errors = open(f"{sb.dir}/test-hw.errors", "w+")
        self.process = subprocess.Popen(
            sb.command(["env", f"LD_PRELOAD={NIC}", f"{BUILD}/tests/test-vnic",
                        "test-hw", "device", f"{name},iface=l1,qpairs={n_rxq}",
                        str(n_rxq), *rules]),
            env=dict(sb.env, DPDK_EXTRA=DPDK_EXTRA), text=True,
            stdin=subprocess.PIPE, stdout=self.log, stderr=self.errors)
        sb.processes.append(self.process)
        self.wait_line("ready", "no: ")

    def lines(self):
        with open(self.log.name) as log:
            return log.read().split("\n")[:-1]     # Whole ones.

    def wait_line(self, *starts):
        wait_for(lambda: self.process.poll() is not None or any(
            line.startswith(starts) for line in self.lines()), starts, 30)

    def refusals(self):
        return [line[4:] for line in self.lines() if line.startswith("no: ")]

    def received(self):
        """(queue, mark, bytes) of each frame; mark -1 is none."""
        assert self.process.poll() is None, open(self.errors.name).read()
        words = [line.split() for line in self.lines()]
        return [(int(word[1]), int(word[3]), bytes.fromhex(word[4]))
                for word in words if word[:1] == ["queue"]]

    def send(self, frames, n_received=None):
        """Sends frames, not faster than half of them are received, and returns
        what was received of them."""
        before = len(self.received())
        expected = before + (len(frames) if n_received is None
                             else n_received)
        for i in range(0, len(frames), 32):
            self.wire.send(*frames[i:i + 32])
            wait_for(lambda: len(self.received())
                     >= min(expected, before + i // 2), "frames")
        wait_for(lambda: len(self.received()) >= expected, "all frames")
        return self.received()[before:]

    def missed(self):
        """The frames that match a rule and that no rule has marked."""
        return [bytes.fromhex(line.split()[4]) for line in self.lines()
                if line.endswith(" missed")]

    def close(self):
        """Takes the rules out.  Returns (packets, bytes) of each, or None if
        the NIC doesn't count."""
        self.process.stdin.write("close\n")
        self.process.stdin.flush()
        self.wait_line("closed")
        words = [line.split() for line in self.lines()
                 if line.startswith("counted")]
        return [None if word[1] == "not" else (int(word[1]), int(word[2]))
                for word in words]

    def end(self):
        self.process.communicate("end\n", timeout=10)
        assert not self.process.returncode, open(self.errors.name).read()


def test_claims_are_steered(cable):
    """Every frame gets the mark of the rule it is for, and its queue."""
    device = Device(cable, f"steer 7 1 dl_dst={RED},vlan_tci=0/0x0fff",
                    f"steer 8 0 dl_dst={BLUE},dl_vlan=20")
    red = [frame(RED) for _ in range(100)]
    blue = [tagged(frame(BLUE), 20) for _ in range(100)]
    others = [f for _ in range(20) for f in (
        frame(FAR), frame(BLUE), tagged(frame(RED), 20),
        tagged(frame(BLUE), 21))]
    priority = [tagged(frame(RED), 0)]      # Left to software.
    frames = red + blue + others + priority
    random.shuffle(frames)

    got = device.send(frames)

    assert [f for queue, mark, f in got if mark == 7] == [
        f for f in frames if f in red]
    assert [f for queue, mark, f in got if mark == 8] == [
        f for f in frames if f in blue]
    assert {(queue, mark) for queue, mark, _ in got if mark >= 0} == {
        (1, 7), (0, 8)}
    assert sorted(f for _, mark, f in got if mark < 0) == sorted(
        others + priority)
    assert device.missed() == priority
    assert device.close() == [(100, sum(map(len, red))),
                              (100, sum(map(len, blue)))]
    assert {mark for _, mark, _ in device.send(red + blue)} == {-1}
    device.end()


def test_mark_alone_spreads(cable):
    """Without a queue, RSS chooses it: the mark alone tells whose frame."""
    device = Device(cable, "mark 5 udp,tp_dst=53",
                    name="net_af_packet_noqueue")
    frames = [bytes(Ether(dst=RED, src=FAR) / IP(dst="10.0.0.1")
                    / UDP(sport=1000 + i, dport=53)) for i in range(200)]

    got = device.send(frames)

    assert {mark for _, mark, _ in got} == {5}
    assert {queue for queue, _, _ in got} == {0, 1}
    device.end()


def test_levels_and_drops(cable):
    device = Device(cable, f"level 1 steer 1 0 dl_dst={RED}",
                    f"level 0 drop dl_dst={RED},udp,tp_dst=53",
                    f"level 2 steer 2 1 ip")
    dns, http, other = (
        [bytes(Ether(dst=dst, src=FAR) / IP(dst="10.0.0.1")
               / UDP(sport=1000 + i, dport=port) / "x") for i in range(50)]
        for dst, port in ((RED, 53), (RED, 80), (BLUE, 53)))

    frames = dns + http + other
    random.shuffle(frames)
    got = device.send(frames, 100)

    assert sorted(f for _, mark, f in got if mark == 1) == sorted(http)
    assert sorted(f for _, mark, f in got if mark == 2) == sorted(other)
    assert len(got) == 100
    assert [packets for packets, _ in device.close()] == [50, 50, 50]
    device.end()


def random_frame():
    """Of few values, so that most matches below have frames."""
    pick = random.choice
    packet = Ether(dst=pick([RED, BLUE]), src=FAR)
    for _ in range(pick([0, 0, 1, 1, 2])):
        packet /= Dot1Q(vlan=pick([0, 20, 21]), prio=pick([0, 5]))
    if pick([True, False]):
        packet /= IP(dst=pick(["10.0.0.1", "10.0.1.1"]), src="10.0.0.2",
                     tos=pick([0, 184, 185]))
    else:
        packet /= IPv6(dst=pick(["2001:db8::1", "2001:db9::1"]), tc=184)
    packet /= pick([TCP(sport=1024, dport=pick([80, 81])),
                    UDP(sport=1024, dport=pick([53, 80])),
                    SCTP(dport=3868), ICMP(type=pick([0, 8]))])
    return bytes(packet / random.randbytes(random.randint(20, 60)))


MATCHES = [f"dl_dst={RED},dl_vlan=20", "dl_vlan_pcp=5", "ip,dl_vlan=20",
           "vlan_tci=0/0xfff,tcp,tp_dst=80", "ip,nw_dst=10.0.0.0/24",
           "ip,ip_dscp=46", "ip,nw_tos=184,udp", "ipv6,ipv6_dst=2001:db8::/32",
           "ipv6,ip_dscp=46", "tcp6,tp_dst=0x50/0xfffe", "udp,tp_dst=53",
           "sctp,tp_dst=3868", "icmp,icmp_type=8", "ip,nw_proto=6",
           "vlan_tci=0x1000/0x1000", "dl_vlan=0xffff"]


@pytest.mark.parametrize("match", MATCHES)
def test_no_frame_too_many(cable, match):
    """test-hw asserts that Open vSwitch's own flow_extract() agrees with each
    mark, and says what hardware has missed: frames with more tags than the
    match speaks of, or with VLAN 0 instead of none."""
    device = Device(cable, f"mark 9 {match}")
    frames = [random_frame() for _ in range(300)]
    got = device.send(frames)

    n_marked = sum(mark == 9 for _, mark, _ in got)
    n_tags = 1 if "dl_vlan" in match or "/0x1000" in match else 0
    assert n_marked > 3
    assert all(f.count(b"\x81\0", 12, 18) > n_tags for f in device.missed())
    assert [packets for packets, _ in device.close()] == [n_marked]
    device.end()


def test_testpmd_takes_the_patterns(sb):
    """A peer that knows the syntax: DPDK's own program, on a device without
    rules, which is what it then says of each."""
    patterns = subprocess.run(
        [f"{BUILD}/tests/test-vnic", "test-hw", "pattern"], text=True,
        input="\n".join(MATCHES) + "\n", stdout=subprocess.PIPE, check=True,
        env=sb.env).stdout.splitlines()
    assert len(patterns) == len(MATCHES)

    output = subprocess.run(
        sb.command(["dpdk-testpmd", "--no-pci", "--no-huge", "-m", "512",
                    "--iova-mode=va", "-l", "0,1", "--vdev", "net_null0",
                    "--", "-i", "--total-num-mbufs=2048"]), text=True,
        input="".join(f"flow validate 0 ingress pattern {pattern} "
                      "actions mark id 1 / queue index 0 / end\n"
                      for pattern in [*patterns, "eth dst equals 1 / end"])
        + "quit\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=60).stdout

    assert output.count("Caught PMD error") == len(MATCHES), output
    assert output.count("Bad arguments") == 1       # The last.


def test_nic_that_cannot_mark(cable):
    device = Device(cable, f"steer 1 0 dl_dst={RED}",
                    name="net_af_packet_nomark")
    assert device.refusals() == [
        'driver net_af_packet refuses "eth dst is 00:00:00:00:00:00 / end" '
        "with mark and queue (frames can't be marked)"]
    device.process.communicate(timeout=10)
    assert not device.process.returncode


def test_nic_that_does_not_look_at_tags(cable):
    """Its rules do without, other than those that drop."""
    device = Device(cable, f"mark 1 dl_dst={RED}",
                    f"level 1 mark 2 dl_dst={BLUE},vlan_tci=0/0x0fff",
                    f"drop dl_dst={BLUE},vlan_tci=0/0x0fff",
                    name="net_af_packet_notags")
    assert device.refusals() == ["a device may overlook that a frame must be "
                                 "untagged, and so must not drop it"]
    got = device.send([frame(RED), frame(BLUE)])
    assert sorted(mark for _, mark, _ in got if mark >= 0) == [1, 2]
    device.close()
    device.end()


def test_nic_with_limits(cable):
    """What the NIC can't take is refused in its own words, and the rest is
    in force."""
    device = Device(cable, "mark 1 ipv6", "level 1 mark 1 ip",
                    f"steer 1 7 dl_dst={RED}", f"steer 2 1 dl_dst={RED}",
                    "mark 3 ip,nw_ttl=3", "mark 4 arp", "mark 5 udp",
                    name="net_af_packet_noipv6_nolevels_nocount_max2")
    refuses = "driver net_af_packet refuses"
    assert device.refusals() == [
        f'{refuses} "eth / ipv6 / end" with mark (header is unknown)',
        f'{refuses} "eth / ipv4 / end" with mark (there is no such level)',
        f'{refuses} "eth dst is {RED} / end" with mark and queue '
        "(there is no such queue)",
        "field nw_ttl has no equivalent in the flow API",
        f'{refuses} "eth / ipv4 / udp / end" with mark (the table is full)']
    got = device.send([frame(RED), frame(BLUE)])
    assert sorted((queue, mark) for queue, mark, _ in got
                  if mark >= 0) == [(1, 2)]
    assert device.close() == [None, None]
    device.end()


# What the daemon makes of a device.

@pytest.fixture
def dpdk(cable):
    """A daemon with DPDK and, for devices of its name, with the NIC."""
    cable.exit_daemon()
    cable.preload = NIC
    cable.start_daemon()
    cable.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                f'other_config:dpdk-extra="{DPDK_EXTRA}"',
                "other_config:pmd-cpu-mask=0x2",
                "other_config:pmd-maxsleep=100")
    return cable


def capabilities(sb):
    row = json.loads(sb.vsctl("-f", "json", "--columns=capabilities", "list",
                              "VNIC_Link", "l1"))
    return dict(row["data"][0][0][1])


def as_nic(name):
    return ["netdev=dpdk0", "type=dpdk", "rings=2",
            f'options:dpdk-devargs="{name},iface=l1,qpairs=2"']


def test_capabilities_of_a_nic(dpdk):
    dpdk.vsctl("add-vnic-link", "l1", *as_nic("net_af_packet0"),
               "hw_classifier=required")
    dpdk.wait_status("VNIC_Link", "l1", "active")
    assert capabilities(dpdk) == {
        "polling": "pmd", "n_rxq": "2", "n_txq": "2", "mtu": "1500",
        "hw_classifier": "yes",
        "driver": "net_af_packet", "max_rxq": "2", "max_txq": "2",
        "rss": "none", "rx_interrupts": "no", "flow_levels": "yes",
        "flow_patterns": "eth vlan ipv4 ipv6 tcp udp sctp",
        "flow_actions": "mark+queue mark queue drop count"}

    # The trial rule is out again: traffic is as it was.
    red = dpdk.tenant("red", "l1", RED, ip="10.0.0.2")
    dpdk.far.run("ip", "addr", "add", "10.0.0.1/24", "dev", "eth0")
    red.ping("10.0.0.1")


def test_required_of_a_nic_that_cannot_mark(dpdk):
    name = "net_af_packet_nomark_noipv6_nolevels_nocount"
    dpdk.vsctl("add-vnic-link", "l1", *as_nic(name), "hw_classifier=required")
    reason = ("driver net_af_packet refuses \"eth dst is 00:00:00:00:00:00 "
              "/ end\" with mark and queue (frames can't be "
              "marked)")
    assert dpdk.vsctl("get", "VNIC_Link", "l1", "status_reason").strip(
        ) == json.dumps(f"hw_classifier: {reason}; set it to auto or off")

    dpdk.vsctl("set", "VNIC_Link", "l1", "hw_classifier=auto")
    assert dpdk.get("VNIC_Link", "l1", "status") == "active"
    found = capabilities(dpdk)
    assert found["hw_classifier"] == reason
    assert found["flow_patterns"] == "eth vlan ipv4 tcp udp sctp"
    assert found["flow_actions"] == "queue drop"
    assert found["flow_levels"] == "no"

    dpdk.vsctl("set", "VNIC_Link", "l1", "hw_classifier=off")
    assert capabilities(dpdk)["hw_classifier"] == "off"


@pytest.mark.parametrize("devargs", [
    "net_pcap0,iface=l1", "net_null0", "net_tap0,iface=dtap0"])
def test_required_of_drivers_without_rules(dpdk, devargs):
    driver = devargs.split("0")[0]
    # net_tap wants as many receive as transmit queues, of which Open vSwitch
    # makes one for each core and one more.
    dpdk.vsctl("add-vnic-link", "l1", "netdev=dpdk0", "type=dpdk",
               f'options:dpdk-devargs="{devargs}"', "hw_classifier=required",
               *[f"rings={os.cpu_count() + 1}"][:driver == "net_tap"])
    assert dpdk.get("VNIC_Link", "l1", "status") == "error"
    reason = json.loads(
        dpdk.vsctl("get", "VNIC_Link", "l1", "status_reason"))
    if driver == "net_tap":
        assert "driver net_tap refuses" in reason
    else:
        assert reason == (f"hw_classifier: driver {driver} has no flow API; "
                          "set it to auto or off")

    dpdk.vsctl("clear", "VNIC_Link", "l1", "hw_classifier")
    assert dpdk.get("VNIC_Link", "l1", "status") == "active"
    assert capabilities(dpdk)["driver"] == driver
    assert capabilities(dpdk)["hw_classifier"] in reason


def test_other_types_have_no_flow_api(cable):
    cable.vsctl("add-vnic-link", "l1", "netdev=l1")
    assert capabilities(cable) == {
        "polling": "main", "n_rxq": "1", "n_txq": "1", "mtu": "1500",
        "hw_classifier": "a device of type system has no flow API"}


def test_offload_of_open_vswitch_comes_first(dpdk):
    """Also when it is switched on later."""
    dpdk.vsctl("add-vnic-link", "l1", *as_nic("net_af_packet0"))
    assert capabilities(dpdk)["hw_classifier"] == "yes"

    dpdk.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")

    def reason():
        return capabilities(dpdk)["hw_classifier"]
    wait_for(lambda: "hw-offload" in reason(), "a reason")
    assert dpdk.get("VNIC_Link", "l1", "status") == "active"
    dpdk.vsctl("set", "VNIC_Link", "l1", "hw_classifier=required")
    assert "hw-offload" in dpdk.get("VNIC_Link", "l1", "status_reason")
