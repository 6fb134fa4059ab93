# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SEV guest that somebody starts without libvirt: sev-qemu inside of an emulated host, its
QMP socket, and session files as sevctl-session(1) writes them.

    guest = BareGuest(bed, "one")
    with guest.started():
        bed.run("attach", *guest.arguments())
"""
import contextlib
import json
import os
import socket

from cryptography.hazmat.primitives import serialization

import emuhost
import owner


class BareGuest:
    def __init__(self, bed, name, policy=emuhost.SevGuest.POLICY):
        self.bed, self.name, self.policy = bed, name, policy
        self.kernel = os.path.join(bed.test_disk, "uki.efi")
        self.socket = os.path.join(bed.host.files, f"{name}.qmp")
        self.console = os.path.join(bed.host.files, f"{name}.console")
        self.dir = bed.session_dir(f"keys-{name}")
        with open(bed.key, "rb") as f:
            key = serialization.load_pem_private_key(f.read(), None)
        self.session = owner.Session(bed.host.certificate("pdh"), policy, key=key)
        with open(bed.cert, "rb") as f:
            self.session.cert = f.read()
        self.write_keys(self.dir)

    def write_keys(self, directory):
        session = self.session
        for suffix, data in (("tik.bin", session.tik), ("tek.bin", session.tek),
                             ("godh.b64", owner.b64(session.cert).encode()),
                             ("session.b64", owner.b64(session.blob).encode())):
            with open(os.path.join(directory, f"{self.name}_{suffix}"), "wb",
                      opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
                f.write(data)

    def argv(self, hashes=True, sev=True):
        host = self.bed.host
        said = emuhost.fields(host.virsh("nodesevinfo").stdout)
        files = [host.write(f"{self.name}.{what}", owner.b64(data))
                 for what, data in (("cert", self.session.cert), ("session", self.session.blob))]
        security = {"qom-type": "sev-guest", "id": "lsec0",
                    "cbitpos": int(said["cbitpos"]), "reduced-phys-bits": 1, "policy": self.policy, "dh-cert-file": files[0], "session-file": files[1],
                    "kernel-hashes": hashes}
        flash = "pflash0=flash,memory-backend=pc.ram" + (",confidential-guest-support=lsec0" if sev else "")
        return [host.emulator, "-name", f"guest={self.name}", "-S", "-nodefaults", "-no-user-config",
                "-blockdev", json.dumps({"driver": "file", "filename": self.bed.firmware, "node-name": "store",
                                         "read-only": True}),
                "-blockdev", json.dumps({"driver": "raw", "node-name": "flash", "read-only": True, "file": "store"}),
                "-machine", f"pc-q35-7.2,{flash}", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "512",
                "-object", json.dumps({"qom-type": "memory-backend-ram", "id": "pc.ram", "size": 512 << 20}),
                *(["-object", json.dumps(security)] if sev else []),
                "-display", "none", "-kernel", self.kernel, "-drive",
                f"file={self.bed.disk},if=virtio,format=qcow2",
                "-chardev", f"socket,id=charmonitor,path={self.socket},server=on,wait=off",
                "-mon", "chardev=charmonitor,id=monitor,mode=control",
                "-chardev", f"file,id=charserial0,path={self.console}",
                "-device", json.dumps({"driver": "isa-serial", "chardev": "charserial0"})]

    @contextlib.contextmanager
    def started(self, **kind):
        log = os.path.join(self.bed.dir, f"{self.name}.log")
        self.bed.host.write(os.path.basename(self.console), b"")
        with open(log, "wb") as out:
            process = self.bed.host.spawn(*self.argv(**kind), stdout=out, stderr=out)
        try:
            emuhost.wait_until(lambda: process.poll() is not None or self.answers(), "a monitor")
            if process.poll() is not None:
                raise emuhost.HostError(emuhost.read_bytes(log).decode(errors="replace"))
            yield self
        finally:
            process.terminate()
            process.wait()
            for path in (self.socket, self.console):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def ask(self, command):
        """What a QMP command returns."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.socket)
            lines = link.makefile("rw")
            lines.readline()
            for word in ("qmp_capabilities", command):
                lines.write(json.dumps({"execute": word}) + "\n")
                lines.flush()
                reply = json.loads(lines.readline())
                while "event" in reply:
                    reply = json.loads(lines.readline())
            return reply["return"]

    def answers(self):
        try:
            return self.ask("query-status")
        except OSError:
            return None

    def runs(self):
        return self.ask("query-status")["running"]

    def arguments(self, *more):
        return ["--qmp", self.socket, "--session-dir", self.dir, "--owner-cert", self.bed.cert, "--emulated-host",
                self.bed.host.path, "--firmware", self.bed.firmware, "--uki", self.kernel, *more]
