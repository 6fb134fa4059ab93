/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * When sev-platform was run last with what lies there now.  Its "init" reads and verifies
 * every key of the platform, which costs more than anything else that an emulated host
 * takes of a launch; the emulator does the same again before each guest.
 */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/emulated/host-private.h"

#define STAMP "cache/platform"
#define STAMP_MAX 4096u

/* Never changed in place: a new content is a new file. */
static const char *const state[] = { HOST_PLATFORM_PROGRAM, HOST_CONF, "platform/chip",
                                     "platform/nv", NULL };
static const char *const made[] = { "certs/ark.cert", "certs/ask.cert",
                                    "certs/cek.cert", "certs/oca.cert",
                                    "certs/pek.cert", "certs/pdh.cert",
                                    "cache/pdh",      NULL };

static gboolean
append (int dir, const char *const *names, GString *text)
{
    for (; *names != NULL; names++) {
        struct stat st;

        if (fstatat (dir, *names, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return FALSE;
        g_string_append_printf (text, "%s %lu %lu %ld %ld.%09ld %ld.%09ld\n", *names,
                                (gulong) st.st_dev, (gulong) st.st_ino, (glong) st.st_size,
                                (glong) st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                                (glong) st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    }
    return TRUE;
}

char *
host_stamp_state (const EmulatedHost *host)
{
    GString *text = g_string_new (NULL);
    const gboolean whole = append (host->fd, state, text);

    return g_string_free (text, !whole);
}

static char *
whole_stamp (const EmulatedHost *host, const char *of_state)
{
    GString *text = g_string_new (of_state);
    const gboolean whole = append (host->fd, made, text);

    return g_string_free (text, !whole);
}

gboolean
host_stamp_holds (const EmulatedHost *host, const char *of_state)
{
    g_autofree char *now = of_state != NULL ? whole_stamp (host, of_state) : NULL;
    g_autoptr (GBytes) seen = host_file_read (host->fd, STAMP, STAMP_MAX, NULL);

    if (now == NULL || seen == NULL)
        return FALSE;
    gsize len;
    const char *data = g_bytes_get_data (seen, &len);
    return len == strlen (now) && memcmp (data, now, len) == 0;
}

gboolean
host_stamp_renew (const EmulatedHost *host, const char *before, GError **error)
{
    g_autofree char *after = host_stamp_state (host);

    /* What changed meanwhile was perhaps not seen. */
    if (before == NULL || after == NULL || strcmp (before, after) != 0)
        return TRUE;
    g_autofree char *whole = whole_stamp (host, after);
    return whole == NULL ||
           host_file_replace (host->fd, STAMP, whole, strlen (whole), 0600, error);
}
