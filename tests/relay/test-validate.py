#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's own virt-qemu-sev-validate, unmodified, against the emulated host."""
import os
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
UNSAFE = "OK: Looks good to me"


class Validate:
    def __init__(self, guest):
        self.guest, self.host = guest, guest.host
        self.tik = self.host.write("tik", guest.session.tik)
        self.tek = self.host.write("tek", guest.session.tek)
        self.wrong = self.host.write("wrong", bytes([guest.session.tik[0] ^ 1]) + guest.session.tik[1:])

    def run(self, *words, tik=None):
        return self.host.exec("env", "PATH=/usr/bin:/bin", VALIDATE, "--tik", tik or self.tik, "--tek", self.tek,
                              *words, check=False)

    def online(self, *words, tik=None):
        return self.run("--insecure", "--connect", self.host.uri, "--domain", self.guest.name, *words, tik=tik)

    def offline(self, said, *words, tik=None, kernel=None):
        api = f"{said['sev-api-major']}", f"{said['sev-api-minor']}", f"{said['sev-build-id']}"
        return self.run("--measurement", said["sev-measurement"], "--api-major", api[0], "--api-minor", api[1],
                        "--build-id", api[2], "--policy", said["sev-policy"], "--firmware", self.guest.firmware,
                        "--kernel", kernel or self.guest.kernel, *words, tik=tik)


def says(t, done, code, text):
    said = done.stdout + done.stderr
    t.equal(done.returncode, code, said)
    t.true(text in said, f"{said!r} does not say {text!r}")


def main():
    if VALIDATE is None:
        tap.skip_all("no virt-qemu-sev-validate (Debian: libvirt-clients-qemu)")
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        guest = emuhost.SevGuest(host, "validate")
        guest.start()
        said = guest.judge()
        validate = Validate(guest)
        with t.test("the paused guest is verified through libvirt"):
            says(t, validate.online(), 0, UNSAFE)
        with t.test("another TIK is refused: exit 1"):
            says(t, validate.online(tik=validate.wrong), 1, "ERROR: Measurement does not match")
        with t.test("another firmware is refused: exit 1"):
            other = bytearray(emuhost.read_bytes(guest.firmware))
            other[0] ^= 1
            says(t, validate.online("--firmware", host.write("other.fd", bytes(other), 0o644)), 1,
                 "ERROR: Measurement does not match")
        with t.test("offline, from the measurement alone"):
            says(t, validate.offline(said), 0, UNSAFE)
        with t.test("offline with another TIK: exit 1"):
            says(t, validate.offline(said, tik=validate.wrong), 1, "ERROR: Measurement does not match")
        with t.test("offline with another kernel: exit 1"):
            says(t, validate.offline(said, kernel=guest.disk), 1, "ERROR: Measurement does not match")
        with t.test("it injects a secret and resumes the guest"):
            # The disk needs the pin of its header too, so the guest refuses; that it can
            # read the key shows in what it refuses.
            with emuhost.Console(host, guest.name) as console:
                key = os.path.join(os.environ["SEVLAUNCH_TEST_DISK"], "disk.key")
                done = validate.online("--inject-secret", f"luks-key:{host.copy(key)}")
                says(t, done, 0, "OK")
                console.wait_for("sevlaunch-guest: ")
            t.true("LAUNCH_FINISH" in host.log(guest.name), host.log(guest.name))
    t.finish()


main()
