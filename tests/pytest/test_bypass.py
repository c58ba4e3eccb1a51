# SPDX-License-Identifier: Apache-2.0
"""Bypass: from a VNIC's ring to a virtual machine without OpenFlow.  See
guest.py for the machine, on a tap or, polled by a PMD, a vhost-user port."""

import re
import time
from subprocess import PIPE

import pytest

from frames import RED, to_bytes
from test_dpdk import dpdk                            # noqa: F401
from test_guest import BODY, check_http, fetch, red   # noqa: F401
from waiting import wait_for


@pytest.fixture
def bypassed(red):                                    # noqa: F811
    sb = red.sandbox
    sb.run("ovs-ofctl", "del-flows", "br-red")
    add_flows(red)
    sb.vsctl("set", "VNIC", "red", f"front={red.nic.port}", "bypass=true")
    assert status(red) == ("active", "[]")
    return red


def add_flows(vm):
    for port, out in ("red", vm.nic.port), (vm.nic.port, "red"):
        vm.sandbox.run("ovs-ofctl", "add-flow", "br-red",
                       f"in_port={port},actions=output:{out}")


def status(vm):
    return tuple(vm.sandbox.get("VNIC", "red", column)
                 for column in ("status", "status_reason"))


def counts(vm):
    """Packets that the VNIC has received, those of them that were bypassed,
    and those that the flow from it has seen."""
    shown = vm.sandbox.show("show", "red")
    # Of its megaflows, what revalidators have brought there.
    vm.sandbox.appctl("revalidator/purge")
    flow = vm.sandbox.run("ovs-ofctl", "dump-flows", "br-red", "in_port=red")
    return (shown["rx_packets"], shown["bypassed"],
            sum(int(n) for n in re.findall(r"n_packets=(\d+)", flow)))


def test_http_and_a_mirror(bypassed):
    received, passed, by_flow = counts(bypassed)
    check_http(bypassed.far, bypassed)
    after = counts(bypassed)
    assert after[1] - passed == after[0] - received > BODY / 1500
    assert after[2] == by_flow

    # A mirror needs to see them, and so they pass OpenFlow.
    sb = bypassed.sandbox
    watcher = sb.netns("watcher")
    sb.veth("mirror", watcher)
    sb.vsctl("add-port", "br-red", "mirror", "--", "--id=@p", "get", "Port",
             "mirror", "--", "--id=@m", "create", "Mirror", "name=m",
             "select_all=true", "output_port=@p", "--", "set", "Bridge",
             "br-red", "mirrors=@m")
    assert "has mirrors" in status(bypassed)[1]
    wire = watcher.wire()
    received, passed, by_flow = counts(bypassed)
    expected = bypassed.serve(BODY)
    assert fetch(bypassed.far, bypassed) == expected
    after = counts(bypassed)
    assert after[1] == passed
    assert after[2] - by_flow == after[0] - received > 0
    seen = wire.collect(0.2)
    assert (len([f for f in seen if f[:6] == to_bytes(RED)])
            == after[0] - received)
    assert len([f for f in seen if f[6:12] == to_bytes(RED)]) > BODY / 1500

    sb.vsctl("clear", "Bridge", "br-red", "mirrors", "--",
             "del-port", "mirror")
    assert status(bypassed) == ("active", "[]")
    assert fetch(bypassed.far, bypassed) == expected
    assert counts(bypassed)[1] > passed


def replace_port(vm):
    sb = vm.sandbox
    sb.vsctl("del-port", vm.nic.port)
    assert "front" in status(vm)[1]
    sb.vsctl("add-port", "br-red", vm.nic.port, *vm.nic.columns)
    sb.run("ovs-ofctl", "del-flows", "br-red")
    add_flows(vm)


def test_front_is_reconfigured_under_load(bypassed):
    """Its port, its MTU and queues, the PMD threads; and QEMU is killed."""
    sb, far = bypassed.sandbox, bypassed.far
    load = far.spawn("ping", "-n", "-q", "-f", "-s", "1000", "10.0.0.2",
                     stdout=PIPE)
    for i in range(4):
        sb.vsctl("set", "Interface", bypassed.nic.port,
                 f"mtu_request={1400 + 100 * (i % 2)}")
        sb.vsctl("set", "Interface", bypassed.nic.port,
                 f"options:n_rxq={1 + i % 2}")
        sb.vsctl("set", "Open_vSwitch", ".",
                 f"other_config:pmd-cpu-mask={'0x1' if i % 2 else '0x3'}")
        replace_port(bypassed)
        sb.vsctl("set", "VNIC", "red", "bypass=false")
        sb.vsctl("set", "VNIC", "red", "bypass=true")
        time.sleep(0.1)
    bypassed.kill()
    time.sleep(0.3)
    bypassed.start()

    assert load.poll() is None
    load.terminate()
    assert sb.daemon.poll() is None
    assert status(bypassed) == ("active", "[]")
    wait_for(lambda: not far.ping("10.0.0.2", count=1, check=False), "pings")
    passed = counts(bypassed)[1]
    check_http(far, bypassed)
    assert counts(bypassed)[1] > passed + BODY / 1500
