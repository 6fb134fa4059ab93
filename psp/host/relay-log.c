/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/relay-log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _RelayLog {
    int dir;
    int fd; /* -1: cannot be written */
    char *name;
    gsize size;
};

static void
open_file (RelayLog *log)
{
    struct stat st;

    log->size = 0;
    log->fd =
        openat (log->dir, log->name,
                O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (log->fd >= 0 && fstat (log->fd, &st) == 0)
        log->size = (gsize) st.st_size;
}

RelayLog *
relay_log_open (int dir, const char *name)
{
    RelayLog *log = g_new0 (RelayLog, 1);

    log->dir = dir;
    log->name = g_strdup_printf ("%.60s.log", name);
    g_strcanon (log->name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_.", '_');
    if (log->name[0] == '.')
        log->name[0] = '_';
    open_file (log);
    return log;
}

void
relay_log_free (RelayLog *log)
{
    if (log->fd >= 0)
        close (log->fd);
    if (log->dir >= 0)
        close (log->dir);
    g_free (log->name);
    g_free (log);
}

void
relay_log_get_fds (const RelayLog *log, int *dir, int *file)
{
    *dir = log->dir;
    *file = log->fd;
}

static void
rotate (RelayLog *log)
{
    g_autofree char *old = g_strconcat (log->name, ".1", NULL);

    close (log->fd);
    log->fd = -1;
    if (renameat (log->dir, log->name, log->dir, old) == 0)
        open_file (log);
}

void
relay_log (RelayLog *log, const char *format, ...)
{
    va_list args;

    if (log->fd < 0)
        return;
    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    if (strlen (text) > RELAY_LOG_LINE_MAX)
        text[RELAY_LOG_LINE_MAX] = '\0';
    g_autofree char *escaped = g_strescape (text, NULL);
    g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
    g_autofree char *stamp = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S.%f");
    g_autofree char *line = g_strdup_printf ("%.23sZ [%d] %s\n", stamp, getpid (), escaped);
    const gsize len = strlen (line);

    if (log->size + len > RELAY_LOG_MAX)
        rotate (log);
    if (log->fd >= 0 && write (log->fd, line, len) > 0)
        log->size += len;
}
