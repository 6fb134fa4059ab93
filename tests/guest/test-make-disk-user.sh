#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-disk.sh as an ordinary user, from a tree with a file that nobody may read, as
# Debian's /etc/shadow- is.
set -euo pipefail
: "${SEVLAUNCH_PREFIX:?is set by tests/run.sh}" "${SEVLAUNCH_TEST_DISK:?is set by tests/run.sh}"
echo 1..2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/etc" "$work/root/sbin" "$work/out"
echo secret >"$work/root/etc/shadow-"
echo '#!/bin/sh' >"$work/root/sbin/init"
chmod 755 "$work/root/sbin/init"
# Its owner may not read it either: packed first, its mode said in the archive.
chmod 600 "$work/root/etc/shadow-"
tar -C "$work/root" --owner=0 --group=0 --numeric-owner -cf "$work/root.tar" --exclude=./etc/shadow- .
tar -C "$work/root" --owner=0 --group=0 --numeric-owner --mode=0 -rf "$work/root.tar" ./etc/shadow-
chmod 755 "$work"
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    chown nobody "$work/out"
    as_user=(runuser -u nobody --)
fi

modes=$(tar -tvf "$work/root.tar" | grep -c '^---------- .*shadow-' || true)
if [ "$modes" = 1 ]; then echo "ok 1 - the tree has a file of mode 0"; else echo "not ok 1 - the tree has a file of mode 0"; fi

if "${as_user[@]}" env HOME="$work/out" TMPDIR="$work/out" \
    "$SEVLAUNCH_PREFIX/share/sevlaunch/guest/make-disk.sh" --output "$work/out" --root "$work/root.tar" \
    --kernel "$SEVLAUNCH_TEST_DISK/kernel" --initrd "$SEVLAUNCH_TEST_DISK/initrd" --free 4 \
    >"$work/log" 2>&1 && [ -s "$work/out/disk.qcow2" ] && [ -s "$work/out/disk.key" ]; then
    echo "ok 2 - an ordinary user makes a disk of it"
else
    echo "not ok 2 - an ordinary user makes a disk of it"
    sed 's/^/# /' "$work/log"
fi
