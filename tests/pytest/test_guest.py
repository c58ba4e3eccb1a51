# SPDX-License-Identifier: Apache-2.0
"""VNICs of virtual machines, see guest.py."""

import contextlib
import hashlib
import re
import shutil
from statistics import median
from subprocess import DEVNULL

import pytest

import guest
from foreign import write_pcap
from frames import BLUE, FAR, RED, frame
from guest import TapNic, VhostUserNic, add_guest
from test_dpdk import AS_DPDK, AS_SYSTEM, dpdk        # noqa: F401
from waiting import wait_for

BODY = 300000


@pytest.fixture(params=[TapNic, VhostUserNic], ids=["tap", "vhost-user"])
def red(request):
    """A guest on link "l1".  'far' is the other end of that link; the main
    thread polls for a tap, a PMD thread for a vhost-user port."""
    guest.need()
    sb = request.getfixturevalue("dpdk")
    sb.vsctl("add-vnic-link", "l1",
             *(AS_DPDK if request.param is VhostUserNic else AS_SYSTEM))
    vm = add_guest(sb, "red", "l1", request.param, RED, "10.0.0.2")
    vm.far = sb.far
    vm.wait_until_up()
    return vm


def fetch(far, vm, seconds=10):
    """The SHA-256 of the guest's page, or of what came of it."""
    return far.run("sh", "-c", f"curl -s --max-time {seconds} "
                   f"http://{vm.ip}/body | sha256sum").split()[0]


def check_http(far, vm):
    """Every byte, both ways."""
    text = "".join(f"{i} bottles\n" for i in range(BODY // 14))
    far.serve_http("10.0.0.1", text)
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert vm.fetch("http://10.0.0.1/") == expected

    expected = vm.serve(BODY)
    assert fetch(far, vm) == expected


def test_http_to_and_from_a_guest(red):
    check_http(red.far, red)
    red.run("ping -c 3 10.0.0.1")
    red.far.ping("10.0.0.2")


def test_guest_is_killed_and_started_again(red):
    expected = red.serve(BODY)
    assert fetch(red.far, red) == expected

    red.kill()
    assert red.far.ping("10.0.0.2", count=1, check=False) == 1
    red.start()

    assert red.sandbox.get("VNIC", "red", "status") == "active"
    check_http(red.far, red)


def test_daemon_is_killed_under_a_guest(red):
    expected = red.serve(BODY)
    assert fetch(red.far, red) == expected

    red.sandbox.kill_daemon()
    assert fetch(red.far, red, seconds=1) != expected
    red.sandbox.start_daemon()

    wait_for(lambda: fetch(red.far, red, seconds=2) == expected, "HTTP", 20)
    assert red.sandbox.get("VNIC", "red", "status") == "active"
    assert red.process.poll() is None
    red.run("ping -c 3 10.0.0.1")
    red.far.ping("10.0.0.2")


# A flood of one guest and what its neighbour feels of it.
#
# One of them gets more than it can take, 64 bytes at a time.  A PMD polls the
# link, and both guests' ports.  (The main thread is no match for a flood: it
# received 50 to 200 thousand frames per second here, and what is more waits,
# and gets lost, in the device, where nobody knows yet whose it is.  Of 100
# pings to a neighbour on a tap 11 to 21 were lost, at 200 thousand and more.
# The PMD has taken a million per second, and the neighbour lost none.)
#
# The sender and the flooded guest give way to others on the processor
# (nice 19), for they are not what is measured, and a machine may have just two
# processors for all.

PINGS, PAGES = 150, 15
# What is measured in milliseconds has noise of about this size: the scheduler
# of a busy machine.
FLOOR_PING, FLOOR_PAGE = 1.0, 10.0
RATES = ["--pps=400000", "--pps=800000", "--topspeed"]


def ping_times(far, vm):
    output = far.run("ping", "-n", "-c", str(PINGS), "-i", "0.01", "-W", "1",
                     vm.ip, check=False)
    return [float(ms) for ms in re.findall(r"time=([\d.]+)", output)]


def page_times(far, vm):
    output = far.run("sh", "-c", f"for i in $(seq {PAGES}); do curl -sS "
                     "-o /dev/null -w '%{time_total}\\n' --max-time 5 "
                     f"http://{vm.ip}/body; done")
    return [1000 * float(seconds) for seconds in output.split()]


class Figures:
    """What a neighbour feels, in milliseconds."""

    def __init__(self, far, vm):
        pings = ping_times(far, vm)
        self.lost = PINGS - len(pings)
        self.ping = median(pings) if pings else float("inf")
        self.page = median(page_times(far, vm))

    def __str__(self):
        return (f"ping {self.ping:.2f} ms, {self.lost} of {PINGS} lost, "
                f"page {self.page:.1f} ms")

    def as_good_as(self, idle):
        return (not self.lost and self.ping <= 2 * idle.ping + FLOOR_PING
                and self.page <= 2 * idle.page + FLOOR_PAGE)


@contextlib.contextmanager
def flood(far, rate):
    process = far.spawn("nice", "-n", "19", "tcpreplay", "-q", "-K", rate,
                        "--loop=0", "-i", "eth0",
                        f"{far.sandbox.dir}/flood.pcap",
                        stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield
        assert process.poll() is None, "tcpreplay has ended"
    finally:
        process.kill()
        process.wait()


def taken(vm):
    """How many frames the guest's VNIC and the guest have received."""
    device = "/sys/class/net/eth0/statistics/rx_packets"
    return (vm.sandbox.show("show", vm.name)["rx_packets"],
            int(vm.run(f"cat {device}")))


def test_flood_of_one_guest_spares_the_other(dpdk):   # noqa: F811
    if not shutil.which("tcpreplay"):
        pytest.skip("a flood needs the package tcpreplay")
    guest.need()
    dpdk.vsctl("add-vnic-link", "l1", *AS_DPDK)
    write_pcap(f"{dpdk.dir}/flood.pcap",
               [frame(BLUE, FAR, size=64) for _ in range(1000)])
    red = add_guest(dpdk, "red", "l1", VhostUserNic, RED, "10.0.0.2")
    blue = add_guest(dpdk, "blue", "l1", VhostUserNic, BLUE, "10.0.0.3",
                     nice=19)
    red.wait_until_up()
    blue.wait_until_up()
    red.serve(BODY)
    Figures(dpdk.far, red)
    idle = Figures(dpdk.far, red)

    report = [f"idle: {idle}"]
    for rate in RATES:
        before = taken(blue)
        with flood(dpdk.far, rate):
            for _ in range(3):
                flooded = Figures(dpdk.far, red)
                report.append(f"{rate}: {flooded}")
                # Whatever else this machine did at that moment.
                if flooded.as_good_as(idle):
                    break
        sent, received = (b - a for a, b in zip(before, taken(blue)))
        report.append(f"flooded guest took {received} of {sent}")
        if received < 0.9 * sent:
            break
    print("\n".join(report))
    assert received < 0.9 * sent, f"no flood: {report}"
    assert flooded.as_good_as(idle), report
