/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: ovmf-image
 * @short_description: what a firmware image says of itself in its GUIDed footer table
 *
 * The image is untrusted: it may come from the host's disk.  What is read here only decides
 * what can be asked of the firmware; whether the firmware is the right one is decided by
 * its digest alone.
 *
 * Source: edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm (layout); QEMU 7.2,
 * hw/i386/pc_sysfw_ovmf.c and target/i386/sev.c (how the host reads it).
 */

#define OVMF_IMAGE_MIN_SIZE 4096u
#define OVMF_IMAGE_MAX_SIZE (64u * 1024u * 1024u)

/* Bits of OvmfImageInfo.caps. */
#define OVMF_CAP_SECRET_AREA (1u << 0)
#define OVMF_CAP_HASH_AREA (1u << 1)
#define OVMF_CAP_ES_RESET (1u << 2)
#define OVMF_CAP_SNP_METADATA (1u << 3)

/** OvmfArea: a range of guest-physical memory below 4 GiB */
typedef struct {
    guint32 base;
    guint32 size; /* bytes */
} OvmfArea;

/** OvmfImageInfo: a member counts only if its bit is in @caps; it is zero otherwise */
typedef struct {
    guint caps; /* OVMF_CAP_* */
    OvmfArea
        secret_area; /* where LAUNCH_SECRET puts the secret table; base 16-byte aligned */
    OvmfArea hash_area;    /* where QEMU puts the kernel hash table; at least 176 bytes */
    guint32 es_reset_addr; /* first instruction of the application processors, SEV-ES */
    guint32 snp_metadata;  /* offset of the SNP metadata from the end of the image */
} OvmfImageInfo;

/**
 * ovmf_image_inspect:
 * @image: (array length=len): the whole image, as mapped below 4 GiB
 * @len: %OVMF_IMAGE_MIN_SIZE to %OVMF_IMAGE_MAX_SIZE bytes
 * @out: (out caller-allocates): unchanged on failure
 *
 * An image without a table is no error: it has no capabilities.  An area with base 0 or
 * size 0, a hash area under 176 bytes and a reset address of 0 count as absent.  Stricter
 * than QEMU: a GUID that occurs twice, an entry of the wrong length, an area that wraps,
 * reaches beyond 4 GiB or overlaps the other one make the image malformed.
 *
 * Errors: %OVMF_ERROR_MALFORMED, %OVMF_ERROR_TOO_LARGE.
 */
gboolean ovmf_image_inspect (const guint8 *image,
                             gsize len,
                             OvmfImageInfo *out,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ovmf_image_require:
 * @info: result of ovmf_image_inspect()
 * @caps: OVMF_CAP_* that the caller needs
 *
 * Errors: %OVMF_ERROR_UNSUPPORTED, its message names each missing capability.
 */
gboolean ovmf_image_require (const OvmfImageInfo *info,
                             guint caps,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
