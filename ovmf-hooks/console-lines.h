/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the guest says about itself on its serial console, in one place: the
 * firmware (ovmf-hooks/edk2) and the guest hook (ovmf-hooks/guest) print
 * these, the launcher and the tests look for them.
 *
 * Every line starts at the beginning of a console line.  A refusal is
 *
 *   PREFIX ID ": " free text
 *
 * with ID a lower-case word with dashes.  The ids are kept stable, the text
 * behind the colon may change.  Nothing of this is authenticated: the console
 * belongs to the host, which can print any line itself or swallow one.  The
 * lines explain, they prove nothing.
 *
 * Only string literals: the firmware includes this file without any C library.
 */

/* Firmware: nothing was started, and the guest is powered off. */
#define SEVLAUNCH_FIRMWARE_REFUSED "sevlaunch-firmware: refused: "

/* Guest: the root file system's key was accepted by the pinned header. */
#define SEVLAUNCH_GUEST_UNLOCKED "sevlaunch-guest: disk unlocked"

/* Guest: nothing was mounted, the secret is wiped, the guest powers off. */
#define SEVLAUNCH_GUEST_REFUSED "sevlaunch-guest: refused: "

/* What the firmware refuses. */
#define SEVLAUNCH_REFUSED_FW_CFG "fw-cfg-unreadable"
#define SEVLAUNCH_REFUSED_NO_HASHES "no-hash-table"
#define SEVLAUNCH_REFUSED_BAD_HASHES "bad-hash-table"
#define SEVLAUNCH_REFUSED_NO_HASH_KERNEL "no-kernel-hash"
#define SEVLAUNCH_REFUSED_NO_HASH_INITRD "no-initrd-hash"
#define SEVLAUNCH_REFUSED_NO_HASH_CMDLINE "no-cmdline-hash"
#define SEVLAUNCH_REFUSED_NO_KERNEL "no-kernel"
#define SEVLAUNCH_REFUSED_KERNEL "kernel-mismatch"
#define SEVLAUNCH_REFUSED_INITRD "initrd-mismatch"
#define SEVLAUNCH_REFUSED_CMDLINE "cmdline-mismatch"
#define SEVLAUNCH_REFUSED_BAD_CMDLINE "bad-cmdline"
#define SEVLAUNCH_REFUSED_TOO_LARGE "too-large"
#define SEVLAUNCH_REFUSED_NOT_LOADABLE "kernel-not-loadable"
#define SEVLAUNCH_REFUSED_RETURNED "kernel-returned"
#define SEVLAUNCH_REFUSED_FIRMWARE "firmware-fault"
