#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-test-disk.sh --output DIR [--marker TEXT] [OPTION OF make-disk.sh]...
# make-test-disk.sh --plain FILE [--marker TEXT]
#
# A disk as the example's, with a root file system of a few files: its init prints
# "guest-root: marker TEXT" (default "genuine"), how many secrets are left, and
# "guest-root: ready", then waits.  Made in seconds once examples/make-root-tree.sh has
# its results in the cache.  Beside the disk: kernel and initrd.  --init FILE takes
# another script as init.  With --plain the root file system alone, not encrypted: what
# an attacker would like to see mounted.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=ovmf-hooks/guest/guest-lib.sh
. "$top/ovmf-hooks/guest/guest-lib.sh"

marker=genuine output='' plain='' init='' options=()
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 needs a value"
    case $1 in
    --init) init=$2 ;;
    --marker) marker=$2 ;;
    --output) output=$2 ;;
    --plain) plain=$2 ;;
    *) options+=("$1" "$2") ;;
    esac
    shift 2
done
[ -n "$output$plain" ] || die "usage: make-test-disk.sh --output DIR|--plain FILE [--marker TEXT] [OPTION]..."

guest=$("$top/examples/make-root-tree.sh")
[ -z "$output" ] || mkdir -p "$output"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,etc}
cp "$guest/busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cat >"$root/sbin/init" <<END
#!/bin/busybox sh
# /proc, /sys, /dev and /run come from the initramfs.
export PATH=/bin
coco=/sys/kernel/security/secrets/coco
left=\$(busybox ls \$coco 2>/dev/null | busybox wc -l)
printf '\nguest-root: marker %s\nguest-root: secrets left %s\nguest-root: ready\n' '$marker' "\$left" >/dev/console
while :; do
    busybox sleep 3600
done
END
[ -z "$init" ] || cp "$init" "$root/sbin/init"
chmod 755 "$root/sbin/init" "$root/bin/busybox" "$root" "$root"/*

if [ -n "$plain" ]; then
    truncate -s 24M "$plain"
    mkfs.ext4 -q -F -b 4096 -E root_owner=0:0 -d "$root" "$plain"
    exit 0
fi
tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$work/root.tar" .

"$top/ovmf-hooks/guest/make-disk.sh" --output "$output" --root "$work/root.tar" \
    --kernel "$guest/vmlinuz" --initrd "$guest/initrd.img" --free 4 \
    ${options[@]+"${options[@]}"}
install -m 644 "$guest/vmlinuz" "$output/kernel"
install -m 644 "$guest/initrd.img" "$output/initrd"
