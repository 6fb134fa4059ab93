#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CPUID signatures that SEV-ES measures: both tables against the QEMU at hand."""
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import tap  # noqa: E402

TABLES = "psp/host/vmsa-cpu.c", "policy/attest/owner-vmsa.c"
QEMU = shutil.which("qemu-system-x86_64", path="/usr/bin:/bin")
NUMBERS = "family", "model", "stepping"
ROW = re.compile(r'\{ "([\w-]+)", (?:\{ )?(\d+), (\d+), (\d+) \}')


class Qemu:
    def __init__(self):
        self.process = subprocess.Popen(
            [QEMU, "-S", "-nodefaults", "-nographic", "-machine", "none,accel=tcg", "-qmp", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.process.stdin, flush=True)
        while True:
            reply = json.loads(self.process.stdout.readline())
            if "return" in reply or "error" in reply:
                return reply.get("return")

    def names(self):
        return {model["name"] for model in self.ask("query-cpu-definitions")}

    def numbers(self, name):
        found = self.ask("query-cpu-model-expansion", type="static", model={"name": name})
        return tuple(found["model"]["props"][number] for number in NUMBERS) if found else None

    def quit(self):
        self.ask("quit")
        self.process.wait()


def rows(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return {name: tuple(map(int, numbers)) for name, *numbers in ROW.findall(f.read())}


def main():
    if QEMU is None:
        tap.skip_all("no qemu-system-x86_64")
    t = tap.Tap()
    qemu = Qemu()
    known = qemu.names()
    for path in TABLES:
        table = rows(path)
        with t.test(f"{path} was read"):
            t.true(table["EPYC"] == (23, 1, 2) and len(table) >= 7, table)
        compared = 0
        with t.test(f"{path}: each model and version"):
            for name, numbers in table.items():
                for one in sorted(n for n in known if re.fullmatch(re.escape(name) + r"(-v\d+)?", n)):
                    t.equal(qemu.numbers(one), numbers, one)
                    compared += 1
            t.true(compared >= len(table) - 2, f"only {compared} of {len(table)} models are QEMU's")
        t.note(f"{path}: {compared} names compared; not of this QEMU: {sorted(set(table) - known)}")
    qemu.quit()
    t.finish()


main()
