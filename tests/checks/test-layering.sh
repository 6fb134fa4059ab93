#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every #include of the tree against the table in HACKING.md; and that the check can fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
parts=(sev ovmf-hooks policy qmp psp launcher)
# It gives each code of that folder's errors a reason and an exit code.
exception="launcher/base/launcher-error.c launcher/image/image-error.h"

# "PART ALLOWED..." a line, of the table's rows in their order.
read_table() { # FILE
    sed -nE 's/^\| `([a-z/-]+)` \|.*\| *([^|]*) *\|$/\1|\2/p' "$1" |
        while IFS='|' read -r part cell; do
            line=$part
            IFS=', ' read -r -a words <<<"$cell"
            for word in "${words[@]}"; do
                case $word in
                    launcher) line+="${above:-}" ;;
                    - | above) ;;
                    *) line+=" $word" ;;
                esac
            done
            echo "$line"
            case $part in launcher/*) above="${above:-} $part" ;; esac
        done
}

# Complaints about the tree beneath DIRECTORY; none if it keeps to the table.
judge() { # DIRECTORY
    (
        cd "$1"
        find "${parts[@]}" -name '*.[ch]' -print0 | sort -z |
            xargs -0 awk -v table="$(read_table HACKING.md)" -v exception="$exception" '
                BEGIN {
                    rows = split(table, row, "\n")
                    for (i = 1; i <= rows; i++) {
                        part[i] = row[i]
                        sub(/ .*/, "", part[i])
                    }
                }
                FNR == 1 {
                    home = 0
                    for (i = 1; i <= rows; i++)
                        if (index(FILENAME, part[i] "/") == 1)
                            home = i
                    if (!home)
                        print FILENAME ": its folder is in no row of HACKING.md"
                }
                home && /^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](sev|ovmf-hooks|policy|qmp|psp|launcher|tests|\.\.)\// {
                    header = $0
                    sub(/^[^"<]*["<]/, "", header)
                    sub(/[">].*/, "", header)
                    if (FILENAME " " header == exception)
                        next
                    found = 0
                    n = split(row[home], allowed, " ")
                    for (i = 1; i <= n; i++)
                        if (index(header, allowed[i] "/") == 1)
                            found = 1
                    if (!found)
                        print FILENAME ":" FNR ": " part[home] " may not use " header
                }'
    )
}

n=0
report() { # NAME PROBLEM
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "$2" | head -n 30 | sed 's/^/# /'
    fi
}

# The same complaints, or their absence, in a copy with one line more.
planted() { # FILE LINE EXPECTED
    local copy=$scratch/planted output
    rm -rf "$copy" && mkdir "$copy"
    cp HACKING.md "$copy"
    find "${parts[@]}" -name '*.[ch]' -exec cp --parents -t "$copy" {} +
    mkdir -p "$copy/$(dirname "$1")"
    echo "$2" >>"$copy/$1"
    output=$(judge "$copy")
    if [ "${output#*"$3"}" = "$output" ] || [ "$(wc -l <<<"$output")" -ne 1 ]; then
        report "complains of $1: $2" "expected one line with '$3', got: ${output:-nothing}"
    else
        report "complains of $1: $2" ""
    fi
}

echo 1..10
report "HACKING.md's table was found" \
    "$([ "$(read_table HACKING.md | wc -l)" -ge 16 ] || echo "expected 16 rows or more, got: $(read_table HACKING.md)")"
report "the tree keeps to the table" "$(judge .)"
planted sev/sev-error.h '#include "policy/verdict.h"' "sev may not use policy/verdict.h"
planted psp/fw/psp-nv.c '#include "psp/host/host-dir.h"' "psp/fw may not use psp/host/host-dir.h"
planted psp/host/bus.c '#include "policy/verdict.h"' "psp/host may not use policy/verdict.h"
planted launcher/cli/main.c '#include <psp/fw/psp-nv.h>' "launcher/cli may not use psp/fw/psp-nv.h"
planted launcher/host/virt.c '#include "launcher/flow/launch-flow.h"' \
    "launcher/host may not use launcher/flow/launch-flow.h"
planted launcher/image/gpt.c '#  include "launcher/domain/domain-config.h"' \
    "launcher/image may not use launcher/domain/domain-config.h"
planted policy/verdict.c '#include "../psp/fw/psp-nv.h"' "policy may not use ../psp/fw/psp-nv.h"
planted launcher/extra/new.c 'int x;' "launcher/extra/new.c: its folder is in no row"
