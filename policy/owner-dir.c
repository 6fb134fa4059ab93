/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/owner-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/owner-cert.h"
#include "policy/owner-file.h"
#include "policy/owner-make.h"
#include "policy/release-private.h"
#include "sev/wire/sev-cert-wire.h"

#define MAX_CERT_FILE 65536u
#define MAX_KEY_FILE 16384u
#define MAX_ROOTS_FILE 65536u
#define MAX_ACCEPTANCE_FILE 65536u
#define MAX_RELEASES 1024u
#define MAX_RELEASE_CONF 65536u

struct _PolicyOwner {
    char *dir;
    int dirfd;
    SevCert cert;
    SevEcKey *key;
    PolicyRoots *roots;
    PolicyRoots *firmware; /* digests of images, in trusted-firmware */
    PolicyAcceptance *acceptance;
    PolicyLedger *ledger;
    GPtrArray *releases; /* PolicyRelease */
};

void
policy_owner_free (PolicyOwner *owner)
{
    if (owner == NULL)
        return;
    g_free (owner->dir);
    if (owner->dirfd >= 0)
        close (owner->dirfd);
    g_clear_pointer (&owner->key, sev_ec_key_unref);
    g_clear_pointer (&owner->roots, policy_roots_free);
    g_clear_pointer (&owner->firmware, policy_roots_free);
    g_clear_pointer (&owner->acceptance, policy_acceptance_unref);
    g_clear_pointer (&owner->ledger, policy_ledger_free);
    g_clear_pointer (&owner->releases, g_ptr_array_unref);
    g_free (owner);
}

static gboolean
load_cert (PolicyOwner *owner, const char *name, GError **error)
{
    g_autoptr (GBytes) bytes = NULL;

    if (!policy_file_read (owner->dirfd, name, MAX_CERT_FILE, POLICY_FILE_PUBLIC, &bytes,
                           error))
        return FALSE;
    if (policy_owner_cert_parse (bytes, &owner->cert, error))
        return TRUE;
    g_prefix_error (error, "'%s': ", name);
    return FALSE;
}

/* pdh.cert -> pdh.key */
static char *
key_name (const char *cert_name)
{
    const char *dot = strrchr (cert_name, '.');
    const gsize len =
        dot != NULL && dot != cert_name ? (gsize) (dot - cert_name) : strlen (cert_name);
    g_autofree char *stem = g_strndup (cert_name, len);

    return g_strconcat (stem, ".key", NULL);
}

static gboolean
load_key (PolicyOwner *owner, const char *name, PolicyOwnerFlags flags, GError **error)
{
    g_autoptr (GError) local = NULL;
    g_autoptr (SevSecret) pem =
        policy_file_read_secret (owner->dirfd, name, MAX_KEY_FILE, &local);

    if (pem == NULL) {
        if ((flags & POLICY_OWNER_NO_KEY) != 0 &&
            g_error_matches (local, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING))
            return TRUE;
        g_propagate_error (error, g_steal_pointer (&local));
        return FALSE;
    }
    owner->key =
        sev_ec_key_new_from_pem (sev_secret_data (pem), sev_secret_size (pem), &local);
    if (owner->key == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MALFORMED, "'%s': %s",
                     name, local->message);
        return FALSE;
    }
    g_autoptr (SevEcKey) public = sev_cert_get_ec_key (&owner->cert, error);
    if (public == NULL)
        return FALSE;
    if (!sev_ec_key_same_public (owner->key, public)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MISMATCH,
                     "'%s' is not the key of the owner certificate beside it", name);
        return FALSE;
    }
    return TRUE;
}

/* In memory only. */
static gboolean
make_key (PolicyOwner *owner, GError **error)
{
    owner->key = policy_owner_make_pair (&owner->cert, error);
    return owner->key != NULL;
}

