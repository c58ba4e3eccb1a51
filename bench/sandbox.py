# SPDX-License-Identifier: Apache-2.0
"""A database server and a switch daemon in a directory of their own, and what
it takes to talk to them without starting a program for each question.

An ovs-vsctl of its own would be measured along: it reads the database anew
each time, which with a thousand ports takes longer than most changes do.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TIMEOUT = 300.0                 # Seconds for anything; all hope is lost then.


def terminate(*_):
    """Ends the program so that what is to be undone is undone, even though
    the end of unshare(1) sends the signal again."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("terminated")


def enter_namespaces():
    """Starts this program again in namespaces of its own, which its devices
    and processes can't outlive."""
    if os.environ.pop("BENCH_INSIDE", None):
        signal.signal(signal.SIGTERM, terminate)
        return
    if os.geteuid():
        sys.exit("%s: must run as root" % os.path.basename(sys.argv[0]))
    os.environ["BENCH_INSIDE"] = "yes"
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork",
                          "--mount-proc", "--kill-child=TERM",
                          sys.executable, *sys.argv])


def cpu_ms(pid, tid):
    """What a thread has used of a CPU so far."""
    with open("/proc/%d/task/%d/schedstat" % (pid, tid),
              encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


def find_thread(pid, prefix):
    """The thread whose name begins with 'prefix'; there must be just one."""
    found = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/comm" % (pid, tid),
                  encoding="ascii") as f:
            if f.read().startswith(prefix):
                found.append(int(tid))
    tid, = found
    return tid


class RpcError(Exception):
    pass


class Rpc:
    """JSON-RPC 1.0 on a Unix socket, as OVSDB (RFC 7047) and unixctl use."""

    def __init__(self, path):
        self.socket = self._connect(path)
        self.received = ""
        self.decoder = json.JSONDecoder()
        self.last_id = 0
        self.notifications = []

    @staticmethod
    def _connect(path):
        """The server may have just been started."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(TIMEOUT)
            try:
                client.connect(path)
                return client
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def close(self):
        self.socket.close()

    def send(self, method, params):
        self.last_id += 1
        self.send_raw({"method": method, "params": params,
                       "id": self.last_id})

    def send_raw(self, message):
        self.socket.sendall(json.dumps(message).encode())

    def receive(self):
        """The next message that isn't a keep-alive."""
        while True:
            try:
                message, end = self.decoder.raw_decode(self.received)
            except ValueError:
                data = self.socket.recv(1 << 20)
                if not data:
                    raise RpcError("connection closed") from None
                self.received += data.decode()
                continue
            self.received = self.received[end:].lstrip()
            if message.get("method") == "echo":
                self.send_raw({"result": message["params"], "error": None,
                               "id": message["id"]})
            else:
                return message

    def reply(self):
        """The result of the last send()."""
        while True:
            message = self.receive()
            if "method" in message:
                self.notifications.append(message)
            elif message["id"] == self.last_id:
                if message.get("error"):
                    raise RpcError(str(message["error"]))
                return message["result"]

    def call(self, method, params):
        self.send(method, params)
        return self.reply()

    def notification(self):
        if self.notifications:
            return self.notifications.pop(0)
        return self.receive()


