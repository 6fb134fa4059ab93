#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure, verify, why, session and secret without a host, held to what other programs computed
(tests/vectors) and to an owner written in Python (tests/lib/owner.py)."""
import base64
import contextlib
import hashlib
import glob
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import owner  # noqa: E402
import tap  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

SEVLAUNCH = tap.need("SEVLAUNCH")[0]
VECTORS = os.path.join(TOP, "tests", "vectors")
INPUTS = os.path.join(VECTORS, "inputs")
# What each name of virt-qemu-sev-validate's options is here.
SAME = {"--kernel": "--kernel", "--initrd": "--initrd", "--cmdline": "--append"}


def run(*words, stdin=None, env=None):
    done = subprocess.run([SEVLAUNCH, *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60, env={**os.environ, **(env or {})})
    return done


def find(name):
    path = os.path.join(VECTORS, name)
    return path if os.path.exists(path) else os.path.join(INPUTS, os.path.basename(name))


def boot_words(vector):
    """The vector's options as those of sevlaunch."""
    given = dict(zip(vector["args"][::2], vector["args"][1::2]))
    words = ["--firmware", find(vector["firmware"]), "--policy", hex(vector["policy"])]
    for theirs, ours in SAME.items():
        if theirs in given:
            words += [ours, given[theirs] if theirs == "--cmdline" else find(given[theirs])]
    if "--num-cpus" in given:
        # The files vmsa0.bin and vmsa1.bin are of this processor (tests/vectors/README.md).
        cpu = [given.get(f"--cpu-{part}", default) for part, default in
               (("family", "25"), ("model", "1"), ("stepping", "1"))]
        words += ["--vcpus", given["--num-cpus"], "--cpu", ",".join(cpu), "--vmsa", "legacy"]
    return words


def report_words(vector, measurement=None, **change):
    """--measurement and the rest; change: another number, as api_minor=25"""
    said = {**vector, **change}
    words = ["--measurement", measurement or vector["launch_measure_b64"], "--tk", find(vector["tk"]),
             "--api", f"{said['api_major']}.{said['api_minor']}", "--build", str(said["build"])]
    return words


def launches():
    with open(os.path.join(VECTORS, "vectors.json"), encoding="utf-8") as f:
        return [v for v in json.load(f)["vectors"] if v["kind"] == "measurement" and "firmware" in v]


def check_measure(t):
    for vector in launches():
        with t.test(f"measure: {vector['id']}"):
            done = run("measure", *boot_words(vector), "--json")
            t.equal(done.returncode, 0, done.stderr)
            said = json.loads(done.stdout)
            t.equal(said["digest"], vector["launch_digest"])
            t.equal(run("measure", *boot_words(vector)).stdout.strip(), vector["launch_digest"])
            if "--vcpus" in boot_words(vector):
                init2 = [word if word != "legacy" else "init2" for word in boot_words(vector)]
                theirs = vector.get("sev_snp_measure_digest")
                if theirs:
                    t.equal(json.loads(run("measure", *init2, "--json").stdout)["digest"], theirs)


def check_range(t):
    by_id = {v["id"]: v for v in launches()}
    with t.test("measure: a range of processors has one entry each"):
        four = by_id["sevctl-fixture-es4"]
        words = boot_words(four)
        words[words.index("--vcpus") + 1] = "1-8"
        said = json.loads(run("measure", *words, "--json").stdout)
        t.equal([one["vcpus"] for one in said["digests"]], list(range(1, 9)))
        t.equal(said["digests"][3]["digest"], four["launch_digest"])
        t.equal(len({one["digest"] for one in said["digests"]}), 8)
        t.true("digest" not in said, said)
    with t.test("verify: a range takes each number in it, and none beside it"):
        for text, code in (("1-8", 0), ("4", 0), ("5-8", 1), ("3", 1)):
            words[words.index("--vcpus") + 1] = text
            done = run("verify", *words, *report_words(four), "--json")
            t.equal(done.returncode, code, f"{text}: {done.stderr}")
        words[words.index("--vcpus") + 1] = "1-8"
        t.equal(json.loads(run("verify", *words, *report_words(four), "--json").stdout)["vcpus"], 4)


def check_verify(t):
    for vector in launches():
        with t.test(f"verify: {vector['id']}, and what differs in one thing"):
            words = boot_words(vector)
            done = run("verify", *words, *report_words(vector), "--json")
            t.equal((done.returncode, json.loads(done.stdout)["verified"]), (0, True), done.stderr)
            for change in ({"build": vector["build"] ^ 1}, {"api_minor": vector["api_minor"] ^ 1}):
                done = run("verify", *words, *report_words(vector, **change), "--json")
                t.equal((done.returncode, json.loads(done.stdout)["reasons"][0]["id"]),
                        (1, "measurement-mismatch"), done.stderr)
            policy = [hex(vector["policy"] ^ 8) if i and words[i - 1] == "--policy" else word
                      for i, word in enumerate(words)]
            t.equal(run("verify", *policy, *report_words(vector)).returncode, 1)


