/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/mee/mee.h"

#include <openssl/evp.h>

#include "sev/crypto/openssl-error.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/wire/sev-wire.h"

#define LABEL "sevlaunch-mee-tweak"
#define FIRST_BIT 4u
#define PAGE_BIT 12u
#define PAGE_BLOCKS (MEE_PAGE_SIZE / MEE_BLOCK_SIZE)

/* One block; the compiler makes one instruction of an xor, at any address. */
typedef guint64 Block __attribute__ ((vector_size (16), aligned (1), may_alias));
G_STATIC_ASSERT (sizeof (Block) == MEE_BLOCK_SIZE);

/* Which part of T(p) a block has from its place in the page is the same in all pages. */
typedef struct {
    Block bit[MEE_ADDRESS_BITS];
    Block in_page[PAGE_BLOCKS];
} Tweaks;

struct _Mee {
    EVP_CIPHER_CTX *encrypt;
    EVP_CIPHER_CTX *decrypt;
    SevSecret *tweaks; /* Tweaks */
};

static const Tweaks *
get_tweaks (const Mee *mee)
{
    return (const Tweaks *) (gconstpointer) sev_secret_data (mee->tweaks);
}

void
mee_free (Mee *mee)
{
    EVP_CIPHER_CTX_free (mee->encrypt);
    EVP_CIPHER_CTX_free (mee->decrypt);
    g_clear_pointer (&mee->tweaks, sev_secret_unref);
    g_free (mee);
}

static gboolean
make_tweaks (Mee *mee, const SevSecret *vek, GError **error)
{
    mee->tweaks = sev_secret_new (sizeof (Tweaks));
    Tweaks *tweaks = (Tweaks *) (gpointer) sev_secret_writable (mee->tweaks);

    for (guint i = FIRST_BIT; i < MEE_ADDRESS_BITS; i++) {
        const guint32 context_le = GUINT32_TO_LE (i);
        if (!sev_kdf_derive (sev_secret_data (vek), sev_secret_size (vek), LABEL,
                             (const guint8 *) &context_le, sizeof context_le,
                             (guint8 *) &tweaks->bit[i], MEE_BLOCK_SIZE, error))
            return FALSE;
    }
    for (guint block = 1; block < PAGE_BLOCKS; block++) {
        /* One bit more than a block before it. */
        const guint low = (guint) __builtin_ctz (block);
        tweaks->in_page[block] =
            tweaks->in_page[block & (block - 1)] ^ tweaks->bit[FIRST_BIT + low];
    }
    return TRUE;
}

Mee *
mee_new (const SevSecret *vek, GError **error)
{
    g_autoptr (Mee) mee = g_new0 (Mee, 1);

    g_return_val_if_fail (sev_secret_size (vek) == SEV_KEY_SIZE, NULL);

    mee->encrypt = EVP_CIPHER_CTX_new ();
    mee->decrypt = EVP_CIPHER_CTX_new ();
    const guint8 *key = sev_secret_data (vek);
    if (mee->encrypt == NULL || mee->decrypt == NULL ||
        EVP_EncryptInit_ex (mee->encrypt, EVP_aes_128_ecb (), NULL, key, NULL) != 1 ||
        EVP_DecryptInit_ex (mee->decrypt, EVP_aes_128_ecb (), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding (mee->encrypt, 0) != 1 ||
        EVP_CIPHER_CTX_set_padding (mee->decrypt, 0) != 1) {
        sev_set_openssl_error (error, "AES-128");
        return NULL;
    }
    if (!make_tweaks (mee, vek, error))
        return NULL;
    return g_steal_pointer (&mee);
}

static Block
page_tweak (const Tweaks *tweaks, guint64 paddr)
{
    Block tweak = { 0, 0 };

    for (guint64 bits = paddr >> PAGE_BIT << PAGE_BIT; bits != 0; bits &= bits - 1)
        tweak ^= tweaks->bit[__builtin_ctzll (bits)];
    return tweak;
}

/* Unrolled: a loop of single blocks takes a third of the time of AES. */
static void
apply (Block *data, const Block *in_page, Block tweak, gsize n)
{
#pragma GCC unroll 8
    for (gsize i = 0; i < n; i++)
        data[i] ^= in_page[i] ^ tweak;
}

static gboolean
transform (const Mee *mee,
           EVP_CIPHER_CTX *ctx,
           guint64 paddr,
           guint8 *data,
           gsize len,
           GError **error)
{
    const Tweaks *tweaks = get_tweaks (mee);

    g_return_val_if_fail (paddr % MEE_BLOCK_SIZE == 0 && len % MEE_BLOCK_SIZE == 0, FALSE);
    g_return_val_if_fail (paddr >> MEE_ADDRESS_BITS == 0 &&
                              len <= (G_GUINT64_CONSTANT (1) << MEE_ADDRESS_BITS) - paddr,
                          FALSE);

    while (len > 0) {
        const gsize offset = paddr % MEE_PAGE_SIZE;
        const gsize n = MIN (len, MEE_PAGE_SIZE - offset);
        const Block *in_page = tweaks->in_page + offset / MEE_BLOCK_SIZE;
        const Block tweak = page_tweak (tweaks, paddr);
        int done = 0;

        apply ((Block *) (gpointer) data, in_page, tweak, n / MEE_BLOCK_SIZE);
        if (EVP_CipherUpdate (ctx, data, &done, data, (int) n) != 1 || (gsize) done != n) {
            sev_set_openssl_error (error, "AES-128");
            return FALSE;
        }
        apply ((Block *) (gpointer) data, in_page, tweak, n / MEE_BLOCK_SIZE);
        data += n;
        paddr += n;
        len -= n;
    }
    return TRUE;
}

gboolean
mee_encrypt (Mee *mee, guint64 paddr, void *data, gsize len, GError **error)
{
    return transform (mee, mee->encrypt, paddr, data, len, error);
}

gboolean
mee_decrypt (Mee *mee, guint64 paddr, void *data, gsize len, GError **error)
{
    return transform (mee, mee->decrypt, paddr, data, len, error);
}
