/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/image-peek.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/image/luks.h"
#include "sev/base/sev-guid.h"

#define ANSWER_SIZE 1024u

/* What the child says: a kind, a code, a text. */
typedef enum {
    PEEK_UUID = 'u',
    PEEK_IMAGE_ERROR = 'i',
    PEEK_LAUNCHER_ERROR = 'l',
} PeekKind;

typedef struct {
    PeekKind kind;
    int code;
    char text[ANSWER_SIZE];
} PeekAnswer;

/* What is wrong inside of the image is found again, and said, when the guest is started. */
static gboolean
is_about_content (const GError *error)
{
    return error->domain == IMAGE_ERROR && error->code >= IMAGE_ERROR_GPT_MISSING &&
           error->code < IMAGE_ERROR_TOOL;
}

static gboolean
look (const char *path,
      const char *format,
      const char *const *backing,
      const RunAs *run_as,
      PeekAnswer *answer,
      GError **error)
{
    const char *const paths[] = { path, NULL };
    g_autoptr (GError) cause = NULL;

    if (run_as != NULL && !run_as_drop (run_as, error))
        return FALSE;
    g_autoptr (ImageInfo) image = image_info_open (path, format, backing, NULL, &cause);
    if (image == NULL) {
        /* Names the directory that is in the way, and what helps. */
        if (run_as != NULL &&
            g_error_matches (cause, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE) &&
            !run_as_check_readable (paths, error))
            return FALSE;
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    g_autoptr (LuksHeader) header = luks_find (image, NULL, error);
    if (header == NULL)
        return FALSE;
    g_strlcpy (answer->text, header->uuid, sizeof answer->text);
    return TRUE;
}

static void
answer_from_error (PeekAnswer *answer, const GError *error)
{
    if (is_about_content (error))
        return;
    answer->kind = error->domain == IMAGE_ERROR ? PEEK_IMAGE_ERROR : PEEK_LAUNCHER_ERROR;
    answer->code = error->domain == IMAGE_ERROR || error->domain == LAUNCHER_ERROR
                       ? error->code
                       : LAUNCHER_ERROR_INTERNAL;
    g_strlcpy (answer->text, error->message, sizeof answer->text);
}

static gboolean
read_answer (int fd, PeekAnswer *answer)
{
    gsize len = 0;
    ssize_t n = 1;

    while (len < sizeof *answer && n > 0) {
        n = read (fd, (char *) answer + len, sizeof *answer - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (gsize) n;
    }
    answer->text[ANSWER_SIZE - 1] = '\0';
    return len == sizeof *answer;
}

static gboolean
understand (const PeekAnswer *answer, char **uuid, GError **error)
{
    SevGuid guid;

    switch (answer->kind) {
    case PEEK_UUID:
        if (answer->text[0] == '\0')
            return TRUE;
        if (!sev_guid_parse (answer->text, &guid, error))
            return FALSE;
        *uuid = g_strdup (answer->text);
        return TRUE;
    case PEEK_IMAGE_ERROR:
        g_set_error_literal (error, IMAGE_ERROR, answer->code, answer->text);
        return FALSE;
    case PEEK_LAUNCHER_ERROR:
        g_set_error_literal (error, LAUNCHER_ERROR, answer->code, answer->text);
        return FALSE;
    }
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                         "the process that reads the image answered nonsense");
    return FALSE;
}

gboolean
image_peek_luks_uuid (const char *path,
                      const char *format,
                      const char *const *backing,
                      const RunAs *run_as,
                      char **uuid,
                      GError **error)
{
    PeekAnswer answer = { .kind = PEEK_UUID };
    int ends[2];

    *uuid = NULL;
    if (pipe (ends) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "pipe: %s",
                     g_strerror (errno));
        return FALSE;
    }
    const pid_t pid = fork ();
    if (pid == 0) {
        g_autoptr (GError) failure = NULL;

        /* A terminal's signals go to the parent too; this one and its tools tidy up. */
        signal (SIGINT, SIG_IGN);
        signal (SIGTERM, SIG_IGN);
        signal (SIGHUP, SIG_IGN);
        close (ends[0]);
        if (!look (path, format, backing, run_as, &answer, &failure))
            answer_from_error (&answer, failure);
        const ssize_t n = write (ends[1], &answer, sizeof answer);
        _exit (n == (ssize_t) sizeof answer ? 0 : 1);
    }
    close (ends[1]);
    const gboolean read = pid > 0 && read_answer (ends[0], &answer);
    close (ends[0]);
    while (pid > 0 && waitpid (pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (!read) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO,
                             "the process that reads the image has died");
        return FALSE;
    }
    return understand (&answer, uuid, error);
}
