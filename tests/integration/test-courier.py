#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owner and host apart: four small files carry a launch, and nothing else is shared.

The owner has his directory and his own copy of the disk; the host has libvirt, the disk that
runs, and no owner's key."""
import base64
import hashlib
import json
import os
import re
import shutil
import sys

from cryptography.hazmat.primitives import serialization

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

ACCEPTANCE = b"[acceptance]\nformat=1\n[platform]\nroots=trusted\nemulated=yes\n"
tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


class Ceremony:
    """One session.  Each side writes into a folder of its own; carry() is the courier."""

    def __init__(self, bed, t, name):
        self.bed, self.tap, self.name = bed, t, name
        self.after = None
        self.owner, self.host = (os.path.join(bed.dir, f"{side}-{name}") for side in ("owner", "host"))
        for folder in (self.owner, self.host):
            os.mkdir(folder, 0o700)

    def carry(self, name, source, target):
        shutil.copy(os.path.join(source, name), os.path.join(target, name))
        return os.path.join(target, name)

    def at(self, folder, name):
        return os.path.join(folder, name)

    def run(self, *words):
        return self.bed.run(*words, "--json")

    def good(self, result):
        self.tap.equal((result.code, result.reasons), (0, []), result)
        self.tap.equal(result.json["schema"], "sevlaunch.courier/1")
        return result.json

    # -- the five steps

    def platform(self):
        said = self.good(self.run("courier", "platform", "-o", self.at(self.host, "platform"), *self.bed.where()))
        self.carry("platform", self.host, self.owner)
        return said

    def try_prepare(self, *words):
        return self.run(
            "courier", "prepare", "--platform", self.at(self.owner, "platform"), "--owner-cert", self.bed.cert,
            "--image", os.path.join(self.bed.test_disk, "disk.qcow2"), "--name", self.name, "-o",
            self.at(self.owner, "bundle"), *words)

    def prepare(self, *words):
        said = self.good(self.try_prepare(*words))
        self.carry("bundle", self.owner, self.host)
        return said

    def start(self, *words, bundle=None):
        return self.run("run", "--bundle", bundle or self.at(self.host, "bundle"), "--image", self.bed.disk,
                        "--measurement-out", self.at(self.host, "measurement"), *self.bed.where(), *words)

    def launch(self):
        said = self.good(self.start())
        self.carry("measurement", self.host, self.owner)
        return said

    def judge(self, *words, bundle=None, measurement=None):
        return self.run("courier", "judge", "--bundle", bundle or self.at(self.owner, "bundle"), "--measurement",
                        measurement or self.at(self.owner, "measurement"), "--owner-cert", self.bed.cert, "-o",
                        self.at(self.owner, "packet"), *words)

    def judge_and_keep(self, measurement):
        """judge(); what it made of the kept sessions is undone, as a test of leftovers wants it."""
        sessions = os.path.join(self.bed.owner, "sessions")
        shutil.copytree(sessions, self.at(self.bed.tmp, "sessions"))
        result = self.judge(measurement=measurement)
        self.after = self.kept()
        shutil.copytree(self.at(self.bed.tmp, "sessions"), sessions, dirs_exist_ok=True)
        shutil.rmtree(self.at(self.bed.tmp, "sessions"))
        return result

    def seal(self, *words):
        said = self.good(self.judge(*words))
        self.carry("packet", self.owner, self.host)
        return said

    def inject(self, *words, packet=None):
        return self.run("courier", "inject", "--packet", packet or self.at(self.host, "packet"), "--domain", self.name,
                        *self.bed.where(), *words)

    # -- what is there

    def kept(self):
        """Sessions whose keys the owner keeps."""
        folder = os.path.join(self.bed.owner, "sessions")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def manifest(self, path):
        """What a file of evidence says, its report, and what 'evidence verify' makes of it."""
        with open(path, encoding="utf-8") as f:
            file = json.load(f)
        result = self.run("evidence", "verify", path, "--owner", self.bed.owner, "--firmware", self.bed.firmware)
        text = base64.b64decode(file["manifest"])
        return json.loads(text), base64.b64decode(file["report"] or ""), file["report_missing"], result

    def edited(self, name, key, value, side=None):
        """A copy of a file with another value of one key; None: without it."""
        side = side or self.owner
        with open(self.at(side, name), encoding="ascii") as f:
            text = f.read()
        changed = re.sub(rf"^{key}=.*\n", f"{key}={value}\n" if value is not None else "", text, flags=re.M)
        self.tap.true(changed != text, f"{name} has no {key} that differs")
        path = self.at(side, f"{name}.edited")
        with open(path, "w", encoding="ascii") as f:
            f.write(changed)
        return path

    def value(self, name, key, side=None):
        with open(self.at(side or self.owner, name), encoding="ascii") as f:
            return re.search(rf"^{key}=(.*)$", f.read(), re.M).group(1)


