/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <libnbd.h>

#include "launcher/image/image-tool.h"
#include "qmp/qmp-error.h"

#define SERVER_PROGRAM "qemu-nbd"
#define SOCKET_NAME "nbd"
#define LISTEN_FD 3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */
#define START_TIMEOUT_MS 30000u
#define READ_TIMEOUT_MS 120000u
#define LAST_WORDS_MS 5000
#define CHUNK (1u << 20)           /* bytes of one request */
#define MAX_COMPLAINT (128u << 10) /* bytes: the image's name comes first in it */

struct _ImageServer {
    char *name;
    struct nbd_handle *nbd; /* (nullable): NULL once a request was given up */
    GPid pid;               /* 0: ended */
    int words;              /* its standard error */
    guint64 size;
};

static gboolean
io_error (GError **error, const char *what)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "%s: %s", what, g_strerror (errno));
    return FALSE;
}

/* The socket. */

static int
bind_socket (struct sockaddr_un *address)
{
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind (fd, (struct sockaddr *) address, sizeof *address) == 0 &&
        listen (fd, 1) == 0)
        return fd;
    if (fd >= 0)
        close (fd);
    return -1;
}

static int
connect_socket (struct sockaddr_un *address)
{
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect (fd, (struct sockaddr *) address, sizeof *address) == 0)
        return fd;
    if (fd >= 0)
        close (fd);
    return -1;
}

/* A listening socket without a name, and the one connection that waits on it. */
static gboolean
make_sockets (int *listener, int *client, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_autoptr (GError) local = NULL;
    g_autofree char *dir = g_dir_make_tmp ("sevlaunch-XXXXXX", &local);
    const int fd =
        dir != NULL ? open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;

    *listener = *client = -1;
    if (dir == NULL) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "temporary directory: %s",
                     local->message);
        return FALSE;
    }
    /* However long the directory's name is, this one is short enough. */
    g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME,
                fd);
    *listener = fd >= 0 ? bind_socket (&address) : -1;
    *client = *listener >= 0 ? connect_socket (&address) : -1;
    if (*client < 0)
        io_error (error, "socket for " SERVER_PROGRAM);
    if (*client < 0 && *listener >= 0)
        close (*listener);
    if (fd >= 0) {
        unlinkat (fd, SOCKET_NAME, 0);
        close (fd);
    }
    g_rmdir (dir);
    return *client >= 0;
}

/* The process. */

typedef struct {
    const char *program;
    char *const *argv;
    char **env;
    char *pid_text; /* in @env, behind "LISTEN_PID=" */
    int listener;
    int words;
} Child;

/* Between fork and exec: async-signal-safe calls only. */
static void G_GNUC_NORETURN
child_main (const Child *child)
{
    char digits[16];
    gsize n = 0;
    const int null = open ("/dev/null", O_RDWR);

    for (pid_t pid = getpid (); pid > 0; pid /= 10)
        digits[n++] = (char) ('0' + pid % 10);
    for (gsize i = 0; i < n; i++)
        child->pid_text[i] = digits[n - 1 - i];
    child->pid_text[n] = '\0';
    if (!image_tool_limit_process (0) || null < 0 || dup2 (null, 0) < 0 ||
        dup2 (null, 1) < 0 || dup2 (child->words, 2) < 0 ||
        dup2 (child->listener, LISTEN_FD) < 0 || fcntl (LISTEN_FD, F_SETFD, 0) != 0 ||
        close_range (LISTEN_FD + 1, G_MAXUINT, 0) != 0)
        _exit (127);
    execve (child->program, child->argv, child->env);
    _exit (127);
}

static char *
find_program (GError **error)
{
    char *program = g_find_program_in_path (SERVER_PROGRAM);

    if (program == NULL)
        g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_TOOL,
                             "cannot run '" SERVER_PROGRAM "': it is not in PATH");
    return program;
}

