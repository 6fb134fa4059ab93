/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* release.conf: what is accepted pins firmware and exactly one kind of boot. */

#include <stdint.h>
#include <string.h>

#include "policy/release.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Whether the digest stands in the text, in whatever case. */
static gboolean
stands_in (const char *lower_text, const guint8 digest[SEV_DIGEST_SIZE])
{
    g_autoptr (GString) hex = g_string_new (NULL);

    for (gsize i = 0; i < SEV_DIGEST_SIZE; i++)
        g_string_append_printf (hex, "%02x", digest[i]);
    return strstr (lower_text, hex->str) != NULL;
}

static void
check_digest (const char *lower_text, const guint8 *digest, gboolean present)
{
    g_assert_true ((digest != NULL) == present);
    g_assert_true (digest == NULL || stands_in (lower_text, digest));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyRelease) release =
        policy_release_parse ("name", (const char *) data, size, &error);
    guint8 other[SEV_DIGEST_SIZE] = { 0 };

    g_assert_true ((release == NULL) == (error != NULL));
    if (release == NULL)
        return 0;

    g_autofree char *text = g_strndup ((const char *) data, size);
    g_autofree char *lower = g_ascii_strdown (text, -1);
    const guint n = policy_release_n_firmware (release);
    g_assert_cmpstr (policy_release_get_name (release), ==, "name");
    g_assert_cmpuint (n, >=, 1);
    for (guint i = 0; i < n; i++) {
        const guint8 *digest = policy_release_get_firmware (release, i);
        g_assert_true (policy_release_allows_firmware (release, digest));
        check_digest (lower, digest, TRUE);
        other[0] = (guint8) (digest[0] + 1);
    }
    g_assert_true (!policy_release_allows_firmware (release, other) ||
                   stands_in (lower, other));
    const gboolean uki = policy_release_is_uki (release);
    check_digest (lower, policy_release_get_uki (release), uki);
    check_digest (lower, policy_release_get_kernel (release), !uki);
    check_digest (lower, policy_release_get_initrd (release), !uki);
    check_digest (lower, policy_release_get_cmdline (release), !uki);
    const char *uuid = policy_release_get_luks_uuid (release);
    g_assert_true (uuid == NULL || g_uuid_string_is_valid (uuid));
    const char *image = policy_release_get_image (release);
    g_assert_true (image == NULL || (image[0] != '\0' && strchr (image, '/') == NULL));
    g_assert_cmpuint (policy_release_n_secrets (release), <=, OVMF_SECRET_MAX_ENTRIES);

    /* Nothing was loaded, so nothing can be released. */
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_assert_true (policy_release_n_secrets (release) == 0 ||
                   !policy_release_fill_table (release, table, NULL) ||
                   strstr (lower, "luks-header-sha256") != NULL);
    return 0;
}
