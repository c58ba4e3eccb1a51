# SPDX-License-Identifier: Apache-2.0
"""Where two sides differ, in words, or None.

Packets that were fed between two barriers must come out of the same ports with
the same bytes, and those of one flow in the same order.  Between flows, a
cache may send what it knows before what it must ask for."""

import collections

import nic
import packets

# Seconds that a timeout may be behind with a cache, which keeps connections
# alive from time to time only.  It may never be ahead.
AGE = 1


def by_flow(output):
    """{(port, flow, tunnel): [frames]}; of no flow, frames are in no
    order."""
    found, others = {}, []
    flow_of, tunnel_of = packets.flow_of, packets.tunnel_of
    for port, frame in nic.decode(output):
        flow = flow_of(frame)
        if flow is None:
            others.append((port, frame))
        else:
            found.setdefault((port, flow, tunnel_of(frame)),
                             []).append(frame)
    return found, sorted(others)


class Arrivals:
    """When packets came in, by what stays of them."""

    def __init__(self, batches):
        self.times = {}         # Token to [(number of batch, of packet)].
        time = 0
        for number, (_, frames) in enumerate(batches):
            for frame, _ in frames:
                time += 1
                if packets.flow_of(frame) is not None:
                    self.times.setdefault(packets.token_of(frame),
                                          []).append((number, time))

    def are_in_order(self, frames, of_batches):
        last = 0
        for frame in frames:
            times = [time[0 if of_batches else 1] for time in
                     self.times.get(packets.token_of(frame), ())] or [last]
            last = next((time for time in times if time >= last), None)
            if last is None:
                return False
        return True


def by_header(frames):
    found = {}
    for frame in frames:
        found.setdefault(packets.header_of(frame), []).append(frame)
    return found


def copies(frames):
    """The first copies of all packets, the second ones, and so on.  Of a
    packet that leaves a port in two passes, Open vSwitch sends the second copy
    when the whole batch has had its first pass, a cache with the first."""
    seen, found = collections.Counter(), []
    for frame in frames:
        token = packets.token_of(frame)
        if seen[token] == len(found):
            found.append([])
        found[seen[token]].append(frame)
        seen[token] += 1
    return found


def are_in_same_order(expected, got, arrivals, is_mixed):
    return (arrivals.are_in_order(got, False)
            or ((is_mixed or by_header(expected) == by_header(got))
                and (arrivals.are_in_order(got, True)
                     or not arrivals.are_in_order(expected, True))))


def are_same(expected, got, arrivals, is_mixed):
    """Open vSwitch sorts a batch by datapath flows, and so may change the
    order of a connection's packets whose states differ.  A cache may keep it,
    or do likewise.  With packets in a batch whose headers differ, it may do so
    with a part of the batch."""
    if expected == got:
        return True
    return sorted(expected) == sorted(got) and all(
        are_in_same_order(a, b, arrivals, is_mixed)
        for a, b in zip(copies(expected), copies(got)))


def outputs(expected, got, batches, is_mixed):
    """'batches' are those that came in; 'is_mixed' if packets of a connection
    share them though their headers differ."""
    if expected == got:
        return None
    arrivals = Arrivals(batches)
    flows, others = by_flow(expected)
    got_flows, got_others = by_flow(got)
    for key in sorted(set(flows) | set(got_flows)):
        a, b = flows.get(key, []), got_flows.get(key, [])
        if not are_same(a, b, arrivals, is_mixed):
            return "port %d, flow %d: %s" % (*key[:2], lists(a, b))
    if others != got_others:
        return "frames of no flow: %s" % lists(others, got_others)
    return None


def lists(a, b):
    if sorted(a) == sorted(b):
        at = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)
        return "%d frames in another order from number %d:\n%s" % (
            len(a), at, "\n".join("  %-40s %s" % (
                x[:80].hex(), y[:80].hex())
                                for x, y in zip(a[at:at + 4], b[at:at + 4])
                                if isinstance(x, bytes)))
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
              min(len(a), len(b)))
    return "%d frames, not %d; number %d:\n  expected %s\n  got      %s" % (
        len(b), len(a), at, text(a, at), text(b, at))


def text(frames, at):
    if at >= len(frames):
        return "none"
    frame = frames[at]
    if isinstance(frame, tuple):
        return "port %d: %s" % (frame[0], frame[1].hex())
    return frame.hex()


def rows(what, a, b):
    if a == b:
        return None
    missing, extra = sorted(set(a) - set(b)), sorted(set(b) - set(a))
    return "%s:\n%s" % (what, "\n".join(
        ["  expected " + row for row in missing[:3]]
        + ["  got      " + row for row in extra[:3]]))


def connections(a, b, age):
    """'age' is how far timeouts may be behind.  A connection that has expired
    is there until the cleaner finds it."""
    a, b = dict(a), dict(b)
    for mine, other in (a, b), (b, a):
        for row in [row for row, timeout in mine.items()
                    if timeout <= age and row not in other]:
            del mine[row]
    found = rows("connections", sorted(a), sorted(b))
    if found:
        return found
    for row, timeout in a.items():
        if not timeout - age <= b[row] <= timeout:
            return "connection %s: timeout %d, not %d" % (row, b[row],
                                                          timeout)
    return None


def states(a, b):
    """Two results of take_state()."""
    age = AGE if b["is_cached"] else 0
    return (rows("OpenFlow flows", a["flows"], b["flows"])
            or rows("groups", a["groups"], b["groups"])
            or rows("meters", a["meters"], b["meters"])
            or connections(a["connections"], b["connections"], age))


def take_state(side):
    return {"flows": side.flows(), "groups": side.groups(),
            "meters": side.meters(), "connections": side.connections(),
            "is_cached": side.cache is not None}
