# SPDX-License-Identifier: Apache-2.0
"""Frames as an attacker on a link would send, and who must get them.

forged() makes them from a few tables: addresses of VNICs, all that differ from
these in one bit, others' and random ones, every kind of tag, good and bad
EtherTypes, cut short anywhere.  The same seed gives the same frames.

Oracle says whose each frame is, from the manual rather than from the
classifier's source, and what the VNIC's port must see of it.
"""

import random
import struct

from frames import FAR, HOST, to_bytes

PCAP_HEADER = struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
PCAP_RECORD = struct.Struct("=IIII")
CUSTOMER, SERVICE = b"\x81\x00", b"\x88\xa8"


def write_pcap(path, *lists):
    with open(path, "wb") as pcap:
        pcap.write(PCAP_HEADER)
        for frames in lists:
            pcap.writelines(PCAP_RECORD.pack(0, 0, len(f), len(f)) + f
                            for f in frames)


def read_pcap(path):
    with open(path, "rb") as pcap:
        data = pcap.read()
    offset, frames = len(PCAP_HEADER), []
    while offset < len(data):
        start = offset + PCAP_RECORD.size
        offset = start + PCAP_RECORD.unpack_from(data, offset)[2]
        frames.append(data[start:offset])
    return frames


# Tables.  One entry of each is drawn per frame; None stands for random bytes.

def near_misses(mac):
    """All addresses that differ from 'mac' in one bit, and some that a
    mistake about byte order or length would confuse with it."""
    number = int.from_bytes(mac, "big")
    flipped = [(number ^ 1 << bit).to_bytes(6, "big") for bit in range(48)]
    return flipped + [mac[::-1], mac[1:] + mac[:1], mac[:5] + b"\0"]


def addresses(macs):
    misses = [miss for mac in macs for miss in near_misses(mac)]
    others = [to_bytes(FAR), to_bytes(HOST), bytes(6), b"\xff" * 6,
              bytes.fromhex("01005e000063"), bytes.fromhex("333300000001"),
              bytes.fromhex("0180c2000000"), bytes.fromhex("0180c2000002"),
              bytes.fromhex("0180c200000e")]
    return (macs * (3 * len(misses) // len(macs)) + misses + others
            + 20 * [None])


def tags(vlans):
    """None, one, two or three tags of either kind, whole."""
    def tag(kind, vlan, pcp=0):
        return kind + (pcp << 13 | vlan).to_bytes(2, "big")
    near = {vlan ^ 1 << bit for vlan in vlans for bit in range(12)}
    ids = [0, 4094, 4095, *vlans, *sorted(near)]
    right = [tag(CUSTOMER, vlan) for vlan in vlans]
    single = [tag(CUSTOMER, vlan, pcp) for vlan in ids for pcp in (0, 7)]
    service = [tag(SERVICE, vlan) for vlan in ids]
    double = [outer + tag(CUSTOMER, vlan)
              for outer in right + service[:8] for vlan in ids[:8]]
    triple = [outer + tag(CUSTOMER, 0) for outer in double[:8]]
    rest = single + service + double + triple
    return len(rest) * [b""] + len(rest) // len(vlans) * right + rest


# IPv4, ARP, IPv6, MPLS, LLDP, slow protocols, pause, LLC, SNAP, PPPoE, NSH,
# PTP, PBB, CFM and some that nobody has: few enough for a flow of each.
ETHERTYPES = [number.to_bytes(2, "big") for number in (
    0x0800, 0x0806, 0x86dd, 0x8847, 0x8848, 0x88cc, 0x8809, 0x8808, 0x0010,
    0x05dc, 0x8863, 0x8864, 0x894f, 0x88f7, 0x88e7, 0x8902, 0x88b5, 0xffff)]
SIZES = [0, 1, 2, 28, 42, 46, 46, 46, 46, 64, 64, 100, 180, 400]
CUT_SIZES = 20                  # Headers that end early have fewer bytes.


def forged(n, macs, vlans, seed=8005022):
    """'n' frames, each with its number at the start of its payload, if it has
    so many bytes of it."""
    rng = random.Random(seed)
    hosts, labels = addresses(macs), tags(vlans)
    noise = rng.randbytes(1 << 16)
    frames = []
    for i in range(n):
        draw = rng.getrandbits(64)
        draw, start = draw >> 14, draw & 0x3fff
        draw, j = divmod(draw, len(hosts))
        draw, k = divmod(draw, len(labels))
        draw, cut = divmod(draw, 50)
        size = SIZES[draw % len(SIZES)]
        made = ((hosts[j] or noise[start:start + 6])
                + (hosts[draw % len(hosts)] or noise[start + 6:start + 12])
                + labels[k] + ETHERTYPES[draw % len(ETHERTYPES)]
                + i.to_bytes(4, "big") + noise[start:start + size])
        frames.append(made if cut else made[:draw % CUT_SIZES])
    return frames


class Oracle:
    """'vnics' is {name: (MAC address in bytes, VLAN)}.  After it has taken
    all frames:

        expected    {name: what its port must see, in order}
        unclaimed, malformed, flooded, unicast   how many frames are such
        unwanted    of the flooded ones, those in a VLAN of no VNIC
    """

    def __init__(self, vnics):
        self.by_key = {key: name for name, key in vnics.items()}
        self.vnics = vnics
        self.expected = {name: [] for name in vnics}
        self.unclaimed = self.malformed = self.flooded = self.unicast = 0
        self.unwanted = 0

    @staticmethod
    def vlan(frame):
        """None if it is in no VLAN that a VNIC can be in."""
        if frame[12:14] == SERVICE:
            return None
        if frame[12:14] != CUSTOMER:
            return 0
        if len(frame) < 18:
            return None
        vlan = int.from_bytes(frame[14:16], "big") & 0xfff
        return None if vlan == 4095 else vlan

    def take(self, frame):
        if len(frame) < 14:
            self.malformed += 1
            return
        vlan = self.vlan(frame)
        seen = frame[:12] + frame[16:] if vlan else frame
        if frame[0] & 1:
            self.flooded += 1
            self.unwanted += all(of != vlan for _, of in self.vnics.values())
            for name, (_, of) in self.vnics.items():
                if of == vlan:
                    self.expected[name].append(seen)
        elif (name := self.by_key.get((frame[:6], vlan))):
            self.unicast += 1
            self.expected[name].append(seen)
        else:
            self.unclaimed += 1
