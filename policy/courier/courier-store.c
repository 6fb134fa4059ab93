/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/courier/courier-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/courier/courier-file.h"
#include "policy/key-file.h"
#include "policy/owner-file.h"
#include "sev/base/sev-bytes.h"

#define SESSIONS "sessions"
#define GROUP "courier-record"
#define FORMAT 1
#define MAX_KEY_FILE 4096u
#define MAX_PART_SIZE (G_GUINT64_CONSTANT (1) << 40)

static const char *const keys[] = {
    "format",        "release",       "firmware",    "kernel",
    "initrd",        "cmdline",       "uki",         "es",
    "vcpus",         "digests",       "room",        "firmware-accepted",
    "firmware-path", "firmware-size", "kernel-path", "kernel-size",
    "initrd-path",   "initrd-size",   NULL,
};
static const PolicyKeyFileGroup group = { GROUP, keys, FALSE };

void
policy_courier_record_clear (PolicyCourierRecord *record)
{
    g_clear_pointer (&record->tek, sev_secret_unref);
    g_clear_pointer (&record->tik, sev_secret_unref);
    g_clear_pointer (&record->key, sev_secret_unref);
    g_clear_pointer (&record->bundle, g_bytes_unref);
    g_clear_pointer (&record->platform, g_bytes_unref);
    g_clear_pointer (&record->release, g_free);
    g_clear_pointer (&record->firmware.path, g_free);
    g_clear_pointer (&record->kernel.path, g_free);
    g_clear_pointer (&record->initrd.path, g_free);
}

/* Directories. */

static gboolean
set_io (GError **error, const char *what, int number)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "%s: %s", what, g_strerror (number));
    return FALSE;
}

/* Returns: a descriptor of sessions/, made if @make; -1 without error if it is missing */
static int
open_sessions_at (int top, gboolean make, GError **error)
{
    return make ? policy_dir_make_at (top, SESSIONS, error)
                : policy_dir_open_at (top, SESSIONS, TRUE, error);
}

static int
open_sessions (const char *dir, gboolean make, GError **error)
{
    const int top = policy_dir_open (dir, NULL, error);

    if (top < 0)
        return -1;
    const int fd = open_sessions_at (top, make, error);
    close (top);
    return fd;
}

/* Returns: (nullable): the entries of @fd but "." and "..", which fdopendir() would take */
static GPtrArray *
list_names (int fd, GError **error)
{
    const int copy = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

    if (dir == NULL) {
        set_io (error, SESSIONS, errno);
        if (copy >= 0)
            close (copy);
        return NULL;
    }
    for (const struct dirent *entry = readdir (dir); entry != NULL; entry = readdir (dir))
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            g_ptr_array_add (names, g_strdup (entry->d_name));
    closedir (dir);
    return g_steal_pointer (&names);
}

/* Record. */

static void
put_digest (GKeyFile *file, const char *key, const guint8 *digest)
{
    g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);

    g_key_file_set_string (file, GROUP, key, hex);
}

static void
put_part (GKeyFile *file, const char *what, const PolicyCourierPart *part)
{
    g_autofree char *path_key = g_strconcat (what, "-path", NULL);
    g_autofree char *size_key = g_strconcat (what, "-size", NULL);
    g_autofree char *path = part->path != NULL ? g_utf8_make_valid (part->path, -1) : NULL;

    if (path == NULL)
        return;
    g_key_file_set_string (file, GROUP, path_key, path);
    g_key_file_set_uint64 (file, GROUP, size_key, part->size);
}

