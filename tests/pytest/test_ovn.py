# SPDX-License-Identifier: Apache-2.0
"""OVN's pipelines over our daemon: load balancers, SNAT and ACLs.

Every test runs with ports that the main thread polls and that a PMD does, and
with the pipeline cache off and on: that must make no difference but in who
forwards the packets."""

import os
import socket
import time
from subprocess import DEVNULL

import pytest

from ovn import (CLIENT, DOWNLOAD, OUTSIDE, RED, ROUTER, VIP, VIP_OUTSIDE,
                 Cache, Ovn)
from sandbox import Sandbox
from test_dpdk import polled_by_pmd, start_dpdk

PORTS = {"client-tap", "red-tap", "blue-tap", "router"}
BOTH = {"This is red.", "This is blue."}
MSS = 1448                      # With timestamps.

IPV4_SRC, IPV4_DST = slice(26, 30), slice(30, 34)

# About a thousand datagrams a second, of one connection.
STREAM = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 5000))
while True:
    try:
        s.send(b"x" * 100)
    except ConnectionRefusedError:
        pass
    time.sleep(0.001)
"""
ALLOW_STREAM = ["sw-server", "to-lport", "1500", "udp.dst == 5000"]
ALLOW_PING = ["sw-server", "to-lport", "1500", "icmp4"]
DROP_HTTP = ["sw-server", "to-lport", "2000", "tcp.dst == 80"]


@pytest.fixture(scope="module", params=["main", "pmd"])
def host(request):
    """One for all tests here, because it takes seconds to come up."""
    with Sandbox() as sb:
        if request.param == "pmd":
            start_dpdk(sb)
        ovn = Ovn(sb, dpdk=request.param == "pmd")
        assert polled_by_pmd(sb) == (PORTS if ovn.dpdk else set())
        yield ovn


@pytest.fixture(params=["stock", "cache"])
def ovn(request, host):
    host.cache = Cache(host.sb)
    if host.cache.present:
        host.cache.switch(request.param == "cache")
    elif request.param == "cache":
        pytest.skip("this ovs-vswitchd has no pipeline cache (dpif_vnic)")
    yield host
    for name in "ovn-northd", "ovn-controller", "ovs-vswitchd":
        print(f"{name}.log:\n{''.join(host.log(name)[-20:])}")


def pages(netns, ip):
    """What 16 connections get from http://'ip'/."""
    output = netns.run("curl", "--silent", "--show-error", "--max-time", "5",
                       "-w", "\n", *[f"http://{ip}/"] * 16)
    return output.splitlines()


def test_load_balancers(ovn):
    for netns, ip in (ovn.client, VIP), (ovn.outside, VIP_OUTSIDE):
        got = pages(netns, ip)
        assert len(got) == 16 and set(got) == BOTH


def test_snat(ovn):
    log = f"{ovn.sb.dir}/www-outside.log"
    start = os.path.getsize(log)

    assert ovn.client.curl(OUTSIDE) == "This is outside."

    with open(log) as requests:
        requests.seek(start)
        assert requests.read().startswith(f"{ROUTER} - - ")


def lost(source, ip):
    """Whether all pings are."""
    return source.ping(ip, check=False, wait=0.3) == 3


def test_acls(ovn):
    """The switches pass HTTP, and what an ACL adds to that."""
    assert ovn.client.curl(OUTSIDE) == "This is outside."
    assert lost(ovn.client, OUTSIDE)
    for source in ovn.client, ovn.blue:
        assert source.curl(RED) == "This is red."
        assert lost(source, RED)

    ovn.nbctl("acl-add", *ALLOW_PING, "allow-related")
    for source in ovn.client, ovn.blue:
        source.ping(RED)

    ovn.nbctl("acl-del", *ALLOW_PING)
    for source in ovn.client, ovn.blue:
        assert lost(source, RED)


def between(frames, src, dst):
    return [frame for frame in frames
            if (frame[IPV4_SRC], frame[IPV4_DST])
            == (socket.inet_aton(src), socket.inet_aton(dst))]


def test_acls_change_under_traffic(ovn):
    """What was allowed, and established, must not pass once it no longer is:
    not one packet."""
    ovn.nbctl("acl-add", *ALLOW_STREAM, "allow-related")
    stream = ovn.client.spawn("/usr/bin/python3", "-c", STREAM, RED)
    download = ovn.client.spawn(
        "curl", "--silent", "--limit-rate", "1M", "-o", "/dev/null",
        f"http://{RED}/download", stderr=DEVNULL)
    try:
        passed = between(ovn.red.wire().collect(5, until=500), CLIENT, RED)
        assert {frame[23] for frame in passed} == {socket.IPPROTO_UDP,
                                                   socket.IPPROTO_TCP}

        ovn.nbctl("acl-del", *ALLOW_STREAM, "--", "acl-add", *DROP_HTTP,
                  "drop")
        time.sleep(0.05)        # For what is beyond the daemon by now.
        red, sent = ovn.red.wire(), ovn.client.wire(outgoing=True)
        time.sleep(0.7)         # In which both retransmit.
        client = ovn.client.wire()
        time.sleep(0.7)
        assert not between(red.collect(0), CLIENT, RED)
        # Of the download, which OVN has marked as blocked by now.
        assert not between(client.collect(0), RED, CLIENT)
        assert len(between(sent.collect(0), CLIENT, RED)) > 300
        assert download.poll() is None
    finally:
        stream.kill()
        download.kill()
        ovn.nbctl("acl-del", *DROP_HTTP)
    assert set(pages(ovn.client, VIP)) == BOTH


def download(ovn, ip):
    path = f"{ovn.sb.dir}/downloaded"
    ovn.client.run("curl", "--silent", "--show-error", "--max-time", "20",
                   "-o", path, f"http://{ip}/download")
    with open(path, "rb") as file:
        return file.read()


def counted_download(ovn, ip):
    """Returns hits and, by reason, misses."""
    before = ovn.cache.counters()
    assert download(ovn, ip) == DOWNLOAD
    after = ovn.cache.counters()
    print(f"{after[0] - before[0]} hits, misses: {after[1] - before[1]}")
    return after[0] - before[0], after[1] - before[1]


def is_cached(hits, misses):
    return (hits > len(DOWNLOAD) // MSS * 0.95
            and hits / (hits + sum(misses.values())) > 0.95)


@pytest.mark.parametrize("ip", [VIP, OUTSIDE],
                         ids=["load balancer", "SNAT"])
def test_download(ovn, request, ip):
    """The cache, where there is one, takes nearly all of a steady one: a busy
    host may drop segments of one download, but not of three."""
    if not ovn.cache.present:
        assert download(ovn, ip) == DOWNLOAD
    elif "cache" in request.node.callspec.params["ovn"]:
        assert any(is_cached(*counted_download(ovn, ip)) for _ in range(3))
    else:
        assert counted_download(ovn, ip)[0] == 0


def test_databases(ovn):
    """OVN has worked in a database with our tables, and in the datapath
    nothing was too deep for it."""
    assert ovn.sb.get("VNIC", "router", "status") == "active"
    assert int(ovn.sb.appctl("coverage/read-counter",
                             "datapath_drop_recirc_error")) == 0
    for name in "ovn-northd", "ovn-controller", "ovs-vswitchd":
        assert not [line for line in ovn.log(name)
                    if "|ERR|" in line or "|EMER|" in line]
