# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest whose memory a test looks at from outside: tests/memory/guest-init.c runs in it."""
import os
import select
import socket
import struct
import subprocess
import termios
import time
import tty

import emuhost
import guestram
import initrd
import owner

MARK = b"guest-plaintext!" * 4
READY = "MEMORY ready"
RAM_MIB = 256
RAM = RAM_MIB << 20
PAGE = 4096
# What the guest sees there is not RAM: video memory, and the ROMs below 1 MiB.
NOT_RAM = (0xA0000, 0x100000)
CMDLINE = "console=ttyS0 quiet"


def make_initrd(host):
    """The guest's initrd, as a file of the host's user."""
    source = os.path.join(os.path.dirname(__file__), "..", "memory", "guest-init.c")
    return host.write("memory-initrd", initrd.initrd(initrd.compile_init(source)))


BAD_PLACE = 32 << 20  # of the disk; nobody looks there for file systems


def bad_disk(host):
    """A disk of which QEMU cannot read the cluster at BAD_PLACE: where it lies in the qcow2
    file is no multiple of a cluster."""
    raw = host.write("bad.raw", b"")
    path = os.path.join(host.files, "bad.qcow2")
    with open(raw, "r+b") as f:
        f.truncate(2 * BAD_PLACE)
        os.pwrite(f.fileno(), b"data", BAD_PLACE)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    with open(path, "r+b") as f:
        (l1,) = struct.unpack(">Q", os.pread(f.fileno(), 8, 40))
        (entry,) = struct.unpack(">Q", os.pread(f.fileno(), 8, l1))
        place = (entry & 0x00FFFFFFFFFFFE00) + BAD_PLACE // 65536 * 8
        (data,) = struct.unpack(">Q", os.pread(f.fileno(), 8, place))
        os.pwrite(f.fileno(), struct.pack(">Q", data + 512), place)
    return host.give(path)


def ram_file(host, name):
    """A SEV guest's memory file, as its QEMU has it."""
    pid = next(pid for pid in host.qemu_pids() if pid in host.guest_pids(name))
    folder = f"/proc/{pid}/fd"
    return next(os.path.join(folder, fd) for fd in os.listdir(folder)
                if os.readlink(os.path.join(folder, fd)).startswith("/memfd:sev-guest-ram"))


