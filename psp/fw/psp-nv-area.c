/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-nv-area.h"

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-error.h"
#include "psp/fw/psp-nv.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"

#define UNWRITTEN 0xff
#define ENC_KEY_LABEL "sevlaunch-emulated-nv-area"
#define MAC_KEY_LABEL "sevlaunch-emulated-nv-area-mac"

#define AT_TOTAL 12u /* in the container's header */

static const PspNvKind area_kind = { "SLPSPNVA", 1, 1 };

/* Tags on disk: never renumber, append only. */
enum {
    TAG_IV = 1,
    TAG_SEALED = 2,
};

static gboolean
apply_ctr (const PspChip *chip,
           const guint8 *iv,
           const void *in,
           void *out,
           gsize len,
           GError **error)
{
    g_autoptr (SevSecret) key = psp_chip_derive (chip, ENC_KEY_LABEL, SEV_KEY_SIZE, error);

    return key != NULL && sev_aes128_ctr (sev_secret_data (key), iv, in, out, len, error);
}

gboolean
psp_nv_area_seal (const PspChip *chip,
                  const SevSecret *blob,
                  const guint8 iv[SEV_IV_SIZE],
                  guint8 out[PSP_NV_AREA_SIZE],
                  GError **error)
{
    memset (out, UNWRITTEN, PSP_NV_AREA_SIZE);
    if (blob == NULL)
        return TRUE;

    const gsize len = sev_secret_size (blob);
    g_autofree guint8 *sealed = g_malloc (len);
    g_autoptr (SevSecret) mac_key =
        psp_chip_derive (chip, MAC_KEY_LABEL, SEV_MAC_SIZE, error);
    if (mac_key == NULL ||
        !apply_ctr (chip, iv, sev_secret_data (blob), sealed, len, error))
        return FALSE;

    const PspNvBlock blocks[] = {
        { TAG_IV, SEV_IV_SIZE, iv },
        { TAG_SEALED, (guint32) len, sealed },
    };
    g_autoptr (SevSecret) container =
        psp_nv_encode (&area_kind, blocks, G_N_ELEMENTS (blocks), mac_key, error);
    if (container == NULL)
        return FALSE;
    memcpy (out, sev_secret_data (container), sev_secret_size (container));
    return TRUE;
}

static gboolean
all_bytes (const guint8 *data, gsize len, guint8 value)
{
    for (gsize i = 0; i < len; i++)
        if (data[i] != value)
            return FALSE;
    return TRUE;
}

/* How much of the area is the container; all of it if it cannot be told, to be refused. */
static gsize
container_size (const guint8 *area)
{
    SevReader reader;
    guint32 total = 0;

    sev_reader_init (&reader, area, PSP_NV_AREA_SIZE);
    if (!sev_reader_skip (&reader, AT_TOTAL) || !sev_reader_u32 (&reader, &total) ||
        total > PSP_NV_AREA_SIZE ||
        !all_bytes (area + total, PSP_NV_AREA_SIZE - total, UNWRITTEN))
        return PSP_NV_AREA_SIZE;
    return total;
}

gboolean
psp_nv_area_open (const PspChip *chip,
                  const guint8 area[PSP_NV_AREA_SIZE],
                  SevSecret **blob,
                  GError **error)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n = 0;

    *blob = NULL;
    if (all_bytes (area, PSP_NV_AREA_SIZE, UNWRITTEN) ||
        all_bytes (area, PSP_NV_AREA_SIZE, 0))
        return TRUE;

    g_autoptr (SevSecret) mac_key =
        psp_chip_derive (chip, MAC_KEY_LABEL, SEV_MAC_SIZE, error);
    if (mac_key == NULL || !psp_nv_decode (&area_kind, area, container_size (area), mac_key,
                                           blocks, &n, error))
        return FALSE;

    const PspNvBlock *iv = psp_nv_find (blocks, n, TAG_IV);
    const PspNvBlock *sealed = psp_nv_find (blocks, n, TAG_SEALED);
    if (iv == NULL || iv->len != SEV_IV_SIZE || sealed == NULL || sealed->len == 0) {
        g_set_error_literal (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED,
                             "stored state is damaged: a block is missing");
        return FALSE;
    }
    g_autoptr (SevSecret) opened = sev_secret_new (sealed->len);
    if (!apply_ctr (chip, iv->data, sealed->data, sev_secret_writable (opened), sealed->len,
                    error))
        return FALSE;
    *blob = g_steal_pointer (&opened);
    return TRUE;
}
