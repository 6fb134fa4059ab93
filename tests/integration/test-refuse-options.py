#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sevlaunch refuses of its command line, and of where it is to launch."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import launchbed  # noqa: E402
import tap  # noqa: E402
from keyserver import Answer, KeyServer  # noqa: E402
from launchbed import mode  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")


def words(bed, table):
    """Nothing but the command line is needed to refuse these, so nothing else is read."""
    def row(name, *args, says=(), **more):
        table.row(name, *args, says=says, again=False, **more)
    row("no-image", changes={"image": None}, says=["--image"])
    row("no-owner-cert", changes={"owner_cert": None}, says=["--owner-cert"])
    row("unknown-option", "--launch-faster", says=["--launch-faster", "--help"])
    row("qemu-option", "-object", "sev-guest,id=sev0", says=["--help"])
    row("unexpected-word", "disk2.qcow2", says=["disk2.qcow2"])
    row("quiet-and-debug", "--quiet", "--debug", says=["--quiet", "--debug"])
    row("print-xml-and-dry-run", run=lambda _: bed.launch("--print-xml", "--dry-run"),
        says=["--print-xml", "--dry-run"])
    row("print-xml-and-json", "--print-xml", says=["--print-xml", "--json"])
    row("uki-and-kernel", "--uki", "a", "--kernel", "b", says=["--uki", "--kernel"])
    row("uki-and-append", "--uki", "a", "--append", "b", says=["--uki", "--append"])
    row("initrd-alone", "--initrd", "a", says=["--kernel"])
    row("append-alone", "--append", "a", says=["--kernel"])
    row("own-loader-and-uki", "--own-boot-loader", "--allow-unmeasured-boot", "--uki", "a", says=["--uki"])
    row("own-boot-loader", "--own-boot-loader", says=["not measured", "--allow-unmeasured-boot"])
    row("session-alone", "--session", "a", says=["--tik", "--tek"])
    row("tik-alone", "--tik", "a", says=["--session"])
    row("ephemeral-and-session", "--ephemeral", "--session", "a", "--tik", "a", "--tek", "a", says=["--ephemeral"])
    row("memory-negative", "--memory", "-1", says=["--memory"])
    row("memory-no-number", "--memory", "2G", says=["2G"])
    row("vcpus-too-many", "--vcpus", "100000", says=["--vcpus"])
    row("wait-negative", "--wait", "-5", says=["--wait"])
    row("accept-firmware-short", "--accept-firmware", "abc", says=["--accept-firmware", "64"])
    row("format-unknown", "--format", "vhdx", says=["vhdx"])
    row("name-with-slash", changes={"name": "../guest"}, says=["../guest"])
    row("network-unknown", "--network", "tap0", says=["tap0"])
    row("run-as-nobody-known", "--run-as", "no-such-user", says=["no-such-user"] if os.geteuid() == 0 else [])


def policies(bed, table, t):
    weak = ("--policy", "sev,min-api=0.17")
    with t.test("a policy without no-debug passes with --accept-debug, and is listed as unproven"):
        def gaps(*words):
            unproven = bed.dry_run(*words).json["unproven"]
            return [name for name in ("no-debug", "no-send", "no-key-sharing")
                    if any(f"({name} is not set)" in text for text in unproven)]
        t.equal(gaps(*weak, "--accept-debug"), ["no-debug", "no-send", "no-key-sharing"])
        t.equal(gaps("--policy", "no-debug,no-key-sharing,sev,min-api=0.17"), ["no-send"])
        t.equal(gaps("--policy", "no-debug,no-send,min-api=0.17"), ["no-key-sharing"])
        t.equal(gaps(), [])
    with t.test("a policy under which the host can read the guest by other ways is warned of"):
        t.true("warning: guest policy" not in bed.dry_run("--policy", "prod").err, "prod")
        anywhere = bed.dry_run("--policy", "no-debug,no-key-sharing,min-api=0.17")
        t.true("of its own making" in anywhere.err, anywhere)
        t.true(any("made up" in text for text in anywhere.json["unproven"]), anywhere)
        t.true("by means of another one" in bed.dry_run("--policy", "no-debug,no-send,min-api=0.17").err, "shared")
    table.row("policy-allows-debug", *weak, says=["no-debug", "--accept-debug"], again=[*weak, "--accept-debug"])
    table.row("policy-none", "--policy", "none", says=["no-debug"], again=False)
    table.row("policy-unknown-name", "--policy", "no-debug,no-sned", says=["no-sned", "no-send"])
    table.row("policy-reserved-bits", "--policy", "0x40", says=["0x40"], again=False)
    table.row("policy-bare-hex", "--policy", "3d", says=["'3d'", "0x3d"], again=False)
    table.row("policy-profiles", "--policy", "prod,lab", says=["prod", "lab"], again=False)
    table.row("policy-newer-than-platform", "--policy", "prod,min-api=1.99", says=["1.99", "the platform has"],
              again=False)
    table.row("policy-impossible", "--policy", "no-debug,min-api=24.0", says=["min-api=0.24"], again=False)


