# SPDX-License-Identifier: Apache-2.0
"""The programs that bench-cache compares, and a round of them."""

import contextlib
import shutil
import statistics
import tempfile

import turns
from cacheswitch import CacheSwitch, Setting, cache_size, fifo
from switch import BURST, TestPmd, Wrong

CEILING, STOCK, AGAIN = "ceiling", "stock", "stock again"
EMC_ALWAYS, SMC, OFF, OURS = ("stock, EMC always", "stock, SMC",
                              "ours, cache off", "ours")
# The settings of the stock switch, of which the best is what ours is
# compared with.
RIVALS = (STOCK, EMC_ALWAYS, SMC)
ORDER = (CEILING, STOCK, AGAIN, EMC_ALWAYS, SMC, OFF, OURS)
# Frames in flight between two counters, at the begin and end of a turn.
IN_FLIGHT = 2 * BURST


@contextlib.contextmanager
def programs(row, options, directory):
    """Yields the programs, paused.  Settings of the same daemon can be changed
    while it runs, so they share it: a million connections take long to set
    up, and much memory."""
    with contextlib.ExitStack() as stack:
        def start(name, build=None):
            device, feed = row.start_feeder(stack, fifo(directory, name))
            switch = stack.enter_context(CacheSwitch(
                name, options, row, device, feed, build))
            switch.settle()
            switch.pause()
            return switch

        found = []
        if shutil.which("dpdk-testpmd"):        # It comes with DPDK's tools.
            device, feed = row.start_feeder(stack, fifo(directory, CEILING))
            found.append(stack.enter_context(TestPmd(CEILING, options,
                                                     device)))
            if feed:
                feed.start()
            found[0].pause()
        stock, again = start(STOCK), start(AGAIN)
        ours = start(OURS, options.build)
        size = cache_size(row.flows)
        found += [
            Setting(STOCK, stock), Setting(AGAIN, again),
            Setting(EMC_ALWAYS, stock, emc_insert_inv_prob="1"),
            Setting(SMC, stock, emc_insert_inv_prob="0", smc_enable="true"),
            Setting(OURS, ours, vnic_cache="true", vnic_cache_size=size)]
        if ours.has_cache:
            found.append(Setting(OFF, ours, vnic_cache="false",
                                 vnic_cache_size=size))
        yield found


def measure_round(row, options):
    """Returns {name: sample}."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, \
            programs(row, options, directory) as found:
        samples = turns.take_turns(found, options)
        checked = set()
        for program in found:
            check_kept(row, program.name, samples[program.name],
                       options.turns)
            switch = getattr(program, "switch", None)
            if switch and switch not in checked:
                checked.add(switch)
                program.resume()
                program.check()
                program.switch.pause()
    return {name: samples[name] for name in ORDER if name in samples}


def check_kept(row, name, sample, n_turns):
    """That all was forwarded that is to be: no packet was invalid to
    conntrack, or met an upcall that failed."""
    kept = sample.get("kept", row.scenario.kept)
    slack = 0.001 + n_turns * IN_FLIGHT / sample["frames"]
    if row.scenario.packets:    # Some connections were flushed half-way.
        slack += 0.01
    if abs(kept - row.scenario.kept) > slack:
        raise Wrong("%s, %s: %.2f %% were forwarded, not %.2f %%" % (
            row, name, 100 * kept, 100 * row.scenario.kept))


# Figures of rounds, [{name: sample}].

def values(rounds, name, metric):
    return [samples[name][metric] for samples in rounds]


def ratios(rounds, name):
    """To the best setting of stock in the same round; "stock again" to
    "stock"."""
    return [samples[name]["mpps_cpu"]
            / (samples[STOCK]["mpps_cpu"] if name == AGAIN else
               max(samples[rival]["mpps_cpu"] for rival in RIVALS))
            for samples in rounds]


def of_ceiling(rounds, name):
    """The median part of what the generator and DPDK's loop leave possible,
    or None."""
    if CEILING not in rounds[0]:
        return None
    return statistics.median(samples[name]["mpps_cpu"]
                             / samples[CEILING]["mpps_cpu"]
                             for samples in rounds)
