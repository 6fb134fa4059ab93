#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay's answers to the SEV commands of QMP against QEMU's own.

The other side is the same, unmodified QEMU with its real sev.c under KVM; an object in
LD_PRELOAD stands in for the kernel's SEV (tests/lib/fake-sev.c).  Where KVM cannot be used,
only what QEMU says of arguments is compared, by a QEMU without SEV.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
QEMU = "/usr/bin/qemu-system-x86_64"
MIB = 1 << 20
BLOCK = base64.b64encode(bytes(16)).decode()
HEADER = base64.b64encode(bytes(52)).decode()
NONCE = base64.b64encode(bytes(range(16))).decode()
# What QEMU finds wrong before it comes to sev.c.
ARGUMENTS = [
    ("query-sev", {"x": 1}),
    ("query-sev-capabilities", {"pdh": 1}),
    ("query-sev-launch-measure", {"b": [], "a": 1}),
    ("query-sev-attestation-report", {}),
    ("query-sev-attestation-report", {"mnonce": 5}),
    ("query-sev-attestation-report", {"mnonce": NONCE, "y": 1}),
    ("sev-inject-launch-secret", {}),
    ("sev-inject-launch-secret", {"x": 1}),
    ("sev-inject-launch-secret", {"packet-header": 1}),
    ("sev-inject-launch-secret", {"packet-header": HEADER}),
    ("sev-inject-launch-secret", {"packet-header": HEADER, "secret": []}),
    ("sev-inject-launch-secret", {"packet-header": HEADER, "secret": BLOCK, "gpa": "0"}),
    ("sev-inject-launch-secret", {"packet-header": HEADER, "secret": BLOCK, "gpa": 1.5}),
    ("sev-inject-launch-secret", {"packet-header": HEADER, "secret": BLOCK, "gpa": True}),
    ("sev-inject-launch-secret", {"packet-header": HEADER, "secret": BLOCK, "gpa": 0, "z": 1}),
]


def inject(**more):
    return "sev-inject-launch-secret", {"packet-header": HEADER, "secret": BLOCK,
                                        **{name.replace("_", "-"): value for name, value in more.items()}}


# (command, number of KVM's command that fails, status): as our firmware will, see below.
BAD_MEASUREMENT = 5, 11  # KVM_SEV_LAUNCH_SECRET: a packet whose MAC is wrong
PAUSED = [
    ("query-sev", {}), ("query-sev-capabilities", {}), ("query-sev-launch-measure", {}), ("query-migrate", {}),
    ("query-sev-attestation-report", {"mnonce": NONCE}),
    ("query-sev-attestation-report", {"mnonce": ""}),
    ("query-sev-attestation-report", {"mnonce": base64.b64encode(bytes(17)).decode()}),
    inject(packet_header=""), inject(packet_header="=%"), inject(secret=""),
    inject(gpa=512 * MIB), inject(gpa=512 * MIB - 8), inject(gpa=1 << 40),
    (*inject(gpa=MIB), BAD_MEASUREMENT), (*inject(), BAD_MEASUREMENT),
]
RUNNING = [
    ("query-sev", {}), ("query-sev-launch-measure", {}), ("query-migrate", {}), inject(gpa=MIB), inject(packet_header=""),
    ("query-sev-attestation-report", {"mnonce": NONCE}),
]


