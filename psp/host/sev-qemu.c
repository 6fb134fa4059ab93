/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sev-qemu -- libvirt's <emulator> on an emulated SEV host.
 *
 * This process becomes the real QEMU by exec, so libvirt's child is QEMU itself.  Before
 * that, for a SEV guest, it forks the relay: a process of its own that launches the guest
 * with the emulated processor and then stands before QEMU's monitor.  The launch happens
 * there so that keys never lie in a process that becomes QEMU; its errors come back through
 * a pipe and end this process as QEMU would.  The pipe stays: when the relay dies, the
 * kernel kills QEMU.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "psp/host/argv.h"
#include "psp/host/host-error.h"
#include "psp/host/monitor-socket.h"
#include "psp/host/qemu-version.h"
#include "psp/host/relay.h"

#define PROGRAM "qemu-system-x86_64" /* the name in QEMU's own error lines */
#define STATUS_OK '+'
#define STATUS_MAX 2048u
#define STDERR_WAIT_MS 500u
#define CONNECT_WAIT_MS 2000

/* Where libvirt connects; -1 until it is known. */
static int libvirt_socket = -1;

typedef struct {
    HostDir *host;
    Argv *argv;
    LaunchFiles *files;    /* (nullable) */
    GuestMemory *memory;   /* (nullable) */
    int listen_fd;         /* libvirt connects here */
    int qemu_listen_fd;    /* QEMU's end */
    int qemu_path_fd;      /* the way to it */
    int control_listen_fd; /* QEMU's second monitor, for the relay itself */
    int control_path_fd;
    int pidfd; /* this process, later QEMU; -1 for a probe */
    gboolean serve_kernel_file;
} Start;

static gboolean
kvm_usable (void)
{
    return access ("/dev/kvm", R_OK | W_OK) == 0;
}

static gboolean
open_monitor (Start *s, GError **error)
{
    s->listen_fd = s->argv->monitor_fd >= 0
                       ? s->argv->monitor_fd
                       : monitor_socket_listen (s->argv->monitor_path, error);
    return s->listen_fd >= 0 &&
           monitor_socket_private (s->host, &s->qemu_listen_fd, &s->qemu_path_fd, error);
}

/* Everything that can fail without the secure processor, in the process that reports it. */
static gboolean
prepare (Start *s, GError **error)
{
    guint major = 0;

    libvirt_socket = s->argv->monitor_fd;
    if (s->argv->kind == ARGV_SEV) {
        s->files = launch_files_open (s->argv, error);
        if (s->files == NULL)
            return FALSE;
        s->memory = guest_memory_new (s->argv->ram_size, error);
        if (s->memory == NULL)
            return FALSE;
        if (s->argv->kernel != NULL && !qemu_version_major (s->host, &major, error))
            return FALSE;
        s->serve_kernel_file = s->argv->kernel != NULL && major < 10;
        s->pidfd = (int) syscall (SYS_pidfd_open, getpid (), 0);
        if (s->pidfd < 0) {
            host_error_set_errno (error, errno, "pidfd_open");
            return FALSE;
        }
    }
    return open_monitor (s, error) &&
           (s->argv->kind != ARGV_SEV ||
            monitor_socket_private (s->host, &s->control_listen_fd, &s->control_path_fd,
                                    error));
}

static void
keep_fd (GArray *kept, int fd)
{
    if (fd >= 0)
        g_array_append_val (kept, fd);
}

static int
compare_fds (gconstpointer a, gconstpointer b)
{
    return *(const int *) a - *(const int *) b;
}

/* What libvirt gave to QEMU (log pipes, taps, lease files) must not stay open here. */
static void
close_others (const Start *s, const RelayLog *log, int status_fd)
{
    g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (int));
    int log_dir, log_file;
    guint next = 3;

    relay_log_get_fds (log, &log_dir, &log_file);
    const int fds[] = {
        s->host->fd,
        s->listen_fd,
        s->qemu_path_fd,
        s->pidfd,
        status_fd,
        log_dir,
        log_file,
        s->control_path_fd,
        s->memory != NULL ? guest_memory_get_fd (s->memory) : -1,
    };
    for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
        keep_fd (kept, fds[i]);
    g_array_sort (kept, compare_fds);
    for (guint i = 0; i < kept->len; i++) {
        const guint fd = (guint) g_array_index (kept, int, i);
        if (fd > next)
            close_range (next, fd - 1, 0);
        next = MAX (next, fd + 1);
    }
    close_range (next, ~0u, 0);
}

static void
detach (void)
{
    const int null = open ("/dev/null", O_RDWR);

    setsid ();
    prctl (PR_SET_NAME, "sev-relay");
    if (chdir ("/") != 0)
        g_debug ("chdir: %s", g_strerror (errno));
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2 (null, fd);
    if (null > 2)
        close (null);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGHUP, SIG_IGN);
}

