#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: LGPL-2.1-or-later
# init of a guest that never rests: it writes its encrypted disk and its memory, reads both
# back and compares.  "ROUND N ok" or "ROUND N CORRUPT WHAT" on the console.  A line "disk"
# makes it read /dev/vdb at 32 MiB, "end" makes it say "END N bad=N".
export PATH=/bin
exec </dev/console >/dev/console 2>&1
busybox mount -o remount,rw /
busybox mkdir -p /tmp/mem /data
busybox mount -t tmpfs tmpfs /tmp/mem
number=0 bad=0

# Text that depends on the round, of 600 KiB.
text() { # ROUND
    busybox awk -v round="$1" 'BEGIN {
        for (i = 0; i < 2000; i++)
            printf "round %06d line %08d of the stress guest\n", round, i
    }' >/tmp/mem/part
    for _ in 1 2 3 4 5 6 7; do
        busybox cat /tmp/mem/part
    done
}

compare() { # WHAT FILE SUM
    [ -s "$2" ] && [ "$(busybox sha256sum <"$2")" = "$3" ] && return
    bad=$((bad + 1))
    echo "ROUND $number CORRUPT $1"
}

while read -r line; do
    echo "$line" >/tmp/mem/order
done </dev/console &

text 0 >/tmp/mem/constant
constant=$(busybox sha256sum </tmp/mem/constant)
echo "STRESS ready"
while :; do
    number=$((number + 1))
    text $number >/tmp/mem/file
    sum=$(busybox sha256sum </tmp/mem/file)
    busybox cp /tmp/mem/file /data/file
    busybox sync
    echo 3 >/proc/sys/vm/drop_caches
    before=$bad
    text $number >/tmp/mem/again
    compare again /tmp/mem/again "$sum"
    compare disk /data/file "$sum"
    compare memory /tmp/mem/file "$sum"
    compare constant /tmp/mem/constant "$constant"
    [ $bad -gt $before ] || echo "ROUND $number ok"
    order=$(busybox cat /tmp/mem/order 2>/dev/null)
    busybox rm -f /tmp/mem/order
    case $order in
    disk) busybox dd if=/dev/vdb of=/dev/null bs=4096 skip=8192 count=1 2>/dev/null || echo "DISK failed" ;;
    end) echo "END $number bad=$bad" ;;
    esac
done
