#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of an emulated host: create, trust, exec, status, destroy.

SEVLAUNCH names the installed program.  As root the life is tried as root, who becomes
nobody, and as an ordinary user; otherwise as the user who runs this.  SEVLAUNCH_FIRMWARE
names a firmware for the guest with SEV; without it that guest is skipped.
"""
import os
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from emulatorhost import (  # noqa: E402
    DEADLINE, FIRMWARE, HOST, INSECURE, IS_ROOT, MARK, SEVLAUNCH, STATE, Skip, USAGE, kill_libvirt,
    libvirt_pid, main, need, need_nothing, node_pdh, processes, read, root_fingerprint, sockets,
    start_guest)


def test_missing(c):
    c.refused(STATE, "emulated-host-state", "status")
    c.refused(STATE, "emulated-host-state", "destroy")
    c.refused(STATE, "emulated-host-state", "trust", "--owner", c.home)
    need(not os.path.lexists(c.host), "something was made")


def test_create(c):
    made = c.json("create")
    st = os.lstat(c.host)
    need(made["created"] and made["emulated"], made)
    need((stat.S_IMODE(st.st_mode), st.st_uid) == (0o700, c.servant.pw_uid), "mode and owner")
    need(made["ark_sha256"] == root_fingerprint(c.host), "fingerprint of the root")
    need(stat.S_IMODE(os.stat(os.path.join(c.host, "platform/chip")).st_mode) == 0o600, "mode of the keys")
    c.refused(STATE, "emulated-host-state", "create")
    again = c.json("create", "--if-missing")
    need(not again["created"] and again["ark_sha256"] == made["ark_sha256"], "another root")


def test_status(c):
    told = c.json("status")
    need(told["emulated"] and told["platform"]["kind"] == "emulated", told)
    need(not told["libvirt"]["running"] and told["guests"] == [], told)
    need(not processes(c.host), "status started something")
    text = c.ok("status")
    need(text.startswith("EMULATED host ") and root_fingerprint(c.host) in text, text)


def test_trust(c):
    owner = os.path.join(c.home, "o")
    os.mkdir(owner, 0o700)
    if c.user:
        os.chown(owner, c.servant.pw_uid, c.servant.pw_gid)
    expected = "sha256:" + root_fingerprint(c.host)
    first = c.json("trust", "--owner", owner)
    need(first["added"] and first["root"] == expected, first)
    need(not c.json("trust", "--owner", owner)["added"], "added twice")
    lines = read(os.path.join(owner, "trusted-roots")).decode().splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    need(len(entries) == 1 and entries[0].split()[:2] == [expected, "EMULATED"], lines)
    os.chmod(owner, 0o755)
    c.refused(INSECURE, "owner-dir-mode", "trust", "--owner", owner)
    c.refused(USAGE, "usage", "trust")


def test_exec(c):
    need(c.emulator("exec", "--", "sh", "-c", "exit 3").returncode == 3, "exit code of the command")
    need(c.emulator("exec", "--", "/nonexistent").returncode == 127, "exit code of a missing command")
    need(c.emulator("exec", "--", "/etc/passwd").returncode == 126, "exit code of no program")
    need(c.ok("exec", "--", "echo", "--", "--json").strip() == "-- --json", "words after --")
    need(c.ok("exec", "--", "id", "-u").strip() == str(c.servant.pw_uid), "user of the command")
    told = dict(line.split("=", 1) for line in c.ok("exec", "env").splitlines() if "=" in line)
    need(told["SEVLAUNCH_EMULATED"] == "1" and told["SEVLAUNCH_EMULATED_HOST"] == c.host, told)
    need(told["PATH"].startswith(c.host + "/bin:") and "EMULATED" in told["PS1"], told)
    need(told["HOME"] == (c.home if c.user or not IS_ROOT else c.host), told["HOME"])
    need(c.virsh("uri").strip() == told["LIBVIRT_DEFAULT_URI"], "virsh finds another libvirt")
    shell = c.run(SEVLAUNCH, "emulator", "exec", "--emulated-host", c.host, stdin="echo $SEVLAUNCH_EMULATED; exit 9\n")
    need(shell.returncode == 9 and shell.stdout.strip() == "1", shell)


def test_libvirt_sees_platform(c):
    need(node_pdh(c) == read(os.path.join(c.host, "certs/pdh.cert")), "another PDH")
    capabilities = c.ok("exec", "--", "virsh", "domcapabilities")
    need("<sev supported='yes'>" in capabilities, "no SEV")
    need(f"<path>{c.host}/bin/qemu-system-x86_64</path>" in c.ok("exec", "--", "virsh", "domcapabilities", "--emulatorbin",
         f"{c.host}/bin/qemu-system-x86_64"), "another emulator")


def test_daemon(c):
    c.virsh("list")
    pid = libvirt_pid(c)
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    need(int(fields[3]) == pid and fields[4] == "0", "no session of its own, or a terminal")
    variables = read(f"/proc/{pid}/environ").split(b"\0")
    need(not any(v.startswith(MARK.encode()) for v in variables), "the caller's environment leaked")
    need(os.readlink(f"/proc/{pid}/fd/0") == "/dev/null", "stdin")
    need(os.readlink(f"/proc/{pid}/fd/1") == c.host + "/log/libvirtd.log", "stdout")
    need(os.stat(f"/proc/{pid}").st_uid == c.servant.pw_uid, "user of the daemon")


def test_interrupt(c):
    """Ctrl-C ends the command and not the libvirt that came with it."""
    kill_libvirt(c, signal.SIGTERM)
    child = subprocess.Popen(c.argv([SEVLAUNCH, "emulator", "exec", "--emulated-host", c.host, "--", "sh", "-c",
                                     "echo ready; read line"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, cwd=c.home, start_new_session=True)
    need(child.stdout.readline() == b"ready\n", "the command did not start")
    pid = libvirt_pid(c)
    need(pid != 0, "libvirt does not run")
    os.killpg(child.pid, signal.SIGINT)
    child.communicate(timeout=DEADLINE)
    need(libvirt_pid(c) == pid, "libvirt ended too")


def test_new_pdh(c):
    """What libvirt remembers of the platform does not outlive the platform's keys."""
    before = node_pdh(c)
    os.unlink(os.path.join(c.host, "platform/nv"))
    after = node_pdh(c)
    need(after != before, "libvirt shows the old PDH")
    need(after == read(os.path.join(c.host, "certs/pdh.cert")), "libvirt shows another PDH")