def forbidden(policy):
    """A word for a bit that this policy has."""
    words = json.loads(run("policy", "explain", hex(policy), "--json").stdout)
    return next(bit["name"] for bit in words["bits"] if bit["set"])


def check_acceptance(t, folder):
    vector = next(v for v in launches() if "--kernel" in v["args"] and "--num-cpus" not in v["args"])
    words, path = boot_words(vector), os.path.join(folder, "acceptance")
    with open(words[words.index("--firmware") + 1], "rb") as f:
        firmware = hashlib.sha256(f.read()).hexdigest()

    def judge(text, *more, report=None):
        with open(path, "w", encoding="utf-8") as f:
            f.write("[acceptance]\nformat=1\n" + text)
        done = run("verify", *words, *report_words(vector, report), "--acceptance", path, "--json", *more)
        return done.returncode, [reason["id"] for reason in json.loads(done.stdout)["reasons"]]

    good = f"[firmware]\nsha256={firmware}\npinned=yes\n[boot]\nmeasured=yes\n"
    with t.test("verify --acceptance: what the measurement shows must meet it"):
        t.equal(judge(good), (0, []))
        t.equal(judge(good + "[platform]\nmin-api=200.0\n[guest]\nrequire=es\n"),
                (1, ["acceptance-api", "acceptance-guest-policy"]))
        t.equal(judge(f"[firmware]\nsha256={'5a' * 32}\n"), (1, ["acceptance-firmware"]))
        t.equal(judge("[boot]\ncmdline=no such line\n"), (1, ["acceptance-boot"]))
        t.equal(judge("[boot]\nvcpus=1\n"), (1, ["acceptance-vcpus"]))
        t.equal(judge("[boot]\nvcpu=1\n"), (4, ["acceptance-syntax"]))
        judge(good)
        done = run("verify", *words, *report_words(vector), "--acceptance", path, "--json")
        said = [text for text in json.loads(done.stdout)["unproven"] if "not judged here" in text]
        t.true(any("platform" in text for text in said) and any("pinned firmware" in text for text in said), said)
        t.equal(judge(good, "--build", str(vector["build"] ^ 1)), (1, ["measurement-mismatch"]))
    given = dict(zip(words[::2], words[1::2]))
    version = f"[platform]\nmin-api={vector['api_major']}.{vector['api_minor']}\n"
    right = {key: hashlib.sha256(read(given[f"--{key}"])).hexdigest() for key in ("firmware", "kernel", "initrd")
             if f"--{key}" in given}
    pairs = [("min-build", f"{version}min-build={vector['build']}\n", f"{version}min-build={vector['build'] + 1}\n", "api"),
             ("forbid", "[guest]\nforbid=domain\n", f"[guest]\nforbid={forbidden(vector['policy'])}\n", "guest-policy"),
             ("measured", "[boot]\nmeasured=yes\n", None, "boot"),
             ("cmdline", f"[boot]\ncmdline={given.get('--append', '')}\n", "[boot]\ncmdline=another\n", "boot"),
             *((key, f"[boot]\n{key}={right[key]}\n", f"[boot]\n{key}={'5a' * 32}\n", "boot")
               for key in ("kernel", "initrd") if key in right)]
    with t.test(f"... each of {', '.join(pair[0] for pair in pairs)} alone refuses"):
        t.equal(len(pairs), 6, given)
        for key, met, unmet, reason in pairs:
            t.equal(judge(met), (0, []), key)
            if unmet is not None:
                t.equal(judge(unmet), (1, [f"acceptance-{reason}"]), key)
        bare = next(v for v in launches() if not v["args"])
        done = run("verify", *boot_words(bare), *report_words(bare), "--json")
        t.equal(done.returncode, 0, done.stderr)
        judge("[boot]\nmeasured=yes\n")
        done = run("verify", *boot_words(bare), *report_words(bare), "--acceptance", path, "--json")
        t.equal([reason["id"] for reason in json.loads(done.stdout)["reasons"]], ["acceptance-boot"])
    kernel = words[words.index("--kernel") + 1]
    words = ["--firmware", words[words.index("--firmware") + 1], "--kernel", kernel, "--policy", "0x1"]
    digest = bytes.fromhex(json.loads(run("measure", *words, "--json").stdout)["digest"])
    made = owner.mac(read(find(vector["tk"]))[16:], b"\4",
                     bytes([vector["api_major"], vector["api_minor"], vector["build"]]), struct.pack("<I", 1), digest, bytes(16))
    alone = base64.b64encode(made + bytes(16)).decode()
    with t.test("... a kernel alone may be meant as a unified kernel image or as a plain kernel, but it must be named"):
        right, wrong = hashlib.sha256(read(kernel)).hexdigest(), "5a" * 32
        for key in ("uki", "kernel"):
            t.equal(judge(f"[boot]\n{key}={right}\n", report=alone), (0, []), key)
            t.equal(judge(f"[boot]\n{key}={wrong}\n", report=alone), (1, ["acceptance-boot"]), key)
    with t.test("... and what else is not met makes no unified kernel image of a plain kernel"):
        for other, reason in ((f"[firmware]\nsha256={wrong}\n", "firmware"), ("[guest]\nrequire=es\n", "guest-policy"),
                              ("[platform]\nmin-api=200.0\n", "api")):
            t.equal(judge(f"{other}[boot]\nkernel={right}\n", report=alone), (1, [f"acceptance-{reason}"]))
        judge(f"[boot]\nkernel={wrong}\n")
        done = run("verify", *words, *report_words(vector, alone), "--acceptance", path, "--json")
        text = json.loads(done.stdout)["reasons"][0]["text"]
        t.true("the kernel has SHA-256" in text and "unified" not in text, text)
    with t.test("... and needs the files: a digest does not say what boots"):
        digest = ["--digest", vector["launch_digest"], "--policy", hex(vector["policy"])]
        t.equal(run("verify", *digest, *report_words(vector)).returncode, 0)
        t.equal(run("verify", *digest, *report_words(vector), "--acceptance", path).returncode, 2)
    os.unlink(path)  # beside keys it would hold for `secret`


