/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The check of a LUKS2 header.  Checksums would stop every change, so an input that
 * begins with '{' is taken as the metadata of an otherwise good header; any other is
 * the header area itself, put into 32 KiB.
 */

#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "ovmf-hooks/guest/luks-header.h"

#define HDR_SIZE 16384u
#define AREA_SIZE (1024u * 1024)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
seal (guint8 *hdr)
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    gsize len = 32;

    g_checksum_update (sum, hdr, HDR_SIZE);
    g_checksum_get_digest (sum, hdr + 448, &len);
}

static void
put_header (guint8 *hdr,
            const char *magic,
            guint16 offset,
            const uint8_t *data,
            size_t size)
{
    memcpy (hdr, magic, 6);
    hdr[7] = 2;     /* version */
    hdr[14] = 0x40; /* size 0x4000 */
    hdr[262] = (guint8) (offset >> 8);
    memcpy (hdr + 72, "sha256", 6);
    memcpy (hdr + 4096, data, MIN (size, HDR_SIZE - 4096));
    seal (hdr);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree guint8 *area = g_malloc0 (AREA_SIZE);
    gsize len = AREA_SIZE;

    if (size > 0 && data[0] == '{') {
        put_header (area, "LUKS\xba\xbe", 0, data, size);
        put_header (area + HDR_SIZE, "SKUL\xba\xbe", HDR_SIZE, data, size);
    } else {
        len = LUKS_HEADER_MIN;
        memcpy (area, data, MIN (size, len));
    }

    const char *reason = luks_header_check (area, len);
    /* "id: phrase" */
    g_assert_true (reason == NULL || strstr (reason, ": ") != NULL);
    return 0;
}
