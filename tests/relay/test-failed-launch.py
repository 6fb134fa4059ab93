#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Launches that fail on an emulated host with real libvirt.

virsh says why in QEMU's words, with the firmware's number, and nothing is left behind.
"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


def no_hash_area(host, guest):
    """The firmware with one bit of its hash area's GUID changed: the entry is not found."""
    with open(guest.firmware, "rb") as f:
        image = f.read()
    mark = emuhost.guestram.HASH_AREA.bytes_le
    if image.count(mark) != 1:
        raise emuhost.HostError("the firmware's hash area is not there once")
    return host.write("no-hash.fd", image.replace(mark, bytes([mark[0] ^ 1]) + mark[1:]), 0o644)


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def launches_fail(host, t, before):
    guest = emuhost.SevGuest(host, "launch")
    session, good = guest.session, emuhost.sev_members(guest.session)
    strict = owner.Session(host.certificate("pdh"), guest.POLICY | 0xFF0000)
    # SEV_RET_*: kernel include/uapi/linux/psp-sev.h.
    cases = [
        ("a session whose keys were changed", "fw_error=11 ",
         {"sev": dict(good, session=owner.b64(flipped(session.blob, 0x10)))}),
        ("a session whose nonce was changed", "fw_error=11 ",
         {"sev": dict(good, session=owner.b64(flipped(session.blob, 0)))}),
        ("a session that is too short", "fw_error=4 ",
         {"sev": dict(good, session=owner.b64(session.blob[:127]))}),
        ("another policy than the session's", "fw_error=11 ",
         {"sev": dict(good, policy=guest.POLICY & ~owner.NOSEND)}),
        ("a policy that asks for newer firmware", "fw_error=7 ",
         {"sev": emuhost.sev_members(strict)}),
        ("a certificate off the curve", "fw_error=6 ",
         {"sev": dict(good, dh_cert=owner.b64(flipped(session.cert, 0x14)))}),
        ("a certificate that is too short", "fw_error=4 ",
         {"sev": dict(good, dh_cert=owner.b64(session.cert[:2000]))}),
        ("another C-bit than the host's", "cbitpos check failed, host '51' requested '47'",
         {"sev": dict(good, cbitpos=47)}),
        ("kernel hashes and firmware without a place for them", "no hashes table GUID",
         {"firmware": no_hash_area(host, guest)}),
        ("a disk that QEMU itself refuses after the launch", "not in qcow2 format",
         {"disk": host.write("not.qcow2", bytes(1 << 16))}),
        ("firmware that is not there", "No such file", {"firmware": host.files + "/none.fd"}),
    ]
    for name, text, changes in cases:
        with t.test(f"refused: {name}"):
            done = guest.start(check=False, **changes)
            if done.returncode == 0:
                host.destroy("launch")
            t.equal(done.returncode, 1)
            t.true(text in done.stderr, f"{done.stderr!r} does not say {text!r}")
            host.wait_gone("launch", before)
    with t.test("the same guest without a fault starts"):
        guest.start()
        guest.judge()
        host.destroy("launch")
        host.wait_gone("launch", before)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost("--generation", "milan") as host:
        launches_fail(host, t, host.traces())
    t.finish()


main()
