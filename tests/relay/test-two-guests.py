#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several guests in one emulated host, and two hosts beside each other."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


def one_host(host, t):
    before = host.traces()
    guests = [emuhost.SevGuest(host, name) for name in ("first", "second")]
    with t.test("two guests at once, each measured for its own owner"):
        for guest in guests:
            guest.start()
        for guest in guests:
            guest.judge()
        t.true(guests[0].measure != guests[1].measure, "nonces and keys differ")
    with t.test("one guest's packet is not the other's"):
        first, second = guests
        code, text = second.send_packet(*first.session.packet(first.table, first.measure))
        t.equal(code, 1)
        t.true("fw_error=11 " in text, text)
    with t.test("both unlock their disks"):
        for guest in guests:
            guest.unlock()
    with t.test("one ends, the other runs on"):
        host.destroy("first")
        t.equal((host.state("first"), host.state("second")), ("gone", "running"))
        t.equal(host.qmp("second", "query-sev")["state"], "running")
        t.true(all(guests[1].pids()), "its QEMU and its relay run")
    with t.test("nothing is left of either"):
        host.destroy("second")
        host.wait_gone("second", before)


def two_hosts(one, t):
    with emuhost.EmulatedHost() as two:
        before = two.traces()
        with t.test("two hosts are two platforms"):
            for name in ("ark", "cek", "pek", "pdh"):
                t.true(one.certificate(name) != two.certificate(name), f"certificate {name}")
        with t.test("guests of one name in both"):
            guests = [emuhost.SevGuest(host, "same") for host in (one, two)]
            for guest in guests:
                guest.start()
                guest.judge()
        with t.test("a session for one host is refused by the other"):
            one.destroy("same")
            guests[0].session = guests[1].session
            done = guests[0].start(check=False)
            t.equal(done.returncode, 1, done.stdout)
            t.true("LAUNCH_START ret=1 fw_error=11 " in done.stderr, done.stderr)
        with t.test("destroying one host leaves the other's guest alone"):
            pids = guests[1].pids()
            one.remove()
            t.true(not os.path.exists(one.path), "the directory is gone")
            t.equal((two.state("same"), guests[1].pids()), ("paused", pids))
            guests[1].judge()
            two.destroy("same")
            two.wait_gone("same", before)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        one_host(host, t)
        two_hosts(host, t)
    t.finish()


main()