static void
report (int status_fd, const char *text)
{
    const gsize len = MIN (strlen (text), STATUS_MAX);

    if (status_fd >= 0 && write (status_fd, text, len) != (ssize_t) len)
        g_debug ("status pipe: %s", g_strerror (errno));
}

static gboolean
launch (Start *s, Relay *relay, GError **error)
{
    relay->sev.platform = platform_open_init (s->host, error);
    if (relay->sev.platform == NULL || !guest_memory_map (s->memory, error))
        return FALSE;
    if (platform_state_was_replaced (relay->sev.platform))
        relay_log (relay->log,
                   "the platform's state was damaged; it has a new identity now");
    relay->private_memory = private_memory_new (s->memory);
    relay->sev.launch = launch_start (relay->sev.platform, s->argv, s->files, s->memory,
                                      relay->private_memory, error);
    const Sealed *const measured[] = { s->files->firmware, s->files->kernel,
                                       s->files->initrd };
    for (gsize i = 0; i < G_N_ELEMENTS (measured); i++)
        if (measured[i] != NULL)
            sealed_forget (measured[i]);
    return relay->sev.launch != NULL;
}

static void
relay_main (Start *s, int status_fd)
{
    g_autoptr (GError) error = NULL;
    const char *name = s->argv->guest_name != NULL ? s->argv->guest_name : "probe";
    Relay relay = {
        .listen_fd = s->listen_fd,
        .qemu_fd = s->qemu_path_fd,
        .control_fd = s->control_path_fd,
        .pidfd = s->pidfd,
        .guarded = s->argv->kind == ARGV_SEV,
        .sev = { .host = s->host },
    };

    detach ();
    /* Whoever removes the host waits until the last relay has let go of it. */
    const gboolean locked = flock (s->host->fd, LOCK_SH | LOCK_NB) == 0;
    relay.log = relay_log_open (host_dir_open_sub (s->host, "log", NULL), name);
    close_others (s, relay.log, status_fd);
    if (!locked)
        relay_log (relay.log, "the host is being removed, or cannot be locked");
    if (!sev_secret_heap_init ())
        relay_log (relay.log, "memory cannot be locked; keys might be swapped out");

    if (s->argv->kind == ARGV_SEV && !launch (s, &relay, &error)) {
        relay_log (relay.log, "launch failed: %s", error->message);
        report (status_fd, error->message);
    } else {
        const char ok[] = { STATUS_OK, '\0' };
        relay_log (relay.log, "relay of '%s' begins", name);
        report (status_fd, ok);
        /* status_fd stays open: it says that the relay lives. */
        relay_run (&relay);
    }
    g_clear_pointer (&relay.sev.launch, launch_free);
    g_clear_pointer (&relay.sev.platform, platform_free);
    g_clear_pointer (&relay.private_memory, private_memory_free);
    if (s->argv->kind == ARGV_PROBE)
        unlink (s->argv->monitor_path);
    relay_log_free (relay.log);
}

/* When this process ends, its monitor socket closes, and libvirt at once reads the reason
 * from the log.  It finds it only if the log's writer has emptied the pipe by then, and it
 * looks only if it had connected: an end before that is "connection refused" to it. */
static void
complain (const char *text)
{
    struct pollfd monitor = { .fd = libvirt_socket, .events = POLLIN };
    struct stat st;
    int unread = 0;

    fprintf (stderr, PROGRAM ": %s\n", text);
    if (libvirt_socket >= 0 && poll (&monitor, 1, CONNECT_WAIT_MS) < 0)
        g_debug ("poll: %s", g_strerror (errno));
    if (fstat (STDERR_FILENO, &st) != 0 || !S_ISFIFO (st.st_mode))
        return;
    for (guint i = 0; i < STDERR_WAIT_MS; i++) {
        if (ioctl (STDERR_FILENO, FIONREAD, &unread) != 0 || unread == 0)
            return;
        g_usleep (1000);
    }
}