def check_forms(t, folder):
    vector = launches()[0]
    words = boot_words(vector)
    report = base64.b64decode(vector["launch_measure_b64"])

    def write(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    with open(find(vector["tk"]), "rb") as f:
        keys = f.read()
    with t.test("the measurement as text, as a file of text, as a file of bytes"):
        for given in (None, write("text", vector["launch_measure_b64"].encode() + b"\n"), write("raw", report)):
            t.equal(run("verify", *words, *report_words(vector, given)).returncode, 0, given)
    with t.test("one bit of it changed is refused; another length is no measurement"):
        flipped = bytes([report[0] ^ 1]) + report[1:]
        for data, reason in ((flipped, "measurement-mismatch"), (report[:47], "measurement-malformed")):
            given = base64.b64encode(data).decode()
            done = run("verify", *words, *report_words(vector, given))
            t.equal(done.returncode, 1, done.stderr)
            t.true(f"[{reason}]" in done.stderr, done.stderr)
    with t.test("--tik, --tik with --tek, --digest"):
        tik, tek = write("tik", keys[16:]), write("tek", keys[:16])
        rest = report_words(vector)
        rest = rest[:2] + rest[4:]
        for more in (["--tik", tik], ["--tik", tik, "--tek", tek]):
            t.equal(run("verify", *words, *rest, *more).returncode, 0, more)
        t.equal(run("verify", *words, *rest, "--tik", tek, "--tek", tik).returncode, 1)
        policy = ["--policy", hex(vector["policy"])]
        for digest, code in ((vector["launch_digest"], 0), ("0" * 64, 1)):
            t.equal(run("verify", *policy, *rest, "--tik", tik, "--digest", digest).returncode, code)
    with t.test("an API before 0.17 needs --allow-legacy-api"):
        done = run("verify", *words, *report_words(vector, api_minor=16))
        t.true(done.returncode == 1 and "[api-too-old]" in done.stderr, done.stderr)


def check_libraries(t, folder):
    """The dynamic linker says what it loads."""
    vector = launches()[0]

    def loads(*words):
        done = subprocess.run([SEVLAUNCH, *words], env={**os.environ, "LD_DEBUG": "libs"}, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
        t.true("libcrypto" in done.stderr, f"LD_DEBUG says nothing: {done.stderr[:500]}")
        return done.returncode, "libvirt.so" in done.stderr, "libcurl" in done.stderr

    with t.test("verify and measure load no libvirt; what asks it does"):
        t.equal(loads("verify", *boot_words(vector), *report_words(vector)), (0, False, False))
        t.equal(loads("measure", *boot_words(vector)), (0, False, False))
        packet = os.path.join(folder, "packet")
        with open(packet, "wb") as f:
            f.write(bytes(52))
        t.equal(loads("inject", "--domain", "nobody", "--connect", "test:///default", "--header", packet, "--payload",
                      packet)[:2], (5, True))


def check_sessions(t, folder):
    """attach, of a folder with a session of sevctl's form, of sev-tool's, and of both."""
    def attach(name, *files):
        where = os.path.join(folder, name)
        os.mkdir(where)
        for file in files:
            with open(os.path.join(where, file), "wb"):
                pass
        done = run("attach", "--qmp", "no-socket", "--session-dir", where)
        return done.returncode, "more than one session" in done.stderr, "--owner-cert and --firmware" in done.stderr

    with t.test("attach takes the one session in a folder, and chooses among no two"):
        t.equal(attach("one", "a_session.b64"), (2, False, True))
        t.equal(attach("tool", "launch_blob.bin"), (2, False, True))
        t.equal(attach("two", "a_session.b64", "b_session.b64"), (2, True, False))
        t.equal(attach("mixed", "a_session.b64", "launch_blob.bin"), (2, True, False))
        t.equal(attach("none"), (4, False, False))


def check_usage(t):
    vector = launches()[0]
    words, rest = boot_words(vector), report_words(vector)
    with t.test("what is missing or contradicts is said, and ends with 2"):
        t.equal(run("verify", *words, *rest).returncode, 0)
        for command in (["verify", *rest, *words[:2]], ["verify", *words, *rest[2:]], ["verify", *words, *rest[:4]],
                        ["verify", *words, *rest, "--digest", "0" * 64], ["measure"],
                        ["measure", *words[:2], "--append", "x"],
                        ["measure", *words[:2], "--policy", "0x5"],
                        ["measure", *words[:2], "--policy", "0x5", "--vcpus", "0", "--cpu", "25,1,1"],
                        ["measure", *words[:2], "--policy", "0x5", "--vcpus", "4-2", "--cpu", "25,1,1"],
                        ["measure", *words[:2], "--policy", "0x5", "--vcpus", "1", "--cpu", "pentium"],
                        ["measure", *words[:2], "--vmsa", "other"],
                        ["measure", *words[:2], "--vcpus", "2"], ["measure", *words[:2], "--cpu", "25,1,1"]):
            done = run(*command)
            t.equal(done.returncode, 2, f"{command}: {done.stderr}")
    with t.test("a host that launches a bundle says nothing that its owner decides"):
        t.equal(run("run", "--bundle", "/nonexistent/file").returncode, 4)
        for more in (("--acceptance", "x"), ("--require-evidence",), ("--ephemeral",), ("--owner-cert", "x")):
            t.equal(run("run", "--bundle", "/nonexistent/file", *more).returncode, 2, more)
    with t.test("files that are not there end with 4"):
        for option in ("--firmware", "--kernel"):
            gone = [*words[:2], "--kernel", words[1]]
            gone[gone.index(option) + 1] = "/nonexistent/file"
            t.equal(run("measure", *gone).returncode, 4)


class Owner:
    """What an owner expects, in a folder, and reports of hosts that did something else."""

    KEYS = bytes(range(32))  # TEK, TIK
    NONCE = bytes(range(100, 116))
    LINE = "console=ttyS0 root=/dev/vda1"

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder)
        self.files = {name: owner.mac(name.encode(), b"x") * size for name, size in
                      (("own.fd", 2048), ("kernel", 1024), ("initrd", 512), ("new-kernel", 1024), ("other.fd", 2048))}
        self.files["keys"] = self.KEYS
        for name, data in self.files.items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)

    def report(self, firmware="own.fd", kernel="kernel", initrd="initrd", line=LINE + "\0", build=10, policy=1,
               nonce=NONCE, key=KEYS[16:], cut=None):
        image = self.files[firmware][:cut]
        table = b""
        if kernel:
            texts = (line.encode(), self.files[initrd] if initrd else b"", self.files[kernel])
            guids = ("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", "44baf731-3a2f-4bd7-9af1-41e29169781d",
                     "4de79437-abd2-427f-b835-d5b172d2045b")
            table = uuid.UUID("9438d606-4f22-4cc9-b479-a793d411fd21").bytes_le + struct.pack("<H", 168)
            for guid, text in zip(guids, texts):
                table += uuid.UUID(guid).bytes_le + struct.pack("<H", 50) + hashlib.sha256(text).digest()
            table += bytes(8)
        digest = hashlib.sha256(image + table).digest()
        return owner.mac(key, bytes([4, 0, 24, build]), struct.pack("<I", policy), digest, nonce) + self.NONCE

    def words(self, report):
        there = {name: os.path.join(self.folder, name) for name in self.files}
        return ["--measurement", base64.b64encode(report).decode(), "--tk", there["keys"], "--api", "0.24", "--build",
                "10", "--policy", "1", "--firmware", there["own.fd"], "--kernel", there["kernel"], "--initrd",
                there["initrd"], "--append", self.LINE]


