#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disk is the adversary's: real guests against changed disks.

Every guest has the same firmware, the same measured kernel image and the same secrets;
only its disk differs, or what was injected.  The first, with the owner's disk, unlocks
it.  Every other must power off by itself, say why, offer no prompt, and leave neither
key nor pin on the console or in its memory.

SEVLAUNCH_FIRMWARE names the firmware, SEVLAUNCH_TEST_DISK a directory that
tests/lib/make-test-disk.sh made (else one is made).
"""
import base64
import concurrent.futures
import configparser
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import guestram  # noqa: E402
import lukshdr  # noqa: E402
import nbdswitch  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"  # cryptsetup, for a user
MAKE_DISK = os.path.join(TOP, "tests", "lib", "make-test-disk.sh")
KEY_GUID = uuid.UUID("736869e5-84f0-4973-92ec-06879ce3da0b")
PIN_GUID = uuid.UUID("5ebfa30f-6bd1-4e0c-8a0d-3d2b4c0f7a11")


def console_line(name):
    """A line's beginning, from where firmware, guest and launcher take it."""
    with open(os.path.join(TOP, "ovmf-hooks", "console-lines.h"), encoding="ascii") as f:
        return re.search(rf'^#define {name} "(.*)"$', f.read(), re.M).group(1)


UNLOCKED = "\n" + console_line("SEVLAUNCH_GUEST_UNLOCKED") + "\n"
REFUSED = re.compile("^" + re.escape(console_line("SEVLAUNCH_GUEST_REFUSED")) + "([a-z0-9-]+): ", re.M)
# What a prompt or a root of somebody else's would print.
PROMPT = re.compile(r"\(initramfs\)|BusyBox v|login:|passphrase|assword|guest-root:|[#$] $", re.I | re.M)
TIMEOUT = 180


def pin_of(header):
    return hashlib.sha256(header).digest() + struct.pack("<Q", len(header))


class Disk:
    """The owner's disk as raw bytes, and what is known about it."""

    def __init__(self, directory):
        conf = configparser.ConfigParser()
        conf.read(os.path.join(directory, "disk.manifest"))
        disk = conf["disk"]
        self.uki = os.path.join(directory, disk["uki"])
        self.image = os.path.join(directory, disk["image"])
        self.offset = int(disk["luks-partition-offset"])
        self.length = int(disk["luks-header-length"])
        with open(os.path.join(directory, disk["key-file"]), "rb") as f:
            self.key = f.read()
        self.key_file = os.path.join(directory, disk["key-file"])

    def to_raw(self, path):
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", self.image, path], check=True)
        with open(path, "rb") as f:
            f.seek(self.offset)
            self.header = f.read(self.length)
        self.raw = path
        # The partition alone, for cryptsetup.
        part = path + ".part"
        with open(part, "wb") as f:
            f.write(self.header + bytes(4096))
        out = path + ".vk"
        subprocess.run(
            ["cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--key-file", self.key_file,
             "--volume-key-file", out, part], check=True, stdout=subprocess.DEVNULL)
        with open(out, "rb") as f:
            self.volume_key = f.read()

    def changed(self, path, header=None, data=None):
        """A copy with another header or other data in the LUKS partition."""
        subprocess.run(["cp", "--sparse=always", self.raw, path], check=True)
        with open(path, "r+b") as f:
            if header is not None:
                f.seek(self.offset)
                f.write(header)
            if data is not None:
                f.seek(self.offset + self.length)
                f.write(data)
        return path


class Case:
    def __init__(self, name, reason, drive, key, pin, damage=None):
        """reason is the id in the guest's refusal, None when it is to unlock the disk;
        damage, if given, changes the bytes of the secret table."""
        self.name, self.reason, self.drive, self.key, self.pin = name, reason, drive, key, pin
        self.table = guestram.secret_table({KEY_GUID: key, PIN_GUID: pin})
        if damage:
            self.table = damage(self.table)


