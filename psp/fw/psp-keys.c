/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-keys.h"

#include "psp/fw/psp-certs.h"
#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-error.h"
#include "psp/fw/psp-nv.h"

static const PspNvKind keys_kind = { "SLPSPNV\0", 1, 1 };

/* Tags on disk: never renumber, append only. */
enum {
    TAG_OWNER = 1, /* 1 byte: 0 self, 1 external */
    TAG_OCA_CERT = 2,
    TAG_PEK_CERT = 3,
    TAG_PEK_KEY = 4,
    TAG_PDH_CERT = 5,
    TAG_PDH_KEY = 6,
};

void
psp_keys_free (PspKeys *keys)
{
    if (keys == NULL)
        return;
    g_clear_pointer (&keys->pek_key, sev_ec_key_unref);
    g_clear_pointer (&keys->pdh_key, sev_ec_key_unref);
    g_free (keys);
}

static gboolean
make_pek (PspKeys *keys,
          const PspChip *chip,
          guint8 api_major,
          guint8 api_minor,
          GError **error)
{
    g_autoptr (SevEcKey) oca_key = sev_ec_key_generate (SEV_CURVE_P384, error);
    if (oca_key == NULL)
        return FALSE;
    psp_cert_issue (&keys->oca, SEV_USAGE_OCA, oca_key, api_major, api_minor);
    if (!psp_cert_sign (&keys->oca, PSP_SLOT_FIRST, SEV_USAGE_OCA, oca_key, error))
        return FALSE;

    keys->pek_key = sev_ec_key_generate (SEV_CURVE_P384, error);
    if (keys->pek_key == NULL)
        return FALSE;
    psp_cert_issue (&keys->pek, SEV_USAGE_PEK, keys->pek_key, api_major, api_minor);
    return psp_cert_sign (&keys->pek, PSP_SLOT_PEK_BY_OCA, SEV_USAGE_OCA, oca_key, error) &&
           psp_cert_sign (&keys->pek, PSP_SLOT_PEK_BY_CEK, SEV_USAGE_CEK,
                          psp_chip_cek (chip), error);
}

static gboolean
make_pdh (PspKeys *keys, guint8 api_major, guint8 api_minor, GError **error)
{
    keys->pdh_key = sev_ec_key_generate (SEV_CURVE_P384, error);
    if (keys->pdh_key == NULL)
        return FALSE;
    psp_cert_issue (&keys->pdh, SEV_USAGE_PDH, keys->pdh_key, api_major, api_minor);
    return psp_cert_sign (&keys->pdh, PSP_SLOT_FIRST, SEV_USAGE_PEK, keys->pek_key, error);
}

PspKeys *
psp_keys_generate (const PspChip *chip, guint8 api_major, guint8 api_minor, GError **error)
{
    g_autoptr (PspKeys) keys = g_new0 (PspKeys, 1);

    if (!make_pek (keys, chip, api_major, api_minor, error) ||
        !make_pdh (keys, api_major, api_minor, error))
        return NULL;
    return g_steal_pointer (&keys);
}

/* The part that PDH_GEN and PEK_CERT_IMPORT leave. */
static PspKeys *
copy_without_pdh (const PspKeys *keys)
{
    PspKeys *copy = g_new0 (PspKeys, 1);

    copy->external_owner = keys->external_owner;
    copy->oca = keys->oca;
    copy->pek = keys->pek;
    copy->pek_key = sev_ec_key_ref (keys->pek_key);
    return copy;
}

PspKeys *
psp_keys_renew_pdh (const PspKeys *keys, guint8 api_major, guint8 api_minor, GError **error)
{
    g_autoptr (PspKeys) renewed = copy_without_pdh (keys);

    if (!make_pdh (renewed, api_major, api_minor, error))
        return NULL;
    return g_steal_pointer (&renewed);
}

PspKeys *
psp_keys_import_owner (const PspKeys *keys,
                       const PspChip *chip,
                       const SevCert *oca,
                       const SevCert *pek,
                       guint oca_slot,
                       guint8 api_major,
                       guint8 api_minor,
                       GError **error)
{
    g_autoptr (PspKeys) owned = copy_without_pdh (keys);
    const guint cek_slot =
        oca_slot == PSP_SLOT_PEK_BY_OCA ? PSP_SLOT_PEK_BY_CEK : PSP_SLOT_PEK_BY_OCA;

    owned->external_owner = TRUE;
    owned->oca = *oca;
    owned->pek = *pek;
    if (!psp_cert_sign (&owned->pek, cek_slot, SEV_USAGE_CEK, psp_chip_cek (chip), error) ||
        !make_pdh (owned, api_major, api_minor, error))
        return NULL;
    return g_steal_pointer (&owned);
}