def whole(bed, t, table):
    one = Ceremony(bed, t, "one")
    with t.test("host: the platform file; owner: the bundle, and the session's keys are kept"):
        one.platform()
        said = one.prepare()
        t.equal(one.kept(), [said["session"]])
        t.equal((said["step"], said["platform"]["emulated"]), ("prepare", True))
    with t.test("host: the guest is paused, measured, and nobody judged it"):
        said = one.launch()
        t.equal((said["verdict"], said["judged_on"], said["secrets"]), (None, "nowhere", []))
        t.equal((bed.host.state("one"), bed.host.qmp("one", "query-sev")["state"]), ("paused", "launch-secret"))
    with t.test("no file has a secret in it, and each is its writer's alone"):
        with open(bed.disk_key, "rb") as f:
            key = f.read()
        for side in (one.owner, one.host):
            for name in os.listdir(side):
                data = emuhost.read_bytes(one.at(side, name))
                t.true(key not in data and len(data) < 65536, name)
        t.equal([oct(os.stat(one.at(side, name)).st_mode & 0o777) for side, name in (
            (one.host, "platform"), (one.owner, "bundle"), (one.host, "measurement"))], ["0o600"] * 3)
    with t.test("owner: verified on his machine, secrets sealed, the session's keys gone"):
        said = one.seal()
        t.equal((said["verdict"], said["judged_on"], len(said["secrets"])), ("verified", "owner-machine", 2))
        t.equal(one.kept(), [])
    with t.test("... and his evidence has the platform's report for this session and measurement"):
        evidence(one, t, said)
    table.row("courier-judged-twice", run=lambda _: one.judge(), again=False)
    return one


def evidence(one, t, said):
    """Counted from the platform's side: nonce, digest and signature are not taken from the verdict."""
    manifest, report, missing, result = one.manifest(said["evidence"])
    t.equal((missing, len(report)), (None, 208))
    measured = base64.b64decode(one.value("measurement", "report"))
    made = b"sevlaunch report 1\n" + bytes.fromhex(said["session"]) + measured
    t.equal(report[:16], hashlib.sha256(made).digest()[:16], "the report's nonce")
    t.equal(report[16:48].hex(), manifest["measurement"]["digest"])
    t.equal((manifest["verdict"]["result"], manifest["verdict"]["judged_on"]), ("verified", "owner-machine"))
    t.equal((manifest["measurement"]["report_for"], manifest["owner"]["acceptance"]), ("measurement", None))
    t.equal((manifest["domain"], manifest["secrets"]),
            ({"name": "one", "uuid": None, "uri": None, "xml": None},
             [{"guid": one["guid"]} for one in said["secrets"]]))
    # What is in the image the courier does not carry.
    t.equal(manifest["measured"], {"kernel_hashes": True, "uki": True, "uki_cmdline": None, **{
        name: said["measured"][name] for name in ("firmware", "kernel", "initrd", "cmdline")},
        "firmware": {name: said["measured"]["firmware"][name] for name in ("path", "size", "sha256")}})
    t.equal((result.code, result.json["files"][0]["reasons"]), (0, []), result)
    facts = {(fact["standing"], fact["id"]): fact["text"] for fact in result.json["files"][0]["facts"]}
    t.true("for who knew this session and measurement" in facts["proven", "launch"], result)
    t.true(("proven", "files") in facts and ("open", "early-report") in facts, result)
    t.true("on the owner's machine" in facts["said", "verdict"], result)


def unlocks(bed, t, table, one):
    with t.test("host: the packet is injected, the guest unlocks its disk"):
        with emuhost.Console(bed.host, "one") as console:
            said = one.good(one.inject())
            t.true(said["domain"]["running"], said)
            console.wait_for(launchbed.UNLOCKED)
    table.row("courier-packet-replayed", run=lambda _: one.inject(), again=False)
    with t.test("... courier-packet-replayed: the guest runs on"):
        t.equal(bed.host.state("one"), "running")
    bed.host.destroy("one")


