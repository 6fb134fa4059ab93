#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""unixpipe.py SOCKET: standard input and output to a Unix socket and back, as libvirt's "ext"
transport wants it where "ssh" would start ssh."""
import os
import selectors
import socket
import sys


def main():
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[1])
    selector = selectors.DefaultSelector()
    for source, target in ((0, link.fileno()), (link.fileno(), 1)):
        selector.register(source, selectors.EVENT_READ, target)
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 65536)
            if not data:
                sys.exit(0)
            while data:
                data = data[os.write(key.data, data):]


main()
