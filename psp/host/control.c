/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "psp/host/host-error.h"
#include "qmp/qmp-framer.h"
#include "qmp/qmp-message.h"

#define READ_SIZE 65536u

struct _Control {
    int fd;
    int pidfd;
    QmpFramer *framer;
    ControlEvents events;
};

static const struct {
    const char *name;
    ControlEvents event;
} events[] = {
    { "STOP", CONTROL_STOPPED },
    { "RESUME", CONTROL_RESUMED },
    { "DUMP_COMPLETED", CONTROL_DUMP_DONE },
};

void
control_free (Control *control)
{
    g_clear_pointer (&control->framer, qmp_framer_free);
    close (control->fd);
    g_free (control);
}

int
control_get_fd (const Control *control)
{
    return control->fd;
}

ControlEvents
control_take_events (Control *control)
{
    const ControlEvents taken = control->events;

    control->events = 0;
    return taken;
}

static void
note_event (Control *control, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
        if (strcmp (events[i].name, name) == 0)
            control->events |= events[i].event;
}

static gboolean
gone (GError **error)
{
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO, "QEMU closed its monitor");
    return FALSE;
}

/* Returns: %TRUE also if nothing came */
static gboolean
read_some (Control *control, GError **error)
{
    guint8 buf[READ_SIZE];
    const ssize_t n = recv (control->fd, buf, sizeof buf, MSG_DONTWAIT);

    if (n > 0) {
        qmp_framer_push (control->framer, buf, (gsize) n);
        return TRUE;
    }
    if (n == 0)
        return gone (error);
    if (errno == EAGAIN || errno == EINTR)
        return TRUE;
    host_error_set_errno (error, errno, "QEMU's monitor");
    return FALSE;
}

/* @message: (out) (nullable): the next one that is no event; %NULL: none has come yet */
static gboolean
next_message (Control *control, QmpMessage **message, GError **error)
{
    *message = NULL;
    for (;;) {
        g_autoptr (GBytes) frame = NULL;

        if (!qmp_framer_next (control->framer, &frame, error))
            return FALSE;
        if (frame == NULL)
            return TRUE;
        g_autoptr (QmpMessage) parsed = qmp_message_parse (frame, error);
        if (parsed == NULL)
            return FALSE;
        if (qmp_message_get_kind (parsed) != QMP_MESSAGE_EVENT) {
            *message = g_steal_pointer (&parsed);
            return TRUE;
        }
        note_event (control, qmp_message_get_name (parsed));
    }
}

static gboolean
wait_for_input (Control *control, GError **error)
{
    struct pollfd fds[] = {
        { .fd = control->fd, .events = POLLIN },
        { .fd = control->pidfd, .events = POLLIN },
    };

    if (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno != EINTR) {
        host_error_set_errno (error, errno, "poll");
        return FALSE;
    }
    if (fds[0].revents == 0 && fds[1].revents != 0)
        return gone (error);
    return TRUE;
}

/* Returns: (transfer full): the next message that is no event */
static QmpMessage *
wait_for_message (Control *control, GError **error)
{
    QmpMessage *message;

    for (;;) {
        if (!next_message (control, &message, error))
            return NULL;
        if (message != NULL)
            return message;
        if (!wait_for_input (control, error) || !read_some (control, error))
            return NULL;
    }
}

gboolean
control_receive (Control *control, GError **error)
{
    g_autoptr (QmpMessage) message = NULL;

    if (!read_some (control, error) || !next_message (control, &message, error))
        return FALSE;
    if (message == NULL)
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO,
                         "QEMU answers what it was not asked");
    return FALSE;
}

static gboolean
send_all (Control *control, GBytes *bytes, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    while (len > 0) {
        const ssize_t n = send (control->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            host_error_set_errno (error, errno, "QEMU's monitor");
            return FALSE;
        }
        data += MAX (n, 0);
        len -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

JsonNode *
control_command (Control *control, const char *name, JsonObject *arguments, GError **error)
{
    g_autoptr (GBytes) command = qmp_message_build_command (name, arguments, NULL);

    if (!send_all (control, command, error))
        return NULL;
    g_autoptr (QmpMessage) reply = wait_for_message (control, error);
    if (reply == NULL)
        return NULL;
    if (qmp_message_get_kind (reply) == QMP_MESSAGE_RETURN)
        return json_node_copy (qmp_message_get_return (reply));
    if (qmp_message_get_kind (reply) == QMP_MESSAGE_ERROR)
        g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST, "%s: %s", name,
                     qmp_message_get_error_desc (reply));
    else
        g_set_error (error, HOST_ERROR, HOST_ERROR_IO, "%s: no answer of QEMU's", name);
    return NULL;
}

Control *
control_new (int fd, int pidfd, GError **error)
{
    g_autoptr (Control) control = g_new0 (Control, 1);

    control->fd = fd;
    control->pidfd = pidfd;
    control->framer = qmp_framer_new (QMP_FRAMER_CLIENT_MAX);
    g_autoptr (QmpMessage) greeting = wait_for_message (control, error);
    if (greeting == NULL)
        return NULL;
    if (qmp_message_get_kind (greeting) != QMP_MESSAGE_GREETING) {
        g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO, "QEMU does not greet");
        return NULL;
    }
    g_autoptr (JsonNode) done = control_command (control, "qmp_capabilities", NULL, error);
    return done != NULL ? g_steal_pointer (&control) : NULL;
}