def check_policies(t, folder):
    """A policy is words, 0x… or decimal, never hexadecimal without 0x, for whichever command takes one."""
    vector = next(v for v in launches() if not v["args"])
    paths = [os.path.join(folder, name) for name in ("policy-key", "policy-header", "policy-payload", "policy-tik", "policy-tek")]
    for path, data in zip(paths, (b"key", None, None, read(find(vector["tk"]))[16:], read(find(vector["tk"]))[:16])):
        if data:
            with open(path, "wb") as f:
                f.write(data)
    firmware = ["--firmware", find(vector["firmware"])]
    told = [*firmware, *report_words(vector)]
    commands = {
        "measure": firmware, "verify": told, "why": told,
        "secret": [*told, "--secret", f"luks-key:{paths[0]}", "--out-header", paths[1], "--out-payload", paths[2]],
    }
    with t.test("a policy as words, with 0x, decimal: one thing to every step"):
        t.equal(vector["policy"], 1)
        for command, words in commands.items():
            said = {run(command, *words, "--policy", policy).returncode for policy in ("no-debug", "0x1", "1", "0x00000001")}
            t.equal(said, {0}, command)
        t.equal({json.loads(run("policy", "explain", policy, "--json").stdout)["policy"]
                 for policy in ("no-debug,es,no-send,domain,sev", "0x3d", "61")}, {"0x0000003d"})
    with t.test("... hexadecimal digits without 0x are refused, and what was meant is said"):
        commands["run"] = ["--image", "x", "--owner-cert", "y", "--platform", "emulated"]
        commands["session"] = ["--platform-cert", "x", "--owner-cert", "y", "--out-dir", folder, "--name", "n"]
        for command, words in (*commands.items(), ("policy explain", None)):
            done = run("policy", "explain", "3d") if words is None else run(command, *words, "--policy", "3d")
            t.equal((done.returncode, "[guest-policy-syntax]" in done.stderr, "0x3d" in done.stderr), (2, True, True),
                    f"{command}: {done.stderr}")
    with t.test("verify and secret say what the guest policy leaves open; only a bad one needs a word more"):
        done = run("verify", *told, "--policy", "1", "--json")
        said = json.loads(done.stdout)["unproven"]
        t.true(any("no-key-sharing is not set" in text for text in said), said)
        t.true(any("neither no-send nor sev" in text for text in said), said)
        t.true("of its own making" in done.stderr and "without no-debug" not in done.stderr, done.stderr)
        said = json.loads(run("secret", *commands["secret"], "--policy", "1", "--json").stdout)["unproven"]
        t.true(any("no-key-sharing is not set" in text for text in said), said)


