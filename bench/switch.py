# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared: each moves frames from a generator, DPDK's
pcap driver, to a sink, DPDK's null driver, on one core.

All have the same face: use in a "with" statement, pause(), resume(),
warm_up(), snapshot() for counters that only grow, check() that they did what
is to be measured."""

import re
import signal
import subprocess
import sys
import time

import sandbox
from transactions import insert, mutate, new_ports, ovsdb_map, update

PMD_CORE, MAIN_CORE = 1, 0
SINK, GENERATOR = 1, 2          # OpenFlow port numbers.
BURST = 32
WARM_UP = 0.15                  # Seconds at the begin of each turn.
SINK_DEVICE = "net_null0,no-rx=1"
# What Open vSwitch's pool of 262,144 mbufs needs, of 2 MB each.
HUGE_PAGES = 450
NO_HUGE = "--no-huge --legacy-mem -m 1024 --iova-mode=va"


def generator(pcap, is_endless=True):
    return "net_pcap0,rx_pcap=%s%s" % (pcap, ",infinite_rx=1" * is_endless)


class Wrong(Exception):
    """A program did not do what was to be measured."""


class Switch:
    """Open vSwitch with a bridge, a sink and a generator.  'build' is the
    build directory of a daemon of ours, or None for the stock daemon."""

    def __init__(self, name, options, build=None, **other_config):
        self.name = name
        self.options = options
        self.is_ours = build is not None
        self.other_config = {key.replace("_", "-"): value
                             for key, value in other_config.items()}
        self.memory = []
        self.pmd = None
        self.tsc_hz = 0
        self.box = sandbox.Sandbox(
            build + "/vswitchd-plugin/ovs-vswitchd" if build
            else options.ovs + "/vswitchd/ovs-vswitchd", options.ovs,
            (build or options.build) + "/vswitchd-plugin/vswitch.ovsschema",
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
        box.db.transact(self.set_other_config())
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
        self.add_ports()
        self.ofctl("add-flows", "br0", "-", stdin="\n".join(self.flows()))
        self.add_generator()
        self.find_pmd()
        self.tsc_hz = 1e3 * int(re.search(r"TSC frequency: (\d+) KHz",
                                          box.log()).group(1))

    def find_pmd(self):
        self.pmd = sandbox.find_thread(self.box.daemon.pid, "pmd-c")

    def set_other_config(self):
        return update("Open_vSwitch", {"other_config": ovsdb_map({
            "dpdk-init": "true",
            "dpdk-extra": "--no-pci " + ("" if self.options.huge
                                         else NO_HUGE),
            "dpdk-lcore-mask": hex(1 << MAIN_CORE),
            "pmd-cpu-mask": hex(1 << PMD_CORE),
            # Flows are not to grow old while the daemon is stopped.
            "max-idle": "600000", **self.other_config})})

    def add_ports(self):
        """Ports besides the sink, before there are flows."""

    def add_generator(self):
        """The last port, for it begins at once."""
        raise NotImplementedError

    def add_device(self, device):
        self.box.db.wait(self.box.db.change(*new_ports(
            ["gen"], "dpdk", GENERATOR, **{"dpdk-devargs": device})))

    def flows(self):
        raise NotImplementedError

    def ofctl(self, *args, stdin=None):
        return subprocess.run(
            [self.options.ovs + "/utilities/ovs-ofctl", *args], text=True,
            env=self.box.env, check=True, input=stdin,
            stdout=subprocess.PIPE).stdout

    # Measuring.

    def pause(self):
        self.box.pause()

    def resume(self):
        self.box.resume()

    def warm_up(self):
        time.sleep(WARM_UP)

    def snapshot(self):
        before = time.monotonic()
        text = self.box.appctl("dpif-netdev/pmd-perf-show", "-nh")
        now = (before + time.monotonic()) / 2
        cpu = self.box.cpu_ms(self.pmd) / 1e3

        def value(name):
            found = re.search(re.escape(name) + r"\s*:\s*(\d+)", text)
            return int(found.group(1)) if found else 0

        return {"time": now, "cpu": cpu, "forwarded": value("Tx packets"),
                "received": value("Rx packets"),
                "batches": value("Tx batches"),
                "simple match": value("Simple Match hits"),
                "EMC": value("EMC hits"), "SMC": value("SMC hits"),
                "megaflow": value("Megaflow hits"),
                "upcall": value("- Upcalls"), **self.snapshot_own()}

    def snapshot_own(self):
        """Counters that need longer than a moment, so after the others."""
        return {}

    def check(self):
        """That what the PMD thread counts as sent did come to the sink."""
        low = self.snapshot()["forwarded"]
        sink = self.count_sent(SINK)
        high = self.snapshot()["forwarded"]
        # Between sending and counting, the thread may lose the CPU.
        if not low - BURST <= sink <= high + BURST:
            raise Wrong("%s: the sink got %d packets, not %d to %d"
                        % (self.name, sink, low, high))

    def count_sent(self, port):
        return int(re.search(r"tx pkts=(\d+)", self.ofctl(
            "dump-ports", "br0", str(port))).group(1))


class TestPmd:
    """What the generator, the sink and DPDK's loop cost without a switch."""

    def __init__(self, name, options, device):
        self.name = name
        self.memory = []
        self.tsc_hz = 0         # The others tell.
        self.command = [
            "stdbuf", "-oL", "dpdk-testpmd", "--no-pci",
            *("--in-memory" if options.huge
              else NO_HUGE + " --no-shconf").split(),
            "-l", "%d,%d" % (MAIN_CORE, PMD_CORE),
            "--main-lcore", str(MAIN_CORE),
            "--vdev", device, "--vdev", SINK_DEVICE,
            "--", "-i", "--auto-start", "--forward-mode=io",
            "--total-num-mbufs=262144"]
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

    def warm_up(self):
        time.sleep(WARM_UP)

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