/* A file of fingerprints, one a line: trusted-roots or trusted-firmware. */
static PolicyRoots *
read_roots (int dirfd, const char *name, GBytes **text, GError **error)
{
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) local = NULL;
    gsize len;

    if (!policy_file_read (dirfd, name, MAX_ROOTS_FILE, POLICY_FILE_OPTIONAL, &bytes,
                           error))
        return NULL;
    if (bytes == NULL)
        return policy_roots_new ();
    const char *data = g_bytes_get_data (bytes, &len);
    PolicyRoots *roots = policy_roots_parse_named (name, data, len, &local);
    if (roots == NULL && strcmp (name, POLICY_OWNER_FIRMWARE) == 0)
        local->code = POLICY_ERROR_TRUSTED_FIRMWARE;
    if (roots == NULL)
        g_propagate_error (error, g_steal_pointer (&local));
    else if (text != NULL)
        *text = g_steal_pointer (&bytes);
    return roots;
}

static gboolean
load_acceptance (PolicyOwner *owner, GError **error)
{
    g_autoptr (GBytes) bytes = NULL;
    gsize len;

    if (!policy_file_read (owner->dirfd, POLICY_ACCEPTANCE_NAME, MAX_ACCEPTANCE_FILE,
                           POLICY_FILE_OPTIONAL, &bytes, error))
        return FALSE;
    if (bytes == NULL) {
        owner->acceptance = policy_acceptance_new_default ();
        return TRUE;
    }
    g_autofree char *path = g_build_filename (owner->dir, POLICY_ACCEPTANCE_NAME, NULL);
    const char *data = g_bytes_get_data (bytes, &len);
    owner->acceptance = policy_acceptance_parse (path, owner->dir, data, len, error);
    return owner->acceptance != NULL;
}

static gboolean
load_release (PolicyOwner *owner, int releases_fd, const char *name, GError **error)
{
    g_autoptr (GBytes) text = NULL;
    gsize len;

    if (!policy_name_is_plain (name)) {
        g_autofree char *shown = g_strescape (name, NULL);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX,
                     "'%.80s' in releases is not the name of a release", shown);
        return FALSE;
    }
    if (owner->releases->len >= MAX_RELEASES) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX,
                     "more than %u releases", MAX_RELEASES);
        return FALSE;
    }
    const int fd = policy_dir_open_at (releases_fd, name, FALSE, error);
    if (fd < 0)
        return FALSE;
    const gboolean read = policy_file_read (fd, POLICY_RELEASE_CONF, MAX_RELEASE_CONF,
                                            POLICY_FILE_PUBLIC, &text, error);
    close (fd);
    if (!read) {
        g_prefix_error (error, "release '%s': ", name);
        return FALSE;
    }
    const char *data = g_bytes_get_data (text, &len);
    PolicyRelease *release = policy_release_parse (name, data, len, error);
    if (release == NULL)
        return FALSE;
    g_ptr_array_add (owner->releases, release);
    return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names first, sorted: which release a message speaks of must not depend on the disk. */
static GPtrArray *
list_dir (const char *path, GError **error)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GError) local = NULL;
    g_autoptr (GDir) dir = g_dir_open (path, 0, &local);

    if (dir == NULL) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_IO, local->message);
        return NULL;
    }
    for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
        if (name[0] != '.')
            g_ptr_array_add (names, g_strdup (name));
    g_ptr_array_sort (names, compare_names);
    return g_steal_pointer (&names);
}

static gboolean
load_releases (PolicyOwner *owner, GError **error)
{
    g_autoptr (GError) local = NULL;
    const int fd = policy_dir_open_at (owner->dirfd, POLICY_RELEASES_DIR, TRUE, &local);

    owner->releases =
        g_ptr_array_new_with_free_func ((GDestroyNotify) policy_release_unref);
    if (fd < 0 && local == NULL)
        return TRUE;
    if (fd < 0) {
        g_propagate_error (error, g_steal_pointer (&local));
        return FALSE;
    }
    g_autofree char *path = g_build_filename (owner->dir, POLICY_RELEASES_DIR, NULL);
    g_autoptr (GPtrArray) names = list_dir (path, error);
    gboolean ok = names != NULL;
    for (guint i = 0; ok && i < names->len; i++)
        ok = load_release (owner, fd, g_ptr_array_index (names, i), error);
    close (fd);
    return ok;
}

