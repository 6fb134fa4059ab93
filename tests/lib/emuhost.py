# SPDX-License-Identifier: LGPL-2.1-or-later
"""An emulated SEV host with its private libvirt, and guests in it.

    with EmulatedHost() as host:
        host.start(domain_xml(host, "g1", sev=sev_members(session), firmware=..., kernel=...))
        host.virsh("domlaunchsecinfo", "g1")

What is started here is ended here, by process id; what a host left behind can be asked
with host.traces() before the directory goes.
"""
import base64
import configparser
import json
import os
import pwd
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import uuid
from xml.sax.saxutils import escape

import guestram
import owner

TIMEOUT = int(os.environ.get("SEVLAUNCH_TEST_TIMEOUT", "240"))


class HostError(Exception):
    pass


def wait_until(condition, what, timeout=TIMEOUT):
    """Waits for a condition that is true at last; its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise HostError(f"not within {timeout} s: {what}")
        time.sleep(0.05)


def read_bytes(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def is_alive(pid):
    """Whether a process is there and no zombie.  One whose first thread is a zombie lives on
    in the others, with its locks and sockets."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    stats = [read_bytes(f"/proc/{pid}/task/{thread}/stat").decode(errors="replace") for thread in threads]
    return any(stat.rpartition(")")[2].split()[0] not in "ZX" for stat in stats if stat)


def kill_9(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), f"end of process {pid}")


