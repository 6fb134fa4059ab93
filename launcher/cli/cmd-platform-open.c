/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where the platform is: /dev/sev of this machine, or of an emulated host.  The latter is
 * only there for programs inside of the host, so this program starts itself in it
 * ("emulator exec") and lets that process do the ioctls; files and the owner's directory
 * stay this process's business, whose user it is that may read them.
 */

#include "config.h"

#include "launcher/cli/cmd-platform.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/emulated/emulated-host.h"
#include "launcher/host/sev-hardware.h"

#define CERT_ROOM 4096u

void
platform_command_clear (PlatformCommand *command)
{
    g_free (command->platform);
    g_free (command->option);
    g_free (command->wanted);
    g_free (command->host);
    g_clear_pointer (&command->run_as, run_as_free);
    g_clear_pointer (&command->device, sev_device_free);
    g_clear_pointer (&command->certs.cek, g_bytes_unref);
    g_clear_pointer (&command->certs.ask, g_bytes_unref);
    g_clear_pointer (&command->certs.ark, g_bytes_unref);
}

/* The process inside of the emulated host. */
typedef struct {
    GSubprocess *process;
    GOutputStream *to;
    GBufferedInputStream *from;
} Worker;

static void
worker_free (gpointer data)
{
    Worker *worker = data;

    g_output_stream_close (worker->to, NULL, NULL);
    g_subprocess_wait (worker->process, NULL, NULL);
    g_object_unref (worker->from);
    g_object_unref (worker->process);
    g_free (worker);
}

/* Returns: (nullable) (transfer full): %NULL also for a line without an end */
static char *
read_line (GBufferedInputStream *from)
{
    for (;;) {
        gsize len;
        const char *data = g_buffered_input_stream_peek_buffer (from, &len);
        const char *end = len > 0 ? memchr (data, '\n', len) : NULL;

        if (end != NULL) {
            char *line = g_strndup (data, (gsize) (end - data));
            (void) g_input_stream_skip (G_INPUT_STREAM (from), (gsize) (end - data) + 1,
                                        NULL, NULL);
            return line;
        }
        if (len > SEV_DEVICE_LINE_MAX ||
            g_buffered_input_stream_fill (from, -1, NULL, NULL) <= 0)
            return NULL;
    }
}

static gboolean
issue_there (gpointer data, SevDeviceCall *call, GError **error)
{
    Worker *worker = data;
    g_autofree char *text = sev_device_call_to_text (call);
    g_autofree char *line = g_strconcat (text, "\n", NULL);
    g_autofree char *answer = NULL;

    if (g_output_stream_write_all (worker->to, line, strlen (line), NULL, NULL, NULL) &&
        g_output_stream_flush (worker->to, NULL, NULL))
        answer = read_line (worker->from);
    if (answer != NULL)
        return sev_device_result_parse (answer, call, error);
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                         "the process inside of the emulated host ended; what it said "
                         "stands above");
    return FALSE;
}

static gboolean
start_worker (PlatformCommand *command, GError **error)
{
    g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
    g_autoptr (GPtrArray) argv = g_ptr_array_new ();
    g_autoptr (GError) cause = NULL;
    const char *const head[] = { self,      "emulator",        "exec",
                                 "--quiet", "--emulated-host", command->host };

    for (gsize i = 0; i < G_N_ELEMENTS (head); i++)
        g_ptr_array_add (argv, (gpointer) head[i]);
    if (command->run_as != NULL) {
        g_ptr_array_add (argv, (gpointer) "--run-as");
        g_ptr_array_add (argv, command->run_as->name);
    }
    g_ptr_array_add (argv, (gpointer) "--");
    g_ptr_array_add (argv, self);
    g_ptr_array_add (argv, (gpointer) "platform");
    g_ptr_array_add (argv, (gpointer) "device");
    g_ptr_array_add (argv, NULL);
    GSubprocess *process = g_subprocess_newv (
        (const char *const *) argv->pdata,
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &cause);
    if (process == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST, "%s",
                     cause->message);
        return FALSE;
    }
    Worker *worker = g_new0 (Worker, 1);
    worker->process = process;
    worker->to = g_subprocess_get_stdin_pipe (process);
    worker->from = G_BUFFERED_INPUT_STREAM (g_buffered_input_stream_new_sized (
        g_subprocess_get_stdout_pipe (process), SEV_DEVICE_LINE_MAX + 1));
    command->device = sev_device_new (issue_there, worker, worker_free);
    return TRUE;
}

