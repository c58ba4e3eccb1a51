# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames with right lengths and checksums.

Addresses are bytes: 4 of them make IPv4 of a packet, 16 make IPv6.  Payloads
are zeros, so they are given as their length and no checksum needs to look at
them."""

import struct

FCS = 4                         # Counts in a frame's size, and isn't in it.
ETHERNET = 14
SMALLEST = 64
UDP, TCP = 17, 6
FIN, SYN, ACK = 0x01, 0x02, 0x10
VXLAN_PORT = 4789


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def with_checksum(header, offset, covered):
    """'header' with the checksum of 'covered' at 'offset'.  0xffff and 0 are
    the same to the receiver, except that 0 says "none" in UDP."""
    return (header[:offset] + struct.pack("!H", checksum(covered) or 0xffff)
            + header[offset + 2:])


def ip(src, dst, protocol, payload, ttl=64):
    if len(src) == 16:
        return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol,
                           ttl, src, dst) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0,
                         ttl, protocol, 0, src, dst)
    return with_checksum(header, 10, header) + payload


def _transport(src, dst, protocol, header, offset, n):
    # A pseudo header of IPv6 has the same sum as one of IPv4.
    pseudo = src + dst + struct.pack("!HH", protocol, len(header) + n)
    return ip(src, dst, protocol,
              with_checksum(header, offset, pseudo + header) + bytes(n))


def udp(src, dst, sport, dport, n, start=b""):
    """With n bytes of payload, of which 'start' are the first."""
    return _transport(src, dst, UDP, struct.pack(
        "!HHHH", sport, dport, 8 + n, 0) + start, 6, n - len(start))


def tcp(src, dst, sport, dport, seq, ack, flags, n=0, options=b"",
        urgent=0):
    offset = (20 + len(options)) // 4 << 4
    return _transport(src, dst, TCP, struct.pack(
        "!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
        offset, flags, 0xffff, 0, urgent) + options, 16, n)


def ethernet(dst, src, packet):
    """Brought to the smallest size that a frame can have."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return (dst + src + kind + packet).ljust(SMALLEST - FCS, b"\0")


def vxlan(src, dst, sport, vni, frame):
    """'frame' as an IPv4 packet.  The outer UDP checksum is zero, as RFC 7348
    wants it."""
    payload = struct.pack("!II", 0x08 << 24, vni << 8) + frame
    return ip(src, dst, UDP, struct.pack(
        "!HHHH", sport, VXLAN_PORT, 8 + len(payload), 0) + payload)


def room(size, version=4, transport=8):
    """The payload of a frame of 'size' bytes."""
    return max(0, size - FCS - ETHERNET - (40 if version == 6 else 20)
               - transport)
