#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the rows of tests/unit/test-mee.c: the construction of psp/mee/mee.h written once
more, with Python's hmac and the openssl program for single blocks of AES."""
import hashlib
import hmac
import struct
import subprocess


def aes(key, blocks):
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()],
                          input=blocks, capture_output=True, check=True).stdout


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def tweak(key, address):
    out = bytes(16)
    for bit in range(4, 52):
        if address >> bit & 1:
            text = struct.pack("<I", 1) + b"sevlaunch-mee-tweak\0" + struct.pack("<II", bit, 128)
            out = xor(out, hmac.new(key, text, hashlib.sha256).digest()[:16])
    return out


def encrypt(key, address, data):
    tweaks = b"".join(tweak(key, address + i) for i in range(0, len(data), 16))
    return xor(aes(key, xor(data, tweaks)), tweaks)


KEYS = (bytes(16), bytes(range(16)), bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
ADDRESSES = (0, 0x10, 0x1000, 0x80F000, 0x100000000, 0xFFFFFFFFFFFF0)

for key in KEYS:
    for address in ADDRESSES:
        plain = hashlib.sha256(struct.pack("<Q", address)).digest()[:16]
        print(f'    {{ "{key.hex()}", G_GUINT64_CONSTANT ({address:#x}),')
        print(f'      "{plain.hex()}", "{encrypt(key, address, plain).hex()}" }},')
page = bytes(i * 7 & 0xFF for i in range(8192))
print(hashlib.sha256(encrypt(KEYS[2], 0x12345000, page)).hexdigest())
