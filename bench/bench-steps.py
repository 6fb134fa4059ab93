#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench-steps.py SEVLAUNCH: the owner's steps from start to end, beside what others take;
lines "NAME VALUE UNIT"."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid

PROGRAM = os.path.abspath(sys.argv[1])
KEYS, NONCE = bytes(range(32)), bytes(range(16))
MIB = 1 << 20
# The table at an image's end with the SEV-ES reset block alone (ovmf-hooks/ovmf-image.h).
ES_TABLE = (struct.pack("<IH", 0x80B004, 22) + uuid.UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e").bytes_le +
            struct.pack("<H", 40) + uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le)


def run(words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False, env={**os.environ, "PATH": "/usr/bin:/bin"})


def best(words, code, times=7):
    """Seconds of the fastest of some runs: what else the machine does only adds."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        done = run(words)
        took.append(time.monotonic() - began)
        if done.returncode != code:
            sys.exit(f"{words[:2]} ends with {done.returncode}")
    return min(took), done


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def noise(name, size):
    return hashlib.shake_128(name.encode()).digest(4096) * (size // 4096)


def report(digest):
    message = bytes([4, 0, 24, 10]) + struct.pack("<I", 1) + digest + NONCE
    return base64.b64encode(hmac.new(KEYS[16:], message, "sha256").digest() + NONCE).decode()


def verify(folder, show):
    firmware, keys = write(folder, "fw", noise("fw", 4 * MIB)), write(folder, "tk", KEYS)
    digest = hashlib.sha256(noise("fw", 4 * MIB)).digest()
    given = ["--measurement", report(digest), "--tk", keys, "--policy", "1"]
    ours = [PROGRAM, "verify", *given, "--api", "0.24", "--build", "10"]
    show("verify-from-digest", best([*ours, "--digest", digest.hex()], 0)[0] * 1e3, "ms")
    show("verify-4MiB-firmware", best([*ours, "--firmware", firmware], 0)[0] * 1e3, "ms")
    theirs = shutil.which("virt-qemu-sev-validate", path="/usr/bin:/bin")
    if theirs:
        words = [theirs, *given, "--api-major", "0", "--api-minor", "24", "--build-id", "10", "--firmware", firmware]
        show("virt-qemu-sev-validate", best(words, 0)[0] * 1e3, "ms")


def measure(folder, show):
    files = [write(folder, name, noise(name, size * MIB)) for name, size in
             (("firmware", 4), ("kernel", 16), ("initrd", 108))]
    words = [PROGRAM, "measure", "--firmware", files[0], "--kernel", files[1], "--initrd", files[2]]
    ours, theirs = best(words, 0)[0], best(["openssl", "dgst", "-sha256", *files], 0)[0]
    show("measure-128MiB", 0.128 * 1.048576 / ours, "GB/s")
    show("openssl-dgst-128MiB", 0.128 * 1.048576 / theirs, "GB/s")
    show("measure/openssl", theirs / ours, "(goal:0.8)")


def why(folder, show):
    """Nothing of it is the cause, so everything is tried."""
    around = os.path.join(folder, "around")
    os.mkdir(around)
    for i in range(30):
        write(around, f"firmware-{i:02}", b"\0" * 40 + b"_FVH" + noise(f"f{i}", 2 * MIB)[44:-72] + ES_TABLE + bytes(32))
    for i in range(26):
        write(around, f"kernel-{i:02}", b"MZ" + noise(f"k{i}", 6 * MIB)[2:])
    firmware, kernel = (os.path.join(around, name) for name in ("firmware-00", "kernel-00"))
    words = [PROGRAM, "why", "--measurement", report(bytes(32)), "--tk", write(folder, "tk", KEYS), "--api", "0.24",
             "--build", "10", "--firmware", firmware, "--kernel", kernel, "--append", "console=ttyS0 quiet", "--json"]
    for name, more in (("why", ["--policy", "1"]),
                       ("why-es-64", ["--policy", "5", "--vcpus", "64", "--cpu", "EPYC-Milan"])):
        seconds, done = best([*words, *more], 1, 3)
        said = json.loads(done.stdout)
        show(f"{name}-files", said["files"]["firmware"] + said["files"]["kernels"], "files")
        show(f"{name}-hypotheses", said["hypotheses"], "hypotheses")
        show(f"{name}-seconds", seconds, "s (goal:1)")
        show(f"{name}-10000", seconds * 10000 / said["hypotheses"], "s")


def main():
    def show(name, value, unit):
        print(name, f"{value:.3f}" if value < 10 else f"{value:.0f}", unit, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for part in (verify, measure, why):
            part(folder, show)


main()
