# SPDX-License-Identifier: Apache-2.0
"""OVN over our daemon: a hypervisor whose ports an OVN controller wires.

    client -- port -- [sw-client]--+
                                   [lr]--[sw-outside]-- br-ex -- VNIC -- link
    red  ---- port -- [sw-server]--+                                      |
    blue ---- port --/                                                 outside

What is in brackets is logical: OVN makes flows of it on br-int.  The database
of the sandbox is the controller's, so that OVN works in the schema that has
our tables too; OVN's own are in one more ovsdb-server.

The programs are Debian's.  They are unpacked in the build directory, where
./quickstart test puts them, or installed, which no test needs: nothing here
talks to a daemon of the host.
"""

import collections
import json
import os
import random
import shlex
import shutil

import pytest

from sandbox import BUILD
from waiting import wait_for

UNPACKED = f"{BUILD}/ovn"
NEEDS = {"ovn-northd": "ovn-central", "ovn-controller": "ovn-host",
         "ovn-nbctl": "ovn-common"}
PATH = f"{UNPACKED}/usr/bin:{os.environ['PATH']}"

CLIENT, RED, BLUE = "198.18.1.10", "198.18.2.11", "198.18.2.12"
ROUTER, OUTSIDE = "192.0.2.1", "192.0.2.9"
VIP = "198.18.9.1"              # For the client; of no subnet.
VIP_OUTSIDE = "192.0.2.100"     # For the outside, on the router.
ROUTER_MAC = "02:00:00:00:01:03"
MACS = {"client": "02:00:00:00:02:01", "red": "02:00:00:00:02:02",
        "blue": "02:00:00:00:02:03", "outside": "02:00:00:00:02:04"}

# Commands of ovn-nbctl, which are one transaction.
TOPOLOGY = f"""
   ls-add sw-client
-- ls-add sw-server
-- ls-add sw-outside
-- lr-add lr
-- lrp-add lr lr-client 02:00:00:00:01:01 198.18.1.1/24
-- lrp-add lr lr-server 02:00:00:00:01:02 198.18.2.1/24
-- lrp-add lr lr-outside {ROUTER_MAC} {ROUTER}/24
-- lrp-set-gateway-chassis lr-outside hv
-- lr-nat-add lr snat {ROUTER} 198.18.1.0/24
-- lsp-add sw-outside outside
-- lsp-set-type outside localnet
-- lsp-set-addresses outside unknown
-- lsp-set-options outside network_name=physnet
-- lsp-add sw-client client
-- lsp-set-addresses client "{MACS['client']} {CLIENT}"
-- lsp-add sw-server red
-- lsp-set-addresses red "{MACS['red']} {RED}"
-- lsp-add sw-server blue
-- lsp-set-addresses blue "{MACS['blue']} {BLUE}"
-- lb-add lb {VIP}:80 {RED}:80,{BLUE}:80 tcp
-- ls-lb-add sw-client lb
-- lb-add lb-outside {VIP_OUTSIDE}:80 {RED}:80,{BLUE}:80 tcp
-- lr-lb-add lr lb-outside
-- acl-add sw-server to-lport 1000 "tcp.dst == 80" allow-related
-- acl-add sw-server to-lport 900 ip drop
-- acl-add sw-client from-lport 1000 "tcp.dst == 80" allow-related
-- acl-add sw-client from-lport 900 "ip4.dst == {OUTSIDE}" drop
""" + "".join(f"""
-- lsp-add sw-{name} {name}-lr
-- lsp-set-type {name}-lr router
-- lsp-set-addresses {name}-lr router
-- lsp-set-options {name}-lr router-port=lr-{name}
""" for name in ("client", "server", "outside"))

DOWNLOAD = random.Random(4).randbytes(10 << 20)


def need_programs():
    missing = [package for program, package in NEEDS.items()
               if not shutil.which(program, path=PATH)]
    if missing:
        pytest.skip(f"OVN is not in {UNPACKED}, and the packages "
                    f"{' '.join(missing)} are not installed")


