/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/asids.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "psp/host/host-error.h"

struct _Asids {
    int fd;
    guint32 min_sev;
    guint32 max;
};

void
asids_free (Asids *asids)
{
    if (asids->fd >= 0)
        close (asids->fd);
    g_free (asids);
}

Asids *
asids_open (const HostDir *host, GError **error)
{
    g_autoptr (Asids) asids = g_new0 (Asids, 1);

    asids->min_sev = host->config.min_sev_asid;
    asids->max = host->config.max_asid;
    asids->fd = -1;
    const int dir = host_dir_open_sub (host, "platform", error);
    if (dir < 0)
        return NULL;
    asids->fd = openat (dir, "asids", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    const int saved = errno;
    close (dir);
    if (asids->fd < 0) {
        host_error_set_errno (error, saved, "opening '%s/platform/asids'", host->path);
        return NULL;
    }
    return g_steal_pointer (&asids);
}

/* Locks of the open file, not of the process: a second open file of the same process is
 * somebody else, as in the tests. */
static struct flock
range (guint32 first, guint32 last)
{
    return (struct flock){ .l_type = F_WRLCK,
                           .l_whence = SEEK_SET,
                           .l_start = (off_t) first,
                           .l_len = (off_t) last - (off_t) first + 1 };
}

gboolean
asids_take (Asids *asids, gboolean es, guint32 *asid, GError **error)
{
    const guint32 first = es ? 1 : asids->min_sev;
    const guint32 last = es ? asids->min_sev - 1 : asids->max;

    *asid = 0;
    for (guint32 i = first; i <= last; i++) {
        struct flock lock = range (i, i);

        if (fcntl (asids->fd, F_OFD_SETLK, &lock) == 0) {
            *asid = i;
            return TRUE;
        }
        if (errno != EAGAIN && errno != EACCES) {
            host_error_set_errno (error, errno, "locking ASID %u", i);
            return FALSE;
        }
    }
    return TRUE;
}

/* Whether another open file has a lock in the range; a failure counts as one. */
static gboolean
any_taken (const Asids *asids, guint32 first, guint32 last)
{
    struct flock lock = range (first, last);

    return fcntl (asids->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

guint32
asids_count_others (const Asids *asids)
{
    guint32 count = 0;

    if (!any_taken (asids, 1, asids->max))
        return 0;
    for (guint32 i = 1; i <= asids->max; i++)
        count += any_taken (asids, i, i) ? 1 : 0;
    return count;
}
