# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real host, rehearsed: unmodified libvirt and QEMU with its own sev.c, under KVM.

    with Rehearsal(host) as real:
        real.uri                       # of a libvirt of its own
        real.virsh("list")

Only the kernel is played: /dev/sev by the emulated host's service, and SEV's commands of KVM
by rehearsal-service, which has the same emulated secure processor.  Guests must stay paused.
"""
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile

from emuhost import HostError, TIMEOUT, is_alive, read_bytes, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KVM = "/dev/kvm"
QEMU = "/usr/bin/qemu-system-x86_64"
LIBVIRTD = "/usr/sbin/libvirtd"


class Unavailable(Exception):
    """Why there can be no rehearsal here."""


class Rehearsal:
    def __init__(self, host):
        self.host = host
        self.build = os.environ["SEVLAUNCH_BUILD"]
        self.path = host.give(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
        self.uri = f"qemu+unix:///session?socket={self.path}/rt/libvirt/libvirt-sock"
        self.service = self.daemon = None

    def __enter__(self):
        try:
            self.kvm = self.find_kvm()
            self.make()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.service is not None:
                self.service.stdin.close()
            for number in (signal.SIGTERM, signal.SIGKILL):
                for pid in self.processes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                with contextlib.suppress(HostError):
                    wait_until(lambda: not self.processes(), "end of the rehearsal", 20)
            for process in (self.daemon, self.service):
                if process is not None:
                    process.wait(TIMEOUT)
        finally:
            shutil.rmtree(self.path, ignore_errors=True)

    def processes(self):
        """Whatever has this directory's name among its words: libvirtd, its guests, the service."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and self.path.encode() in read_bytes(f"/proc/{name}/cmdline") and is_alive(int(name)):
                found.append(int(name))
        return found

    def find_kvm(self):
        """As root the host's user gets a device file of its own."""
        if self.host.user is None:
            return KVM
        path = os.path.join(self.path, "kvm")
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.stat(KVM).st_rdev)
            self.host.give(path)
            with open(path, "r+b", buffering=0):
                return path
        except OSError as error:
            raise Unavailable(f"no device file for KVM: {error}") from error

    def make(self):
        subprocess.run(["make", "-C", self.build, "tests/lib/rehearsal-service"], check=True, capture_output=True)
        self.program = shutil.copy(os.path.join(self.build, "tests/lib/rehearsal-service"), self.path)
        self.preload = os.path.join(self.path, "kvm.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.preload,
                        os.path.join(TOP, "tests/lib/rehearsal-kvm.c")], check=True)
        self.socket = os.path.join(self.path, "psp")
        shim = os.path.join(self.host.prefix, "lib", "sevlaunch", "sev-shim.so")
        self.write("bin/qemu-system-x86_64",
                   f"#!/bin/sh\nexport REHEARSAL_SOCKET={self.socket} REHEARSAL_KVM={self.kvm}\n"
                   f"export SEVLAUNCH_SEV_DEVICE={self.host.path} LD_PRELOAD='{self.preload} {shim}'\n"
                   # A hostile host: another image than the one that the domain names.
                   f"if [ -e {self.path}/other.fd ]; then\n"
                   f"  for word; do shift\n"
                   f"    set -- \"$@\" \"$(printf %s \"$word\" | sed 's,\"[^\"]*\\.fd\",\"{self.path}/other.fd\",')\"\n"
                   f"  done\nfi\n"
                   f"exec {QEMU} \"$@\"\n", 0o755)
        self.write("c/libvirt/qemu.conf", 'stdio_handler = "file"\n')
        for name in ("rt", "cache", "data"):
            os.mkdir(os.path.join(self.path, name), 0o700)
            self.host.give(os.path.join(self.path, name))

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.path, name)
        directory = self.path
        for part in os.path.dirname(name).split("/"):
            directory = os.path.join(directory, part)
            if not os.path.isdir(directory):
                os.mkdir(directory, 0o700)
                self.host.give(directory)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        self.host.give(path)

    def start(self):
        log = open(os.path.join(self.path, "service.log"), "wb")
        self.service = self.host.spawn(self.program, self.host.path, self.socket, stdin=subprocess.PIPE,
                                       stdout=log, stderr=subprocess.STDOUT)
        log.close()
        wait_until(lambda: "ready" in self.said(), "the rehearsal's service")
        env = [f"HOME={self.path}", f"XDG_RUNTIME_DIR={self.path}/rt", f"XDG_CONFIG_HOME={self.path}/c",
               f"XDG_CACHE_HOME={self.path}/cache", f"XDG_DATA_HOME={self.path}/data",
               f"PATH={self.path}/bin:/usr/bin:/bin", f"LD_PRELOAD={self.preload}", f"REHEARSAL_KVM={self.kvm}"]
        log = open(os.path.join(self.path, "libvirtd.log"), "wb")
        self.daemon = self.host.spawn("env", *env, LIBVIRTD, "-p", f"{self.path}/pid", stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=subprocess.STDOUT)
        log.close()
        wait_until(lambda: os.path.exists(f"{self.path}/rt/libvirt/libvirt-sock"), "the rehearsal's libvirtd")

    def said(self):
        """What the service did: its lines."""
        with open(os.path.join(self.path, "service.log"), encoding="utf-8") as f:
            return f.read()

    def virsh(self, *words, check=True):
        done = subprocess.run(["virsh", "-q", "-c", self.uri, *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"virsh {words}: {done.stderr}")
        return done.stdout
