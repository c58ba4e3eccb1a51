# SPDX-License-Identifier: Apache-2.0
"""Raw Ethernet frames."""

import random

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
