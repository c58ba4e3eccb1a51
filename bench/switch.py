# SPDX-License-Identifier: Apache-2.0
"""The programs that bench-vnic compares: each moves frames from a generator,
DPDK's pcap driver, to a sink, DPDK's null driver, on one core.

All have the same face: use in a "with" statement, pause(), resume(),
snapshot() for counters that only grow, check() that they did what is to be
measured."""

import json
import re
import signal
import subprocess
import sys
import time

import sandbox
from transactions import (insert, mac, mutate, name_of, new_ports, ovsdb_map,
                          update)

PMD_CORE, MAIN_CORE = 1, 0
SINK, GENERATOR, FIRST_VNIC = 1, 2, 10      # OpenFlow port numbers.
BURST = 32
SINK_DEVICE = "net_null0,no-rx=1"
# What Open vSwitch's pool of 262,144 mbufs needs, of 2 MB each.
HUGE_PAGES = 450
NO_HUGE = "--no-huge --legacy-mem -m 1024 --iova-mode=va"


def generator(pcap):
    return "net_pcap0,rx_pcap=%s,infinite_rx=1" % pcap


class Wrong(Exception):
    """A program did not do what was to be measured."""


class Switch:
    """Open vSwitch, which separates the frames by their destination address,
    or just forwards them if 'is_plain'.  'ours' is the build directory of a
    daemon with VNICs; the stock daemon has none."""

    def __init__(self, name, options, n, pcap, ours=None, is_plain=False,
                 n_idle_ports=0, **other_config):
        self.name = name
        self.options = options
        self.n = n
        self.device = {"dpdk-devargs": generator(pcap)}
        self.is_ours = ours is not None
        self.is_plain = is_plain
        self.idle_ports = ["idle%d" % i for i in range(n_idle_ports)]
        self.other_config = {key.replace("_", "-"): value
                             for key, value in other_config.items()}
        self.memory = []        # Without, then with all VNICs.
        self.pmd = None
        self.tsc_hz = 0
        self.flow_packets = {}  # When it was set up.
        self.box = sandbox.Sandbox(
            ours + "/vswitchd-plugin/ovs-vswitchd" if ours
            else options.ovs + "/vswitchd/ovs-vswitchd", options.ovs,
            (ours or options.build) + "/vswitchd-plugin/vswitch.ovsschema",
            own_network=True)

    def __enter__(self):
        self.box.__enter__()
        try:
            self.prepare()
        except BaseException:
            print("%s's log ends:\n%s" % (self.name, self.box.log()[-2000:]),
                  file=sys.stderr)
            self.box.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.box.__exit__()

    # Set-up.

    def prepare(self):
        box = self.box
        box.db.transact(update("Open_vSwitch", {"other_config": ovsdb_map({
            "dpdk-init": "true",
            "dpdk-extra": "--no-pci " + ("" if self.options.huge
                                         else NO_HUGE),
            "dpdk-lcore-mask": hex(1 << MAIN_CORE),
            "pmd-cpu-mask": hex(1 << PMD_CORE),
            # Flows are not to grow old while the daemon is stopped.
            "max-idle": "600000", **self.other_config})}))
        box.start()
        box.ready()
        box.db.wait(box.db.change(
            insert("Bridge", {"name": "br0", "datapath_type": "netdev",
                              "fail_mode": "secure"}, "br"),
            mutate("Open_vSwitch", "bridges", "insert",
                   [["named-uuid", "br"]]),
            *new_ports(["br0"], "internal")))
        box.db.wait(box.db.change(*new_ports(
            ["sink"], "dpdk", SINK, **{"dpdk-devargs": SINK_DEVICE})))
        if self.idle_ports:
            box.db.wait(box.db.change(*new_ports(self.idle_ports, "dummy",
                                                 FIRST_VNIC)))
        self.ofctl("add-flows", "br0", "-", stdin="\n".join(self.flows()))
        if self.is_ours:
            self.add_vnics()
        else:
            box.db.wait(box.db.change(*new_ports(
                ["gen"], "dpdk", GENERATOR, **self.device)))
        self.pmd = sandbox.find_thread(box.daemon.pid, "pmd-c")
        self.flow_packets = self.count_flow_packets()
        self.tsc_hz = 1e3 * int(re.search(r"TSC frequency: (\d+) KHz",
                                          box.log()).group(1))

    def add_vnics(self):
        box = self.box
        box.db.wait(box.db.change(insert("VNIC_Link", {
            "name": "l1", "netdev": "gen", "type": "dpdk",
            "options": ovsdb_map(self.device)})))
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

    def ofctl(self, *args, stdin=None):
        return subprocess.run(
            [self.options.ovs + "/utilities/ovs-ofctl", *args], text=True,
            env=self.box.env, check=True, input=stdin,
            stdout=subprocess.PIPE).stdout

    def take_memory(self):
        """Resident memory of the daemon.  Huge pages are not in it, and with
        them not the pool of packets."""
        with open("/proc/%d/status" % self.box.daemon.pid,
                  encoding="ascii") as f:
            rss_kb = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
        self.memory.append({
            "rss_kb": rss_kb,
            "memory/show": self.box.appctl("memory/show").strip()})

    # Measuring.

    def pause(self):
        self.box.pause()

    def resume(self):
        self.box.resume()

    def snapshot(self):
        before = time.monotonic()
        text = self.box.appctl("dpif-netdev/pmd-perf-show", "-nh")
        now = (before + time.monotonic()) / 2
        cpu = self.box.cpu_ms(self.pmd) / 1e3

        def value(name):
            found = re.search(re.escape(name) + r"\s*:\s*(\d+)", text)
            return int(found.group(1)) if found else 0

        return {"time": now, "cpu": cpu, "forwarded": value("Tx packets"),
                "batches": value("Tx batches"),
                "simple match": value("Simple Match hits"),
                "EMC": value("EMC hits"), "SMC": value("SMC hits"),
                "megaflow": value("Megaflow hits"),
                "upcall": value("- Upcalls"), **self.snapshot_link()}

    def snapshot_link(self):
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
        """That what the PMD thread counts as sent did come to the sink, and
        that the frames were separated as the generator makes them."""
        low = self.snapshot()["forwarded"]
        sink = int(re.search(r"tx pkts=(\d+)", self.ofctl(
            "dump-ports", "br0", str(SINK))).group(1))
        high = self.snapshot()["forwarded"]
        # Between sending and counting, the thread may lose the CPU.
        if not low - BURST <= sink <= high + BURST:
            raise Wrong("%s: the sink got %d packets, not %d to %d"
                        % (self.name, sink, low, high))

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


