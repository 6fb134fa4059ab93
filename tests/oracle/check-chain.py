#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verifies a platform's chain with nothing of this project's.

    check-chain.py DIR

DIR holds ark, ask, cek, oca, pek and pdh .cert.  Offsets are those of AMD's sev-tool
(src/sevapi.h), signatures are checked by python3-cryptography.  Exit status: 0 the chain
verifies, 1 it does not (the reason is printed), 77 the module is missing.
"""

import pathlib
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
except ImportError:
    print("python3-cryptography is not installed")
    sys.exit(77)

ARK, ASK, EMPTY, OCA, PEK, PDH, CEK = 0x0, 0x13, 0x1000, 0x1001, 0x1002, 0x1003, 0x1004
HASHES = {0x001: hashes.SHA256(), 0x101: hashes.SHA384()}


class Bad(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Bad(what)


def le(data):
    return int.from_bytes(data, "little")


class SevCert:
    def __init__(self, data, usage, algo):
        need(len(data) == 2084, "size")
        need(le(data[0:4]) == 1, "version")
        need(le(data[6:8]) == 0, "reserved")
        need(le(data[8:12]) == usage, "usage")
        need(le(data[12:16]) == algo, "algorithm")
        need(le(data[16:20]) == 2, "curve")
        need(not any(data[0x14 + 48 : 0x5C]) and not any(data[0x5C + 48 : 0x414]), "padding")
        self.api = tuple(data[4:6])
        self.body = data[:0x414]
        self.slots = [data[0x414:0x61C], data[0x61C:0x824]]
        point = ec.EllipticCurvePublicNumbers(
            le(data[0x14:0x5C]), le(data[0x5C:0xA4]), ec.SECP384R1()
        )
        self.key = point.public_key()

    def signed_by(self, slot, usage, algo, signer):
        data = self.slots[slot]
        need(le(data[0:4]) == usage and le(data[4:8]) == algo, "slot's usage or algorithm")
        if algo == 2:
            need(not any(data[8 + 144 :]), "signature padding")
            der = utils.encode_dss_signature(le(data[8:80]), le(data[80:152]))
            signer.verify(der, self.body, ec.ECDSA(hashes.SHA256()))
        else:
            verify_rsa(signer, data[8 : 8 + signer.key_size // 8], self.body, HASHES[algo])
            need(not any(data[8 + signer.key_size // 8 :]), "signature padding")

    def empty(self, slot):
        data = self.slots[slot]
        need(le(data[0:4]) == EMPTY and not any(data[4:]), "slot is not empty")


class AmdCert:
    def __init__(self, data, usage):
        bits = le(data[0x3C:0x40])
        size = bits // 8
        need(bits in (2048, 4096) and le(data[0x38:0x3C]) == bits, "key size")
        need(len(data) == 0x40 + 3 * size, "size")
        need(le(data[0:4]) == 1, "version")
        need(le(data[0x24:0x28]) == usage, "usage")
        need(not any(data[0x28:0x38]), "reserved")
        self.id, self.signer_id = data[4:0x14], data[0x14:0x24]
        exponent, modulus = le(data[0x40 : 0x40 + size]), le(data[0x40 + size : 0x40 + 2 * size])
        self.key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        self.algo = 0x001 if bits == 2048 else 0x101
        self.body, self.signature = data[: 0x40 + 2 * size], data[0x40 + 2 * size :]

    def signed_by(self, signer):
        need(self.signer_id == signer.id, "signer's key id")
        verify_rsa(signer.key, self.signature, self.body, HASHES[self.algo])


def verify_rsa(key, signature, body, digest):
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    key.verify(signature[::-1], body, pss, digest)


def check(folder):
    load = {n: (folder / f"{n}.cert").read_bytes() for n in "ark ask cek oca pek pdh".split()}
    ark, ask = AmdCert(load["ark"], ARK), AmdCert(load["ask"], ASK)
    cek, oca = SevCert(load["cek"], CEK, 2), SevCert(load["oca"], OCA, 2)
    pek, pdh = SevCert(load["pek"], PEK, 2), SevCert(load["pdh"], PDH, 3)

    need(ark.id == b"EMULATED-SEVLNCH" and ask.id == b"EMULATED-SEVLNCA", "key ids")
    ark.signed_by(ark)
    ask.signed_by(ark)
    cek.signed_by(0, ASK, ask.algo, ask.key)
    oca.signed_by(0, OCA, 2, oca.key)
    pek.signed_by(0, OCA, 2, oca.key)
    pek.signed_by(1, CEK, 2, cek.key)
    pdh.signed_by(0, PEK, 2, pek.key)
    for cert in cek, oca, pdh:
        cert.empty(1)
    need(pdh.api == pek.api == oca.api, "API versions differ")
    return ark.key.key_size


def main():
    try:
        print(f"verified, RSA-{check(pathlib.Path(sys.argv[1]))}")
    except InvalidSignature:
        print("a signature does not verify")
        sys.exit(1)
    except (Bad, ValueError) as error:
        print(f"malformed: {error}")
        sys.exit(1)


main()
