/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-swap.h"

#include <string.h>

#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"

#define LABEL_ENC "sevlaunch-swap-encryption"
#define LABEL_MAC "sevlaunch-swap-integrity"

#define SMALL_PAGE 0x1000u
#define LARGE_PAGE 0x200000u

guint32
psp_swap_page_size (guint32 flags)
{
    return (flags & PSP_SWAP_FLAG_2M) != 0 ? LARGE_PAGE : SMALL_PAGE;
}

SevStatus
psp_swap_check_guest (const PspGuest *guest, guint32 flags)
{
    const gboolean vmsa = (flags & PSP_SWAP_TYPE_MASK) == PSP_SWAP_TYPE_VMSA;

    if ((flags & ~(PSP_SWAP_FLAG_2M | PSP_SWAP_TYPE_MASK)) != 0 ||
        (!vmsa && (flags & PSP_SWAP_TYPE_MASK) != PSP_SWAP_TYPE_DATA) ||
        (vmsa && (flags & PSP_SWAP_FLAG_2M) != 0))
        return SEV_STATUS_INVALID_PARAM;
    if (vmsa && (guest->policy & SEV_POLICY_ES) == 0)
        return SEV_STATUS_POLICY_FAILURE;
    return guest->asid != 0 ? SEV_STATUS_SUCCESS : SEV_STATUS_INACTIVE;
}

static SevSecret *
derive (const SevSecret *swap_key,
        const PspGuest *guest,
        const char *label,
        gsize len,
        GError **error)
{
    const guint32 handle_le = GUINT32_TO_LE (guest->handle);
    const gsize context_len = sizeof handle_le + SEV_KEY_SIZE;
    g_autoptr (SevSecret) context = sev_secret_new (context_len);
    g_autoptr (SevSecret) out = sev_secret_new (len);

    memcpy (sev_secret_writable (context), &handle_le, sizeof handle_le);
    memcpy (sev_secret_writable (context) + sizeof handle_le, sev_secret_data (guest->vek),
            SEV_KEY_SIZE);
    if (!sev_kdf_derive (sev_secret_data (swap_key), sev_secret_size (swap_key), label,
                         sev_secret_data (context), context_len, sev_secret_writable (out),
                         len, error))
        return NULL;
    return g_steal_pointer (&out);
}

gboolean
psp_swap_init (PspSwap *swap,
               const SevSecret *swap_key,
               const PspGuest *guest,
               GError **error)
{
    swap->mac = NULL;
    swap->enc = derive (swap_key, guest, LABEL_ENC, SEV_KEY_SIZE, error);
    if (swap->enc == NULL)
        return FALSE;
    swap->mac = derive (swap_key, guest, LABEL_MAC, SEV_MAC_SIZE, error);
    return swap->mac != NULL;
}

void
psp_swap_clear (PspSwap *swap)
{
    g_clear_pointer (&swap->enc, sev_secret_unref);
    g_clear_pointer (&swap->mac, sev_secret_unref);
}

gboolean
psp_swap_crypt (const PspSwap *swap,
                const PspSwapEntry *entry,
                guint32 offset,
                const guint8 *in,
                guint8 *out,
                guint32 len,
                GError **error)
{
    const guint32 counter_be = GUINT32_TO_BE (offset / SEV_BLOCK_SIZE);
    guint8 iv[SEV_IV_SIZE];

    G_STATIC_ASSERT (PSP_SWAP_NONCE_SIZE + sizeof counter_be == SEV_IV_SIZE);
    memcpy (iv, entry->nonce, PSP_SWAP_NONCE_SIZE);
    memcpy (iv + PSP_SWAP_NONCE_SIZE, &counter_be, sizeof counter_be);
    return sev_aes128_ctr (sev_secret_data (swap->enc), iv, in, out, len, error);
}

gboolean
psp_swap_mac (const PspSwap *swap,
              const PspSwapEntry *entry,
              const guint8 *data,
              guint32 len,
              guint8 mac[SEV_MAC_SIZE],
              GError **error)
{
    g_autoptr (SevHmac) hmac =
        sev_hmac_new (sev_secret_data (swap->mac), sev_secret_size (swap->mac), error);

    return hmac != NULL &&
           sev_hmac_update (hmac, entry, offsetof (PspSwapEntry, mac), error) &&
           sev_hmac_update (hmac, data, len, error) && sev_hmac_finish (hmac, mac, error);
}
