# SPDX-License-Identifier: Apache-2.0
"""No VNIC sees a frame that is another's, and none is lost without a reason:
a million hostile frames from a file, through a link, to files.

    forged.pcap -- link -- VNIC red   -- br-red   -- red-cap,   a file
                      |--- VNIC blue  -- br-blue  -- blue-cap,  a file
                      '--- VNIC green -- br-green -- green-cap, a file

DPDK's pcap driver reads and writes the files.  VNIC_FRAMES in the environment
says how many frames to send."""

import os
import re
from collections import Counter

from foreign import Oracle, forged, read_pcap, write_pcap
from frames import BLUE, FAR, HOST, RED, frame, to_bytes
from test_dpdk import dpdk                            # noqa: F401
from waiting import wait_for

FRAMES = int(os.environ.get("VNIC_FRAMES", 1000000))

# Green has red's address, in a VLAN next to blue's.
VNICS = {"red": (RED, 0), "blue": (BLUE, 100), "green": (RED, 101)}

# A link starts to receive as soon as its first port can, and discards what has
# waited until then: up to 32768 frames.  These come first, short and for
# nobody, and last until the other ports and their bridges are ready.
LEADER = 300000


def add_capture(sb, name, link, mac, vlan):
    """A VNIC, all of whose frames go to a file.  Not by NORMAL, which would
    learn a million addresses."""
    sb.bridge(f"br-{name}")
    path = f"{sb.dir}/{name}.pcap"
    sb.vsctl("add-port", f"br-{name}", f"{name}-cap", "--",
             "set", "Interface", f"{name}-cap", "type=dpdk",
             f"options:dpdk-devargs=net_pcap_{name},tx_pcap={path}", "--",
             "add-vnic", f"br-{name}", name, f"link={link}", f'mac="{mac}"',
             f"vlan={vlan}")
    sb.run("ovs-ofctl", "del-flows", f"br-{name}")
    sb.run("ovs-ofctl", "add-flow", f"br-{name}",
           f"in_port={name},actions=output:{name}-cap")
    return path


def datapath_drops(sb):
    """What Open vSwitch itself has dropped, by reason."""
    counters = re.findall(r"^((?:datapath_)?drop_\w+).*total: (\d+)$",
                          sb.appctl("coverage/show"), re.MULTILINE)
    return {name: int(total) for name, total in counters}


def check_vnic(name, stats, expected, seen, lost):
    """'lost' is how many the bridges have dropped, of all VNICs' frames."""
    mac = to_bytes(VNICS[name][0])
    foreign = [f for f in seen if not f[0] & 1 and f[:6] != mac]
    assert not foreign, f"{name} has seen {foreign[0].hex()}"
    # Into the VNIC's ring, out of it, and out of its bridge.
    assert stats["rx_packets"] + stats["drops"] == len(expected), stats
    missing = stats["rx_packets"] - len(seen)
    assert 0 <= missing <= lost, f"{name}: {missing} have no reason"
    # In any order, for a bridge sorts what it gets at a time by flow.
    strange = Counter(seen) - Counter(expected)
    assert not strange, f"{name} has seen {next(iter(strange)).hex()}"
    return missing


def test_a_million_forged_frames(dpdk):               # noqa: F811
    keys = {name: (to_bytes(mac), vlan)
            for name, (mac, vlan) in VNICS.items()}
    leader = LEADER * [frame(HOST, FAR, size=14)]
    frames = forged(FRAMES, [to_bytes(RED), to_bytes(BLUE)], [100, 101])
    write_pcap(f"{dpdk.dir}/forged.pcap", leader, frames)
    oracle = Oracle(keys)
    for forgery in frames:
        oracle.take(forgery)
    assert all(len(e) > FRAMES / 100 for e in oracle.expected.values())
    captures = {name: add_capture(dpdk, name, "l1", *VNICS[name])
                for name in VNICS}

    dpdk.vsctl("add-vnic-link", "l1", "netdev=dpdk0", "type=dpdk",
               "options:dpdk-devargs=net_pcap_in,"
               f"rx_pcap={dpdk.dir}/forged.pcap")
    wait_for(lambda: dpdk.show("link-show", "l1")["rx_packets"]
             == LEADER + FRAMES, "the last frame", 60)
    wait_for(lambda: not any(dpdk.show("ring-show", name)["fill"]
                             for name in VNICS), "empty rings")

    link = dpdk.show("link-show", "l1")
    stats = {name: dpdk.show("show", name) for name in VNICS}
    lost = datapath_drops(dpdk)
    for name in VNICS:
        # Closes the file.
        dpdk.vsctl("del-port", f"br-{name}", f"{name}-cap")

    missing = sum(check_vnic(name, stats[name], oracle.expected[name],
                             read_pcap(captures[name]), sum(lost.values()))
                  for name in VNICS)
    assert missing == sum(lost.values()), lost

    # Each frame into the link came out of it, or has a reason.
    assert link["unclaimed"] == LEADER + oracle.unclaimed
    assert link["flooded"] == oracle.flooded
    assert {reason: n for reason, n in link["drops_by_reason"].items()
            if n} == {"malformed": oracle.malformed,
                      "no_default_port": (LEADER + oracle.unclaimed
                                          + oracle.unwanted)}
    assert (oracle.malformed + oracle.unclaimed + oracle.flooded
            + oracle.unicast == FRAMES)

    # Otherwise just a small part was looked at.  The file comes as fast as it
    # can be read, and rings may overflow.
    ring_full = sum(vnic["drops"] for vnic in stats.values())
    assert ring_full + missing < FRAMES / 10, (stats, lost)
