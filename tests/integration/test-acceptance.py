#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The owner's acceptance policy and the firmware that he trusts, in launches on an emulated
host; tests/unit/test-policy-acceptance.c has every key."""
import base64
import contextlib
import hashlib
import json
import os
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402
from launchbed import away, changed, there  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
HEAD = "[acceptance]\nformat=1\n"
YES = HEAD + "[platform]\nemulated=yes\n"
OTHER = "5a" * 32


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def policy(bed, text):
    return lambda: there(f"{bed.owner}/acceptance", text.encode(), bits=0o600)


@contextlib.contextmanager
def link(path, text):
    with there(path + ".there", text.encode(), bits=0o600):
        os.symlink(path + ".there", path)
        try:
            yield path
        finally:
            os.unlink(path)


@contextlib.contextmanager
def dangling(path):
    os.symlink(path + ".nowhere", path)
    try:
        yield path
    finally:
        os.unlink(path)


def met(bed, t, plain):
    """Every demand that an emulated platform can meet; plain: what a launch without said."""
    platform, measured = plain["platform"], plain["measured"]
    text = (f"{HEAD}[platform]\nroots={platform['chain']['root_fingerprint']}\nemulated=yes\n"
            f"owners={platform['owner_fingerprint']}\nmin-api={platform['api']}\n"
            f"min-build={platform['build']}\n"
            f"[verdict]\njudged-on=emulated-host\n"
            f"[firmware]\nsha256={OTHER};{sha256(bed.firmware)}\npinned=yes\n"
            f"[boot]\nmeasured=yes\nuki={measured['kernel']['sha256']}\n"
            "[guest]\nrequire=prod\nforbid=domain,es\n"
            "[secret luks-key]\nneeds=no-debug;measured-boot;firmware-pinned\n")
    with t.test("a launch that meets an acceptance policy is verified, and says which it was"):
        with policy(bed, text)():
            result = bed.released()
        t.equal(result.json["acceptance"], f"{bed.owner}/acceptance")
        t.equal(result.json["measured"]["firmware"]["pin"], "release")
        bed.destroy()


def rows(bed, table):
    def row(name, text, *args, **more):
        table.row(name, *args, prepare=policy(bed, text), **more)

    row("acceptance-unknown-key", YES + "colour=red\n", says=["colour", f"{bed.owner}/acceptance"])
    row("acceptance-misspelt", HEAD + "[platfrom]\nemulated=yes\n", says=["'platform'"])
    row("acceptance-emulated", HEAD, says=["EMULATED", "emulated=yes"])
    row("acceptance-root", YES + "roots=amd\n", says=["trusted-roots"])
    row("acceptance-owner", YES + f"owners=sha256:{OTHER}\n", says=["OCA"])
    row("acceptance-judged-on", YES + "[verdict]\njudged-on=owner-machine;hypervisor\n", says=["emulated-host"])
    row("acceptance-firmware", YES + f"[firmware]\nsha256={OTHER}\n", says=[sha256(bed.firmware)])
    row("acceptance-boot", YES + f"[boot]\nuki={OTHER}\n", says=["unified kernel image"])
    row("acceptance-vcpus", YES + "[boot]\nvcpus=1-4\n", says=["only SEV-ES proves"])
    row("acceptance-guest-policy", YES + "[guest]\nrequire=es\n", says=["without es"])
    row("acceptance-secret", YES + "[secret luks-key]\nneeds=es\n", says=["luks-key", "'es'"])
    row("acceptance-secret-option", YES + "[secret 0b1ea0e4-4d1b-4b5e-9df9-0d7a3ac1a3c6]\nneeds=amd\n", "--secret",
        f"0b1ea0e4-4d1b-4b5e-9df9-0d7a3ac1a3c6:{bed.disk_key}", says=["0b1ea0e4", "'amd'"])
    table.row("acceptance-0666", prepare=lambda: there(f"{bed.owner}/acceptance", YES.encode(), bits=0o666),
              says=["acceptance", "0666"])
    table.row("acceptance-is-a-link", prepare=lambda: link(f"{bed.owner}/acceptance", YES), says=["acceptance"])
    # Only the guest's own QEMU tells the version, so this one exists for a moment.
    row("acceptance-api", YES + "min-api=200.0\n", "--paused", says=["200.0"])
    row("acceptance-many", HEAD + f"[boot]\nuki={OTHER}\n[guest]\nrequire=es\n",
        known=["acceptance-guest-policy"], says=["unified kernel image", "without es"])
    row("acceptance-emulated-wanted", HEAD, "--platform", "emulated", says=["emulated=yes"])
    table.row("acceptance-option", "--acceptance", lambda path: path,
              prepare=lambda: there(f"{bed.dir}/strict", (YES + "[guest]\nrequire=es\n").encode()),
              says=["without es"])
    table.row("acceptance-option-missing", "--acceptance", f"{bed.dir}/none", says=[f"{bed.dir}/none"], again=False)
    table.row("trusted-firmware-garbage", prepare=lambda: there(f"{bed.owner}/trusted-firmware", b"md5:1\n", bits=0o600),
              says=["trusted-firmware:1"])


def alone(bed, t, table):
    """What rows() leaves out: each demand is met by a rehearsal without the file."""
    def row(name, text, *args, good=(), **more):
        table.row(name, *args, *good, prepare=policy(bed, YES + text), again=list(good), **more)

    secret = "[secret luks-key]\nneeds="
    loader = ["--own-boot-loader", "--allow-unmeasured-boot"]
    debug = ["--accept-debug", "--policy", "no-key-sharing,no-send,sev,min-api=0.17"]
    row("acceptance-forbid", "[guest]\nforbid=no-send\n", says=["has no-send"])
    row("acceptance-measured", "[boot]\nmeasured=yes\n", good=loader, says=["are not measured"])
    row("acceptance-needs-measured-boot", secret + "measured-boot\n", good=loader, says=["'measured-boot'"])
    row("acceptance-needs-no-debug", secret + "no-debug\n", good=debug, says=["'no-debug'"])
    row("acceptance-needs-owner-machine", secret + "owner-machine\n", says=["'owner-machine'"])
    row("acceptance-needs-amd", secret + "amd\n", says=["'amd'"])
    row("acceptance-build", f"min-api={api(bed)}\nmin-build=255\n", "--paused", says=["build 255 or newer"])
    with firmware_of_another(bed, t):
        by_hand = ["--accept-firmware", sha256(bed.firmware)]
        row("acceptance-pinned", "[firmware]\npinned=yes\n", good=by_hand, says=["pinned=yes"])
        row("acceptance-needs-firmware-pinned", secret + "firmware-pinned\n", good=by_hand, says=["'firmware-pinned'"])


def api(bed):
    """Of the emulated platform, as a launch says it."""
    result = bed.released()
    bed.destroy()
    return result.json["platform"]["api"]


def certificates(bed, t, table):
    """Demands of a platform, with AMD's certificates: no launch here ends in one of their roots."""
    rome = os.path.join(TOP, "tests", "vectors", "certs", "rome-ok")
    path = f"{bed.dir}/policy"

    def verify(machine):
        return bed.run("verify-platform", f"{TOP}/tests/vectors/certs/{machine}-ok", "--offline", "--acceptance", path, "--json")

    def row(name, text, machine, says):
        table.row(name, prepare=lambda: there(path, (HEAD + "[platform]\n" + text).encode()), run=lambda _: verify(machine),
                  says=says, again=False)

    with t.test("a platform that meets an acceptance policy, its owner named by his certificate"):
        with there(path, f"{HEAD}[platform]\ngenerations=rome;naples\nowners={rome}/oca.cert\n".encode()):
            t.equal(verify("rome").code, 0)
            t.equal(verify("naples").reasons, ["acceptance-owner"])
    row("acceptance-generation", "", "naples", ["Naples", "generations="])
    row("acceptance-generation-named", "generations=milan;naples\n", "rome", ["Rome", "naples, milan"])
    row("acceptance-owner-certificate", f"owners={rome}/oca.cert\ngenerations=naples\n", "naples", ["OCA"])
    row("acceptance-owner-file", f"owners={rome}/pek.cert\n", "rome", ["line 4", "pek.cert"])
    row("acceptance-owner-file-missing", "roots=amd\nowners=none.cert\n", "rome", ["line 5", f"{bed.dir}/none.cert"])


