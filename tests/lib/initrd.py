# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small initrd for tests: an init compiled without a C library, in a cpio archive."""
import os
import stat
import subprocess
import tempfile


def compile_init(source):
    with tempfile.TemporaryDirectory(prefix="sl-init-") as work:
        out = os.path.join(work, "init")
        subprocess.run(
            ["gcc", "-std=gnu11", "-Os", "-Wall", "-Werror", "-ffreestanding", "-nostdlib", "-static",
             "-no-pie", "-fno-stack-protector", "-mno-sse", "-o", out, source],
            check=True,
        )
        with open(out, "rb") as f:
            return f.read()


def archive(entries):
    """A newc archive (Linux Documentation/driver-api/early-userspace/buffer-format.rst)
    of (name, mode, data, device) with device (major, minor)."""
    out = b""
    for number, (name, mode, data, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))], 1):
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out


def initrd(init):
    return archive([
        ("dev", stat.S_IFDIR | 0o755, b"", (0, 0)),
        ("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)),
        ("init", stat.S_IFREG | 0o755, init, (0, 0)),
    ])
