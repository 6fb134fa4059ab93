#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tarball builds, passes its tests, installs, uninstalls and cleans up; and it holds
# every file that git tracks.
set -euo pipefail
cd "${SEVLAUNCH_BUILD:?is set by tests/run.sh}"
top=$(sed -n 's/^abs_top_srcdir = //p' Makefile)
log=distcheck.log
echo 1..2

# This is about what is in the tarball, not about what the compiler says: little is
# optimised, and of the tests, which have all just run from the same sources, those are
# built and run that read files of the tree.
tests="tests/fuzz/fuzz-gpt tests/fuzz/fuzz-qmp-framer"
for name in domain-xml host-argv host-dir ovmf-tables policy-vectors psp-measure psp-packet psp-session; do
    tests="$tests tests/unit/test-$name"
done
if make -j2 distcheck DISTCHECK_CONFIGURE_FLAGS="CC='${SEVLAUNCH_CC:-gcc}' CFLAGS=-O1" \
    TESTS="$tests" check_PROGRAMS="$tests" \
    >"$log" 2>&1 </dev/null; then
    echo "ok 1 - make distcheck"
else
    echo "not ok 1 - make distcheck"
    tail -n 40 "$log" | sed 's/^/# /'
fi

tarball=$(ls sevlaunch-*.tar.xz 2>/dev/null | head -n 1)
if ! git -C "$top" rev-parse --git-dir >/dev/null 2>&1; then
    echo "ok 2 - tarball against git # SKIP not a git checkout"
    exit 0
fi
missing=$(comm -23 \
    <(git -C "$top" -c safe.directory="*" ls-files | grep -vE '^(\.ci/|\.gitignore$)' | sort) \
    <(tar -tf "$tarball" | sed 's,^[^/]*/,,' | grep -v '/$' | sort))
if [ -z "$missing" ]; then
    echo "ok 2 - the tarball holds every tracked file"
else
    echo "not ok 2 - tracked files missing from the tarball"
    printf '%s\n' "$missing" | sed 's/^/# /'
fi
