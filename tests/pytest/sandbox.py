# SPDX-License-Identifier: Apache-2.0
"""A host of its own for a test: namespaces, a database and our daemon.

    sandbox ----+-- ovsdb-server, ovs-vswitchd, bridges, links
                |
                +-- veths --> Netns "red", "blue", ...: guests and peers

All of it lives in a mount and a network namespace that an anchor process
holds.  Named network namespaces are entries of that mount namespace's own
/run, so their names can be plain ones.  Every process dies with the one that
runs pytest (--pdeathsig), and with the last of them goes all else: nothing is
left behind however a test ends.
"""

import json
import os
import shutil
import subprocess
import tempfile

from netns import Netns
from waiting import wait_for

BUILD = os.environ.get("VNIC_BUILDDIR", "")
OVS = os.environ.get("OVS_DIR", "")

# PATH puts our daemon and our ovs-vsctl before those of Open vSwitch.
PATH = ":".join([f"{BUILD}/vswitchd-plugin", f"{BUILD}/utilities",
                 f"{OVS}/utilities", f"{OVS}/ovsdb", os.environ["PATH"]])
SCHEMA = f"{BUILD}/vswitchd-plugin/vswitch.ovsschema"

ANCHOR = """
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/huge
mount -t hugetlbfs hugetlbfs /run/huge || :
ip link set lo up
echo ready
exec sleep infinity
"""


