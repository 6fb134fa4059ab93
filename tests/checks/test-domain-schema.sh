#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The golden files of domain XML against libvirt's own schema.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v virt-xml-validate >/dev/null; then
    echo "1..0 # SKIP virt-xml-validate is not installed (package libvirt-clients)"
    exit 0
fi
files=(tests/data/domain/*.xml)
echo "1..$((${#files[@]} + 1))"

# A file that the schema refuses, so that an answer of "fine" means something.
broken=$(mktemp --suffix=.xml)
trap 'rm -f "$broken"' EXIT
sed 's/<memballoon model="none"/<memballoon model="lead"/' "${files[0]}" >"$broken"
if ! virt-xml-validate "$broken" domain >/dev/null 2>&1; then
    echo "ok 1 - the schema refuses a file with one wrong value"
else
    echo "not ok 1 - the schema refuses a file with one wrong value"
fi

n=1
for file in "${files[@]}"; do
    n=$((n + 1))
    if output=$(virt-xml-validate "$file" domain 2>&1); then
        echo "ok $n - $file"
    else
        echo "not ok $n - $file"
        printf '%s\n' "$output" | sed 's/^/# /'
    fi
done
