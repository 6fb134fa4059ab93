#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The man pages, every --help, the reasons in the sources, and the examples in the
documents say the same; each comparison is also run on a copy with one mistake."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))
from helptext import commands as help_commands  # noqa: E402
from tap import Tap, need  # noqa: E402

SEVLAUNCH, BUILD = need("SEVLAUNCH", "SEVLAUNCH_BUILD")
MAN = TOP / "launcher/man"
DOCUMENTS = ["README.md", "SECURITY.md", "HACKING.md", "NEWS.md", "ovmf-hooks/guest/README.md",
             "ovmf-hooks/edk2/README.md", "tests/vectors/README.md", "docs/real-hosts.md"]


def run(*argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=300, **more)


# What the man pages say.

def pages():
    """{"": sevlaunch.1, "run": sevlaunch-run.1, ...}"""
    return {page.stem.partition("-")[2]: page.read_text() for page in MAN.glob("*.1")
            if page.stem.split("-")[0] == "sevlaunch"}


def sections(text, macro):
    """[(title, body)] of .SH or .SS"""
    parts = re.split(rf"^\.{macro} (.*)$", text.replace("\\-", "-"), flags=re.M)[1:]
    return list(zip((t.strip('"') for t in parts[::2]), parts[1::2]))


def man_section(text, name):
    found = [body for title, body in sections(text, "SH") if title == name]
    assert len(found) == 1, f"{len(found)} sections {name}"
    return found[0]


def tags(text):
    """The options that a section lists."""
    return {o for tag in re.findall(r"^\.TP\n(.*)$", text, re.M)
            for o in re.findall(r"\\fB(--?[a-z][a-z-]*)\\fR", tag)}


def compare_twice(man):
    """Options that one list has more than once."""
    complaints = []
    for page, text in man.items():
        found = dict(sections(text, "SH"))
        lists = [(page, found.get("OPTIONS", ""))] + sections(found.get("COMMANDS", ""), "SS")
        for name, body in lists:
            heads = [o for tag in re.findall(r"^\.TP\n(.*)$", body, re.M)
                     for o in re.findall(r"\\fB(--?[a-z][a-z-]*)\\fR", tag)]
            complaints += [f"{name} {o}: twice" for o in sorted(set(heads)) if heads.count(o) > 1]
    return complaints


def man_options(page, text):
    """{"emulator create": options}, those of the whole group with them"""
    found = dict(sections(text, "SH"))
    shared = tags(found.get("OPTIONS", ""))
    if "COMMANDS" not in found:
        return {page: shared}
    return {title: tags(body) | shared for title, body in sections(found["COMMANDS"], "SS")}


def compare_options(man, commands):
    every = tags(man_section(man[""], "OPTIONS"))
    parts = {name: options | every for page, text in man.items() if page
             for name, options in man_options(page, text).items()}
    complaints = [f"{name}: in --help only" for name in commands.keys() - parts.keys()]
    complaints += [f"{name}: in the man page only" for name in parts.keys() - commands.keys()]
    for name in commands.keys() & parts.keys():
        complaints += [f"{name} {o}: in --help only" for o in commands[name] - parts[name]]
        complaints += [f"{name} {o}: in the man page only" for o in parts[name] - commands[name]]
    return sorted(complaints)


def compare_synopsis(man, commands):
    """Each command in the synopsis of its page, and each page in the list of sevlaunch.1."""
    listed = re.findall(r"^\.BR sevlaunch-(\S+) \(1\)$", man_section(man[""], "COMMANDS"), re.M)
    complaints = [f"{page}: COMMANDS of sevlaunch.1" for page in
                  {name.split()[0] for name in commands} ^ set(listed)]
    for name in commands:
        text = man_section(man.get(name.split()[0], man[""]), "SYNOPSIS")
        text = re.sub(r"\\f.", "", text).replace("[run]", "run")
        complaints += [] if f"sevlaunch {name} " in text else [f"{name}: not in SYNOPSIS"]
    return complaints


# Reasons and exit codes.

