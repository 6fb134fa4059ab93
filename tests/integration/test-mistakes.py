#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What owners mix up: the wrong file, key, folder or number is named for what it is, and the
message says what was meant.  None of it needs a host."""
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import owner  # noqa: E402
import tap  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

SEVLAUNCH, OWN_FIRMWARE = tap.need("SEVLAUNCH", "SEVLAUNCH_FIRMWARE")
ROME = os.path.join(TOP, "tests", "vectors", "certs", "rome-ok")
COURIER = os.path.join(TOP, "tests", "fuzz", "corpus", "courier")
NONCE = bytes(range(50, 66))


class Bench:
    def __init__(self, t, folder):
        self.t, self.folder = t, folder

    def file(self, name, data, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
        return path

    def run(self, *words):
        done = subprocess.run([SEVLAUNCH, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True,
                              timeout=60)
        return done.returncode, done.stdout, done.stderr

    def says(self, code, *texts, words, never=()):
        got, out, err = self.run(*words)
        self.t.equal(got, code, f"{words}: {out}{err}")
        for text in texts:
            self.t.true(text in err, f"{words}: no '{text}' in {err}")
        for text in never:
            self.t.true(text not in err, f"{words}: '{text}' in {err}")


def owners_certificate(bench, home):
    t = bench.t
    key = ec.generate_private_key(ec.SECP384R1())
    other = bench.file("other.cert", owner.make_cert(key))
    session = ["--policy", "prod", "--owner-cert", f"{home}/pdh.cert", "--out-dir", os.path.join(bench.folder, "s"), "--name"]
    with t.test("an owner's certificate in the place of the platform's is called that"):
        bench.says(0, words=["session", "--platform-cert", ROME, *session, "good"])
        for path in (f"{home}/pdh.cert", other, home):
            bench.says(4, "guest owner's certificate", "[platform-file]",
                       words=["session", "--platform-cert", path, *session, "bad"])
        bench.says(4, "guest owner's certificate", words=["verify-platform", "--offline", other])
        bench.says(4, "guest owner's certificate", words=[
            "courier", "prepare", "--platform", other, "--owner-cert", f"{home}/pdh.cert", "--kernel", other, "-o",
            os.path.join(bench.folder, "bundle")])
    return session


def folders(bench, session):
    t = bench.t
    with t.test("session: a folder for its files that others may use is not called the owner's"):
        open_dir = os.path.join(bench.folder, "open")
        os.mkdir(open_dir)
        os.chmod(open_dir, 0o777)
        words = [word if word != os.path.join(bench.folder, "s") else open_dir for word in session]
        bench.says(3, "--out-dir", "[owner-dir-mode]", never=["owner directory"],
                   words=["session", "--platform-cert", ROME, *words, "x"])
        t.equal(os.listdir(open_dir), [])


def report(tik, digest, policy=1):
    return owner.b64(owner.mac(tik, bytes([4, 0, 24, 10]), struct.pack("<I", policy), digest, NONCE) + NONCE)


def keys(bench):
    t = bench.t
    tek, tik = bytes(16), bytes(range(16))
    digest = hashlib.sha256(b"x").digest()
    paths = {name: bench.file(name, data) for name, data in
             (("tik", tik), ("tek", tek), ("both", tek + tik), ("long", bytes(100)), ("secret", b"s"))}
    words = ["--measurement", report(tik, digest), "--digest", digest.hex(), "--api", "0.24", "--build", "10", "--policy",
             "1"]
    with t.test("a key of another length: how long it is, and which option takes that"):
        bench.says(0, words=["verify", "--tik", paths["tik"], *words])
        bench.says(0, words=["verify", "--tk", paths["both"], *words])
        bench.says(4, "32 bytes, expected 16", "--tk", words=["verify", "--tik", paths["both"], *words])
        bench.says(4, "16 bytes, expected 32", "--tik", words=["verify", "--tk", paths["tik"], *words])
        bench.says(4, "100 bytes, expected 16", words=["verify", "--tik", paths["long"], *words])
    packet = ["--secret", f"luks-key:{paths['secret']}", "--out-header", os.path.join(bench.folder, "h"), "--out-payload",
              os.path.join(bench.folder, "p")]
    with t.test("keys that others may read are taken with a warning"):
        for command, more in (("verify", []), ("secret", packet)):
            both = ["--tik", paths["tik"], "--tek", paths["tek"]]
            for path in (paths["tik"], paths["tek"]):
                os.chmod(path, 0o600)
            bench.says(0, never=["chmod"], words=[command, *both, *words, *more])
            for bits in (0o644, 0o640, 0o620):
                os.chmod(paths["tek"], bits)
                bench.says(0, f"warning: --tek '{paths['tek']}' has mode {bits:04o}", "chmod 600", never=["--tik"],
                           words=[command, *both, *words, *more])


def numbers(bench):
    t = bench.t
    firmware = bench.file("f.fd", bytes(4096))
    measure = ["measure", "--firmware", firmware]
    with t.test("a policy in decimal that cannot be: hexadecimal is proposed only where it can be meant"):
        bench.says(2, "0x1100ff01", "reserved", never=["did you mean", "hexadecimal"],
                   words=[*measure, "--policy", "285277953"])
        bench.says(2, "did you mean 0x11000029?", words=[*measure, "--policy", "11000029"])
    with t.test("a CPU model that is not known: those that are, are listed"):
        es = [*measure, "--policy", "0x5", "--vcpus", "1", "--cpu"]
        bench.says(0, words=[*es, "EPYC-Rome"])
        for model in ("EPYC-Rome-v2", "host"):
            bench.says(2, f"'{model}'", "EPYC-Rome, EPYC-Milan", "FAMILY,MODEL,STEPPING", words=[*es, model])


def processors(bench):
    """Firmware with the address where further processors begin; a digest that one processor gives."""
    t = bench.t
    reset, table = (uuid.UUID(text).bytes_le for text in
                    ("00f771de-1a7e-4fcb-890e-68c77e2fb44e", "96b582de-1fb2-45f7-baea-a366c55a082d"))
    entry = struct.pack("<I", 0x80B004) + struct.pack("<H", 22) + reset
    foot = entry + struct.pack("<H", len(entry) + 18) + table
    firmware = bench.file("es.fd", bytes(4096 - 32 - len(foot)) + foot + bytes(32))
    tik = bytes(range(16))
    boot = ["--firmware", firmware, "--policy", "0x5", "--cpu", "EPYC-Milan", "--vmsa", "legacy", "--vcpus"]
    rest = ["--tik", bench.file("es-tik", tik), "--api", "0.24", "--build", "10", "--measurement"]

    def digest(count):
        code, out, err = bench.run("measure", *boot, str(count))
        t.equal(code, 0, err)
        return bytes.fromhex(out.strip())

    with t.test("why: of a range of processors the whole is named, and one in it is no cause"):
        bench.says(0, words=["verify", *rest, report(tik, digest(3), 5), *boot, "2-8"])
        for range_, real, text in (("2-8", 1, "has 1 processor and not 2 to 8"), ("2-8", 9, "has 9 processors and not 2 to 8"),
                                   ("4", 5, "has 5 processors and not 4")):
            code, out, err = bench.run("why", *rest, report(tik, digest(real), 5), *boot, range_)
            t.true(code == 0 and text in out and "[vcpu-count]" in out, f"{range_}: {out}{err}")
            bench.says(1, text, words=["verify", *rest, report(tik, digest(real), 5), *boot, range_])
        other = owner.b64(owner.mac(tik, bytes([4, 0, 24, 12]), struct.pack("<I", 5), digest(3), NONCE) + NONCE)
        code, out, err = bench.run("why", *rest, other, *boot, "2-8")
        t.true("[build-differs]" in out and "3 processors and not" not in out, out + err)


def images(bench):
    t = bench.t
    store = bytes(16) + uuid.UUID("fff12b8d-7696-4c8b-a985-2747075b4f50").bytes_le + struct.pack("<Q", 8192) + b"_FVH"
    variables = store.ljust(8192, b"\xff")
    code = bytes(8192 - 20) + b"VTF\0" + bytes(16)
    with t.test("firmware: an image that was cut off is no file of variables"):
        for data, layout, finding in ((variables + code, "whole", None), (variables, "variables", "variables-only"),
                                      ((variables + code)[:-4096], "cut", "cut-off"), (variables[:4096], "cut", "cut-off")):
            path = bench.file("image.fd", data)
            code_, out, err = bench.run("firmware", "show", path, "--json")
            t.equal(code_, 0, err)
            t.true(f'"layout" : "{layout}"' in out and (finding is None or finding in out), f"{layout}: {out}")


def other_build(bench):
    t = bench.t
    tek, tik = bytes(16), bytes(range(16))
    keys_ = bench.file("packet-keys", tek + tik)
    packet = ["--secret", f"luks-key:{bench.file('value', b's')}", "--out-header", os.path.join(bench.folder, "oh"),
              "--out-payload", os.path.join(bench.folder, "op")]
    with open(OWN_FIRMWARE, "rb") as f:
        image = bytearray(f.read())
    image[0] ^= 1
    with t.test("verify and secret: firmware that is not our build is unproven, our own is not"):
        for path, other in ((OWN_FIRMWARE, False), (bench.file("other.fd", bytes(image)), True)):
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).digest()
            words = ["--tk", keys_, "--measurement", report(tik, digest), "--api", "0.24", "--build", "10", "--policy", "1",
                     "--firmware", path, "--json"]
            for command in (["verify", *words], ["secret", *words, *packet]):
                code, out, err = bench.run(*command)
                t.equal(code, 0, err)
                said = json.loads(out)["unproven"]
                t.equal(any("another build than sevlaunch's" in text for text in said), other, f"{command}: {said}")


def courier(bench, home):
    t = bench.t
    takes = {
        "bundle": lambda path: ["run", "--image", "x", "--measurement-out", "y", "--bundle", path],
        "platform": lambda path: ["courier", "prepare", "--owner-cert", f"{home}/pdh.cert", "-o", "x", "--kernel", "x",
                                  "--platform", path],
        "measurement": lambda path: ["courier", "judge", "--owner-cert", f"{home}/pdh.cert", "-o", "x", "--bundle",
                                     os.path.join(COURIER, "bundle"), "--measurement", path],
        "packet": lambda path: ["courier", "inject", "--domain", "x", "--packet", path],
    }
    with t.test("courier: one file for another: its name, what it is, and what is wanted"):
        for wanted, words in takes.items():
            for given in takes:
                path = os.path.join(COURIER, given)
                text = f"'{path}': this is a courier {given} file, not a {wanted} file"
                if given != wanted:
                    bench.says(4, text, "[courier-file]", words=words(path))
            if wanted != "packet":  # it would be given to libvirt
                right = bench.run(*words(os.path.join(COURIER, wanted)))
                t.true("this is a courier" not in right[2] and "[courier-file]" not in right[2], right)


def elsewhere(bench, home):
    t = bench.t
    kernel = bench.file("kernel", b"k")
    with t.test("--connect: paths on the other machine are absolute, which is said before it is asked"):
        for option in ("--host-firmware", "--host-kernel", "--host-initrd"):
            there = {"--host-kernel": "/k", "--host-initrd": "/i", option: "relative"}
            bench.says(2, option, "absolute", "[usage]", words=[
                "run", "--connect", "qemu+tcp://127.0.0.1:1/system", "--image", "/i", "--format", "raw", "--owner-cert",
                f"{home}/pdh.cert", "--kernel", kernel, "--initrd", kernel, *[w for pair in there.items() for w in pair]])
    with t.test("inject --qmp without a socket there: as attach says it"):
        packet = bench.file("packet", bytes(52))
        bench.says(6, "[monitor-unreachable]", words=["inject", "--qmp", "/nonexistent/socket", "--header", packet,
                                                      "--payload", packet])


def main():
    t = tap.Tap()
    with tempfile.TemporaryDirectory(prefix="mistakes-") as folder:
        bench, home = Bench(t, folder), os.path.join(folder, "owner")
        bench.says(0, words=["owner-init", home])
        folders(bench, owners_certificate(bench, home))
        keys(bench)
        numbers(bench)
        processors(bench)
        images(bench)
        other_build(bench)
        courier(bench, home)
        elsewhere(bench, home)
    t.finish()


main()
