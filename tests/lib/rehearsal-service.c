/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rehearsal-service HOST SOCKET: the secure processor of an emulated host for QEMUs whose
 * KVM is rehearsal-kvm.c.  One guest after the other; a connection is one.  Ends with its
 * standard input.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "psp/host/platform.h"
#include "sev/wire/sev-wire.h"
#include "tests/lib/rehearsal-wire.h"

typedef struct {
    int fd;
    Platform *platform;
    guint32 handle;
    guint32 asid;
    RehearsalRequest request;
    guint8 *blob[2];
} Guest;

static gboolean
transfer (int fd, gpointer data, gsize len, gboolean out)
{
    guint8 *at = data;

    while (len > 0) {
        const ssize_t n = out ? send (fd, at, len, MSG_NOSIGNAL) : recv (fd, at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        at += n;
        len -= (gsize) n;
    }
    return TRUE;
}

/* Returns: the status, or one that no firmware has for a fault of this program's. */
static guint32
command (Guest *g, PspCommandId id, gpointer buffer, gsize len)
{
    g_autoptr (GError) error = NULL;
    SevStatus status;

    if (platform_command (g->platform, id, buffer, len, &status, &error))
        return status;
    fprintf (stderr, "rehearsal: %s: %s\n", psp_command_name (id), error->message);
    return G_MAXINT32;
}

static guint64
lend (Guest *g, gpointer data, gsize len)
{
    return GUINT64_TO_LE (bus_lend (platform_get_bus (g->platform), data, len));
}

/* KVM takes the ASID at its own INIT; from there on the platform has a guest. */
static guint32
take_asid (Guest *g, gboolean es)
{
    g_autoptr (GError) error = NULL;
    const gboolean ok = platform_take_asid (g->platform, es, &g->asid, &error);

    if (!ok)
        fprintf (stderr, "rehearsal: %s\n", error->message);
    platform_unlock (g->platform);
    return ok ? SEV_STATUS_SUCCESS : G_MAXINT32;
}

static guint32
start (Guest *g)
{
    PspLaunchStartCmd cmd = {
        .policy_le = GUINT32_TO_LE (g->request.value),
        .dh_cert_paddr_le = lend (g, g->blob[0], g->request.len[0]),
        .dh_cert_len_le = GUINT32_TO_LE (g->request.len[0]),
        .session_paddr_le = lend (g, g->blob[1], g->request.len[1]),
        .session_len_le = GUINT32_TO_LE (g->request.len[1]),
    };
    const guint32 status = command (g, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd);

    if (status != SEV_STATUS_SUCCESS)
        return status;
    g->handle = GUINT32_FROM_LE (cmd.handle_le);
    PspActivateCmd activate = { .handle_le = cmd.handle_le,
                                .asid_le = GUINT32_TO_LE (g->asid) };
    const guint32 flushed = command (g, PSP_CMD_DF_FLUSH, NULL, 0);
    return flushed != SEV_STATUS_SUCCESS
               ? flushed
               : command (g, PSP_CMD_ACTIVATE, &activate, sizeof activate);
}

static guint32
data_command (Guest *g, PspCommandId id, gpointer data, gsize len)
{
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (g->handle),
                             .paddr_le = lend (g, data, len),
                             .len_le = GUINT32_TO_LE ((guint32) len) };

    return command (g, id, &cmd, sizeof cmd);
}

static guint32
secret (Guest *g, guint8 *out)
{
    PspLaunchSecretCmd cmd = {
        .handle_le = GUINT32_TO_LE (g->handle),
        .hdr_paddr_le = lend (g, g->blob[0], g->request.len[0]),
        .hdr_len_le = GUINT32_TO_LE (g->request.len[0]),
        .guest_paddr_le = lend (g, out, g->request.value),
        .guest_len_le = GUINT32_TO_LE (g->request.value),
        .trans_paddr_le = lend (g, g->blob[1], g->request.len[1]),
        .trans_len_le = GUINT32_TO_LE (g->request.len[1]),
    };

    return command (g, PSP_CMD_LAUNCH_SECRET, &cmd, sizeof cmd);
}

static guint32
ask_status (Guest *g, RehearsalReply *reply)
{
    PspGuestStatusCmd cmd = { .handle_le = GUINT32_TO_LE (g->handle) };
    const guint32 status = command (g, PSP_CMD_GUEST_STATUS, &cmd, sizeof cmd);

    reply->value = cmd.state;
    reply->policy = GUINT32_FROM_LE (cmd.policy_le);
    return status;
}

