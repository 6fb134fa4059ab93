#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line is bytes: what is measured, and the names of files, are taken as they are, in
every locale, also in the empty environment of cron and of systemd.  The rest is UTF-8."""
import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import owner  # noqa: E402
import tap  # noqa: E402

SEVLAUNCH = tap.need("SEVLAUNCH")[0]
LINES = (b"a=\xc3\xa4", b"a=\xe4", b"a=\xff\xfe quiet")
FIRMWARE, KERNEL, TIK, NONCE = b"firmware" * 512, b"kernel" * 99, bytes(range(16)), bytes(range(50, 66))


def environments(folder):
    found = {"LC_ALL=C": {"LC_ALL": "C"}, "none": {}, "UTF-8": {"LC_ALL": "C.UTF-8"}}
    if shutil.which("localedef"):
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", "--no-archive", os.path.join(folder, "de_DE")],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
        if made.returncode == 0:
            found["ISO-8859-1"] = {"LC_ALL": "de_DE", "LOCPATH": folder}
    return found


def digest(line):
    """What QEMU has measured of it (its sev_add_kernel_loader_hashes)."""
    table = uuid.UUID("9438d606-4f22-4cc9-b479-a793d411fd21").bytes_le + struct.pack("<H", 168)
    for guid, text in (("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", line + b"\0"),
                       ("44baf731-3a2f-4bd7-9af1-41e29169781d", b""), ("4de79437-abd2-427f-b835-d5b172d2045b", KERNEL)):
        table += uuid.UUID(guid).bytes_le + struct.pack("<H", 50) + hashlib.sha256(text).digest()
    return hashlib.sha256(FIRMWARE + table + bytes(8))


class Commands:
    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def path(self, name):
        return os.path.join(os.fsencode(self.folder), name)

    def file(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def run(self, *words):
        done = subprocess.run([SEVLAUNCH, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
                              env={"PATH": os.environ["PATH"], **self.environment})
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def check_measured(t, name, commands):
    boot = ["--firmware", commands.file(b"firmw\xe4re", FIRMWARE), "--kernel", commands.file(b"k\xc3\xa4rnel", KERNEL)]
    with t.test(f"{name}: measure and verify take the bytes of --append as they are"):
        for line in LINES:
            code, out, err = commands.run("measure", *boot, "--append", line, "--json")
            t.equal(code, 0, err)
            said = json.loads(out)
            t.equal(said["digest"], digest(line).hexdigest(), line)
            if line == LINES[0]:
                t.equal((said["cmdline"], "cmdline_base64" in said), (line.decode(), False))
            else:
                t.equal(base64.b64decode(said["cmdline_base64"]), line, "JSON has all of it")
            mac = owner.mac(TIK, bytes([4, 0, 24, 10]), struct.pack("<I", 1), digest(line).digest(), NONCE)
            report = ["verify", "--no-why", "--tik", commands.file(b"tik-\xe4", TIK), "--measurement",
                      owner.b64(mac + NONCE), "--api", "0.24", "--build", "10", "--policy", "1", *boot]
            t.equal(commands.run(*report, "--append", line)[0], 0)
            other = LINES[1] if line != LINES[1] else LINES[0]
            t.equal(commands.run(*report, "--append", other)[0], 1)
    with t.test(f"{name}: why looks beside a line that is no UTF-8"):
        mac = owner.mac(TIK, bytes([4, 0, 24, 10]), struct.pack("<I", 1), digest(LINES[1] + b" ").digest(), NONCE)
        code, out, err = commands.run("why", "--tik", commands.path(b"tik-\xe4"), "--measurement", owner.b64(mac + NONCE),
                                      "--api", "0.24", "--build", "10", "--policy", "1", *boot, "--append", LINES[1], "--json")
        t.true("cmdline-white-space" in out, f"{code} {out} {err}")


def check_names(t, name, commands):
    with t.test(f"{name}: a secret's file may have any name"):
        keys = commands.file(b"keys", bytes(32))
        for file in (b"k\xc3\xa4y", b"k\xe4y"):
            code, _, err = commands.run("secret", "--tk", keys, "--measurement", owner.b64(bytes(48)), "--secret",
                                        b"luks-key:" + commands.file(file, b"disk key"), "--out-header",
                                        commands.path(b"header-" + file), "--out-payload", commands.path(b"payload-" + file))
            t.equal((code, os.path.exists(commands.path(b"payload-" + file))), (0, True), err)
    with t.test(f"{name}: other words are UTF-8, and the message names the option"):
        for words, option in ((["measure", "--policy", b"no-d\xe4bug"], "--policy"),
                              (["doctor", "--connect", b"qemu:///\xe4"], "--connect"),
                              (["verify-platform", "--trust-root", "ok", "--trust-root", b"\xff", "x"], "--trust-root"),
                              (["run", "--image", "i", "--owner-cert", "c", "--kernel", "k", "--append", LINES[1]], "--append")):
            code, _, err = commands.run(*words)
            t.true(code == 2 and "UTF-8" in err and option in err and "[usage]" in err, f"{words}: {code} {err}")
        code, _, err = commands.run("policy", "explain", "no-d\u00e4bug".encode())
        t.true(code == 2 and "UTF-8" not in err, f"what is UTF-8 is taken: {code} {err}")


def main():
    t = tap.Tap()
    with tempfile.TemporaryDirectory(prefix="bytes-") as folder:
        found = environments(folder)
        for name, environment in found.items():
            commands = Commands(tempfile.mkdtemp(dir=folder), environment)
            check_measured(t, name, commands)
            check_names(t, name, commands)
        if "ISO-8859-1" not in found:
            with t.test("in a locale with ISO-8859-1 # SKIP none can be made here (localedef, /usr/share/i18n)"):
                pass
    t.finish()


main()
