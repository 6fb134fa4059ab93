# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inside of an emulated host: the ioctls of AMD's sev-tool --test_all, in its order, with
what it insists on (recorded from version 1.7).  TAP.

Each command of the tool opens the device anew and leaves it open; so does this.
"""
import ctypes
import struct

import devsev
import tap

USAGE_OCA, USAGE_PEK, USAGE_PDH, USAGE_CEK = 0x1001, 0x1002, 0x1003, 0x1004


def fresh():
    return devsev.open_device()


def usage(cert):
    return struct.unpack_from("<I", cert, 8)[0]


def owner():
    return devsev.status(fresh())["owner"]


def request(t):
    """C0 C"""
    fd = fresh()
    t.equal(devsev.csr_length(fd), (("EIO", devsev.INVALID_LENGTH), devsev.CERT))
    cert = devsev.csr(fd)
    t.equal(usage(cert), USAGE_PEK)
    for slot in (0x414, 0x61c):
        t.equal(cert[slot:slot + 0x208], struct.pack("<II", 0x1000, 0).ljust(0x208, b"\0"), "an empty slot")
    return cert


def own(t):
    """S C0 C X I X: the platform gets an external owner."""
    devsev.status(fresh())
    cert = request(t)
    before = devsev.export(fresh())
    t.equal(devsev.take_over(fresh(), cert), (0, 0))
    after = devsev.export(fresh())
    t.true(before[1] != after[1], "another PEK certificate")
    t.equal(before[1][:0x414], after[1][:0x414], "of the same key")
    t.true(before[0] != after[0], "another PDH")


def self_own(t):
    """S, and PEK_GEN if somebody else owns it"""
    if owner() == 1:
        t.equal(devsev.issue(fresh(), devsev.PEK_GEN), (0, 0))


def reset(t):
    t.equal(devsev.issue(fresh(), devsev.FACTORY_RESET), (0, 0))


def test_factory_reset(t):
    self_own(t)
    own(t)
    t.equal(owner(), 1)
    reset(t)
    state = devsev.status(fresh())
    t.equal((state["owner"], state["state"]), (0, devsev.UNINIT))


def test_platform_status(t):
    state = devsev.status(fresh())
    t.true(state["build"] >= 19 or state["api"] > (0, 17), f"GET_ID of this version is not what the tool knows: {state}")


def test_pek_gen(t):
    before = devsev.export(fresh())
    t.equal(devsev.issue(fresh(), devsev.PEK_GEN), (0, 0))
    after = devsev.export(fresh())
    t.true(before[1][:0x414] != after[1][:0x414], "another PEK")
    t.true(before[0] != after[0], "another PDH")


def test_pek_csr(t):
    t.equal(owner(), 0)
    request(t)


def test_pdh_gen(t):
    before = devsev.export(fresh())
    t.equal(devsev.issue(fresh(), devsev.PDH_GEN), (0, 0))
    after = devsev.export(fresh())
    t.equal(before[1:], after[1:])
    t.true(before[0] != after[0], "another PDH")


def test_pdh_cert_export(t):
    t.equal([usage(i) for i in devsev.export(fresh())], [USAGE_PDH, USAGE_PEK, USAGE_OCA, USAGE_CEK])


def test_pek_cert_import(t):
    t.equal(owner(), 0)
    own(t)
    t.true(devsev.take_over(fresh())[0] != 0, "an owned platform has its owner")


def test_get_id(t):
    devsev.status(fresh())
    t.equal(len(devsev.get_id(fresh())), 128)


def test_set_self_owned(t):
    t.equal(owner(), 1, "as the test before left it")
    self_own(t)
    t.equal(owner(), 0)
    own(t)
    t.equal(owner(), 1)
    self_own(t)
    t.equal(owner(), 0)


def test_set_externally_owned(t):
    reset(t)
    own(t)
    t.equal(owner(), 1)


def main():
    t = tap.Tap()
    for test in (test_factory_reset, test_platform_status, test_pek_gen, test_pek_csr, test_pdh_gen,
                 test_pdh_cert_export, test_pek_cert_import, test_get_id, test_set_self_owned,
                 test_set_externally_owned):
        with t.test(f"sev-tool's ioctls: {test.__name__}"):
            test(t)
    with t.test("after a FACTORY_RESET any command that needs INIT does it"):
        for command in (devsev.PEK_GEN, devsev.PDH_GEN):
            reset(t)
            t.equal(devsev.status(fresh())["state"], devsev.UNINIT)
            t.equal(devsev.issue(fresh(), command), (0, 0))
            t.equal(devsev.status(fresh())["state"], devsev.INIT)
        reset(t)
        t.equal(devsev.csr_length(fresh()), (("EIO", devsev.INVALID_LENGTH), devsev.CERT))
        t.equal(devsev.status(fresh())["state"], devsev.INIT)
    t.finish()


main()
