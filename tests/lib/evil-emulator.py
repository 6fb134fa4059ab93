#!/usr/bin/python3 -I
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hostile hypervisor for tests: what libvirt runs instead of its <emulator>, sev-qemu.

It stands as HOST/evil/emulator and runs HOST/bin/qemu-system-x86_64, the real one, with
itself between that one's monitor and libvirt (hostile.py makes libvirt run it).  What it
does says HOST/evil/modes.json, read at each start of a SEV guest: one object or a list of
them, each with "mode" and the members named here.  Without the file, and for anything that
is not a SEV guest, it only hands on.

What it did goes to HOST/evil/log.  What it could see of a guest it keeps: HOST/evil/ram is
the guest's memory as it was when QEMU ended, HOST/evil/wire every byte of the monitor and
HOST/evil/secret the injected secret as the monitor had it.

  none                                  stand in the middle and change nothing
 before QEMU starts
  set-guest      members                change sev-guest properties: {"policy": 1}
  swap-file      which, with            firmware, kernel or initrd from another file
  overwrite      which, with            the kernel's or initrd's name leads to other contents
  append         text                   another kernel command line
  drop           options                leave options and their values out: ["-kernel"]
  add            arguments              more arguments at the end
  die-at-launch  [text]                 exit 1 with a line on stderr
 in the monitor; "command" is a QMP command, as libvirt sends it
  alter-measure  [byte]                 flip one bit of the launch measurement
  record-measure                        keep the measurement in HOST/evil/measure
  replay-measure                        answer with the one that was kept
  alter-reply    command, members       set members of the returned object
  alter-arguments command, members      set arguments before the command goes on
  tamper-secret                         flip one bit of the injected secret
  error-at       command, desc          answer with an error, hand nothing on
  garbage-at     command, text          answer with this text
  swallow        command                answer {} and hand nothing on
  hang-at        command                never answer
  hang-up-at     command                close libvirt's connection
  kill-at        command                kill -9 QEMU
  run-at         command, argv          run a program, then hand the command on
