/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ledger-text.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define TORN " torn\n"

struct _PolicyLedger {
    int fd;
};

static gboolean
io_error (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "ledger: %s: %s", what,
                 g_strerror (errno));
    return FALSE;
}

static gboolean
check_file (int fd, const char *name, GError **error)
{
    struct stat st;

    if (fstat (fd, &st) != 0)
        return io_error (error, "looking at it");
    if (!S_ISREG (st.st_mode) || st.st_uid != geteuid ()) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "owner's file '%s' is not a regular file of the caller", name);
        return FALSE;
    }
    if ((st.st_mode & 077) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE,
                     "owner's file '%s' has mode %04o, others may use it (chmod 600)", name,
                     st.st_mode & 07777);
        return FALSE;
    }
    return TRUE;
}

PolicyLedger *
policy_ledger_open_at (int dirfd, const char *name, GError **error)
{
    g_return_val_if_fail (name != NULL, NULL);

    const int fd =
        openat (dirfd, name,
                O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 && errno == ELOOP) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "owner's file '%s' is a link", name);
        return NULL;
    }
    if (fd < 0) {
        io_error (error, "opening it");
        return NULL;
    }
    if (!check_file (fd, name, error)) {
        close (fd);
        return NULL;
    }
    PolicyLedger *ledger = g_new0 (PolicyLedger, 1);
    ledger->fd = fd;
    return ledger;
}

void
policy_ledger_free (PolicyLedger *ledger)
{
    if (ledger == NULL)
        return;
    close (ledger->fd);
    g_free (ledger);
}

static gboolean
lock (PolicyLedger *ledger, int how, GError **error)
{
    while (flock (ledger->fd, how) != 0)
        if (errno != EINTR)
            return io_error (error, "locking it");
    return TRUE;
}

static GByteArray *
read_whole (PolicyLedger *ledger, GError **error)
{
    g_autoptr (GByteArray) text = g_byte_array_new ();
    guint8 buffer[16384];

    for (;;) {
        const gssize got = pread (ledger->fd, buffer, sizeof buffer, (off_t) text->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            io_error (error, "reading it");
            return NULL;
        }
        if (got == 0)
            return g_steal_pointer (&text);
        sev_put_bytes (text, buffer, (gsize) got);
        if (text->len > POLICY_LEDGER_MAX_SIZE) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_LEDGER_DAMAGED,
                         "ledger: more than %u bytes", POLICY_LEDGER_MAX_SIZE);
            return NULL;
        }
    }
}

static gboolean
append (PolicyLedger *ledger, const char *text, gsize len, GError **error)
{
    while (len > 0) {
        const gssize done = write (ledger->fd, text, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error (error, "appending to it");
        text += done;
        len -= (gsize) done;
    }
    return TRUE;
}

/* Under the lock. */
static gboolean
check_unseen (PolicyLedger *ledger,
              const guint8 *id,
              const guint8 *mnonce,
              gboolean *torn,
              GError **error)
{
    g_autoptr (GByteArray) text = read_whole (ledger, error);
    PolicyLedgerSeen seen = { 0 };

    if (text == NULL || !policy_ledger_scan ((const char *) text->data, text->len, id,
                                             mnonce, &seen, error))
        return FALSE;
    if (seen.session) {
        g_set_error_literal (
            error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED,
            "this session was judged before: each launch needs its own, so "
            "make a new session and start the guest anew");
        return FALSE;
    }
    if (seen.mnonce) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_REPLAYED,
                             "this measurement was judged before. If you judged this "
                             "guest yourself, with a wrong option for instance: one launch "
                             "gets one verdict, so start the guest anew, with a new "
                             "session. If not, the host sent an old measurement again");
        return FALSE;
    }
    if (torn != NULL)
        *torn = seen.torn;
    return TRUE;
}

