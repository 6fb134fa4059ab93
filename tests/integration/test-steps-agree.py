#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""200 generated launches, most of them with one bit changed: sevlaunch verify and libvirt's
virt-qemu-sev-validate say the same of each.  Where they are known to differ, each in its
way, that is counted too."""
import base64
import collections
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import io
import os
import random
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
VALIDATE = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
COUNT, KNOWN_EACH, SEED = 200, 6, 20251126
RESET_GUID, TABLE_GUID = (uuid.UUID(text).bytes_le for text in
                          ("00f771de-1a7e-4fcb-890e-68c77e2fb44e", "96b582de-1fb2-45f7-baea-a366c55a082d"))
HASHES = [uuid.UUID(text).bytes_le for text in
          ("9438d606-4f22-4cc9-b479-a793d411fd21", "97d02dd8-bd20-4c94-aa78-e7714d36ab2a",
           "44baf731-3a2f-4bd7-9af1-41e29169781d", "4de79437-abd2-427f-b835-d5b172d2045b")]


def load_validate():
    """The program as a module: a process of its own for each launch would take minutes."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("validate", VALIDATE)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("validate", loader))
    loader.exec_module(module)
    return module


class Launch:
    """What the owner expects, and the report of a host that did just that."""

    def __init__(self, rng, oracle, es=None):
        self.rng, self.oracle = rng, oracle
        self.keys, self.nonce = rng.randbytes(32), rng.randbytes(16)
        self.es = rng.random() < 0.4 if es is None else es
        self.policy = rng.choice([1, 3, 0x2b, 0x1b, 0x0]) | (4 if self.es else 0) | rng.choice([0, 17, 24]) << 24
        self.api, self.build = rng.choice([(0, 24), (0, 30), (1, 49), (1, 55)]), rng.randrange(256)
        self.firmware = self.image(rng.choice([4096, 8192, 65536]))
        self.kernel = rng.randbytes(rng.randrange(1, 20000)) if rng.random() < 0.7 else None
        self.initrd = rng.randbytes(rng.randrange(1, 9000)) if self.kernel and rng.random() < 0.7 else None
        self.line = rng.choice(["", "console=ttyS0", "quiet  ro ", "a=\u00e4"]) if self.kernel and rng.random() < 0.8 else None
        self.cpus, self.cpu = rng.randrange(1, 9), rng.choice([(23, 1, 2), (23, 49, 0), (25, 1, 1), (25, 17, 0), (6, 44, 1)])
        self.report = self.measured()

    def image(self, size):
        """Random bytes with the table that names where further processors begin."""
        entry = self.rng.randbytes(4) + struct.pack("<H", 22) + RESET_GUID
        table = entry + struct.pack("<H", len(entry) + 18) + TABLE_GUID
        return self.rng.randbytes(size - 32 - len(table)) + table + self.rng.randbytes(32)

    def areas(self, fpu=False):
        """The processors' save areas as the oracle has them; fpu: as newer hosts fill them."""
        guest = self.oracle.OfflineConfidentialVM(policy=self.policy, num_cpus=self.cpus)
        guest.firmware = self.firmware
        guest.build_vmsas(*self.cpu)
        data = bytearray(guest.get_cpu_state())
        for at in range(0, len(data) if fpu else 0, 4096):
            data[at + 0x408:at + 0x40c], data[at + 0x410:at + 0x412] = b"\x80\x1f\0\0", b"\x7f\x03"
        return bytes(data)

    def digest(self, fpu=False):
        table = b""
        if self.kernel is not None:
            texts = ((self.line or "").encode() + b"\0", self.initrd or b"", self.kernel)
            table = HASHES[0] + struct.pack("<H", 168)
            for guid, text in zip(HASHES[1:], texts):
                table += guid + struct.pack("<H", 50) + hashlib.sha256(text).digest()
            table += bytes(8)
        return hashlib.sha256(self.firmware + table + (self.areas(fpu) if self.es else b"")).digest()

    def measured(self, fpu=False, legacy=False):
        version = b"" if legacy else bytes([4, *self.api, self.build])
        return owner.mac(self.keys[16:], version, struct.pack("<I", self.policy), self.digest(fpu),
                         self.nonce) + self.nonce

    # -- faults of one bit in what is expected, or in what is reported

    def flip(self, name):
        data = bytearray(getattr(self, name))
        data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        setattr(self, name, bytes(data))

    def fault(self):
        """One bit somewhere; its name, or None for an honest launch."""
        kinds = ["report", "keys", "firmware", "policy", "api", "build"]
        kinds += [name for name in ("kernel", "initrd") if getattr(self, name)]
        kinds += ["line"] if self.line else []
        kinds += ["cpus", "stepping"] if self.es else []
        kind = self.rng.choice(kinds + [None] * 3)
        if kind in ("report", "firmware", "kernel", "initrd"):
            self.flip(kind)
        elif kind == "keys":  # of the TIK: nobody looks at the TEK to verify
            self.keys = self.keys[:16] + bytes([self.keys[16] ^ 1 << self.rng.randrange(8)]) + self.keys[17:]
        elif kind == "policy":  # not es: then other options are needed; not the minimum of the API
            self.policy ^= 1 << self.rng.choice([0, 1, 3, 4, 5])
        elif kind == "api":
            self.api = (self.api[0], self.api[1] ^ 1)
        elif kind == "build":
            self.build ^= 1 << self.rng.randrange(8)
        elif kind == "line":
            self.line = chr(ord(self.line[0]) ^ 1) + self.line[1:]
        elif kind == "cpus":
            self.cpus ^= 1 << self.rng.randrange(1, 3) if self.cpus > 1 else 2
            self.cpus = max(self.cpus, 1)
        elif kind == "stepping":
            self.cpu = (*self.cpu[:2], self.cpu[2] ^ 1 << self.rng.randrange(3))
        return kind