static PolicyOwner *
open_owner (const char *dir, const char *cert_name, PolicyOwnerFlags flags, GError **error)
{
    g_autoptr (PolicyOwner) owner = g_new0 (PolicyOwner, 1);
    g_autofree char *key = key_name (cert_name);

    owner->dirfd = policy_dir_open (dir, &owner->dir, error);
    if (owner->dirfd < 0 || !load_cert (owner, cert_name, error) ||
        !((flags & POLICY_OWNER_FRESH_KEY) != 0 ? make_key (owner, error)
                                                : load_key (owner, key, flags, error)))
        return NULL;
    owner->roots = read_roots (owner->dirfd, POLICY_OWNER_ROOTS, NULL, error);
    if (owner->roots == NULL)
        return NULL;
    owner->firmware = read_roots (owner->dirfd, POLICY_OWNER_FIRMWARE, NULL, error);
    if (owner->firmware == NULL || !load_acceptance (owner, error) ||
        !load_releases (owner, error))
        return NULL;
    owner->ledger = policy_ledger_open_at (owner->dirfd, POLICY_LEDGER_NAME, error);
    if (owner->ledger == NULL)
        return NULL;
    return g_steal_pointer (&owner);
}

PolicyOwner *
policy_owner_open (const char *cert_path, PolicyOwnerFlags flags, GError **error)
{
    g_return_val_if_fail (cert_path != NULL, NULL);

    char *real = realpath (cert_path, NULL);
    if (real == NULL) {
        const gboolean missing = errno == ENOENT || errno == ENOTDIR;
        g_set_error (error, POLICY_ERROR,
                     missing ? POLICY_ERROR_OWNER_MISSING : POLICY_ERROR_IO,
                     "owner certificate '%s': %s%s", cert_path, g_strerror (errno),
                     missing ? " (sevlaunch owner-init makes one)" : "");
        return NULL;
    }
    if (g_file_test (real, G_FILE_TEST_IS_DIR)) {
        free (real);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING,
                     "owner certificate '%s': is a directory; name the certificate in it "
                     "('" POLICY_OWNER_CERT "')",
                     cert_path);
        return NULL;
    }
    g_autofree char *dir = g_path_get_dirname (real);
    g_autofree char *name = g_path_get_basename (real);
    free (real);
    return open_owner (dir, name, flags, error);
}

PolicyOwner *
policy_owner_open_dir (const char *dir, PolicyOwnerFlags flags, GError **error)
{
    g_return_val_if_fail (dir != NULL, NULL);
    return open_owner (dir, POLICY_OWNER_CERT, flags, error);
}

const char *
policy_owner_get_dir (const PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return owner->dir;
}

const SevCert *
policy_owner_get_cert (const PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return &owner->cert;
}

const SevEcKey *
policy_owner_get_key (const PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return owner->key;
}

void
policy_owner_forget (PolicyOwner *owner)
{
    g_return_if_fail (owner != NULL);

    g_clear_pointer (&owner->key, sev_ec_key_unref);
    for (guint i = 0; i < owner->releases->len; i++)
        policy_release_wipe_secrets (g_ptr_array_index (owner->releases, i));
}

PolicyRoots *
policy_owner_get_roots (PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return owner->roots;
}

PolicyAcceptance *
policy_owner_get_acceptance (PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return owner->acceptance;
}

PolicyFirmwarePin
policy_owner_pin_of (const PolicyOwner *owner,
                     const PolicyRelease *release,
                     const guint8 sha256[SEV_DIGEST_SIZE])
{
    PolicyFingerprint digest;

    g_return_val_if_fail (owner != NULL && sha256 != NULL, POLICY_FIRMWARE_UNPINNED);

    memcpy (digest.bytes, sha256, sizeof digest.bytes);
    if (release != NULL && policy_release_allows_firmware (release, sha256))
        return POLICY_FIRMWARE_BY_RELEASE;
    return policy_roots_contains (owner->firmware, &digest) ? POLICY_FIRMWARE_BY_OWNER
                                                            : POLICY_FIRMWARE_UNPINNED;
}

