# SPDX-License-Identifier: Apache-2.0
"""Frames without end through a FIFO.

"infinite_rx" of DPDK's pcap driver holds each frame in an mbuf of Open
vSwitch's pool, which has 262,144 of them, and begins anew after the last one.
Too few for a million flows, and no way to make each frame another flow.  So
these come from a process of their own, on the main thread's CPU, through a
FIFO that the driver reads as a file.

The driver opens the file when it is probed, again after each stop, and blocks
the PMD thread as long as there is nothing to read.  Thus until start() there
is always a file header in the FIFO: a reader that has just opened it takes it
for that, another for a runt (pcap.HEADER), which the switch drops."""

import array
import fcntl
import multiprocessing
import os
import time

import pcap

PIPE_SIZE = 1 << 20
F_SETPIPE_SZ, FIONREAD = 1031, 0x541b
IDLE = 0.001                    # Seconds between looks at the FIFO.


class Feeder:
    """Use in a "with" statement.  'source' is a function that returns an
    iterator over blocks of records."""

    def __init__(self, path, source):
        self.path = path
        self.source = source
        context = multiprocessing.get_context("fork")
        self.started = context.Event()
        self.process = context.Process(target=self._run, daemon=True)

    def __enter__(self):
        os.mkfifo(self.path)
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()
        os.unlink(self.path)

    def start(self):
        """Call when nothing will stop the port any more."""
        self.started.set()

    def _run(self):
        fd = os.open(self.path, os.O_RDWR)      # So that no write fails.
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE)
        pending = array.array("i", [0])
        while not self.started.is_set():
            fcntl.ioctl(fd, FIONREAD, pending)
            if not pending[0]:
                os.write(fd, pcap.HEADER)
            time.sleep(IDLE)
        for block in self.source():
            view = memoryview(block)
            while view:
                view = view[os.write(fd, view):]
