/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/owner-sign.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/owner-file.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define MAX_KEY_FILE 16384u

static gboolean
refuse_existing (int dirfd, const char *name, GError **error)
{
    if (faccessat (dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS,
                 "'%s' is there already and stays as it is", name);
    return FALSE;
}

gboolean
policy_sign_key_make_at (int dirfd, GError **error)
{
    if (!refuse_existing (dirfd, POLICY_OWNER_SIGN_KEY, error) ||
        !refuse_existing (dirfd, POLICY_OWNER_SIGN_PUB, error))
        return FALSE;
    g_autoptr (SevSignKey) key = sev_sign_key_generate (error);
    g_autoptr (SevSecret) pem = key != NULL ? sev_sign_key_to_pem (key, error) : NULL;
    g_autofree char *public = pem != NULL ? sev_sign_key_public_to_pem (key, error) : NULL;
    if (public == NULL ||
        !policy_file_write (dirfd, POLICY_OWNER_SIGN_KEY, sev_secret_data (pem),
                            sev_secret_size (pem), FALSE, error))
        return FALSE;
    if (policy_file_write (dirfd, POLICY_OWNER_SIGN_PUB, public, strlen (public), FALSE,
                           error))
        return TRUE;
    unlinkat (dirfd, POLICY_OWNER_SIGN_KEY, 0);
    return FALSE;
}

gboolean
policy_sign_key_make (const char *dir, GError **error)
{
    g_return_val_if_fail (dir != NULL, FALSE);

    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    const gboolean ok = policy_sign_key_make_at (fd, error);
    close (fd);
    return ok;
}

static gboolean
malformed (const char *name, const GError *cause, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MALFORMED, "'%s': %s", name,
                 cause->message);
    return FALSE;
}

gboolean
policy_sign_key_load (const char *dir, SevSignKey **out, GError **error)
{
    g_autoptr (GError) cause = NULL;

    g_return_val_if_fail (dir != NULL && out != NULL, FALSE);

    *out = NULL;
    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    g_autoptr (SevSecret) pem =
        policy_file_read_secret (fd, POLICY_OWNER_SIGN_KEY, MAX_KEY_FILE, &cause);
    close (fd);
    if (g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING))
        return TRUE;
    if (pem == NULL) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    *out = sev_sign_key_new_from_pem (sev_secret_data (pem), sev_secret_size (pem), &cause);
    return *out != NULL || malformed (POLICY_OWNER_SIGN_KEY, cause, error);
}

static SevSignKey *
parse_pub (const char *path, GBytes *text, GError **error)
{
    g_autoptr (GError) cause = NULL;
    gsize len = 0;

    const void *data = g_bytes_get_data (text, &len);
    SevSignKey *key = sev_sign_key_new_public (data, len, &cause);
    if (key == NULL)
        (void) !malformed (path, cause, error);
    return key;
}

SevSignKey *
policy_sign_pub_load (const char *path, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    g_autoptr (GBytes) text = policy_file_read_any (path, MAX_KEY_FILE, error);
    return text != NULL ? parse_pub (path, text, error) : NULL;
}

SevSignKey *
policy_sign_pub_load_found (const char *path, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    g_autoptr (GBytes) text = policy_file_read_found (path, MAX_KEY_FILE, error);
    return text != NULL ? parse_pub (path, text, error) : NULL;
}

char *
policy_sign_key_id (const SevSignKey *key, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];

    g_return_val_if_fail (key != NULL, NULL);

    if (!sev_sha256 (sev_sign_key_get_public (key), SEV_SIGN_PUBLIC_SIZE, digest, error))
        return NULL;
    g_autofree char *hex = sev_hex_encode (digest, sizeof digest);
    return g_strconcat ("sha256:", hex, NULL);
}
