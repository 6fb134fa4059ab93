#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-demo-disk.sh --output DIR: the example's disk, a small Debian 12 that unlocks
# itself.  Makes DIR/disk.qcow2, disk.key, disk.manifest and uki.efi (see
# make-disk.sh --help), and DIR/root.password, the password of root in the guest
# (kept when it is there already).  Does nothing when DIR holds what it would make.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=ovmf-hooks/guest/guest-lib.sh
. "$top/ovmf-hooks/guest/guest-lib.sh"

if [ $# -ne 2 ] || [ "$1" != --output ]; then
    die "usage: make-demo-disk.sh --output DIR"
fi
output=$2
need openssl openssl sha256sum coreutils
umask 077
mkdir -p "$output"

if [ ! -s "$output/root.password" ]; then
    # 32 letters and digits without those that are read wrong: 14 of them are 70 bits.
    LC_ALL=C tr -dc 'a-hjkmnp-z2-9' </dev/urandom 2>/dev/null |
        head -c 14 >"$output/root.password" || true
    echo >>"$output/root.password"
fi

tree=$("$top/examples/make-root-tree.sh")

# What was made from the same things is left alone.
stamp=$(cat "$output/root.password" "$top/ovmf-hooks/guest/make-disk.sh" \
    "$(guest_tool luks-encrypt)" <(printf '%s\n' "$(readlink -f "$tree")") | sha256sum)
if [ -e "$output/disk.qcow2" ] && [ -e "$output/disk.key" ] && [ -e "$output/uki.efi" ] &&
    [ "$(cat "$output/disk.stamp" 2>/dev/null)" = "$stamp" ]; then
    say "$output/disk.qcow2 is up to date"
    exit 0
fi
rm -f "$output/disk.stamp"

work=$(mktemp -d "$output/.make-demo-disk.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$work/password/etc"
hash=$(openssl passwd -6 -stdin <"$output/root.password")
tar -xOf "$tree/base.tar" ./etc/shadow | sed "s|^root:[^:]*:|root:$hash:|" >"$work/password/etc/shadow"
# 42 is Debian's group shadow.
tar -C "$work/password" --owner=0 --group=42 --numeric-owner --mode=640 \
    -cf "$work/password.tar" etc/shadow

"$top/ovmf-hooks/guest/make-disk.sh" --output "$output" \
    --root "$tree/base.tar" --root "$tree/overlay.tar" --root "$work/password.tar" \
    --kernel "$tree/vmlinuz" --initrd "$tree/initrd.img" --free 256
printf '%s\n' "$stamp" >"$output/disk.stamp"