/* Reads what the relay says of the launch.  Returns: %TRUE if the guest may start. */
static gboolean
wait_for_launch (int fd)
{
    char text[STATUS_MAX + 1];
    gsize len = 0;
    ssize_t n = 1;

    while (len < STATUS_MAX && n > 0) {
        n = read (fd, text + len, STATUS_MAX - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (gsize) n;
        if (len > 0 && text[0] == STATUS_OK)
            return TRUE;
    }
    text[len] = '\0';
    complain (len > 0 ? text : "the emulated secure processor died during the launch");
    return FALSE;
}

/* From here on this process, as QEMU, ends with its relay: a guest without its secure
 * processor must not run on, also when no libvirtd is there to notice.  The kernel sends
 * the signal when the last writer of the pipe is gone; exec changes nothing of that. */
static gboolean
end_with_relay (int fd, GError **error)
{
    struct pollfd relay = { .fd = fd };
    const int flags = fcntl (fd, F_GETFL);

    if (flags < 0 || fcntl (fd, F_SETOWN, getpid ()) != 0 ||
        fcntl (fd, F_SETSIG, SIGKILL) != 0 || fcntl (fd, F_SETFL, flags | O_ASYNC) != 0) {
        host_error_set_errno (error, errno, "watching the relay");
        return FALSE;
    }
    if (poll (&relay, 1, 0) == 0)
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO, "the relay died at its start");
    return FALSE;
}

/* Twice forked: QEMU must not find a child that it did not make.  @alive: a descriptor for
 * QEMU to inherit, or -1. */
static gboolean
fork_relay (Start *s, int *alive, GError **error)
{
    int status[2];

    if (pipe2 (status, O_CLOEXEC) != 0) {
        host_error_set_errno (error, errno, "pipe");
        return FALSE;
    }
    const pid_t child = fork ();
    if (child < 0) {
        host_error_set_errno (error, errno, "fork");
        return FALSE;
    }
    if (child == 0) {
        close (status[0]);
        if (fork () == 0)
            relay_main (s, status[1]);
        _exit (0);
    }
    close (status[1]);
    while (waitpid (child, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (!wait_for_launch (status[0]))
        exit (EXIT_FAILURE);
    if (s->argv->kind == ARGV_SEV) {
        *alive = status[0];
        return end_with_relay (status[0], error);
    }
    close (status[0]);
    return TRUE;
}

static void
inherit (int fd)
{
    const int flags = fd >= 0 ? fcntl (fd, F_GETFD) : -1;

    if (flags >= 0 && fcntl (fd, F_SETFD, flags & ~FD_CLOEXEC) != 0)
        g_debug ("FD_CLOEXEC: %s", g_strerror (errno));
}

static gboolean
exec_qemu (const HostDir *host, char **args, GError **error)
{
    g_autoptr (GPtrArray) argv = g_ptr_array_new ();

    g_ptr_array_add (argv, host->qemu);
    for (gsize i = 0; args[i] != NULL; i++)
        g_ptr_array_add (argv, args[i]);
    g_ptr_array_add (argv, NULL);
    execv (host->qemu, (char **) argv->pdata);
    host_error_set_errno (error, errno, "'%s'", host->qemu);
    return FALSE;
}

static gboolean
start_relayed (Start *s, GError **error)
{
    int alive = -1;

    if (!prepare (s, error) || !fork_relay (s, &alive, error))
        return FALSE;

    const LaunchFiles *files = s->files;
    const ArgvFds fds = {
        .monitor = s->qemu_listen_fd,
        .control = s->control_listen_fd,
        .ram = s->memory != NULL ? guest_memory_get_fd (s->memory) : -1,
        .firmware = files != NULL ? sealed_get_fd (files->firmware) : -1,
        .kernel =
            files != NULL && files->kernel != NULL ? sealed_get_fd (files->kernel) : -1,
        .initrd =
            files != NULL && files->initrd != NULL ? sealed_get_fd (files->initrd) : -1,
    };
    close (s->listen_fd);
    inherit (alive);
    inherit (fds.monitor);
    inherit (fds.control);
    inherit (fds.ram);
    inherit (fds.firmware);
    inherit (fds.kernel);
    inherit (fds.initrd);
    g_auto (GStrv) args = argv_build (s->argv, &fds, s->serve_kernel_file, kvm_usable ());
    return exec_qemu (s->host, args, error);
}

static gboolean
run (const char *const *args, GError **error)
{
    Start s = {
        .listen_fd = -1,
        .qemu_listen_fd = -1,
        .qemu_path_fd = -1,
        .control_listen_fd = -1,
        .control_path_fd = -1,
        .pidfd = -1,
    };
    g_autofree char *path = host_dir_from_program (error);

    if (path == NULL)
        return FALSE;
    g_autoptr (HostDir) host = host_dir_open (path, error);
    if (host == NULL)
        return FALSE;
    g_autoptr (Argv) argv = argv_parse (args, error);
    if (argv == NULL)
        return FALSE;
    if (argv->kind == ARGV_PLAIN)
        return exec_qemu (host, (char **) args, error);
    s.host = host;
    s.argv = argv;
    return start_relayed (&s, error);
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;

    if (argc < 1 || !run ((const char *const *) argv + 1, &error))
        complain (error != NULL ? error->message : "no arguments");
    return EXIT_FAILURE;
}
