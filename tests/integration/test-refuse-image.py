#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sevlaunch refuses of a disk and of what boots: image, partitions, ESP, UKI, kernel,
firmware, and the file beside the disk."""
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402
from launchbed import mode  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
MIB = 1 << 20
STUB = b"#### LoaderInfo: systemd-stub "
# Of the secret area in the table of an OVMF image, little-endian as it lies there.
SECRET_AREA = bytes.fromhex("b7022f4c8b27f94f881f14a5ddd00b4c")
SECRET_AREA_GUID = "4c2eb361-7d9b-4cc3-8081-127c90d3d294"


def tool(*words, **more):
    done = subprocess.run(words, capture_output=True, check=False, **more)
    if done.returncode != 0:
        raise tap.Failure(f"{' '.join(words)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Disks:
    """Variants of the test disk, each in its turn at the same place."""

    def __init__(self, bed):
        self.bed = bed
        self.raw = os.path.join(bed.dir, "raw")
        for folder in ("v", "v\1"):
            os.mkdir(f"{bed.host.files}/{folder}", 0o755)
        tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", bed.disk, self.raw)
        with open(os.path.join(bed.test_disk, "uki.efi"), "rb") as f:
            self.uki = f.read()

    @contextlib.contextmanager
    def variant(self, change, source=None, folder="v"):
        """change: a function of the copy's path.  The name is the release's."""
        path = self.bed.copy(source or self.raw, f"{folder}/disk.qcow2")
        try:
            change(path)
            yield path
        finally:
            for left in {path, path + ".base"}:
                if os.path.lexists(left):
                    os.unlink(left)

    def esp(self, *commands):
        """A raw copy with an ESP that mtools changed."""
        def change(path):
            for command in commands:
                tool(command[0], "-i", f"{path}@@{MIB}", *command[1:], env=dict(os.environ, MTOOLS_SKIP_CHECK="1"))
        return lambda: self.variant(change)

    def esp_uki(self, data):
        name = os.path.join(self.bed.dir, "uki")
        with open(name, "wb") as f:
            f.write(data)
        return self.esp(("mcopy", "-o", name, "::/EFI/BOOT/BOOTX64.EFI"))

    def bytes(self, offset, data):
        def change(path):
            with open(path, "r+b") as f:
                f.seek(offset)
                f.write(data)
        return lambda: self.variant(change)


def image_row(table, name, prepare, *args, says=(), **more):
    table.row(name, *args, prepare=prepare, changes=lambda path: {"image": path}, says=says, again=False, **more)


def images(bed, table, disks):
    raw = ("--format", "raw")
    table.row("image-missing", changes={"image": f"{bed.host.files}/none.qcow2"}, says=["none.qcow2"])
    table.row("image-directory", changes={"image": bed.host.files}, says=[bed.host.files], again=False)
    table.row("image-empty-name", changes={"image": ""}, again=False)
    image_row(table, "image-vmdk", lambda: disks.variant(
        lambda path: tool("qemu-img", "create", "-q", "-f", "vmdk", path, "1M")), says=["v/disk.qcow2"])
    image_row(table, "image-raw-said-qcow2", disks.bytes(0, b""), "--format", "qcow2", says=["v/disk.qcow2"])
    image_row(table, "image-qcow2-said-raw", lambda: disks.variant(lambda path: None, bed.disk), *raw)
    image_row(table, "image-truncated", lambda: disks.variant(lambda path: os.truncate(path, 40), bed.disk),
              says=["v/disk.qcow2"])

    def overlay(path):
        os.rename(path, path + ".base")
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", path + ".base", path)
        bed.host.give(path)
    image_row(table, "image-backing-file", lambda: disks.variant(overlay, bed.disk),
              says=["v/disk.qcow2.base", "--backing-file"])

    def external(path):
        os.unlink(path)
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={path}.base,data_file_raw=on", path, "8M")
        for name in (path, path + ".base"):
            bed.host.give(name)
    image_row(table, "image-data-file", lambda: disks.variant(external), says=["v/disk.qcow2", "qemu-img convert"])
    image_row(table, "image-control-character", lambda: disks.variant(lambda path: None, bed.disk, "v\1"),
              says=["v\\001/disk.qcow2", "control characters"])
    table.row("image-in-use", prepare=lambda: in_use(bed), says=["disk.qcow2"])
    if os.geteuid() != 0:
        table.row("image-unreadable", prepare=lambda: mode(bed.disk, 0), says=["disk.qcow2"])
        table.skip(["image-unreadable-for-user"], "only root runs guests as another user")
        return
    table.row("image-unreadable-for-user", prepare=lambda: launchbed.owned_by(bed.disk, 0),
              says=["disk.qcow2", "nobody"])
    table.skip(["image-unreadable"], "root reads everything")


@contextlib.contextmanager
def in_use(bed):
    xml = emuhost.domain_xml(bed.host, "user", firmware=bed.firmware, disk=bed.disk, memory=64)
    bed.host.start(xml)
    try:
        yield
    finally:
        bed.host.destroy("user")


def partitions(bed, table, disks):
    raw = ("--format", "raw")
    image_row(table, "gpt-missing", disks.bytes(0, bytes(34 * 512)), *raw)
    image_row(table, "gpt-header-crc", disks.bytes(512 + 40, b"\xff"), *raw, says=["partition table"])
    image_row(table, "esp-missing", lambda: disks.variant(
        lambda path: tool("sfdisk", "-q", "--part-type", path, "1", "linux")), *raw)
    image_row(table, "esp-many", lambda: disks.variant(
        lambda path: tool("sfdisk", "-q", "--part-type", path, "2", "uefi")), *raw)
    def large_esp(path):
        os.truncate(path, 1500 * MIB)
        tool("sfdisk", "-q", path, input=b"label: gpt\nstart=1MiB, size=1200MiB, type=uefi\n")
    image_row(table, "esp-too-large", lambda: disks.variant(large_esp), *raw)
    image_row(table, "fat-broken", disks.bytes(MIB, bytes(512)), *raw)
    image_row(table, "esp-empty", disks.esp(("mdeltree", "::/EFI")), *raw, says=["EFI/Linux"])
    image_row(table, "esp-two-ukis", disks.esp(
        ("mmd", "::/EFI/Linux"), ("mcopy", f"{bed.test_disk}/uki.efi", "::/EFI/Linux/b.efi")), *raw,
        says=["EFI/Linux/b.efi", "EFI/BOOT/BOOTX64.EFI", "expected 1"])
    loader = os.path.join(bed.dir, "loader")
    pe = bytearray(disks.uki[:4096])
    with open(loader, "wb") as f:
        f.write(pe.replace(b".linux\0\0", b".other\0\0").ljust(len(disks.uki) // 16, b"\0"))
    image_row(table, "esp-foreign-loader", disks.esp(
        ("mdeltree", "::/EFI/BOOT"), ("mmd", "::/EFI/debian"),
        ("mcopy", loader, "::/EFI/debian/shimx64.efi")), *raw,
        says=["debian/", "unified kernel image"])


def ukis(bed, table, disks):
    raw = ("--format", "raw")
    at = disks.uki.index(STUB) + len(STUB)

    def stub(text):
        return disks.uki[:at] + text + disks.uki[at + len(text):]
    image_row(table, "uki-stub-254", disks.esp_uki(stub(b"254")), *raw, says=["systemd 254", "SMBIOS", "252"])
    image_row(table, "uki-stub-unknown", disks.esp_uki(disks.uki.replace(STUB, b"#### LoaderInfo: another-stub ")),
              *raw, says=["252"])
    image_row(table, "uki-truncated", disks.esp_uki(disks.uki[:len(disks.uki) - MIB]), *raw)
    changed = disks.uki[:-1] + bytes([disks.uki[-1] ^ 1])
    image_row(table, "uki-changed", disks.esp_uki(changed), *raw,
              says=[hashlib.sha256(changed).hexdigest(), hashlib.sha256(disks.uki).hexdigest()])
    with bed.beside("changed.efi", changed):
        table.row("uki-file-changed", "--uki", f"{bed.host.files}/changed.efi")
    with bed.beside("large.efi", changed) as path:
        os.truncate(path, 2048 * MIB)
        table.row("uki-file-too-large", "--uki", path, says=["large.efi"], again=False)
    table.row("uki-file-missing", "--uki", f"{bed.host.files}/none.efi", says=["none.efi"])
    table.row("uki-file-is-kernel", "--uki", f"{bed.test_disk}/initrd")
    table.row("kernel-missing", "--kernel", f"{bed.test_disk}/none", says=[f"{bed.test_disk}/none"])
    table.row("kernel-against-uki-release", "--kernel", f"{bed.test_disk}/kernel",
              says=["a plain kernel", "a unified kernel image"])


def kernels(bed, table, t):
    """With a release that pins a kernel, an initrd and a command line."""
    kernel, initrd, line = f"{bed.test_disk}/kernel", f"{bed.test_disk}/initrd", "console=ttyS0 panic=-1"
    given = ["--kernel", kernel, "--initrd", initrd]
    bed.release("--replace", *given, "--append", line)
    with t.test("kernel, initrd and command line of the release pass a rehearsal"):
        bed.dry_run(*given, "--append", line)

    def row(name, *args, says=()):
        table.row(name, *args, says=says, again=False)
    row("cmdline-not-released", *given, "--append", line + " init=/bin/sh", says=["cmdline", "disk.qcow2"])
    row("cmdline-empty", *given, says=["cmdline"])
    row("initrd-not-released", "--kernel", kernel, "--initrd", kernel, "--append", line, says=["initrd"])
    row("initrd-left-out", "--kernel", kernel, "--append", line, says=["initrd"])
    row("kernel-not-released", "--kernel", initrd, "--initrd", initrd, "--append", line, says=["kernel"])
    row("uki-against-kernel-release", says=["a unified kernel image"])
    bed.release("--replace")


def firmwares(bed, table):
    with open(bed.firmware, "rb") as f:
        image = f.read()
    guid = bytes.fromhex("61b32e4c9b7dc34c8081127c90d3d294")
    if image.count(guid) != 1:
        raise tap.Failure(f"the firmware does not name {SECRET_AREA_GUID} once")

    def row(name, data, *args, says=(), **more):
        table.row(name, "--firmware", lambda path: path, *args, prepare=lambda: bed.beside("fw.fd", data), says=says,
                  **more)
    row("firmware-without-secret-area", image.replace(guid, bytes(16)), says=["fw.fd"])
    row("firmware-changed", image[:1000] + bytes([image[1000] ^ 1]) + image[1001:],
        says=["firmware: unpinned", "release 'disk.qcow2'"])
    row("firmware-truncated", image[:len(image) - 4096], says=["fw.fd"])
    row("firmware-empty", b"", says=["fw.fd"])
    row("firmware-text", b"no firmware\n" * 4096, says=["fw.fd"])
    table.row("firmware-missing", "--firmware", f"{bed.host.files}/none.fd", says=["none.fd"])
    table.row("firmware-directory", "--firmware", bed.host.files, says=[bed.host.files])


def beside(bed, table):
    files = bed.host.files
    beside_disk = f"{files}/disk.sevlaunch"

    def row(name, text, *says):
        table.row(name, prepare=lambda: bed.beside("disk.sevlaunch", text), says=[beside_disk, *says],
                  again=name == "beside-secret")
    head = "[boot]\nformat=1\n"
    row("beside-secret", head + "secret=luks-key:/etc/passwd\n", "line 3", "secret")
    row("beside-policy", head + "policy=0x1\n", "line 3", "policy")
    row("beside-acceptance", head + "accept-firmware=00\n", "line 3")
    row("beside-platform", "[platform]\nkind=emulated\n" + head, "line 1", "platform")
    row("beside-unknown-key", head + "kernal=x\n", "kernal", "kernel")
    row("beside-format", "[boot]\nformat=2\n", "'2'", "expected 1")
    row("beside-not-text", b"\xff\xfe\0\0")
    row("beside-leaves", head + "uki=../uki.efi\n", "../uki.efi")
    row("beside-absolute", head + f"uki={bed.test_disk}/uki.efi\n", "relative")
    row("beside-vcpus", head + "vcpus=0\n", "vcpus", "'0'")
    row("beside-both", head + "uki=a\nkernel=b\n", "uki", "kernel")
    row("beside-file-missing", head + "uki=none.efi\n", "none.efi")

    @contextlib.contextmanager
    def link(name, target):
        os.symlink(target, f"{files}/{name}")
        try:
            yield
        finally:
            os.unlink(f"{files}/{name}")

    @contextlib.contextmanager
    def link_to_uki():
        with bed.beside("disk.sevlaunch", head + "uki=link.efi\n"), link("link.efi", f"{bed.test_disk}/uki.efi"):
            yield
    table.row("beside-link-to-uki", prepare=link_to_uki, says=["link.efi", "link"])
    table.row("beside-is-a-link", prepare=lambda: link("disk.sevlaunch", "/etc/hostname"), says=[beside_disk, "link"])


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        table.positive()
        disks = Disks(bed)
        with t.test("a raw copy of the disk passes a rehearsal"):
            with disks.variant(lambda path: None) as path:
                bed.dry_run("--format", "raw", changes={"image": path})
        images(bed, table, disks)
        partitions(bed, table, disks)
        ukis(bed, table, disks)
        kernels(bed, table, t)
        firmwares(bed, table)
        beside(bed, table)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
