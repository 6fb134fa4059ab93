/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * SECTION: control
 * @short_description: the relay's own connection to QEMU's monitor
 *
 * A second monitor, beside the one that libvirt is relayed to.  It lasts as long as QEMU,
 * so the relay hears of a guest that stops also while no libvirtd runs.  QEMU works on one
 * command at a time, whichever monitor it came from; a call here therefore waits for the
 * end of libvirt's command.
 */
typedef struct _Control Control;

/**
 * ControlEvents: what QEMU has said since it was asked last
 */
typedef enum {
    CONTROL_STOPPED = 1 << 0,   /* STOP */
    CONTROL_RESUMED = 1 << 1,   /* RESUME */
    CONTROL_DUMP_DONE = 1 << 2, /* DUMP_COMPLETED */
} ControlEvents;

/**
 * control_new:
 * @fd: connected socket, taken over
 * @pidfd: QEMU, or -1; outlives this
 *
 * Waits for QEMU's greeting and negotiates.
 * Errors: those of control_command().
 * Returns: (transfer full)
 */
Control *control_new (int fd, int pidfd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void control_free (Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Control, control_free)

/** control_get_fd: to be polled for input, then control_receive() */
int control_get_fd (const Control *control);

/**
 * control_receive: reads what is there, without waiting
 *
 * Errors: %HOST_ERROR_IO, %QMP_ERROR: the connection is of no use any more.
 */
gboolean control_receive (Control *control, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** control_take_events: Returns: the events since the last call; they are forgotten */
ControlEvents control_take_events (Control *control);

/**
 * control_command:
 * @arguments: (nullable) (transfer none)
 *
 * Sends a command and waits for its answer.
 * Errors: those of control_receive(); %HOST_ERROR_GUEST with QEMU's words if QEMU refused
 * it, which leaves the connection as it was.
 * Returns: (transfer full): what the command returned
 */
JsonNode *control_command (Control *control,
                           const char *name,
                           JsonObject *arguments,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
