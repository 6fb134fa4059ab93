#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way past the relay that QEMU's monitors offer, tried through libvirt.

The same commands go to a SEV guest that runs, where each must be refused and logged
without its arguments, and to a guest without SEV, where QEMU itself must answer.
"""
import glob
import json
import os
import socket
import sys

import libvirt
import libvirt_qemu

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")

REFUSED = "is refused for a SEV guest"
MARK = "markofanargument"  # in every file name: must not be in a log
RAM_BACKEND = "/objects/pc.ram"

# (command, arguments, whether QEMU does it for a guest without SEV; if not it is QEMU that
# says why).  None: not tried without SEV: libvirtd 9.0 dies of the event that follows a dump
# it did not begin ("virsh dump" below shows that one), and QEMU's sandbox kills it at exec.
# FILE is a path that must not come into being.
QMP = [
    ("memsave", {"val": 0, "size": 4096, "filename": "FILE"}, True),
    ("dump-guest-memory", {"paging": True, "protocol": "file:FILE"}, None),
    ("screendump", {"filename": "FILE"}, False),
    ("snapshot-save", {"job-id": "j", "tag": MARK, "vmstate": "n", "devices": ["n"]}, True),
    ("snapshot-load", {"job-id": "k", "tag": MARK, "vmstate": "n", "devices": ["n"]}, True),
    ("migrate-set-capabilities", {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}, True),
    ("migrate-set-capabilities", {"capabilities": [{"capability": "x-ignore-shared", "state": False}]}, True),
    ("migrate-set-parameters", {"max-bandwidth": 1 << 30}, True),
    ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, False),
    ("migrate", {"uri": "fd:" + MARK}, False),
    ("migrate", {"uri": "tcp:127.0.0.1:1"}, True),
    ("migrate", {"uri": "exec:cat >FILE"}, None),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "m1", "size": 1 << 20}, True),
    ("object-add", {"qom-type": "secret", "id": "s1", "data": MARK}, True),
    ("object-del", {"id": "m1"}, True),
    ("device_add", {"driver": "pc-dimm", "id": "d1", "memdev": "m1"}, False),
    ("device_add", {"driver": "pvpanic", "id": "d2"}, False),
    ("device_del", {"id": MARK}, False),
    ("chardev-add", {"id": "c1", "backend": {"type": "null", "data": {}}}, True),
    ("chardev-add", {"id": "c2", "backend": {"type": "socket", "data": {"addr": {
        "type": "unix", "data": {"path": "FILE"}}, "server": True, "wait": False}}}, True),
    ("chardev-change", {"id": "c1", "backend": {"type": "null", "data": {}}}, False),
    ("chardev-remove", {"id": "c2"}, True),
    ("netdev_add", {"type": "hubport", "id": "n1", "hubid": 0}, True),
    ("netdev_del", {"id": "n1"}, True),
    ("blockdev-add", {"driver": "null-co", "node-name": "b1"}, True),
    ("blockdev-add", {"driver": "file", "node-name": "b2", "filename": "/proc/self/mem"}, False),
    ("blockdev-create", {"job-id": "f", "options": {"driver": "file", "filename": "FILE", "size": 0}}, True),
    ("blockdev-mirror", {"job-id": "l", "device": "n", "target": "b1", "sync": "full"}, False),
    ("blockdev-backup", {"job-id": "o", "device": "n", "target": "b1", "sync": "full"}, False),
    ("blockdev-del", {"node-name": "b1"}, True),
    ("block-export-add", {"type": "nbd", "id": "e", "node-name": "b1"}, False),
    ("nbd-server-start", {"addr": {"type": "unix", "data": {"path": "FILE"}}}, True),
    ("nbd-server-stop", {}, True),
    ("transaction", {"actions": []}, True),
    ("qom-set", {"path": RAM_BACKEND, "property": "dump", "value": True}, True),
    ("qom-set", {"path": RAM_BACKEND, "property": "merge", "value": False}, True),
    ("trace-event-set-state", {"name": "exec_tb", "enable": False, "ignore-unavailable": True}, True),
    ("calc-dirty-rate", {"calc-time": 1}, True),
    ("ringbuf-read", {"device": MARK, "size": 16}, False),
    ("add_client", {"protocol": "vnc", "fdname": MARK}, False),
    ("yank", {"instances": []}, True),
    ("x-query-roms", {}, True),
    ("x-query-numa", {}, True),
    ("x-blockdev-change", {"parent": MARK}, False),
    ("xen-save-devices-state", {"filename": "FILE"}, True),
    ("no-such-command", {MARK: 1}, False),
    ("PMEMSAVE", {"val": 0, "size": 4096, "filename": "FILE"}, False),
    ("pmemsave ", {"val": 0, "size": 4096, "filename": "FILE"}, False),
]

# Lines of the human monitor, and the words that the log may have of them.
HMP = [
    ("memsave 0 4096 FILE", "memsave"),
    ("  memsave   0 4096 FILE", "memsave"),
    ("dump-guest-memory -p FILE", "dump-guest-memory"),
    ("x /4xb 0", "x"),
    ("x/4xb 0", "x"),
    ("xp /4xb 0", "xp"),
    ("xp/4xb 0", "xp"),
    ("p $eip", "p"),
    ("print $eip", "print"),
    ("sum 0 16", "sum"),
    ("i /b 0x70", "i"),
    ("i/b 0x70", "i/b"),
    ("o /b 0x80 0", "o"),
    ("gpa2hva 0", "gpa2hva"),
    ("gva2gpa 0", "gva2gpa"),
    ("gpa2hpa 0", "gpa2hpa"),
    ("gdbserver none", "gdbserver"),
    ("savevm " + MARK, "savevm"),
    ("loadvm " + MARK, "loadvm"),
    ("delvm " + MARK, "delvm"),
    ("screendump FILE", "screendump"),
    ("migrate fd:" + MARK, "migrate"),
    ("migrate -d tcp:127.0.0.1:1", "migrate"),
    ("migrate_incoming tcp:127.0.0.1:0", "migrate_incoming"),
    ("migrate_set_capability x-ignore-shared off", "migrate_set_capability"),
    ("object_add memory-backend-ram,id=m3,size=1M", "object_add"),
    ("object_del m3", "object_del"),
    ("device_add pc-dimm,id=d3,memdev=m3", "device_add"),
    ("drive_add 0 if=none,id=d4,file=FILE", "drive_add"),
    ("chardev-add null,id=c3", "chardev-add"),
    ("chardev-remove c3", "chardev-remove"),
    ("netdev_add hubport,id=n2,hubid=0", "netdev_add"),
    ("nbd_server_start -a 127.0.0.1:0", "nbd_server_start"),
    ("qemu-io n help", "qemu-io"),
    ("qom-set " + RAM_BACKEND + " merge off", "qom-set"),
    ("log none", "log"),
    ("logfile FILE", "logfile"),
    ("trace-event exec_tb off", "trace-event"),
    ("singlestep off", "singlestep"),
    ("cpu 0", "cpu"),
    ("change " + MARK + " x", "change"),
    ("info registers", "info registers"),
    ("info   registers -a", "info registers"),
    ("info mem", "info mem"),
    ("info tlb", "info tlb"),
    ("info lapic", "info lapic"),
    ("info jit", "info jit"),
    ("info \"registers\"", "info \\\"registers\\\""),
    ("info\tregisters", "info\\tregisters"),
    ("info status\nxp/4xb 0", None),
    ("help\rxp/4xb 0", None),
    ("human-monitor-command x", "human-monitor-command"),
    ("? x", "?"),
]


class Monitor:
    """libvirt's passthrough, as virsh qemu-monitor-command uses it."""

    def __init__(self, connection, name):
        self.domain = connection.lookupByName(name)

    def qmp(self, command, arguments=None):
        """(error text or None, result)"""
        text = json.dumps({"execute": command, "arguments": arguments or {}})
        reply = json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, text, 0))
        return reply.get("error", {}).get("desc"), reply.get("return")

    def hmp(self, line):
        return self.qmp("human-monitor-command", {"command-line": line})


