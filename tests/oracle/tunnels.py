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

GRE = 47
GRE_CSUM, GRE_KEY, GRE_SEQ = 0x8000, 0x2000, 0x1000
TEB = 0x6558
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
    addresses."""
    if kind == "gre":
        protocol, data = GRE, gre(frame, key, has_checksum, seq)
    else:
        protocol = p.UDP
        data = udp(kind, frame, src, dst, key, sport, has_checksum, options)
    if len(src) == 4:
        return (ethernet + b"\x08\x00"
                + p.ipv4(src, dst, protocol, data, ident, tos=tos, ttl=ttl))
    return (ethernet + b"\x86\xdd"
            + p.ipv6(src, dst, protocol, data, 0, tos=tos, ttl=ttl))


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
            ident=random.randrange(65536), **fields))
        if spoil:
            frame[spoil] ^= 1
        print(frame.hex())


if __name__ == "__main__":
    main()
