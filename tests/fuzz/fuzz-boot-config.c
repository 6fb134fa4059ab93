/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* disk.sevlaunch: no path leads out of the directory, and nothing else is said. */

#include <stdint.h>
#include <string.h>

#include "policy/boot-config.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_path (const PolicyBootConfig *config, PolicyBootFile file)
{
    const char *path = policy_boot_config_get_file (config, file);
    g_autofree char *whole = policy_boot_config_dup_path (config, file);

    g_assert_cmpint (policy_boot_config_get_fd (config, file), ==, -1);
    g_assert_true ((path == NULL) == (whole == NULL));
    if (path == NULL)
        return;
    g_assert_false (g_path_is_absolute (path));
    /* Another program's idea of where that leads. */
    g_autofree char *canonical = g_canonicalize_filename (path, "/d/e");
    g_assert_true (g_str_has_prefix (canonical, "/d/e/"));
    g_assert_cmpstr (canonical + strlen ("/d/e/"), ==, path);
    g_assert_true (g_str_has_prefix (whole, "/d/e/"));
    g_assert_cmpstr (whole + strlen ("/d/e/"), ==, path);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyBootConfig) config =
        policy_boot_config_parse ("/d/e/disk.sevlaunch", (const char *) data, size, &error);

    g_assert_true ((config == NULL) == (error != NULL));
    if (config == NULL)
        return 0;
    for (guint i = 0; i < POLICY_N_BOOT_FILES; i++)
        check_path (config, (PolicyBootFile) i);
    const gboolean uki = policy_boot_config_get_file (config, POLICY_BOOT_FILE_UKI) != NULL;
    const char *cmdline = policy_boot_config_get_cmdline (config);
    g_assert_true (!uki ||
                   policy_boot_config_get_file (config, POLICY_BOOT_FILE_KERNEL) == NULL);
    g_assert_true (cmdline == NULL || (strlen (cmdline) < size &&
                                       g_utf8_validate (cmdline, -1, NULL) && !uki));
    g_assert_cmpuint (policy_boot_config_get_vcpus (config), <=, 4096);
    return 0;
}