def checked(bed, t, table):
    path = f"{bed.dir}/policy"

    def check(*more):
        return bed.run("policy", "check", path, *more)

    with t.test("policy check: says in words what a file takes, without a host"):
        with there(path, (HEAD + "[platform]\ngenerations=milan\nemulated=yes\nroots=amd\n").encode()):
            said = check("--json")
            t.equal((said.code, said.json["schema"], said.json["file"]), (0, "sevlaunch.policy-check/1", path))
            texts = {one["key"]: one["text"] for one in said.json["demands"]}
            t.true("milan; refused: naples, rome" in texts["platform/generations"], said)
            t.true(len(said.json["warnings"]) == 1 and "no effect" in said.json["warnings"][0], said)
            words = check()
            t.true(words.code == 0 and all(text in words.out for text in texts.values()), words)
            t.true("warning: emulated=yes has no effect" in words.out, words)
    for name, text, says in (("policy-check-key", "root=amd\n", ["line 4", "'roots'"]),
                             ("policy-check-word", "\ngenerations=milna\n", ["line 5", "'milan'"]),
                             ("policy-check-line", "emulated\n", ["line 4", "emulated"])):
        table.row(name, prepare=lambda text=text: there(path, (HEAD + "[platform]\n" + text).encode()),
                  run=lambda _: check("--json"), says=[path, *says], again=False)
    table.row("policy-check-nothing", run=lambda _: bed.run("policy", "check", "--json"), says=["one file"], again=False)


