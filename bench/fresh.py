# SPDX-License-Identifier: Apache-2.0
"""Flows that nobody has seen before, without end, as blocks of pcap records
for a feeder.

Frames of a block differ just in the guest's port.  What its number adds to a
checksum, its complement takes away again: in the first two bytes of a UDP
payload, and in TCP's urgent pointer, which means nothing without URG."""

import itertools

import packets
import pcap
import traces
from packets import ACK, FIN, SYN

BLOCK = 256                     # Connections.
PORTS = [[(port.to_bytes(2, "big"), (0xffff - port).to_bytes(2, "big"))
          for port in range(first, first + BLOCK)]
         for first in range(traces.FIRST_PORT, 65536, BLOCK)]
SPORT = packets.ETHERNET + 20
DPORT, UDP_PAYLOAD, URGENT = SPORT + 2, SPORT + 8, SPORT + 18


def cut(frame, port_at, complement_at):
    """The pieces of a record around a port and its complement."""
    record, offset = pcap.record(frame), pcap.RECORD
    return (record[:offset + port_at],
            record[offset + port_at + 2:offset + complement_at],
            record[offset + complement_at + 2:])


def fill(pieces, ports):
    first, second, third = pieces
    return [first + port + second + complement + third
            for port, complement in ports]


def blocks():
    """(guest, number of its server, ports), never the same twice."""
    for server in itertools.count():
        for ports in PORTS:
            for guest in range(traces.GUESTS):
                yield guest, server, ports


def datagrams(size):
    """Each of another flow."""
    lengths = traces.sizes_of(size)
    for guest, server, ports in blocks():
        pieces = cut(packets.ethernet(
            traces.GATEWAY, traces.guest_mac(guest), packets.udp(
                traces.guest_ip(guest), traces.server_ip(server), 0, 80,
                packets.room(next(lengths)), b"\xff\xff")),
            SPORT, UDP_PAYLOAD)
        yield b"".join(fill(pieces, ports))


def steps(n):
    """(is a reply, seq, ack, flags, payload) of each packet of a connection
    of n packets: six for its begin and end, the others are data."""
    there, back = 1001, 5001
    yield False, there - 1, 0, SYN, 0
    yield True, back - 1, there, SYN | ACK, 0
    yield False, there, back, ACK, 0
    for _ in range((n - 6) // 2):
        yield False, there, back, ACK, 6
        there += 6
        yield True, back, there, ACK, 0
    yield False, there, back, FIN | ACK, 0
    yield True, back, there + 1, FIN | ACK, 0
    yield False, there + 1, back + 1, ACK, 0


def connections(n):
    """TCP connections of n packets through SNAT, 256 at a time."""
    for guest, server, ports in blocks():
        inside, outside = traces.guest_ip(guest), traces.server_ip(server)
        mac = traces.guest_mac(guest)
        block = []
        for is_reply, seq, ack, flags, payload in steps(n):
            if is_reply:
                pieces = cut(packets.ethernet(mac, traces.GATEWAY, packets.tcp(
                    outside, traces.nat_ip(guest), 80, 0, seq, ack, flags,
                    payload, urgent=0xffff)), DPORT, URGENT)
            else:
                pieces = cut(packets.ethernet(traces.GATEWAY, mac, packets.tcp(
                    inside, outside, 0, 80, seq, ack, flags, payload,
                    urgent=0xffff)), SPORT, URGENT)
            block += fill(pieces, ports)
        yield b"".join(block)


# Attacks: one frame in a hundred.

SHARE = 100


def _mixed(victims, attackers):
    """Blocks of a pass over 'victims', with attackers in between."""
    out = []
    for i, record in enumerate(victims):
        if i % (SHARE - 1) == 0:
            out.append(next(attackers))
        out.append(record)
    return b"".join(out)


def _attack(source, sport, dport):
    return pcap.record(packets.ethernet(
        traces.GATEWAY, b"\x02\xee\0\0\0\1", packets.udp(
            source.to_bytes(4, "big"), traces.server_ip(0), sport, dport,
            packets.room(64))))


def explosion():
    """Frames that differ from the rules of pipelines.guarded() in one bit of
    each field, so that each makes a megaflow with a mask of its own."""
    source = int.from_bytes(map(int, traces.ACL_SOURCE.split(".")), "big")
    return [_attack(source ^ (1 << i), traces.ACL_PORT ^ (1 << j),
                    traces.ACL_PORT ^ (1 << k))
            for i in range(16) for j in range(8) for k in range(8)]


def scan():
    """A port scan: each frame another source and port, none admitted."""
    for i in itertools.count():
        yield _attack(0xc0000200 | i % 251, 1024 + i // 251 % 60000,
                      1 + i % 65535)


def mixed(frames, attackers):
    """Endless blocks of victims' frames with attackers in between."""
    victims = [pcap.record(frame) for frame in frames]
    while True:
        yield _mixed(victims, attackers)
