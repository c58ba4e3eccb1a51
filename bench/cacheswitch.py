# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch with a pipeline, in front of which there may be a cache, and
the settings of it that are compared."""

import json
import os
import re
import subprocess
import time

import pipelines
import sandbox
import traces
from switch import GENERATOR, WARM_UP, Switch, Wrong, generator
from transactions import insert, mutate, new_ports, ovsdb_map, update

CHANGED_WARM_UP, LONGEST_WARM_UP = 0.3, 6.0     # Seconds.
LEARNING_STEP, LONGEST_LEARNING = 0.5, 20.0
SET_UP_TIME = 120.0
MAX_CONNECTIONS = 8 << 20
CACHE_DEFAULT = 1 << 17         # Entries; more are asked for, if needed.
# Seconds that a daemon may be stopped without its connections expiring.
PATIENCE = 86400


INPUT = "dpif_vnic"             # Our input function's name.
LIST_INPUT = "dpif-netdev/dpif-impl-get"


def is_in(options):
    """Whether our daemon has a cache at all."""
    with sandbox.Sandbox(
            options.build + "/vswitchd-plugin/ovs-vswitchd", options.ovs,
            options.build + "/vswitchd-plugin/vswitch.ovsschema") as box:
        box.start()
        box.ready()
        return "vnic/cache-show" in box.appctl("list-commands")


class CacheSwitch(Switch):
    """'row' says what is measured, 'device' and 'feeder' are its
    generator's."""

    def __init__(self, name, options, row, device, feeder, build=None):
        super().__init__(name, options, build)
        self.row = row
        self.device = device
        self.feeder = feeder
        self.setting = None
        self.has_cache = False

    # Set-up.

    def flows(self):
        return self.row.scenario.tables()

    def add_ports(self):
        self.box.appctl("dpctl/ct-set-maxconns", str(MAX_CONNECTIONS))
        self.has_cache = (self.is_ours
                          and INPUT in self.box.appctl(LIST_INPUT))
        if not self.row.scenario.packets:
            self.extend_timeouts()
        if self.row.scenario.is_tunnel:
            self.add_tunnel()

    def extend_timeouts(self):
        """For UDP; TCP's are long enough."""
        zones = range(1, 6)
        self.box.db.wait(self.box.db.change(
            insert("CT_Timeout_Policy", {"timeouts": ovsdb_map({
                "udp_first": PATIENCE, "udp_single": PATIENCE,
                "udp_multiple": PATIENCE})}, "policy"),
            *(insert("CT_Zone", {"timeout_policy": ["named-uuid", "policy"]},
                     "zone%d" % zone) for zone in zones),
            insert("Datapath", {
                "datapath_version": "", "ct_zones": ovsdb_map(
                    {zone: ["named-uuid", "zone%d" % zone]
                     for zone in zones})}, "datapath"),
            update("Open_vSwitch", {"datapaths": ovsdb_map(
                {"netdev": ["named-uuid", "datapath"]})})))

    def add_tunnel(self):
        box = self.box
        box.db.wait(box.db.change(
            update("Bridge", {"other_config": ovsdb_map(
                {"hwaddr": "02:cc:00:00:00:01"})}),
            *new_ports(["vxlan"], "vxlan", pipelines.TUNNEL,
                       remote_ip=".".join(map(str, traces.VXLAN_REMOTE)),
                       key=str(traces.VNI))))
        for command in ("addr add %s/24 dev br0" % pipelines.VXLAN_ADDRESS,
                        "link set br0 up"):
            subprocess.run(["nsenter", "--target", str(box.daemon.pid),
                            "--net", "ip", *command.split()], check=True)
        deadline = time.monotonic() + SET_UP_TIME
        while pipelines.VXLAN_ADDRESS not in box.appctl("tnl/ports/show",
                                                        "-v"):
            if time.monotonic() > deadline:
                raise Wrong("no tunnel: " + box.appctl("tnl/ports/show", "-v"))
            time.sleep(0.01)

    def add_generator(self):
        if self.row.setup:
            self.send_setup()
        self.add_device(self.device)
        if self.feeder:
            self.feeder.start()

    def send_setup(self):
        """Handshakes, from a port that is gone afterwards."""
        self.box.db.wait(self.box.db.change(*new_ports(
            ["setup"], "dpdk", GENERATOR, **{"dpdk-devargs": generator(
                self.row.setup, is_endless=False).replace("pcap0", "pcap1")})))
        self.wait_until("handshakes", lambda: Switch.snapshot(
            self)["received"] >= self.row.n_setup)
        ports = [row["_uuid"] for row in self.box.db.select(
            "Port", ["_uuid", "name"]) if row["name"] == "setup"]
        self.box.db.wait(self.box.db.change(
            mutate("Bridge", "ports", "delete", ports)))

    def wait_until(self, what, condition):
        deadline = time.monotonic() + SET_UP_TIME
        while not condition():
            if time.monotonic() > deadline:
                raise Wrong("%s: no %s after %d s" % (self.name, what,
                                                      SET_UP_TIME))
            time.sleep(0.05)

    def settle(self):
        """Returns when all connections are there that the trace makes."""
        want = self.row.flows * self.row.scenario.zones
        self.wait_until("%d connections" % want, lambda: int(
            self.box.appctl("dpctl/ct-get-nconns")) >= want)
        self.wait_until("%d megaflows" % self.row.megaflows, lambda: int(
            re.search(r"current (\d+)", self.box.appctl("upcall/show"))
            .group(1)) >= self.row.megaflows)
        self.wait_until("forwarding",
                        lambda: self.snapshot()["forwarded"] > 0)
        found = int(self.box.appctl("dpctl/ct-get-nconns"))
        if not self.row.scenario.packets and found != want:
            raise Wrong("%s: %d connections, not %d" % (self.name, found,
                                                        want))

    # Measuring.

    def apply(self, setting):
        """Makes other_config 'setting', and waits until the caches are as it
        leaves them."""
        if setting != self.setting:
            self.other_config = self.setting = setting
            self.box.db.wait(self.box.db.change(self.set_other_config()))
            self.check_cache()
            self.pass_frames(CHANGED_WARM_UP, 2 * self.row.length)
            if self.has_cache:
                self.await_hits()
        else:
            self.pass_frames(WARM_UP, 0)

    def pass_frames(self, seconds, n):
        start, first = time.monotonic(), self.snapshot()["forwarded"]
        time.sleep(seconds)
        while (self.snapshot()["forwarded"] < first + n
               and time.monotonic() < start + LONGEST_WARM_UP):
            time.sleep(0.02)

    def await_hits(self):
        """Until the hit rate doesn't rise any more: how fast a cache learns
        is limited, so passes of the trace say nothing."""
        last, deadline = -1.0, time.monotonic() + LONGEST_LEARNING
        before = self.snapshot_own()
        while time.monotonic() < deadline:
            self.pass_frames(LEARNING_STEP, self.row.length)
            after = self.snapshot_own()
            hits, misses = (after[key] - before[key] for key in before)
            rate, before = hits / ((hits + misses) or 1), after
            if rate <= last + 0.005:
                break
            last = rate

    def check_cache(self):
        """That the PMD thread has the input function that was asked for."""
        if not self.has_cache:
            return
        want = self.setting.get("vnic-cache") == "true"
        found = self.box.appctl(LIST_INPUT)
        match = re.search(INPUT + r" \(pmds: (.*?)\)", found)
        if (match is not None and match.group(1) != "none") != want:
            raise Wrong("%s: the cache is %s: %s" % (
                self.name, "off" if want else "on", found))

    def snapshot_own(self):
        if not self.has_cache:
            return {}
        total = json.loads(self.box.appctl("vnic/cache-show", "-f",
                                           "json"))["total"]
        return {"cache hits": total["hits"],
                "cache misses": sum(total["misses"].values())}

    def check(self):
        super().check()
        if self.row.scenario.is_tcp:
            self.check_tcp()

    def check_tcp(self):
        """That both directions know each connection as established, and
        nothing else is there."""
        states = re.findall(r"protoinfo=\(state=(\w+)\)", self.box.appctl(
            "dpctl/dump-conntrack"))
        want = self.row.flows * self.row.scenario.zones
        if len(states) != want or set(states) != {"ESTABLISHED"}:
            raise Wrong("%s: of %d connections, %d are established" % (
                self.name, want, states.count("ESTABLISHED")))

    def forget(self):
        """So that the next turn's connections are new, and as few."""
        if self.row.scenario.packets:
            self.box.appctl("dpctl/flush-conntrack")


class Setting:
    """A switch with other_config as given; a program of its own to those who
    take turns."""

    def __init__(self, name, switch, **other_config):
        self.name = name
        self.switch = switch
        self.other_config = {key.replace("_", "-"): value
                             for key, value in other_config.items()}
        self.tsc_hz = switch.tsc_hz
        self.resume = switch.resume
        self.snapshot = switch.snapshot
        self.check = switch.check

    def warm_up(self):
        self.switch.apply(self.other_config)

    def pause(self):
        self.switch.forget()
        self.switch.pause()


def cache_size(flows):
    """The smallest size that is no less than the default and holds all flows
    with room to spare."""
    size = CACHE_DEFAULT
    while size < 4 * flows and size < 1 << 22:
        size *= 2
    return str(size)


def fifo(directory, name):
    return os.path.join(directory, name.replace(" ", "-") + ".fifo")
