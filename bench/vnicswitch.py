# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch that separates frames by their destination address."""

import json
import re
import time

from switch import GENERATOR, SINK, Switch, Wrong, generator
from transactions import insert, mac, name_of, new_ports, ovsdb_map

FIRST_VNIC = 10                 # OpenFlow port number.


class VnicSwitch(Switch):
    """Ours does it by VNICs on a link, the stock daemon by flows; if
    'is_plain', it just forwards."""

    def __init__(self, name, options, n, pcap, build=None, is_plain=False,
                 n_idle_ports=0, **other_config):
        super().__init__(name, options, build, **other_config)
        self.n = n
        self.device = generator(pcap)
        self.is_plain = is_plain
        self.idle_ports = ["idle%d" % i for i in range(n_idle_ports)]
        self.flow_packets = {}  # When it was set up.

    def prepare(self):
        super().prepare()
        self.flow_packets = self.count_flow_packets()

    def add_ports(self):
        if self.idle_ports:
            self.box.db.wait(self.box.db.change(*new_ports(
                self.idle_ports, "dummy", FIRST_VNIC)))

    def add_generator(self):
        if self.is_ours:
            self.add_vnics()
        else:
            self.add_device(self.device)

    def add_vnics(self):
        box = self.box
        box.db.wait(box.db.change(insert("VNIC_Link", {
            "name": "l1", "netdev": "gen", "type": "dpdk",
            "options": ovsdb_map({"dpdk-devargs": self.device})})))
        self.take_memory()
        names = [name_of(i) for i in range(self.n)]
        box.db.wait(box.db.change(
            *(insert("VNIC", {"name": name, "link": "l1", "mac": mac(i)})
              for i, name in enumerate(names)),
            *new_ports(names, "vnic", FIRST_VNIC)))
        time.sleep(0.5)         # So that all rings have been in use.
        self.take_memory()

    def flows(self):
        if self.is_plain:
            return ["in_port=%d,actions=output:%d" % (GENERATOR, SINK)]
        if self.is_ours:
            return ["in_port=%d,actions=output:%d" % (FIRST_VNIC + i, SINK)
                    for i in range(self.n)]
        return ["in_port=%d,dl_dst=%s,actions=output:%d"
                % (GENERATOR, mac(i), SINK) for i in range(self.n)]

    def take_memory(self):
        """Resident memory of the daemon.  Huge pages are not in it, and with
        them not the pool of packets."""
        with open("/proc/%d/status" % self.box.daemon.pid,
                  encoding="ascii") as f:
            rss_kb = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
        self.memory.append({
            "rss_kb": rss_kb,
            "memory/show": self.box.appctl("memory/show").strip()})

    def snapshot_own(self):
        """Counters that just ours has.  Answering so many rows as there are
        VNICs is work for the main thread, so after the others."""
        if not self.is_ours:
            return {}
        rings = self.rows("vnic/ring-show")
        counters = {"polls": sum(ring["polls"] for ring in rings),
                    "queued": sum(ring["packets"] for ring in rings)}
        for row in self.rows("vnic/show") + self.rows("vnic/link-show"):
            for reason, n in row["drops_by_reason"].items():
                counters["drop " + reason] = (
                    counters.get("drop " + reason, 0) + n)
        return counters

    def rows(self, command):
        return json.loads(self.box.appctl(command, "-f", "json"))

    def check(self):
        """And that the frames were separated as the generator makes them."""
        super().check()
        before, after = self.flow_packets, self.count_flow_packets()
        counts = [n - before.get(flow, 0) for flow, n in after.items()]
        mean = sum(counts) / len(self.flows())
        if len(counts) != len(self.flows()) or not (
                0.8 * mean < min(counts) and max(counts) < 1.25 * mean):
            raise Wrong("%s: %d flows got %d to %d packets"
                        % (self.name, len(counts), min(counts), max(counts)))

    def count_flow_packets(self):
        """Of the datapath's flows that forward, by what they match.  Their
        counters are exact, whereas OpenFlow's are brought up to date from
        time to time."""
        return {match: int(n) for match, n in re.findall(
            r"^(recirc_id.*?), packets:(\d+),.* actions:\d+$",
            self.box.appctl("dpctl/dump-flows"), re.MULTILINE)}
