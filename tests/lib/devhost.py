# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of tests/lib that run inside of an emulated host, as its user."""
import fcntl
import os
import re
import struct

LIB = os.path.dirname(os.path.abspath(__file__))
INSIDE = ("devsev.py", "devsev-replay.py", "devsev-shim.py", "devsev-storm.py", "tap.py")


def install(host):
    """The host's user may not be able to read the source tree."""
    for name in INSIDE:
        with open(os.path.join(LIB, name), "rb") as f:
            host.write(name, f.read(), 0o644)


def python(host, *words):
    return ["PYTHONPATH=" + host.files, "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", *words]


def run(host, *words, **more):
    """A program that was installed, or -c CODE."""
    words = [os.path.join(host.files, words[0]), *words[1:]] if words[0].endswith(".py") else words
    return host.exec("env", *python(host, *words), **more)


def take_over_tap(t, done):
    """Each test of a TAP program becomes one of this program's."""
    seen = False
    for number, failed in re.findall(r"^(?:ok|not ok) (\d+) - (.*)$", done.stdout, re.M):
        with t.test(failed):
            seen = True
            if f"not ok {number} - {failed}" in done.stdout.splitlines():
                text = done.stdout.partition(f"not ok {number} - {failed}\n")[2]
                raise AssertionError(re.split(r"^(?:not )?ok ", text, flags=re.M)[0])
    with t.test("the program ended by itself, with a plan"):
        t.true(seen and re.search(r"^1\.\.\d+$", done.stdout, re.M), f"{done.stdout}{done.stderr}")


def service_pid(host):
    """The service behind /dev/sev; 0: none."""
    try:
        with open(f"{host.path}/rt/sev-device.pid", "rb") as f:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(f, fcntl.F_GETLK, lock))
            return 0 if kind == fcntl.F_UNLCK else pid
    except FileNotFoundError:
        return 0