class Run:
    """Boots one case and keeps what is to be judged."""

    def __init__(self, disk, firmware, case):
        needles = {"key": case.key, "hex": case.key.hex().encode(), "base64": base64.b64encode(case.key)[:42],
                   "pin": case.pin[:32], "volume key": disk.volume_key[:32]}
        args = []
        if case.drive:
            args = ["-drive", f"{case.drive},if=none,id=d", "-device", "virtio-blk-pci,drive=d"]
        if case.reason is None:
            # Also without AES instructions: the initramfs has the cipher in plain code too.
            args += ["-cpu", "qemu64"]
        self.found_before, self.found_after, self.planted = {}, {}, True
        log = os.environ.get("SEVLAUNCH_TEST_LOG")
        with guestram.Guest(firmware, kernel=disk.uki, args=args, shutdown=False, memory=256,
                            log=log and os.path.join(log, case.name.replace(" ", "-"))) as guest:
            guest.write(guestram.area(firmware, guestram.HASH_AREA)[0], guestram.hash_table(disk.uki))
            guest.write(guestram.area(firmware, guestram.SECRET_AREA)[0], case.table)
            self.found_before = {name: guest.find(needles[name]) for name in ("key", "pin")}
            started = time.monotonic()
            guest.cont()
            self.state = self.wait(guest, case.reason is None)
            self.seconds = time.monotonic() - started
            self.console = guest.console
            self.found_after = {name: guest.find(needle) for name, needle in needles.items()}
            # The same scan must see a key that is left anywhere, up to the last page.
            top = (guest.memory << 20) - 32
            guest.write(top, case.key)
            self.planted = guest.find(case.key) == top

    @staticmethod
    def wait(guest, to_run):
        """Until the root has come up, or the guest has powered off."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if to_run and guest.wait_for("guest-root: ready\n", timeout=0.5):
                break
            guest.wait_for("\0", timeout=0.2)  # reads the console, for so long
            if guest.qmp("query-status")["status"] == "shutdown":
                break
        guest.wait_for("\0", timeout=0)
        return guest.qmp("query-status")["status"]


def judge(case, run):
    """Sentences about what is wrong."""
    wrong = []
    for name in ("key", "pin"):
        if run.found_before[name] < 0:
            wrong.append(f"scanner does not find the injected {name}")
    if not run.planted:
        wrong.append("scanner does not find a planted key")
    for name in ("key", "hex", "base64", "pin"):
        if run.found_after[name] >= 0:
            wrong.append(f"{name} is in memory at {run.found_after[name]:#x}")
    text = run.console
    for form in (case.key.hex(), base64.b64encode(case.key).decode(), repr(case.key)[2:-1]):
        if form in text or form in text.encode(errors="replace").hex():
            wrong.append("key is on the console")

    if case.reason is None:
        if run.state != "running" or UNLOCKED not in text or "\nguest-root: marker genuine\n" not in text:
            wrong.append("owner's disk was not unlocked")
        if "\nguest-root: secrets left 0\n" not in text:
            wrong.append("secrets are left in the unlocked guest")
        if run.found_after["volume key"] < 0:
            wrong.append("scanner does not find dm-crypt's volume key")
        return wrong

    reasons = REFUSED.findall(text)
    if reasons != [case.reason]:
        wrong.append(f"reasons {reasons}, expected {case.reason}")
    if run.state != "shutdown":
        wrong.append(f"guest did not power off: {run.state}")
    if UNLOCKED in text:
        wrong.append("guest says that it unlocked the disk")
    prompt = PROMPT.search(text)
    if prompt:
        wrong.append(f"console shows '{prompt.group(0)}'")
    if run.found_after["volume key"] >= 0:
        wrong.append(f"volume key is in memory at {run.found_after['volume key']:#x}")
    return wrong


def make_cases(disk, work):
    """The owner's disk first; then the attacks on it."""
    def path(name):
        return os.path.join(work, name)

    def raw(image):
        return f"file={image},format=raw,snapshot=on"

    plain = path("plain.ext4")
    subprocess.run([MAKE_DISK, "--plain", plain, "--marker", "attacker"], check=True, stderr=subprocess.DEVNULL)
    with open(plain, "rb") as f:
        evil_root = f.read()
    foreign = path("foreign")
    subprocess.run([MAKE_DISK, "--output", foreign, "--marker", "attacker"], check=True, stderr=subprocess.DEVNULL)

    null_header = lukshdr.change(disk.header, lambda m: m["segments"]["0"].update(encryption="cipher_null-ecb"))
    key, pin = disk.key, pin_of(disk.header)
    garbage = hashlib.shake_256(b"garbage").digest(disk.length)
    # The attack is one: cryptsetup takes the owner's key for this header.
    with open(path("null.part"), "wb") as f:
        f.write(null_header + evil_root)
    subprocess.run(["cryptsetup", "open", "--test-passphrase", "--key-file", disk.key_file, path("null.part")],
                   check=True)
    null_disk = disk.changed(path("null.raw"), null_header, evil_root)

    # A server that answers honestly until the guest has read the header area to its
    # end, and with the null cipher and the attacker's root from then on.
    switch = nbdswitch.Server(path("switch.sock"), disk.raw, null_disk,
                              trigger=disk.offset + disk.length - 512)
    honest = nbdswitch.Server(path("honest.sock"), disk.raw, disk.raw,
                              trigger=disk.offset + disk.length - 512)

    def nbd(server):
        return f"file=nbd:unix:{server.path},format=raw,snapshot=on"

    def endless(table):
        return table[:16] + struct.pack("<I", 0xFFFF0000) + table[20:]

    owners = f"file={disk.image},format=qcow2,snapshot=on"
    in_place = disk.changed(path("inplace.raw"), evil_root[: disk.length], evil_root[disk.length :])
    destroyed = disk.changed(path("destroyed.raw"), garbage)
    cases = [
        Case("owner's disk", None, owners, key, pin),
        Case("owner's disk from the switching server", None, nbd(honest), key, pin),
        Case("header changed between check and use", "no-root", nbd(switch), key, pin),
        Case("plain ext4", "no-luks", raw(in_place), key, pin),
        Case("foreign volume", "header-mismatch", f"file={foreign}/disk.qcow2,format=qcow2,snapshot=on", key, pin),
        Case("owner's header with a null cipher over another root", "header-mismatch", raw(null_disk), key, pin),
        Case("null cipher that the owner pinned", "cipher", raw(null_disk), key, pin_of(null_header)),
        Case("destroyed header", "no-luks", raw(destroyed), key, pin),
        Case("no disk", "no-disk", None, key, pin),
        Case("another key", "wrong-key", owners, hashlib.sha256(b"another").digest(), pin),
        Case("malformed secret table", "no-secret", owners, key, pin, damage=endless),
    ]
    return cases, switch, honest


