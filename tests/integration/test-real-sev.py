#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launch as on a real host: unmodified libvirt and QEMU, with QEMU's own sev.c.

XML, properties, base64 files, QMP and error texts are the real ones; the kernel's SEV is
played (tests/lib/rehearsal.py), and nothing runs.  Needs KVM, as root or not.
"""
import base64
import hashlib
import json
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import rehearsal  # noqa: E402
import tap  # noqa: E402
from emuhost import read_bytes  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK", "SEVLAUNCH_BUILD")
NAME = "real"
# KVM_SEV_INIT, LAUNCH_START, LAUNCH_UPDATE_DATA of firmware and hash table, LAUNCH_MEASURE,
# LAUNCH_SECRET (linux/kvm.h), each with status 0.
COMMANDS = ["0 0", "2 0", "3 0", "3 0", "6 0", "5 0"]
SECRET_AREA, SECRET_SIZE = 0x810000, 0xc00
# The same with SEV-ES: INIT of its own, and LAUNCH_UPDATE_VMSA for each of two processors.
COMMANDS_ES = ["1 0", "2 0", "3 0", "3 0", "4 0", "4 0", "6 0", "5 0"]
ES = ("--policy", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17", "--vcpus", "2")
TABLE_GUID = bytes.fromhex("42f5741edd71664d963eef4287ff173b")  # 1e74f542-71dd-4d66-963e-ef4287ff173b


class Owner:
    """Runs sevlaunch as the user whose libvirt this is."""

    def __init__(self, bed, real):
        self.bed, self.real = bed, real
        self.dir = os.path.join(bed.host.files, "owner")
        self.cert = os.path.join(self.dir, "pdh.cert")
        self.sessions = os.path.join(bed.host.files, "sessions")
        os.mkdir(self.sessions, 0o700)
        bed.host.give(self.sessions)
        key = bed.copy(bed.disk_key, "disk.key")
        self.key = read_bytes(key)
        certs = os.path.join(bed.host.path, "certs")
        self.cek = os.path.join(certs, "cek.cert")
        self.ca = bed.host.write("ca", read_bytes(f"{certs}/ask.cert") + read_bytes(f"{certs}/ark.cert"))
        self.must("owner-init", self.dir)
        self.must("emulator", "trust", "--owner", self.dir, "--emulated-host", bed.host.path)
        self.must("release", "create", "--image", bed.disk, "--owner-cert", self.cert, "--secret", f"luks-key:{key}")

    def must(self, *args):
        return self.bed.must(*args, as_user=True)

    def launch(self, *args):
        return self.bed.run("run", "--connect", self.real.uri, "--image", self.bed.disk, "--owner-cert", self.cert,
                            "--cek", self.cek, "--ca", self.ca, "--name", NAME, "--paused", "--json", *args,
                            as_user=True)


def qmp(real, command):
    return json.loads(real.virsh("qemu-monitor-command", NAME, json.dumps({"execute": command})))["return"]


def element(text, name):
    return text.partition(f"<{name}>")[2].partition("<")[0]


def verified(t, real, owner):
    with t.test("libvirt learns of SEV from QEMU, and of the platform's certificates"):
        features = real.virsh("domcapabilities", "--virttype", "kvm")
        t.true("<sev supported='yes'>" in features, features)
        t.equal(base64.b64decode(real.virsh("nodesevinfo").split("pdh")[1].split(":")[1].split()[0]),
                read_bytes(f"{owner.bed.host.path}/certs/pdh.cert"))
    done = owner.launch("--session-dir", owner.sessions)
    with t.test("a launch is verified, its secrets are injected, and the guest stays paused"):
        t.equal(done.code, 0, done)
        t.equal((done.json["verdict"], done.json["reasons"], len(done.json["secrets"])), ("verified", [], 2), done)
        t.equal(real.virsh("domstate", NAME).strip(), "paused")
        t.equal(done.json["platform"]["kind"], "emulated", "the root decides, not the place")
    with t.test("KVM was asked for what a launch is made of, in order"):
        t.equal(real.said().split("\n")[1:-1], COMMANDS)
    with t.test("what QEMU says of the guest is what was judged"):
        said, measure = qmp(real, "query-sev"), base64.b64decode(qmp(real, "query-sev-launch-measure")["data"])
        t.equal((said["enabled"], said["state"], f"0x{said['policy']:08x}"),
                (True, "launch-secret", done.json["guest"]["policy"]), said)
        t.equal((measure[:32].hex(), measure[32:].hex()),
                (done.json["measurement"]["reported"], done.json["measurement"]["nonce"]))
    return done


def unchanged(t, real, owner):
    with t.test("certificate and session reached QEMU as the owner made them"):
        files = f"{real.path}/c/libvirt/qemu/lib/domain-1-{NAME}"
        session = [name for name in os.listdir(owner.sessions) if name.endswith("_session.b64")]
        t.equal(len(session), 1, session)
        given = base64.b64decode(read_bytes(f"{owner.sessions}/{session[0]}"))
        t.equal(len(given), 128)
        t.equal(base64.b64decode(read_bytes(f"{files}/session.base64")), given)
        t.equal(base64.b64decode(read_bytes(f"{files}/dh_cert.base64")), read_bytes(owner.cert))
    with t.test("QEMU got kernel hashes, policy and the measured firmware"):
        log = read_bytes(f"{real.path}/cache/libvirt/qemu/log/{NAME}.log").decode()
        t.true('"qom-type":"sev-guest"' in log and '"kernel-hashes":true' in log, log)
        xml = real.virsh("dumpxml", NAME)
        policy = int(element(xml, "policy"), 16)
        t.true(f'"policy":{policy}' in log, log)
        t.true(owner.bed.firmware in log, log)
    with t.test("the secret lies in the secret area of the guest's memory"):
        path = os.path.join(owner.bed.host.files, "area")
        line = f'pmemsave {SECRET_AREA} {SECRET_SIZE} "{path}"'
        real.virsh("qemu-monitor-command", "--hmp", NAME, line)
        area = read_bytes(path)
        os.unlink(path)
        t.equal((len(area), area[:16]), (SECRET_SIZE, TABLE_GUID))
        t.true(owner.key in area, "the disk's key is not in it")


def looked_at(t, real, owner):
    with t.test("lint of the domain as libvirt has it: only what session mode lacks"):
        done = owner.bed.run("lint", "-c", real.uri, NAME, "--json", as_user=True)
        t.equal(done.code, 0, done)
        t.equal([f["id"] for f in done.json["findings"]], ["policy-no-es", "memory-locked"], done)
    with t.test("doctor hears from libvirt that there is SEV"):
        done = owner.bed.run("doctor", "-c", real.uri, "--json", as_user=True)
        levels = {check["id"]: check["level"] for check in done.json["checks"]}
        t.equal((levels["libvirt"], levels["libvirt-version"], levels["qemu-version"]), ("ok", "ok", "ok"), done)
        # A processor with SEV of its own has another C-bit than what QEMU was told here.
        t.true(levels["libvirt-sev"] == "ok" or levels["cpu"] == "ok", done)


def processors(t, real, owner):
    """Their first registers are what QEMU gave to KVM, not what sevlaunch expects."""
    with t.test("SEV-ES: two processors as QEMU sets them up are those that were expected"):
        real.virsh("destroy", NAME)
        before = len(real.said().split("\n"))
        done = owner.launch(*ES)
        t.equal((done.code, done.json["verdict"]), (0, "verified"), done)
        t.equal(done.json["measured"]["vcpus"], {"count": 2, "cpu_model": "EPYC", "signature": "0x00800f12",
                                                 "vmsa": "legacy", "sev_features": 0})
        t.equal(real.said().split("\n")[before - 1:-1], COMMANDS_ES)


def swapped(t, real, owner):
    with t.test("a host that gives QEMU other firmware: not verified, and nothing is left"):
        real.virsh("destroy", NAME)
        image = bytearray(read_bytes(owner.bed.firmware))
        image[100000] ^= 1
        with open(f"{real.path}/other.fd", "wb") as f:
            f.write(image)
        owner.bed.host.give(f"{real.path}/other.fd")
        done = owner.launch()
        os.unlink(f"{real.path}/other.fd")
        t.equal((done.code, done.reasons, done.json["measurement"]["verified"], done.json["secrets"]),
                (1, ["measurement-mismatch"], False, []), done)
        t.equal(real.virsh("list", "--all", "--name").split(), [])
        again = owner.launch()
        t.equal((again.code, again.json["verdict"]), (0, "verified"), again)


def refused(t, real, owner):
    """libvirt keeps what it learned of the platform; the platform has another key by now."""
    with t.test("a session for a PDH that is gone: the platform refuses it, with QEMU's words"):
        real.virsh("destroy", NAME)
        before = hashlib.sha256(read_bytes(f"{owner.bed.host.path}/certs/pdh.cert")).digest()
        owner.must("platform", "pdh-gen", "--platform", "emulated", "--emulated-host", owner.bed.host.path)
        t.true(hashlib.sha256(read_bytes(f"{owner.bed.host.path}/certs/pdh.cert")).digest() != before, "same PDH")
        done = owner.launch()
        t.equal((done.code, done.reasons), (1, ["platform-refused"]), done)
        t.true("LAUNCH_START" in done.err and "fw_error=" in done.err, done)
        t.equal(real.virsh("list", "--all", "--name").split(), [])


def main():
    t = tap.Tap()
    if not os.access(rehearsal.KVM, os.R_OK | os.W_OK):
        tap.skip_all(f"{rehearsal.KVM} cannot be opened by this user (is there KVM, and who is in its group?)")
    with launchbed.Bed(release=False) as bed:
        try:
            with rehearsal.Rehearsal(bed.host) as real:
                owner = Owner(bed, real)
                verified(t, real, owner)
                unchanged(t, real, owner)
                looked_at(t, real, owner)
                processors(t, real, owner)
                swapped(t, real, owner)
                refused(t, real, owner)
        except rehearsal.Unavailable as error:
            tap.skip_all(str(error))
    t.finish()


main()
