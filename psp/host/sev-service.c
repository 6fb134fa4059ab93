/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/sev-service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "psp/host/host-error.h"
#include "psp/host/sev-driver.h"

#define PID_FILE "rt/sev-device.pid"
#define FIRST_CLIENT_MS 60000
#define MAX_CLIENTS 900u
#define OWN_FDS 32u /* what the service itself opens, for a command also; generous */
#define RETRY_MS 100
#define MAX_FDS 4u /* taken from one message; all but one are closed */
#define BACKLOG 128

enum {
    LISTEN_READ_WRITE,
    LISTEN_READ_ONLY,
    N_LISTEN,
};

static const char *const socket_names[N_LISTEN] = { SEV_DEVICE_SOCKET_READ_WRITE,
                                                    SEV_DEVICE_SOCKET_READ_ONLY };

/* The first N_LISTEN entries are the listeners; @writable goes with the others. */
typedef struct {
    const HostDir *host;
    GArray *polled;   /* of struct pollfd */
    GArray *writable; /* of gboolean */
    guint max_clients;
    gboolean full; /* no descriptor was left for the next client, who waits */
    int pid_file;
} Service;

static void
service_clear (Service *service)
{
    for (guint i = 0; i < service->polled->len; i++)
        close (g_array_index (service->polled, struct pollfd, i).fd);
    g_array_unref (service->polled);
    g_array_unref (service->writable);
    if (service->pid_file >= 0)
        close (service->pid_file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Service, service_clear)

static void
add (Service *service, int fd, gboolean writable)
{
    const struct pollfd entry = { .fd = fd, .events = POLLIN };

    g_array_append_val (service->polled, entry);
    g_array_append_val (service->writable, writable);
}

static gboolean
lock_pid_file (Service *service, GError **error)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char text[16];

    const int rt = host_dir_open_sub (service->host, "rt", error);
    if (rt < 0)
        return FALSE;
    close (rt);
    service->pid_file = openat (service->host->fd, PID_FILE,
                                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (service->pid_file < 0) {
        host_error_set_errno (error, errno, "opening '%s/" PID_FILE "'",
                              service->host->path);
        return FALSE;
    }
    if (fcntl (service->pid_file, F_SETLK, &lock) != 0) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_STATE,
                     "the service of '%s' runs already", service->host->path);
        return FALSE;
    }
    const int len = snprintf (text, sizeof text, "%d\n", getpid ());
    if (ftruncate (service->pid_file, 0) == 0 &&
        write (service->pid_file, text, (size_t) len) == len)
        return TRUE;
    host_error_set_errno (error, errno, "writing '%s/" PID_FILE "'", service->host->path);
    return FALSE;
}

/* The address is what a shim compares with, so it is the directory's one true name. */
static gboolean
listen_at (Service *service, const char *name, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_autofree char *host = realpath (service->host->path, NULL);
    const int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int n = g_snprintf (address.sun_path, sizeof address.sun_path, "%s/%s",
                              host != NULL ? host : service->host->path, name);

    if (fd >= 0)
        add (service, fd, FALSE);
    if (n < 0 || (gsize) n >= sizeof address.sun_path)
        errno = ENAMETOOLONG;
    else if (fd >= 0 && (unlink (address.sun_path) == 0 || errno == ENOENT) &&
             bind (fd, (struct sockaddr *) &address, sizeof address) == 0 &&
             listen (fd, BACKLOG) == 0)
        return TRUE;
    host_error_set_errno (error, errno, "socket '%s'", address.sun_path);
    return FALSE;
}

static gboolean
is_own (int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.uid == geteuid ();
}

/* As the limit of descriptors allows. */
static guint
count_clients_allowed (void)
{
    struct rlimit limit;

    if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MAX_CLIENTS + OWN_FDS)
        return MAX_CLIENTS;
    return limit.rlim_cur > OWN_FDS ? (guint) limit.rlim_cur - OWN_FDS : 1;
}

static void
take_clients (Service *service, guint listener)
{
    for (;;) {
        const int fd = accept4 (g_array_index (service->polled, struct pollfd, listener).fd,
                                NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            service->full = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
            return;
        }
        /* Its other end reads an end of file: nothing ever comes, and it was taken. */
        if (service->polled->len - N_LISTEN < service->max_clients && is_own (fd) &&
            shutdown (fd, SHUT_WR) == 0)
            add (service, fd, listener == LISTEN_READ_WRITE);
        else
            close (fd);
    }
}

/* One datagram and the descriptors that came with it. */
typedef struct {
    guint8 bytes[SEV_DEVICE_MESSAGE_MAX];
    gssize len;
    int fds[MAX_FDS];
    guint n_fds;
} Message;

static gboolean
receive (int fd, Message *message)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE (sizeof (int) * MAX_FDS)];
    } control;
    struct iovec part = { message->bytes, sizeof message->bytes };
    struct msghdr header = { .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes };

    message->n_fds = 0;
    message->len = recvmsg (fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (message->len < 0)
        return FALSE;
    for (struct cmsghdr *i = CMSG_FIRSTHDR (&header); i != NULL;
         i = CMSG_NXTHDR (&header, i)) {
        if (i->cmsg_level != SOL_SOCKET || i->cmsg_type != SCM_RIGHTS)
            continue;
        message->n_fds = (guint) ((i->cmsg_len - CMSG_LEN (0)) / sizeof (int));
        memcpy (message->fds, CMSG_DATA (i), message->n_fds * sizeof (int));
    }
    return TRUE;
}

