#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-demo-disk.sh --output DIR --root-password-file FILE
#
# The example's disk, a small Debian 12 that unlocks itself: DIR/disk.qcow2, disk.key,
# disk.manifest and uki.efi (see make-disk.sh --help).  FILE holds the password that
# root has on the guest's console.  Does nothing when DIR holds what it would make.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=ovmf-hooks/guest/guest-lib.sh
. "$top/ovmf-hooks/guest/guest-lib.sh"

output='' password_file=''
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 needs a value"
    case $1 in
    --output) output=$2 ;;
    --root-password-file) password_file=$2 ;;
    *) die "unexpected argument '$1'" ;;
    esac
    shift 2
done
if [ -z "$output" ] || [ -z "$password_file" ]; then
    die "usage: make-demo-disk.sh --output DIR --root-password-file FILE"
fi
[ -s "$password_file" ] || die "no password in '$password_file'"
need openssl openssl sha256sum coreutils
mkdir -p "$output"
umask 077

tree=$("$top/examples/make-root-tree.sh")

# What was made from the same things is left alone.
stamp=$(cat "$password_file" "$top/ovmf-hooks/guest/make-disk.sh" \
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
hash=$(openssl passwd -6 -stdin <"$password_file")
tar -xOf "$tree/base.tar" ./etc/shadow | sed "s|^root:[^:]*:|root:$hash:|" >"$work/password/etc/shadow"
# 42 is Debian's group shadow.
tar -C "$work/password" --owner=0 --group=42 --numeric-owner --mode=640 \
    -cf "$work/password.tar" etc/shadow

"$top/ovmf-hooks/guest/make-disk.sh" --output "$output" \
    --root "$tree/base.tar" --root "$tree/overlay.tar" --root "$work/password.tar" \
    --kernel "$tree/vmlinuz" --initrd "$tree/initrd.img" --free 256
printf '%s\n' "$stamp" >"$output/disk.stamp"
