# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sevlaunch that stops where tests/lib/stop-at.c says, so that a test can look at its memory.

    library = stopped.build(folder)
    with stopped.Process(program, words, environment, folder) as process:
        memory = process.stopped()
        core = process.core()              # what a core file would have: bytes, None without gdb
        process.go_on()
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import memscan
import tap

TOP = pathlib.Path(__file__).resolve().parents[2]
GDB = shutil.which("gdb", path="/usr/bin:/bin")


def build(folder):
    """The library for LD_PRELOAD; its path."""
    library = os.path.join(folder, "stop-at.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, TOP / "tests/lib/stop-at.c", "-ldl"], check=True)
    os.chmod(library, 0o755)
    return library


class Process:
    def __init__(self, program, words, environment, folder):
        """folder: for what it prints, and core files"""
        self.folder = folder
        self.out = tempfile.TemporaryFile(dir=folder)
        self.pid = os.posix_spawn(program, [program, *words], environment, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.out.fileno(), 1), (os.POSIX_SPAWN_DUP2, self.out.fileno(), 2)])
        self.status = 0x137F  # runs or is stopped

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if os.WIFSTOPPED(self.status):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.out.close()

    def wait(self):
        self.status = os.waitpid(self.pid, os.WUNTRACED)[1]
        return self.status

    def printed(self):
        self.out.seek(0)
        return self.out.read()

    def stopped(self):
        """Waits until it has stopped; its memory."""
        if not os.WIFSTOPPED(self.wait()):
            raise tap.Failure(f"ended with {self.status}: {self.printed().decode()}")
        return memscan.Memory(self.pid)

    def children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]

    def core(self):
        """What a core file of it has, made by gdb, which leaves out what the kernel would;
        None: there is no gdb."""
        if GDB is None:
            return None
        path = os.path.join(self.folder, "core-file")
        done = subprocess.run([GDB, "-nx", "-batch", "-iex", "set auto-load no", "-iex", "set auto-solib-add off",
                               "-p", str(self.pid), "-ex", f"gcore {path}"], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False, timeout=120)
        if not os.path.exists(path):
            raise tap.Failure(f"no core file: {done.stdout}{done.stderr}")
        data = memscan.dense(pathlib.Path(path).read_bytes())
        os.unlink(path)
        return data

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def end(self):
        """Goes on to the end; exit status and what it printed."""
        while os.WIFSTOPPED(self.status):
            self.go_on()
            self.wait()
        return os.waitstatus_to_exitcode(self.status), self.printed()
