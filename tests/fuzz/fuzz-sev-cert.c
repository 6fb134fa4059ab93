/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SEV certificate: what decodes must encode to the same bytes. */

#include <stdint.h>
#include <string.h>

#include "sev/wire/sev-cert-wire.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    SevCert cert;
    SevEcSignature signature;
    guint8 again[SEV_CERT_SIZE];

    if (!sev_cert_decode (data, size, &cert, NULL))
        return 0;
    sev_cert_encode (&cert, again);
    g_assert_cmpmem (again, sizeof again, data, size);

    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (&cert, NULL);
    if (key != NULL && sev_cert_sig_get_ec (&cert.sig[0], &signature, NULL)) {
        guint8 body[SEV_CERT_BODY_SIZE];
        sev_cert_encode_body (&cert, body);
        if (sev_ec_verify (key, SEV_HASH_SHA256, body, sizeof body, &signature, NULL))
            return 0;
    }
    return 0;
}
