/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/message.h"

#include <stdio.h>
#include <unistd.h>

static MessageLevel message_level = MESSAGE_NORMAL;
static gint64 message_started;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    if (level == G_LOG_LEVEL_DEBUG || level == G_LOG_LEVEL_INFO) {
        const char *text = NULL;

        for (gsize i = 0; i < n_fields; i++)
            if (g_strcmp0 (fields[i].key, "MESSAGE") == 0)
                text = fields[i].value;
        if (message_level == MESSAGE_DEBUG && text != NULL)
            fprintf (stderr, "sevlaunch: debug: %s\n", text);
        return G_LOG_WRITER_HANDLED;
    }
    return g_log_writer_standard_streams (level, fields, n_fields, data);
}

void
message_init (MessageLevel level)
{
    message_level = level;
    message_started = g_get_monotonic_time ();
    g_log_set_writer_func (write_log, NULL, NULL);
}

static void G_GNUC_PRINTF (2, 0)
    print_line (const char *prefix, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf (format, args);

    fprintf (stderr, "%s%s\n", prefix, text);
}

void
message_progress (const char *format, ...)
{
    const double seconds = (double) (g_get_monotonic_time () - message_started) / 1e6;
    char prefix[24];
    va_list args;

    if (message_level == MESSAGE_QUIET ||
        (message_level == MESSAGE_NORMAL && !isatty (STDERR_FILENO)))
        return;
    g_snprintf (prefix, sizeof prefix, "[%6.2fs] ", seconds);
    va_start (args, format);
    print_line (prefix, format, args);
    va_end (args);
}

void
message_info (const char *format, ...)
{
    va_list args;

    if (message_level == MESSAGE_QUIET)
        return;
    va_start (args, format);
    print_line ("sevlaunch: ", format, args);
    va_end (args);
}

void
message_warning (const char *format, ...)
{
    va_list args;

    va_start (args, format);
    print_line ("sevlaunch: warning: ", format, args);
    va_end (args);
}

LauncherExit
message_error (const GError *error)
{
    const LauncherReason reason = launcher_reason (error);

    fprintf (stderr, "sevlaunch: error: %s [%s]\n", error->message, reason.id);
    return reason.exit_code;
}
