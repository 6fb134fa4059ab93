/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The area of INIT_EX: only what was sealed opens, and to the same bytes. */

#include <string.h>

#include "psp/fw/psp-error.h"
#include "psp/fw/psp-nv-area.h"
#include "tests/fuzz/fuzz-edits.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static PspChip *chip;
static guint8 good[PSP_NV_AREA_SIZE];
static const char plain[] = "persistent state";

static void
set_up (void)
{
    static const guint8 iv[SEV_IV_SIZE] = { 7 };
    g_autoptr (SevSecret) blob = sev_secret_new_copy (plain, sizeof plain);

    if (chip != NULL)
        return;
    chip = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
    if (!psp_nv_area_seal (chip, blob, iv, good, NULL))
        g_assert_not_reached ();
}

static void
check (const guint8 *area)
{
    g_autoptr (SevSecret) blob = NULL;
    g_autoptr (GError) error = NULL;

    if (!psp_nv_area_open (chip, area, &blob, &error)) {
        g_assert_error (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED);
        g_assert_true (memcmp (area, good, PSP_NV_AREA_SIZE) != 0);
    } else if (blob != NULL) {
        g_assert_cmpmem (area, PSP_NV_AREA_SIZE, good, PSP_NV_AREA_SIZE);
        g_assert_cmpmem (sev_secret_data (blob), sev_secret_size (blob), plain,
                         sizeof plain);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree guint8 *area = g_malloc (PSP_NV_AREA_SIZE);

    set_up ();
    memcpy (area, good, PSP_NV_AREA_SIZE);
    fuzz_edit (area, PSP_NV_AREA_SIZE, data, size);
    check (area);

    memset (area, 0xff, PSP_NV_AREA_SIZE);
    if (size > 0)
        memcpy (area, data, MIN (size, PSP_NV_AREA_SIZE));
    check (area);
    return 0;
}
