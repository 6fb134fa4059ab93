#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel module in a real guest: what it shows, and what is left in memory.

One guest with two secrets besides those of its disk.  Its init (secret-module-init.sh)
reads both, removes the first, and waits; then it is made to panic.
"""
import configparser
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(TOP, "tests", "guest")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import guestram  # noqa: E402

KEY_GUID = uuid.UUID("736869e5-84f0-4973-92ec-06879ce3da0b")
PIN_GUID = uuid.UUID("5ebfa30f-6bd1-4e0c-8a0d-3d2b4c0f7a11")
FIRST_GUID = uuid.UUID("11111111-2222-3333-4444-555555555555")
SECOND_GUID = uuid.UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
TIMEOUT = 180

results = []


def check(name, condition, remark=""):
    results.append(bool(condition))
    print(f"{'ok' if condition else 'not ok'} {len(results)} - {name}", flush=True)
    if not condition and remark:
        print("".join(f"# {line}\n" for line in str(remark).splitlines()[-30:]), end="", flush=True)


def wait_for_status(guest, status):
    deadline = time.monotonic() + TIMEOUT
    while guest.qmp("query-status")["status"] != status:
        if time.monotonic() > deadline:
            return False
        guest.wait_for("\0", timeout=0.2)
    return True


def look(disk, directory, firmware):
    first = hashlib.shake_256(b"first").digest(700)
    second = hashlib.shake_256(b"second").digest(333)
    with open(os.path.join(directory, "disk.key"), "rb") as f:
        key = f.read()
    pin = bytes.fromhex(disk["luks-header-sha256"]) + struct.pack("<Q", int(disk["luks-header-length"]))
    uki = os.path.join(directory, "uki.efi")
    table = guestram.secret_table({FIRST_GUID: first, KEY_GUID: key, PIN_GUID: pin, SECOND_GUID: second})
    base, size = guestram.area(firmware, guestram.SECRET_AREA)
    drive = f"file={directory}/disk.qcow2,format=qcow2,if=none,id=d,snapshot=on"

    with guestram.Guest(firmware, kernel=uki, shutdown=False,
                        args=["-drive", drive, "-device", "virtio-blk-pci,drive=d"]) as guest:
        guest.write(guestram.area(firmware, guestram.HASH_AREA)[0], guestram.hash_table(uki))
        guest.write(base, table)
        check("host finds both secrets before the start", guest.find(first) > 0 and guest.find(second) > 0)
        guest.cont()
        check("guest comes up", guest.wait_for("guest-root: ready\n", TIMEOUT), guest.console)
        said = guest.console.split("\n")

        def says(line):
            check(f"guest says '{line[:40]}'", f"guest-root: {line}" in said, guest.console)

        says(f"files {FIRST_GUID} {SECOND_GUID} ")
        says("mode 400 0 0")
        says(f"sum {hashlib.sha256(first).hexdigest()}  -")
        says(f"left {SECOND_GUID} ")
        says("open descriptor reads 0 bytes")
        check("second secret cannot be changed, and is whole",
              said.count(f"guest-root: sum {hashlib.sha256(second).hexdigest()}  -") == 2
              and "guest-root: secret written" not in said and "guest-root: file made" not in said, guest.console)
        check("module is not removed in use", "guest-root: module removed in use" not in said)

        area = guest.read(base, size)
        at = table.index(FIRST_GUID.bytes_le)
        check("removed secret is zeroes in place, its GUID too, its length kept",
              area[at : at + 16] == bytes(16) and area[at + 16 : at + 20] == table[at + 16 : at + 20]
              and area[at + 20 : at + 20 + len(first)] == bytes(len(first)))
        check("removed secret is nowhere in memory", guest.find(first[:64]) < 0)
        check("the other secret is still in place", guest.find(second) > base)

        guest.qmp("inject-nmi")
        check("a panic ends the guest", wait_for_status(guest, "shutdown"), guest.console)
        check("a panic wipes the area", guest.read(base, size) == bytes(size) and guest.find(second) < 0)


def main():
    firmware = os.environ.get("SEVLAUNCH_FIRMWARE")
    if not firmware or not os.path.exists(firmware):
        print("1..0 # SKIP SEVLAUNCH_FIRMWARE names no firmware")
        return 0
    with tempfile.TemporaryDirectory(prefix="sl-module-") as directory:
        subprocess.run([os.path.join(TOP, "tests", "lib", "make-test-disk.sh"), "--output", directory,
                        "--init", os.path.join(HERE, "secret-module-init.sh")],
                       check=True, stderr=subprocess.DEVNULL)
        conf = configparser.ConfigParser()
        conf.read(os.path.join(directory, "disk.manifest"))
        look(conf["disk"], directory, firmware)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