static char *
format_record (const PolicyCourierRecord *record)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    const PolicyBoot *boot = &record->boot;
    g_autoptr (GString) digests = g_string_new (NULL);

    g_key_file_set_integer (file, GROUP, "format", FORMAT);
    if (record->release != NULL)
        g_key_file_set_string (file, GROUP, "release", record->release);
    put_digest (file, "firmware", boot->firmware);
    put_digest (file, "kernel", boot->kernel);
    put_digest (file, "initrd", boot->initrd);
    put_digest (file, "cmdline", boot->cmdline);
    g_key_file_set_boolean (file, GROUP, "uki", boot->uki);
    g_key_file_set_boolean (file, GROUP, "es", boot->es);
    g_key_file_set_boolean (file, GROUP, "firmware-accepted", boot->firmware_accepted);
    g_key_file_set_uint64 (file, GROUP, "vcpus", boot->vcpus);
    g_key_file_set_uint64 (file, GROUP, "room", record->room);
    put_part (file, "firmware", &record->firmware);
    put_part (file, "kernel", &record->kernel);
    put_part (file, "initrd", &record->initrd);
    for (guint i = 0; i < record->n_digests; i++) {
        g_autofree char *hex = sev_hex_encode (record->digests[i], SEV_DIGEST_SIZE);
        g_string_append_printf (digests, "%s%s", i > 0 ? "," : "", hex);
    }
    g_key_file_set_string (file, GROUP, "digests", digests->str);
    return g_key_file_to_data (file, NULL, NULL);
}

static gboolean
take_digest (GKeyFile *file, const char *key, guint8 out[SEV_DIGEST_SIZE])
{
    g_autofree char *text = g_key_file_get_string (file, GROUP, key, NULL);

    return text != NULL && sev_hex_decode (text, out, SEV_DIGEST_SIZE, NULL);
}

static gboolean
take_number (GKeyFile *file, const char *key, guint64 max, guint64 *out)
{
    g_autofree char *text = g_key_file_get_string (file, GROUP, key, NULL);

    return text != NULL && g_ascii_string_to_unsigned (text, 10, 0, max, out, NULL);
}

static gboolean
take_digests (GKeyFile *file, PolicyCourierRecord *out)
{
    g_autofree char *text = g_key_file_get_string (file, GROUP, "digests", NULL);

    if (text == NULL)
        return FALSE;
    g_auto (GStrv) parts = g_strsplit (text, ",", POLICY_COURIER_MAX_DIGESTS + 1);
    for (guint i = 0; parts[i] != NULL; i++) {
        if (i == POLICY_COURIER_MAX_DIGESTS ||
            !sev_hex_decode (parts[i], out->digests[i], SEV_DIGEST_SIZE, NULL))
            return FALSE;
        out->n_digests = i + 1;
    }
    return out->n_digests > 0;
}

static gboolean
take_flag (GKeyFile *file, const char *key, gboolean *out)
{
    g_autoptr (GError) cause = NULL;

    *out = g_key_file_get_boolean (file, GROUP, key, &cause);
    return cause == NULL;
}

/* Both keys or neither. */
static gboolean
take_part (GKeyFile *file, const char *what, gboolean optional, PolicyCourierPart *out)
{
    g_autofree char *path_key = g_strconcat (what, "-path", NULL);
    g_autofree char *size_key = g_strconcat (what, "-size", NULL);

    out->path = g_key_file_get_string (file, GROUP, path_key, NULL);
    if (out->path == NULL)
        return optional && !g_key_file_has_key (file, GROUP, size_key, NULL);
    return take_number (file, size_key, MAX_PART_SIZE, &out->size);
}

