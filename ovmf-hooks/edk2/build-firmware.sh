#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Builds the SevLaunch firmware from Debian 13's edk2 source and prints its
# digest.  Nothing outside the cache directory and the build directory is
# written; /etc/apt is only read.  Works as root and as any other user.
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# edk2 2025.02 as Debian 13 carries it.  The .dsc is not needed.
readonly TARBALL=edk2_2025.02.orig.tar.xz
readonly TARBALL_SHA256=b63b6053d6d89c74d9291f9e96fde1584be99e6fb9c169ba9511505129d6b049
readonly SOURCE_SUITE=trixie
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The length of the build path stays in the image, its letters do not: one
# directory for each user, all names equally long.
BUILD_DIR=/var/tmp/sevlaunch-edk2-$(printf '%010u' "$(id -u)")
readonly BUILD_DIR

usage() {
    cat <<EOF
Usage: build-firmware.sh [--output DIR] [OPTION]...

Builds sevlaunch-ovmf.fd, or takes it from the cache, and prints its SHA-256
and its path.  Progress goes to standard error.

  --output DIR     put sevlaunch-ovmf.fd and sevlaunch-ovmf.fd.sha256 there
  --cache DIR      cache directory (default: \$SEVLAUNCH_CACHE, or
                   /var/cache/sevlaunch for root, else ~/.cache/sevlaunch)
  --tarball FILE   use this copy of $TARBALL
  --if-cached      do not build: exit with 3 if the image is not in the cache
  --key            print the name of the cache's entry for these files and tools
  --rebuild        build even if the image is in the cache, and compare
  --pin            write the digest into expected.sha256 (after a change here)
  --plain-amdsev   build edk2's own AmdSev platform instead, amdsev-ovmf.fd,
                   to compare with; never release a secret to it
  --help           this text
EOF
}

die() {
    stage_end
    echo "build-firmware: $*" >&2
    exit 1
}

# One line a stage; on a terminal the running stage shows how far it is.
stage_name=
stage_start=0
stage() {
    stage_end
    stage_name=$1
    stage_start=$SECONDS
    if [ -t 2 ]; then printf 'firmware: %s ...' "$1" >&2; else echo "firmware: $1" >&2; fi
}
stage_progress() {
    if [ -t 2 ]; then
        printf '\rfirmware: %s ... %s, %s s ' "$stage_name" "$1" "$((SECONDS - stage_start))" >&2
    fi
}
stage_end() {
    if [ -n "$stage_name" ] && [ -t 2 ]; then
        printf '\r\033[Kfirmware: %s: %s s\n' "$stage_name" "$((SECONDS - stage_start))" >&2
    fi
    stage_name=
}

output='' cache='' tarball='' rebuild=no pin=no only_cached=no only_key=no platform=SevLaunch
while [ $# -gt 0 ]; do
    case $1 in
        --output | --cache | --tarball)
            [ $# -ge 2 ] || die "$1 needs an argument"
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --rebuild) rebuild=yes ;;
        --key) only_key=yes ;;
        --if-cached) only_cached=yes ;;
        --pin) pin=yes ;;
        --plain-amdsev) platform=AmdSev ;;
        --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done

if [ "$platform" = AmdSev ]; then image=amdsev-ovmf.fd; else image=sevlaunch-ovmf.fd; fi

# --- what the image depends on --------------------------------------------

# Debian's versions of the programs that leave traces in the image.
toolchain() {
    local package version line=
    for package in "gcc-$(gcc -dumpversion)" binutils nasm acpica-tools; do
        version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || version=unknown
        line+="$package $version, "
    done
    echo "${line%, }"
}

inputs_digest() {
    (
        cd "$here"
        echo "$TARBALL_SHA256 $platform $(toolchain) $(/usr/bin/python3 --version)"
        find SevLaunchPkg build-tree.sh derive-platform.py ../console-lines.h -type f -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    ) | sha256sum | cut -c1-64
}