class Packing:
    """`secret` by hand for a launch that a second owner (tests/lib/owner.py) says was measured."""
    POLICY = owner.NODBG | owner.NOKS | owner.NOSEND | owner.SEV | 0x18000000

    def __init__(self, bed, name, policy=POLICY):
        self.bed, self.name, self.policy = bed, name, policy
        with open(f"{TOP}/tests/vectors/certs/rome-ok/pdh.cert", "rb") as f:
            self.session = owner.Session(f.read(), policy)
        self.dir = os.path.join(bed.dir, name)
        os.mkdir(self.dir, 0o700)
        for end, data in (("tik.bin", self.session.tik), ("tek.bin", self.session.tek),
                          ("session.b64", base64.b64encode(self.session.blob))):
            with open(f"{self.dir}/{name}_{end}", "wb") as f:
                f.write(data)
        self.measured = self.report(os.urandom(16))

    def report(self, nonce):
        digest = owner.launch_digest(self.bed.firmware)
        return owner.b64(self.session.measurement(digest, nonce, (1, 55), 21) + nonce)

    def run(self, *more, verified=True, measured=None, keys=None, names=("tik.bin", "tek.bin"),
            told=None):
        keys = keys or f"{self.dir}/{self.name}_"
        told = [*(told or ["--firmware", self.bed.firmware]), "--policy", hex(self.policy), "--api", "1.55", "--build", "21"]
        return self.bed.run("secret", "--tik", keys + names[0], "--tek", keys + names[1], "--measurement",
                            measured or self.measured, "--secret", f"luks-key:{self.bed.disk_key}", "--out-header",
                            f"{self.dir}/header", "--out-payload", f"{self.dir}/payload", *(told if verified else []),
                            *more, "--json")

    def made(self):
        """Whether there is a packet; it is taken away."""
        found = [name for name in ("header", "payload") if os.path.exists(f"{self.dir}/{name}")]
        for name in found:
            os.unlink(f"{self.dir}/{name}")
        return found == ["header", "payload"]


