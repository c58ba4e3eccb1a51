# SPDX-License-Identifier: Apache-2.0
"""Where the cycles go: single parts measured by themselves, and a profile of
the PMD thread."""

import collections
import os
import re
import shutil
import subprocess

import switch

PROFILE_SECONDS = 2
PROFILE_ROWS = 16


def benchmark(options, test, numbers):
    """Runs a benchmark of a unit program.  Returns [(label, median, min)] in
    cycles per packet."""
    output = subprocess.run(
        ["taskset", "-c", str(switch.PMD_CORE),
         options.build + "/tests/test-vnic", test, "benchmark",
         *map(str, numbers)],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(match[1].strip(), float(match[2]), float(match[3]))
            for match in re.finditer(
                r"^(\d.*?)\s+([\d.]+)\s+([\d.]+)$", output, re.MULTILINE)]


def measure(options):
    return {part: benchmark(options, "test-" + part, options.vnics)
            for part in ("classify", "ring")}


def can_profile():
    return bool(shutil.which("perf"))


def profile(program):
    """[(percent, symbol)] of the PMD thread, by its clock: virtual machines
    mostly have no counter of cycles to sample by.  Functions without a symbol
    are counted together as their library."""
    data = program.box.path("perf.data")
    subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-o", data,
         "-t", str(program.pmd), "--", "sleep", str(PROFILE_SECONDS)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    output = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "--no-children",
         "-F", "overhead,dso,sym"], check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PAGER": "cat"}).stdout
    os.unlink(data)
    found = collections.Counter()
    for percent, library, symbol in re.findall(
            r"^\s*([\d.]+)%\s+(\S+)\s+\[[.k]\] (\S+)", output, re.MULTILINE):
        found["(%s)" % library if symbol.startswith("0x")
              else symbol] += float(percent)
    return [(percent, symbol) for symbol, percent in found.most_common()]


def print_benchmarks(parts):
    print("\nParts by themselves, in a loop: cycles per packet")
    print("%-9s %-24s %8s %8s" % ("part", "", "median", "min"))
    for part, rows in parts.items():
        for label, median, minimum in rows:
            print("%-9s %-24s %8.1f %8.1f" % (part, label, median, minimum))


def print_profile(n, name, cycles, rows):
    print("\nProfile of the PMD thread, %d addresses, %s: %.0f cycles per "
          "packet" % (n, name, cycles))
    for percent, symbol in rows[:PROFILE_ROWS]:
        print("%6.1f %%  %6.1f  %s" % (percent, cycles * percent / 100,
                                       symbol))
