/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-machine.h"

#include <string.h>

#include "qmp/qmp-json.h"
#include "qmp/qmp-typed.h"

#define STATUS_MAX 32u /* bytes; the longest RunState of QEMU 10.0 has 15 */

void
qmp_machine_status_free (QmpMachineStatus *status)
{
    if (status == NULL)
        return;
    g_free (status->status);
    g_free (status);
}

static gpointer
decode_status (JsonObject *reply, GError **error)
{
    gboolean running;
    const char *status = qmp_json_get_string (reply, "status", error);

    if (status == NULL || !qmp_json_get_boolean (reply, "running", &running, error))
        return NULL;
    if (strlen (status) > STATUS_MAX ||
        strspn (status, "abcdefghijklmnopqrstuvwxyz-") != strlen (status)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "'status' is not a run state");
        return NULL;
    }

    QmpMachineStatus *decoded = g_new0 (QmpMachineStatus, 1);
    decoded->running = running;
    decoded->status = g_strdup (status);
    return decoded;
}

void
qmp_machine_query_status_async (QmpClient *client,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
    qmp_typed_call_async (client, "query-status", NULL, decode_status,
                          (GDestroyNotify) qmp_machine_status_free,
                          qmp_machine_query_status_async, cancellable, callback, user_data);
}

QmpMachineStatus *
qmp_machine_query_status_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    return qmp_typed_finish (client, result, qmp_machine_query_status_async, error);
}

void
qmp_machine_cont_async (QmpClient *client,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    qmp_typed_call_async (client, "cont", NULL, qmp_typed_decode_empty, NULL,
                          qmp_machine_cont_async, cancellable, callback, user_data);
}

gboolean
qmp_machine_cont_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    return qmp_typed_finish (client, result, qmp_machine_cont_async, error) != NULL;
}

void
qmp_machine_stop_async (QmpClient *client,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    qmp_typed_call_async (client, "stop", NULL, qmp_typed_decode_empty, NULL,
                          qmp_machine_stop_async, cancellable, callback, user_data);
}

gboolean
qmp_machine_stop_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    return qmp_typed_finish (client, result, qmp_machine_stop_async, error) != NULL;
}

void
qmp_machine_quit_async (QmpClient *client,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    qmp_typed_call_async (client, "quit", NULL, qmp_typed_decode_empty, NULL,
                          qmp_machine_quit_async, cancellable, callback, user_data);
}

gboolean
qmp_machine_quit_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    return qmp_typed_finish (client, result, qmp_machine_quit_async, error) != NULL;
}
