/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-mover.h"

#include <string.h>

#include "psp/fw/psp-certs.h"
#include "tests/unit/psp-openssl.h"

const guint8 mover_tek[16] = "the transport k";
const guint8 mover_tik[16] = "the integrity k";

/* CEK, ASK and ARK as the key server has them. */
static void
add_amd (MoverTarget *target)
{
    g_autoptr (GBytes) ark = NULL;
    g_autoptr (GBytes) ask = NULL;
    g_autoptr (GBytes) cek = NULL;

    psp_chip_get_amd_certs (fake_chip (), &ark, &ask, &cek);
    const gsize half = g_bytes_get_size (ask);
    target->amd_len = (guint32) (2 * half);
    memcpy (target->amd, g_bytes_get_data (ask, NULL), half);
    memcpy (target->amd + half, g_bytes_get_data (ark, NULL), half);
    memcpy (MOVER_CEK (target), g_bytes_get_data (cek, NULL), SEV_CERT_SIZE);
}

void
mover_sign (guint8 *cert, guint slot, SevUsage signer, const SevEcKey *key)
{
    SevCert decoded;

    g_assert_true (sev_cert_decode (cert, SEV_CERT_SIZE, &decoded, NULL));
    sev_cert_sig_clear (&decoded.sig[1 - slot]);
    g_assert_true (psp_cert_sign (&decoded, slot, signer, key, NULL));
    sev_cert_encode (&decoded, cert);
}

static SevEcKey *
issue (SevUsage usage, guint8 api_major, guint8 api_minor, guint8 *out)
{
    SevEcKey *key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    SevCert cert;

    psp_cert_issue (&cert, usage, key, api_major, api_minor);
    sev_cert_encode (&cert, out);
    return key;
}

MoverTarget *
mover_make (guint8 api_major, guint8 api_minor)
{
    g_autoptr (PspKeys) keys = psp_keys_generate (fake_chip (), api_major, api_minor, NULL);
    MoverTarget *target = g_new0 (MoverTarget, 1);

    /* A PEK that the CEK has signed comes out of the firmware; OCA and PDH are made here,
     * because the firmware does not keep the OCA's key.
     */
    SevCert pek = keys->pek;
    target->pek_key = sev_ec_key_ref (keys->pek_key);
    target->oca_key = issue (SEV_USAGE_OCA, api_major, api_minor, MOVER_OCA (target));
    mover_sign (MOVER_OCA (target), 0, SEV_USAGE_OCA, target->oca_key);
    g_assert_true (psp_cert_sign (&pek, 0, SEV_USAGE_OCA, target->oca_key, NULL));
    sev_cert_encode (&pek, MOVER_PEK (target));
    target->pdh_key = issue (SEV_USAGE_PDH, api_major, api_minor, target->pdh);
    mover_sign (target->pdh, 0, SEV_USAGE_PEK, target->pek_key);
    add_amd (target);
    return target;
}

MoverTarget *
mover_own (PspDevice *psp)
{
    MoverTarget *target = g_new0 (MoverTarget, 1);

    sev_cert_encode (&psp->keys->pdh, target->pdh);
    sev_cert_encode (&psp->keys->pek, MOVER_PEK (target));
    sev_cert_encode (&psp->keys->oca, MOVER_OCA (target));
    add_amd (target);
    return target;
}

void
mover_free (MoverTarget *target)
{
    g_clear_pointer (&target->oca_key, sev_ec_key_unref);
    g_clear_pointer (&target->pek_key, sev_ec_key_unref);
    g_clear_pointer (&target->pdh_key, sev_ec_key_unref);
    g_free (target);
}

void
mover_put (const MoverTarget *target, FakeHost *host, guint32 handle, PspSendStartCmd *cmd)
{
    memcpy (fake_host_at (host, MOVER_PDH, sizeof target->pdh), target->pdh,
            sizeof target->pdh);
    memcpy (fake_host_at (host, MOVER_PLAT, sizeof target->plat), target->plat,
            sizeof target->plat);
    memcpy (fake_host_at (host, MOVER_AMD, target->amd_len), target->amd, target->amd_len);
    *cmd = (PspSendStartCmd){
        .handle_le = GUINT32_TO_LE (handle),
        .pdh_paddr_le = GUINT64_TO_LE (MOVER_PDH),
        .pdh_len_le = GUINT32_TO_LE (SEV_CERT_SIZE),
        .plat_paddr_le = GUINT64_TO_LE (MOVER_PLAT),
        .plat_len_le = GUINT32_TO_LE (SEV_CERT_CHAIN_SIZE),
        .amd_paddr_le = GUINT64_TO_LE (MOVER_AMD),
        .amd_len_le = GUINT32_TO_LE (target->amd_len),
        .session_paddr_le = GUINT64_TO_LE (MOVER_SESSION),
        .session_len_le = GUINT32_TO_LE (128),
    };
}

/* HMAC (key, LE32 (1) || label || 00h || context || LE32 (128)), the first 16 bytes. */
static void
kdf (const guint8 *key,
     gsize key_len,
     const char *label,
     const guint8 *context,
     gsize context_len,
     guint8 out[16])
{
    static const guint8 one[4] = { 1 };
    static const guint8 bits[4] = { 128 };
    g_autoptr (GByteArray) message = g_byte_array_new ();
    guint8 mac[32];

    g_byte_array_append (message, one, 4);
    g_byte_array_append (message, (const guint8 *) label, (guint) strlen (label) + 1);
    if (context_len > 0)
        g_byte_array_append (message, context, (guint) context_len);
    g_byte_array_append (message, bits, 4);
    ossl_hmac (key, key_len, message->data, message->len, mac);
    memcpy (out, mac, 16);
}