class Qemu:
    """The stock QEMU on its own."""

    def __init__(self, *options, preload=None, errors=None):
        env = dict(os.environ, LD_PRELOAD=preload, FAKE_SEV_ERRORS=errors) if preload else None
        self.errors = errors
        self.process = subprocess.Popen(
            [QEMU, "-nodefaults", "-nographic", "-S", "-m", "512", "-qmp", "stdio", *options], env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.greeting = self.process.stdout.readline()
        if self.greeting:
            self.reply("qmp_capabilities")

    def complaint(self):
        return self.process.communicate()[1]

    def reply(self, command, arguments=None):
        print(json.dumps({"execute": command, "arguments": arguments or {}}), file=self.process.stdin, flush=True)
        while True:
            reply = json.loads(self.process.stdout.readline())
            if "return" in reply or "error" in reply:
                return reply

    def fails(self, number, status):
        with open(self.errors, "w", encoding="ascii") as f:
            f.write(f"{number} {status}\n" if status else "")

    def quit(self):
        self.process.kill()
        self.process.communicate()


def shape(value):
    """Names and types; numbers, states and texts of errors stay."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, str) and len(value) >= 40 and re.fullmatch(r"[A-Za-z0-9+/]+=*", value):
        return f"base64 of {len(base64.b64decode(value))} bytes"
    return value


class Compared:
    def __init__(self, t, host, guest, real):
        self.tap, self.host, self.guest, self.real = t, host, guest, real

    def ours(self, command, arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        done = self.host.virsh("qemu-monitor-command", self.guest.name, text)
        reply = json.loads(done.stdout)
        return {name: reply[name] for name in ("return", "error") if name in reply}

    def theirs(self, command, arguments, error):
        if error is not None:
            self.real.fails(*error)
        reply = self.real.reply(command, arguments)
        if error is not None:
            self.real.fails(0, 0)
        return reply

    def one(self, command, arguments, error=None, when=""):
        with self.tap.test(f"{when}{command} {json.dumps(arguments)[:70]}"):
            theirs, ours = shape(self.theirs(command, arguments, error)), shape(self.ours(command, arguments))
            if command == "query-sev-capabilities":
                # The C-bit is the machine's; a chip has its own number of ids.
                for reply in (theirs, ours) if not arguments else ():
                    for name in ("cbitpos", "cpu0-id"):
                        reply["return"][name] = type(reply["return"][name]).__name__
            self.tap.equal(ours, theirs)

    def info_sev(self):
        with self.tap.test("info sev"):
            command = "human-monitor-command", {"command-line": "info sev"}
            self.tap.equal(self.ours(*command), self.theirs(*command, None))


def real_sev(directory, policy, firmware):
    """QEMU with sev.c, or why there is none."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return None, "/dev/kvm cannot be opened"
    preload, errors = os.path.join(directory, "fake-sev.so"), os.path.join(directory, "errors")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", preload, os.path.join(TOP, "tests", "lib", "fake-sev.c")],
                   check=True)
    with open(errors, "w", encoding="ascii"):
        pass
    cbit = 51
    for _ in range(2):
        real = Qemu("-accel", "kvm", "-machine", "q35,confidential-guest-support=sev0", "-object",
                    f"sev-guest,id=sev0,cbitpos={cbit},reduced-phys-bits=1,sev-device=/dev/null,policy={policy}",
                    "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={firmware}", preload=preload, errors=errors)
        if real.greeting:
            return real, None
        complaint = real.complaint()
        found = re.search(r"cbitpos check failed, host '(\d+)'", complaint)
        if found is None:
            return None, f"QEMU with KVM: {complaint.strip().splitlines()[0] if complaint.strip() else 'no word'}"
        cbit = int(found.group(1))
    return None, complaint


def resume(compared):
    compared.host.virsh("resume", compared.guest.name)
    compared.real.reply("cont")
    # A guest under KVM without its firmware's memory may fault at once; its launch is over.
    compared.real.reply("stop")
    compared.host.virsh("suspend", compared.guest.name)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host, tempfile.TemporaryDirectory(prefix="qo-") as directory:
        guest = emuhost.SevGuest(host, "oracle")
        guest.start()
        real, why = real_sev(directory, guest.POLICY, guest.firmware)
        if real is None:
            t.note(f"SKIP the answers of sev.c: {why}")
        compared = Compared(t, host, guest, real or Qemu("-accel", "tcg"))
        for row in ARGUMENTS:
            compared.one(*row)
        if real is not None:
            for row in PAUSED:
                compared.one(*row)
            compared.info_sev()
            resume(compared)
            for row in RUNNING:
                compared.one(*row, when="running: ")
            compared.info_sev()
        compared.real.quit()
    t.finish()


main()
