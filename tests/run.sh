#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The test command: installs what is missing, builds with gcc and with clang and
# sanitizers, prepares firmware and disk, and runs every test.  Works as root or not.
#
#   tests/run.sh              everything
#   tests/run.sh PATTERN...   only the guest tests whose path contains a PATTERN
#   tests/run.sh --bench      no tests: make bench, with guests
#
# Last line: "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
# shellcheck source=scripts/common.sh
. scripts/common.sh
build=$top/build

scripts/ensure-packages.sh build run firmware disk test

say "building with gcc, warnings are errors"
build_tree "$build/gcc" gcc --enable-werror --prefix="$stage"
quietly "$build/gcc/install.log" make -C "$build/gcc" install

say "firmware"
ovmf-hooks/edk2/build-firmware.sh --output "$stage/share/sevlaunch" >"$build/firmware.log"
say "test disk"
# Of this clone alone: another's run would change the disk under a test of this one.
export SEVLAUNCH_TEST_DISK=$SEVLAUNCH_CACHE/test-disk-$clone_id
tests/lib/make-test-disk.sh --output "$SEVLAUNCH_TEST_DISK" >"$build/disk.log"

export SEVLAUNCH=$stage/bin/sevlaunch
SEVLAUNCH_CC=$(compiler gcc)
export SEVLAUNCH_CC
export SEVLAUNCH_PREFIX=$stage
export SEVLAUNCH_FIRMWARE=$stage/share/sevlaunch/sevlaunch-ovmf.fd
export SEVLAUNCH_BUILD=$build/gcc
# Python and its modules from Debian, also where another Python comes first.
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH

if [ "${1:-}" = --bench ]; then
    exec make -s -C "$build/gcc" bench
fi
guest_tests=$(ls tests/{checks,firmware,guest,memory,relay,integration}/test-*.{sh,py} 2>/dev/null || true)
if [ $# -gt 0 ]; then
    chosen=()
    for test in $guest_tests; do
        for pattern in "$@"; do
            case $test in *"$pattern"*) chosen+=("$test") && break ;; esac
        done
    done
    exec tests/tap-runner.py --jobs 1 "${chosen[@]}"
fi

# What fails here is counted by the runner below, from what Automake leaves behind.
unit_tests() {
    make -C "$build/$1" -j2 -k check >"$build/$1-check.log" 2>&1 </dev/null || true
}
say "unit tests (gcc; clang with AddressSanitizer and UndefinedBehaviorSanitizer)"
unit_tests gcc &
gcc_tests=$!
build_tree "$build/clang" clang --enable-werror --enable-sanitizers
unit_tests clang
wait "$gcc_tests"

# Guests wait for libvirt and disks now and then: more at a time than there are processors.
jobs=$(($(nproc) * 3))
say "tarball, valgrind, guests"
status=0
# shellcheck disable=SC2086
tests/tap-runner.py --jobs "$jobs" --times "$SEVLAUNCH_CACHE/test-times" \
    --trs "$build/gcc" --trs "$build/clang" $guest_tests || status=$?
say "whole run"
exit "$status"
