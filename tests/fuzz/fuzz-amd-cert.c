/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ARK and ASK: what decodes must encode to the same bytes. */

#include <stdint.h>
#include <string.h>

#include "sev/wire/sev-cert-wire.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    SevAmdCert cert;

    if (!sev_amd_cert_decode (data, size, &cert, NULL))
        return 0;

    g_autoptr (GByteArray) again = sev_amd_cert_encode (&cert);
    g_assert_cmpmem (again->data, again->len, data, size);

    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (&cert);
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (&cert, NULL);
    if (key != NULL &&
        sev_rsa_verify (key, SEV_HASH_SHA384, body->data, body->len, cert.signature, NULL))
        return 0;
    return 0;
}
