# SPDX-License-Identifier: Apache-2.0
"""VNS instances under a flood: no packet runs without its id.

A PMD thread translates packets while the main thread changes ports and flows.
The flood is a file that DPDK's pcap driver repeats for ever; each of its
frames has an address of its own, so that the bridge has to look each up."""

import random
import re
import struct

import pytest

from frames import RED, frame
from test_dpdk import dpdk                              # noqa: F401
from waiting import wait_for

N_FRAMES = 16000


def random_mac():
    return "02:" + ":".join(f"{byte:02x}" for byte in random.randbytes(5))


@pytest.fixture
def flooded(dpdk):                                      # noqa: F811
    """VNIC "red" of instance "red", number 7, on the bridge "br", flooded."""
    with open(f"{dpdk.dir}/flood.pcap", "wb") as pcap:
        pcap.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _ in range(N_FRAMES):
            data = frame(RED, src=random_mac(), size=60)
            pcap.write(struct.pack("=IIII", 0, 0, len(data), len(data)) + data)
    dpdk.vsctl("add-vnic-link", "flood", "netdev=dpdk1", "type=dpdk",
               f'options:dpdk-devargs="net_pcap1,rx_pcap={dpdk.dir}'
               '/flood.pcap,infinite_rx=1"',
               "--", "create", "VNS_Instance", "name=red", "vns_id=7",
               "--", "add-br", "br", "--", "set", "Bridge", "br",
               "datapath_type=netdev", "fail-mode=secure",
               "--", "add-vnic", "br", "red", "link=flood", f'mac="{RED}"',
               "vns=red")
    wait_for(lambda: dpdk.show("show", "red")["rx_packets"] > 0, "a flood")
    return dpdk


def set_flows(sb):
    """One for packets with the id, one for those without; the third makes each
    address a case of its own."""
    for flow in ("priority=1,metadata=7/0xffff,actions=drop",
                 "priority=0,actions=drop",
                 f"priority=9,dl_src={RED},actions=drop"):
        sb.run("ovs-ofctl", "add-flow", "br", flow)


def packets(sb, match):
    """How many packets each flow of 'br' saw whose text has 'match'."""
    return sum(int(re.search(r"n_packets=(\d+)", line).group(1))
               for line in sb.appctl("bridge/dump-flows", "br").splitlines()
               if match in line and "table_id=" not in line)


def test_ports_come_and_go(flooded):
    set_flows(flooded)
    for i in range(15):
        before = packets(flooded, "metadata=0x7/0xffff")
        flooded.vsctl("del-port", "red", "--", "add-port", "br", "red",
                      "--", "set", "Interface", "red", "type=vnic",
                      f"ofport_request={i % 3 + 1}")
        wait_for(lambda: packets(flooded, "metadata=0x7/0xffff") > before,
                 "packets with an id")
    assert packets(flooded, "priority=0,") == 0


def test_instances_come_and_go(flooded):
    set_flows(flooded)
    for _ in range(15):
        before = packets(flooded, "metadata=0x7/0xffff")
        flooded.vsctl("destroy", "VNS_Instance", "red")
        assert flooded.get("VNIC", "red", "status") == "error"
        flooded.vsctl("create", "VNS_Instance", "name=red", "vns_id=7")
        wait_for(lambda: packets(flooded, "metadata=0x7/0xffff") > before,
                 "packets with an id")
    assert packets(flooded, "priority=0,") == 0


def test_flushes(flooded):
    for _ in range(15):
        set_flows(flooded)
        flooded.appctl("dpctl/del-flows", "netdev@ovs-netdev")
        flooded.vsctl("set-fail-mode", "br", "standalone")
        flooded.vsctl("set", "VNIC", "red", "enabled=false")

        # Each packet that the first flow of the flushed bridge saw had come by
        # the ring's.
        assert packets(flooded, "NORMAL") <= packets(flooded, "resubmit(,0)")
        flooded.vsctl("set-fail-mode", "br", "secure",
                      "--", "clear", "VNIC", "red", "enabled")
