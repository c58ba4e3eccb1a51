# SPDX-License-Identifier: Apache-2.0
"""maxbw_kbps, with TCP, which finds out what a path can take."""

import json
import shutil
import time
from subprocess import DEVNULL, PIPE

import pytest

from frames import BLUE, FAR, RED
from test_dpdk import AS_DPDK, AS_SYSTEM, dpdk        # noqa: F401
from waiting import wait_for

MBPS = 20                       # The limit.
SECONDS = 3
# What TCP gets of a frame as the limit counts it.
GOODPUT = 1448 / 1514


def within(rate, limit):
    return rate < 1.05 * limit * GOODPUT


def near(rate, limit):
    return within(rate, limit) and rate > 0.85 * limit * GOODPUT


def spawn_iperf(client, ip, *args):
    """Leaves out the first second, in which TCP starts."""
    return client.spawn("iperf3", "-c", ip, "-J", "-O", "1", "-t",
                        str(SECONDS), *args, stdout=PIPE)


def rate(iperf):
    """Mbit/s that have arrived."""
    result = json.loads(iperf.communicate(timeout=SECONDS + 15)[0])
    assert "error" not in result, result["error"]
    return result["end"]["sum_received"]["bits_per_second"] / 1e6


@pytest.fixture(params=["main", "pmd"])
def host(request):
    """A far end and guests red and blue; the main thread or a PMD thread polls
    the link."""
    if not shutil.which("iperf3"):
        pytest.skip("this needs the package iperf3")
    if request.param == "pmd":
        sb, link = request.getfixturevalue("dpdk"), AS_DPDK
    else:
        sb, link = request.getfixturevalue("sb"), AS_SYSTEM[:1]
        sb.far = sb.netns("far")
        sb.veth("l1", sb.far, FAR, ip="10.0.0.1")
    sb.vsctl("add-vnic-link", "l1", *link)
    sb.red = sb.tenant("red", "l1", RED, ip="10.0.0.2")
    sb.blue = sb.tenant("blue", "l1", BLUE, ip="10.0.0.3")
    for guest in sb.red, sb.blue:
        guest.spawn("iperf3", "-s", stdout=DEVNULL)
        wait_for(lambda: "5201" in guest.run("ss", "-Hltn"), "a server")
    return sb


@pytest.mark.parametrize("direction", [[], ["-R"]], ids=["to", "from"])
def test_limit_spares_the_neighbour(host, direction):
    """Blue isn't limited, and paced just so that it leaves the thread some
    time: a device that overflows is everybody's."""
    host.vsctl("set", "VNIC", "red", f"maxbw_kbps={MBPS * 1000}")
    for _ in range(3):
        red = spawn_iperf(host.far, "10.0.0.2", *direction)
        blue = spawn_iperf(host.far, "10.0.0.3", "-b", f"{10 * MBPS}M",
                           *direction)
        red, blue = rate(red), rate(blue)
        print(f"red {red}, blue {blue} Mbit/s")
        assert within(red, MBPS)
        # Whatever else this machine did at that moment.
        if near(red, MBPS) and blue > 9 * MBPS:
            break
    assert near(red, MBPS) and blue > 9 * MBPS
    assert host.drops("show", "blue")["maxbw"] == 0


def arriving(guest, seconds=1):
    """Mbit/s, as the limit counts, that reach the guest."""
    def count():
        return int(guest.run(
            "cat", "/sys/class/net/eth0/statistics/rx_bytes")), time.time()
    bytes_before, before = count()
    time.sleep(seconds)
    bytes_after, after = count()
    return 8 * (bytes_after - bytes_before) / (after - before) / 1e6


def test_live_change_and_removal(host):
    """During one connection."""
    host.vsctl("set", "VNIC", "red", f"maxbw_kbps={MBPS * 1000}")
    iperf = spawn_iperf(host.far, "10.0.0.2", "-t", "60")
    wait_for(lambda: arriving(host.red, 0.2) > 1, "traffic")

    for limit in MBPS, MBPS // 4, 3 * MBPS:
        host.vsctl("set", "VNIC", "red", f"maxbw_kbps={limit * 1000}")
        time.sleep(0.3)
        for _ in range(3):
            got = arriving(host.red)
            assert got < 1.1 * limit
            if got > 0.8 * limit:
                break
        assert got > 0.8 * limit
    host.vsctl("clear", "VNIC", "red", "maxbw_kbps")
    wait_for(lambda: arriving(host.red, 0.5) > 6 * MBPS, "more", 3)
    assert iperf.poll() is None, "the connection is lost"
