# SPDX-License-Identifier: Apache-2.0
"""One of the daemons that are compared, with a database and a directory of its
own.

Its clock stands still (time/stop of --enable-dummy) and is moved only by
warp(): timeouts, token buckets and revalidation come at the same packet on
each side.

Who polls its ports is the mode:

    one     one PMD thread
    two     two PMD threads, with a queue of each port each
    main    the main thread, for the ports are tap devices"""

import collections
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

import nic
import packets
import tunnels
from nic import Nic

BRIDGE = "br0"
MODES = ("one", "two", "main")
CPUS = {"one": "0x2", "two": "0x3", "main": "0x2"}
AFFINITIES = "0:0,1:1", "0:1,1:0"
PORTS = (1, 2, 3, 4, 5)         # 5 is where mirrors go.
TIMEOUT = 60.0
NO_LIMIT = 0xffffffff           # A default can't be deleted in 3.1.
SETTLE_MS = 50
# Protocols of which flush-conntrack takes tuples.
FLUSHABLE = {"tcp": 6, "udp": 17, "icmp": 1, "sctp": 132}
# Ordinary memory, so that the host's huge pages stay as they are.
DPDK_EXTRA = ("--no-pci --no-huge --legacy-mem -m 1024 --iova-mode=va "
              "--file-prefix=")
# One of each family, to get rid of what conntrack holds back.
DRAIN = [bytes(12) + b"\x08\x00" + packets.ipv4(
    bytes([10, 99, 0, 1]), bytes([10, 99, 0, 2]), packets.UDP,
    packets.udp(bytes(4), bytes(4), (9, 9), bytes(30)), 0),
    bytes(12) + b"\x86\xdd" + packets.ipv6(
        bytes(15) + b"\1", bytes(15) + b"\2", packets.UDP,
        packets.udp(bytes(16), bytes(16), (9, 9), bytes(30)), 0)]