class TestPmd:
    """What the generator, the sink and DPDK's loop cost without a switch."""

    def __init__(self, name, options, _, pcap):
        self.name = name
        self.memory = []
        self.tsc_hz = 0         # The others tell.
        self.command = [
            "stdbuf", "-oL", "dpdk-testpmd", "--no-pci",
            *("--in-memory" if options.huge
              else NO_HUGE + " --no-shconf").split(),
            "-l", "%d,%d" % (MAIN_CORE, PMD_CORE),
            "--main-lcore", str(MAIN_CORE),
            "--vdev", generator(pcap), "--vdev", SINK_DEVICE,
            "--", "-i", "--auto-start", "--forward-mode=io"]
        self.process = self.worker = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        try:
            self.snapshot_packets()
            self.worker = sandbox.find_thread(self.process.pid,
                                              "rte-worker")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def snapshot_packets(self):
        self.process.stdin.write("show port stats 1\n")
        self.process.stdin.flush()
        for row in self.process.stdout:
            found = re.search(r"TX-packets: (\d+)", row)
            if found:
                return int(found.group(1))
        raise Wrong("%s ended" % self.name)

    def snapshot(self):
        packets = self.snapshot_packets()
        return {"time": time.monotonic(), "forwarded": packets,
                "cpu": sandbox.cpu_ms(self.process.pid, self.worker) / 1e3}

    def check(self):
        pass
