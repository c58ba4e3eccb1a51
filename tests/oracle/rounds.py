# SPDX-License-Identifier: Apache-2.0
"""A round: a pipeline and what happens to it, in steps that can be repeated.

A step is batches of packets, then maybe a change, then maybe a comparison of
all state."""

import collections
import copy
import random

import compare
import nic
import packets
import shrink
from hosts import Hosts
from pipeline import BRIDGE, Pipeline
from trace import Schedule

STEP_PACKETS = 4000
P_REBALANCE = 0.15
GREY_STEPS = 20
CERTAIN = 4                     # Repetitions.
P_CHANGES, P_LIVE = (0.1, 0.4), 0.08

# 'live' are commands for cached sides while the packets are on their way:
# none of them may make a difference.
Step = collections.namedtuple("Step", "batches live what commands")


class Difference(Exception):
    pass


def hit_rates(sides):
    """Of the sides that have a cache, with the most frequent misses."""
    found = []
    for side in sides:
        total = sum(side.counts.values())
        if total:
            found.append("; %s: %s" % (side.name, ", ".join(
                "%.1f %% %s" % (100 * n / total, key) for key, n in
                [("hits", side.counts["hits"]),
                 *(side.counts - collections.Counter(
                     hits=side.counts["hits"])).most_common(4)])))
    return "".join(found)


def leave_grey_zone(sides):
    """Time passes until no connection is about to expire: one may have expired
    in a cached side and not in the others, and both are right."""
    seen = set()
    for _ in range(GREY_STEPS):
        grey = {row for row, timeout in sides[0].connections().items()
                if timeout < compare.AGE} - seen
        if not grey:
            return
        seen |= grey
        for side in sides:
            side.warp(1000 * compare.AGE)


