/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the typed pairs of this library share.  Not for use outside of qmp/. */

#include "qmp/qmp-client.h"

G_BEGIN_DECLS

/**
 * QmpDecode:
 * @reply: what the peer returned: an object
 * @error: return location for a #GError of domain %QMP_ERROR
 *
 * Returns: (transfer full): the decoded value; %NULL on error
 */
typedef gpointer (*QmpDecode) (JsonObject *reply, GError **error);

/**
 * qmp_typed_call_async:
 * @client: a client
 * @command: (not nullable): a literal
 * @arguments: (nullable) (transfer full): its arguments
 * @decode: makes the value of the reply
 * @destroy: frees what @decode makes
 * @tag: source tag of the #GTask
 *
 * Runs @command and returns what @decode makes of the reply.  A reply that is no
 * object, and each error of @decode, is %QMP_ERROR_PROTOCOL with @command in
 * front.
 */
void qmp_typed_call_async (QmpClient *client,
                           const char *command,
                           JsonObject *arguments,
                           QmpDecode decode,
                           GDestroyNotify destroy,
                           gpointer tag,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/**
 * qmp_typed_decode_empty:
 *
 * For commands that return {}: any object will do.
 *
 * Returns: a pointer that is not %NULL and needs no freeing
 */
gpointer qmp_typed_decode_empty (JsonObject *reply, GError **error);

/**
 * qmp_typed_finish:
 *
 * Returns: (transfer full): what the decoder made; %NULL on error
 */
gpointer qmp_typed_finish (QmpClient *client,
                           GAsyncResult *result,
                           gpointer tag,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
