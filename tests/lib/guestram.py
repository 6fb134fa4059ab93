# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a QEMU guest whose RAM this process can read and write.

Guest RAM is a file that QEMU maps shared.  The guest starts stopped (-S), so
pages written here are there before its first instruction, as they would be
after LAUNCH_UPDATE_DATA and LAUNCH_SECRET.  Python's standard library only.

    with Guest(firmware=FD, kernel=K, initrd=I, cmdline="console=ttyS0") as guest:
        guest.write(HASH_AREA, hash_table(K, I, "console=ttyS0"))
        guest.cont()
        guest.wait_for("marker")

The addresses come from the firmware image itself: guid_table(path).
"""
import hashlib
import json
import mmap
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid

QEMU = os.environ.get("SEVLAUNCH_QEMU", "qemu-system-x86_64")

# OVMF's table of GUIDed entries at the end of the image (edk2,
# OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm).
TABLE_FOOTER = uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
SECRET_AREA = uuid.UUID("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
HASH_AREA = uuid.UUID("7255371f-3a3b-4b04-927b-1da6efa8d454")

# QEMU target/i386/sev.c.
HASH_TABLE = uuid.UUID("9438d606-4f22-4cc9-b479-a793d411fd21")
HASH_KERNEL = uuid.UUID("4de79437-abd2-427f-b835-d5b172d2045b")
HASH_INITRD = uuid.UUID("44baf731-3a2f-4bd7-9af1-41e29169781d")
HASH_CMDLINE = uuid.UUID("97d02dd8-bd20-4c94-aa78-e7714d36ab2a")

# The secret table (QEMU docs, AMD memory encryption, "launch secret").
SECRET_TABLE = uuid.UUID("1e74f542-71dd-4d66-963e-ef4287ff173b")


def guid_table(firmware):
    """{GUID: data} of a firmware image."""
    with open(firmware, "rb") as f:
        image = f.read()
    end = len(image) - 32
    length, guid = struct.unpack("<H16s", image[end - 18 : end])
    if uuid.UUID(bytes_le=guid) != TABLE_FOOTER:
        raise ValueError(f"{firmware}: no GUID table")
    entries = {}
    pos, start = end - 18, end - length
    while pos - 18 >= start:
        size, guid = struct.unpack("<H16s", image[pos - 18 : pos])
        if size < 18 or pos - size < start:
            raise ValueError(f"{firmware}: bad entry in the GUID table")
        entries[uuid.UUID(bytes_le=guid)] = image[pos - size : pos - 18]
        pos -= size
    return entries


def area(firmware, guid):
    """(base, size) of the secret or hash area of a firmware image."""
    return struct.unpack("<II", guid_table(firmware)[guid][:8])


def entry(guid, data):
    """GUID, u16 length of the whole entry, data."""
    return guid.bytes_le + struct.pack("<H", 18 + len(data)) + data


def sha256_file(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).digest()


def hash_table(kernel, initrd=None, cmdline=""):
    """The table that QEMU measures with kernel-hashes=on, 176 bytes padded.

    kernel and initrd are paths; no initrd is the hash of nothing, and the
    command line is hashed with its NUL.
    """
    table = entry(
        HASH_TABLE,
        entry(HASH_CMDLINE, hashlib.sha256(cmdline.encode() + b"\0").digest())
        + entry(HASH_INITRD, sha256_file(initrd) if initrd else hashlib.sha256(b"").digest())
        + entry(HASH_KERNEL, sha256_file(kernel)),
    )
    return table.ljust((len(table) + 15) & ~15, b"\0")


def secret_table(secrets):
    """A secret table; secrets is {GUID: bytes}.  Its length has no meaning of
    u16 here but u32: GUID, u32 length of the whole, then the entries."""
    body = b"".join(
        guid.bytes_le + struct.pack("<I", 20 + len(data)) + data for guid, data in secrets.items()
    )
    table = SECRET_TABLE.bytes_le + struct.pack("<I", 20 + len(body)) + body
    return table.ljust((len(table) + 15) & ~15, b"\0")


class GuestError(Exception):
    pass


class Guest:
    """One QEMU.  As a context manager it always ends what it started."""

    def __init__(self, firmware, kernel=None, initrd=None, cmdline="", memory=512, args=(),
                 serve_unpatched=True, shutdown=True, log=None):
        """
        memory           MiB
        args             more arguments for QEMU
        serve_unpatched  give the kernel as etc/boot/kernel too.  Without SEV, QEMU
                         before 10 patches the header of the one in -kernel.
        shutdown         QEMU ends when the guest powers off (else -no-shutdown)
        """
        self.dir = tempfile.mkdtemp(prefix="sl-guest-")
        self.console = ""
        self._bytes = b""
        self.memory = memory
        self._ram_fd = os.memfd_create("guest-ram")
        os.ftruncate(self._ram_fd, memory << 20)
        self.argv = [
            QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-S", "-no-reboot",
            "-machine", "q35,accel=tcg,memory-backend=ram", "-cpu", "EPYC", "-m", f"{memory}M",
            "-object", f"memory-backend-file,id=ram,size={memory}M,mem-path=/proc/self/fd/{self._ram_fd},share=on",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={firmware}",
            "-chardev", "stdio,id=con,signal=off", "-serial", "chardev:con",
            "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off",
        ]
        if not shutdown:
            self.argv.append("-no-shutdown")
        if kernel:
            self.argv += ["-kernel", kernel, "-append", cmdline]
            if initrd:
                self.argv += ["-initrd", initrd]
            if serve_unpatched and not self._serves_unpatched():
                self.argv += ["-fw_cfg", f"name=etc/boot/kernel,file={kernel}"]
        self.argv += list(args)
        self.log = log
        self.process = None
        self._qmp = None
        self._ram = None

    @staticmethod
    def _serves_unpatched():
        """QEMU 10 has etc/boot/kernel itself; a second one is an error."""
        version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
        return int(version.split("version ")[1].split(".")[0]) >= 10

    def __enter__(self):
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open(os.path.join(self.dir, "stderr"), "wb"), pass_fds=[self._ram_fd],
        )
        try:
            self._connect()
        except OSError as error:
            self.process.wait()
            message = f"QEMU ended with {self.process.returncode} ({error}): {self.stderr()}"
            self.__exit__(None, None, None)
            raise GuestError(message) from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._ram = mmap.mmap(self._ram_fd, self.memory << 20)
        return self

    def __exit__(self, *_):
        if self._ram is not None:
            self._ram.close()
        os.close(self._ram_fd)
        if self._qmp is not None:
            self._qmp.close()
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self._drain(0)
            self.process.stdout.close()
        if self.log:
            with open(self.log, "w", encoding="utf-8") as f:
                f.write(" ".join(self.argv) + "\n" + self.console)
        shutil.rmtree(self.dir, ignore_errors=True)

    def stderr(self):
        with open(os.path.join(self.dir, "stderr"), encoding="utf-8", errors="replace") as f:
            return f.read()

    # Guest-physical memory below the PCI hole: offset in the file = address.
    def write(self, address, data):
        self._ram[address : address + len(data)] = data

    def read(self, address, size):
        return self._ram[address : address + size]

    def find(self, needle):
        """Address of needle in guest RAM, or -1."""
        return self._ram.find(needle)

    def _connect(self):
        deadline = time.monotonic() + 20
        path = os.path.join(self.dir, "qmp")
        while True:
            if self.process.poll() is not None:
                raise GuestError(f"QEMU ended with {self.process.returncode}: {self.stderr()}")
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(path)
                break
            except OSError:
                sock.close()
                if time.monotonic() > deadline:
                    raise GuestError("QEMU did not open its monitor") from None
                time.sleep(0.02)
        sock.settimeout(20)
        self._qmp = sock.makefile("rwb", buffering=0)
        sock.close()
        self.events = []
        if "QMP" not in json.loads(self._qmp.readline()):
            raise GuestError("no QMP greeting")
        self.qmp("qmp_capabilities")

    def qmp(self, command, **arguments):
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            line = self._qmp.readline()
            if not line:
                raise GuestError(f"QEMU closed its monitor: {self.stderr()}")
            reply = json.loads(line)
            if "event" in reply:
                self.events.append(reply["event"])
            elif "error" in reply:
                raise GuestError(f"{command}: {reply['error']['desc']}")
            else:
                return reply["return"]

    def cont(self):
        self.qmp("cont")

    def wait_state(self, wanted, timeout=180):
        """Wait until query-status says wanted; the last state seen."""
        deadline = time.monotonic() + timeout
        while True:
            state = self.qmp("query-status")["status"]
            if state == wanted or time.monotonic() > deadline:
                return state
            time.sleep(0.02)

    def _drain(self, timeout):
        """Read console output for at most timeout seconds; False at its end."""
        while select.select([self.process.stdout], [], [], timeout)[0]:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return False
            self._bytes += data
            self.console = self._bytes.decode(errors="replace").replace("\r", "")
            timeout = 0
        return True

    def wait_for(self, text, timeout=180):
        """Wait until the console has text; True, or False when QEMU ended or
        time is up."""
        deadline = time.monotonic() + timeout
        while text not in self.console:
            if not self._drain(max(0, min(1, deadline - time.monotonic()))):
                return text in self.console
            if time.monotonic() > deadline:
                return False
        return True

    def wait_end(self, timeout=180):
        """Wait until QEMU ended; its exit status, or None when time is up."""
        deadline = time.monotonic() + timeout
        while self._drain(max(0, min(1, deadline - time.monotonic()))):
            if time.monotonic() > deadline:
                return None
        try:
            return self.process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
