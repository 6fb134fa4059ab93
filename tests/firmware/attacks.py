# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile host gives to a firmware whose measurement is right.

Shared by test-firmware.py, which shows that ours refuses it all, and by
attack-amdsev.py, which shows that the same attacks work elsewhere.
"""
import os
import sys
import tempfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
from efiprogram import (APPLICATION, BOOT_DRIVER, compile_flat, fat_disk, load_option,  # noqa: E402
                        option_rom, pe_image, variable_store)
from guestram import HASH_AREA, SECRET_AREA, Guest, area, hash_table, secret_table  # noqa: E402

SECRET = b"secret-of-the-owner-6f1d"
SECRET_GUID = uuid.UUID("736869e5-84f0-4973-92ec-06879ce3da0b")
CMDLINE = "console=ttyS0 root=LABEL=owner"

OWNER_RUNS, OWNER_DONE = "OWNER runs", "OWNER done"
ATTACKER_RUNS = "ATTACKER runs"

# fw_cfg's data port answers with another device's byte.
UNREADABLE_FW_CFG = ("-chardev", "null,id=n0", "-device", "isa-debugcon,iobase=0x511,chardev=n0")


class Kit:
    """Owner's and attacker's files in a directory of their own."""

    def __init__(self, firmware):
        self.firmware = firmware
        self.hash_area, self.hash_size = area(firmware, HASH_AREA)
        self.secret_area, self.secret_size = area(firmware, SECRET_AREA)
        self._work = tempfile.TemporaryDirectory(prefix="sl-firmware-")
        source = os.path.join(HERE, "efi-program.c")
        attacker = compile_flat(source)
        self.kernel = self.file("owner.efi", pe_image(compile_flat(source, "OWNER")))
        self.attacker = self.file("attacker.efi", pe_image(attacker))
        self.initrd = self.file("initrd", b"initrd of the owner")
        self.rom = self.file("attacker.rom", option_rom(pe_image(attacker, BOOT_DRIVER), 0x1AF4, 0x1041))
        with open(self.attacker, "rb") as f:
            self.attacker_bytes = f.read()
        self.disk_file = self.disk("EFI/BOOT/BOOTX64.EFI")
        # A name that no default path leads to: only a variable does.
        self.hidden_disk = self.disk("hidden/driver.efi")
        option = load_option("attacker", "/hidden/driver.efi")
        self.variables = self.file("vars.fd", variable_store({
            "Boot0000": option, "BootOrder": b"\0\0", "BootNext": b"\0\0",
            "Driver0000": option, "DriverOrder": b"\0\0",
            "SysPrep0000": option, "SysPrepOrder": b"\0\0",
            "PlatformRecovery0000": option,
        }))

    def close(self):
        self._work.cleanup()

    def path(self, name):
        return os.path.join(self._work.name, name)

    def file(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def disk(self, name):
        path = self.path(name.replace("/", "-") + ".img")
        fat_disk(path, {name: self.attacker_bytes})
        return path

    def with_disk(self, disk=None):
        return (
            "-drive", f"if=none,id=attacker,format=raw,readonly=on,file={disk or self.disk_file}",
            "-device", "virtio-blk-pci,drive=attacker,bootindex=1",
        )

    def with_rom(self):
        return ("-device", f"virtio-net-pci,disable-legacy=on,romfile={self.rom}")

    def with_variables(self):
        return ("-drive", f"if=pflash,unit=1,format=raw,file={self.variables}")

    def table(self, **changes):
        """The right hash table for the owner's files."""
        given = {"kernel": self.kernel, "initrd": None, "cmdline": CMDLINE}
        given.update(changes)
        return hash_table(**given)

    def run(self, table, until=None, timeout=180, **guest):
        """Boot with the hash table and the secret in place; the Guest, ended.

        With until, QEMU is expected to stay (shutdown=False) after that text: waits
        for the state "shutdown".  Result: the Guest, with status (QEMU's exit status,
        None if it still ran), state, leaked and wiped (the secret's area of memory).
        """
        guest.setdefault("firmware", self.firmware)
        guest.setdefault("cmdline", CMDLINE if guest.get("kernel") else "")
        guest.setdefault("memory", 256)
        with Guest(**guest) as vm:
            if table:
                vm.write(self.hash_area, table)
            vm.write(self.secret_area, secret_table({SECRET_GUID: SECRET}))
            vm.cont()
            if until:
                vm.wait_for(until, timeout)
                vm.state = vm.wait_state("shutdown", timeout)
                vm.status = vm.process.poll()
            else:
                vm.status = vm.wait_end(timeout)
            vm.leaked = vm.find(SECRET) >= 0
            vm.wiped = not any(vm.read(self.secret_area, self.secret_size))
            vm.errors = vm.stderr()
        return vm
