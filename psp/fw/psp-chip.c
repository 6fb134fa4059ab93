/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-chip.h"

#include <string.h>

#include "psp/fw/psp-certs.h"
#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-error.h"
#include "psp/fw/psp-nv.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/crypto/sev-random.h"

#define CHIP_SECRET_SIZE 32u
#define NV_KEY_SIZE 32u
#define NV_KEY_LABEL "sevlaunch-emulated-nv"

/* Real CEK certificates say 0.14, whatever firmware runs (virtee/sev tests/{naples,rome}).
 */
#define CEK_API_MAJOR 0u
#define CEK_API_MINOR 14u

static const PspNvKind chip_kind = { "SLPSPCHP", 1, 1 };

/* Tags on disk: never renumber, append only. */
enum {
    TAG_GENERATION = 1,
    TAG_CHIP_ID = 2,
    TAG_SECRET = 3,
    TAG_ARK_KEY = 4,
    TAG_ASK_KEY = 5,
    TAG_CEK_KEY = 6,
    TAG_ARK_CERT = 7,
    TAG_ASK_CERT = 8,
    TAG_CEK_CERT = 9,
};

struct _PspChip {
    gatomicrefcount refs;
    PspGeneration generation;
    guint8 id[PSP_CHIP_ID_SIZE];
    SevSecret *secret;
    SevRsaKey *ark_key;
    SevRsaKey *ask_key;
    SevEcKey *cek_key;
    SevAmdCert ark;
    SevAmdCert ask;
    SevCert cek; /* with the ASK's signature */
};

typedef struct {
    PspGeneration generation;
    const char *name;
    guint rsa_bits;
    guint8 amd_id[PSP_CHIP_AMD_ID_SIZE]; /* how AMD's own root's key id begins */
} Generation;

static const Generation generations[] = {
    { PSP_GENERATION_NAPLES,
      "naples",
      2048,
      { 0x1b, 0xb9, 0x87, 0xc3, 0x59, 0x49, 0x46, 0x06 } },
    { PSP_GENERATION_ROME,
      "rome",
      4096,
      { 0xe6, 0x00, 0x21, 0x22, 0xfb, 0x58, 0x41, 0x93 } },
    { PSP_GENERATION_MILAN,
      "milan",
      4096,
      { 0x94, 0xc3, 0x8e, 0x41, 0x77, 0xd0, 0x47, 0x92 } },
};

static const Generation *
find_generation (guint32 number)
{
    for (gsize i = 0; i < G_N_ELEMENTS (generations); i++)
        if ((guint32) generations[i].generation == number)
            return &generations[i];
    return NULL;
}

const char *
psp_generation_name (PspGeneration generation)
{
    const Generation *row = find_generation (generation);

    return row != NULL ? row->name : NULL;
}

gboolean
psp_generation_parse (const char *name, PspGeneration *out)
{
    for (gsize i = 0; i < G_N_ELEMENTS (generations); i++)
        if (strcmp (name, generations[i].name) == 0) {
            *out = generations[i].generation;
            return TRUE;
        }
    return FALSE;
}

static PspChip *
chip_alloc (void)
{
    PspChip *chip = g_new0 (PspChip, 1);

    g_atomic_ref_count_init (&chip->refs);
    return chip;
}

PspChip *
psp_chip_ref (PspChip *chip)
{
    g_atomic_ref_count_inc (&chip->refs);
    return chip;
}

void
psp_chip_unref (PspChip *chip)
{
    if (chip == NULL || !g_atomic_ref_count_dec (&chip->refs))
        return;
    sev_secret_unref (chip->secret);
    g_clear_pointer (&chip->ark_key, sev_rsa_key_unref);
    g_clear_pointer (&chip->ask_key, sev_rsa_key_unref);
    g_clear_pointer (&chip->cek_key, sev_ec_key_unref);
    g_free (chip);
}

static gboolean
make_root (PspChip *chip, guint bits, const char *ark_id, GError **error)
{
    chip->ark_key = sev_rsa_key_generate (bits, error);
    if (chip->ark_key == NULL)
        return FALSE;
    chip->ask_key = sev_rsa_key_generate (bits, error);
    if (chip->ask_key == NULL)
        return FALSE;
    return psp_amd_cert_issue (&chip->ark, SEV_USAGE_ARK, ark_id, chip->ark_key, ark_id,
                               chip->ark_key, error) &&
           psp_amd_cert_issue (&chip->ask, SEV_USAGE_ASK, PSP_ASK_KEY_ID, chip->ask_key,
                               ark_id, chip->ark_key, error);
}

static gboolean
make_cek (PspChip *chip, GError **error)
{
    chip->cek_key = sev_ec_key_generate (SEV_CURVE_P384, error);
    if (chip->cek_key == NULL)
        return FALSE;
    psp_cert_issue (&chip->cek, SEV_USAGE_CEK, chip->cek_key, CEK_API_MAJOR, CEK_API_MINOR);
    return psp_cert_sign_rsa (&chip->cek, chip->ask_key, error);
}

