# SPDX-License-Identifier: Apache-2.0
"""Files of frames, as DPDK's pcap driver reads them."""

import struct

# A reader ignores time zone and precision.  With 8 there, this is also a
# record of a frame of 8 bytes, see feeder.py.
HEADER = struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 8, 8, 65535, 1)
RECORD = 16                     # Bytes before each frame.


def record(frame):
    return struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame


def write(path, frames):
    with open(path, "wb") as f:
        f.write(HEADER)
        for frame in frames:
            f.write(record(frame))
