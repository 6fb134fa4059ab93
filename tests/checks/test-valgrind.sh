#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit tests of everything that parses or handles keys, under valgrind.  What mostly
# waits for other programs (qemu-img, mtools) is left to the sanitizers.
set -euo pipefail
cd "${SEVLAUNCH_BUILD:?is set by tests/run.sh}"
top=$(sed -n 's/^abs_top_srcdir = //p' Makefile)
export G_TEST_SRCDIR=$top G_TEST_BUILDDIR=$PWD G_SLICE=always-malloc

programs=()
for program in tests/unit/test-*; do
    # Objects and results carry a suffix; what only moves text around is left out,
    # and what takes minutes of public-key arithmetic or forks.
    case $program in
        *.* | *test-qmp* | *test-domain* | *test-launch* | *test-policy-chain | *test-policy-vectors | *test-policy-ledger) ;;
        *test-policy-attest | *test-sev-crypto | *test-evidence-* | *test-policy-acceptance) ;;
        *test-policy-platform | *test-policy-why) ;;
        *test-psp-nv | *test-psp-packet) programs+=("$program") ;;
        *test-psp-* | *test-mee | *test-host-driver | *test-host-platform | *test-host-service) ;;
        *test-image-disk | *test-image-luks | *test-image-esp | *test-image-info | *test-image-read | *test-image-tool) ;;
        *) programs+=("$program") ;;
    esac
done
set -- "${programs[@]}"
echo "1..$#"
n=0
for program in "$@"; do
    n=$((n + 1))
    log=$program.valgrind
    if ./libtool --mode=execute valgrind --quiet --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite --suppressions="$top/tests/checks/valgrind.supp" \
        "$program" >"$log" 2>&1 </dev/null; then
        echo "ok $n - $(basename "$program")"
    else
        echo "not ok $n - $(basename "$program")"
        grep -v '^ok' "$log" | tail -n 40 | sed 's/^/# /'
    fi
done
