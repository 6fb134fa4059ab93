#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests on an emulated host: what encryption and relay cost.  "NAME VALUE UNIT" a line.

Needs what tests/run.sh sets up; "tests/run.sh --bench" does that.
"""
import mmap
import os
import statistics
import sys
import time

import libvirt
import libvirt_qemu

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import memguest  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
CALLS = 300
GIB = 1 << 30


def took(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def query(domain):
    libvirt_qemu.qemuMonitorCommand(domain, '{"execute":"query-status"}', 0)


def relay(host, archive):
    """A QMP call through libvirt to a guest with a relay and to one without, by turns."""
    guests = [memguest.MemoryGuest(host, name, archive, sev=name == "sev") for name in ("sev", "plain")]
    for guest in guests:
        guest.start()
    connection = libvirt.open(host.uri)
    domains = [connection.lookupByName(guest.name) for guest in guests]
    times = [[took(lambda: query(domain)) * 1000 for domain in domains] for _ in range(CALLS)]
    medians = [statistics.median(column) for column in zip(*times)]
    for guest, median in zip(guests, medians):
        print(f"qmp-call-{guest.name} {median:.3f} ms")
    print(f"relay-adds {medians[0] - medians[1]:.3f} ms")
    for line in emuhost.read_bytes(f"/proc/{host.relay_pids()[0]}/smaps_rollup").decode().splitlines():
        if line.startswith("Private_Dirty"):
            print(f"relay-private-dirty {int(line.split()[1]) / 1024:.2f} MiB")
    connection.close()
    for guest in guests:
        guest.destroy()


def populate(path, begin, end):
    """Reading a hole makes a page of zeros, and changes nothing for the guest."""
    with open(path, "rb") as f, mmap.mmap(f.fileno(), end, prot=mmap.PROT_READ) as ram:
        for at in range(begin, end, memguest.PAGE):
            ram[at]


def suspend(host, archive):
    guest = memguest.MemoryGuest(host, "large", archive, ram=4096)
    guest.start()
    guest.boot()
    populate(guest.ram_file, GIB, 2 * GIB)
    connection = libvirt.open(host.uri)
    domain = connection.lookupByName("large")
    times = [(took(domain.suspend), took(domain.resume)) for _ in range(5)]
    for name, values in zip(("suspend", "resume"), zip(*times)):
        print(f"{name}-4GiB-with-1GiB {statistics.median(values):.3f} s")
    print(f"populated {os.stat(guest.ram_file).st_blocks * 512 / GIB:.2f} GiB")
    if guest.verify() != (0, 0):
        raise emuhost.HostError("the guest's memory changed")
    connection.close()
    guest.destroy()


def main():
    libvirt.registerErrorHandler(lambda *_: None, None)
    with emuhost.EmulatedHost() as host:
        archive = memguest.make_initrd(host)
        relay(host, archive)
        suspend(host, archive)


main()
