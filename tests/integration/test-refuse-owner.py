#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sevlaunch refuses of the owner's own: directory, certificate, key, roots, releases,
ledger, sessions, secrets."""
import contextlib
import hashlib
import os
import shutil
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402
from launchbed import away, changed, mode, owned_by, there  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")
POLICY = owner.NODBG | owner.NOKS | owner.NOSEND | owner.SEV | 17 << 24
EXTRA = "0b1ea0e4-4d1b-4b5e-9df9-0d7a3ac1a3c6"
OTHER_UUID = "0b5e55ed-0000-4000-8000-000000000000"
OTHER_ROOT = "sha256:" + "5a" * 32
DAEMON = 1


def read(path):
    with open(path, "rb") as f:
        return f.read()


def directory(bed, table):
    table.row("owner-dir-0755", prepare=lambda: mode(bed.owner, 0o755), says=[bed.owner, "0755", "chmod 700"])
    table.row("owner-missing", changes={"owner_cert": bed.owner + ".none/pdh.cert"},
              says=[bed.owner + ".none/pdh.cert", "owner-init"])
    table.row("owner-cert-directory", changes={"owner_cert": bed.owner}, says=[bed.owner, "pdh.cert"], again=False)
    table.row("owner-cert-beneath-file", changes={"owner_cert": bed.cert + "/pdh.cert"}, says=[bed.cert], again=False)
    table.row("owner-releases-0750", prepare=lambda: mode(f"{bed.owner}/releases", 0o750), says=["releases", "0750"])
    if os.geteuid() != 0:
        table.skip(["owner-dir-foreign", "owner-key-foreign"], "only root can give files away")
        return
    table.row("owner-dir-foreign", prepare=lambda: owned_by(bed.owner, DAEMON), says=[bed.owner, "user 1, expected 0"])
    table.row("owner-key-foreign", prepare=lambda: owned_by(bed.key, DAEMON), says=["pdh.key", "user 1, expected 0"])


@contextlib.contextmanager
def link(path):
    """The file moved, and a link to it in its place."""
    with away(path):
        os.symlink(path + ".away", path)
        yield path


@contextlib.contextmanager
def fifo(path):
    with away(path):
        os.mkfifo(path, 0o600)
        yield path


def keys(bed, table):
    other = os.path.join(bed.dir, "other")
    bed.must("owner-init", other)
    table.row("owner-key-0644", prepare=lambda: mode(bed.key, 0o644), says=["pdh.key", "0644", "chmod 600"])
    table.row("owner-key-missing", prepare=lambda: away(bed.key), says=["pdh.key"])
    table.row("owner-key-link", prepare=lambda: link(bed.key), says=["pdh.key", "link"])
    table.row("owner-key-fifo", prepare=lambda: fifo(bed.key), says=["pdh.key"])
    table.row("owner-key-empty", prepare=lambda: changed(bed.key, b""), says=["pdh.key", "empty"])
    table.row("owner-key-garbage", prepare=lambda: changed(bed.key, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"),
              says=["pdh.key"])
    table.row("owner-key-mismatch", prepare=lambda: changed(bed.key, read(f"{other}/pdh.key")), says=["pdh.key"])
    shutil.rmtree(other)


def certificates(bed, table):
    cert = read(bed.cert)

    def row(name, data, *says):
        table.row(name, prepare=lambda: changed(bed.cert, data), says=["pdh.cert", *says], again=False)
    row("owner-cert-empty", b"", "0 bytes", "2084")
    row("owner-cert-truncated", cert[:2083], "2083 bytes", "2084")
    row("owner-cert-long", cert + b"\0", "2085 bytes", "2084")
    row("owner-cert-garbage", b"\x80" * 2084, "version")
    row("owner-cert-off-curve", cert[:0x14] + bytes([cert[0x14] ^ 1]) + cert[0x15:])
    row("owner-cert-x509", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "X.509", "owner-init")
    for name in ("oca", "cek", "pek"):
        row({"oca": "owner-cert-oca", "cek": "owner-cert-cek", "pek": "owner-cert-pek"}[name],
            bed.host.certificate(name), name.upper())
    row("owner-cert-ark", bed.host.certificate("ark"), "ARK")
    row("owner-cert-ask", bed.host.certificate("ask"), "ASK")
    row("owner-cert-platform", bed.host.certificate("pdh"), "certificate of a platform", "owner-init")
    table.row("owner-cert-0666", prepare=lambda: mode(bed.cert, 0o666), says=["pdh.cert", "0666"])


def roots(bed, table):
    path = f"{bed.owner}/trusted-roots"
    table.row("roots-malformed", prepare=lambda: changed(path, b"# mine\nsha256:abc\n"), says=["trusted-roots:2"])
    table.row("roots-binary", prepare=lambda: changed(path, b"\xff\xfe"), says=["trusted-roots"])
    table.row("root-untrusted", prepare=lambda: away(path), changes={"emulated_host": None},
              run=lambda _: bed.launch("--json", changes={"emulated_host": None},
                                       env={"SEVLAUNCH_EMULATED_HOST": bed.host.path}),
              says=["EMULATED", "emulator trust"])
    table.row("root-of-another", prepare=lambda: changed(path, OTHER_ROOT.encode() + b"  another host\n"),
              says=["EMULATED"])


@contextlib.contextmanager
def conf(bed, old, new):
    path = f"{bed.owner}/releases/disk.qcow2/release.conf"
    text = read(path).decode()
    if old not in text:
        raise tap.Failure(f"{old!r} is not in\n{text}")
    with changed(path, text.replace(old, new).encode()):
        yield path


@contextlib.contextmanager
def second_release(bed):
    first = f"{bed.owner}/releases/disk.qcow2"
    shutil.copytree(first, first + "-b")
    try:
        yield
    finally:
        shutil.rmtree(first + "-b")


def releases(bed, table):
    where = f"{bed.owner}/releases/disk.qcow2"
    key = f"{where}/luks-key.secret"
    table.row("release-missing", prepare=lambda: away(f"{bed.owner}/releases"),
              says=["disk.qcow2", "release create"])
    table.row("release-of-another-image", changes={"image": bed.copy(bed.disk, "other.qcow2")},
              prepare=lambda: conf(bed, "luks-uuid=", f"luks-uuid={OTHER_UUID}\n#"), says=["other.qcow2", "LUKS UUID"])
    os.unlink(f"{bed.host.files}/other.qcow2")
    table.row("release-ambiguous", prepare=lambda: second_release(bed), says=["disk.qcow2-b", "--release"])
    table.row("release-unknown-key", prepare=lambda: conf(bed, "[boot]", "[boot]\nkernal=1"), says=["kernal"])
    table.row("release-format-2", prepare=lambda: conf(bed, "format=1", "format=2"), says=["'2'", "expected 1"])
    table.row("release-no-firmware", prepare=lambda: conf(bed, "firmware=", "#"), says=["firmware"])
    table.row("release-secret-leaves", prepare=lambda: conf(bed, "luks-key.secret", "../../pdh.key"),
              says=["../../pdh.key"])
    table.row("release-secret-missing", prepare=lambda: away(key), says=["luks-key.secret"])
    table.row("release-secret-0644", prepare=lambda: mode(key, 0o644), says=["luks-key.secret", "0644"])
    table.row("release-uki-differs", prepare=lambda: conf(bed, "\nuki=", "\nuki=" + "0" * 64 + "\n#"),
              says=["uki", "0" * 64])
    table.row("release-firmware-differs", prepare=lambda: conf(bed, "firmware=", "firmware=" + "0" * 64 + "\n#"),
              says=["firmware"])
    table.row("release-of-a-kernel", says=["a unified kernel image", "a plain kernel"],
              prepare=lambda: conf(bed, "\nuki=", "\n" + "".join(f"{k}={'0' * 64}\n" for k in
                                                                  ("kernel", "initrd", "cmdline")) + "#"))


@contextlib.contextmanager
def another_release(bed, name):
    """A copy for another image, whose disk this one seems to be; the first one's UUID goes."""
    with second_release(bed):
        text = read(f"{bed.owner}/releases/disk.qcow2-b/release.conf").decode()
        with changed(f"{bed.owner}/releases/disk.qcow2-b/release.conf",
                     text.replace("image=disk.qcow2", f"image={name}").encode()), \
                conf(bed, "luks-uuid=", f"luks-uuid={OTHER_UUID}\n#"):
            yield


