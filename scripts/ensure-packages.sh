#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Usage: ensure-packages.sh SET...
# Installs the Debian packages of the named sets (packages.txt) when root; otherwise, when
# some are missing, prints the one line that installs them and fails.
# Words of $wanted and $missing are meant to be split.
# shellcheck disable=SC2086
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v dpkg-query >/dev/null; then
    echo "ensure-packages: no dpkg here; the package sets are in $here/packages.txt" >&2
    exit 1
fi

wanted=
for set in "$@"; do
    line=$(sed -n "s/^$set: //p" "$here/packages.txt")
    if [ -z "$line" ]; then
        echo "ensure-packages: no set '$set' in packages.txt" >&2
        exit 2
    fi
    wanted="$wanted $line"
done

missing=
for package in $(printf "%s\n" $wanted | sort -u); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Packages are missing. Install them with this line, then start again:" >&2
    echo "  sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

count=$(printf '%s\n' $missing | wc -l)
echo "installing $count packages:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may be old or absent: update only when something is to be installed.
if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install $missing; } </dev/null >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "ensure-packages: apt-get failed, its last lines are above" >&2
    exit 1
fi
