#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sevlaunch platform on an emulated host: what it writes, changes and refuses."""
import hashlib
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import devsev  # noqa: E402
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402
from keyserver import Answer, KeyServer  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")

# Stands for another machine: libvirt's client talks to it on standard input and output.
BRIDGE = """#!/usr/bin/python3
import os, socket, threading
s = socket.socket(socket.AF_UNIX)
s.connect("%s")
def up():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
"""
NAMES = ("pdh", "pek", "oca", "cek", "ask", "ark")


class Platform:
    def __init__(self, bed):
        self.bed = bed
        self.dir = os.path.join(bed.dir, "certs")  # which the first export makes

    def run(self, verb, *words, where=True):
        return self.bed.run("platform", verb, "--json", *(self.bed.where() if where else ()), *words)

    def must(self, verb, *words):
        result = self.run(verb, *words)
        if result.code != 0:
            raise tap.Failure(str(result))
        return result.json

    def files(self):
        """What export --full writes, by name."""
        self.must("export", "--full", "--dir", self.dir)
        return {name: emuhost.read_bytes(f"{self.dir}/{name}.cert") for name in NAMES}

    def sign(self):
        """The owner's part of a ceremony: paths of signed CSR and OCA."""
        self.must("csr", "--dir", self.dir)
        pair = devsev.sign_csr(emuhost.read_bytes(f"{self.dir}/pek_csr.cert"), ec.generate_private_key(ec.SECP384R1()))
        paths = [f"{self.dir}/{name}" for name in ("pek_csr.signed.cert", "oca-owner.cert")]
        for path, data in zip(paths, pair):
            with open(path, "wb") as f:
                f.write(data)
        return paths


def judged(bed, p, t):
    """sevlaunch verify-platform, on what this host exports."""
    path, ca = (os.path.join(p.dir, name) for name in ("full", "ca"))
    p.must("export", "--full", path)
    cert = bed.host.certificate
    with open(ca, "wb") as f:
        f.write(cert("ask") + cert("ark"))
    # Exponent and modulus, 2048 bits each.
    root = hashlib.sha256(cert("ark")[64:64 + 512]).hexdigest()
    given = ["--offline", "--cek", f"{bed.host.path}/certs/cek.cert", "--ca", ca]

    def judge(*words):
        return bed.run("verify-platform", "--json", *words, env={"XDG_CACHE_HOME": f"{bed.dir}/cache"})
    with t.test("verify-platform: an unknown root is refused, and named"):
        seen = judge(path)
        t.equal((seen.code, seen.reasons, seen.json["root"]), (1, ["chain-root-untrusted"], f"sha256:{root}"), seen)
    with t.test("verify-platform: a root that is trusted, which never makes it AMD's"):
        for words in (["--trust-root", root], ["--trust-root", f"sha256:{root}"], ["--owner", bed.owner]):
            seen = judge(path, *words)
            t.equal((seen.code, seen.json["kind"], seen.json["emulated"], seen.json["generation"]),
                    (0, "emulated", True, "EMULATED"), seen)
    with t.test("verify-platform --owner: the acceptance policy of that directory holds too"):
        with launchbed.there(f"{bed.owner}/acceptance", b"[acceptance]\nformat=1\n[platform]\nemulated=yes\n"):
            t.equal(judge(path, "--owner", bed.owner).code, 0)
        with launchbed.there(f"{bed.owner}/acceptance", b"[acceptance]\nformat=1\n[platform]\nroots=amd\n"):
            seen = judge(path, "--owner", bed.owner)
            t.equal((seen.code, seen.reasons), (1, ["acceptance-root", "acceptance-emulated"]), seen)
    with t.test("verify-platform: a libvirt URI; the CEK that it has is not signed"):
        seen = judge(bed.host.uri, "--trust-root", root, *given)
        t.equal((seen.code, seen.json["kind"]), (0, "emulated"), seen)
        seen = judge(bed.host.uri, "--trust-root", root, "--offline")
        t.true(seen.code == 1 and seen.reasons[0] == "cek-missing", seen)
        t.equal(judge("qemu+unix:///session?socket=/nowhere", *given).reasons, ["libvirt-unreachable"])
    with t.test("verify-platform: the libvirt of another machine, which a launch does not take"):
        bridge = os.path.join(p.dir, "bridge")
        with open(bridge, "w", encoding="utf-8") as f:
            f.write(BRIDGE % f"{bed.host.path}/rt/libvirt/libvirt-sock")
        os.chmod(bridge, 0o755)
        uri = f"qemu+ext:///session?command={bridge}"
        seen = judge(uri, "--trust-root", root, *given)
        t.equal((seen.code, seen.json.get("kind")), (0, "emulated"), seen)
        seen = bed.launch("--json", "--connect", uri, *given, changes={"emulated_host": None})
        t.equal((seen.code, seen.reasons), (2, ["usage"]), seen)


