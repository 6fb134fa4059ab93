#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a launch leaves: one signed file, checked here with openssl and by hand too, and the page
that is made of it, looked at by a parser and a browser."""
import base64
import hashlib
import html.parser
import json
import os
import shutil
import struct
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


class Page(html.parser.HTMLParser):
    """Every element is closed in its order, and nothing is loaded or run."""
    EMPTY = {"meta", "br", "rect", "line", "polygon"}

    def __init__(self, text):
        super().__init__()
        self.open, self.problems, self.seen = [], [], set()
        self.feed(text)
        self.close()
        self.problems += [f"<{name}> is not closed" for name in self.open]

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "form"):
            self.problems.append(f"<{tag}>")
        self.problems += [f"{name}={value}" for name, value in attrs
                          if name in ("src", "href", "style", "xlink:href") or name.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> out of place")


class Evidence:
    def __init__(self, bed, t):
        self.bed, self.tap = bed, t
        self.sign_pub = os.path.join(bed.owner, "sign.pub")
        self.before = bed.leftovers()
        self.path = None

    def files(self):
        folder = os.path.join(self.bed.owner, "evidence")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def launched(self):
        """A verified launch leaves one file, and its name is in the result."""
        result = self.bed.released()
        self.path = result.json["evidence"]
        self.tap.equal(os.path.realpath(self.path),
                       os.path.join(os.path.realpath(self.bed.owner), "evidence", "000001-launch.evidence.json"))
        self.tap.equal(self.files(), ["000001-launch.evidence.json", "head"])
        self.tap.equal(os.stat(self.path).st_mode & 0o777, 0o600)
        self.tap.equal(os.stat(self.path).st_uid, os.geteuid(), "whose it is")
        self.bed.destroy()
        self.bed.same_leftovers(self.before)
        return result.json

    def content(self, document):
        """By hand: what is signed, by openssl; what the platform signed; what is in it."""
        with open(self.path, encoding="utf-8") as f:
            file = json.load(f)
        manifest, report = base64.b64decode(file["manifest"]), base64.b64decode(file["report"])
        made = b"sevlaunch evidence 1\n"
        for part in (manifest, report, b""):
            made += struct.pack("<Q", len(part)) + part
        paths = {name: os.path.join(self.bed.tmp, name) for name in ("made", "signature")}
        for name, data in (("made", made), ("signature", base64.b64decode(file["signature"]))):
            with open(paths[name], "wb") as f:
                f.write(data)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.sign_pub, "-rawin",
                               "-in", paths["made"], "-sigfile", paths["signature"]],
                              capture_output=True, text=True, check=False)
        self.tap.equal(done.returncode, 0, done.stdout + done.stderr)
        for path in paths.values():
            os.unlink(path)
        self.tap.equal(len(report), 208)
        self.tap.equal(report[:16], hashlib.sha256(manifest).digest()[:16], "the report's nonce")
        said = json.loads(manifest)
        self.tap.equal(report[16:48].hex(), document["measurement"]["digest"])
        self.tap.equal(said["measurement"]["digest"], document["measurement"]["digest"])
        self.tap.equal(said["verdict"]["result"], "verified")
        self.tap.equal(said["secrets"], [{"guid": one["guid"]} for one in document["secrets"]])
        self.tap.equal((said["measured"]["uki"], said["measured"]["uki_cmdline"]),
                       (True, document["measured"]["kernel"]["uki_cmdline"]))
        self.tap.equal(said["measured"]["kernel"]["sha256"], document["measured"]["kernel"]["sha256"])
        self.tap.equal(said["platform"]["certificates"]["ark"],
                       base64.b64encode(self.bed.host.certificate("ark")).decode())
        # No secret and no hash of one, in any spelling.
        with open(self.bed.disk_key, "rb") as f:
            key = f.read()
        for secret in (key, hashlib.sha256(key).digest()):
            for spelling in (secret, secret.hex().encode(), base64.b64encode(secret)):
                self.tap.true(spelling not in manifest, "the disk's key, or its hash")

    def verify(self, *args, path=None):
        return self.bed.run("evidence", "verify", path or self.path, "--json", *args)

    def root(self):
        with open(self.path, encoding="utf-8") as f:
            said = json.loads(base64.b64decode(json.load(f)["manifest"]))
        return said["platform"]["root_fingerprint"]

    def verified(self):
        firmware = ["--firmware", self.bed.firmware]
        result = self.verify("--owner", self.bed.owner, *firmware)
        self.tap.equal((result.code, result.json["files"][0]["reasons"]), (0, []), result)
        facts = {(fact["standing"], fact["id"]): fact for fact in result.json["files"][0]["facts"]}
        for fact in ("signature", "platform", "launch", "files"):
            self.tap.true(("proven", fact) in facts, f"{fact} is not proven\n{result}")
        self.tap.true("EMULATED" in facts["proven", "platform"]["text"], result)
        self.tap.true(("owner-only", "measurement") in facts and ("said", "secrets") in facts, result)
        # What an auditor has: the key and the root.
        self.tap.equal(self.verify("--signer", self.sign_pub, "--trust-root", self.root()).code, 0)
        result = self.verify("--signer", self.sign_pub)
        self.tap.equal((result.code, [r["id"] for r in result.json["files"][0]["reasons"]]), (1, ["evidence-root"]))
        self.tap.equal(self.verify().code, 2, "without a signer")
        self.tap.equal(self.verify("--owner", self.bed.owner, path=self.sign_pub).code, 1, "no evidence at all")
        self.tap.equal(self.verify("--owner", self.bed.owner, path="/none").code, 4, "no file at all")
        other = os.path.join(self.bed.host.files, "other.fd")
        with open(self.bed.firmware, "rb") as f:
            data = bytearray(f.read())
        data[0x2000] ^= 1
        with launchbed.there(other, bytes(data)):
            result = self.verify("--owner", self.bed.owner, "--firmware", other)
        self.tap.equal((result.code, [r["id"] for r in result.json["files"][0]["reasons"]]), (1, ["evidence-file"]))

    def shown(self):
        result = self.bed.must("evidence", "show", self.path, "--json")
        self.tap.equal((result.json["verified"], result.json["manifest"]["domain"]["name"]), (False, "launch"))
        self.tap.true("UNVERIFIED" in self.bed.must("evidence", "show", self.path).out, "show says so")

    def refused_early(self):
        """Every launch leaves one once the host was asked or the owner said no, with what was known then.
        (Refused after they were measured: test-refuse-host.py.)"""
        session = self.bed.session_dir()
        self.bed.released("--session-dir", session)
        self.bed.destroy()
        words = [word for option, name in (("session", "session.b64"), ("tik", "tik.bin"), ("tek", "tek.bin"))
                 for word in ("--" + option, os.path.join(session, f"launch_{name}"))]
        said = self.refusal("session-reused", *words)
        self.tap.equal((said["session"]["id"] is None, said["platform"]["kind"]), (False, "emulated"))
        # The hostile platform, and its certificates.
        with launchbed.changed(os.path.join(self.bed.owner, "trusted-roots"), b""):
            said = self.refusal("chain-root-untrusted")
        self.tap.equal(said["platform"]["certificates"]["ark"],
                       base64.b64encode(self.bed.host.certificate("ark")).decode())
        self.tap.equal((said["session"]["id"], said["platform"]["kind"]), (None, "unknown"))
        # Nobody was asked.
        kernel = os.path.join(self.bed.test_disk, "kernel")
        said = self.refusal("boot-kind-differs", "--kernel", self.bed.copy(kernel))
        self.tap.equal({key for key, value in said["platform"]["certificates"].items() if value is not None}, set())
        # No launch at all.
        for words in (("--vcpus", "9999"), ("--firmware", "/none"), ("--platform", "sev", "--connect", "test:///none")):
            count = len(self.files())
            result = self.bed.launch("--json", "--paused", *words)
            self.tap.true(result.code != 0, result)
            self.tap.equal(len(self.files()), count, result)

    def refusal(self, reason, *words):
        """A launch that is refused before it is measured; its manifest."""
        result = self.bed.launch("--json", "--paused", *words)
        self.tap.equal((result.code, launchbed.reason(result)), (1, [reason]), result)
        path = result.json["evidence"]
        self.tap.true(path is not None, result)
        checked = self.verify("--owner", self.bed.owner, path=path)
        self.tap.equal((checked.code, checked.json["files"][0]["verdict"]), (0, "refused"), checked)
        with open(path, encoding="utf-8") as f:
            file = json.load(f)
        said = json.loads(base64.b64decode(file["manifest"]))
        self.tap.equal([one["id"] for one in said["verdict"]["reasons"]], [reason])
        self.tap.equal((said["verdict"]["judged_on"], said["secrets"]), ("emulated-host", []))
        self.tap.equal((said["measurement"]["reported"], file["report"]), (None, None))
        self.tap.true(said["verdict"]["unproven"] and "no guest" in file["report_missing"], file)
        return said

    def listed(self):
        result = self.bed.run("evidence", "list", self.bed.owner, "--json")
        self.tap.equal((result.code, result.json["reasons"]), (0, []), result)
        self.tap.equal([(f["counter"], f["verdict"], f["signed"]) for f in result.json["files"]],
                       [(1, "verified", True), (2, "verified", True), *((n, "refused", True) for n in (3, 4, 5))])
        with launchbed.away(self.path):
            result = self.bed.run("evidence", "list", self.bed.owner, "--json")
            self.tap.equal((result.code, result.json["reasons"][0]["id"]), (1, "evidence-gap"), result)
        with launchbed.away(os.path.join(self.bed.owner, "evidence", "000005-launch.evidence.json")):
            result = self.bed.run("evidence", "list", self.bed.owner, "--json")
            self.tap.equal((result.code, result.json["reasons"][0]["id"]), (1, "evidence-gap"), result)

    def without(self):
        """Without a key: said, and none; required: no launch."""
        before = self.bed.leftovers()
        with launchbed.away(os.path.join(self.bed.owner, "sign.key")):
            result = self.bed.launch("--json", "--require-evidence")
            self.tap.equal((result.code, launchbed.reason(result)), (4, ["owner-missing"]), result)
            result = self.bed.released()
            self.tap.equal(result.json["evidence"], None)
            self.tap.true("will leave no evidence" in result.err, result)
            self.bed.destroy()
        self.bed.same_leftovers(before)
        self.tap.equal(len(self.files()), 6)
        # The ledger knows of the launch that left none.
        result = self.bed.run("evidence", "list", self.bed.owner, "--json")
        self.tap.equal((result.code, result.json["reasons"], result.json["judged_without"]), (0, [], 1), result)

    def refused(self, table):
        """A folder that cannot say which file was the last: no launch where evidence is required."""
        head = os.path.join(self.bed.owner, "evidence", "head")
        for name, prepare, says in (
                ("evidence-head-missing", lambda: launchbed.away(head), "'head' is missing"),
                ("evidence-head-nonsense", lambda: launchbed.changed(head, b"nonsense\n"), "does not say a number")):
            table.row(name, "--paused", "--require-evidence", prepare=prepare, says=(says, "away and keep it"))

    def headless(self):
        """Without 'head' nobody knows which was the last: list and verify say so, and a launch that need not leave
        evidence goes on after the newest, and says so in it."""
        folder, names = os.path.join(self.bed.owner, "evidence"), self.files()
        newest, number = os.path.join(folder, names[-2]), int(names[-2][:6])
        with launchbed.away(os.path.join(folder, "head")):
            with launchbed.away(newest):
                for words in (("list", self.bed.owner), ("verify", self.path, "--owner", self.bed.owner)):
                    result = self.bed.run("evidence", *words, "--json")
                    self.tap.equal((result.code, [r["id"] for r in result.json["reasons"]]), (1, ["evidence-gap"]),
                                   result)
            result = self.bed.released()
            self.bed.destroy()
            self.tap.equal(os.path.basename(result.json["evidence"])[:6], f"{number + 1:06}")
            self.tap.true("'head' is missing" in result.err, result)
            with open(newest, "rb") as f, open(result.json["evidence"], encoding="utf-8") as g:
                said = json.loads(base64.b64decode(json.load(g)["manifest"]))
                self.tap.equal(said["previous"], hashlib.sha256(f.read()).hexdigest())
            self.tap.true(said["gap"] and any("'head' is missing" in text for text in said["verdict"]["unproven"]), said)
            listed = self.bed.run("evidence", "list", self.bed.owner, "--json")
            self.tap.equal((listed.code, [r["id"] for r in listed.json["reasons"]]), (1, ["evidence-gap"]), listed)
            os.unlink(result.json["evidence"])
        # Gone altogether: only the ledger remembers.
        with launchbed.away(folder):
            result = self.bed.run("evidence", "list", self.bed.owner, "--json")
            self.tap.equal((result.code, [r["id"] for r in result.json["reasons"]]), (1, ["evidence-gap"]), result)
            result = self.bed.released()
            self.bed.destroy()
            self.tap.true("the ledger has" in result.err, result)
            shutil.rmtree(folder)

    def readme(self):
        """The lines of README.md, as they stand there."""
        with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
            part = f.read().split("## What a launch leaves\n")[1].split("\n## ")[0]
        lines = [line.strip().split("  #")[0] for line in part.splitlines() if line.startswith("    sevlaunch ")]
        self.tap.true(len(lines) >= 4, lines)
        folder = os.path.join(self.bed.dir, "readme")
        shutil.copytree(self.bed.owner, os.path.join(folder, "owner"))
        there = os.path.join(folder, "owner", "evidence")
        for name in os.listdir(there):
            os.rename(os.path.join(there, name), os.path.join(there, name.replace("-launch.", "-disk.")))
        for name in ("sign.pub", "evidence/000001-disk.evidence.json"):
            shutil.copy(os.path.join(folder, "owner", name), folder)
        for line in lines:
            words = [self.root() if word == "SHA256" else word for word in line.split()]
            done = subprocess.run([self.bed.program, *words[1:]], cwd=folder, env=self.bed.environment(),
                                  capture_output=True, text=True, check=False)
            self.tap.equal(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
        # Without the root it is refused, and the message says what to do.
        done = subprocess.run([self.bed.program, "evidence", "verify", "000001-disk.evidence.json", "--signer", "sign.pub"],
                              cwd=folder, env=self.bed.environment(), capture_output=True, text=True, check=False)
        self.tap.true(done.returncode == 1 and "--trust-root" in done.stderr and self.root() in done.stderr, done.stderr)
        shutil.rmtree(folder)

    def page(self):
        path = os.path.join(self.bed.dir, "page.html")
        # Without a key there is a page, and no verdict.
        result = self.bed.run("evidence", "report", self.path, "--html", path, "--json", "--trust-root", self.root())
        self.tap.equal((result.code, result.json["verified"], [r["id"] for r in result.json["reasons"]]),
                       (1, False, ["evidence-signature"]), result)
        self.bed.must("evidence", "report", self.path, "--owner", self.bed.owner, "--html", path)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        page = Page(text)
        self.tap.equal(page.problems, [])
        self.tap.true({"svg", "table", "title", "h1"} <= page.seen, page.seen)
        self.tap.true("EMULATED platform" in text and "launch verified" in text, "what the page says")
        self.tap.true("Command line in the image" in text and "not known" not in text, "what the page says")
        return path

    def browser(self, path):
        chromium = shutil.which("chromium")
        if chromium is None:
            self.tap.note("SKIP no chromium: the page was not shown by a browser")
            return
        shot = os.path.join(self.bed.dir, "page.png")
        profile = os.path.join(self.bed.dir, "profile")
        done = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                               f"--user-data-dir={profile}", "--window-size=900,1200", f"--screenshot={shot}",
                               f"file://{path}"], capture_output=True, text=True, check=False, timeout=120,
                              env={**os.environ, "HOME": self.bed.dir})
        self.tap.equal(done.returncode, 0, done.stderr[-2000:])
        with open(shot, "rb") as f:
            head = f.read(24)
        self.tap.equal(struct.unpack(">II", head[16:24]), (900, 1200), "the picture's size")
        # A page that shows nothing compresses to almost nothing.
        self.tap.true(os.path.getsize(shot) > 40000, f"{os.path.getsize(shot)} bytes of a picture")


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        evidence = Evidence(bed, t)
        document = {}
        with t.test("a verified launch leaves one file, 0600, and nothing else"):
            document = evidence.launched()
        with t.test("openssl checks its signature; the platform's report is of its manifest; no secret is in it"):
            evidence.content(document)
        with t.test("evidence verify: what is proven to whom, and each other way refused"):
            evidence.verified()
        with t.test("evidence show"):
            evidence.shown()
        with t.test("what was refused before it was measured leaves one too: session, platform, what boots"):
            evidence.refused_early()
        with t.test("evidence list: what is taken away leaves a gap, the last one too"):
            evidence.listed()
        with t.test("README.md: its lines work as they stand there"):
            evidence.readme()
        with t.test("no signing key, or no place: none, and no launch where it is required"):
            evidence.without()
        table = launchbed.Table(bed, t, __file__)
        evidence.refused(table)
        with t.test("evidence without its head, or gone: list, verify and the next launch say so"):
            evidence.headless()
        table.finish()
        path = None
        with t.test("evidence report: a page that loads and runs nothing"):
            path = evidence.page()
        with t.test("a browser shows the page"):
            evidence.browser(path)
    t.finish()


if __name__ == "__main__":
    main()
