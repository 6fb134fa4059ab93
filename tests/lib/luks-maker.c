/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/luks-maker.h"

#include <string.h>

#define BINARY_SIZE 4096u
#define CSUM 448u
#define CSUM_SIZE 64u

void
luks_maker_seal (guint8 *header)
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    gsize len = 32;

    memset (header + CSUM, 0, CSUM_SIZE);
    g_checksum_update (sum, header, LUKS_MAKER_HDR_SIZE);
    g_checksum_get_digest (sum, header + CSUM, &len);
}

static void
put_header (guint8 *header, const char *magic, guint16 at, const void *json, gsize len)
{
    memset (header, 0, LUKS_MAKER_HDR_SIZE);
    memcpy (header, magic, 6);
    header[7] = 2;     /* version */
    header[14] = 0x40; /* size 0x4000, 64 bits big-endian from byte 8 */
    header[23] = 1;    /* sequence number */
    memcpy (header + 72, "sha256", 6);
    memset (header + 104, at != 0 ? 0x5a : 0xa5, 64); /* salt */
    memcpy (header + 168, LUKS_MAKER_UUID, strlen (LUKS_MAKER_UUID));
    header[262] = (guint8) (at >> 8);
    memcpy (header + BINARY_SIZE, json, MIN (len, LUKS_MAKER_HDR_SIZE - BINARY_SIZE));
    luks_maker_seal (header);
}

void
luks_maker_fill (guint8 *area, const void *json, gsize json_len)
{
    put_header (area, "LUKS\xba\xbe", 0, json, json_len);
    put_header (area + LUKS_MAKER_HDR_SIZE, "SKUL\xba\xbe", LUKS_MAKER_HDR_SIZE, json,
                json_len);
}
