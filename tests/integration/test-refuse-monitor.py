#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hypervisor fails, lies or falls silent in the middle of a launch.

At each command of the monitor: an error, an empty answer, one of the wrong kind, garbage, a
connection that ends, QEMU that dies.  sevlaunch ends with the exit code and the reason id of
tests/data/refusals.tsv and leaves nothing behind; the disk's key is nowhere in the host
unless it had been released to the verified guest, and then only in the guest's memory.
"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import hostile  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
QUERY, MEASURE, INJECT = "query-sev", "query-sev-launch-measure", "sev-inject-launch-secret"


def at(mode, command, **members):
    return {"mode": mode, "command": command, **members}


def rows(attacks):
    error = {"desc": "SEV: not today"}
    attacks.row("query-error", at("error-at", QUERY, **error))
    attacks.row("measure-error", at("error-at", MEASURE, **error))
    attacks.row("inject-error", at("error-at", INJECT, **error))
    attacks.row("resume-error", at("error-at", "cont", **error), released=True)

    attacks.row("query-empty", at("swallow", QUERY))
    attacks.row("measure-empty", at("swallow", MEASURE))
    attacks.row("query-state-unknown", at("alter-reply", QUERY, members={"state": "ready"}))
    attacks.row("query-api-text", at("alter-reply", QUERY, members={"api-minor": "55"}))
    attacks.row("measure-short", at("alter-reply", MEASURE, members={"data": "AAAA"}))
    attacks.row("measure-number", at("alter-reply", MEASURE, members={"data": 48}))
    attacks.row("inject-tampered", {"mode": "tamper-secret"})

    # A terminal's commands in what is shown would be the host's.
    garbage = {"text": '{"return": \x1b[31m'}
    attacks.row("query-garbage", at("garbage-at", QUERY, **garbage))
    attacks.row("inject-garbage", at("garbage-at", INJECT, **garbage))

    attacks.row("inject-hangs", at("hang-at", INJECT))
    attacks.row("qemu-refuses", {"mode": "die-at-launch"})
    attacks.row("monitor-closes-at-start", at("hang-up-at", "qmp_capabilities"))
    attacks.row("monitor-closes-at-measure", at("hang-up-at", MEASURE))
    attacks.row("qemu-dies-at-start", at("kill-at", "qmp_capabilities"))
    attacks.row("qemu-dies-at-query", at("kill-at", QUERY))
    attacks.row("qemu-dies-at-inject", at("kill-at", INJECT))
    attacks.row("qemu-dies-at-resume", at("kill-at", "cont"), released=True)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed, hostile.Hypervisor(bed) as evil:
        attacks = hostile.Attacks(bed, evil, t, __file__)
        attacks.positive()
        rows(attacks)
        with t.test("nothing on stderr of any launch but printable lines"):
            for name, result in attacks.table.results.items():
                t.true(all(c.isprintable() or c == "\n" for c in result.err), f"{name}: {result.err!r}")
        attacks.table.finish()
    t.finish()


if __name__ == "__main__":
    main()