PspChip *
psp_chip_manufacture (PspGeneration generation, const guint8 *chip_id, GError **error)
{
    return psp_chip_manufacture_as (generation, FALSE, chip_id, error);
}

PspChip *
psp_chip_manufacture_as (PspGeneration generation,
                         gboolean amd_key_id,
                         const guint8 *chip_id,
                         GError **error)
{
    const Generation *row = find_generation (generation);
    char ark_id[SEV_AMD_KEY_ID_SIZE + 1] = PSP_ARK_KEY_ID;

    if (row == NULL) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_CONFIG, "unknown processor generation %d",
                     (int) generation);
        return NULL;
    }

    if (amd_key_id) {
        memcpy (ark_id, row->amd_id, sizeof row->amd_id);
        memcpy (ark_id + sizeof row->amd_id, PSP_ARK_KEY_ID, sizeof row->amd_id);
    }
    g_autoptr (PspChip) chip = chip_alloc ();
    chip->generation = generation;
    if (chip_id != NULL)
        memcpy (chip->id, chip_id, sizeof chip->id);
    else if (!sev_random_bytes (chip->id, sizeof chip->id, error))
        return NULL;
    chip->secret = sev_secret_new_random (CHIP_SECRET_SIZE, error);
    if (chip->secret == NULL || !make_root (chip, row->rsa_bits, ark_id, error) ||
        !make_cek (chip, error))
        return NULL;
    return g_steal_pointer (&chip);
}

static PspNvBlock
block (guint32 tag, const void *data, gsize len)
{
    return (PspNvBlock){ tag, (guint32) len, data };
}

static PspNvBlock
secret_block (guint32 tag, const SevSecret *secret)
{
    return block (tag, sev_secret_data (secret), sev_secret_size (secret));
}

SevSecret *
psp_chip_save (const PspChip *chip, GError **error)
{
    g_autoptr (SevSecret) ark_key = sev_rsa_key_to_pem (chip->ark_key, error);
    if (ark_key == NULL)
        return NULL;
    g_autoptr (SevSecret) ask_key = sev_rsa_key_to_pem (chip->ask_key, error);
    if (ask_key == NULL)
        return NULL;
    g_autoptr (SevSecret) cek_key = sev_ec_key_to_pem (chip->cek_key, error);
    if (cek_key == NULL)
        return NULL;

    g_autoptr (GByteArray) generation = g_byte_array_new ();
    g_autoptr (GByteArray) ark = sev_amd_cert_encode (&chip->ark);
    g_autoptr (GByteArray) ask = sev_amd_cert_encode (&chip->ask);
    guint8 cek[SEV_CERT_SIZE];
    sev_put_u32 (generation, chip->generation);
    sev_cert_encode (&chip->cek, cek);

    const PspNvBlock blocks[] = {
        block (TAG_GENERATION, generation->data, generation->len),
        block (TAG_CHIP_ID, chip->id, sizeof chip->id),
        secret_block (TAG_SECRET, chip->secret),
        secret_block (TAG_ARK_KEY, ark_key),
        secret_block (TAG_ASK_KEY, ask_key),
        secret_block (TAG_CEK_KEY, cek_key),
        block (TAG_ARK_CERT, ark->data, ark->len),
        block (TAG_ASK_CERT, ask->data, ask->len),
        block (TAG_CEK_CERT, cek, sizeof cek),
    };
    return psp_nv_encode (&chip_kind, blocks, G_N_ELEMENTS (blocks), NULL, error);
}

/* A block that must be there and, unless @len is 0, have that length. */
static const PspNvBlock *
need (const PspNvBlock *blocks, gsize n, guint32 tag, gsize len, GError **error)
{
    const PspNvBlock *found = psp_nv_find (blocks, n, tag);

    if (found == NULL || found->len == 0 || (len != 0 && found->len != len)) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_CHIP, "chip data: block %u is %s", tag,
                     found == NULL ? "missing" : "of the wrong size");
        return NULL;
    }
    return found;
}

static gboolean
load_identity (PspChip *chip, const PspNvBlock *blocks, gsize n, GError **error)
{
    const PspNvBlock *generation =
        need (blocks, n, TAG_GENERATION, sizeof (guint32), error);
    const PspNvBlock *id =
        generation != NULL ? need (blocks, n, TAG_CHIP_ID, sizeof chip->id, error) : NULL;
    const PspNvBlock *secret =
        id != NULL ? need (blocks, n, TAG_SECRET, CHIP_SECRET_SIZE, error) : NULL;
    if (secret == NULL)
        return FALSE;

    SevReader reader;
    guint32 number = 0;
    sev_reader_init (&reader, generation->data, generation->len);
    if (!sev_reader_u32 (&reader, &number) || find_generation (number) == NULL) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_CHIP, "chip data: unknown generation %u",
                     number);
        return FALSE;
    }
    chip->generation = (PspGeneration) number;
    memcpy (chip->id, id->data, sizeof chip->id);
    chip->secret = sev_secret_new_copy (secret->data, secret->len);
    return TRUE;
}

