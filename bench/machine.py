# SPDX-License-Identifier: Apache-2.0
"""The machine that a PMD thread is measured on: huge pages for it, and the
facts that a reader needs to judge the figures."""

import contextlib
import os
import re
import sys

import report
import sandbox
import switch

BOOT_OPTIONS = re.compile(r"isolcpus|nohz|rcu_nocbs|mitigations|.*_pstate|"
                          r".*idle|.*hugepage|iommu|intel_iommu|nosmt")
NR_HUGE = "/proc/sys/vm/nr_hugepages"


@contextlib.contextmanager
def huge_pages(n):
    """Yields whether there are n huge pages more than there were, and nobody
    else has taken them."""
    with open(NR_HUGE, encoding="ascii") as f:
        before = int(f.read())

    def set_number(number):
        with open(NR_HUGE, "w", encoding="ascii") as f:
            f.write(str(number))

    try:
        try:
            set_number(before + n)
            free = int(report.read_value("/proc/meminfo", "HugePages_Free:"))
        except OSError:         # Containers may not.
            free = 0
        yield free >= n
    finally:
        with contextlib.suppress(OSError):
            set_number(before)


def occupy():
    """Takes the machine for a benchmark of the PMD thread, this program on
    the main thread's CPU."""
    sandbox.enter_namespaces()
    if os.cpu_count() < 2:
        sys.exit("%s: needs two CPUs" % os.path.basename(sys.argv[0]))
    os.sched_setaffinity(0, [switch.MAIN_CORE])


def facts(options):
    def first(path, prefix=""):
        return report.read_value(path, prefix) or "none"

    cpu = "/sys/devices/system/cpu/"
    return {
        **report.machine_facts(options),
        "microcode": first("/proc/cpuinfo", "microcode\t:"),
        "CPU MHz": first("/proc/cpuinfo", "cpu MHz\t\t:"),
        "threads of one core": first(
            cpu + "cpu%d/topology/thread_siblings_list" % switch.PMD_CORE),
        "governor": first(cpu + "cpu%d/cpufreq/scaling_governor"
                          % switch.PMD_CORE),
        "virtual machine": ("yes" if " hypervisor" in first(
            "/proc/cpuinfo", "flags\t\t:") else "no"),
        "boot options": " ".join(filter(BOOT_OPTIONS.match, first(
            "/proc/cmdline").split())) or "none that matters",
        "isolated CPUs": first(cpu + "isolated"),
        "devices": "virtual: net_pcap and net_null; they tell nothing about "
                   "a NIC",
        "memory": "huge pages of 2 MB" if options.huge else "no huge pages",
        "Open vSwitch": "bursts of 32, one receive queue, one PMD thread on "
                        "CPU %d, main thread on CPU %d, max-idle=600000; "
                        "the rest is as by default" % (switch.PMD_CORE,
                                                       switch.MAIN_CORE),
        "measured": "%d rounds with new processes; in each %d turns of %g s, "
                    "in random order" % (options.rounds, options.turns,
                                         options.seconds),
    }
