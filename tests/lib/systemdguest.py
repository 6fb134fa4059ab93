# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemd for a guest that has no disk: Debian's files, as few as its first process needs.

    entries = systemdguest.files(units={"a.service": text}, wants=["a.service"])   # {path: data or Link}

They come from the example's Debian tree (examples/make-root-tree.sh), whose kernel the tests'
guests have."""
import os
import re
import subprocess
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("usr/lib/systemd/systemd", "usr/bin/systemctl", "usr/bin/kmod", "usr/bin/busybox")
LIBRARIES = ("usr/lib/x86_64-linux-gnu/", "usr/lib/x86_64-linux-gnu/systemd/")
ALSO = re.compile(r"usr/lib/systemd/system/([a-z-]+\.target|modprobe@\.service)|usr/lib/os-release|"
                  r"usr/lib/modules/[^/]+/(modules\.dep\.bin|kernel/arch/x86/kernel/msr\.ko)")
TARGET = "tests.target"  # systemd --unit=


class Link(str):
    """A symbolic link: where it leads."""


class Tree:
    def __init__(self, tar):
        self.tar = tar
        self.members = {member.name.removeprefix("./"): member for member in tar.getmembers()}

    def read(self, name):
        return self.tar.extractfile(self.members[name]).read()

    def find_library(self, name):
        """The path, and what it leads to."""
        path = next(folder + name for folder in LIBRARIES if folder + name in self.members)
        member = self.members[path]
        return path, os.path.normpath(os.path.join(os.path.dirname(path), member.linkname)) if member.issym() else path

    def needed(self, data):
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            said = subprocess.run(["readelf", "-d", f.name], capture_output=True, text=True, check=True).stdout
        return re.findall(r"\(NEEDED\).*\[(.*)\]", said)

    def with_libraries(self, names):
        """{path: data} of programs and all that they link to."""
        found, todo = {}, list(names)
        while todo:
            path = todo.pop()
            if path in found:
                continue
            data = self.read(path)
            found[path] = data
            for name in self.needed(data):
                path, real = self.find_library(name)
                todo.append(real)
                if path != real:
                    found[path] = Link("/" + real)
        return found


def files(units, wants):
    folder = subprocess.run([os.path.join(TOP, "examples/make-root-tree.sh")], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.strip()
    with tarfile.open(os.path.join(folder, "base.tar")) as tar:
        tree = Tree(tar)
        found = tree.with_libraries(PROGRAMS)
        found.update({name: tree.read(name) for name, member in tree.members.items()
                      if ALSO.fullmatch(name) and member.isfile()})
    found.update({"usr/sbin/modprobe": Link("/usr/bin/kmod"), "etc/machine-id": b"", "lib": Link("usr/lib"),
                  "lib64": Link("usr/lib64"), "bin": Link("usr/bin"), "sbin": Link("usr/sbin")})
    # The C library wants the file itself, programs name it so.
    found["usr/lib64/ld-linux-x86-64.so.2"] = Link(f"/{LIBRARIES[0]}ld-linux-x86-64.so.2")
    target = "[Unit]\nDefaultDependencies=no\nWants=" + " ".join(wants) + "\n"
    for name, text in {**units, TARGET: target}.items():
        found[f"etc/systemd/system/{name}"] = text.encode()
    return found
