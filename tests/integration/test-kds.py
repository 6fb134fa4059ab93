#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sevlaunch verify-platform: files of every tool, and AMD's key server in all its moods.

The certificates are those of two real machines (tests/vectors/certs); the server is ours,
on loopback, with the paths of AMD's.  Nothing that is wrong may ever be cached."""
import contextlib
import datetime
import hashlib
import io
import ipaddress
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import tap  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: E402
from keyserver import Answer, KeyServer, Tunnel  # noqa: E402

(SEVLAUNCH,) = tap.need("SEVLAUNCH")
CERTS = os.path.join(TOP, "tests/vectors/certs")
CHIP = "c5" * 64
CEK = f"/cek/id/{CHIP}"
# sha256 of the OCA's public key field: tail -c +17 oca.cert | head -c 1028 | sha256sum
ROME_OWNER = "e13e248436a9e331e11d47443c47090dff1c3a0e397d4f1d4055db0ce8d52996"
NAPLES_OWNER = "b77f104d14ec95fa612240c9a76e2a3116023e302b01285fe0805cfd014b29bf"
WRONG_LENGTHS = (1, 2083, 2085, 6251, 8335, 8337)


def ca_path(name):
    return f"/developer/eula/sev/ask_ark_{name}.cert"


def cert(machine, name):
    with open(f"{CERTS}/{machine}-ok/{name}.cert", "rb") as f:
        return f.read()


def join(machine, names):
    return b"".join(cert(machine, name) for name in names.split())


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def bare(cek):
    """A CEK as the firmware gives it: without AMD's signature."""
    empty = (0x1000).to_bytes(4, "little") + bytes(516)
    return cek[:0x414] + empty + empty


