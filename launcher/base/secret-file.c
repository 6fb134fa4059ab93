/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "ovmf-hooks/secret-guids.h"
#include "sev/wire/sev-wire.h"

#define KEY_FILE_MAX 4096u /* so that the message can say how long it is */

static gboolean
file_error (GError **error, const char *path, const char *why)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "secret file '%s': %s", path,
                 why);
    return FALSE;
}

/* One byte more than allowed tells that there is too much. */
static gssize
read_all (int fd, guint8 *data, gsize size)
{
    gsize len = 0;
    ssize_t n = 1;

    while (len < size && n != 0) {
        n = read (fd, data + len, size - len);
        if (n < 0 && errno != EINTR)
            return -1;
        len += n > 0 ? (gsize) n : 0;
    }
    return (gssize) len;
}

static SevSecret *
read_secret (int fd, const char *path, gsize max, GError **error)
{
    g_autoptr (SevSecret) room = sev_secret_new (max + 1);
    struct stat st;

    if (fstat (fd, &st) != 0 || S_ISDIR (st.st_mode)) {
        file_error (error, path, "is no file");
        return NULL;
    }
    const gssize len = read_all (fd, sev_secret_writable (room), max + 1);
    if (len < 0) {
        file_error (error, path, g_strerror (errno));
        return NULL;
    }
    if (len == 0 || (gsize) len > max) {
        g_autofree char *why =
            g_strdup_printf ("%s, allowed are 1 to %" G_GSIZE_FORMAT " bytes",
                             len == 0 ? "is empty" : "is too large", max);
        file_error (error, path, why);
        return NULL;
    }
    return sev_secret_new_copy (sev_secret_data (room), (gsize) len);
}

SevSecret *
secret_file_read (const char *path, gsize max, GError **error)
{
    if (strcmp (path, "-") == 0)
        return read_secret (STDIN_FILENO, "standard input", max, error);
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        file_error (error, path, g_strerror (errno));
        return NULL;
    }
    SevSecret *secret = read_secret (fd, path, max, error);
    close (fd);
    return secret;
}

/* How others may use the file. */
static void
warn_mode (const char *option, const char *path)
{
    struct stat st;

    if (strcmp (path, "-") == 0 || stat (path, &st) != 0 || !S_ISREG (st.st_mode) ||
        (st.st_mode & 077) == 0)
        return;
    message_warning ("%s '%s' has mode %04o: who reads this key can read what it protects, "
                     "the guest's secrets (chmod 600)",
                     option, path, st.st_mode & 07777);
}

SevSecret *
secret_key_read (const char *option, const char *path, gsize size, GError **error)
{
    g_autoptr (SevSecret) key = secret_file_read (path, KEY_FILE_MAX, error);

    if (key == NULL)
        return NULL;
    const gsize found = sev_secret_size (key);
    if (found != size) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "%s '%s': %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT "%s",
                     option, path, found, size,
                     size == SEV_KEY_SIZE && found == 2 * SEV_KEY_SIZE
                         ? " (two keys in one file, TEK first, are what --tk takes)"
                     : size == 2 * SEV_KEY_SIZE && found == SEV_KEY_SIZE
                         ? " (one key in a file is what --tik and --tek take)"
                         : "");
        return NULL;
    }
    warn_mode (option, path);
    return g_steal_pointer (&key);
}

gboolean
secret_tk_read (const char *option,
                const char *path,
                SevSecret **tek,
                SevSecret **tik,
                GError **error)
{
    g_autoptr (SevSecret) both = secret_key_read (option, path, 2 * SEV_KEY_SIZE, error);

    if (both == NULL)
        return FALSE;
    *tek = sev_secret_new_copy (sev_secret_data (both), SEV_KEY_SIZE);
    *tik = sev_secret_new_copy (sev_secret_data (both) + SEV_KEY_SIZE, SEV_KEY_SIZE);
    return TRUE;
}

gboolean
secret_argument_parse (const char *text,
                       SevGuid *guid,
                       char **name,
                       SevSecret **value,
                       GError **error)
{
    const char *colon = strchr (text, ':');
    g_autoptr (GError) cause = NULL;

    if (colon == NULL || colon == text || colon[1] == '\0') {
        /* Somebody may have written the secret itself. */
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--secret takes ALIAS:FILE or GUID:FILE");
        return FALSE;
    }
    g_autofree char *word = g_strndup (text, (gsize) (colon - text));
    if (!ovmf_secret_guid_parse (word, guid, &cause)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "--secret: %s",
                     cause->message);
        return FALSE;
    }
    *value = secret_file_read (colon + 1, SEV_SECRET_MAX_SIZE, error);
    if (*value == NULL)
        return FALSE;
    *name = g_steal_pointer (&word);
    return TRUE;
}
