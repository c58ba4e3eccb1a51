# SPDX-License-Identifier: Apache-2.0
"""A virtual machine as a guest: QEMU, a Debian kernel and busybox.

    far end -- link -- VNIC -- the tenant's bridge -- port -- virtio-net
                                                        |
               TapNic: a tap device, which OVS opens as any device
               VhostUserNic: a dpdkvhostuserclient port, which a PMD polls

The processor is emulated (TCG), so that any machine will do; the guest is up
in three or four seconds.  Its kernel and modules are those of Debian's
installer, for that is a package which puts a kernel on the disk and leaves
alone how this host boots, as linux-image-* does not.  The root file system,
made here, has busybox, the modules and an init of a few lines that serves
HTTP and runs the commands which come by the second serial port.
"""

import gzip
import hashlib
import os
import re
import shutil
import socket
import tempfile
import time

import pytest

from sandbox import BUILD
from waiting import wait_for

QEMU = "qemu-system-x86_64"
BUSYBOX = "/bin/busybox"
INSTALLER = ("/usr/lib/debian-installer/images/12/amd64/text/"
             "debian-installer/amd64")
NEEDS = {QEMU: "qemu-system-x86", BUSYBOX: "busybox-static",
         f"{INSTALLER}/linux": "debian-installer-12-netboot-amd64"}

# In the order of their dependencies.
MODULES = ["virtio", "virtio_ring", "virtio_pci_legacy_dev",
           "virtio_pci_modern_dev", "virtio_pci", "failover", "net_failover",
           "virtio_net"]

MB = 96
BOOT_SECONDS = 60               # Four, on a machine that has time.

# GUEST_IP comes from the kernel's command line.  A reply ends with a byte that
# no command prints, and the exit status.
INIT = f"""#!/bin/sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in {' '.join(MODULES)}; do insmod /lib/$module.ko; done
ip link set lo up
ip link set eth0 up
ip addr add $GUEST_IP/24 dev eth0
httpd -p 80 -h /www
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
printf '\\004%d\\n' 0
while read -r command; do
    (set -o pipefail; eval "$command") < /dev/null 2>&1
    printf '\\004%d\\n' $?
done
"""
REPLY = re.compile(rb"\x04(\d+)\n$")


def need():
    """Skips the test that calls it where a guest can't be had."""
    missing = [package for file, package in NEEDS.items()
               if not shutil.which(file) and not os.path.exists(file)]
    if missing:
        pytest.skip(f"guests need the packages {' '.join(missing)}")


# The initramfs: an archive as cpio's --format=newc makes, see
# Documentation/driver-api/early-userspace/buffer-format.rst of Linux.

HEADER = 110


def padded(data):
    return data + bytes(-len(data) % 4)


def cpio_entry(name, mode, data=b"", device=(0, 0)):
    fields = 0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0
    header = "070701" + "".join(f"{field:08x}" for field in fields)
    return padded(header.encode() + name.encode() + b"\0") + padded(data)


def cpio_files(archive):
    """(base name, contents) of what is in 'archive'."""
    offset = 0
    while archive[offset:offset + 6] == b"070701":
        def field(i):
            start = offset + 6 + 8 * i
            return int(archive[start:start + 8], 16)
        size, name_size = field(6), field(11)
        name = archive[offset + HEADER:offset + HEADER + name_size - 1]
        start = (offset + HEADER + name_size + 3) & ~3
        yield os.path.basename(name.decode()), archive[start:start + size]
        offset = (start + size + 3) & ~3


def installer_modules():
    with gzip.open(f"{INSTALLER}/initrd.gz") as initrd:
        files = dict(cpio_files(initrd.read()))
    return {name: files[f"{name}.ko"] for name in MODULES}


def make_initramfs():
    with open(BUSYBOX, "rb") as busybox:
        entries = [cpio_entry("bin/busybox", 0o100755, busybox.read())]
    entries += [cpio_entry(f"lib/{name}.ko", 0o100644, data)
                for name, data in installer_modules().items()]
    directories = [cpio_entry(name, 0o40755)
                   for name in ("bin", "dev", "lib", "proc", "sys", "www")]
    return b"".join(
        [*directories, cpio_entry("dev/console", 0o20600, device=(5, 1)),
         cpio_entry("bin/sh", 0o120777, b"busybox"), *entries,
         cpio_entry("init", 0o100755, INIT.encode()),
         cpio_entry("TRAILER!!!", 0)])


def initramfs():
    """The path of an initramfs, made anew if what it is made of changed."""
    sources = [BUSYBOX, f"{INSTALLER}/initrd.gz", __file__]
    facts = [(os.stat(path).st_mtime_ns, os.stat(path).st_size)
             for path in sources]
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    directory = f"{BUILD}/tests/guest"
    path = f"{directory}/initramfs-{key}"
    if not os.path.exists(path):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        with tempfile.NamedTemporaryFile(dir=directory, delete=False) as new:
            new.write(make_initramfs())
        os.rename(new.name, path)
    return path


# NICs: how QEMU and Open vSwitch see them.

