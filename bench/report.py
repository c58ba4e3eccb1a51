# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks have in common: their options, facts about the machine,
and the files they write."""

import argparse
import json
import os
import platform
import statistics
import subprocess


def percentile(values, percent):
    """The smallest value that 'percent' of all don't exceed."""
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def spread(values):
    return (min(values), statistics.median(values), max(values))


def print_spread(spread):
    low, middle, high = spread
    return "%7.2f %6.2f %6.2f" % (middle, low, high)


def option_parser(doc, out):
    parser = argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".", help="our build directory")
    parser.add_argument("--ovs", help="Open vSwitch's (default: ./ovs in it)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cflags", default="unknown", help="to be printed")
    parser.add_argument("--out", default=out,
                        help="writes OUT.json and OUT.svg")
    return parser


def parse_options(parser):
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    options.ovs = os.path.abspath(options.ovs or options.build + "/ovs")
    return options


def read_value(path, prefix):
    """What follows 'prefix' in the first line that begins with it."""
    try:
        with open(path, encoding="utf-8") as f:
            for row in f:
                if row.startswith(prefix):
                    return " ".join(row[len(prefix):].split())
    except OSError:
        pass
    return "unknown"


def machine_facts(options):
    version = subprocess.run(
        [options.build + "/vswitchd-plugin/ovs-vswitchd", "--version"],
        stdout=subprocess.PIPE, check=True, text=True).stdout.split("\n")
    return {
        "CPU": "%d x %s, load %.1f when it began" % (
            os.cpu_count(), read_value("/proc/cpuinfo", "model name\t:"),
            os.getloadavg()[0]),
        "kernel": platform.release(),
        "versions": ", ".join(filter(None, version)),
        "CFLAGS": "%s (ours), %s (Open vSwitch)" % (
            options.cflags, read_value(options.ovs + "/Makefile",
                                       "CFLAGS =")),
    }


def write_json(f, content):
    json.dump(content, f, indent=1)
    f.write("\n")


def write_files(out, content, chart):
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    with open(out + ".json", "w", encoding="utf-8") as f:
        write_json(f, content)
    with open(out + ".svg", "w", encoding="utf-8") as f:
        f.write(chart)
    print("Written: %s.json, %s.svg" % (out, out))
