#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/data/refusals.tsv against the tests that it names and the ids in the sources."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import tap  # noqa: E402

CLASSES = {"NOT_VERIFIED": 1, "USAGE": 2, "INSECURE": 3, "INPUT": 4, "STATE": 5, "HOST": 6, "FIRMWARE": 7,
           "INTERNAL": 70, "SIGINT": 130, "SIGTERM": 143}


# Ids that no launch in a test ends with, and why.
ELSEWHERE = {
    "image-timeout": "would take the time of the timeout (test-image-tool.c)",
    "internal-error": "is what nobody thought of (test-launcher-error.c)",
    "measurement-malformed": "QEMU's reply is refused before, as reply-implausible (test-policy-attest.c)",
    "not-accepted": "the verdict's own reasons are said instead (test-policy-attest.c)",
}


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def ids():
    """{id: exit code, or None where only the unit tests know it} of every error."""
    found = {}
    for path, macro in (("launcher/base/launcher-error.c", "REASON"), ("policy/policy-error.c", "KIND")):
        for name, kind in re.findall(rf'{macro} \(\w+, "([a-z-]+)",\s+(\w+)\)', read(path)):
            found[name] = CLASSES[kind]
    for name in re.findall(r'return "([a-z-]+)";', read("launcher/image/image-error.c")):
        found[name] = None
    # Reasons of a verdict; the digests' are put together from the name of what differs.
    for path in ("policy/release.c", "policy/acceptance/acceptance-judge.c"):
        for name in re.findall(r'policy_verdict_fail \(\s*\w+,\s+\w+,\s+"([a-z-]+)"', read(path)):
            found[name] = CLASSES["NOT_VERIFIED"]
    for what in ("uki", "kernel", "initrd", "cmdline"):
        found[f"{what}-not-released"] = CLASSES["NOT_VERIFIED"]
    return found


def main():
    t = tap.Tap()
    rows = launchbed.read_refusals().values()
    known = ids()
    with t.test(f"{len(rows)} refusals: each is tried by the test that the table names"):
        for row in rows:
            t.true(os.path.exists(os.path.join(TOP, row.test)), f"{row.name}: {row.test} is missing")
            wanted = row.name if row.test.endswith(".py") else row.reason
            t.true(f'"{wanted}"' in read(row.test), f"{row.test} does not speak of \"{wanted}\"")
    with t.test("a test in Python that has rows runs each of them, or fails"):
        for test in sorted({row.test for row in rows if row.test.endswith(".py")}):
            text = read(test)
            t.true("launchbed.Table(" in text or "hostile.Attacks" in text, f"{test} makes no table")
            t.true(".finish()" in text, f"{test} does not finish its table")
    with t.test(f"exit codes are those of the {len(known)} ids in the sources"):
        for row in rows:
            t.true(row.reason in known, f"{row.name}: no error has the id {row.reason}")
            t.true(known[row.reason] in (None, row.code), f"{row.name}: {row.reason} ends with {known[row.reason]}")
    with t.test("one id has one exit code, and every id a row or a reason for having none"):
        codes = {}
        for row in rows:
            t.equal(codes.setdefault(row.reason, row.code), row.code, row.name)
        t.equal(sorted(set(known) - set(codes)), sorted(ELSEWHERE), "ids without a row")
    t.finish()


if __name__ == "__main__":
    main()