def check_why(t, folder):
    mine = Owner(os.path.join(folder, "why"))
    old = bytes(range(200, 216))
    rows = (("firmware-other", {"firmware": "other.fd"}), ("kernel-other", {"kernel": "new-kernel"}),
            ("firmware-truncated", {"cut": 8192}), ("kernel-hashes-off", {"kernel": None}),
            ("initrd-absent", {"initrd": None}), ("cmdline-white-space", {"line": Owner.LINE + "\n\0"}),
            ("cmdline-nul", {"line": Owner.LINE}), ("build-differs", {"build": 12}), ("policy-bits", {"policy": 5}),
            ("keys-swapped", {"key": Owner.KEYS[:16]}), ("nonce-stale", {"nonce": old}))
    with t.test("why: nothing to explain, and verify says yes"):
        t.equal(run("verify", *mine.words(mine.report())).returncode, 0)
        said = json.loads(run("why", *mine.words(mine.report()), "--json").stdout)
        t.equal((said["matches"], said["explanations"]), (True, []))
    for cause, real in rows:
        with t.test(f"why: {cause}; verify says it too"):
            words = mine.words(mine.report(**real))
            done = run("why", *words, "--nonce", old.hex(), "--json")
            t.equal(done.returncode, 0, done.stderr)
            t.equal([[one["id"] for one in causes] for causes in json.loads(done.stdout)["explanations"]], [[cause]])
            done = run("verify", *words, "--json")
            t.equal(done.returncode, 1)
            found = json.loads(done.stdout)["why"]["explanations"]
            known = cause != "nonce-stale"
            t.equal([[one["id"] for one in causes] for causes in found], [[cause]] if known else [])
            t.equal(f"[{cause}]" in done.stderr, known, done.stderr)
    with t.test("every cause in the sources is in sevlaunch-why(1), and none other"):
        sources = "".join(read(path).decode() for path in glob.glob(f"{TOP}/policy/attest/why*.c"))
        causes = set(re.findall(r'"((?:firmware|kernel|initrd|cmdline|vcpu|cpu|vmsa|es|policy|api|build|keys|nonce|report)'
                                r'-[a-z-]+)"', sources))
        page = read(f"{TOP}/launcher/man/sevlaunch-why.1").decode().replace("\\-", "-")
        tags = re.findall(r"^\.BR? (.*)$", page.partition(".SH CAUSES")[2].partition(".SH")[0], re.M)
        t.equal({word for tag in tags for word in re.findall(r"[a-z0-9-]+", tag)}, causes)
        t.true(len(causes) > 25, causes)
    with t.test("why: two things at once, and a folder to look in"):
        done = run("why", *mine.words(mine.report(firmware="other.fd", line=Owner.LINE + " \0")))
        t.true("[firmware-other]" in done.stdout and "[cmdline-white-space]" in done.stdout, done.stdout)
        there = os.path.join(folder, "elsewhere")
        os.mkdir(there)
        os.rename(os.path.join(mine.folder, "other.fd"), os.path.join(there, "other.fd"))
        words = mine.words(mine.report(firmware="other.fd"))
        done = run("why", *words)
        t.true(done.returncode == 1 and "[measurement-mismatch]" in done.stderr, done.stderr)
        t.equal(run("why", *words, "--look-in", there).returncode, 0)
    with t.test("why: swapped keys, also if only one of them was given, from the file beside it"):
        for name, key in (("g_tik.bin", Owner.KEYS[16:]), ("g_tek.bin", Owner.KEYS[:16])):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(key)
        words = mine.words(mine.report())
        at = words.index("--tk")
        for name, code in (("g_tik.bin", 0), ("g_tek.bin", 1)):
            done = run("verify", *words[:at], "--tik", os.path.join(folder, name), *words[at + 2:])
            t.equal((done.returncode, "[keys-swapped]" in done.stderr), (code, code == 1), done.stderr)
    with t.test("why: a whole image made of variable store and code"):
        store = os.path.join(folder, "why", "MY_VARS.fd")
        mine.files["MY_VARS.fd"] = bytes(0x20000)
        with open(store, "wb") as f:
            f.write(mine.files["MY_VARS.fd"])
        mine.files["whole"] = mine.files["MY_VARS.fd"] + mine.files["own.fd"]
        done = run("why", *mine.words(mine.report(firmware="whole")))
        t.true("[firmware-whole-image]" in done.stdout, done.stdout + done.stderr)