PolicyLedger *
policy_owner_get_ledger (PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, NULL);
    return owner->ledger;
}

guint
policy_owner_n_releases (const PolicyOwner *owner)
{
    g_return_val_if_fail (owner != NULL, 0);
    return owner->releases->len;
}

PolicyRelease *
policy_owner_get_release (const PolicyOwner *owner, guint index)
{
    g_return_val_if_fail (owner != NULL && index < owner->releases->len, NULL);
    return g_ptr_array_index (owner->releases, index);
}

/* The one release for which @get gives @wanted; more than one is an error. */
static gboolean
find_by (const PolicyOwner *owner,
         const char *(*get) (const PolicyRelease *),
         const char *wanted,
         PolicyRelease **out,
         GError **error)
{
    for (guint i = 0; wanted != NULL && i < owner->releases->len; i++) {
        PolicyRelease *release = g_ptr_array_index (owner->releases, i);
        if (g_strcmp0 (get (release), wanted) != 0)
            continue;
        if (*out != NULL) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_AMBIGUOUS,
                         "releases '%s' and '%s' are both for '%s' (--release NAME says "
                         "which one is meant)",
                         policy_release_get_name (*out), policy_release_get_name (release),
                         wanted);
            return FALSE;
        }
        *out = release;
    }
    return TRUE;
}

static gboolean
load_secrets (const PolicyOwner *owner, PolicyRelease *release, GError **error)
{
    const int releases =
        policy_dir_open_at (owner->dirfd, POLICY_RELEASES_DIR, FALSE, error);
    if (releases < 0)
        return FALSE;
    const int fd =
        policy_dir_open_at (releases, policy_release_get_name (release), FALSE, error);
    close (releases);
    if (fd < 0)
        return FALSE;
    const gboolean ok = policy_release_load_secrets (release, fd, error);
    close (fd);
    return ok;
}

/* The UUID is the image's word: it may not lead away from what the owner named. */
static gboolean
find_by_both (const PolicyOwner *owner,
              const char *base,
              const char *uuid,
              PolicyRelease **by_name,
              PolicyRelease **by_uuid,
              GError **error)
{
    if (!find_by (owner, policy_release_get_luks_uuid, uuid, by_uuid, error) ||
        !find_by (owner, policy_release_get_image, base, by_name, error))
        return FALSE;
    if (*by_name == NULL || *by_uuid == NULL || *by_name == *by_uuid)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_AMBIGUOUS,
                 "the image's name '%s' is of release '%s', the LUKS UUID in it of release "
                 "'%s': it may be another image than it seems (--release NAME says which "
                 "one is meant)",
                 base, policy_release_get_name (*by_name),
                 policy_release_get_name (*by_uuid));
    return FALSE;
}

PolicyRelease *
policy_owner_find_release (const PolicyOwner *owner,
                           const char *image,
                           const char *luks_uuid,
                           gboolean *by_uuid_alone,
                           GError **error)
{
    PolicyRelease *by_name = NULL;
    PolicyRelease *by_uuid = NULL;

    g_return_val_if_fail (owner != NULL, NULL);

    g_autofree char *base = image != NULL ? g_path_get_basename (image) : NULL;
    g_autofree char *uuid = luks_uuid != NULL ? g_ascii_strdown (luks_uuid, -1) : NULL;
    if (!find_by_both (owner, base, uuid, &by_name, &by_uuid, error))
        return NULL;
    PolicyRelease *found = by_name != NULL ? by_name : by_uuid;
    if (found == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_MISSING,
                     "no release in '%s' is for image '%s'%s%s (sevlaunch release create "
                     "makes one)",
                     owner->dir, base != NULL ? base : "-",
                     uuid != NULL ? " or LUKS UUID " : "", uuid != NULL ? uuid : "");
        return NULL;
    }
    if (by_uuid_alone != NULL)
        *by_uuid_alone = by_name == NULL;
    return load_secrets (owner, found, error) ? found : NULL;
}