class Bench:
    def __init__(self, root):
        self.root, self.count = root, 0
        self.cache = None
        self.fresh()

    def fresh(self):
        """An empty cache from here on."""
        self.count += 1
        self.cache = os.path.join(self.root, f"cache{self.count}")

    def write(self, name, data):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def cached(self):
        folder = os.path.join(self.cache, "sevlaunch/kds")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def run(self, *words, **more):
        env = {**os.environ, "XDG_CACHE_HOME": self.cache, **more}
        done = subprocess.run([SEVLAUNCH, "verify-platform", *words], env=env, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def json(self, *words, code=0, **more):
        got, out, err = self.run("--json", *words, **more)
        tap.Tap.equal(got, code, f"{words}: {out}{err}")
        result = json.loads(out)
        tap.Tap.equal(result["exit_code"], code)
        return result


@contextlib.contextmanager
def serving(answers, tls=None):
    server = KeyServer(tls)
    server.answers = answers
    try:
        yield server
    finally:
        server.close()


def texts(result):
    return "\n".join(f"{r['text']} [{r['id']}]" for r in result["reasons"])


def acceptance(t, bench):
    def judge(machine, text, code):
        path = bench.write("acceptance", b"[acceptance]\nformat=1\n" + text.encode())
        seen = bench.json("--offline", "--acceptance", path, f"{CERTS}/{machine}-ok", code=code)
        return [reason["id"] for reason in seen["reasons"]]

    with t.test("--acceptance: what the owner demands of a platform, without a launch"):
        t.equal(judge("rome", "", 0), [])
        t.equal(judge("naples", "", 1), ["acceptance-generation"])
        t.equal(judge("naples", "[platform]\ngenerations=naples\n", 0), [])
        t.equal(judge("rome", f"[platform]\nowners=sha256:{ROME_OWNER}\n", 0), [])
        t.equal(judge("rome", f"[platform]\nowners=sha256:{NAPLES_OWNER}\nroots=trusted\n", 1),
                ["acceptance-root", "acceptance-owner"])
        # A measurement shows the version, not the certificates.
        t.equal(judge("rome", "[platform]\nmin-api=200.0\n", 0), [])
    with t.test("... and what of it this command cannot judge is named"):
        def unjudged(text):
            path = bench.write("acceptance", b"[acceptance]\nformat=1\n" + text.encode())
            words = ["--offline", "--acceptance", path, f"{CERTS}/rome-ok"]
            seen, out = bench.json(*words)["unproven"], bench.run(*words)[1]
            t.true(all(line.startswith("not judged here: ") and line in out for line in seen), (seen, out))
            return [line.split(": ")[1].split(",")[0] for line in seen]
        t.equal(unjudged("[platform]\nroots=amd\n"), [])
        t.equal(unjudged("[platform]\nmin-api=0.17\n"), ["the firmware's version"])
        t.equal(unjudged("[verdict]\njudged-on=hypervisor\n[firmware]\npinned=yes\n[boot]\nmeasured=yes\nvcpus=1\n"
                         "[guest]\nrequire=es\n[secret luks-key]\nneeds=amd\n"),
                ["a place of judgement", "a firmware", "what boots", "a number of vCPUs", "a guest policy",
                 "what single secrets need"])
    with t.test("... a file that cannot be read is no acceptance"):
        path = bench.write("acceptance", b"[acceptance]\nformat=1\n[platform]\nroot=amd\n")
        code, _, err = bench.run("--offline", "--acceptance", path, f"{CERTS}/rome-ok")
        t.equal(code, 4, err)
        t.true("did you mean 'roots'" in err and "[acceptance-syntax]" in err, err)


def forms(t, bench):
    with t.test("every file of sevctl, sev-tool, QMP and AMD is read"):
        for machine, owner in (("naples", NAPLES_OWNER), ("rome", ROME_OWNER)):
            ca = bench.write("ca", join(machine, "ask ark"))
            export = join(machine, "pdh pek oca cek")
            full = export + join(machine, "ask ark")
            for data, more in ((full, []), (export, ["--ca", ca]),
                               *(([] if machine == "rome" else [(full[:-256], [])]))):
                seen = bench.json("--offline", *more, bench.write("file", data))
                t.equal((seen["verified"], seen["kind"], seen["generation"], seen["owner"], seen["owner_fingerprint"]),
                        (True, "sev", machine.capitalize(), "self", f"sha256:{owner}"))
                t.equal(seen["warnings"], ["generation-weak"] if machine == "naples" else [])
            t.true(bench.json("--offline", f"{CERTS}/{machine}-ok")["verified"], machine)
    with t.test("in words: the tree, each signature, and Naples with a warning that can be left out"):
        code, out, err = bench.run("--offline", f"{CERTS}/naples-ok")
        t.equal(code, 0, err)
        for line in ("ARK → ARK  good", "ARK → ASK  good", "ASK → CEK  good", "CEK → PEK  good", "OCA → OCA  good",
                     "OCA → PEK  good", "PEK → PDH  good", "generation Naples", "API 0.16"):
            t.true(line in out, f"no '{line}' in {out}")
        t.true("Naples" in err, err)
        t.equal(bench.run("--offline", "--allow-generation", "naples", f"{CERTS}/naples-ok")[2], "")
    with t.test("each changed chain is refused with a reason"):
        accepted = []
        for folder in sorted(os.listdir(CERTS)):
            code, out, err = bench.run("--offline", f"{CERTS}/{folder}")
            accepted += [folder] if code == 0 else []
            t.true(code == 0 or (code == 1 and "[chain-" in err and "BAD: " in out), f"{folder}: {code} {out} {err}")
        t.equal(accepted, ["naples-ok", "rome-ok", "rome-pek-sigs-swapped"])
    with t.test("what is no file of certificates is bad input, and says what it is"):
        for data, says in ((b"PK\3\4 certs_export.zip", "damaged"), (b"<html>", "web page"), (b"", "empty"),
                           (b"-----BEGIN CERTIFICATE-----\n", "SEV-SNP"),
                           *((join("rome", "pdh pek oca cek ask ark")[:n], "bytes") for n in WRONG_LENGTHS)):
            code, _, err = bench.run("--offline", bench.write("odd", data))
            t.equal((code, "[platform-file]" in err, says in err), (4, True, True), err)


def packed(files, method=zipfile.ZIP_DEFLATED, prefix="", comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = comment
        for name, data in files:
            archive.writestr(prefix + name, data)
    return out.getvalue()


def zips(t, bench):
    """sev-tool's certs_export.zip."""
    names = "pdh pek oca cek ask ark".split()
    files = [(f"{name}.cert", cert("rome", name)) for name in names]
    good = packed(files)
    with t.test("an archive of sev-tool's, as zip(1) and others pack it"):
        for data in (good, packed(files, zipfile.ZIP_STORED), packed(files, prefix="certs/"),
                     packed(files, comment=b"of a machine"), packed([("README", b"no certificate"), *files])):
            seen = bench.json("--offline", bench.write("certs_export.zip", data))
            t.equal((seen["verified"], seen["generation"]), (True, "Rome"), texts(seen))
    with t.test("... a certificate that is missing in it is a reason"):
        seen = bench.json("--offline", bench.write("certs_export.zip", packed(files[1:])), code=1)
        t.true("PDH certificate is missing" in texts(seen), texts(seen))
    with t.test("... one that is damaged, encrypted, doubled or full of zeros is bad input"):
        at = good.index(b"PK\1\2")
        large = [("pdh.cert", bytes(100000)), *files[1:]]
        twice = packed([files[0], ("other/pdh.cert", b"x"), *files[1:]])
        for data, says in ((good[:-30], "damaged"), (flip(good, at + 16), "damaged"), (flip(good, at + 42), "damaged"),
                           (flip(good, 60), "damaged"), (good[:at + 8] + b"\1" + good[at + 9:], "encrypted"),
                           (twice, "twice"), (packed(large), "100000 bytes"), (packed([("README", b"")]), "without"),
                           (packed([(f"{i}.cert", b"") for i in range(65)]), "65 files")):
            code, _, err = bench.run("--offline", bench.write("certs_export.zip", data))
            t.equal((code, "[platform-file]" in err, says in err), (4, True, True), f"{says}: {err}")


def generations(t, bench):
    with t.test("ASK and ARK of another generation than the chip's: the message names theirs"):
        for machine, other in (("rome", "naples"), ("naples", "rome")):
            export = bench.write("export", join(machine, "pdh pek oca cek"))
            words = ["--offline", export, "--ca"]
            bench.json(*words, bench.write("ca", join(machine, "ask ark")))
            seen = bench.json(*words, bench.write("ca", join(other, "ask ark")), code=1)
            t.true(f"the ASK is AMD's for {other.title()}" in texts(seen), texts(seen))


def owners(t, bench):
    full = bench.write("rome", join("rome", "pdh pek oca cek ask ark"))
    with t.test("only the platform of a certain owner, by fingerprint or certificate"):
        for words in (["--owner-fingerprint", ROME_OWNER], ["--owner-fingerprint", f"sha256:{ROME_OWNER}"],
                      ["--oca", f"{CERTS}/rome-ok/oca.cert"]):
            t.true(bench.json(*words, full)["verified"], words)
        for words in (["--owner-fingerprint", NAPLES_OWNER], ["--oca", f"{CERTS}/naples-ok/oca.cert"]):
            seen = bench.json(*words, full, code=1)
            t.equal((seen["verified"], [r["id"] for r in seen["reasons"]]), (False, ["platform-owner"]))
        t.equal(bench.run("--oca", f"{CERTS}/rome-ok/pek.cert", full)[0], 4)
    with t.test("every reason is told, not only the first"):
        broken = flip(join("rome", "pdh pek oca cek ask ark"), 0x420)  # the PDH's signature
        broken = flip(broken, 2 * 2084 + 0x420)  # the OCA's
        seen = bench.json("--owner-fingerprint", NAPLES_OWNER, bench.write("two", broken), code=1)
        t.equal([r["id"] for r in seen["reasons"]], ["chain-unverified"] * 2 + ["platform-owner"])
    with t.test("a certificate that is missing is a reason"):
        seen = bench.json("--offline", bench.write("pdh", cert("rome", "pdh")), code=1)
        t.true("PEK certificate is missing" in texts(seen), texts(seen))


def good(t, bench):
    for machine, ca in (("naples", join("naples", "ask ark")[:-256]), ("rome", join("rome", "ask ark"))):
        chain = join(machine, "pek oca") + bare(cert(machine, "cek"))
        platform = bench.write(f"platform-{machine}", cert(machine, "pdh") + chain)
        ask = ["--chip-id", CHIP, platform]
        with t.test(f"{machine}: without a server the CEK's signature is missing, and that is said"):
            seen = bench.json("--offline", *ask, code=1)
            t.true("cek-missing" in texts(seen) and "--cek" in texts(seen), texts(seen))
        with serving({CEK: Answer(cert(machine, "cek")), ca_path(machine): Answer(ca)}) as server:
            with t.test(f"{machine}: CEK, ASK and ARK are fetched, and the chain verifies"):
                seen = bench.json("--kds", server.url, *ask)
                t.equal((seen["kind"], seen["generation"]), ("sev", machine.capitalize()))
                t.equal(sorted(set(server.asked)), sorted([CEK, ca_path(machine)]))
                t.equal(bench.cached(), [f"ask_ark_{machine}.cert", f"cek-{CHIP}.cert"])
            with t.test(f"{machine}: cached files are private, and used without a request"):
                folder = os.path.join(bench.cache, "sevlaunch/kds")
                t.equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
                t.equal({stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) for name in bench.cached()}, {0o600})
                before = len(server.asked)
                bench.json("--kds", server.url, *ask)
                bench.json("--offline", *ask)
                t.equal(len(server.asked), before)
                err = bench.run("--offline", *ask)[2]
                t.true("CEK is from the cache" in err and "ARK of AMD's are from the cache" in err, err)
        if machine == "naples":
            bench.fresh()


def cache(t, bench):
    """Goes on with the cache of the machine from Rome."""
    platform = bench.write("platform", join("rome", "pdh pek oca") + bare(cert("rome", "cek")))
    name = os.path.join(bench.cache, f"sevlaunch/kds/cek-{CHIP}.cert")
    answers = {CEK: Answer(cert("rome", "cek")), ca_path("rome"): Answer(join("rome", "ask ark"))}
    with t.test("a cached file that was changed is forgotten and fetched again"):
        for wrong in (cert("naples", "cek"), flip(cert("rome", "cek"), 0x420), b"", b"<html>"):
            with open(name, "wb") as f:
                f.write(wrong)
            with serving(dict(answers)) as server:
                bench.json("--kds", server.url, "--chip-id", CHIP, platform)
                t.equal(server.asked.count(CEK), 1)
            with open(name, "rb") as f:
                t.equal(f.read(), cert("rome", "cek"))
    with t.test("a cached file that others may write is not used"):
        os.chmod(name, 0o666)
        with serving(dict(answers)) as server:
            bench.json("--kds", server.url, "--chip-id", CHIP, platform)
            t.equal(server.asked, [CEK])
        t.equal(stat.S_IMODE(os.stat(name).st_mode), 0o600)
    with t.test("a folder of sev-tool's with getid_s0_out.txt needs no --chip-id"):
        bench.fresh()
        folder = os.path.dirname(bench.write("tool/pdh.cert", cert("rome", "pdh")))
        bench.write("tool/cert_chain.cert", join("rome", "pek oca") + bare(cert("rome", "cek")))
        bench.write("tool/getid_s0_out.txt", CHIP.upper().encode() + b"\n")
        with serving(dict(answers)) as server:
            bench.json("--kds", server.url + "/", folder)
            t.true(CEK in server.asked, server.asked)


def wrong_answers():
    """[(name, answers, reason id, words of the message)]; the first CEK is always asked for."""
    rome, ca = cert("rome", "cek"), join("rome", "ask ark")
    page = Answer(b"<!DOCTYPE html><html>Sign in</html>", kind="text/html")
    right = {ca_path("rome"): Answer(ca)}
    return [
        ("404", {**right}, "kds-not-found", "404"),
        ("HTML", {**right, CEK: page}, "kds-answer", "web page"),
        ("truncated", {**right, CEK: Answer(rome[:1000], announce=2084)}, "kds-answer", "truncated"),
        ("short", {**right, CEK: Answer(rome[:1000])}, "kds-answer", "1000 bytes"),
        ("empty", {**right, CEK: Answer(b"")}, "kds-answer", "empty"),
        ("much too long", {**right, CEK: Answer(bytes(200000))}, "kds-answer", "more than"),
        ("wrong chip", {**right, CEK: Answer(cert("naples", "cek"))}, "kds-answer", "another chip"),
        ("not signed", {**right, CEK: Answer(bare(rome))}, "kds-answer", "not a CEK certificate that is signed"),
        ("no CEK", {**right, CEK: Answer(cert("rome", "pek"))}, "kds-answer", "not a CEK certificate"),
        ("bad signature", {**right, CEK: Answer(flip(rome, 0x420))}, "kds-answer", "signed the chip's CEK"),
        ("403", {**right, CEK: Answer(b"no", 403)}, "kds-answer", "403"),
        ("redirect elsewhere", {**right, CEK: Answer(b"", 302, Location="http://localhost:1/x")}, "kds-answer",
         "another host"),
        ("redirects without end", {**right, CEK: Answer(b"", 302, Location=CEK)}, "kds-answer", "redirects"),
        ("ASK and ARK missing", {CEK: Answer(rome)}, "kds-not-found", "ask_ark_rome"),
        ("ASK and ARK as HTML", {CEK: Answer(rome), ca_path("rome"): page}, "kds-answer", "web page"),
        ("ASK and ARK of another generation", {CEK: Answer(rome), ca_path("rome"): Answer(join("naples", "ask ark"))},
         "kds-answer", "another root"),
        ("an ASK with a wrong bit", {CEK: Answer(rome), ca_path("rome"): Answer(flip(ca, 0x300))}, "kds-answer",
         "do not verify"),
        ("an ARK with a wrong bit", {CEK: Answer(rome), ca_path("rome"): Answer(flip(ca, 1600 + 0x300))},
         "kds-answer", "another root"),
    ]


def little(number, size=256):
    return number.to_bytes(size, "little")


def amd_cert(key_id, certifying_id, usage, key, signer):
    """An ARK (usage 0) or ASK (13h) in AMD's format, of RSA 2048 as for Naples."""
    numbers = key.public_key().public_numbers()
    body = (little(1, 4) + key_id + certifying_id + little(usage, 4) + bytes(16) + little(2048, 4) * 2 +
            little(numbers.e) + little(numbers.n))
    return body + signer.sign(body, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())[::-1]


def other_root(t, bench):
    """ASK and ARK that are right in everything but whose they are; the CEK is signed by them."""
    ark_key, ask_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    ark_id, ask_id = b"A" * 16, b"B" * 16
    ark, ask = (amd_cert(ark_id, ark_id, 0, ark_key, ark_key), amd_cert(ask_id, ark_id, 0x13, ask_key, ark_key))
    body = cert("naples", "cek")[:0x414]
    signature = ask_key.sign(body, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())[::-1]
    empty = little(0x1000, 4) + bytes(516)
    cek = body + little(0x13, 4) + little(1, 4) + signature.ljust(512, b"\0") + empty
    platform = bench.write("platform", join("naples", "pdh pek oca") + bare(cek))
    root = hashlib.sha256(ark[64:64 + 512]).hexdigest()
    with serving({CEK: Answer(cek), ca_path("naples"): Answer(ask + ark)}) as server:
        ask_it = ["--kds", server.url, "--chip-id", CHIP, platform]
        with t.test("a server with a root of its own: refused, and only the owner's word makes it a root"):
            bench.fresh()
            seen = bench.json(*ask_it, code=1)
            t.equal((seen["kind"], seen["reasons"][0]["id"]), ("unknown", "kds-answer"), texts(seen))
            seen = bench.json(*ask_it, "--trust-root", root)
            t.equal((seen["kind"], seen["emulated"], seen["root"]), ("emulated", True, f"sha256:{root}"))
            t.equal(bench.cached(), [], "only what is AMD's is kept")
        with t.test("the same by --cek and --ca"):
            words = ["--offline", "--cek", bench.write("cek", cek), "--ca", bench.write("ca", ask + ark), platform]
            t.equal([r["id"] for r in bench.json(*words, code=1)["reasons"]], ["chain-root-untrusted"])
            t.equal(bench.json(*words, "--trust-root", root)["kind"], "emulated")


def wrong(t, bench):
    platform = bench.write("platform", join("rome", "pdh pek oca") + bare(cert("rome", "cek")))
    for name, answers, reason, says in wrong_answers():
        with t.test(f"server: {name}"):
            bench.fresh()
            with serving(answers) as server:
                seen = bench.json("--kds", server.url, "--chip-id", CHIP, platform, code=1)
                t.true(server.asked, "nothing was asked")
            t.equal((seen["verified"], seen["reasons"][0]["id"]), (False, reason), texts(seen))
            t.true(says in texts(seen), texts(seen))
            t.true("is missing" not in texts(seen), f"what follows from it is no reason: {texts(seen)}")
            # Right certificates of AMD's may stay, but nothing wrong.
            kept = [n for n in bench.cached() if not n.startswith("ask_ark_rome")]
            t.equal(kept, [])
            if ca_path("rome") in answers and answers[ca_path("rome")].body != join("rome", "ask ark"):
                t.equal(bench.cached(), [])
    with t.test("a bad signature, with ASK and ARK given"):
        bench.fresh()
        words = ["--chip-id", CHIP, "--ca", bench.write("ca", join("rome", "ask ark")), platform]
        with serving({CEK: [Answer(flip(cert("rome", "cek"), 0x420)), Answer(cert("rome", "cek"))]}) as server:
            seen = bench.json("--kds", server.url, *words, code=1)
            t.equal((seen["reasons"][0]["id"], bench.cached()), ("kds-answer", []), texts(seen))
            bench.json("--kds", server.url, *words)
            t.equal(bench.cached(), [f"cek-{CHIP}.cert"])
    with t.test("wrong chip, known by the PEK alone"):
        bench.fresh()
        folder = os.path.dirname(bench.write("nocek/pdh.cert", cert("rome", "pdh")))
        for part in ("pek", "oca"):
            bench.write(f"nocek/{part}.cert", cert("rome", part))
        answers = {CEK: Answer(cert("rome", "cek")), ca_path("rome"): Answer(join("rome", "ask ark"))}
        with serving(answers) as server:
            bench.json("--kds", server.url, "--chip-id", CHIP, folder)
        bench.fresh()
        answers = {CEK: Answer(cert("naples", "cek")), ca_path("naples"): Answer(join("naples", "ask ark"))}
        with serving(answers) as server:
            seen = bench.json("--kds", server.url, "--chip-id", CHIP, folder, code=1)
        t.true("did not sign the platform's PEK" in texts(seen), texts(seen))
        t.equal(bench.cached(), ["ask_ark_naples.cert"])


class Authority:
    """A CA of the test's own, which the system does not know."""

    def __init__(self, bench, name="a test's CA"):
        self.bench = bench
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = self.make(self.name, self.key, x509.BasicConstraints(True, None))
        self.file = bench.write("ca.pem", made.public_bytes(serialization.Encoding.PEM))
        os.chmod(self.file, 0o600)  # sevlaunch-fetch, which is not root, does not open it

    def make(self, name, key, extension, days=1):
        now = datetime.datetime.utcnow()
        return x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(
            key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
                now - datetime.timedelta(days=9)).not_valid_after(now + datetime.timedelta(days=days)).add_extension(
                    extension, critical=True).sign(self.key, hashes.SHA256())

    def server(self, host=x509.IPAddress(ipaddress.ip_address("127.0.0.1")), **more):
        """What a server needs to be the host."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self.make(x509.Name([]), key, x509.SubjectAlternativeName([host]), **more)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.bench.write("tls.pem", pem))
        return context


def https(t, bench):
    platform = bench.write("platform", join("rome", "pdh pek oca") + bare(cert("rome", "cek")))
    ask = ["--chip-id", CHIP, platform]
    right = {CEK: Answer(cert("rome", "cek")), ca_path("rome"): Answer(join("rome", "ask ark"))}
    authority = Authority(bench)
    bench.fresh()
    with serving(dict(right), authority.server()) as server:
        with t.test("https: a server whose CA SSL_CERT_FILE names"):
            seen = bench.json("--kds", server.url, *ask, SSL_CERT_FILE=authority.file)
            t.equal((seen["kind"], sorted(set(server.asked))), ("sev", sorted([CEK, ca_path("rome")])))
            t.true(server.url.startswith("https://"), server.url)

    bench.fresh()
    with serving(dict(right), authority.server(x509.DNSName("kds.invalid"))) as server:
        with t.test("... by its name, through a proxy of the environment, which sees no more than that"):
            tunnel = Tunnel(server.port)
            seen = bench.json("--kds", "https://kds.invalid", *ask, SSL_CERT_FILE=authority.file, https_proxy=tunnel.url)
            tunnel.close()
            t.equal((seen["kind"], set(tunnel.asked)), ("sev", {"kds.invalid:443"}))
            t.true(CEK in server.asked, server.asked)

    def refused(context, *says, **more):
        bench.fresh()
        with serving(dict(right), context) as server:
            seen = bench.json("--kds", server.url, *ask, code=1, **more)
            t.equal((server.asked, seen["reasons"][0]["id"]), ([], "kds-unreachable"), texts(seen))
            t.true(all(word in texts(seen) for word in says), texts(seen))
        t.equal(bench.cached(), [])

    mine = {"SSL_CERT_FILE": authority.file}
    with t.test("... without it, the system's: nobody vouches for the server, and it is not asked"):
        refused(authority.server(), "certificate", "SSL_CERT_FILE")
    with t.test("... with another CA, whatever the system has"):
        refused(authority.server(), "certificate", SSL_CERT_FILE=Authority(bench, "another CA").file)
        authority = Authority(bench)
        mine = {"SSL_CERT_FILE": authority.file}
    with t.test("... a certificate of another server's"):
        for host in (x509.DNSName("kdsintf.amd.com"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))):
            refused(authority.server(host), "no alternative certificate subject name", "127.0.0.1", **mine)
    with t.test("... one that has expired"):
        refused(authority.server(days=-1), "expired", **mine)
    with t.test("... a file of CAs that is none, or not there"):
        refused(authority.server(), "SSL_CERT_FILE", SSL_CERT_FILE=bench.write("no-ca", b"no certificate\n"))
        with serving(dict(right), authority.server()) as server:
            code, _, err = bench.run("--kds", server.url, *ask, SSL_CERT_FILE=os.path.join(bench.root, "none"))
            t.equal((code, "SSL_CERT_FILE" in err, "[file-unreadable]" in err, server.asked), (1, True, True, []), err)
    with t.test("... an empty one, or one that begins with a NUL, is not the system's"):
        for name, content in (("empty", b""), ("nul", b"\0-----BEGIN")):
            with serving(dict(right), authority.server()) as server:
                code, _, err = bench.run("--kds", server.url, *ask, SSL_CERT_FILE=bench.write(name, content))
                t.equal((code, "SSL_CERT_FILE" in err, "[file-unreadable]" in err, server.asked), (1, True, True, []), err)
    with t.test("... which http does not need"):
        bench.fresh()
        with serving(dict(right)) as server:
            seen = bench.json("--kds", server.url, *ask, SSL_CERT_FILE=bench.write("empty", b""))
            t.equal((seen["kind"], CEK in server.asked), ("sev", True))


def network(t, bench):
    platform = bench.write("platform", join("rome", "pdh pek oca") + bare(cert("rome", "cek")))
    ask = ["--chip-id", CHIP, platform]
    right = {CEK: Answer(cert("rome", "cek")), ca_path("rome"): Answer(join("rome", "ask ark"))}
    with t.test("an error of the server is tried again, and so is 429"):
        bench.fresh()
        busy = [Answer(b"", 503), Answer(b"", 429, Retry_After="0"), right[CEK]]
        with serving({**right, CEK: busy}) as server:
            bench.json("--kds", server.url, *ask)
            t.equal(server.asked.count(CEK), 3)
    with t.test("a server that stays busy: three tries"):
        bench.fresh()
        with serving({**right, CEK: Answer(b"", 503)}) as server:
            seen = bench.json("--kds", server.url, *ask, code=1)
            t.equal((server.asked, "503" in texts(seen)), ([CEK] * 3, True), texts(seen))
    with t.test("slow: three tries, each with an end, and what it took so far is no answer"):
        bench.fresh()
        with serving({**right, CEK: Answer(cert("rome", "cek"), hang=1000)}) as server:
            seen = bench.json("--kds", server.url, "--kds-timeout", "1", *ask, code=1)
            t.equal((server.asked, seen["reasons"][0]["id"]), ([CEK] * 3, "kds-unreachable"), texts(seen))
            t.true("within 1 s" in texts(seen), texts(seen))
        t.equal(bench.cached(), [])
    with t.test("connection refused"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))  # and nobody listens
            seen = bench.json("--kds", f"http://127.0.0.1:{free.getsockname()[1]}", *ask, code=1)
        t.equal(seen["reasons"][0]["id"], "kds-unreachable", texts(seen))
        t.true("connect" in texts(seen), texts(seen))
        t.equal(bench.cached(), [])
    with t.test("a redirect on the same host is followed"):
        moved = {"/moved": right[CEK], CEK: Answer(b"", 301, Location="/moved")}
        with serving({**right, **moved}) as server:
            bench.json("--kds", server.url, *ask)
            t.equal(server.asked[:2], [CEK, "/moved"])
    with t.test("by a proxy of the environment"):
        bench.fresh()
        with serving({f"http://kds.invalid{path}": answer for path, answer in right.items()}) as server:
            bench.json("--kds", "http://kds.invalid", *ask, http_proxy=server.url)
            t.equal(server.asked[0], f"http://kds.invalid{CEK}")
    with t.test("options that make no sense"):
        for words in (["--kds", "ftp://127.0.0.1"], ["--kds", "127.0.0.1"], ["--kds", "http://h/?x"],
                      ["--kds", "http://127.0.0.1", "--offline"], ["--kds-timeout", "601"],
                      ["--chip-id", "c5"], ["--owner-fingerprint", "12"], ["--trust-root", "x" * 64],
                      ["--owner-fingerprint", ROME_OWNER, "--oca", f"{CERTS}/rome-ok/oca.cert"]):
            t.equal(bench.run(*words, platform)[0], 2, words)


def main():
    t = tap.Tap()
    with tempfile.TemporaryDirectory(prefix="sl-kds-") as root:
        bench = Bench(root)
        forms(t, bench)
        acceptance(t, bench)
        owners(t, bench)
        generations(t, bench)
        zips(t, bench)
        good(t, bench)
        cache(t, bench)
        wrong(t, bench)
        other_root(t, bench)
        network(t, bench)
        https(t, bench)
    t.finish()


if __name__ == "__main__":
    main()