def strangers(bed, t, table, one):
    """Files of two sessions, and files that somebody edited to fit."""
    two = Ceremony(bed, t, "two")
    two.platform()
    two.prepare()
    old = one.at(one.owner, "measurement")
    table.row("courier-other-measurement", run=lambda _: two.judge(measurement=old), again=False)
    altered = two.edited("bundle", "policy", "0x00000000", two.host)
    kept = two.kept()
    table.row("courier-allows-debug", run=lambda _: two.try_prepare("--policy", "none"), says=["--accept-debug"], again=False)
    table.row("courier-bare-hex", run=lambda _: two.try_prepare("--policy", "3d"), says=["0x3d"], again=False)
    with t.test("... and no session was made"):
        t.equal(two.kept(), kept)
    table.row("courier-edited-policy", run=lambda _: two.start(bundle=altered), again=False)
    table.row("courier-other-boot", run=lambda _: two.start("--kernel", os.path.join(bed.test_disk, "kernel")),
              again=False)
    table.row("courier-owner-on-host", run=lambda _: two.start("--owner-cert", bed.cert), again=False)
    garbage = two.edited("bundle", "format", "9", two.host)
    table.row("courier-file-of-another-format", run=lambda _: two.start(bundle=garbage), again=False)
    two.launch()
    packet = one.at(one.host, "packet")
    table.row("courier-other-packet", run=lambda _: two.inject(packet=packet), again=False)
    forged = one.edited("packet", "session", two.value("bundle", "session"), one.host)
    with open(forged, encoding="ascii") as f:
        text = f.read()
    with open(forged, "w", encoding="ascii") as f:
        f.write(text.replace(one.value("packet", "report"), two.value("measurement", "report")))
    table.row("courier-forged-packet", run=lambda _: two.inject(packet=forged), again=False,
              says=["the packet was changed, or is for another launch"])
    with t.test("... none of these ended or started the guest, and its owner can still judge it"):
        t.equal((bed.host.state("two"), len(two.kept())), ("paused", 1))
    # The last words of this session.
    edited = two.edited("bundle", "policy", "0x00000000")
    table.row("courier-edited-bundle", run=lambda _: two.judge(bundle=edited), again=False)
    forged = one.edited("measurement", "session", two.value("bundle", "session"))
    table.row("courier-forged-measurement", run=lambda _: two.judge_and_keep(forged), again=False,
              known=("measurement-replayed",))
    with t.test("... and the session's keys are gone with that verdict"):
        t.equal(two.after, [])
    with t.test("--destroy ends the guest that the packet does not fit"):
        t.equal((two.inject("--destroy", packet=packet).code, bed.host.state("two")), (4, "gone"))


def explained(bed, t, table, one):
    """A host that says another build; the session's last words, so its evidence says refused."""
    three = Ceremony(bed, t, "three")
    three.platform()
    three.prepare()
    three.launch()
    # What the platform signed is what the owner needs to convince others; it decides nothing.
    sent = three.value("measurement", "attestation")
    without = three.edited("measurement", "attestation", None)
    table.row("courier-no-report", run=lambda _: three.judge("--require-evidence", measurement=without), again=False)
    flipped = bytearray(base64.b64decode(sent))
    flipped[20] ^= 1
    for name, report in (("courier-altered-report", bytes(flipped)), ("courier-other-report", base64.b64decode(
            one.value("measurement", "attestation")))):
        forged = three.edited("measurement", "attestation", base64.b64encode(report).decode())
        table.row(name, run=lambda _, forged=forged: three.judge("--require-evidence", measurement=forged), again=False)
    with t.test("... and the session can still be judged: a wrong build is refused, and named"):
        t.true(three.value("bundle", "session") in three.kept(), three.kept())
        wrong = int(three.value("measurement", "build")) ^ 1
        result = three.judge(measurement=three.edited("measurement", "build", str(wrong)))
        t.equal((result.code, result.reasons), (1, ["measurement-mismatch"]), result)
        t.true(re.search(r"^sevlaunch: why: .*build", result.err, re.M), result)
        causes = [cause["id"] for cause in result.json["why"]["explanations"][0]]
        t.equal(causes, ["build-differs"], result)
        manifest, report, _, checked = three.manifest(result.json["evidence"])
        t.equal((manifest["verdict"]["result"], manifest["secrets"], len(report)), ("refused", [], 208))
        t.equal(checked.json["files"][0]["reasons"], [], checked)
    bed.host.destroy("three")


def ephemeral(bed, t):
    """A key for this launch only: the platform takes its session, and the owner's own is not in it."""
    four = Ceremony(bed, t, "four")
    with t.test("prepare --ephemeral: another certificate in the bundle; judged, injected, and its key is gone"):
        four.platform()
        four.prepare("--ephemeral")
        own = base64.b64encode(emuhost.read_bytes(bed.cert)).decode()
        t.true(four.value("bundle", "owner-cert") != own, "the owner's certificate is in the bundle")
        session = os.path.join(bed.owner, "sessions", four.value("bundle", "session"))
        key = serialization.load_pem_private_key(emuhost.read_bytes(os.path.join(session, "key")), None)
        public = key.public_key().public_numbers()
        cert = owner.cert_public_key(base64.b64decode(four.value("bundle", "owner-cert"))).public_numbers()
        t.equal((public.x, public.y), (cert.x, cert.y), "what is kept is the key of the bundle's certificate")
        four.launch()
        with launchbed.there(os.path.join(bed.dir, "strict.conf"), ACCEPTANCE) as path:
            said = four.seal("--acceptance", path)
        t.equal((said["verdict"], os.path.exists(session)), ("verified", False))
        manifest, _, _, checked = four.manifest(said["evidence"])
        t.equal(manifest["owner"]["acceptance"], {"name": "strict.conf", "sha256": hashlib.sha256(ACCEPTANCE).hexdigest()})
        t.equal(manifest["owner"]["certificate"], four.value("bundle", "owner-cert"))
        t.equal((checked.code, checked.json["files"][0]["reasons"]), (0, []), checked)
        t.true(not any("session" in text for text in said["unproven"]), said["unproven"])
        four.good(four.inject("--paused"))
    bed.host.destroy("four")


