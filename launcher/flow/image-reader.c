/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/flow/image-reader.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/flow/image-answer.h"

/* What can be asked. */
#define ASK_OPEN 'o'
#define ASK_UUID 'u'
#define ASK_UKI 'k'
#define ASK_LUKS 'l'
#define ASK_HOLD 'h'

struct _ImageReader {
    pid_t pid;
    int fd;
};

/* The child. */

typedef struct {
    const char *path;
    const char *format;
    const char *const *backing;
    const RunAs *run_as;
    ImageInfo *image; /* (nullable): opened by the first question */
    gboolean dropped;
    pid_t parent;
    int kernel; /* what was given to the parent; -1: nothing */
} Child;

static gboolean
write_all (int fd, const guint8 *data, gsize len)
{
    while (len > 0) {
        const gssize n = write (fd, data, len);

        if (n < 0 && errno != EINTR)
            return FALSE;
        data += MAX (n, 0);
        len -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

/* The length, and with it @passed, a descriptor or -1. */
static gboolean
write_head (int fd, guint32 len, int passed)
{
    union {
        struct cmsghdr header;
        guint8 space[CMSG_SPACE (sizeof (int))];
    } control = { .space = { 0 } };
    struct iovec part = { &len, sizeof len };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (passed >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN (sizeof passed);
        memcpy (CMSG_DATA (&control.header), &passed, sizeof passed);
    }
    return sendmsg (fd, &message, MSG_NOSIGNAL) == (ssize_t) sizeof len;
}

/* Not with the parent's death alone: a tool that runs could take its time. */
static gboolean
tie_to_parent (const Child *child)
{
    return prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid () == child->parent;
}

static gboolean
drop (Child *child, GError **error)
{
    if (child->run_as == NULL || child->dropped)
        return TRUE;
    child->dropped = run_as_drop (child->run_as, error);
    /* The change of user has undone it. */
    if (child->dropped && !tie_to_parent (child))
        _exit (1);
    return child->dropped;
}

static gboolean
open_image (Child *child, GError **error)
{
    const char *const paths[] = { child->path, NULL };
    g_autoptr (GError) cause = NULL;

    if (child->image != NULL)
        return TRUE;
    if (!drop (child, error))
        return FALSE;
    child->image =
        image_info_open (child->path, child->format, child->backing, NULL, &cause);
    if (child->image != NULL)
        return TRUE;
    /* Names the directory that is in the way, and what helps. */
    if (child->run_as != NULL &&
        g_error_matches (cause, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE) &&
        !run_as_check_readable (paths, error))
        return FALSE;
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

/* What is wrong inside of the image is found again, and said, when it is to boot. */
static gboolean
is_about_content (const GError *error)
{
    return error->domain == IMAGE_ERROR && error->code >= IMAGE_ERROR_GPT_MISSING &&
           error->code < IMAGE_ERROR_TOOL;
}

static GBytes *
find_uuid (Child *child, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autofree char *uuid = luks_find_uuid (child->image, NULL, &cause);

    if (uuid == NULL && !is_about_content (cause)) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return NULL;
    }
    return image_answer_uuid (uuid);
}

/* Nothing in this process is secret; those who run the guest, under the same user, may open
 * what it holds. */
static GBytes *
hold (Child *child, GError **error)
{
    image_info_close (child->image);
    if (child->kernel >= 0 && prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) == 0)
        return image_answer_fd (child->kernel);
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                         "no kernel image to hold");
    return NULL;
}

/* @passed: (out): a descriptor that goes with it, or -1 */
static GBytes *
answer (Child *child, char question, int *passed, GError **error)
{
    if (!open_image (child, error))
        return NULL;
    if (question == ASK_OPEN)
        return image_answer_info (child->image);
    if (question == ASK_UUID)
        return find_uuid (child, error);
    if (question == ASK_LUKS) {
        g_autoptr (LuksHeader) header = luks_find (child->image, NULL, error);
        return header != NULL ? image_answer_luks (header) : NULL;
    }
    if (question == ASK_HOLD)
        return hold (child, error);
    g_autoptr (EspUki) uki = esp_extract_uki (child->image, NULL, error);
    if (uki == NULL)
        return NULL;
    if (child->kernel >= 0)
        close (child->kernel);
    *passed = child->kernel = uki->fd;
    uki->fd = -1;
    return image_answer_uki (uki);
}

