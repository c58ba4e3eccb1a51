# SPDX-License-Identifier: Apache-2.0
"""The programs that bench-vnic compares, and a round of them."""

import contextlib
import os
import random
import shutil
import tempfile

import packets
import parts
import pcap
import turns
from switch import TestPmd, generator
from transactions import mac
from vnicswitch import VnicSwitch

N_FRAMES = 4096                 # At least.
SEED = 8005022

REFERENCE, PLAIN, STOCK, AGAIN, BASELINE, OURS = (
    "testpmd io", "stock, no MACs", "stock", "stock again", "baseline", "ours")
EMC_ALWAYS, SMC, PORTS = "stock, EMC always", "stock, SMC", "stock, n ports"
# The settings of the stock switch that do what ours does.
RIVALS = (STOCK, EMC_ALWAYS, SMC)


def kinds(options, n=0):
    """{name: arguments of a VnicSwitch, or None for testpmd}, in the order of
    the tables."""
    found = {
        REFERENCE: None,
        PLAIN: {"is_plain": True},
        STOCK: {},
        AGAIN: {},
        EMC_ALWAYS: {"emc_insert_inv_prob": "1"},
        SMC: {"emc_insert_inv_prob": "0", "smc_enable": "true"},
        PORTS: {"n_idle_ports": n},
        BASELINE: {"build": options.baseline},
        OURS: {"build": options.build},
    }
    if not options.baseline:
        del found[BASELINE]
    if not shutil.which("dpdk-testpmd"):        # It comes with DPDK's tools.
        del found[REFERENCE]
    return found


def frame(i, flow, size):
    """A UDP datagram to address 'i'.  Each address has an IP address of its
    own (in RFC 2544's network): otherwise all would have the same hash in
    Open vSwitch's EMC."""
    return packets.ethernet(
        bytes.fromhex(mac(i).replace(":", "")), b"\x0a\0\0\0\0\x01",
        packets.udp(bytes([192, 0, 2, 1]), bytes([198, 18, *divmod(i, 256)]),
                    1024 + flow, 9, packets.room(size)))


def frames(n, options):
    """To n addresses, to each as many as to any other."""
    total = -(-max(N_FRAMES, n * options.flows) // n) * n
    order = [(i % n, i // n % options.flows) for i in range(total)]
    if options.order == "random":
        random.Random(SEED).shuffle(order)
    return (frame(i, flow, options.size) for i, flow in order)


def measure_round(n, options, profiled):
    """Returns {name: sample}, with a profile of the programs named in
    'profiled'."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-"))
        path = os.path.join(directory, "generator.pcap")
        pcap.write(path, frames(n, options))
        programs = []
        for name, arguments in kinds(options, n).items():
            program = stack.enter_context(
                TestPmd(name, options, generator(path)) if arguments is None
                else VnicSwitch(name, options, n, path, **arguments))
            programs.append(program)
            program.pause()

        samples = turns.take_turns(programs, options)
        for program in programs:
            sample = samples[program.name]
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
