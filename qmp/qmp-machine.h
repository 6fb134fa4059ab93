/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp/qmp-client.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-machine
 * @short_description: the run state of a machine: query-status, cont, stop, quit
 *
 * Source: QEMU qapi/run-state.json, qapi/misc.json, qapi/control.json.  For a
 * QEMU that was started without libvirt.  Errors as in qmp-sev.h.
 */

/**
 * QmpMachineStatus:
 * @running: whether the virtual CPUs run
 * @status: RunState, for example "prelaunch", "paused", "running", "shutdown"
 */
typedef struct {
    gboolean running;
    char *status;
} QmpMachineStatus;

void qmp_machine_status_free (QmpMachineStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QmpMachineStatus, qmp_machine_status_free)

void qmp_machine_query_status_async (QmpClient *client,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
QmpMachineStatus *qmp_machine_query_status_finish (QmpClient *client,
                                                   GAsyncResult *result,
                                                   GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

void qmp_machine_cont_async (QmpClient *client,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean qmp_machine_cont_finish (QmpClient *client,
                                  GAsyncResult *result,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

void qmp_machine_stop_async (QmpClient *client,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean qmp_machine_stop_finish (QmpClient *client,
                                  GAsyncResult *result,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

void qmp_machine_quit_async (QmpClient *client,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean qmp_machine_quit_finish (QmpClient *client,
                                  GAsyncResult *result,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
