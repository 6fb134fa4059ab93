/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/message.h"

#include <stdio.h>
#include <unistd.h>

static MessageLevel message_level = MESSAGE_NORMAL;
static gint64 message_started;

char *
message_printable (const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text, -1);
    GString *out = g_string_new (NULL);

    for (const char *i = valid; *i != '\0'; i = g_utf8_next_char (i)) {
        const gunichar c = g_utf8_get_char (i);
        if (c == '\n' || (g_unichar_isprint (c) && g_unichar_type (c) != G_UNICODE_FORMAT))
            g_string_append_unichar (out, c);
        else
            g_string_append_c (out, '?');
    }
    return g_string_free (out, FALSE);
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    if (level == G_LOG_LEVEL_DEBUG || level == G_LOG_LEVEL_INFO) {
        const char *text = NULL;

        for (gsize i = 0; i < n_fields; i++)
            if (g_strcmp0 (fields[i].key, "MESSAGE") == 0)
                text = fields[i].value;
        if (message_level == MESSAGE_DEBUG && text != NULL) {
            g_autofree char *shown = message_printable (text);
            fprintf (stderr, "sevlaunch: debug: %s\n", shown);
        }
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
    g_autofree char *shown = message_printable (text);

    fprintf (stderr, "%s%s\n", prefix, shown);
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

void
message_reason (const char *id, const char *text)
{
    g_autofree char *shown = message_printable (text);

    fprintf (stderr, "sevlaunch: error: %s [%s]\n", shown, id);
}

LauncherExit
message_error (const GError *error)
{
    const LauncherReason reason = launcher_reason (error);

    message_reason (reason.id, error->message);
    return reason.exit_code;
}