class Sandbox:
    """Use as a context manager."""

    def __init__(self):
        # Not pytest's tmp_path, which is too long for a socket's name.
        self.dir = tempfile.mkdtemp(prefix="vnic-test-")
        self.processes = []
        self.daemon = self.server = self.anchor = None
        self.preload = ""       # Libraries for the daemon.
        self.env = dict(os.environ, PATH=PATH, OVS_RUNDIR=self.dir,
                        OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)

    def __enter__(self):
        try:
            self.anchor = self.spawn(
                "unshare", "--net", "--mount", "--propagation", "private",
                "sh", "-ec", ANCHOR, inside=False, stdout=subprocess.PIPE)
            assert self.anchor.stdout.readline() == "ready\n"
            self.host = Netns(self, None)
            self.quiet_ipv6()
            self.start_server()
            self.start_daemon()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, exc_type, *_):
        try:
            if not exc_type:
                self.exit_daemon()
        finally:
            self.kill()

    def kill(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    # Processes.

    def command(self, args, netns=None, inside=True):
        """None of these prefixes forks, so that the process is ours to kill
        and to wait for."""
        enter = ["nsenter", "-t", str(self.anchor.pid), "-m", "-n",
                 "--wd=/"] if inside else []
        within = ["ip", "netns", "exec", netns] if netns else []
        return ["setpriv", "--pdeathsig", "KILL", *enter, *within, *args]

    def spawn(self, *args, netns=None, inside=True, **kwargs):
        """Starts a process that runs until the sandbox's end."""
        process = subprocess.Popen(
            self.command(args, netns, inside), env=self.env, text=True,
            stdin=subprocess.DEVNULL, **kwargs)
        self.processes.append(process)
        return process

    def run(self, *args, netns=None, check=True, timeout=30):
        """Runs a command to its end and returns what it printed."""
        done = subprocess.run(
            self.command(args, netns), env=self.env, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not check or not done.returncode, (
            f"{' '.join(args)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    # Daemons.  In the foreground, for the test is their parent and reaps them.

    def start_server(self):
        socket = f"{self.dir}/db.sock"
        if not os.path.exists(f"{self.dir}/conf.db"):
            self.run("ovsdb-tool", "create", f"{self.dir}/conf.db", SCHEMA)
        if os.path.exists(socket):
            os.unlink(socket)
        self.server = self.spawn(
            "ovsdb-server", "--no-chdir", "--pidfile", "--log-file",
            "-vconsole:off", f"--remote=punix:{socket}", f"{self.dir}/conf.db")
        wait_for(lambda: os.path.exists(socket), "a database server")
        self.vsctl("--no-wait", "init")

    def start_daemon(self):
        self.daemon = self.spawn(
            "env", f"LD_PRELOAD={self.preload}", "ovs-vswitchd",
            "--no-chdir", "--pidfile", "--log-file", "-vconsole:off",
            "--disable-system", f"unix:{self.dir}/db.sock")
        # Returns when the daemon has done all that the database says.
        self.vsctl("add-br", "ready", "--", "del-br", "ready")

    def kill_daemon(self):
        self.daemon.kill()
        self.daemon.wait()

    def exit_daemon(self):
        """Ends the daemon in good order, as after every test."""
        assert self.daemon.poll() is None, (
            f"ovs-vswitchd died: {self.daemon.returncode}")
        self.appctl("exit")
        assert self.daemon.wait(timeout=10) == 0

    def log(self, lines=60):
        try:
            with open(f"{self.dir}/ovs-vswitchd.log") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def vsctl(self, *args, check=True):
        return self.run("ovs-vsctl", "--timeout=15", *args, check=check)

    def appctl(self, *args, check=True):
        return self.run("ovs-appctl", "--timeout=15", *args, check=check)

    def get(self, table, row, column):
        return self.vsctl("get", table, row, column).strip().strip('"')

    def show(self, command, name):
        """The one row of vnic/COMMAND for 'name'."""
        rows = json.loads(self.appctl(f"vnic/{command}", "-f", "json", name))
        assert len(rows) == 1
        return rows[0]

    def drops(self, command, name):
        return self.show(command, name)["drops_by_reason"]

    def wait_status(self, table, name, status):
        """Waits for a row's status; returns its reason."""
        def has():
            return self.get(table, name, "status") == status
        wait_for(has, f"{table} {name} being {status}")
        return self.get(table, name, "status_reason")

    # The network.

    def quiet_ipv6(self, netns=None):
        """No neighbour discovery among the frames that a test counts."""
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                 "net.ipv6.conf.default.disable_ipv6=1", netns=netns)

    def netns(self, name):
        self.run("ip", "netns", "add", name)
        self.run("ip", "-n", name, "link", "set", "lo", "up")
        self.quiet_ipv6(name)
        return Netns(self, name)

    def veth(self, device, peer, mac=None, ip=None):
        """A cable from 'device', here, to eth0 in namespace 'peer'.

        The datapath sees what AF_PACKET does, which is frames without
        checksums unless both ends compute them."""
        address = ["address", mac] if mac else []
        self.run("ip", "link", "add", device, "type", "veth",
                 "peer", "name", "eth0", *address, "netns", peer.name)
        peer.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "link", "set", device, "up")
        for netns in peer.name, None:
            self.run("ethtool", "-K", "eth0" if netns else device,
                     "tx", "off", "rx", "off", netns=netns)
        if ip:
            peer.run("ip", "addr", "add", f"{ip}/24", "dev", "eth0")

    def bridge(self, name):
        self.vsctl("add-br", name, "--", "set", "Bridge", name,
                   "datapath_type=netdev")

    def link(self, name, ip=None, mac=None):
        """A link on a new veth.  Returns the far end, "NAME-far"."""
        far = self.netns(f"{name}-far")
        self.veth(name, far, mac, ip)
        self.vsctl("add-vnic-link", name, f"netdev={name}")
        return far

    def tenant(self, name, link, mac, vlan=None, ip=None, bridge=None):
        """A guest with a VNIC, both of address 'mac', on a bridge of its own
        unless 'bridge' is given.  Returns the guest."""
        guest = self.netns(name)
        self.veth(f"{name}-tap", guest, mac, ip)
        if not bridge:
            bridge = f"br-{name}"
            self.bridge(bridge)
        columns = [f"link={link}", f'mac="{mac}"']
        if vlan:
            columns.append(f"vlan={vlan}")
        self.vsctl("add-port", bridge, f"{name}-tap",
                   "--", "add-vnic", bridge, name, *columns)
        return guest

    def default_port(self, name, link):
        """A guest behind the default port of a link.  Returns the guest."""
        guest = self.netns(name)
        self.veth(f"{name}-tap", guest)
        self.bridge(f"br-{name}")
        self.vsctl("add-port", f"br-{name}", f"{name}-tap",
                   "--", "add-port", f"br-{name}", name,
                   "--", "set", "Interface", name, "type=vnic-link",
                   f"options:link={link}")
        return guest