static EVP_PKEY *
private_of (const SevEcKey *key)
{
    g_autoptr (SevSecret) pem = sev_ec_key_to_pem (key, NULL);

    return ossl_private_key (sev_secret_data (pem), sev_secret_size (pem));
}

/* KEK and KIK of a session between a key pair and the key in a certificate. */
static void
wrap_keys (const SevEcKey *own,
           const guint8 *peer_cert,
           const guint8 *nonce,
           guint8 kek[16],
           guint8 kik[16])
{
    EVP_PKEY *pair = private_of (own);
    EVP_PKEY *peer = ossl_cert_key (peer_cert);
    guint8 z[48], master[16];

    ossl_ecdh (pair, peer, z);
    kdf (z, sizeof z, "sev-master-secret", nonce, 16, master);
    kdf (master, sizeof master, "sev-kek", NULL, 0, kek);
    kdf (master, sizeof master, "sev-kik", NULL, 0, kik);
    EVP_PKEY_free (pair);
    EVP_PKEY_free (peer);
}

void
mover_put_session (PspDevice *psp, FakeHost *host, guint32 policy, PspLaunchStartCmd *cmd)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    guint8 *session = fake_host_at (host, MOVER_SESSION, 128);
    guint8 own_pdh[SEV_CERT_SIZE], kek[16], kik[16], keys[32];
    g_autoptr (SevEcKey) sender =
        issue (SEV_USAGE_PDH, 1, 55, fake_host_at (host, MOVER_PDH, SEV_CERT_SIZE));

    sev_cert_encode (&psp->keys->pdh, own_pdh);
    memset (session, 0x5a, 0x10);
    memset (session + 0x30, 0xc3, 0x10);
    wrap_keys (sender, own_pdh, session, kek, kik);
    memcpy (keys, mover_tek, 16);
    memcpy (keys + 16, mover_tik, 16);
    ossl_ctr (kek, session + 0x30, keys, session + 0x10, 32);
    ossl_hmac (kik, 16, session + 0x10, 32, session + 0x40);
    ossl_hmac (mover_tik, 16, &policy_le, 4, session + 0x60);
    *cmd = (PspLaunchStartCmd){
        .policy_le = policy_le,
        .dh_cert_paddr_le = GUINT64_TO_LE (MOVER_PDH),
        .dh_cert_len_le = GUINT32_TO_LE (SEV_CERT_SIZE),
        .session_paddr_le = GUINT64_TO_LE (MOVER_SESSION),
        .session_len_le = GUINT32_TO_LE (128),
    };
}

void
mover_open_session (const MoverTarget *target,
                    const PspDevice *sender,
                    FakeHost *host,
                    guint32 policy,
                    guint8 tek[16],
                    guint8 tik[16])
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    const guint8 *session = fake_host_at (host, MOVER_SESSION, 128);
    guint8 sender_pdh[SEV_CERT_SIZE], kek[16], kik[16], keys[32], mac[32];

    sev_cert_encode (&sender->keys->pdh, sender_pdh);
    wrap_keys (target->pdh_key, sender_pdh, session, kek, kik);
    ossl_hmac (kik, 16, session + 0x10, 32, mac);
    g_assert_cmpmem (session + 0x40, 32, mac, 32);
    ossl_ctr (kek, session + 0x30, session + 0x10, keys, 32);
    memcpy (tek, keys, 16);
    memcpy (tik, keys + 16, 16);
    ossl_hmac (tik, 16, &policy_le, 4, mac);
    g_assert_cmpmem (session + 0x60, 32, mac, 32);
}

/* HMAC (TIK, context || FLAGS || IV || GUEST_LEN || TRANS_LEN || DATA), no MEASURE. */
static void
packet_mac (const guint8 *tik,
            guint8 context,
            const guint8 *header,
            const guint8 *data,
            guint32 len,
            guint8 mac[32])
{
    const guint32 len_le = GUINT32_TO_LE (len);
    g_autoptr (GByteArray) message = g_byte_array_new ();

    g_byte_array_append (message, &context, 1);
    g_byte_array_append (message, header, 20);
    g_byte_array_append (message, (const guint8 *) &len_le, 4);
    g_byte_array_append (message, (const guint8 *) &len_le, 4);
    g_byte_array_append (message, data, len);
    ossl_hmac (tik, 16, message->data, message->len, mac);
}

void
mover_put_packet (FakeHost *host,
                  const guint8 *tek,
                  const guint8 *tik,
                  guint8 context,
                  guint64 header_paddr,
                  guint64 trans_paddr,
                  const guint8 *plain,
                  guint32 len)
{
    guint8 *header = fake_host_at (host, header_paddr, 52);
    guint8 *data = fake_host_at (host, trans_paddr, len);

    memset (header, 0, 4);
    memset (header + 4, 0x77, 16);
    ossl_ctr (tek, header + 4, plain, data, (int) len);
    packet_mac (tik, context, header, data, len, header + 20);
}

void
mover_open_packet (FakeHost *host,
                   const guint8 *tek,
                   const guint8 *tik,
                   guint8 context,
                   guint64 header_paddr,
                   guint64 trans_paddr,
                   guint8 *plain,
                   guint32 len)
{
    static const guint8 no_flags[4];
    const guint8 *header = fake_host_at (host, header_paddr, 52);
    const guint8 *data = fake_host_at (host, trans_paddr, len);
    guint8 mac[32];

    g_assert_cmpmem (header, 4, no_flags, 4);
    packet_mac (tik, context, header, data, len, mac);
    g_assert_cmpmem (header + 20, 32, mac, 32);
    ossl_ctr (tek, header + 4, data, plain, (int) len);
}