def source_reasons():
    """From the unit test that asks the program's own function about every error; and what
    only a verdict says, from the calls that record it.  A verdict's "no" is exit code 1."""
    program = "tests/unit/test-launcher-error"
    built = run("make", "-C", BUILD, program)
    assert built.returncode == 0, built.stdout
    done = run(f"{BUILD}/{program}", "--tap", "-p", "/launcher-error/ids")
    reasons = set(re.findall(r"quark \d+: ([a-z0-9-]+) (\d+)$", done.stdout, re.M))
    assert len(reasons) > 90, f"only {len(reasons)} reasons of errors: {done.stdout}"
    verdict = set()
    for file in sorted([*TOP.glob("policy/**/*.c"), *TOP.glob("launcher/**/*.c")]):
        text = file.read_text()
        verdict |= set(re.findall(r'policy_verdict_fail \([^"]*?,\s*"([a-z-]+)"', text))
        verdict |= set(re.findall(r'reason_new \(\s*"([a-z-]+)"', text))
        if '"-not-released"' in text:
            for call in re.findall(r"check_digest \(release,([^;]*?)\)", text):
                verdict |= {f"{what}-not-released" for what in re.findall(r'"(\w+)"', call)}
    assert len(verdict) >= 8, f"only {sorted(verdict)}"
    return reasons | {(name, "1") for name in verdict}


def man_reasons(text):
    pairs = []
    for title, body in sections(man_section(text, "REASONS"), "SS"):
        code = re.match(r"Exit status (\d+):", title)
        assert code, f"REASONS has a part '{title}'"
        pairs += [(name, code.group(1)) for name in re.findall(r"^\.TP\n\.B (\S+)$", body, re.M)]
    return pairs


def compare_reasons(man_text, reasons):
    listed = man_reasons(man_text)
    complaints = [f"{n} {c}: twice" for n, c in set(listed) if listed.count((n, c)) > 1]
    complaints += [f"{n} {c}: in the sources only" for n, c in reasons - set(listed)]
    complaints += [f"{n} {c}: in the man page only" for n, c in set(listed) - reasons]
    return sorted(complaints)


def compare_exit_codes(man_text, header):
    source = set(re.findall(r"LAUNCHER_EXIT_\w+ = (\d+)", header))
    listed = set(re.findall(r"^\.TP\n\.B (\d+)$", man_section(man_text, "EXIT STATUS"), re.M))
    parts = {code for _, code in man_reasons(man_text)} | {"0"}
    assert len(source) > 8
    return sorted([f"{c}: EXIT STATUS" for c in source ^ listed] +
                  [f"{c}: REASONS" for c in source ^ parts])


def compare_schemas(man_text, sources):
    pattern = r"\bsevlaunch\.[a-z-]+/\d+"
    return sorted(f"{name}: not in both" for name in
                  set(re.findall(pattern, man_section(man_text, "JSON"))) ^
                  set(re.findall(pattern, sources)))


# What "firmware", "doctor" and "lint" find.

FINDERS = {"firmware": ["launcher/inspect/firmware-*.c"],
           "doctor": ["launcher/inspect/host-check.c", "launcher/cli/cmd-doctor.c"],
           "lint": ["launcher/inspect/domain-lint*.c", "launcher/cli/cmd-lint.c"]}


def source_findings(page):
    text = "\n".join(f.read_text() for glob in FINDERS[page] for f in TOP.glob(glob))
    calls = re.findall(r'(?:finding_add|check_version) \(\s*[\w>-]+,\s*"([a-z0-9-]+)"', text)
    return set(calls) | set(re.findall(r'\{ SEV_POLICY_\w+, "([a-z-]+)"', text))


def man_findings(text):
    found = dict(sections(text, "SH"))
    part = found.get("FINDINGS") or found["CHECKS"]
    heads = re.findall(r"^\.TP\n\.BR? (.*)$", part, re.M)
    return {word for head in heads for word in re.findall(r"[a-z0-9-]+", head)}


def compare_findings(page, text):
    source, listed = source_findings(page), man_findings(text)
    return sorted(f"{page} {i}: {'in the sources' if i in source else 'in the man page'} only"
                  for i in source ^ listed)


# Examples and links.