static gboolean
load_amd_pair (const PspNvBlock *blocks,
               gsize n,
               guint32 key_tag,
               guint32 cert_tag,
               SevRsaKey **key,
               SevAmdCert *cert,
               GError **error)
{
    const PspNvBlock *pem = need (blocks, n, key_tag, 0, error);
    const PspNvBlock *bytes = pem != NULL ? need (blocks, n, cert_tag, 0, error) : NULL;

    if (bytes == NULL)
        return FALSE;
    *key = sev_rsa_key_new_from_pem (pem->data, pem->len, error);
    return *key != NULL && sev_amd_cert_decode (bytes->data, bytes->len, cert, error);
}

static gboolean
load_cek (PspChip *chip, const PspNvBlock *blocks, gsize n, GError **error)
{
    const PspNvBlock *pem = need (blocks, n, TAG_CEK_KEY, 0, error);
    const PspNvBlock *bytes =
        pem != NULL ? need (blocks, n, TAG_CEK_CERT, SEV_CERT_SIZE, error) : NULL;

    if (bytes == NULL)
        return FALSE;
    chip->cek_key = sev_ec_key_new_from_pem (pem->data, pem->len, error);
    if (chip->cek_key == NULL ||
        !sev_cert_decode (bytes->data, bytes->len, &chip->cek, error))
        return FALSE;
    if (!psp_cert_is_for (&chip->cek, SEV_USAGE_CEK, chip->cek_key)) {
        g_set_error_literal (error, PSP_ERROR, PSP_ERROR_CHIP,
                             "chip data: the CEK certificate is for another key");
        return FALSE;
    }
    return TRUE;
}

PspChip *
psp_chip_load (const SevSecret *blob, GError **error)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n = 0;
    g_autoptr (PspChip) chip = chip_alloc ();
    GError *local = NULL;

    if (psp_nv_decode (&chip_kind, sev_secret_data (blob), sev_secret_size (blob), NULL,
                       blocks, &n, &local) &&
        load_identity (chip, blocks, n, &local) &&
        load_amd_pair (blocks, n, TAG_ARK_KEY, TAG_ARK_CERT, &chip->ark_key, &chip->ark,
                       &local) &&
        load_amd_pair (blocks, n, TAG_ASK_KEY, TAG_ASK_CERT, &chip->ask_key, &chip->ask,
                       &local) &&
        load_cek (chip, blocks, n, &local))
        return g_steal_pointer (&chip);

    /* Damaged fuses are not something that the firmware could answer for. */
    g_set_error (error, PSP_ERROR, PSP_ERROR_CHIP, "reading the chip's data: %s",
                 local->message);
    g_error_free (local);
    return NULL;
}

PspGeneration
psp_chip_generation (const PspChip *chip)
{
    return chip->generation;
}

const guint8 *
psp_chip_id (const PspChip *chip)
{
    return chip->id;
}

const SevRsaKey *
psp_chip_ark (const PspChip *chip)
{
    return chip->ark_key;
}

const SevAmdCert *
psp_chip_ark_cert (const PspChip *chip)
{
    return &chip->ark;
}

const SevEcKey *
psp_chip_cek (const PspChip *chip)
{
    return chip->cek_key;
}

const SevCert *
psp_chip_cek_cert (const PspChip *chip)
{
    return &chip->cek;
}

SevSecret *
psp_chip_derive (const PspChip *chip, const char *label, gsize len, GError **error)
{
    g_autoptr (SevSecret) key = sev_secret_new (len);

    if (!sev_kdf_derive (sev_secret_data (chip->secret), sev_secret_size (chip->secret),
                         label, NULL, 0, sev_secret_writable (key), len, error))
        return NULL;
    return g_steal_pointer (&key);
}

SevSecret *
psp_chip_nv_key (const PspChip *chip, GError **error)
{
    return psp_chip_derive (chip, NV_KEY_LABEL, NV_KEY_SIZE, error);
}

void
psp_chip_get_amd_certs (const PspChip *chip, GBytes **ark, GBytes **ask, GBytes **cek)
{
    guint8 bytes[SEV_CERT_SIZE];

    if (ark != NULL)
        *ark = g_byte_array_free_to_bytes (sev_amd_cert_encode (&chip->ark));
    if (ask != NULL)
        *ask = g_byte_array_free_to_bytes (sev_amd_cert_encode (&chip->ask));
    if (cek != NULL) {
        sev_cert_encode (&chip->cek, bytes);
        *cek = g_bytes_new (bytes, sizeof bytes);
    }
}
