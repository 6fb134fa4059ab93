# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulated hosts for tests: who calls the program, what it leaves in the system.

SEVLAUNCH names the installed program.
"""
import base64
import glob
import hashlib
import json
import os
import pwd
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback

SEVLAUNCH = os.environ.get("SEVLAUNCH", "")
FIRMWARE = os.environ.get("SEVLAUNCH_FIRMWARE", "")
IS_ROOT = os.geteuid() == 0
SERVANT = "nobody"  # whom root becomes where there is no user "sevlaunch"
MARK = "EMULATOR_TEST_MARK"  # a variable that must not reach the daemon
DEADLINE = 60
USAGE, INSECURE, STATE, HOST = 2, 3, 5, 6  # exit codes

for name in ("SEVLAUNCH_EMULATED_HOST", "LIBVIRT_DEFAULT_URI", "VIRSH_DEFAULT_CONNECT_URI"):
    os.environ.pop(name, None)


class Skip(Exception):
    pass


def need(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        need(time.monotonic() < deadline, f"not in time: {what}")
        time.sleep(0.02)


class Caller:
    """Somebody who calls the program: root, or an ordinary user."""

    def __init__(self, name, base, user=None):
        self.name, self.user = name, user
        self.home = os.path.join(base, name[0])
        os.mkdir(self.home, 0o700)
        # The user whom files of the host and the processes belong to.
        if user or not IS_ROOT:
            self.servant = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
        else:
            try:
                self.servant = pwd.getpwnam("sevlaunch")
            except KeyError:
                self.servant = pwd.getpwnam(SERVANT)
        if user:
            os.chown(self.home, self.servant.pw_uid, self.servant.pw_gid)
        elif IS_ROOT:
            os.chmod(self.home, 0o755)
        self.host = os.path.join(self.home, "h")

    def argv(self, words):
        prefix = ["runuser", "-u", self.user, "--"] if self.user else []
        return prefix + ["env", f"HOME={self.home}", f"{MARK}=1"] + list(words)

    def run(self, *words, stdin=None):
        return subprocess.run(self.argv(words), cwd=self.home, text=True, input=stdin, capture_output=True,
                              timeout=DEADLINE * 3)

    # Options of every host that is made.
    kind = ()

    def emulator(self, verb, *words, host=None):
        if verb == "create":
            words = (*self.kind, *words)
        return self.run(SEVLAUNCH, "emulator", verb, "--emulated-host", host or self.host, *words)

    def ok(self, verb, *words, host=None):
        result = self.emulator(verb, *words, host=host)
        need(result.returncode == 0, f"{verb} {words}: exit {result.returncode}: {result.stderr}")
        return result.stdout

    def json(self, verb, *words, host=None):
        return json.loads(self.ok(verb, "--json", *words, host=host))

    def refused(self, code, reason, verb, *words, host=None):
        result = self.emulator(verb, *words, host=host)
        need(result.returncode == code, f"{verb} {words}: exit {result.returncode}, not {code}: {result.stderr}")
        need(f"[{reason}]" in result.stderr, f"{verb} {words}: no [{reason}]: {result.stderr}")
        return result

    def virsh(self, *words):
        return self.ok("exec", "--", "virsh", "-q", *words)

    def mkdir(self, name, mode=0o700):
        path = os.path.join(self.home, name)
        os.mkdir(path)
        os.chmod(path, mode)
        if IS_ROOT:
            owner = self.servant
            os.chown(path, owner.pw_uid, owner.pw_gid)
        return path

    def write(self, path, data):
        """As the host's user: replaces what a file of the host holds."""
        with open(path, "wb") as f:
            f.write(data)
        if IS_ROOT:
            os.chown(path, self.servant.pw_uid, self.servant.pw_gid)


# What a host leaves in the system.

