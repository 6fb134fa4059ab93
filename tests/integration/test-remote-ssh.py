#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launch with --connect qemu+ssh://: libvirt's client, OpenSSH's ssh and libvirt's helper at
the other end.  The way leads back to this machine, so the verdict must not say otherwise."""
import os
import shutil
import sys
import warnings

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
if not os.path.exists("/usr/bin/ssh"):
    tap.skip_all("no /usr/bin/ssh (Debian: openssh-client)")
try:
    warnings.simplefilter("ignore")  # of ciphers that nobody uses here
    import asyncssh
    import sshserver
except ImportError:
    tap.skip_all("no module asyncssh (Debian: python3-asyncssh)")


class Remote:
    def __init__(self, bed, server):
        self.bed = bed
        self.uri = f"qemu+ssh://owner@127.0.0.1:{server.port}/session?command={server.command}"
        self.ca, self.cek = (os.path.join(bed.dir, name) for name in ("ca", "cek"))
        for path, names in ((self.ca, ("ask", "ark")), (self.cek, ("cek",))):
            with open(path, "wb") as f:
                f.write(b"".join(bed.host.certificate(name) for name in names))
        # The host's own files, and the owner's copies.
        self.kernel = bed.copy(os.path.join(bed.test_disk, "uki.efi"))
        self.firmware = bed.host.give(shutil.copy(bed.firmware, os.path.join(bed.host.files, "host.fd")))

    def run(self, *words):
        self.bed.host.virsh("uri")  # its libvirt runs
        return self.bed.run("run", *self.bed.arguments(
            connect=self.uri, emulated_host=None, cek=self.cek, ca=self.ca,
            image_copy=os.path.join(self.bed.test_disk, "disk.qcow2"), host_kernel=self.kernel,
            host_firmware=self.firmware), *words)


def refused(t, remote, server, says, expect=lambda: None):
    expect()
    came = len(server.commands)
    result = remote.run("--paused")
    t.equal((result.code, launchbed.reason(result), len(server.commands)), (6, ["libvirt-unreachable"], came), result)
    t.true(says in result.err and "?" not in result.err.partition("command=")[2], result)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": bed.host.files,
                       "XDG_RUNTIME_DIR": f"{bed.host.path}/rt"}
        folder = os.path.join(bed.dir, "ssh")
        os.mkdir(folder, 0o700)
        with sshserver.SshServer(folder, bed.user, environment) as server:
            remote = Remote(bed, server)
            with t.test("qemu+ssh: verified, secrets injected, paused; judged on this host, and nothing better"):
                result = remote.run("--paused", "--json")
                t.equal((result.code, result.json and result.json["verdict"]), (0, "verified"), result)
                said = result.json
                t.equal((said["judged_on"], len(said["secrets"]), said["domain"]["uri"]),
                        ("emulated-host", 2, remote.uri), result)
                t.equal(bed.host.state(bed.name), "paused")
                t.true(server.commands, "nobody came by ssh")
            bed.destroy()
            with t.test("another host key than is known: nothing is sent, and ssh's words are shown"):
                refused(t, remote, server, "Host key verification failed",
                        expect=lambda: server.know(asyncssh.generate_private_key("ssh-ed25519")))
            with t.test("a key that the host does not take: said, and nobody is asked for a password"):
                server.know(server.host_key)
                refused(t, remote, server, "Permission denied", expect=lambda: server.write(
                    "id", asyncssh.generate_private_key("ssh-ed25519").export_private_key()))
            with t.test("nobody listens"):
                server.call(server.end())
                refused(t, remote, server, "Connection refused")
    t.finish()


if __name__ == "__main__":
    main()
