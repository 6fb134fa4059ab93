#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows the attacks of test-firmware.py succeeding where nothing stops them.

    attack-amdsev.py AMDSEV-FIRMWARE [OVMF_CODE_4M.fd]

Not a test: the transcript of one run says that the tests attack in earnest.
AMDSEV-FIRMWARE is what build-firmware.sh --plain-amdsev makes; OVMF_CODE_4M.fd
is Debian's, for the variables.  The hash table is the owner's, unchanged, so
is the launch measurement.
"""
import sys

from attacks import ATTACKER_RUNS, SECRET, UNREADABLE_FW_CFG, Kit
from guestram import HASH_AREA, SECRET_AREA, area  # noqa: F401  (attacks.py sets the path)


def show(title, vm):
    ran = ATTACKER_RUNS in vm.console
    read = SECRET.decode() in vm.console
    print(f"== {title}")
    print("   " + " ".join(vm.argv[:1] + vm.argv[5:]))
    for line in vm.console.splitlines():
        if line.strip():
            print("   | " + "".join(c for c in line if c.isprintable()))
    print(f"   attacker's program ran: {'YES' if ran else 'no'}; read the secret: {'YES' if read else 'no'}")
    print(flush=True)


def main():
    kit = Kit(sys.argv[1])
    table = kit.table()
    named = ("-fw_cfg", f"name=etc/boot/shim,file={kit.attacker}")
    show("control: the owner's kernel, right hash table", kit.run(table, kernel=kit.kernel, timeout=30))
    show("-kernel left out, attacker's disk", kit.run(table, args=kit.with_disk(), timeout=30))
    show("fw_cfg unreadable, attacker's disk",
         kit.run(table, kernel=kit.kernel, args=kit.with_disk() + UNREADABLE_FW_CFG, timeout=30))
    show("the owner's kernel and an unmeasured etc/boot/shim",
         kit.run(table, kernel=kit.kernel, args=named, timeout=30))
    show("the owner's kernel and a network card with an option ROM",
         kit.run(table, kernel=kit.kernel, args=kit.with_rom(), timeout=30))
    if len(sys.argv) > 2:
        show("ordinary OVMF, variables of the host (Boot0000, Driver0000 ...)",
             kit.run(None, firmware=sys.argv[2],
                     args=kit.with_variables() + kit.with_disk(kit.hidden_disk), timeout=30))
    kit.close()


if __name__ == "__main__":
    main()
