/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/owner.h"

#include <errno.h>
#include <unistd.h>

#include "psp/fw/psp-certs.h"
#include "psp/host/host-error.h"

#define KEY_MAX 16384u

SevEcKey *
owner_key_read (int fd, GError **error)
{
    g_autoptr (SevSecret) text = sev_secret_new (KEY_MAX);
    g_autoptr (GError) cause = NULL;
    gsize len = 0;
    ssize_t n;

    do {
        n = read (fd, sev_secret_writable (text) + len, KEY_MAX - len);
        if (n > 0)
            len += (gsize) n;
    } while ((n > 0 && len < KEY_MAX) || (n < 0 && errno == EINTR));
    if (n < 0) {
        host_error_set_errno (error, errno, "the owner's key");
        return NULL;
    }
    g_autoptr (SevEcKey) key =
        sev_ec_key_new_from_pem (sev_secret_data (text), len, &cause);
    SevCert probe;
    if (key != NULL)
        psp_cert_issue (&probe, SEV_USAGE_OCA, key, 0, 0);
    g_autoptr (SevEcKey) usable =
        key != NULL ? psp_cert_get_key (&probe, SEV_USAGE_OCA) : NULL;
    if (usable == NULL) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG,
                     "the owner's key is no private key of P-384 in PEM%s%s",
                     cause != NULL ? ": " : "", cause != NULL ? cause->message : "");
        return NULL;
    }
    return g_steal_pointer (&key);
}

static gboolean
take_csr (Platform *platform, SevCert *out, GError **error)
{
    guint8 bytes[SEV_CERT_SIZE];
    PspPekCsrCmd cmd = {
        .csr_paddr_le =
            GUINT64_TO_LE (bus_lend (platform_get_bus (platform), bytes, sizeof bytes)),
        .csr_len_le = GUINT32_TO_LE (sizeof bytes),
    };

    return platform_require (platform, PSP_CMD_PEK_CSR, &cmd, sizeof cmd, error) &&
           sev_cert_decode (bytes, sizeof bytes, out, error);
}

gboolean
owner_import (Platform *platform, const SevEcKey *key, GError **error)
{
    PspPlatformStatusCmd status = { 0 };
    guint8 pek_bytes[SEV_CERT_SIZE], oca_bytes[SEV_CERT_SIZE];
    SevCert pek, oca;

    if (!platform_status (platform, &status, error))
        return FALSE;
    if ((status.owner & PSP_STATUS_OWNER_EXTERNAL) != 0)
        return TRUE;
    if (!take_csr (platform, &pek, error))
        return FALSE;
    /* Of an owner's certificate AMD's sev-tool wants no version of a firmware. */
    psp_cert_issue (&oca, SEV_USAGE_OCA, key, 0, 0);
    if (!psp_cert_sign (&oca, PSP_SLOT_FIRST, SEV_USAGE_OCA, key, error) ||
        !psp_cert_sign (&pek, PSP_SLOT_PEK_BY_OCA, SEV_USAGE_OCA, key, error))
        return FALSE;
    sev_cert_encode (&pek, pek_bytes);
    sev_cert_encode (&oca, oca_bytes);
    Bus *bus = platform_get_bus (platform);
    PspPekCertImportCmd cmd = {
        .pek_paddr_le = GUINT64_TO_LE (bus_lend (bus, pek_bytes, sizeof pek_bytes)),
        .pek_len_le = GUINT32_TO_LE (sizeof pek_bytes),
        .oca_paddr_le = GUINT64_TO_LE (bus_lend (bus, oca_bytes, sizeof oca_bytes)),
        .oca_len_le = GUINT32_TO_LE (sizeof oca_bytes),
    };
    return platform_require (platform, PSP_CMD_PEK_CERT_IMPORT, &cmd, sizeof cmd, error);
}