class Judges:
    def __init__(self, folder, oracle):
        self.folder, self.oracle = folder, oracle

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def files(self, launch):
        words = ["--firmware", self.file("firmware", launch.firmware), "--tk", self.file("tk", launch.keys)]
        for name in ("kernel", "initrd"):
            if getattr(launch, name) is not None:
                words += [f"--{name}", self.file(name, getattr(launch, name))]
        return words + ["--measurement", base64.b64encode(launch.report).decode()]

    def ours(self, launch, *more):
        words = ["verify", "--no-why", *self.files(launch), "--api", "{}.{}".format(*launch.api), "--build",
                 str(launch.build), "--policy", str(launch.policy), *more]
        words += ["--append", launch.line] if launch.line is not None else []
        words += ["--vcpus", str(launch.cpus), "--cpu", "{},{},{}".format(*launch.cpu)] if launch.es else []
        done = subprocess.run([SEVLAUNCH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        return done.returncode

    def theirs(self, launch):
        words = [*self.files(launch), "--api-major", str(launch.api[0]), "--api-minor", str(launch.api[1]),
                 "--build-id", str(launch.build), "--policy", str(launch.policy)]
        words += ["--cmdline", launch.line] if launch.line is not None else []
        if launch.es:
            words += ["--num-cpus", str(launch.cpus)]
            for name, value in zip(("family", "model", "stepping"), launch.cpu):
                words += [f"--cpu-{name}", str(value)]
        said, sys.argv = io.StringIO(), ["virt-qemu-sev-validate", *words]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                self.oracle.main()
            except SystemExit as end:
                return end.code
        return None


# Where they differ: how such a launch comes about, what sevlaunch says, what libvirt's says.

def newer_areas(launch):
    """A host with KVM_SEV_INIT2 fills registers of the FPU too."""
    launch.report = launch.measured(fpu=True)
    return 0, 1


def old_formula(launch):
    """Before API 0.17 the version is not under the MAC; sevlaunch takes no such platform."""
    launch.api, launch.policy = (0, 16), launch.policy & 0xFFFF
    launch.report = launch.measured(legacy=True)
    return 1, 1


def old_version(launch):
    """... and not a newer formula with an old version either; libvirt's does not look."""
    launch.api, launch.policy = (0, 16), launch.policy & 0xFFFF
    launch.report = launch.measured()
    return 1, 0


def below_minimum(launch):
    """The guest policy asks for a newer firmware than there is."""
    launch.policy = launch.policy & 0xFFFF | 1 << 16 | 99 << 24
    launch.report = launch.measured()
    return 1, 0


def longer_report(launch):
    """Bytes behind a good report."""
    launch.report += b"\0"
    return 1, 0


def no_table(launch):
    """One processor needs no table of the firmware's; libvirt's wants it all the same."""
    launch.firmware, launch.cpus = launch.firmware[:-48] + bytes(48), 1
    guest = Launch.areas
    Launch.areas = lambda self, fpu=False: one_area(self)
    launch.report = launch.measured()
    Launch.areas = guest
    return 0, 6


def one_area(launch):
    area = launch.oracle.VMSA()
    area.amd64_cpu_init()
    area.kvm_cpu_init()
    area.qemu_cpu_init()
    area.cpu_sku(*launch.cpu)
    return area.pack()


def reserved_bits(launch):
    """A guest policy with bits that mean nothing: no platform takes it, and sevlaunch calls it no policy."""
    launch.policy |= 0xff00
    launch.report = launch.measured()
    return 2, 0


KNOWN = ((newer_areas, True), (old_formula, False), (old_version, False), (below_minimum, None), (longer_report, None),
         (no_table, True), (reserved_bits, False))


def check_same(t, judges, rng, oracle):
    counts = collections.Counter()
    with t.test(f"{COUNT} launches get the same verdict from both"):
        for number in range(COUNT):
            launch = Launch(rng, oracle)
            fault = launch.fault()
            verdicts = judges.ours(launch), judges.theirs(launch)
            t.equal(verdicts, (1, 1) if fault else (0, 0), f"launch {number}, fault {fault}, {vars(launch)}")
            counts[fault or "none"] += 1
    t.note(f"seed {SEED}; faults: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items())))
    with t.test("every kind of fault was among them, and honest launches"):
        t.equal(sorted(counts), sorted(["none", "report", "keys", "firmware", "policy", "api", "build", "kernel", "initrd",
                                        "line", "cpus", "stepping"]))
        t.true(counts["none"] >= 30, counts)


def check_known(t, judges, rng, oracle):
    for difference, es in KNOWN:
        with t.test(f"{KNOWN_EACH} known: {difference.__doc__.splitlines()[0]}"):
            for _ in range(KNOWN_EACH):
                launch = Launch(rng, oracle, es)
                t.equal((judges.ours(launch), judges.theirs(launch)), (0, 0), "with the same set-up, both say yes")
                expected = difference(launch)
                t.equal((judges.ours(launch), judges.theirs(launch)), expected, vars(launch))
    with t.test("what an owner can say to agree again: --vmsa legacy, --allow-legacy-api"):
        launch = Launch(rng, oracle, True)
        newer_areas(launch)
        t.equal((judges.ours(launch), judges.ours(launch, "--vmsa", "legacy")), (0, 1))
        launch = Launch(rng, oracle, False)
        old_formula(launch)
        t.equal((judges.ours(launch), judges.ours(launch, "--allow-legacy-api")), (1, 0))


def main():
    if VALIDATE is None:
        tap.skip_all("no virt-qemu-sev-validate (Debian: libvirt-clients-qemu)")
    t = tap.Tap()
    oracle, rng = load_validate(), random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="agree-") as folder:
        judges = Judges(folder, oracle)
        check_same(t, judges, rng, oracle)
        check_known(t, judges, rng, oracle)
    t.finish()


main()
