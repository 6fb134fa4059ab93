/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Evidence: a file, or a manifest alone.  What is read can be written, and is then read as
 * the same; what nobody signed is never accepted.
 */

#include <stdint.h>
#include <string.h>

#include "policy/evidence/evidence-check.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_manifest (GBytes *bytes)
{
    g_autoptr (EvidenceManifest) m = evidence_manifest_parse (bytes, NULL);

    if (m == NULL)
        return;
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (m);
    g_autoptr (EvidenceManifest) again = evidence_manifest_parse (text, NULL);
    g_assert_nonnull (again);
    g_autoptr (GBytes) same = evidence_manifest_to_bytes (again);
    g_assert_true (g_bytes_equal (text, same));
}

static void
check_file (GBytes *bytes)
{
    static const char pem[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n";
    g_autoptr (Evidence) evidence = evidence_parse (bytes, NULL);
    g_autoptr (SevSignKey) key = sev_sign_key_new_public (pem, strlen (pem), NULL);
    const EvidenceQuestion question = { .signer = key };

    if (evidence == NULL)
        return;
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &question, NULL);
    g_assert_true (answer == NULL || answer->refused);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);

    check_manifest (bytes);
    check_file (bytes);
    return 0;
}
