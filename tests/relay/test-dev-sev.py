#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""/dev/sev of an emulated host: the shim in a program, the service behind it, and where
the shim does nothing."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import devhost  # noqa: E402
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX")

ABSTRACT = ("import devsev, os, socket, stat; a, b = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX); "
            "a.bind(f'\\0sevlaunch-test-{os.getpid()}'); a.listen(1); b.connect(a.getsockname()); "
            "print(stat.S_ISSOCK(os.fstat(b.fileno()).st_mode), devsev.issue(b.fileno(), devsev.PLATFORM_STATUS)[0])")
OPEN = "import devsev, os; print(devsev.call('open', devsev.DEVICE, os.O_RDWR))"


def inert(host, t):
    def opened(*words):
        return host.exec("env", *words, *devhost.python(host, "-c", OPEN)).stdout.strip()

    with t.test("inert without its variable, with another's or a wrong directory"):
        t.true(opened("X=1").isdigit(), "the same program with all of it")
        t.equal(opened("-u", "SEVLAUNCH_SEV_DEVICE"), "ENOENT")
        t.equal(opened("SEVLAUNCH_SEV_DEVICE=/tmp"), "ENOENT", "another's directory")
        t.equal(opened("SEVLAUNCH_SEV_DEVICE=relative"), "ENOENT")
    with t.test("inert when the host's directory is open to others"):
        script = f"chmod 0755 {host.path}; env {' '.join(devhost.python(host, '-c'))} \"$0\"; chmod 0700 {host.path}"
        t.equal(host.exec("sh", "-c", script, OPEN).stdout.strip(), "ENOENT")
        t.true(opened("X=1").isdigit(), "and back")
    with t.test("inert without its variable: a socket of an abstract address stays one"):
        t.equal(host.exec("env", *devhost.python(host, "-c", ABSTRACT)).stdout.strip(), "True ENOTTY", "with it")
        done = host.exec("env", "-u", "SEVLAUNCH_SEV_DEVICE", *devhost.python(host, "-c", ABSTRACT))
        t.equal(done.stdout.strip(), "True ENOTTY", "without")


def service(host, t):
    with t.test("the service lives as long as somebody may need it, and no longer"):
        with host.spawn("sh", "-c", "read line", stdin=-1) as command:
            pid = emuhost.wait_until(lambda: devhost.service_pid(host), "a service")
            t.true(emuhost.is_alive(pid), "it runs while the command does")
            host.exec("true")
            t.equal(devhost.service_pid(host), pid, "a second command uses it too")
            command.communicate(b"\n")
        emuhost.wait_until(lambda: devhost.service_pid(host) == 0, "the service's end")
    with t.test("a descendant that outlives the command keeps it"):
        script = "import devsev, os, time; fd = devsev.open_device(); print(fd, flush=True); time.sleep(600)"
        command = " ".join(devhost.python(host, "-c"))
        done = host.exec("sh", "-c", f"{command} \"$0\" > {host.path}/log/fd 2>&1 & echo $!", script, close_fds=True)
        child = int(done.stdout)
        emuhost.wait_until(lambda: emuhost.read_bytes(f"{host.path}/log/fd"), "its descriptor")
        t.true(devhost.service_pid(host) != 0, "the service runs")
        os.kill(child, 9)
        emuhost.wait_until(lambda: devhost.service_pid(host) == 0, "the service's end")
    with t.test("a service that was killed: ENODEV, and the next command has a new one"):
        script = ("import devsev, os, signal; fd = devsev.open_device(); devsev.status(fd); "
                  f"os.kill(int(open('{host.path}/rt/sev-device.pid').read()), signal.SIGKILL)\n"
                  "result = 0\n"
                  "while result != 'ENODEV': result = devsev.issue(fd, devsev.FACTORY_RESET)[0]\n"
                  "while result != 'open': result = devsev.call('open', devsev.DEVICE, os.O_RDWR) == 'ENODEV' and 'open'\n"
                  "print(result)")
        t.equal(devhost.run(host, "-c", script).stdout.strip(), "open")
        t.true(devhost.run(host, "-c", OPEN).stdout.strip().isdigit(), "a new one")


def libvirt(host, t):
    with t.test("libvirt sees a new PDH at once"):
        script = ("import devsev, base64; fd = devsev.open_device(); assert devsev.issue(fd, devsev.PDH_GEN) == (0, 0); "
                  "print(base64.b64encode(devsev.export(fd)[0]).decode())")
        seen = host.virsh("nodesevinfo").stdout
        pdh = devhost.run(host, "-c", script).stdout.strip()
        t.true(pdh not in seen, "it is new")
        t.true(pdh in host.virsh("nodesevinfo").stdout, "nodesevinfo")


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        devhost.install(host)
        devhost.take_over_tap(t, devhost.run(host, "devsev-shim.py", check=False))
        inert(host, t)
        service(host, t)
        libvirt(host, t)
    t.finish()


main()
