#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What 'release create' and 'owner-init' refuse, what the host's tools and directories can
lack, and guests that refuse what they were given."""
import configparser
import contextlib
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import lukshdr  # noqa: E402
import tap  # noqa: E402
from launchbed import away, mode  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
MIB = 1 << 20
CRYPT_METHOD = 32  # in a qcow2 header: QEMU, docs/interop/qcow2.txt
MAGIC = b"LUKS\xba\xbe\0\2"


class Disk:
    """Raw copies of the test disk with another LUKS header."""

    def __init__(self, bed):
        self.bed = bed
        conf = configparser.ConfigParser()
        conf.read(os.path.join(bed.test_disk, "disk.manifest"))
        self.offset = int(conf["disk"]["luks-partition-offset"])
        self.raw = os.path.join(bed.dir, "raw")
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", bed.disk, self.raw], check=True)
        with open(self.raw, "rb") as f:
            f.seek(self.offset)
            self.header = f.read(int(conf["disk"]["luks-header-length"]))
        os.mkdir(f"{bed.host.files}/v", 0o755)

    @contextlib.contextmanager
    def with_bytes(self, data, offset=None):
        path = self.bed.copy(self.raw, "v/disk.qcow2")
        with open(path, "r+b") as f:
            f.seek(self.offset if offset is None else offset)
            f.write(data)
        try:
            yield path
        finally:
            os.unlink(path)

    def with_metadata(self, **changes):
        return self.with_bytes(lukshdr.change(self.header, lambda m: m["segments"]["0"].update(**changes)))


def create(bed, image, *args):
    return bed.run("release", "create", "--json", "--image", image, "--owner-cert", bed.cert, *args)


def releases(bed, table, t):
    disk = Disk(bed)
    raw = ("--format", "raw", "--name", "another")
    kernel = ("--kernel", f"{bed.test_disk}/kernel")

    def row(name, prepare, *args, says=()):
        table.row(name, prepare=prepare, run=lambda path: create(bed, path, *raw, *args), says=says, again=False)
    with t.test("a release of the raw copy can be made"):
        with disk.with_bytes(b"") as path:
            t.equal(create(bed, path, *raw, *kernel).code, 0)
        # Two releases for one disk are one too many.
        shutil.rmtree(f"{bed.owner}/releases/another")
    table.row("owner-exists", run=lambda _: bed.run("owner-init", "--json", bed.owner), says=["pdh.cert"])
    table.row("release-exists", run=lambda _: create(bed, bed.disk), says=["disk.qcow2"])
    table.row("release-create-without-image", says=["--image"],
              run=lambda _: bed.run("release", "create", "--json", "--owner-cert", bed.cert))
    table.row("release-name-leaves", says=["../x"], run=lambda _: create(bed, bed.disk, "--name", "../x"))
    row("luks-missing", lambda: disk.with_bytes(bytes(8)), says=["--no-disk-pin"])
    row("luks-many", lambda: disk.with_bytes(MAGIC, MIB), *kernel, says=["2 LUKS partitions"])
    row("luks-version-1", lambda: disk.with_bytes(b"\0\1", disk.offset + 6), says=["LUKS2"])
    row("luks-header-size", lambda: disk.with_bytes(bytes(8), disk.offset + 8), says=["size"])
    row("luks-metadata-garbage", lambda: disk.with_bytes(lukshdr.reseal(
        disk.header[:4096] + b"{" * 64 + disk.header[4160:])))
    row("luks-null-cipher", lambda: disk.with_metadata(encryption="cipher_null-ecb"))
    return disk


def encrypted(bed):
    """A qcow2 image that qcow2 itself encrypts."""
    @contextlib.contextmanager
    def make():
        path = f"{bed.host.files}/v/disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
        with open(path, "r+b") as f:
            f.seek(CRYPT_METHOD)
            f.write((2).to_bytes(4, "big"))  # LUKS
        try:
            yield bed.host.give(path)
        finally:
            os.unlink(path)
    return make


def host(bed, table):
    table.row("image-encrypted", prepare=encrypted(bed), changes=lambda path: {"image": path}, says=["key"])

    def row(name, variable, value, *says):
        table.row(name, run=lambda _: bed.launch("--json", env={variable: value}), says=says)
    row("no-qemu-nbd", "PATH", "/nonexistent", "qemu-nbd")
    row("no-temporary-directory", "TMPDIR", f"{bed.dir}/none", "temporary")
    table.row("emulated-host-foreign-files", prepare=lambda: away(f"{bed.host.path}/host.conf"),
              says=[bed.host.path, "not an emulated host"])
    table.row("emulated-host-closed", prepare=lambda: mode(f"{bed.host.path}/rt", 0o500), says=[f"{bed.host.path}/rt"])


def bare_machine(bed, table):
    """A machine that lacks programs, and a root who cannot become another user."""
    names = ["libvirt-not-installed", "qemu-not-installed", "privileges-stay"]
    if os.geteuid() != 0 or bed.run("-m", "true", program="unshare").code != 0:
        table.skip(names, "needs root, and mounts of its own")
        return

    def without(path):
        hide = f'mount --bind /dev/null {path} && exec "$@"'
        return lambda _: bed.run("-m", "sh", "-c", hide, "sh", bed.program, *bed.arguments(), "--json",
                                 program="unshare")
    daemon = next(path for path in ("/usr/sbin/libvirtd", "/usr/sbin/virtqemud") if os.path.exists(path))
    table.row("libvirt-not-installed", run=without(daemon), says=["libvirtd"])
    table.row("qemu-not-installed", run=without("/usr/bin/qemu-system-x86_64"), says=["/usr/bin/qemu-system-x86_64"])
    table.row("privileges-stay", says=["nobody"],
              run=lambda _: bed.run("--bounding-set=-setuid", bed.program, *bed.arguments(), "--json",
                                    program="setpriv"))


def guests(bed, table, disk):
    """Verified launches whose guest says no: it powers off by itself."""
    table.row("guest-refuses-disk", "--format", "raw", prepare=lambda: disk.with_metadata(encryption="cipher_null-ecb"),
              changes=lambda path: {"image": path}, says=["sevlaunch-guest: "], again=False)
    table.row("firmware-refuses-unmeasured", "--own-boot-loader", "--allow-unmeasured-boot",
              says=["the guest's console says"])


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        table.positive()
        disk = releases(bed, table, t)
        host(bed, table)
        bare_machine(bed, table)
        guests(bed, table, disk)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