class Guests:
    def __init__(self, host, t):
        self.host, self.tap = host, t
        self.sev = emuhost.SevGuest(host, "sev")
        self.file = os.path.join(host.files, MARK)

    def fill(self, value):
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return value.replace("FILE", self.file) if isinstance(value, str) else value

    def start(self):
        self.sev.start()
        self.sev.unlock()
        disk = os.path.join(self.host.files, "plain.qcow2")
        self.host.exec("qemu-img", "create", "-q", "-f", "qcow2", disk, "1M")
        self.host.start(emuhost.domain_xml(self.host, "plain", disk=disk, memory=64))
        connection = libvirt.open(self.host.uri)
        self.guarded, self.plain = Monitor(connection, "sev"), Monitor(connection, "plain")
        error, nodes = self.plain.qmp("query-named-block-nodes")
        self.node = next(node["node-name"] for node in nodes if node["drv"] == "qcow2")
        self.connection = connection

    def arguments(self, template):
        filled = self.fill(template)
        for key in ("vmstate", "device"):
            if filled.get(key) == "n":
                filled[key] = self.node
        if filled.get("devices") == ["n"]:
            filled["devices"] = [self.node]
        return filled

    def no_file(self):
        if os.path.exists(self.file):
            os.unlink(self.file)

    def check_refused(self, error, logged, count):
        self.tap.true(error is not None and REFUSED in error, f"answer: {error!r}")
        self.tap.true(not os.path.exists(self.file), "a file came into being")
        if logged is not None:
            self.tap.true(self.host.log("sev").count(f"refused: '{logged}': ") > count, "not in the log")

    def try_qmp(self, command, template, works):
        arguments = self.arguments(template)
        if works is not None:
            error, _ = self.plain.qmp(command, arguments)
            self.tap.true(error is None or REFUSED not in error, f"without SEV: {error!r}")
            self.tap.true(error is None or not works, f"without SEV: {error!r}")
            if command == "memsave":
                self.tap.equal(os.path.getsize(self.file), 4096, "without SEV")
        self.no_file()
        count = self.host.log("sev").count(f"refused: '{command}': ")
        error, _ = self.guarded.qmp(command, arguments)
        self.check_refused(error, command, count)

    def try_hmp(self, template, logged):
        line = self.fill(template)
        if logged != "dump-guest-memory":
            error, _ = self.plain.hmp(line)
            self.tap.equal(error, None, "without SEV")
        self.no_file()
        count = self.host.log("sev").count(f"refused: '{logged}': ") if logged else 0
        error, _ = self.guarded.hmp(line)
        self.check_refused(error, logged, count)


