#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that writes and reads its encrypted disk and its memory without pause, while its
pages change their form at random moments, again and again.

SEVLAUNCH_STRESS=long: 200 times suspend and resume, 50 dumps, in any order; =short: 6 and 2.
Without it the test is skipped: test-memory.py looks at each rule once.
SEVLAUNCH_STRESS_SEED repeats a run's moments.
"""
import os
import random
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import libvirt  # noqa: E402
import libvirt_qemu  # noqa: E402

import emuhost  # noqa: E402
import memguest  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
RUNS = {"long": (200, 50), "short": (6, 2)}
if os.environ.get("SEVLAUNCH_STRESS") not in RUNS:
    tap.skip_all("minutes of a guest that never rests: SEVLAUNCH_STRESS=short or long runs it")
PAUSES, DUMPS = RUNS[os.environ["SEVLAUNCH_STRESS"]]
SEED = int(os.environ.get("SEVLAUNCH_STRESS_SEED", "3"))
RAM = 512 << 20
TEXT = b" of the stress guest\n"
BAD_DISK = """<disk type='file' device='disk'>
<driver name='qemu' type='qcow2' error_policy='stop' rerror_policy='stop'/>
<source file='{}'/><target dev='vdb' bus='virtio'/></disk>"""


def make_disk(directory):
    """The test disk with our init."""
    subprocess.run([os.path.join(TOP, "tests", "lib", "make-test-disk.sh"), "--output", directory,
                    "--init", os.path.join(TOP, "tests", "memory", "stress-init.sh")],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Stress:
    def __init__(self, host, t, guest, serial):
        self.host, self.tap, self.guest, self.serial = host, t, guest, serial
        self.connection = libvirt.open(host.uri)
        self.domain = self.connection.lookupByName(guest.name)
        self.random = random.Random(SEED)
        self.ram = memguest.ram_file(host, guest.name)
        self.path = os.path.join(host.files, "dump")

    def memory(self):
        return emuhost.read_bytes(self.ram)

    def pause(self):
        self.domain.suspend()
        self.tap.true(TEXT not in self.memory(), "plaintext in a paused guest's memory")
        time.sleep(self.random.uniform(0, 0.05))
        self.domain.resume()

    def dump(self):
        """One of the three ways; the guest runs before and after."""
        way = self.random.randrange(3)
        if way == 0:
            libvirt_qemu.qemuMonitorCommand(
                self.domain, f"pmemsave 0 {RAM} \"{self.path}\"",
                libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
        else:
            flags = libvirt.VIR_DUMP_MEMORY_ONLY | (libvirt.VIR_DUMP_LIVE if way == 1 else 0)
            self.domain.coreDump(self.path, flags)
        self.tap.true(os.path.getsize(self.path) > RAM // 2, f"way {way}: the dump is too small")
        self.tap.true(TEXT not in emuhost.read_bytes(self.path), f"way {way}: plaintext in a dump")
        os.unlink(self.path)

    def run(self):
        steps = [self.pause] * PAUSES + [self.dump] * DUMPS
        self.random.shuffle(steps)
        for step in steps:
            # No moment is like another, and the guest comes on between two of them.
            time.sleep(self.random.expovariate(1 / 0.2))
            step()
            emuhost.wait_until(lambda: self.domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING, "the guest runs", 20)

    def end(self):
        """(rounds, corrupt parts), as the guest counted them"""
        self.serial.send("end\n")
        rounds, bad = self.serial.wait_for("END ", 300).split()[1:3]
        return int(rounds), int(bad.partition("=")[2])

    def io_error(self):
        """Its second disk fails: nobody but QEMU stops it."""
        self.tap.true(TEXT in self.memory(), "no plaintext while it runs")
        self.serial.send("disk\n")
        emuhost.wait_until(lambda: self.host.qmp(self.guest.name, "query-status")["status"] == "io-error",
                           "state 'io-error'")
        self.tap.true(TEXT not in self.memory(), "plaintext after an error of the disk")


def main():
    t = tap.Tap()
    t.note(f"{PAUSES} pauses, {DUMPS} dumps, seed {SEED}")
    with emuhost.EmulatedHost() as host:
        directory = os.path.join(host.files, "disk")
        make_disk(directory)
        os.environ["SEVLAUNCH_TEST_DISK"] = directory
        guest = emuhost.SevGuest(host, "stress")
        with t.test("a guest that never rests is up"):
            guest.start(memory=RAM >> 20, devices=BAD_DISK.format(memguest.bad_disk(host)))
            guest.judge()
            t.equal(guest.send_packet(*guest.session.packet(guest.table, guest.measure)), (0, ""))
            serial = memguest.Serial(host.virsh("ttyconsole", "stress").stdout.strip())
            host.virsh("resume", "stress")
            serial.wait_for("ROUND 1 ok")
        stress = Stress(host, t, guest, serial)
        with t.test("control: its text is found in its memory while it runs"):
            emuhost.wait_until(lambda: TEXT in stress.memory(), "the text")
        with t.test(f"{PAUSES} pauses and {DUMPS} dumps at random moments"):
            stress.run()
        with t.test("no byte of memory or disk was corrupted"):
            rounds, bad = stress.end()
            t.note(f"the guest made {rounds} rounds")
            t.true(rounds > 1, "the guest came on")
            t.equal(bad, 0)
            t.true("CORRUPT" not in serial.seen, "CORRUPT on the console")
        with t.test("its disk fails: its pages lie encrypted"):
            stress.io_error()
        serial.close()
        stress.connection.close()
        with t.test("the disk's file is whole"):
            host.destroy("stress")
            subprocess.run(["qemu-img", "check", "-q", guest.disk], check=True)
    t.finish()


main()
