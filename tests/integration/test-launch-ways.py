#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other ways to a verified guest: kernel and initrd, a file beside the disk, raw images and
backing chains, and an ordinary user."""
import hashlib
import os
import sys
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import guestram  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


class Ways:
    def __init__(self, bed, t):
        self.bed, self.tap, self.host = bed, t, bed.host
        self.before = bed.leftovers()

    def verified(self, *args, changes=None, **more):
        """A verified guest that does not run: (document, XML of libvirt); then ended."""
        result = self.bed.launch("--json", "--paused", *args, changes=changes, **more)
        self.tap.equal((result.code, result.reasons), (0, []), result)
        self.tap.equal(result.json["verdict"], "verified")
        name = result.json["domain"]["name"]
        xml = ElementTree.fromstring(self.host.virsh("dumpxml", name).stdout)
        self.bed.destroy(name)
        return result.json, xml

    def beside(self):
        """disk.sevlaunch says what boots, how many processors and how much memory."""
        text = "[boot]\nformat=1\nuki=boot.efi\nvcpus=1\nmemory=768\n"
        with open(os.path.join(self.bed.test_disk, "uki.efi"), "rb") as f:
            uki = f.read()
        with self.bed.beside("disk.sevlaunch", text), self.bed.beside("boot.efi", uki) as path:
            document, _ = self.verified()
            self.tap.equal(document["measured"]["kernel"]["path"], path)
            self.tap.equal((document["guest"]["vcpus"], document["guest"]["memory_mib"]), (1, 768))
            document, _ = self.verified("--vcpus", "2")
            self.tap.equal(document["guest"]["vcpus"], 2, "the command line counts more")
        self.bed.same_leftovers(self.before)

    def uki_by_hand(self):
        path = os.path.join(self.bed.test_disk, "uki.efi")
        document, _ = self.verified("--uki", path)
        self.tap.equal(document["measured"]["kernel"]["path"], path)

    def accepted_firmware(self):
        """Another firmware by its digest; that nobody vouches for it is said."""
        with open(self.bed.firmware, "rb") as f:
            image = bytearray(f.read())
        image[0] ^= 1
        digest = hashlib.sha256(image).hexdigest()
        with self.bed.beside("other.fd", bytes(image)) as path:
            document, xml = self.verified("--firmware", path, "--accept-firmware", digest)
        self.tap.equal(document["measured"]["firmware"]["sha256"], digest)
        self.tap.equal(xml.findtext("os/loader"), path)
        self.tap.true(any("accepted by hand" in line for line in document["unproven"]), document["unproven"])

    def other_build(self):
        """Firmware that its owner pins: he is told what he pins, and so is who reads the verdict."""
        with open(self.bed.firmware, "rb") as f:
            image = bytearray(f.read())
        image[0] ^= 1
        text = "another build than sevlaunch's"
        plain = self.bed.dry_run().json["unproven"]
        self.tap.true(not any(text in line for line in plain), plain)
        with self.bed.beside("other.fd", bytes(image)) as path:
            done = self.bed.release("--firmware", path, "--replace", "--json")
            self.tap.equal(("not a build of sevlaunch" in done.err, done.json["own_build"]), (True, False), done)
            document = self.bed.dry_run("--firmware", path).json
            self.tap.equal(document["measured"]["firmware"]["pin"], "release")
            self.tap.true(any(text in line for line in document["unproven"]), document["unproven"])
            done = self.bed.release("--replace", "--json")
            self.tap.equal(("not a build of sevlaunch" in done.err, done.json["own_build"]), (False, True), done)
            self.bed.must("firmware", "trust", path, "--owner", self.bed.owner)
            document = self.bed.dry_run("--firmware", path).json
            self.tap.equal(document["measured"]["firmware"]["pin"], "owner")
            self.tap.true(any(text in line for line in document["unproven"]), document["unproven"])
            os.unlink(os.path.join(self.bed.owner, "trusted-firmware"))

    def raw(self):
        path = os.path.join(self.host.files, "disk.raw")
        done = self.bed.run("convert", "-f", "qcow2", "-O", "raw", self.bed.disk, path, program="qemu-img")
        self.tap.equal(done.code, 0, done)
        self.host.give(path)
        document, xml = self.verified("--format", "raw", changes={"image": path})
        self.tap.equal(xml.find("devices/disk/driver").get("type"), "raw")
        self.tap.equal(document["measured"]["kernel"]["image"], path)
        os.unlink(path)

    def overlay(self):
        """Two files on top of the disk, the first of them over the second."""
        below, top = (os.path.join(self.host.files, name) for name in ("below.qcow2", "top.qcow2"))
        for path, base in ((below, self.bed.disk), (top, below)):
            done = self.bed.run("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path, program="qemu-img")
            self.tap.equal(done.code, 0, done)
            self.host.give(path)
        named = ["--backing-file", below, "--backing-file", self.bed.disk]
        _, xml = self.verified(*named, changes={"image": top})
        chain = []
        at = xml.find("devices/disk")
        while at is not None and at.find("source") is not None:
            chain.append(at.find("source").get("file"))
            at = at.find("backingStore")
        self.tap.equal(chain, [top, below, self.bed.disk])
        return top, named

    def kernel(self, top, named):
        """Kernel, initrd and command line, as in the UKI, with a release of their own; the
        disk is the backing chain's."""
        line = self.bed.dry_run().json["measured"]["kernel"]["uki_cmdline"]
        kernel, initrd = (os.path.join(self.bed.test_disk, name) for name in ("kernel", "initrd"))
        words = ["--kernel", kernel, "--initrd", initrd, "--append", line]
        self.bed.release("--replace", *words)
        result = self.bed.unlocked(*words, *named, changes={"image": top})
        said = result.json
        self.tap.equal(said["measured"]["cmdline"], line)
        self.tap.equal([said["measured"][name]["path"] for name in ("kernel", "initrd")], [kernel, initrd])
        self.tap.equal(said["measurement"]["digest"], owner.launch_digest(
            self.bed.firmware, guestram.hash_table(kernel, initrd=initrd, cmdline=line)).hex())
        self.bed.destroy()
        self.bed.release("--replace")

    def without_watch(self):
        result = self.bed.launch("--json", "--wait", "0")
        self.tap.equal((result.code, result.json["guest_says"], result.json["verdict"]), (0, None, "verified"), result)
        self.tap.equal(self.host.state(self.bed.name), "running")
        self.bed.destroy()

    def ordinary_user(self):
        """The host's user starts everything; an owner of his own, and words for people."""
        private = os.path.join(self.host.files, "owner")
        cert, key = os.path.join(private, "pdh.cert"), os.path.join(self.host.files, "disk.key")
        self.bed.copy(self.bed.disk_key)

        def must(*args):
            result = self.bed.run(*args, as_user=True)
            self.tap.equal(result.code, 0, result)
            return result
        must("owner-init", private)
        must("emulator", "trust", "--owner", private, *self.bed.where())
        must("release", "create", "--image", self.bed.disk, "--owner-cert", cert, "--secret", f"luks-key:{key}")
        result = must(*self.bed.arguments(owner_cert=cert))
        for text in (f"VERIFIED: guest '{self.bed.name}' is running", launchbed.UNLOCKED,
                     "EMULATED (protects nothing)", "judged on the EMULATED host"):
            self.tap.true(text in result.out, f"no {text!r}\n{result}")
        way = [line for line in result.out.splitlines() if line.startswith("console: ")]
        self.tap.equal(way, [f"console: sevlaunch emulator exec --emulated-host '{self.host.path}' -- virsh console "
                             f"{self.bed.name}"])
        self.bed.destroy()


    def old_platform(self):
        """Firmware before API 0.17: other formulas, and only by the owner's word."""
        words = ["--paused", "--policy", "no-debug,no-key-sharing,no-send,sev"]
        with emuhost.EmulatedHost("--generation", "naples", "--api", "0.16") as old:
            self.bed.must("emulator", "trust", "--owner", self.bed.owner, "--emulated-host", old.path)
            self.host.give(self.bed.disk)
            changes = {"emulated_host": old.path}
            refused = self.bed.launch("--json", *words, changes=changes)
            self.tap.equal((refused.code, launchbed.reason(refused)), (1, ["api-too-old"]), refused)
            self.tap.equal(refused.json["secrets"], [], refused)
            taken = self.bed.launch("--json", "--allow-legacy-api", *words, changes=changes)
            self.tap.equal((taken.code, taken.json["verdict"], taken.json["platform"]["api"]),
                           (0, "verified", "0.16"), taken)
            self.tap.equal(len(taken.json["secrets"]), 2, taken)
            self.tap.true(any("0.17" in line for line in taken.json["unproven"]), taken.json["unproven"])
            old.virsh("destroy", self.bed.name)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        ways = Ways(bed, t)
        with t.test("a platform of API 0.16: refused, and taken with --allow-legacy-api"):
            ways.old_platform()
        with t.test("disk.sevlaunch beside the image chooses the UKI"):
            ways.beside()
        with t.test("--uki"):
            ways.uki_by_hand()
        with t.test("--firmware and --accept-firmware"):
            ways.accepted_firmware()
        with t.test("firmware that is not our build, pinned: its owner is warned, and the verdict says so"):
            ways.other_build()
        with t.test("a raw image"):
            ways.raw()
        top = None
        with t.test("a chain of three images, all of them named"):
            top, named = ways.overlay()
        if top is not None:
            with t.test("--kernel, --initrd and --append with a release of their own: unlocked"):
                ways.kernel(top, named)
            for name in (top, named[1]):
                os.unlink(name)
        with t.test("--wait 0 does not watch"):
            ways.without_watch()
        with t.test("nothing is left"):
            bed.same_leftovers(ways.before)
        with t.test("an ordinary user: verified, unlocked"):
            ways.ordinary_user()
    t.finish()


if __name__ == "__main__":
    main()