def chosen(bed, table, t):
    """A host that writes another UUID into the image chooses no other release."""
    with t.test("--release passes a rehearsal where name and UUID lead to two releases"):
        with another_release(bed, "b.qcow2"):
            for name in ("disk.qcow2", "disk.qcow2-b"):
                t.equal(bed.dry_run("--release", name).json["release"], name)
    table.row("release-uuid-of-another", prepare=lambda: another_release(bed, "b.qcow2"),
              says=["'disk.qcow2'", "'disk.qcow2-b'", "--release"])
    table.row("release-not-there", "--release", "none", says=["'none'"])
    image = {"image": bed.copy(bed.disk, "other.qcow2")}
    extra = there(os.path.join(bed.dir, "extra"), b"x")
    digest = hashlib.sha256(read(bed.firmware)).hexdigest()
    with extra as path, t.test("by the UUID alone: passes without a weakening option, and with --release"):
        t.equal(bed.dry_run(changes=image).json["release"], "disk.qcow2")
        for words in (["--secret", f"{EXTRA}:{path}"], ["--accept-firmware", digest]):
            bed.dry_run(*words, "--release", "disk.qcow2", changes=image)

    def row(name, *words):
        table.row(name, *words, changes=image, says=["UUID", words[0], "--release disk.qcow2"], again=False)
    row("release-unnamed-secret", "--secret", f"{EXTRA}:{bed.disk_key}")
    row("release-unnamed-firmware", "--accept-firmware", digest)
    row("release-unnamed-boot", "--allow-unmeasured-boot", "--own-boot-loader")
    row("release-unnamed-debug", "--accept-debug")
    row("release-unnamed-api", "--allow-legacy-api")
    os.unlink(image["image"])


