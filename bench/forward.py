# SPDX-License-Identifier: Apache-2.0
"""How bench-vnic measures.

All programs of a round are started before the first of them is measured, and
all save one are stopped (SIGSTOP).  They take turns of a fraction of a second,
in another order each time, so that what else the machine does hits all alike;
a turn of a whole run, with starting and stopping, would be too long for that.
Each round starts them anew, for where the memory of a process happens to be
makes a difference too."""

import collections
import contextlib
import os
import random
import shutil
import tempfile
import time

import parts
import pcap
from switch import Switch, TestPmd, Wrong

WARM_UP = 0.15                  # Seconds at the begin of each turn.

REFERENCE, PLAIN, STOCK, AGAIN, BASELINE, OURS = (
    "testpmd io", "stock, no MACs", "stock", "stock again", "baseline", "ours")
EMC_ALWAYS, SMC, PORTS = "stock, EMC always", "stock, SMC", "stock, n ports"
# The settings of the stock switch that do what ours does.
RIVALS = (STOCK, EMC_ALWAYS, SMC)


def kinds(options, n=0):
    """{name: (class, arguments)}, in the order of the tables."""
    found = {
        REFERENCE: (TestPmd, {}),
        PLAIN: (Switch, {"is_plain": True}),
        STOCK: (Switch, {}),
        AGAIN: (Switch, {}),
        EMC_ALWAYS: (Switch, {"emc_insert_inv_prob": "1"}),
        SMC: (Switch, {"emc_insert_inv_prob": "0", "smc_enable": "true"}),
        PORTS: (Switch, {"n_idle_ports": n}),
        BASELINE: (Switch, {"ours": options.baseline}),
        OURS: (Switch, {"ours": options.build}),
    }
    if not options.baseline:
        del found[BASELINE]
    if not shutil.which("dpdk-testpmd"):        # It comes with DPDK's tools.
        del found[REFERENCE]
    return found


def take_turn(program, seconds, total):
    program.resume()
    time.sleep(WARM_UP)
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
    return {
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


def measure_round(n, options, profiled):
    """Returns {name: sample}, with a profile of the programs named in
    'profiled'."""
    samples = {}
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-"))
        path = os.path.join(directory, "generator.pcap")
        pcap.write(path, n, options)
        programs = []
        for name, (kind, arguments) in kinds(options, n).items():
            program = kind(name, options, n, path, **arguments)
            programs.append(stack.enter_context(program))
            program.pause()

        tsc_hz = max(program.tsc_hz for program in programs)
        totals = {p: collections.Counter() for p in programs}
        for _ in range(options.turns):
            for program in random.sample(programs, len(programs)):
                take_turn(program, options.seconds, totals[program])
        for program, total in totals.items():
            if not total["forwarded"]:
                raise Wrong("%s forwarded nothing: %s" % (program.name, total))
            sample = samples[program.name] = sample_of(total, tsc_hz)
            program.resume()
            program.check()
            if program.memory:
                sample["memory"] = program.memory
            if program.name in profiled:
                sample["profile"] = parts.profile(program)
            program.pause()
    return samples


def best_rival(samples, metric="mpps_cpu"):
    return max(samples[name][metric] for name in RIVALS)


def ratio(name, samples, metric="mpps_cpu"):
    """Of a program to what it is compared with in the same round."""
    return samples[name][metric] / (samples[STOCK][metric] if name == AGAIN
                                    else best_rival(samples, metric))
