# SPDX-License-Identifier: Apache-2.0
"""Frames, as bytes.

Each tells its flow, that is one direction of a connection, where Open vSwitch
never writes: IPv4 in the upper 12 bits of the identification, IPv6 in the flow
label.  The comparison needs that for the order within a flow, and the
trace to learn which addresses a connection got from NAT.  The lower bits of
the identification vary, and so does a serial number in the payload."""

import struct

ETH_IP, ETH_IPV6, ETH_ARP = 0x0800, 0x86dd, 0x0806
TPIDS = (0x8100, 0x88a8)
ICMP, TCP, UDP, ICMPV6, SCTP, FRAGMENT6 = 1, 6, 17, 58, 132, 44
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
MAX_FLOWS = 4096
GRE = 47
# See tunnels.py.
TUNNEL_IP4, TUNNEL_IP6 = b"\x0a\xc8\x00", b"\xfd\xc8"
GENEVE_PORT = b"\x17\xc1"

VLAN = struct.Struct("!HH")
IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
IPV6_HEADER = struct.Struct("!IHBB16s16s")
PORTS = struct.Struct("!HH")
TCP_HEADER = struct.Struct("!HHIIBBHHH")
UDP_HEADER = struct.Struct("!HHHH")
ICMP_HEADER = struct.Struct("!BBHHH")


def checksum(data):
    """Of the Internet.  2**16 is 1 modulo 65535, so the sum in one's
    complement is that of a big number, but for the two kinds of zero."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    return 65535 - (number % 65535 or (65535 if number else 0))


def pseudo_header(src, dst, protocol, length):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, protocol, length)
    return src + dst + struct.pack("!II", length, protocol)


def with_checksum(segment, at, src, dst, protocol):
    total = checksum(pseudo_header(src, dst, protocol, len(segment))
                     + segment)
    if protocol == UDP and not total:
        total = 0xffff
    return segment[:at] + total.to_bytes(2, "big") + segment[at + 2:]


def tcp(src, dst, ports, seq, ack, flags, window=4096, options=b"",
        payload=b""):
    header = TCP_HEADER.pack(*ports, seq & 0xffffffff, ack & 0xffffffff,
                             (20 + len(options)) << 2, flags, window, 0, 0)
    return with_checksum(header + options + payload, 16, src, dst, TCP)


def udp(src, dst, ports, payload, has_checksum=True):
    data = UDP_HEADER.pack(*ports, 8 + len(payload), 0) + payload
    return with_checksum(data, 6, src, dst, UDP) if has_checksum else data


def icmp(kind, code, first, second, payload):
    data = ICMP_HEADER.pack(kind, code, 0, first, second) + payload
    return data[:2] + checksum(data).to_bytes(2, "big") + data[4:]


def icmpv6(src, dst, kind, code, first, second, payload):
    data = ICMP_HEADER.pack(kind, code, 0, first, second) + payload
    return with_checksum(data, 2, src, dst, ICMPV6)


def ipv4(src, dst, protocol, payload, ident, tos=0, ttl=64, fragment=0,
         options=b""):
    words = 5 + len(options) // 4
    header = IP_HEADER.pack(0x40 | words, tos, 4 * words + len(payload),
                            ident & 0xffff, fragment, ttl, protocol, 0, src,
                            dst) + options
    return (header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
            + payload)


def ipv6(src, dst, protocol, payload, label, tos=0, ttl=64):
    return IPV6_HEADER.pack(6 << 28 | tos << 20 | label, len(payload),
                            protocol, ttl, src, dst) + payload


def l3_offset(frame):
    """(offset of the network header, Ethernet type), or None."""
    at = 12
    while len(frame) >= at + 2:
        eth_type = frame[at] << 8 | frame[at + 1]
        if eth_type not in TPIDS:
            return at + 2, eth_type
        at += 4
    return None


def inside(frame):
    """What is in a tunnel between the ends that tunnels.py has; any other
    frame as it is."""
    if frame[12:14] == b"\x08\x00" and frame[26:29] == TUNNEL_IP4:
        at, protocol = 34, frame[23]
    elif frame[12:14] == b"\x86\xdd" and frame[22:24] == TUNNEL_IP6:
        at, protocol = 54, frame[20]
    else:
        return frame
    if len(frame) < at + 34:
        return frame
    if protocol == GRE:
        flags = frame[at] >> 4
        end = at + 4 + 4 * (flags >> 3) + 4 * (flags >> 1 & 1) + 4 * (flags
                                                                      & 1)
    elif protocol == UDP:
        end = at + 16
        if frame[at + 2:at + 4] == GENEVE_PORT:
            end += 4 * (frame[at + 8] & 63)
    else:
        return frame
    return frame[end:] if len(frame) >= end + 34 else frame


def tunnel_of(frame):
    """Which tunnel it is in: a packet may be sent into several."""
    n = len(frame) - len(inside(frame))
    if not n:
        return b""
    l4 = 34 if frame[12] == 8 else 54
    return frame[12:14] + (frame[l4 + 2:l4 + 4] + frame[l4 + 8:l4 + 16]
                           if n > l4 + 12 else frame[l4:n])


def flow_of(frame):
    """The number of the flow, or None if the frame doesn't tell."""
    frame = inside(frame)
    at = 12
    try:
        while True:
            eth_type = frame[at] << 8 | frame[at + 1]
            if eth_type == ETH_IP:
                return (frame[at + 6] << 8 | frame[at + 7]) >> 4
            if eth_type == ETH_IPV6:
                return ((frame[at + 3] & 15) << 16 | frame[at + 4] << 8
                        | frame[at + 5])
            if eth_type not in TPIDS:
                return None
            at += 4
    except IndexError:
        return None


