#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulated hosts under wrong input, crashes, and several processes at once.

SEVLAUNCH names the installed program.  Runs as the user who calls it; what only root can
bring about is skipped for others.
"""
import json
import os
import pwd
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from emulatorhost import (  # noqa: E402
    Caller, DEADLINE, HOST, IS_ROOT, SEVLAUNCH, STATE, Skip, USAGE, domain_file, kill_libvirt, libvirt_pid,
    main, need, need_nothing, node_pdh, processes, read, root_fingerprint, tree)


def test_usage(c):
    for words in (["--emulated-host", ""], ["--nonsense"], ["word"]):
        result = c.run(SEVLAUNCH, "emulator", "create", *words)
        need(result.returncode == USAGE and "[usage]" in result.stderr, f"{words}: {result}")
    need(c.run(SEVLAUNCH, "emulator").returncode == USAGE, "no command")
    need(c.run(SEVLAUNCH, "emulator", "nonsense").returncode == USAGE, "unknown command")
    c.refused(USAGE, "usage", "create", "--run-as", "no-such-user-here")
    c.refused(USAGE, "usage", "create", "--run-as", "root")
    c.refused(USAGE, "usage", "create", host=os.path.join(c.home, "a:b"))
    c.refused(USAGE, "usage", "create", host="/")
    need(not os.path.lexists(c.host), "something was made")


def test_long_path(c):
    """The longest path allowed is good for the longest name of a socket."""
    longest = os.path.join(c.home, "x" * (42 - len(c.home) - 1))
    need(len(longest) == 42, "the test's own directory is too deep")
    c.ok("create", host=longest)
    path = domain_file(c, "a-guest-with-a-name-of-more-than-20-letters")
    c.ok("exec", "--", "virsh", "create", "--paused", path, host=longest)
    need(len(c.json("status", host=longest)["guests"]) == 1, "the guest does not run")
    c.ok("destroy", "--force", host=longest)
    need_nothing(longest)
    result = c.refused(USAGE, "usage", "create", host=longest + "x")
    need("43" in result.stderr and "42" in result.stderr, "no numbers: " + result.stderr)


def test_foreign_directory(c):
    path = c.mkdir("foreign")
    c.write(os.path.join(path, "letter"), b"dear")
    before = tree(path)
    for verb, words in (("create", []), ("exec", ["--", "true"]), ("status", []), ("destroy", ["--force"])):
        c.refused(STATE, "emulated-host-state", verb, *words, host=path)
        need(tree(path) == before, f"{verb} changed the directory")
    os.unlink(os.path.join(path, "letter"))
    c.ok("create", host=path)
    c.ok("destroy", host=path)


def test_wrong_directory(c):
    path = c.mkdir("wrong", 0o755)
    result = c.refused(HOST, "emulated-host", "create", host=path)
    need("0755" in result.stderr and "0700" in result.stderr, "no modes: " + result.stderr)
    os.chmod(path, 0o700)
    link = os.path.join(c.home, "link")
    os.symlink(path, link)
    c.refused(HOST, "emulated-host", "create", host=link)
    c.refused(HOST, "emulated-host", "create", host=os.path.join(c.home, "no/parent"))
    c.write(os.path.join(c.home, "file"), b"")
    c.refused(HOST, "emulated-host", "create", host=os.path.join(c.home, "file"))
    need(os.listdir(path) == [], "something was made behind the link")
    c.ok("create", host=path)
    os.chmod(path, 0o750)
    for verb, words in (("status", []), ("exec", ["--", "true"]), ("destroy", [])):
        c.refused(HOST, "emulated-host", verb, *words, host=path)
    os.chmod(path, 0o700)
    c.ok("destroy", host=path)
    os.unlink(link)


def test_wrong_owner(c):
    if not IS_ROOT:
        raise Skip("only root can make a directory of somebody else's")
    path = os.path.join(c.home, "theirs")
    os.mkdir(path, 0o700)
    other = pwd.getpwnam("daemon")
    os.chown(path, other.pw_uid, other.pw_gid)
    result = c.refused(HOST, "emulated-host", "create", host=path)
    need(str(other.pw_uid) in result.stderr, "the owner is not named: " + result.stderr)
    os.rmdir(path)


def test_conf(c):
    c.ok("create")
    conf = os.path.join(c.host, "host.conf")
    good = read(conf)
    for bad in (b"", b"[host]\nformat=2\n", b"\xff\xfe", b"x" * 20000, b"[host]\nformat=1\n[emulator]\nqemu=relative\n"):
        c.write(conf, bad)
        result = c.emulator("status")
        need(result.returncode in (HOST, STATE), f"{bad[:20]}: {result}")
    c.write(conf, good + b"[emulator]\nqemu=/nonexistent/qemu\n")
    c.refused(HOST, "tool-missing", "exec", "--", "true")
    c.write(conf, good)
    c.ok("exec", "--", "true")


def test_bad_root(c):
    owner = os.path.join(c.home, "o2")
    os.mkdir(owner, 0o700)
    if c.user:
        os.chown(owner, c.servant.pw_uid, c.servant.pw_gid)
    cert = os.path.join(c.host, "certs/ark.cert")
    good = read(cert)
    genuine = bytearray(good)
    genuine[4:20] = genuine[20:36] = bytes(range(16))
    for bad in (bytes(genuine), good[:-1], b"", b"x" * 9000):
        c.write(cert, bad)
        result = c.emulator("trust", "--owner", owner)
        need(result.returncode in (HOST, STATE), f"{len(bad)} bytes: {result}")
        need(not os.path.exists(os.path.join(owner, "trusted-roots")), "a bad root is trusted")
    os.unlink(cert)
    os.symlink("/etc/passwd", cert)
    need(c.emulator("trust", "--owner", owner).returncode == STATE, "a link is followed")
    os.unlink(cert)
    c.write(cert, good)
    need(c.json("trust", "--owner", owner)["added"], "the good one is refused")


def test_broken_libvirt(c):
    c.ok("exec", "--", "true")
    kill_libvirt(c, signal.SIGTERM)
    conf = os.path.join(c.host, "c/libvirt/libvirtd.conf")
    c.write(conf, b"nonsense = = =\n")
    started = time.monotonic()
    result = c.refused(HOST, "libvirt-unreachable", "exec", "--", "true")
    need(time.monotonic() - started < 20, "its death was not noticed")
    need("libvirtd.conf" in result.stderr, "the log's lines are missing: " + result.stderr)
    os.unlink(conf)
    c.ok("exec", "--", "true")


def test_busy_names(c):
    """A pid file that nobody has locked names nobody."""
    kill_libvirt(c, signal.SIGTERM)
    bystander = subprocess.Popen(c.argv(["sleep", "1000"]), cwd="/")
    try:
        for name in ("libvirtd.pid", "virtlogd.pid"):
            c.write(os.path.join(c.host, "rt/libvirt", name), f"{bystander.pid}\n".encode())
        os.makedirs(os.path.join(c.host, "rt/libvirt/qemu/run"), exist_ok=True)
        c.write(os.path.join(c.host, "rt/libvirt/qemu/run/ghost.pid"), f"{bystander.pid}\n".encode())
        need(c.json("status")["guests"] == [] and libvirt_pid(c) == 0, c.json("status"))
        c.ok("destroy")
        need(bystander.poll() is None, "a bystander was killed")
    finally:
        bystander.kill()
        bystander.wait()
    need_nothing(c.host)


def parallel(c, count, *words):
    runs = [subprocess.Popen(c.argv([SEVLAUNCH, "emulator", words[0], "--emulated-host", c.host, *words[1:]]), cwd=c.home,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)]
    out = [run.communicate(timeout=DEADLINE * 3) for run in runs]
    for run, (_, err) in zip(runs, out):
        need(run.returncode == 0, f"{words}: exit {run.returncode}: {err}")
    return [text for text, _ in out]


def test_two_at_once(c):
    made = [json.loads(text) for text in parallel(c, 3, "create", "--if-missing", "--json")]
    need(sum(m["created"] for m in made) == 1, "not made exactly once")
    need(len({m["ark_sha256"] for m in made}) == 1, "several roots")
    uris = parallel(c, 4, "exec", "--", "virsh", "-q", "uri")
    need(len(set(uris)) == 1, uris)
    daemons = [a for a in processes(c.host).values() if "libvirtd" in a or "virtqemud" in a]
    need(len(daemons) == 1, daemons)
    c.ok("destroy")
    # A second life begins while the first one ends.
    c.ok("create")
    ending = subprocess.Popen(c.argv([SEVLAUNCH, "emulator", "destroy", "--emulated-host", c.host]), cwd=c.home)
    c.emulator("create", "--if-missing")
    need(ending.wait(timeout=DEADLINE) == 0, "destroy failed")
    c.ok("create", "--if-missing")
    need(c.json("status")["platform"]["ark_sha256"] == root_fingerprint(c.host), "a mixture of two hosts")
    c.ok("destroy")
    need_nothing(c.host)


def kill_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def killed_create(c, until):
    child = subprocess.Popen(c.argv([SEVLAUNCH, "emulator", "create", "--generation", "naples", "--emulated-host", c.host]), cwd=c.home,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + DEADLINE
    while child.poll() is None and not until() and time.monotonic() < deadline:
        pass
    kill_group(child)


def test_killed_create(c):
    """kill -9 when each piece has appeared, and at moments spread over the whole; of the
    generation whose keys are made fastest."""
    pieces = ["", "lock", "host.conf", "bin/qemu-system-x86_64", "platform/chip", "platform/nv", "certs/ark.cert", "cache/pdh"]
    points = [lambda p=p: os.path.lexists(os.path.join(c.host, p)) for p in pieces]
    for ms in (3, 10, 700):
        points.append(lambda end=[], ms=ms: (end or end.append(time.monotonic() + ms / 1000) or end)[0] < time.monotonic())
    for number, until in enumerate(points):
        killed_create(c, until)
        made = c.json("create", "--if-missing")
        need(made["ark_sha256"] == root_fingerprint(c.host), f"point {number}")
        need(c.json("status")["platform"]["state"] == "init", f"point {number}")
        if number % 5 == 0:
            need(node_pdh(c) == read(os.path.join(c.host, "certs/pdh.cert")), f"point {number}")
        c.ok("destroy")
        need_nothing(c.host)


def owner_key(c, curve):
    path = os.path.join(c.home, f"{curve}.pem")
    done = subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout"], check=True, capture_output=True)
    c.write(path, done.stdout)
    return path


def test_owner_pending(c):
    """A host that was to have an external owner is completed with one, or not at all."""
    good, bad = owner_key(c, "secp384r1"), owner_key(c, "prime256v1")
    for destroy in (False, True):
        need(c.emulator("create", "--external-owner", bad).returncode == HOST, "a key that cannot own")
        need(os.path.exists(os.path.join(c.host, "host.conf")), "the host was begun")
        for verb, words in (("exec", ["--", "true"]), ("create", []), ("create", ["--if-missing"])):
            result = c.refused(STATE, "emulated-host-state", verb, *words)
            need("--external-owner" in result.stderr, "no advice: " + result.stderr)
        if destroy:
            c.ok("destroy")
            need_nothing(c.host)
            c.ok("exec", "--", "true")
        else:
            need(c.json("create", "--external-owner", good)["created"], "it is completed")
            c.ok("exec", "--", "true")
        owner = c.json("status")["platform"]["owner"]
        need(owner == ("self" if destroy else "external"), owner)
        c.ok("destroy")
        need_nothing(c.host)


def test_killed_destroy(c):
    """What is left of a host that was being removed can be removed, or made anew."""
    for number, piece in enumerate(["platform", "certs", "bin", "host.conf", "lock"]):
        old = c.json("create")["ark_sha256"]
        child = subprocess.Popen(c.argv([SEVLAUNCH, "emulator", "destroy", "--emulated-host", c.host]), cwd=c.home,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while child.poll() is None and os.path.lexists(os.path.join(c.host, piece)):
            pass
        kill_group(child)
        # Of root's two processes the other one may still be at work.
        if number % 2 == 0:
            new = c.json("create", "--if-missing")
            need(new["ark_sha256"] == root_fingerprint(c.host), piece)
            need(new["created"] == (new["ark_sha256"] != old), "created and identity disagree")
        if os.path.lexists(c.host):
            c.ok("destroy")
        need_nothing(c.host)


def in_namespace(c, hidden, *words):
    """With programs hidden from everyone beneath: an absolute path cannot be hidden by PATH."""
    mounts = "".join(f"mount --bind /dev/null {path} && " for path in hidden)
    inner = c.argv([SEVLAUNCH, "emulator", *words, "--emulated-host", c.host])
    return subprocess.run(["unshare", "-m", "sh", "-c", mounts + 'exec "$@"', "sh"] + inner, cwd=c.home, text=True,
                          capture_output=True, timeout=DEADLINE * 3)


def test_missing_programs(c):
    if not IS_ROOT:
        raise Skip("only root can hide a program")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        raise Skip("no mount namespace can be made here")
    daemons = [p for d in ("/usr/sbin", "/usr/local/sbin", "/usr/bin") for n in ("libvirtd", "virtqemud")
               for p in [os.path.join(d, n)] if os.path.exists(p)]
    result = in_namespace(c, [], "create")
    need(result.returncode == 0, f"nothing hidden: {result}")
    c.ok("destroy")
    for hidden, reason, package in ((daemons, "libvirt-missing", "libvirt-daemon"),
                                    (["/usr/bin/qemu-system-x86_64"], "tool-missing", "qemu-system-x86")):
        result = in_namespace(c, hidden, "create")
        need(result.returncode == HOST and f"[{reason}]" in result.stderr, f"{hidden}: {result}")
        need(package in result.stderr, "no package is named: " + result.stderr)
        need(not os.path.lexists(c.host), "something was made")
    # A host that is there is said so, and can be removed, without libvirt.
    c.ok("create")
    need(in_namespace(c, daemons, "status").returncode == 0, "status needs libvirt")
    need("[libvirt-missing]" in in_namespace(c, daemons, "exec", "true").stderr, "exec without libvirt")
    need(in_namespace(c, daemons, "destroy").returncode == 0, "destroy needs libvirt")
    need_nothing(c.host)


FAULTS = [test_usage, test_long_path, test_foreign_directory, test_wrong_directory, test_wrong_owner, test_conf, test_bad_root,
        test_broken_libvirt, test_busy_names, test_two_at_once, test_killed_create, test_owner_pending, test_killed_destroy,
        test_missing_programs]

# The generation whose keys are made fastest.
Caller.kind = ("--generation", "naples")

if __name__ == "__main__":
    sys.exit(main(lambda callers: [(callers[0], t) for t in FAULTS]))
