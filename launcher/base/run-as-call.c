/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/base/run-as.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/qmp-error.h"

#define SUCCESS (-1) /* in place of an error's code */
#define MAX_MESSAGE 2048u

/* What comes back through the pipe: this, then the result or the message. */
typedef struct {
    gint32 code;
    guint32 len;
} Head;

static gboolean
write_all (int fd, const void *data, gsize len)
{
    const guint8 *at = data;

    while (len > 0) {
        const ssize_t n = write (fd, at, len);
        if (n < 0 && errno != EINTR)
            return FALSE;
        at += MAX (n, 0);
        len -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

static gboolean
read_all (int fd, void *data, gsize len)
{
    guint8 *at = data;

    while (len > 0) {
        const ssize_t n = read (fd, at, len);
        if (n == 0 || (n < 0 && errno != EINTR))
            return FALSE;
        at += MAX (n, 0);
        len -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

static void G_GNUC_NORETURN
child_main (const RunAs *run_as, RunAsFunc func, gpointer data, gsize out_len, int fd)
{
    g_autoptr (GError) error = NULL;
    g_autofree guint8 *out = g_malloc0 (out_len);
    Head head = { SUCCESS, (guint32) out_len };
    const void *body = out;

    if ((run_as != NULL && !run_as_drop (run_as, &error)) || !func (data, out, &error)) {
        head.code = error->domain == LAUNCHER_ERROR ? error->code
                                                    : (gint32) LAUNCHER_ERROR_INTERNAL;
        head.len = (guint32) MIN (strlen (error->message), MAX_MESSAGE);
        body = error->message;
    }
    const gboolean ok =
        write_all (fd, &head, sizeof head) && write_all (fd, body, head.len);
    fflush (NULL);
    _exit (ok ? 0 : 1);
}

/* The child might be under the influence of its user: nothing that it says is taken on
 * trust. */
static gboolean
take_result (int fd, guint8 *out, gsize out_len, GError **error)
{
    Head head;
    char text[MAX_MESSAGE + 1] = { 0 };

    if (!read_all (fd, &head, sizeof head) ||
        (head.code == SUCCESS ? head.len != out_len || !read_all (fd, out, out_len)
                              : head.len > MAX_MESSAGE || head.code < 0 ||
                                    head.code > LAUNCHER_ERROR_TERMINATED ||
                                    !read_all (fd, text, head.len))) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                             "the process without privileges ended without a result");
        return FALSE;
    }
    if (head.code == SUCCESS)
        return TRUE;
    g_autofree char *printable = qmp_error_printable (text);
    g_set_error_literal (error, LAUNCHER_ERROR, head.code, printable);
    return FALSE;
}

gboolean
run_as_call_apart (const RunAs *run_as,
                   RunAsFunc func,
                   gpointer data,
                   guint8 *out,
                   gsize out_len,
                   GError **error)
{
    int ends[2];

    const gboolean piped = pipe2 (ends, O_CLOEXEC) == 0;
    fflush (NULL);
    const pid_t child = piped ? fork () : -1;
    if (child < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RUN_AS,
                     "cannot start a process without privileges: %s", g_strerror (errno));
        return FALSE;
    }
    if (child == 0) {
        close (ends[0]);
        child_main (run_as, func, data, out_len, ends[1]);
    }
    close (ends[1]);
    const gboolean ok = take_result (ends[0], out, out_len, error);
    close (ends[0]);
    while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return ok;
}

gboolean
run_as_call (const RunAs *run_as,
             RunAsFunc func,
             gpointer data,
             guint8 *out,
             gsize out_len,
             GError **error)
{
    return run_as == NULL ? func (data, out, error)
                          : run_as_call_apart (run_as, func, data, out, out_len, error);
}
