# SPDX-License-Identifier: Apache-2.0
"""The other end of tests/oracle-nic.c: feeds a daemon's ports, and takes what
they send.

Packets that are fed in one call are through when it returns: that is a
barrier, and changes are made between two of them."""

import mmap
import os
import struct
import time

# Keep in step with oracle-nic.c.
CONTROL_SIZE = 4096
INPUT_SIZE = 64 << 20
OUTPUT_SIZE = 512 << 20
GIVEN, HEAD, TAKEN, TAIL, SENT, IDLE = range(6)
FAULTS = {"lose": 48, "swap": 52, "spoil": 56}
END_OF_BATCH, GOOD_CHECKSUMS = 1, 2

RECORD = struct.Struct("=HBB")
QUEUE_SHIFT = 4
WORD = struct.Struct("=Q")
# Polls without packets, for which each port must have been polled.
IDLE_POLLS = 40
TIMEOUT = 10.0


class Stuck(Exception):
    """The daemon doesn't take its packets."""


def encode(batches):
    """'batches' are (port, [(frame, flags)]), with the queue above
    QUEUE_SHIFT bits of the port."""
    out = []
    for port, frames in batches:
        last = len(frames) - 1
        for i, (frame, flags) in enumerate(frames):
            out.append(RECORD.pack(len(frame), port,
                                   flags | (END_OF_BATCH if i == last else 0)))
            out.append(frame)
    return b"".join(out)


def decode(data):
    """Yields (port, frame)."""
    at, end = 0, len(data)
    unpack = RECORD.unpack_from
    while at < end:
        n, port, _ = unpack(data, at)
        at += 4
        yield port, data[at:at + n]
        at += n


class Nic:
    def __init__(self, path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(fd, CONTROL_SIZE + INPUT_SIZE + OUTPUT_SIZE)
        self.map = mmap.mmap(fd, CONTROL_SIZE + INPUT_SIZE + OUTPUT_SIZE)
        os.close(fd)

    def get(self, index):
        return WORD.unpack_from(self.map, 8 * index)[0]

    def set(self, index, value):
        WORD.pack_into(self.map, 8 * index, value)

    def fault(self, name, every):
        struct.pack_into("=I", self.map, FAULTS[name], every)

    def start(self, data):
        """Feeds 'data'; finish() must follow before the next start()."""
        assert len(data) <= INPUT_SIZE
        self.set(SENT, 0)
        self.set(HEAD, len(data))
        self.map[CONTROL_SIZE:CONTROL_SIZE + len(data)] = data
        if data:
            self.set(GIVEN, self.get(GIVEN) + 1)

    def finish(self):
        """Waits until all is through; returns what was sent."""
        seen = -1
        deadline = time.monotonic() + TIMEOUT
        while self.get(TAKEN) != self.get(GIVEN):
            time.sleep(0.0002)
            if self.get(TAIL) != seen:
                seen = self.get(TAIL)
                deadline = time.monotonic() + TIMEOUT
            elif time.monotonic() > deadline:
                raise Stuck("%d of %d bytes taken; a batch for port %d waits"
                            % (seen, self.get(HEAD),
                               self.map[CONTROL_SIZE + seen + 2]))
        idle = self.get(IDLE) + IDLE_POLLS
        while self.get(IDLE) < idle:
            time.sleep(0.0002)
            if time.monotonic() > deadline:
                raise Stuck("nothing is polled")
        begin = CONTROL_SIZE + INPUT_SIZE
        return self.map[begin:begin + self.get(SENT)]
