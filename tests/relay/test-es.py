#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SEV-ES guests on the emulated host, before libvirt's own virt-qemu-sev-validate, which
builds the save areas of the processors by itself."""
import os
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
POLICY = emuhost.SevGuest.POLICY | owner.ES
GOOD = "OK: Looks good to me"
BAD = "ERROR: Measurement does not match"
# QEMU's model "max" without KVM, by which the domains of emuhost.py say <cpu mode='maximum'/>.
SIGNATURE = {"family": 15, "model": 107, "stepping": 1}
RESET_BLOCK = bytes.fromhex("de71f7007e1acb4f890e68c77e2fb44e")


def validate(guest, *words, **changes):
    """The firmware is given too: the program builds the areas before it asks libvirt."""
    host = guest.host
    cpu = {**SIGNATURE, **changes}
    return host.exec("env", "PATH=/usr/bin:/bin", VALIDATE, "--insecure", "--connect", host.uri,
                     "--domain", guest.name, "--tik", host.write("tik", guest.session.tik),
                     "--tek", host.write("tek", guest.session.tek), "--firmware", guest.firmware,
                     *(f"--cpu-{name}={value}" for name, value in cpu.items()), *words, check=False)


def says(t, done, code, text):
    said = done.stdout + done.stderr
    t.equal(done.returncode, code, said)
    t.true(text in said, f"{said!r} does not say {text!r}")


def judge(t, host, vcpus):
    guest = emuhost.SevGuest(host, f"es{vcpus}", POLICY)
    guest.start(vcpus=vcpus)
    with t.test(f"{vcpus} vCPUs: verified, as many as libvirt says"):
        says(t, validate(guest), 0, GOOD)
    with t.test(f"{vcpus} vCPUs: verified, as many as the owner says"):
        says(t, validate(guest, f"--num-cpus={vcpus}"), 0, GOOD)
    for wrong in {vcpus - 1, vcpus + 1} - {0}:
        with t.test(f"{vcpus} vCPUs: {wrong} are refused"):
            says(t, validate(guest, f"--num-cpus={wrong}"), 1, BAD)
    with t.test(f"{vcpus} vCPUs: another stepping is refused"):
        says(t, validate(guest, stepping=2), 1, BAD)
    return guest


def broken_firmware(host, guest):
    """The firmware, with a SEV-ES reset address of 0: a dword before length and GUID."""
    image = bytearray(emuhost.read_bytes(guest.firmware))
    at = image.rindex(RESET_BLOCK)
    image[at - 6:at - 2] = bytes(4)
    return host.write("broken.fd", bytes(image), 0o644)


def without_es(t):
    """A host whose owner switched SEV-ES off."""
    with emuhost.EmulatedHost() as host:
        host.configure("platform", "es=false")
        guest = emuhost.SevGuest(host, "plain")
        with t.test("a host without SEV-ES starts guests without"):
            guest.start(vcpus=2)
            guest.judge()
        with t.test("and refuses the others in QEMU's words"):
            other = emuhost.SevGuest(host, "es", POLICY)
            done = other.start(check=False, vcpus=2)
            t.true(done.returncode != 0, done.stdout)
            t.true("guest policy requires SEV-ES, but host SEV-ES support unavailable" in done.stderr, done.stderr)


def main():
    if VALIDATE is None:
        tap.skip_all("no virt-qemu-sev-validate (Debian: libvirt-clients-qemu)")
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        guests = [judge(t, host, vcpus) for vcpus in (1, 2, 4)]
        with t.test("a guest without SEV-ES is judged without them"):
            plain = emuhost.SevGuest(host, "plain")
            plain.start(vcpus=2)
            says(t, validate(plain), 0, GOOD)
        with t.test("query-sev has the policy"):
            t.equal(host.qmp(guests[0].name, "query-sev")["policy"], POLICY)
        with t.test("firmware without a reset block is refused in QEMU's words"):
            bad = emuhost.SevGuest(host, "bad", POLICY)
            done = bad.start(check=False, vcpus=2, firmware=broken_firmware(host, bad))
            t.true(done.returncode != 0, done.stdout)
            t.true("failed to locate and/or save reset vector" in done.stderr, done.stderr)
        with t.test("and starts without SEV-ES"):
            good = emuhost.SevGuest(host, "good")
            good.start(vcpus=2, firmware=broken_firmware(host, good))
    without_es(t)
    t.finish()


main()