gboolean
policy_ledger_check_session (PolicyLedger *ledger, const guint8 *id, GError **error)
{
    g_return_val_if_fail (ledger != NULL && id != NULL, FALSE);

    if (!lock (ledger, LOCK_SH, error))
        return FALSE;
    const gboolean ok = check_unseen (ledger, id, NULL, NULL, error);
    return lock (ledger, LOCK_UN, ok ? error : NULL) && ok;
}

/* Under the lock: closes what a crash left, appends the line, waits for the disk. */
static gboolean
append_line (PolicyLedger *ledger, const char *line, gboolean torn, GError **error)
{
    if (torn && !append (ledger, TORN, strlen (TORN), error))
        return FALSE;
    if (!append (ledger, line, strlen (line), error))
        return FALSE;
    if (fsync (ledger->fd) != 0)
        return io_error (error, "flushing it to the disk");
    return TRUE;
}

gboolean
policy_ledger_record_id (PolicyLedger *ledger,
                         const guint8 *id,
                         const guint8 *mnonce,
                         PolicyLedgerWord word,
                         const char *domain,
                         gint64 time_us,
                         GError **error)
{
    gboolean torn = FALSE;

    g_return_val_if_fail (ledger != NULL && id != NULL && domain != NULL, FALSE);

    g_autofree char *line = policy_ledger_format (id, mnonce, word, domain, time_us);
    if (!lock (ledger, LOCK_EX, error))
        return FALSE;
    const gboolean ok = check_unseen (ledger, id, mnonce, &torn, error) &&
                        append_line (ledger, line, torn, error);
    return lock (ledger, LOCK_UN, ok ? error : NULL) && ok;
}

gboolean
policy_ledger_record (PolicyLedger *ledger,
                      const PolicySession *session,
                      const guint8 *mnonce,
                      gboolean verified,
                      const char *domain,
                      gint64 time_us,
                      PolicyVerdict *verdict,
                      GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (ledger != NULL && session != NULL && domain != NULL, FALSE);

    if (!policy_ledger_record_id (ledger, policy_session_get_id (session), mnonce,
                                  verified ? POLICY_LEDGER_VERIFIED : POLICY_LEDGER_REFUSED,
                                  domain, time_us, &local)) {
        if (verdict != NULL)
            policy_verdict_fail_error (verdict, POLICY_CHECK_FRESH, local);
        g_propagate_error (error, local);
        return FALSE;
    }
    if (verdict != NULL)
        policy_verdict_pass (verdict, POLICY_CHECK_FRESH);
    return TRUE;
}

static GByteArray *
read_locked (PolicyLedger *ledger, GError **error)
{
    if (!lock (ledger, LOCK_SH, error))
        return NULL;
    g_autoptr (GByteArray) text = read_whole (ledger, error);
    if (!lock (ledger, LOCK_UN, text != NULL ? error : NULL) || text == NULL)
        return NULL;
    return g_steal_pointer (&text);
}

GArray *
policy_ledger_get_nonces (PolicyLedger *ledger, GError **error)
{
    g_return_val_if_fail (ledger != NULL, NULL);

    g_autoptr (GByteArray) text = read_locked (ledger, error);
    return text != NULL ? policy_ledger_nonces ((const char *) text->data, text->len)
                        : NULL;
}

gboolean
policy_ledger_count_others (PolicyLedger *ledger,
                            const guint8 *id,
                            guint *n,
                            GError **error)
{
    g_return_val_if_fail (ledger != NULL && n != NULL, FALSE);

    *n = 0;
    g_autoptr (GByteArray) text = read_locked (ledger, error);
    if (text == NULL)
        return FALSE;
    g_autoptr (GArray) sessions =
        policy_ledger_sessions ((const char *) text->data, text->len);
    for (guint i = 0; i < sessions->len; i++)
        if (id == NULL || memcmp (sessions->data + (gsize) i * POLICY_SESSION_ID_SIZE, id,
                                  POLICY_SESSION_ID_SIZE) != 0)
            ++*n;
    return TRUE;
}