def allowed(guests, t):
    for name, arguments in (("query-status", {}), ("query-block", {}), ("query-memory-size-summary", {}),
                            ("migrate-set-capabilities",
                             {"capabilities": [{"capability": "events", "state": True}]})):
        t.equal(guests.guarded.qmp(name, arguments)[0], None, name)
    error, _ = guests.guarded.qmp("set_link", {"name": "none", "up": False})
    t.true(error and REFUSED not in error, f"QEMU itself answers set_link: {error!r}")
    error, text = guests.guarded.hmp("info sev")
    t.true(error is None and "state: running" in text and "debug: off" in text, f"info sev: {text!r}")
    error, text = guests.guarded.hmp("info status")
    t.true(error is None and "running" in text, f"info status: {text!r}")


def virsh_too(guests, t):
    """virsh itself, once for each of its two forms."""
    refused, text = guests.host.hmp("sev", "info registers")
    t.true(REFUSED in text, text)
    t.true("EIP=" in guests.host.hmp("plain", "info registers")[1], "without SEV")
    text = guests.host.qmp("sev", "memsave", check=False, val=0, size=16, filename=guests.file)
    t.true(REFUSED in text, text)
    for words in (("dump", "sev", guests.file), ("save", "sev", guests.file),
                  ("snapshot-create-as", "sev", "s1"), ("screenshot", "sev", guests.file)):
        done = guests.host.virsh(*words, check=False)
        t.equal(done.returncode, 1, f"{words}: {done.stdout}")
        if words[0] in ("dump", "save"):  # libvirt itself, as on a real host: query-migrate has a blocker
            t.true("cannot migrate domain: SEV: Migration is not implemented" in done.stderr, done.stderr)
    t.equal(guests.host.state("sev"), "running")
    guests.host.virsh("dump", "plain", guests.file, "--memory-only")
    t.true(os.path.getsize(guests.file) > 32 << 20, "without SEV")
    guests.no_file()


