#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C and SIGTERM: before the guest is resumed nothing stays, after it the guest does."""
import os
import signal
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import tap  # noqa: E402
from emuhost import read_bytes, wait_until  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
TRIES = 5


def catches(pid, number):
    """Whether a process has a handler for a signal."""
    for line in read_bytes(f"/proc/{pid}/status").decode().splitlines():
        if line.startswith("SigCgt:"):
            return int(line.split()[1], 16) >> (number - 1) & 1
    return 0


def before_guest(bed, number):
    """While libvirt does not answer: the launch waits for it, whatever the machine's load."""
    daemon = bed.host.libvirtd_pid()
    os.kill(daemon, signal.SIGSTOP)
    try:
        process = bed.start("--json")
        wait_until(lambda: catches(process.pid, number), "the launch listens to signals")
        process.send_signal(number)
    finally:
        os.kill(daemon, signal.SIGCONT)
    return bed.end_of(process)


def with_guest(bed, t, number):
    """While the guest is there and paused.  The launch is held where it is when its QEMU
    shows; if that was too late, once more."""
    for _ in range(TRIES):
        process = bed.start("--json")
        wait_until(lambda: bed.host.qemu_pids() or process.poll() is not None, "a QEMU")
        process.send_signal(signal.SIGSTOP)
        caught = bed.host.state(bed.name) == "paused"
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        result = bed.end_of(process)
        if caught:
            t.equal(result.json["domain"]["running"], False, result)
            return result
        bed.destroy()
    raise tap.Failure(f"the guest was not seen paused in {TRIES} launches")


def watching(bed, t, number):
    """The guest runs, and goes on."""
    process = bed.start("--json")
    wait_until(lambda: bed.host.state(bed.name) == "running" or process.poll() is not None, "the guest runs")
    process.send_signal(number)
    result = bed.end_of(process)
    t.equal((result.json["verdict"], result.json["domain"]["running"]), ("verified", True), result)
    t.equal(bed.host.state(bed.name), "running")
    bed.destroy()
    return result


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        table.positive(boot=True)
        table.row("sigterm-before-guest", run=lambda _: before_guest(bed, signal.SIGTERM), says=["was not started"])
        table.row("sigint-before-guest", run=lambda _: before_guest(bed, signal.SIGINT), says=["was not started"])
        table.row("sigint-with-paused-guest", run=lambda _: with_guest(bed, t, signal.SIGINT),
                  says=["was not started"])
        table.row("sigint-while-watching", run=lambda _: watching(bed, t, signal.SIGINT), says=["goes on"])
        table.row("sighup-while-watching", run=lambda _: watching(bed, t, signal.SIGHUP), says=["goes on"])
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
