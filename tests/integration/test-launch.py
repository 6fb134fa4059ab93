#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Launches that work: what is said of them, what runs then, and what a rehearsal does."""
import base64
import hashlib
import os
import shutil
import sys
import threading
import uuid
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import guestram  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
XML_VALIDATE = shutil.which("virt-xml-validate")
POLICY = owner.NODBG | owner.NOKS | owner.NOSEND | owner.SEV | 17 << 24
STEPS = {"image", "host", "platform", "session", "define", "create", "query", "measure", "verify", "secret", "evidence",
         "keep", "resume", "watch"}
# What README and man page promise of a launch's document.
SCHEMA = {
    "schema": str, "domain": {"name": str, "uuid": str, "uri": str}, "release": str,
    "platform": {"kind": str, "api": str, "build": int, "owner": str, "owner_fingerprint": str,
                 "chain": {"verified": bool, "root": str, "root_fingerprint": str}},
    "guest": {"type": str, "policy": str, "policy_flags": list, "vcpus": int, "memory_mib": int},
    "measured": {"firmware": {"path": str, "size": int, "sha256": str},
                 "kernel": {"path": str, "size": int, "sha256": str}, "initrd": type(None), "cmdline": str},
    "measurement": {"digest": str, "nonce": str, "reported": str, "expected": str, "verified": bool},
    "judged_on": str, "secrets": list, "verdict": str, "reasons": list, "unproven": list, "timings_ms": dict,
    "acceptance": str, "evidence": str, "exit_code": int,
}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def sha256(path):
    return hashlib.sha256(read(path)).hexdigest()


def differences(document, schema, path=""):
    """What a JSON object has not, or has of another type."""
    for name, kind in schema.items():
        here = f"{path}.{name}"
        if name not in document:
            yield f"{here} is missing"
        elif isinstance(kind, dict):
            if isinstance(document[name], dict):
                yield from differences(document[name], kind, here)
            else:
                yield f"{here} is no object"
        elif type(document[name]) is not kind:
            yield f"{here} is a {type(document[name]).__name__}, expected a {kind.__name__}"


