/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: ovmf-hashes
 * @short_description: the table of kernel, initrd and command-line hashes
 *
 * QEMU (kernel-hashes=on) writes this table into the firmware's hash area and has it
 * measured after the firmware; the firmware's blob verifier compares what it loads.
 *
 * Source: QEMU 7.2, target/i386/sev.c (PaddedSevHashTable); edk2,
 * OvmfPkg/AmdSev/BlobVerifierLibSevHashes.
 */

#define OVMF_HASH_TABLE_SIZE 168u        /* what the length field says */
#define OVMF_HASH_TABLE_PADDED_SIZE 176u /* what is written and measured */

/** OvmfHashes: SHA-256 of what the firmware will load; public values */
typedef struct {
    guint8 cmdline[SEV_DIGEST_SIZE]; /* of the command line with its NUL */
    guint8 initrd[SEV_DIGEST_SIZE];  /* of the file; of no bytes at all without an initrd */
    guint8 kernel[SEV_DIGEST_SIZE];  /* of the whole file, a UKI included */
} OvmfHashes;

/**
 * ovmf_hashes_cmdline:
 * @cmdline: (nullable): what QEMU gets as -append; %NULL is the same as ""
 * @out: (out caller-allocates): SHA-256 of the text and its terminating NUL
 * Errors: %OVMF_ERROR_CRYPTO.
 */
gboolean ovmf_hashes_cmdline (const char *cmdline,
                              guint8 out[SEV_DIGEST_SIZE],
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ovmf_hashes_no_initrd:
 * @out: (out caller-allocates): what stands in the table without an initrd: SHA-256 of
 *   nothing
 * Errors: %OVMF_ERROR_CRYPTO.
 */
gboolean ovmf_hashes_no_initrd (guint8 out[SEV_DIGEST_SIZE],
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ovmf_hashes_build: @out: (out caller-allocates): the padded table */
void ovmf_hashes_build (const OvmfHashes *hashes, guint8 out[OVMF_HASH_TABLE_PADDED_SIZE]);

G_END_DECLS