class EmulatedHost:
    """One host that sevlaunch made, in a directory of its own."""

    def __init__(self, *kind):
        """As root everything in the host runs as nobody.  kind: options of its creation."""
        # The generation whose keys are made fastest.
        self.kind = kind or ("--generation", "naples")
        self.prefix = os.environ["SEVLAUNCH_PREFIX"]
        self.libexec = os.path.join(self.prefix, "libexec", "sevlaunch")
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        # A socket's address has 107 bytes, so the directory has a short name.
        self.path = self.give(tempfile.mkdtemp(prefix="h-", dir="/tmp"))
        # For disks and XML: the host's directory holds nothing of anybody else's.
        self.files = self.give(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))
        self.emulator = f"{self.path}/bin/qemu-system-x86_64"
        self.uri = f"qemu+unix:///session?socket={self.path}/rt/libvirt/libvirt-sock"

    # -- life

    def __enter__(self):
        try:
            self.sevlaunch("create", *self.kind)
            self.virsh("uri")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        try:
            self.remove()
        finally:
            self.end_processes()
            shutil.rmtree(self.path, ignore_errors=True)
            shutil.rmtree(self.files, ignore_errors=True)

    def remove(self):
        """sevlaunch emulator destroy; an error if anything of the host still runs."""
        if os.path.exists(self.path):
            self.sevlaunch("destroy", "--force")
        left = self.processes()
        if left:
            raise HostError(f"'emulator destroy' left {left}")

    def command(self, verb, *words):
        more = ["--run-as", self.user.pw_name] if self.user is not None else []
        return [os.path.join(self.prefix, "bin", "sevlaunch"), "emulator", verb, "--emulated-host", self.path,
                *more, *words]

    def sevlaunch(self, verb, *words, check=True, timeout=TIMEOUT, **more):
        """sevlaunch emulator VERB for this host."""
        done = subprocess.run(self.command(verb, *words), cwd="/", capture_output=True, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, timeout=timeout,
                              env=dict(os.environ, LC_ALL="C.UTF-8"), **more)
        if check and done.returncode != 0:
            raise HostError(f"{verb} {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def configure(self, group, line):
        """One line more in the host's host.conf."""
        with open(os.path.join(self.path, "host.conf"), "a", encoding="utf-8") as f:
            f.write(f"[{group}]\n{line}\n")

    def give(self, path):
        """Makes a file the host's user's own."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def write(self, name, data, mode=0o600):
        """A file beside the host, for its user."""
        path = os.path.join(self.files, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return self.give(path)

    def libvirtd_pid(self):
        return int(read_bytes(f"{self.path}/rt/libvirt/libvirtd.pid") or 0)

    def kill_libvirtd(self):
        """kill -9, as the kernel does when memory runs out.  The next exec() starts another."""
        kill_9(self.libvirtd_pid())

    def end_processes(self):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            try:
                wait_until(lambda: not self.processes(), "end of the host's processes", 15)
                return
            except HostError:
                continue

    # -- what runs in it

    def exec(self, *command, **more):
        """Runs a program inside of the host."""
        return self.sevlaunch("exec", "--", *command, **more)

    def spawn(self, *command, **more):
        return subprocess.Popen(self.command("exec", "--", *command), cwd="/", **more)

    def virsh(self, *words, check=True, **more):
        return self.exec("virsh", "-q", *words, check=check, **more)

    def qmp(self, domain, command, check=True, **arguments):
        """A QMP command through libvirt: what it returned, or the error's text with
        check=False (a str that begins with "error: ")."""
        text = json.dumps({"execute": command.replace("__", "-"), "arguments": arguments})
        done = self.virsh("qemu-monitor-command", domain, text, check=False)
        if done.returncode != 0:
            raise HostError(f"{command}: {done.stderr}")
        reply = json.loads(done.stdout)
        if "error" in reply:
            if check:
                raise HostError(f"{command}: {reply['error']['desc']}")
            return "error: " + reply["error"]["desc"]
        return reply["return"]

    def hmp(self, domain, line):
        """A line for the human monitor, through libvirt: (refused, text)."""
        done = self.virsh("qemu-monitor-command", "--hmp", domain, line, check=False)
        return done.returncode != 0, done.stdout + done.stderr

    def state(self, domain):
        done = self.virsh("domstate", domain, check=False)
        return done.stdout.strip() if done.returncode == 0 else "gone"

    # -- what is there

    def processes(self):
        """{pid: name} of what runs in this host, whoever started it."""
        found = {}
        mark = self.path.encode() + b"/"
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            if (mark in read_bytes(f"/proc/{entry}/cmdline") + b"/"
                    or mark in read_bytes(f"/proc/{entry}/environ")):
                if is_alive(entry):
                    found[int(entry)] = read_bytes(f"/proc/{entry}/comm").decode().strip()
        return found

    def named(self, name):
        """The ids of this host's processes with a name, as the kernel shows it."""
        return sorted(pid for pid, comm in self.processes().items() if comm == name[:15])

    def qemu_pids(self):
        return self.named("qemu-system-x86_64")

    def relay_pids(self):
        return self.named("sev-relay")

    def certificate(self, name):
        return read_bytes(f"{self.path}/certs/{name}.cert")

    def log(self, guest):
        return read_bytes(f"{self.path}/log/{guest}.log").decode(errors="replace")

    def status(self):
        return json.loads(self.sevlaunch("status", "--json").stdout)

    SERVICES = ("/virtlogd", "/rt/sev-r", "/rt/sev-device.")

    def traces(self):
        """What a guest must not leave: processes, files, sockets, memory files."""
        found = {f"process {name}" for name in self.processes().values()
                 if name in ("qemu-system-x86", "sev-relay")}
        for top in ("rt", "c/libvirt/qemu/lib", "c/libvirt/qemu/run", "data", "cache/libvirt/qemu/run"):
            for root, dirs, files in os.walk(os.path.join(self.path, top)):
                found |= {f"file {os.path.join(root, name)}" for name in files + dirs}
        with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
            found |= {f"socket {line.split()[-1]}" for line in f if self.path + "/" in line}
        for pid, name in self.processes().items():
            found |= {f"memory file of {name}: {target}" for target in self._links(pid)
                      if target.startswith("/memfd:")}
        # virtlogd starts with the first guest, and the service of /dev/sev with "emulator
        # exec": both stay for a while (tests/relay/test-dev-sev.py sees the latter end).
        return {trace for trace in found if not any(name in trace for name in self.SERVICES)}

    @staticmethod
    def _links(pid):
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            return []
        links = []
        for name in names:
            try:
                links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
            except OSError:
                pass
        return links

    def bound_sockets(self, pid):
        """Names under which a process's Unix sockets can be reached; abstract ones begin
        with '@'."""
        inodes = {re.sub(r"\D", "", link) for link in self._links(pid) if link.startswith("socket:")}
        names = []
        with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
            for line in f:
                words = line.split()
                if len(words) > 7 and words[6] in inodes:
                    names.append(words[7])
        return names

    # -- guests

    def copy(self, path, name=None):
        """A copy that the host's user owns: QEMU writes to disks."""
        return self.give(shutil.copy(path, os.path.join(self.files, name or os.path.basename(path))))

    def start(self, xml, paused=True, check=True):
        """virsh create: a transient domain."""
        path = self.write(f"{uuid.uuid4().hex[:8]}.xml", xml)
        done = self.virsh("create", path, *(["--paused"] if paused else []), check=check)
        os.unlink(path)
        return done

    def destroy(self, domain):
        """Ends a guest and waits until it, its QEMU and its relay are gone."""
        pids = self.guest_pids(domain)
        self.virsh("destroy", domain, check=False)
        wait_until(lambda: not any(is_alive(pid) for pid in pids), f"end of guest '{domain}'")

    def wait_gone(self, domain, before):
        """Waits until libvirt has forgotten a guest and nothing of it is left; before is
        what traces() said without it."""
        wait_until(lambda: self.state(domain) == "gone", f"libvirt forgets '{domain}'")
        deadline = time.monotonic() + 20
        while left := self.traces() - before:
            if time.monotonic() > deadline:
                raise HostError(f"left behind: {sorted(left)}")
            time.sleep(0.05)

    def guest_pids(self, domain):
        mark = f"guest={domain},".encode()
        return [pid for pid in self.qemu_pids() + self.relay_pids()
                if mark in read_bytes(f"/proc/{pid}/cmdline")]


def domain_xml(host, name, sev=None, firmware=None, kernel=None, initrd=None, cmdline=None, disk=None,
               memory=512, vcpus=1, devices=""):
    """A domain as sysadmins write it.  sev: {"policy": N, "session": base64, "dh_cert":
    base64, "cbitpos": N, "hashes": bool}, or None for a guest without SEV."""
    boot = ""
    if firmware is not None:
        boot = f"<loader readonly='yes' type='pflash' stateless='yes'>{escape(firmware)}</loader>"
    for tag, value in (("kernel", kernel), ("initrd", initrd), ("cmdline", cmdline)):
        if value is not None:
            boot += f"<{tag}>{escape(value)}</{tag}>"
    if disk:
        devices += (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                    f"<source file='{escape(disk)}'/><target dev='vda' bus='virtio'/></disk>")
    security = ""
    if sev is not None:
        hashes = "yes" if sev.get("hashes", kernel is not None) else "no"
        security = f"<launchSecurity type='sev' kernelHashes='{hashes}'>"
        if "cbitpos" in sev:
            security += f"<cbitpos>{sev['cbitpos']}</cbitpos><reducedPhysBits>1</reducedPhysBits>"
        security += f"<policy>0x{sev['policy']:04x}</policy>"
        if sev.get("dh_cert"):
            security += f"<dhCert>{sev['dh_cert']}</dhCert>"
        if sev.get("session"):
            security += f"<session>{sev['session']}</session>"
        security += "</launchSecurity>"
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>{vcpus}</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>{host.emulator}</emulator>
    <serial type='pty'/>
    <memballoon model='none'/>
    {devices}
  </devices>
  {security}
</domain>
"""


def sev_members(session, **more):
    """What domain_xml() needs of a session of owner.py."""
    return {"policy": session.policy, "session": owner.b64(session.blob), "dh_cert": owner.b64(session.cert),
            **more}


class Console:
    """virsh console, with a terminal of its own."""

    def __init__(self, host, domain):
        self.text = ""
        self._master, slave = os.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.process = host.spawn("virsh", "console", "--force", domain, stdin=slave, stdout=slave,
                                  stderr=slave, start_new_session=True)
        os.close(slave)

    def __enter__(self):
        try:
            self.wait_for("Escape character")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # It does not end by SIGTERM while nobody reads its terminal.
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def wait_for(self, text, timeout=TIMEOUT):
        """Reads until the console has shown the text; what was shown."""
        deadline = time.monotonic() + timeout
        while text not in self.text:
            left = deadline - time.monotonic()
            if left <= 0:
                raise HostError(f"the console does not show {text!r}:\n{self.text[-3000:]}")
            if not select.select([self._master], [], [], left)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:
                raise HostError(f"the console ended without {text!r}:\n{self.text[-3000:]}") from None
            self.text += data.decode(errors="replace").replace("\r", "")
        return self.text


def fields(text):
    """virsh's "name : value" lines."""
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
            if value}


