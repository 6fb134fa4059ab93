#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""AMD's sev-tool on an emulated host: the ioctls of its own test suite, always; and the
tool itself where there is one (SEVTOOL=PROGRAM, or sevtool in PATH)."""
import os
import re
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import devhost  # noqa: E402
import emuhost  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX")

# What the tool would fetch: CEK by chip id, ASK and ARK in one file (-P DIR, -O FILE).
WGET = """#!/bin/sh
set -e
while [ $# -gt 0 ]; do
    case $1 in
        -P) dir=$2; shift ;;
        -O) out=$2; shift ;;
        http*) url=$1 ;;
    esac
    shift
done
case $url in
    */cek/id/*) cp {host}/certs/cek.cert "$dir/${{url##*/}}" ;;
    */ask_ark_naples.cert) cat {host}/certs/ask.cert {host}/certs/ark.cert > "$out" ;;
    *) exit 8 ;;
esac
"""
LSCPU = "#!/bin/sh\necho 'CPU family: 23'\necho 'Model: 1'\n"


def replay(t):
    with emuhost.EmulatedHost() as host:
        devhost.install(host)
        devhost.take_over_tap(t, devhost.run(host, "devsev-replay.py", check=False))


def tool(t, program):
    with emuhost.EmulatedHost("--generation", "naples", "--amd-key-id") as host:
        stubs, out = (os.path.join(host.files, name) for name in ("stubs", "out"))
        for path in (stubs, out):
            os.mkdir(path)
            host.give(path)
        for name, text in (("wget", WGET.format(host=host.path)), ("lscpu", LSCPU)):
            host.write(f"stubs/{name}", text, 0o755)
        shutil.copy(program, os.path.join(host.files, "sevtool"))
        os.chmod(os.path.join(host.files, "sevtool"), 0o755)
        with t.test("sev-tool --test_all"):
            done = host.exec("env", f"PATH={stubs}:/usr/bin:/bin", os.path.join(host.files, "sevtool"), "--ofolder",
                             out, "--test_all", check=False, timeout=emuhost.TIMEOUT * 3)
            said = done.stdout + done.stderr
            t.true("All tests Succeeded!" in said, said[-3000:])
            t.note("\n".join(re.findall(r".*(?:Tests? Succe|succe).*", said)[-25:]))


def main():
    t = tap.Tap()
    replay(t)
    program = os.environ.get("SEVTOOL") or shutil.which("sevtool")
    if program:
        tool(t, program)
    else:
        with t.test("sev-tool --test_all # SKIP there is no sevtool in PATH, and SEVTOOL is not set"):
            pass
    t.finish()


main()
