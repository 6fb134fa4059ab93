/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-chip.h"
#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-image
 * @short_description: firmware images that DOWNLOAD_FIRMWARE takes
 *
 * AMD's images run on AMD's processors; an emulated one takes images of its own kind.  The
 * whole format is a design choice:
 *
 *   000h 8     "SLPSPFWI"
 *   008h 2     version of the format, 1
 *   00ah 2     0
 *   00ch 4     length of the image
 *   010h 4     #PspGeneration that it is for
 *   014h 1     API major
 *   015h 1     API minor
 *   016h 1     build
 *   017h 1     0
 *   018h 2084  certificate of the key that signs images: %PSP_USAGE_FIRMWARE, ECDSA on
 *              P-384, in the first slot the signature of the emulated root (ARK)
 *   83ch       anything: the emulated firmware is this library and stays it
 *   end 144    r (72) and s (72), little-endian: ECDSA with SHA-384 of all before them
 *
 * The key that signs is made for images only and certified by the root, which itself signs
 * nothing but certificates.  Chips keep no such key: the manufacturer makes one.
 */

#define PSP_IMAGE_ALIGN 32u                    /* of its address (Linux, AMD's sev-tool) */
#define PSP_USAGE_FIRMWARE ((SevUsage) 0xe001) /* no number of AMD's */

/** PspImage: what an authentic image says */
typedef struct {
    guint32 generation;
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
} PspImage;

/** psp_image_max_size: 64 KiB for Naples and Rome, 128 KiB for Milan (Linux, sev-tool) */
gsize psp_image_max_size (PspGeneration generation);

/**
 * psp_image_open:
 * @data: (array length=len): untrusted
 * @out: (out caller-allocates): filled on success only
 * Returns: whether it is an image, whole, and @ark vouches for it
 */
gboolean psp_image_open (const SevAmdCert *ark,
                         const guint8 *data,
                         gsize len,
                         PspImage *out) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
