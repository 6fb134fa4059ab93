/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-typed.h"

typedef struct {
    const char *command;
    QmpDecode decode;
    GDestroyNotify destroy;
} TypedCall;

static void
on_reply (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (GTask) task = data;
    const TypedCall *call = g_task_get_task_data (task);
    GError *error = NULL;
    g_autoptr (JsonNode) reply =
        qmp_client_execute_finish (QMP_CLIENT (source), result, &error);

    if (reply == NULL) {
        g_task_return_error (task, error);
        return;
    }
    if (!JSON_NODE_HOLDS_OBJECT (reply)) {
        g_task_return_new_error (task, QMP_ERROR, QMP_ERROR_PROTOCOL,
                                 "%s: reply is not an object", call->command);
        return;
    }

    gpointer value = call->decode (json_node_get_object (reply), &error);
    if (value == NULL) {
        g_prefix_error (&error, "%s: ", call->command);
        g_task_return_error (task, error);
        return;
    }
    g_task_return_pointer (task, value, call->destroy);
}

void
qmp_typed_call_async (QmpClient *client,
                      const char *command,
                      JsonObject *arguments,
                      QmpDecode decode,
                      GDestroyNotify destroy,
                      gpointer tag,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    g_return_if_fail (QMP_IS_CLIENT (client));
    g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

    const TypedCall call = { .command = command, .decode = decode, .destroy = destroy };
    GTask *task = g_task_new (client, cancellable, callback, user_data);

    g_task_set_source_tag (task, tag);
    g_task_set_task_data (task, g_memdup2 (&call, sizeof call), g_free);
    qmp_client_execute_async (client, command, arguments, cancellable, on_reply, task);
    g_clear_pointer (&arguments, json_object_unref);
}

gpointer
qmp_typed_decode_empty (JsonObject *reply, GError **error)
{
    return GUINT_TO_POINTER (TRUE);
}

gpointer
qmp_typed_finish (QmpClient *client, GAsyncResult *result, gpointer tag, GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, client), NULL);
    g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}
