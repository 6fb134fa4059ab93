# SPDX-License-Identifier: LGPL-2.1-or-later
"""/dev/sev as a program uses it: the C library's functions and SEV_ISSUE_CMD.

Runs inside "sevlaunch emulator exec".  Numbers and structs: <linux/psp-sev.h>.
"""
import ctypes
import errno
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

DEVICE = b"/dev/sev"
ISSUE = 0xC0105300
(FACTORY_RESET, PLATFORM_STATUS, PEK_GEN, PEK_CSR, PDH_GEN, PDH_CERT_EXPORT, PEK_CERT_IMPORT, GET_ID,
 GET_ID2) = range(9)
CERT = 2084
CHAIN = 3 * CERT
UNINIT, INIT, WORKING = range(3)
INVALID_PLATFORM_STATE, INVALID_LENGTH = 1, 4

libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]


def call(name, *arguments):
    """A function of the C library: its result, or the name of errno."""
    result = getattr(libc, name)(*arguments)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result


def ioctl(fd, request, address):
    """0, or the name of errno."""
    return errno.errorcode[ctypes.get_errno()] if libc.ioctl(fd, request, address) != 0 else 0


def issue(fd, command, address=0, error=0xdeadbeef):
    """SEV_ISSUE_CMD: (0 or the name of errno, the error that came back)."""
    argument = ctypes.create_string_buffer(struct.pack("<IQI", command, address, error), 16)
    result = ioctl(fd, ISSUE, ctypes.addressof(argument))
    return result, struct.unpack("<IQI", argument.raw)[2]


def buffer(data, size=None):
    return ctypes.create_string_buffer(data, size or len(data))


def status(fd):
    """PLATFORM_STATUS as a dict."""
    out = buffer(b"", 12)
    done = issue(fd, PLATFORM_STATUS, ctypes.addressof(out))
    assert done == (0, 0), done
    major, minor, state, flags, build, guests = struct.unpack("<BBBIBI", out.raw)
    return {"api": (major, minor), "state": state, "owner": flags & 1, "es": flags >> 8 & 1, "build": build,
            "guests": guests}


def export(fd):
    """PDH_CERT_EXPORT: (pdh, pek, oca, cek)."""
    pdh, chain = buffer(b"", CERT), buffer(b"", CHAIN)
    data = buffer(struct.pack("<QIQI", ctypes.addressof(pdh), CERT, ctypes.addressof(chain), CHAIN))
    done = issue(fd, PDH_CERT_EXPORT, ctypes.addressof(data))
    assert done == (0, 0), done
    return (pdh.raw, *(chain.raw[i * CERT:(i + 1) * CERT] for i in range(3)))


def csr_length(fd):
    """The length query: (what the ioctl said, length)."""
    data = buffer(struct.pack("<QI", 0, 0))
    done = issue(fd, PEK_CSR, ctypes.addressof(data))
    return done, struct.unpack("<QI", data.raw)[1]


def csr(fd):
    out = buffer(b"", CERT)
    data = buffer(struct.pack("<QI", ctypes.addressof(out), CERT))
    done = issue(fd, PEK_CSR, ctypes.addressof(data))
    assert done == (0, 0), done
    return out.raw


def get_id(fd):
    out = buffer(b"", 128)
    done = issue(fd, GET_ID, ctypes.addressof(out))
    assert done == (0, 0), done
    return out.raw


def _sign(cert, key, slot, usage):
    """An owner's signature, ECDSA-SHA256, into slot 0 or 1 of a SEV certificate."""
    r, s = utils.decode_dss_signature(key.sign(cert[:0x414], ec.ECDSA(hashes.SHA256())))
    at = 0x414 + slot * 0x208
    signature = struct.pack("<II", usage, 2) + r.to_bytes(72, "little") + s.to_bytes(72, "little")
    return cert[:at] + signature.ljust(0x208, b"\0") + cert[at + 0x208:]


def sign_csr(request, key):
    """The ceremony of an owner: (signed PEK, OCA certificate)."""
    point = key.public_key().public_numbers()
    oca = struct.pack("<IBBHII", 1, 0, 0, 0, 0x1001, 2) + struct.pack("<I", 2)
    oca += point.x.to_bytes(72, "little") + point.y.to_bytes(72, "little")
    oca = oca.ljust(0x414, b"\0") + (struct.pack("<II", 0x1000, 0).ljust(0x208, b"\0")) * 2
    return _sign(request, key, 0, 0x1001), _sign(oca, key, 0, 0x1001)


def take_over(fd, request=None):
    """CSR (unless given), signature, PEK_CERT_IMPORT."""
    signed, oca = (buffer(i) for i in sign_csr(request or csr(fd), ec.generate_private_key(ec.SECP384R1())))
    data = buffer(struct.pack("<QIQI", ctypes.addressof(signed), CERT, ctypes.addressof(oca), CERT))
    return issue(fd, PEK_CERT_IMPORT, ctypes.addressof(data))


def open_device(flags=os.O_RDWR):
    return os.open(DEVICE, flags)
