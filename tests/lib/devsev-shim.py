# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inside of an emulated host: what the /dev/sev shim must give to a program.  TAP."""
import ctypes
import fcntl
import mmap
import os
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading

import devsev
import tap

ASK_STATUS = "import devsev, sys; print(devsev.status(int(sys.argv[1]))['state'])"


def works(t, fd, what):
    t.true(devsev.status(fd)["state"] in (devsev.INIT, devsev.WORKING), what)


def descriptors():
    """Those that are open after the listing, which has one of its own."""
    return {i for i in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{i}")}


def opens(t):
    name, plain = devsev.DEVICE, os.O_RDWR
    directory = os.open("/dev", os.O_RDONLY)
    at = -100
    forms = {
        "open": (name, plain), "open64": (name, plain),
        "openat": (at, name, plain), "openat64": (at, name, plain),
        "__open_2": (name, plain), "__open64_2": (name, plain),
        "__openat_2": (at, name, plain), "__openat64_2": (at, name, plain),
    }
    before = descriptors()
    for function, arguments in forms.items():
        with t.test(f"{function}()"):
            fd = devsev.call(function, *arguments)
            t.true(isinstance(fd, int), fd)
            works(t, fd, function)
            os.close(fd)
            t.equal(devsev.call(function, *[b"/dev/sev-not" if i == name else i for i in arguments]), "ENOENT")
    with t.test("other names of the device"):
        for arguments in ((directory, b"sev"), (at, b"//dev/./sev"), (at, b"/dev/../dev/sev")):
            fd = devsev.call("openat", *arguments, plain)
            t.true(isinstance(fd, int), (arguments, fd))
            works(t, fd, arguments)
            os.close(fd)
        t.equal(devsev.call("openat", at, b"sev", plain), "ENOENT", "sev somewhere else")
        t.equal(devsev.call("open", name, plain | os.O_CREAT | os.O_EXCL, 0o600), "EEXIST")
        t.equal(devsev.call("open", name, plain | os.O_DIRECTORY), "ENOTDIR")
    for function in ("creat", "creat64"):
        with t.test(f"{function}() opens the device, and makes other files"):
            fd = devsev.call(function, name, 0o600)
            t.true(isinstance(fd, int) and stat.S_ISCHR(os.fstat(fd).st_mode), fd)
            works(t, fd, function)
            os.close(fd)
            with tempfile.TemporaryDirectory() as other:
                fd = devsev.call(function, f"{other}/sev".encode(), 0o640)
                os.close(fd)
                t.equal(os.stat(f"{other}/sev").st_mode, stat.S_IFREG | 0o640)
    with t.test("no descriptor is left"):
        t.equal(descriptors(), before)
    os.close(directory)


def looks(t):
    """st_mode is at 24 of struct stat, stx_mode at 28 of struct statx (x86-64)."""
    fd = devsev.open_device()
    device = stat.S_IFCHR | 0o600
    name, at, empty = devsev.DEVICE, -100, 0x1000
    out = devsev.buffer(b"", 256)
    forms = {
        "stat": (name, out), "stat64": (name, out), "lstat": (name, out), "lstat64": (name, out),
        "fstat": (fd, out), "fstat64": (fd, out),
        "fstatat": (at, name, out, 0), "fstatat64": (fd, b"", out, empty),
        "__xstat": (1, name, out), "__xstat64": (1, name, out), "__lxstat": (1, name, out),
        "__lxstat64": (1, name, out), "__fxstat": (1, fd, out), "__fxstat64": (1, fd, out),
        "__fxstatat": (1, at, name, out, 0), "__fxstatat64": (1, at, name, out, 0),
        "statx": (at, name, 0, 0x7ff, out),
    }
    for function, arguments in forms.items():
        with t.test(f"{function}() sees a character device"):
            ctypes.memset(out, 0, 256)
            t.equal(devsev.call(function, *arguments), 0)
            form, place = ("<H", 28) if function == "statx" else ("<I", 24)
            t.equal(oct(struct.unpack_from(form, out.raw, place)[0]), oct(device))
    with t.test("access() and its like"):
        for function in ("access", "euidaccess", "eaccess"):
            t.equal(devsev.call(function, name, os.R_OK | os.W_OK), 0)
            t.equal(devsev.call(function, name, os.X_OK), "EACCES")
        t.equal(devsev.call("faccessat", at, name, os.R_OK, 0), 0)
        t.equal(devsev.call("faccessat", at, name, os.X_OK, 0), "EACCES")
    with t.test("a socket that is not the device stays one"):
        import socket
        a, b = socket.socketpair()
        t.true(stat.S_ISSOCK(os.fstat(a.fileno()).st_mode), "fstat")
        t.equal(devsev.issue(a.fileno(), devsev.PLATFORM_STATUS)[0], "ENOTTY")
        a.close()
        b.close()
    os.close(fd)


def duplicates(t):
    with t.test("dup, dup2, dup3, F_DUPFD, F_DUPFD_CLOEXEC; each outlives the others"):
        fd = devsev.open_device()
        copies = [os.dup(fd), os.dup2(fd, 100), devsev.call("dup3", fd, 101, os.O_CLOEXEC),
                  fcntl.fcntl(fd, fcntl.F_DUPFD, 102), fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 103)]
        os.close(fd)
        for copy in copies:
            works(t, copy, copy)
            os.close(copy)
            t.equal(devsev.issue(copy, devsev.PLATFORM_STATUS)[0], "EBADF")
    with t.test("several descriptors of one platform"):
        a, b = devsev.open_device(), devsev.open_device()
        t.equal(devsev.issue(a, devsev.PDH_GEN), (0, 0))
        t.equal(devsev.export(a), devsev.export(b))
        os.close(a)
        works(t, b, "the other")
        os.close(b)


