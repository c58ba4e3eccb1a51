# SPDX-License-Identifier: Apache-2.0
"""A guest or a peer: a network namespace, programs and raw sockets in it."""

import ctypes
import os
import re
import socket
import struct
import threading
import time

from waiting import wait_for

CLONE_NEWNET = 0x40000000

# <linux/if_packet.h>, which Python's socket module does not have all of.
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33

libc = ctypes.CDLL(None, use_errno=True)


def call_in(path, function):
    """Returns function(), called in the network namespace 'path'."""
    result = []

    def body():
        fd = os.open(path, os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {path}")
            result.append(function())
        finally:
            os.close(fd)

    # setns() moves just the calling thread; this one ends with the call.
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return result[0]


class Wire:
    """What passes a device: every frame that it receives, byte for byte and
    with its VLAN tag, and a way to send frames.  With 'outgoing', those that
    it sends count as well."""

    def __init__(self, path, device, outgoing=False):
        # No protocol yet, for a socket receives from all devices until bind().
        self.socket = call_in(path, lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING,
                               not outgoing)
        self.socket.bind((device, ETH_P_ALL))
        self.seen = []

    def send(self, *frames):
        for frame in frames:
            self.socket.send(frame)

    def receive(self, timeout):
        """The next frame, or None."""
        self.socket.settimeout(timeout)
        try:
            frame, ancillary, _, _ = self.socket.recvmsg(65536, 256)
        except (socket.timeout, BlockingIOError):
            return None
        for level, kind, data in ancillary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                frame = with_tag(frame, AUXDATA.unpack(data[:AUXDATA.size]))
        return frame

    def collect(self, seconds, until=None):
        """Adds what arrives to 'seen', for 'seconds' or until 'seen' has
        'until' frames, and returns 'seen'."""
        end = time.monotonic() + seconds
        while until is None or len(self.seen) < until:
            frame = self.receive(max(0, end - time.monotonic()))
            if frame is None:
                break
            self.seen.append(frame)
        return self.seen


def send_paced(wire, frames, receivers, chunk=32):
    """Sends 'frames' so slowly that no queue on their way overflows."""
    for i in range(0, len(frames), chunk):
        wire.send(*frames[i:i + chunk])
        end = time.monotonic() + 2
        while (sum(len(receiver.seen) for receiver in receivers)
               < min(i + chunk, len(frames)) and time.monotonic() < end):
            for receiver in receivers:
                receiver.collect(0.002)


def with_tag(frame, auxdata):
    """Puts the VLAN tag back that the kernel has taken out of 'frame'."""
    status, _, _, _, _, tci, tpid = auxdata
    if not status & TP_STATUS_VLAN_VALID:
        return frame
    if not status & TP_STATUS_VLAN_TPID_VALID:
        tpid = 0x8100
    return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]


class Netns:
    def __init__(self, sandbox, name):
        self.sandbox = sandbox
        self.name = name        # None for the sandbox's own.
        proc = f"/proc/{sandbox.anchor.pid}"
        self.path = (f"{proc}/root/run/netns/{name}" if name
                     else f"{proc}/ns/net")

    def run(self, *args, **kwargs):
        return self.sandbox.run(*args, netns=self.name, **kwargs)

    def spawn(self, *args, **kwargs):
        return self.sandbox.spawn(*args, netns=self.name, **kwargs)

    def wire(self, device="eth0", outgoing=False):
        return Wire(self.path, device, outgoing)

    def ping(self, ip, count=3, check=True, wait=1):
        """Pings and returns how many replies are missing, 'wait' seconds after
        the last request."""
        output = self.run("ping", "-n", "-c", str(count), "-i", "0.1",
                          "-W", str(wait), ip, check=False, timeout=count + 10)
        replies = int(re.search(r"(\d+) received", output).group(1))
        assert not check or replies == count, output
        return count - replies

    def serve_http(self, ip, text):
        """Serves the page 'text' at http://'ip'/, where an IPv6 address is in
        brackets."""
        root = f"{self.sandbox.dir}/www-{self.name}"
        os.mkdir(root)
        with open(f"{root}/index.html", "w") as page:
            page.write(text)
        with open(f"{root}.log", "w") as log:
            self.spawn("/usr/bin/python3", "-u", "-m", "http.server", "80",
                       "--bind", ip.strip("[]"), "--directory", root,
                       stdout=log, stderr=log)
        wait_for(lambda: self.curl(ip, check=False) == text, "an HTTP server")

    def curl(self, ip, check=True):
        return self.run("curl", "--silent", "--show-error", "--max-time", "5",
                        f"http://{ip}/", check=check)
