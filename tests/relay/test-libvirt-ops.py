#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SEV guest's whole life through real libvirt and real QEMU on an emulated host.

Real virsh does everything; a guest owner of its own (tests/lib/owner.py) judges what the
emulated platform says.
"""
import base64
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
fields = emuhost.fields


def stats(text):
    return {key.strip(): value for key, _, value in (line.partition("=") for line in text.splitlines())}


class Ops(emuhost.SevGuest):
    def __init__(self, host, t):
        super().__init__(host, "ops")
        self.tap = t

    def info(self):
        said = self.judge()
        self.tap.equal(int(said["sev-policy"]), self.POLICY)
        # The same check with kernel hashes left out of it refuses.
        self.digest, kept = owner.launch_digest(self.firmware), self.digest
        try:
            self.judge()
        except emuhost.HostError:
            return
        finally:
            self.digest = kept
        raise tap.Failure("a digest without kernel hashes gives the same measurement")

    def refused(self, header, data, text, *more):
        code, said = self.send_packet(header, data, *more)
        self.tap.equal(code, 1, said)
        self.tap.true(text in said, f"{said!r} does not say {text!r}")

    def tampered(self):
        header, data = self.session.packet(self.table, self.measure)
        # A good packet goes in, so nothing but the change makes the others fail.
        self.refused(header, bytes([data[0] ^ 1]) + data[1:], "fw_error=11 ")
        self.refused(header[:20] + bytes([header[20] ^ 1]) + header[21:], data, "fw_error=11 ")
        self.refused(*self.session.packet(self.table, bytes(32)), "fw_error=11 ")
        stranger = owner.Session(self.host.certificate("pdh"), self.POLICY)
        self.refused(*stranger.packet(self.table, self.measure), "fw_error=11 ")
        self.refused(header[:51], data, "fw_error=")
        self.refused(header, data, "No memory is mapped", "--set-address", str(1 << 40))

    def inject_good(self):
        self.tap.equal(self.send_packet(*self.session.packet(self.table, self.measure)), (0, ""))

    def boot(self):
        with emuhost.Console(self.host, "ops") as console:
            self.host.virsh("resume", "ops")
            self.tap.equal(self.host.state("ops"), "running")
            console.wait_for(emuhost.UNLOCKED)

    def after_launch(self):
        packet = self.session.packet(self.table, self.measure)
        self.refused(*packet, "domain must be in a paused state")
        self.host.virsh("suspend", "ops")
        self.tap.equal(self.host.state("ops"), "paused")
        self.refused(*packet, "Not in correct state")
        self.tap.equal(self.host.qmp("ops", "query-sev")["state"], "running")
        self.host.virsh("resume", "ops")
        self.tap.equal(self.host.state("ops"), "running")

    def measured(self):
        said = stats(self.host.virsh("domstats", "ops").stdout)
        self.tap.true(int(said["cpu.time"]) > 1e9, f"CPU time of QEMU itself: {said['cpu.time']}")
        self.tap.true(int(said["vcpu.0.time"]) > 0, f"a virtual processor's time: {said['vcpu.0.time']}")
        self.tap.true(int(said["balloon.rss"]) > 100000, f"resident memory: {said['balloon.rss']} KiB")
        words = self.host.virsh("domblkstat", "ops", "vda").stdout.split()
        count = dict(zip(words[1::3], words[2::3]))
        self.tap.true(int(count["rd_bytes"]) > 0, f"bytes read from the disk: {words}")

    def logged(self):
        log = self.host.log("ops")
        self.tap.true("LAUNCH_FINISH" in log, log)
        for part in (self.table[40:72], self.session.tik, self.session.tek):
            for text in (part.hex(), owner.b64(part)[:20]):
                self.tap.true(text not in log, "a key is in the relay's log")


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        with t.test("nodesevinfo shows the platform's own certificates"):
            said = fields(host.virsh("nodesevinfo").stdout)
            t.equal(base64.b64decode(said["pdh"]), host.certificate("pdh"))
            t.equal(base64.b64decode(said["cert-chain"]),
                    b"".join(host.certificate(name) for name in ("pek", "oca"))
                    + base64.b64decode(said["cert-chain"])[2 * owner.CERT_SIZE :])
            t.equal(said["reduced-phys-bits"], "1")
        with t.test("domcapabilities says that SEV is there"):
            text = host.virsh("domcapabilities", "--emulatorbin", host.emulator, "--virttype", "qemu").stdout
            t.true("<sev supported='yes'>" in text, text)
        before = host.traces()
        ops = Ops(host, t)
        with t.test("a guest is created paused"):
            ops.start()
            t.equal(host.state("ops"), "paused")
        with t.test("domlaunchsecinfo: an independent owner computes the same measurement"):
            ops.info()
        with t.test("packets that are not the owner's for this guest are refused"):
            ops.tampered()
        with t.test("domsetlaunchsecstate takes the owner's packet"):
            ops.inject_good()
        with t.test("the guest boots and unlocks its disk, seen by virsh console"):
            ops.boot()
        with t.test("no secret while running nor after LAUNCH_FINISH; suspend and resume"):
            ops.after_launch()
        with t.test("domstats and domblkstat measure QEMU itself"):
            ops.measured()
        with t.test("the relay's log tells of the launch and has no key in it"):
            ops.logged()
        with t.test("destroy leaves nothing behind"):
            during = host.traces() - before
            t.true("process qemu-system-x86" in during and "process sev-relay" in during, during)
            t.equal([guest["name"] for guest in host.status()["guests"]], ["ops"])
            host.destroy("ops")
            t.equal(host.traces() - before, set())
            t.equal(host.status()["guests"], [])
        with t.test("the host can start another guest"):
            ops.start()
            host.destroy("ops")
    t.finish()


main()
