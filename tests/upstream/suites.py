# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch's test suites, as they are, against programs of our choice.

A suite is a script that Autotest generates.  It looks for programs along
AUTOTEST_PATH, so directories that go first in it replace Open vSwitch's own
programs.  It reads atconfig and atlocal from the directory that -C names and
works there, so it can run in any place and several times at once.
"""

import collections
import os
import re
import shutil
import subprocess
import time

HERE = os.path.dirname(os.path.realpath(__file__))
PYTHON3 = "/usr/bin/python3"    # Has Debian's modules; another may not.
CPUS = os.cpu_count()

# The programs under test, and where an Open vSwitch build has its own.
PROGRAMS = {"ovs-vswitchd": "vswitchd", "ovs-vsctl": "utilities"}
STOCK_PATH = "utilities:vswitchd:ovsdb:vtep:tests:ipsec"

# The unit suite has its own -j.  The cases of system-userspace all use the
# same names in their network namespace, so there each job is a run of the
# suite in isolation.  They mostly wait, hence more jobs than CPUs.
Kind = collections.namedtuple("Kind", "script jobs sharded")
KINDS = {
    "unit": Kind("testsuite", 2 * CPUS, False),
    "system-userspace": Kind("system-userspace-testsuite", 4 * CPUS, True),
}

PROGRESS_EVERY = 10             # Seconds.
STALLED_AFTER = 600             # Seconds in which no case finished.

# A line of a suite's --list, and of its output.
CASE = re.compile(r"^ *(\d+): (\S+):\d+ +(.*?) *$", re.M)
RESULT = re.compile(r"^ *(\d+): .* (ok|(?:FAILED|skipped|expected failure) "
                    r"\(.*\)|UNEXPECTED PASS) *$", re.M)
OK = "ok"
NO_RESULT = "no result"         # The suite stopped before this case did.

Case = collections.namedtuple("Case", "file name")
Result = collections.namedtuple("Result", "text log")


class Error(Exception):
    """Why nothing can be said, in one sentence."""


def say(text):
    print(text, flush=True)


def environment():
    """What the suites see: nothing of a calling make, Debian's programs."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    env["PYTHONPATH"] = HERE    # For tftpy.
    return env


class Tree:
    """A built Open vSwitch tree."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        for program in PROGRAMS:
            if not os.path.exists(self.program(program)):
                raise Error(f"{self.program(program)}: not there; --ovs takes "
                            f"a build directory of Open vSwitch, after make")
        with open(os.path.join(self.build, "Makefile")) as f:
            found = dict(re.findall(r"^(\w+) = (.*)$", f.read(), re.M))
        self.srcdir = found["srcdir"]   # As the Makefile calls it.
        self.source = os.path.realpath(os.path.join(self.build, self.srcdir))

    def program(self, name):
        return os.path.join(self.build, PROGRAMS[name], name)

    def make(self, suites, log):
        """Makes what the suites need, without running them."""
        scripts = [os.path.join(self.srcdir, "tests", KINDS[suite].script)
                   for suite in suites]
        targets = [script for script in scripts if not
                   os.path.exists(os.path.join(self.build, script))]
        with open(log, "w") as out:
            # Only "check" makes all of it; --list keeps it from running.
            done = subprocess.run(
                ["make", f"-j{CPUS}", *targets, "check",
                 "TESTSUITEFLAGS=--list"], cwd=self.build, env=environment(),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if done.returncode:
            raise Error(f"{self.build}: making the test programs failed; "
                        f"see {log}")


class Suite:
    """One of Open vSwitch's suites and its cases, by number."""

    def __init__(self, tree, name):
        self.tree, self.name, self.kind = tree, name, KINDS[name]
        self.script = os.path.join(tree.source, "tests", self.kind.script)
        listed = subprocess.run(["bash", self.script, "--list"],
                                cwd=os.path.join(tree.build, "tests"),
                                stdout=subprocess.PIPE, text=True).stdout
        self.cases = {int(number): Case(file, name)
                      for number, file, name in CASE.findall(listed)}
        if not self.cases:
            raise Error(f"{self.script}: --list shows no case")

    def match(self, pattern):
        """Returns the numbers of the cases that 'pattern' stands for."""
        first, _, last = pattern.partition("-")
        if first.isdigit() and (last or first).isdigit():
            return {number for number in self.cases
                    if int(first) <= number <= int(last or first)}
        wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        return {number for number, case in self.cases.items()
                if any(map(wanted.fullmatch, case))}

    def source_line(self, place):
        """The text at "FILE:LINE": where a case skips itself, the reason."""
        file, _, line = place.partition(":")
        try:
            with open(os.path.join(self.tree.source, "tests", file)) as f:
                return " ".join(f.readlines()[int(line) - 1].split())
        except (OSError, ValueError, IndexError):
            return place

    def run(self, step, cases, bins, out, jobs):
        """Runs 'cases' with the programs in 'bins', 'jobs' at a time.

        Returns a Result for each case.  'step' names the run, to the user and
        below the directory 'out'.
        """
        count = min(jobs, len(cases)) if self.kind.sharded else 1
        shards = []
        try:
            for i in range(count):
                where = os.path.join(out, step, f"{self.name}.{i}")
                shards.append(Shard(self, cases[i::count], bins, where,
                                    1 if self.kind.sharded else jobs))
            watch(f"{step}: {self.name}", shards, len(cases))
        finally:
            for shard in shards:
                shard.kill()
        results = {}
        for shard in shards:
            results.update(shard.results())
        return results


