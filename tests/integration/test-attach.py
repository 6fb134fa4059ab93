#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QEMU that somebody started without libvirt is judged, gets its secrets, and is resumed
only when it was verified and the owner asked for it."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import bareqemu  # noqa: E402
import emuhost  # noqa: E402
import guestram  # noqa: E402
import hashlib  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
RELEASE = ["--release", "disk.qcow2"]


class Attach:
    def __init__(self, bed, t):
        self.bed, self.tap = bed, t
        self.table = launchbed.Table(bed, t, __file__)

    def attach(self, guest, *more):
        return self.bed.run("attach", "--json", *guest.arguments(*more))

    def refuse(self, row, guest, *more, **kind):
        """One refusal, and the guest does not run although --resume was said."""
        self.table.row(row, run=lambda _: self.attach(guest, "--resume", *more), again=False, **kind)
        with self.tap.test(f"... {row}: the guest waits as before"):
            self.tap.equal((guest.ask("query-status")["status"], guest.ask("query-sev")["state"]),
                           ("prelaunch", "launch-secret"))

    def evidence(self, path):
        shown = self.bed.must("evidence", "show", path, "--json").json["manifest"]
        self.tap.equal({name: shown["guest"][name] for name in ("vcpus", "memory_mib", "cpu")},
                       {"vcpus": None, "memory_mib": None, "cpu": None})
        page = self.bed.must("evidence", "report", path, "--owner", self.bed.owner, "--html", "-").out
        self.tap.true("number of processors not known; memory not known" in page, "what the page says")
        self.tap.true(self.bed.must("evidence", "show", path).out.count("not known") >= 2, "what show says")

    def paused(self):
        guest = bareqemu.BareGuest(self.bed, "paused")
        with guest.started():
            with self.tap.test("verified, secrets injected, and left as it was"):
                result = self.attach(guest, "--vcpus", "7", *RELEASE)
                said = result.json
                self.tap.equal((result.code, said["verdict"], said["reasons"], len(said["secrets"])),
                               (0, "verified", [], 2), result)
                self.tap.equal((said["schema"], said["domain"]["running"], said["judged_on"]),
                               ("sevlaunch.attach/1", False, "emulated-host"), result)
                digest = owner.launch_digest(self.bed.firmware, guestram.hash_table(guest.kernel))
                self.tap.equal(said["measurement"]["digest"], digest.hex())
                self.tap.equal(guest.ask("query-status")["status"], "prelaunch")
            with self.tap.test("its evidence holds nothing of the guest that nobody measured, whatever was said"):
                self.evidence(said["evidence"])
            self.refuse("attach-session-judged", guest, *RELEASE)
            self.refuse("attach-allows-debug", guest, *RELEASE, "--policy", "none", says=["--accept-debug"])
            self.refuse("attach-bare-hex", guest, *RELEASE, "--policy", "3d", says=["0x3d"])

    def unreleased(self):
        """No release: what the command line names is taken, and the verdict says so."""
        guest = bareqemu.BareGuest(self.bed, "unreleased")
        secret = ["--secret", f"luks-key:{self.bed.disk_key}"]
        with guest.started():
            self.refuse("attach-unpinned-firmware", guest, *secret)
            with self.tap.test("the firmware's digest accepts it"):
                with open(self.bed.firmware, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
                result = self.attach(guest, *secret, "--accept-firmware", digest)
                self.tap.equal((result.code, result.json["verdict"], result.json["release"]),
                               (0, "verified", None), result)
                self.tap.true(any("no release was named" in line for line in result.json["unproven"]), result)

    def mismatch(self):
        guest = bareqemu.BareGuest(self.bed, "plain")
        with guest.started(hashes=False):
            self.refuse("attach-without-hashes", guest, *RELEASE)

    def strangers(self):
        """Session files that do not fit, before the ledger knows the session."""
        guest, other = (bareqemu.BareGuest(self.bed, name) for name in ("mine", "other"))
        with guest.started():
            here = guest.dir
            guest.dir = other.dir
            self.refuse("attach-other-session", guest, *RELEASE)
            guest.dir = here
            path = os.path.join(here, "mine_godh.b64")
            with launchbed.changed(path, owner.b64(owner.make_cert(
                    owner.ec.generate_private_key(owner.ec.SECP384R1()))).encode()):
                self.refuse("attach-other-owner", guest, *RELEASE)

    def resumed(self):
        guest = bareqemu.BareGuest(self.bed, "resumed")
        guest.dir = self.bed.session_dir("sev-tool")
        session = guest.session
        for name, data in (("launch_blob.bin", session.blob), ("godh.cert", session.cert),
                           ("tmp_tk.bin", session.tek + session.tik)):
            with open(os.path.join(guest.dir, name), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
                f.write(data)
        with guest.started():
            with self.tap.test("--resume, with the session files of sev-tool: verified, and the guest unlocks its disk"):
                result = self.attach(guest, "--resume", *RELEASE)
                self.tap.equal((result.code, result.json["domain"]["running"]), (0, True), result)
                emuhost.wait_until(lambda: launchbed.UNLOCKED.encode() in emuhost.read_bytes(guest.console),
                                   "the guest's word")
                self.tap.true(guest.runs(), "it runs")
            self.table.row("attach-running", run=lambda _: self.attach(guest, *RELEASE), again=False)
            with self.tap.test("... attach-running: the guest runs on"):
                self.tap.true(guest.runs(), "it runs")

    def nobody(self):
        guest = bareqemu.BareGuest(self.bed, "nobody")
        self.table.row("attach-nobody", run=lambda _: self.attach(guest, *RELEASE), again=False)
        with guest.started(sev=False):
            self.table.row("attach-without-sev", run=lambda _: self.attach(guest, *RELEASE), again=False)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        attach = Attach(bed, t)
        attach.paused()
        attach.unreleased()
        attach.mismatch()
        attach.strangers()
        attach.resumed()
        attach.nobody()
        attach.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