static gboolean
serve (Child *child, char question, int fd)
{
    g_autoptr (GError) error = NULL;
    int passed = -1;
    g_autoptr (GBytes) bytes = answer (child, question, &passed, &error);
    gsize len;

    if (bytes == NULL)
        bytes = image_answer_error (error);
    const guint8 *data = g_bytes_get_data (bytes, &len);
    return len <= IMAGE_ANSWER_MAX && write_head (fd, (guint32) len, passed) &&
           write_all (fd, data, len);
}

static double
cpu_ms (int who)
{
    struct rusage usage = { 0 };

    getrusage (who, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void G_GNUC_NORETURN
child_main (Child *child, int fd)
{
    const struct rlimit none = { 0, 0 };
    char question;

    /* A terminal's signals go to the parent too; it ends this one. */
    signal (SIGINT, SIG_IGN);
    signal (SIGTERM, SIG_IGN);
    signal (SIGHUP, SIG_IGN);
    signal (SIGPIPE, SIG_IGN);
    if (!tie_to_parent (child) || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit (RLIMIT_CORE, &none) != 0)
        _exit (1);
    while (read (fd, &question, 1) == 1)
        if (!serve (child, question, fd))
            _exit (1);
    image_info_free (child->image);
    /* Read by bench/bench-host.py. */
    g_debug ("reading the image took %.1f ms of CPU, and %.1f ms in tools",
             cpu_ms (RUSAGE_SELF), cpu_ms (RUSAGE_CHILDREN));
    _exit (0);
}

/* The parent. */

ImageReader *
image_reader_start (const char *path,
                    const char *format,
                    const char *const *backing,
                    const RunAs *run_as,
                    GError **error)
{
    Child child = { .path = path,
                    .format = format,
                    .backing = backing,
                    .run_as = run_as,
                    .parent = getpid (),
                    .kernel = -1 };
    int ends[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "socket: %s",
                     g_strerror (errno));
        return NULL;
    }
    const pid_t pid = fork ();
    if (pid == 0) {
        close (ends[0]);
        child_main (&child, ends[1]);
    }
    close (ends[1]);
    if (pid < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "fork: %s",
                     g_strerror (errno));
        close (ends[0]);
        return NULL;
    }
    ImageReader *reader = g_new0 (ImageReader, 1);
    reader->pid = pid;
    reader->fd = ends[0];
    return reader;
}

void
image_reader_close (ImageReader *reader)
{
    if (reader->pid == 0)
        return;
    /* It ends in peace, and with it QEMU's hold on the image; other children of this
     * process may have inherited the descriptor. */
    shutdown (reader->fd, SHUT_RDWR);
    close (reader->fd);
    while (waitpid (reader->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    reader->pid = 0;
    reader->fd = -1;
}

void
image_reader_free (ImageReader *reader)
{
    if (reader == NULL)
        return;
    image_reader_close (reader);
    g_free (reader);
}

static gboolean
died (GError **error)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                         "the process that reads the image has died");
    return FALSE;
}

/* Until there is something to read. */
static gboolean
wait_for_answer (ImageReader *reader, GCancellable *cancellable, GError **error)
{
    GPollFD fds[2] = { { .fd = reader->fd, .events = G_IO_IN } };
    const gboolean watched =
        cancellable != NULL && g_cancellable_make_pollfd (cancellable, &fds[1]);

    while (g_poll (fds, watched ? 2 : 1, -1) < 0 && errno == EINTR)
        continue;
    if (watched)
        g_cancellable_release_fd (cancellable);
    if (!g_cancellable_set_error_if_cancelled (cancellable, error))
        return TRUE;
    kill (reader->pid, SIGKILL);
    return FALSE;
}