"""
import base64
import json
import os
import select
import shutil
import signal
import socket
import sys
import time

RUN_BEFORE = ("set-guest", "swap-file", "overwrite", "append", "drop", "add", "die-at-launch")
WITH_VALUE = ("-kernel", "-initrd", "-append", "-bios", "-device", "-drive", "-blockdev",
              "-fw_cfg", "-object", "-smp", "-cpu")


class Host:
    def __init__(self):
        self.evil = os.path.dirname(os.path.abspath(sys.argv[0]))
        self.dir = os.path.dirname(self.evil)
        self.real = os.path.join(self.dir, "bin", "qemu-system-x86_64")

    def modes(self):
        try:
            with open(os.path.join(self.evil, "modes.json"), encoding="utf-8") as conf:
                found = json.load(conf)
        except FileNotFoundError:
            return []
        return found if isinstance(found, list) else [found]

    def log(self, *words):
        with open(os.path.join(self.evil, "log"), "a", encoding="utf-8") as log:
            log.write("%.3f [%d] %s\n" % (time.time(), os.getpid(), " ".join(map(str, words))))

    def keep(self, name, data):
        with open(os.path.join(self.evil, name), "ab") as out:
            out.write(data)


def is_sev_guest(value):
    return value.startswith("{") and json.loads(value).get("qom-type") == "sev-guest"


def set_guest(args, mode):
    for i, value in enumerate(args):
        if args[i - 1] == "-object" and is_sev_guest(value):
            args[i] = json.dumps({**json.loads(value), **mode["members"]})


def swap_file(args, mode):
    for i in range(1, len(args)):
        if args[i - 1] == "-" + mode["which"]:
            args[i] = mode["with"]
        if mode["which"] == "firmware" and args[i - 1] == "-blockdev":
            node = json.loads(args[i])
            if node.get("node-name") == "libvirt-pflash0-storage":
                args[i] = json.dumps({**node, "filename": mode["with"]})


def overwrite(args, mode):
    """Under the same name: what it leads to may be sealed."""
    name = args[args.index("-" + mode["which"]) + 1]
    shutil.copyfile(mode["with"], name + ".new")
    os.rename(name + ".new", name)


def set_append(args, text):
    if "-append" in args:
        args[args.index("-append") + 1] = text
    else:
        args += ["-append", text]


def drop(args, options):
    for option in options:
        while option in args:
            i = args.index(option)
            del args[i:i + (2 if option in WITH_VALUE else 1)]


def change_start(args, modes, host):
    for mode in modes:
        kind = mode["mode"]
        if kind in RUN_BEFORE:
            host.log(kind)
        if kind == "set-guest":
            set_guest(args, mode)
        elif kind == "swap-file":
            swap_file(args, mode)
        elif kind == "overwrite":
            overwrite(args, mode)
        elif kind == "append":
            set_append(args, mode["text"])
        elif kind == "drop":
            drop(args, mode["options"])
        elif kind == "add":
            args += mode["arguments"]
        elif kind == "die-at-launch":
            host.log("end")
            sys.stderr.write(mode.get("text", "qemu-system-x86_64: evil: died") + "\n")
            sys.exit(1)


def flip(text, position):
    data = bytearray(base64.b64decode(text))
    data[position] ^= 1
    return base64.b64encode(bytes(data)).decode()


class Session:
    """One connection of libvirt's, and ours to the real relay."""

    def __init__(self, host, modes, client, server, pidfd, on_server):
        self.host, self.modes, self.pidfd, self.on_server = host, modes, pidfd, on_server
        self.client, self.server = client, server
        self.commands = {}  # id, as JSON text: name

    def send_client(self, message):
        self.client.sendall(json.dumps(message).encode() + b"\r\n")

    def on_command(self, message):
        """Returns the message to hand on, or None."""
        name = message.get("execute")
        if name == "sev-inject-launch-secret":
            self.host.keep("secret", base64.b64decode(message["arguments"]["secret"]))
        self.commands[json.dumps(message.get("id"))] = name
        for mode in self.modes:
            kind = mode["mode"]
            if kind == "tamper-secret" and name == "sev-inject-launch-secret":
                arguments = message["arguments"]
                arguments["secret"] = flip(arguments["secret"], 0)
                self.host.log(kind)
            if mode.get("command") != name:
                continue
            if kind != "alter-reply":
                self.host.log(kind, name)
            answer = {"id": message["id"]} if "id" in message else {}
            if kind == "alter-arguments":
                message.setdefault("arguments", {}).update(mode["members"])
            elif kind == "error-at":
                answer["error"] = {"class": "GenericError", "desc": mode["desc"]}
                self.send_client(answer)
                return None
            elif kind == "garbage-at":
                self.client.sendall(mode["text"].encode() + b"\r\n")
                return None
            elif kind == "swallow":
                answer["return"] = {}
                self.send_client(answer)
                return None
            elif kind == "hang-at":
                return None
            elif kind == "hang-up-at":
                raise ConnectionError("hang-up-at")
            elif kind == "kill-at":
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
                return None
            elif kind == "run-at":
                os.spawnv(os.P_WAIT, mode["argv"][0], mode["argv"])
        return message

    def on_reply(self, message):
        name = self.commands.pop(json.dumps(message.get("id")), None)
        value = message.get("return")
        kept = os.path.join(self.host.evil, "measure")
        for mode in self.modes:
            kind = mode["mode"]
            if name == "query-sev-launch-measure" and value and "data" in value:
                if kind.endswith("-measure"):
                    self.host.log(kind)
                if kind == "alter-measure":
                    value["data"] = flip(value["data"], mode.get("byte", 0))
                elif kind == "record-measure":
                    with open(kept, "w", encoding="ascii") as out:
                        out.write(value["data"])
                elif kind == "replay-measure":
                    with open(kept, encoding="ascii") as old:
                        value["data"] = old.read()
            if kind == "alter-reply" and mode["command"] == name and value is not None:
                value.update(mode["members"])
                self.host.log(kind, name)
        return message

    def pump(self, source, pending, handle, target):
        data, fds, _, _ = socket.recv_fds(source, 65536, 16)
        if not data:
            return None
        self.host.keep("wire", data)
        *lines, rest = (pending + data).split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            message = handle(json.loads(line))
            if message is None:
                continue
            out = json.dumps(message).encode() + b"\r\n"
            sent = socket.send_fds(target, [out], fds) if fds else 0
            target.sendall(out[sent:])
            for fd in fds:
                os.close(fd)
            fds = []
        return rest

    def run(self):
        from_client = from_server = b""
        while from_client is not None and from_server is not None:
            ready, _, _ = select.select([self.client, self.server], [], [])
            if self.server in ready:
                self.on_server()
                from_server = self.pump(self.server, from_server, self.on_reply, self.client)
            if self.client in ready and from_server is not None:
                from_client = self.pump(self.client, from_client, self.on_command, self.server)


