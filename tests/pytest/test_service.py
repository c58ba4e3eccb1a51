# SPDX-License-Identifier: Apache-2.0
"""Whose frames wait, and whose are lost, when more come than a PMD can take.

    in.pcap, again and again -- link l1 -- VNICs v0, v1, ... -- br0 -- null0

The file has frames for the VNICs in a fixed ratio, and DPDK's pcap driver
reads it as often as it is asked to, so that there is always a full burst.
Each idle VNIC asks as well; with some of them more comes by each round than
two others can take."""

import time

import pytest

from foreign import write_pcap
from frames import frame, packet
from rings import add_ring, rings
from test_dpdk import dpdk                            # noqa: F401

IDLE = 6


def mac(i):
    return f"02:00:00:00:01:{i:02x}"


class Overload:
    """'frames' come for VNICs v0, v1, ... of which 'columns' has those of the
    VNIC and those of its default ring."""

    def __init__(self, sb, frames, *columns):
        self.sb = sb
        self.n = len(columns)
        write_pcap(f"{sb.dir}/in.pcap", frames)
        sb.bridge("br0")
        sb.vsctl("add-port", "br0", "null0", "--", "set", "Interface", "null0",
                 "type=dpdk", "options:dpdk-devargs=net_null0,no-rx=1")
        sb.run("ovs-ofctl", "del-flows", "br0")
        sb.run("ovs-ofctl", "add-flow", "br0", "actions=output:null0")
        for i, (vnic, ring) in enumerate(columns):
            sb.vsctl("add-vnic", "br0", f"v{i}", "link=l1", f'mac="{mac(i)}"',
                     *vnic, "rings=@r", "--", "--id=@r", "create", "VNIC_Ring",
                     "id=0", *ring)

    def start(self):
        self.sb.vsctl("add-vnic-link", "l1", "netdev=dpdk0", "type=dpdk",
                      "options:dpdk-devargs=net_pcap_in,infinite_rx=1,"
                      f"rx_pcap={self.sb.dir}/in.pcap")
        time.sleep(0.3)

    def look(self):
        """(packets, drops) of each ring, by port."""
        return {port: (row["packets"], row["drops_by_reason"]["ring_full"])
                for i in range(self.n)
                for port, row in rings(self.sb, f"v{i}").items()}

    def measure(self, seconds=1):
        """(packets, drops) of each ring in that time."""
        before = self.look()
        time.sleep(seconds)
        after = self.look()
        got = {port: (after[port][0] - before[port][0],
                      after[port][1] - before[port][1]) for port in after}
        print(got)
        return got


def ratio(*counts):
    """Short frames for VNIC i, counts[i] of them in a row."""
    return [frame(mac(i), size=100) for i, n in enumerate(counts)
            for _ in range(n)]


FIRST = pytest.mark.parametrize("first, second", [
    ((["priority=high"], []), (["priority=low"], [])),
    (([], ["strict=true"]), ([], ["strict=false"])),
], ids=["priority", "strict"])


@FIRST
def test_first_one_loses_nothing(dpdk, first, second):     # noqa: F811
    """A few frames for the first, more than can be taken for the second, which
    gets what is left."""
    overload = Overload(dpdk, ratio(2, 30), first, second)
    overload.start()

    got = overload.measure()

    assert got["v0"][0] > 10000 and got["v0"][1] == 0
    assert got["v1"][1] > 10000, "no overload"
    assert got["v1"][0] > got["v0"][0] / 2, "the second is stalled"


@FIRST
def test_first_one_has_all_it_can_take(dpdk, first, second):  # noqa: F811
    overload = Overload(dpdk, ratio(16, 16), first, second, *IDLE * [([], [])])
    overload.start()

    got = overload.measure()
    assert got["v0"][1] > 10000, "no overload"
    assert got["v1"][0] < got["v0"][0] / 20

    # Until it wants no more.
    dpdk.vsctl("set", "VNIC", "v0", "enabled=false")
    got = overload.measure(0.5)
    assert got["v1"][0] > 10000


def test_weights_share(dpdk):                         # noqa: F811
    overload = Overload(dpdk, ratio(16, 16), ([], ["weight=300"]),
                        ([], ["weight=100"]), *IDLE * [([], [])])
    overload.start()

    got = overload.measure()
    assert got["v0"][1] > 10000 and got["v1"][1] > 10000, "no overload"
    assert 2 < got["v0"][0] / got["v1"][0] < 4.5

    # Live, the other way around.
    dpdk.vsctl("set", "VNIC_Ring", dpdk.vsctl(
        "get", "VNIC", "v1", "rings").strip("[]\n"), "weight=900")
    got = overload.measure()
    assert got["v0"][1] > 10000 and got["v1"][1] > 10000, "no overload"
    assert 2 < got["v1"][0] / got["v0"][0] < 4.5


def test_idle_ones_keep_no_share(dpdk):               # noqa: F811
    """Ten times the weight is for who has frames."""
    overload = Overload(dpdk, ratio(0, 32), ([], ["weight=1000"]),
                        ([], ["weight=100"]))
    overload.start()
    light = overload.measure(0.5)["v1"][0]
    dpdk.vsctl("set", "VNIC_Ring", dpdk.vsctl(
        "get", "VNIC", "v1", "rings").strip("[]\n"), "weight=1000")
    assert light > overload.measure(0.5)["v1"][0] / 4


def test_control_ring_goes_first(dpdk):               # noqa: F811
    """That of a VNIC of low priority, before one of high priority."""
    frames = [packet(mac(i), "10.0.0.1", "10.0.1.1", tp_dst=port)
              for i, port in 2 * [(0, 179)] + 10 * [(0, 80)] + 20 * [(1, 80)]]
    overload = Overload(dpdk, frames, (["priority=low"], []),
                        (["priority=high"], []))
    add_ring(dpdk, "v0", 1, "role=control")
    dpdk.vsctl("--", "--id=@c", "create", "VNIC_Classifier", "name=bgp",
               "vnic=v0", "action=ring", "ring=1", 'match="udp,tp_dst=179"')
    overload.start()

    got = overload.measure()

    assert got["v0.1"][0] > 10000 and got["v0.1"][1] == 0
    assert got["v1"][0] > 10000 and got["v1"][1] > 10000
    assert got["v0"][0] < got["v1"][0] / 20


def test_one_that_is_down_holds_up_nobody(dpdk):      # noqa: F811
    overload = Overload(dpdk, ratio(16, 16), (["priority=high"], []),
                        (["priority=low"], []))
    overload.start()
    assert overload.measure(0.5)["v0"][0] > 10000

    dpdk.run("ovs-ofctl", "mod-port", "br0", "v0", "down")
    before = dpdk.drops("show", "v0")["port_down"]
    assert overload.measure(0.5)["v1"][0] > 10000
    assert dpdk.drops("show", "v0")["port_down"] > before + 10000

    dpdk.run("ovs-ofctl", "mod-port", "br0", "v0", "up")
    assert overload.measure(0.5)["v0"][0] > 10000