static gboolean
parse_record (GBytes *bytes, PolicyCourierRecord *out, GError **error)
{
    const PolicyKeyFileGroup *const groups[] = { &group, NULL };
    PolicyBoot *boot = &out->boot;
    guint64 vcpus = 0;
    guint64 format = 0;
    gsize len;
    const char *text = g_bytes_get_data (bytes, &len);
    g_autoptr (GError) cause = NULL;
    g_autoptr (GKeyFile) file = policy_key_file_parse (text, len, groups, &cause);

    if (file != NULL && take_number (file, "format", FORMAT, &format) && format == FORMAT &&
        take_digest (file, "firmware", boot->firmware) &&
        take_digest (file, "kernel", boot->kernel) &&
        take_digest (file, "initrd", boot->initrd) &&
        take_digest (file, "cmdline", boot->cmdline) &&
        take_flag (file, "uki", &boot->uki) && take_flag (file, "es", &boot->es) &&
        take_flag (file, "firmware-accepted", &boot->firmware_accepted) &&
        take_number (file, "vcpus", G_MAXUINT16, &vcpus) &&
        take_number (file, "room", G_MAXUINT32, &out->room) && take_digests (file, out) &&
        take_part (file, "firmware", FALSE, &out->firmware) &&
        take_part (file, "kernel", FALSE, &out->kernel) &&
        take_part (file, "initrd", TRUE, &out->initrd)) {
        boot->measured = TRUE;
        boot->vcpus = (guint) vcpus;
        out->release = g_key_file_get_string (file, GROUP, "release", NULL);
        return TRUE;
    }
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE,
                 "the record of the session is damaged%s%s", cause != NULL ? ": " : "",
                 cause != NULL ? cause->message : "");
    return FALSE;
}

/* The three. */

