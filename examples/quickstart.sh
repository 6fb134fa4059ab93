#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From an empty Debian 12 to a verified, unlocked confidential guest on the emulated host.
# Works as root or not; what takes long is kept in the cache and not done again.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
# shellcheck source=scripts/common.sh
. scripts/common.sh
build=$top/build
demo=$SEVLAUNCH_CACHE/demo-$clone_id

scripts/ensure-packages.sh build run firmware disk

say "building sevlaunch"
build_tree "$build/gcc" gcc --prefix="$stage"
quietly "$build/gcc/install.log" make -C "$build/gcc" install
PATH=$stage/bin:$PATH

say "firmware (two minutes the first time)"
ovmf-hooks/edk2/build-firmware.sh --output "$stage/share/sevlaunch"

mkdir -p "$demo"
cd "$demo"
if [ ! -e disk.password ]; then
    (umask 077 && openssl rand -hex 6 >disk.password)
fi
say "disk image (two minutes the first time)"
"$top/examples/make-demo-disk.sh" --output "$demo" --root-password-file disk.password

# Guests of root run as an unprivileged user, who needs the disk.
if [ "$(id -u)" -eq 0 ]; then
    run_as=$(id -un sevlaunch 2>/dev/null || echo nobody)
    chown "$run_as" disk.qcow2
fi

if [ ! -e owner/pdh.cert ]; then
    say "the owner's directory: $demo/owner"
    sevlaunch owner-init owner
    ln -sf owner/pdh.cert pdh.cert
fi
sevlaunch emulator create --if-missing
say "this owner trusts this emulated host: its root goes into owner/trusted-roots"
sevlaunch emulator trust --owner owner
if sevlaunch emulator exec -- virsh domstate disk >/dev/null 2>&1; then
    say "stopping the guest of an earlier run"
    sevlaunch emulator exec -- virsh -q destroy disk
fi
say "the release: what may be booted, and the key of the disk for that alone"
sevlaunch release create --replace --image disk.qcow2 --owner-cert pdh.cert \
    --firmware "$stage/share/sevlaunch/sevlaunch-ovmf.fd" --secret luks-key:disk.key

printf '\n$ cd %s\n$ sevlaunch --image disk.qcow2 --owner-cert pdh.cert\n\n' "$demo" >&2
sevlaunch --image disk.qcow2 --owner-cert pdh.cert
printf '\nLog in on the console as root, password %s.\nTo use sevlaunch in this shell: PATH=%s/bin:$PATH\n' \
    "$(cat disk.password)" "$stage" >&2
