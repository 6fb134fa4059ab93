#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the owner's other commands leave in memory: no TEK or TIK, no owner's key, no secret.

Each is stopped when main() has returned (tests/lib/stop-at.c), and its memory is read, that of
its children, and a core file.  Before, the same command with a leak: the same search finds the
keys that the command had.  A launch by `run` is in test-key-hygiene.py.
"""
import base64
import contextlib
import os
import pathlib
import re
import signal
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
import bareqemu  # noqa: E402
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import memscan  # noqa: E402
import owner  # noqa: E402
import stopped  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
EXTRA_GUID = "11111111-2222-3333-4444-555555555555"
POLICY = "0x1100002b"
SESSION_KEYS = {"tek", "tik", "shared", "master", "kek", "kik"}


def read(path):
    return pathlib.Path(path).read_bytes()


def key_forms(path, name):
    """A private key by all that of it may lie about: the number, and lines of its PEM file."""
    pem = read(path)
    key = serialization.load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        number = key.private_numbers().private_value.to_bytes(48, "big")
    else:
        number = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
                                   serialization.NoEncryption())
    # The first line of a P-384 key begins with what all of them have in common.
    lines = pem.decode().splitlines()[1:-1]
    return {name: number, f"{name}'s file": base64.b64decode(lines[1 if len(lines) > 2 else 0])}


def session_keys(folder, name):
    return {kind: read(f"{folder}/{name}_{kind}.bin") for kind in ("tek", "tik")}


class Commands:
    """Each twice: with a leak, and as it is."""

    def __init__(self, bed, t):
        self.bed, self.tap, self.library = bed, t, stopped.build(bed.host.files)
        os.chmod(bed.host.files, 0o755)
        self.sessions = bed.session_dir()
        self.owner_keys = {**key_forms(bed.key, "owner key"),
                           **key_forms(os.path.join(bed.owner, "sign.key"), "sign key")}
        self.extra = os.urandom(48)
        self.extra_file = os.path.join(bed.dir, "extra")
        with open(self.extra_file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(self.extra)
        self.disk_key = {"disk key": read(bed.disk_key)}
        self.secret = {"secret": self.extra}

    def look(self, words, keys, code=0, **environment):
        """Runs it; ({name: where}, the same for a core file, what it printed).  keys: a function,
        because some are made only then."""
        with stopped.Process(self.bed.program, words, self.bed.environment(
                LD_PRELOAD=self.library, STOP_AT_END="1", STOP_AT_OPEN="1", **environment), self.bed.dir) as process:
            memories = [process.stopped(), *map(memscan.Memory, process.children())]
            limits = read(f"/proc/{process.pid}/limits").decode()
            core = None if environment else process.core()
            status, text = process.end()
        self.tap.equal(status, code, text.decode())
        self.tap.true(re.search(r"^Max core file size +0 +0 ", limits, re.M), limits)
        self.tap.true(memories[0].find(words[-1].encode()), "its own arguments are not in the memory that was read")
        keys = keys()
        found = {name: [str(m) for memory in memories for m in memory.find(key)] for name, key in keys.items()}
        in_core = {name for name, key in keys.items() if core and memscan.holds(core, key)}
        self.tap.true(core is None or memscan.holds(core, words[-1].encode()), "nor in the core file")
        self.tap.equal({name for name, key in keys.items() if memscan.holds(text, key)}, set(), text.decode())
        return {name: where for name, where in found.items() if where}, in_core

    def both(self, what, words, keys, has, code=0, around=contextlib.nullcontext):
        """words, keys, around: functions of "leak" or "clean", where there is to be a
        difference; has: the names of those that the command works with."""
        with self.tap.test(f"{what} with a leak: the search finds what it worked with"), around("leak"):
            found, _ = self.look(words("leak"), lambda: keys("leak"), code, STOP_AT_LEAK="1")
            self.tap.true(has <= set(found), f"not found: {has - set(found)}; found: {set(found)}")
        with self.tap.test(f"{what}: at its end no key is in memory or in a core file"), around("clean"):
            self.tap.equal(self.look(words("clean"), lambda: keys("clean"), code), ({}, set()))

    # -- without a host

    def owner_init(self):
        made = os.path.join(self.bed.dir, "made-{}")
        old = {}

        def keys(kind):
            return {**key_forms(os.path.join(made.format(kind), "pdh.key"), "owner key"),
                    **key_forms(os.path.join(made.format(kind), "sign.key"), "sign key"),
                    **{f"old {name}": key for name, key in old.get(kind, {}).items()}}

        self.both("owner-init", lambda kind: ["owner-init", made.format(kind)], keys, {"owner key", "sign key"})
        for kind in ("leak", "clean"):
            old[kind] = key_forms(os.path.join(made.format(kind), "pdh.key"), "owner key")
        self.both("owner-init --rotate", lambda kind: ["owner-init", "--rotate", made.format(kind)], keys,
                  {"owner key"})

    def session(self):
        certs = os.path.join(self.bed.host.path, "certs")

        def keys(kind):
            made = session_keys(self.sessions, kind)
            blob = base64.b64decode(read(f"{self.sessions}/{kind}_session.b64"))
            key = serialization.load_pem_private_key(read(self.bed.key), None)
            shared = key.exchange(ec.ECDH(), owner.cert_public_key(self.bed.host.certificate("pdh")))
            master = owner.kdf(shared, b"sev-master-secret", blob[:16])
            return {**made, **self.owner_keys, "shared": shared, "master": master,
                    "kek": owner.kdf(master, b"sev-kek"), "kik": owner.kdf(master, b"sev-kik")}

        self.both("session", lambda kind: [
            "session", "--platform-cert", certs, "--policy", POLICY, "--owner-cert", self.bed.cert,
            "--out-dir", self.sessions, "--name", kind], keys, SESSION_KEYS | {"owner key"})

    def release(self):
        self.both("release create", lambda kind: [
            "release", "create", "--image", self.bed.disk, "--owner-cert", self.bed.cert, "--secret",
            f"luks-key:{self.bed.disk_key}", "--secret", f"{EXTRA_GUID}:{self.extra_file}", "--name", kind],
            lambda _: {**self.disk_key, **self.secret, **self.owner_keys}, {"disk key", "secret"})

    # -- a guest without libvirt

    def steps(self):
        guest = bareqemu.BareGuest(self.bed, "steps", int(POLICY, 16))
        keys = {**session_keys(guest.dir, guest.name), **self.owner_keys, **self.secret}
        packet = [os.path.join(self.bed.dir, name) for name in ("header", "payload")]
        files = ["--tik", f"{guest.dir}/steps_tik.bin", "--tek", f"{guest.dir}/steps_tek.bin"]
        with guest.started():
            said = guest.ask("query-sev")
            judge = [*files, "--measurement", guest.ask("query-sev-launch-measure")["data"], "--policy", POLICY,
                     "--api", f"{said['api-major']}.{said['api-minor']}", "--build", str(said["build-id"]),
                     "--firmware", self.bed.firmware]
            kernel = ["--kernel", guest.kernel]
            self.both("verify", lambda _: ["verify", *judge, *kernel], lambda _: keys, {"tek", "tik"})
            self.both("verify, which says why not", lambda _: ["verify", *judge, "--kernel", self.bed.firmware],
                      lambda _: keys, {"tek", "tik"}, code=1)
            self.both("secret", lambda _: [
                "secret", *judge, *kernel, "--secret", f"{EXTRA_GUID}:{self.extra_file}", "--out-header", packet[0],
                "--out-payload", packet[1]], lambda _: keys, {"tek", "tik", "secret"})
            # It has no key that it could leak.
            self.both("inject", lambda _: ["inject", "--qmp", guest.socket, "--header", packet[0], "--payload",
                                           packet[1]], lambda _: keys, set())

    def attach(self):
        def keys(kind):
            return {**session_keys(guests[kind].dir, kind), **self.owner_keys, **self.secret, **self.disk_key}

        guests = {kind: bareqemu.BareGuest(self.bed, kind) for kind in ("leak", "clean")}
        # One of them at a time has the disk.
        self.both("attach", lambda kind: [
            "attach", "--release", "disk.qcow2", "--secret", f"{EXTRA_GUID}:{self.extra_file}", "--json",
            *guests[kind].arguments()], keys, {"tek", "tik", "secret", "disk key"},
            around=lambda kind: guests[kind].started())

    def domain(self):
        sessions = self.bed.session_dir("domain-sessions")

        def file(kind):
            return self.bed.host.write(f"{kind}.xml", emuhost.domain_xml(
                self.bed.host, kind, firmware=self.bed.firmware, disk=self.bed.disk))

        @contextlib.contextmanager
        def ended(kind):
            yield
            self.bed.destroy(kind)

        self.both("run --domain", lambda kind: [
            "run", "--domain", file(kind), "--owner-cert", self.bed.cert, "--release", "disk.qcow2", "--secret",
            f"{EXTRA_GUID}:{self.extra_file}", "--session-dir", sessions, *self.bed.where(), "--paused"],
            lambda kind: {**session_keys(sessions, kind), **self.owner_keys, **self.secret, **self.disk_key},
            {"tek", "tik", "secret", "disk key", "owner key"}, around=ended)

    # -- owner and host apart

    def courier(self):
        file, kept, seen = os.path.join(self.bed.dir, "courier-{}-{}").format, {}, set()
        store = os.path.join(self.bed.owner, "sessions")
        self.bed.must("courier", "platform", "-o", file("a", "platform"), *self.bed.where())

        def keys(kind):
            """Of the session that was prepared last, as the owner keeps them until he judges it."""
            if kind not in kept:
                (name,) = set(os.listdir(store)) - seen
                seen.add(name)
                kept[kind] = {key: read(os.path.join(store, name, key)) for key in ("tek", "tik")}
            return {**kept[kind], **self.owner_keys, **self.disk_key, **self.secret}

        self.both("courier prepare", lambda kind: [
            "courier", "prepare", "--platform", file("a", "platform"), "--owner-cert", self.bed.cert, "--image",
            self.bed.disk, "--name", kind, "-o", file(kind, "bundle")], keys, {"tek", "tik"})
        # Both guests are there at once, each with a disk.
        for kind, disk in (("leak", self.bed.disk), ("clean", self.bed.copy(self.bed.disk, "other.qcow2"))):
            self.bed.must("run", "--bundle", file(kind, "bundle"), "--image", disk, "--measurement-out",
                          file(kind, "measurement"), *self.bed.where())
        self.both("courier judge", lambda kind: [
            "courier", "judge", "--bundle", file(kind, "bundle"), "--measurement", file(kind, "measurement"),
            "--owner-cert", self.bed.cert, "--secret", f"{EXTRA_GUID}:{self.extra_file}", "-o", file(kind, "packet")],
            keys, {"tek", "tik", "disk key", "secret"})
        self.both("courier inject", lambda kind: [
            "courier", "inject", "--packet", file(kind, "packet"), "--domain", kind, *self.bed.where(), "--paused"],
            keys, set())
        for kind in ("leak", "clean"):
            self.bed.destroy(kind)


def main():
    t = tap.Tap()
    signal.alarm(3 * launchbed.TIMEOUT)
    if stopped.GDB is None:
        t.note("SKIP core files: there is no gdb; memory is read all the same")
    with launchbed.Bed() as bed:
        commands = Commands(bed, t)
        commands.owner_init()
        commands.session()
        commands.steps()
        commands.attach()
        commands.domain()
        commands.courier()
        commands.release()  # of the same disk as the bed's
    t.finish()


main()
