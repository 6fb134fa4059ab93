#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Init of the guest in test-secret-module.py: says what the module shows.
export PATH=/bin
coco=/sys/kernel/security/secrets/coco
first=11111111-2222-3333-4444-555555555555
second=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee

say()
{
    printf 'guest-root: %s\n' "$*" >/dev/console
}

say
say "files $(busybox ls "$coco" | busybox tr '\n' ' ')"
say "mode $(busybox stat -c '%a %u %g' "$coco/$first")"
say "sum $(busybox sha256sum <"$coco/$first")"
say "sum $(busybox sha256sum <"$coco/$second")"

# A descriptor that is open while its secret is removed.
exec 3<"$coco/$first"
busybox rm "$coco/$first"
say "left $(busybox ls "$coco" | busybox tr '\n' ' ')"
say "open descriptor reads $(busybox wc -c <&3) bytes"
busybox rmmod sevlaunch_secret 2>/dev/null && say "module removed in use"
exec 3<&-

(echo changed >"$coco/$second") 2>/dev/null && say "secret written"
(: >"$coco/new") 2>/dev/null && say "file made"
say "sum $(busybox sha256sum <"$coco/$second")"

# The host sends an NMI when it has looked at the memory.
echo 1 >/proc/sys/kernel/unknown_nmi_panic
say ready
while :; do
    busybox sleep 3600
done