class Database:
    """A connection that follows Open_vSwitch:cur_cfg."""

    NAME = "Open_vSwitch"

    def __init__(self, path):
        self.rpc = Rpc(path)
        self.cur_cfg = 0
        self._take(self.rpc.call("monitor", [
            self.NAME, None, {"Open_vSwitch": {"columns": ["cur_cfg"]}}]))

    def _take(self, updates):
        for row in updates.get("Open_vSwitch", {}).values():
            self.cur_cfg = row.get("new", {}).get("cur_cfg", self.cur_cfg)

    def transact(self, *operations):
        results = self.rpc.call("transact", [self.NAME, *operations])
        for result in results:
            if result and result.get("error"):
                raise RpcError(str(result))
        return results

    def change(self, *operations):
        """Commits 'operations' with an increment of next_cfg, as ovs-vsctl
        does.  Returns what to pass to wait()."""
        results = self.transact(
            *operations,
            {"op": "mutate", "table": "Open_vSwitch", "where": [],
             "mutations": [["next_cfg", "+=", 1]]},
            {"op": "select", "table": "Open_vSwitch", "where": [],
             "columns": ["next_cfg"]})
        return results[-1]["rows"][0]["next_cfg"]

    def wait(self, next_cfg):
        """Until the daemon says that the change is in effect."""
        while self.cur_cfg < next_cfg:
            message = self.rpc.notification()
            if message["method"] == "update":
                self._take(message["params"][1])

    def select(self, table, columns):
        """All rows; but those that don't differ in 'columns' just once."""
        return self.transact({"op": "select", "table": table, "where": [],
                              "columns": columns})[0]["rows"]


class Sandbox:
    """Use in a "with" statement.  'vswitchd' is the daemon to run, 'ovs' the
    Open vSwitch build whose database server is used, 'schema' a file.  Daemons
    that are to run at the same time need 'own_network', for their bridges have
    the same names."""

    def __init__(self, vswitchd, ovs, schema, own_network=False):
        self.prefix = ["unshare", "--net"] if own_network else []
        self.vswitchd = vswitchd
        self.ovs = ovs
        self.schema = schema
        self.dir = tempfile.mkdtemp(prefix="bench-")
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir,
                        OVS_DBDIR=self.dir, OVS_SYSCONFDIR=self.dir,
                        OVS_SYSLOG_METHOD="null",
                        RUNTIME_DIRECTORY=self.dir)     # DPDK's.
        self.server = self.daemon = self.db = self.control = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def __enter__(self):
        subprocess.run([self.ovs + "/ovsdb/ovsdb-tool", "create",
                        self.path("conf.db"), self.schema], check=True,
                       env=self.env)
        self.server = self._spawn(
            self.ovs + "/ovsdb/ovsdb-server", self.path("conf.db"),
            "--remote=punix:" + self.path("db.sock"))
        self.db = Database(self.path("db.sock"))
        self.db.transact({"op": "insert", "table": "Open_vSwitch", "row": {}})
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            for process in self.daemon, self.server:
                if process:
                    process.kill()
                    process.wait()
            shutil.rmtree(self.dir)

    def _spawn(self, program, *args):
        name = os.path.basename(program)
        return subprocess.Popen(
            [*self.prefix, program, *args, "-vconsole:off", "-vfile:info",
             "--log-file=" + self.path(name + ".log"),
             "--unixctl=" + self.path(name + ".ctl")],
            cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL)

    def start(self):
        """Starts the daemon and returns at once."""
        # Dummy devices are for the stock daemon; both run with the same
        # arguments.
        self.daemon = self._spawn(self.vswitchd, "--enable-dummy",
                                  "unix:" + self.path("db.sock"))

    def ready(self):
        """Returns when the daemon answers commands."""
        self.control = Rpc(self.path("ovs-vswitchd.ctl"))

    def stop(self):
        """Ends the daemon as an upgrade does: rows and devices stay."""
        if self.control:
            self.resume()
            self.control.call("exit", [])
            self.control.close()
            self.control = None
            self.daemon.wait(TIMEOUT)
        elif self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        self.daemon = None

    def appctl(self, *args):
        return self.control.call(args[0], list(args[1:]))

    def log(self):
        with open(self.path(os.path.basename(self.vswitchd) + ".log"),
                  encoding="utf-8") as f:
            return f.read()

    def cpu_ms(self, tid=None):
        """What a thread of the daemon, by default the main thread, has used
        of a CPU so far."""
        return cpu_ms(self.daemon.pid, tid or self.daemon.pid)

    def pause(self):
        """Stops all of the daemon's threads, until resume()."""
        self.daemon.send_signal(signal.SIGSTOP)

    def resume(self):
        self.daemon.send_signal(signal.SIGCONT)
