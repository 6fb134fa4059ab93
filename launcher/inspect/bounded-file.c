/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/bounded-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/launcher-error.h"

#define STEP 4096u

static gboolean
fail (GError **error, const char *path, const char *why)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "file '%s': %s", path, why);
    return FALSE;
}

static gboolean
read_fd (int fd, const char *path, gsize max, GByteArray *out, GError **error)
{
    struct stat st;

    if (fd < 0 || fstat (fd, &st) != 0)
        return fail (error, path, g_strerror (errno));
    if (!S_ISREG (st.st_mode))
        return fail (error, path, "not a regular file");
    while (out->len <= max) {
        const guint at = out->len;

        g_byte_array_set_size (out, at + STEP);
        const ssize_t n = read (fd, out->data + at, STEP);
        g_byte_array_set_size (out, at + (n > 0 ? (guint) n : 0));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail (error, path, g_strerror (errno));
        if (n == 0)
            return TRUE;
    }
    return TRUE;
}

/* One byte more than @max tells that there is more. */
static GByteArray *
read_path (const char *path, gsize max, GError **error)
{
    g_autoptr (GByteArray) out = g_byte_array_new ();
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const gboolean ok = read_fd (fd, path, max, out, error);

    if (fd >= 0)
        close (fd);
    return ok ? g_steal_pointer (&out) : NULL;
}

GBytes *
bounded_file_read (const char *path, gsize max, GError **error)
{
    g_autoptr (GByteArray) out = read_path (path, max, error);

    if (out == NULL)
        return NULL;
    if (out->len > max) {
        fail (error, path, "it is too large");
        return NULL;
    }
    return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

char *
bounded_file_text (const char *path, gsize max)
{
    g_autoptr (GByteArray) out = read_path (path, max, NULL);

    return out != NULL ? g_strchomp (g_strndup ((const char *) out->data,
                                                MIN ((gsize) out->len, max)))
                       : NULL;
}
