# SPDX-License-Identifier: LGPL-2.1-or-later
"""A read-only NBD server on a unix socket that changes its mind.

It serves the file `first` until a read has covered the byte at `trigger`, and the file
`second` from the next request on.  Protocol: the NBD project's doc/proto.md, fixed
newstyle negotiation with NBD_OPT_EXPORT_NAME and NBD_OPT_GO, simple replies.
"""
import os
import socket
import struct
import threading

MAGIC = b"NBDMAGIC"
OPTION_MAGIC = b"IHAVEOPT"
REPLY_MAGIC = 0x3E889045565A9
OPT_EXPORT_NAME, OPT_ABORT, OPT_INFO, OPT_GO = 1, 2, 6, 7
REP_ACK, REP_INFO, REP_ERR_UNSUP = 1, 3, 0x80000001
# has flags, read-only
FLAGS = 1 | 2
CMD_READ, CMD_DISC = 0, 2
REQUEST = struct.Struct(">IHHQQI")


class Server:
    def __init__(self, path, first, second, trigger):
        self.path = path
        self.trigger = trigger
        self.served_second = 0  # requests answered from the second file
        self._switched = False
        self._files = [os.open(first, os.O_RDONLY), os.open(second, os.O_RDONLY)]
        self._size = os.fstat(self._files[0]).st_size
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(4)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        for fd in self._files:
            os.close(fd)

    def _accept(self):
        while True:
            try:
                peer = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    @staticmethod
    def _take(peer, size):
        data = b""
        while len(data) < size:
            part = peer.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _serve(self, peer):
        try:
            if self._negotiate(peer):
                self._transmit(peer)
        except (EOFError, OSError):
            pass
        finally:
            peer.close()

    def _negotiate(self, peer):
        peer.sendall(MAGIC + OPTION_MAGIC + struct.pack(">H", 1 | 2))
        self._take(peer, 4)
        while True:
            if self._take(peer, 8) != OPTION_MAGIC:
                return False
            option, length = struct.unpack(">II", self._take(peer, 8))
            self._take(peer, length)
            if option == OPT_EXPORT_NAME:
                peer.sendall(struct.pack(">QH", self._size, FLAGS))
                return True
            if option in (OPT_INFO, OPT_GO):
                self._option_reply(peer, option, REP_INFO, struct.pack(">HQH", 0, self._size, FLAGS))
                self._option_reply(peer, option, REP_ACK)
                if option == OPT_GO:
                    return True
                continue
            self._option_reply(peer, option, REP_ACK if option == OPT_ABORT else REP_ERR_UNSUP)
            if option == OPT_ABORT:
                return False

    @staticmethod
    def _option_reply(peer, option, reply, data=b""):
        peer.sendall(struct.pack(">QIII", REPLY_MAGIC, option, reply, len(data)) + data)

    def _transmit(self, peer):
        while True:
            magic, _flags, command, handle, offset, length = REQUEST.unpack(self._take(peer, REQUEST.size))
            if magic != 0x25609513 or command == CMD_DISC:
                return
            error, data = 22, b""  # EINVAL
            if command == CMD_READ and offset + length <= self._size:
                error, data = 0, self._read(offset, length)
            peer.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)

    def _read(self, offset, length):
        data = os.pread(self._files[self._switched], length, offset)
        self.served_second += self._switched
        if offset <= self.trigger < offset + length:
            self._switched = True
        return data.ljust(length, b"\0")