def processes(t):
    fd = devsev.open_device()
    with t.test("a child after fork()"):
        child = os.fork()
        if child == 0:
            os._exit(devsev.status(fd)["state"])
        t.equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), devsev.INIT)
        works(t, fd, "the parent still")
    with t.test("a program after exec()"):
        done = subprocess.run([sys.executable, "-c", ASK_STATUS, str(fd)], pass_fds=[fd], capture_output=True, text=True)
        t.equal((done.returncode, done.stdout.strip()), (0, str(devsev.INIT)), done.stderr)
    with t.test("O_CLOEXEC"):
        closed = devsev.open_device(os.O_RDWR | os.O_CLOEXEC)
        t.true(not os.get_inheritable(closed), "FD_CLOEXEC")
        plain = devsev.call("open", devsev.DEVICE, os.O_RDWR)
        t.true(os.get_inheritable(plain), "no FD_CLOEXEC")
        os.close(closed)
        os.close(plain)
    with t.test("no SIGCHLD, no child"):
        seen = []
        before = signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
        works(t, fd, "an ioctl")
        signal.signal(signal.SIGCHLD, before)
        t.equal(seen, [])
        try:
            os.waitpid(-1, os.WNOHANG)
            t.true(False, "there is a child")
        except ChildProcessError:
            pass
    os.close(fd)


def threads(t):
    with t.test("threads on one descriptor, each with its own answer"):
        fd = devsev.open_device()
        expected = {devsev.get_id: devsev.get_id(fd), devsev.export: devsev.export(fd), devsev.csr: devsev.csr(fd)}
        wrong = []

        def ask(function):
            for _ in range(6):
                if function(fd) != expected[function]:
                    wrong.append(function.__name__)

        before = descriptors()
        running = [threading.Thread(target=ask, args=(f,)) for f in list(expected) * 3]
        for i in running:
            i.start()
        for i in running:
            i.join()
        t.equal(wrong, [])
        t.equal(descriptors(), before)
        os.close(fd)


def permissions(t):
    with t.test("a descriptor that is only for reading"):
        fd = devsev.open_device(os.O_RDONLY)
        writer = devsev.open_device(os.O_WRONLY)
        works(t, fd, "PLATFORM_STATUS")
        devsev.export(fd)
        devsev.get_id(fd)
        for command in (devsev.FACTORY_RESET, devsev.PEK_GEN, devsev.PEK_CSR, devsev.PDH_GEN, devsev.PEK_CERT_IMPORT):
            t.equal(devsev.issue(fd, command, error=77), ("EPERM", 77), command)
        t.equal(devsev.issue(writer, devsev.PDH_GEN), (0, 0))
        t.equal(devsev.issue(writer, devsev.FACTORY_RESET), (0, 0))
        data = devsev.buffer(struct.pack("<QIQI", 0, 0, 0, 0))
        t.equal(devsev.issue(fd, devsev.PDH_CERT_EXPORT, ctypes.addressof(data), 77), ("EPERM", 77), "it would need INIT")
        t.equal(devsev.status(fd)["state"], devsev.UNINIT)
        devsev.export(writer)
        devsev.export(fd)
        os.close(fd)
        os.close(writer)


