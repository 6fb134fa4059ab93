#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hypervisor is the adversary: it changes what starts, what is said and who says it.

Between libvirt and sev-qemu stands a program of the adversary's (tests/lib/hostile.py).  In
every row it does one thing; sevlaunch refuses with the exit code and the reason id of
tests/data/refusals.tsv, nothing is left behind, and the disk's key is nowhere in the host:
not in the guest's memory, not on the monitor's wire, in no log and no file.
"""
import base64
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import hostile  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
# no-debug, no-key-sharing, no-send, sev, API at least 0.17: what a launch asks for.
POLICY = owner.NODBG | owner.NOKS | owner.NOSEND | owner.SEV | 17 << 24


def flipped(path, position=None):
    """The bytes of a file with one bit changed, or one more byte without a position."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    if position is None:
        return bytes(data) + b"\0"
    data[position] ^= 1
    return bytes(data)


class Attacks(hostile.Attacks):
    def make_plain(self):
        """An owner whose release is a kernel, an initrd and a command line."""
        bed, names = self.bed, ("kernel", "initrd")
        files = [bed.copy(os.path.join(bed.test_disk, name)) for name in names]
        cert = os.path.join(bed.dir, "owner-of-kernel", "pdh.cert")
        bed.must("owner-init", os.path.dirname(cert))
        bed.trust(os.path.dirname(cert))
        words = ["--kernel", files[0], "--initrd", files[1], "--append", "console=ttyS0 panic=-1"]
        bed.release(*words, cert=cert)
        self.plain = [*words, *hostile.SMALL]
        self.plain_cert = cert

    def launch_plain(self, *args):
        return self.bed.launch("--json", *self.plain, *args, changes={"owner_cert": self.plain_cert})

    def beside(self, name, data):
        return self.bed.host.write(name, data)

    # -- rows

    def what_starts(self):
        bed = self.bed
        firmware = self.beside("other.fd", flipped(bed.firmware, 0x2000))
        uki = self.beside("other.efi", flipped(os.path.join(bed.test_disk, "uki.efi")))
        self.row("host-swaps-firmware", {"mode": "swap-file", "which": "firmware", "with": firmware})
        self.row("host-swaps-uki", {"mode": "swap-file", "which": "kernel", "with": uki})
        self.row("host-overwrites-uki", {"mode": "overwrite", "which": "kernel", "with": uki})
        self.row("host-adds-cmdline", {"mode": "append", "text": "init=/bin/sh"})
        self.row("host-drops-kernel", {"mode": "drop", "options": ["-kernel", "-initrd", "-append"]})
        self.row("host-drops-hashes", {"mode": "set-guest", "members": {"kernel-hashes": False}})

        with self.tap.test("with the same set-up, a kernel, an initrd and a command line: verified"):
            result = self.launch_plain("--paused")
            self.tap.equal((result.code, result.reasons), (0, []), result)
            bed.destroy()
        kernel = self.beside("other-kernel", flipped(os.path.join(bed.test_disk, "kernel")))
        initrd = self.beside("other-initrd", flipped(os.path.join(bed.test_disk, "initrd")))
        self.row("host-swaps-kernel", {"mode": "swap-file", "which": "kernel", "with": kernel},
                 launch=self.launch_plain)
        self.row("host-swaps-initrd", {"mode": "swap-file", "which": "initrd", "with": initrd},
                 launch=self.launch_plain)
        self.row("host-drops-initrd", {"mode": "drop", "options": ["-initrd"]}, launch=self.launch_plain)
        self.row("host-changes-cmdline", {"mode": "append", "text": "console=ttyS0 panic=-1 "},
                 launch=self.launch_plain)

    def who_agreed(self):
        """Policy, session and certificate on their way to the platform."""
        mine = owner.Session(self.bed.host.certificate("pdh"), POLICY)
        blob = self.beside("host.session", base64.b64encode(mine.blob))
        cert = self.beside("host.cert", base64.b64encode(mine.cert))

        def guest(**members):
            return {"mode": "set-guest", "members": {name.replace("_", "-"): value for name, value in members.items()}}
        self.row("host-weakens-policy", guest(policy=POLICY & ~owner.NODBG))
        self.row("host-swaps-session", guest(session_file=blob))
        self.row("host-swaps-dh-cert", guest(dh_cert_file=cert))
        # One that fits together: the platform agrees, with the host.
        self.row("host-swaps-both", guest(session_file=blob, dh_cert_file=cert))

    def what_is_said(self):
        def query(**members):
            return {"mode": "alter-reply", "command": "query-sev",
                    "members": {name.replace("_", "-"): value for name, value in members.items()}}
        self.row("measure-altered-mac", {"mode": "alter-measure"})
        self.row("measure-altered-nonce", {"mode": "alter-measure", "byte": 47})
        result = self.evil.attack({"mode": "record-measure"}, launch=self.paused)
        self.tap.equal(result.code, 0, result)
        self.row("measure-replayed", {"mode": "replay-measure"}, known=("measurement-mismatch",))
        self.row("query-api", query(api_minor=54))
        self.row("query-api-old", query(api_major=0, api_minor=16))
        self.row("query-build", query(build_id=22))
        self.row("query-state", query(state="running"))
        self.row("query-disabled", query(enabled=False))
        self.row("query-snp", query(sev_type="sev-snp", snp_policy=196608))
        with self.tap.test("a policy that query-sev makes up changes nothing: the owner's is verified"):
            result = self.evil.attack(query(policy=0), launch=self.paused)
            self.tap.equal((result.code, result.json["guest"]["policy"]), (0, f"0x{POLICY:08x}"), result)

    def left_behind(self):
        """Evidence of what was refused: sound, of a refusal, and with the platform's own word."""
        def facts(name):
            path = self.table.results[name].json["evidence"]
            result = self.bed.run("evidence", "verify", path, "--owner", self.bed.owner, "--json")
            self.tap.equal((result.code, result.json["files"][0]["verdict"]), (0, "refused"), result)
            return {(fact["standing"], fact["id"]) for fact in result.json["files"][0]["facts"]}
        with self.tap.test("what was refused left evidence: what the platform measured is proven"):
            swapped, altered = facts("host-swaps-firmware"), facts("measure-altered-mac")
            self.tap.true(("proven", "launch") in swapped and ("proven", "other-launch") in swapped, swapped)
            # The host only altered what was said: the platform had measured the right thing.
            self.tap.true(("proven", "launch") in altered and ("proven", "other-launch") not in altered, altered)
            result = self.bed.run("evidence", "list", self.bed.owner, "--json")
            self.tap.equal((result.code, result.json["reasons"]), (0, []), result)


    # What "why" has to say of a row, or None where the host took what lies nowhere.
    CAUSES = {
        "host-swaps-firmware": None,
        "host-drops-kernel": "kernel-hashes-off",
        "host-drops-hashes": "kernel-hashes-off",
        "host-swaps-kernel": "kernel-other",
        "host-swaps-initrd": "initrd-other",
        "host-drops-initrd": "initrd-absent",
        "host-changes-cmdline": "cmdline-white-space",
        "host-swaps-both": None,
        "query-api": "api-differs",
        "query-build": "build-differs",
    }

    def explained(self):
        for name, cause in self.CAUSES.items():
            with self.tap.test(f"{name}: why says {cause}"):
                result = self.table.results[name]
                found = [one["id"] for one in (result.json["why"]["explanations"] or [[]])[0]]
                self.tap.equal(found, [cause] if cause else [], result)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        attacks = Attacks(bed, evil, t, __file__)
        attacks.make_plain()
        attacks.positive()
        attacks.what_starts()
        attacks.who_agreed()
        attacks.what_is_said()
        attacks.explained()
        attacks.left_behind()
        attacks.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
