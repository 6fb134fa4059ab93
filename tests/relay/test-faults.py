#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that die on an emulated host with real libvirt.

What must hold: no QEMU of a SEV guest runs without its relay, libvirt neither hangs nor
loses a guest that lives, and nothing is left behind.
"""
import os
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


def all_gone(pids):
    emuhost.wait_until(lambda: not any(emuhost.is_alive(pid) for pid in pids), f"end of processes {pids}")


def libvirtd_dies(host, t, before):
    guest = emuhost.SevGuest(host, "daemon")
    guest.start()
    pids = guest.pids()
    with t.test("libvirtd is killed before the first resume: guest and measurement stay"):
        guest.judge()
        measured = guest.measure
        host.kill_libvirtd()
        t.true(all(emuhost.is_alive(pid) for pid in pids), "QEMU and relay live without libvirtd")
        guest.judge()
        t.equal(guest.measure, measured)
        t.equal((host.state("daemon"), guest.pids()), ("paused", pids))
    with t.test("the guest can still be unlocked through the new libvirtd"):
        guest.unlock()
    with t.test("libvirtd is killed while the guest runs: it runs on and obeys the next one"):
        host.kill_libvirtd()
        t.true(all(emuhost.is_alive(pid) for pid in pids), "QEMU and relay live without libvirtd")
        t.equal((host.state("daemon"), guest.pids()), ("running", pids))
        t.equal(host.qmp("daemon", "query-sev")["state"], "running")
        host.virsh("suspend", "daemon")
        host.virsh("resume", "daemon")
        t.equal(host.log("daemon").count("LAUNCH_FINISH"), 1)
    with t.test("the relay still guards after libvirt came back"):
        t.true("is refused for a SEV guest" in host.hmp("daemon", "info registers")[1], "refusal")
    with t.test("destroy after all that leaves nothing"):
        host.destroy("daemon")
        host.wait_gone("daemon", before)


def relay_dies(host, t, before):
    guest = emuhost.SevGuest(host, "relay")
    with t.test("the relay is killed: QEMU ends with it, libvirt notices"):
        guest.start()
        qemu, relay = guest.pids()
        t.true(qemu and relay, "both run")
        emuhost.kill_9(relay)
        all_gone([qemu])
        host.wait_gone("relay", before)
    with t.test("the relay is killed while no libvirtd runs: QEMU ends all the same"):
        guest.start()
        qemu, relay = guest.pids()
        host.kill_libvirtd()
        t.true(emuhost.is_alive(qemu), "QEMU lives without libvirtd")
        emuhost.kill_9(relay)
        all_gone([qemu])
        host.wait_gone("relay", before)
    with t.test("the relay is killed while the guest runs: the same"):
        guest.start()
        guest.unlock()
        qemu, relay = guest.pids()
        emuhost.kill_9(relay)
        all_gone([qemu])
        host.wait_gone("relay", before)


def relay_dies_at_once(host, t, before):
    """The relay is killed when it is first seen: during the launch or soon after it."""
    guest = emuhost.SevGuest(host, "early")
    for number in range(3):
        with t.test(f"the relay is killed as soon as it is there ({number + 1} of 3)"):
            killed = []

            def kill():
                killed.extend(emuhost.wait_until(host.relay_pids, "a relay", 60))
                emuhost.kill_9(killed[0])

            killer = threading.Thread(target=kill)
            killer.start()
            guest.start(check=False)
            killer.join()
            t.equal(len(killed), 1)
            host.wait_gone("early", before)


def qemu_dies(host, t, before):
    guest = emuhost.SevGuest(host, "qemu")
    with t.test("QEMU is killed: its relay ends, libvirt notices"):
        guest.start()
        qemu, relay = guest.pids()
        emuhost.kill_9(qemu)
        all_gone([relay])
        host.wait_gone("qemu", before)
    with t.test("QEMU is killed while no libvirtd runs: its relay ends"):
        guest.start()
        qemu, relay = guest.pids()
        host.kill_libvirtd()
        t.true(emuhost.is_alive(relay), "the relay lives without libvirtd")
        emuhost.kill_9(qemu)
        all_gone([relay])
        host.wait_gone("qemu", before)


def main():
    t = tap.Tap()
    with emuhost.EmulatedHost() as host:
        before = host.traces()
        libvirtd_dies(host, t, before)
        relay_dies(host, t, before)
        relay_dies_at_once(host, t, before)
        qemu_dies(host, t, before)
    t.finish()


main()
