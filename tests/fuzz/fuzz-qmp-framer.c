/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Framer and message over any stream: the frames do not depend on how the bytes were cut
 * into pieces, and a message that was read can be written and read again.
 */

#include <stdint.h>
#include <string.h>

#include "qmp/qmp-framer.h"
#include "qmp/qmp-message.h"

#define LIMIT 65536u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_message (GBytes *frame)
{
    g_autoptr (QmpMessage) message = qmp_message_parse (frame, NULL);

    if (message == NULL)
        return;

    g_autoptr (JsonNode) root =
        json_node_init_object (json_node_alloc (), qmp_message_get_root (message));
    g_autofree char *text = json_to_string (root, FALSE);
    g_autoptr (QmpFramer) framer = qmp_framer_new (16 * LIMIT);
    g_autoptr (GBytes) again = NULL;
    g_autoptr (GBytes) line =
        qmp_message_get_kind (message) == QMP_MESSAGE_COMMAND
            ? qmp_message_build_command (qmp_message_get_name (message),
                                         qmp_message_get_arguments (message),
                                         qmp_message_get_id (message))
            : g_bytes_new (text, strlen (text));

    qmp_framer_push (framer, g_bytes_get_data (line, NULL), g_bytes_get_size (line));
    g_assert_true (qmp_framer_next (framer, &again, NULL));
    g_assert_nonnull (again);
    g_assert_true (qmp_framer_finish (framer, NULL));
}

/* Frames, and an end mark for a broken stream. */
static GPtrArray *
split (const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);
    GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

    for (size_t i = 0; i < size; i += piece) {
        GBytes *frame = NULL;

        qmp_framer_push (framer, data + i, MIN (piece, size - i));
        for (;;) {
            if (!qmp_framer_next (framer, &frame, NULL)) {
                g_ptr_array_add (frames, g_bytes_new_static ("broken", 6));
                return frames;
            }
            if (frame == NULL)
                break;
            g_ptr_array_add (frames, frame);
        }
    }
    return frames;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    g_autoptr (GPtrArray) whole = split (data, size, size);
    g_autoptr (GPtrArray) bytes = split (data, size, 1);

    g_assert_cmpuint (whole->len, ==, bytes->len);
    for (guint i = 0; i < whole->len; i++) {
        g_assert_true (g_bytes_equal (whole->pdata[i], bytes->pdata[i]));
        check_message (whole->pdata[i]);
    }
    return 0;
}
