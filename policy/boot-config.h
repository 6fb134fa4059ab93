/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: boot-config
 * @short_description: disk.sevlaunch beside the image: what boots, and nothing else
 *
 * As untrusted as the disk it lies beside.  A key file:
 *
 *     [boot]
 *     format=1
 *     uki=FILE                     or kernel=, initrd=, cmdline=
 *     firmware=FILE
 *     vcpus=N
 *     memory=MIB
 *
 * Paths are relative, beneath the file's directory, and no part of them is a link.
 */
typedef struct _PolicyBootConfig PolicyBootConfig;

#define POLICY_BOOT_CONFIG_SUFFIX ".sevlaunch"
#define POLICY_BOOT_CONFIG_MAX_SIZE 65536u

typedef enum {
    POLICY_BOOT_FILE_UKI,
    POLICY_BOOT_FILE_KERNEL,
    POLICY_BOOT_FILE_INITRD,
    POLICY_BOOT_FILE_FIRMWARE,
} PolicyBootFile;
#define POLICY_N_BOOT_FILES 4u

/** policy_boot_config_path: Returns: (transfer full): "dir/disk.sevlaunch" of
 * "dir/disk.qcow2" */
char *policy_boot_config_path (const char *image);

/**
 * policy_boot_config_load:
 * @path: the file, see policy_boot_config_path()
 * @out: (out) (transfer full) (nullable): %NULL if there is no such file
 *
 * Every file that it names is opened at once, so that what is used later is what was
 * checked here.
 * Errors: %POLICY_ERROR_BOOT_CONFIG_SYNTAX, %POLICY_ERROR_BOOT_CONFIG_FORBIDDEN,
 *   %POLICY_ERROR_BOOT_CONFIG_PATH, %POLICY_ERROR_IO.
 */
gboolean policy_boot_config_load (const char *path,
                                  PolicyBootConfig **out,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_boot_config_parse: the text alone, no file is opened
 * Errors: %POLICY_ERROR_BOOT_CONFIG_SYNTAX, %POLICY_ERROR_BOOT_CONFIG_FORBIDDEN,
 *   %POLICY_ERROR_BOOT_CONFIG_PATH.
 */
PolicyBootConfig *policy_boot_config_parse (const char *path,
                                            const char *text,
                                            gsize len,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_boot_config_free (PolicyBootConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyBootConfig, policy_boot_config_free)

/** policy_boot_config_get_file: Returns: (nullable): the relative path as written */
const char *policy_boot_config_get_file (const PolicyBootConfig *config,
                                         PolicyBootFile file);
/** policy_boot_config_get_fd: Returns: descriptor owned by @config, -1 if not named */
int policy_boot_config_get_fd (const PolicyBootConfig *config, PolicyBootFile file);
/** policy_boot_config_dup_path: Returns: (transfer full) (nullable): directory and path */
char *policy_boot_config_dup_path (const PolicyBootConfig *config, PolicyBootFile file);
/** policy_boot_config_get_cmdline: (nullable) */
const char *policy_boot_config_get_cmdline (const PolicyBootConfig *config);
/** policy_boot_config_get_vcpus: 0 if not given */
guint policy_boot_config_get_vcpus (const PolicyBootConfig *config);
/** policy_boot_config_get_memory: MiB, 0 if not given */
guint policy_boot_config_get_memory (const PolicyBootConfig *config);

G_END_DECLS