KEY_GUID = uuid.UUID("736869e5-84f0-4973-92ec-06879ce3da0b")
PIN_GUID = uuid.UUID("5ebfa30f-6bd1-4e0c-8a0d-3d2b4c0f7a11")
UNLOCKED = "sevlaunch-guest: disk unlocked"


def disk_secrets(directory):
    """The secret table that unlocks the test disk."""
    conf = configparser.ConfigParser()
    conf.read(os.path.join(directory, "disk.manifest"))
    disk = conf["disk"]
    pin = bytes.fromhex(disk["luks-header-sha256"]) + struct.pack("<Q", int(disk["luks-header-length"]))
    return guestram.secret_table({KEY_GUID: read_bytes(os.path.join(directory, disk["key-file"])),
                                  PIN_GUID: pin})


class SevGuest:
    """A guest with our firmware and the test disk, and its owner."""

    POLICY = owner.NODBG | owner.NOKS | owner.NOSEND | owner.SEV | 17 << 24

    def __init__(self, host, name, policy=POLICY):
        directory = os.environ["SEVLAUNCH_TEST_DISK"]
        self.host, self.name = host, name
        self.firmware = os.environ["SEVLAUNCH_FIRMWARE"]
        self.kernel = os.path.join(directory, "uki.efi")
        self.table = disk_secrets(directory)
        self.disk = host.copy(os.path.join(directory, "disk.qcow2"), f"{name}.qcow2")
        self.session = owner.Session(host.certificate("pdh"), policy)
        self.digest = owner.launch_digest(self.firmware, guestram.hash_table(self.kernel))
        self.measure = None

    def start(self, check=True, sev=None, **changes):
        """Creates the domain paused."""
        members = dict({"firmware": self.firmware, "kernel": self.kernel, "disk": self.disk}, **changes)
        xml = domain_xml(self.host, self.name, sev=sev or sev_members(self.session), **members)
        return self.host.start(xml, check=check)

    def judge(self):
        """What domlaunchsecinfo says, once its measurement is the owner's."""
        said = fields(self.host.virsh("domlaunchsecinfo", self.name).stdout)
        blob = base64.b64decode(said["sev-measurement"])
        api = int(said["sev-api-major"]), int(said["sev-api-minor"])
        expected = self.session.measurement(self.digest, blob[32:], api, int(said["sev-build-id"]))
        if len(blob) != 48 or blob[:32] != expected:
            raise HostError(f"measurement {blob.hex()}, expected {expected.hex()}")
        self.measure = expected
        return said

    def send_packet(self, header, data, *more):
        """(exit code, text) of virsh domsetlaunchsecstate."""
        names = [self.host.write(f"{self.name}.{name}", owner.b64(part))
                 for name, part in (("header", header), ("secret", data))]
        done = self.host.virsh("domsetlaunchsecstate", self.name, "--secrethdr", names[0], "--secret", names[1],
                               *more, check=False)
        return done.returncode, done.stderr.strip()

    def unlock(self):
        """Judges, injects, resumes, and waits until the guest has unlocked its disk."""
        self.judge()
        code, text = self.send_packet(*self.session.packet(self.table, self.measure))
        if code != 0:
            raise HostError(text)
        with Console(self.host, self.name) as console:
            self.host.virsh("resume", self.name)
            console.wait_for(UNLOCKED)

    def pids(self):
        """(QEMU, relay); 0 for one that is not there."""
        mine = self.host.guest_pids(self.name)
        return tuple(next((pid for pid in found if pid in mine), 0)
                     for found in (self.host.qemu_pids(), self.host.relay_pids()))
