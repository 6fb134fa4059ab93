/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp/qmp-framer.h"
#include "qmp/qmp-message.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-server
 * @short_description: the server half of a QMP connection, without I/O
 *
 * Turns the bytes of a client into commands, and answers by itself what needs
 * no knowledge of the machine: what is not a command gets QEMU's GenericError,
 * and, with %QMP_SERVER_NEGOTIATE, "qmp_capabilities" is done here and anything
 * before it gets QEMU's CommandNotFound.  The caller moves the bytes.
 */

/**
 * QmpServerFlags:
 * @QMP_SERVER_RELAY: hand every command out; a real QEMU behind negotiates
 * @QMP_SERVER_NEGOTIATE: play QEMU: enforce capability negotiation
 */
typedef enum {
    QMP_SERVER_RELAY = 0,
    QMP_SERVER_NEGOTIATE = 1,
} QmpServerFlags;

/**
 * QmpServerStep:
 * @QMP_SERVER_BROKEN: the stream cannot be followed any more: close it
 * @QMP_SERVER_NEED_MORE: push more bytes
 * @QMP_SERVER_COMMAND: a command for the caller to answer
 * @QMP_SERVER_REPLY: bytes to send to the client now
 */
typedef enum {
    QMP_SERVER_BROKEN,
    QMP_SERVER_NEED_MORE,
    QMP_SERVER_COMMAND,
    QMP_SERVER_REPLY,
} QmpServerStep;

typedef struct _QmpServer QmpServer;

/**
 * qmp_server_new:
 * @flags: who negotiates
 * @max_size: the longest command accepted, in bytes (%QMP_FRAMER_SERVER_MAX)
 *
 * Returns: (transfer full): a server at the start of a connection
 */
QmpServer *qmp_server_new (QmpServerFlags flags, gsize max_size);

void qmp_server_free (QmpServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QmpServer, qmp_server_free)

/**
 * qmp_server_push:
 * @server: a server
 * @data: (array length=len): bytes from the client
 * @len: how many
 */
void qmp_server_push (QmpServer *server, const void *data, gsize len);

/**
 * qmp_server_next:
 * @server: a server
 * @command: (out) (transfer full): set for %QMP_SERVER_COMMAND, else %NULL; its
 *   unchanged bytes are qmp_message_get_frame()
 * @reply: (out) (transfer full): set for %QMP_SERVER_REPLY; may be set for
 *   %QMP_SERVER_BROKEN: the last error to send before closing; else %NULL
 * @error: return location for a #GError, or %NULL; set for %QMP_SERVER_BROKEN
 *
 * Call until it gives %QMP_SERVER_NEED_MORE.  Replies are in the order of the
 * commands, so a caller that answers one command before taking the next keeps
 * QMP's order.
 *
 * Returns: what to do next
 */
QmpServerStep qmp_server_next (QmpServer *server,
                               QmpMessage **command,
                               GBytes **reply,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_server_get_offset:
 * @server: a server
 *
 * Returns: see qmp_framer_get_offset()
 */
guint64 qmp_server_get_offset (const QmpServer *server);

G_END_DECLS
