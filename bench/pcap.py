# SPDX-License-Identifier: Apache-2.0
"""The frames that DPDK's pcap driver hands out again and again."""

import random
import struct

from transactions import mac

N_FRAMES = 4096                 # At least.
SEED = 8005022


def checksum(header):
    total = sum(struct.unpack("!%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(i, flow, size):
    """A UDP datagram to address 'i', 'size' bytes with the FCS that it doesn't
    have.  Each address has an IP address of its own (in RFC 2544's network):
    otherwise all would have the same hash in Open vSwitch's EMC."""
    payload = size - 4 - 14
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, payload, 0, 0, 64, 17, 0,
                     bytes([192, 0, 2, 1]), bytes([198, 18, *divmod(i, 256)]))
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 1024 + flow, 9, payload - 20, 0)
    return (bytes.fromhex(mac(i).replace(":", ""))
            + bytes.fromhex("0a0000000001") + b"\x08\x00" + ip + udp
            ).ljust(size - 4, b"\0")


def write(path, n, options):
    """Frames to n addresses, to each as many as to any other."""
    total = -(-max(N_FRAMES, n * options.flows) // n) * n
    order = [(i % n, i // n % options.flows) for i in range(total)]
    if options.order == "random":
        random.Random(SEED).shuffle(order)
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, flow in order:
            data = frame(i, flow, options.size)
            f.write(struct.pack("=IIII", 0, 0, len(data), len(data)) + data)
