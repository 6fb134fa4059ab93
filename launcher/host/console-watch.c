/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/host/console-watch.h"

#define READ_SIZE 4096u
#define READS_AT_ONCE 64u /* then other sources have their turn */

struct _ConsoleWatch {
    virStreamPtr stream;
    ConsoleText *text;
    gboolean listening; /* a callback is registered */
    gboolean stopped;
    GTask *wait; /* (nullable): the one that is going on */
    gboolean wait_said;
    guint timer;
    gulong cancelled;
    guint cancel_idle;
};

ConsoleWatch *
console_watch_open (virDomainPtr domain, GError **error)
{
    virConnectPtr connection = virDomainGetConnect (domain);
    virStreamPtr stream = virStreamNew (connection, VIR_STREAM_NONBLOCK);

    if (stream == NULL || virDomainOpenConsole (domain, NULL, stream, 0) < 0) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "opening the guest's console");
        if (stream != NULL)
            virStreamFree (stream);
        return NULL;
    }
    ConsoleWatch *watch = g_new0 (ConsoleWatch, 1);
    watch->stream = stream;
    watch->text = console_text_new ();
    return watch;
}

static void
stop_listening (ConsoleWatch *watch)
{
    if (watch->listening)
        virStreamEventRemoveCallback (watch->stream);
    watch->listening = FALSE;
}

void
console_watch_free (ConsoleWatch *watch)
{
    g_return_if_fail (watch->wait == NULL);

    stop_listening (watch);
    virStreamAbort (watch->stream);
    virStreamFree (watch->stream);
    console_text_free (watch->text);
    g_free (watch);
}

static void
end_wait (ConsoleWatch *watch, ConsoleEnd end)
{
    g_autoptr (GTask) task = g_steal_pointer (&watch->wait);

    g_clear_handle_id (&watch->timer, g_source_remove);
    g_clear_handle_id (&watch->cancel_idle, g_source_remove);
    if (task == NULL)
        return;
    if (watch->cancelled != 0)
        g_signal_handler_disconnect (g_task_get_cancellable (task), watch->cancelled);
    watch->cancelled = 0;
    g_task_return_int (task, (gssize) end);
}

static void
look (ConsoleWatch *watch)
{
    if (watch->wait == NULL)
        return;
    if (watch->wait_said && console_text_get_said (watch->text) != CONSOLE_NOTHING)
        end_wait (watch, CONSOLE_END_SAID);
    else if (watch->stopped)
        end_wait (watch, CONSOLE_END_STOPPED);
}

static void
on_stream (virStreamPtr stream, int events, void *data)
{
    ConsoleWatch *watch = data;
    char buf[READ_SIZE];

    for (guint i = 0; i < READS_AT_ONCE; i++) {
        const int n = virStreamRecv (stream, buf, sizeof buf);

        if (n == -2)
            break;
        if (n <= 0) {
            watch->stopped = TRUE;
            stop_listening (watch);
            break;
        }
        console_text_push (watch->text, buf, (gsize) n);
    }
    look (watch);
}

static gboolean
on_timer (gpointer data)
{
    ConsoleWatch *watch = data;

    watch->timer = 0;
    end_wait (watch, CONSOLE_END_SILENT);
    return G_SOURCE_REMOVE;
}

/* The task itself turns into a cancelled one (g_task_set_check_cancellable()). */
static gboolean
on_cancelled_idle (gpointer data)
{
    ConsoleWatch *watch = data;

    watch->cancel_idle = 0;
    end_wait (watch, CONSOLE_END_SILENT);
    return G_SOURCE_REMOVE;
}

/* The signal's own handler must not disconnect itself. */
static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
    ConsoleWatch *watch = data;

    if (watch->cancel_idle == 0)
        watch->cancel_idle = g_idle_add (on_cancelled_idle, watch);
}

void
console_watch_wait_async (ConsoleWatch *watch,
                          guint seconds,
                          gboolean said,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_return_if_fail (watch->wait == NULL);

    watch->wait = g_task_new (NULL, cancellable, callback, user_data);
    watch->wait_said = said;
    watch->timer = g_timeout_add_seconds (seconds, on_timer, watch);
    if (!watch->listening && !watch->stopped) {
        watch->listening =
            virStreamEventAddCallback (watch->stream,
                                       VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_HANGUP |
                                           VIR_STREAM_EVENT_ERROR,
                                       on_stream, watch, NULL) == 0;
        watch->stopped = !watch->listening;
    }
    if (cancellable != NULL)
        watch->cancelled =
            g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), watch);
    if (cancellable != NULL && g_cancellable_is_cancelled (cancellable))
        on_cancelled (cancellable, watch);
    look (watch);
}

gboolean
console_watch_wait_finish (GAsyncResult *result, ConsoleEnd *end, GError **error)
{
    GError *cause = NULL;
    const gssize value = g_task_propagate_int (G_TASK (result), &cause);

    if (cause != NULL) {
        g_propagate_error (error, cause);
        return FALSE;
    }
    *end = (ConsoleEnd) value;
    return TRUE;
}

const ConsoleText *
console_watch_get_text (const ConsoleWatch *watch)
{
    return watch->text;
}
