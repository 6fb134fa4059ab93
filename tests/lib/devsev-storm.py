# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inside of an emulated host: platform operations at random, for ever or COUNT of them.

    devsev-storm.py SEED [COUNT]

Whatever happens to the service behind the device, an operation succeeds, or it says ENODEV
because the service was killed.  One line for each: "ok" or "gone"; anything else ends it.
"""
import os
import random
import sys

import devsev


def take_over(fd):
    """An owned platform refuses (5), as it may be since the last look; so does one whose
    PEK another process has made anew (6)."""
    done = devsev.take_over(fd)
    return (0, 0) if done in (("EIO", 5), ("EIO", 6)) else done


OPERATIONS = [
    lambda fd: devsev.issue(fd, devsev.PEK_GEN),
    lambda fd: devsev.issue(fd, devsev.PDH_GEN),
    lambda fd: devsev.issue(fd, devsev.PDH_GEN),
    lambda fd: devsev.issue(fd, devsev.FACTORY_RESET),
    take_over,
    take_over,
    lambda fd: (devsev.export(fd), (0, 0))[1],
]


def once(pick):
    try:
        fd = devsev.open_device()
    except OSError as error:
        assert error.errno == 19, error  # ENODEV
        return "gone"
    try:
        done = pick(fd)
    except AssertionError as error:
        done = error.args[0]
    finally:
        os.close(fd)
    assert done == (0, 0) or done[0] == "ENODEV", done
    return "ok" if done == (0, 0) else "gone"


def main():
    choose = random.Random(int(sys.argv[1]))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 30
    for _ in range(count):
        result = once(choose.choice(OPERATIONS))
        print(result, flush=True)
        if result == "gone":
            return


main()
