# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sevlaunch's --help says, as data."""
import os
import re
import subprocess


def help_of(program, *words):
    done = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, f"{words}: --help ends with {done.returncode}: {done.stdout}"
    return done.stdout


def listed_commands(text):
    part = re.search(r"^Commands:\n((?: .*\n)+)", text, re.M)
    return re.findall(r"^  (\S+)", part.group(1), re.M) if part else []


def commands(program):
    """{"emulator create": {"--json", "-q", ...}}; each help names the command's page"""
    found = {}
    for word in listed_commands(help_of(program)):
        text = help_of(program, word)
        for name in [f"{word} {sub}" for sub in listed_commands(text)] or [word]:
            own = help_of(program, *name.split())
            assert f"sevlaunch-{word}(1)" in text and f"sevlaunch-{word}(1)" in own, name
            lines = [re.match(r"  (?:(-\w), )?(--[a-z][a-z0-9-]*)", line) for line in own.splitlines()]
            found[name] = {o for m in lines if m for o in m.groups() if o}
    return found
