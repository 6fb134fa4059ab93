/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-ender.h"

#include "launcher/host/virt.h"

#define TRIES 100u
#define PATIENCE 20u /* of them: a call that is about to return is left alone */
#define PAUSE_US (100 * 1000)

struct _LaunchEnder {
    char *uri;
    char *uuid;
    gint over; /* atomic */
};

static void
clear (gpointer data)
{
    LaunchEnder *ender = data;

    g_free (ender->uri);
    g_free (ender->uuid);
}

static void
release (gpointer data)
{
    g_atomic_rc_box_release_full (data, clear);
}

static gboolean
end_guest (LaunchEnder *ender, virConnectPtr connection)
{
    g_autoptr (virDomain) domain = virDomainLookupByUUIDString (connection, ender->uuid);

    /* One that is only defined is not started yet. */
    if (domain == NULL || virDomainIsActive (domain) != 1)
        return FALSE;
    if (!virt_destroy (domain, NULL))
        g_debug ("a guest that hangs could not be ended");
    return TRUE;
}

static void
work (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    LaunchEnder *ender = data;
    g_autoptr (virConnect) connection = virt_open (ender->uri, NULL);

    for (guint i = 0; connection != NULL && i < TRIES; i++) {
        if (g_atomic_int_get (&ender->over) ||
            (i >= PATIENCE && end_guest (ender, connection)))
            break;
        g_usleep (PAUSE_US);
    }
    g_task_return_boolean (task, TRUE);
}

LaunchEnder *
launch_ender_start (const char *uri, const char *uuid)
{
    LaunchEnder *ender = g_atomic_rc_box_new0 (LaunchEnder);
    g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

    ender->uri = g_strdup (uri);
    ender->uuid = g_strdup (uuid);
    g_task_set_task_data (task, g_atomic_rc_box_acquire (ender), release);
    g_task_run_in_thread (task, work);
    return ender;
}

void
launch_ender_stop (LaunchEnder *ender)
{
    g_atomic_int_set (&ender->over, 1);
}

void
launch_ender_free (LaunchEnder *ender)
{
    release (ender);
}
