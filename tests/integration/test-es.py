#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SEV-ES: the processors are measured too, and hosts that would have others are refused."""
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import hostile  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
POLICY = owner.NODBG | owner.NOKS | owner.ES | owner.NOSEND | owner.SEV | 17 << 24
ES = ("--policy", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17")
RESET_BLOCK = bytes.fromhex("de71f7007e1acb4f890e68c77e2fb44e")
# QEMU's model EPYC.
CPU = ("--cpu-family=23", "--cpu-model=1", "--cpu-stepping=2")


class Es(hostile.Attacks):
    def said(self, result, vcpus):
        said, t = result.json, self.tap
        t.equal((said["guest"]["type"], said["guest"]["policy"], said["guest"]["vcpus"]),
                ("sev-es", f"0x{POLICY:08x}", vcpus), result)
        # 0x00800f12: sev-snp-measure's value for EPYC.
        t.equal(said["measured"]["vcpus"], {"count": vcpus, "cpu_model": "EPYC", "signature": "0x00800f12",
                                            "vmsa": "legacy", "sev_features": 0})
        t.true("vCPU count" not in said["unproven"], said["unproven"])
        t.true(any("EMULATED host measures their first values" in line for line in said["unproven"]), said["unproven"])

    def verified(self):
        """A guest of two processors boots and opens its disk."""
        with self.tap.test("2 vCPUs: verified, and the guest unlocks its disk"):
            before = self.bed.leftovers()
            result = self.bed.unlocked(*ES, *hostile.SMALL)
            self.said(result, 2)
            self.bed.destroy()
            self.bed.same_leftovers(before)

    def judged_again(self, vcpus):
        """By libvirt's program, with the session's keys."""
        with self.tap.test(f"{vcpus} vCPUs: virt-qemu-sev-validate agrees, and not with another number"):
            keys = self.bed.session_dir(f"session-{vcpus}")
            result = self.bed.released(*ES, *hostile.SMALL, "--vcpus", str(vcpus), "--session-dir", keys)
            self.said(result, vcpus)
            for number, code in ((vcpus, 0), (vcpus + 1, 1)):
                done = subprocess.run(
                    ["/usr/bin/python3", VALIDATE, *self.validate_words(result, keys), *CPU,
                     f"--num-cpus={number}"], capture_output=True, text=True, check=False)
                self.tap.equal(done.returncode, code, done.stdout + done.stderr)
            self.bed.destroy()

    def validate_words(self, result, keys):
        said = result.json
        report = bytes.fromhex(said["measurement"]["reported"]) + bytes.fromhex(said["measurement"]["nonce"])
        major, minor = said["platform"]["api"].split(".")
        files = {name.rsplit("_", 1)[-1].rsplit(".", 1)[0]: os.path.join(keys, name) for name in os.listdir(keys)}
        return ["--measurement", owner.b64(report), "--api-major", major, "--api-minor", minor,
                "--build-id", str(said["platform"]["build"]), "--policy", str(POLICY),
                "--firmware", self.bed.firmware, "--kernel", os.path.join(self.bed.test_disk, "uki.efi"),
                "--tik", files["tik"], "--tek", files["tek"]]

    def launch(self, *args):
        return self.bed.launch("--json", *ES, *hostile.SMALL, *args)

    def other_processors(self):
        def instead(option, value):
            return {"mode": "drop", "options": [option]}, {"mode": "add", "arguments": [option, value]}
        with self.tap.test("with processors named anew but the same: verified"):
            result = self.evil.attack(*instead("-smp", "2"), *instead("-cpu", "EPYC-v1"),
                                      launch=lambda: self.paused(*ES))
            self.tap.equal((result.code, result.reasons), (0, []), result)
        self.row("es-host-adds-vcpu", *instead("-smp", "3"), launch=self.launch)
        self.row("es-host-swaps-cpu", *instead("-cpu", "EPYC-Milan"), launch=self.launch)
        self.row("es-host-drops-es", {"mode": "set-guest", "members": {"policy": POLICY & ~owner.ES}},
                 launch=self.launch)
        # KVM's other form is as good, and the launch says which it was.
        with self.tap.test("a host of KVM_SEV_INIT2: verified"):
            result = self.evil.attack({"mode": "set-guest", "members": {"legacy-vm-type": "off"}},
                                      launch=lambda: self.paused(*ES))
            self.tap.equal((result.code, result.json["measured"]["vcpus"]["vmsa"]), (0, "init2"), result)

    def pinned(self):
        conf = os.path.join(self.bed.owner, "releases", "disk.qcow2", "release.conf")
        text = emuhost.read_bytes(conf).replace(b"[boot]\n", b"[boot]\nvcpus=2\n")
        with launchbed.changed(conf, text):
            with self.tap.test("a release of 2 vCPUs: verified"):
                result = self.paused(*ES, "--vcpus", "2")
                self.tap.equal((result.code, result.json["measured"]["vcpus"]["count"]), (0, 2), result)
            self.table.row("es-release-pins-vcpus", *ES, *hostile.SMALL, "--vcpus", "3", says=["pins 2"], again=False)
            self.table.row("release-pins-vcpus-without-es", *hostile.SMALL, "--vcpus", "2",
                           says=["only SEV-ES proves"], again=False)
        with self.tap.test("release create --vcpus writes the pin"):
            self.bed.release("--vcpus", "2", "--name", "two")
            with open(os.path.join(self.bed.owner, "releases", "two", "release.conf"), encoding="utf-8") as f:
                self.tap.true("\nvcpus=2\n" in f.read(), "no vcpus=2")
            shutil.rmtree(os.path.join(self.bed.owner, "releases", "two"))

    def not_there(self):
        image = emuhost.read_bytes(self.bed.firmware)
        at = image.rindex(RESET_BLOCK)
        image = image[:at - 6] + bytes(4) + image[at - 2:]
        self.table.row("es-firmware-without-reset-block", "--firmware", lambda path: path, *ES,
                       prepare=lambda: self.bed.beside("fw.fd", image), says=["SEV-ES reset block"], again=False)
        self.bed.host.configure("platform", "es=false")
        self.table.row("es-platform-without", *ES, *hostile.SMALL, says=["SEV-ES", "EMULATED platform"], again=False)
        with self.tap.test("the same host without SEV-ES in the policy: verified"):
            result = self.paused()
            self.tap.equal((result.code, result.json["guest"]["type"], result.json["measured"]["vcpus"]),
                           (0, "sev", None), result)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        es = Es(bed, evil, t, __file__)
        es.verified()
        for vcpus in (1, 4):
            if VALIDATE is None:
                t.note("SKIP virt-qemu-sev-validate: it is not installed (Debian: libvirt-clients-qemu)")
            else:
                es.judged_again(vcpus)
        es.other_processors()
        es.pinned()
        es.not_there()
        es.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
