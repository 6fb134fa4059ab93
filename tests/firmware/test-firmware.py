#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The firmware boots the measured kernel, and nothing that a hostile host offers instead.

Real guests under TCG, without libvirt.  Hash table and secret are written into
guest memory before the first instruction, where LAUNCH_UPDATE_DATA and
LAUNCH_SECRET would put them.  The firmware is $SEVLAUNCH_FIRMWARE, else the one
in the cache of build-firmware.sh; $SEVLAUNCH_TEST_DISK/kernel is a Linux kernel.

Each refusal has its control: the same files with nothing changed boot, and the
attacker's program, when it may run, does find the secret.
"""
import concurrent.futures
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import uuid

from attacks import (ATTACKER_RUNS, CMDLINE, OWNER_DONE, OWNER_RUNS, SECRET, UNREADABLE_FW_CFG, Kit)
# attacks.py has set the path to tests/lib.
from guestram import (HASH_AREA, HASH_CMDLINE, HASH_INITRD, HASH_KERNEL, HASH_TABLE, QEMU, SECRET_AREA,
                      area, entry, hash_table)
from initrd import compile_init, initrd

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

REFUSED = "sevlaunch-firmware: refused: "
# QEMU's exit status when the guest powered itself off.
POWERED_OFF = 0


def find_firmware():
    path = os.environ.get("SEVLAUNCH_FIRMWARE")
    if path:
        return path if os.path.exists(path) else None
    found = subprocess.run([os.path.join(TOP, "ovmf-hooks/edk2/build-firmware.sh"), "--if-cached"],
                           capture_output=True, text=True, check=False)
    return found.stdout.split(maxsplit=1)[1].strip() if found.returncode == 0 else None


class Failure(Exception):
    pass


def expect(condition, message, vm=None):
    if not condition:
        raise Failure(message + (f"\nconsole:\n{vm.console}\nstderr:\n{vm.errors}" if vm else ""))


class Tests:
    def __init__(self, firmware):
        self.kit = Kit(firmware)
        self.cases = []

    def case(self, name, function, *args, **kwargs):
        self.cases.append((name, lambda: function(*args, **kwargs)))

    # --- what a run must have been like ----------------------------------

    def boots(self, table, *, cmdline=CMDLINE, says=(), **guest):
        """The owner's program ran, and nothing of the attacker's."""
        vm = self.kit.run(table, cmdline=cmdline, **guest)
        expect(OWNER_RUNS in vm.console and OWNER_DONE in vm.console, "the owner's kernel did not run", vm)
        expect(REFUSED not in vm.console, "refused", vm)
        self.unharmed(vm)
        for text in says:
            expect(text in vm.console, f"missing on the console: {text}", vm)
        expect(vm.status == POWERED_OFF, f"QEMU ended with {vm.status}", vm)
        return vm

    def refused(self, reason, table, **guest):
        """Nothing ran; the reason was said; the secret is gone; the guest ended."""
        vm = self.kit.run(table, **guest)
        expect(OWNER_RUNS not in vm.console, "the owner's kernel ran", vm)
        self.said(reason, vm)
        return vm

    def said(self, reason, vm):
        lines = [line for line in vm.console.splitlines() if line.startswith(REFUSED)]
        expect(len(lines) == 1, f"{len(lines)} refusals instead of one", vm)
        expect(lines[0].startswith(f"{REFUSED}{reason}: "), f"not refused as {reason}", vm)
        self.unharmed(vm)
        expect(vm.status == POWERED_OFF, f"the guest did not end by itself: {vm.status}", vm)
        expect(vm.wiped and not vm.leaked, "the secret is still in guest memory", vm)

    @staticmethod
    def unharmed(vm):
        expect(ATTACKER_RUNS not in vm.console, "the attacker's program ran", vm)
        expect(SECRET.decode() not in vm.console, "the secret is on the console", vm)


def add_controls(t):
    kit = t.kit

    def areas():
        # edk2 2025.02, OvmfPkg/AmdSev/AmdSevX64.fdf: MEMFD at 0x800000.
        expect(area(kit.firmware, SECRET_AREA) == (0x810000, 0xC00), "secret area moved")
        expect(area(kit.firmware, HASH_AREA) == (0x810C00, 0x400), "hash area moved")

    def attacker_reads():
        vm = kit.run(kit.table(kernel=kit.attacker), kernel=kit.attacker)
        expect(ATTACKER_RUNS in vm.console, "the attacker's program does not work", vm)
        expect(SECRET.decode() in vm.console, "the attacker's program does not find the secret", vm)

    t.case("the image's secret area and hash area", areas)
    t.case("control: the measured kernel boots with its command line and finds the secret area", t.boots,
           kit.table(), kernel=kit.kernel,
           says=[f"OWNER command line <{CMDLINE}>", "OWNER secret area 0x00810000 0x00000c00", "OWNER no initrd"])
    t.case("control: kernel in QEMU's two old parts", t.boots, kit.table(), kernel=kit.kernel,
           serve_unpatched=False)
    t.case("control: empty command line", t.boots, kit.table(cmdline=""), kernel=kit.kernel, cmdline="",
           says=["OWNER command line <>"])
    t.case("control: with an initrd", t.boots, kit.table(initrd=kit.initrd), kernel=kit.kernel,
           args=("-fw_cfg", f"name=etc/boot/initrd,file={kit.initrd}"),
           says=["OWNER initrd <initrd of the owner>"])
    t.case("control: the attacker's program, had it been measured, runs and reads the secret", attacker_reads)
    t.case("control: the attacker's disk beside the measured kernel changes nothing", t.boots, kit.table(),
           kernel=kit.kernel, args=kit.with_disk())


def add_host_attacks(t):
    """boot-time attacks with the right hash table in place."""
    kit = t.kit
    right = kit.table()
    disk = kit.with_disk()
    t.case("no -kernel, attacker's disk", t.refused, "no-kernel", right, args=disk)
    t.case("no -kernel, no disk", t.refused, "no-kernel", right)
    t.case("fw_cfg unreadable, attacker's disk", t.refused, "fw-cfg-unreadable", right, kernel=kit.kernel,
           args=disk + UNREADABLE_FW_CFG)
    t.case("fw_cfg unreadable, no -kernel, attacker's disk", t.refused, "fw-cfg-unreadable", right,
           args=disk + UNREADABLE_FW_CFG)
    t.case("fw_cfg's other port unreadable, attacker's disk", t.refused, "fw-cfg-unreadable", right,
           kernel=kit.kernel,
           args=disk + tuple(arg.replace("0x511", "0x510") for arg in UNREADABLE_FW_CFG))
    t.case("another kernel", t.refused, "kernel-mismatch", right, kernel=kit.attacker, args=disk)

    with open(kit.kernel, "rb") as f:
        changed = bytearray(f.read())
    changed[-1] ^= 1
    one_bit = kit.file("one-bit.efi", bytes(changed))
    t.case("one bit of the kernel changed", t.refused, "kernel-mismatch", right, kernel=one_bit, args=disk)
    t.case("the kernel in -kernel, another as etc/boot/kernel", t.refused, "kernel-mismatch", right,
           kernel=kit.kernel, serve_unpatched=False,
           args=disk + ("-fw_cfg", f"name=etc/boot/kernel,file={kit.attacker}"))
    t.case("another command line", t.refused, "cmdline-mismatch", right, kernel=kit.kernel,
           cmdline=CMDLINE + " init=/bin/sh", args=disk)
    t.case("an initrd where none was measured", t.refused, "initrd-mismatch", right, kernel=kit.kernel,
           args=disk + ("-fw_cfg", f"name=etc/boot/initrd,file={kit.initrd}"))
    other = kit.file("other-initrd", b"initrd of the attacker")
    t.case("another initrd", t.refused, "initrd-mismatch", kit.table(initrd=kit.initrd), kernel=kit.kernel,
           args=disk + ("-fw_cfg", f"name=etc/boot/initrd,file={other}"))
    t.case("the initrd left out", t.refused, "initrd-mismatch", kit.table(initrd=kit.initrd),
           kernel=kit.kernel, args=disk)
    large = kit.path("large")
    with open(large, "wb") as f:
        f.truncate(300 << 20)
    t.case("an initrd larger than guest memory", t.refused, "too-large", right, kernel=kit.kernel,
           args=disk + ("-fw_cfg", f"name=etc/boot/initrd,file={large}"))

    # These do not hinder the measured kernel, and get nothing.
    t.case("an unmeasured etc/boot/shim is not started", t.boots, right, kernel=kit.kernel,
           args=disk + ("-fw_cfg", f"name=etc/boot/shim,file={kit.attacker}"))
    t.case("a card's option ROM is not started", t.boots, right, kernel=kit.kernel, args=kit.with_rom())
    t.case("a card's option ROM is not started before a refusal", t.refused, "no-kernel", right,
           args=kit.with_rom() + disk)
    t.case("the host's Boot####, BootNext, Driver####, SysPrep#### are not read", t.boots, right,
           kernel=kit.kernel, args=kit.with_variables() + kit.with_disk(kit.hidden_disk))
    t.case("the host's variables do not replace a kernel", t.refused, "no-kernel", right,
           args=kit.with_variables() + kit.with_disk(kit.hidden_disk))

    def own_store():
        """The same variables where an OVMF image keeps its own: this image has none."""
        with open(kit.firmware, "rb") as f:
            image = bytearray(f.read())
        with open(kit.variables, "rb") as f:
            store = f.read()
        image[: len(store)] = store
        changed_firmware = kit.file("with-variables.fd", bytes(image))
        t.refused("no-kernel", right, firmware=changed_firmware, args=kit.with_disk(kit.hidden_disk))

    t.case("variables in the image's own store are not read", own_store)
    t.case("network boot is not tried", t.refused, "no-kernel", right,
           args=("-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile=,bootindex=0"))

    def paused():
        """As libvirt runs it: QEMU stays, in state shutdown."""
        vm = kit.run(right, shutdown=False, until=REFUSED, args=disk)
        expect(REFUSED + "no-kernel" in vm.console, "not refused", vm)
        expect(vm.status is None and vm.state == "shutdown", f"QEMU is in state {vm.state}", vm)
        expect(vm.wiped and not vm.leaked, "the secret is still in guest memory", vm)

    t.case("with -no-shutdown the refused guest is shut down too", paused)


def add_table_attacks(t):
    """The hash table, missing or malformed.  Unmeasured on a host that attacks, but the
    firmware must not be talked into "not measured, so not checked"."""
    kit = t.kit
    kernel = hashlib.sha256(open(kit.kernel, "rb").read()).digest()
    cmdline = hashlib.sha256(CMDLINE.encode() + b"\0").digest()
    none = hashlib.sha256(b"").digest()
    entries = {"kernel": entry(HASH_KERNEL, kernel), "initrd": entry(HASH_INITRD, none),
               "cmdline": entry(HASH_CMDLINE, cmdline)}

    def table(*parts, length=None):
        body = b"".join(parts)
        length = 18 + len(body) if length is None else length
        return HASH_TABLE.bytes_le + struct.pack("<H", length) + body

    def refused(name, reason, bytes_):
        t.case(name, t.refused, reason, bytes_, kernel=kit.kernel, args=kit.with_disk())

    every = list(entries.values())
    t.case("control: the entries in another order", t.boots, table(*reversed(every)), kernel=kit.kernel)
    t.case("control: QEMU's padding behind the table", t.boots, table(*every) + b"\xa5" * 8, kernel=kit.kernel)
    refused("no hash table", "no-hash-table", None)
    refused("a table of another GUID", "no-hash-table", b"\x01" + table(*every)[1:])
    for missing in entries:
        refused(f"no entry for the {missing}", f"no-{missing}-hash",
                table(*(data for kind, data in entries.items() if kind != missing)))
    refused("no entry at all", "no-kernel-hash", table())
    refused("an entry twice", "bad-hash-table",
            table(entries["kernel"], entries["kernel"], entries["cmdline"]))
    stranger = entry(uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), none)
    refused("an entry of no known kind", "bad-hash-table", table(entries["kernel"], entries["initrd"], stranger))
    refused("a fourth entry", "bad-hash-table", table(*every, stranger))
    for length in (0, 17, 19, 167, 169, 0x400, 0xFFFF):
        refused(f"the table's length is {length}", "bad-hash-table", table(*every, length=length))
    for length in (0, 18, 49, 51, 0xFFFF):
        bent = entries["kernel"][:16] + struct.pack("<H", length) + entries["kernel"][18:]
        refused(f"an entry's length is {length}", "bad-hash-table",
                table(bent, entries["initrd"], entries["cmdline"]))


def add_kernel_failures(t):
    """Measured, but not to be booted."""
    kit = t.kit
    junk = kit.file("junk", b"no program at all".ljust(8192, b"\0"))
    t.case("the measured kernel is no EFI program", t.refused, "kernel-not-loadable",
           kit.table(kernel=junk), kernel=junk, args=kit.with_disk())
    with open(kit.kernel, "rb") as f:
        arm = bytearray(f.read())
    struct.pack_into("<H", arm, 64 + 4, 0xAA64)
    foreign = kit.file("aarch64.efi", bytes(arm))
    t.case("the measured kernel is of another architecture", t.refused, "kernel-not-loadable",
           kit.table(kernel=foreign), kernel=foreign, args=kit.with_disk())
    t.case("the measured command line is not ASCII", t.refused, "bad-cmdline",
           kit.table(cmdline="root=Größe"), kernel=kit.kernel, cmdline="root=Größe", args=kit.with_disk())

    def returns():
        vm = kit.run(kit.table(cmdline="return"), kernel=kit.kernel, cmdline="return", args=kit.with_disk())
        expect(OWNER_DONE in vm.console, "the owner's kernel did not run", vm)
        t.said("kernel-returned", vm)

    t.case("the measured kernel returns", returns)


def add_linux(t):
    kit = t.kit
    kernel = os.path.join(os.environ.get("SEVLAUNCH_TEST_DISK", "/nonexistent"), "kernel")
    if not os.path.exists(kernel):
        for name in ("Linux boots", "Linux with another initrd", "Linux in a unified kernel image boots"):
            t.cases.append((f"{name} # SKIP no kernel in $SEVLAUNCH_TEST_DISK", None))
        return
    rd = kit.file("linux-initrd", initrd(compile_init(os.path.join(HERE, "init.c"))))
    # no_timer_check: see make-disk.sh.
    cmdline = "console=ttyS0 quiet panic=-1 no_timer_check"

    def linux(kernel, initrd_path, cmdline, shown, **guest):
        table = hash_table(kernel, initrd_path, cmdline)
        vm = kit.run(table, kernel=kernel, initrd=initrd_path, cmdline=cmdline, memory=512, **guest)
        # The kernel's own view: nothing was appended to what was measured.
        expect(f"LINUX runs <{shown}\n>" in vm.console, "Linux did not run, or with another command line", vm)
        expect(vm.status == POWERED_OFF, f"QEMU ended with {vm.status}", vm)

    t.case("Linux boots", linux, kernel, rd, cmdline, cmdline)
    t.case("Linux with another initrd", t.refused, "initrd-mismatch", hash_table(kernel, rd, cmdline),
           kernel=kernel, initrd=kit.initrd, cmdline=cmdline, args=kit.with_disk())

    if not os.path.exists(STUB):
        t.cases.append(("Linux in a unified kernel image boots # SKIP no EFI stub (systemd-boot-efi)", None))
        return
    uki = kit.path("uki.efi")
    subprocess.run(
        ["objcopy",
         "--add-section", f".cmdline={kit.file('cmdline', cmdline.encode())}", "--change-section-vma", ".cmdline=0x30000",
         "--add-section", f".linux={kernel}", "--change-section-vma", ".linux=0x2000000",
         "--add-section", f".initrd={rd}", "--change-section-vma", ".initrd=0x3000000", STUB, uki],
        check=True,
    )
    t.case("Linux in a unified kernel image boots", linux, uki, None, "", cmdline)


def add_script(t):
    """No name of a registry's host in the script, and the licence lines where they belong."""

    def sources():
        folder = os.path.join(TOP, "ovmf-hooks", "edk2")
        for root, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(root, name), encoding="utf-8") as f:
                    text = f.read()
                expect(not re.search(r"https?://[^ ]*debian", text), f"{name} names a mirror")
                expect(name == "README.md" or name == "expected.sha256" or "SPDX-License-Identifier" in text,
                       f"{name} has no licence line")

    t.case("the firmware's sources name no mirror and carry their licence", sources)


def run_case(case):
    name, function = case
    if function is None:
        return name, None
    try:
        function()
    except Failure as failure:
        return name, str(failure)
    except Exception as error:  # pylint: disable=broad-except
        return name, f"{type(error).__name__}: {error}"
    return name, None


def main():
    if not shutil.which(QEMU):
        print(f"1..0 # SKIP no {QEMU}")
        sys.exit(77)
    firmware = find_firmware()
    if firmware is None:
        print("1..0 # SKIP no firmware (ovmf-hooks/edk2/build-firmware.sh makes it)")
        sys.exit(77)

    tests = Tests(firmware)
    for add in (add_controls, add_host_attacks, add_table_attacks, add_kernel_failures, add_linux, add_script):
        add(tests)
    print(f"1..{len(tests.cases)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for number, (name, failure) in enumerate(pool.map(run_case, tests.cases), 1):
            print(f"{'not ' if failure else ''}ok {number} - {name}", flush=True)
            if failure:
                failed += 1
                print("".join(f"# {line}\n" for line in failure.splitlines()), end="", flush=True)
    tests.kit.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
