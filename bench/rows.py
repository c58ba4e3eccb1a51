# SPDX-License-Identifier: Apache-2.0
"""The scenarios of bench-cache, and their rows: a scenario with a number of
flows, an order and a size of frames."""

import functools
import itertools
import mmap
import os

import feeder
import fresh
import pcap
import pipelines
import traces
from switch import generator


class Scenario:
    """'tables' and 'trace' or 'source' are functions: OpenFlow tables, a
    trace of n flows in an order and a size, endless blocks of fresh flows of
    a size.  Each flow becomes a connection in so many 'zones'; 'kept' is what
    part of the frames is forwarded."""

    def __init__(self, title, tables, trace=None, source=None, zones=0,
                 kept=1.0, packets=0, is_tcp=False, is_tunnel=False):
        self.title = title
        self.tables = tables
        self.trace = trace
        self.source = source
        self.zones = zones
        self.kept = kept
        self.packets = packets  # Of a connection, where all are new.
        self.is_tcp = is_tcp
        self.is_tunnel = is_tunnel


UDP4 = functools.partial(traces.one_way, traces.udp4)
UDP6 = functools.partial(traces.one_way, traces.udp6)
VXLAN = functools.partial(traces.one_way, traces.vxlan)
PER_GUEST = functools.partial(pipelines.three_zones, is_per_guest=True)


def _new(n):
    return Scenario(
        "new connections of %d packets, three zones, SNAT" % n, PER_GUEST,
        source=lambda size: fresh.connections(n), packets=n)


SCENARIOS = {
    "port": Scenario("port forward", pipelines.port, UDP4),
    "route": Scenario("L3 rewrite", pipelines.route, UDP4),
    "ct1": Scenario("one zone", pipelines.one_zone, UDP4, zones=1),
    "ct3nat": Scenario("three zones, SNAT", pipelines.three_zones, UDP4,
                       zones=3),
    **{"depth%d" % n: Scenario(
        "depth %d" % n, functools.partial(pipelines.depth, n), UDP4, zones=n)
       for n in range(6)},
    "vxlan": Scenario("VXLAN, one zone", pipelines.vxlan, VXLAN, zones=1,
                      is_tunnel=True),
    "tcp": Scenario("TCP both ways, three zones, SNAT", PER_GUEST,
                    traces.two_way, zones=3, is_tcp=True),
    "ip6": Scenario("IPv6, two zones", pipelines.ip6_two_zones, UDP6,
                    zones=2),
    "misses": Scenario("L3 rewrite, each frame a new flow", pipelines.route,
                       source=fresh.datagrams),
    "cps6": _new(6),
    "cps20": _new(20),
}
DEPTH = ["depth%d" % n for n in range(6)]

# What the scenario limit-scan compares.
EXPLOSION = "tuple space explosion"
ATTACKS = {
    "no attack": None,
    "port scan": fresh.scan,
    EXPLOSION: lambda: itertools.cycle(fresh.explosion()),
}


def attacked(kind):
    """Without an attack a hundredth of the victims' frames takes its place,
    so that the generator is the same."""
    def source(frames):
        attackers = ATTACKS[kind]
        return fresh.mixed(frames, attackers() if attackers
                           else map(pcap.record, itertools.cycle(frames)))
    return source


class Row:
    def __init__(self, name, n, order, size):
        self.name = name
        self.scenario = SCENARIOS[name]
        self.n = n
        self.order = order
        self.size = size
        self.path = self.setup = None
        self.length = fresh.BLOCK       # Frames after which it begins anew.
        self.flows = 0                  # Different ones in that.
        self.n_setup = 0
        self.megaflows = 0              # That must be there, at least.
        self.source = None              # A feeder's, or None.

    def __str__(self):
        what = "%s, %s" % (self.scenario.title, "frames of %s bytes"
                           % self.size if self.size in traces.SIZES
                           and self.size != "IMIX" else self.size)
        if self.scenario.trace:
            what += ", %d flows, %s" % (self.n, self.order)
        return what

    def prepare(self, directory):
        """Writes the trace.  As big as it is, it is shared by all rounds."""
        if self.scenario.source:
            self.source = lambda: self.scenario.source(self.size)
            return
        trace = self.scenario.trace(self.n, self.order, self.size)
        self.flows, self.length = trace.flows, len(trace.frames)
        self.n_setup = len(trace.setup)
        self.path = os.path.join(directory, "%s-%d-%s-%s.pcap" % (
            self.name, self.n, self.order, self.size))
        pcap.write(self.path, trace.frames)
        if trace.setup:
            self.setup = self.path + ".setup"
            pcap.write(self.setup, trace.setup)
        if self.length > traces.LONGEST:
            self.source = lambda: replay(self.path)

    def start_feeder(self, stack, path):
        """Returns (device, feeder or None)."""
        if not self.source:
            return generator(self.path), None
        return (generator(path, is_endless=False),
                stack.enter_context(feeder.Feeder(path, self.source)))


def replay(path):
    with open(path, "rb") as f, mmap.mmap(
            f.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while True:
            yield memoryview(content)[len(pcap.HEADER):]


def select(names, flows, orders, sizes):
    """The rows of all combinations that make a difference."""
    rows = []
    for name in names:
        scenario = SCENARIOS[name]
        fixed = scenario.source is not None
        for n, order, size in itertools.product(
                [0] if fixed else flows, ["fresh"] if fixed else orders,
                ["64"] if scenario.packets else sizes):
            rows.append(Row(name, n, order, size))
    return rows
