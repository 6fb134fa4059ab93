/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "qmp/qmp-error.h"

#define MAX_COMPLAINT 4096u        /* bytes of standard error kept */
#define MAX_MEMORY (2048ull << 20) /* bytes of address space */
#define MAX_CPU 120u               /* seconds */
#define READ_SIZE (256u << 10)

void
image_tool_result_clear (ImageToolResult *result)
{
    g_clear_pointer (&result->output, g_bytes_unref);
    g_clear_pointer (&result->complaint, g_free);
}

/* Everything that happens while a tool runs happens on a main context of the run's own,
 * so that the caller's sources wait, as for any call that blocks. */
typedef struct {
    GMainContext *context;
    GSubprocess *process;
    GCancellable *inner; /* ends the reads */
    GByteArray *output;
    GByteArray *complaint;
    gsize max_output;
    guint pending; /* streams still open, process still running */
    GError *error; /* the first thing that went wrong */
} Run;

/* One of the two streams that are read. */
typedef struct {
    Run *run;
    GInputStream *stream;
    GByteArray *into;
    gsize max;
    gboolean drop_rest;
} Stream;

gboolean
image_tool_limit_process (guint64 max_file)
{
    const struct rlimit none = { 0, 0 };
    const struct rlimit memory = { MAX_MEMORY, MAX_MEMORY };
    const struct rlimit cpu = { MAX_CPU, MAX_CPU };
    const struct rlimit file = { max_file, max_file };

    return setrlimit (RLIMIT_CORE, &none) == 0 && setrlimit (RLIMIT_AS, &memory) == 0 &&
           setrlimit (RLIMIT_CPU, &cpu) == 0 && setrlimit (RLIMIT_FSIZE, &file) == 0 &&
           prctl (PR_SET_PDEATHSIG, SIGKILL) == 0;
}

static void
limit_child (gpointer data)
{
    const guint64 *max_file = data;

    if (!image_tool_limit_process (*max_file))
        _exit (126);
}

static void
run_fail (Run *run, GError *error)
{
    if (run->error != NULL) {
        g_error_free (error);
        return;
    }
    run->error = error;
    g_subprocess_force_exit (run->process);
}

static void on_read (GObject *source, GAsyncResult *result, gpointer data);

static void
read_more (Stream *stream)
{
    g_input_stream_read_bytes_async (stream->stream, READ_SIZE, G_PRIORITY_DEFAULT,
                                     stream->run->inner, on_read, stream);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
    Stream *stream = data;
    Run *run = stream->run;
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes =
        g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
    const gsize len = bytes != NULL ? g_bytes_get_size (bytes) : 0;

    if (len == 0) {
        run->pending--;
        return;
    }

    const gsize room = stream->max - stream->into->len;
    g_byte_array_append (stream->into, g_bytes_get_data (bytes, NULL),
                         (guint) MIN (len, room));
    if (len > room && !stream->drop_rest)
        run_fail (run, g_error_new (IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                                    "more than %" G_GSIZE_FORMAT " bytes of output",
                                    stream->max));
    read_more (stream);
}

static void
on_tool_exit (GObject *source, GAsyncResult *result, gpointer data)
{
    Run *run = data;

    /* The wait itself is never cancelled: the process is reaped in any case. */
    g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL);
    run->pending--;
}

static gboolean
on_limit (gpointer data)
{
    run_fail (data, g_error_new (IMAGE_ERROR, IMAGE_ERROR_TIMEOUT, "not done in time"));
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
    GError *error = NULL;

    if (g_cancellable_set_error_if_cancelled (cancellable, &error))
        run_fail (data, error);
    return G_SOURCE_REMOVE;
}

static GSource *
attach (GSource *source, GSourceFunc callback, Run *run)
{
    g_source_set_callback (source, callback, run, NULL);
    g_source_attach (source, run->context);
    return source;
}

static void
detach (GSource *source)
{
    if (source == NULL)
        return;
    g_source_destroy (source);
    g_source_unref (source);
}

/* A child of the tool that keeps a pipe open must not keep us: once the tool is gone,
 * whatever is in the pipes is taken and no more waited for. */
static gboolean
tool_is_gone (Run *run)
{
    return g_subprocess_get_identifier (run->process) == NULL;
}

