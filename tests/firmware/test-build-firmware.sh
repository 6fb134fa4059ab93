#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What build-firmware.sh refuses, and that a cached image is only taken when it is whole.
# Builds nothing: it is given the image that is under test as a cache entry.
set -euo pipefail
cd "$(dirname "$0")/../.."
script=ovmf-hooks/edk2/build-firmware.sh

firmware=${SEVLAUNCH_FIRMWARE:-}
if [ -z "$firmware" ]; then
    firmware=$("$script" --if-cached 2>/dev/null | sed 's/^[0-9a-f]*  //') || true
fi
if [ ! -f "$firmware" ]; then
    echo "no firmware ($script makes it)"
    exit 77
fi

work=$(mktemp -d /tmp/sl-build-firmware.XXXXXX)
trap 'rm -rf "$work"' EXIT
number=0
echo 1..12

# check NAME CONDITION...
check() {
    local name=$1
    shift
    number=$((number + 1))
    if "$@"; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null || true
    fi
}

# run EXPECTED-STATUS ARGUMENT...: output in out and err.
run() {
    local expected=$1 status=0
    shift
    "$script" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    [ "$status" = "$expected" ]
}
says() { grep -qF -- "$1" "$work/err"; }

run 0 --help || true
check "--help goes to standard output" grep -q -- --output "$work/out"
check "an unknown option is a usage error" run 2 --frobnicate

# An empty cache, then the image under test in it, at the place that the script asks for.
mkdir -m 755 "$work/cache"
check "an empty cache: --if-cached builds nothing" run 3 --cache "$work/cache" --if-cached
key=$("$script" --key)
mkdir -p "$work/cache/firmware/$key"
cp "$firmware" "$work/cache/firmware/$key/sevlaunch-ovmf.fd"
(cd "$work/cache/firmware/$key" && sha256sum sevlaunch-ovmf.fd >sevlaunch-ovmf.fd.sha256)

started=$(date +%s%N)
check "a cached image is taken" run 0 --cache "$work/cache" --if-cached --output "$work/result"
took=$((($(date +%s%N) - started) / 1000000))
check "its digest is printed" grep -q "^$(sha256sum <"$firmware" | cut -c1-64)  " "$work/out"
check "the copy is whole" bash -c 'cd "$1/result" && sha256sum --status -c sevlaunch-ovmf.fd.sha256' - "$work"
echo "# $took ms"

printf x | dd of="$work/cache/firmware/$key/sevlaunch-ovmf.fd" conv=notrunc status=none
check "a damaged cached image is not taken" run 3 --cache "$work/cache" --if-cached

echo "not edk2" >"$work/tarball"
if run 1 --cache "$work/cache" --tarball "$work/tarball"; then :; fi
check "another tarball is refused" says "has not the pinned SHA-256"

chmod 777 "$work/cache"
if run 1 --cache "$work/cache" --if-cached; then :; fi
check "a cache that everybody can write to is refused" says "can be written by everybody"
chmod 755 "$work/cache"

ln -s cache "$work/link"
if run 1 --cache "$work/link" --if-cached; then :; fi
check "a link instead of a directory is refused" says "is not a directory"

other=/usr
if [ "$(id -u)" = 0 ]; then
    mkdir "$work/other"
    chown 65534 "$work/other"
    other=$work/other
fi
if run 1 --cache "$other" --if-cached; then :; fi
check "another user's directory is refused" says "belongs to another user"

check "nothing else was left in the cache" test "$(ls -A "$work/cache")" = firmware