def token_of(frame):
    """What no pipeline changes, of a frame that flow_of() knows: the
    identification, and of TCP, UDP and what is in them all but ports and
    checksums.  Not all of it, for a frame may be cut."""
    frame = inside(frame)
    at, eth_type = l3_offset(frame)
    ident, l4 = (frame[at + 4:at + 6], at + 20) if eth_type == ETH_IP \
        else (b"", at + 40)
    at += 9 if eth_type == ETH_IP else 6
    if frame[at:at + 1] == bytes([TCP]):
        return ident + frame[l4 + 4:l4 + 16] + frame[l4 + 20:l4 + 28]
    return ident + frame[l4 + 8:l4 + 24]


def outer_of(outer):
    """The same of a tunnel's headers: without lengths, checksums and
    identification."""
    if outer[12] == 8:
        l4, is_udp = 34, outer[23] == UDP
        ip = outer[:16] + outer[22:24] + outer[26:34]
    else:
        l4, is_udp = 54, outer[20] == UDP
        ip = outer[:18] + outer[20:54]
    if not is_udp:              # Flags, not GRE's checksum or key.
        return ip + outer[l4:l4 + 4]
    return (ip + outer[l4:l4 + 4] + bytes([any(outer[l4 + 6:l4 + 8])])
            + outer[l4 + 8:])


def header_of(frame):
    """All that OpenFlow can match in a frame that flow_of() knows."""
    inner = inside(frame)
    if len(inner) < len(frame):
        return outer_of(frame[:len(frame) - len(inner)]) + header_of(inner)
    at, eth_type = l3_offset(frame)
    if eth_type == ETH_IP:
        l4 = at + 20
        header = frame[:at + 2] + frame[at + 6:at + 10] + frame[at + 12:l4 + 4]
        is_tcp = frame[at + 9:at + 10] == bytes([TCP])
    else:
        l4 = at + 40
        header = frame[:at + 4] + frame[at + 6:l4 + 4]
        is_tcp = frame[at + 6:at + 7] == bytes([TCP])
    return header + frame[l4 + 13:l4 + 14] if is_tcp else header


def parse(frame):
    """(Ethernet addresses and tags, network source, destination, ports) of a
    frame without IP options, or None."""
    frame = inside(frame)
    found = l3_offset(frame)
    if not found:
        return None
    at, eth_type = found
    if eth_type == ETH_IP and len(frame) >= at + 24:
        src, dst = frame[at + 12:at + 16], frame[at + 16:at + 20]
        ports = at + 20
    elif eth_type == ETH_IPV6 and len(frame) >= at + 44:
        src, dst = frame[at + 8:at + 24], frame[at + 24:at + 40]
        ports = at + 40
    else:
        return None
    return frame[:at], src, dst, PORTS.unpack_from(frame, ports)


def reverse_ethernet(header):
    return header[6:12] + header[:6] + header[12:]