PolicyRelease *
policy_owner_take_release (const PolicyOwner *owner, const char *name, GError **error)
{
    PolicyRelease *found = NULL;

    g_return_val_if_fail (owner != NULL && name != NULL, NULL);

    if (!find_by (owner, policy_release_get_name, name, &found, error))
        return NULL;
    if (found == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_MISSING,
                     "'%s' has no release '%s' (sevlaunch release create makes one)",
                     owner->dir, name);
        return NULL;
    }
    return load_secrets (owner, found, error) ? found : NULL;
}

static gboolean
comment_is_text (const char *comment)
{
    if (strlen (comment) > 200 || !g_utf8_validate (comment, -1, NULL))
        return FALSE;
    for (const char *p = comment; *p != '\0'; p++)
        if (g_ascii_iscntrl (*p))
            return FALSE;
    return TRUE;
}

static gboolean
add_root (int dirfd,
          const char *name,
          const PolicyFingerprint *fingerprint,
          const char *comment,
          gboolean *added,
          GError **error)
{
    g_autoptr (GBytes) old = NULL;
    g_autoptr (PolicyRoots) roots = read_roots (dirfd, name, &old, error);
    g_autoptr (GString) text = g_string_new (NULL);
    gsize len = 0;

    if (roots == NULL)
        return FALSE;
    *added = !policy_roots_contains (roots, fingerprint);
    if (!*added)
        return TRUE;
    if (old != NULL) {
        const char *data = g_bytes_get_data (old, &len);
        g_string_append_len (text, data, (gssize) len);
    }
    if (text->len > 0 && text->str[text->len - 1] != '\n')
        g_string_append_c (text, '\n');
    g_autofree char *word = policy_fingerprint_to_text (fingerprint);
    g_string_append_printf (text, "%s  %s\n", word, comment);
    return policy_file_write (dirfd, name, text->str, text->len, TRUE, error);
}

static gboolean
trust (const char *dir,
       const char *name,
       const PolicyFingerprint *fingerprint,
       const char *comment,
       gboolean *added,
       GError **error)
{
    gboolean was_added = FALSE;

    if (!comment_is_text (comment)) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS,
                             "the comment is not one line of text");
        return FALSE;
    }
    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    const gboolean ok = add_root (fd, name, fingerprint, comment, &was_added, error);
    close (fd);
    if (ok && added != NULL)
        *added = was_added;
    return ok;
}

gboolean
policy_owner_trust (const char *dir,
                    const PolicyFingerprint *fingerprint,
                    const char *comment,
                    gboolean *added,
                    GError **error)
{
    g_return_val_if_fail (dir != NULL && fingerprint != NULL && comment != NULL, FALSE);
    return trust (dir, POLICY_OWNER_ROOTS, fingerprint, comment, added, error);
}

gboolean
policy_owner_trust_firmware (const char *dir,
                             const guint8 sha256[SEV_DIGEST_SIZE],
                             const char *comment,
                             gboolean *added,
                             GError **error)
{
    PolicyFingerprint digest;

    g_return_val_if_fail (dir != NULL && sha256 != NULL && comment != NULL, FALSE);

    memcpy (digest.bytes, sha256, sizeof digest.bytes);
    return trust (dir, POLICY_OWNER_FIRMWARE, &digest, comment, added, error);
}

GBytes *
policy_read_cert_bytes (const char *path, gsize size, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    g_autoptr (GBytes) bytes = policy_file_read_any (path, MAX_CERT_FILE, error);
    if (bytes == NULL)
        return NULL;
    if (g_bytes_get_size (bytes) == size)
        return g_steal_pointer (&bytes);
    g_autoptr (GBytes) binary = policy_unwrap_base64 (bytes, NULL, 0);
    if (g_bytes_get_size (binary) == size)
        return g_steal_pointer (&binary);
    g_set_error (error, POLICY_ERROR,
                 g_bytes_get_size (binary) < size ? POLICY_ERROR_OWNER_CERT_TRUNCATED
                                                  : POLICY_ERROR_OWNER_CERT_MALFORMED,
                 "'%s': %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT, path,
                 g_bytes_get_size (binary), size);
    return NULL;
}
