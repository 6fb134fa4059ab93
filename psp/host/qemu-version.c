/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/qemu-version.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/files.h"
#include "psp/host/host-error.h"

#define NAME "sev-qemu-version"
#define CACHE_MAX 4096u
#define PREFIX "QEMU emulator version "

gboolean
qemu_version_parse (const char *text, guint *out)
{
    guint64 major;

    if (!g_str_has_prefix (text, PREFIX))
        return FALSE;
    const char *number = text + strlen (PREFIX);
    const gsize len = strspn (number, "0123456789");
    g_autofree char *digits = g_strndup (number, len);
    if (number[len] != '.' ||
        !g_ascii_string_to_unsigned (digits, 10, 1, 1000, &major, NULL))
        return FALSE;
    *out = (guint) major;
    return TRUE;
}

static char *
make_key (const HostDir *host, GError **error)
{
    struct stat st;

    if (stat (host->qemu, &st) != 0) {
        host_error_set_errno (error, errno, "'%s'", host->qemu);
        return NULL;
    }
    return g_strdup_printf ("%s %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT "\n",
                            host->qemu, (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                            (gint64) st.st_size);
}

static gboolean
load (int dir, const char *key, guint *out)
{
    g_autoptr (GBytes) bytes = NULL;
    gsize len;

    if (!files_read (dir, NAME, CACHE_MAX, &bytes, NULL) || bytes == NULL)
        return FALSE;
    const char *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_strndup (data, len);
    return g_str_has_prefix (text, key) && qemu_version_parse (text + strlen (key), out);
}

static char *
ask (const HostDir *host, GError **error)
{
    const char *const argv[] = { host->qemu, "--version", NULL };
    g_autofree char *output = NULL;
    int status;

    if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                       &output, NULL, &status, error) ||
        !g_spawn_check_wait_status (status, error)) {
        g_prefix_error (error, "'%s --version': ", host->qemu);
        return NULL;
    }
    return g_steal_pointer (&output);
}

static gboolean
find (const HostDir *host, int dir, guint *out, GError **error)
{
    g_autofree char *key = make_key (host, error);

    if (key == NULL)
        return FALSE;
    if (load (dir, key, out))
        return TRUE;
    g_autofree char *output = ask (host, error);
    if (output == NULL)
        return FALSE;
    if (!qemu_version_parse (output, out)) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "'%s' is not a QEMU emulator",
                     host->qemu);
        return FALSE;
    }
    g_autofree char *text = g_strconcat (key, output, NULL);
    return files_replace (dir, NAME, text, strlen (text), 0600, error);
}

gboolean
qemu_version_major (const HostDir *host, guint *out, GError **error)
{
    const int dir = host_dir_open_sub (host, "cache", error);

    if (dir < 0)
        return FALSE;
    const gboolean found = find (host, dir, out, error);
    close (dir);
    return found;
}
