/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/emulated/host-private.h"

/* What the daemon's process says before exec; a good start says nothing more. */
typedef struct {
    pid_t pid;
    int saved_errno;
} Word;

typedef struct {
    const char *const *argv;
    const char *const *env;
    int log_fd;
    int null_fd;
    int word_fd;
} Start;

/* Async-signal-safe calls only from here to exec. */
static void
say (const Start *s, int saved_errno)
{
    const Word word = { getpid (), saved_errno };

    if (write (s->word_fd, &word, sizeof word) != (ssize_t) sizeof word)
        _exit (126);
}

static void G_GNUC_NORETURN
become_daemon (const Start *s)
{
    sigset_t none;

    sigemptyset (&none);
    for (int number = 1; number < NSIG; number++)
        signal (number, SIG_DFL);
    umask (077);
    if (setsid () >= 0 && chdir ("/") == 0 && dup2 (s->null_fd, 0) >= 0 &&
        dup2 (s->log_fd, 1) >= 0 && dup2 (s->log_fd, 2) >= 0 &&
        close_range (3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
        sigprocmask (SIG_SETMASK, &none, NULL) == 0) {
        say (s, 0);
        execve (s->argv[0], (char *const *) s->argv, (char *const *) s->env);
    }
    say (s, errno);
    _exit (126);
}

/* Twice forked: the daemon is nobody's child, whatever this process becomes. */
static gboolean
fork_daemon (const Start *s)
{
    const pid_t child = fork ();

    if (child < 0)
        return FALSE;
    if (child == 0) {
        const pid_t daemon = fork ();
        if (daemon == 0)
            become_daemon (s);
        if (daemon < 0)
            say (s, errno);
        _exit (0);
    }
    while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return TRUE;
}

static gboolean
read_word (int fd, Word *word)
{
    ssize_t n;

    do
        n = read (fd, word, sizeof *word);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t) sizeof *word;
}

static int
open_daemon (int fd)
{
    Word first, second;

    if (!read_word (fd, &first)) {
        errno = ECHILD;
        return -1;
    }
    const int pidfd = first.saved_errno == 0 ? (int) syscall (SYS_pidfd_open, first.pid, 0)
                                             : (errno = first.saved_errno, -1);
    if (pidfd < 0)
        return -1;
    if (!read_word (fd, &second))
        return pidfd;
    close (pidfd);
    errno = second.saved_errno;
    return -1;
}

int
host_daemon_spawn (const char *const *argv,
                   const char *const *env,
                   int log_fd,
                   GError **error)
{
    int ends[2] = { -1, -1 };
    const int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
    int pidfd = -1;

    if (null_fd >= 0 && pipe2 (ends, O_CLOEXEC) == 0) {
        const Start start = { argv, env, log_fd, null_fd, ends[1] };
        const gboolean forked = fork_daemon (&start);
        const int saved = errno;

        close (ends[1]);
        errno = saved;
        pidfd = forked ? open_daemon (ends[0]) : -1;
    }
    if (pidfd < 0)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_LIBVIRT_UNREACHABLE,
                     "cannot start '%s': %s", argv[0], g_strerror (errno));
    if (ends[0] >= 0)
        close (ends[0]);
    if (null_fd >= 0)
        close (null_fd);
    return pidfd;
}