def main():
    firmware = os.environ.get("SEVLAUNCH_FIRMWARE")
    if not firmware or not os.path.exists(firmware):
        print("1..0 # SKIP SEVLAUNCH_FIRMWARE names no firmware")
        return 0

    work = tempfile.mkdtemp(prefix="sl-disk-")
    try:
        directory = os.environ.get("SEVLAUNCH_TEST_DISK")
        if not directory:
            directory = os.path.join(work, "owner")
            subprocess.run([MAKE_DISK, "--output", directory], check=True, stderr=subprocess.DEVNULL)
        disk = Disk(directory)
        disk.to_raw(os.path.join(work, "owner.raw"))
        return run_cases(disk, firmware, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run_cases(disk, firmware, work):
    cases, switch, honest = make_cases(disk, work)
    chosen = [c for c in cases if len(sys.argv) < 2 or any(a in c.name for a in sys.argv[1:])]
    print(f"1..{len(chosen)}", flush=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda c: Run(disk, firmware, c), chosen)
        for number, (case, run) in enumerate(zip(chosen, runs), 1):
            wrong = judge(case, run)
            if case.drive and switch.path in case.drive and not switch.served_second:
                wrong.append("server never gave the second answer")
            failed += bool(wrong)
            print(f"{'not ' if wrong else ''}ok {number} - {case.name}: "
                  f"{case.reason or 'unlocked'} # {run.seconds:.1f} s", flush=True)
            for sentence in wrong:
                print(f"# {sentence}")
            if wrong:
                print("".join(f"# | {line}\n" for line in run.console.splitlines()[-25:]), end="", flush=True)
    switch.close()
    honest.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
