/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/owner-make.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/courier/courier-store.h"
#include "policy/owner-dir.h"
#include "policy/owner-file.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"

typedef struct {
    guint8 cert[SEV_CERT_SIZE];
    SevSecret *pem;
} Pair;

static void
pair_clear (Pair *pair)
{
    g_clear_pointer (&pair->pem, sev_secret_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

static gboolean
io_error (GError **error, const char *what, const char *name)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "%s '%s': %s", what, name,
                 g_strerror (errno));
    return FALSE;
}

SevEcKey *
policy_owner_make_pair (SevCert *cert, GError **error)
{
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, error);

    if (key == NULL)
        return NULL;
    sev_cert_init (cert, SEV_USAGE_PDH, SEV_ALGO_ECDH_SHA256);
    sev_cert_set_ec_key (cert, key);
    return g_steal_pointer (&key);
}

static gboolean
make_pair (Pair *pair, GError **error)
{
    SevCert cert;
    g_autoptr (SevEcKey) key = policy_owner_make_pair (&cert, error);

    pair->pem = key != NULL ? sev_ec_key_to_pem (key, error) : NULL;
    if (pair->pem == NULL)
        return FALSE;
    sev_cert_encode (&cert, pair->cert);
    return TRUE;
}

static gboolean
is_there (int dirfd, const char *name)
{
    return faccessat (dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
write_key (int dirfd, const Pair *pair, gboolean replace, GError **error)
{
    return policy_file_write (dirfd, POLICY_OWNER_KEY, sev_secret_data (pair->pem),
                              sev_secret_size (pair->pem), replace, error);
}

static gboolean
write_cert (int dirfd, const Pair *pair, gboolean replace, GError **error)
{
    return policy_file_write (dirfd, POLICY_OWNER_CERT, pair->cert, sizeof pair->cert,
                              replace, error);
}

/* One that is there goes on signing. */
static gboolean
make_sign_key (int dirfd, GError **error)
{
    return is_there (dirfd, POLICY_OWNER_SIGN_KEY) ||
           policy_sign_key_make_at (dirfd, error);
}

static gboolean
init_at (int dirfd, GError **error)
{
    g_auto (Pair) pair = { 0 };

    if (!make_pair (&pair, error))
        return FALSE;
    /* A certificate that is there stays, and so does its key: the key comes first. */
    if (is_there (dirfd, POLICY_OWNER_CERT)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS,
                     "'%s' is there already and stays as it is (--rotate renews it)",
                     POLICY_OWNER_CERT);
        return FALSE;
    }
    if (!write_key (dirfd, &pair, FALSE, error))
        return FALSE;
    if (!write_cert (dirfd, &pair, FALSE, error)) {
        unlinkat (dirfd, POLICY_OWNER_KEY, 0);
        return FALSE;
    }
    if (make_sign_key (dirfd, error))
        return TRUE;
    unlinkat (dirfd, POLICY_OWNER_KEY, 0);
    unlinkat (dirfd, POLICY_OWNER_CERT, 0);
    return FALSE;
}

gboolean
policy_owner_init (const char *dir, GError **error)
{
    g_return_val_if_fail (dir != NULL, FALSE);

    if (g_mkdir_with_parents (dir, 0700) != 0)
        return io_error (error, "making", dir);
    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    const gboolean ok = init_at (fd, error);
    close (fd);
    return ok;
}

/* Under a second name before the first is given to the new file. */
static gboolean
keep_old (int dirfd, const char *keep, GError **error)
{
    static const char *const names[] = { POLICY_OWNER_CERT, POLICY_OWNER_KEY };
    static const char *const ends[] = { "cert", "key" };

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *name = g_strdup_printf ("%s.%s", keep, ends[i]);

        if (linkat (dirfd, names[i], dirfd, name, 0) == 0)
            continue;
        if (errno != EEXIST)
            return io_error (error, "keeping", names[i]);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS,
                     "'%s' is there already and stays as it is", name);
        return FALSE;
    }
    return TRUE;
}

/* Returns: the old key's file, -1 without error if there is none. */
static int
open_old_key (int dirfd, off_t *size, GError **error)
{
    struct stat st;
    const int fd =
        openat (dirfd, POLICY_OWNER_KEY, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        if (errno != ENOENT)
            io_error (error, "opening", POLICY_OWNER_KEY);
        return -1;
    }
    if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_uid == geteuid ()) {
        *size = st.st_size;
        return fd;
    }
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                 "'%s' is no file of the caller's", POLICY_OWNER_KEY);
    close (fd);
    return -1;
}

static gboolean
replace_both (int dirfd, GError **error)
{
    g_auto (Pair) pair = { 0 };

    if (!make_pair (&pair, error) || !write_key (dirfd, &pair, TRUE, error))
        return FALSE;
    if (write_cert (dirfd, &pair, TRUE, error))
        return TRUE;
    g_prefix_error (error, "the key is new and the certificate is not (do it again): ");
    return FALSE;
}

/* Only when the new key is there: a session that waits for a courier is of use until then,
 * and of none after, because nothing can be judged with a new key.
 * @old: or -1 */
static gboolean
give_up_old (int dirfd, int old, off_t size, guint *given_up, GError **error)
{
    const gboolean forgotten = policy_courier_forget_all (dirfd, given_up, error);
    const gboolean overwritten =
        old < 0 || policy_file_overwrite (old, size, "the old " POLICY_OWNER_KEY,
                                          forgotten ? error : NULL);

    return forgotten && overwritten;
}

static gboolean
rotate_at (int dirfd, const char *keep, guint *given_up, GError **error)
{
    GError *cause = NULL;
    off_t size = 0;

    if (!is_there (dirfd, POLICY_OWNER_CERT)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING,
                     "there is no '%s' to renew (sevlaunch owner-init makes one)",
                     POLICY_OWNER_CERT);
        return FALSE;
    }
    const int old = open_old_key (dirfd, &size, &cause);
    if (cause != NULL) {
        g_propagate_error (error, cause);
        return FALSE;
    }
    gboolean ok = policy_file_check_place (dirfd, POLICY_OWNER_CERT, error) &&
                  (keep == NULL || keep_old (dirfd, keep, error)) &&
                  replace_both (dirfd, error);
    if (ok && keep == NULL)
        ok = give_up_old (dirfd, old, size, given_up, error);
    if (old >= 0)
        close (old);
    return ok;
}

gboolean
policy_owner_rotate (const char *dir, const char *keep, guint *given_up, GError **error)
{
    guint n = 0;

    g_return_val_if_fail (dir != NULL, FALSE);

    const int fd = policy_dir_open (dir, NULL, error);
    if (fd < 0)
        return FALSE;
    const gboolean ok = rotate_at (fd, keep, &n, error);
    close (fd);
    if (given_up != NULL)
        *given_up = n;
    return ok;
}
