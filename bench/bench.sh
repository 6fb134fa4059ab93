#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bench.sh PROGRAM: what "make bench" runs: speed and size, side by side in one run.
set -euo pipefail
cd "$(dirname "$0")"

show() { # PREFIX: "NAME VALUE UNIT" lines as a column
    awk -v prefix="$1" 'NF == 3 { printf "%-12s %-32s %10s %s\n", prefix, $1, $2, $3; next } { print }'
}

# The last line of "openssl speed" has thousands of bytes a second.
xts() {
    openssl speed -evp aes-128-xts -bytes 4096 -seconds 3 2>/dev/null |
        awk '/AES-128-XTS|aes-128-xts/ { sub("k", "", $2); printf "aes-128-xts-4KiB %.2f GB/s\n", $2 / 1e6 }'
}

lines=$("$1"; xts)
show bench <<<"$lines"
awk '$1 == "encrypt-4KiB-median" { ours = $2 }
    $1 == "aes-128-xts-4KiB" { theirs = $2 }
    END { printf "encrypt/aes-128-xts %.2f (goal:0.7)\n", (theirs > 0 ? ours / theirs : 0) }' \
    <<<"$lines" | show bench
if [ -n "${SEVLAUNCH_PREFIX:-}" ]; then
    ./bench-host.py | show host
else
    echo "host: skipped; tests/run.sh --bench installs what it needs"
fi
