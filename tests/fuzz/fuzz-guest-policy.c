/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest policies: text to number to text and back. */

#include <stdint.h>
#include <string.h>

#include "policy/guest-policy-explain.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_round (guint32 policy)
{
    g_autofree char *text = policy_guest_to_text (policy);
    g_autofree char *hex = g_strdup_printf ("0x%x", policy);
    const gboolean good = (policy & SEV_POLICY_RESERVED) == 0;
    guint32 again = ~policy;
    guint8 major, minor;

    g_assert_true (policy_guest_parse (text, &again, NULL) == good);
    g_assert_true (!good || again == policy);
    g_assert_true (policy_guest_parse (hex, &again, NULL) == good);
    g_assert_true (!good || again == policy);
    g_autofree char *decimal = g_strdup_printf ("%u", policy);
    g_assert_true (policy_guest_parse (decimal, &again, NULL) == good);
    g_assert_true (!good || again == policy);
    policy_guest_min_api (policy, &major, &minor);
    g_assert_cmpuint (major, ==, (policy >> 16) & 0xff);
    g_assert_cmpuint (minor, ==, policy >> 24);
    g_assert_true (policy_guest_allows_api (policy, major, minor));
    g_assert_true (minor == 0 || !policy_guest_allows_api (policy, major, minor - 1));
    g_assert_true (major == 0 || !policy_guest_allows_api (policy, major - 1, 255));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup ((const char *) data, size);
    g_autoptr (GError) error = NULL;
    guint32 policy = 0;

    if (policy_guest_parse (text, &policy, &error)) {
        g_auto (GStrv) warnings = policy_guest_warnings (policy);
        g_autoptr (GError) impossible = NULL;
        g_assert_cmpuint (policy & SEV_POLICY_RESERVED, ==, 0);
        g_assert_true (policy_guest_check (policy, &impossible) == (impossible == NULL));
        check_round (policy);
    } else {
        g_assert_nonnull (error);
    }
    if (size >= sizeof policy) {
        memcpy (&policy, data, sizeof policy);
        check_round (policy);
        check_round (policy & ~SEV_POLICY_RESERVED);
    }
    return 0;
}
