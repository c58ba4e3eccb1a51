# SPDX-License-Identifier: Apache-2.0
"""What the generator of bench-cache hands out.

Flow i is a connection of guest i % 100 from a port that no other flow of the
guest has.  Each guest has addresses of its own, so the MAC addresses that
routing un-wildcards make 100 megaflows."""

import collections
import itertools
import random

import packets
from packets import ACK, SYN

GUESTS, SERVERS = 100, 200
FIRST_PORT = 1024
SEED = 8005022
SHORTEST = 4096                 # Frames.
# Open vSwitch's pool has 262,144 mbufs, and forwarding needs some, too.
LONGEST = 3 << 16
# Between packets of one connection, or a burst may reorder them.
BURST = 32
IMIX = [64] * 28 + [570] * 16 + [1518] * 4
SIZES = {"64": [64], "IMIX": IMIX, "1518": [1518]}
ORDERS = ("sequential", "random", "zipf")

GATEWAY = bytes.fromhex("02ff00000001")
NAT_PREFIX = "198.51.100."
ACL_SOURCE, ACL_PORT = "203.0.113.1", 9999
VXLAN_LOCAL, VXLAN_REMOTE, VNI = (172, 16, 0, 1), (172, 16, 0, 2), 5000

# 'setup' is sent once, before 'frames' are again and again.  'flows' is how
# many different ones there are.
Trace = collections.namedtuple("Trace", "frames flows setup")


def guest_mac(guest):
    return bytes([2, 0, 0, 0, 0, guest + 1])


def guest_ip(guest):
    return bytes([10, 0, 0, guest + 1])


def nat_ip(guest):
    return bytes([*map(int, NAT_PREFIX.split(".")[:3]), guest + 1])


def server_ip(i):
    return bytes([198, 18, *divmod(i % 65535 + 1, 256)])


def ends(i):
    """(guest, its port, number of its server) of flow i."""
    guest, rest = i % GUESTS, i // GUESTS
    return guest, FIRST_PORT + rest, rest % SERVERS


def order_of(n, order):
    """Numbers of flows, in the order in which they are sent."""
    rng = random.Random(SEED)
    if order == "zipf":         # With exponent 1.
        weights = list(itertools.accumulate(1 / (i + 1) for i in range(n)))
        length = max(SHORTEST, 2 * n if n > LONGEST else min(4 * n, LONGEST))
        return rng.choices(range(n), cum_weights=weights, k=length)
    numbers = []
    for _ in range(-(-SHORTEST // n)):
        turn = list(range(n))
        if order == "random":
            rng.shuffle(turn)
        numbers += turn
    return numbers


def sizes_of(size):
    mix = list(SIZES[size])
    random.Random(SEED).shuffle(mix)
    return itertools.cycle(mix)


def udp4(i, size):
    guest, port, server = ends(i)
    return packets.ethernet(GATEWAY, guest_mac(guest), packets.udp(
        guest_ip(guest), server_ip(server), port, 80, packets.room(size)))


def udp6(i, size):
    guest, port, server = ends(i)
    def address(network, host):
        return bytes.fromhex("20010db8000%d" % network) + host.to_bytes(
            10, "big")

    return packets.ethernet(GATEWAY, guest_mac(guest), packets.udp(
        address(1, guest + 1), address(2, server + 1), port, 80,
        packets.room(size, 6)))


def vxlan(i, size):
    """'size' is the inner frame's.  The sender takes one of 16,384 outer
    ports by the inner addresses."""
    return packets.ethernet(
        bytes.fromhex("02cc00000001"), bytes.fromhex("02cc00000002"),
        packets.vxlan(bytes(VXLAN_REMOTE), bytes(VXLAN_LOCAL),
                      49152 + i * 40503 % 16384, VNI, udp4(i, size)))


def one_way(make, n, order, size):
    numbers = order_of(n, order)
    made = {}                   # Most are sent more than once.
    frames = []
    for i, length in zip(numbers, sizes_of(size)):
        if (i, length) not in made:
            made[i, length] = make(i, length)
        frames.append(made[i, length])
    return Trace(frames, len(set(numbers)), [])


# TCP.  The client's and the server's first sequence number, and the step that
# is taken with each segment: the eighth leads to where the first began, so
# that the sequence numbers move on for ever.  Others might have got lost on
# the way; the window, scaled by 2**14, is large enough for that.
CLIENT_ISN, SERVER_ISN = 1000, 5000
STEP, STEPS = 1 << 29, 8
WINDOW_SCALE = b"\x01\x03\x03\x0e"


def tcp(i, seq, ack, flags, n=0, options=b"", is_reply=False):
    guest, port, server = ends(i)
    if is_reply:
        return packets.ethernet(guest_mac(guest), GATEWAY, packets.tcp(
            server_ip(server), nat_ip(guest), 80, port, seq, ack, flags, n,
            options))
    return packets.ethernet(GATEWAY, guest_mac(guest), packets.tcp(
        guest_ip(guest), server_ip(server), port, 80, seq, ack, flags, n,
        options))


def handshakes(numbers):
    client, server = CLIENT_ISN, SERVER_ISN
    return ([tcp(i, client, 0, SYN, options=WINDOW_SCALE) for i in numbers]
            + [tcp(i, server, client + 1, SYN | ACK, options=WINDOW_SCALE,
                   is_reply=True) for i in numbers]
            + [tcp(i, client + 1, server + 1, ACK) for i in numbers])


def data(numbers, lengths, step):
    """A segment and an acknowledgement for each."""
    seq = CLIENT_ISN + 1 + step * STEP
    lengths = [packets.room(next(lengths), transport=20) for _ in numbers]
    return ([tcp(i, seq, SERVER_ISN + 1, ACK, n)
             for i, n in zip(numbers, lengths)]
            + [tcp(i, SERVER_ISN + 1, seq + n, ACK, is_reply=True)
               for i, n in zip(numbers, lengths)])


def two_way(n, order, size):
    """Established TCP connections, data one way and acknowledgements the
    other.  Where there is no room for eight segments of each connection, or
    where in Zipf's order some come too soon, one segment is retransmitted for
    ever."""
    lengths = sizes_of(size)
    numbers = order_of(n, order)
    if order == "zipf":
        numbers = numbers[:LONGEST // 2]
        blocks = [numbers[i:i + 2 * BURST]
                  for i in range(0, len(numbers), 2 * BURST)]
        frames = [frame for block in blocks
                  for frame in data(block, lengths, 0)]
    else:
        numbers = numbers[:n]
        steps = STEPS if 2 * n * STEPS <= LONGEST else 1
        frames = [frame for step in range(steps)
                  for frame in data(numbers, lengths, step)]
    distinct = sorted(set(numbers))
    return Trace(frames, len(distinct), handshakes(distinct))


