#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes what the example guest is made of: a small Debian 12, its kernel, and an
# initrd with the sevlaunch hook.  Works as root and as a user.  Prints one line, the
# directory that holds
#   base.tar     the Debian system, without initrd
#   overlay.tar  what sevlaunch adds to it: hook, module, settings
#   vmlinuz initrd.img busybox version
# Everything comes from the apt sources of this machine.  Results are kept in
# $SEVLAUNCH_CACHE (/var/cache/sevlaunch, or ~/.cache/sevlaunch for a user) under a
# name made of what they depend on.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=ovmf-hooks/guest/guest-lib.sh
. "$top/ovmf-hooks/guest/guest-lib.sh"
guest=$top/ovmf-hooks/guest

suite=bookworm
packages=(
    linux-image-cloud-amd64 initramfs-tools zstd busybox-static
    cryptsetup-bin e2fsprogs iproute2 kmod systemd-sysv udev
)

need mmdebstrap mmdebstrap make make gcc-12 gcc-12 dpkg-deb dpkg tar tar flock util-linux \
    unshare util-linux apt-get apt
secret_read=$(guest_tool sevlaunch-secret-read)
luks_check=$(guest_tool sevlaunch-luks-check)

# ---- what it depends on ------------------------------------------------------------

# One "deb" line per archive of the suite, as this machine has them.
apt_sources()
{
    # These are apt's placeholders, not the shell's.
    # shellcheck disable=SC2016
    apt-get indextargets --format \
        '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
        'Identifier: Packages' | sort -u |
        while IFS='|' read -r origin codename uri release component; do
            case $origin/$codename in
            "Debian/$suite" | "Debian/$suite"-*) echo "deb $uri $release $component" ;;
            esac
        done
}
sources=$(apt_sources)
if [ -z "$sources" ] && [ "$(id -u)" -eq 0 ]; then
    say "apt-get update"
    apt-get -qq update >&2
    sources=$(apt_sources)
fi
[ -n "$sources" ] || die "apt knows no Debian 12 ($suite) archive here: is it in the sources, and did 'apt-get update' run?"

versions()
{
    apt-cache policy "${packages[@]}" libc6 libcryptsetup12 libssl3 systemd |
        sed -n 's/^\([a-z].*\)/\1/p; s/^  Candidate: //p'
}

digest()
{
    sha256sum | cut -c1-16
}

# Functions below are part of the key: a change in them makes the results anew.
base_key()
{
    printf '%s\n' "$sources" "$(versions)" "$(declare -f make_base)"
}
initrd_key()
{
    printf '%s\n' "$1" "$(declare -f make_initrd make_module make_overlay run_in_tree)"
    cat "$guest"/module/* "$guest"/initramfs-tools/*/* "$secret_read" "$luks_check"
}

# ---- the Debian system --------------------------------------------------------------

