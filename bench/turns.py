# SPDX-License-Identifier: Apache-2.0
"""How programs that move frames are compared.

All programs of a round are started before the first of them is measured, and
all save one are stopped (SIGSTOP).  They take turns of a fraction of a second,
in another order each time, so that what else the machine does hits all alike;
a turn of a whole run, with starting and stopping, would be too long for that.
Each round starts them anew, for where the memory of a process happens to be
makes a difference too."""

import collections
import random
import time

from switch import Wrong


def take_turn(program, seconds, total):
    program.resume()
    program.warm_up()
    before = program.snapshot()
    time.sleep(seconds)
    after = program.snapshot()
    program.pause()
    for key, value in after.items():
        total[key] += value - before[key]


def sample_of(total, tsc_hz):
    """What is reported of a round, from differences of all counters."""
    n = total["forwarded"]
    lookups = {key: total[key] / n for key in
               ("simple match", "EMC", "SMC", "megaflow", "upcall")
               if total[key]}
    sample = {
        "frames": n,
        "mpps": n / total["time"] / 1e6,
        "mpps_cpu": n / total["cpu"] / 1e6,
        "cpu_share": total["cpu"] / total["time"],
        # Open vSwitch's own count has the time in it in which something else
        # had the CPU, and is wrong after an iteration of 2**31 cycles, as the
        # one is in which the daemon was stopped.
        "cycles": total["cpu"] * tsc_hz / n,
        "batch": n / total["batches"] if total["batches"] else 0,
        "frames_per_poll": (total["queued"] / total["polls"]
                            if total["polls"] else 0),
        "lookups": lookups,
        "drops": {key[len("drop "):]: value for key, value in total.items()
                  if key.startswith("drop ") and value}}
    if "received" in total:
        sample["kept"] = n / total["received"]
    if "cache hits" in total:
        found = total["cache hits"]
        sample["hit_rate"] = found / ((found + total["cache misses"]) or 1)
    return sample


def take_turns(programs, options):
    """Returns {name: sample} of programs that are paused, and leaves them
    so."""
    tsc_hz = max(program.tsc_hz for program in programs)
    totals = {p: collections.Counter() for p in programs}
    for _ in range(options.turns):
        for program in random.sample(programs, len(programs)):
            take_turn(program, options.seconds, totals[program])
    samples = {}
    for program, total in totals.items():
        if not total["forwarded"]:
            raise Wrong("%s forwarded nothing: %s" % (program.name, total))
        samples[program.name] = sample_of(total, tsc_hz)
    return samples
