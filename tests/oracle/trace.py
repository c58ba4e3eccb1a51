# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire: connections with their states, and what doesn't
belong to any.

A connection is a generator of runs, which are frames that one end sends.  It
waits where it must know what became of its first packet, for the other end
answers to the addresses that it sees.  The schedule mixes runs of many
connections into batches."""

import collections
import random

import packets as p
from packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG
from odd import make_odd


class Odd(list):
    """A run of frames that may be treated otherwise than what looks alike."""


WAIT = object()                 # A connection has to see a step's output.
LEARNING_STEPS = 2              # Nothing came out: it was dropped.
BATCH = 32
BODIES = [bytes(n) for n in (0, 0, 0, 2, 10, 33, 100, 491, 1300)]
INSIDE = {1: 2, 3: 4}           # Ports of clients, and of their servers.
INSIDE.update({server: client for client, server in list(INSIDE.items())})
TCP_OPTIONS = (b"", bytes.fromhex("02 04 05b4 0402 0103 0307"),
               bytes.fromhex("02 04 05b4 0402 080a 00000001 00000000 01 03"
                             "03 02"),
               bytes.fromhex("0204 0218"))


class End:
    """One direction: what a frame needs to leave on it."""

    def __init__(self, conn, port, ethernet, src, dst, ports, flow):
        self.conn, self.port, self.ethernet = conn, port, ethernet
        self.src, self.dst, self.ports, self.flow = src, dst, ports, flow
        self.count = 0

    def payload(self, rnd):
        """A few sizes, a serial number at the end, odd lengths."""
        self.count += 1
        return (rnd.choice(BODIES) + self.flow.to_bytes(2, "big")
                + self.count.to_bytes(4, "big"))

    def frame(self, protocol, payload, flow=None, **fields):
        """In some frames of a connection TOS and TTL differ."""
        self.count += 1
        conn = self.conn
        fields.setdefault("tos", conn.tos)
        fields.setdefault("ttl", conn.ttl)
        if conn.rnd.random() < conn.p_vary:
            fields["tos"] = conn.rnd.choice((0, 1, 3, 0x28, 0xb8))
            fields["ttl"] = conn.rnd.choice((2, 5, 64, 128, 255))
        if len(self.src) == 4:
            ident = (flow or self.flow) << 4 | self.count & 15
            packet = p.ipv4(self.src, self.dst, protocol, payload, ident,
                            **fields)
        else:
            fields.pop("fragment", None)
            packet = p.ipv6(self.src, self.dst, protocol, payload,
                            flow or self.flow, **fields)
        frame = self.ethernet + packet
        return frame.ljust(60, b"\0") if conn.is_padded else frame

    def tcp(self, seq, ack, flags, payload=b"", **fields):
        return self.frame(p.TCP, p.tcp(self.src, self.dst, self.ports, seq,
                                       ack, flags, payload=payload, **fields))

    def udp(self, payload):
        return self.frame(p.UDP, p.udp(
            self.src, self.dst, self.ports, payload,
            self.conn.has_checksum or len(self.src) == 16))

    def echo(self, is_reply, seq, payload):
        if len(self.src) == 4:
            return self.frame(p.ICMP, p.icmp(
                0 if is_reply else 8, 0, self.conn.echo_id, seq, payload))
        return self.frame(p.ICMPV6, p.icmpv6(
            self.src, self.dst, 129 if is_reply else 128, 0,
            self.conn.echo_id, seq, payload))

    def error(self, about, rnd):
        """An ICMP error about a packet that went the other way, from this end
        or from a router."""
        inner = about[p.l3_offset(about)[0]:][:28 if len(self.src) == 4
                                              else 56]
        if len(self.src) == 4:
            kind, code = rnd.choice(((3, 1), (3, 3), (3, 4), (11, 0)))
            payload = p.icmp(kind, code, 0, 1400 if code == 4 else 0, inner)
            return self.frame(p.ICMP, payload, flow=self.conn.flows[2])
        kind, code = rnd.choice(((1, 0), (1, 4), (2, 0), (3, 0)))
        payload = p.icmpv6(self.src, self.dst, kind, code, 0, 1400, inner)
        return self.frame(p.ICMPV6, payload, flow=self.conn.flows[2])


class Connection:
    N_FLOWS = 4                 # There, back, ICMP errors, fragments.

    def __init__(self, rnd, hosts, number):
        self.rnd = rnd
        self.flows = [(self.N_FLOWS * number + i) % p.MAX_FLOWS or 1
                      for i in range(self.N_FLOWS)]
        self.kind = rnd.choices(
            ("tcp", "udp", "one-way", "echo", "sctp"), (8, 5, 3, 2, 1))[0]
        self.tos, self.ttl = rnd.choice((0, 0, 0x10, 0xb8)), 64
        self.p_vary = rnd.choice((0, 0, 0, 0, 0.05, 0.5))
        self.p_odd = rnd.choice((0, 0, 0, 0.02, 0.1))
        self.is_padded = rnd.random() < 0.7
        self.has_checksum = rnd.random() < 0.8
        self.flags = rnd.choice((0, 0, 0, 2))
        self.echo_id = rnd.randrange(65536)
        self.has_fragments = False
        self.sample = None      # Of what came out.
        self.waited = 0
        port, ethernet, src, dst, ports = hosts.choose(rnd)
        self.there = End(self, port, ethernet, src, dst, ports,
                         self.flows[0])
        self.tuple = src, dst, ports
        self.back = None
        self.isn = [rnd.randrange(1 << 32), rnd.randrange(1 << 32)]
        self.scale = rnd.choice(TCP_OPTIONS)
        self.runs = self.generate()

    def learn(self, port, frame):
        """What came out of its first packets."""
        parsed = p.parse(frame)
        if not self.back and parsed:
            header, src, dst, ports = parsed
            self.sample = frame
            self.back = End(self, port, p.reverse_ethernet(header), dst, src,
                            ports[::-1], self.flows[1])

    def assume(self):
        """Nothing came out."""
        there = self.there
        self.sample = there.ethernet + b"\x45" + bytes(60)
        self.back = End(self, INSIDE[there.port],
                        p.reverse_ethernet(there.ethernet), there.dst,
                        there.src, there.ports[::-1], self.flows[1])

    # Runs.

    def generate(self):
        method = {"tcp": self.run_tcp, "udp": self.run_udp,
                  "one-way": self.run_one_way, "echo": self.run_echo,
                  "sctp": self.run_sctp}[self.kind]
        return method()

    def wait(self):
        """Waits until the other end is known."""
        while not self.back:
            yield WAIT
            self.waited += 1
            if self.waited >= LEARNING_STEPS and not self.back:
                self.assume()

    def burst(self):
        return self.rnd.choice((1, 2, 4, 8, 16))

    def run_tcp(self):
        rnd = self.rnd
        for _ in range(rnd.choice((1, 1, 2, 3))):
            yield from self.handshake()
            if rnd.random() < 0.1:
                yield WAIT
            for _ in range(rnd.choice((2, 10, 60, 300))):
                yield from self.exchange()
            yield from self.close()
            # The same ports again, above the old sequence numbers or not.
            self.isn = [(isn + rnd.choice((1, 99999, 1 << 31, -1000)))
                        & 0xffffffff for isn in self.isn]

    def handshake(self):
        rnd, there = self.rnd, self.there
        client, server = self.isn
        self.next = [client + 1, server + 1]
        options = {"options": self.scale, "window": 64000}
        ecn = rnd.choice((0, 0, ECE | CWR))
        yield there, [there.tcp(client, 0, SYN | ecn, **options)
                      for _ in range(rnd.choice((1, 1, 1, 2, 3)))]
        yield from self.wait()
        back = self.back
        if rnd.random() < 0.05:
            yield back, [back.tcp(0, client + 1, RST | ACK)]
            return
        yield back, [back.tcp(server, client + 1, SYN | ACK, **options)
                     for _ in range(rnd.choice((1, 1, 1, 2)))]
        yield there, [there.tcp(self.next[0], self.next[1], ACK)]

    def exchange(self):
        """Data one way, acknowledged the other."""
        rnd = self.rnd
        way = rnd.random() < 0.6
        ends = (self.there, self.back) if way else (self.back, self.there)
        me, it = (0, 1) if way else (1, 0)
        frames = []
        for _ in range(self.burst()):
            payload = ends[0].payload(rnd)
            frames.append(ends[0].tcp(self.next[me], self.next[it],
                                      ACK | rnd.choice((0, PSH)), payload))
            if rnd.random() < 0.03:
                frames.append(frames[-1])
            self.next[me] = (self.next[me] + len(payload)) & 0xffffffff
        yield ends[0], frames
        yield ends[1], [ends[1].tcp(self.next[it], self.next[me], ACK)
                        for _ in range(rnd.choice((1, 1, 2, 4)))]
        if rnd.random() < 0.06:
            yield from self.disturb(ends[0], me, it)

    def disturb(self, end, me, it):
        """Segments that a window tracker should not take for good, and errors
        about good ones."""
        rnd = self.rnd
        payload = end.payload(rnd)
        what = rnd.randrange(6)
        seq, ack, flags = self.next[me], self.next[it], ACK
        if what == 0:
            seq += rnd.choice((1 << 20, 1 << 31, -(1 << 20)))
        elif what == 1:
            ack += rnd.choice((1 << 20, 1 << 31, -(1 << 24)))
        elif what == 2:
            flags = rnd.choice((0, URG | ACK, SYN, SYN | FIN, FIN | PSH | URG,
                                0xff, PSH | ACK | ECE))
        elif what == 3:
            seq -= 1            # A keep-alive.
            payload = b"\0"
        elif what == 4 and end is self.there:
            yield self.back, [self.back.error(self.sample, rnd)]
            return
        yield end, Odd([end.tcp(seq, ack, flags, payload)])

    def close(self):
        rnd = self.rnd
        how = rnd.randrange(4)
        if how == 0:
            return
        ends = [self.there, self.back]
        first = rnd.randrange(2)
        a, b = ends[first], ends[1 - first]
        seq, ack = self.next[first], self.next[1 - first]
        if how == 1:
            yield a, [a.tcp(seq, ack, RST | rnd.choice((0, ACK)))]
            return
        yield a, [a.tcp(seq, ack, FIN | ACK)]
        if how == 2:
            yield b, [b.tcp(ack, seq + 1, ACK, b.payload(rnd))]
        yield b, [b.tcp(ack, seq + 1, FIN | ACK)]
        yield a, [a.tcp(seq + 1, ack + 1, ACK)]

    def run_udp(self):
        rnd = self.rnd
        yield self.there, [self.there.udp(self.there.payload(rnd))
                           for _ in range(self.burst())]
        yield from self.wait()
        for _ in range(rnd.choice((2, 20, 200))):
            end = rnd.choice((self.there, self.back))
            yield end, [end.udp(end.payload(rnd))
                        for _ in range(self.burst())]
            if rnd.random() < 0.03:
                yield self.back, [self.back.error(self.sample, rnd)]
            if self.has_fragments and rnd.random() < 0.03:
                yield end, Odd(self.fragments(end))

    def fragments(self, end):
        """Of a datagram; some come in disorder, some never."""
        rnd = self.rnd
        data = p.udp(end.src, end.dst, end.ports,
                     bytes(rnd.choice((40, 100, 203))))
        cut = rnd.choice((8, 16, 32))
        flow, count = self.flows[3], end.count + 1
        frames = []
        for at, end_at in ((0, cut), (cut, len(data))):
            piece, more = data[at:end_at], end_at < len(data)
            end.count = count - 1
            if len(end.src) == 4:
                frames.append(end.frame(
                    p.UDP, piece, flow=flow,
                    fragment=at // 8 | (0x2000 if more else 0)))
            else:
                header = bytes([p.UDP, 0]) + (at | more).to_bytes(2, "big")
                header += count.to_bytes(4, "big")
                frames.append(end.frame(p.FRAGMENT6, header + piece,
                                        flow=flow))
        if rnd.random() < 0.2:
            frames.reverse()
        return frames[:rnd.choice((1, 2, 2, 2))]

    def run_one_way(self):
        for _ in range(self.rnd.choice((1, 5, 100))):
            yield self.there, [self.there.udp(self.there.payload(self.rnd))
                               for _ in range(self.burst())]

    def run_echo(self):
        rnd = self.rnd
        for i in range(rnd.choice((1, 5, 20))):
            yield self.there, [self.there.echo(False, i,
                                               self.there.payload(rnd))
                               for _ in range(rnd.choice((1, 2)))]
            yield from self.wait()
            yield self.back, [self.back.echo(True, i, self.back.payload(rnd))]

    def run_sctp(self):
        """No association, just its ports and a checksum that is wrong."""
        for _ in range(self.rnd.choice((1, 8))):
            data = (p.PORTS.pack(*self.there.ports) + bytes(8)
                    + self.there.payload(self.rnd))
            yield self.there, [self.there.frame(p.SCTP, data)
                               for _ in range(self.burst())]


class Schedule:
    """Mixes connections.  'closed' are ports that receive nothing now."""

    def __init__(self, rnd, hosts, n_connections, has_fragments, is_mixed,
                 tunnels):
        self.rnd, self.hosts, self.n = rnd, hosts, n_connections
        self.tunnels = {tunnel.port: tunnel for tunnel in tunnels}
        self.p_tunnel = rnd.choice((0.2, 0.9))
        self.p_spoilt = rnd.choice((0, 0, 0.02))
        self.has_fragments = has_fragments
        self.is_mixed = is_mixed
        self.number = 0
        self.connections = []
        self.by_flow = {}
        self.closed = set()
        self.seen = collections.Counter()   # Of flows, packets in this step.

    def fill(self):
        while len(self.connections) < self.n:
            conn = Connection(random.Random(self.rnd.random()), self.hosts,
                              self.number)
            conn.has_fragments = self.has_fragments
            if self.is_mixed:
                conn.p_odd = 0
                if conn.kind == "tcp":
                    conn.p_vary = 0
            self.choose_tunnels(conn)
            self.number += 1
            self.connections.append(conn)
            self.by_flow[conn.flows[0]] = conn

    def choose_tunnels(self, conn):
        """Each end may be behind one."""
        rnd = self.rnd
        conn.outer = {port: tunnel.fields(rnd)
                      for port, tunnel in self.tunnels.items()
                      if rnd.random() < self.p_tunnel}

    def wrap(self, conn, frame, flow):
        """(frame as it comes in, is it odd)"""
        for end in conn.there, conn.back:
            if end and end.flow == flow and end.port in conn.outer:
                tunnel = self.tunnels[end.port]
                fields = conn.outer[end.port]
                if conn.p_vary and self.rnd.random() < conn.p_vary:
                    fields = tunnel.fields(self.rnd)
                wire = tunnel.wrap(frame, fields, flow)
                if self.p_spoilt and self.rnd.random() < self.p_spoilt:
                    return tunnel.spoil(self.rnd, wire), True
                return wire, False
        return frame, False

    def learn(self, port, flow, frame):
        conn = self.by_flow.get(flow)
        if conn and not conn.back and port in INSIDE:
            if port != conn.there.port:
                conn.learn(port, frame)

    def step(self, n_frames):
        """Batches of 'n_frames' or somewhat more."""
        rnd = self.rnd
        self.seen.clear()
        self.fill()
        pending = {}            # Port to [(connection, frames)].
        for conn in list(self.connections):
            self.advance(conn, pending)
        batches, n = [], 0
        while n < n_frames:
            ports = [port for port, runs in pending.items() if runs]
            if not ports:
                break
            port = rnd.choice(ports)
            runs = pending[port]
            rnd.shuffle(runs)
            taken = [runs.pop() for _ in range(min(len(runs),
                                                   rnd.choice((1, 4, 9))))]
            frames = self.mix(taken)
            if rnd.random() < 0.05:
                frames.append((self.hosts.stray(rnd, port), 0, True))
            n += len(frames)
            if port not in self.closed:
                batches.extend((port, batch) for batch in self.cut(frames))
            for conn, _ in taken:
                self.advance(conn, pending)
        # What is left was computed from a state that goes on.
        for port, runs in pending.items():
            if runs and port not in self.closed:
                batches.extend((port, batch)
                               for batch in self.cut(self.mix(runs)))
        return batches

    def cut(self, frames):
        """Open vSwitch sorts a batch by datapath flows, so it may change the
        order of a connection's packets in it if their headers or states
        differ.  It doesn't if they come in different batches.  The same holds
        for the first packets in a step, for before it connections may have
        been flushed: the first of a batch that has no datapath flow is
        committed before conntrack sees the others, and one that has a flow is
        not."""
        batch, kinds = [], {}
        for frame, flags, is_odd in frames:
            flow = p.flow_of(frame)
            self.seen[flow] += 1
            kind = None if is_odd or flow is None or self.seen[flow] <= 2 \
                else p.header_of(frame)
            key = flow if flow is None else flow // Connection.N_FLOWS
            is_new = key is not None and key in kinds and (
                kind is None or kinds[key] is None
                or not self.is_mixed and kinds[key] != kind)
            if len(batch) == BATCH or is_new:
                yield batch
                batch, kinds = [], {}
            kinds[key] = kind
            batch.append((frame, flags))
        if batch:
            yield batch

    def advance(self, conn, pending):
        run = next(conn.runs, None)
        if run is None:
            self.connections.remove(conn)
            if self.rnd.random() < 0.5:     # Nobody will ask for it again.
                self.by_flow.pop(conn.flows[0], None)
        elif run is not WAIT:
            end, frames = run
            pending.setdefault(end.port, []).append((conn, frames))

    def mix(self, runs):
        """Frames of each in order, with those of the others in between."""
        rnd = self.rnd
        queues = [(conn, isinstance(frames, Odd), iter(frames))
                  for conn, frames in runs]
        out = []
        while queues:
            i = rnd.randrange(len(queues))
            conn, is_odd, frames = queues[i]
            for _ in range(rnd.choice((1, 2, 4))):
                frame = next(frames, None)
                if frame is None:
                    queues.pop(i)
                    break
                flags, is_changed = conn.flags, False
                flow = p.flow_of(frame)
                if conn.p_odd and rnd.random() < conn.p_odd:
                    frame = make_odd(rnd, frame, self.has_fragments)
                    flags, is_changed = 0, True
                wire, is_spoilt = self.wrap(conn, frame, flow)
                out.append((wire, flags, is_odd or is_changed or is_spoilt))
        return out
