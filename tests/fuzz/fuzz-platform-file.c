/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file of certificates: read, or refused with nothing taken; then judged. */

#include <stdint.h>

#include "policy/attest/platform-file.h"
#include "policy/policy-error.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static guint
count (const PolicyPlatformCerts *certs)
{
    guint n = 0;

    for (guint i = 0; i < POLICY_N_CERTS; i++)
        n += certs->cert[i] != NULL;
    return n;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);
    g_autoptr (GError) error = NULL;

    if (!policy_platform_certs_add (&certs, bytes, "file", &error)) {
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
        g_assert_cmpuint (count (&certs), ==, 0);
        return 0;
    }
    const guint n = count (&certs);
    g_assert_cmpuint (n, >=, 1);
    /* The same file again changes nothing. */
    g_assert_true (policy_platform_certs_add (&certs, bytes, "file", NULL));
    g_assert_cmpuint (count (&certs), ==, n);

    g_autoptr (PolicyChain) chain =
        policy_platform_certs_verify (&certs, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_true (n == POLICY_N_CERTS || !policy_chain_is_verified (chain));
    return 0;
}
