/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-framer.h"

#include <string.h>

struct _QmpFramer {
    gsize max_size;
    GByteArray *buffer;
    gsize start;     /* of the current frame, or of what may precede it */
    gsize pos;       /* next byte to look at */
    guint64 dropped; /* bytes of the stream removed from the front of buffer */
    guint64 offset;  /* end of the last frame returned, in the stream */

    guint depth;
    char closers[QMP_FRAMER_MAX_DEPTH]; /* the bracket that ends each level */
    gboolean in_string;
    gboolean escaped;

    GError *broken;
};

QmpFramer *
qmp_framer_new (gsize max_size)
{
    g_return_val_if_fail (max_size >= 2, NULL);

    QmpFramer *framer = g_new0 (QmpFramer, 1);
    framer->max_size = max_size;
    framer->buffer = g_byte_array_new ();
    return framer;
}

void
qmp_framer_free (QmpFramer *framer)
{
    if (framer == NULL)
        return;
    g_byte_array_unref (framer->buffer);
    g_clear_error (&framer->broken);
    g_free (framer);
}

void
qmp_framer_push (QmpFramer *framer, const void *data, gsize len)
{
    g_return_if_fail (framer != NULL);
    g_return_if_fail (data != NULL || len == 0);

    if (framer->broken != NULL || len == 0)
        return;

    if (framer->start > 0) {
        g_byte_array_remove_range (framer->buffer, 0, (guint) framer->start);
        framer->pos -= framer->start;
        framer->dropped += framer->start;
        framer->start = 0;
    }
    if (len > G_MAXUINT / 2 - framer->buffer->len) {
        framer->broken =
            g_error_new (QMP_ERROR, QMP_ERROR_TOO_BIG,
                         "QMP stream: %" G_GSIZE_FORMAT " bytes pushed at once", len);
        return;
    }
    g_byte_array_append (framer->buffer, data, (guint) len);
}

static const char too_deep[] = "too many open brackets";

static gboolean
is_space (guint8 c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What JSON has outside of strings: punctuation, numbers, true false null. */
static gboolean
is_token_byte (guint8 c)
{
    return is_space (c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr ("+-.E,:", c) != NULL);
}

/* Takes one byte of a frame.  Returns NULL, or what is wrong with it. */
static const char *
step_string (QmpFramer *framer, guint8 c)
{
    if (c < 0x20)
        return "control byte in a string";
    if (framer->escaped)
        framer->escaped = FALSE;
    else if (c == '\\')
        framer->escaped = TRUE;
    else if (c == '"')
        framer->in_string = FALSE;
    return NULL;
}

static const char *
step_structure (QmpFramer *framer, guint8 c)
{
    switch (c) {
    case '{':
    case '[':
        if (framer->depth == QMP_FRAMER_MAX_DEPTH)
            return too_deep;
        framer->closers[framer->depth++] = c == '{' ? '}' : ']';
        return NULL;
    case '}':
    case ']':
        if (framer->closers[framer->depth - 1] != (char) c)
            return "brackets do not match";
        framer->depth--;
        return NULL;
    case '"':
        framer->in_string = TRUE;
        return NULL;
    default:
        return is_token_byte (c) ? NULL : "byte that JSON does not have";
    }
}

static gboolean
fail (QmpFramer *framer, QmpError code, const char *what, GError **error)
{
    framer->broken =
        g_error_new (QMP_ERROR, code, "QMP stream: %s (at byte %" G_GUINT64_FORMAT ")",
                     what, framer->dropped + framer->pos);
    g_propagate_error (error, g_error_copy (framer->broken));
    return FALSE;
}

static GBytes *
take_frame (QmpFramer *framer)
{
    GBytes *frame =
        g_bytes_new (framer->buffer->data + framer->start, framer->pos - framer->start);

    framer->start = framer->pos;
    framer->offset = framer->dropped + framer->pos;
    return frame;
}

gboolean
qmp_framer_next (QmpFramer *framer, GBytes **frame, GError **error)
{
    g_return_val_if_fail (framer != NULL, FALSE);
    g_return_val_if_fail (frame != NULL, FALSE);

    *frame = NULL;
    if (framer->broken != NULL) {
        g_propagate_error (error, g_error_copy (framer->broken));
        return FALSE;
    }

    while (framer->pos < framer->buffer->len) {
        const guint8 c = framer->buffer->data[framer->pos];

        if (framer->depth == 0 && is_space (c)) {
            framer->start = ++framer->pos;
            continue;
        }
        if (framer->depth == 0 && c != '{')
            return fail (framer, QMP_ERROR_PROTOCOL, "no JSON object where one must begin",
                         error);
        if (framer->pos - framer->start == framer->max_size)
            return fail (framer, QMP_ERROR_TOO_BIG, "message too long", error);

        const char *wrong =
            framer->in_string ? step_string (framer, c) : step_structure (framer, c);
        if (wrong != NULL)
            return fail (framer, wrong == too_deep ? QMP_ERROR_TOO_BIG : QMP_ERROR_PROTOCOL,
                         wrong, error);
        framer->pos++;
        if (framer->depth == 0) {
            *frame = take_frame (framer);
            return TRUE;
        }
    }
    return TRUE;
}

guint64
qmp_framer_get_offset (const QmpFramer *framer)
{
    g_return_val_if_fail (framer != NULL, 0);

    return framer->offset;
}

gboolean
qmp_framer_finish (QmpFramer *framer, GError **error)
{
    g_return_val_if_fail (framer != NULL, FALSE);

    if (framer->broken != NULL) {
        g_propagate_error (error, g_error_copy (framer->broken));
        return FALSE;
    }
    for (gsize i = framer->start; i < framer->buffer->len; i++) {
        if (!is_space (framer->buffer->data[i])) {
            g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                         "QMP stream: ends inside a message, after %" G_GSIZE_FORMAT
                         " bytes of it",
                         framer->buffer->len - framer->start);
            return FALSE;
        }
    }
    return TRUE;
}
