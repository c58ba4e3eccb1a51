# SPDX-License-Identifier: Apache-2.0
"""What bench-config measures."""

import json
import os
import subprocess
import time

import sandbox
from transactions import insert, mac, mutate, name_of, new_ports, update

METRICS = ("total", "own", "cpu")


class Daemon:
    """A daemon with a type of ports, and for each operation what comes
    closest to it there."""

    def __init__(self, name, program, port_type, options):
        self.name = name
        self.program = program
        self.port_type = port_type
        self.is_ours = port_type == "vnic"
        self.n = options.rows
        self.ovs = options.ovs
        self.schema = options.build + "/vswitchd-plugin/vswitch.ovsschema"
        vsctl = options.build + "/utilities/ovs-vsctl"
        self.vsctl = (vsctl if self.is_ours and os.path.exists(vsctl)
                      else options.ovs + "/utilities/ovs-vsctl")

    def sandbox(self):
        return sandbox.Sandbox(self.program, self.ovs, self.schema)

    def prepare(self, box):
        """A running daemon with a link and a bridge."""
        box.start()
        box.ready()
        box.db.wait(box.db.change(
            insert("Bridge", {"name": "br0", "datapath_type": "netdev"},
                   "br"),
            mutate("Open_vSwitch", "bridges", "insert",
                   [["named-uuid", "br"]]),
            insert("VNIC_Link", {"name": "l1", "netdev": "bench0"}),
            *new_ports(["br0"], "internal")))

    def rows(self, numbers):
        return [insert("VNIC", {"name": name_of(i), "link": "l1",
                                "mac": mac(i)}) for i in numbers]

    def ports(self, numbers):
        return ((self.rows(numbers) if self.is_ours else [])
                + list(new_ports([name_of(i) for i in numbers],
                                 self.port_type)))

    def vsctl_ports(self, box, numbers):
        command = [self.vsctl, "--db=unix:" + box.path("db.sock")]
        for i in numbers:
            if self.is_ours:
                command += ["--", "create", "VNIC", "name=" + name_of(i),
                            "link=l1", 'mac="%s"' % mac(i)]
            command += ["--", "add-port", "br0", name_of(i), "--", "set",
                        "Interface", name_of(i), "type=" + self.port_type]
        subprocess.run(command, check=True, env=box.env,
                       stdout=subprocess.DEVNULL)

    def remove(self, box, i):
        """Undoes what ports() did."""
        port = [row["_uuid"] for row in box.db.select("Port",
                                                      ["_uuid", "name"])
                if row["name"] == name_of(i)]
        box.db.wait(box.db.change(
            {"op": "delete", "table": "VNIC",
             "where": [["name", "==", name_of(i)]]},
            mutate("Bridge", "ports", "delete", port)))

    def mac_change(self, i):
        return update("VNIC" if self.is_ours else "Interface",
                      {"mac": mac(i, first=0x06)},
                      ["name", "==", name_of(i % self.n)])

    def check(self, box, state):
        """That what was measured did happen."""
        if self.is_ours:
            good = sum(row["status"] == state for row
                       in box.db.select("VNIC", ["name", "status"]))
        else:
            good = sum(row["name"] != "br0" and isinstance(row["ofport"], int)
                       for row in box.db.select("Interface",
                                                ["name", "ofport"]))
        if good != self.n:
            raise RuntimeError("%s: %d of %d %s" % (self.name, good, self.n,
                                                    state))

    def timing(self, box):
        """How often our own code ran, and how long the last time."""
        if not self.is_ours:
            return 0, None
        timing, = json.loads(box.appctl("vnic/timing", "-f", "json"))
        return timing["passes"], (timing["reconfigure_us"]
                                  + timing["publish_us"]) / 1e3


def measure(daemon, box, function, *args):
    """Runs 'function', which returns when its change is in effect."""
    cpu = box.cpu_ms()
    passes, _ = daemon.timing(box)
    start = time.monotonic()
    function(*args)
    total = (time.monotonic() - start) * 1e3
    passes_after, own = daemon.timing(box)
    if own is not None and passes_after == passes:
        raise RuntimeError("vnic/timing saw no configuration pass")
    return {"total": total, "own": own, "cpu": box.cpu_ms() - cpu}


def measure_change(daemon, box, *operations):
    return measure(daemon, box, lambda: box.db.wait(
        box.db.change(*operations)))


def measure_rows(daemon):
    with daemon.sandbox() as box:
        daemon.prepare(box)
        sample = measure_change(daemon, box, *daemon.rows(range(daemon.n)))
        if daemon.is_ours:
            daemon.check(box, "inactive")   # They have no ports.
        return sample


def measure_ports(daemon):
    with daemon.sandbox() as box:
        daemon.prepare(box)
        sample = measure_change(daemon, box, *daemon.ports(range(daemon.n)))
        daemon.check(box, "active")
        return sample


def measure_restart(daemon, box):
    box.stop()
    next_cfg = box.db.change()
    start = time.monotonic()
    box.start()
    box.db.wait(next_cfg)
    total = (time.monotonic() - start) * 1e3
    box.ready()
    if daemon.is_ours:
        # The columns still say what the daemon before it wrote.
        rows = json.loads(box.appctl("vnic/show", "-f", "json"))
        active = sum(row["status"] == "active" for row in rows)
        if active != daemon.n:
            raise RuntimeError("%d active after the restart" % active)
    return {"total": total, "own": daemon.timing(box)[1],
            "cpu": box.cpu_ms()}


def measure_present(daemon, options):
    """Yields (what, sample) for all that needs ports that are there."""
    n = daemon.n
    with daemon.sandbox() as box:
        daemon.prepare(box)
        yield "vsctl all", measure(daemon, box, daemon.vsctl_ports, box,
                                   range(n))
        for i in range(options.changes):
            yield "add", measure_change(daemon, box, *daemon.ports([n]))
            daemon.remove(box, n)
            if i % 2:           # The slowest; half as many will do.
                yield "vsctl add", measure(daemon, box, daemon.vsctl_ports,
                                           box, [n])
                daemon.remove(box, n)
            yield "mac", measure_change(daemon, box, daemon.mac_change(i))
            yield "no-op", measure_change(
                daemon, box,
                update("Open_vSwitch",
                       {"external_ids": ["map", [["bench", str(i)]]]}))
        daemon.check(box, "active")
        for i in range(options.rounds):
            yield "restart", measure_restart(daemon, box)


def measure_all(daemons, options, progress):
    """{what: {name of daemon: {metric: [milliseconds]}}}"""
    order = ("rows", "ports", "vsctl all", "restart", "add", "vsctl add",
             "mac", "no-op")
    results = {what: {} for what in order}

    def take(what, daemon, sample):
        metrics = results[what].setdefault(daemon.name, {})
        for metric in METRICS:
            if sample[metric] is not None:
                metrics.setdefault(metric, []).append(sample[metric])

    # Interleaved, so that what else the machine does hits all alike.
    for i in range(options.rounds):
        progress("round %d of %d" % (i + 1, options.rounds))
        for daemon in daemons:
            if daemon.port_type != "internal":      # Has no ports here.
                take("rows", daemon, measure_rows(daemon))
            take("ports", daemon, measure_ports(daemon))
    for daemon in daemons:
        progress("changes, %s" % daemon.name)
        for what, sample in measure_present(daemon, options):
            take(what, daemon, sample)
    return results