def no_other_way(guests, t):
    qemu, relay = guests.sev.pids()
    names = guests.host.bound_sockets(qemu)
    t.true(names, "QEMU's monitor is a socket that was bound once")
    t.equal([name for name in names if name.startswith("@") or os.path.exists(name)], [])
    t.equal([name for name in guests.host.bound_sockets(relay) if name.startswith("@")], [])


def direct(guests, t):
    """The socket that libvirt uses leads to the relay, whoever connects."""
    qemu, relay = guests.sev.pids()
    names = glob.glob(f"{guests.host.path}/c/libvirt/qemu/lib/domain-*-sev/monitor.sock")
    t.equal(len(names), 1, names)
    guests.connection.close()
    guests.host.kill_libvirtd()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        sock.connect(names[0])
        with sock.makefile("rw", encoding="utf-8") as lines:
            t.true("QMP" in json.loads(lines.readline()), "greeting")
            for command, error in (("qmp_capabilities", None), ("query-status", None), ("x-query-roms", REFUSED)):
                lines.write(json.dumps({"execute": command}) + "\n")
                lines.flush()
                reply = json.loads(lines.readline())
                while "event" in reply:
                    reply = json.loads(lines.readline())
                t.true(("return" in reply) == (error is None) and (error or "") in json.dumps(reply), reply)
    t.equal(guests.host.state("sev"), "running")
    t.equal(guests.sev.pids(), (qemu, relay))


def main():
    t = tap.Tap()
    libvirt.registerErrorHandler(lambda *_: None, None)
    with emuhost.EmulatedHost() as host:
        guests = Guests(host, t)
        guests.start()
        with t.test("one guest with SEV runs, one without is there"):
            t.equal([host.state(name) for name in ("sev", "plain")], ["running", "paused"])
        for command, arguments, works in QMP:
            with t.test(f"QMP {command} {' '.join(arguments)}"):
                guests.try_qmp(command, arguments, works)
        for line, logged in HMP:
            with t.test(f"monitor line {line!r}".replace("#", "")):
                guests.try_hmp(line, logged)
        with t.test("what a SEV guest may be asked, QEMU or the platform answers"):
            allowed(guests, t)
        with t.test("virsh's own commands"):
            virsh_too(guests, t)
        with t.test("the log names commands without their arguments"):
            t.true(MARK not in host.log("sev"), host.log("sev")[-2000:])
        with t.test("no socket of QEMU's can be reached"):
            no_other_way(guests, t)
        with t.test("who connects to libvirt's socket meets the relay"):
            direct(guests, t)
        with t.test("the guest still runs, unlocked and never reset"):
            t.equal(host.state("sev"), "running")
            t.equal(host.log("sev").count("LAUNCH_FINISH"), 1)
    t.finish()


main()
