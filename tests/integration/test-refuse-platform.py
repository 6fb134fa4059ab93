#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host shows another platform than it has, or has another than it had.

What libvirt says of the platform is changed where libvirt keeps it, in its cache of what the
emulator can do; the daemon is killed, and the next one tells the changed answer.  Other rows
put another host's platform in the place of the one that the owner trusts.
"""
import base64
import contextlib
import glob
import os
import re
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
PAUSED = ("--json", "--paused", "--memory", "512")


def certificates(host):
    """(PDH, chain of PEK, OCA and CEK) as libvirt would give them, in base64."""
    chain = b"".join(host.certificate(name) for name in ("pek", "oca", "cek"))
    return tuple(base64.b64encode(data).decode() for data in (host.certificate("pdh"), chain))


class Platform:
    def __init__(self, bed, other, t):
        self.bed, self.host, self.other, self.tap = bed, bed.host, other, t
        self.table = launchbed.Table(bed, t, __file__)

    def restart(self):
        self.host.kill_libvirtd()
        self.host.virsh("uri")

    @contextlib.contextmanager
    def answer(self, **members):
        """What libvirt answers about the platform, for a while."""
        (path,) = glob.glob(f"{self.host.path}/cache/libvirt/qemu/cache/capabilities/*.xml")
        text = emuhost.read_bytes(path).decode()
        for name, value in members.items():
            text, n = re.subn(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", text)
            self.tap.equal(n, 1, name)
        with launchbed.changed(path, text.encode()):
            self.restart()
            yield
        self.restart()

    @contextlib.contextmanager
    def files(self, change):
        """The platform's files changed by a function of their directory, for a while."""
        path, kept = os.path.join(self.host.path, "platform"), os.path.join(self.bed.dir, "kept")
        shutil.copytree(path, kept)
        change(path)
        try:
            yield
        finally:
            for name in os.listdir(kept):
                shutil.copy(os.path.join(kept, name), os.path.join(path, name))
            shutil.rmtree(kept)

    def replaced(self, path):
        for name in ("chip", "nv"):
            shutil.copyfile(os.path.join(self.other.path, "platform", name), os.path.join(path, name))

    def cut(self, name):
        def change(path):
            os.truncate(os.path.join(path, name), os.path.getsize(os.path.join(path, name)) // 2)
        return change

    def refused(self, name, prepare):
        self.table.row(name, prepare=prepare, run=lambda _: self.bed.launch(*PAUSED), again=False)

    def accepted(self, name, prepare=contextlib.nullcontext):
        with self.tap.test(name), prepare():
            before = self.bed.leftovers()
            result = self.bed.launch(*PAUSED)
            self.tap.equal((result.code, result.reasons), (0, []), result)
            self.bed.destroy()
            self.bed.same_leftovers(before)

    def rows(self):
        pdh, chain = certificates(self.host)
        other_pdh, other_chain = certificates(self.other)
        self.accepted("libvirt's answer written anew with the same certificates: verified",
                      lambda: self.answer(pdh=pdh, certChain=chain))
        self.refused("platform-pdh-foreign", lambda: self.answer(pdh=other_pdh))
        self.refused("platform-chain-foreign", lambda: self.answer(certChain=other_chain))
        self.refused("platform-all-foreign", lambda: self.answer(pdh=other_pdh, certChain=other_chain))
        self.refused("platform-pdh-is-pek",
                     lambda: self.answer(pdh=base64.b64encode(self.host.certificate("pek")).decode()))
        self.refused("platform-chain-cut",
                     lambda: self.answer(certChain=base64.b64encode(base64.b64decode(chain)[:-1]).decode()))
        self.refused("platform-pdh-no-base64", lambda: self.answer(pdh="%" + pdh[1:]))

        self.refused("platform-of-another-host", lambda: self.files(self.replaced))
        self.accepted("the owner's platform is back: verified")
        self.refused("platform-chip-damaged", lambda: self.files(self.cut("chip")))
        old = self.host.certificate("pdh")
        self.accepted("the platform lost its state and has new keys under the same root: verified",
                      lambda: self.files(self.cut("nv")))
        with self.tap.test("they were new keys"):
            self.tap.true(self.host.certificate("pdh") != old, "the PDH is the old one")


def main():
    t = tap.Tap()
    other = emuhost.EmulatedHost()
    try:
        other.sevlaunch("create", *other.kind)
        with launchbed.Bed() as bed:
            platform = Platform(bed, other, t)
            platform.table.positive("--memory", "512")
            platform.rows()
            platform.table.finish()
    finally:
        other.__exit__()
    t.finish()


if __name__ == "__main__":
    main()
