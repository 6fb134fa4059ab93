#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C and SIGTERM at each step of a launch, also while the host does not answer.

Before the guest is resumed a launch that is interrupted ends the guest and leaves nothing
behind; after that the guest goes on.  The step is reached by a condition: a line of --debug,
a command in the monitor that a hostile hypervisor holds back, a lock, a stopped libvirtd.
"""
import fcntl
import os
import signal
import subprocess
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import hostile  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
QUERY, MEASURE, INJECT = "query-sev", "query-sev-launch-measure", "sev-inject-launch-secret"
CODES = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}


class Launch:
    """A launch that runs, and the lines that it says."""

    def __init__(self, bed, *args):
        self.args = [*bed.arguments(), "--debug", *hostile.SMALL, *args]
        env = {name: value for name, value in os.environ.items() if name not in launchbed.FOREIGN}
        env.update(LC_ALL="C.UTF-8", TMPDIR=bed.tmp)
        self.process = subprocess.Popen([bed.program, *self.args], stdin=subprocess.DEVNULL, cwd="/", env=env,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        errors="replace")
        self.said = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            with self.changed:
                self.said.append(line)
                self.changed.notify_all()

    def wait_for(self, text):
        with self.changed:
            if not self.changed.wait_for(lambda: any(text in line for line in self.said), launchbed.TIMEOUT):
                self.process.kill()
                raise tap.Failure(f"the launch never says {text!r}:\n{''.join(self.said)}")
        return self

    def send(self, number):
        self.process.send_signal(number)
        return self

    def result(self):
        try:
            out = self.process.stdout.read()
            code = self.process.wait(launchbed.TIMEOUT)
            self.reader.join(launchbed.TIMEOUT)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        return launchbed.Result(self.args, code, out, "".join(self.said), None)


class Signals:
    def __init__(self, bed, evil, t):
        self.bed, self.evil, self.tap = bed, evil, t
        self.table = launchbed.Table(bed, t, __file__)
        self.session_dir = bed.session_dir()
        self.pid_file = evil.file("launcher.pid")

    def launch(self):
        launch = Launch(self.bed, "--session-dir", self.session_dir)
        # Written whole before the guest can be there: its certificates come first.
        with open(self.pid_file, "w", encoding="ascii") as f:
            f.write(str(launch.process.pid))
        os.chmod(self.pid_file, 0o644)
        return launch

    def signal_at(self, command, name, hold=True):
        """Modes that send the launcher a signal when libvirt sends a command, and hold the
        command back for good."""
        kill = ["/bin/sh", "-c", f"kill -{name} $(cat {self.pid_file})"]
        modes = [{"mode": "run-at", "command": command, "argv": kill}]
        return modes + ([{"mode": "hang-at", "command": command}] if hold else [])

    def row(self, name, run, says=()):
        self.table.row(name, run=lambda _: run(), says=says, again=False)

    def in_monitor(self, name, command, number, hold=True):
        def run():
            return self.evil.attack(*self.signal_at(command, number, hold),
                                    launch=lambda: self.launch().result())
        self.row(name, run, says=("the guest was not started",))

    def at_line(self, name, text, number):
        self.row(name, lambda: self.launch().wait_for(text).send(number).result())

    # -- before the guest is resumed

    def before(self):
        self.at_line("sigint-at-image", "reading what boots", signal.SIGINT)
        self.at_line("sigterm-at-platform", "verifying the platform", signal.SIGTERM)
        self.at_line("sigint-at-session", "making the launch session", signal.SIGINT)
        self.at_line("sigterm-at-create", "creating the guest", signal.SIGTERM)
        self.in_monitor("sigint-at-create", "qmp_capabilities", "INT", hold=False)
        self.in_monitor("sigint-at-query", QUERY, "INT")
        self.in_monitor("sigterm-at-measure", MEASURE, "TERM")
        self.in_monitor("sigint-at-secret", INJECT, "INT")
        self.in_monitor("sigterm-at-secret", INJECT, "TERM")
        self.row("sigint-at-verify", self.at_verify)

    def at_verify(self):
        """Another process locks the ledger while the measurement is on its way."""
        reached, go = self.evil.file("reached"), self.evil.file("go")
        wait = ["/bin/sh", "-c", f"touch {reached}; until [ -e {go} ]; do sleep 0.02; done"]
        with self.evil.does({"mode": "run-at", "command": MEASURE, "argv": wait}), \
                open(os.path.join(self.bed.owner, "ledger"), "rb") as ledger:
            launch = self.launch()
            emuhost.wait_until(lambda: os.path.exists(reached), "the measurement is asked for")
            fcntl.flock(ledger, fcntl.LOCK_EX)
            with open(go, "xb"):
                pass
            launch.wait_for("verifying it\n").send(signal.SIGINT)
            fcntl.flock(ledger, fcntl.LOCK_UN)
            result = launch.result()
            self.evil.ended()
        for path in (reached, go):
            os.unlink(path)
        return result

    # -- while the host does not answer

    def stuck(self):
        self.in_monitor("sigint-at-create-stuck", "qmp_capabilities", "INT")
        self.in_monitor("sigterm-at-resume-stuck", "cont", "TERM")
        with self.tap.test("a second SIGINT, while libvirtd is stopped: exit 130 at once, nothing left"):
            before = self.bed.leftovers()
            result = self.at_stopped_libvirt()
            self.tap.equal(result.code, 130, result)
            self.tap.true("interrupted again" in result.err, result)
            self.bed.same_leftovers(before)

    def connections(self):
        """How many sockets there are under the name of libvirtd's."""
        name = os.path.join(self.bed.host.path, "rt", "libvirt", "libvirt-sock")
        with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
            return sum(line.split()[-1] == name for line in f)

    def at_stopped_libvirt(self):
        """The launch has connected twice, to keep libvirtd alive and to speak with it, and
        waits for an answer."""
        pid = self.bed.host.libvirtd_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            before = self.connections()
            launch = self.launch().wait_for("connecting to libvirt")
            emuhost.wait_until(lambda: self.connections() >= before + 2, "connections to libvirtd")
            # Two of one signal are one until the first was taken.
            emuhost.wait_until(lambda: launch.send(signal.SIGINT).process.poll() is not None,
                               "the end of the launch")
            return launch.result()
        finally:
            os.kill(pid, signal.SIGCONT)

    # -- after

    def watched(self, number):
        code, reason = CODES[number]
        with self.tap.test(f"{number.name} while the guest is watched: exit {code}, the guest goes on"):
            before = self.bed.leftovers()
            launch = self.launch().wait_for("waiting for the guest's word")
            result = launch.send(number).result()
            self.tap.equal((result.code, launchbed.reason(result)), (code, [reason]), result)
            self.tap.true("verified and goes on" in result.err, result)
            self.tap.equal(self.bed.host.state(self.bed.name), "running")
            self.tap.equal(sorted(os.listdir(self.session_dir)),
                           sorted(f"{self.bed.name}_{end}" for end in
                                  ("tik.bin", "tek.bin", "godh.b64", "session.b64")))
            self.end(before)

    def end(self, before):
        self.bed.destroy()
        for name in os.listdir(self.session_dir):
            os.unlink(os.path.join(self.session_dir, name))
        self.bed.same_leftovers(before)

    def resumed(self):
        with self.tap.test("SIGINT while the guest is being resumed: exit 130, the guest goes on"):
            before = self.bed.leftovers()
            with self.evil.does(*self.signal_at("cont", "INT", hold=False)):
                result = self.launch().result()
                self.tap.equal((result.code, launchbed.reason(result)), (130, ["interrupted"]), result)
                self.tap.equal(self.bed.host.state(self.bed.name), "running")
                self.end(before)

    def killed(self):
        with self.tap.test("kill -9 before the verdict: what is left is a paused guest without a secret"):
            key = emuhost.read_bytes(self.bed.disk_key)
            before = self.bed.leftovers()
            with self.evil.does(*self.signal_at(MEASURE, "KILL", hold=False)):
                result = self.launch().result()
                self.tap.equal(result.code, -signal.SIGKILL, result)
                self.tap.equal(self.bed.host.state(self.bed.name), "paused")
                self.end(before)
                self.evil.ended()
            self.tap.equal((os.path.exists(self.evil.file("secret")), self.evil.traces_of(key)), (False, []))
        self.table.positive(*hostile.SMALL, boot=True, name="after it was ended, a launch works")


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        signals = Signals(bed, evil, t)
        signals.watched(signal.SIGINT)
        signals.watched(signal.SIGTERM)
        signals.resumed()
        signals.before()
        signals.stuck()
        signals.killed()
        signals.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
