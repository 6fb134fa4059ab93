/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* trusted-roots: the fingerprints of the lines, no more and no fewer. */

#include <stdint.h>
#include <string.h>

#include "policy/roots.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyRoots) roots = policy_roots_parse ((const char *) data, size, &error);
    guint n = 0;

    g_assert_true ((roots == NULL) == (error != NULL));
    if (roots == NULL)
        return 0;

    g_autofree char *text = g_strndup ((const char *) data, size);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_assert_cmpuint (strlen (text), ==, size);
    for (gsize i = 0; lines[i] != NULL; i++) {
        PolicyFingerprint fingerprint;
        const char *line = g_strchug (lines[i]);

        if (line[0] == '\0' || line[0] == '#')
            continue;
        g_autofree char *word = g_strndup (line, 7 + 64);
        g_autofree char *lower = g_ascii_strdown (word, -1);
        g_assert_true (policy_fingerprint_parse (word, &fingerprint, NULL));
        g_autofree char *again = policy_fingerprint_to_text (&fingerprint);
        g_assert_cmpstr (again, ==, lower);
        g_assert_true (policy_roots_contains (roots, &fingerprint));
        fingerprint.bytes[0] ^= 1;
        g_autofree char *changed = policy_fingerprint_to_text (&fingerprint);
        g_autofree char *lower_text = g_ascii_strdown (text, -1);
        g_assert_true (!policy_roots_contains (roots, &fingerprint) ||
                       strstr (lower_text, changed) != NULL);
        n++;
    }
    g_assert_cmpuint (policy_roots_count (roots), <=, n);
    g_assert_true ((policy_roots_count (roots) == 0) == (n == 0));
    return 0;
}
