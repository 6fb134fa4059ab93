#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sevlaunch run --domain: a domain that virsh defined, or a file of its XML, is launched as a
verified guest; afterwards it is defined as it was before.  What is refused leaves it so too."""
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import emuhost  # noqa: E402
import guestram  # noqa: E402
import launchbed  # noqa: E402
import owner  # noqa: E402
import tap  # noqa: E402

tap.need("SEVLAUNCH_PREFIX", "SEVLAUNCH_FIRMWARE", "SEVLAUNCH_TEST_DISK")

NAME = "web"


class Domains:
    def __init__(self, bed, t):
        self.bed, self.tap, self.host = bed, t, bed.host
        self.changes = {"image": None, "name": None, "domain": NAME}

    def xml(self, old=None, new=None, name=NAME, **changes):
        """As a sysadmin has it; with one thing changed, or other members."""
        members = {"firmware": self.bed.firmware, "disk": self.bed.disk, "devices": "<interface type='user'>"
                   "<model type='virtio'/></interface>", **changes}
        text = emuhost.domain_xml(self.host, name, **members)
        if old is not None:
            self.tap.equal(text.count(old), 1, f"{old!r} in {text}")
            text = text.replace(old, new)
        return text

    def define(self, text):
        self.host.virsh("define", self.host.write("defined.xml", text))

    def file(self, text):
        return self.host.write("domain.xml", text)

    @contextlib.contextmanager
    def defined(self, text):
        """Another definition for a while."""
        before = self.inactive()
        self.host.virsh("undefine", NAME)
        self.define(text)
        try:
            yield text
        finally:
            self.host.virsh("undefine", NAME)
            self.define(before)

    def inactive(self):
        return self.host.virsh("dumpxml", "--inactive", NAME).stdout

    def launch(self, *args, changes=None, **more):
        return self.bed.launch("--json", *args, changes={**self.changes, **(changes or {})}, **more)

    def released(self, *args, **changes):
        """Verified, secrets released, paused: (document, live XML); then ended."""
        before = self.inactive()
        result = self.launch("--paused", *args, changes=changes)
        self.tap.equal((result.code, result.reasons), (0, []), result)
        self.tap.equal((result.json["verdict"], result.json["domain"]["name"]), ("verified", NAME))
        self.tap.equal(self.host.state(NAME), "paused")
        live = self.host.virsh("dumpxml", NAME).stdout
        self.bed.destroy(NAME)
        self.as_before(before)
        return result.json, ElementTree.fromstring(live)

    def as_before(self, before):
        self.tap.equal(self.host.state(NAME), "shut off")
        self.tap.equal(self.inactive(), before)
        self.tap.equal(self.host.virsh("dumpxml", NAME).stdout, before)

    # -- what works

    def boots(self):
        """By name, to an open disk; it is then what it was."""
        before, left = self.inactive(), self.bed.leftovers()
        result = self.launch()
        self.tap.equal((result.code, result.reasons), (0, []), result)
        said = result.json
        self.tap.equal((said["verdict"], said["guest_says"]), ("verified", launchbed.UNLOCKED), result)
        self.tap.equal(self.host.state(NAME), "running")
        live = ElementTree.fromstring(self.host.virsh("dumpxml", NAME).stdout)
        defined = ElementTree.fromstring(before)
        self.tap.equal(self.inactive(), before)
        self.tap.equal(said["domain"]["uuid"], defined.findtext("uuid"))
        self.tap.equal(live.findtext("uuid"), defined.findtext("uuid"))
        self.tap.equal((said["guest"]["memory_mib"], said["guest"]["vcpus"]), (768, 1))
        security = live.find("launchSecurity")
        self.tap.equal((security.get("type"), security.get("kernelHashes")), ("sev", "yes"))
        for device in ("disk", "interface"):
            self.tap.equal(live.find(f"devices/{device}/driver").get("iommu"), "on")
        uki = os.path.join(self.bed.test_disk, "uki.efi")
        self.tap.equal(said["measurement"]["digest"], owner.launch_digest(
            self.bed.firmware, guestram.hash_table(uki)).hex())
        again = self.launch()
        self.tap.equal((again.code, launchbed.reason(again)), (5, ["domain-exists"]), again)
        self.tap.equal(self.host.state(NAME), "running", "that one is left alone")
        self.bed.destroy(NAME)
        self.as_before(before)
        self.bed.same_leftovers(left)
        return said

    def evidence(self, said):
        """It holds the XML that was started."""
        shown = self.bed.must("evidence", "show", "--json", said["evidence"]).out
        for text in (f"<name>{NAME}</name>", "<launchSecurity type=", said["domain"]["uuid"]):
            self.tap.true(text.replace('"', '\\"') in shown, f"no {text!r} in {shown}")

    def from_file(self):
        """The same domain from its file, and one that nobody defined."""
        path = self.host.write("web.xml", self.inactive())
        document, _ = self.released(domain=path)
        self.tap.equal(len(document["secrets"]), 2)
        other = self.host.write("other.xml", self.xml(name="other"))
        left = self.bed.leftovers()
        result = self.launch("--paused", changes={"domain": other})
        self.tap.equal((result.code, result.json["domain"]["name"]), (0, "other"), result)
        self.bed.destroy("other")
        self.bed.same_leftovers(left)
        os.unlink(other)

    def kernel(self):
        """<kernel>, a unified one and one with its parts, as the XML has them."""
        uki, kernel, initrd = (os.path.join(self.bed.test_disk, name) for name in ("uki.efi", "kernel", "initrd"))
        with self.defined(self.xml(kernel=uki)):
            document, live = self.released()
            self.tap.equal(document["measured"]["kernel"]["path"], uki)
            self.tap.equal(live.findtext("os/kernel"), uki)
        line = document["measured"]["kernel"]["uki_cmdline"]
        self.bed.release("--replace", "--kernel", kernel, "--initrd", initrd, "--append", line)
        with self.defined(self.xml(kernel=kernel, initrd=initrd, cmdline=line)):
            document, live = self.released()
            self.tap.equal([document["measured"][name]["path"] for name in ("kernel", "initrd")], [kernel, initrd])
            self.tap.equal((document["measured"]["cmdline"], live.findtext("os/cmdline")), (line, line))
        self.bed.release("--replace")

    def policy(self):
        """Of the XML where it is not weaker, or said by both alike."""
        es_less = self.xml("</devices>", "</devices><launchSecurity type='sev'><policy>0x1200002b</policy>"
                           "</launchSecurity>")
        with self.defined(es_less):
            document, _ = self.released()
            self.tap.equal(document["guest"]["policy"], "0x1200002b")
            self.released("--policy", "0x1200002b")
        with self.defined(es_less.replace("0x1200002b", "3")):
            document, _ = self.released("--policy", "3")
            self.tap.equal(document["guest"]["policy"], "0x00000003")

    def processors(self):
        """With SEV-ES: the model and the number of the XML are measured."""
        text = self.xml("<cpu mode='maximum'/>", "<cpu mode='custom'><model>EPYC-Rome</model></cpu>", vcpus=2)
        with self.defined(text):
            document, live = self.released("--policy", "prod,es")
        vcpus = document["measured"]["vcpus"]
        # Family 23, model 49, stepping 0.
        self.tap.equal((vcpus["count"], vcpus["signature"]), (2, "0x00830f10"))
        self.tap.equal((live.findtext("cpu/model"), live.findtext("vcpu")), ("EPYC-Rome", "2"))

    def without_release(self):
        """A disk that no release is for, and no disk at all: verified, and no secret for it."""
        release, = (entry.path for entry in os.scandir(os.path.join(self.bed.owner, "releases")))
        kept = os.path.join(self.bed.dir, "kept")
        os.rename(release, kept)
        try:
            document, _ = self.released()
        finally:
            os.rename(kept, release)
        self.tap.equal((document["release"], document["secrets"]), (None, []))
        path = self.file(self.xml(name="other", disk=None, kernel=os.path.join(self.bed.test_disk, "uki.efi")))
        result = self.launch("--dry-run", changes={"domain": path})
        self.tap.equal((result.code, result.json["release"]), (0, None), result)

    def printed(self):
        """--print-xml: what would be started, and nothing of it is."""
        before = self.bed.leftovers()
        result = self.bed.launch("--print-xml", changes=self.changes)
        self.tap.equal(result.code, 0, result)
        printed = ElementTree.fromstring(result.out)
        self.tap.equal(printed.findtext("name"), NAME)
        self.tap.equal(printed.find("launchSecurity").get("type"), "sev")
        self.tap.equal(printed.find("devices/interface/rom").get("enabled"), "no")
        self.bed.same_leftovers(before)

    # -- whose guest is ended

    def libvirt_dies(self, theirs):
        """libvirtd is killed under a launch, which gets no further than its verdict.  theirs: and its
        guest too, and somebody starts the domain; only the launch's own guest is ended by it."""
        words = self.bed.arguments(**self.changes)
        with open(os.path.join(self.bed.owner, "ledger"), "rb") as ledger, subprocess.Popen(
                [self.bed.program, *words, "--paused", "--debug"], cwd="/", env=self.bed.environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.tap.true(any(b"creating the guest" in line for line in process.stderr), "no guest is made")
            fcntl.flock(ledger, fcntl.LOCK_EX)
            emuhost.wait_until(lambda: self.host.state(NAME) == "paused", "the launch's guest")
            process.send_signal(signal.SIGSTOP)
            self.host.kill_libvirtd()
            if theirs:
                for pid in [pid for pid, name in self.host.processes().items() if "qemu-system" in name]:
                    emuhost.kill_9(pid)
                emuhost.wait_until(lambda: self.host.state(NAME) == "shut off", "the end of that guest")
                self.host.virsh("start", NAME)
            process.send_signal(signal.SIGCONT)
            fcntl.flock(ledger, fcntl.LOCK_UN)
            result = self.bed.end_of(process)
        self.tap.equal(result.code, 6, result)
        self.tap.equal(self.host.state(NAME), "running" if theirs else "shut off", result)
        if theirs:
            self.bed.destroy(NAME)

    # -- what is refused

    def rows(self, table):
        """From files of XML that are good but for one thing, and whose name no domain has."""
        security = "<launchSecurity type='{}'><policy>{}</policy></launchSecurity>"
        loader = f"<loader readonly='yes' type='pflash' stateless='yes'>{self.bed.firmware}</loader>"
        uki = os.path.join(self.bed.test_disk, "uki.efi")
        end = "</devices>"

        def row(name, old=None, new=None, *args, says=(), changes=None, **members):
            path = self.file(self.xml(old, new, name="other", **members))
            table.row(name, run=lambda _: self.launch(*args, changes={"domain": path, **(changes or {})}),
                      says=says, again=False)

        row("domain-nvram", loader, f"{loader}<nvram>/tmp/x_VARS.fd</nvram>", says=["loader-nvram: "])
        row("domain-secure-boot", "<loader ", "<loader secure='yes' ", says=["loader-secure-boot: "])
        row("domain-hostdev", end, "<hostdev mode='subsystem' type='pci'/>" + end, says=["hostdev: "])
        row("domain-commandline", "</domain>", "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
            "<q:arg value='-S'/></q:commandline></domain>", says=["qemu-commandline: "])
        row("domain-shared-memory", "<vcpu>", "<memoryBacking><source type='memfd'/></memoryBacking><vcpu>",
            says=["memory-shared: ", "remove <source>"])
        row("domain-filesystem", end, "<filesystem type='mount'><driver type='virtiofs'/></filesystem>" + end,
            says=["filesystem: "])
        row("domain-password", end, "<graphics type='vnc' passwd='x'/>" + end, says=["graphics-password: "])
        row("domain-no-kernel", disk=None, says=["no-kernel: "])
        row("domain-empty-kernel", "</os>", "<kernel/></os>", disk=None, says=["no-kernel: "])
        row("domain-no-loader", loader, "", says=["loader-missing: "])
        row("domain-loader-rom", " type='pflash'", " type='rom'", says=["loader-type: "])
        row("domain-loader-format", " type='pflash'", " type='pflash' format='qcow2'", says=["loader-format: "])
        row("domain-loader-chosen", "<os>", "<os firmware='efi'>", says=["loader-chosen: "])
        row("domain-i440fx", "machine='q35'", "machine='pc'", says=["machine: "])
        row("domain-arch", "arch='x86_64'", "arch='aarch64'", says=["arch: "])
        row("domain-snp", end, end + security.format("sev-snp", "0x30000"), says=["launch-security-type: "])
        row("domain-transitional", "<model type='virtio'/>", "<model type='virtio-transitional'/>",
            says=["virtio-transitional: "])
        row("domain-es-cpu", "<cpu mode='maximum'/>", "<cpu mode='host-passthrough'/>", "--policy", "prod,es",
            says=["cpu-model: "])
        row("domain-es-other-cpu", "<cpu mode='maximum'/>", "<cpu mode='custom'><model>qemu64</model></cpu>",
            "--policy", "prod,es", says=["cpu-model: ", "qemu64"])
        row("domain-es-more-vcpus", "<cpu mode='maximum'/>", "<cpu mode='custom'><model>EPYC</model></cpu>"
            "<vcpus><vcpu id='0' enabled='yes'/></vcpus>", "--policy", "prod,es", says=["vcpus-vary: "])
        with self.tap.test("every finding is listed, the worst decides"):
            path = self.file(self.xml(loader, "", name="other", devices="<hostdev mode='subsystem'/>"))
            result = self.launch(changes={"domain": path})
            self.tap.equal((result.code, launchbed.reason(result)), (3, ["domain-insecure"]), result)
            self.tap.true("loader-missing: " in result.err and "hostdev: " in result.err, result)

        row("domain-policy-weak", end, end + security.format("sev", "0x3"), says=["--policy 0x3"])
        row("domain-policy-old-api", end, end + security.format("sev", "0x1000002b"))
        row("domain-policy-differs", end, end + security.format("sev", "0x1100002b"), "--policy", "0x1200002b")
        row("domain-policy-debug", None, None, "--policy", "0x1100002a")
        row("domain-uki-and-cmdline", kernel=uki, cmdline="quiet")
        row("domain-console", "<serial type='pty'/>", "<serial type='file'><source path='/tmp/x'/></serial>",
            says=["--wait 0"])
        row("domain-other-kernel", kernel=os.path.join(self.bed.test_disk, "kernel"))
        row("domain-secret-without-disk", None, None, "--secret", f"luks-key:{self.bed.disk_key}", disk=None, kernel=uki)
        row("domain-secret-unnamed", None, None, "--secret",
            f"00112233-4455-6677-8899-aabbccddeeff:{self.bed.disk_key}", says=["--release disk"])
        row("domain-odd-name", "<name>other", "<name>../other")
        row("domain-twice", "<os>", "<os/><os>", says=["os: it is there twice"])
        row("domain-with-memory", None, None, "--memory", "512")
        row("domain-with-image", changes={"image": self.bed.disk})
        row("domain-with-kernel", None, None, "--kernel", uki)
        row("domain-with-bundle", None, None, "--bundle", self.bed.disk_key, changes={"owner_cert": None})

    def rows_of_libvirt(self, table):
        """What libvirt knows of a domain, or not."""
        def row(name, *args, prepare=None, domain=NAME, says=()):
            table.row(name, run=lambda _: self.launch(*args, changes={"domain": domain}), prepare=prepare, says=says,
                      again=False)

        before = self.inactive()
        row("domain-missing", domain="nobodys", says=["nobodys"])
        row("domain-file-missing", domain="./nobodys.xml")
        row("domain-other-uuid", domain=self.file(self.xml()), says=["another domain"])
        with self.tap.test("a domain that runs, and one whose memory is saved: not started, and left as they are"):
            self.host.virsh("start", NAME)
        row("domain-runs", says=["runs already"])
        self.tap.equal(self.host.state(NAME), "running")
        self.host.virsh("managedsave", NAME)
        row("domain-saved", says=["managedsave-remove"])
        self.host.virsh("managedsave-remove", NAME)
        self.as_before(before)


def main():
    t = tap.Tap()
    with launchbed.Bed() as bed:
        domains = Domains(bed, t)
        domains.define(domains.xml(memory=768))
        with t.test("by name, up to an open disk; then it is defined as before, byte for byte"):
            said = domains.boots()
        with t.test("its evidence holds the XML that was started"):
            domains.evidence(said)
        with t.test("from a file of its XML, and of a domain that is not defined"):
            domains.from_file()
        with t.test("--print-xml shows the copy"):
            domains.printed()
        with t.test("its own <kernel>: unified, or with initrd and command line"):
            domains.kernel()
        with t.test("the guest policy of its own <launchSecurity>"):
            domains.policy()
        with t.test("SEV-ES: the processors of the XML are measured"):
            domains.processors()
        with t.test("without a release it is verified only"):
            domains.without_release()
        with t.test("libvirtd dies under a launch: its guest is ended over the next one"):
            domains.libvirt_dies(theirs=False)
        with t.test("... but not one that somebody started meanwhile"):
            domains.libvirt_dies(theirs=True)
        table = launchbed.Table(bed, t, __file__)
        domains.rows(table)
        domains.rows_of_libvirt(table)
        with t.test("after all of them the domain is launched as before"):
            domains.released()
        table.finish()
    t.finish()


if __name__ == "__main__":
    main()