def ledger(bed, table):
    path = f"{bed.owner}/ledger"
    table.row("ledger-damaged", prepare=lambda: changed(path, b"1 yesterday\n" + read(path)), says=["ledger:1"])
    table.row("ledger-0644", prepare=lambda: mode(path, 0o644), says=["ledger", "0644"])
    table.row("ledger-link", prepare=lambda: link(path), says=["ledger"])


class Given:
    """Files of a session that was made elsewhere, and its owner's."""

    def __init__(self, bed, session, name="given"):
        self.bed, self.session, self.dir = bed, session, os.path.join(bed.dir, name)
        os.mkdir(self.dir, 0o700)
        self.write("pdh.cert", session.cert)
        self.write("pdh.key", session.key_pem())
        self.write("session.b64", owner.b64(session.blob).encode())
        self.write("tik.bin", session.tik)
        self.write("tek.bin", session.tek)
        shutil.copy(f"{bed.owner}/trusted-roots", self.dir)
        bed.release(cert=self.path("pdh.cert"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        os.chmod(self.path(name), 0o600)

    def words(self):
        return ["--session", self.path("session.b64"), "--tik", self.path("tik.bin"), "--tek", self.path("tek.bin")]


def sessions(bed, table, t):
    pdh = bed.host.certificate("pdh")
    given = Given(bed, owner.Session(pdh, POLICY))
    words, changes = given.words(), {"owner_cert": given.path("pdh.cert")}
    accepted = "--allow-unbound-session"

    def row(name, part, data, *says):
        table.row(name, *words, changes=changes, prepare=lambda: changed(given.path(part), data),
                  says=says, again=False)
    with t.test("a session made elsewhere passes a rehearsal, with its owner's key"):
        bound = bed.dry_run(*words, changes=changes).json["unproven"]
        t.equal([text for text in bound if "session" in text], [])
    blob, session = given.session.blob, given.session
    row("session-truncated", "session.b64", owner.b64(blob[:127]).encode(), "session.b64", "127 bytes", "128")
    row("session-other-tik", "tik.bin", bytes(16))
    row("session-short-tek", "tek.bin", session.tek[:15], "tek.bin", "15 bytes", "16")
    row("session-other-tek", "tek.bin", bytes(16), "another TEK")
    row("session-other-policy", "session.b64",
        owner.b64(blob[:96] + owner.mac(session.tik, (POLICY & ~1).to_bytes(4, "little"))).encode())
    # The same owner's, with keys that the other platform's administrator knows.
    other = owner.Session(owner.make_cert(owner.ec.generate_private_key(owner.ec.SECP384R1())), POLICY,
                          key=session.key)
    with changed(given.path("tik.bin"), other.tik), changed(given.path("tek.bin"), other.tek):
        row("session-of-another-platform", "session.b64", owner.b64(other.blob).encode(), "another platform")
    unbound(bed, table, t, given)
    with t.test("a session made elsewhere is verified, and its guest left paused"):
        before = bed.leftovers()
        result = bed.launch("--json", "--paused", *words, changes=changes)
        t.equal((result.code, result.reasons), (0, []), result)
        t.equal(result.json["domain"]["running"], False)
        bed.destroy()
        bed.same_leftovers(before)
    table.row("session-reused", *words, changes=changes, says=["judged before"], again=False)
    table.row("session-unbound-alone", accepted, says=["--session"])


def unbound(bed, table, t, given):
    """Sessions whose owner's key nobody has: those of sevctl."""
    words, changes = given.words(), {"owner_cert": given.path("pdh.cert")}
    accepted = "--allow-unbound-session"

    def no_key():
        return away(given.path("pdh.key"))
    table.row("session-no-key", changes=changes, prepare=no_key, says=["pdh.key"], again=False)
    with t.test("without the key it passes a rehearsal only with --allow-unbound-session, and is unproven"):
        with no_key():
            said = bed.dry_run(*words, accepted, changes=changes).json["unproven"]
        t.equal(len([text for text in said if "made for this platform" in text]), 1, said)
    table.row("session-unbound", *words, changes=changes, prepare=no_key, says=["owner's key", accepted], again=False)
    stranger = Given(bed, owner.Session(owner.make_cert(owner.ec.generate_private_key(owner.ec.SECP384R1())), POLICY),
                     "stranger")
    table.row("session-unbound-of-another", *stranger.words(), accepted, prepare=lambda: away(stranger.path("pdh.key")),
              changes={"owner_cert": stranger.path("pdh.cert")})


def session_dir(bed, table):
    private = bed.session_dir()
    table.row("session-dir-0755", "--session-dir", private, prepare=lambda: mode(private, 0o755),
              says=[private, "0755"], again=["--session-dir", private])
    table.row("session-dir-file", "--session-dir", bed.cert, says=[bed.cert])


def secrets(bed, table):
    def secret(data, bits=0o600):
        return there(os.path.join(bed.dir, "extra"), data, bits=bits)
    words = ("--secret", lambda path: f"{EXTRA}:{path}")
    table.row("secret-too-large", *words, prepare=lambda: secret(b"x" * 5000), says=["secret"])
    table.row("secret-empty", *words, prepare=lambda: secret(b""), says=["extra", "empty"])
    table.row("secret-missing", "--secret", f"{EXTRA}:{bed.dir}/none", says=[f"{bed.dir}/none"])
    table.row("secret-directory", "--secret", f"{EXTRA}:{bed.dir}", says=[bed.dir])
    table.row("secret-unknown-alias", "--secret", f"disk-key:{bed.disk_key}", says=["disk-key"])
    table.row("secret-without-file", "--secret", "luks-key", says=["--secret", "ALIAS:FILE"])
    table.row("secret-twice", "--secret", f"luks-key:{bed.disk_key}", says=["luks-key"])


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        table.positive()
        directory(bed, table)
        keys(bed, table)
        certificates(bed, table)
        roots(bed, table)
        releases(bed, table)
        chosen(bed, table, t)
        ledger(bed, table)
        session_dir(bed, table)
        secrets(bed, table)
        sessions(bed, table, t)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
