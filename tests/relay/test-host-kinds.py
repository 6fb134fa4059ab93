#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One platform for guests and for /dev/sev; hosts with one ASID, and of an external owner."""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import devhost  # noqa: E402
import emuhost  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")

UNINIT, INIT, WORKING = range(3)
ASK = "import devsev; fd = devsev.open_device(); print(repr({}))"


def ask(host, expression):
    return eval(devhost.run(host, "-c", ASK.format(expression)).stdout)  # what print() made


def state(host):
    status = ask(host, "devsev.status(fd)")
    return status["state"], status["guests"]


def one_asid(t):
    with emuhost.EmulatedHost("--generation", "naples", "--asids", "1") as host:
        devhost.install(host)
        first, second = (emuhost.SevGuest(host, name) for name in ("first", "second"))
        with t.test("a platform without guests"):
            t.equal(state(host), (INIT, 0))
        with t.test("a guest makes it WORKING"):
            first.start()
            first.judge()
            t.equal(state(host), (WORKING, 1))
        with t.test("a second guest finds no ASID left: QEMU's words for KVM's EBUSY"):
            done = second.start(check=False)
            t.equal(done.returncode, 1, done.stdout)
            t.true("sev_kvm_init: failed to initialize ret=-16 fw_error=0 ''" in done.stderr, done.stderr)
            t.equal(state(host), (WORKING, 1))
        with t.test("under a guest: no reset, no new identity, but a new PDH"):
            t.equal(ask(host, "devsev.issue(fd, devsev.FACTORY_RESET)[0]"), "EBUSY")
            t.equal(ask(host, "devsev.issue(fd, devsev.PEK_GEN)"), ("EIO", 1))
            t.equal(ask(host, "devsev.issue(fd, devsev.PDH_GEN)"), (0, 0))
            first.judge()
        with t.test("when the guest has gone, its ASID is free and the platform INIT"):
            host.destroy("first")
            emuhost.wait_until(lambda: state(host) == (INIT, 0), "the guest's end")
            second.session = owner.Session(host.certificate("pdh"), second.POLICY)
            second.start()
            second.judge()
            t.equal(state(host), (WORKING, 1))
        with t.test("a guest that is killed gives its ASID back"):
            for pid in second.pids():
                emuhost.kill_9(pid)
            emuhost.wait_until(lambda: state(host) == (INIT, 0), "the guest's end")
            t.equal(ask(host, "devsev.issue(fd, devsev.FACTORY_RESET)"), (0, 0))


def external_owner(t):
    def openssl(*words):
        return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout

    key = f"/tmp/sevlaunch-oca-{os.getpid()}.pem"
    try:
        openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key)
        point = openssl("ec", "-in", key, "-pubout", "-outform", "DER")[-96:]
        with emuhost.EmulatedHost("--generation", "naples", "--external-owner", key) as host:
            devhost.install(host)
            with t.test("a host of an external owner"):
                t.equal(ask(host, "devsev.status(fd)['owner']"), 1)
                oca = ask(host, "devsev.export(fd)[2]")
                t.equal((oca[0x14:0x44][::-1], oca[0x5c:0x8c][::-1]), (point[:48], point[48:]), "the owner's key")
                t.equal(emuhost.read_bytes(f"{host.path}/certs/oca.cert"), oca)
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        other = emuhost.EmulatedHost("--generation", "naples", "--external-owner", key)
        with t.test("a key that cannot own a platform"):
            done = other.sevlaunch("create", *other.kind, check=False)
            t.equal(done.returncode, 6)
            t.true("is no private key of P-384 in PEM" in done.stderr, done.stderr)
        other.__exit__(None, None, None)
    finally:
        os.unlink(key)


def main():
    t = tap.Tap()
    one_asid(t)
    external_owner(t)
    t.finish()


main()
