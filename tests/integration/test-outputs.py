#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where results go: a full device as standard output ends every command with 6, and an output
file takes the place of a regular file and of nothing else."""
import base64
import contextlib
import json
import os
import pathlib
import stat
import struct
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
import helptext  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
FULL = "cannot write to standard output: No space left on device [host-io]"
# Where the error came before the last of it, the C library no longer knows which it was.
PART = "cannot write to standard output: a part of it was lost [host-io]"
API, BUILD, POLICY = (0, 24), 10, 0x1
# Commands that have no row below, and why.
ELSEWHERE = {
    "attach": "needs a guest without libvirt; reports as run does",
    "courier inject": "needs the owner's packet; reports as courier judge does",
    "courier judge": "needs a measurement; reports as run does",
    "emulator destroy": "would take the host away; prints as emulator status does",
    "emulator exec": "prints nothing itself",
    "inject": "needs a packet; prints as secret does",
    "platform import": "needs an owner's signature; prints as platform reset does",
}


class Commands:
    def __init__(self, bed, t):
        self.bed, self.tap = bed, t
        self.tik, self.tek = self.file("tik", os.urandom(16)), self.file("tek", os.urandom(16))
        boot = ["--firmware", bed.firmware, "--policy", hex(POLICY)]
        digest = bytes.fromhex(json.loads(bed.must("measure", *boot, "--json").out)["digest"])
        nonce = os.urandom(16)
        made = owner.mac(self.read("tik"), bytes([4, *API, BUILD]), struct.pack("<I", POLICY), digest, nonce)
        self.measurement = base64.b64encode(made + nonce).decode()
        self.judged = [*boot, "--measurement", self.measurement, "--tik", self.tik,
                       "--api", f"{API[0]}.{API[1]}", "--build", str(BUILD)]
        self.evidence = bed.released().json["evidence"]
        bed.destroy()
        self.number = 0

    def path(self, name):
        return os.path.join(self.bed.dir, name)

    def file(self, name, data):
        pathlib.Path(self.path(name)).write_bytes(data)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def read(self, name):
        return pathlib.Path(self.path(name)).read_bytes()

    def new(self):
        self.number += 1
        return self.path(f"new-{self.number}")

    def secret(self, header=None, payload=None):
        return ["secret", "--tik", self.tik, "--tek", self.tek, "--measurement", self.measurement, "--secret",
                f"luks-key:{self.bed.disk_key}", "--out-header", header or self.new(), "--out-payload",
                payload or self.new()]

    def report(self, html):
        return ["evidence", "report", self.evidence, "--owner", self.bed.owner, "--html", html]

    def rows(self):
        """Every command with a result, as one that ends with 0."""
        bed, host = self.bed, self.bed.where()
        certs = os.path.join(bed.host.path, "certs")
        trust = ["--owner", bed.owner]
        platform = self.new()
        bed.must("courier", "platform", "-o", platform, *host)
        domain = self.file("domain.xml", bed.must(*bed.arguments(), "--print-xml").out.encode())
        return [
            ["--version"], ["--help"], ["emulator", "--help"],
            ["run", *bed.arguments(), "--dry-run"], ["run", *bed.arguments(), "--print-xml"],
            ["run", *bed.arguments(), "--dry-run", "--json"],
            ["owner-init", self.new()],
            ["release", "create", "--image", bed.disk, "--owner-cert", bed.cert, "--replace", "--secret",
             f"luks-key:{bed.disk_key}"],
            ["measure", *self.judged[:4]], ["measure", *self.judged[:4], "--json"],
            ["verify", *self.judged], ["why", *self.judged],
            ["session", "--platform-cert", certs, "--policy", "0x1100002b", "--owner-cert", bed.cert, "--out-dir",
             bed.session_dir(), "--name", "one"],
            [*self.secret(), "--json"],
            ["verify-platform", str(TOP / "tests/vectors/certs/rome-ok")],
            ["courier", "platform", "-o", self.new(), *host],
            ["courier", "prepare", "--platform", platform, "--owner-cert", bed.cert, "--image", bed.disk, "--name",
             "away", "-o", self.new()],
            ["evidence", "verify", self.evidence, *trust], ["evidence", "show", self.evidence],
            ["evidence", "list", bed.owner], self.report("-"), self.report(self.new()),
            [*self.report(self.new()), "--json"],
            ["emulator", "create", "--if-missing", "--json", *host], ["emulator", "status", *host], ["emulator", "trust", *trust, *host],
            ["platform", "status", *host], ["platform", "id", *host], ["platform", "verify", "--platform", "emulated", *host],
            ["platform", "export", "-", *host],
            ["platform", "csr", "--dir", bed.dir, "--json", *host],
            ["platform", "pdh-gen", "--json", *host], ["platform", "pek-gen", "--yes", "--json", *host],
            ["platform", "reset", "--yes", "--json", *host],
            ["firmware", "show", bed.firmware], ["firmware", "--all"], ["firmware", "trust", bed.firmware, *trust],
            ["policy", "explain", "0x3d"], ["policy", "list"], ["policy", "list", "--json"],
            ["policy", "check", self.file("acceptance", b"[acceptance]\nformat=1\n")],
            ["doctor", "--platform", "emulated"], ["lint", domain]]

    def full(self, words):
        with open("/dev/full", "wb") as device:
            return subprocess.run([self.bed.program, *words], cwd="/", env=self.bed.environment(),
                                  stdin=subprocess.DEVNULL, stdout=device, stderr=subprocess.PIPE, check=False,
                                  timeout=launchbed.TIMEOUT)

    def check_full(self):
        commands = set(helptext.commands(self.bed.program))
        with self.tap.test("standard output that is full: 6 and a message from every command that prints"):
            rows, seen, wrong = self.rows(), set(), []
            for words in rows:
                two = " ".join(words[:2])
                seen |= {two, words[0], "firmware show" if words[0] == "firmware" and words[1][0] == "-" else ""}
                again = [self.new() if word.startswith(self.path("new-")) and "--platform" not in words else word
                         for word in words]
                again = [word if word != "one" else "two" for word in again]
                done = self.bed.run(*words)
                wrong += [] if done.code == 0 and done.out else [str(done)]
                done = self.full(again)
                said = done.stderr.decode()
                wrong += [] if done.returncode == 6 and (FULL in said or PART in said) else [str(done)]
            self.tap.equal(wrong, [])
            self.tap.equal(commands - seen, set(ELSEWHERE), "commands without a row")
        with self.tap.test("... also from each --help, and a refusal keeps its own code"):
            for name in commands:
                done = self.full([*name.split(), "--help"])
                self.tap.true(done.returncode == 6 and "cannot write to standard output" in done.stderr.decode(),
                              f"{name}: {done}")
            changed = [str(BUILD + 1) if word == str(BUILD) else word for word in self.judged]
            for words, code, said in ((["verify", *changed, "--json"], 1, "measurement-mismatch"),
                                      (["lint", self.path("none.xml"), "--json"], 4, "file-unreadable")):
                done = self.full(words)
                self.tap.equal(done.returncode, code, done)
                self.tap.true(said in done.stderr.decode() and FULL in done.stderr.decode(), done)

    # -- files

    @contextlib.contextmanager
    def no_file(self, kind):
        path = self.new()
        if kind == "link":
            os.symlink(self.file("file", b"old"), path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # as /dev/null
        else:
            os.mkfifo(path)
        yield path
        self.tap.true(not stat.S_ISREG(os.lstat(path).st_mode), f"a file took the place of the {kind}")
        os.unlink(path)

    def check_files(self):
        host = self.bed.where()
        doctor = ["doctor", "--platform", "emulated", "--report"]
        away = ["--emulated-host", self.bed.host.path]
        kinds = ["link", "fifo", *(["device"] if os.geteuid() == 0 else [])]
        refused = {
            "evidence report": (self.report, ["link"]),
            "doctor": (lambda path: [*doctor, path], ["link"]),
            "platform export": (lambda path: ["platform", "export", path, *host], ["link"]),
            "secret": (lambda path: self.secret(header=path), kinds),
            "secret's payload": (lambda path: self.secret(payload=path), kinds),
            "courier platform": (lambda path: ["courier", "platform", "-o", path, *away], kinds),
        }
        for what, (words, wrong) in refused.items():
            with self.tap.test(f"{what} replaces a file, and none of: {', '.join(wrong)}"):
                good = self.file("good", b"old")
                self.bed.must(*words(good))
                self.tap.true(self.read("good") not in (b"old", b""), "nothing was written")
                for kind in wrong:
                    with self.no_file(kind) as path:
                        before = set(os.listdir(self.bed.dir))
                        done = self.bed.run(*words(path), "--json")
                        self.tap.equal((done.code, done.reasons), (4, ["output-type"]), done)
                        self.tap.equal(set(os.listdir(self.bed.dir)), before, "left behind")
                self.tap.true(not os.path.exists(self.path("file")) or self.read("file") == b"old", "through the link")
        written = {"evidence report": (self.report, b"<!DOCTYPE html>"), "doctor": (lambda p: [*doctor, p], b"{"),
                   "platform export": (lambda p: ["platform", "export", p, *host], b"\x01\0\0\0")}
        for what, (words, start) in written.items():
            with self.tap.test(f"{what} writes into a pipe, and to standard output by each of its names"):
                with self.no_file("fifo") as path, subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:
                    try:
                        self.bed.must(*words(path))
                        self.tap.true(reader.stdout.read().startswith(start), "another text")
                    finally:
                        reader.kill()
                for name in ("-", "/dev/stdout", "/dev/fd/1"):
                    done = subprocess.run([self.bed.program, *words(name)], cwd="/", env=self.bed.environment(),
                                          capture_output=True, check=False, timeout=launchbed.TIMEOUT)
                    self.tap.true(done.returncode == 0 and done.stdout.startswith(start), f"{name}: {done}")
                    self.tap.true(b"wrote " not in done.stdout and b"stands in" not in done.stdout, done)
                    done = self.bed.run(*words(name), "--json")
                    self.tap.equal((done.code, done.reasons), (2, ["usage"]), done)

    def check_packet(self):
        os.makedirs(self.path("folder"), exist_ok=True)
        with self.tap.test("secret: header and payload in one file are refused, however it is spelled"):
            self.bed.must(*self.secret(self.path("a"), self.path("b")))
            for header, payload in (("c", "c"), ("c", "folder/../c"), ("a", "./a")):
                done = self.bed.run(*self.secret(self.path(header), self.path(payload)), "--json")
                self.tap.equal((done.code, done.reasons), (2, ["usage"]), done)
            self.tap.true(not os.path.exists(self.path("c")), "it was written")
        with self.tap.test("secret: without a payload there is no header"):
            for payload in ("absent/b", "folder", "x" * 250):  # the last: too long with what a draft adds
                done = self.bed.run(*self.secret(self.path("d"), self.path(payload)), "--json")
                self.tap.true(done.code in (4, 6), done)
                self.tap.true(not os.path.exists(self.path("d")), f"half a packet ({payload})")


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        commands = Commands(bed, t)
        commands.check_files()
        commands.check_packet()
        commands.check_full()
    t.finish()


main()
