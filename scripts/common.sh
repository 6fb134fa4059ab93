# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by examples/quickstart.sh and tests/run.sh, which set top to the source tree.
# shellcheck shell=bash disable=SC2034

# Everything that took long and everything another user must be able to read (as root the
# guests run as an unprivileged user, who cannot look into /root) lies here.
if [ -z "${SEVLAUNCH_CACHE:-}" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        SEVLAUNCH_CACHE=/var/cache/sevlaunch
    else
        SEVLAUNCH_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/sevlaunch
    fi
fi
export SEVLAUNCH_CACHE
mkdir -p "$SEVLAUNCH_CACHE"

# Another clone is another installation.
# shellcheck disable=SC2154
clone_id=$(printf '%s' "$top" | cksum | cut -d ' ' -f 1)
stage=$SEVLAUNCH_CACHE/stage-$clone_id

started=$(date +%s)
say() {
    printf '[%4ss] %s\n' $(($(date +%s) - started)) "$*" >&2
}

# quietly LOG COMMAND...: the output goes to LOG; its end is shown when COMMAND fails.
quietly() {
    quiet_log=$1
    shift
    if ! "$@" >"$quiet_log" 2>&1 </dev/null; then
        tail -n 40 "$quiet_log" >&2
        say "failed: $* (whole output: $quiet_log)"
        return 1
    fi
}

# Where there is a ccache, objects are kept by content, so that another clone, the tarball
# and a second run compile only what is new.  Paths are hashed as they lie in the tree.
export CCACHE_DIR=$SEVLAUNCH_CACHE/ccache CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
export CCACHE_MAXSIZE=1G
compiler() {
    if command -v ccache >/dev/null; then
        printf 'ccache %s' "$1"
    else
        printf '%s' "$1"
    fi
}

# build_tree DIR COMPILER CONFIGURE-ARGUMENT...: configures when needed and builds.
build_tree() {
    tree=$1
    set -- "CC=$(compiler "$2")" "${@:3}"
    mkdir -p "$tree"
    if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ] \
        || [ ! -e "$top/Makefile.in" ]; then
        quietly "$tree/autogen.log" "$top/autogen.sh"
    fi
    if [ ! -e "$tree/Makefile" ] || [ "$top/configure" -nt "$tree/Makefile" ] \
        || [ "$(cat "$tree/configure.arguments" 2>/dev/null)" != "$*" ]; then
        (cd "$tree" && quietly "$tree/configure.log" "$top/configure" "$@")
        printf '%s\n' "$*" >"$tree/configure.arguments"
    fi
    quietly "$tree/make.log" make -C "$tree" -j2 all
}