class Serial:
    """The guest's serial port, without virsh: it can be talked to while no libvirtd runs."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)
        self.text = ""  # not yet asked for
        self.seen = ""

    def close(self):
        os.close(self.fd)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, text, timeout=emuhost.TIMEOUT):
        """Reads until text has come; the whole line that it begins.  What came is gone."""
        deadline = time.monotonic() + timeout
        while text not in self.text or "\n" not in self.text.partition(text)[2]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise emuhost.HostError(f"the guest does not say {text!r}: {self.text[-2000:]!r}")
            more = os.read(self.fd, 65536).decode(errors="replace").replace("\r", "")
            self.text += more
            self.seen += more
        line, _, self.text = self.text.partition(text)[2].partition("\n")
        return text + line


class MemoryGuest:
    def __init__(self, host, name, archive, devices="", sev=True, ram=RAM_MIB):
        self.host, self.name, self.archive = host, name, archive
        self.kernel = os.path.join(os.environ["SEVLAUNCH_TEST_DISK"], "kernel")
        self.firmware = os.environ["SEVLAUNCH_FIRMWARE"]
        self.sev, self.devices, self.ram = sev, devices, ram
        self.serial = None
        self.policy = emuhost.SevGuest.POLICY

    def start(self):
        members = None
        if self.sev:
            members = emuhost.sev_members(owner.Session(self.host.certificate("pdh"), self.policy))
        xml = emuhost.domain_xml(self.host, self.name, sev=members, kernel=self.kernel, initrd=self.archive,
                                 firmware=self.firmware if self.sev else None, cmdline=CMDLINE, memory=self.ram,
                                 devices=self.devices)
        self.host.start(xml.replace("</on_reboot>", "</on_reboot><on_crash>preserve</on_crash>"))
        self.serial = Serial(self.host.virsh("ttyconsole", self.name).stdout.strip())
        self.ram_file = ram_file(self.host, self.name) if self.sev else None

    def boot(self):
        self.host.virsh("resume", self.name)
        self.serial.wait_for(READY)

    def destroy(self):
        if self.serial is not None:
            self.serial.close()
        self.host.destroy(self.name)

    # -- what the guest says

    def ask(self, command, answer):
        self.serial.send(command + "\n")
        return self.serial.wait_for(answer)

    def verify(self):
        """(pages whose contents changed, those among them that hold another page's)"""
        words = self.ask("v", "VERIFY ").split()
        return tuple(int(word.partition("=")[2]) for word in words[1:])

    def pages(self):
        """Guest-physical addresses of two pages with known contents."""
        return [int(word, 16) for word in self.ask("a", "PAGES ").split()[1:]]

    def status(self):
        return self.host.qmp(self.name, "query-status")["status"]

    # -- what lies in the machine

    def memfd(self, address=0, size=RAM):
        fd = os.open(self.ram_file, os.O_RDONLY)
        try:
            return os.pread(fd, size, address)
        finally:
            os.close(fd)

    def memfd_write(self, address, data):
        fd = os.open(self.ram_file, os.O_RDWR)
        try:
            os.pwrite(fd, data, address)
        finally:
            os.close(fd)

    def _file(self, make):
        path = os.path.join(self.host.files, f"{self.name}.memory")
        if os.path.exists(path):
            os.unlink(path)
        make(path)
        data = emuhost.read_bytes(path)
        os.unlink(path)
        return data

    def pmemsave(self, address=0, size=RAM):
        return self._file(lambda path: self.host.qmp(self.name, "pmemsave", val=address, size=size, filename=path))

    def hmp_file(self, line):
        """What a line of the human monitor writes into its last argument."""
        return self._file(lambda path: self._said(self.host.hmp(self.name, f'{line} "{path}"')))

    @staticmethod
    def _said(result):
        if result[0] or result[1].strip():
            raise emuhost.HostError(result[1])

    def dump(self, *options):
        """virsh dump --memory-only: {address: bytes}"""
        image = self._file(lambda path: self.host.virsh("dump", self.name, path, "--memory-only", *options))
        return segments(image)

    def xp(self, address, size):
        """HMP xp: bytes of physical memory."""
        _, text = self.host.hmp(self.name, f"xp/{size}xb 0x{address:x}")
        words = [word for line in text.splitlines() for word in line.partition(":")[2].split()]
        return bytes(int(word, 16) for word in words)


def segments(image):
    """PT_LOAD of an ELF core: {physical address: bytes}"""
    if image[:4] != b"\x7fELF":
        raise emuhost.HostError(f"no ELF file: {image[:16]!r}")
    offset, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    found = {}
    for i in range(count):
        kind, _, start, _, address, length = struct.unpack_from("<IIQQQQ", image, offset + i * size)
        if kind == 1:
            found[address] = image[start : start + length]
    return found


def without_rom(image):
    """An image of RAM without what the guest does not see as RAM."""
    return image[: NOT_RAM[0]] + image[NOT_RAM[1] :]


def hash_table_place(guest):
    """(address, plaintext) of the table that is measured and written before the guest runs."""
    base, _ = guestram.area(guest.firmware, guestram.HASH_AREA)
    return base, guestram.hash_table(guest.kernel, guest.archive, CMDLINE)


class Gdb:
    """A debugger's side of its protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def send(self, packet):
        self.socket.sendall(b"+$%s#%02x" % (packet.encode(), sum(packet.encode()) & 0xFF))

    def command(self, packet):
        self.send(packet)
        data = b""
        while data.count(b"#") < 1 or len(data.partition(b"#")[2]) < 2:
            part = self.socket.recv(4096)
            if not part:
                raise emuhost.HostError("the debugger's stub closed")
            data += part
        return data.partition(b"$")[2].partition(b"#")[0].decode()

    def read(self, address, size):
        return bytes.fromhex(self.command(f"m{address:x},{size:x}"))
