/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of a device as lines of text: numbers and base64 ("-": none) with blanks between.
 */

#include "config.h"

#include "launcher/host/sev-device.h"

#include <stdio.h>
#include <string.h>

#include "launcher/base/launcher-error.h"

#define CALL_WORDS 5u
#define RESULT_WORDS 6u

static char *
word_of (GBytes *bytes)
{
    gsize len;

    if (bytes == NULL)
        return g_strdup ("-");
    gconstpointer data = g_bytes_get_data (bytes, &len);
    return g_base64_encode (data, len);
}

static gboolean
bad_line (GError **error)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED,
                         "the process inside of the emulated host does not speak as it "
                         "must");
    return FALSE;
}

static gboolean
take_bytes (const char *word, GBytes **out, GError **error)
{
    gsize len = 0;

    if (strcmp (word, "-") == 0)
        return TRUE;
    guchar *data = g_base64_decode (word, &len);
    *out = g_bytes_new_take (data, len);
    return (len > 0 && len <= SEV_DEVICE_BUFFER_MAX) || bad_line (error);
}

static gboolean
take_number (const char *word, guint64 max, guint32 *out, GError **error)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned (word, 10, 0, max, &value, NULL))
        return bad_line (error);
    *out = (guint32) value;
    return TRUE;
}

static char **
split (const char *line, guint n)
{
    g_auto (GStrv) words =
        strlen (line) <= SEV_DEVICE_LINE_MAX ? g_strsplit (line, " ", (gint) n + 1) : NULL;

    return words != NULL && g_strv_length (words) == n ? g_steal_pointer (&words) : NULL;
}

char *
sev_device_call_to_text (const SevDeviceCall *call)
{
    g_autofree char *first = word_of (call->in[0]);
    g_autofree char *second = word_of (call->in[1]);

    return g_strdup_printf ("%u %s %s %u %u", call->cmd, first, second, call->room[0],
                            call->room[1]);
}

gboolean
sev_device_call_parse (const char *line, SevDeviceCall *call, GError **error)
{
    g_auto (GStrv) words = split (line, CALL_WORDS);

    if (words == NULL)
        return bad_line (error);
    return take_number (words[0], G_MAXUINT32, &call->cmd, error) &&
           take_bytes (words[1], &call->in[0], error) &&
           take_bytes (words[2], &call->in[1], error) &&
           take_number (words[3], SEV_DEVICE_BUFFER_MAX, &call->room[0], error) &&
           take_number (words[4], SEV_DEVICE_BUFFER_MAX, &call->room[1], error);
}

char *
sev_device_result_to_text (const SevDeviceCall *call)
{
    g_autofree char *first = word_of (call->out[0]);
    g_autofree char *second = word_of (call->out[1]);

    return g_strdup_printf ("%d %u %s %s %u %u", call->saved_errno, call->status, first,
                            second, call->needed[0], call->needed[1]);
}

gboolean
sev_device_result_parse (const char *line, SevDeviceCall *call, GError **error)
{
    g_auto (GStrv) words = split (line, RESULT_WORDS);
    guint32 number = 0;

    if (words == NULL)
        return bad_line (error);
    if (!take_number (words[0], G_MAXINT, &number, error) ||
        !take_number (words[1], G_MAXUINT32, &call->status, error) ||
        !take_bytes (words[2], &call->out[0], error) ||
        !take_bytes (words[3], &call->out[1], error) ||
        !take_number (words[4], G_MAXUINT32, &call->needed[0], error) ||
        !take_number (words[5], G_MAXUINT32, &call->needed[1], error))
        return FALSE;
    call->saved_errno = (int) number;
    return TRUE;
}
