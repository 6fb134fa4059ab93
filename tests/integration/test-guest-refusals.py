#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The launch was verified, and the guest itself refuses.

The guest says why on its console and powers off; sevlaunch repeats its line and ends with
the exit code and the reason id of tests/data/refusals.tsv.  What the guest refuses of a disk
is tried in tests/guest/test-disk-attacks.py; here it is a few rows through the launcher.
"""
import configparser
import hashlib
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import hostile  # noqa: E402
import launchbed  # noqa: E402
import lukshdr  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


class Guests(hostile.Attacks):
    def refused(self, name, line, changes, *args):
        self.table.row(name, *args, *hostile.SMALL, changes=changes, says=(f"sevlaunch-guest: refused: {line}: ",),
                       again=False)

    def changed_header(self):
        """The disk with another LUKS header, which is sound: its key slot is preferred."""
        bed = self.bed
        conf = configparser.ConfigParser()
        conf.read(os.path.join(bed.test_disk, "disk.manifest"))
        offset, length = (int(conf["disk"][f"luks-{name}"]) for name in ("partition-offset", "header-length"))
        path = os.path.join(bed.host.files, "changed.raw")
        subprocess.run(["qemu-img", "convert", "-O", "raw", bed.disk, path], check=True)
        with open(path, "r+b") as f:
            f.seek(offset)
            header = f.read(length)
            f.seek(offset)
            f.write(lukshdr.change(header, lambda m: m["keyslots"]["0"].update(priority=2)))
        return bed.host.give(path)

    def other_owner(self):
        """One whose release holds another key than the disk's."""
        bed = self.bed
        cert = os.path.join(bed.dir, "forgetful", "pdh.cert")
        bed.must("owner-init", os.path.dirname(cert))
        bed.trust(os.path.dirname(cert))
        key = os.path.join(bed.dir, "other.key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(hashlib.sha256(b"another").digest())
        bed.must("release", "create", "--image", bed.disk, "--owner-cert", cert, "--secret", f"luks-key:{key}")
        return cert

    def rows(self):
        self.refused("guest-header-changed", "header-mismatch", {"image": self.changed_header(), "format": "raw"})
        self.refused("guest-wrong-key", "wrong-key", {"owner_cert": self.other_owner()})
        # The host says that the secret was injected, and did nothing.
        self.row("inject-swallowed", {"mode": "swallow", "command": "sev-inject-launch-secret"})
        self.tap.true("no-secret" in self.table.results["inject-swallowed"].err,
                      self.table.results["inject-swallowed"])


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        guests = Guests(bed, evil, t, __file__)
        guests.positive()
        guests.rows()
        guests.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