SevSecret *
psp_keys_save (const PspKeys *keys, const PspChip *chip, GError **error)
{
    guint8 oca[SEV_CERT_SIZE], pek[SEV_CERT_SIZE], pdh[SEV_CERT_SIZE];
    const guint8 owner = keys->external_owner ? 1 : 0;

    g_autoptr (SevSecret) nv_key = psp_chip_nv_key (chip, error);
    if (nv_key == NULL)
        return NULL;
    g_autoptr (SevSecret) pek_key = sev_ec_key_to_pem (keys->pek_key, error);
    if (pek_key == NULL)
        return NULL;
    g_autoptr (SevSecret) pdh_key = sev_ec_key_to_pem (keys->pdh_key, error);
    if (pdh_key == NULL)
        return NULL;
    sev_cert_encode (&keys->oca, oca);
    sev_cert_encode (&keys->pek, pek);
    sev_cert_encode (&keys->pdh, pdh);

    const PspNvBlock blocks[] = {
        { TAG_OWNER, sizeof owner, &owner },
        { TAG_OCA_CERT, sizeof oca, oca },
        { TAG_PEK_CERT, sizeof pek, pek },
        { TAG_PEK_KEY, (guint32) sev_secret_size (pek_key), sev_secret_data (pek_key) },
        { TAG_PDH_CERT, sizeof pdh, pdh },
        { TAG_PDH_KEY, (guint32) sev_secret_size (pdh_key), sev_secret_data (pdh_key) },
    };
    return psp_nv_encode (&keys_kind, blocks, G_N_ELEMENTS (blocks), nv_key, error);
}

static gboolean
load_cert (const PspNvBlock *blocks, gsize n, guint32 tag, SevCert *out)
{
    const PspNvBlock *found = psp_nv_find (blocks, n, tag);

    return found != NULL && sev_cert_decode (found->data, found->len, out, NULL);
}

static SevEcKey *
load_key (const PspNvBlock *blocks, gsize n, guint32 tag)
{
    const PspNvBlock *found = psp_nv_find (blocks, n, tag);

    return found != NULL && found->len > 0
               ? sev_ec_key_new_from_pem (found->data, found->len, NULL)
               : NULL;
}

/* Under a good checksum, anything wrong here was written wrong. */
static gboolean
load_blocks (PspKeys *keys, const PspNvBlock *blocks, gsize n)
{
    const PspNvBlock *owner = psp_nv_find (blocks, n, TAG_OWNER);

    if (owner == NULL || owner->len != 1 || owner->data[0] > 1)
        return FALSE;
    keys->external_owner = owner->data[0] == 1;
    if (!load_cert (blocks, n, TAG_OCA_CERT, &keys->oca) ||
        !load_cert (blocks, n, TAG_PEK_CERT, &keys->pek) ||
        !load_cert (blocks, n, TAG_PDH_CERT, &keys->pdh))
        return FALSE;
    keys->pek_key = load_key (blocks, n, TAG_PEK_KEY);
    keys->pdh_key = load_key (blocks, n, TAG_PDH_KEY);
    return keys->pek_key != NULL && keys->pdh_key != NULL;
}

static gboolean
of_one_piece (const PspKeys *keys, const PspChip *chip)
{
    g_autoptr (SevEcKey) oca_key = psp_cert_get_key (&keys->oca, SEV_USAGE_OCA);

    return oca_key != NULL && psp_cert_is_for (&keys->pek, SEV_USAGE_PEK, keys->pek_key) &&
           psp_cert_is_for (&keys->pdh, SEV_USAGE_PDH, keys->pdh_key) &&
           psp_cert_signed_by (&keys->oca, SEV_USAGE_OCA, oca_key, NULL) &&
           psp_cert_signed_by (&keys->pek, SEV_USAGE_OCA, oca_key, NULL) &&
           psp_cert_signed_by (&keys->pek, SEV_USAGE_CEK, psp_chip_cek (chip), NULL) &&
           psp_cert_signed_by (&keys->pdh, SEV_USAGE_PEK, keys->pek_key, NULL);
}

PspKeys *
psp_keys_load (const guint8 *data, gsize len, const PspChip *chip, GError **error)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n = 0;
    g_autoptr (PspKeys) keys = g_new0 (PspKeys, 1);
    g_autoptr (SevSecret) nv_key = psp_chip_nv_key (chip, error);

    if (nv_key == NULL || !psp_nv_decode (&keys_kind, data, len, nv_key, blocks, &n, error))
        return NULL;
    if (!load_blocks (keys, blocks, n) || !of_one_piece (keys, chip)) {
        g_set_error_literal (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED,
                             "stored state is damaged: keys and certificates do not "
                             "belong together");
        return NULL;
    }
    return g_steal_pointer (&keys);
}