def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def processes(host):
    """Who was started in this host's name: relays show it in their arguments only."""
    found = {}
    for directory in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(directory))
        args = read(directory + "/cmdline")
        variables = read(directory + "/environ").split(b"\0")
        mine = f"SEVLAUNCH_EMULATED_HOST={host}".encode()
        if pid != os.getpid() and args and (mine in variables or host.encode() + b"/" in args):
            found[pid] = args.replace(b"\0", b" ").decode(errors="replace")[:80]
    return found


def sockets(host):
    return [line for line in read("/proc/net/unix").decode().splitlines() if f" {host}/" in line]


def tree(path):
    return sorted((os.path.join(d, n), os.lstat(os.path.join(d, n)).st_mode)
                  for d, subs, names in os.walk(path) for n in subs + names)


def need_nothing(host):
    wait_for(lambda: not processes(host), f"processes end: {processes(host)}")
    need(not sockets(host), f"sockets are left: {sockets(host)}")
    need(not os.path.lexists(host), "the directory is left")


def libvirt_pid(caller, host=None):
    return caller.json("status", host=host)["libvirt"].get("pid", 0)


def kill_libvirt(caller, number):
    pid = libvirt_pid(caller)
    need(pid in processes(caller.host), f"process {pid} is not this host's")
    os.kill(pid, number)
    wait_for(lambda: pid not in processes(caller.host), "libvirt ends")
    return pid


def root_fingerprint(host):
    """From the certificate's own layout, as AMD's documents have it."""
    cert = read(os.path.join(host, "certs/ark.cert"))
    exponent_bits, modulus_bits = struct.unpack_from("<II", cert, 56)
    size = exponent_bits // 8 + modulus_bits // 8
    need(cert[4:20] == b"EMULATED-SEVLNCH", "the root's key id does not say EMULATED")
    return hashlib.sha256(cert[64:64 + size]).hexdigest()


def domain_file(caller, name, sev=False):
    loader = f"<loader type='rom' stateless='yes'>{FIRMWARE}</loader>" if sev else ""
    security = "<launchSecurity type='sev'><policy>0x0001</policy></launchSecurity>" if sev else ""
    path = os.path.join(caller.home, name + ".xml")
    caller.write(path, f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{loader}</os><features><acpi/></features>
  <devices><memballoon model='none'/></devices>{security}</domain>""".encode())
    return path


def start_guest(caller, name, sev=False):
    """Not its first instruction is run: the guest stays."""
    caller.virsh("create", "--paused", domain_file(caller, name, sev))


def node_pdh(c):
    told = dict(line.split(":", 1) for line in c.virsh("nodesevinfo").splitlines() if ":" in line)
    return base64.b64decode({k.strip(): v.strip() for k, v in told.items()}["pdh"])


def clean_up(caller):
    for path in sorted(glob.glob(caller.home + "/*/host.conf")):
        os.chmod(os.path.dirname(path), 0o700)
        caller.emulator("destroy", "--force", host=os.path.dirname(path))


def run_tests(tests):
    only = sys.argv[1:]
    tests = [(c, t) for c, t in tests if not only or any(word in t.__name__ for word in only)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (caller, test) in enumerate(tests, 1):
        name = f"{number} - {caller.name}: {test.__name__[5:].replace('_', ' ')}"
        try:
            test(caller)
            print(f"ok {name}", flush=True)
        except Skip as reason:
            print(f"ok {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {name}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    return failed


def main(choose):
    """Runs what choose (callers) lists: pairs of a caller and a test."""
    if not SEVLAUNCH:
        print("1..0 # SKIP SEVLAUNCH is not set")
        return 0
    base = tempfile.mkdtemp(prefix="se.", dir="/tmp")
    os.chmod(base, 0o755)
    callers = [Caller("root", base), Caller("user", base, SERVANT)] if IS_ROOT else [Caller("user", base)]
    try:
        failed = run_tests(choose(callers))
    finally:
        for caller in callers:
            clean_up(caller)
        shutil.rmtree(base)
    return 1 if failed else 0
