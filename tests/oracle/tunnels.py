# SPDX-License-Identifier: Apache-2.0
"""Frames in tunnels.

As a program it prints some in hexadecimal, for tests/cache.at, which are of
UDP inside:

    tunnels.py INNER-SOURCE-PORT KIND|plain [NAME=VALUE...]"""

import ipaddress
import random
import struct
import sys

sys.dont_write_bytecode = True

import packets as p                                     # noqa: E402

GRE_CSUM, GRE_KEY, GRE_SEQ = 0x8000, 0x2000, 0x1000
TEB = 0x6558
# Of the oracle's tunnels: the bridge's address, and whence they come.
HERE = {4: "10.200.0.1", 6: "fdc8::1"}
THERE = {4: "10.200.0.2", 6: "fdc8::2"}
MAC_HERE, MAC_THERE = "02:00:00:00:00:99", "02:00:00:00:00:98"
FIRST_PORT = 10                 # That to port N of the others is N more.
PORTS = {"vxlan": 4789, "geneve": 6081}
KINDS = ("vxlan", "geneve", "gre")


def address(text):
    return ipaddress.ip_address(text).packed


def gre(frame, key, has_checksum, seq):
    flags = GRE_KEY | (GRE_CSUM if has_checksum else 0)
    flags |= GRE_SEQ if seq is not None else 0
    data = struct.pack("!HH", flags, TEB)
    data += bytes(4) if has_checksum else b""
    data += struct.pack("!I", key)
    data += struct.pack("!I", seq) if seq is not None else b""
    data += frame
    if has_checksum:
        data = data[:4] + p.checksum(data).to_bytes(2, "big") + data[6:]
    return data


def udp(kind, frame, src, dst, key, sport, has_checksum, options):
    if kind == "vxlan":
        header = struct.pack("!II", 0x08 << 24, key << 8)
    else:
        header = struct.pack("!BBHI", len(options) // 4, 0, TEB, key << 8)
    return p.udp(src, dst, (sport, PORTS[kind]), header + options + frame,
                 has_checksum)


def encapsulate(frame, kind, src, dst, key, ethernet, sport=50000, tos=0,
                ttl=64, has_checksum=False, options=b"", seq=None, ident=0):
    """'src' and 'dst' are bytes; 'ethernet' is the outer header's two
    addresses, 'ident' the number of the flow."""
    if kind == "gre":
        protocol, data = p.GRE, gre(frame, key, has_checksum, seq)
    else:
        protocol = p.UDP
        data = udp(kind, frame, src, dst, key, sport, has_checksum, options)
    if len(src) == 4:
        return (ethernet + b"\x08\x00"
                + p.ipv4(src, dst, protocol, data, ident << 4, tos=tos,
                         ttl=ttl))
    return (ethernet + b"\x86\xdd"
            + p.ipv6(src, dst, protocol, data, ident, tos=tos, ttl=ttl))


class Tunnel:
    """From who would else be at 'port'."""

    def __init__(self, rnd, port):
        self.port, self.kind = port, rnd.choice(KINDS)
        self.version = rnd.choice((4, 4, 6))

    def number(self):
        return FIRST_PORT + self.port

    def fields(self, rnd):
        """Of a connection's packets."""
        return {"sport": rnd.choice((50000, 50001, rnd.randrange(1024,
                                                                 65536))),
                "tos": rnd.choice((0, 0, 0, 2, 0xb8)),
                "ttl": rnd.choice((64, 64, 64, 3, 1)),
                "has_checksum": self.version == 6 or rnd.random() < 0.3,
                "options": bytes.fromhex(rnd.choice((
                    "", "", "0102000100000004", "01020000 0103000200000000"
                    "00000001"))) if self.kind == "geneve" else b"",
                "seq": rnd.choice((None, None, 1))}

    def wrap(self, frame, fields, flow):
        return encapsulate(
            frame, self.kind, address(THERE[self.version]),
            address(HERE[self.version]), self.port,
            bytes.fromhex((MAC_HERE + MAC_THERE).replace(":", "")),
            ident=flow, **fields)

    def spoil(self, rnd, frame):
        """An outer header that isn't as it should be."""
        at = rnd.randrange(min(80, len(frame)))
        what = rnd.randrange(4)
        if what == 0:
            return frame + bytes(rnd.choice((1, 4, 300)))
        if what == 1:
            return frame[:rnd.randrange(14, 120)]
        return (frame[:at] + bytes([frame[at] ^ 1 << rnd.randrange(8)])
                + frame[at + 1:])


def inside(sport, ttl):
    src, dst = address("10.0.0.1"), address("10.0.0.2")
    return (bytes.fromhex("0a00000000020a000000000108 00")
            + p.ipv4(src, dst, p.UDP, p.udp(src, dst, (sport, 2), bytes(30)),
                     7, ttl=ttl))


def main():
    fields = {"key": 123, "src": "1.1.2.92", "dst": "1.1.2.88",
              "n": 1, "spoil": 0}
    types = {"src": str, "dst": str, "options": bytes.fromhex}
    for arg in sys.argv[3:]:
        name, value = arg.split("=")
        fields[name] = types.get(name, int)(value)
    src, dst = address(fields.pop("src")), address(fields.pop("dst"))
    n, spoil = fields.pop("n"), fields.pop("spoil")
    inner = inside(int(sys.argv[1]), fields.pop("inner_ttl", 64))
    for _ in range(n):
        frame = bytearray(inner if sys.argv[2] == "plain" else encapsulate(
            inner, sys.argv[2], src, dst,
            ethernet=bytes.fromhex("aa55aa550000f8bc124434b6"),
            # What varies in IPv6 is a label, on which flows depend.
            ident=random.randrange(4096) if len(src) == 4 else 0, **fields))
        if spoil:
            frame[spoil] ^= 1
        print(frame.hex())


if __name__ == "__main__":
    main()
