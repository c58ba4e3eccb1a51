# SPDX-License-Identifier: Apache-2.0
"""What a few do to many: an attack beside a victim, and a change of policy
under live connections."""

import contextlib
import re
import statistics
import tempfile
import time

import compare
import pipelines
import report
import rows
import switch
from cacheswitch import CacheSwitch, Setting, cache_size, fifo
from fresh import SHARE, explosion
from rows import Row, Scenario
from transactions import new_ports

VICTIMS = "three zones, SNAT, behind a list of rules"


# limit-scan.

class AttackRow(Row):
    """Victims' frames, one in a hundred replaced by an attacker's."""

    def __init__(self, attack, n, order, size):
        super().__init__("ct3nat", n, order, size)
        self.attack = attack
        self.scenario = Scenario(
            "%s; %s" % (VICTIMS, attack), pipelines.guarded, rows.UDP4,
            zones=3, kept=1 - 1 / SHARE if rows.ATTACKS[attack] else 1)

    def prepare(self, _):
        trace = self.scenario.trace(self.n, self.order, self.size)
        self.flows = trace.flows
        self.length = len(trace.frames)
        if self.attack == rows.EXPLOSION:
            self.megaflows = len(explosion())
        self.source = lambda: rows.attacked(self.attack)(trace.frames)


def measure_scan(options, directory):
    """{attack: [{name of program: sample}]}"""
    attacks = [AttackRow(attack, max(options.flows), options.order[0],
                         options.size[0]) for attack in rows.ATTACKS]
    results = {row.attack: [] for row in attacks}
    for row in attacks:
        row.prepare(directory)
    for i in range(options.rounds):
        for row in attacks:
            print("... round %d of %d, %s" % (i + 1, options.rounds, row),
                  flush=True)
            results[row.attack].append(compare.measure_round(row, options))
    return results


def kept_rates(results, attack, name):
    """What part of its rate the victim keeps, in each round."""
    without = next(iter(rows.ATTACKS))
    return [attacked[name]["mpps_cpu"] / quiet[name]["mpps_cpu"]
            for attacked, quiet in zip(results[attack], results[without])]


def print_scan(results):
    print("\nlimit-scan: %s; the victim's Mpps per CPU-s, and what it keeps "
          "of it" % VICTIMS)
    print("  %-22s %-18s %-21s  %-21s  %s" % (
        "attack", "program", " median    min    max",
        "kept: median min max", "hits"))
    for attack, rounds in results.items():
        for name in rounds[0]:
            hits = ("%.0f %%" % (100 * statistics.median(
                compare.values(rounds, name, "hit_rate")))
                    if "hit_rate" in rounds[0][name] else "")
            print("  %-22s %-18s %s  %s  %s" % (
                attack, name, report.print_spread(report.spread(
                    compare.values(rounds, name, "mpps_cpu"))),
                report.print_spread(report.spread(
                    kept_rates(results, attack, name))), hits))


# limit-policy.

STEADY, WATCHED = 1.0, 4.0      # Seconds before and after a change.
INTERVAL = 0.01                 # Between samples.
WINDOW = 20                     # Intervals over which a rate is smoothed.
RECOVERED = 0.95


class PolicySwitch(CacheSwitch):
    """Has two sinks; the policy says which of them gets the frames."""

    SINKS = ("sink", "sink2")

    def add_ports(self):
        super().add_ports()
        self.box.db.wait(self.box.db.change(*new_ports(
            [self.SINKS[1]], "dpdk", pipelines.SECOND_SINK,
            **{"dpdk-devargs": switch.SINK_DEVICE.replace("null0",
                                                          "null1")})))

    def set_policy(self, i):
        self.ofctl("mod-flows", "br0", "table=6,ip,actions=%soutput:%d" % (
            pipelines.ROUTE, (switch.SINK, pipelines.SECOND_SINK)[i]))

    def sent(self, i):
        """Without another program, which would take too long."""
        return int(re.search(
            r"port \d+: %s \(.*?TX packets:(\d+)" % self.SINKS[i],
            self.box.appctl("dpctl/show", "-s"), re.DOTALL).group(1))

    def check(self):
        """That the frames did go to the sink that they should."""
        before = self.sent(0), self.sent(1)
        time.sleep(0.1)
        after = self.sent(0), self.sent(1)
        moved = [new > old for old, new in zip(before, after)]
        if moved != [True, False]:
            raise switch.Wrong("%s: wrong sink: %s" % (self.name, moved))


