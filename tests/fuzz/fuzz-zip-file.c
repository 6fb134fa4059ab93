/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A zip archive: a file of it, not larger than allowed, or a reason. */

#include <stdint.h>

#include "policy/attest/zip-file.h"
#include "policy/policy-error.h"

#define MAX_SIZE 4096u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);
    g_autoptr (GBytes) out = NULL;
    g_autoptr (GError) error = NULL;

    if (!policy_zip_read (bytes, "pdh.cert", MAX_SIZE, &out, &error)) {
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
        g_assert_null (out);
        return 0;
    }
    g_assert_no_error (error);
    g_assert_true (out == NULL || g_bytes_get_size (out) <= MAX_SIZE);
    return 0;
}