def check_why_ledger(t, folder):
    """A nonce that was judged before, from the owner's ledger."""
    mine = Owner(os.path.join(folder, "ledger-of"))
    old = bytes(range(200, 216))
    words = mine.words(mine.report(nonce=old))
    home = os.path.join(folder, "home")
    os.mkdir(home)

    def write(name, text):
        with open(os.path.join(home, name), "w", encoding="utf-8") as f:
            f.write(text)
        return os.path.join(home, name)

    with t.test("why: a nonce of the ledger; what is no ledger is refused"):
        ledger = write("ledger", f"1 2025-01-31T12:00:00Z {'ab' * 32} {old.hex()} verified guest\n")
        done = run("why", *words, "--ledger", ledger)
        t.true(done.returncode == 0 and "[nonce-stale]" in done.stdout, done.stderr)
        for path in ("/etc/passwd", write("zeroes", "\0" * 4096 + "\n"), os.path.join(home, "gone")):
            done = run("why", *words, "--ledger", path)
            t.equal((done.returncode, "[file-unreadable]" in done.stderr), (4, True), done.stderr)
        large, pipe = write("large", ""), os.path.join(home, "pipe")
        os.truncate(large, (64 << 20) + 1)
        os.mkfifo(pipe)
        for path, words_of in ((large, "more than 67108864 bytes"), (pipe, "is no file"), ("/dev/zero", "is no file")):
            done = run("why", *words, "--ledger", path)
            t.equal((done.returncode, words_of in done.stderr), (4, True), done.stderr)
    with t.test("verify: takes the ledger beside the acceptance policy; else says what was not tried"):
        acceptance = write("acceptance", "[acceptance]\nformat=1\n")
        done = run("verify", *words, "--acceptance", acceptance)
        t.true(done.returncode == 1 and "[nonce-stale]" in done.stderr and "--ledger" not in done.stderr, done.stderr)
        write("ledger", "")
        done = run("verify", *words, "--acceptance", acceptance)
        t.true(done.returncode == 1 and "no cause" in done.stderr and "--ledger" not in done.stderr, done.stderr)
        done = run("verify", *words, "--json")
        t.true(done.returncode == 1 and "why --ledger FILE" in done.stderr, done.stderr)
        t.equal(len(json.loads(done.stdout)["why"]["hints"]), 1)


def check_why_places(t, folder):
    mine = Owner(os.path.join(folder, "places"))
    away = os.path.join(folder, "away")
    config = os.path.join(folder, "config")
    os.makedirs(os.path.join(config, "qemu", "firmware"))
    os.mkdir(away)
    with t.test("why: an image that a QEMU firmware descriptor names"):
        image = os.path.join(away, "other.fd")
        os.rename(os.path.join(mine.folder, "other.fd"), image)
        words = mine.words(mine.report(firmware="other.fd"))
        env = {"XDG_CONFIG_HOME": config}
        t.equal(run("why", *words, env=env).returncode, 1)
        with open(os.path.join(config, "qemu", "firmware", "10-other.json"), "w", encoding="utf-8") as f:
            json.dump({"description": "other", "interface-types": ["uefi"], "mapping": {
                "device": "flash", "mode": "stateless", "executable": {"filename": image, "format": "raw"}},
                "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}], "features": ["amd-sev"],
                "tags": []}, f)
        done = run("why", *words, env=env)
        t.true(done.returncode == 0 and "[firmware-other]" in done.stdout, done.stderr)
    with t.test("why: a kernel that nobody expected, with an initrd; and the hint without it"):
        words = mine.words(mine.report(kernel="new-kernel", line="\0"))
        at = words.index("--kernel")
        done = run("why", *words[:at])
        t.true("[kernel-hashes-on]" in done.stdout and "[initrd-present]" in done.stdout, done.stdout + done.stderr)
        done = run("why", *mine.words(mine.report(kernel="new-kernel"))[:at])
        t.true(done.returncode == 1 and "as --kernel" in done.stderr, done.stderr)
    with t.test("why: no cause, and the search was complete"):
        done = run("why", *mine.words(os.urandom(48)), "--json")
        said = json.loads(done.stdout)
        t.equal((done.returncode, said["found"], said["complete"]), (1, False, True))
        t.true("another session" in done.stderr and "limit" not in done.stderr, done.stderr)
    with t.test("why: no cause, and it says that the search ended at its limit"):
        words = mine.words(os.urandom(48))
        words[words.index("--policy") + 1] = "5"
        done = run("why", *words, "--vcpus", "1", "--cpu", "25,1,1", "--json")
        said = json.loads(done.stdout)
        t.equal((done.returncode, said["found"], said["complete"]), (1, False, False))
        t.true("stopped at its limit" in done.stderr and "another session" not in done.stderr, done.stderr)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def opens(folder, name, key, platform_pdh, policy):
    """TEK and TIK as the platform would unwrap them; key: the owner's, whose shared secret
    with the platform is the same."""
    blob = base64.b64decode(read(f"{folder}/{name}_session.b64"), validate=True)
    assert len(blob) == 128
    shared = key.exchange(ec.ECDH(), owner.cert_public_key(platform_pdh))
    master = owner.kdf(shared, b"sev-master-secret", blob[:16])
    wrapped, iv = blob[16:48], blob[48:64]
    keys = owner.ctr(owner.kdf(master, b"sev-kek"), iv, wrapped)
    assert blob[64:96] == owner.mac(owner.kdf(master, b"sev-kik"), wrapped), "WRAP_MAC"
    assert blob[96:] == owner.mac(keys[16:], struct.pack("<I", policy)), "POLICY_MAC"
    return keys[:16], keys[16:]


