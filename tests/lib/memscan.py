# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory of a process, and where in it something lies.

    memory = memscan.Memory(pid)
    memory.find(key)            # [Mapping], those that hold it in any of its forms
"""
import base64
import dataclasses
import os
import re

PAGE = os.sysconf("SC_PAGESIZE")


@dataclasses.dataclass
class Mapping:
    start: int
    name: str
    flags: set
    data: bytes = b""

    @property
    def guarded(self):
        """Never written to swap or into a core file: VmFlags of proc(5)."""
        return {"lo", "dd"} <= self.flags

    def __str__(self):
        return f"{self.start:x} {self.name or 'anonymous'}"


def forms(secret):
    """How bytes may lie in memory: either order, as hexadecimal digits, as base64."""
    found = {secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode()}
    for shift in range(3):
        # base64 depends on where in a group of three the bytes begin.
        text = base64.b64encode(bytes(shift) + secret)
        found.add(text[4 if shift else 0:].rstrip(b"=")[:-2])
    return found


def dense(data):
    """Without most of the pages of zeroes, which take long to search: stacks of threads."""
    return bytes(64).join(data.split(bytes(PAGE)))


def holds(data, secret):
    return any(form in data for form in forms(secret))


def pages(fd, start, end):
    """Those that can be read: a mapping may be longer than the file behind it."""
    while start < end:
        try:
            data = os.pread(fd, min(end - start, 1 << 20), start)
        except OSError:
            data = b""
        yield data
        start += len(data) or PAGE


class Memory:
    """A copy of all that a process may have written to, which should be stopped meanwhile."""

    def __init__(self, pid):
        self.mappings = []
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps, open(f"/proc/{pid}/mem", "rb") as mem:
            for line in smaps:
                head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r?)\S+ \S+ \S+ \d+ *(.*)$", line)
                if head:
                    start, end, readable = int(head[1], 16), int(head[2], 16), head[3] == "r"
                    mapping = Mapping(start, head[4], set())
                elif line.startswith("Anonymous:"):
                    written = line.split()[1] != "0"
                elif line.startswith("VmFlags:"):
                    mapping.flags = set(line.split()[1:])
                    # Private and without a page of its own, a mapping is what lies in its file.
                    if readable and (written or "sh" in mapping.flags) and mapping.name not in ("[vvar]", "[vsyscall]"):
                        mapping.data = dense(b"".join(pages(mem.fileno(), start, end)))
                        self.mappings.append(mapping)

    @property
    def size(self):
        return sum(len(mapping.data) for mapping in self.mappings)

    def find(self, secret):
        return [mapping for mapping in self.mappings if holds(mapping.data, secret)]
