# SPDX-License-Identifier: Apache-2.0
"""Raw Ethernet frames."""

import ipaddress
import random
import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58

# IEEE 802's number for local experiments: no stack answers it.
EXPERIMENTAL = 0x88b5
BROADCAST = "ff:ff:ff:ff:ff:ff"

# Addresses for tests.  FAR and HOST are no VNIC's.
RED = "02:00:00:00:00:0a"
BLUE = "02:00:00:00:00:0b"
GREEN = "02:00:00:00:00:0c"
FAR = "02:00:00:00:00:f0"
HOST = "02:00:00:00:00:f1"


def to_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def frame(dst, src=FAR, vlan=None, size=None, ethertype=EXPERIMENTAL):
    """A frame with a payload of random bytes, so that no two are the same.
    'size' is that of the untagged frame."""
    tag = b"" if vlan is None else bytes([0x81, 0, vlan >> 8, vlan & 0xff])
    payload = random.randbytes((size or random.randint(60, 1514)) - 14)
    return (to_bytes(dst) + to_bytes(src) + tag
            + ethertype.to_bytes(2, "big") + payload)


def untagged(tagged):
    return tagged[:12] + tagged[16:]


def tagged(frame, vlan):
    return frame[:12] + bytes([0x81, 0, vlan >> 8, vlan & 0xff]) + frame[12:]


def addressed_to(frames, mac):
    return [frame for frame in frames if frame[:6] == to_bytes(mac)]


def experimental(frames):
    """Ours among 'frames', tagged or not: no ARP and the like."""
    number = EXPERIMENTAL.to_bytes(2, "big")
    return [frame for frame in frames
            if number in (frame[12:14], frame[16:18])]


def transport(proto, tp_src, tp_dst, payload):
    """Without a checksum.  For ICMP the ports are type and code."""
    if proto == TCP:
        return struct.pack("!HHIIHHHH", tp_src, tp_dst, 0, 0, 0x5010, 1000, 0,
                           0) + payload
    if proto == UDP:
        return struct.pack("!HHHH", tp_src, tp_dst, 8 + len(payload),
                           0) + payload
    return struct.pack("!BBHI", tp_src, tp_dst, 0, 0) + payload


def packet(dst, nw_src, nw_dst, proto=UDP, tp_src=1000, tp_dst=2000, tos=0,
           payload=bytes(30), src=FAR):
    """A frame with an IP packet of either version, without checksums, for
    whoever doesn't look at them."""
    nw_src, nw_dst = map(ipaddress.ip_address, (nw_src, nw_dst))
    body = transport(proto, tp_src, tp_dst, payload)
    if nw_src.version == 4:
        kind = b"\x08\x00"
        header = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(body), 1, 0, 64,
                             proto, 0)
    else:
        kind = b"\x86\xdd"
        header = struct.pack("!IHBB", 6 << 28 | tos << 20, len(body), proto,
                             64)
    return (to_bytes(dst) + to_bytes(src) + kind + header + nw_src.packed
            + nw_dst.packed + body)
