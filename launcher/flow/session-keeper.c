/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/session-keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/domain/domain-config.h"
#include "policy/owner-file.h"
#include "policy/session-files.h"
#include "sev/wire/sev-cert-wire.h"

#define NAME_SIZE 80u
#define REPLY_SIZE 512u
#define BASE64_SIZE(n) (((n) + 2u) / 3u * 4u)

typedef enum {
    KEEPER_WRITE = 'w',
    KEEPER_UNDO = 'u',
} KeeperWord;

/* Both ends are this program. */
typedef struct {
    KeeperWord word;
    char name[NAME_SIZE];
    guint8 tik[SEV_KEY_SIZE];
    guint8 tek[SEV_KEY_SIZE];
    char godh[BASE64_SIZE (SEV_CERT_SIZE) + 1u];
    char blob[BASE64_SIZE (sizeof (SevSessionWire)) + 1u];
} KeeperRequest;

struct _SessionKeeper {
    pid_t pid;
    int fd;
    gboolean written;
};

static gboolean
write_files (int dir, const KeeperRequest *request, GError **error)
{
    const PolicySessionFiles files = { .tik = request->tik,
                                       .tek = request->tek,
                                       .godh = request->godh,
                                       .blob = request->blob };

    return policy_session_files_write (dir, request->name, &files, TRUE, error);
}

/* The other end may have dropped its privileges and been taken over since. */
static gboolean
is_sound (KeeperRequest *request)
{
    request->name[sizeof request->name - 1] = '\0';
    request->godh[sizeof request->godh - 1] = '\0';
    request->blob[sizeof request->blob - 1] = '\0';
    return domain_name_is_valid (request->name);
}

/* Not one of the signals of a terminal: it ends with the program, after the undo. */
static void
keep (int fd, int dir)
{
    KeeperRequest request;
    char reply[REPLY_SIZE];

    signal (SIGINT, SIG_IGN);
    signal (SIGTERM, SIG_IGN);
    signal (SIGHUP, SIG_IGN);
    prctl (PR_SET_NAME, "sevlaunch-keep");
    while (recv (fd, &request, sizeof request, 0) == (ssize_t) sizeof request) {
        g_autoptr (GError) error = NULL;

        reply[0] = '\0';
        if (!is_sound (&request))
            break;
        if (request.word == KEEPER_UNDO)
            policy_session_files_remove (dir, request.name);
        else if (!write_files (dir, &request, &error))
            g_strlcpy (reply, error->message, sizeof reply);
        sev_wipe (&request, sizeof request);
        if (send (fd, reply, strlen (reply) + 1, MSG_NOSIGNAL) < 0)
            break;
    }
    sev_wipe (&request, sizeof request);
}

static int
open_dir (const char *path, GError **error)
{
    if (mkdir (path, 0700) != 0 && errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO,
                     "cannot make the session directory '%s': %s", path,
                     g_strerror (errno));
        return -1;
    }
    return policy_dir_open_as ("session directory", path, NULL, error);
}

SessionKeeper *
session_keeper_start (const char *path, GError **error)
{
    int ends[2];
    const int dir = open_dir (path, error);

    if (dir < 0)
        return NULL;
    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "socketpair: %s",
                     g_strerror (errno));
        close (dir);
        return NULL;
    }
    const pid_t pid = fork ();
    if (pid == 0) {
        close (ends[0]);
        keep (ends[1], dir);
        _exit (0);
    }
    close (ends[1]);
    close (dir);
    if (pid < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "fork: %s",
                     g_strerror (errno));
        close (ends[0]);
        return NULL;
    }
    SessionKeeper *keeper = g_new0 (SessionKeeper, 1);
    keeper->pid = pid;
    keeper->fd = ends[0];
    return keeper;
}

static gboolean
ask (SessionKeeper *keeper, KeeperRequest *request, GError **error)
{
    char reply[REPLY_SIZE];
    ssize_t n = -1;

    if (send (keeper->fd, request, sizeof *request, MSG_NOSIGNAL) ==
        (ssize_t) sizeof *request)
        n = recv (keeper->fd, reply, sizeof reply, 0);
    sev_wipe (request, sizeof *request);
    if (n == 1)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "session files: %.*s",
                 n > 1 ? (int) n - 1 : 21, n > 1 ? reply : "their writer has died");
    return FALSE;
}

gboolean
session_keeper_write (SessionKeeper *keeper,
                      const char *name,
                      const PolicySession *session,
                      GError **error)
{
    KeeperRequest request = { .word = KEEPER_WRITE };
    g_autofree char *godh = policy_session_dup_cert_base64 (session);
    g_autofree char *blob = policy_session_dup_blob_base64 (session);

    g_strlcpy (request.name, name, sizeof request.name);
    g_strlcpy (request.godh, godh, sizeof request.godh);
    g_strlcpy (request.blob, blob, sizeof request.blob);
    memcpy (request.tik, sev_secret_data (policy_session_get_tik (session)), SEV_KEY_SIZE);
    memcpy (request.tek, sev_secret_data (policy_session_get_tek (session)), SEV_KEY_SIZE);
    keeper->written = ask (keeper, &request, error);
    return keeper->written;
}

void
session_keeper_undo (SessionKeeper *keeper, const char *name)
{
    KeeperRequest request = { .word = KEEPER_UNDO };
    g_autoptr (GError) error = NULL;

    if (!keeper->written)
        return;
    g_strlcpy (request.name, name, sizeof request.name);
    if (!ask (keeper, &request, &error))
        g_warning ("%s", error->message);
    keeper->written = FALSE;
}

void
session_keeper_free (SessionKeeper *keeper)
{
    close (keeper->fd);
    while (waitpid (keeper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    g_free (keeper);
}
