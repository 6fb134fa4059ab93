# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest owner, written a second time: sessions, measurements and secret packets.

Independent of policy/ and psp/: Python's cryptography does the work, the formulas are
those of AMD's SEV API specification (publication 55766) and of AMD's sev-tool.
"""
import base64
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CERT_SIZE = 2084
USAGE_NONE, USAGE_PDH = 0x1000, 0x1003
ALGO_ECDH_SHA256 = 3
CURVE_P384 = 2

# Guest policy bits.
NODBG, NOKS, ES, NOSEND, DOMAIN, SEV = 1, 2, 4, 8, 16, 32


def b64(data):
    return base64.b64encode(data).decode()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def ctr(key, iv, data):
    cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


def kdf(key, label, context=b""):
    """NIST SP 800-108, counter mode, with AMD's little-endian counter and length; 16 bytes."""
    return mac(key, struct.pack("<I", 1), label, b"\0", context, struct.pack("<I", 128))[:16]


def cert_public_key(cert):
    """The P-384 key of a SEV certificate."""
    curve, x, y = struct.unpack("<I72s72s", cert[0x10:0xA4])
    if len(cert) != CERT_SIZE or curve != CURVE_P384:
        raise ValueError("no SEV certificate of a P-384 key")
    return ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "little"), int.from_bytes(y, "little"), ec.SECP384R1()).public_key()


def make_cert(key):
    """A DH certificate as sevctl makes it: both signature slots empty."""
    numbers = key.public_key().public_numbers()
    body = struct.pack("<IBBHII", 1, 0, 0, 0, USAGE_PDH, ALGO_ECDH_SHA256)
    body += struct.pack("<I", CURVE_P384)
    body += numbers.x.to_bytes(72, "little") + numbers.y.to_bytes(72, "little")
    slot = struct.pack("<II", USAGE_NONE, 0) + bytes(512)
    cert = body.ljust(0x414, b"\0") + slot + slot
    assert len(cert) == CERT_SIZE
    return cert


class Session:
    """Keys agreed with a platform for one guest, and the messages that carry them."""

    def __init__(self, platform_pdh, policy, policy_in_mac=None, key=None):
        """policy_in_mac: what the session is made for, if not the policy that is asked for;
        key: the owner's, else a new one"""
        key = key or ec.generate_private_key(ec.SECP384R1())
        self.key = key
        shared = key.exchange(ec.ECDH(), cert_public_key(platform_pdh))
        nonce, iv = os.urandom(16), os.urandom(16)
        master = kdf(shared, b"sev-master-secret", nonce)
        self.policy = policy
        self.tek, self.tik = os.urandom(16), os.urandom(16)
        wrapped = ctr(kdf(master, b"sev-kek"), iv, self.tek + self.tik)
        signed = policy if policy_in_mac is None else policy_in_mac
        self.cert = make_cert(key)
        self.blob = (nonce + wrapped + iv + mac(kdf(master, b"sev-kik"), wrapped)
                     + mac(self.tik, struct.pack("<I", signed)))
        assert len(self.blob) == 128

    def key_pem(self):
        """The owner's key as pdh.key holds it."""
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())

    def measurement(self, digest, nonce, api, build):
        """The 32 bytes of LAUNCH_MEASURE; api is (major, minor)."""
        return mac(self.tik, bytes([4, api[0], api[1], build]), struct.pack("<I", self.policy),
                   digest, nonce)

    def packet(self, secret, measure):
        """(header, data) of LAUNCH_SECRET."""
        iv, flags = os.urandom(16), struct.pack("<I", 0)
        data = ctr(self.tek, iv, secret)
        size = struct.pack("<I", len(data))
        return flags + iv + mac(self.tik, b"\1", flags, iv, size, size, data, measure), data


def launch_digest(firmware, hash_table=b""):
    """What is measured of a guest without SEV-ES: the image, then the hash table."""
    with open(firmware, "rb") as f:
        return hashlib.sha256(f.read() + hash_table).digest()