def watch(program, seconds, samples):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append(program.snapshot())
        time.sleep(INTERVAL)


def rates(samples):
    """[(time, frames per CPU-second)], smoothed over WINDOW intervals."""
    return [(new["time"], (new["forwarded"] - old["forwarded"])
             / ((new["cpu"] - old["cpu"]) or 1e-9))
            for old, new in zip(samples, samples[WINDOW:])]


def measure_change(program, policy):
    """Changes the policy under load and returns what was felt of it."""
    before, after = [], []
    watch(program, STEADY, before)
    start = time.monotonic()
    program.set_policy(policy)
    answered = time.monotonic()
    late = program.sent(1 - policy)
    watch(program, WATCHED, after)
    late = program.sent(1 - policy) - late

    smoothed = rates(before[-WINDOW:] + after)
    # On a machine that does other things, too, the rate may not come back to
    # what it was for a reason that is not ours.
    steady = min(statistics.median(rate for _, rate in rates(before)),
                 statistics.median(rate for _, rate in
                                   smoothed[len(smoothed) // 2:]))
    return {"steady": steady / 1e6,
            "lowest": min(rate for _, rate in smoothed) / steady,
            "recovery": recovery(smoothed, RECOVERED * steady, answered),
            "answer": answered - start, "late": late}


def recovery(smoothed, enough, answered):
    """How long after the answer the rate is back: from the lowest point on,
    for later dips have other causes."""
    lowest = min(range(len(smoothed)), key=lambda i: smoothed[i][1])
    if smoothed[lowest][1] >= enough:
        return 0.0
    return max(0.0, next(
        (when for when, rate in smoothed[lowest:] if rate >= enough),
        float("inf")) - answered)


def measure_policy(options, directory):
    """{name of program: [what measure_change() returns]}"""
    row = Row("ct3nat", max(options.flows), options.order[0],
              options.size[0])
    row.prepare(directory)
    results = {}
    for i in range(options.rounds):
        print("... round %d of %d, policy change, %s" % (
            i + 1, options.rounds, row), flush=True)
        for name, build, config in (
                (compare.STOCK, None, {}),
                (compare.OURS, options.build,
                 {"vnic_cache": "true",
                  "vnic_cache_size": cache_size(row.flows)})):
            with contextlib.ExitStack() as stack:
                own = stack.enter_context(tempfile.TemporaryDirectory(
                    prefix="bench-"))
                device, feed = row.start_feeder(stack, fifo(own, name))
                program = stack.enter_context(PolicySwitch(
                    name, options, row, device, feed, build))
                program.settle()
                Setting(name, program, **config).warm_up()
                program.check()
                for policy in 1, 0:
                    results.setdefault(name, []).append(
                        measure_change(program, policy))
    return results


def print_policy(results):
    print("\nlimit-policy: another output for all connections.  Seconds from "
          "the answer to\novs-ofctl until %d %% of the rate, in windows of "
          "%g s; the lowest window; frames\nthat still went the old way after "
          "the answer"
          % (100 * RECOVERED, WINDOW * INTERVAL))
    print("  %-10s %8s  %-22s %-21s %9s" % (
        "program", "Mpps", "recovery: median min max", "lowest", "late"))
    for name, changes in results.items():
        print("  %-10s %8.2f  %s   %s %9d" % (
            name, statistics.median(c["steady"] for c in changes),
            *(report.print_spread(report.spread([c[key] for c in changes]))
              for key in ("recovery", "lowest")),
            max(c["late"] for c in changes)))


LIMITS = {"limit-scan": (measure_scan, print_scan),
          "limit-policy": (measure_policy, print_policy)}