def by_hand(bed, t, table):
    """`secret`: the acceptance policy, and the ledger's one packet for a session."""
    path, debug = f"{bed.dir}/policy", Packing(bed, "debug", Packing.POLICY ^ owner.NODBG)
    loose, kept = Packing(bed, "loose"), Packing(bed, "kept")
    need = "[secret luks-key]\nneeds="

    def row(name, text, packing, says, *more, verified=True):
        table.row(name, prepare=lambda: there(path, (HEAD + text).encode()),
                  run=lambda _: packing.run("--acceptance", path, *more, verified=verified), says=says, again=False)
        t.true(not packing.made(), f"{name}: a packet was made")

    with t.test("secret by hand: with loose keys as often as one likes, and it says what was not judged"):
        for verified in (False, True):
            said = loose.run(verified=verified)
            t.equal((said.code, said.json["measurement_verified"], said.json["acceptance"], said.json["ledger"]),
                    (0, verified, None, False), said)
            t.equal("not verified" in said.err, not verified)
            t.true(loose.made() and any("no ledger" in text for text in said.json["unproven"]), said)
    with t.test("... an acceptance policy that lets the secret go, beside the keys too"):
        for where in (path, f"{loose.dir}/acceptance"):
            with there(where, (HEAD + need + "no-debug\n[guest]\nrequire=prod\n").encode()):
                said = loose.run(*(["--acceptance", where] if where == path else []))
                t.equal((said.code, said.json.get("acceptance")), (0, where), said)
                t.true(loose.made(), "a packet")
    row("secret-needs-es", need + "es\n", loose, ["'es'", "is without it"])
    row("secret-needs-unverified", need + "no-debug\n", loose, ["'no-debug'", "cannot be judged without"], verified=False)
    row("secret-needs-place", need + "owner-machine\n", loose, ["cannot be judged without", "courier judge"])
    row("secret-needs-amd", need + "amd\n", loose, ["cannot be judged without", "courier judge"])
    row("secret-needs-pin", need + "firmware-pinned\n", loose, ["cannot be judged without", "--owner"])
    row("secret-guest-unverified", "[guest]\nrequire=prod\n", loose, ["not known here"], verified=False)
    row("secret-guest", "[guest]\nforbid=no-send\n", loose, ["has no-send"])
    table.row("secret-acceptance-beside", prepare=lambda: there(f"{loose.dir}/acceptance", (HEAD + need + "es\n").encode()),
              run=lambda _: loose.run(), says=["'es'"], again=False)
    table.row("secret-acceptance-link", prepare=lambda: dangling(f"{loose.dir}/acceptance"),
              run=lambda _: loose.run(), says=["acceptance"], again=False)
    apart = f"{bed.dir}/apart"
    os.mkdir(apart, 0o700)
    with t.test("secret by hand: the acceptance policy beside the other key holds too"):
        shutil.copy(f"{loose.dir}/loose_tek.bin", f"{apart}/loose_tek.bin")
        t.equal(loose.run("--tek", f"{apart}/loose_tek.bin").code, 0)
        t.true(loose.made(), "a packet")
    table.row("secret-acceptance-beside-tek", prepare=lambda: there(f"{apart}/acceptance", (HEAD + need + "es\n").encode()),
              run=lambda _: loose.run("--tek", f"{apart}/loose_tek.bin"), says=["'es'"], again=False)
    with there(f"{apart}/acceptance", HEAD.encode()):
        table.row("secret-acceptance-two", prepare=lambda: there(f"{loose.dir}/acceptance", HEAD.encode()),
                  run=lambda _: loose.run("--tek", f"{apart}/loose_tek.bin"), says=["--acceptance", apart], again=False)
    with t.test("... and none of them made a packet"):
        t.true(not loose.made(), "no packet")
    table.row("secret-debug", run=lambda _: debug.run(), says=["--accept-debug"], again=False)
    with t.test("secret by hand: --accept-debug takes a policy that lets the host read the guest"):
        t.equal(debug.run("--accept-debug").code, 0)
        t.true(debug.made(), "a packet")
    ledger(bed, t, table, kept)
    courier(bed, t, table, loose)


def ledger(bed, t, table, kept):
    def lacking():
        return bed.run("evidence", "list", bed.owner, "--json").json["judged_without"]

    before = lacking()
    measured = ["--owner", bed.owner]
    mine = [*measured, "--allow-unmeasured-boot"]
    table.row("secret-owner-unverified", run=lambda _: kept.run(*mine, verified=False), says=["--owner", "--policy"], again=False)
    table.row("secret-owner-digest", run=lambda _: kept.run(*mine, told=["--digest", "0" * 64]), says=["--owner", "--firmware"],
              again=False)
    table.row("secret-owner-without-session", prepare=lambda: away(f"{kept.dir}/kept_session.b64"),
              run=lambda _: kept.run(*mine), says=["--session"], again=False)
    table.row("secret-firmware-unpinned", run=lambda _: kept.run(*mine), says=["firmware: unpinned", "firmware trust"], again=False)
    with t.test("secret --owner: a firmware that is accepted by hand"):
        accepted = Packing(bed, "accepted")
        said = accepted.run(*mine, "--accept-firmware", sha256(bed.firmware))
        t.equal((said.code, any("accepted by hand" in text for text in said.json.get("unproven", []))), (0, True), said)
    bed.must("firmware", "trust", bed.firmware, "--owner", bed.owner)
    other = Packing(bed, "other")
    table.row("secret-boot-unmeasured", run=lambda _: kept.run(*measured), says=["--kernel", "--allow-unmeasured-boot"], again=False)
    table.row("secret-session-of-another", run=lambda _: kept.run(*mine, "--session", f"{other.dir}/other_session.b64"),
              says=["TIK"], again=False)
    wrong = owner.b64(bytes(48))
    table.row("secret-owner-mismatch", run=lambda _: kept.run(*mine, measured=wrong), again=False)
    with t.test("secret --owner: what was refused took nothing of the session; a firmware that the owner trusts is pinned"):
        with policy(bed, HEAD + "[secret luks-key]\nneeds=firmware-pinned\n")():
            said = kept.run(*mine)
        t.equal((said.code, said.json.get("acceptance"), said.json.get("ledger")), (0, f"{bed.owner}/acceptance", True), said)
        t.true(kept.made(), said)
        with open(f"{bed.owner}/ledger", encoding="utf-8") as f:
            last = f.read().splitlines()[-1].split(" ")
        t.equal(last[2:5], [hashlib.sha256(kept.session.blob).hexdigest(), base64.b64decode(kept.measured)[32:].hex(), "packed"])
        # No evidence is of it, and none is missing.
        t.equal(lacking(), before)
    table.row("secret-session-reused", run=lambda _: kept.run(*mine, measured=kept.report(os.urandom(16))), again=False)
    # The same measurement under another launch blob: one that the owner made again for the same keys.
    again = os.urandom(96) + kept.session.blob[96:]
    table.row("secret-measurement-reused", prepare=lambda: there(f"{kept.dir}/again", again),
              run=lambda _: kept.run(*mine, "--session", f"{kept.dir}/again"), again=False)
    os.unlink(f"{bed.owner}/trusted-firmware")
    with t.test("... and none of them made a packet"):
        t.true(not kept.made(), "no packet")


