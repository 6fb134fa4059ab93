/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The owner's certificate, binary or base64: both forms say the same. */

#include <stdint.h>
#include <string.h>

#include "policy/owner-cert.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);
    g_autoptr (GError) error = NULL;
    SevCert cert;
    SevCert again;
    guint8 wire[SEV_CERT_SIZE];

    if (!policy_owner_cert_parse (bytes, &cert, &error)) {
        g_assert_nonnull (error);
        return 0;
    }
    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (&cert, NULL);
    g_assert_nonnull (key);
    sev_cert_encode (&cert, wire);

    g_autofree char *text = g_base64_encode (wire, sizeof wire);
    g_autoptr (GBytes) base64 = g_bytes_new (text, strlen (text));
    guint8 wire_again[SEV_CERT_SIZE];
    g_assert_true (policy_owner_cert_parse (base64, &again, NULL));
    sev_cert_encode (&again, wire_again);
    g_assert_cmpmem (wire, sizeof wire, wire_again, sizeof wire_again);
    /* Binary input is what was decoded. */
    g_assert_true (size < SEV_CERT_SIZE || data[0] != SEV_CERT_VERSION || data[1] != 0 ||
                   memcmp (data, wire, sizeof wire) == 0);
    return 0;
}
