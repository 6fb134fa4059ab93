# SPDX-License-Identifier: LGPL-2.1-or-later
"""Change the metadata of a LUKS2 header and make its checksums fit again.

Layout: "LUKS2 On-Disk Format Specification", version 1.1, section 2.1: two headers of
equal size, each 4096 bytes of binary header with the SHA-256 of the whole header at
byte 448 (taken over zeroes there), then JSON up to the header's end.
"""
import hashlib
import json
import struct

BINARY = 4096
CHECKSUM = slice(448, 512)


def header_size(area):
    return struct.unpack(">Q", area[8:16])[0]


def metadata(area):
    return json.loads(area[BINARY : header_size(area)].split(b"\0", 1)[0])


def reseal(area):
    """The area with both checksums as its bytes demand."""
    area = bytearray(area)
    size = header_size(area)
    for start in (0, size):
        header = area[start : start + size]
        header[CHECKSUM] = bytes(64)
        header[CHECKSUM] = hashlib.sha256(header).digest().ljust(64, b"\0")
        area[start : start + size] = header
    return bytes(area)


def change(area, edit):
    """The area after edit(metadata) in both headers."""
    size = header_size(area)
    values = metadata(area)
    edit(values)
    text = json.dumps(values, separators=(",", ":")).encode().ljust(size - BINARY, b"\0")
    if len(text) != size - BINARY:
        raise ValueError("metadata does not fit")
    area = bytearray(area)
    for start in (0, size):
        area[start + BINARY : start + size] = text
    return reseal(area)