class TapNic:
    def __init__(self, sandbox, name):
        self.port = f"{name}-tap"
        self.columns = []
        # It stays when QEMU goes.
        sandbox.run("ip", "tuntap", "add", self.port, "mode", "tap")
        sandbox.run("ip", "link", "set", self.port, "up")

    def qemu(self):
        # Without vnet_hdr, QEMU offers the guest no offload that the frames'
        # next reader would have to know of.
        return ["-netdev", f"tap,id=nic,ifname={self.port},script=no,"
                "downscript=no,vnet_hdr=off"]


class VhostUserNic:
    def __init__(self, sandbox, name):
        self.port = f"{name}-vhost"
        self.socket = f"{sandbox.dir}/{self.port}"
        self.columns = ["--", "set", "Interface", self.port,
                        "type=dpdkvhostuserclient",
                        f"options:vhost-server-path={self.socket}"]

    def qemu(self):
        return ["-object", f"memory-backend-memfd,id=mem,size={MB}M,share=on",
                "-machine", "memory-backend=mem",
                "-chardev", f"socket,id=vhost,path={self.socket},server=on",
                "-netdev", "vhost-user,id=nic,chardev=vhost"]


class Guest:
    """A tenant's virtual machine, which outlives its QEMU by start()."""

    def __init__(self, sandbox, name, nic, mac, ip, nice=0):
        need()
        self.sandbox = sandbox
        self.name = name
        self.nic = nic
        self.mac = mac
        self.ip = ip
        self.nice = nice
        self.process = self.socket = None
        self.serial = f"{sandbox.dir}/{name}.serial"
        self.console = f"{sandbox.dir}/{name}.console"

    def start(self):
        """Returns when the guest takes commands."""
        self.boot()
        self.wait_until_up()

    def boot(self):
        # MSI-X (vectors) is off for vhost-user: QEMU 7.2 crashes with it when
        # it emulates the processor.  The guest can't tell the difference.
        with open(f"{self.console}.qemu", "a") as log:
            self.process = self.sandbox.spawn(
                "nice", "-n", str(self.nice), QEMU, "-accel", "tcg",
                "-machine", "pc", "-m", str(MB),
                "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-kernel", f"{INSTALLER}/linux",
                "-initrd", initramfs(), "-append",
                "console=ttyS0 quiet panic=-1 mitigations=off "
                f"GUEST_IP={self.ip}",
                "-serial", f"file:{self.console}",
                "-serial", f"unix:{self.serial},server=on,wait=off",
                *self.nic.qemu(), "-device",
                f"virtio-net-pci,netdev=nic,mac={self.mac},vectors=0,romfile=",
                stdout=log, stderr=log)
        # At once, for what the guest says to nobody is lost.
        self.socket = wait_for(self.connect, f"a QEMU for {self.name}")

    def wait_until_up(self):
        self.read_reply(BOOT_SECONDS)

    def connect(self):
        assert self.process.poll() is None, self.log()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self.serial)
        except OSError:
            connection.close()
            return None
        return connection

    def run(self, command, check=True, timeout=30):
        """Runs a line of shell in the guest and returns what it printed."""
        self.socket.sendall(command.encode() + b"\n")
        output, status = self.read_reply(timeout)
        assert not check or not status, (
            f"{self.name}: {command} ended with {status}: {output}")
        return output

    def read_reply(self, timeout):
        data = b""
        end = time.monotonic() + timeout
        while not (match := REPLY.search(data)):
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except socket.timeout:
                more = b""
            assert more, f"{self.name} does not answer: {data}\n{self.log()}"
            data += more
        return data[:match.start()].decode(), int(match.group(1))

    def kill(self):
        """As kill -9 of its QEMU, without a goodbye to anyone."""
        self.process.kill()
        self.process.wait()
        self.socket.close()
        os.unlink(self.serial)

    def log(self):
        text = ""
        for path in self.console, f"{self.console}.qemu":
            with open(path, errors="replace") as log:
                text += log.read()[-3000:]
        return text

    def serve(self, size):
        """Serves 'size' random bytes as /body; returns their SHA-256."""
        self.run(f"head -c {size} /dev/urandom > /www/body")
        return self.run("sha256sum < /www/body").split()[0]

    def fetch(self, url):
        """The SHA-256 of what is at 'url'."""
        return self.run(f"timeout 10 wget -q -O - {url} "
                        "| sha256sum").split()[0]


def add_guest(sandbox, name, link, nic, mac, ip, bridge=None, nice=0):
    """A guest with a NIC of the class 'nic' and a VNIC on 'link', both of the
    address 'mac', on a bridge of its own unless 'bridge' is given.  It is
    booting and must be waited for: several boot at a time."""
    guest = Guest(sandbox, name, nic(sandbox, name), mac, ip, nice)
    if not bridge:
        bridge = f"br-{name}"
        sandbox.bridge(bridge)
    sandbox.vsctl("add-port", bridge, guest.nic.port, *guest.nic.columns,
                  "--", "add-vnic", bridge, name, f"link={link}",
                  f'mac="{mac}"')
    guest.boot()
    return guest
