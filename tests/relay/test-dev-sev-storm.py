#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Platform operations at random, several processes at once, while the service behind
/dev/sev is killed at random moments: the state always loads, whole and of one piece."""
import json
import os
import random
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import devhost  # noqa: E402
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX")

OPERATIONS = int(os.environ.get("SEVLAUNCH_STORM", "200"))
SEED = int(os.environ.get("SEVLAUNCH_SEED", "20251125"))


def check(host, t, what):
    """The platform as the next program finds it: undamaged, and it verifies."""
    as_user = {"user": host.user.pw_uid, "group": host.user.pw_gid, "extra_groups": []} if host.user else {}
    done = subprocess.run([f"{host.libexec}/sev-platform", "--host", host.path, "--json", "export"], cwd="/",
                          capture_output=True, text=True, check=False, **as_user)
    t.equal(done.returncode, 0, f"{what}: {done.stderr}")
    t.true(json.loads(done.stdout)["identity_replaced"] is False, f"{what}: the state was damaged")
    names = sorted(os.listdir(f"{host.path}/platform"))
    t.true(set(names) <= {"asids", "chip", "lock", "nv", "nv.new"}, names)
    log = emuhost.read_bytes(f"{host.path}/log/sev-device.log").decode(errors="replace")
    t.true("damaged" not in log, f"{what}: {log}")


def verify(host, t):
    """The whole chain, by the owner's side."""
    done = host.exec(f"{host.prefix}/bin/sevlaunch", "platform", "verify", "--platform", "emulated", check=False)
    t.equal((done.returncode, done.stdout.split(",")[0]), (0, "verified: EMULATED platform"), done.stderr)


def storm(host, number, *count):
    words = devhost.python(host, os.path.join(host.files, "devsev-storm.py"), str(SEED + number), *count)
    return host.spawn("env", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(process):
    out, err = process.communicate(timeout=emuhost.TIMEOUT)
    said = out.split()
    if process.returncode != 0 or set(said) - {"ok", "gone"}:
        raise tap.Failure(f"a storm ended with {process.returncode}: {out}{err}")
    return said


def killed(host, t):
    choose = random.Random(SEED)
    done = kills = 0
    while done < OPERATIONS:
        process = storm(host, 1000 + kills)
        # Only now the service is that of this process, and none that is about to end.
        first = process.stdout.readline()
        pid = devhost.service_pid(host)
        time.sleep(choose.random() * 0.12)  # the moment itself is what is tried
        os.kill(pid, 9)
        kills += 1
        done += len(lines(process)) + (1 if first else 0)
        check(host, t, f"after kill {kills}")
        if kills % 10 == 0:
            verify(host, t)
    verify(host, t)
    t.note(f"{done} operations, {kills} kills, seed {SEED}")
    t.true(kills >= 10, f"only {kills} kills")


def at_once(host, t):
    running = [storm(host, i, "12") for i in range(3)]
    asks = [host.sevlaunch("status") for _ in range(3)]
    t.equal([i.returncode for i in asks], [0] * 3)
    said = [lines(i) for i in running]
    t.equal([len(i) for i in said], [12] * 3, said)
    t.equal({word for i in said for word in i}, {"ok"})
    check(host, t, "after processes at once")
    verify(host, t)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        devhost.install(host)
        with t.test("processes at once: each operation as if it were alone"):
            at_once(host, t)
        with t.test(f"kill -9 of the service at random moments during {OPERATIONS} operations"):
            killed(host, t)
    t.finish()


main()
