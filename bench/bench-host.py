#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests on an emulated host: what encryption, relay and sevlaunch cost.  "NAME VALUE UNIT" a line.

Needs what tests/run.sh sets up; "tests/run.sh --bench" does that.
"""
import mmap
import os
import re
import statistics
import subprocess
import sys
import time

import libvirt
import libvirt_qemu

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import memguest  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
CALLS = 300
LAUNCHES = 15
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


def cost(bed, *command):
    """(CPU time, that of its children, of these in QEMU's tools, of loading libvirt's library,
    time) of a program that must succeed; two of them are known of "sevlaunch --debug" only.

    CPU time is the program's and that of all that it has waited for: not that of libvirt and
    of the guest's QEMU, which are nobody's children.  That of the children is in the zombie's
    "stat", in ticks; two truncated numbers lack one tick on average.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd="/", env=bed.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with process.stdout:
        out = process.stdout.read().decode()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    stat = emuhost.read_bytes(f"/proc/{process.pid}/stat").decode().rpartition(")")[2].split()
    children = (int(stat[13]) + int(stat[14]) + 1) / os.sysconf("SC_CLK_TCK")
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise emuhost.HostError(f"{' '.join(command)}: exit {process.returncode}\n{out}")
    tools = re.search(r"^sevlaunch: debug: reading the image .* and ([0-9.]+) ms in tools$", out, re.M)
    library = re.search(r"^sevlaunch: debug: loading libvirt took ([0-9.]+) ms of CPU$", out, re.M)
    return (usage.ru_utime + usage.ru_stime, children, float(tools[1]) / 1000 if tools else 0,
            float(library[1]) / 1000 if library else 0, took)


def virsh_costs(bed, xml):
    """What "virsh create --paused" and "virsh destroy" cost for the domain."""
    virsh = ["virsh", "-q", "-c", bed.host.uri]
    # sevlaunch's copy of the kernel is gone by now.
    kernel = os.path.join(bed.test_disk, "uki.efi")
    path = bed.host.write("bench.xml", re.sub(r"<kernel>.*?</kernel>", f"<kernel>{kernel}</kernel>", xml))
    create = cost(bed, *virsh, "create", "--paused", path)
    destroy = cost(bed, *virsh, "destroy", bed.name)
    bed.destroy()
    return create, destroy


def launch():
    """sevlaunch to the paused guest that has its secrets, and virsh with the same domain, by
    turns; then sevlaunch to the guest that has opened its disk."""
    costs = {name: [] for name in ("sevlaunch-paused", "virsh-create", "virsh-destroy", "sevlaunch-whole")}
    with launchbed.Bed() as bed:
        words = [bed.program, *bed.arguments(), "--debug"]
        for _ in range(LAUNCHES):
            costs["sevlaunch-paused"].append(cost(bed, *words, "--paused"))
            xml = bed.host.virsh("dumpxml", "--security-info", bed.name).stdout
            bed.destroy()
            create, destroy = virsh_costs(bed, xml)
            costs["virsh-create"].append(create)
            costs["virsh-destroy"].append(destroy)
        for _ in range(3):
            costs["sevlaunch-whole"].append(cost(bed, *words))
            bed.destroy()
    for name, rows in costs.items():
        cpu, children, tools, library, took = (statistics.mean(column) * 1000 for column in zip(*rows))
        print(f"{name}-cpu {cpu:.1f} ms")
        if name.startswith("sevlaunch"):
            print(f"{name}-cpu-besides-qemu-and-libvirt {cpu - tools - library:.1f} ms")
            print(f"{name}-cpu-itself {cpu - children - library:.1f} ms")
            print(f"{name}-cpu-loading-libvirt {library:.1f} ms")
            print(f"{name}-cpu-children {children - tools:.1f} ms")
            print(f"{name}-cpu-qemu-nbd {tools:.1f} ms")
        print(f"{name}-took {took:.0f} ms")


def main():
    libvirt.registerErrorHandler(lambda *_: None, None)
    with emuhost.EmulatedHost() as host:
        archive = memguest.make_initrd(host)
        relay(host, archive)
        suspend(host, archive)
    launch()


main()
