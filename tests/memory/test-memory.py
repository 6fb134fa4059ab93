#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The form in which a guest's memory lies: encrypted whenever it does not run.

The guest knows what its pages hold and says whether they still do; the test reads the
memory file itself, and compares it with what QEMU's commands show.
"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import memguest  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
MARK, PAGE, RAM = memguest.MARK, memguest.PAGE, memguest.RAM
REFUSED = "is refused for a SEV guest"
DEVICES = "<panic model='isa'/><watchdog model='ib700' action='pause'/>"


class Checks:
    def __init__(self, host, t, guest):
        self.host, self.tap, self.guest = host, t, guest

    def lies_encrypted(self):
        """The file has no plaintext, and QEMU's commands show what the file has."""
        ram = self.guest.memfd()
        self.tap.true(MARK not in ram, "plaintext in the memory file")
        self.same(self.guest.pmemsave(), ram)
        # QEMU reads holes and so fills them with zeros, but changes nothing.
        self.same(self.guest.memfd(), ram)
        return ram

    def same(self, got, ram):
        if memguest.without_rom(got) != memguest.without_rom(ram):
            raise tap.Failure("pmemsave differs from the memory file")

    def prelaunch(self):
        base, table = memguest.hash_table_place(self.guest)
        ram = self.lies_encrypted()
        self.tap.true(table not in ram, "the table of hashes lies in plain")
        self.tap.true(any(ram[base : base + len(table)]), "nothing lies where the table belongs")
        self.tap.equal(self.guest.xp(base, 32), ram[base : base + 32])

    def runs_plain(self):
        self.tap.true(MARK in self.guest.memfd(), "the text that is looked for is not in a running guest")
        self.tap.equal(self.guest.verify(), (0, 0))

    def refused_running(self):
        path = os.path.join(self.host.files, "none")
        said = self.host.qmp(self.guest.name, "memsave", check=False, val=0, size=16, filename=path)
        self.tap.true(REFUSED in said, said)
        for line in (f"memsave 0 16 {path}", "x/4xb 0", "xp/4xb 0", "xp /4xb 0", f"gdbserver unix:{path}"):
            self.tap.true(REFUSED in self.host.hmp(self.guest.name, line)[1], line)
        self.tap.true(not os.path.exists(path), "a file came into being")

    def copies_running(self):
        """The guest is stopped for a copy and runs on.  No dump past virsh: libvirtd 9.0 dies
        of the event that follows one it did not begin."""
        for what, image in (("pmemsave", self.guest.pmemsave()),
                            ("HMP pmemsave", self.guest.hmp_file(f"pmemsave 0 {RAM}")),
                            ("virsh dump --live", b"".join(self.guest.dump("--live").values())),
                            ("virsh dump", b"".join(self.guest.dump().values()))):
            self.tap.true(len(image) > RAM // 2, f"{what}: {len(image)} bytes")
            self.tap.true(MARK not in image, f"{what}: plaintext")
            self.tap.equal(self.guest.status(), "running", what)
        emuhost.wait_until(lambda: self.host.state(self.guest.name) == "running", "libvirt sees it run")
        self.runs_plain()

    def suspended(self):
        self.host.virsh("suspend", self.guest.name)
        ram = self.lies_encrypted()
        dumped = self.guest.dump()
        self.tap.true(sum(map(len, dumped.values())) > RAM // 2, "the dump has the guest's memory")
        compared = 0
        for address, data in dumped.items():
            if address + len(data) <= RAM and (address + len(data) <= memguest.NOT_RAM[0]
                                               or address >= memguest.NOT_RAM[1]):
                self.tap.true(data == ram[address : address + len(data)], f"dump at {address:#x}")
                compared += len(data)
        self.tap.true(compared > RAM - (2 << 20), f"{compared} bytes compared")
        page = self.pages[0]
        self.tap.equal(self.guest.xp(page, 64), ram[page : page + 64])
        text = self.host.qmp(self.guest.name, "dump-guest-memory", check=False, paging=True, protocol="file:/none")
        self.tap.true(REFUSED in text, text)

    def locate(self):
        """Where the pages lie that are known by their numbers."""
        self.pages = self.guest.pages()
        ram = self.guest.memfd()
        for number, page in enumerate(self.pages):
            self.tap.equal(ram[page : page + 16], b"page no aaaaaaa" + bytes([ord("a") + number]))

    def resumes(self):
        self.host.virsh("resume", self.guest.name)
        self.runs_plain()

    def swap(self):
        one, two = (self.guest.memfd(page, PAGE) for page in self.pages)
        self.guest.memfd_write(self.pages[0], two)
        self.guest.memfd_write(self.pages[1], one)

    def moved(self):
        """Two pages change places, once as plaintext and once as ciphertext."""
        for form, expected in (("plain", (2, 2)), ("cipher", (2, 0))):
            for wanted in (expected, (0, 0)):
                if form == "cipher":
                    self.host.virsh("suspend", self.guest.name)
                self.swap()
                if form == "cipher":
                    self.host.virsh("resume", self.guest.name)
                self.tap.equal(self.guest.verify(), wanted, form)

    def stops_by_itself(self, command, status):
        self.guest.serial.send(command + "\n")
        emuhost.wait_until(lambda: self.guest.status() == status, f"state '{status}'")
        self.lies_encrypted()


def copied(host, t, one, two):
    """Ciphertext of one guest in another's place of the same address."""
    page = two.pages()[0]
    plain = one.memfd(page, PAGE)
    host.virsh("suspend", one.name)
    host.virsh("suspend", two.name)
    ours, theirs = one.memfd(page, PAGE), two.memfd(page, PAGE)
    two.memfd_write(page, ours)
    host.virsh("resume", two.name)
    t.equal(two.verify(), (1, 0), "copied from the other guest")
    noise = two.memfd(page, PAGE)
    host.virsh("suspend", two.name)
    two.memfd_write(page, theirs)
    host.virsh("resume", two.name)
    t.equal(two.verify(), (0, 0), "its own again")
    host.virsh("resume", one.name)
    t.equal(one.memfd(page, PAGE), plain, "in its own guest it is what it was")
    t.true(all(noise[i : i + 16] != plain[i : i + 16] for i in range(0, PAGE, 16)), "a key of both guests")


def debugger(host, t, guest):
    """A debugger sees ciphertext while the guest is paused, and goes when it runs."""
    base, table = memguest.hash_table_place(guest)
    path = os.path.join(host.files, "gdb")
    refused, text = host.hmp(guest.name, f"gdbserver unix:{path},server=on,wait=off")
    t.true(not refused, text)
    gdb = memguest.Gdb(path)
    seen = gdb.read(base, 64)
    t.equal(seen, guest.memfd(base, 64))
    t.true(seen != table[:64], "plaintext")
    guest.boot()
    try:
        t.true(gdb.socket.recv(1) == b"", "the stub still talks")
    except ConnectionError:
        pass
    gdb.close()
    t.equal(guest.verify(), (0, 0))


def debugger_continues(host, t, guest, before):
    """It cannot make a guest run on ciphertext for long."""
    path = os.path.join(host.files, "gdb2")
    host.virsh("suspend", guest.name)
    host.hmp(guest.name, f"gdbserver unix:{path},server=on,wait=off")
    gdb = memguest.Gdb(path)
    t.true(gdb.command("?").startswith("T"), "the guest is stopped")
    gdb.send("c")
    emuhost.wait_until(lambda: host.state(guest.name) == "gone", "end of the guest")
    gdb.close()
    t.true("resumed past the relay" in host.log(guest.name), host.log(guest.name)[-500:])


def nobody_listens(host, t, guest):
    """The guest powers off while no libvirtd runs: the relay sees it all the same."""
    host.kill_libvirtd()
    t.true(MARK in guest.memfd(), "it runs")
    guest.serial.send("o\n")
    emuhost.wait_until(lambda: MARK not in guest.memfd(), "pages are encrypted")


def control(host, t, archive):
    guest = memguest.MemoryGuest(host, "plain", archive, sev=False)
    guest.start()
    guest.boot()
    host.virsh("suspend", "plain")
    t.true(MARK in guest.pmemsave(), "pmemsave of a guest without SEV")
    t.true(any(MARK in data for data in guest.dump().values()), "dump of a guest without SEV")
    guest.destroy()


def first_guest(host, t, guest):
    checks = Checks(host, t, guest)
    with t.test("before its first instruction what was measured lies encrypted"):
        guest.start()
        checks.prelaunch()
    with t.test("it boots from that memory, and runs in plain"):
        guest.boot()
        checks.locate()
        checks.runs_plain()
    with t.test("memsave, x, xp and gdbserver are refused while it runs"):
        checks.refused_running()
    with t.test("pmemsave and dump of the running guest give ciphertext, and it runs on"):
        checks.copies_running()
    with t.test("suspended: file, pmemsave, dump and xp are one ciphertext"):
        checks.suspended()
    with t.test("resumed: not a byte has changed"):
        checks.resumes()
    with t.test("ciphertext at another address is noise, back in its place it is the page"):
        checks.moved()
    with t.test("the guest panics"):
        checks.stops_by_itself("p", "guest-panicked")
        host.virsh("resume", guest.name)
        guest.serial.wait_for("PANIC survived")
        checks.runs_plain()
    with t.test("its watchdog fires"):
        checks.stops_by_itself("w", "watchdog")
        checks.resumes()


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        archive = memguest.make_initrd(host)
        before = host.traces()
        one = memguest.MemoryGuest(host, "one", archive, DEVICES)
        two = memguest.MemoryGuest(host, "two", archive, DEVICES)
        with t.test("control: a guest without SEV shows its memory"):
            control(host, t, archive)
        first_guest(host, t, one)
        with t.test("a debugger at the paused second guest"):
            two.start()
            debugger(host, t, two)
        with t.test("ciphertext of one guest is noise to another"):
            copied(host, t, one, two)
        with t.test("a debugger resumes the guest past the relay: both end"):
            debugger_continues(host, t, two, before)
        with t.test("another guest of the same name boots"):
            one.destroy()
            two.start()
            two.boot()
        with t.test("it powers off while no libvirtd runs"):
            nobody_listens(host, t, two)
        with t.test("nothing is left"):
            two.destroy()
            host.wait_gone("two", before)
    t.finish()


main()