def rotated(bed, t, table):
    """The owner's key is renewed while a session waits."""
    five = Ceremony(bed, t, "five")
    five.platform()
    five.prepare()
    five.launch()
    said = bed.must("owner-init", "--rotate", "--keep-old", bed.owner, "--json").json
    t.equal(said["sessions_given_up"], 0)
    table.row("courier-renewed-kept", run=lambda _: five.judge(), says=["--keep-old"], again=False)
    with t.test("... and with the old pair, which was kept, it is verified"):
        result = five.judge("--owner-cert", os.path.join(bed.owner, said["kept"] + ".cert"))
        t.equal((result.code, result.json["verdict"]), (0, "verified"), result)
    bed.host.destroy("five")
    six = Ceremony(bed, t, "six")
    six.platform()
    six.prepare()
    with open(five.at(five.owner, "measurement"), encoding="ascii") as f:
        text = f.read().replace(five.value("bundle", "session"), six.value("bundle", "session"))
    with open(six.at(six.owner, "measurement"), "w", encoding="ascii") as f:
        f.write(text)
    with t.test("a platform of a root that is trusted no more: refused, with evidence that others can read"):
        with launchbed.away(os.path.join(bed.owner, "trusted-roots")):
            result = six.judge()
        t.equal((result.code, result.reasons), (1, ["chain-root-untrusted"]), result)
        manifest, report, missing, checked = six.manifest(result.json["evidence"])
        t.equal((manifest["verdict"]["result"], len(report)), ("refused", 0))
        t.true("before the host's report was looked at" in missing, missing)
        t.equal(checked.json["files"][0]["reasons"], [], checked)
    with t.test("owner-init --rotate gives up the sessions that wait, and says how many"):
        before = len(six.kept())
        t.true(six.value("bundle", "session") in six.kept(), six.kept())
        said = bed.must("owner-init", "--rotate", bed.owner, "--json").json
        t.equal((said["sessions_given_up"], six.kept()), (before, []))
    table.row("courier-renewed", run=lambda _: six.judge(), says=["owner-init --rotate"], again=False)


def processors(bed, t):
    """SEV-ES: the owner says which processors, the host makes them so."""
    ceremony = Ceremony(bed, t, "cpus")
    with t.test("SEV-ES by courier: verified, with the processors of the bundle; --paused"):
        ceremony.platform()
        ceremony.prepare("--policy", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17", "--vcpus", "3")
        ceremony.launch()
        with launchbed.there(os.path.join(bed.owner, "acceptance"), ACCEPTANCE, bits=0o600):
            said = ceremony.seal()
        t.equal(said["verdict"], "verified")
        manifest, report, _, result = ceremony.manifest(said["evidence"])
        t.equal((manifest["guest"]["type"], manifest["guest"]["vcpus"], len(report)), ("sev-es", 3, 208))
        t.equal(manifest["owner"]["acceptance"]["name"], "acceptance")
        shown = bed.must("evidence", "show", said["evidence"]).out
        t.true(f"sha256:{hashlib.sha256(ACCEPTANCE).hexdigest()} acceptance" in shown, shown)
        t.equal((result.code, result.json["files"][0]["reasons"]), (0, []), result)
        said = ceremony.good(ceremony.inject("--paused"))
        t.equal((said["domain"]["running"], bed.host.state("cpus")), (False, "paused"))
    bed.host.destroy("cpus")
    with t.test("evidence list: numbered and chained, the courier's with the others"):
        result = bed.run("evidence", "list", bed.owner, "--json")
        t.equal((result.code, result.json["reasons"]), (0, []), result)
        t.true(all(file["signed"] and file["judged_on"] == "owner-machine" for file in result.json["files"]), result)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        one = whole(bed, t, table)
        unlocks(bed, t, table, one)
        strangers(bed, t, table, one)
        explained(bed, t, table, one)
        ephemeral(bed, t)
        rotated(bed, t, table)
        processors(bed, t)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
