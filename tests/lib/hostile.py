# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hostile hypervisor: the libvirt of an emulated host runs evil-emulator.py.

    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        with evil.does({"mode": "alter-measure"}):
            bed.launch()
        evil.traces_of(key)

sevlaunch and sev-qemu are the installed ones, unchanged.  Only what libvirt executes is
another program: the host's private libvirtd is started with an object in LD_PRELOAD that
sees to it, before sevlaunch would start one itself.
"""
import base64
import contextlib
import json
import mmap
import os
import re
import shutil
import socket
import stat
import subprocess

import launchbed
import tap
from emuhost import kill_9, read_bytes, wait_until

LIB = os.path.dirname(os.path.abspath(__file__))
SMALL = ("--memory", "512")


def find_in_file(path, needle):
    """Whether the bytes of a regular file, which may be huge and sparse, hold needle."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode) or os.path.getsize(path) == 0:
            return False
        with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(needle) >= 0
    except OSError:
        return False


class Hypervisor:
    def __init__(self, bed):
        self.bed, self.host = bed, bed.host
        self.dir = os.path.join(self.host.path, "evil")
        self.swap = os.path.join(self.host.files, "emulator-swap.so")

    def __enter__(self):
        os.mkdir(self.dir, 0o700)
        self.host.give(self.dir)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.swap,
                        os.path.join(LIB, "emulator-swap.c")], check=True)
        self.host.give(self.swap)
        program = os.path.join(self.dir, "emulator")
        shutil.copy(os.path.join(LIB, "evil-emulator.py"), program)
        os.chmod(program, 0o700)
        self.host.give(program)
        self.start_libvirt()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- its libvirt

    def start_libvirt(self):
        """Its own libvirtd in place of the host's; without a time limit, so that no other
        takes its place."""
        self.host.virsh("uri")
        pid = self.host.libvirtd_pid()
        argv = [word.decode() for word in read_bytes(f"/proc/{pid}/cmdline").split(b"\0") if word]
        env = dict(pair.decode().split("=", 1) for pair in read_bytes(f"/proc/{pid}/environ").split(b"\0")
                   if b"=" in pair)
        kill_9(pid)
        env.update(LD_PRELOAD=self.swap, SWAP_FROM=self.host.emulator,
                   SWAP_TO=os.path.join(self.dir, "emulator"))
        more = {} if self.bed.user is None else {
            "user": self.bed.user.pw_uid, "group": self.bed.user.pw_gid, "extra_groups": []}
        with open(os.path.join(self.host.files, "libvirtd.log"), "ab") as log:
            self.libvirtd = subprocess.Popen(
                [word for word in argv if not word.startswith("--timeout")], env=env, cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more)
        wait_until(lambda: self.libvirtd.poll() is not None or (self.runs() and self.answers()),
                   "start of the hostile libvirtd")
        if self.libvirtd.poll() is not None:
            said = read_bytes(os.path.join(self.host.files, "libvirtd.log")).decode(errors="replace")
            raise tap.Failure(f"the hostile libvirtd ended at once:\n{said[-2000:]}")

    def answers(self):
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(os.path.join(self.host.path, "rt", "libvirt", "libvirt-sock"))
                return True
            except OSError:
                return False

    def runs(self):
        """Whether the libvirt of the host is still the hostile one."""
        return self.libvirtd.poll() is None and self.host.libvirtd_pid() == self.libvirtd.pid

    def ensure_libvirt(self):
        if not self.runs():
            self.libvirtd.poll()
            self.start_libvirt()

    # -- what it does

    def file(self, name):
        return os.path.join(self.dir, name)

    def log(self):
        return read_bytes(self.file("log")).decode(errors="replace")

    @contextlib.contextmanager
    def does(self, *modes):
        """Its modes for a while."""
        self.ensure_libvirt()
        self.forget()
        path = self.file("modes.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(list(modes), f)
        self.host.give(path)
        try:
            yield self
        finally:
            os.unlink(path)

    def forget(self):
        for name in ("log", "ram", "wire", "secret"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.file(name))

    def acted(self, *modes):
        """Fails unless each of the modes was put into practice."""
        for mode in modes:
            words = [mode["mode"]] + ([mode["command"]] if "command" in mode else [])
            if mode["mode"] != "none" and f"] {' '.join(words)}\n" not in self.log():
                raise tap.Failure(f"the hostile emulator never came to {' '.join(words)}:\n{self.log()}")

    def ended(self):
        """Waits until what stood between has kept what it saw."""
        wait_until(lambda: len(re.findall(r"\] (?:end|died: .*)$", self.log(), re.M))
                   >= len(re.findall(r"\] start$", self.log(), re.M)), "end of the hostile emulator")

    def attack(self, *modes, launch=None):
        """One launch under attack; its result."""
        with self.does(*modes):
            result = launch() if launch is not None else self.bed.launch("--json", *SMALL)
            self.ended()
            self.acted(*modes)
        return result

    # -- what it learnt

    def traces_of(self, secret):
        """Names of the files in the host that hold the secret, raw, in hexadecimal or in
        base64: the guest's memory, the monitor's traffic, logs and all others."""
        needles = [secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")[:-1]]
        found = []
        for root, _, files in os.walk(self.host.path):
            for name in files:
                path = os.path.join(root, name)
                if any(find_in_file(path, needle) for needle in needles):
                    found.append(os.path.relpath(path, self.host.path))
        return sorted(found)


class Attacks:
    """Rows of tests/data/refusals.tsv, each with a hypervisor that does something."""

    def __init__(self, bed, evil, t, test):
        self.bed, self.evil, self.tap = bed, evil, t
        self.table = launchbed.Table(bed, t, test)
        with open(bed.disk_key, "rb") as f:
            self.key = f.read()

    def row(self, name, *modes, launch=None, released=False, known=()):
        """launch: instead of one with all defaults; released: the secret went out, so that
        it may be in the guest's memory, and only there"""
        def run(_):
            result = self.evil.attack(*modes, launch=launch)
            where = set(self.evil.traces_of(self.key)) - ({"evil/ram"} if released else set())
            self.tap.equal(where, set(), "the key is in")
            return result
        self.table.row(name, run=run, known=known, again=False)

    def ended_soon(self, *args):
        """A launch whose guest is ended at once, in the state that args leave it in."""
        result = self.bed.launch("--json", *SMALL, *args)
        if result.code == 0:
            self.bed.destroy()
        return result

    def paused(self, *args):
        """A launch that leaves the guest paused; the guest is ended."""
        return self.ended_soon("--paused", *args)

    def positive(self):
        """That a launch works here; what the scan for the key sees, and what it does not."""
        self.table.positive(*SMALL)
        with self.tap.test("with a program in between that does nothing: verified, and the scan finds the "
                           "key in the memory of the guest that runs and nowhere else; paused, nowhere"):
            before = self.bed.leftovers()
            keys = self.bed.session_dir()
            result = self.evil.attack({"mode": "none"}, launch=lambda: self.ended_soon("--wait", "0"))
            self.tap.equal((result.code, result.reasons), (0, []), result)
            self.tap.equal(self.evil.traces_of(self.key), ["evil/ram"])
            result = self.evil.attack({"mode": "none"},
                                      launch=lambda: self.paused("--session-dir", keys))
            self.tap.equal((result.code, result.reasons), (0, []), result)
            self.tap.equal(self.evil.traces_of(self.key), [])
            for name in ("tik", "tek"):
                path = os.path.join(keys, f"{self.bed.name}_{name}.bin")
                self.tap.equal(self.evil.traces_of(read_bytes(path)), [], name)
            shutil.rmtree(keys)
            self.bed.same_leftovers(before)
        with self.tap.test("the scan finds a key that was put into the host on purpose"):
            for form in (self.key, self.key.hex().encode(), base64.b64encode(self.key)):
                path = self.evil.file("planted")
                with open(path, "wb") as f:
                    f.write(b"x" * 4097 + form + b"x")
                self.tap.true("evil/planted" in self.evil.traces_of(self.key), form)
                os.unlink(path)
