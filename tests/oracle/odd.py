# SPDX-License-Identifier: Apache-2.0
"""Frames of a connection with something wrong, or just unusual."""

import packets as p


def patched(frame, at, data):
    return frame[:at] + data + frame[at + len(data):]


def flipped(frame, at):
    return patched(frame, at, bytes([frame[at] ^ 0x55])) \
        if at < len(frame) else frame


def fix_ip(frame, at):
    """IPv4 with a header checksum that is right again."""
    n = 4 * (frame[at] & 15)
    frame = patched(frame, at + 10, b"\0\0")
    return patched(frame, at + 10,
                   p.checksum(frame[at:at + n]).to_bytes(2, "big"))


def with_options(frame, at):
    """No operation, three times, and end of list."""
    total = int.from_bytes(frame[at + 2:at + 4], "big") + 4
    header = (b"\x46" + frame[at + 1:at + 2] + total.to_bytes(2, "big")
              + frame[at + 4:at + 20] + b"\1\1\1\0")
    return fix_ip(frame[:at] + header + frame[at + 20:], at)


def with_total(frame, at, change):
    total = max(0, int.from_bytes(frame[at + 2:at + 4], "big") + change)
    return fix_ip(patched(frame, at + 2, (total & 0xffff).to_bytes(2, "big")),
                  at)


def with_ttl(frame, at, ttl):
    return fix_ip(patched(frame, at + 8, bytes([ttl])), at)


def make_odd_ipv4(rnd, frame, at, may_fragment):
    l4 = at + 20
    what = rnd.randrange(12)
    if what == 0:
        return flipped(frame, at + 11)              # IP checksum.
    if what == 1:                                   # L4 checksum.
        return flipped(frame, l4 + {p.TCP: 17, p.UDP: 7}.get(frame[at + 9],
                                                             3))
    if what == 2:
        return with_options(frame, at)
    if what == 3:
        return with_total(frame, at, rnd.choice((-30, -1, 1, 9, 1000)))
    if what == 4:
        return with_ttl(frame, at, rnd.choice((0, 1, 1, 1)))
    if what == 5 and frame[at + 9] == p.UDP:
        length = int.from_bytes(frame[l4 + 4:l4 + 6], "big")
        return patched(frame, l4 + 4, (length + rnd.choice(
            (-9, -1, 1, 7)) & 0xffff).to_bytes(2, "big"))
    if what == 6 and frame[at + 9] == p.TCP:
        return patched(frame, l4 + 12,
                       bytes([rnd.choice((0x10, 0x40, 0x60, 0xf0))]))
    if what == 7:                                   # Header length, version.
        return patched(frame, at, bytes([rnd.choice((0x44, 0x4f, 0x55, 0))]))
    if what == 8:
        return patched(frame, at + 6, rnd.choice(
            (b"\x40\0", b"\x80\0", b"\x20\0", b"\0\x01")
            if may_fragment else (b"\x40\0", b"\x80\0")))
    if what == 9 and frame[at + 9] == p.UDP:
        return patched(frame, l4 + 6, b"\0\0")
    return None


def make_odd_ipv6(rnd, frame, at, _):
    what = rnd.randrange(6)
    if what == 0:
        return flipped(frame, at + 40 + {p.TCP: 17, p.UDP: 7}.get(
            frame[at + 6], 3))
    if what == 1:
        return patched(frame, at + 7, bytes([rnd.choice((0, 1))]))
    if what == 2:
        length = int.from_bytes(frame[at + 4:at + 6], "big")
        return patched(frame, at + 4, (length + rnd.choice(
            (-8, -1, 1, 50)) & 0xffff).to_bytes(2, "big"))
    if what == 3:                                   # A hop-by-hop header.
        length = int.from_bytes(frame[at + 4:at + 6], "big") + 8
        return (frame[:at + 4] + length.to_bytes(2, "big") + b"\0"
                + frame[at + 7:at + 40] + frame[at + 6:at + 7]
                + b"\0\1\4\0\0\0\0" + frame[at + 40:])
    return None


def make_odd(rnd, frame, may_fragment):
    """Any of these, or a frame that is too short or padded."""
    found = p.l3_offset(frame)
    odd = None
    if found and len(frame) >= found[0] + 44:
        at, eth_type = found
        odd = (make_odd_ipv4 if eth_type == p.ETH_IP else make_odd_ipv6)(
            rnd, frame, at, may_fragment)
    if odd:
        return odd
    if rnd.random() < 0.3:
        return frame[:rnd.randrange(14, len(frame))]
    return frame + bytes(rnd.choice((1, 6, 255, 256, 300)))