static gboolean
remove_session (int sessions, const char *id, GError **error)
{
    g_autoptr (GError) cause = NULL;
    const int fd = policy_dir_open_at (sessions, id, TRUE, &cause);

    if (fd < 0 && cause == NULL)
        return TRUE;
    /* All of them: a write that was interrupted has left a file of another name. */
    g_autoptr (GPtrArray) names = fd >= 0 ? list_names (fd, &cause) : NULL;
    for (guint i = 0; cause == NULL && i < names->len; i++)
        if (!policy_file_erase (fd, g_ptr_array_index (names, i), &cause))
            break;
    if (fd >= 0)
        close (fd);
    if (cause == NULL && unlinkat (sessions, id, AT_REMOVEDIR) != 0)
        set_io (&cause, id, errno);
    if (cause == NULL)
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

static gboolean
write_session (int fd, const PolicyCourierRecord *record, GError **error)
{
    g_autofree char *text = format_record (record);
    gsize bundle_len, platform_len;
    const void *bundle = g_bytes_get_data (record->bundle, &bundle_len);
    const void *platform = g_bytes_get_data (record->platform, &platform_len);

    return policy_file_write (fd, "platform", platform, platform_len, FALSE, error) &&
           policy_file_write (fd, "bundle", bundle, bundle_len, FALSE, error) &&
           policy_file_write (fd, "record", text, strlen (text), FALSE, error) &&
           (record->key == NULL ||
            policy_file_write (fd, "key", sev_secret_data (record->key),
                               sev_secret_size (record->key), FALSE, error)) &&
           policy_file_write (fd, "tek", sev_secret_data (record->tek),
                              sev_secret_size (record->tek), FALSE, error) &&
           policy_file_write (fd, "tik", sev_secret_data (record->tik),
                              sev_secret_size (record->tik), FALSE, error);
}

gboolean
policy_courier_keep (const char *dir, const PolicyCourierRecord *record, GError **error)
{
    g_autofree char *id = sev_hex_encode (record->session, POLICY_SESSION_ID_SIZE);
    const int sessions = open_sessions (dir, TRUE, error);

    if (sessions < 0)
        return FALSE;
    if (faccessat (sessions, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        close (sessions);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS,
                     "session %.16s… is kept already", id);
        return FALSE;
    }
    const int fd = policy_dir_make_at (sessions, id, error);
    const gboolean ok = fd >= 0 && write_session (fd, record, error);
    if (fd >= 0)
        close (fd);
    if (!ok && !remove_session (sessions, id, NULL))
        g_warning ("what was written of session %s is left", id);
    close (sessions);
    return ok;
}

static gboolean
read_key (int fd, PolicyCourierRecord *out, GError **error)
{
    if (faccessat (fd, "key", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return TRUE;
    out->key = policy_file_read_secret (fd, "key", MAX_KEY_FILE, error);
    return out->key != NULL;
}

static gboolean
read_session (int fd, PolicyCourierRecord *out, GError **error)
{
    g_autoptr (GBytes) record = NULL;

    out->tek = policy_file_read_secret (fd, "tek", SEV_KEY_SIZE, error);
    out->tik =
        out->tek != NULL ? policy_file_read_secret (fd, "tik", SEV_KEY_SIZE, error) : NULL;
    return out->tik != NULL && read_key (fd, out, error) &&
           policy_file_read (fd, "bundle", POLICY_COURIER_FILE_MAX, POLICY_FILE_PUBLIC,
                             &out->bundle, error) &&
           policy_file_read (fd, "platform", POLICY_COURIER_FILE_MAX, POLICY_FILE_PUBLIC,
                             &out->platform, error) &&
           policy_file_read (fd, "record", POLICY_COURIER_FILE_MAX, POLICY_FILE_PUBLIC,
                             &record, error) &&
           parse_record (record, out, error);
}

gboolean
policy_courier_recall (const char *dir,
                       const guint8 session[POLICY_SESSION_ID_SIZE],
                       PolicyCourierRecord *out,
                       GError **error)
{
    g_autofree char *id = sev_hex_encode (session, POLICY_SESSION_ID_SIZE);
    g_autoptr (GError) cause = NULL;

    memset (out, 0, sizeof *out);
    memcpy (out->session, session, POLICY_SESSION_ID_SIZE);
    const int sessions = open_sessions (dir, FALSE, &cause);
    const int fd = sessions >= 0 ? policy_dir_open_at (sessions, id, TRUE, &cause) : -1;
    if (sessions >= 0)
        close (sessions);
    if (fd < 0 && cause == NULL)
        g_set_error (&cause, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                     "'%s' knows no session %.16s…: it was prepared with another owner, "
                     "judged, or given up by owner-init --rotate",
                     dir, id);
    const gboolean ok = fd >= 0 && read_session (fd, out, &cause);
    if (fd >= 0)
        close (fd);
    if (ok)
        return TRUE;
    policy_courier_record_clear (out);
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

gboolean
policy_courier_is_kept (const char *path)
{
    guint8 session[POLICY_SESSION_ID_SIZE];

    g_return_val_if_fail (path != NULL, FALSE);

    g_autofree char *folder = g_path_get_dirname (path);
    g_autofree char *whole = g_canonicalize_filename (folder, NULL);
    g_autofree char *id = g_path_get_basename (whole);
    g_autofree char *record = g_build_filename (whole, "record", NULL);
    return sev_hex_decode (id, session, sizeof session, NULL) &&
           g_file_test (record, G_FILE_TEST_EXISTS);
}

gboolean
policy_courier_forget (const char *dir,
                       const guint8 session[POLICY_SESSION_ID_SIZE],
                       GError **error)
{
    g_autofree char *id = sev_hex_encode (session, POLICY_SESSION_ID_SIZE);
    const int sessions = open_sessions (dir, FALSE, error);

    if (sessions < 0)
        return FALSE;
    const gboolean ok = remove_session (sessions, id, error);
    close (sessions);
    return ok;
}

gboolean
policy_courier_forget_all (int owner_dir, guint *n, GError **error)
{
    guint8 id[POLICY_SESSION_ID_SIZE];
    g_autoptr (GError) cause = NULL;

    *n = 0;
    const int sessions = open_sessions_at (owner_dir, FALSE, &cause);
    g_autoptr (GPtrArray) names = sessions >= 0 ? list_names (sessions, &cause) : NULL;
    for (guint i = 0; names != NULL && cause == NULL && i < names->len; i++) {
        const char *name = g_ptr_array_index (names, i);

        if (sev_hex_decode (name, id, sizeof id, NULL) &&
            remove_session (sessions, name, &cause))
            ++*n;
    }
    if (sessions >= 0)
        close (sessions);
    if (cause == NULL)
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}
