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

# build_tree DIR CONFIGURE-ARGUMENT...: configures when needed and builds.
build_tree() {
    tree=$1
    shift
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
