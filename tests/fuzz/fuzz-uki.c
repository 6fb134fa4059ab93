/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unified kernel images: what is accepted lies in the file and has a known, old stub. */

#include "config.h"

#include <stdint.h>
#include <string.h>

#include "launcher/image/uki.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_line (const uint8_t *data, size_t size, const char *text)
{
    if (text == NULL)
        return;
    g_assert_true (g_utf8_validate (text, -1, NULL));
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
        g_assert_true (g_unichar_isprint (g_utf8_get_char (p)));
    g_assert_nonnull (memmem (data, size, text, strlen (text)));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (UkiInfo) info = uki_parse (data, size, &error);

    g_assert_true ((info == NULL) == (error != NULL));
    if (info == NULL)
        return 0;
    g_assert_cmpmem (data, 2, "MZ", 2);
    g_assert_cmpuint (info->linux_size, >, 0);
    g_assert_cmpuint (info->linux_size, <, size);
    g_assert_cmpuint (info->initrd_size, <, size - info->linux_size);
    g_assert_nonnull (info->cmdline);
    check_line (data, size, info->cmdline);
    check_line (data, size, info->uname);
    check_line (data, size, info->stub);
    g_assert_true (info->os_name == NULL || g_utf8_validate (info->os_name, -1, NULL));
    g_assert_cmpuint (info->stub_version, <, UKI_STUB_FIRST_REFUSED);
    g_assert_cmpuint (g_ascii_strtoull (info->stub, NULL, 10), ==, info->stub_version);
    g_assert_nonnull (memmem (data, size, "LoaderInfo: systemd-stub ", 25));
    return 0;
}
