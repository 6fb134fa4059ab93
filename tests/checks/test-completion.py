#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completion scripts know the commands and options of --help, and none other; asked
in bash and in zsh themselves."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from helptext import commands as help_commands  # noqa: E402
from tap import Tap, need  # noqa: E402

SEVLAUNCH, BUILD = need("SEVLAUNCH", "SEVLAUNCH_BUILD")
SCRIPTS = pathlib.Path(BUILD) / "launcher/completion"

ASK_BASH = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_sevlaunch; printf '%s\\n' "${COMPREPLY[@]}" """
# What the script asks zsh's own functions for, instead of what they would show.
ASK_ZSH = """_arguments () { print -rl -- "$@" }; _describe () { print -rl -- "${(P@)4}" }
script=$1; shift; words=("$@"); CURRENT=$#; . $script"""


def ask(shell, text, script, *words, cwd=None):
    done = subprocess.run([*shell, text, "ask", script, *words], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60, cwd=cwd)
    return done.stdout.split("\n")[:-1]


def bash(*words, script=SCRIPTS / "sevlaunch", cwd=None):
    return {line for line in ask(["bash", "--norc", "-c"], ASK_BASH, script, "sevlaunch", *words, cwd=cwd) if line}


def zsh(*words, script=SCRIPTS / "_sevlaunch"):
    return ask(["zsh", "-f", "-c"], ASK_ZSH, script, "sevlaunch", *words)


def zsh_options(*words, **more):
    specs = zsh(*words, **more)  # after the flags of _arguments
    found = [re.match(r"\*?(?:\([^)]*\))?(--?[a-z][a-z0-9-]*)", line) for line in specs[specs.index(":"):]]
    return {m.group(1) for m in found if m}


