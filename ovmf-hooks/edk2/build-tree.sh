#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# build-tree.sh TARBALL PLATFORM TREE: unpacks edk2's source into the directory
# TREE, derives PLATFORM (SevLaunch, or AmdSev as it is) and builds it.  Prints
# the build's output, with lines "stage: ..." in between.  The image is
# TREE/Build/PLATFORM/RELEASE_GCC5/FV/OVMF.fd.
#
# build-firmware.sh runs this and looks after everything around it.  This file,
# not that one, is part of what a cached image is looked up by.
set -euo pipefail
umask 022

# Nothing of the caller's environment may reach the image.
if [ "${SEVLAUNCH_CLEAN_ENV:-}" != yes ]; then
    exec env -i SEVLAUNCH_CLEAN_ENV=yes PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$3" LC_ALL=C.UTF-8 TZ=UTC \
        PYTHON_COMMAND=/usr/bin/python3 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 \
        /bin/bash "$0" "$@"
fi

here=$(cd "$(dirname "$0")" && pwd)
tarball=$1 platform=$2 tree=$3
jobs=$(nproc)

echo "stage: unpacking the source"
tar -xJf "$tarball" -C "$tree" --strip-components=1 --no-same-owner
if [ "$platform" = AmdSev ]; then
    /usr/bin/python3 "$here/derive-platform.py" --plain-amdsev "$tree"
    dsc=OvmfPkg/AmdSev/AmdSevX64.dsc
else
    /usr/bin/python3 "$here/derive-platform.py" "$tree" "$here/../console-lines.h"
    dsc=SevLaunchPkg/SevLaunch.dsc
fi

echo "stage: building edk2's tools"
make -s -j"$jobs" -C "$tree/BaseTools/Source/C" ARCH=X64

echo "stage: building the firmware"
set --
cd "$tree"
# Not written for strict shells.
set +eu
. ./edksetup.sh
set -eu
build -n "$jobs" -a X64 -t GCC5 -b RELEASE -p "$dsc"