class Rpc:
    """unixctl, without a process for each command."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.decoder = json.JSONDecoder()

    def call(self, method, *params):
        self.send(method, *params)
        return self.receive(method)

    def send(self, method, *params):
        self.socket.sendall(json.dumps(
            {"method": method, "params": params, "id": 0}).encode())

    def is_answered(self):
        return bool(select.select([self.socket], [], [], 0.001)[0])

    def receive(self, method):
        text = ""
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the daemon has gone")
            text += data.decode()
            try:
                reply = self.decoder.raw_decode(text)[0]
            except ValueError:
                continue
            if reply.get("error"):
                raise RuntimeError("%s: %s" % (method, reply["error"]))
            return reply["result"]


class Side:
    """Use as a context manager.  'cache' is None for a daemon that is to have
    none, and otherwise its number of entries, 0 for the default."""

    def __init__(self, name, programs, options, mode, cache=None):
        self.name = name
        self.mode = mode
        self.options = options
        self.programs = programs
        self.cache = cache
        self.dir = tempfile.mkdtemp(prefix="oracle-")
        self.processes = []
        self.nic = Nic(self.dir + "/nic")
        self.control = self.rpc = self.fault = None
        self.turn = 0           # Which thread has which queues.
        self.policies = set()   # Zones.
        self.is_renumbered = False
        self.tunnels = []       # That there are.
        self.counts = collections.Counter()
        self.last_counts = collections.Counter()
        self.env = dict(
            os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir,
            OVS_DBDIR=self.dir, ORACLE_NIC=self.dir + "/nic",
            PATH=":".join([programs, options.ovs + "/utilities",
                           options.ovs + "/ovsdb", os.environ["PATH"]]))

    def __enter__(self):
        try:
            self.start_daemons()
            self.add_ports()
            if self.cache is not None:
                if self.cache:
                    self.vsctl("set", "Open_vSwitch", ".",
                               "other_config:vnic-cache-size=%d" % self.cache)
                self.set_cache(True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def spawn(self, *args):
        log = open(self.dir + "/out", "ab")
        self.processes.append(subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", *args],
            env=self.env, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log))
        log.close()

    def run(self, *args, stdin=None):
        done = subprocess.run(args, env=self.env, text=True, input=stdin,
                              stdout=subprocess.PIPE, timeout=TIMEOUT,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError("%s: %s: %s" % (self.name, " ".join(args),
                                               done.stdout))
        return done.stdout

    def wait(self, condition, what):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("%s: no %s; %s" % (self.name, what,
                                                      self.log()))
            time.sleep(0.02)

    def log(self):
        try:
            with open(self.dir + "/ovs-vswitchd.log", encoding="utf-8") as f:
                return f.read()[-4000:]
        except OSError:
            return ""

    def has_died(self):
        return self.processes[-1].poll() is not None

    def start_daemons(self):
        self.run("ovsdb-tool", "create", self.dir + "/conf.db",
                 self.options.build + "/vswitchd-plugin/vswitch.ovsschema")
        self.spawn("ovsdb-server", "--no-chdir", "--pidfile", "-vconsole:off",
                   "--remote=punix:" + self.dir + "/db.sock",
                   self.dir + "/conf.db")
        self.wait(lambda: os.path.exists(self.dir + "/db.sock"), "database")
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   "other_config:dpdk-init=true",
                   'other_config:dpdk-extra="%s%s"' % (
                       DPDK_EXTRA, os.path.basename(self.dir)),
                   "other_config:dpdk-lcore-mask=0x1",
                   "other_config:pmd-cpu-mask=" + CPUS[self.mode],
                   # By chance it would decide what is sent first.
                   "other_config:emc-insert-inv-prob=1",
                   # So that it is the first thing that the daemon makes:
                   # random numbers are drawn whenever the database changes,
                   # and with one of them NAT chooses addresses.
                   "--", "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE,
                   "datapath_type=netdev", "fail_mode=secure",
                   "other_config:hwaddr=02:00:00:00:00:99",
                   # What is learnt takes effect when revalidators come to it.
                   "flood-vlans=[0,7,10,20,30]",
                   "protocols=[OpenFlow10,OpenFlow13,OpenFlow15]",
                   # For timeout policies.
                   "--", "--id=@d", "create", "Datapath", "datapath_version=0",
                   "--", "set", "Open_vSwitch", ".", "datapaths:netdev=@d")
        # Not for setpriv and unshare, which have no DPDK.
        self.spawn("env", "LD_PRELOAD=%s/tests/oracle-nic.so"
                   % self.options.build, "ovs-vswitchd", "--no-chdir",
                   "--pidfile", "--log-file", "-vconsole:off",
                   "--disable-system", "--enable-dummy",
                   "unix:" + self.dir + "/db.sock")
        self.control = "%s/ovs-vswitchd.%d.ctl" % (self.dir,
                                                   self.processes[-1].pid)
        self.wait(self.can_connect, "control socket")

    def can_connect(self):
        try:
            self.rpc = Rpc(self.control)
        except OSError:
            return False
        return True

    def add_ports(self):
        for port in PORTS:
            self.add_port(port)
        for version, n in (4, 24), (6, 64):
            self.run("nsenter", "--target", str(self.processes[-1].pid),
                     "--net", "ip", "address", "add", "%s/%d" % (
                         tunnels.HERE[version], n), "dev", BRIDGE)
        self.check_threads()
        self.appctl("time/stop")

    def check_threads(self):
        """Or the mode would be another one, and nobody would notice."""
        threads = [part for part in
                   self.appctl("dpif-netdev/pmd-rxq-show").split(
                       "pmd thread")[1:] if "port: p1" in part]
        if len(threads) != {"one": 1, "two": 2, "main": 0}[self.mode]:
            raise RuntimeError("%s: %d PMD threads poll p1" % (self.name,
                                                               len(threads)))

    # Commands.

    def vsctl(self, *args):
        return self.run("ovs-vsctl", "--timeout=60", *args)

    def ofctl(self, *args, stdin=None):
        return self.run("ovs-ofctl", "-O", "OpenFlow15", *args, stdin=stdin)

    def appctl(self, *args):
        return self.rpc.call(*args)

    def add_port(self, port):
        more = ["type=tap"]
        if self.mode != "main":
            more = ["type=dpdk",
                    "options:dpdk-devargs=net_null_oracle%d" % port]
        if self.mode == "two":
            more += ["options:n_rxq=2", self.affinity(port, 0)]
        self.vsctl("add-port", BRIDGE, "p%d" % port, "--", "set", "Interface",
                   "p%d" % port, "ofport_request=%d" % port, *more)

    @staticmethod
    def affinity(port, turn):
        """Clients' first queue is another thread's than servers'."""
        return 'other_config:pmd-rxq-affinity="%s"' % AFFINITIES[
            (port + turn) % 2]

    def rebalance(self, turn):
        """Gives each thread the other one's queues."""
        self.turn = turn
        self.vsctl(*[word for port in PORTS for word in (
            "--", "set", "Interface", "p%d" % port,
            self.affinity(port, turn))])

    def add_tunnel(self, tunnel):
        self.vsctl("add-port", BRIDGE, "t%d" % tunnel.port, "--", "set",
                   "Interface", "t%d" % tunnel.port, "type=" + tunnel.kind,
                   "ofport_request=%d" % tunnel.number(),
                   "options:key=%d" % tunnel.port, 'options:remote_ip="%s"'
                   % tunnels.THERE[tunnel.version])

    def del_tunnel(self, tunnel):
        self.vsctl("del-port", BRIDGE, "t%d" % tunnel.port)

    def add_tunnels(self, pipeline):
        """With addresses for their ends, of which neighbours don't live
        for ever."""
        for version, n in (4, 24), (6, 64):
            self.appctl("ovs/route/add", "%s/%d" % (tunnels.THERE[version],
                                                    n), BRIDGE)
            self.appctl("tnl/neigh/set", BRIDGE, tunnels.THERE[version],
                        tunnels.MAC_THERE)
        self.tunnels = list(pipeline.tunnels)
        for tunnel in self.tunnels:
            self.add_tunnel(tunnel)

    def del_port(self, port):
        self.vsctl("del-port", BRIDGE, "p%d" % port)

    def renumber(self, is_swapped):
        """Ports 2 and 4, in OpenFlow."""
        self.is_renumbered = is_swapped
        self.vsctl(*[word for port in (2, 4) for word in (
            "--", "set", "Interface", "p%d" % port,
            "ofport_request=%d" % (6 - port if is_swapped else port))])

    # A test case: a pipeline, and commands that change it.

    def reset(self):
        """To the state after a start, but for the clock."""
        self.vsctl("clear", "Bridge", BRIDGE, "mirrors")
        if self.turn:
            self.rebalance(0)

        while self.tunnels:
            self.del_tunnel(self.tunnels.pop())
        for port in PORTS:
            self.ofctl("mod-port", BRIDGE, "p%d" % port, "up")
        for zone in sorted(self.policies):
            self.del_policy(zone)
        self.ofctl("del-flows", BRIDGE)
        self.ofctl("del-groups", BRIDGE)
        self.ofctl("del-meters", BRIDGE)
        if self.is_renumbered:
            self.renumber(False)
        self.appctl("dpctl/ct-set-limits", "default=%d" % NO_LIMIT)
        limits = re.findall(r"zone=(\d+)", self.appctl("dpctl/ct-get-limits"))
        if limits:
            self.appctl("dpctl/ct-del-limits", "zone=" + ",".join(limits))
        self.appctl("dpctl/ct-enable-tcp-seq-chk")
        self.drain_fragments()
        self.settle()
        self.appctl("dpctl/flush-conntrack")
        self.appctl("fdb/flush", BRIDGE)
        self.appctl("revalidator/purge")

    def drain_fragments(self):
        """conntrack lets those go that have waited too long when it gets the
        next packets.  Meanwhile Open vSwitch deletes unused timeout policies,
        and is about to do it again at once when there are any."""
        self.ofctl("add-flows", BRIDGE, "-", stdin="\n".join(
            "%s,actions=ct(zone=99,table=99)" % kind
            for kind in ("ip", "ipv6")))
        for family in "v4", "v6":
            self.appctl("dpctl/ipf-set-enabled", family)
        self.settle()
        self.warp(40000)
        self.warp(40000)
        self.nic.start(nic.encode([(1, [(frame, 0)] * 4)
                                   for frame in DRAIN] * 20))
        self.nic.finish()
        self.ofctl("del-flows", BRIDGE)

    def set_up(self, pipeline):
        for command in pipeline.policies:
            self.do(command)
        if pipeline.fragments == "untracked":
            for family in "v4", "v6":
                self.appctl("dpctl/ipf-set-disabled", family)
        if pipeline.meters:
            self.ofctl("add-meter", BRIDGE, pipeline.meters[0])
        if pipeline.groups:
            self.ofctl("add-groups", BRIDGE, "-",
                       stdin="\n".join(pipeline.groups))
        if pipeline.tunnels:
            self.add_tunnels(pipeline)
        self.ofctl("add-flows", BRIDGE, "-", stdin="\n".join(pipeline.flows))
        if pipeline.has_mirror:
            self.vsctl("--", "--id=@p", "get", "Port", "p5",
                       "--", "--id=@m", "create", "Mirror", "name=m",
                       "select_all=true", "output_port=@p",
                       "--", "set", "Bridge", BRIDGE, "mirrors=@m")
        self.settle()

    def do(self, command):
        name, *args = command
        getattr(self, name)(*args)

    def flush_some(self, zone, n, direction):
        """The first connections of a zone, by their tuples.  Open vSwitch
        3.1.0 crashes for tuples of ICMPv6, and knows no connection with NAT
        by that of its replies."""
        rows = [row for row in sorted(self.connections())
                if ",zone=%d," % zone in row + ","
                and row.split(",")[0] in FLUSHABLE]
        for row in rows[:n]:
            protocol, which = re.match(r"(\w+),.*?%s=\((.*?)\)" % direction,
                                       row).groups()
            try:
                self.appctl("dpctl/flush-conntrack", "zone=%d" % zone,
                            self.tuple(protocol, which))
            except RuntimeError as error:
                # It has expired, but nobody has cleaned up yet.
                if "No such file" not in str(error):
                    raise

    @staticmethod
    def tuple(protocol, which):
        """As flush-conntrack wants it."""
        v6 = "v6" in which or which.count(":") > 2
        names = {"src": "ct_ipv6_src" if v6 else "ct_nw_src",
                 "dst": "ct_ipv6_dst" if v6 else "ct_nw_dst",
                 "sport": "ct_tp_src", "dport": "ct_tp_dst",
                 "id": "icmp_id", "type": "icmp_type", "code": "icmp_code"}
        return "ct_nw_proto=%d,%s" % (FLUSHABLE[protocol], ",".join(
            names[key] + "=" + value for key, value in
            (item.split("=", 1) for item in which.split(","))))

    def set_policy(self, zone, *timeouts):
        """As add-zone-tp, which is for a zone that has none."""
        self.vsctl("--id=@p", "create", "CT_Timeout_Policy",
                   *["timeouts:" + timeout for timeout in timeouts],
                   "--", "--id=@z", "create", "CT_Zone", "timeout_policy=@p",
                   "--", "set", "Datapath", self.datapath(),
                   "ct_zones:%d=@z" % zone)
        self.policies.add(zone)

    def del_policy(self, zone):
        self.vsctl("--if-exists", "del-zone-tp", "netdev", "zone=%d" % zone)
        self.policies.discard(zone)

    def datapath(self):
        return self.vsctl("get", "Open_vSwitch", ".",
                          "datapaths:netdev").strip()

    def knows_cache(self):
        return "dpif_vnic" in self.appctl("dpif-netdev/dpif-impl-get")

    def set_cache(self, is_on):
        self.appctl("dpif-netdev/dpif-impl-set",
                    "dpif_vnic" if is_on else "dpif_scalar")

    def warp(self, ms):
        self.appctl("time/warp", str(ms))
        # Threads that clean up.
        if ms > 1000:
            time.sleep(0.03)

    def settle(self):
        """Until what was changed is in the datapath's flows, and what they
        have counted is in OpenFlow's counters."""
        for _ in range(2):
            self.warp(SETTLE_MS)
            self.revalidate()

    def revalidate(self):
        """revalidator/wait.  Revalidators don't notice that the clock was
        moved, but any change of a flow makes them start; the answer comes when
        the main thread wakes up the next time."""
        self.ofctl("add-flow", BRIDGE, "table=200,actions=drop")
        waiting = Rpc(self.control)
        waiting.send("revalidator/wait")
        while not waiting.is_answered():
            self.appctl("version")
        waiting.receive("revalidator/wait")

    # State, in a form that can be compared.

    def flows(self):
        return sorted(re.sub(r" (duration|idle_age|hard_age)=[^,]*,", "", row)
                      for row in self.ofctl("dump-flows", BRIDGE).splitlines()
                      if "actions=" in row)

    def groups(self):
        return sorted(re.sub(r"duration=[\d.]+s,", "", row) for row in
                      self.ofctl("dump-group-stats", BRIDGE).splitlines()
                      if "group_id" in row)

    def meters(self):
        return sorted(re.sub(r"duration:[\d.]+s ", "", row) for row in
                      self.ofctl("meter-stats", BRIDGE).splitlines()
                      if "xid" not in row)

    def connections(self):
        """{connection: timeout}"""
        found = {}
        for row in self.appctl("dpctl/dump-conntrack", "-m",
                               "-s").splitlines():
            timeout = re.search(r",timeout=(\d+)", row)
            row = re.sub(r",timeout=\d+|(?<=\)),id=\d+", "", row)
            found[row] = int(timeout.group(1)) if timeout else 0
        return found

    def count_hits(self):
        """A cache that was switched off has forgotten what it counted."""
        if self.cache is None:
            return
        total = json.loads(self.appctl("vnic/cache-show", "-f",
                                       "json"))["total"]
        counts = collections.Counter(total["misses"], hits=total["hits"])
        if all(counts[key] >= n for key, n in self.last_counts.items()):
            self.counts += counts - self.last_counts
        else:
            self.counts += counts
        self.last_counts = counts