def open_ram(pid):
    """The biggest memory file that QEMU has, or None."""
    found = []
    try:
        for name in os.listdir("/proc/%d/fd" % pid):
            path = "/proc/%d/fd/%s" % (pid, name)
            if os.readlink(path).startswith("/memfd:"):
                found.append((os.stat(path).st_size, path))
        return os.open(max(found)[1], os.O_RDONLY) if found else None
    except OSError:  # it is ending
        return None


def keep_ram(host, ram):
    """Copies what is not a hole."""
    with open(os.path.join(host.evil, "ram.new"), "wb") as out:
        pos, end = 0, os.fstat(ram).st_size
        while pos < end:
            try:
                pos = os.lseek(ram, pos, os.SEEK_DATA)
            except OSError:
                break
            hole = os.lseek(ram, pos, os.SEEK_HOLE)
            while pos < hole:
                data = os.pread(ram, min(1 << 20, hole - pos), pos)
                out.seek(pos)
                out.write(data)
                pos += len(data)
    os.rename(os.path.join(host.evil, "ram.new"), os.path.join(host.evil, "ram"))


def stand_between(host, modes, listener, path, pid, pidfd):
    """The middle process: lives as long as QEMU."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    ram = None

    def take_ram():
        nonlocal ram
        ram = open_ram(pid) if ram is None else ram

    try:
        while True:
            ready, _, _ = select.select([listener, pidfd], [], [])
            if pidfd in ready:
                return
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(path)
                Session(host, modes, client, server, pidfd, take_ram).run()
            except (ConnectionError, BrokenPipeError) as error:
                host.log("connection ends:", error)
            client.close()
            server.close()
    finally:
        os.unlink(path)
        if ram is not None:
            keep_ram(host, ram)
        host.log("end")


def find_monitor(args):
    for i in range(1, len(args)):
        if args[i - 1] == "-chardev" and args[i].startswith("socket,id=charmonitor,"):
            options = dict(o.split("=", 1) for o in args[i].split(",")[1:])
            return i, int(options["fd"])
    return None, None


def close_all_but(kept):
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                pass


def main():
    host, args = Host(), sys.argv[1:]
    for name in ("LD_PRELOAD", "SWAP_FROM", "SWAP_TO"):
        os.environ.pop(name, None)
    guest = any(args[i - 1] == "-object" and is_sev_guest(args[i]) for i in range(1, len(args)))
    index, fd = find_monitor(args)
    modes = host.modes()
    if not guest or index is None or not modes:
        os.execv(host.real, [host.real] + args)

    host.log("start")
    change_start(args, modes, host)
    index, _ = find_monitor(args)
    listener = socket.socket(fileno=fd)
    path = os.path.join(host.dir, "rt", "evil-%d" % os.getpid())
    inner = socket.socket(socket.AF_UNIX)
    inner.bind(path)
    inner.listen(1)
    inner.set_inheritable(True)
    args[index] = "socket,id=charmonitor,fd=%d,server=on,wait=off" % inner.fileno()
    pid = os.getpid()
    pidfd = os.pidfd_open(pid)
    if os.fork() == 0:
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        close_all_but({listener.fileno(), pidfd})
        try:
            stand_between(host, modes, listener, path, pid, pidfd)
        except BaseException as error:
            host.log("died:", repr(error))
        os._exit(0)
    os.wait()
    listener.close()
    os.close(pidfd)
    os.execv(host.real, [host.real] + args)


if __name__ == "__main__":
    main()