/* Takes the descriptor too, if there is one; @passed: (out): it, or -1 */
static gboolean
read_head (int fd, guint32 *len, int *passed)
{
    union {
        struct cmsghdr header;
        guint8 space[CMSG_SPACE (sizeof (int))];
    } control;
    struct iovec part = { len, sizeof *len };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    ssize_t n;

    *passed = -1;
    while ((n = recvmsg (fd, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL)) < 0 &&
           errno == EINTR)
        continue;
    /* There is room for one; the kernel closes what has none. */
    const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR (&message) : NULL;
    if (header != NULL && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN (sizeof *passed))
        memcpy (passed, CMSG_DATA (header), sizeof *passed);
    return n == (ssize_t) sizeof *len;
}

static GBytes *
read_body (ImageReader *reader, guint32 len, GCancellable *cancellable, GError **error)
{
    g_autofree guint8 *data = g_malloc (MAX (len, 1));

    for (guint32 done = 0; done < len;) {
        if (!wait_for_answer (reader, cancellable, error))
            return NULL;
        const gssize n = read (reader->fd, data + done, len - done);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            died (error);
            return NULL;
        }
        done += (guint32) MAX (n, 0);
    }
    return g_bytes_new_take (g_steal_pointer (&data), len);
}

/* @passed: (out) (transfer full): a descriptor or -1 */
static GBytes *
ask (ImageReader *reader,
     char question,
     int *passed,
     GCancellable *cancellable,
     GError **error)
{
    guint32 len = 0;
    int fd = -1;
    GBytes *body = NULL;

    *passed = -1;
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
    if (send (reader->fd, &question, 1, MSG_NOSIGNAL) != 1) {
        died (error);
        return NULL;
    }
    if (!wait_for_answer (reader, cancellable, error))
        return NULL;
    if (!read_head (reader->fd, &len, &fd) || len > IMAGE_ANSWER_MAX)
        died (error);
    else
        body = read_body (reader, len, cancellable, error);
    if (body != NULL)
        *passed = fd;
    else if (fd >= 0)
        close (fd);
    return body;
}

/* For an answer that no descriptor belongs to. */
static GBytes *
ask_plain (ImageReader *reader, char question, GCancellable *cancellable, GError **error)
{
    int passed;
    GBytes *body = ask (reader, question, &passed, cancellable, error);

    if (passed >= 0)
        close (passed);
    return body;
}

ImageInfo *
image_reader_open (ImageReader *reader, GCancellable *cancellable, GError **error)
{
    g_autoptr (GBytes) body = ask_plain (reader, ASK_OPEN, cancellable, error);

    return body != NULL ? image_answer_take_info (body, error) : NULL;
}

gboolean
image_reader_uuid (ImageReader *reader,
                   char **uuid,
                   GCancellable *cancellable,
                   GError **error)
{
    g_autoptr (GBytes) body = ask_plain (reader, ASK_UUID, cancellable, error);

    *uuid = NULL;
    return body != NULL && image_answer_take_uuid (body, uuid, error);
}

EspUki *
image_reader_uki (ImageReader *reader, GCancellable *cancellable, GError **error)
{
    int passed;
    g_autoptr (GBytes) body = ask (reader, ASK_UKI, &passed, cancellable, error);

    return body != NULL ? image_answer_take_uki (body, passed, error) : NULL;
}

char *
image_reader_hold (ImageReader *reader, GCancellable *cancellable, GError **error)
{
    g_autoptr (GBytes) body = ask_plain (reader, ASK_HOLD, cancellable, error);
    const int fd = body != NULL ? image_answer_take_fd (body, error) : -1;

    return fd >= 0 ? g_strdup_printf ("/proc/%d/fd/%d", (int) reader->pid, fd) : NULL;
}

LuksHeader *
image_reader_luks (ImageReader *reader, GCancellable *cancellable, GError **error)
{
    g_autoptr (GBytes) body = ask_plain (reader, ASK_LUKS, cancellable, error);

    return body != NULL ? image_answer_take_luks (body, error) : NULL;
}