/* Certificates of an emulated host, read by the user whom it belongs to. */
typedef struct {
    guint32 len[3];
    guint8 bytes[3][CERT_ROOM];
} CertRoom;

static gboolean
read_certs (gpointer data, guint8 *out, GError **error)
{
    static const char *const names[] = { "cek", "ask", "ark" };
    const char *path = data;
    CertRoom room = { 0 };

    g_autoptr (EmulatedHost) host = emulated_host_open (path, error);
    if (host == NULL)
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autoptr (GBytes) bytes = emulated_host_read_cert (host, names[i], error);
        gsize len;

        if (bytes == NULL)
            return FALSE;
        gconstpointer cert = g_bytes_get_data (bytes, &len);
        room.len[i] = (guint32) MIN (len, CERT_ROOM);
        memcpy (room.bytes[i], cert, room.len[i]);
    }
    memcpy (out, &room, sizeof room);
    return TRUE;
}

static gboolean
take_certs (PlatformCommand *command, GError **error)
{
    g_autofree CertRoom *room = g_new0 (CertRoom, 1);

    if (!run_as_call (command->run_as, read_certs, command->host, (guint8 *) room,
                      sizeof *room, error))
        return FALSE;
    /* They come from a process without privileges. */
    for (gsize i = 0; i < G_N_ELEMENTS (room->len); i++)
        if (room->len[i] > sizeof room->bytes[i]) {
            g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                                 "the emulated host's certificates have no usable length");
            return FALSE;
        }
    command->certs.cek = g_bytes_new (room->bytes[0], room->len[0]);
    command->certs.ask = g_bytes_new (room->bytes[1], room->len[1]);
    command->certs.ark = g_bytes_new (room->bytes[2], room->len[2]);
    return TRUE;
}

/* Inside of an emulated host /dev/sev is that host's, whatever the machine has. */
static const char *
get_device_host (void)
{
    return g_getenv ("SEVLAUNCH_SEV_DEVICE");
}

/* Whether this process runs inside of that host, and finds its /dev/sev by itself. */
static gboolean
is_inside (const char *host)
{
    g_autofree char *real = realpath (host, NULL);

    return g_strcmp0 (get_device_host (), real) == 0 && real != NULL;
}

static gboolean
open_emulated (PlatformCommand *command, gboolean writable, GError **error)
{
    command->emulated = TRUE;
    if (!run_as_find (command->wanted, &command->run_as, error))
        return FALSE;
    command->host = emulated_host_path (command->option, error);
    /* Before there are threads. */
    if (command->host == NULL || !take_certs (command, error))
        return FALSE;
    if (!is_inside (command->host))
        return start_worker (command, error);
    command->device = sev_device_open (writable, error);
    return command->device != NULL;
}

static gboolean
open_here (PlatformCommand *command, gboolean writable, GError **error)
{
    g_autofree char *why = NULL;

    if (get_device_host () != NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_NO_SEV,
                             "inside of an emulated host (SEVLAUNCH_SEV_DEVICE is set) "
                             "/dev/sev is the EMULATED one; leave \"sevlaunch emulator "
                             "exec\" to ask this machine's platform");
        return FALSE;
    }
    if (sev_hardware_probe ("", &why) == SEV_HARDWARE_NONE) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_NO_SEV,
                             "this machine has no AMD SEV");
        return FALSE;
    }
    command->device = sev_device_open (writable, error);
    return command->device != NULL;
}

/* For "auto". */
static gboolean
is_emulated (void)
{
    g_autofree char *why = NULL;

    if (get_device_host () != NULL)
        return TRUE;
    if (sev_hardware_probe ("", &why) != SEV_HARDWARE_NONE)
        return FALSE;
    message_warning ("no AMD SEV on this machine: this is about the EMULATED host");
    return TRUE;
}

gboolean
platform_command_open (PlatformCommand *command, gboolean writable, GError **error)
{
    const char *platform = command->platform != NULL ? command->platform : "auto";
    const gboolean sev = strcmp (platform, "sev") == 0;

    if (!sev && strcmp (platform, "auto") != 0 && strcmp (platform, "emulated") != 0) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--platform is one of auto, sev, emulated");
        return FALSE;
    }
    if (sev && (command->option != NULL || command->wanted != NULL)) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--platform sev goes with neither --emulated-host nor "
                             "--run-as");
        return FALSE;
    }
    if (!sev &&
        (strcmp (platform, "emulated") == 0 || command->option != NULL || is_emulated ()))
        return open_emulated (command, writable, error);
    return open_here (command, writable, error);
}
