#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs test programs that speak TAP, some at a time, and counts what they say.

    tap-runner.py [--jobs N] [--timeout SECONDS] [--trs DIR]... [--times FILE] PROGRAM...

A program that exits 77 without a plan is one skipped test, with the last line it
printed as the reason.  A missing plan, a wrong number of tests, a time-out or another
exit code than 0 and 1 is a failure.  --trs adds the results that Automake left in DIR.
--times keeps how long each program took, to start the longest first the next time.
The last line is "N passed, N failed, N skipped"; the exit code is 0 only if nothing
failed and something passed.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*SKIP\b\s*(.*))?", re.I)
LINE = re.compile(r"^(not )?ok\b(?:\s+(\d+))?\s*(?:-\s*)?(.*)$")
DIRECTIVE = re.compile(r"#\s*SKIP\b\s*(.*)", re.I)


class Result:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, [], []
        self.output, self.seconds = "", 0.0


def judge(result, output, code):
    planned, seen = None, 0
    for line in output.splitlines():
        plan = PLAN.match(line)
        if plan and planned is None:
            planned = int(plan.group(1))
            if planned == 0:
                result.skipped.append(plan.group(2) or "no reason given")
            continue
        test = LINE.match(line)
        if not test:
            continue
        seen += 1
        skip = DIRECTIVE.search(test.group(3))
        if skip and not test.group(1):
            result.skipped.append(f"{test.group(3).split('#')[0].strip()}: {skip.group(1)}")
        elif test.group(1):
            result.failed.append(test.group(3))
        else:
            result.passed += 1
    if code == 77 and planned is None and seen == 0:
        lines = output.strip().splitlines()
        result.skipped.append(lines[-1] if lines else "no reason given")
        return
    if planned is None:
        result.failed.append("no plan (1..N) printed")
    elif planned != seen and planned != 0:
        result.failed.append(f"planned {planned} tests, ran {seen}")
    if code not in (0, 1):
        result.failed.append(f"exit code {code}")
    elif code == 1 and not result.failed:
        result.failed.append("exit code 1 without a failed test")


def run(path, timeout):
    result = Result(os.path.relpath(path))
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        child = subprocess.Popen([os.path.abspath(path)], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            code = f"timeout after {timeout} s"
        out.seek(0)
        result.output = out.read()
    judge(result, result.output, code)
    result.seconds = time.monotonic() - begin
    return result


def report(result):
    mark = "FAIL" if result.failed else "ok" if result.passed else "skip"
    print(f"{mark:4} {result.name} ({result.passed} passed, {len(result.failed)} failed, "
          f"{len(result.skipped)} skipped, {result.seconds:.1f} s)", flush=True)
    for reason in result.skipped:
        print(f"     skipped: {reason}", flush=True)
    for failure in result.failed:
        print(f"     failed: {failure}", flush=True)
    if result.failed:
        print("     --- its output:")
        for line in result.output.splitlines()[-120:]:
            print("     | " + line)
        print("     ---", flush=True)


def skip_reasons(log):
    """What the tests of a log that were skipped say, in their order."""
    try:
        with open(log, errors="replace") as lines:
            return [found.group(1) for found in map(DIRECTIVE.search, lines)
                    if found and found.string.startswith("ok")]
    except OSError:
        return []


def count_trs(directory):
    result = Result(f"make check in {os.path.basename(os.path.normpath(directory))}")
    for root, _, files in os.walk(directory):
        for name in files:
            if not name.endswith(".trs"):
                continue
            reasons = skip_reasons(os.path.join(root, name[:-4] + ".log"))
            with open(os.path.join(root, name), errors="replace") as trs:
                for line in trs:
                    if not line.startswith(":test-result:"):
                        continue
                    verdict, _, what = line.split(":", 2)[2].strip().partition(" ")
                    what = f"{name[:-4]} {what}"
                    if verdict in ("PASS", "XFAIL"):
                        result.passed += 1
                    elif verdict == "SKIP":
                        why = reasons.pop(0) if reasons else "no reason given"
                        result.skipped.append(f"{what.strip()}: {why}")
                    else:
                        result.failed.append(what)
    return result


def read_times(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, TypeError, ValueError):
        return {}


def write_times(path, results):
    times = {**read_times(path), **{r.name: round(r.seconds, 1) for r in results if r.seconds > 0}}
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(times, f)
    os.rename(path + ".new", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--trs", action="append", default=[])
    parser.add_argument("--times")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    times = read_times(args.times)
    args.programs.sort(key=lambda path: -times.get(os.path.relpath(path), 0))

    results = []
    for directory in args.trs:
        results.append(count_trs(directory))
        report(results[-1])
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run, path, args.timeout) for path in args.programs]):
            results.append(done.result())
            report(results[-1])

    if args.times:
        write_times(args.times, results)
    passed = sum(r.passed for r in results)
    failed = sum(len(r.failed) for r in results)
    skipped = sum(len(r.skipped) for r in results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
