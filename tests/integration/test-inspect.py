#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sevlaunch says of firmware, hosts and domains, without any guest."""
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import tap  # noqa: E402

SEVLAUNCH, FIRMWARE = tap.need("SEVLAUNCH", "SEVLAUNCH_FIRMWARE")
STOCK = "/usr/share/OVMF/OVMF_CODE_4M.fd"  # Debian's package ovmf; its areas are at 0
FOOTER = bytes.fromhex("de82b596b21ff745baeaa366c55a082d")


def run(*args):
    done = subprocess.run([SEVLAUNCH, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def run_json(*args, code=0):
    got, out, err = run(*args, "--json")
    tap.Tap.equal(got, code, f"{args}: {out}{err}")
    return json.loads(out)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(root, path, data):
    path = root + path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def firmware(t, root):
    own = read(FIRMWARE)
    digest = hashlib.sha256(own).hexdigest()
    with t.test("firmware: our own build can all that a launch with secrets needs"):
        (one,) = run_json("firmware", FIRMWARE)["firmware"]
        t.equal((one["size"], one["sha256"], one["layout"]), (len(own), digest, "whole"))
        t.true({"sev", "sev-es", "secret", "kernel-hashes", "stateless"} <= set(one["can"]), one["can"])
        # As reference builds of AmdSev 2025.02 have them; QEMU reads the same table.
        t.equal(one["secret_area"], {"base": 0x810000, "size": 0xc00})
        t.equal(one["hash_area"], {"base": 0x810c00, "size": 0x400})
        with open(os.path.join(TOP, "ovmf-hooks/edk2/expected.sha256"), encoding="utf-8") as f:
            pinned = digest in f.read()
        t.equal(one["own_build"], pinned)
        t.equal([f["id"] for f in one["findings"]], [] if pinned else ["other-build"])
    changed = write(root, "/changed.fd", own[:5000] + bytes([own[5000] ^ 1]) + own[5001:])
    with t.test("firmware: one bit elsewhere, and it is another's build"):
        (one,) = run_json("firmware", "show", changed)["firmware"]
        t.equal((one["own_build"], [f["id"] for f in one["findings"]]), (False, ["other-build"]))
        t.true(FIRMWARE in one["findings"][0]["fix"], one["findings"])
    at = own.rindex(FOOTER)
    broken = write(root, "/broken.fd", own[:at - 2] + b"\xff\xff" + own[at:])
    with t.test("firmware: a damaged table is shown, and is bad input"):
        code, out, err = run("firmware", broken)
        t.equal(code, 4)
        t.true("[fail] damaged" in out and "[firmware-unsuitable]" in err, out + err)
        code, out, err = run("firmware", root + "/absent.fd")
        t.equal((code, out), (4, ""))
        t.true("[firmware-missing]" in err, err)
    with t.test("firmware: a file that is not there takes nothing from the others"):
        absent = root + "/absent.fd"
        for files in ((changed, absent), (absent, changed)):
            code, out, err = run("firmware", *files)
            t.equal((code, err.count("[firmware-missing]")), (4, 1), err)
            t.equal(out, run("firmware", changed)[1])
            answer = run_json("firmware", *files, code=4)
            t.equal(([one["path"] for one in answer["firmware"]], [one["id"] for one in answer["reasons"]],
                     answer["exit_code"]), ([changed], ["firmware-missing"], 4))
        answer = run_json("firmware", broken, absent, code=4)
        t.equal([one["id"] for one in answer["reasons"]], ["firmware-missing", "firmware-unsuitable"])
        t.equal((run_json("firmware", changed)["reasons"], run("firmware", absent, absent)[0]), ([], 4))
    with t.test("firmware: what is no firmware at all"):
        (one,) = run_json("firmware", write(root, "/text.fd", b"x" * 9000))["firmware"]
        t.equal([f["id"] for f in one["findings"]], ["not-uefi"])
    with t.test("firmware: words for people, by the short and by the long form"):
        t.equal(run("firmware", changed), run("firmware", "show", changed))
        code, out, _ = run("firmware", changed)
        t.equal(code, 0)
        t.true("0x810000, 0xc00 bytes" in out and "[insecure] other-build" in out, out)
        t.equal(run("firmware")[0], 2)
        t.equal(run("firmware", "show")[0], 2)
        t.equal(run("firmware", "--all", changed)[0], 2)
    if not os.path.exists(STOCK):
        t.note(f"SKIP Debian's stock image: no {STOCK}")
        return
    with t.test("firmware: Debian's stock image takes no secrets, whatever its descriptor announces"):
        (one,) = run_json("firmware", STOCK)["firmware"]
        t.equal((one["layout"], one["secret_area"], one["hash_area"]), ("code", None, None))
        listed = {one["path"]: one for one in run_json("firmware", "--all")["firmware"]}
        ids = [f["id"] for f in listed[STOCK]["findings"]]
        t.true("amd-sev" in listed[STOCK]["descriptors"][0]["features"] and "descriptor-amd-sev" in ids, listed)


def all_firmware(t, root):
    tail = bytes(20) + b"\x16\0" + bytes.fromhex("de71f7007e1acb4f890e68c77e2fb44e")
    tail = bytes.fromhex("04808000") + tail[20:] + (18 + 22).to_bytes(2, "little") + FOOTER + bytes(12) + b"VTF\0"
    head = bytes(16) + bytes.fromhex("78e58c8c3d8a1c4f9935896185c32dd3") + bytes(8) + b"_FVH"
    write(root, "/usr/share/OVMF/CODE.fd", head + bytes(8192 - len(head) - len(tail) - 16) + tail + bytes(16))
    descriptor = {"description": "stock", "mapping": {"device": "flash", "executable":
                  {"filename": "/usr/share/OVMF/CODE.fd", "format": "raw"}}, "features": ["amd-sev", "acpi-s3"]}
    write(root, "/usr/share/qemu/firmware/50-stock.json", json.dumps(descriptor).encode())
    write(root, "/usr/share/qemu/firmware/60-broken.json", b"{")
    with t.test("firmware --all: sevlaunch's, and what descriptors announce and cannot keep"):
        answer = run_json("firmware", "--all", "--root", root)
        first, second = answer["firmware"]
        t.equal(first["path"], FIRMWARE)
        t.equal(second["layout"], "code")
        t.equal([f["id"] for f in second["findings"]],
                ["code-only", "no-secret-area", "no-hash-area", "other-build", "descriptor-amd-sev"])
        t.equal([(os.path.basename(d["file"]), d["mode"], d["features"]) for d in second["descriptors"]],
                [("50-stock.json", "split", ["amd-sev", "acpi-s3"])])
        code, out, err = run("firmware", "--all", "--root", root)
        t.equal(code, 0)
        t.true("50-stock.json" in out and "60-broken.json" in err, out + err)


def epyc(root):
    """A tree that looks like a host with an EPYC 7003."""
    for path, text in (
            ("/cpuid", "80000023 1780f 173 1fd 64"),
            ("/proc/cpuinfo", "vendor_id : AuthenticAMD\nmodel name : AMD EPYC 7313\nflags : svm sev sev_es\n"),
            ("/proc/sys/kernel/osrelease", "6.1.0"), ("/proc/self/limits", "Max locked memory  unlimited  unlimited\n"),
            ("/sys/module/kvm_amd/parameters/sev", "Y\n"), ("/sys/module/kvm_amd/parameters/sev_es", "N\n"),
            ("/sys/module/ccp/version", ""), ("/dev/sev", ""), ("/dev/kvm", "")):
        write(root, path, text.encode())
    for tool in ("qemu-system-x86_64", "qemu-img", "mdir", "mcopy"):
        os.chmod(write(root, f"/usr/bin/{tool}", b""), 0o755)
    os.chmod(root + "/dev/sev", 0o660)


def levels(document):
    return {check["id"]: check["level"] for check in document["checks"]}


def doctor(t, root):
    with t.test("doctor: an emulated host has what it needs here"):
        answer = run_json("doctor", "--platform", "emulated")
        t.equal((answer["platform"], answer["usable"], answer["exit_code"]), ("emulated", True, 0))
        t.equal(set(levels(answer)), {"cpu", "emulator", "emulated-host", "tools", "firmware"})
        t.equal(levels(answer)["emulator"], "ok")
    epyc(root)
    nowhere = f"qemu+unix:///session?socket={root}/no-socket"
    report = root + "/report.json"
    with t.test("doctor: a good machine whose libvirt does not answer cannot be used"):
        answer = run_json("doctor", "--root", root, "-c", nowhere, "--report", report, code=5)
        t.equal((answer["platform"], answer["usable"], answer["exit_code"]), ("sev", False, 5))
        found = levels(answer)
        t.equal([i for i, level in found.items() if level == "fail"], ["libvirt"])
        t.equal((found["cpu"], found["asids"], found["kvm-amd"], found["kvm-amd-es"], found["dev-sev"]),
                ("ok", "ok", "ok", "warn", "ok"))
        t.true(all(c["fix"] for c in answer["checks"] if c["level"] in ("fail", "warn")), answer)
        t.equal([found[i] for i in ("libvirt-version", "qemu-version", "libvirt-sev")], ["unknown"] * 3)
    with t.test("doctor: where libvirt does not answer, QEMU itself is asked for its version"):
        for says, level in (("QEMU emulator version 7.2.22 (Debian 1:7.2)", "ok"),
                            ("QEMU emulator version 6.1.0", "fail"), ("something", "unknown")):
            os.chmod(write(root, "/usr/bin/qemu-system-x86_64", f"#!/bin/sh\necho '{says}'\n".encode()), 0o755)
            answer = run_json("doctor", "--root", root, "-c", nowhere, code=5)
            t.equal(levels(answer)["qemu-version"], level, says)
        write(root, "/usr/bin/qemu-system-x86_64", b"")
    with t.test("doctor --report: a private file with the facts and without names"):
        t.equal(stat.S_IMODE(os.stat(report).st_mode), 0o600)
        text = read(report).decode()
        facts = json.loads(text)
        t.equal((facts["schema"], facts["cpu"]["cpuid_8000001f"]["asids"], facts["kernel"]["kvm_amd_sev_es"]),
                ("sevlaunch.doctor-report/1", 509, "N"))
        t.equal({c["id"]: c["level"] for c in facts["checks"]}, found)
        t.true(facts["firmware"][0]["sha256"] == hashlib.sha256(read(FIRMWARE)).hexdigest(), facts["firmware"])
        t.true(socket.gethostname() not in text.split() and "cert" not in text, text)
    with t.test("doctor --report: no names of who became root, nor what lies below /home"):
        os.makedirs(root + "/home/alice")
        uri = f"qemu+unix:///session?socket=/home/alice/{os.getpid()}/sock"
        for more in ({"SUDO_USER": "alice"}, {"SUDO_USER": "", "PKEXEC_UID": "x"}, {"LOGNAME": "alice"}):
            done = subprocess.run([SEVLAUNCH, "doctor", "--root", root, "-c", uri, "--report", "-"],
                                  capture_output=True, text=True, check=False, timeout=60,
                                  env={**os.environ, "HOME": "/root", **more})
            t.equal(done.returncode, 5, done)
            t.true(str(os.getpid()) in done.stdout and "alice" not in done.stdout, done.stdout)
    with t.test("doctor: words for people, and SEV switched off is one failure more"):
        write(root, "/sys/module/kvm_amd/parameters/sev", b"N\n")
        code, out, _ = run("doctor", "--root", root, "-c", nowhere)
        t.equal(code, 5)
        t.true("[fail] kvm-amd:" in out and "options kvm_amd sev=1" in out, out)
        t.equal(run("doctor", "--platform", "nowhere")[0], 2)
        t.equal(run("doctor", "word")[0], 2)
        t.equal(run("doctor", "-c", "qemu+ssh://elsewhere/system")[0], 2)


def lint(t, root):
    xml = read(os.path.join(TOP, "tests/data/domain/real-host.xml")).decode()
    stated = "/usr/share/sevlaunch/sevlaunch-ovmf.fd"
    t.true(stated in xml, xml)
    with open(os.path.join(TOP, "ovmf-hooks/edk2/expected.sha256"), encoding="utf-8") as f:
        pinned = hashlib.sha256(read(FIRMWARE)).hexdigest() in f.read()

    def domain(old=stated, new=FIRMWARE):
        text = xml.replace(stated, FIRMWARE)
        return write(root, "/domain.xml", (text if old == stated else text.replace(old, new)).encode())

    with t.test("lint: a domain of ours can be launched"):
        answer = run_json("lint", domain(), code=0 if pinned else 3)
        t.equal((answer["schema"], answer["domain"]), ("sevlaunch.lint/1", "guest"))
        t.equal([f["id"] for f in answer["findings"]], ["policy-no-es"] + ([] if pinned else ["other-build"]))
    with t.test("lint: insecure is 3, not possible is 4, of a host with libvirt's problems 6"):
        answer = run_json("lint", domain('readonly="yes"', 'readonly="yes" secure="yes"'), code=3)
        t.true("loader-secure-boot" in [f["id"] for f in answer["findings"]], answer)
        t.equal(run_json("lint", domain('arch="x86_64"', 'arch="s390x"'), code=4 if pinned else 3)["exit_code"],
                4 if pinned else 3)
        code, _, err = run("lint", write(root, "/no.xml", b"<domain>"))
        t.equal(code, 4)
        t.true("[configuration]" in err, err)
        t.equal(run("lint", root + "/absent.xml")[0], 4)
        t.equal(run("lint", "-c", f"qemu+unix:///session?socket={root}/none", "name")[0], 6)
        t.equal(run("lint")[0], 2)
    with t.test("lint: the image that a domain names is looked at"):
        stock = write(root, "/vars.fd", bytes(16) + bytes.fromhex("8d2bf1ff96768b4ca9852747075b4f50") +
                      (9044).to_bytes(8, "little") + b"_FVH" + bytes(9000))
        answer = run_json("lint", domain(FIRMWARE, stock), code=4)
        t.true("variables-only" in [f["id"] for f in answer["findings"]], answer)
        answer = run_json("lint", domain(f">{FIRMWARE}</loader>", "/>"), code=4)
        ids = [f["id"] for f in answer["findings"]]
        t.true("loader-missing" in ids and "loader-unread" not in ids, ids)
        efi = read(domain(f">{FIRMWARE}</loader>", ' secure="yes"/>')).decode().replace("<os>", "<os firmware='efi'>")
        ids = [f["id"] for f in run_json("lint", write(root, "/efi.xml", efi.encode()), code=3)["findings"]]
        t.true({"loader-secure-boot", "loader-chosen"} <= set(ids) and "loader-unread" not in ids, ids)
        answer = run_json("lint", domain(FIRMWARE, root + "/absent.fd"))
        t.equal([f["id"] for f in answer["findings"] if f["level"] == "unknown"], ["loader-unread"])


def helper_says(helper, folder):
    """The rules that libvirt's helper makes for a domain of sevlaunch's with firmware from there."""
    number = "11111111-2222-3333-4444-555555555555"
    xml = read(os.path.join(TOP, "tests/data/domain/real-host.xml")).decode()
    xml = xml.replace("<name>", f"<uuid>{number}</uuid><name>", 1).replace("/usr/share/sevlaunch", folder)
    return subprocess.run([helper, "--dryrun", "--replace", "--uuid", f"libvirt-{number}"], input=xml,
                          capture_output=True, text=True, check=False)


def apparmor(t):
    """What doctor and the page for real hosts say of firmware, by libvirt's own word."""
    helper = "/usr/lib/libvirt/virt-aa-helper"
    if not os.path.exists(helper):
        t.note("SKIP virt-aa-helper: libvirt has none here")
        return
    with t.test("virt-aa-helper takes sevlaunch's domain, and refuses it with firmware below /usr/share"):
        for folder in ("/usr/local/share/sevlaunch", "/opt/sevlaunch/share", "/usr/share/OVMF", "/usr/share/ovmf"):
            done = helper_says(helper, folder)
            t.equal((done.returncode, f'"{folder}/sevlaunch-ovmf.fd" rk' in done.stderr), (0, True), done)
            t.true('/uki.efi" r,' in done.stderr and '/disk.qcow2" rwk,' in done.stderr, done)
        for folder in ("/usr/share/sevlaunch", "/usr/lib/sevlaunch", "/etc/sevlaunch"):
            done = helper_says(helper, folder)
            t.true(done.returncode != 0 and "skipped restricted file" in done.stderr, done)


def main():
    t = tap.Tap()
    with tempfile.TemporaryDirectory(prefix="ti-") as root:
        firmware(t, root)
        all_firmware(t, root)
    with tempfile.TemporaryDirectory(prefix="ti-") as root:
        doctor(t, root)
        lint(t, root)
    apparmor(t)
    t.finish()


main()
