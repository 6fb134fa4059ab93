/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "qmp/qmp-error.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-message
 * @short_description: JSON text to QMP messages and back
 *
 * Pure, no main loop.  Source: QEMU docs/interop/qmp-spec.txt, sections 2.2
 * (greeting) to 2.5 (events).  Reading is stricter than both json-glib and the
 * QMP text: the text must be plain JSON (RFC 8259), UTF-8, without U+0000, with
 * no member name twice in one object (readers differ in which one they take).
 */

/**
 * QmpMessageKind:
 * @QMP_MESSAGE_GREETING: {"QMP": {"version": …, "capabilities": […]}}
 * @QMP_MESSAGE_RETURN: {"return": …, "id": …}
 * @QMP_MESSAGE_ERROR: {"error": {"class": …, "desc": …}, "id": …}
 * @QMP_MESSAGE_EVENT: {"event": …, "data": …, "timestamp": …}
 * @QMP_MESSAGE_COMMAND: {"execute" or "exec-oob": …, "arguments": …, "id": …}
 */
typedef enum {
    QMP_MESSAGE_GREETING,
    QMP_MESSAGE_RETURN,
    QMP_MESSAGE_ERROR,
    QMP_MESSAGE_EVENT,
    QMP_MESSAGE_COMMAND,
} QmpMessageKind;

typedef struct _QmpMessage QmpMessage; /* immutable, reference counted */

/**
 * qmp_message_parse:
 * @frame: one frame, as qmp_framer_next() gives it
 * @error: return location for a #GError, or %NULL
 *
 * Members that QMP does not know are ignored in what servers send (the QMP text
 * asks clients to) and refused in commands (as QEMU does).
 *
 * Errors: %QMP_ERROR_PROTOCOL, %QMP_ERROR_TOO_BIG (nesting).
 *
 * Returns: (transfer full): the message, or %NULL on error
 */
QmpMessage *qmp_message_parse (GBytes *frame, GError **error) G_GNUC_WARN_UNUSED_RESULT;

QmpMessage *qmp_message_ref (QmpMessage *message);
void qmp_message_unref (QmpMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QmpMessage, qmp_message_unref)

QmpMessageKind qmp_message_get_kind (const QmpMessage *message);

/**
 * qmp_message_get_frame:
 * @message: a message
 *
 * For passing a message on unchanged (numbers above 2^63 do not survive a JSON
 * tree).  No line end.
 *
 * Returns: (transfer none): the bytes that were parsed
 */
GBytes *qmp_message_get_frame (const QmpMessage *message);

/**
 * qmp_message_get_root:
 * @message: a message
 *
 * Returns: (transfer none): the whole JSON object
 */
JsonObject *qmp_message_get_root (const QmpMessage *message);

/**
 * qmp_message_get_id:
 * @message: a message
 *
 * Returns: (transfer none) (nullable): the "id" member, any JSON value
 */
JsonNode *qmp_message_get_id (const QmpMessage *message);

/**
 * qmp_message_get_name:
 * @message: a command or an event
 *
 * Returns: (transfer none) (nullable): its name; %NULL for other kinds
 */
const char *qmp_message_get_name (const QmpMessage *message);

/**
 * qmp_message_get_arguments:
 * @message: a command or an event
 *
 * Returns: (transfer none) (nullable): "arguments" of a command or "data" of an
 *   event; %NULL when absent
 */
JsonObject *qmp_message_get_arguments (const QmpMessage *message);

/**
 * qmp_message_is_oob:
 * @message: a command
 *
 * Returns: %TRUE if it was sent with "exec-oob"
 */
gboolean qmp_message_is_oob (const QmpMessage *message);

/**
 * qmp_message_get_return:
 * @message: a return
 *
 * Returns: (transfer none) (nullable): the value returned, any JSON value
 */
JsonNode *qmp_message_get_return (const QmpMessage *message);

/**
 * qmp_message_get_error_class:
 * @message: an error
 *
 * Returns: (transfer none) (nullable): "error.class"
 */
const char *qmp_message_get_error_class (const QmpMessage *message);

/**
 * qmp_message_get_error_desc:
 * @message: an error
 *
 * Returns: (transfer none) (nullable): "error.desc"
 */
const char *qmp_message_get_error_desc (const QmpMessage *message);

/**
 * qmp_message_has_capability:
 * @message: a greeting
 * @name: for example "oob"
 *
 * Returns: %TRUE if the greeting offers it
 */
gboolean qmp_message_has_capability (const QmpMessage *message, const char *name);

/**
 * qmp_message_build_command:
 * @name: command
 * @arguments: (nullable): its arguments; left out when %NULL
 * @id: (nullable): its id, any JSON value; left out when %NULL
 *
 * Returns: (transfer full): one JSON object ended by "\r\n"
 */
GBytes *qmp_message_build_command (const char *name, JsonObject *arguments, JsonNode *id);

/**
 * qmp_message_build_greeting:
 * @major: QEMU version
 * @minor: QEMU version
 * @micro: QEMU version
 * @package: the package part, may be ""
 * @oob: whether to offer the "oob" capability
 *
 * Returns: (transfer full): one JSON object ended by "\r\n"
 */
GBytes *qmp_message_build_greeting (guint major,
                                    guint minor,
                                    guint micro,
                                    const char *package,
                                    gboolean oob);

/**
 * qmp_message_build_return:
 * @value: (nullable): the value; {} when %NULL
 * @id: (nullable): the id of the command answered
 *
 * Returns: (transfer full): one JSON object ended by "\r\n"
 */
GBytes *qmp_message_build_return (JsonNode *value, JsonNode *id);

/**
 * qmp_message_build_error:
 * @klass: "GenericError", "CommandNotFound", …
 * @desc: what was wrong
 * @id: (nullable): the id of the command answered
 *
 * Returns: (transfer full): {"id": …, "error": {"class": …, "desc": …}} ended by
 *   "\r\n", the members and order QEMU sends
 */
GBytes *qmp_message_build_error (const char *klass, const char *desc, JsonNode *id);

/**
 * qmp_message_build_event:
 * @name: event
 * @data: (nullable): its data; left out when %NULL
 * @time_us: wall clock, microseconds since 1970 (g_get_real_time())
 *
 * Returns: (transfer full): one JSON object ended by "\r\n"
 */
GBytes *qmp_message_build_event (const char *name, JsonObject *data, gint64 time_us);

G_END_DECLS