class Ovn:
    """'dpdk' says whether a PMD polls the ports, as DPDK devices, or the main
    thread does."""

    def __init__(self, sb, dpdk):
        need_programs()
        self.sb = sb
        self.dpdk = dpdk
        self.devices = 0        # DPDK's, for their names.
        sb.env.update(PATH=f"{sb.env['PATH']}:{UNPACKED}/usr/bin",
                      OVN_RUNDIR=sb.dir, OVN_LOGDIR=sb.dir, OVN_DBDIR=sb.dir)
        self.remote = f"unix:{sb.dir}/ovn.sock"
        self.start()
        self.client = self.add_port("client", f"{CLIENT}/24")
        self.red = self.add_port("red", f"{RED}/24")
        self.blue = self.add_port("blue", f"{BLUE}/24")
        self.outside = self.add_outside()
        self.nbctl(*shlex.split(TOPOLOGY))
        for server, ip in ((self.red, RED), (self.blue, BLUE),
                           (self.outside, OUTSIDE)):
            serve(server, ip)

    def start(self):
        sb = self.sb
        for db in "nb", "sb":
            schema = f"/usr/share/ovn/ovn-{db}.ovsschema"
            if os.path.exists(UNPACKED + schema):
                schema = UNPACKED + schema
            sb.run("ovsdb-tool", "create", f"{sb.dir}/{db}.db", schema)
        # Our database server has the usual names of these files.
        self.spawn("ovsdb-server", f"--unixctl={sb.dir}/ovn-db.ctl",
                   f"--remote=p{self.remote}",
                   f"{sb.dir}/nb.db", f"{sb.dir}/sb.db", name="ovn-db")
        wait_for(lambda: os.path.exists(f"{sb.dir}/ovn.sock"),
                 "OVN's database server")
        self.nbctl("init", wait="none")
        self.spawn("ovn-northd", f"--ovnnb-db={self.remote}",
                   f"--ovnsb-db={self.remote}")
        sb.bridge("br-ex")
        # The last is for nbctl() to wait shorter.
        sb.vsctl("set", "Open_vSwitch", ".",
                 "external_ids:system-id=hv",
                 f'external_ids:ovn-remote="{self.remote}"',
                 "external_ids:ovn-encap-type=geneve",
                 "external_ids:ovn-encap-ip=127.0.0.1",
                 "external_ids:ovn-bridge-datapath-type=netdev",
                 "external_ids:ovn-bridge-mappings=physnet:br-ex",
                 "other_config:max-revalidator=100")
        self.spawn("ovn-controller", f"unix:{sb.dir}/db.sock")
        wait_for(lambda: "br-int" in sb.vsctl("list-br"), "OVN's bridge")

    def spawn(self, program, *args, name=None):
        name = name or program
        return self.sb.spawn(program, "-vconsole:off",
                             f"--pidfile={self.sb.dir}/{name}.pid",
                             f"--log-file={self.sb.dir}/{name}.log", *args)

    def add_port(self, name, ip):
        """A namespace with this name, on a port of br-int."""
        netns = self.sb.netns(name)
        self.sb.veth(f"{name}-tap", netns, MACS[name])
        self.sb.vsctl("add-port", "br-int", f"{name}-tap", "--",
                      "set", "Interface", f"{name}-tap",
                      f"external_ids:iface-id={name}",
                      *self.device(f"{name}-tap"))
        gateway = ip.rsplit(".", 1)[0] + ".1"
        netns.run("ip", "addr", "add", ip, "dev", "eth0")
        # No default route: http.server asks for its name when it starts, and
        # would wait for a DNS server.
        for net in "198.18.0.0/15", "192.0.2.0/24":
            netns.run("ip", "route", "add", net, "via", gateway)
        return netns

    def add_outside(self):
        """The provider's network: a VNIC with the logical router's address,
        on a link."""
        netns = self.sb.netns("outside")
        self.sb.veth("wire", netns, MACS["outside"], OUTSIDE)
        columns = self.device("wire") or ["netdev=wire"]
        if self.dpdk:
            columns.append("netdev=dpdk-wire")
        self.sb.vsctl("add-vnic-link", "wire", *columns,
                      "--", "add-vnic", "br-ex", "router", "link=wire",
                      f'mac="{ROUTER_MAC}"')
        assert self.sb.get("VNIC", "router", "status") == "active"
        return netns

    def device(self, veth):
        """Columns that make it DPDK's, if it is to be."""
        if not self.dpdk:
            return []
        self.devices += 1
        return ["type=dpdk", "options:dpdk-devargs="
                f"net_af_packet{self.devices},iface={veth}"]

    def nbctl(self, *args, wait="hv"):
        """Returns when the flows are in OpenFlow tables and no packet takes
        an old one.  OVN waits for the former only, and Open vSwitch revises
        the datapath's flows some time later."""
        output = self.sb.run("ovn-nbctl", f"--db={self.remote}",
                             "--timeout=20", f"--wait={wait}", *args)
        if wait == "hv":
            self.sb.appctl("revalidator/wait")
        return output

    def log(self, name):
        with open(f"{self.sb.dir}/{name}.log") as log:
            return log.readlines()


def serve(server, ip):
    """A page with the name of the server, and something to download."""
    server.serve_http(ip, f"This is {server.name}.")
    with open(f"{server.sandbox.dir}/www-{server.name}/download", "wb") as f:
        f.write(DOWNLOAD)


class Cache:
    """The pipeline cache, in a daemon that may not have one."""

    def __init__(self, sb):
        self.sb = sb
        self.present = "dpif_vnic" in sb.appctl("dpif-netdev/dpif-impl-get")

    def switch(self, on):
        self.sb.vsctl("set", "Open_vSwitch", ".",
                      f"other_config:vnic-cache={'true' if on else 'false'}")

    def counters(self):
        """(hits, Counter of misses by their reason)."""
        total = json.loads(
            self.sb.appctl("vnic/cache-show", "-f", "json"))["total"]
        return total["hits"], collections.Counter(total["misses"])
