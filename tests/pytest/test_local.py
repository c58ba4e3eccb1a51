# SPDX-License-Identifier: Apache-2.0
"""Local and forwarding rings: what ends in a guest is merged, what the guest
routes stays as it is.  See rings.py for the guest."""

import hashlib
import json
import random
import socket
import threading
import time
from subprocess import PIPE

import pytest

from frames import FAR, RED
from netns import call_in
from rings import Router, far_end
from test_dpdk import AS_DPDK, dpdk                   # noqa: F401
from waiting import wait_for

FULL = 1514                     # Bytes of the longest frame.
IP, IPV6 = b"\x08\x00", b"\x86\xdd"


@pytest.fixture
def router(sb):
    far_end(sb)
    return Router(sb)


@pytest.fixture(params=["main", "pmd"])
def any_router(request):
    """The main thread or a PMD thread polls the link."""
    if request.param == "pmd":
        return Router(request.getfixturevalue("dpdk"), AS_DPDK)
    return request.getfixturevalue("router")


def serve(server, ip, size=6000000):
    """Serves as many random digits; returns their SHA-256."""
    text = random.randbytes(size // 2).hex()
    server.serve_http(ip, text)
    return hashlib.sha256(text.encode()).hexdigest()


def fetch(client, ip):
    return client.run("sh", "-c", f"curl -sS --max-time 20 http://{ip}/ "
                      "| sha256sum").split()[0]


def tcp_to(frames, ip):
    """The TCP segments with data among 'frames' for the IPv4 address."""
    def has_data(frame):
        return len(frame) > 14 + 20 + 4 * (frame[46] >> 4)
    address = bytes(int(byte) for byte in ip.split("."))
    return [frame for frame in frames
            if frame[12:14] == IP and frame[23] == 6
            and frame[30:34] == address and has_data(frame)]


def test_own_segments_are_merged(any_router):
    digest = serve(any_router.far, "10.0.0.1")
    sent = any_router.far.wire(outgoing=True)
    received = any_router.guest.wire()

    assert fetch(any_router.guest, "10.0.0.1") == digest

    sent = tcp_to(sent.collect(0.2), "10.0.0.2")
    received = tcp_to(received.collect(0.2), "10.0.0.2")
    assert max(map(len, sent)) <= FULL
    assert max(map(len, received)) > 4 * FULL
    assert len(received) < len(sent) / 2
    _, local, forward = any_router.taken()
    assert local >= len(received) and not forward


def narrow(client):
    """Fewer segments on their way to it than any queue has room for."""
    client.run("sysctl", "-qw", "net.ipv4.tcp_rmem=4096 65536 131072")


def test_merged_segments_are_counted(router):
    narrow(router.guest)
    serve(router.far, "10.0.0.1")
    sent = router.far.wire(outgoing=True)
    received = router.guest.wire()
    fetch(router.guest, "10.0.0.1")

    n = (len(tcp_to(sent.collect(0.2), "10.0.0.2"))
         - len(tcp_to(received.collect(0.2), "10.0.0.2")))
    assert n
    wait_for(lambda: f"merged={n}" in router.sb.vsctl(
        "--bare", "--columns=statistics", "find", "VNIC_Ring", "id=1").split(),
        f"{n} in the statistics")


def as_routed(frame):
    """What a router leaves of an IPv4 packet: all but TTL and checksum."""
    return frame[14:22] + frame[23:24] + frame[26:]


def test_routed_packets_stay_as_they_are(any_router):
    digest = serve(any_router.far, "10.0.0.1")
    narrow(any_router.third)
    sent = any_router.far.wire(outgoing=True)
    received = any_router.third.wire()

    assert fetch(any_router.third, "10.0.0.1") == digest

    sent = tcp_to(sent.collect(0.2), "10.9.0.2")
    received = tcp_to(received.collect(0.2), "10.9.0.2")
    assert len(sent) >= 6000000 / 1448
    assert max(map(len, received)) <= FULL
    assert list(map(as_routed, received)) == list(map(as_routed, sent))
    _, local, forward = any_router.taken()
    assert forward >= len(sent) and not local


def test_both_at_once(any_router):
    """The same server sends to the guest and, through it, to the third."""
    digest = serve(any_router.far, "10.0.0.1")
    received = any_router.guest.wire()

    other = any_router.third.spawn(
        "sh", "-c", "curl -sS --max-time 20 http://10.0.0.1/ | sha256sum",
        stdout=PIPE)
    assert fetch(any_router.guest, "10.0.0.1") == digest
    assert other.communicate(timeout=20)[0].split()[0] == digest

    seen = received.collect(0.2)
    assert max(map(len, tcp_to(seen, "10.0.0.2"))) > FULL
    assert max(map(len, tcp_to(seen, "10.9.0.2"))) <= FULL


def check_ring(router, local):
    """The packets of a connection that is under way use this ring alone."""
    time.sleep(0.1)             # What already was in the other.
    before = router.taken()
    wait_for(lambda: router.taken()[1 if local else 2]
             >= before[1 if local else 2] + 20, "packets")
    after = router.taken()
    assert (after[2] if local else after[1]) == (before[2] if local
                                                 else before[1])


class SlowFetch(threading.Thread):
    """A download that takes its time until finish()."""

    def __init__(self, client, ip):
        super().__init__(daemon=True)
        self.socket = call_in(client.path, socket.socket)
        # Else all of it would be in the client's kernel at once.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(20)
        self.socket.connect((ip, 80))
        self.socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.in_a_hurry = False
        self.data = b""
        self.start()

    def run(self):
        while more := self.socket.recv(16384):
            self.data += more
            if not self.in_a_hurry:
                time.sleep(0.01)

    def finish(self):
        """The SHA-256 of the body."""
        assert self.is_alive(), "it was over too soon"
        self.in_a_hurry = True
        self.join(20)
        return hashlib.sha256(self.data.split(b"\r\n\r\n")[1]).hexdigest()


def test_live_change_of_an_address(any_router):
    """An address comes and goes while a connection uses it."""
    sb = any_router.sb
    digest = serve(any_router.far, "10.0.0.1", 24000000)
    fetching = SlowFetch(any_router.guest, "10.0.0.1")

    check_ring(any_router, local=True)
    for _ in range(3):
        sb.vsctl("remove", "VNIC", "red", "ip_addresses", "10.0.0.2")
        check_ring(any_router, local=False)
        sb.vsctl("add", "VNIC", "red", "ip_addresses", "10.0.0.2")
        check_ring(any_router, local=True)

    assert fetching.finish() == digest
    assert sb.show("show", "red")["drops"] == 0


def test_ipv6_is_told_apart_and_not_merged(router):
    router.add_ipv6()
    router.sb.vsctl("add", "VNIC", "red", "ip_addresses", '"fd00::2"')
    digest = serve(router.far, "[fd00::1]")
    received = router.guest.wire()

    _, local, forward = router.taken()
    assert fetch(router.guest, "[fd00::1]") == digest
    seen = [f for f in received.collect(0.2) if f[12:14] == IPV6]
    assert len(seen) >= 6000000 / 1428 and max(map(len, seen)) <= FULL
    assert router.taken()[1] >= local + 6000000 / 1428
    # Answers to neighbour solicitations from the link-local address.
    assert router.taken()[2] < forward + 20

    _, local, forward = router.taken()
    assert fetch(router.third, "[fd00::1]") == digest
    assert router.taken()[1] < local + 20
    assert router.taken()[2] >= forward + 6000000 / 1428


def test_fragments(router):
    """Only the first of three has ports, but all have the address."""
    seen = router.guest.wire()

    router.far.run("ping", "-n", "-c", "5", "-i", "0.1", "-s", "4000",
                   "10.0.0.2")
    assert router.taken()[1:] == [15, 0]
    router.far.run("ping", "-n", "-c", "5", "-i", "0.1", "-s", "4000",
                   "10.9.0.2")
    assert router.taken()[1:] == [15, 15]

    assert max(map(len, seen.collect(0.2))) <= FULL


def addresses(sb, source):
    rows = json.loads(sb.appctl("vnic/address-show", "-f", "json", "red"))
    return {row["address"] for row in rows if row["source"] == source}


def check_local(router, ip, local):
    """A ping to this address uses the local ring, or the other."""
    before = router.taken()
    router.far.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", ip)
    after = router.taken()
    assert after[1] - before[1] == (2 if local else 0)
    assert after[2] - before[2] == (0 if local else 2)


def silence_arp(router):
    """The guest gives no sign of its address: no need to ask."""
    router.far.run("ip", "neigh", "replace", "10.0.0.2", "lladdr", RED,
                   "dev", "eth0")
    router.guest.run("ip", "neigh", "replace", "10.0.0.1", "lladdr", FAR,
                     "dev", "eth0")


def test_address_learned_by_arp(router):
    sb = router.sb
    sb.vsctl("set", "VNIC", "red", "ip_addresses=[]")
    silence_arp(router)
    check_local(router, "10.0.0.2", local=False)

    sb.vsctl("set", "VNIC", "red", "local_learn=true")
    check_local(router, "10.0.0.2", local=False)
    router.guest.run("ip", "neigh", "del", "10.0.0.1", "dev", "eth0")
    router.guest.ping("10.0.0.1")

    wait_for(lambda: addresses(sb, "guest") == {"10.0.0.2"}, "the address")
    check_local(router, "10.0.0.2", local=True)
    sb.vsctl("set", "VNIC", "red", "local_learn=false")
    check_local(router, "10.0.0.2", local=False)


def test_addresses_of_a_namespace(router):
    sb = router.sb
    router.guest.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
    sb.vsctl("set", "VNIC", "red", "ip_addresses=[]", "local_learn=true",
             "netns=red")
    wait_for(lambda: "10.0.0.2" in addresses(sb, "netns"), "10.0.0.2", 2)

    for _ in range(3):
        router.guest.run("ip", "addr", "add", "10.0.0.77/24", "dev", "eth0")
        wait_for(lambda: "10.0.0.77" in addresses(sb, "netns"), "it", 2)
        check_local(router, "10.0.0.77", local=True)
        router.guest.run("ip", "addr", "del", "10.0.0.77/24", "dev", "eth0")
        wait_for(lambda: "10.0.0.77" not in addresses(sb, "netns"), "no it", 2)

    # Another interface's is not the VNIC's; IPv6 is.
    router.guest.run("ip", "addr", "add", "fd00::77/64", "dev", "eth0",
                     "nodad")
    wait_for(lambda: "fd00::77" in addresses(sb, "netns"), "fd00::77", 2)
    assert "10.9.0.1" not in addresses(sb, "netns")
    check_local(router, "10.9.0.1", local=False)


def test_namespace_comes_later(router):
    sb = router.sb
    silence_arp(router)
    sb.vsctl("set", "VNIC", "red", "ip_addresses=[]", "local_learn=true",
             "netns=later")
    assert sb.get("VNIC", "red", "status") == "active"
    reason = sb.get("VNIC", "red", "status_reason")
    assert reason.startswith("netns: there is no /run/netns/later"), reason
    check_local(router, "10.0.0.2", local=False)

    later = sb.netns("later")
    sb.veth("l2", later, RED, ip="10.0.0.2")
    wait_for(lambda: addresses(sb, "netns") == {"10.0.0.2"}, "10.0.0.2", 2)
    check_local(router, "10.0.0.2", local=True)
    sb.wait_status("VNIC", "red", "active")
    wait_for(lambda: sb.get("VNIC", "red", "status_reason") == "[]",
             "no reason")

    sb.run("ip", "netns", "del", "later")
    wait_for(lambda: "later" in sb.get("VNIC", "red", "status_reason"),
             "a reason")
    assert not addresses(sb, "netns")
    check_local(router, "10.0.0.2", local=False)
