# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the scripts that make disks and root trees.

# Administrators' programs (mkfs.ext4, sfdisk, cryptsetup) are not in a user's path.
PATH=$PATH:/usr/sbin:/sbin
export PATH LC_ALL=C.UTF-8

program=${0##*/}

say()
{
    printf '%s: %s\n' "$program" "$*" >&2
}

die()
{
    say "$@"
    exit 1
}

# need PROGRAM PACKAGE [PROGRAM PACKAGE...]: names every missing package at once.
need()
{
    local missing=
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null || missing="$missing $2"
        shift 2
    done
    [ -z "$missing" ] || die "missing packages: apt-get install$missing"
}

# guest_tool NAME: prints the path of a program of ours: in $SEVLAUNCH_GUEST_TOOLS, in
# the build tree, or where it was installed together with this script.
guest_tool()
{
    local here top dir
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    top=$(cd "$here/../.." && pwd)
    for dir in ${SEVLAUNCH_GUEST_TOOLS:+"$SEVLAUNCH_GUEST_TOOLS"} \
        ${SEVLAUNCH_BUILD:+"$SEVLAUNCH_BUILD/ovmf-hooks/guest"} \
        ${builddir:+"$builddir/ovmf-hooks/guest"} "$here" "$top/build/gcc/ovmf-hooks/guest" \
        "$top/build/ovmf-hooks/guest" "$here/../../../libexec/sevlaunch/guest"; do
        if [ -x "$dir/$1" ]; then
            printf '%s\n' "$dir/$1"
            return
        fi
    done
    die "cannot find the program $1: run make first (or set SEVLAUNCH_GUEST_TOOLS)"
}

# The directory for what takes long to make and depends on its inputs only.
cache_dir()
{
    local dir=${SEVLAUNCH_CACHE-}
    if [ -z "$dir" ] && [ "$(id -u)" -eq 0 ]; then
        dir=/var/cache/sevlaunch
    elif [ -z "$dir" ]; then
        dir=${XDG_CACHE_HOME:-$HOME/.cache}/sevlaunch
    fi
    mkdir -p "$dir"
    (cd "$dir" && pwd)
}
