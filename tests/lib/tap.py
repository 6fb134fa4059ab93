# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAP from Python.

    tap = Tap()
    with tap.test("what holds"):
        tap.equal(got, expected)     # or any assert, or any exception
    tap.finish()

A test passes when its block ends without an exception; the others still run.  The plan
comes last, so a program that dies has none and fails.
"""
import contextlib
import os
import sys
import traceback


class Failure(Exception):
    """A check that does not hold, with what was seen."""


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    @contextlib.contextmanager
    def test(self, name):
        self.number += 1
        try:
            yield
        except Exception as error:  # every kind is this test's failure, not the program's
            self.failed += 1
            print(f"not ok {self.number} - {name}")
            text = str(error) if isinstance(error, Failure) else traceback.format_exc()
            for line in text.splitlines():
                print(f"# {line}")
        else:
            print(f"ok {self.number} - {name}")
        sys.stdout.flush()

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    @staticmethod
    def equal(got, expected, what=""):
        if got != expected:
            raise Failure(f"{what}\n  got      {got!r}\n  expected {expected!r}")

    @staticmethod
    def true(condition, what):
        if not condition:
            raise Failure(str(what))

    def finish(self):
        print(f"1..{self.number}", flush=True)
        sys.exit(1 if self.failed else 0)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}", flush=True)
    sys.exit(0)


def need(*variables):
    """The values of environment variables that tests/run.sh sets."""
    missing = [name for name in variables if not os.environ.get(name)]
    if missing:
        skip_all(f"{', '.join(missing)} not set (tests/run.sh sets it)")
    return [os.environ[name] for name in variables]
