# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that one launch needs, and what it may leave behind.

    with launchbed.Bed() as bed:
        result = bed.launch("--json")            # --image, --owner-cert and the host are given
        table = launchbed.Table(bed, t, __file__)
        table.positive()
        table.row("owner-dir-0755", prepare=lambda: bed.mode(bed.owner, 0o755))
        table.finish()

A bed is an emulated host of its own, an owner's directory that trusts it, a release, and a
copy of the test disk.  As root the host and the guests run as nobody, else as the user.
"""
import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import tempfile

import emuhost
import tap
from emuhost import wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REFUSALS = os.path.join(TOP, "tests", "data", "refusals.tsv")
UNLOCKED = "sevlaunch-guest: disk unlocked"
TIMEOUT = int(os.environ.get("SEVLAUNCH_TEST_TIMEOUT", "240"))
# Variables that change what sevlaunch does, and are not the test's own.
FOREIGN = ("SEVLAUNCH_EMULATED_HOST", "SEVLAUNCH_DEBUG", "LIBVIRT_DEFAULT_URI", "G_MESSAGES_DEBUG")


@dataclasses.dataclass
class Result:
    """How a program ended: exit code, both outputs, and the JSON object on stdout or None."""
    args: list
    code: int
    out: str
    err: str
    json: dict

    @property
    def reasons(self):
        """Ids of the JSON document, in its order."""
        return [reason["id"] for reason in self.json["reasons"]] if self.json else []

    def __str__(self):
        return f"sevlaunch {' '.join(self.args)}: exit {self.code}\n{self.out}{self.err}"


def result_of(args, code, out, err):
    out, err = out.decode(errors="replace"), err.decode(errors="replace")
    document = json.loads(out) if "--json" in args and out.strip() else None
    return Result(list(args), code, out, err, document)


def reason(result):
    """Ids in brackets on stderr, in order; those of --json must be the same."""
    said = re.findall(r"^sevlaunch: (?:error|refused): .*?\[([a-z0-9-]+)\]$", result.err, re.M | re.S)
    if result.json is not None and said != result.reasons:
        raise tap.Failure(f"stderr says {said}, --json {result.reasons}\n{result}")
    return said


@contextlib.contextmanager
def changed(path, data):
    """A file with other content, for a while; its mode and owner stay."""
    with open(path, "rb") as f:
        old = f.read()
    with open(path, "r+b") as f:
        f.truncate()
        f.write(data)
    try:
        yield path
    finally:
        with open(path, "r+b") as f:
            f.truncate()
            f.write(old)


@contextlib.contextmanager
def mode(path, bits):
    old = os.stat(path).st_mode & 0o7777
    os.chmod(path, bits)
    try:
        yield path
    finally:
        os.chmod(path, old)


@contextlib.contextmanager
def owned_by(path, uid):
    """Another owner for a while; for root only."""
    old = os.stat(path)
    os.chown(path, uid, -1)
    try:
        yield path
    finally:
        os.chown(path, old.st_uid, -1)


@contextlib.contextmanager
def away(path):
    """A file that is not there for a while."""
    os.rename(path, path + ".away")
    try:
        yield path
    finally:
        if os.path.lexists(path):
            os.unlink(path)
        os.rename(path + ".away", path)


@contextlib.contextmanager
def there(path, data, give=None, bits=0o644):
    """A file that is there for a while.  give: who gets it, a function of the path."""
    with open(path, "xb") as f:
        f.write(data)
    os.chmod(path, bits)
    if give is not None:
        give(path)
    try:
        yield path
    finally:
        os.unlink(path)


class Bed:
    def __init__(self, release=True):
        """release=False: a test makes its own."""
        self.prefix = os.environ["SEVLAUNCH_PREFIX"]
        self.program = os.path.join(self.prefix, "bin", "sevlaunch")
        self.test_disk = os.environ["SEVLAUNCH_TEST_DISK"]
        self.firmware = os.environ["SEVLAUNCH_FIRMWARE"]
        self.host = emuhost.EmulatedHost()
        self.user = self.host.user
        self.dir = tempfile.mkdtemp(prefix="lb-", dir="/tmp")
        self.owner = os.path.join(self.dir, "owner")
        self.cert = os.path.join(self.owner, "pdh.cert")
        self.key = os.path.join(self.owner, "pdh.key")
        self.disk_key = os.path.join(self.dir, "disk.key")
        self.tmp = os.path.join(self.host.files, "tmp")
        self.disk = os.path.join(self.host.files, "disk.qcow2")
        self.name = "launch"  # no hexadecimal word: some tools take those for ids
        self._release = release

    def __enter__(self):
        try:
            self.host.__enter__()
            os.mkdir(self.tmp, 0o700)
            self.host.give(self.tmp)
            self.copy(os.path.join(self.test_disk, "disk.qcow2"))
            shutil.copy(os.path.join(self.test_disk, "disk.key"), self.disk_key)
            self.must("owner-init", self.owner)
            self.trust(self.owner)
            if self._release:
                self.release()
            self.leftovers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exception):
        try:
            self.host.__exit__(*exception)
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    # -- files

    def copy(self, path, name=None):
        """A sparse copy in a directory of the host's user, who owns it; its path."""
        target = os.path.join(self.host.files, name or os.path.basename(path))
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", "--", path, target], check=True)
        os.chmod(target, 0o600)
        return self.host.give(target)

    def beside(self, name, data, bits=0o644):
        """A file beside the disk for a while; a context manager."""
        return there(os.path.join(self.host.files, name), data if isinstance(data, bytes) else data.encode(),
                     self.host.give, bits)

    def session_dir(self, name="session"):
        path = os.path.join(self.dir, name)
        os.makedirs(path, 0o700, exist_ok=True)
        return path

    # -- sevlaunch

    def environment(self, **more):
        environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environ.update({"LC_ALL": "C.UTF-8", "TMPDIR": self.tmp}, **more)
        return environ

    def run(self, *args, stdin=None, env=None, as_user=False, timeout=TIMEOUT, program=None, **more):
        """Runs sevlaunch.  as_user: as the host's user also when the test is root; program:
        instead of sevlaunch."""
        environ = self.environment(**(env or {}))
        if as_user and self.user is not None:
            environ.update(HOME=self.host.files)
            more.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
        done = subprocess.run([program or self.program, *args], cwd=more.pop("cwd", "/"), env=environ,
                              capture_output=True, timeout=timeout, check=False, **given, **more)
        return result_of(args, done.returncode, done.stdout, done.stderr)

    def start(self, *args):
        """A launch that goes on while the test does something: a process, for end_of()."""
        words = [*self.arguments(), *args]
        return subprocess.Popen([self.program, *words], cwd="/", env=self.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @staticmethod
    def end_of(process):
        """Waits for the end of a process of start(); its result."""
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
        return result_of(process.args[1:], process.returncode, out, err)

    def must(self, *args, **more):
        result = self.run(*args, **more)
        if result.code != 0:
            raise tap.Failure(str(result))
        return result

    def trust(self, owner):
        return self.must("emulator", "trust", "--owner", owner, *self.where())

    def where(self):
        return ["--emulated-host", self.host.path]

    def release(self, *args, image=None, cert=None):
        """Pins what the image boots, with the disk's key; args go to 'release create'."""
        return self.must("release", "create", "--image", image or self.disk, "--owner-cert", cert or self.cert,
                         "--secret", f"luks-key:{self.disk_key}", *args)

    def arguments(self, **changes):
        """Of a launch that works.  changes: option -> value, None for without (image=None)."""
        options = {"image": self.disk, "owner_cert": self.cert, "name": self.name,
                   "emulated_host": self.host.path, **changes}
        words = []
        for option, value in options.items():
            if value is not None:
                words += ["--" + option.replace("_", "-"), value]
        return words

    def launch(self, *args, changes=None, **more):
        return self.run(*self.arguments(**(changes or {})), *args, **more)

    def destroy(self, name=None):
        self.host.destroy(name or self.name)

    # -- what is there

    def domains(self):
        return set(self.host.virsh("list", "--all", "--name").stdout.split())

    def leftovers(self, ask=True):
        """Set of what a launch that was refused may not leave: comparable before and after.
        libvirtd, virtlogd and the service of /dev/sev stay for a while.  ask=False: domains by libvirt's files only, which is
        quicker than virsh."""
        found = {f"domain {name}" for name in self.domains()} if ask else set()
        found |= self.host.traces()
        found |= {f"domain {name}" for name in os.listdir(f"{self.host.path}/c/libvirt/qemu")
                  if name.endswith(".xml")}
        found |= {f"process {name}" for name in self.host.processes().values()
                  if name not in ("libvirtd", "virtlogd", "sev-platform", "sev-relay", "qemu-system-x86")}
        # Temporary files are in self.tmp, which is in the first of these.  Evidence is meant
        # to be left behind, also by a launch that was refused.
        for top in (self.host.files, self.dir):
            for root, folders, files in os.walk(top):
                folders[:] = [name for name in folders if name != "evidence"]
                found |= {f"file {os.path.join(root, name)}" for name in files}
        return found

    def same_leftovers(self, before, what="left behind", ask=True):
        """Fails unless what is there becomes what was there before."""
        try:
            wait_until(lambda: self.leftovers(ask) == before, what, 15)
        except emuhost.HostError:
            now = self.leftovers(ask)
            raise tap.Failure(f"{what}: {sorted(now - before)}\n"
                              f"gone: {sorted(before - now)}") from None

    def unlocked(self, *args, changes=None, **more):
        """A launch that must be verified and whose guest must open its disk; its result."""
        result = self.launch("--json", *args, changes=changes, **more)
        tap.Tap.equal(result.code, 0, result)
        tap.Tap.equal((result.json["verdict"], result.json["reasons"], result.json["guest_says"]),
                      ("verified", [], UNLOCKED), result)
        tap.Tap.equal(self.host.state(result.json["domain"]["name"]), "running")
        return result

    def released(self, *args, changes=None, **more):
        """A launch that must be verified and get its secrets, and stays paused; its result."""
        result = self.launch("--json", "--paused", *args, changes=changes, **more)
        tap.Tap.equal(result.code, 0, result)
        tap.Tap.equal((result.json["verdict"], result.json["reasons"], len(result.json["secrets"])),
                      ("verified", [], 2), result)
        tap.Tap.equal(self.host.state(result.json["domain"]["name"]), "paused")
        return result

    def dry_run(self, *args, changes=None, **more):
        """A rehearsal that must pass: every check that needs no guest."""
        result = self.launch("--json", "--dry-run", *args, changes=changes, **more)
        tap.Tap.equal((result.code, result.reasons), (0, []), result)
        return result


@dataclasses.dataclass
class Refusal:
    name: str
    code: int
    reason: str
    test: str


def read_refusals(path=REFUSALS):
    """{name: Refusal} of tests/data/refusals.tsv."""
    found = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 4 or fields[0] in found:
                raise ValueError(f"refusals.tsv:{number}: four fields with tabs between, and a name of its own")
            found[fields[0]] = Refusal(fields[0], int(fields[1]), fields[2], fields[3])
    return found


class Table:
    """Refusals one after another, each against what refusals.tsv says of it."""

    def __init__(self, bed, t, test):
        """test: the file that the rows belong to (__file__)"""
        self.bed, self.tap = bed, t
        self.test = os.path.relpath(os.path.realpath(test), TOP)
        self.expected = {name: row for name, row in read_refusals().items() if row.test == self.test}
        self.seen = set()
        self.domains = bed.domains()
        self.results = {}

    def positive(self, *args, changes=None, boot=False,
                 name="with the same set-up: verified, secrets released, ended, nothing left"):
        """boot: the guest also has to open its disk, which takes some seconds"""
        with self.tap.test(name):
            before = self.bed.leftovers()
            start = self.bed.unlocked if boot else self.bed.released
            result = start(*args, changes=changes)
            self.bed.destroy(result.json["domain"]["name"])
            self.bed.same_leftovers(before)

    def row(self, name, *args, prepare=None, changes=None, run=None, says=(), again=True, known=()):
        """One refusal.  prepare: makes a context manager, whose value is "with"; run: instead
        of a launch, a function that gives a Result; says: texts that stderr must hold; again:
        after what was prepared is undone, a rehearsal with the arguments of a good launch passes (a list:
        with more arguments); known: ids that may come with the row's."""
        row = self.expected.get(name)
        with self.tap.test(name if row is None else f"{name}: exit {row.code}, {row.reason}"):
            self.tap.true(row is not None, f"refusals.tsv has no row '{name}' of {self.test}")
            self.tap.true(name not in self.seen, f"row '{name}' is used twice")
            self.seen.add(name)
            with prepare() if prepare is not None else contextlib.nullcontext() as made:
                before = self.bed.leftovers(ask=False)
                if callable(changes):
                    changes = changes(made)
                args = [arg(made) if callable(arg) else arg for arg in args]
                result = run(made) if run is not None else self.bed.launch("--json", *args, changes=changes)
                self.results[name] = result
                self.judge(row, result, says, known)
                self.bed.same_leftovers(before, ask=False)
            # Where nothing was prepared, nothing could have been left undone.
            if again is not False and (prepare is not None or again is not True):
                self.bed.dry_run(*([] if again is True else again))

    def judge(self, row, result, says, known):
        self.tap.equal(result.code, row.code, result)
        said = reason(result)
        self.tap.true(row.reason in said and set(said) <= {row.reason, *known},
                      f"reasons {said}, expected {row.reason}\n{result}")
        if result.json is not None:
            self.tap.equal(result.json["exit_code"], row.code, result)
            self.tap.true(result.json.get("verdict") != "verified" or row.code >= 6,
                          f"the verdict of a refusal\n{result}")
        else:
            self.tap.true("VERIFIED" not in result.out, result)
        for text in says:
            self.tap.true(text in result.err, f"stderr does not say {text!r}\n{result}")

    def skip(self, names, why):
        """Rows that cannot be run here: said, and not missed."""
        for name in names:
            self.tap.note(f"SKIP {name}: {why}")
            self.seen.add(name)

    def finish(self):
        with self.tap.test(f"every refusal of {self.test} in refusals.tsv was tried"):
            self.tap.equal(sorted(set(self.expected) - self.seen), [], "not tried")
        with self.tap.test("virsh shows no guest that was not there before"):
            self.tap.equal(self.bed.domains(), self.domains)
