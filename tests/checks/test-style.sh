#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Layout, shell scripts, licence tags, and names that belong in no file.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "1..0 # SKIP not a git checkout"
    exit 0
fi
echo 1..4

verdict() { # NUMBER NAME OUTPUT
    if [ -z "$3" ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        printf '%s\n' "$3" | head -n 30 | sed 's/^/# /'
    fi
}

# edk2's and the kernel's sources keep their own projects' layout.
mapfile -t sources < <(git ls-files '*.c' '*.h' | grep -vE '^ovmf-hooks/(edk2|guest/module)/')
verdict 1 "clang-format changes nothing" \
    "$(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | grep 'error:' || true)"

mapfile -t scripts < <(git ls-files -z | xargs -0 grep -lIE '^#!/(usr/)?bin/(env )?(ba)?sh')
verdict 2 "shellcheck has no warning" "$(shellcheck -x -S warning -f gcc "${scripts[@]}" 2>&1 || true)"

verdict 3 "every source names its licence" \
    "$(git ls-files '*.c' '*.h' '*.sh' '*.py' '*.inc' | xargs grep -L SPDX-License-Identifier || true)"

verdict 4 "no unfinished work" \
    "$(git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.py' '*.am' '*.inc' '*.ac' || true)"
