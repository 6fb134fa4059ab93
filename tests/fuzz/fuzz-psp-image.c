/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Firmware images: only the one that was signed opens.  The first 4 bytes say how much of
 * it there is, the rest edits it.
 */

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-image.h"
#include "tests/fuzz/fuzz-edits.h"
#include "tests/lib/firmware-maker.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const SevAmdCert *
good_image (GBytes **image)
{
    static PspChip *chip;
    static GBytes *good;
    const FirmwareSpec spec = { .api_minor = 24, .size = 4096 };

    if (chip == NULL) {
        chip = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
        good = firmware_maker_image (chip, &spec);
    }
    *image = good;
    return psp_chip_ark_cert (chip);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    GBytes *good;
    const SevAmdCert *ark = good_image (&good);
    const gsize good_len = g_bytes_get_size (good);
    guint32 cut_le;
    PspImage image;

    /* Once as it comes, for the bytes that are looked at before any signature. */
    if (psp_image_open (ark, data, size, &image))
        g_assert_not_reached ();
    if (size < sizeof cut_le)
        return 0;
    memcpy (&cut_le, data, sizeof cut_le);
    const gsize len = good_len - GUINT32_FROM_LE (cut_le) % (good_len + 1);
    g_autofree guint8 *bytes = g_malloc (len + 1);
    memcpy (bytes, g_bytes_get_data (good, NULL), len);
    fuzz_edit (bytes, len, data + sizeof cut_le, size - sizeof cut_le);

    const gboolean same =
        len == good_len && memcmp (bytes, g_bytes_get_data (good, NULL), len) == 0;
    g_assert_cmpint (psp_image_open (ark, bytes, len, &image), ==, same);
    return 0;
}