def faults(t):
    fd = devsev.open_device()
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ)
    sealed = ctypes.addressof(ctypes.c_char.from_buffer_copy(b"x"))
    bad = 1
    with t.test("memory that is not there: EFAULT, and the program lives"):
        t.equal(devsev.ioctl(fd, devsev.ISSUE, None), "EFAULT")
        t.equal(devsev.ioctl(fd, devsev.ISSUE, bad), "EFAULT")
        t.equal(devsev.issue(fd, devsev.PLATFORM_STATUS, bad), ("EFAULT", 0), "after the firmware's success")
        t.equal(devsev.issue(fd, devsev.PEK_CSR, bad, 77), ("EFAULT", 77))
        data = devsev.buffer(struct.pack("<QI", bad, devsev.CERT))
        t.equal(devsev.issue(fd, devsev.PEK_CSR, ctypes.addressof(data)), ("EFAULT", 0))
        data = devsev.buffer(struct.pack("<QIQI", bad, devsev.CERT, bad, devsev.CERT))
        t.equal(devsev.issue(fd, devsev.PEK_CERT_IMPORT, ctypes.addressof(data), 77), ("EFAULT", 77))
        works(t, fd, "afterwards")
    del page, sealed
    with t.test("what the driver refuses by itself"):
        t.equal(devsev.issue(fd, 99, error=77), ("EINVAL", 77))
        t.equal(devsev.ioctl(fd, 0x5401, 0), "EINVAL", "another ioctl")
        data = devsev.buffer(struct.pack("<QI", 4096, 0x4001))
        t.equal(devsev.issue(fd, devsev.PEK_CSR, ctypes.addressof(data), 77), ("EFAULT", 77), "too large a blob")
        data = devsev.buffer(struct.pack("<QIQI", 0, 0, 0, 0))
        t.equal(devsev.issue(fd, devsev.PEK_CERT_IMPORT, ctypes.addressof(data), 77), ("EINVAL", 77))
    with t.test("the firmware's refusal: EIO, its status, the length it needs"):
        t.equal(devsev.csr_length(fd), (("EIO", devsev.INVALID_LENGTH), devsev.CERT))
        small = devsev.buffer(b"\xaa" * 64)
        data = devsev.buffer(struct.pack("<QI", ctypes.addressof(small), 32))
        t.equal(devsev.issue(fd, devsev.GET_ID2, ctypes.addressof(data)), ("EIO", devsev.INVALID_LENGTH))
        t.equal((struct.unpack("<QI", data.raw)[1], small.raw), (64, b"\xaa" * 64))
        data = devsev.buffer(struct.pack("<QI", ctypes.addressof(small), 64))
        t.equal(devsev.issue(fd, devsev.GET_ID2, ctypes.addressof(data)), (0, 0))
        t.equal(small.raw, devsev.get_id(fd)[:64])
    with t.test("errno stays as it is after a success"):
        out = devsev.buffer(b"", 12)
        argument = devsev.buffer(struct.pack("<IQI", devsev.PLATFORM_STATUS, ctypes.addressof(out), 0))
        ctypes.set_errno(4242)
        t.equal(devsev.libc.ioctl(fd, devsev.ISSUE, ctypes.addressof(argument)), 0)
        t.equal(ctypes.get_errno(), 4242)
    with t.test("a program that writes to the device, or waits for it, hurts nobody"):
        os.write(fd, b"no request")
        t.equal(os.read(fd, 10), b"")
        works(t, fd, "afterwards")
    os.close(fd)


def main():
    t = tap.Tap()
    for part in (opens, looks, duplicates, processes, threads, permissions, faults):
        part(t)
    t.finish()


main()