def forgotten_id(bed, p, t):
    """The chip's id when libvirt has forgotten it, as 9.0 does when it is started again."""
    host = bed.host
    root = hashlib.sha256(host.certificate("ark")[64:64 + 512]).hexdigest()
    (chip,) = p.must("id")["sockets"]
    path = f"/cek/id/{chip}"

    def judge(server, *inside):
        words = ["verify-platform", "--json", host.uri, "--trust-root", root, "--kds", server.url]
        done = host.exec("env", *inside, "XDG_CACHE_HOME=/nonexistent", bed.program, *words, check=False)
        return launchbed.result_of(words, done.returncode, done.stdout.encode(), done.stderr.encode())

    with t.test("verify-platform: the chip's id from libvirt, or from /dev/sev when libvirt has forgotten it"):
        host.kill_libvirtd()
        forgot = "cpu0-id" not in host.virsh("nodesevinfo").stdout
        server = KeyServer()
        try:
            server.answers = {path: Answer(host.certificate("cek")), "/developer/eula/sev/ask_ark_naples.cert": Answer(
                host.certificate("ask") + host.certificate("ark"))}
            seen = judge(server)
            t.equal((seen.code, server.asked[:1]), (0, [path]), seen)
            if not forgot:
                t.note("this libvirt does not forget the id")
                return
            # Where neither says it, the message has what helps.
            seen = judge(server, "-u", "LD_PRELOAD", "-u", "SEVLAUNCH_SEV_DEVICE")
            t.equal((seen.code, seen.reasons[:1]), (1, ["cek-missing"]), seen)
            t.true("--chip-id" in seen.err and f"{server.url}/cek/id/ID" in seen.err, seen)
        finally:
            server.close()


def looks(bed, p, t):
    with t.test("status, id"):
        status = p.must("status")
        t.equal((status["emulated"], status["state"], status["owner"], status["guest_count"]), (True, "init", "self", 0))
        t.equal([len(i) for i in p.must("id")["sockets"]], [128])
    with t.test("export writes what the host's own directory has, the CEK signed"):
        files = p.files()
        t.equal(files, {name: bed.host.certificate(name) for name in NAMES})
        t.equal([len(files[name]) for name in NAMES], [2084] * 4 + [832] * 2)
    with t.test("export into one file, in sevctl's order"):
        path = os.path.join(p.dir, "chain")
        for full, names in (([], NAMES[:4]), (["--full"], NAMES)):
            p.must("export", *full, path)
            t.equal(emuhost.read_bytes(path), b"".join(files[name] for name in names))
    with t.test("verify: the owner's trusted root, or --platform emulated"):
        for words in (["--owner", bed.owner], ["--platform", "emulated"]):
            seen = p.must("verify", *words)
            t.equal((seen["verified"], seen["kind"], seen["owner"]), (True, "emulated", "self"))
            t.true(all(link["ok"] for link in seen["links"]), seen)


def changes(p, t):
    with t.test("pdh-gen: another PDH, the same PEK"):
        before = p.files()
        p.must("pdh-gen")
        after = p.files()
        t.equal([name for name in NAMES if before[name] != after[name]], ["pdh"])
    with t.test("csr and import: an external owner, still verified"):
        signed, oca = p.sign()
        p.must("import", "--yes", signed, oca)
        seen = p.must("verify", "--platform", "emulated")
        t.equal((seen["owner"], p.must("status")["owner"]), ("external", "external"))
        t.equal(p.files()["oca"], emuhost.read_bytes(oca))
    with t.test("verify-platform: only the platform of this external owner"):
        words = ["verify-platform", "--json", "--offline", "--owner", p.bed.owner, p.dir]
        mine = p.bed.run(*words, "--oca", oca)
        t.equal((mine.code, mine.json["owner"]), (0, "external"), mine)
        fingerprint = hashlib.sha256(emuhost.read_bytes(oca)[16:16 + 1028]).hexdigest()
        t.equal(p.bed.run(*words, "--owner-fingerprint", fingerprint).code, 0)
        with open(f"{p.dir}/another.cert", "wb") as f:
            f.write(devsev.sign_csr(emuhost.read_bytes(f"{p.dir}/pek_csr.cert"),
                                    ec.generate_private_key(ec.SECP384R1()))[1])
        t.equal(p.bed.run(*words, "--oca", f"{p.dir}/another.cert").reasons, ["platform-owner"])