def places(bed, table):
    nowhere = {"emulated_host": None}
    uri = bed.host.uri

    def row(name, *args, says=(), changes=None, **more):
        table.row(name, *args, says=says, changes=changes or nowhere, again=False, **more)
    row("platform-unknown", "--platform", "qemu", says=["auto, sev, emulated"])
    row("platform-sev-and-emulated-host", "--platform", "sev", changes={"name": bed.name}, says=["--emulated-host"])
    row("connect-and-emulated-host", "--connect", uri, changes={"name": bed.name}, says=["--connect", "--emulated-host"])
    row("connect-to-another-machine", "--connect", "qemu+ssh://host.invalid/system", says=["--connect"])
    row("connect-nowhere", "--connect", f"qemu+unix:///session?socket={bed.dir}/none", says=[f"{bed.dir}/none"])
    row("connect-without-cek", "--connect", uri, "--offline", says=["--cek", "--ca"])
    certs = f"{bed.host.path}/certs"
    with open(f"{bed.dir}/ca", "wb") as f:
        f.write(bed.host.certificate("ask") + bed.host.certificate("ark"))
    given = ("--cek", f"{certs}/cek.cert", "--ca", f"{bed.dir}/ca")
    row("sev-wanted-emulated-found", "--connect", uri, "--platform", "sev", *given, says=["EMULATED"])
    row("cek-of-another-kind", "--connect", uri, "--cek", f"{certs}/pek.cert", "--ca", f"{bed.dir}/ca",
        says=["CEK", "PEK"])
    row("cek-missing-file", "--connect", uri, "--cek", f"{bed.dir}/none", "--ca", f"{bed.dir}/ca",
        says=[f"{bed.dir}/none"])
    row("ca-missing-file", "--connect", uri, "--cek", f"{certs}/cek.cert", "--ca", f"{bed.dir}/none",
        says=[f"{bed.dir}/none"])
    row("ca-garbage", "--connect", uri, "--cek", f"{certs}/cek.cert", "--ca", bed.disk_key)
    if os.path.exists("/dev/sev"):
        table.skip(["platform-sev-without-hardware"], "this machine has /dev/sev")
    else:
        row("platform-sev-without-hardware", "--platform", "sev", says=["no AMD SEV"])


def key_server(bed, table, t):
    """AMD's servers, which a real host's launch asks for what --cek and --ca do not give."""
    page = Answer(b"<html>Sign in</html>", kind="text/html")
    server = KeyServer()
    home = {"XDG_CACHE_HOME": f"{bed.dir}/cache"}

    def launch(url, *args):
        return bed.launch("--json", "--connect", bed.host.uri, "--kds", url, *args, changes={"emulated_host": None},
                          env=home)

    def row(name, *args, url=server.url, says=()):
        table.row(name, run=lambda _: launch(url, *args), says=says, again=False)
    row("kds-without-cek", says=["404", "/cek/id/"])
    row("kds-nowhere", url="http://127.0.0.1:1", says=["--cek", "--ca", "127.0.0.1:1"])
    row("kds-and-offline", "--offline", says=["--kds"])
    cek = next(path for path in server.asked if path.startswith("/cek/id/"))
    server.answers[cek] = page
    row("kds-html", says=["web page"])
    server.answers = {cek: Answer(bed.host.certificate("cek")), "/developer/eula/sev/ask_ark_naples.cert":
                      Answer(bed.host.certificate("ask") + bed.host.certificate("ark"))}
    with t.test("a launch fetches CEK, ASK and ARK; only the owner's trusted-roots make their root count"):
        result = launch(server.url, "--dry-run")
        t.equal((result.code, result.json["platform"]["kind"]), (0, "emulated"), result)
        result = launch(server.url, "--dry-run", "--platform", "sev")
        t.equal((result.code, result.reasons), (6, ["kds-answer"]), result)
        t.equal(os.listdir(f"{home['XDG_CACHE_HOME']}/sevlaunch/kds"), [], "only what is AMD's is kept")
    server.close()


def hosts(bed, table):
    table.row("emulated-host-long-path", changes={"emulated_host": "/tmp/" + "h" * 38}, says=["43 bytes", "at most 42"])
    table.row("emulated-host-colon", changes={"emulated_host": "/tmp/h:1"}, says=["':'"], again=False)
    table.row("emulated-host-0755", prepare=lambda: mode(bed.host.path, 0o755), says=[bed.host.path])
    # With a disk of another name: the guest that has the name holds no disk.
    table.row("domain-exists", prepare=lambda: guest(bed), says=[f"'{bed.name}'"])


class guest:
    """A guest without SEV that has the name."""

    def __init__(self, bed):
        self.bed = bed

    def __enter__(self):
        self.bed.host.start(emuhost.domain_xml(self.bed.host, self.bed.name, firmware=self.bed.firmware, memory=64))

    def __exit__(self, *_):
        self.bed.destroy()


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        table = launchbed.Table(bed, t, __file__)
        table.positive()
        words(bed, table)
        policies(bed, table, t)
        places(bed, table)
        key_server(bed, table, t)
        hosts(bed, table)
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