/* Returns: whether it is a well-formed request. */
static gboolean
read_request (const Message *message, SevDriverCall *call)
{
    SevDeviceRequest request;
    const guint8 *next = message->bytes + sizeof request;
    gsize left = (gsize) message->len;

    if (left < sizeof request || message->n_fds != 1)
        return FALSE;
    memcpy (&request, message->bytes, sizeof request);
    left -= sizeof request;
    if (request.magic != SEV_DEVICE_MAGIC || request.data_len > sizeof call->data ||
        request.data_len > left)
        return FALSE;
    call->cmd = request.cmd;
    call->error = request.error;
    call->data_len = request.data_len;
    memcpy (call->data, next, request.data_len);
    next += request.data_len;
    left -= request.data_len;
    for (guint i = 0; i < SEV_DEVICE_BLOBS; i++) {
        const guint32 len = request.blob_len[i];

        if (len > sizeof call->blob[i] || len > left)
            return FALSE;
        call->blob_len[i] = len;
        memcpy (call->blob[i], next, len);
        next += len;
        left -= len;
    }
    return left == 0;
}

static void
send_reply (int fd, const SevDriverCall *call, int saved_errno)
{
    const SevDeviceReply reply = { .magic = SEV_DEVICE_MAGIC,
                                   .saved_errno = saved_errno,
                                   .error = call->error,
                                   .data_len = call->data_len,
                                   .blob_len = { call->blob_len[0], call->blob_len[1] } };
    struct iovec parts[] = { { (void *) &reply, sizeof reply },
                             { (void *) call->data, call->data_len },
                             { (void *) call->blob[0], call->blob_len[0] },
                             { (void *) call->blob[1], call->blob_len[1] } };
    const struct msghdr header = { .msg_iov = parts, .msg_iovlen = G_N_ELEMENTS (parts) };

    if (sendmsg (fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        g_debug ("an answer was not taken: %s", g_strerror (errno));
}

/* Returns: %FALSE when the client has gone. */
static gboolean
serve (Service *service, const struct pollfd *client, gboolean writable)
{
    g_autofree Message *message = g_new (Message, 1);

    if ((client->revents & POLLIN) == 0)
        return FALSE;
    if (!receive (client->fd, message))
        return errno == EAGAIN || errno == EINTR;
    if (message->len == 0 && (client->revents & POLLHUP) != 0)
        return FALSE;
    g_autofree SevDriverCall *call = g_new0 (SevDriverCall, 1);
    call->writable = writable;
    /* What is no request, a write() by the program for instance, has no answer. */
    if (read_request (message, call)) {
        const int saved_errno = sev_driver_call (service->host, call);

        send_reply (message->fds[0], call, saved_errno);
    }
    for (guint i = 0; i < message->n_fds; i++)
        close (message->fds[i]);
    return TRUE;
}

static void
serve_ready (Service *service)
{
    for (guint i = service->polled->len - 1; i >= N_LISTEN; i--) {
        const struct pollfd client = g_array_index (service->polled, struct pollfd, i);

        if (client.revents == 0 ||
            serve (service, &client, g_array_index (service->writable, gboolean, i)))
            continue;
        close (client.fd);
        g_array_remove_index (service->polled, i);
        g_array_remove_index (service->writable, i);
    }
}

/* While there is no descriptor for them, clients that knock are no reason to wake up. */
static int
wait_for_work (Service *service, int timeout)
{
    struct pollfd *polled = (struct pollfd *) (void *) service->polled->data;
    const gboolean full = service->full;

    for (guint i = 0; i < N_LISTEN; i++)
        polled[i].events = full ? 0 : POLLIN;
    service->full = FALSE;
    const int n = poll (polled, service->polled->len, full ? RETRY_MS : timeout);
    return n == 0 && full ? 1 : n;
}

static gboolean
loop (Service *service, GError **error)
{
    gboolean had_client = FALSE;

    while (!had_client || service->polled->len > N_LISTEN) {
        const int n = wait_for_work (service, had_client ? -1 : FIRST_CLIENT_MS);

        if (n == 0)
            return TRUE;
        if (n < 0 && errno != EINTR) {
            host_error_set_errno (error, errno, "poll");
            return FALSE;
        }
        if (n < 0)
            continue;
        serve_ready (service);
        for (guint i = 0; i < N_LISTEN; i++)
            take_clients (service, i);
        had_client = had_client || service->polled->len > N_LISTEN;
    }
    return TRUE;
}

gboolean
sev_service_run (const HostDir *host, GError **error)
{
    g_auto (Service) service = {
        .host = host,
        .polled = g_array_new (FALSE, FALSE, sizeof (struct pollfd)),
        .writable = g_array_new (FALSE, FALSE, sizeof (gboolean)),
        .max_clients = count_clients_allowed (),
        .pid_file = -1,
    };

    if (!lock_pid_file (&service, error))
        return FALSE;
    for (guint i = 0; i < N_LISTEN; i++)
        if (!listen_at (&service, socket_names[i], error))
            return FALSE;
    const gboolean ok = loop (&service, error);
    for (guint i = 0; i < N_LISTEN; i++)
        unlinkat (host->fd, socket_names[i], 0);
    return ok;
}
