# SPDX-License-Identifier: Apache-2.0
"""Makes a failed round small, and writes what is left.

Greedy: takes away halves, quarters, ... of the steps' changes, of the
connections and of the packets, for as long as there still is a difference.
The packets are those of the round: answers to addresses that NAT chooses are
not computed anew."""

import os
import struct
import time

import packets
from trace import BATCH, Connection

SECONDS = 90


class Shrinker:
    """'fails' tells whether a list of steps does."""

    def __init__(self, fails, seconds=SECONDS):
        self.fails = fails
        self.deadline = time.monotonic() + seconds

    def run(self, steps):
        steps = self.thin(steps, changes_of(steps), without_changes)
        steps = self.thin(steps, connections_of(steps), without_connections)
        steps = self.thin(steps, list(range(count(steps))), without_packets)
        steps = self.thin(steps, changes_of(steps), without_changes)
        return [step for step in steps if step.batches or step.commands]

    def thin(self, steps, items, without):
        """Takes away what it can of 'items'; they are named by the steps as
        they are now."""
        gone, size = set(), max(1, len(items) // 2)
        while True:
            for at in range(0, len(items), size):
                part = set(items[at:at + size]) - gone
                if not part or time.monotonic() > self.deadline:
                    continue
                if self.fails(without(steps, gone | part)):
                    gone |= part
            if size == 1 or time.monotonic() > self.deadline:
                return without(steps, gone)
            size = (size + 1) // 2


def changes_of(steps):
    return [i for i, step in enumerate(steps) if step.commands or step.live]


def without_changes(steps, gone):
    return [step._replace(what="nothing", commands=[], live=[])
            if i in gone else step for i, step in enumerate(steps)]


def connection_of(frame):
    flow = packets.flow_of(frame)
    return None if flow is None else flow // Connection.N_FLOWS


def connections_of(steps):
    return sorted({connection_of(frame) for step in steps
                   for _, frames in step.batches for frame, _ in frames},
                  key=str)


def filtered(steps, keep):
    """With the frames for which 'keep(number, frame)'."""
    out, number = [], 0
    for step in steps:
        batches = []
        for port, frames in step.batches:
            kept = []
            for frame, flags in frames:
                if keep(number, frame):
                    kept.append((frame, flags))
                number += 1
            if kept:
                batches.append((port, kept))
        out.append(step._replace(batches=batches))
    return out


def without_connections(steps, gone):
    return filtered(steps, lambda _, frame: connection_of(frame) not in gone)


def without_packets(steps, gone):
    return filtered(steps, lambda number, _: number not in gone)


def count(steps):
    return sum(len(frames) for step in steps for _, frames in step.batches)


def write(directory, case, steps, found):
    """What it takes to repeat it by hand."""
    os.makedirs(directory, exist_ok=True)
    pipeline = case.at_begin()
    with open(directory + "/case.txt", "w", encoding="utf-8") as f:
        f.write("round %d of seed %d, mode %s: %s\n\ngroups\n%s\nmeters\n%s\n"
                "mirror: %s\ntimeout policies: %s\nfragments: %s\n\n"
                "steps (packets are in trace.pcap)\n" % (
                    case.number, case.args.seed, case.mode, found,
                    "\n".join(pipeline.groups), "\n".join(pipeline.meters),
                    pipeline.has_mirror, pipeline.policies,
                    pipeline.fragments))
        number = 0
        for step in steps:
            for port, frames in step.batches:
                f.write("port %d: packets %d to %d\n" % (
                    port, number, number + len(frames) - 1))
                number += len(frames)
            for command in step.live:
                f.write("meanwhile: %s\n" % (command,))
            for command in step.commands:
                f.write("%s: %s\n" % (step.what, command))
    with open(directory + "/flows.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(pipeline.flows) + "\n")
    with open(directory + "/trace.pcap", "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        number = 0
        for step in steps:
            for _, frames in step.batches:
                for frame, _ in frames:
                    f.write(struct.pack("=IIII", number // BATCH, number,
                                        len(frame), len(frame)) + frame)
                    number += 1
