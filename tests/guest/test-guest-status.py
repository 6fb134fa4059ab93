#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sevlaunch-guest as a program: its output and its file; and in a guest of an emulated
host, where it must say that SEV is not active.  Verdicts: tests/unit/test-guest-status.c."""
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
import emuhost  # noqa: E402
import initrd  # noqa: E402
import memguest  # noqa: E402
import owner  # noqa: E402
import systemdguest  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
PROGRAM = os.path.join(os.environ["SEVLAUNCH_PREFIX"], "libexec/sevlaunch/guest/sevlaunch-guest")
PAGE = TOP / "ovmf-hooks/guest/sevlaunch-guest.1"
UNITS = TOP / "ovmf-hooks/guest/systemd"
TEXTFILE = "/var/lib/prometheus/node-exporter/sevlaunch-guest.prom"
SCHEMA = "sevlaunch.guest-status/1"
# A model whose highest extended leaf is lower by one; what QEMU answers for others has SEV's bit.
CPU = "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>EPYC</model></cpu>"


def status(*words, **more):
    return subprocess.run([PROGRAM, "status", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=60, **more)


def keys(document):
    """Every name in a JSON document."""
    if isinstance(document, dict):
        return set(document) | {name for value in document.values() for name in keys(value)}
    return set()


def samples(text):
    """{series: value} of a file in Prometheus' text format, read strictly: each family once, with
    HELP and TYPE before its samples, and no series twice."""
    found, family = {}, None
    families = []
    *lines, end = text.split("\n")
    tap.Tap.equal(end, "", "the last line has no end")
    for line in lines:
        comment = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        sample = re.fullmatch(r'(([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[a-z_]+="[^"\\\n]*"\})?) (\d+)', line)
        if comment and comment[1] == "HELP":
            family = [comment[2], None]
            tap.Tap.true(comment[2] not in families, f"{comment[2]} comes twice")
            families.append(comment[2])
        elif comment:
            tap.Tap.equal((comment[2], family[1], comment[3]), (family[0], None, "gauge"), line)
            family[1] = comment[3]
        else:
            tap.Tap.true(sample and sample[2] == family[0] and family[1] and sample[1] not in found, line)
            found[sample[1]] = sample[3]
    return found


def as_program(t, work):
    words = {0: "SEV is active", 1: "not SEV", 3: "undecided"}
    with t.test("words, JSON and exit code say the same"):
        done, document = status(), json.loads(status("--json").stdout)
        t.true(done.returncode in words, done)
        t.true(done.stdout.startswith(words[done.returncode] + ": "), done.stdout)
        t.true("A host can lie to its guest" in done.stdout, done.stdout)
        t.equal((document["schema"], document["exit_code"]), (SCHEMA, done.returncode))
        t.equal(document["why"], done.stdout.splitlines()[0].partition(": ")[2])
        t.equal(status("--quiet").stdout, "")
        t.equal(status("--quiet", "--json").stdout, "")
    with t.test("the files are those below --root"):
        t.equal(document["sources"]["secrets"], json.loads(status("--json", "--root", "/").stdout)["sources"]["secrets"])
        folder = work / "sys/kernel/security/secrets/coco"
        folder.mkdir(parents=True)
        (folder / "736869e5-84f0-4973-92ec-06879ce3da0b").write_text("secret content")
        below = status("--json", "--root", str(work))
        t.equal(json.loads(below.stdout)["sources"]["secrets"], 1)
        t.true("secret content" not in below.stdout, "a secret was read")
    with t.test("Prometheus' file: whole, readable for the collector, in the place of the old one"):
        file = work / "out" / "guest.prom"
        file.parent.mkdir()
        file.write_text("old")
        done = status("--quiet", "--root", str(work), "--prometheus", str(file), umask=0o077)
        t.equal((done.returncode, done.stderr), (status("--root", str(work)).returncode, ""))
        t.equal(stat.S_IMODE(file.stat().st_mode), 0o644)
        found = samples(file.read_text())
        t.equal((found["sevlaunch_guest_secrets"], len(found)), ("1", 5))
        status("--quiet", "--root", str(file.parent), "--prometheus", str(file))
        t.equal(set(found) - set(samples(file.read_text())), {"sevlaunch_guest_secrets"}, "not known is not none")
        t.equal(os.listdir(file.parent), ["guest.prom"])
    with t.test("... one that cannot be written is exit code 4, and leaves nothing"):
        t.equal(status("--prometheus", str(work / "none" / "guest.prom")).returncode, 4)
        (work / "link").symlink_to(file)
        t.equal(status("--prometheus", str(work / "link")).returncode, 4)
        t.true((work / "link").is_symlink(), "a file took the place of the link")
        (file.parent / "folder").mkdir()
        t.equal(status("--prometheus", str(file.parent / "folder")).returncode, 4)
        t.equal(sorted(os.listdir(file.parent)), ["folder", "guest.prom"])
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "status", "--json"], stdout=full, stderr=subprocess.DEVNULL, check=False)
        t.equal(done.returncode, 4)
    with t.test("usage"):
        for wrong in (["--what"], [], ["stat"], ["status", "more"]):
            done = subprocess.run([PROGRAM, *wrong], capture_output=True, check=False)
            t.equal((done.returncode, done.stdout), (2, b""), wrong)
    with t.test("the man page has the options of --help and every name of the JSON object"):
        page = PAGE.read_text().replace("\\-", "-")
        said = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"^  (--[a-z]+)", said, re.M))
        t.equal({o for line in re.findall(r"^\.TP\n(.*)$", page, re.M)
                 for o in re.findall(r"\\fB(--[a-z]+)\\fR", line)}, options)
        t.true(len(options) == 6, options)
        t.equal({name for name in keys(document) if not re.search(rf"\b{name}\b", page)}, set())
        t.true(SCHEMA in page, SCHEMA)


def unit_files(t):
    with t.test("systemd takes the unit and the timer"):
        units = [str(TOP / "ovmf-hooks/guest/systemd" / f"sevlaunch-guest.{kind}") for kind in ("service", "timer")]
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True,
                              check=False)
        # The program is not installed where the guest would have it.
        said = [line for line in done.stderr.splitlines() if "sevlaunch-guest" in line and "not executable" not in line]
        t.equal(said, [])


REPORT = """[Unit]
DefaultDependencies=no
After=sevlaunch-guest.service
[Service]
Type=oneshot
StandardOutput=file:/dev/console
StandardError=file:/dev/console
ExecStart=/usr/bin/busybox sh /report
"""
# What the unit says goes to the journal, which is not there.
SHOWN = """[Service]
StandardOutput=file:/output
"""
SCRIPT = f"""
echo 'guest: unit'
systemctl show -p Result -p ExecMainStatus sevlaunch-guest.service
systemctl show -p ActiveState -p TimersMonotonic sevlaunch-guest.timer
busybox test -e /sys/module/msr && echo msr=loaded
echo 'guest: output'
busybox cat /output
echo 'guest: file'
busybox stat -c %a {TEXTFILE}
busybox cat {TEXTFILE}
busybox ls /var/lib/prometheus/node-exporter
echo 'guest: without'
busybox mv /var/lib/prometheus /var/lib/other
systemctl start sevlaunch-guest.service
systemctl show -p Result -p ExecMainStatus sevlaunch-guest.service
echo 'guest: end'
"""


def archive():
    """The guest: an init, the program, the libraries that it wants, and systemd with our units."""
    with tempfile.TemporaryDirectory() as work:
        init = os.path.join(work, "init")
        subprocess.run(["gcc", "-std=gnu11", "-Os", "-Wall", "-Werror", "-static", "-o", init,
                        TOP / "tests/guest/status-init.c"], check=True)
        files = {"init": emuhost.read_bytes(init), "usr/sbin/sevlaunch-guest": emuhost.read_bytes(PROGRAM),
                 "report": SCRIPT.encode()}
    linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", linked):
        files[re.sub("^/lib", "usr/lib", path).lstrip("/")] = emuhost.read_bytes(path)
    units = {f"sevlaunch-guest.{kind}": (UNITS / f"sevlaunch-guest.{kind}").read_text() for kind in ("service", "timer")}
    files.update(systemdguest.files({**units, "sevlaunch-guest.service.d/shown.conf": SHOWN, "report.service": REPORT},
                                    [*units, "report.service"]))
    folders = {str(folder) for name in files for folder in pathlib.PurePath(name).parents} - {"."}
    folders |= {"dev", "proc", "sys", "run", "tmp", "root", "home", "var/tmp", os.path.dirname(TEXTFILE)[1:],
                *("var/lib/prometheus", "var/lib", "var")}
    return initrd.archive([(name, stat.S_IFDIR | 0o755, b"", (0, 0)) for name in sorted(folders)]
                          + [("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1))]
                          + [(name, stat.S_IFLNK | 0o777, data.encode(), (0, 0)) if isinstance(data, str)
                             else (name, stat.S_IFREG | 0o755, data, (0, 0)) for name, data in files.items()])


def in_guest(t):
    with emuhost.EmulatedHost() as host:
        members = emuhost.sev_members(owner.Session(host.certificate("pdh"), emuhost.SevGuest.POLICY))
        xml = emuhost.domain_xml(host, "status", sev=members, initrd=host.write("initrd", archive()),
                                 kernel=os.path.join(os.environ["SEVLAUNCH_TEST_DISK"], "kernel"),
                                 firmware=os.environ["SEVLAUNCH_FIRMWARE"], cmdline="console=ttyS0 quiet", memory=512)
        with t.test("a guest of an emulated host starts"):
            host.start(xml.replace("<cpu mode='maximum'/>", CPU))
            serial = memguest.Serial(host.virsh("ttyconsole", "status").stdout.strip())
            host.virsh("resume", "status")
            serial.wait_for("guest: done")
            said = serial.seen.partition("guest: cpuid ")[2]
        with t.test("its CPUID answers for leaf 0x8000001f, which it has not, with the bit of SEV"):
            highest, eax = (int(word, 16) for word in said.split()[:2])
            t.true(highest < 0x8000001F and eax & 2, f"{highest:#x} {eax:#x}")
        with t.test("sevlaunch-guest says that it is not SEV"):
            t.true("\nnot SEV: " in said, said)
            t.equal(re.findall(r"guest: exit (\d+)", said), ["1", "1"])
            document = json.loads(said[said.index("{"):said.rindex("}") + 1])
            t.equal((document["verdict"], document["features"]), ("not-sev", []))
            t.equal(document["sources"]["kernel"], {"line": None, "problem": None})
        with t.test("systemd runs the unit as it is installed, and it fails as it should"):
            serial.wait_for("guest: end")
            said = re.split("guest: (?:unit|output|file|without|end)\n", serial.seen)
            t.equal(len(said), 6, serial.seen)
            _, unit, output, file, without, _ = said
            t.true("Result=exit-code\nExecMainStatus=1\n" in unit, unit)
            t.true(output.startswith("not SEV: "), output)
        with t.test("... in its sandbox it has the register and the kernel's log"):
            t.true("msr=loaded" in unit, unit)
            t.true(re.search("^  MSR +0xc0010131 is 0x0: no SEV$", output, re.M) and "its log says nothing" in output, output)
        with t.test("... the timer waits a minute, then an hour"):
            t.true("OnBootUSec=1min" in unit and "OnUnitActiveUSec=1h" in unit and "ActiveState=active" in unit, unit)
        with t.test("... and Prometheus' file is whole, readable and alone"):
            mode, lines, names = re.fullmatch(r"(\d+)\n(.*\n)(\S+)\n", file, re.S).groups()
            t.equal((mode, names), ("644", os.path.basename(TEXTFILE)))
            t.equal(samples(lines), {**{f'sevlaunch_guest_sev{{feature="{feature}"}}': "0"
                                        for feature in ("sev", "sev-es", "sev-snp")},
                                     "sevlaunch_guest_sev_undecided": "0"})
        with t.test("... where there is no place for it, the program says so"):
            t.true("Result=exit-code\nExecMainStatus=4\n" in without, without)
        serial.close()
        host.destroy("status")


def main():
    t = tap.Tap()
    work = pathlib.Path(tempfile.mkdtemp(prefix="gs-"))
    try:
        as_program(t, work)
    finally:
        shutil.rmtree(work)
    if shutil.which("systemd-analyze"):
        unit_files(t)
    else:
        t.note("the units are not looked at: systemd-analyze is not installed")
    in_guest(t)
    t.finish()


main()