class Round:
    def __init__(self, args, number, mode):
        self.args, self.number, self.mode = args, number, mode
        self.rnd = random.Random("%d/%d" % (args.seed, number))
        self.pipeline = Pipeline(self.rnd, args.tunnels)
        self.flows = list(self.pipeline.flows)      # As at the begin.
        self.groups = list(self.pipeline.groups)
        # Packets of a connection with different headers may share a batch,
        # unless the last of them says what its label is.
        self.is_mixed = (self.rnd.random() < 0.2
                         and not self.pipeline.has_marks_of_headers())
        self.pipeline.is_mixed = self.is_mixed
        self.p_change = self.rnd.choice(P_CHANGES)
        self.turn = 0           # Which thread has which queues.
        self.steps = []
        self.history = []       # What the first side did.
        self.n_packets = 0

    def run(self, sides):
        """Returns a difference, or None."""
        rnd = self.rnd
        schedule = Schedule(rnd, Hosts(rnd), rnd.choice((10, 40, 150, 400)),
                            self.pipeline.fragments != "none", self.is_mixed,
                            self.pipeline.tunnels)
        try:
            self.prepare(sides)
            while self.n_packets < self.args.round_packets:
                step = self.next_step(schedule)
                self.steps.append(step)
                if self.args.verbose:
                    print("  step %d: %d packets so far, then %s" % (
                        len(self.steps), self.n_packets, step.what),
                          flush=True)
                output = self.take(sides, step, schedule)
                for port, frame in nic.decode(output):
                    schedule.learn(port, packets.flow_of(frame), frame)
            self.compare_states(sides)
        except (Difference, nic.Stuck, RuntimeError, OSError) as error:
            return "step %d: %s" % (len(self.steps), error)
        return None

    def at_begin(self):
        """The pipeline before its changes."""
        pipeline = copy.copy(self.pipeline)
        pipeline.flows, pipeline.groups = self.flows, self.groups
        return pipeline

    def prepare(self, sides):
        start = self.at_begin()
        for side in sides:
            side.reset()
            side.set_up(start)
            self.inject(side)

    def inject(self, side):
        """Faults that must be found.  "stale" is in take()."""
        for name in nic.FAULTS:
            side.nic.fault(name, 5000 if side.fault == name else 0)
        if side.fault == "rewrite":
            side.ofctl("add-flow", BRIDGE, "table=110,priority=99,tcp,"
                       "nw_src=10.0.1.3,actions=mod_nw_tos:4,output:2")
        elif side.fault == "mark":
            for flow in self.flows:
                if "->NXM_NX_CT_MARK" in flow:
                    side.ofctl("add-flow", BRIDGE, flow.replace(
                        "->NXM_NX_CT_MARK", "0->NXM_NX_CT_MARK"))
        side.settle()

    def next_step(self, schedule):
        rnd = self.rnd
        batches = schedule.step(rnd.choice((500, STEP_PACKETS,
                                            4 * STEP_PACKETS)))
        self.n_packets += sum(len(frames) for _, frames in batches)
        live = [("set_cache", False), ("set_cache", True)] \
            if rnd.random() < P_LIVE else []
        what, commands = "nothing", []
        if self.mode == "two":
            batches = self.spread(batches)
        if self.mode == "two" and rnd.random() < P_REBALANCE:
            self.turn += 1
            what, commands = "rebalance", [("rebalance", self.turn)]
        elif rnd.random() < self.p_change:
            what, commands = self.pipeline.change(rnd)
            schedule.closed = set(self.pipeline.down)
        return Step(batches, live, what, commands)

    def spread(self, batches):
        """Over queues: in some steps by chance, or a connection's packets in
        one direction were all the same thread's."""
        p_second = self.rnd.choice((0, 0, 0.1, 0.5))
        return [(port | (self.rnd.random() < p_second) << nic.QUEUE_SHIFT,
                 frames) for port, frames in batches]

    def take(self, sides, step, schedule=None):
        """Returns what the first side has sent."""
        data = nic.encode(step.batches)
        for side in sides:
            side.nic.start(data)
        for side in sides:
            if side.cache is not None:
                for command in step.live:
                    side.do(command)
        outputs = [side.nic.finish() for side in sides]
        self.history.append(outputs[0])
        for side in sides:
            side.count_hits()
        for side, output in zip(sides[1:], outputs[1:]):
            found = compare.outputs(outputs[0], output, step.batches,
                                    self.is_mixed)
            if found:
                raise Difference("%s: %s" % (side.name, found))
        if step.commands:
            for side in sides:
                # Or the flows that come would get what those that go have
                # counted.
                side.settle()
                if side.fault == "stale":
                    continue
                for command in step.commands:
                    side.do(command)
            self.compare_states(sides)
            leave_grey_zone(sides)
        return outputs[0]

    def compare_states(self, sides):
        states = []
        for side in sides:
            side.settle()
            if side.fault == "counter":
                side.ofctl("--strict", "mod-flows", BRIDGE, "reset_counts "
                           + next(flow for flow in self.pipeline.flows
                                  if flow.startswith("table=0,")))
            states.append(compare.take_state(side))
        if self.args.fault in ("rewrite", "mark", "stale"):
            # The flow itself would be found, and not what it does.
            for state in states:
                state["flows"] = []
        self.history.append({key: states[0][key] for key in
                             ("flows", "groups", "meters")})
        self.history.append(sorted(states[0]["connections"]))
        for side, state in zip(sides[1:], states[1:]):
            found = compare.states(states[0], state)
            if found:
                raise Difference("%s: %s" % (side.name, found))

    # After a failure.

    def repeat(self, sides, steps):
        """Returns a difference, or None."""
        self.history = []
        try:
            self.prepare(sides)
            for step in steps:
                self.take(sides, step)
            self.compare_states(sides)
        except (Difference, nic.Stuck, RuntimeError, OSError) as error:
            return str(error)
        return None

    def is_certain(self, sides):
        """Does the first side do the same if it does it again?"""
        first = self.history
        for _ in range(CERTAIN):
            self.repeat(sides[:1], self.steps)
            if self.history[:len(first)] != first:
                return False
        return True

    def report(self, sides, found):
        """Writes the smallest case that was found."""
        directory = "%s/%d-%d" % (self.args.out, self.args.seed, self.number)
        steps = self.steps
        if not (self.args.no_shrink or any(side.has_died()
                                           for side in sides)):
            again = self.repeat(sides, steps)
            if again:
                steps = shrink.Shrinker(
                    lambda steps: self.repeat(sides, steps)).run(steps)
                found = self.repeat(sides, steps) or found
            else:
                found += "\nIt did not happen again."
        shrink.write(directory, self, steps, found)
        print("%d packets in %d steps, in %s:\n%s" % (
            shrink.count(steps), len(steps), directory, found), flush=True)