def courier(bed, t, table, loose):
    """Keys that wait for a courier's measurement are not for `secret`."""
    folder = f"{bed.owner}/sessions/{'5a' * 32}"
    os.makedirs(folder, 0o700)
    os.chmod(f"{bed.owner}/sessions", 0o700)
    for name, data in (("tik", loose.session.tik), ("tek", loose.session.tek)):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data)
    with t.test("secret by hand: keys in a folder with a name like a session's"):
        t.equal(loose.run(keys=folder + "/", names=("tik", "tek")).code, 0)
        t.true(loose.made(), "a packet")
    table.row("secret-of-courier", prepare=lambda: there(f"{folder}/record", b"x"),
              run=lambda _: loose.run(keys=folder + "/", names=("tik", "tek")), says=["courier judge"], again=False)
    shutil.rmtree(f"{bed.owner}/sessions")


@contextlib.contextmanager
def firmware_of_another(bed, t):
    """The release pins another firmware than the one that there is."""
    conf = f"{bed.owner}/releases/disk.qcow2/release.conf"
    with open(conf, encoding="utf-8") as f:
        text = f.read()
    other = text.replace(sha256(bed.firmware), OTHER)
    t.true(other != text, conf)
    with changed(conf, other.encode()):
        yield


def firmware(bed, t, table):
    table.row("firmware-of-another-release", prepare=lambda: firmware_of_another(bed, t),
              says=["firmware: unpinned", "firmware trust"])
    with t.test("firmware trust: what the owner trusts needs no pin of the release"):
        with firmware_of_another(bed, t):
            result = bed.must("firmware", "trust", bed.firmware, "--owner", bed.owner, "--json")
            t.equal((result.json["sha256"], result.json["added"], result.json["own_build"]),
                    (sha256(bed.firmware), True, True))
            t.equal(bed.dry_run().json["measured"]["firmware"]["pin"], "owner")
            again = json.loads(bed.must("firmware", "trust", bed.firmware, "--owner", bed.owner, "--json").out)
            t.equal(again["added"], False)
            os.unlink(f"{bed.owner}/trusted-firmware")
    garbage = os.path.join(bed.dir, "garbage.fd")
    with open(garbage, "wb") as f:
        f.write(bytes(4096))
    table.row("firmware-trust-garbage",
              run=lambda _: bed.run("firmware", "trust", garbage, "--owner", bed.owner, "--json"),
              says=[garbage], again=False)
    table.row("firmware-trust-nobody", run=lambda _: bed.run("firmware", "trust", bed.firmware, "--json"),
              says=["--owner"], again=False)
    with t.test("... and nothing is trusted after a refusal"):
        t.true(not os.path.exists(f"{bed.owner}/trusted-firmware"), bed.owner)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        with t.test("without an acceptance policy the built-in one holds"):
            plain = bed.released().json
            t.equal(plain["acceptance"], "built-in")
            bed.destroy()
        met(bed, t, plain)
        rows(bed, table)
        alone(bed, t, table)
        certificates(bed, t, table)
        checked(bed, t, table)
        by_hand(bed, t, table)
        firmware(bed, t, table)
        table.finish()
    t.finish()


main()