static gboolean
spawn (ImageServer *server, int listener, GError **error)
{
    char *const argv[] = { (char *) SERVER_PROGRAM, (char *) "--read-only", (char *) "--",
                           server->name, NULL };
    char pid_text[] = "LISTEN_PID=0123456789012345";
    g_autofree char *program = find_program (error);
    g_auto (GStrv) environment = image_tool_environment ();
    g_autoptr (GPtrArray) env = g_ptr_array_new ();
    int words[2];

    if (program == NULL)
        return FALSE;
    if (pipe2 (words, O_CLOEXEC) != 0)
        return io_error (error, "pipe");
    /* Who complains without end loses words, not time. */
    (void) fcntl (words[1], F_SETFL, O_NONBLOCK);
    for (gsize i = 0; environment[i] != NULL; i++)
        g_ptr_array_add (env, environment[i]);
    g_ptr_array_add (env, (gpointer) "LISTEN_FDS=1");
    g_ptr_array_add (env, pid_text);
    g_ptr_array_add (env, NULL);

    const Child child = { .program = program,
                          .argv = argv,
                          .env = (char **) env->pdata,
                          .pid_text = pid_text + strlen ("LISTEN_PID="),
                          .listener = listener,
                          .words = words[1] };
    const pid_t pid = fork ();
    if (pid == 0)
        child_main (&child);
    close (words[1]);
    if (pid < 0) {
        io_error (error, "fork");
        close (words[0]);
        return FALSE;
    }
    server->pid = pid;
    server->words = words[0];
    return TRUE;
}

/* Until the other end is closed, which is when the process has ended. */
static GByteArray *
read_last_words (ImageServer *server)
{
    GByteArray *text = g_byte_array_new ();
    struct pollfd more = { .fd = server->words, .events = POLLIN };
    guint8 buffer[4096];

    while (text->len < MAX_COMPLAINT && poll (&more, 1, LAST_WORDS_MS) > 0) {
        const ssize_t n = read (server->words, buffer, sizeof buffer);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        g_byte_array_append (text, buffer, (guint) MAX (n, 0));
    }
    return text;
}

/* Returns: as waitpid() */
static int
end_process (ImageServer *server)
{
    int status = 0;

    if (server->pid == 0)
        return 0;
    kill (server->pid, SIGKILL);
    while (waitpid (server->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    server->pid = 0;
    return status;
}

/* The first line of what it said, without its name and the image's. */
static char *
complaint (const ImageServer *server, GByteArray *words)
{
    g_autofree char *prefix =
        g_strdup_printf (SERVER_PROGRAM ": Failed to blk_new_open '%s': ", server->name);
    g_autofree char *text =
        g_strndup (words->len > 0 ? (const char *) words->data : "", words->len);
    const char *start = text;

    if (g_str_has_prefix (text, prefix))
        start += strlen (prefix);
    else if (g_str_has_prefix (text, SERVER_PROGRAM ": "))
        start += strlen (SERVER_PROGRAM ": ");
    g_autofree char *line = g_strndup (start, strcspn (start, "\n"));
    return qmp_error_printable (line);
}

/* It closed the connection: why? */
static gboolean
set_ended (ImageServer *server, GError **error)
{
    g_autoptr (GByteArray) words = read_last_words (server);
    g_autofree char *said = complaint (server, words);
    const int status = end_process (server);

    if (WIFSIGNALED (status))
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL,
                     SERVER_PROGRAM ": killed by signal %d", WTERMSIG (status));
    else if (said[0] == '\0' || WEXITSTATUS (status) == 0 || WEXITSTATUS (status) >= 126)
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_TOOL,
                     SERVER_PROGRAM ": ended with status %d, and no answer",
                     WEXITSTATUS (status));
    else
        /* The one refusal of QEMU's that has another cause than the bytes. */
        g_set_error_literal (error, IMAGE_ERROR,
                             strstr (said, "\" lock") != NULL ? IMAGE_ERROR_IN_USE
                                                              : IMAGE_ERROR_BROKEN,
                             said);
    return FALSE;
}

/* The protocol. */

/* Waits for the socket.  Returns FALSE with an error: time is up, or cancelled. */
static gboolean
wait_for_socket (ImageServer *server,
                 gint64 deadline,
                 GCancellable *cancellable,
                 GError **error)
{
    const unsigned direction = nbd_aio_get_direction (server->nbd);
    const gint64 left = (deadline - g_get_monotonic_time ()) / 1000;
    GPollFD fds[2] = { { .fd = nbd_aio_get_fd (server->nbd) } };
    const gboolean watched =
        cancellable != NULL && g_cancellable_make_pollfd (cancellable, &fds[1]);

    fds[0].events = (gushort) ((direction & LIBNBD_AIO_DIRECTION_READ ? G_IO_IN : 0) |
                               (direction & LIBNBD_AIO_DIRECTION_WRITE ? G_IO_OUT : 0));
    g_poll (fds, watched ? 2 : 1, (int) CLAMP (left, 0, G_MAXINT));
    if (watched)
        g_cancellable_release_fd (cancellable);
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
    if (left <= 0) {
        g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT,
                             SERVER_PROGRAM ": not done in time");
        return FALSE;
    }
    /* Errors of these show in the state. */
    if ((fds[0].revents & ~G_IO_OUT) != 0 && (direction & LIBNBD_AIO_DIRECTION_READ) != 0)
        nbd_aio_notify_read (server->nbd);
    else if (fds[0].revents != 0 && (direction & LIBNBD_AIO_DIRECTION_WRITE) != 0)
        nbd_aio_notify_write (server->nbd);
    return TRUE;
}

