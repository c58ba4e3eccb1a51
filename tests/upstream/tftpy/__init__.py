# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the tftpy package, which Debian 12 does not have.

Open vSwitch's tests/test-l7.py serves TFTP with it, and without it the
conntrack cases with a TFTP helper are skipped.  This is as much of tftpy as
test-l7.py uses: a server that lets clients read files (RFC 1350, no options).
"""

import os
import socket
import struct
import threading

RRQ, DATA, ACK, ERROR = 1, 3, 4, 5
FILE_NOT_FOUND, ILLEGAL_OPERATION = 1, 4
BLOCK_SIZE = 512
RESEND_AFTER = 0.5              # Seconds.
RESENDS = 5


class TftpShared:
    DEF_TFTP_PORT = 69


class TftpServer:
    def __init__(self, tftproot):
        self.root = os.path.realpath(tftproot)

    def listen(self, ip, port):
        """Serves read requests for ever."""
        requests = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        requests.bind((ip, port))
        while True:
            request, client = requests.recvfrom(65536)
            threading.Thread(target=self.reply, args=(request, client),
                             daemon=True).start()

    def reply(self, request, client):
        # From a port of its own: this is what makes TFTP need a conntrack
        # helper, and so what the tests are about.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(client)
            sock.settimeout(RESEND_AFTER)
            try:
                content = self.read(request)
            except ValueError as e:
                send_error(sock, ILLEGAL_OPERATION, e)
            except OSError as e:
                send_error(sock, FILE_NOT_FOUND, e.strerror)
            else:
                send_file(sock, content)

    def read(self, request):
        """Returns the content of the file that 'request' names."""
        opcode, = struct.unpack_from("!H", request)
        if opcode != RRQ:
            raise ValueError("only reading is supported")
        name = os.fsdecode(request[2:].split(b"\0")[0]).lstrip("/")
        path = os.path.realpath(os.path.join(self.root, name))
        if os.path.commonpath([path, self.root]) != self.root:
            raise ValueError("outside of the served directory")
        with open(path, "rb") as f:
            return f.read()


def send_file(sock, content):
    # The last block is a short one, if need be an empty one.
    for block in range(len(content) // BLOCK_SIZE + 1):
        number = (block + 1) & 0xffff
        data = content[block * BLOCK_SIZE:(block + 1) * BLOCK_SIZE]
        if not send_block(sock, number, data):
            return


def send_block(sock, number, data):
    """Sends 'data' until the client acknowledges it.  False if it does not."""
    for _ in range(RESENDS):
        try:
            sock.send(struct.pack("!HH", DATA, number) + data)
            while True:
                reply = sock.recv(BLOCK_SIZE)
                if reply[:4] == struct.pack("!HH", ACK, number):
                    return True
        except socket.timeout:
            continue
        except OSError:
            return False
    return False


def send_error(sock, code, message):
    sock.send(struct.pack("!HH", ERROR, code) + str(message).encode() + b"\0")