class Launches:
    def __init__(self, bed, t):
        self.bed, self.tap, self.host = bed, t, bed.host
        self.uki = os.path.join(bed.test_disk, "uki.efi")
        key = read(bed.disk_key)
        self.leaks = [key.hex(), base64.b64encode(key).decode(), key.decode("latin-1")]

    def quiet_about_secrets(self, *texts):
        for text in texts:
            self.tap.true(not any(leak in text for leak in self.leaks), "the disk's key is said")

    # -- what is said

    def document(self, result):
        said, t = result.json, self.tap
        t.equal(list(differences(said, SCHEMA)), [], result)
        t.equal((said["schema"], said["exit_code"]), ("sevlaunch.launch/1", 0))
        t.equal((said["domain"]["uri"], said["release"]), (self.host.uri, "disk.qcow2"))
        t.equal(said["domain"]["uuid"], self.host.virsh("domuuid", self.bed.name).stdout.strip())
        t.equal(said["judged_on"], "emulated-host")
        t.equal(os.path.dirname(said["evidence"]), f"{self.bed.owner}/evidence")
        t.true(os.path.isfile(said["evidence"]), said["evidence"])
        t.equal(set(said["timings_ms"]), STEPS)
        t.true(all(type(value) is int and value >= 0 for value in said["timings_ms"].values()), said["timings_ms"])
        t.true(any("memory size" in line for line in said["unproven"]), said["unproven"])
        t.true(any("age of the disk" in line for line in said["unproven"]), said["unproven"])
        self.quiet_about_secrets(result.out, result.err)

    def platform(self, result):
        said, t = result.json["platform"], self.tap
        t.equal((said["kind"], said["emulated"], said["chain"]["root"]), ("emulated", True, "EMULATED"))
        t.equal(said["chain"]["verified"], True)
        trusted = read(f"{self.bed.owner}/trusted-roots").decode().split()
        t.true(said["chain"]["root_fingerprint"] in trusted, f"{said} is not in {trusted}")

    def measured(self, result):
        said, t = result.json, self.tap
        t.equal(said["measured"]["firmware"], {"path": self.bed.firmware, "size": os.path.getsize(self.bed.firmware),
                                               "sha256": sha256(self.bed.firmware), "pin": "release"})
        t.equal((said["measured"]["kernel"]["sha256"], said["measured"]["kernel"]["size"]),
                (sha256(self.uki), os.path.getsize(self.uki)))
        t.equal(said["measurement"]["digest"],
                owner.launch_digest(self.bed.firmware, guestram.hash_table(self.uki)).hex())
        t.equal(said["measurement"]["reported"], said["measurement"]["expected"])
        t.equal(said["measurement"]["verified"], True)

    def guest(self, result):
        said, t = result.json, self.tap
        t.equal(said["guest"], {"type": "sev", "policy": f"0x{POLICY:08x}", "vcpus": 2, "memory_mib": 1024,
                                "policy_flags": ["no-debug", "no-key-sharing", "no-send", "sev", "min-api=0.17"]})
        t.equal({(secret["guid"], secret["bytes"]) for secret in said["secrets"]},
                {(str(emuhost.KEY_GUID), len(read(self.bed.disk_key))), (str(emuhost.PIN_GUID), 40)})
        xml = self.host.virsh("dumpxml", self.bed.name).stdout
        domain = ElementTree.fromstring(xml)
        t.equal((domain.findtext("vcpu"), domain.findtext("memory")), ("2", str(1024 * 1024)))
        t.equal(domain.find("launchSecurity").get("type"), "sev")
        t.equal(domain.find("launchSecurity").get("kernelHashes"), "yes")
        t.equal(int(domain.findtext("launchSecurity/policy"), 16), POLICY)
        self.quiet_about_secrets(xml)

    # -- rehearsals

    def dry_run(self):
        before = self.bed.leftovers()
        result = self.bed.launch("--dry-run")
        self.tap.equal(result.code, 0, result)
        for text in ("dry run", "measured:", sha256(self.uki), sha256(self.bed.firmware), "unproven:"):
            self.tap.true(text in result.out, f"no {text!r}\n{result}")
        self.tap.true("VERIFIED" not in result.out, result)
        document = self.bed.dry_run().json
        self.tap.equal((document["domain"]["uuid"], document["domain"]["running"]), (None, False))
        self.tap.true(document["verdict"] != "verified", document["verdict"])
        self.bed.same_leftovers(before)

    def print_xml(self):
        before = self.bed.leftovers()
        result = self.bed.launch("--print-xml")
        self.tap.equal(result.code, 0, result)
        self.bed.same_leftovers(before)
        self.quiet_about_secrets(result.out)
        path = self.host.write("printed.xml", result.out, 0o644)
        if XML_VALIDATE is None:
            self.tap.note("no virt-xml-validate (libvirt-clients): the XML is only parsed")
        else:
            done = self.bed.run(path, "domain", program=XML_VALIDATE)
            self.tap.equal(done.code, 0, done)
        found = {f["id"] for f in self.bed.run("lint", path, "--json").json["findings"]
                 if f["level"] in ("warn", "insecure", "fail")}
        self.tap.true(found - {"other-build"} in ({"domain-type"}, {"memory-locked"}), found)
        os.unlink(path)
        domain = ElementTree.fromstring(result.out)
        self.tap.equal(domain.findtext("name"), self.bed.name)
        self.tap.equal(domain.find("devices/disk/source").get("file"), self.bed.disk)
        self.tap.equal(domain.find("devices/disk/driver").get("type"), "qcow2")

    # -- guests that are not booted

    def paused(self, *args, changes=None, **more):
        """A verified guest that does not run; its result.  The caller ends it."""
        result = self.bed.launch("--json", "--paused", *args, changes=changes, **more)
        self.tap.equal((result.code, result.reasons), (0, []), result)
        self.tap.equal(result.json["verdict"], "verified")
        self.tap.equal(self.host.state(result.json["domain"]["name"]), "paused")
        return result

    def options(self):
        before = self.bed.leftovers()
        result = self.paused("--vcpus", "1", "--memory", "640", "--network", "none",
                             "--policy", "no-debug,no-key-sharing,sev,min-api=0.24",
                             changes={"name": "another+name_1.0"})
        self.tap.equal(result.json["domain"]["name"], "another+name_1.0")
        self.tap.equal((result.json["guest"]["vcpus"], result.json["guest"]["memory_mib"]), (1, 640))
        self.tap.equal(result.json["guest"]["policy"], "0x18000023")
        xml = ElementTree.fromstring(self.host.virsh("dumpxml", "another+name_1.0").stdout)
        self.tap.equal((xml.findtext("vcpu"), xml.findtext("memory")), ("1", str(640 * 1024)))
        self.tap.equal(xml.findall("devices/interface"), [])
        self.bed.destroy("another+name_1.0")
        self.bed.same_leftovers(before)

    def default_name(self):
        result = self.paused(changes={"name": None})
        name = result.json["domain"]["name"]
        self.tap.true(name.startswith("disk"), f"'{name}' is not the image's name")
        self.bed.destroy(name)

    def extra_secrets(self):
        one, two = uuid.uuid4(), uuid.uuid4()
        path = os.path.join(self.bed.dir, "one")
        with open(path, "wb") as f:
            f.write(b"x" * 333)
        result = self.paused("--secret", f"{one}:{path}", "--secret", f"{two}:-", stdin=b"from standard input")
        self.tap.true({"guid": str(one), "bytes": 333} in result.json["secrets"], result)
        self.tap.true({"guid": str(two), "bytes": 19} in result.json["secrets"], result)
        self.tap.equal(len(result.json["secrets"]), 4)
        self.tap.true("from standard input" not in result.out + result.err, "a secret is said")
        self.bed.destroy()
        os.unlink(path)

    def words(self):
        result = self.bed.launch("--paused")
        self.tap.equal(result.code, 0, result)
        for text in (f"VERIFIED: guest '{self.bed.name}' is paused", "EMULATED (protects nothing)",
                     "judged on the EMULATED host", "secrets: 2 released", "release: disk.qcow2", "unproven:",
                     "memory size", sha256(self.uki), sha256(self.bed.firmware), self.bed.disk, "no-debug,no-key-sharing"):
            self.tap.true(text in result.out, f"no {text!r}\n{result}")
        self.quiet_about_secrets(result.out, result.err)
        self.bed.destroy()

    # -- a paused guest, judged once more by libvirt's own tool, and resumed

    def session_files(self):
        private = self.bed.session_dir()
        result = self.paused("--session-dir", private)
        files = {name: os.path.join(private, f"{self.bed.name}_{name}")
                 for name in ("tik.bin", "tek.bin", "godh.b64", "session.b64")}
        for name, path in files.items():
            self.tap.equal(os.stat(path).st_mode & 0o7777, 0o600, name)
        self.tap.equal(sorted(os.listdir(private)), sorted(os.path.basename(path) for path in files.values()))
        self.tap.equal(base64.b64decode(read(files["godh.b64"])), read(self.bed.cert))
        blob, tik = base64.b64decode(read(files["session.b64"])), read(files["tik.bin"])
        self.tap.equal((len(blob), len(tik), len(read(files["tek.bin"]))), (128, 16, 16))
        said = result.json
        major, _, minor = said["platform"]["api"].partition(".")
        self.tap.equal(said["measurement"]["reported"], owner.mac(
            tik, bytes([4, int(major), int(minor), said["platform"]["build"]]), POLICY.to_bytes(4, "little"),
            bytes.fromhex(said["measurement"]["digest"]), bytes.fromhex(said["measurement"]["nonce"])).hex(),
            "the measurement, computed from the TIK")
        for secret in (tik, read(files["tek.bin"])):
            for text in (secret.hex(), base64.b64encode(secret).decode()):
                self.tap.true(text not in result.out + result.err, "a key of the session is said")
        self.tik = self.host.write("tik.bin", tik)
        self.tek = self.host.write("tek.bin", read(files["tek.bin"]))
        self.wrong = self.host.write("wrong.bin", bytes([tik[0] ^ 1]) + tik[1:])
        shutil.rmtree(private)

    def validate(self, tik):
        done = self.host.exec("env", "PATH=/usr/bin:/bin", VALIDATE, "--tik", tik, "--tek", self.tek, "--insecure",
                              "--connect", self.host.uri, "--domain", self.bed.name, "--firmware", self.bed.firmware,
                              "--kernel", self.uki, check=False)
        return done.returncode, done.stdout + done.stderr

    def validated(self):
        code, text = self.validate(self.tik)
        self.tap.true(code == 0 and "OK: Looks good to me" in text, f"exit {code}: {text}")
        code, text = self.validate(self.wrong)
        self.tap.true(code == 1 and "Measurement does not match" in text, f"exit {code}: {text}")

    def resume(self):
        with emuhost.Console(self.host, self.bed.name) as console:
            self.host.virsh("resume", self.bed.name)
            console.wait_for(launchbed.UNLOCKED)
        self.bed.destroy()

    # -- guests that do not do what is expected

    def silent(self):
        """The domain is left, as the message says; then it is ended."""
        result = self.bed.launch("--json", "--wait", "1")
        self.tap.equal(self.host.state(self.bed.name), "running")
        self.tap.equal((result.json["verdict"], result.json["domain"]["running"]), ("verified", True), result)
        self.bed.destroy()
        return result

    def stopped(self):
        results = []
        thread = threading.Thread(target=lambda: results.append(self.bed.launch("--json")))
        thread.start()
        try:
            emuhost.wait_until(lambda: self.host.state(self.bed.name) == "running" or not thread.is_alive(),
                               "the guest runs")
            self.host.virsh("destroy", self.bed.name, check=False)
        finally:
            thread.join()
        return results[0]


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        launches = Launches(bed, t)
        before = bed.leftovers()
        with t.test("--dry-run does all but the guest, and leaves nothing"):
            launches.dry_run()
        with t.test("--print-xml prints valid XML, and leaves nothing"):
            launches.print_xml()
        result = None
        with t.test("a launch is verified, and its guest opens the disk"):
            result = bed.unlocked()
        if result is not None:
            for name, check in (("--json has every member", launches.document), ("platform", launches.platform),
                                ("what is measured", launches.measured), ("guest and secrets", launches.guest)):
                with t.test(f"the document: {name}"):
                    check(result)
        with t.test("the guest ended, nothing is left"):
            bed.destroy()
            bed.same_leftovers(before)
        for name, check in (("--name, --vcpus, --memory, --network and --policy", launches.options),
                            ("the image names the guest", launches.default_name),
                            ("--secret from a file and from standard input", launches.extra_secrets),
                            ("the words for people", launches.words)):
            with t.test(name):
                check()
        with t.test("--paused and --session-dir: files, 0600, and the measurement again from them"):
            launches.session_files()
        if VALIDATE is None:
            t.note("SKIP no virt-qemu-sev-validate (Debian: libvirt-clients-qemu)")
        else:
            with t.test("virt-qemu-sev-validate verifies the paused guest, and not with another TIK"):
                launches.validated()
        with t.test("resumed by virsh the guest opens the disk"):
            launches.resume()
        for name in ("tik.bin", "tek.bin", "wrong.bin"):
            os.unlink(os.path.join(bed.host.files, name))
        table.row("guest-silent", run=lambda _: launches.silent(), says=[f"'{bed.name}' runs", "left as it is"],
                  again=False)
        table.row("guest-stopped", run=lambda _: launches.stopped(), says=["ended without a word"], again=False)
        table.finish()
        with t.test("nothing is left of all that"):
            bed.same_leftovers(before)
    t.finish()


if __name__ == "__main__":
    main()