def code_of(document):
    """Indented and fenced blocks, and words between backquotes."""
    fenced = re.findall(r"^```.*?\n(.*?)^```", document, re.M | re.S)
    blocks = fenced + re.findall(r"(?:^(?: {4}|\t)[^\n]*\n)+", document, re.M)
    return "\n".join(blocks + re.findall(r"`([^`]+)`", document))


def man_code(text):
    part = dict(sections(text, "SH")).get("EXAMPLES", "")
    blocks = re.findall(r"^\.EX\n(.*?)^\.EE", part, re.M | re.S)
    return "\n".join(blocks).replace("\\e\n", "\\\n")


def check_examples(code, commands):
    """Complaints about lines that start with sevlaunch; and how many there were."""
    complaints, count = [], 0
    for line in code.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        except ValueError:
            continue
        if len(words) < 2 or words[0] != "sevlaunch":
            continue
        count += 1
        two = " ".join(words[1:3])
        name = "run" if words[1][0] == "-" else two if two in commands else words[1]
        if name == "help":
            continue
        if len(words) == 2 and any(command.startswith(f"{name} ") for command in commands):
            continue
        if name not in commands:
            complaints.append(f"'{line.strip()}': no command '{name}'")
            continue
        words = words[:words.index("--")] if "--" in words else words
        complaints += [f"'{line.strip()}': no option {word}" for word in words
                       if re.match(r"--?[a-z]", word) and
                       word.split("=")[0] not in commands[name] | {"--version"}]
    return complaints, count


def check_places(name, document):
    """Links; and files of this tree that the documents at its top name."""
    base = (TOP / name).parent
    complaints = [f"{name}: link to {target}" for target in
                  re.findall(r"\]\(([^)#]+)[^)]*\)", document)
                  if "://" not in target and not (base / target).exists()]
    folders = "|".join(p.name for p in TOP.iterdir() if p.is_dir() and p.name[0] != ".")
    for path in re.findall(rf"`\.?/?((?:{folders})/[\w./-]+)`", document):
        if base == TOP and not path.startswith("build/") and not (TOP / path).exists():
            complaints.append(f"{name}: no {path}")
    return complaints


def lint(text):
    done = run_input(["groff", "-man", "-Tutf8", "-ww", "-z"], text)
    complaints = done.stdout.splitlines()
    if shutil.which("mandoc"):
        done = run_input(["mandoc", "-T", "lint", "-W", "warning"], text)
        complaints += done.stdout.splitlines()
    return complaints


def run_input(argv, text):
    return subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=60)


def replaced(text, old, new):
    assert text.count(old) >= 1, f"'{old}' is not there"
    return text.replace(old, new, 1)


