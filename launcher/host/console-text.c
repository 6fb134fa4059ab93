/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/host/console-text.h"

#include <string.h>

#include "ovmf-hooks/console-lines.h"
#include "qmp/qmp-error.h"

#define ID_MAX 64u

typedef enum {
    IN_TEXT,
    AFTER_ESCAPE,
    IN_SEQUENCE, /* ESC [ … letter */
} Escape;

struct _ConsoleText {
    GString *line;
    GQueue *kept; /* char* */
    Escape escape;
    ConsoleSaid said;
    char *id;
    char *said_line;
};

ConsoleText *
console_text_new (void)
{
    ConsoleText *text = g_new0 (ConsoleText, 1);

    text->line = g_string_new (NULL);
    text->kept = g_queue_new ();
    return text;
}

void
console_text_free (ConsoleText *text)
{
    g_string_free (text->line, TRUE);
    g_queue_free_full (text->kept, g_free);
    g_free (text->id);
    g_free (text->said_line);
    g_free (text);
}

/* "PREFIX ID: text" with ID a word of lower-case letters, digits and dashes. */
static char *
refusal_id (const char *line, const char *prefix)
{
    if (!g_str_has_prefix (line, prefix))
        return NULL;
    const char *id = line + strlen (prefix);
    const gsize len = strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len == 0 || len > ID_MAX || id[len] != ':')
        return NULL;
    return g_strndup (id, len);
}

static void
judge (ConsoleText *text, const char *line)
{
    if (text->said != CONSOLE_NOTHING)
        return;
    if (strcmp (line, SEVLAUNCH_GUEST_UNLOCKED) == 0)
        text->said = CONSOLE_UNLOCKED;
    else if ((text->id = refusal_id (line, SEVLAUNCH_GUEST_REFUSED)) != NULL)
        text->said = CONSOLE_GUEST_REFUSED;
    else if ((text->id = refusal_id (line, SEVLAUNCH_FIRMWARE_REFUSED)) != NULL)
        text->said = CONSOLE_FIRMWARE_REFUSED;
    if (text->said != CONSOLE_NOTHING)
        text->said_line = g_strdup (line);
}

static void
end_line (ConsoleText *text)
{
    g_autofree char *line = qmp_error_printable (text->line->str);

    g_string_truncate (text->line, 0);
    g_strchomp (line);
    if (*line == '\0')
        return;
    judge (text, line);
    g_queue_push_tail (text->kept, g_steal_pointer (&line));
    if (text->kept->length > CONSOLE_TEXT_KEEP)
        g_free (g_queue_pop_head (text->kept));
}

static void
push_byte (ConsoleText *text, guint8 byte)
{
    if (text->escape == AFTER_ESCAPE) {
        text->escape = byte == '[' ? IN_SEQUENCE : IN_TEXT;
        return;
    }
    if (text->escape == IN_SEQUENCE) {
        if (byte >= 0x40 && byte <= 0x7e)
            text->escape = IN_TEXT;
        return;
    }
    if (byte == 0x1b)
        text->escape = AFTER_ESCAPE;
    else if (byte == '\n')
        end_line (text);
    else if (byte != '\r' && byte != '\0' && text->line->len < CONSOLE_TEXT_LINE_MAX)
        g_string_append_c (text->line, (char) byte);
}

ConsoleSaid
console_text_push (ConsoleText *text, const void *data, gsize len)
{
    const guint8 *bytes = data;

    for (gsize i = 0; i < len; i++)
        push_byte (text, bytes[i]);
    return text->said;
}

ConsoleSaid
console_text_get_said (const ConsoleText *text)
{
    return text->said;
}

const char *
console_text_get_id (const ConsoleText *text)
{
    return text->id;
}

const char *
console_text_get_line (const ConsoleText *text)
{
    return text->said_line;
}

char *
console_text_dup_last (const ConsoleText *text)
{
    GString *out = g_string_new (NULL);

    for (GList *i = text->kept->head; i != NULL; i = i->next)
        g_string_append_printf (out, "%s\n", (const char *) i->data);
    return g_string_free (out, FALSE);
}
