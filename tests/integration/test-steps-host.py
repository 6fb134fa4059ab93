#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""session, verify, secret and inject on a guest that virsh started, with libvirt's
virt-qemu-sev-validate beside them: each takes what the other made."""
import base64
import configparser
import os
import shutil
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")


class Steps:
    """The owner's directory and files; the host's user reads what goes to the host."""

    def __init__(self, host):
        self.host = host
        self.program = os.path.join(os.environ["SEVLAUNCH_PREFIX"], "bin", "sevlaunch")
        self.dir = tempfile.mkdtemp(prefix="steps-", dir="/tmp")
        self.owner = os.path.join(self.dir, "owner")
        self.guest = emuhost.SevGuest(host, "steps")
        self.secrets = self.disk_secrets()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, *words):
        done = subprocess.run([self.program, *words], capture_output=True, check=False, timeout=120,
                                        cwd="/", stdin=subprocess.DEVNULL)
        return launchbed.result_of(words, done.returncode, done.stdout, done.stderr)

    def must(self, *words):
        result = self.run(*words)
        if result.code != 0:
            raise tap.Failure(str(result))
        return result

    def file(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.file(name), "wb") as f:
            f.write(data)
        return self.file(name)

    def session(self):
        """A session by sevlaunch, as owner.py's kind of one; its DH key is a fresh one."""
        self.must("owner-init", self.owner)
        self.host.sevlaunch("trust", "--owner", self.owner)
        os.mkdir(self.file("platform"))
        for name in ("pdh", "pek", "oca", "cek", "ask", "ark"):
            self.write(f"platform/{name}.cert", self.host.certificate(name))
        self.must("session", "--platform-cert", self.file("platform"), "--policy", hex(self.guest.POLICY),
                  "--owner-cert", f"{self.owner}/pdh.cert", "--out-dir", self.file("s"), "--name", "g", "--ephemeral")
        made = owner.Session.__new__(owner.Session)
        made.policy = self.guest.POLICY
        made.tik, made.tek = (emuhost.read_bytes(self.file(f"s/g_{key}.bin")) for key in ("tik", "tek"))
        made.blob, made.cert = (base64.b64decode(emuhost.read_bytes(self.file(f"s/g_{part}.b64")))
                                for part in ("session", "godh"))
        self.guest.session = made

    def keys(self):
        return ["--tik", self.file("s/g_tik.bin"), "--tek", self.file("s/g_tek.bin")]

    def report(self, said):
        return ["--measurement", said["sev-measurement"], "--api", f"{said['sev-api-major']}.{said['sev-api-minor']}",
                "--build", said["sev-build-id"], "--policy", hex(self.guest.POLICY)]

    def verify(self, said, *more):
        return self.run("verify", *self.keys(), *self.report(said), "--firmware", self.guest.firmware, *more)

    def validate(self, said, *more):
        words = [VALIDATE, *self.keys(), "--measurement", said["sev-measurement"], "--firmware", self.guest.firmware,
                 "--api-major", said["sev-api-major"], "--api-minor", said["sev-api-minor"],
                 "--build-id", said["sev-build-id"], "--policy", str(self.guest.POLICY),
                 "--kernel", self.guest.kernel, *more]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60,
                                        env=dict(os.environ, PATH="/usr/bin:/bin"))

    def disk_secrets(self):
        """--secret words that unlock the test disk; read with the disk, which another run of the
        tests may make anew."""
        folder = os.environ["SEVLAUNCH_TEST_DISK"]
        conf = configparser.ConfigParser()
        conf.read(os.path.join(folder, "disk.manifest"))
        disk = conf["disk"]
        pin = bytes.fromhex(disk["luks-header-sha256"]) + struct.pack("<Q", int(disk["luks-header-length"]))
        key = self.write("disk.key", emuhost.read_bytes(os.path.join(folder, disk["key-file"])))
        return ["--secret", f"luks-key:{key}", "--secret", f"luks-header:{self.write('pin', pin)}"]

    def inject(self, header, payload, *more):
        return self.run("inject", "--domain", self.guest.name, "--connect", self.host.uri, "--header", header,
                        "--payload", payload, *more)


def judged(steps, t, said):
    kernel = ["--kernel", steps.guest.kernel]
    with t.test("verify says yes, and no to another kernel"):
        t.equal(steps.verify(said, *kernel).code, 0)
        result = steps.verify(said, "--kernel", steps.guest.firmware)
        t.equal((result.code, launchbed.reason(result)), (1, ["measurement-mismatch"]), result)
    if VALIDATE is None:
        tap.Tap.note("no virt-qemu-sev-validate (Debian: libvirt-clients-qemu): not asked")
        return
    with t.test("virt-qemu-sev-validate says yes to the same files"):
        done = steps.validate(said)
        t.equal(done.returncode, 0, done.stderr)
    with t.test("its packet is taken by inject; one bit changed, the platform refuses it"):
        packet = [steps.file("their-header"), steps.file("their-payload")]
        done = steps.validate(said, "--inject-secret", f"luks-key:{steps.write('key', b'0123456789abcdef')}",
                              "--secret-header", packet[0], "--secret-payload", packet[1])
        t.equal(done.returncode, 0, done.stderr)
        result = steps.inject(*packet)
        t.equal(result.code, 0, result)
        header = bytearray(base64.b64decode(emuhost.read_bytes(packet[0])))
        header[30] ^= 1
        result = steps.inject(steps.write("bad-header", bytes(header)), packet[1])
        t.equal((result.code, launchbed.reason(result)), (1, ["platform-refused"]), result)
        t.true("the packet was changed, or is for another launch" in result.err, result)
        t.equal(steps.host.state(steps.guest.name), "paused")


def injected(steps, t, said):
    packet = [steps.file("header"), steps.file("payload")]
    with t.test("secret packs for the verified launch; inject and resume: the guest unlocks its disk"):
        steps.must("secret", *steps.keys(), *steps.report(said), "--firmware", steps.guest.firmware,
                   "--kernel", steps.guest.kernel, *steps.secrets, "--out-header", packet[0],
                   "--out-payload", packet[1])
        with emuhost.Console(steps.host, steps.guest.name) as console:
            result = steps.inject(*packet, "--resume", "--json")
            t.equal((result.code, result.json and result.json["resumed"]), (0, True), result)
            console.wait_for(emuhost.UNLOCKED)
    with t.test("a guest that runs gets no packet, and runs on"):
        result = steps.inject(*packet)
        t.equal((result.code, launchbed.reason(result)), (5, ["domain-state"]), result)
        t.equal(steps.host.state(steps.guest.name), "running")
    with t.test("nor one that is not there"):
        result = steps.run("inject", "--domain", "nobody", "--connect", steps.host.uri, "--header", packet[0],
                           "--payload", packet[1])
        t.equal((result.code, launchbed.reason(result)), (5, ["domain-state"]), result)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host, Steps(host) as steps:
        with t.test("the platform takes a session of sevlaunch"):
            steps.session()
            steps.guest.start()
            said = steps.guest.judge()
        judged(steps, t, said)
        injected(steps, t, said)
    t.finish()


main()
