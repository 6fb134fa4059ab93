/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/emulated/host-private.h"

#define GUEST_PID_FILES "rt/libvirt/qemu/run"
#define PROBE_DIRECTORIES "c/libvirt/qemu/lib"
#define PROBE_GRACE_MS 2000u

/* QEMU's own lock belongs to an open file, not to a process; who has it wrote his number
 * into the file. */
static int
read_pid (int fd)
{
    char text[16] = { 0 };
    guint64 pid = 0;

    if (pread (fd, text, sizeof text - 1, 0) <= 0 ||
        !g_ascii_string_to_unsigned (g_strchomp (text), 10, 2, G_MAXINT, &pid, NULL))
        return 0;
    return (int) pid;
}

int
host_pid_file_holder (int dir, const char *name)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct stat st;
    const int fd = openat (dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int holder = 0;

    if (fd < 0)
        return 0;
    if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && fcntl (fd, F_GETLK, &lock) == 0 &&
        lock.l_type != F_UNLCK)
        holder = lock.l_pid > 0 ? lock.l_pid : read_pid (fd);
    close (fd);
    return holder;
}

/* Whether the process ended before the time was over. */
static gboolean
wait_for_end (int pidfd, guint timeout_ms)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    int n;

    do
        n = poll (&ended, 1, (int) timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

gboolean
host_end_holder (const EmulatedHost *host,
                 const char *pid_file,
                 guint grace_ms,
                 GError **error)
{
    const int pid = host_pid_file_holder (host->fd, pid_file);
    const int pidfd = pid > 0 ? (int) syscall (SYS_pidfd_open, pid, 0) : -1;
    gboolean ended = pid == 0;

    /* Asked again: only now the number cannot come to mean another process. */
    if (pidfd >= 0 && host_pid_file_holder (host->fd, pid_file) == pid) {
        syscall (SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
        ended = wait_for_end (pidfd, grace_ms);
        if (!ended && syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0)
            ended = wait_for_end (pidfd, grace_ms);
    }
    if (pidfd >= 0)
        close (pidfd);
    if (ended || host_pid_file_holder (host->fd, pid_file) == 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                 "emulated host '%s': process %d (%s) does not end", host->path, pid,
                 pid_file);
    return FALSE;
}

gboolean
host_end_probes (const EmulatedHost *host, GError **error)
{
    const int fd = openat (host->fd, PROBE_DIRECTORIES,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir (fd) : NULL;
    const struct dirent *entry;
    gboolean ok = TRUE;

    if (stream == NULL) {
        if (fd >= 0)
            close (fd);
        return TRUE;
    }
    while (ok && (entry = readdir (stream)) != NULL) {
        g_autofree char *pid_file =
            g_build_filename (PROBE_DIRECTORIES, entry->d_name, "qmp.pid", NULL);

        if (g_str_has_prefix (entry->d_name, "qmp-"))
            ok = host_end_holder (host, pid_file, PROBE_GRACE_MS, error);
    }
    closedir (stream);
    return ok;
}

static void
guest_free (gpointer data)
{
    EmulatedGuest *guest = data;

    g_free (guest->name);
    g_free (guest->pid_file);
    g_free (guest);
}

static void
add_guest (GPtrArray *guests, const EmulatedHost *host, const char *entry)
{
    g_autofree char *pid_file = g_build_filename (GUEST_PID_FILES, entry, NULL);
    const int pid = host_pid_file_holder (host->fd, pid_file);

    if (pid == 0)
        return;
    EmulatedGuest *guest = g_new0 (EmulatedGuest, 1);
    guest->name = g_strndup (entry, strlen (entry) - strlen (".pid"));
    guest->pid = pid;
    guest->pid_file = g_steal_pointer (&pid_file);
    g_ptr_array_add (guests, guest);
}

static int
compare_guests (gconstpointer a, gconstpointer b)
{
    return strcmp ((*(EmulatedGuest *const *) a)->name,
                   (*(EmulatedGuest *const *) b)->name);
}

GPtrArray *
emulated_host_guests (const EmulatedHost *host)
{
    GPtrArray *guests = g_ptr_array_new_with_free_func (guest_free);
    const int fd =
        openat (host->fd, GUEST_PID_FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir (fd) : NULL;
    const struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close (fd);
        return guests;
    }
    /* driver.pid is the daemon's own. */
    while ((entry = readdir (stream)) != NULL)
        if (g_str_has_suffix (entry->d_name, ".pid") &&
            strcmp (entry->d_name, "driver.pid") != 0)
            add_guest (guests, host, entry->d_name);
    closedir (stream);
    g_ptr_array_sort (guests, compare_guests);
    return guests;
}
