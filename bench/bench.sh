#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bench.sh DIRECTORY: what "make bench" runs: speed and size, side by side in one run.
set -euo pipefail
cd "$(dirname "$0")"
export G_TEST_SRCDIR=${PWD%/*} # bench-psp has the unit tests' chip

show() { # PREFIX: "NAME VALUE UNIT" lines as a column
    awk -v prefix="$1" 'NF == 3 { printf "%-12s %-32s %10s %s\n", prefix, $1, $2, $3; next } { print }'
}

# The last line of "openssl speed" has thousands of bytes a second.
bulk() { # ALGORITHM
    openssl speed -evp "$1" -bytes 4096 -seconds 3 2>/dev/null |
        awk -v name="$1" 'tolower($1) == name { sub("k", "", $2); printf "%s-4KiB %.2f GB/s\n", name, $2 / 1e6 }'
}

p384() {
    openssl speed -seconds 2 ecdsap384 ecdhp384 2>/dev/null |
        awk '/ecdsa \(nistp384\)/ { print "ecdsap384-sign", $(NF - 1), "/s"; print "ecdsap384-verify", $NF, "/s" }
            /ecdh \(nistp384\)/ { print "ecdhp384", $NF, "/s" }'
}

ratio() { # NAME OURS THEIRS GOAL: of two of the lines
    awk -v ours="$2" -v theirs="$3" -v what="$1" -v goal="$4" '
        { value[$1] = $2 }
        END { printf "%s %.2f (%s)\n", what, (value[theirs] > 0 ? value[ours] / value[theirs] : 0), goal }' \
        <<<"$lines" | show bench
}

lines=$("$1/bench-mee"; bulk aes-128-xts)
show bench <<<"$lines"
ratio encrypt/aes-128-xts encrypt-4KiB-median aes-128-xts-4KiB goal:0.7

lines=$("$1/bench-psp"; p384; bulk sha256)
show bench <<<"$lines"
ratio LAUNCH_START-session/ecdhp384 LAUNCH_START-session ecdhp384 agrees-on-one-key
ratio ATTESTATION/ecdsap384-sign ATTESTATION ecdsap384-sign signs-once
ratio PDH_GEN/ecdsap384-sign PDH_GEN ecdsap384-sign makes-a-key,signs-once

./bench-steps.py "$1/../launcher/sevlaunch" | show steps

if [ -n "${SEVLAUNCH_PREFIX:-}" ]; then
    ./bench-host.py | show host
else
    echo "host: skipped; tests/run.sh --bench installs what it needs"
fi
