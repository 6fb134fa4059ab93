/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Evidence: a file, a manifest alone, or the folder's `head`.  What is read can be written,
 * and is then read as the same; what nobody signed is never accepted.
 */

#include <stdint.h>
#include <string.h>

#include "policy/evidence/evidence-check.h"
#include "policy/evidence/evidence-store.h"
#include "sev/base/sev-bytes.h"

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

static void
check_head (GBytes *bytes)
{
    EvidencePlace place = { 0 };
    EvidencePlace again = { 0 };

    if (!evidence_store_parse_head (bytes, &place, NULL))
        return;
    g_autofree char *hex = sev_hex_encode (place.previous, sizeof place.previous);
    g_autofree char *text =
        g_strdup_printf ("%" G_GUINT64_FORMAT " %s\n", place.counter, hex);
    g_autoptr (GBytes) written = g_bytes_new (text, strlen (text));
    g_assert_true (evidence_store_parse_head (written, &again, NULL));
    g_assert_cmpuint (again.counter, ==, place.counter);
    g_assert_cmpmem (again.previous, sizeof again.previous, place.previous,
                     sizeof place.previous);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);

    check_manifest (bytes);
    check_file (bytes);
    check_head (bytes);
    return 0;
}
