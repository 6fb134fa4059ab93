/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/owner-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/owner-file.h"
#include "policy/release-private.h"
#include "sev/base/sev-bytes.h"

static void
set_hex (GKeyFile *file, const char *group, const char *key, const guint8 *digest)
{
    if (digest == NULL)
        return;
    g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);
    g_key_file_set_string (file, group, key, hex);
}

static char *
secret_file_name (const char *secret_name)
{
    return g_strconcat (secret_name, ".secret", NULL);
}

static char *
format_release (const PolicyReleaseSpec *spec, gsize *len)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GString) firmware = g_string_new (NULL);

    g_key_file_set_string (file, "release", "format", "1");
    if (spec->image != NULL)
        g_key_file_set_string (file, "release", "image", spec->image);
    if (spec->luks_uuid != NULL)
        g_key_file_set_string (file, "release", "luks-uuid", spec->luks_uuid);
    for (guint i = 0; i < spec->n_firmware; i++) {
        g_autofree char *hex = sev_hex_encode (spec->firmware[i], SEV_DIGEST_SIZE);
        g_string_append_printf (firmware, "%s%s", i > 0 ? ";" : "", hex);
    }
    g_key_file_set_value (file, "boot", "firmware", firmware->str);
    set_hex (file, "boot", "uki", spec->uki);
    set_hex (file, "boot", "kernel", spec->kernel);
    set_hex (file, "boot", "initrd", spec->initrd);
    set_hex (file, "boot", "cmdline", spec->cmdline);
    if (spec->vcpus > 0)
        g_key_file_set_uint64 (file, "boot", "vcpus", spec->vcpus);
    for (guint i = 0; i < spec->n_secrets; i++) {
        g_autofree char *name = secret_file_name (spec->secret_names[i]);
        g_key_file_set_string (file, "secrets", spec->secret_names[i], name);
    }
    if (spec->luks_header_sha256 != NULL) {
        set_hex (file, "secrets", "luks-header-sha256", spec->luks_header_sha256);
        g_key_file_set_uint64 (file, "secrets", "luks-header-length",
                               spec->luks_header_length);
    }
    return g_key_file_to_data (file, len, NULL);
}

/* Names become keys and file names, so they are checked before anything is written. */
static gboolean
check_spec (const char *name, const PolicyReleaseSpec *spec, GError **error)
{
    SevGuid guid;

    if (!policy_name_is_plain (name)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX,
                     "'%.80s' cannot name a release: letters, digits, '.', '_', '+', '-'",
                     name);
        return FALSE;
    }
    for (guint i = 0; i < spec->n_secrets; i++) {
        g_autoptr (GError) local = NULL;
        if (ovmf_secret_guid_parse (spec->secret_names[i], &guid, &local))
            continue;
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX,
                             local->message);
        return FALSE;
    }
    return TRUE;
}

static gboolean
write_files (int fd,
             const PolicyReleaseSpec *spec,
             const char *conf,
             gsize conf_len,
             gboolean replace,
             GError **error)
{
    for (guint i = 0; i < spec->n_secrets; i++) {
        g_autofree char *name = secret_file_name (spec->secret_names[i]);
        const SevSecret *value = spec->secret_values[i];
        if (!policy_file_write (fd, name, sev_secret_data (value), sev_secret_size (value),
                                TRUE, error))
            return FALSE;
    }
    /* Last: a release without this file is none. */
    return policy_file_write (fd, POLICY_RELEASE_CONF, conf, conf_len, replace, error);
}

static gboolean
write_release (int dirfd,
               const char *name,
               const PolicyReleaseSpec *spec,
               const char *conf,
               gsize conf_len,
               gboolean replace,
               GError **error)
{
    const int releases = policy_dir_make_at (dirfd, POLICY_RELEASES_DIR, error);
    if (releases < 0)
        return FALSE;
    const int fd = policy_dir_make_at (releases, name, error);
    close (releases);
    if (fd < 0)
        return FALSE;
    gboolean ok =
        replace || faccessat (fd, POLICY_RELEASE_CONF, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    if (!ok)
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_EXISTS,
                     "release '%s' is there already (--replace writes it anew)", name);
    ok = ok && write_files (fd, spec, conf, conf_len, replace, error);
    close (fd);
    return ok;
}

gboolean
policy_owner_create_release (const char *dir,
                             const char *name,
                             const PolicyReleaseSpec *spec,
                             gboolean replace,
                             GError **error)
{
    gsize len = 0;

    g_return_val_if_fail (dir != NULL && name != NULL && spec != NULL, FALSE);
    g_return_val_if_fail (spec->n_firmware == 0 || spec->firmware != NULL, FALSE);
    g_return_val_if_fail (spec->n_secrets == 0 || spec->secret_names != NULL, FALSE);
    g_return_val_if_fail (spec->n_secrets == 0 || spec->secret_values != NULL, FALSE);

    if (!check_spec (name, spec, error))
        return FALSE;
    g_autofree char *conf = format_release (spec, &len);
    g_autoptr (PolicyRelease) again = policy_release_parse (name, conf, len, error);
    if (again == NULL)
        return FALSE;

    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    const gboolean ok = write_release (fd, name, spec, conf, len, replace, error);
    close (fd);
    return ok;
}