# make_base DIR: base.tar, and the headers of its kernel as packages in headers/.
make_base()
{
    local dir=$1 include
    include=$(IFS=,; echo "${packages[*]}")
    mkdir "$dir/headers"
    # INITRD=No: the initrd is made later, with the hook.
    # What stands in single quotes is for mmdebstrap's shell.
    # shellcheck disable=SC2016
    printf '%s\n' "$sources" | INITRD=No mmdebstrap --quiet --variant=minbase \
        --include="$include" \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook='mkdir -p "$1/tmp/headers"; cd "$1/tmp/headers"; chmod 777 .
            v=$(basename "$1"/boot/vmlinuz-*); v=${v#vmlinuz-}
            APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download \
                "linux-headers-$v" "linux-headers-${v%-cloud-amd64}-common" \
                "linux-kbuild-${v%.*-*}"' \
        --customize-hook="sync-out /tmp/headers $dir/headers" \
        --customize-hook='rm -rf "$1/tmp/headers"' \
        "$suite" "$dir/base.tar" -
}

# ---- the initrd ----------------------------------------------------------------------

# make_module VERSION HEADERS-DIR WORK: WORK/module/sevlaunch_secret.ko
make_module()
{
    local version=$1 headers=$2 work=$3 deb
    for deb in "$headers"/*.deb; do
        dpkg-deb -x "$deb" "$work/headers"
    done
    # The packages refer to each other by absolute paths: make that relative.
    # shellcheck disable=SC2016
    sed -i 's,^include /usr/src/,include $(dir $(lastword $(MAKEFILE_LIST)))../,' \
        "$work/headers/usr/src/linux-headers-$version/Makefile"
    cp -r "$guest/module" "$work/module"
    make -s -C "$work/module" KDIR="$work/headers/usr/src/linux-headers-$version" \
        KBUILD_BUILD_TIMESTAMP=0 >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    strip --strip-debug "$work/module/sevlaunch_secret.ko"
}

# make_overlay DIR VERSION MODULE: the files that sevlaunch adds.
make_overlay()
{
    local dir=$1 version=$2 module=$3 kind
    install -D -t "$dir/usr/lib/sevlaunch" "$secret_read" "$luks_check"
    install -m 644 -D -t "$dir/usr/lib/modules/$version/updates" "$module"
    for kind in hooks scripts conf.d; do
        install -D -t "$dir/usr/share/initramfs-tools/$kind" \
            "$guest/initramfs-tools/$kind/sevlaunch"
    done
    mkdir -p "$dir/etc/initramfs-tools/conf.d" "$dir/etc/systemd/network"
    # The hook names what a virtual machine needs: a small initrd starts faster.
    printf 'MODULES=list\nCOMPRESS=zstd\n' >"$dir/etc/initramfs-tools/conf.d/example"
    echo sevlaunch-guest >"$dir/etc/hostname"
    echo '/dev/mapper/sevlaunch-root / ext4 defaults 0 1' >"$dir/etc/fstab"
    printf '[Match]\nType=ether\n\n[Network]\nDHCP=yes\n' \
        >"$dir/etc/systemd/network/80-dhcp.network"
    mkdir -p "$dir/etc/systemd/system/multi-user.target.wants"
    ln -s /lib/systemd/system/systemd-networkd.service \
        "$dir/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
}

# run_in_tree TREE COMMAND...: chroot with the machine's /dev and /proc.
run_in_tree()
{
    local tree=$1 map=
    shift
    [ "$(id -u)" -eq 0 ] || map=--map-root-user
    # shellcheck disable=SC2016
    unshare $map --mount sh -ec '
        mount --rbind /dev "$1/dev"
        mount --rbind /proc "$1/proc"
        exec chroot "$@"' sh "$tree" "$@"
}

# make_initrd DIR BASE-DIR WORK
make_initrd()
{
    local dir=$1 base=$2 work=$3 version tree=$3/tree
    mkdir "$tree" "$work/overlay"
    tar -C "$tree" -x --no-same-owner --exclude='./dev/*' -f "$base/base.tar"
    version=$(basename "$tree"/boot/vmlinuz-*)
    version=${version#vmlinuz-}

    say "kernel module for $version"
    make_module "$version" "$base/headers" "$work"
    make_overlay "$work/overlay" "$version" "$work/module/sevlaunch_secret.ko"
    cp -a "$work/overlay/." "$tree/"

    say "initrd"
    run_in_tree "$tree" depmod "$version"
    run_in_tree "$tree" env PATH=/usr/sbin:/usr/bin:/sbin:/bin SOURCE_DATE_EPOCH=315619200 \
        mkinitramfs -o /tmp/initrd.img "$version"

    cp "$tree/usr/lib/modules/$version"/modules.*.bin "$tree/usr/lib/modules/$version"/modules.{dep,alias,symbols,softdep} \
        "$work/overlay/usr/lib/modules/$version/"
    chmod -R u=rwX,go=rX "$work/overlay"
    tar -C "$work/overlay" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@315619200 \
        -cf "$dir/overlay.tar" .
    cp "$tree/tmp/initrd.img" "$tree/boot/vmlinuz-$version" "$dir/"
    mv "$dir/vmlinuz-$version" "$dir/vmlinuz"
    cp "$tree/bin/busybox" "$dir/busybox"
    ln -s "../$(basename "$base")/base.tar" "$dir/base.tar"
    echo "$version" >"$dir/version"
}

# ---- cache ----------------------------------------------------------------------------

cache=$(cache_dir)
umask 022
exec 9>"$cache/root-tree.lock"
flock 9
work=
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# An entry appears whole or not at all.
base=$cache/debian-$(base_key | digest)
if [ ! -e "$base" ]; then
    say "Debian 12 with kernel (about half a minute)"
    work=$(mktemp -d "$cache/.work.XXXXXX")
    mkdir -m 755 "$work/out"
    make_base "$work/out" || die "mmdebstrap failed"
    mv "$work/out" "$base"
    rm -rf "$work"
fi
entry=$cache/guest-$(initrd_key "${base##*/}" | digest)
if [ ! -e "$entry" ]; then
    work=$(mktemp -d "$cache/.work.XXXXXX")
    mkdir -m 755 "$work/out"
    make_initrd "$work/out" "$base" "$work" || die "cannot make the initrd"
    mv "$work/out" "$entry"
    rm -rf "$work"
fi
printf '%s\n' "$entry"