def refused(bed, p, table):
    def row(name, *words, says=(), **more):
        table.row(name, run=lambda _: p.run(*words, **more), says=says, again=False)

    signed, oca = (f"{p.dir}/{name}" for name in ("pek_csr.signed.cert", "oca-owner.cert"))
    row("platform-import-owned", "import", "--yes", signed, oca, says=["ALREADY_OWNED"])
    p.must("pek-gen", "--yes")
    row("platform-import-unsigned", "import", "--yes", f"{p.dir}/pek_csr.cert", oca)
    row("platform-without-yes", "reset", says=["--yes", "snapshots"])
    row("platform-where-unknown", "status", "--platform", "snp", says=["--platform"])
    row("platform-no-host", "status", "--emulated-host", "/tmp/no-such-host", where=False)
    row("platform-real-missing", "status", "--platform", "sev", where=False)
    row("platform-root-untrusted", "verify", says=["EMULATED", "trust"])
    row("platform-cek-of-another", "export", "--full", "--dir", p.dir, "--cek", p.other)


def undone(bed, p, t):
    with t.test("pek-gen: its own again, nothing of the old identity"):
        t.equal(p.must("status")["owner"], "self")
        before = p.files()
        p.must("reset", "--yes")
        after = p.files()
        t.equal([name for name in NAMES if before[name] == after[name]], ["cek", "ask", "ark"])
        t.equal(p.must("verify", "--platform", "emulated")["owner"], "self")
    with t.test("a launch after all of it"):
        bed.destroy(bed.released().json["domain"]["name"])
    with t.test("inside of the host the same, without starting another process"):
        done = bed.host.exec(bed.program, "platform", "status")
        t.true("EMULATED platform" in done.stdout, done.stdout)


# A namespace where the processor has SEV.  Arguments: its cpuinfo, the user, the command.
MACHINE = ('mount --bind "$1" /proc/cpuinfo || exit 77; map=$2; shift 2; '
           'exec unshare -U --map-user=$map --map-group=$map "$@"')


def sev_machine(bed, p, t, table):
    host = bed.host
    cpuinfo = host.write("cpuinfo", "processor\t: 0\nflags\t\t: fpu svm sev\n")
    user = host.user.pw_uid if host.user is not None else os.geteuid()

    def inside(*words, drop=()):
        args = ["platform", "status", "--json", *words]
        done = host.exec("unshare", "-rm", "sh", "-c", MACHINE, "sh", cpuinfo, str(user), "env",
                         *(word for name in drop for word in ("-u", name)), bed.program, *args, check=False)
        return launchbed.result_of(args, done.returncode, done.stdout.encode(), done.stderr.encode())

    plain = inside(drop=("LD_PRELOAD", "SEVLAUNCH_SEV_DEVICE"))
    if plain.code in (1, 77) and not plain.json:
        with t.test("on a SEV machine inside of the host # SKIP no user namespaces with mounts"):
            table.seen.add("platform-real-hidden")
        return
    with t.test("on a SEV machine: without the shim its own platform is meant"):
        t.true(plain.code != 0 and "/dev/sev" in plain.err and "EMULATED" not in plain.err, plain)
    with t.test("on a SEV machine inside of the host: auto is the host, and says so"):
        result = inside()
        t.equal((result.code, result.json and result.json.get("emulated")), (0, True), result)
        t.equal(result.json["host"], p.must("status")["host"])
    table.row("platform-real-hidden", run=lambda _: inside("--platform", "sev"), again=False,
              says=["emulator exec", "EMULATED"])


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        p = Platform(bed)
        p.other = os.path.join(bed.dir, "other-cek.cert")
        with emuhost.EmulatedHost() as other, open(p.other, "wb") as f:
            f.write(other.certificate("cek"))
        looks(bed, p, t)
        judged(bed, p, t)
        forgotten_id(bed, p, t)
        changes(p, t)
        table = launchbed.Table(bed, t, __file__)
        refused(bed, p, table)
        sev_machine(bed, p, t, table)
        undone(bed, p, t)
        table.finish()
    t.finish()


main()
