#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launch on another machine: libvirt is reached through its remote transport, and the paths
of the guest's files are the host's alone."""
import os
import shutil
import sys
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


class Remote:
    def __init__(self, bed, t):
        self.bed, self.tap = bed, t
        # libvirt gives its command neither arguments nor variables.
        command = os.path.join(bed.dir, "transport")
        with open(command, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec /usr/bin/python3 '{TOP}/tests/lib/unixpipe.py' "
                    f"'{bed.host.path}/rt/libvirt/libvirt-sock'\n")
        os.chmod(command, 0o700)
        self.uri = f"qemu+ext:///session?command={command}"
        self.ca = os.path.join(bed.dir, "ca")
        with open(self.ca, "wb") as f:
            f.write(bed.host.certificate("ask") + bed.host.certificate("ark"))
        self.cek = os.path.join(bed.dir, "cek")
        with open(self.cek, "wb") as f:
            f.write(bed.host.certificate("cek"))
        # The host's own files, and the owner's copies.
        self.kernel = bed.copy(os.path.join(bed.test_disk, "uki.efi"))
        self.firmware = bed.host.give(shutil.copy(bed.firmware, os.path.join(bed.host.files, "host.fd")))

    # A machine of another name than the host's, as root is or seems to be in it.
    ELSEWHERE = ["--uts", *([] if os.getuid() == 0 else ["--user", "--map-root-user"]), "--", "/bin/sh", "-c",
                 'hostname owners-machine && exec "$0" "$@"']

    def run(self, *words, here=False, **changes):
        """here: on a machine with the host's name"""
        options = {"connect": self.uri, "emulated_host": None, "cek": self.cek, "ca": self.ca,
                   "image_copy": os.path.join(self.bed.test_disk, "disk.qcow2"), "host_kernel": self.kernel,
                   "host_firmware": self.firmware, **changes}
        self.bed.host.virsh("uri")  # its libvirt runs
        words = ["run", *self.bed.arguments(**options), "--json", *words]
        return self.bed.run(*words) if here else self.bed.run(*self.ELSEWHERE, self.bed.program, *words, program="/usr/bin/unshare")


def domain(t, table, bed, remote):
    """A domain that the other machine has: its paths are the host's, what is hashed lies here."""
    uki = os.path.join(bed.test_disk, "uki.efi")
    given = {"image": None, "name": None, "host_kernel": None, "host_firmware": None, "domain": "theirs"}

    def define(**changes):
        members = {"firmware": remote.firmware, "kernel": remote.kernel, "disk": bed.disk, **changes}
        bed.host.virsh("undefine", "theirs", check=False)
        bed.host.virsh("define", bed.host.write("theirs.xml", emuhost.domain_xml(bed.host, "theirs", **members)))

    define()
    with t.test("a domain of the other machine's: verified and paused there, judged here by copies"):
        before = bed.host.virsh("dumpxml", "--inactive", "theirs").stdout
        result = remote.run("--paused", "--uki", uki, "--firmware", bed.firmware, **given)
        said = result.json
        t.equal((result.code, said["verdict"], said["judged_on"], len(said["secrets"])),
                (0, "verified", "owner-machine", 2), result)
        t.equal(said["measured"]["kernel"]["path"], uki)
        xml = ElementTree.fromstring(bed.host.virsh("dumpxml", "theirs").stdout)
        t.equal([xml.findtext("os/loader"), xml.findtext("os/kernel")], [remote.firmware, remote.kernel])
        bed.destroy("theirs")
        t.equal(bed.host.virsh("dumpxml", "theirs").stdout, before)
    table.row("remote-domain-without-copy", run=lambda _: remote.run(**given), says=["your copy"], again=False)
    table.row("remote-domain-other-initrd", run=lambda _: remote.run(
        "--kernel", uki, "--initrd", uki, **given), says=["<initrd>"], again=False)
    define(cmdline="quiet")
    table.row("remote-domain-cmdline", run=lambda _: remote.run("--uki", uki, **given), says=["<cmdline>"], again=False)
    define(kernel=None)
    table.row("remote-domain-without-kernel", run=lambda _: remote.run(**given), says=["no-kernel: "], again=False)
    bed.host.virsh("undefine", "theirs")


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        remote = Remote(bed, t)
        with t.test("verified and paused on the host; judged here; the host's paths are in the domain"):
            result = remote.run("--paused")
            said = result.json
            t.equal((result.code, said["verdict"], said["judged_on"], len(said["secrets"])),
                    (0, "verified", "owner-machine", 2), result)
            t.equal(said["measured"]["firmware"]["path"], bed.firmware)
            t.true(any("another machine" in text for text in said["unproven"]), said["unproven"])
            xml = ElementTree.fromstring(bed.host.virsh("dumpxml", bed.name).stdout)
            t.equal([xml.findtext("os/loader"), xml.findtext("os/kernel"),
                     xml.find("devices/disk/source").get("file")], [remote.firmware, remote.kernel, bed.disk])
            bed.destroy()
        with t.test("a host that has this machine's name, by whatever way, is not judged on the owner's machine"):
            result = remote.run("--dry-run", here=True)
            t.equal((result.code, result.json["judged_on"]), (0, "emulated-host"), result)
            t.true("name or UUID of this machine" in result.err, result)
            result = remote.run("--dry-run")
            t.equal((result.code, result.json["judged_on"]), (0, "owner-machine"), result)
            t.true("name or UUID" not in result.err, result)
        with open(remote.kernel, "rb") as f:
            image = bytearray(f.read())
        image[-1] ^= 1
        with launchbed.changed(remote.kernel, bytes(image)):
            table.row("remote-host-swaps-kernel", run=lambda _: remote.run("--paused"), again=False)
        table.row("remote-without-host-kernel", run=lambda _: remote.run(host_kernel=None), again=False)
        table.row("remote-options-at-home", run=lambda _: bed.launch("--json", "--host-kernel", remote.kernel),
                  again=False)
        domain(t, table, bed, remote)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
