/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-nv
 * @short_description: the container of everything that outlives a process
 *
 * A container is a header, blocks with a length each, and a trailer that covers all of it:
 *
 *   00h 8  magic, tells what kind of container it is
 *   08h 2  version: of the build that wrote it
 *   0ah 2  min_version: the oldest version that understands it
 *   0ch 4  total length, header and trailer included
 *   10h    blocks: tag 4, length 4, data
 *   end 32 HMAC-SHA-256 under a key, or SHA-256 where there is no key
 *
 * A reader skips tags that it does not know; a change that an older build must not
 * overlook raises min_version.  Integrity is looked at before anything else, so a torn or
 * changed container never looks like a newer one.
 *
 * Pure: bytes in, bytes out.  What comes in is hostile; at most %PSP_NV_MAX_SIZE bytes and
 * %PSP_NV_MAX_BLOCKS blocks are accepted.
 */

#define PSP_NV_MAGIC_SIZE 8u
#define PSP_NV_MAX_BLOCKS 32u

/** PspNvKind: a kind of container and the versions that this build writes and reads */
typedef struct {
    char magic[PSP_NV_MAGIC_SIZE + 1];
    guint16 version;     /* written, and the newest min_version understood */
    guint16 min_version; /* written */
} PspNvKind;

/** PspNvBlock: @data is borrowed, from the writer or from the container read */
typedef struct {
    guint32 tag;
    guint32 len;
    const guint8 *data;
} PspNvBlock;

/**
 * psp_nv_encode:
 * @blocks: (array length=n_blocks): at most %PSP_NV_MAX_BLOCKS, each tag once
 * @key: (nullable): key of the trailer; %NULL: SHA-256
 *
 * Errors: %SEV_ERROR_CRYPTO.
 * Returns: (transfer full): the container; a programmer's error if it were larger than
 *   %PSP_NV_MAX_SIZE
 */
SevSecret *psp_nv_encode (const PspNvKind *kind,
                          const PspNvBlock *blocks,
                          gsize n_blocks,
                          const SevSecret *key,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_nv_decode:
 * @data: (array length=len): untrusted bytes; the blocks point into them
 * @blocks: (out caller-allocates) (array fixed-size=PSP_NV_MAX_BLOCKS): filled on success
 * @n_blocks: (out)
 *
 * Errors: %PSP_ERROR_NV_DAMAGED; %PSP_ERROR_NV_VERSION: intact, but for a newer build;
 *   %SEV_ERROR_CRYPTO.
 */
gboolean psp_nv_decode (const PspNvKind *kind,
                        const guint8 *data,
                        gsize len,
                        const SevSecret *key,
                        PspNvBlock blocks[PSP_NV_MAX_BLOCKS],
                        gsize *n_blocks,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_nv_find: Returns: (nullable): the block with @tag */
const PspNvBlock *psp_nv_find (const PspNvBlock *blocks, gsize n_blocks, guint32 tag);

G_END_DECLS