def test_emulator_replaced(c):
    copy = os.path.join(c.host, "bin/qemu-system-x86_64")
    good = read(copy)
    c.write(copy, b"#!/bin/false\n")
    need(c.json("create", "--if-missing")["created"] is False, "the host counts as new")
    need(read(copy) == good and stat.S_IMODE(os.stat(copy).st_mode) == 0o700, "the old copy is still there")
    node_pdh(c)


def test_guests_survive(c):
    start_guest(c, "plain")
    need([g["name"] for g in c.json("status")["guests"]] == ["plain"], c.json("status"))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        kill_libvirt(c, number)
        need([g["name"] for g in c.json("status")["guests"]] == ["plain"], "the guest went with libvirt")
        need(c.virsh("domstate", "plain").strip() == "paused", "libvirt lost the guest")


def test_destroy_refused(c):
    before = c.json("status")
    result = c.refused(STATE, "emulated-host-state", "destroy")
    need("plain" in result.stderr, "the guest is not named")
    after = c.json("status")
    need(after["guests"] == before["guests"], "the guest ended")


def test_sev_guest(c):
    if not FIRMWARE:
        raise Skip("SEVLAUNCH_FIRMWARE is not set")
    start_guest(c, "secret-guest", sev=True)
    need("launch-secret" in c.virsh("qemu-monitor-command", "secret-guest", '{"execute":"query-sev"}'), "no SEV guest")
    kill_libvirt(c, signal.SIGKILL)
    need(c.virsh("domstate", "secret-guest").strip() == "paused", "libvirt lost the guest")


def test_destroy(c):
    need(len(processes(c.host)) >= 2 and sockets(c.host), "nothing runs that could be left")
    c.ok("destroy", "--force")
    need_nothing(c.host)


def test_destroy_without_libvirt(c):
    """Guests are found and ended also when libvirt cannot help."""
    start_guest(c, "plain")
    kill_libvirt(c, signal.SIGKILL)
    os.mkdir(c.host + "/c/libvirt", 0o700) if not os.path.isdir(c.host + "/c/libvirt") else None
    c.write(c.host + "/c/libvirt/libvirtd.conf", b"nonsense = = =\n")
    c.refused(HOST, "libvirt-unreachable", "exec", "--", "true")
    need(c.json("status")["guests"] != [], "the guest went with libvirt")
    c.ok("destroy", "--force")
    need_nothing(c.host)


LIFE = [test_missing, test_create, test_status, test_trust, test_exec, test_libvirt_sees_platform, test_daemon, test_interrupt,
        test_new_pdh, test_emulator_replaced, test_guests_survive, test_destroy_refused, test_sev_guest, test_destroy,
        test_destroy_without_libvirt]

if __name__ == "__main__":
    sys.exit(main(lambda callers: [(c, t) for c in callers for t in LIFE]))