check_build_packages() {
    local missing=()
    command -v nasm >/dev/null || missing+=(nasm)
    command -v iasl >/dev/null || missing+=(acpica-tools)
    command -v gcc >/dev/null || missing+=(gcc)
    command -v g++ >/dev/null || missing+=(g++)
    command -v make >/dev/null || missing+=(make)
    command -v xz >/dev/null || missing+=(xz-utils)
    [ -e /usr/include/uuid/uuid.h ] || missing+=(uuid-dev)
    if [ ! -x /usr/bin/python3 ]; then
        missing+=(python3 python3-distutils)
    elif ! /usr/bin/python3 -W ignore -c 'import distutils.util' 2>/dev/null; then
        missing+=(python3-distutils)
    fi
    [ ${#missing[@]} -eq 0 ] || die "needed first: apt-get install ${missing[*]}"
}

# --- directories -----------------------------------------------------------

# A directory that only its owner, the caller, can have filled, from now on.
own_directory() {
    mkdir -p -- "$(dirname -- "$1")"
    [ -e "$1" ] || [ -L "$1" ] || mkdir -m "$2" -- "$1" || die "cannot make '$1'"
    if [ -L "$1" ] || [ ! -d "$1" ]; then die "'$1' is not a directory"; fi
    [ "$(stat -c %u -- "$1")" = "$(id -u)" ] || die "'$1' belongs to another user; remove it"
    local mode
    mode=$(stat -c %a -- "$1")
    (((8#$mode & 8#002) == 0)) || die "'$1' can be written by everybody (mode $mode)"
    # Not an attack where umask is 002, but nothing that others may fill.
    chmod g-w -- "$1"
}

default_cache() {
    if [ -n "${SEVLAUNCH_CACHE:-}" ]; then
        echo "$SEVLAUNCH_CACHE"
    elif [ "$(id -u)" = 0 ]; then
        echo /var/cache/sevlaunch
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/sevlaunch"
    fi
}

# --- the source ------------------------------------------------------------

has_digest() {
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -c1-64)" = "$2" ]
}

# Mirrors of this machine that may carry Debian's main archive: where its own
# "apt-get update" would look, which needs no lists to be there yet.
mirrors() {
    apt-get -o "Dir::State=$1" update --print-uris |
        sed -n "s|^'\(.*\)/dists/[^/]*/InRelease' .*|\1|p" | awk '!/security/ && !seen[$0]++'
}

# An apt of our own: its sources, lists and cache lie in DIR, the machine's
# settings (proxies) stay, hooks that others hung onto "update" do not run.
private_apt_conf() {
    local dir=$1 mirror=$2
    mkdir -p "$dir/sources.list.d" "$dir/preferences.d" "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : >"$dir/preferences"
    echo "deb-src [signed-by=$KEYRING] $mirror $SOURCE_SUITE main" >"$dir/sources.list"
    cat >"$dir/apt.conf" <<EOF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/sources.list.d";
Dir::Etc::preferences "$dir/preferences";
Dir::Etc::preferencesparts "$dir/preferences.d";
Dir::State "$dir/state";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
    # As root apt fetches as _apt, which must reach its directories.
    if [ "$(id -u)" = 0 ]; then chmod 755 "$dir"; fi
}

fetch_source() {
    local target=$1 work mirror uri
    work=$(mktemp -d "$cache/apt.XXXXXXXXXX")
    cleanup+=("$work")
    mkdir -p "$work/machine/lists/partial"
    for mirror in $(mirrors "$work/machine"); do
        rm -rf "${work:?}"/*
        private_apt_conf "$work" "$mirror"
        apt-get -qq -c "$work/apt.conf" update >"$work/log" 2>&1 || continue
        uri=$(apt-get -qq -c "$work/apt.conf" source --print-uris --download-only edk2 2>>"$work/log" |
            sed -n "s|^'\([^']*/$TARBALL\)' .*|\1|p")
        [ -n "$uri" ] || continue
        mkdir "$work/get"
        if [ "$(id -u)" = 0 ] && id _apt >/dev/null 2>&1; then chown _apt "$work/get"; fi
        if /usr/lib/apt/apt-helper -c "$work/apt.conf" download-file "$uri" "$work/get/$TARBALL" \
            "SHA256:$TARBALL_SHA256" >>"$work/log" 2>&1; then
            cp -- "$work/get/$TARBALL" "$target.part"
            has_digest "$target.part" "$TARBALL_SHA256" || die "$TARBALL has not the pinned SHA-256"
            mv -- "$target.part" "$target"
            return
        fi
    done
    if [ -f "$work/log" ]; then sed 's/^/  apt: /' "$work/log" >&2; fi
    die "no mirror of this machine gave $TARBALL (Debian 13 source); get it elsewhere and give it with --tarball"
}

# --- the build -------------------------------------------------------------

build_image() {
    local tree=$BUILD_DIR/edk2 log=$BUILD_DIR/build.log count=0 line
    rm -rf -- "$tree"
    mkdir -- "$tree"
    "$here/build-tree.sh" "$tarball" "$platform" "$tree" 2>&1 | tee "$log" | {
        while IFS= read -r line; do
            case $line in
                "stage: "*) stage "${line#stage: }" ;;
                "Building ..."*)
                    count=$((count + 1))
                    stage_progress "$count modules"
                    ;;
            esac
        done
        stage_end
    } || build_failed "$log"

    built=$tree/Build/$platform/RELEASE_GCC5/FV/OVMF.fd
    [ -f "$built" ] || build_failed "$log"
}

build_failed() {
    grep -v '^"gcc"' "$1" | tail -n 25 >&2 || :
    die "the build failed; the whole log is $1"
}

# --- the pinned digests ----------------------------------------------------

# Lines of "SHA-256  toolchain".
compare_with_pin() {
    local digest=$1 tools pinned
    [ "$platform" = SevLaunch ] || return 0
    tools=$(toolchain)
    pinned=$(awk -v tools="$tools" '/^#/ { next } { d = $1; sub(/^[^ ]+  /, ""); if ($0 == tools) print d }' "$here/expected.sha256")
    if [ "$pin" = yes ]; then
        awk -v tools="$tools" '{ l = $0; sub(/^[^ ]+  /, ""); if (l ~ /^#/ || $0 != tools) print l }' \
            "$here/expected.sha256" >"$here/expected.sha256.new"
        echo "$digest  $tools" >>"$here/expected.sha256.new"
        mv -- "$here/expected.sha256.new" "$here/expected.sha256"
        echo "firmware: pinned for $tools" >&2
    elif [ -z "$pinned" ]; then
        echo "firmware: no digest is pinned for this toolchain ($tools)" >&2
    elif [ "$pinned" = "$digest" ]; then
        echo "firmware: as pinned for $tools" >&2
    else
        die "the image is not the pinned one for $tools: built $digest, pinned $pinned"
    fi
}

# --- main ------------------------------------------------------------------

cleanup=()
trap 'if [ ${#cleanup[@]} -gt 0 ]; then rm -rf -- "${cleanup[@]}"; fi' EXIT

check_build_packages
if [ "$only_key" = yes ]; then
    inputs_digest
    exit 0
fi
[ -n "$cache" ] || cache=$(default_cache)
own_directory "$cache" 755
cache=$(cd "$cache" && pwd)
own_directory "$cache/firmware" 755
key=$(inputs_digest)
entry=$cache/firmware/$key

cached() {
    [ -f "$entry/$image" ] && (cd "$entry" && sha256sum --status -c "$image.sha256")
}

if [ "$only_cached" = yes ] && ! cached; then
    echo "firmware: not in the cache" >&2
    exit 3
fi

if [ "$rebuild" = yes ] || ! cached; then
    own_directory "$BUILD_DIR" 700
    exec 9>"$BUILD_DIR/lock"
    if ! flock -n 9; then
        echo "firmware: waiting for another build" >&2
        flock 9
    fi
    # The one who held the lock may have built it.
    if [ "$rebuild" = yes ] || ! cached; then
        if [ -n "$tarball" ]; then
            has_digest "$tarball" "$TARBALL_SHA256" || die "'$tarball' has not the pinned SHA-256"
        else
            tarball=$cache/$TARBALL
            if ! has_digest "$tarball" "$TARBALL_SHA256"; then
                stage "getting $TARBALL"
                fetch_source "$tarball"
                stage_end
            fi
        fi
        build_image
        new=$(mktemp -d "$cache/firmware/new.XXXXXXXXXX")
        cleanup+=("$new")
        chmod 755 "$new"
        install -m 644 -- "$built" "$new/$image"
        (cd "$new" && sha256sum "$image" >"$image.sha256")
        if [ -d "$entry" ] && [ "$rebuild" = yes ] && cached; then
            cmp -s "$new/$image" "$entry/$image" ||
                die "not reproduced: $(cut -c1-64 "$new/$image.sha256") now, $(cut -c1-64 "$entry/$image.sha256") before"
            echo "firmware: the same as before" >&2
        fi
        rm -rf -- "$entry" "$BUILD_DIR/edk2"
        mv -T -- "$new" "$entry"
    fi
    exec 9>&-
fi

digest=$(cut -c1-64 "$entry/$image.sha256")
compare_with_pin "$digest"
if [ -n "$output" ]; then
    mkdir -p -- "$output"
    for file in "$image" "$image.sha256"; do
        install -m 644 -- "$entry/$file" "$output/$file.new.$$"
        mv -- "$output/$file.new.$$" "$output/$file"
    done
    echo "$digest  $output/$image"
else
    echo "$digest  $entry/$image"
fi
