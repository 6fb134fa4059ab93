#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the keys of a launch lie: while they are used in locked memory that no core file
gets, afterwards nowhere, and never in what others can read.

sevlaunch is stopped twice (tests/lib/stop-at.c) and its whole memory read, that of its
children, and a core file.  That the search finds keys is shown first: those in use, and those
that a build with a leak keeps.  Other commands: test-key-hygiene-steps.py.
"""
import base64
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
import launchbed  # noqa: E402
import memscan  # noqa: E402
import owner  # noqa: E402
import stopped  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
EXTRA_GUID = "11111111-2222-3333-4444-555555555555"
LIVE = {"tek", "tik", "owner key", "sign key", "disk key", "secret"}
# Needed for an instant only: to make the session.
PASSING = {"shared", "master", "kek", "kik"}


def read(path):
    return pathlib.Path(path).read_bytes()


class Launch:
    """One launch, stopped where the library stops it."""

    def __init__(self, bed, library, *words, **environment):
        self.bed = bed
        self.extra = os.urandom(48)
        self.extra_file = pathlib.Path(bed.dir) / "extra"
        self.extra_file.write_bytes(self.extra)
        self.extra_file.chmod(0o600)
        self.sessions = bed.session_dir()
        self.process = stopped.Process(bed.program, [
            *bed.arguments(), "--paused", "--debug", "--json", "--session-dir", self.sessions,
            "--release", os.path.basename(bed.disk), "--secret", f"{EXTRA_GUID}:{self.extra_file}", *words,
        ], bed.environment(LD_PRELOAD=library, **environment), bed.dir)
        self.pid = self.process.pid

    def stopped(self):
        return self.process.stopped()

    def go_on(self):
        self.process.go_on()

    def end(self):
        """What it printed."""
        status, text = self.process.end()
        tap.Tap.equal(status, 0, text.decode())
        return text

    def keys(self):
        """All that must not be seen, by name; once the launch is over."""
        def of(kind):
            return read(f"{self.sessions}/{self.bed.name}_{kind}")

        key = serialization.load_pem_private_key(read(self.bed.key), None)
        blob = base64.b64decode(of("session.b64"))
        shared = key.exchange(ec.ECDH(), owner.cert_public_key(self.bed.host.certificate("pdh")))
        master = owner.kdf(shared, b"sev-master-secret", blob[:16])
        sign = serialization.load_pem_private_key(read(os.path.join(self.bed.owner, "sign.key")), None)
        return {"sign key": sign.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
                                               serialization.NoEncryption()),
                "tek": of("tek.bin"), "tik": of("tik.bin"), "disk key": read(self.bed.disk_key), "secret": self.extra,
                "owner key": key.private_numbers().private_value.to_bytes(48, "big"),
                "shared": shared, "master": master,
                "kek": owner.kdf(master, b"sev-kek"), "kik": owner.kdf(master, b"sev-kik")}

    def children(self):
        """The memory of those that sevlaunch forked; qemu-nbd is another program."""
        return {pid: memscan.Memory(pid) for pid in self.process.children()
                if os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{self.pid}/exe")}

    def clear(self):
        self.process.close()
        self.bed.destroy()
        shutil.rmtree(self.sessions)


def found(memory, keys):
    return {name for name, key in keys.items() if memory.find(key)}


def unguarded(memory, keys):
    """{name: where}, outside of memory that is locked and kept out of core files"""
    places = {name: [str(mapping) for mapping in memory.find(key) if not mapping.guarded] for name, key in keys.items()}
    return {name: where for name, where in places.items() if where}


def held(core, keys):
    """Those that a core file has."""
    return {name for name, key in keys.items() if memscan.holds(core, key)}


def files_with(keys, *folders, without=()):
    """Regular files below the folders that hold one of the keys."""
    places = set()
    for folder in folders:
        for root, _, names in os.walk(folder):
            for path in (pathlib.Path(root) / name for name in names):
                if path.is_file() and not path.is_symlink() and path.suffix not in (".qcow2", ".fd", ".efi") \
                        and not str(path).startswith(tuple(without)):
                    data = path.read_bytes()
                    places |= {(str(path), name) for name, key in keys.items()
                               if any(form in data for form in memscan.forms(key))}
    return places


def leaking(t, bed, library):
    with t.test("a launch that leaks on purpose: its keys are found after their use"):
        launch = Launch(bed, library, STOP_AT_LEAK="1", STOP_AT_OPEN="1")
        launch.stopped()
        launch.go_on()
        after, core = launch.stopped(), launch.process.core()
        launch.end()
        keys = launch.keys()
        launch.clear()
        t.true({"tek", "tik", "disk key", "secret"} <= set(unguarded(after, keys)), unguarded(after, keys))
        if core is not None:
            t.true({"tek", "tik", "disk key", "secret"} <= held(core, keys), held(core, keys))


def clean(t, bed, library):
    launch = Launch(bed, library, STOP_AT_OPEN="1")
    during, cores, children = launch.stopped(), [launch.process.core()], launch.children()
    seen = b"".join(read(f"/proc/{launch.pid}/{name}") for name in ("cmdline", "environ"))
    launch.go_on()
    after = launch.stopped()
    cores.append(launch.process.core())
    children.update(launch.children())
    seen += launch.end()
    keys = launch.keys()
    with t.test("while they are in use, the keys are in memory, locked and kept out of core files"):
        t.true(during.size > 1 << 20, f"only {during.size} bytes were read")
        t.equal(found(during, keys), LIVE)
        t.equal(unguarded(during, keys), {})
    with t.test("what the session was made with is gone by then"):
        t.equal(found(during, {name: keys[name] for name in PASSING}), set())
    with t.test("when the secrets are injected, nothing of them is left anywhere in memory"):
        t.equal({name: [str(m) for m in after.find(key)] for name, key in keys.items() if after.find(key)}, {})
    with t.test("the processes that it forked have none of them"):
        t.true(children, "there was none")
        t.equal({name for memory in children.values() for name in found(memory, keys)}, set())
    with t.test("a core file has none, neither while they are in use nor afterwards"):
        if stopped.GDB is None:
            t.note("SKIP: there is no gdb, which makes one of a process that goes on")
        else:
            t.equal([held(core, keys) for core in cores], [set(), set()])
            t.true(all(memscan.holds(core, launch.sessions.encode()) for core in cores), "no arguments in it either")
    with t.test("neither arguments and environment nor messages, JSON and XML have them"):
        seen += bed.host.virsh("dumpxml", "--security-info", bed.name).stdout.encode()
        t.true(len(seen) > 5000 and b'"verdict" : "verified"' in seen and b"<launchSecurity" in seen, seen[-2000:])
        t.equal({name for name, key in keys.items() if any(form in seen for form in memscan.forms(key))}, set())
    with t.test("no file has them but those that the owner asked for"):
        own = {(str(launch.extra_file), "secret"), (bed.disk_key, "disk key"),
               (os.path.join(bed.owner, "sign.key"), "sign key")}
        own |= {(f"{launch.sessions}/{bed.name}_{key}.bin", key) for key in ("tek", "tik")}
        places = files_with(keys, bed.dir, bed.tmp, bed.host.files, bed.host.path,
                            without=[f"{bed.host.path}/platform"])
        release = {place for place in places if place[0].startswith(f"{bed.owner}/releases/")}
        t.equal({name for _, name in release}, {"disk key"})
        t.equal(places - release, own)
    launch.clear()


def ephemeral(t, bed, library):
    with t.test("--ephemeral: another certificate goes to the platform, the owner's key is never in memory"):
        launch = Launch(bed, library, "--ephemeral", STOP_AT_OPEN="1")
        during = launch.stopped()
        t.true(b'"verdict" : "verified"' in launch.end(), "not verified")
        keys, sent = launch.keys(), base64.b64decode(read(f"{launch.sessions}/{bed.name}_godh.b64"))
        t.equal(len(sent), owner.CERT_SIZE)
        t.true(sent != read(bed.cert), "it is the owner's certificate")
        t.equal(found(during, {name: keys[name] for name in LIVE}), LIVE - {"owner key"})
    launch.clear()


def closed(t, bed, library):
    """Both files are the kernel's and nobody else's: proc(5), PR_SET_DUMPABLE."""
    with t.test("nobody but root looks into the process, and it leaves no core file"):
        launch = Launch(bed, library)
        launch.process.wait()
        t.equal(os.stat(f"/proc/{launch.pid}/mem").st_uid, 0)
        os.kill(launch.pid, signal.SIGABRT)
        launch.go_on()
        status = launch.process.wait()
        t.true(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status)
        t.true(not os.WCOREDUMP(status), "a core file was written")
        launch.process.close()
    with t.test("... where another program leaves one"):
        folder = os.path.join(bed.dir, "core")
        os.mkdir(folder)
        child = subprocess.Popen(["sleep", "60"], cwd=folder, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        os.kill(child.pid, signal.SIGABRT)
        if not os.WCOREDUMP(os.waitpid(child.pid, 0)[1]):
            t.note("this machine writes no core files, so only the first half was shown")


def main():
    t = tap.Tap()
    signal.alarm(launchbed.TIMEOUT)
    with launchbed.Bed() as bed:
        library = stopped.build(bed.host.files)
        os.chmod(bed.host.files, 0o755)
        leaking(t, bed, library)
        clean(t, bed, library)
        ephemeral(t, bed, library)
        closed(t, bed, library)
    t.finish()


main()