def watch(what, shards, total):
    """Waits for 'shards' and says how far they are."""
    began = said = time.time()
    running = True
    while running:
        time.sleep(0.5)
        running = any([shard.running() for shard in shards])
        now = time.time()
        if now - said >= PROGRESS_EVERY or not running:
            said = now
            texts = [text for shard in shards
                     for text in shard.done().values()]
            failed = sum(text.startswith("FAILED") for text in texts)
            say(f"  {what}: {len(texts)} of {total} done, {failed} failed, "
                f"{now - began:.0f} s")


class Shard:
    """One isolated run of some cases of a suite, in a directory of its own."""

    def __init__(self, suite, cases, bins, where, jobs):
        self.suite, self.cases = suite, cases
        self.bins, self.where = bins, where
        self.output = os.path.join(where, "output")
        self.configure()
        with open(self.output, "w") as out:
            self.process = subprocess.Popen(
                [os.path.join(HERE, "isolate"), "bash", suite.script,
                 "-C", where, "AUTOTEST_PATH=" + ":".join(bins + [STOCK_PATH]),
                 f"-j{jobs}", *map(str, cases)],
                env=environment(), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out)

    def configure(self):
        """Puts the files in place that the suite reads from -C."""
        tests = os.path.join(self.suite.tree.build, "tests")
        os.makedirs(self.where)
        with open(os.path.join(tests, "atconfig")) as f:
            atconfig = f.read()
        with open(os.path.join(self.where, "atconfig"), "w") as f:
            f.write(atconfig + "\n# Relative paths lead nowhere from here.\n"
                    "at_srcdir=$abs_srcdir\n"
                    "at_top_srcdir=$abs_top_srcdir\n"
                    "at_top_build_prefix=$abs_top_builddir/\n")
        with open(os.path.join(tests, "atlocal")) as f:
            atlocal = f.read()
        with open(os.path.join(self.where, "atlocal"), "w") as f:
            f.write(re.sub("^PYTHON3=.*$", f"PYTHON3={PYTHON3}", atlocal,
                           flags=re.M))

    def running(self):
        idle = time.time() - os.stat(self.output).st_mtime
        if self.process.poll() is None and idle > STALLED_AFTER:
            say(f"  {self.where}: no case finished in {STALLED_AFTER} s; "
                f"stopping it")
            self.kill()
        return self.process.poll() is None

    def kill(self):
        self.process.kill()     # Takes the PID namespace with it.
        self.process.wait()

    def done(self):
        """Returns {number: result} of the cases that finished."""
        with open(self.output, errors="replace") as f:
            return {int(number): text
                    for number, text in RESULT.findall(f.read())}

    def results(self):
        """Returns {number: Result} of all cases, after the end."""
        self.check_programs()
        done = self.done()
        return {number: Result(done.get(number, NO_RESULT), self.log(number))
                for number in self.cases}

    def log(self, number=None):
        """The log of a case, or that of the suite if the case left none."""
        name = self.suite.kind.script
        digits = len(str(len(self.suite.cases)))
        of_case = os.path.join(self.where, f"{name}.dir",
                               f"{number or 0:0{digits}}", f"{name}.log")
        of_suite = os.path.join(self.where, f"{name}.log")
        return next(filter(os.path.exists, (of_case, of_suite)), self.output)

    def check_programs(self):
        """Were the tested programs those that were meant?

        For a program that it does not find, or not executable, a suite takes
        the next one in AUTOTEST_PATH or PATH, and then tests nothing of ours.
        """
        with open(self.log(), errors="replace") as f:
            text = f.read()
        for program in PROGRAMS:
            want = (shutil.which(program, path=":".join(self.bins)) or
                    self.suite.tree.program(program))
            used = re.search(rf"testsuite\.at:1: (/.*/{program}) --version$",
                             text, re.M)
            if not used or os.path.normpath(used[1]) != want:
                raise Error(f"{self.log()}: the suite tested "
                            f"{used[1] if used else 'nothing'} instead of "
                            f"{want}")