static gboolean
connection_ended (const ImageServer *server)
{
    return nbd_aio_is_dead (server->nbd) != 0 || nbd_aio_is_closed (server->nbd) != 0;
}

static gboolean
shake_hands (ImageServer *server, int client, GCancellable *cancellable, GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + START_TIMEOUT_MS * 1000ll;

    server->nbd = nbd_create ();
    if (server->nbd == NULL) {
        close (client);
        return io_error (error, "NBD");
    }
    nbd_set_debug (server->nbd, FALSE);
    nbd_set_pread_initialize (server->nbd, FALSE);
    /* Takes the descriptor, also when it fails. */
    nbd_aio_connect_socket (server->nbd, client);
    while (nbd_aio_is_ready (server->nbd) != 1) {
        if (connection_ended (server))
            return set_ended (server, error);
        if (!wait_for_socket (server, deadline, cancellable, error))
            return FALSE;
    }
    const gint64 size = nbd_get_size (server->nbd);
    if (size < 0) {
        g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_TOOL,
                             SERVER_PROGRAM ": does not say how large the disk is");
        return FALSE;
    }
    server->size = (guint64) size;
    return TRUE;
}

static gboolean
read_chunk (ImageServer *server,
            guint64 offset,
            guint8 *data,
            gsize len,
            gint64 deadline,
            GCancellable *cancellable,
            GError **error)
{
    const gint64 cookie =
        nbd_aio_pread (server->nbd, data, len, offset, NBD_NULL_COMPLETION, 0);
    int done = 0;

    while (cookie >= 0 &&
           (done = nbd_aio_command_completed (server->nbd, (guint64) cookie)) == 0) {
        if (connection_ended (server))
            return set_ended (server, error);
        if (!wait_for_socket (server, deadline, cancellable, error)) {
            /* The answer must not come into memory that is used for something else. */
            g_clear_pointer (&server->nbd, nbd_close);
            return FALSE;
        }
    }
    if (done > 0)
        return TRUE;
    if (connection_ended (server))
        return set_ended (server, error);
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN, "reading the disk: %s",
                 g_strerror (nbd_get_errno ()));
    return FALSE;
}

ImageServer *
image_server_start (const char *name, GCancellable *cancellable, GError **error)
{
    g_autoptr (ImageServer) server = g_new0 (ImageServer, 1);
    int listener, client;

    server->name = g_strdup (name);
    server->words = -1;
    if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
        !make_sockets (&listener, &client, error))
        return NULL;
    const gboolean spawned = spawn (server, listener, error);
    close (listener);
    if (!spawned) {
        close (client);
        return NULL;
    }
    return shake_hands (server, client, cancellable, error) ? g_steal_pointer (&server)
                                                            : NULL;
}

void
image_server_free (ImageServer *server)
{
    if (server == NULL)
        return;
    g_clear_pointer (&server->nbd, nbd_close);
    end_process (server);
    if (server->words >= 0)
        close (server->words);
    g_free (server->name);
    g_free (server);
}

guint64
image_server_get_size (const ImageServer *server)
{
    return server->size;
}

gboolean
image_server_read (ImageServer *server,
                   guint64 offset,
                   guint8 *data,
                   gsize len,
                   GCancellable *cancellable,
                   GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + READ_TIMEOUT_MS * 1000ll;

    if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
    if (server->nbd == NULL) {
        g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_TOOL,
                             SERVER_PROGRAM ": was given up");
        return FALSE;
    }
    for (gsize done = 0; done < len; done += MIN (len - done, CHUNK))
        if (!read_chunk (server, offset + done, data + done, MIN (len - done, CHUNK),
                         deadline, cancellable, error))
            return FALSE;
    return TRUE;
}