def check_session(t, folder):
    home = os.path.join(folder, "owner")
    platform = os.path.join(VECTORS, "certs", "rome-ok")
    out = os.path.join(folder, "sessions")

    def session(*more, where=platform, name="guest"):
        return run("session", "--platform-cert", where, "--policy", "0x1100002b", "--owner-cert", f"{home}/pdh.cert",
                   "--out-dir", out, "--name", name, *more)

    assert run("owner-init", home).returncode == 0
    with t.test("session: a real Rome platform gets keys that it alone can unwrap"):
        done = session("--json")
        t.equal(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        t.equal((said["kind"], said["generation"], said["policy"]), ("sev", "Rome", "0x1100002b"))
        key = serialization.load_pem_private_key(read(f"{home}/pdh.key"), None)
        keys = opens(out, "guest", key, read(f"{platform}/pdh.cert"), 0x1100002B)
        t.equal(keys, (read(f"{out}/guest_tek.bin"), read(f"{out}/guest_tik.bin")))
        t.equal(base64.b64decode(read(f"{out}/guest_godh.b64")), read(f"{home}/pdh.cert"))
    with t.test("session --ephemeral: each has a key of its own; the owner's opens none of them"):
        certs = []
        for name in ("fresh1", "fresh2"):
            done = session("--ephemeral", "--json", name=name)
            t.equal((done.returncode, json.loads(done.stdout)["ephemeral"]), (0, True), done.stderr)
            certs.append(base64.b64decode(read(f"{out}/{name}_godh.b64")))
            try:
                opens(out, name, key, read(f"{platform}/pdh.cert"), 0x1100002B)
            except AssertionError as refused:
                t.equal(str(refused), "WRAP_MAC")
            else:
                t.true(False, "the owner's key opens it")
        t.equal(len({*certs, read(f"{home}/pdh.cert")}), 3)
        for name in [name for name in os.listdir(out) if name.startswith("fresh")]:
            os.unlink(f"{out}/{name}")
    with t.test("session: the files are their owner's alone, and are not overwritten"):
        t.equal(sorted(os.listdir(out)), [f"guest_{s}" for s in ("godh.b64", "session.b64", "tek.bin", "tik.bin")])
        t.equal({os.stat(f"{out}/{name}").st_mode & 0o777 for name in os.listdir(out)}, {0o600})
        before = {name: read(f"{out}/{name}") for name in os.listdir(out)}
        t.equal(session().returncode, 4)
        t.equal({name: read(f"{out}/{name}") for name in os.listdir(out)}, before)
    with t.test("session: none for a platform that does not verify, for a PDH alone, or for what is not accepted"):
        t.equal(session(name="good").returncode, 0)
        for where, code, reason in (("naples-pdh-sig-bit", 1, "chain-unverified"), ("rome-ok/pdh.cert", 4, "cek-missing"),
                                    ("naples-ok", 1, "acceptance-generation")):
            done = session("--offline", where=os.path.join(VECTORS, "certs", where), name="other")
            t.equal((done.returncode, f"[{reason}]" in done.stderr), (code, True), f"{where}: {done.stderr}")
        t.true(not [name for name in os.listdir(out) if name.startswith("other")], os.listdir(out))
    with t.test("session: a guest policy that allows debugging needs --accept-debug"):
        for more, code in ((["--policy", "0x0"], 3), (["--policy", "0x0", "--accept-debug"], 0)):
            t.equal(session(*more, name="debug").returncode, code)
        t.equal(session("--name", "../up").returncode, 2)
    with t.test("session: a guest policy as run takes it: dangers are said, what no platform can do is refused"):
        t.true("warning" not in session("--policy", "prod", name="safe").stderr, "prod is safe")
        done = session("--policy", "no-debug", name="bare")
        t.true(done.returncode == 0 and "no-key-sharing" in done.stderr and "no-send" in done.stderr, done.stderr)
        done = session("--policy", "prod,min-api=24.0", name="future")
        t.true(done.returncode == 2 and "[guest-policy-contradiction]" in done.stderr, done.stderr)


def unpack(keys, measure, header, payload):
    """{GUID: secret} of a packet, if it is for this measurement; else None."""
    tek, tik = keys
    flags, iv, mac = header[:4], header[4:20], header[20:]
    size = struct.pack("<I", len(payload))
    if mac != owner.mac(tik, b"\1", flags, iv, size, size, payload, measure):
        return None
    table = owner.ctr(tek, iv, payload)
    assert uuid.UUID(bytes_le=table[:16]) == uuid.UUID("1e74f542-71dd-4d66-963e-ef4287ff173b")
    end, at, found = struct.unpack("<I", table[16:20])[0], 20, {}
    while at < end:
        length = struct.unpack("<I", table[at + 16:at + 20])[0]
        found[str(uuid.UUID(bytes_le=table[at:at + 16]))] = table[at + 20:at + length]
        at += length
    assert at == end and len(table) % 16 == 0
    return found


def check_secret(t, folder):
    vector = launches()[0]
    keys, report = read(find(vector["tk"])), base64.b64decode(vector["launch_measure_b64"])
    luks, other = "736869e5-84f0-4973-92ec-06879ce3da0b", "e6f5a162-d67f-4750-a67c-5d065f2a9910"
    names = [os.path.join(folder, name) for name in ("key", "note", "header", "payload", "tik", "tek")]
    for path, data in zip(names, (b"a key of a disk", b"x" * 333, b"", b"", keys[16:], keys[:16])):
        if data:
            with open(path, "wb") as f:
                f.write(data)

    def secret(*more, measurement=vector["launch_measure_b64"]):
        return run("secret", "--tik", names[4], "--tek", names[5], "--measurement", measurement, "--secret",
                   f"luks-key:{names[0]}", "--secret", f"{other}:{names[1]}", "--out-header", names[2],
                   "--out-payload", names[3], *more)

    def packet():
        return [base64.b64decode(read(path), validate=True) for path in names[2:4]]

    whole = [*boot_words(vector), *report_words(vector)[4:]]
    with t.test("secret: a packet for this measurement, with a warning that it was not verified"):
        done = secret("--json")
        t.equal(done.returncode, 0, done.stderr)
        t.true("was not verified" in done.stderr, done.stderr)
        said = json.loads(done.stdout)
        t.equal((said["measurement_verified"], [one["bytes"] for one in said["secrets"]]), (False, [15, 333]))
        t.equal(unpack((keys[:16], keys[16:]), report[:32], *packet()),
                {luks: b"a key of a disk", other: b"x" * 333})
        t.equal({os.stat(path).st_mode & 0o777 for path in names[2:4]}, {0o600})
        t.true("warning: unproven: that the session got no packet before" in secret().stderr, "said without --json")
        t.equal([secret("--allow-unmeasured-boot").returncode, secret().returncode], [2, 0], "it needs --owner")
    with t.test("secret: it opens with no other measurement, and no IV comes twice"):
        first = packet()
        t.equal(unpack((keys[:16], keys[16:]), bytes([report[0] ^ 1]) + report[1:32], *first), None)
        t.equal(secret().returncode, 0)
        t.true(packet()[0][4:20] != first[0][4:20], "the IV is fresh")
    with t.test("secret: with the options of verify, only for a measurement that verifies"):
        amdsev = ["--firmware", find("inputs/ovmf_amdsev_trimmed.bin")]
        digest = ["--digest", vector["launch_digest"], "--policy", hex(vector["policy"]), *whole[-4:]]
        t.equal((secret(*digest).returncode, secret(*digest).stderr.count("not verified")), (0, 0))
        for path in names[2:4]:
            os.unlink(path)
        wrong = base64.b64encode(bytes([report[0] ^ 1]) + report[1:]).decode()
        done = secret(*digest, measurement=wrong)
        t.true(done.returncode == 1 and "[measurement-mismatch]" in done.stderr, done.stderr)
        t.equal(secret(*digest[:2]).returncode, 2, "a part of them is no smaller verdict")
        t.equal(secret(*amdsev, *whole[-4:]).returncode, 2, "the policy left out")
        t.equal(secret("--vcpus", "1").returncode, 2, "processors alone")
        t.equal(secret(*amdsev, *digest[2:]).returncode, 1, "another firmware")
        t.true(not os.path.exists(names[2]) and not os.path.exists(names[3]), "nothing was written")
    with t.test("secret: what does not fit is refused"):
        with open(names[1], "wb") as f:
            f.write(b"x" * 3100)
        t.equal(secret().returncode, 0)
        done = secret(*amdsev)
        t.true(done.returncode == 4 and "[secret-too-large]" in done.stderr, done.stderr)


def main():
    t = tap.Tap()
    check_measure(t)
    check_range(t)
    check_verify(t)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="steps-"))
        check_acceptance(t, folder)
        check_forms(t, folder)
        check_libraries(t, folder)
        check_usage(t)
        check_sessions(t, folder)
        check_policies(t, folder)
        check_why_ledger(t, folder)
        check_why_places(t, folder)
        check_why(t, folder)
        check_session(t, folder)
        check_secret(t, folder)
    t.finish()


main()