class Terminal:
    """A zsh on a terminal, with completion switched on."""
    def __init__(self, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {
                "PATH": "/usr/bin:/bin", "HOME": home, "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "ready"})
        self.seen = ""
        self.wait("ready")
        self.type(f"fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D\n")
        self.type("sevlaunch () { print -r -- \"<$*>\" }; echo on''ce\n")
        self.wait("once")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, text):
        end = time.monotonic() + 60
        while text not in self.seen:
            ready = select.select([self.fd], [], [], end - time.monotonic())[0]
            assert ready, f"no '{text}' in {self.seen!r}"
            self.seen += os.read(self.fd, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def table():
    done = subprocess.run([SEVLAUNCH, "--completion-table"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


def twice(lines):
    """Options that one command has more than once."""
    names = [(row[1], name) for row in lines if row[0] == "option" for name in (f"--{row[2]}", f"-{row[3]}")
             if name != "--"]
    return sorted({" ".join(name) for name in names if names.count(name) > 1})


def in_bash(tap, commands, work):
    with tap.test("no command has an option twice"):
        lines = table()
        tap.true(len(lines) > 300, f"only {len(lines)} lines")
        tap.equal(twice(lines), [])
        tap.equal(twice(lines + [["option", "attach", "kds", "-", "text", "URL", "x"]]), ["attach --kds"])
    with tap.test("bash: every option of --help, and none other"):
        for name, options in commands.items():
            tap.equal(bash(*name.split(), "-"), options | {"--help", "-h"}, name)
        tap.equal(bash("-"), commands["run"] | {"--help", "-h"}, "the default command")
        tap.equal(bash("help", "run", "--print-"), {"--print-xml"})
    with tap.test("... a script without one is noticed"):
        less = pathlib.Path(work) / "less"
        text = (SCRIPTS / "sevlaunch").read_text()
        tap.true(" --replace" in text, "release create --replace is not there")
        less.write_text(text.replace(" --replace", ""))
        tap.equal(commands["release create"] - bash("release", "create", "-", script=less), {"--replace"})
    with tap.test("bash: commands, and those of a group"):
        tap.equal(bash(""), {name.split()[0] for name in commands} | {"help"})
        tap.equal(bash("emu"), {"emulator"})
        for group in {name.split()[0] for name in commands if " " in name}:
            tap.equal(bash(group, "") - {"--help"},
                      {name.split()[1] for name in commands if name.startswith(f"{group} ")}, group)
        tap.equal(bash("firmware", "sh"), {"show"})
        tap.equal(bash("firmware", "--a"), {"--all"}, "an option of show, which may be left out")
        tap.equal(bash("firmware", "-"), commands["firmware show"] | {"--help", "-h"})
        tap.equal(bash("firmware", "disk.fd", "--js"), {"--json"})
        tap.equal(bash("emulator", "--es"), set(), "an option of one of the group's commands")
    with tap.test("bash: the words that an option takes, however it is written"):
        tap.equal(bash("run", "--platform", ""), {"auto", "sev", "emulated"})
        tap.equal(bash("--platform", "=", "e"), {"emulated"})
        tap.equal(bash("run", "--platform", "="), {"auto", "sev", "emulated"})
        tap.equal(bash("emulator", "create", "--es", "o"), {"on", "off"})
        tap.equal(bash("run", "--name", ""), set(), "a name is free")
    with tap.test("bash: files, directories, files of secrets, commands after --"):
        folder = pathlib.Path(work) / "files"
        (folder / "deep").mkdir(parents=True)
        (folder / "disk image.qcow2").write_text("")
        both, deep = {"deep", "disk image.qcow2"}, {"deep"}
        tap.equal(bash("--image", "d", cwd=folder), both)
        tap.equal(bash("--session-dir", "d", cwd=folder), deep)
        tap.equal(bash("owner-init", "d", cwd=folder), deep)
        tap.equal(bash("firmware", "d", cwd=folder), both, "show may be left out")
        tap.equal(bash("firmware", "disk.fd", "d", cwd=folder), both)
        tap.equal(bash("firmware", "trust", "d", cwd=folder), both)
        tap.equal(bash("run", "--secret", "luks-key", ":", "d", cwd=folder), both)
        tap.equal(bash("platform", "export", "d", cwd=folder), both)
        for command in ("run", "measure", "release create"):
            tap.equal(bash(*command.split(), "--append", "d", cwd=folder), set(), "a command line is no file")
        tap.true("env" in bash("emulator", "exec", "--", "en"), "no command")


def in_zsh(tap, commands, work):
    with tap.test("zsh: every option of --help, and none other"):
        for name, options in commands.items():
            tap.equal(zsh_options(*name.split(), "-"), options | {"--help", "-h"}, name)
        tap.equal(zsh_options("--"), commands["run"] | {"--help", "-h"}, "the default command")
    with tap.test("zsh: commands, those of a group, what options take"):
        tap.equal({line.partition(":")[0] for line in zsh("")}, {name.split()[0] for name in commands})
        tap.equal({line.partition(":")[0] for line in zsh("emulator", "")},
                  {name.split()[1] for name in commands if name.startswith("emulator ")})
        tap.true("show:Say what firmware images can do (the default)" in zsh("firmware", ""), "no show")
        tap.true(commands["firmware show"] <= zsh_options("firmware", "--"), "an option of show, which may be left out")
        tap.equal(zsh_options("firmware", "disk.fd", "--"), commands["firmware show"] | {"--help", "-h"})
        specs = zsh("run", "-")
        for end in (":FILE:_files", ":DIR:_files -/", ":(auto sev emulated)", ":_sevlaunch_secret"):
            tap.true(any(spec.endswith(end) for spec in specs), f"no {end}")
    with tap.test("zsh on a terminal completes a command, an option, a value"):
        terminal = Terminal(work)
        for typed, meant in (("emulator cr", "emulator create"), ("run --print-", "run --print-xml"),
                             ("firmware --al", "firmware --all"), ("--platform em", "--platform emulated"), ("--platform=em", "--platform=emulated")):
            terminal.type(f"sevlaunch {typed}\t\n")
            terminal.wait(f"<{meant}>")
        terminal.close()


def main():
    tap = Tap()
    commands = help_commands(SEVLAUNCH)
    tap.true(len(commands) >= 8 and len(commands["run"]) > 30, commands)
    with tempfile.TemporaryDirectory() as work:
        in_bash(tap, commands, work)
        if shutil.which("zsh"):
            in_zsh(tap, commands, work)
        else:
            print(f"ok {tap.number + 1} - zsh # SKIP zsh is not installed")
            tap.number += 1
    tap.finish()


main()