static void
run_to_end (Run *run, guint timeout_ms, GCancellable *cancellable)
{
    Stream out = { run, g_subprocess_get_stdout_pipe (run->process), run->output,
                   run->max_output, FALSE };
    Stream err = { run, g_subprocess_get_stderr_pipe (run->process), run->complaint,
                   MAX_COMPLAINT, TRUE };
    GSource *limit =
        attach (g_timeout_source_new (timeout_ms), G_SOURCE_FUNC (on_limit), run);
    GSource *cancelled = NULL;

    if (cancellable != NULL)
        cancelled = attach (g_cancellable_source_new (cancellable),
                            G_SOURCE_FUNC (on_cancelled), run);
    run->pending = 3;
    read_more (&out);
    read_more (&err);
    g_subprocess_wait_async (run->process, NULL, on_tool_exit, run);
    while (run->pending > 0) {
        g_main_context_iteration (run->context, TRUE);
        if (run->error != NULL && tool_is_gone (run))
            g_cancellable_cancel (run->inner);
    }
    detach (limit);
    detach (cancelled);
}

static char *
first_line (const GByteArray *bytes)
{
    g_autofree char *text =
        g_strndup (bytes->len > 0 ? (const char *) bytes->data : "", bytes->len);

    text[strcspn (text, "\n")] = '\0';
    return qmp_error_printable (text);
}

GStrv
image_tool_environment (void)
{
    const char *path = g_getenv ("PATH");
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    g_autofree char *path_entry =
        g_strconcat ("PATH=", path != NULL ? path : "/usr/bin:/bin", NULL);
    g_autofree char *tmp_entry = g_strconcat ("TMPDIR=", g_get_tmp_dir (), NULL);

    g_strv_builder_add_many (builder, path_entry, tmp_entry, "LC_ALL=C.UTF-8",
                             "HOME=/nonexistent", NULL);
    return g_strv_builder_end (builder);
}

static GSubprocess *
spawn (const ImageTool *tool, guint64 *max_file, GError **error)
{
    g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_auto (GStrv) env = image_tool_environment ();
    g_autoptr (GError) local = NULL;

    g_subprocess_launcher_set_environ (launcher, env);
    g_subprocess_launcher_set_child_setup (launcher, limit_child, max_file, NULL);
    if (tool->fd >= 0) {
        const int copy = fcntl (tool->fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0) {
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "cannot pass a file: %s",
                         g_strerror (errno));
            return NULL;
        }
        g_subprocess_launcher_take_fd (launcher, copy, 3);
    }

    GSubprocess *process = g_subprocess_launcher_spawnv (launcher, tool->argv, &local);
    if (process == NULL)
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL, "cannot run '%s': %s",
                     tool->argv[0], local->message);
    return process;
}

gboolean
image_tool_run (const ImageTool *tool,
                GCancellable *cancellable,
                ImageToolResult *result,
                GError **error)
{
    guint64 max_file = tool->max_file;
    g_autoptr (GMainContext) context = g_main_context_new ();

    if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;

    g_main_context_push_thread_default (context);
    g_autoptr (GSubprocess) process = spawn (tool, &max_file, error);
    if (process == NULL) {
        g_main_context_pop_thread_default (context);
        return FALSE;
    }

    g_autoptr (GCancellable) inner = g_cancellable_new ();
    g_autoptr (GByteArray) output = g_byte_array_new ();
    g_autoptr (GByteArray) complaint = g_byte_array_new ();
    Run run = { .context = context,
                .process = process,
                .inner = inner,
                .output = output,
                .complaint = complaint,
                .max_output = tool->max_output };
    run_to_end (&run, tool->timeout_ms, cancellable);
    g_main_context_pop_thread_default (context);

    if (run.error != NULL) {
        if (run.error->domain == IMAGE_ERROR)
            g_prefix_error (&run.error, "%s: ", tool->argv[0]);
        g_propagate_error (error, run.error);
        return FALSE;
    }
    if (!g_subprocess_get_if_exited (process)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL, "%s: killed by signal %d",
                     tool->argv[0], g_subprocess_get_term_sig (process));
        return FALSE;
    }
    result->exit_status = g_subprocess_get_exit_status (process);
    result->complaint = first_line (complaint);
    result->output = g_byte_array_free_to_bytes (g_steal_pointer (&output));
    return TRUE;
}
