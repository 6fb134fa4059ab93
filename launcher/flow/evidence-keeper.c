/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/flow/evidence-keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/owner-file.h"
#include "policy/policy-error.h"

#define NAME_SIZE 132u
#define TEXT_SIZE 512u

typedef enum {
    KEEPER_CHECK = 'k',
    KEEPER_BEGIN = 'b',
    KEEPER_COMMIT = 'c',
} KeeperWord;

/* Both ends are this program.  With "commit" the file follows. */
typedef struct {
    KeeperWord word;
    gboolean strict; /* with "begin": no place but where `head` says */
    guint32 len;
    char name[NAME_SIZE];
} KeeperRequest;

typedef struct {
    gboolean ok;
    gboolean damaged; /* the folder is why not */
    EvidencePlace place;
    char text[TEXT_SIZE]; /* name of the file; or what is wrong */
} KeeperReply;

struct _EvidenceKeeper {
    pid_t pid;
    int fd;
    char *dir;
};

static gboolean
send_all (int fd, const void *data, gsize len)
{
    const guint8 *at = data;

    while (len > 0) {
        const ssize_t n = send (fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        at += n;
        len -= (gsize) n;
    }
    return TRUE;
}

static gboolean
receive_all (int fd, void *data, gsize len)
{
    guint8 *at = data;

    while (len > 0) {
        const ssize_t n = recv (fd, at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        at += n;
        len -= (gsize) n;
    }
    return TRUE;
}

/* The other end may have dropped its privileges and been taken over since: it can write
 * files of this name into this folder, and nothing else. */
static gboolean
serve_commit (int fd, EvidenceStore *store, KeeperRequest *request, KeeperReply *reply)
{
    g_autoptr (GError) error = NULL;

    request->name[sizeof request->name - 1] = '\0';
    if (request->len == 0 || request->len > EVIDENCE_MAX_SIZE)
        return FALSE;
    g_autofree guint8 *data = g_malloc (request->len);
    if (!receive_all (fd, data, request->len))
        return FALSE;
    g_autoptr (GBytes) file = g_bytes_new (data, request->len);
    g_autofree char *name = evidence_store_commit (store, request->name, file, &error);
    reply->ok = name != NULL;
    reply->damaged = g_error_matches (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
    g_strlcpy (reply->text, name != NULL ? name : error->message, sizeof reply->text);
    return TRUE;
}

static gboolean
serve_begin (EvidenceStore *store, const KeeperRequest *request, KeeperReply *reply)
{
    g_autofree char *why = NULL;
    g_autoptr (GError) error = NULL;

    reply->ok =
        evidence_store_begin (store, &reply->place, request->strict ? NULL : &why, &error);
    reply->damaged = g_error_matches (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
    if (why != NULL || error != NULL)
        g_strlcpy (reply->text, why != NULL ? why : error->message, sizeof reply->text);
    if (request->word == KEEPER_CHECK)
        evidence_store_abort (store);
    return reply->ok && request->word == KEEPER_BEGIN;
}

static void
keep (int fd, EvidenceStore *store)
{
    KeeperRequest request;
    gboolean begun = FALSE;

    signal (SIGINT, SIG_IGN);
    signal (SIGTERM, SIG_IGN);
    signal (SIGHUP, SIG_IGN);
    prctl (PR_SET_NAME, "sevlaunch-evid");
    while (receive_all (fd, &request, sizeof request)) {
        KeeperReply reply = { 0 };

        if ((request.word == KEEPER_CHECK || request.word == KEEPER_BEGIN) && !begun) {
            begun = serve_begin (store, &request, &reply);
        } else if (request.word == KEEPER_COMMIT && begun) {
            begun = FALSE;
            if (!serve_commit (fd, store, &request, &reply))
                break;
        } else {
            break;
        }
        if (!send_all (fd, &reply, sizeof reply))
            break;
    }
}

/* Nothing but its socket: who waits for the end of another process would wait for this. */
static void
close_others (int fd)
{
    if (fd > STDERR_FILENO + 1)
        (void) close_range (STDERR_FILENO + 1, (unsigned) fd - 1, 0);
    (void) close_range ((unsigned) fd + 1, ~0u, 0);
}

static EvidenceStore *
open_store (const char *path, char **resolved, GError **error)
{
    const int dir = policy_dir_open (path, resolved, error);

    if (dir < 0)
        return NULL;
    EvidenceStore *store = evidence_store_open_at (dir, error);
    close (dir);
    return store;
}

static EvidenceKeeper *
start_failed (const char *what, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "%s: %s", what,
                 g_strerror (errno));
    return NULL;
}

EvidenceKeeper *
evidence_keeper_start (const char *path, GError **error)
{
    g_autofree char *resolved = NULL;
    int ends[2];
    EvidenceStore *store = open_store (path, &resolved, error);

    if (store == NULL)
        return NULL;
    evidence_store_free (store);
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return start_failed ("socketpair", error);
    const pid_t pid = fork ();
    if (pid == 0) {
        close_others (ends[1]);
        store = open_store (resolved, NULL, NULL);
        if (store != NULL)
            keep (ends[1], store);
        _exit (0);
    }
    close (ends[1]);
    if (pid < 0) {
        close (ends[0]);
        return start_failed ("fork", error);
    }
    EvidenceKeeper *keeper = g_new0 (EvidenceKeeper, 1);
    keeper->pid = pid;
    keeper->fd = ends[0];
    keeper->dir = g_steal_pointer (&resolved);
    return keeper;
}

static gboolean
ask (EvidenceKeeper *keeper,
     const KeeperRequest *request,
     const void *data,
     KeeperReply *reply,
     GError **error)
{
    const gboolean heard = send_all (keeper->fd, request, sizeof *request) &&
                           send_all (keeper->fd, data, request->len) &&
                           receive_all (keeper->fd, reply, sizeof *reply);

    if (heard && reply->ok)
        return TRUE;
    if (heard && reply->damaged)
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE, reply->text);
    else
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO,
                             heard ? reply->text : "evidence: its writer has died");
    return FALSE;
}

gboolean
evidence_keeper_begin (EvidenceKeeper *keeper,
                       EvidencePlace *out,
                       char **why,
                       GError **error)
{
    const KeeperRequest request = { .word = KEEPER_BEGIN, .strict = why == NULL };
    KeeperReply reply;

    if (!ask (keeper, &request, NULL, &reply, error))
        return FALSE;
    *out = reply.place;
    if (why != NULL)
        *why = reply.place.gap ? g_strdup (reply.text) : NULL;
    return TRUE;
}

gboolean
evidence_keeper_check (EvidenceKeeper *keeper, GError **error)
{
    const KeeperRequest request = { .word = KEEPER_CHECK, .strict = TRUE };
    KeeperReply reply;

    return ask (keeper, &request, NULL, &reply, error);
}

char *
evidence_keeper_commit (EvidenceKeeper *keeper,
                        const char *name,
                        GBytes *file,
                        GError **error)
{
    KeeperRequest request = { .word = KEEPER_COMMIT };
    KeeperReply reply;
    gsize len;
    const void *data = g_bytes_get_data (file, &len);

    request.len = (guint32) len;
    g_strlcpy (request.name, name, sizeof request.name);
    if (!ask (keeper, &request, data, &reply, error))
        return NULL;
    return g_build_filename (keeper->dir, EVIDENCE_DIR, reply.text, NULL);
}

void
evidence_keeper_free (EvidenceKeeper *keeper)
{
    if (keeper == NULL)
        return;
    close (keeper->fd);
    while (waitpid (keeper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    g_free (keeper->dir);
    g_free (keeper);
}
