# SPDX-License-Identifier: Apache-2.0
"""The tutorials of the manual, typed from the first line to the last.

    $ ovs-appctl vnic/show              bash runs this in a sandbox, which is
    name  link  rx_packets  ...         what ./quickstart shell gives a reader
    one0  l1    8           ...

What stands below a command is what it must print, and a command with nothing
below must print nothing and succeed.  White space doesn't count, so that long
lines may be broken; "..." stands for anything, a UUID for any other, and a
number in a column of COUNTERS for any other.  A command that ends with "&"
goes on running.
"""

import pathlib
import re
import subprocess
import time

import pytest

TUTORIALS = sorted((pathlib.Path(__file__).parents[2] / "Documentation" /
                    "tutorials").glob("*.rst"))

COUNTERS = {"rx_packets", "tx_packets", "flooded", "unclaimed", "tx_local",
            "packets", "bytes", "polls"}
UUID = "-".join("[0-9a-f]{%d}" % n for n in (8, 4, 4, 4, 12))

# What just asks may be asked again, until the answer is the right one.
QUESTION = re.compile(r"ovs-appctl |ovs-vsctl (get|list) |"
                      r"ip netns exec \w+ curl ")
PATIENCE = 5                    # Seconds.


def commands(text):
    """(command, what it prints) in order."""
    found = []
    for line in re.sub(r"\\\n *", "", text).split("\n"):
        if line.startswith("    $ "):
            found.append((line[6:], []))
            in_output = True
        elif line and not line.startswith("    "):
            in_output = False
        elif found and in_output:
            found[-1][1].append(line[4:])
    return [(command, "\n".join(lines)) for command, lines in found]


def any_counters(output):
    """'output' with "*" for each number in a column of COUNTERS."""
    head, *lines = output.split("\n")
    names = re.split(r"\s{2,}", head)
    if not COUNTERS.intersection(names):
        return output
    rows = [[("*" if name in COUNTERS and cell.isdigit() else cell)
             for name, cell in zip(names, re.split(r"\s{2,}", line))]
            for line in lines]
    return "\n".join([head, *("  ".join(row) for row in rows)])


def token_pattern(token):
    if token == "*" or re.fullmatch(UUID, token):
        return r"\d+" if token == "*" else UUID
    return ".*".join(re.escape(part) for part in token.split("..."))


def pattern(output):
    """Each token ends where one of the output does, but for "..."."""
    return r"\s*" + "".join(
        token_pattern(token) + ("" if token.endswith("...") else r"(?!\S)")
        + r"\s*" for token in any_counters(output).split())


def matches(output, actual):
    return re.fullmatch(pattern(output), actual, re.DOTALL) is not None


def run(sb, command, output):
    if command.endswith("&"):
        sb.spawn("bash", "-c", command[:-1], stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)
        return
    end = time.monotonic() + PATIENCE
    while True:
        # Fails if the command does, unless an error is what the reader is to
        # see.
        actual = sb.run("bash", "-c", command, check=not output)
        if matches(output, actual):
            return
        assert QUESTION.match(command) and time.monotonic() < end, (
            f"$ {command}\n{actual}instead of\n{output}")
        time.sleep(0.1)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial(sb, path):
    steps = commands(path.read_text())
    assert len(steps) >= 20
    for command, output in steps:
        run(sb, command, output)


def test_commands_are_found():
    assert commands("""
Text::

    $ one \\
        more

Text, and $ none.

::

    $ two
    a

      b
    $ three
""") == [("one more", ""), ("two", "a\n\n  b"), ("three", "")]


TABLE = "name  packets  depth\none   4        512"


@pytest.mark.parametrize("output, actual, want", [
    ("", "", True),
    ("", "x\n", False),
    ("active", "active\n", True),
    ("active", "inactive\n", False),
    ("active", "active too\n", False),
    ("a long\nline", "a  long line\n", True),
    ("a long line", "a longer line\n", False),
    ("a ... line", "a b c line\n", True),
    ("a ... line", "a b c line d\n", False),
    ("a ...", "a\nb\nc\n", True),
    ("a=...,b=2", "a=1,b=2\n", True),
    ("a=...,b=2", "a=1,b=3\n", False),
    ("1.5", "175\n", False),
    ("d078efd3-d5e2-4552-b512-440be83b8160",
     "00000000-1111-2222-3333-444444444444\n", True),
    (TABLE, "name  packets  depth\none   12345    512\n", True),
    (TABLE, "name  packets  depth\none   4        64\n", False),
    (TABLE, "name  packets  depth\none   -        512\n", False),
    (TABLE, TABLE + "\ntwo   4        512\n", False)])
def test_output_is_compared(output, actual, want):
    assert matches(output, actual) == want
