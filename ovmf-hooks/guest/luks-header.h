/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What the guest accepts as a LUKS2 header.
 *
 * The disk belongs to the hypervisor.  cryptsetup opens whatever a header says,
 * a null cipher and a reencryption in progress included, so the header is held
 * against a short list of what the owner's disks look like before cryptsetup
 * sees it.  This runs in the initramfs: no GLib.
 *
 * Source of the layout: "LUKS2 On-Disk Format Specification", version 1.1.
 */

#define LUKS_HEADER_MIN 32768u              /* two copies of the smallest header */
#define LUKS_HEADER_MAX (16u * 1024 * 1024) /* bound of this project, not of LUKS2 */
#define LUKS_PIN_SIZE 40u                   /* SHA-256, then the length as 64 bits LE */
#define LUKS_DIGEST_SIZE 32u

/**
 * luks_header_check:
 * @header: (array length=len): copy of the first @len bytes of the partition
 * @len: length in bytes: the whole header area, up to where the data begins
 *
 * Accepts a header exactly when
 *  - both binary headers are version 2, of one size, whole, and say the same;
 *  - there is one segment, number 0: type crypt, aes-xts-plain64, from @len to the
 *    end of the device, tweak 0, without integrity and flags;
 *  - there is no token, no requirement, no flag, no section or member that this
 *    program does not know;
 *  - every keyslot is of type luks2, holds a 512-bit key under aes-xts-plain64, lies
 *    inside the keyslots area apart from the others, and belongs to the one digest,
 *    with bounds on the work that its key derivation asks for.
 *
 * Returns: (nullable): %NULL when accepted, else the reason as a static string
 * "id: phrase"
 */
const char *luks_header_check (const uint8_t *header, size_t len)
    __attribute__ ((warn_unused_result));

/**
 * luks_header_magic:
 * @start: (array length=len): first bytes of a device
 * @len: number of bytes
 *
 * Returns: non-zero when a primary LUKS header (of any version) begins at @start
 */
int luks_header_magic (const uint8_t *start, size_t len);

/**
 * luks_pin_length:
 * @pin: (array fixed-size=40): pin as released by the owner
 *
 * Returns: the length of header that the pin is for, or 0 when it is not a multiple
 * of 512 between %LUKS_HEADER_MIN and %LUKS_HEADER_MAX
 */
size_t luks_pin_length (const uint8_t pin[LUKS_PIN_SIZE]);

/**
 * luks_pin_matches:
 * @pin: (array fixed-size=40): pin as released by the owner
 * @header: (array length=len): copy of the first @len bytes of a device
 * @len: length in bytes
 *
 * Returns: non-zero when @len is the pin's length and the SHA-256 of @header is the
 * pin's digest; 0 also when libcrypto fails
 */
int luks_pin_matches (const uint8_t pin[LUKS_PIN_SIZE], const uint8_t *header, size_t len);