/* @out: room for @room bytes, of which a success gives all */
static void
perform (Guest *g, RehearsalReply *reply, guint8 *out, gsize room)
{
    PspHandleCmd finish = { .handle_le = GUINT32_TO_LE (g->handle) };

    switch (g->request.id) {
    case KVM_SEV_INIT:
    case KVM_SEV_ES_INIT:
        reply->status = take_asid (g, g->request.id == KVM_SEV_ES_INIT);
        break;
    case KVM_SEV_LAUNCH_START:
        reply->status = start (g);
        reply->value = g->handle;
        break;
    case KVM_SEV_LAUNCH_UPDATE_DATA:
        reply->status =
            data_command (g, PSP_CMD_LAUNCH_UPDATE_DATA, g->blob[0], g->request.len[0]);
        break;
    case KVM_SEV_LAUNCH_UPDATE_VMSA:
        reply->status =
            data_command (g, PSP_CMD_LAUNCH_UPDATE_VMSA, g->blob[0], g->request.len[0]);
        break;
    case KVM_SEV_LAUNCH_MEASURE:
        reply->status = data_command (g, PSP_CMD_LAUNCH_MEASURE, out, room);
        break;
    case KVM_SEV_LAUNCH_SECRET:
        reply->status = secret (g, out);
        break;
    case KVM_SEV_LAUNCH_FINISH:
        reply->status = command (g, PSP_CMD_LAUNCH_FINISH, &finish, sizeof finish);
        break;
    case KVM_SEV_GUEST_STATUS:
        reply->status = ask_status (g, reply);
        break;
    default:
        reply->status = SEV_STATUS_INVALID_COMMAND;
        break;
    }
    reply->len = reply->status == SEV_STATUS_SUCCESS ? (guint32) room : 0;
}

static gboolean
serve_one (Guest *g)
{
    RehearsalReply reply = { 0 };
    gboolean ok = transfer (g->fd, &g->request, sizeof g->request, FALSE);

    for (guint i = 0; i < 2 && ok; i++) {
        const guint32 len = g->request.len[i];

        ok = len <= REHEARSAL_BLOB_MAX;
        g->blob[i] = ok && len > 0 ? g_malloc (len) : NULL;
        ok = ok && transfer (g->fd, g->blob[i], len, FALSE);
    }
    const gsize room = g->request.id == KVM_SEV_LAUNCH_MEASURE  ? sizeof (SevMeasureWire)
                       : g->request.id == KVM_SEV_LAUNCH_SECRET ? g->request.value
                                                                : 0;
    g_autofree guint8 *out = ok && room <= REHEARSAL_BLOB_MAX ? g_malloc0 (room + 1) : NULL;
    if (ok && out != NULL) {
        perform (g, &reply, out, room);
        ok = transfer (g->fd, &reply, sizeof reply, TRUE) &&
             transfer (g->fd, out, reply.len, TRUE);
        printf ("%u %u\n", g->request.id, reply.status);
        fflush (stdout);
    }
    g_clear_pointer (&g->blob[0], g_free);
    g_clear_pointer (&g->blob[1], g_free);
    return ok && out != NULL;
}

static void
serve_guest (const HostDir *host, int fd)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Platform) platform = platform_open_init (host, &error);
    Guest g = { .fd = fd, .platform = platform };

    if (platform == NULL) {
        fprintf (stderr, "rehearsal: %s\n", error->message);
        return;
    }
    while (serve_one (&g))
        ;
}

static int
listen_at (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
    strcpy (address.sun_path, path);
    g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    g_assert_cmpint (listen (fd, 4), ==, 0);
    return fd;
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;

    if (argc != 3)
        return 2;
    g_autoptr (HostDir) host = host_dir_open (argv[1], &error);
    if (host == NULL) {
        fprintf (stderr, "rehearsal: %s\n", error->message);
        return 1;
    }
    struct pollfd fds[] = { { .fd = listen_at (argv[2]), .events = POLLIN },
                            { .fd = STDIN_FILENO, .events = POLLIN } };
    printf ("ready\n");
    fflush (stdout);
    while (poll (fds, 2, -1) >= 0 && fds[1].revents == 0) {
        const int fd = accept (fds[0].fd, NULL, NULL);

        if (fd < 0)
            continue;
        serve_guest (host, fd);
        close (fd);
    }
    return 0;
}
