#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure and verify, held to what other programs computed (tests/vectors)."""
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import tap  # noqa: E402

SEVLAUNCH = tap.need("SEVLAUNCH")[0]
VECTORS = os.path.join(TOP, "tests", "vectors")
INPUTS = os.path.join(VECTORS, "inputs")
# What each name of virt-qemu-sev-validate's options is here.
SAME = {"--kernel": "--kernel", "--initrd": "--initrd", "--cmdline": "--append"}


def run(*words, stdin=None):
    done = subprocess.run([SEVLAUNCH, *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)
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
                        ["measure", *words[:2], "--vmsa", "other"]):
            done = run(*command)
            t.equal(done.returncode, 2, f"{command}: {done.stderr}")
    with t.test("files that are not there end with 4"):
        for option in ("--firmware", "--kernel"):
            gone = [*words[:2], "--kernel", words[1]]
            gone[gone.index(option) + 1] = "/nonexistent/file"
            t.equal(run("measure", *gone).returncode, 4)


def main():
    t = tap.Tap()
    check_measure(t)
    check_range(t)
    check_verify(t)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="steps-"))
        check_forms(t, folder)
        check_usage(t)
    t.finish()


main()
