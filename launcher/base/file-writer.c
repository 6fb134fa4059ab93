/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/file-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/output-file.h"
#include "policy/owner-file.h"

#define REPLY_SIZE 512u

struct _FileWriter {
    pid_t pid;
    int fd;
};

static gboolean
set_io (GError **error, const char *what, int number)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "%s: %s", what,
                 g_strerror (number));
    return FALSE;
}

/* One message, one answer: empty if all is well. */
static void
serve (int fd, int dir, const char *name)
{
    static char text[FILE_WRITER_MAX];
    char reply[REPLY_SIZE] = "";
    g_autoptr (GError) error = NULL;

    signal (SIGINT, SIG_IGN);
    signal (SIGTERM, SIG_IGN);
    signal (SIGHUP, SIG_IGN);
    prctl (PR_SET_NAME, "sevlaunch-write");
    const ssize_t n = recv (fd, text, sizeof text, 0);
    if (n <= 0)
        return;
    if (!policy_file_write (dir, name, text, (gsize) n, TRUE, &error))
        g_strlcpy (reply, error->message, sizeof reply);
    (void) !send (fd, reply, strlen (reply) + 1, MSG_NOSIGNAL);
}

static FileWriter *
spawn (int dir, const char *name, GError **error)
{
    int ends[2];

    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        set_io (error, "socketpair", errno);
        return NULL;
    }
    const pid_t pid = fork ();
    if (pid == 0) {
        close (ends[0]);
        serve (ends[1], dir, name);
        _exit (0);
    }
    const int saved = errno;
    close (ends[1]);
    if (pid < 0) {
        close (ends[0]);
        set_io (error, "fork", saved);
        return NULL;
    }
    FileWriter *writer = g_new0 (FileWriter, 1);
    writer->pid = pid;
    writer->fd = ends[0];
    return writer;
}

FileWriter *
file_writer_start (const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (path);
    g_autofree char *name = g_path_get_basename (path);

    if (!output_file_check (path, error))
        return NULL;
    const int dir = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        set_io (error, path, errno);
        return NULL;
    }
    FileWriter *writer = spawn (dir, name, error);
    close (dir);
    return writer;
}

gboolean
file_writer_write (FileWriter *writer, const char *text, GError **error)
{
    const gsize len = strlen (text);
    char reply[REPLY_SIZE];
    ssize_t n = -1;

    if (len > 0 && len <= FILE_WRITER_MAX &&
        send (writer->fd, text, len, MSG_NOSIGNAL) == (ssize_t) len)
        n = recv (writer->fd, reply, sizeof reply, 0);
    if (n == 1)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "%.*s", n > 1 ? (int) n - 1 : 25,
                 n > 1 ? reply : "the file's writer has died");
    return FALSE;
}

void
file_writer_free (FileWriter *writer)
{
    close (writer->fd);
    while (waitpid (writer->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    g_free (writer);
}
