# SPDX-License-Identifier: Apache-2.0
"""Who talks to whom: clients on ports 1 and 3, servers on ports 2 and 4."""

import ipaddress
import struct

import packets as p

CLIENTS, SERVERS, VIPS = 60, 12, 4
VLANS = (10, 20)


def mac(port, host):
    return bytes([2, 0, 0, 0, port, host])


def address(text):
    return ipaddress.ip_address(text).packed


def ip4(port, host):
    return "10.%d.%d.%d" % (port % 2 == 0, port, host)


def ip6(port, host):
    return "fd00:%d::%x:%x" % (port % 2 == 0, port, host)


def vip(is_ipv6, number):
    return ("fd00:9::%x" if is_ipv6 else "10.9.0.%d") % number


class Hosts:
    def __init__(self, rnd):
        """Few ports make for reuse."""
        self.n_ports = rnd.choice((20, 2000, 60000))
        self.p_ipv6 = rnd.choice((0, 0.3, 0.5))
        self.p_vip = rnd.choice((0, 0.2, 0.5))
        self.p_vlan = rnd.choice((0, 0, 0.3))
        self.p_back = rnd.choice((0, 0.1))  # Servers that open connections.

    def choose(self, rnd):
        """(port, Ethernet header, source, destination, ports)"""
        port = rnd.choice((1, 3))
        peer = rnd.choice((2, 4))
        if rnd.random() < self.p_back:
            port, peer = peer, port
        is_ipv6 = rnd.random() < self.p_ipv6
        text = ip6 if is_ipv6 else ip4
        client, server = rnd.randrange(CLIENTS), rnd.randrange(SERVERS)
        dst = text(peer, server)
        if port % 2 and rnd.random() < self.p_vip:
            dst = vip(is_ipv6, rnd.randrange(VIPS))
        header = mac(peer, server) + mac(port, client)
        if rnd.random() < self.p_vlan:
            header += self.tags(rnd)
        header += p.VLAN.pack(p.ETH_IPV6 if is_ipv6 else p.ETH_IP, 0)[:2]
        ports = (1024 + rnd.randrange(self.n_ports),
                 rnd.choice((53, 80, 443, 5001)))
        return port, header, address(text(port, client)), address(dst), ports

    @staticmethod
    def tags(rnd):
        tci = rnd.choice(VLANS) | rnd.choice((0, 0, 3)) << 13
        one = p.VLAN.pack(0x8100, tci)
        return rnd.choice((one, one, p.VLAN.pack(0x88a8, 7) + one))

    @staticmethod
    def stray(rnd, port):
        """A frame of no connection."""
        src = mac(port, rnd.randrange(CLIENTS))
        what = rnd.randrange(5)
        if what == 0:           # ARP.
            return (b"\xff" * 6 + src + bytes.fromhex("0806 0001 0800 0604")
                    + struct.pack("!H", rnd.choice((1, 2))) + src
                    + address(ip4(port, 1)) + bytes(6)
                    + address(ip4(port, 2))).ljust(60, b"\0")
        if what == 1:           # LLDP, and a type for experiments.
            return (bytes.fromhex("0180c200000e") + src
                    + rnd.choice((b"\x88\xcc", b"\x88\xb5")) + bytes(46))
        if what == 2:           # Too short for anything.
            return (mac(2, 1) + src + b"\x08\x00"
                    + bytes(rnd.randrange(30)))
        if what == 3:           # Neighbour solicitation.
            ip_src, ip_dst = address(ip6(port, 1)), address("ff02::1:ff00:2")
            data = p.icmpv6(ip_src, ip_dst, 135, 0, 0, 0,
                            address(ip6(port, 2)) + b"\1\1" + src)
            return (bytes.fromhex("3333ff000002") + src + b"\x86\xdd"
                    + p.ipv6(ip_src, ip_dst, p.ICMPV6, data, 0, ttl=255))
        return (b"\xff" * 6 + src + b"\x08\x00" + p.ipv4(
            address(ip4(port, 1)), b"\xff" * 4, p.UDP,
            p.udp(address(ip4(port, 1)), b"\xff" * 4, (68, 67), bytes(18)),
            0))