def main():
    tap = Tap()
    every, commands, reasons = pages(), help_commands(SEVLAUNCH), source_reasons()
    man = every[""]
    header = (TOP / "launcher/base/launcher-error.h").read_text()
    sources = "\n".join(f.read_text() for f in TOP.glob("launcher/**/*.c"))

    def changed(page, old, new):
        return {**every, page: replaced(every[page], old, new)}

    with tap.test("every command has its man page, with the options of --help and none other"):
        tap.true(len(commands) >= 8 and len(commands["run"]) > 30, commands)
        tap.equal(compare_options(every, commands), [])
        tap.equal(compare_synopsis(every, commands), [])
        tap.equal(compare_twice(every), [])
        twice = changed("run", "\\fB\\-\\-name\\fR", "\\fB\\-\\-image\\fR")
        tap.equal(compare_twice(twice), ["run --image: twice"])
    with tap.test("... a lost option, an invented one, and a lost command are noticed"):
        lost = changed("run", "\\fB\\-\\-run\\-as\\fR \\fIUSER\\fR", "x")
        tap.equal(compare_options(lost, commands), ["run --run-as: in --help only"])
        other = changed("release", "\\fB\\-\\-replace\\fR", "\\fB\\-\\-force\\fR")
        tap.equal(compare_options(other, commands), ["release create --force: in the man page only",
                                                     "release create --replace: in --help only"])
        tap.equal(compare_options(changed("emulator", ".SS emulator status", ""), commands),
                  ["emulator status: in --help only"])
        without = {page: text for page, text in every.items() if page != "run"}
        tap.equal(compare_options(without, commands), ["run: in --help only"])
        tap.equal(compare_synopsis(changed("", ".BR sevlaunch\\-run (1)\nStart", "Start"), commands),
                  ["run: COMMANDS of sevlaunch.1"])
    with tap.test("every reason is in the man page under its exit code, and none other"):
        tap.equal(compare_reasons(man, reasons), [])
        tap.equal(compare_exit_codes(man, header), [])
    with tap.test("... a lost reason, an invented one, a wrong code are noticed"):
        tap.equal(compare_reasons(replaced(man, ".B qemu\\-died", ".B qemu\\-left"), reasons),
                  ["qemu-died 6: in the sources only", "qemu-left 6: in the man page only"])
        lines = ".TP\n.B uki\\-not\\-released\n"
        tap.equal(compare_reasons(replaced(man, lines, ""), reasons),
                  ["uki-not-released 1: in the sources only"])
        tap.equal(compare_exit_codes(replaced(man, ".B 143", ".B 144"), header),
                  ["143: EXIT STATUS", "144: EXIT STATUS"])
        moved = compare_reasons(replaced(man, ".SS Exit status 7:", ".SS Exit status 8:"), reasons)
        tap.equal(moved, ["platform-error 7: in the sources only",
                          "platform-error 8: in the man page only"])
    with tap.test("every JSON schema is in the man page, and none other"):
        tap.equal(compare_schemas(man, sources), [])
        tap.equal(compare_schemas(replaced(man, "sevlaunch.owner/1", "sevlaunch.owner/2"), sources),
                  ["sevlaunch.owner/1: not in both", "sevlaunch.owner/2: not in both"])
    with tap.test("what firmware, doctor and lint can find is in their pages, and nothing else"):
        for page in FINDERS:
            tap.equal(compare_findings(page, every[page]), [])
        tap.equal(compare_findings("lint", replaced(every["lint"], ".B smm", ".B ssm")),
                  ["lint smm: in the sources only", "lint ssm: in the man page only"])
    with tap.test("groff and mandoc (if it is here) have nothing to say about the man pages"):
        tap.true(shutil.which("groff"), "groff is missing (package groff-base)")
        for page in sorted([*MAN.glob("*.[1-8]"), *TOP.glob("ovmf-hooks/guest/*.[1-8]")]):
            tap.equal(lint(page.read_text()), [], page)
        tap.true(lint(man + ".NOSUCHMACRO x\n"), "an unknown macro was not noticed")

    texts = {name: (TOP / name).read_text() for name in DOCUMENTS}
    with tap.test("the commands of the examples exist, and their options"):
        total = 0
        script = (TOP / "examples/quickstart.sh").read_text()
        tap.true(check_examples(script, commands)[1] >= 4, "examples/quickstart.sh")
        for code in [*map(man_code, every.values()), script] + [code_of(text) for text in texts.values()]:
            complaints, count = check_examples(code, commands)
            total += count
            tap.equal(complaints, [])
        tap.true(total >= 15, f"only {total} commands were found")
        tap.true(check_examples(code_of(texts["README.md"]), commands)[1] >= 4, "README.md")
    with tap.test("... one that does not exist is noticed"):
        tap.equal(check_examples(code_of("    sevlaunch courier --to x\n"), commands)[0],
                  ["'sevlaunch courier --to x': no command 'courier'"])
        tap.equal(check_examples(code_of("`sevlaunch emulator exec --shell -- ls --all`"), commands)[0],
                  ["'sevlaunch emulator exec --shell -- ls --all': no option --shell"])
        tap.equal(check_examples("sevlaunch --image x \\\n  --ovmf y", commands)[0],
                  ["'sevlaunch --image x    --ovmf y': no option --ovmf"])
    with tap.test("what the documents link to or name is there"):
        for name, text in texts.items():
            tap.equal(check_places(name, text), [])
        tap.equal(check_places("README.md", "[a](NOWHERE.md) and `tests/nothing.sh`"),
                  ["README.md: link to NOWHERE.md", "README.md: no tests/nothing.sh"])
        for script in re.findall(r"^ {4}(\./\S+)", texts["README.md"], re.M):
            tap.true(os.access(TOP / script, os.X_OK), f"{script} cannot be run")
    tap.finish()


main()
