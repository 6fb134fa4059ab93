#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's programs and the script that makes disks, without a guest.

Headers come from cryptsetup, through luks-encrypt; each refused one is that header with
one thing changed and its checksums made to fit again (tests/lib/lukshdr.py), so that it
is refused for the change and for nothing else.
"""
import copy
import hashlib
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import lukshdr  # noqa: E402

MAKE_DISK = os.path.join(TOP, "ovmf-hooks", "guest", "make-disk.sh")
STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
ENV = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")


def find_tools():
    for build in filter(None, (os.environ.get("SEVLAUNCH_BUILD"), os.path.join(TOP, "build", "gcc"),
                               os.path.join(TOP, "build"))):
        directory = os.path.join(build, "ovmf-hooks", "guest")
        if os.path.exists(os.path.join(directory, "luks-encrypt")):
            return directory
    return None


TOOLS = find_tools()


def run(*argv, **keywords):
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(argv, env=ENV, check=False, **keywords)


def tool(name, *argv, **keywords):
    return run(os.path.join(TOOLS, name), *argv, **keywords)


class Fixture:
    """A volume of cryptsetup's and luks-encrypt's making."""

    def __init__(self, work):
        self.work = work
        self.plain = hashlib.shake_256(b"payload").digest(3 << 20)
        self.key = hashlib.sha256(b"key").digest()
        self.write("plain", self.plain)
        self.write("key", self.key)
        volume = self.write("volume", b"")
        os.truncate(volume, 8 << 20)
        done = tool("luks-encrypt", "--key-file", self.path("key"), "--uuid", str(uuid.uuid4()),
                    "--payload", self.path("plain"), "--output", volume, "--offset", str(1 << 20))
        assert done.returncode == 0, done.stderr
        self.length, self.digest = done.stdout.decode().split()
        self.length = int(self.length)
        self.header = self.read("volume")[1 << 20 : (1 << 20) + self.length]

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def check(self, header, pin=None, device=None):
        """(exit status, first word of the answer) of sevlaunch-luks-check."""
        if pin is None:
            pin = hashlib.sha256(header).digest() + struct.pack("<Q", len(header))
        self.write("pin", pin)
        copy_path = self.path("copy")
        if os.path.exists(copy_path):
            os.unlink(copy_path)
        device = self.write("device", header if device is None else device)
        done = tool("sevlaunch-luks-check", "--pin", self.path("pin"), "--output", copy_path, device)
        if done.returncode == 0:
            assert self.read("copy") == header and done.stdout.decode() == device + "\n"
            assert os.stat(copy_path).st_mode & 0o777 == 0o600
        else:
            assert not os.path.exists(copy_path), "copy left after a refusal"
        return done.returncode, done.stdout.decode().split(":")[0].strip()


def expect(actual, wanted):
    assert actual == wanted, f"{str(actual)[:500]}, expected {str(wanted)[:500]}"


# ---- sevlaunch-luks-check -----------------------------------------------------------

def segment(**values):
    return lambda m: m["segments"]["0"].update(values)


def keyslot(part=None, **values):
    def edit(m):
        slot = m["keyslots"]["0"]
        (slot[part] if part else slot).update(values)
    return edit


def section(*path, **values):
    def edit(m):
        for name in path:
            m = m[name]
        m.update(values)
    return edit


def two_segments(m):
    m["segments"]["1"] = copy.deepcopy(m["segments"]["0"])


def second_keyslot(offset):
    def edit(m):
        m["keyslots"]["1"] = copy.deepcopy(m["keyslots"]["0"])
        m["keyslots"]["1"]["area"]["offset"] = str(offset)
        m["digests"]["0"]["keyslots"].append("1")
    return edit


def backup_segment(m):
    m["segments"]["0"]["flags"] = ["backup-final"]


def linear(m):
    m["segments"]["0"] = {"type": "linear", "offset": m["segments"]["0"]["offset"], "size": "dynamic"}


# What is changed in the metadata, and the reason that it must be refused for.
REFUSED = [
    ("null cipher for the data", segment(encryption="cipher_null-ecb"), "cipher"),
    ("another cipher", segment(encryption="aes-cbc-essiv:sha256"), "cipher"),
    ("data not encrypted", linear, "segment-type"),
    ("no segment", lambda m: m["segments"].clear(), "segments"),
    ("two segments", two_segments, "segments"),
    ("segment under another number", lambda m: m.update(segments={"1": m["segments"]["0"]}), "segments"),
    ("data further away", segment(offset=str((1 << 20) + 512)), "segment-offset"),
    ("data inside the header", segment(offset="32768"), "segment-offset"),
    ("offset that is no number", segment(offset="1048576x"), "segment-offset"),
    ("offset with a leading zero", segment(offset="01048576"), "segment-offset"),
    ("offset as a JSON number", segment(offset=1 << 20), "segment-offset"),
    ("fixed size", segment(size="1048576"), "segment-size"),
    ("another tweak", segment(iv_tweak="8"), "segment-tweak"),
    ("odd sector size", segment(sector_size=1024), "sector-size"),
    ("integrity", segment(integrity={"type": "hmac(sha256)"}), "segment-member"),
    ("segment's flags", backup_segment, "segment-member"),
    ("token", section("tokens", **{"0": {"type": "systemd-tpm2", "keyslots": ["0"]}}), "token"),
    ("reencryption requirement", section("config", requirements={"mandatory": ["online-reencrypt-v2"]}),
     "requirements"),
    ("empty requirements", section("config", requirements={}), "requirements"),
    ("persistent flags", section("config", flags=["allow-discards"]), "config-flags"),
    ("unknown setting", section("config", more=1), "config-member"),
    ("wrong size of metadata", section("config", json_size="16384"), "config-size"),
    ("keyslots area over the data", section("config", keyslots_size=str(1 << 20)), "config-size"),
    ("unknown section", lambda m: m.update(more={}), "metadata"),
    ("section missing", lambda m: m.pop("tokens"), "metadata"),
    ("section of another type", lambda m: m.update(tokens=[]), "metadata"),
    ("no digest", lambda m: m["digests"].clear(), "digests"),
    ("two digests", lambda m: m["digests"].update({"1": m["digests"]["0"]}), "digests"),
    ("digest of another segment", section("digests", "0", segments=["1"]), "digest"),
    ("weak digest", section("digests", "0", iterations=1), "digest"),
    ("no keyslot", lambda m: (m["keyslots"].clear(), m["digests"]["0"]["keyslots"].clear()), "keyslots"),
    ("keyslot without a digest", section("digests", "0", keyslots=[]), "keyslots"),
    ("digest names another keyslot", section("digests", "0", keyslots=["7"]), "keyslots"),
    ("reencryption keyslot", keyslot(type="reencrypt"), "keyslot-type"),
    ("keyslot with more", keyslot(mode="x"), "keyslot-member"),
    ("priority out of range", keyslot(priority=3), "keyslot-member"),
    ("short volume key", keyslot(key_size=32), "keyslot-key-size"),
    ("null cipher for a keyslot", keyslot("area", encryption="cipher_null-ecb"), "keyslot-cipher"),
    ("short key for a keyslot", keyslot("area", key_size=32), "keyslot-cipher"),
    ("keyslot's area of another type", keyslot("area", type="journal"), "keyslot-area"),
    ("keyslot without an area", lambda m: m["keyslots"]["0"].pop("area"), "keyslot-area"),
    ("few stripes", keyslot("af", stripes=1), "keyslot-af"),
    ("another splitter", keyslot("af", type="plain"), "keyslot-af"),
    ("few iterations", keyslot("kdf", iterations=1), "keyslot-kdf"),
    ("endless iterations", keyslot("kdf", iterations=2**31 - 1), "keyslot-kdf"),
    ("weak hash", keyslot("kdf", hash="md5"), "keyslot-kdf"),
    ("no salt", keyslot("kdf", salt=""), "keyslot-kdf"),
    ("argon2 with too much memory",
     lambda m: m["keyslots"]["0"].update(kdf={"type": "argon2id", "time": 4, "memory": 2**30, "cpus": 4,
                                              "salt": m["keyslots"]["0"]["kdf"]["salt"]}), "keyslot-kdf"),
    ("keyslot in the metadata", keyslot("area", offset="4096"), "keyslot-place"),
    ("keyslot beyond its area", keyslot("area", offset=str((1 << 20) - 4096)), "keyslot-place"),
    ("small keyslot", keyslot("area", size="4096"), "keyslot-place"),
    ("huge keyslot", keyslot("area", size="999999999999999999"), "keyslot-place"),
    ("overlapping keyslots", second_keyslot(32768 + 4096), "keyslot-place"),
]

ACCEPTED = [
    ("the metadata written anew", lambda m: None),
    ("4096-byte sectors", segment(sector_size=4096)),
    ("preferred keyslot", keyslot(priority=2)),
    ("second keyslot beside the first", second_keyslot(32768 + 258048)),
    ("argon2", lambda m: m["keyslots"]["0"].update(
        kdf={"type": "argon2id", "time": 4, "memory": 65536, "cpus": 1,
             "salt": m["keyslots"]["0"]["kdf"]["salt"]})),
]


def changed_bytes(header, *changes, reseal=True):
    """header after changes (offset, bytes); offsets are of the area."""
    area = bytearray(header)
    for at, data in changes:
        area[at : at + len(data)] = data
    return lukshdr.reseal(bytes(area)) if reseal else bytes(area)


def binary_cases(h):
    size = lukshdr.header_size(h)
    text_end = h.index(b"\0", 4096)
    both = lambda at, data: [(at, data), (size + at, data)]  # noqa: E731
    return [
        ("LUKS version 1", changed_bytes(h, (6, b"\0\1")), "luks-version"),
        ("no magic", changed_bytes(h, (0, b"x")), "no-luks"),
        ("header size that is no power of two", changed_bytes(h, (8, struct.pack(">Q", size + 4096)), reseal=False),
         "header-size"),
        ("header size beyond the area", changed_bytes(h, (8, struct.pack(">Q", 1 << 22)), reseal=False),
         "header-size"),
        ("header at another offset", changed_bytes(h, (256, struct.pack(">Q", 4096))), "header-size"),
        ("another checksum algorithm", changed_bytes(h, *both(72, b"sha512")), "header-checksum"),
        ("checksum broken", changed_bytes(h, (448, bytes([h[448] ^ 1])), reseal=False), "header-checksum"),
        ("metadata changed, checksum kept",
         h[:4096] + h[4096:size].replace(b"aes-xts-plain64", b"cipher_null-ecb", 2) + h[size:], "header-checksum"),
        ("second header missing", changed_bytes(h, (size, bytes(6)), reseal=False), "second-header"),
        ("second header broken", changed_bytes(h, (size + 448, bytes([h[size + 448] ^ 1])), reseal=False),
         "header-checksum"),
        ("second header newer", changed_bytes(h, (size + 16, struct.pack(">Q", 99))), "second-header"),
        ("second header says something else", changed_bytes(h, (size + h[4096:].index(b"sha256") + 4096, b"sha512")),
         "second-header"),
        ("text after the metadata", changed_bytes(h, *both(text_end + 8, b"{}")), "json"),
        ("metadata without an end", changed_bytes(h, *both(4096, b" " * (size - 4096))), "json"),
        ("metadata that is no JSON", changed_bytes(h, *both(4096, b"}")), "json"),
        ("metadata nested deeply", changed_bytes(h, *both(4096, b'{"a":' + b"[" * 40)), "json"),
    ]


def test_check_accepts(f):
    expect(f.check(f.header), (0, f.path("device")))
    for name, edit in ACCEPTED:
        header = lukshdr.change(f.header, edit)
        expect((name, f.check(header)[0]), (name, 0))


def test_check_refuses_metadata(f):
    expect(f.check(f.header)[0], 0)
    for name, edit, reason in REFUSED:
        header = lukshdr.change(f.header, edit)
        assert header != f.header, name
        expect((name, f.check(header)), (name, (1, reason)))


def test_check_refuses_binary(f):
    expect(f.check(f.header)[0], 0)
    for name, header, reason in binary_cases(f.header):
        assert header != f.header, name
        expect((name, f.check(header)), (name, (1, reason)))


def test_check_pin(f):
    pin = hashlib.sha256(f.header).digest()
    good = pin + struct.pack("<Q", f.length)
    expect(f.check(f.header, good)[0], 0)
    expect(f.check(f.header, good[:-1]), (1, "bad-pin"))
    expect(f.check(f.header, good + b"\0"), (1, "bad-pin"))
    for length in (0, 512, f.length + 1, (16 << 20) + 512, 2**64 - 512):
        expect(f.check(f.header, pin + struct.pack("<Q", length)), (1, "bad-pin"))
    expect(f.check(f.header, bytes(32) + good[32:]), (2, "header-mismatch"))
    expect(f.check(f.header, pin + struct.pack("<Q", f.length - 512)), (2, "header-mismatch"))


def test_check_devices(f):
    pin = hashlib.sha256(f.header).digest() + struct.pack("<Q", f.length)
    expect(f.check(f.header, pin, f.header[:-1]), (2, "header-mismatch"))  # a short disk
    expect(f.check(f.header, pin, bytes(1 << 21)), (2, "no-luks"))
    expect(f.check(f.header, pin, b""), (2, "no-disk"))
    f.write("pin", pin)
    f.write("other", bytes(1 << 21))
    f.write("device", f.header)
    assert not os.path.exists(f.path("copy"))
    arguments = ["--pin", f.path("pin"), "--output", f.path("copy")]
    done = tool("sevlaunch-luks-check", *arguments, f.path("absent"), f.path("other"), f.path("device"))
    expect((done.returncode, done.stdout.decode()), (0, f.path("device") + "\n"))
    # An existing copy is never written over; nothing to check is not a success.
    done = tool("sevlaunch-luks-check", *arguments, f.path("device"))
    expect((done.returncode, done.stdout), (3, b""))
    os.unlink(f.path("copy"))
    expect(tool("sevlaunch-luks-check", *arguments).returncode, 2)
    expect(tool("sevlaunch-luks-check", *arguments[:2]).returncode, 3)


# ---- sevlaunch-secret-read ------------------------------------------------------------

GUID = "736869e5-84f0-4973-92ec-06879ce3da0b"


def read_secret(f, guid=GUID, **keywords):
    return tool("sevlaunch-secret-read", "--directory", f.work, guid, **keywords)


def test_secret_to_pipe(f):
    for secret in (b"x", f.key, b"\0\n\0", f.plain[:5000], f.plain[: 1 << 16]):
        f.write(GUID, secret)
        done = read_secret(f)
        expect((done.returncode, done.stdout, done.stderr), (0, secret, b""))


def test_secret_nowhere_else(f):
    f.write(GUID, f.key)
    expect(read_secret(f).returncode, 0)

    with open(f.path("out"), "wb") as out:
        expect(read_secret(f, stdout=out).returncode, 1)
    expect(f.read("out"), b"")

    master, slave = pty.openpty()
    done = read_secret(f, stdout=slave)
    os.write(slave, b"end")
    expect((done.returncode, os.read(master, 4096)), (1, b"end"))
    os.close(master)
    os.close(slave)

    # A reader that is gone.
    reader, writer = os.pipe()
    os.close(reader)
    expect(read_secret(f, stdout=writer).returncode, 1)
    os.close(writer)


def test_secret_bad_input(f):
    f.write(GUID, f.key)
    expect(read_secret(f).returncode, 0)

    for guid in (GUID.upper(), GUID[:-1], GUID + "0", "../" + GUID[3:], "/etc/passwd", "", GUID.replace("-", "x")):
        done = read_secret(f, guid)
        expect((guid, done.returncode, done.stdout), (guid, 1, b""))
    for secret in (b"", bytes((1 << 16) + 1)):
        f.write(GUID, secret)
        done = read_secret(f)
        expect((done.returncode, done.stdout), (1, b""))
    os.unlink(f.path(GUID))
    expect(read_secret(f).returncode, 1)
    os.symlink(f.path("key"), f.path(GUID))
    expect(read_secret(f).returncode, 1)
    os.unlink(f.path(GUID))


# ---- luks-encrypt ------------------------------------------------------------------------

def test_encrypt_agrees_with_cryptsetup(f):
    """The header opens with the key; the payload is AES-256-XTS with the sector number
    as tweak: decrypted here with another library, under the key that cryptsetup dumps."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    volume = f.read("volume")
    expect(f.digest, hashlib.sha256(f.header).hexdigest())
    expect(volume[: 1 << 20], bytes(1 << 20))
    part = f.write("part", volume[1 << 20 :])
    done = run("cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--key-file", f.path("key"),
               "--volume-key-file", f.path("vk"), part)
    expect(done.returncode, 0)
    key = f.read("vk")
    expect(len(key), 64)
    data = volume[(1 << 20) + f.length :]
    for sector in (0, 1, 2047, 2048, len(f.plain) // 512 - 1):
        cipher = Cipher(algorithms.AES(key), modes.XTS(sector.to_bytes(16, "little"))).decryptor()
        at = sector * 512
        expect(cipher.update(data[at : at + 512]), f.plain[at : at + 512])
    # Another key opens nothing.
    f.write("wrong", bytes(32))
    expect(run("cryptsetup", "open", "--test-passphrase", "--key-file", f.path("key"), part).returncode, 0)
    assert run("cryptsetup", "open", "--test-passphrase", "--key-file", f.path("wrong"), part).returncode != 0


def test_encrypt_fresh_volume_key(f):
    os.truncate(f.write("again", b""), 8 << 20)
    done = tool("luks-encrypt", "--key-file", f.path("key"), "--uuid", str(uuid.uuid4()), "--payload",
                f.path("plain"), "--output", f.path("again"), "--offset", str(1 << 20))
    expect(done.returncode, 0)
    start = (1 << 20) + f.length
    assert f.read("again")[start : start + 512] != f.read("volume")[start : start + 512]
    os.truncate(f.path("plain"), (3 << 20) - 1)
    done = tool("luks-encrypt", "--key-file", f.path("key"), "--uuid", str(uuid.uuid4()), "--payload",
                f.path("plain"), "--output", f.path("again"), "--offset", "0")
    expect(done.returncode, 1)
    f.write("plain", f.plain)


# ---- make-disk.sh ---------------------------------------------------------------------------

def make_disk(f, *options, output="disk"):
    tree = f.path("tree")
    if not os.path.isdir(tree):
        os.makedirs(os.path.join(tree, "etc"))
        with open(os.path.join(tree, "etc", "os-release"), "w", encoding="ascii") as out:
            out.write("ID=test\n")
        f.write("vmlinuz", f.plain[:70000])
        f.write("initrd", f.plain[70000:130001])
    env = dict(ENV, SEVLAUNCH_GUEST_TOOLS=TOOLS)
    return subprocess.run(
        [MAKE_DISK, "--root", tree, "--kernel", f.path("vmlinuz"), "--initrd", f.path("initrd"),
         "--output", f.path(output), "--free", "1", *options],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def manifest(f, output="disk"):
    values = {}
    for line in f.read(f"{output}/disk.manifest").decode().splitlines():
        name, _, value = line.partition("=")
        values[name] = value
    return values


def uki_sections(path):
    """{name: (vma, size)} as objdump sees them."""
    sections = {}
    for line in run("objdump", "-h", path).stdout.decode().splitlines():
        words = line.split()
        if len(words) > 5 and words[0].isdigit():
            sections[words[1]] = (int(words[3], 16), int(words[2], 16))
    return sections


def test_disk(f):
    done = make_disk(f, "--append", "more=1")
    expect((done.returncode, sorted(os.listdir(f.path("disk")))),
           (0, ["disk.key", "disk.manifest", "disk.qcow2", "uki.efi"]))
    values = manifest(f)
    key = f.read("disk/disk.key")
    expect((len(key), os.stat(f.path("disk/disk.key")).st_mode & 0o777), (32, 0o600))

    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", f.path("disk/disk.qcow2"), f.path("raw"))
    expect(run("sfdisk", "--verify", f.path("raw")).returncode, 0)
    raw = f.read("raw")
    offset, length = int(values["luks-partition-offset"]), int(values["luks-header-length"])
    expect(values["luks-header-sha256"], hashlib.sha256(raw[offset : offset + length]).hexdigest())
    expect(f.check(raw[offset : offset + length])[0], 0)
    part = f.write("part", raw[offset:])
    expect(run("cryptsetup", "luksUUID", part).stdout.decode().strip(), values["luks-uuid"])
    expect(run("cryptsetup", "open", "--test-passphrase", "--key-file", f.path("disk/disk.key"), part).returncode, 0)
    assert key not in raw, "the key is on the disk"

    # Exactly one file on the EFI system partition, and it is the UKI.
    listing = run("mdir", "-i", f.path("raw") + "@@1M", "-b", "-/", "::").stdout.decode().split()
    expect([n for n in listing if not n.endswith("/")], ["::/EFI/BOOT/BOOTX64.EFI"])
    run("mcopy", "-i", f.path("raw") + "@@1M", "::/EFI/BOOT/BOOTX64.EFI", f.path("extracted"))
    expect(hashlib.sha256(f.read("extracted")).hexdigest(), values["uki-sha256"])
    expect(f.read("extracted"), f.read("disk/uki.efi"))


def test_uki(f):
    expect(make_disk(f, "--append", "more=1").returncode, 0)
    uki = f.path("disk/uki.efi")
    spans = sorted(uki_sections(uki).values())
    for (start, size), (following, _) in zip(spans, spans[1:]):
        assert start + size <= following, "sections overlap"
    contents = {}
    for name in (".osrel", ".cmdline", ".linux", ".initrd"):
        run("objcopy", "-O", "binary", f"--only-section={name}", uki, f.path("section"))
        contents[name] = f.read("section")
    expect(contents[".osrel"], b"ID=test\n")
    expect(contents[".linux"], f.read("vmlinuz"))
    expect(contents[".initrd"], f.read("initrd"))
    words = contents[".cmdline"].decode().split()
    for word in ("panic=-1", "noresume", "systemd.import_credentials=no", "systemd.gpt_auto=no", "more=1"):
        assert word in words, word

    # The PE header's time stamp does not tell when it was made.
    image = f.read("disk/uki.efi")
    header = struct.unpack("<I", image[0x3C:0x40])[0]
    expect((image[header : header + 4], image[header + 8 : header + 12]), (b"PE\0\0", bytes(4)))

    # The same bytes again, so that a release stays good; but never the same key.
    expect(make_disk(f, "--append", "more=1", output="twice").returncode, 0)
    expect(f.read("twice/uki.efi"), f.read("disk/uki.efi"))
    assert f.read("twice/disk.key") != f.read("disk/disk.key")
    shutil.rmtree(f.path("twice"))


def test_disk_refusals(f):
    expect(make_disk(f, "--stub", STUB).returncode, 0)
    with open(STUB, "rb") as stub:
        newer = stub.read()
    assert newer.count(b"systemd-stub 25") == 1
    at = newer.index(b"systemd-stub 25") + len(b"systemd-stub ")
    for version in (b"254", b"257"):
        f.write("newer", newer[:at] + version + newer[at + 3 :])
        done = make_disk(f, "--stub", f.path("newer"), output="bad")
        expect((done.returncode, b"unmeasured command line" in done.stderr), (1, True))
    for options, words in ((("--key-file", f.path("vmlinuz")), b"not 32 bytes"),
                           (("--stub", f.path("key")), b"not systemd's EFI stub"),
                           (("--kernel", f.path("absent")), b"cannot read kernel"),
                           (("--root", f.path("absent")), b"no directory or archive"),
                           (("--name", "../x"), b"bad name"),
                           (("--free", "1x"), b"not a number"),
                           (("--volume", "x"), b"unexpected argument")):
        done = make_disk(f, *options, output="bad")
        assert done.returncode == 1 and words in done.stderr, (options, done.stderr)
    leftovers = os.listdir(f.path("bad")) if os.path.isdir(f.path("bad")) else []
    expect(leftovers, [])


def test_disk_key(f):
    expect(make_disk(f, "--key-file", f.path("key")).returncode, 0)
    expect(f.read("disk/disk.key"), f.key)


TESTS = [(name[5:].replace("_", " "), function) for name, function in list(globals().items())
         if name.startswith("test_")]


def main():
    if TOOLS is None:
        print("1..0 # SKIP programs are not built")
        return 0
    failed = 0
    print(f"1..{len(TESTS)}")
    with tempfile.TemporaryDirectory(prefix="sl-tools-") as work:
        fixture = Fixture(work)
        for number, (name, function) in enumerate(TESTS, 1):
            try:
                function(fixture)
                print(f"ok {number} - {name}", flush=True)
            except Exception:  # a test that cannot be carried out has failed
                failed += 1
                print(f"not ok {number} - {name}")
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
