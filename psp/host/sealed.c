/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/host-error.h"
#include "sev/crypto/sev-digest.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define STEP (4u << 20)

struct _Sealed {
    int fd;
    gsize size;
    guint8 *map;
};

void
sealed_free (Sealed *sealed)
{
    if (sealed->map != NULL)
        munmap (sealed->map, sealed->size);
    if (sealed->fd >= 0)
        close (sealed->fd);
    g_free (sealed);
}

static gboolean
fail (GError **error, const char *what, const char *path, const char *why)
{
    g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST, "%s '%s': %s", what, path, why);
    return FALSE;
}

/* Reads to the end, whatever size the file said it had. */
static gboolean
copy (Sealed *sealed,
      int source,
      const char *what,
      const char *path,
      guint64 max,
      GError **error)
{
    for (;;) {
        const ssize_t n = sendfile (sealed->fd, source, NULL, STEP);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail (error, what, path, g_strerror (errno));
        if (n == 0)
            break;
        sealed->size += (gsize) n;
        if (sealed->size > max) {
            g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST,
                         "%s '%s': larger than %" G_GUINT64_FORMAT " bytes", what, path,
                         max);
            return FALSE;
        }
    }
    return sealed->size > 0 ? TRUE : fail (error, what, path, "empty file");
}

static int
open_regular (const char *what, const char *path, GError **error)
{
    struct stat st;
    const int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        fail (error, what, path, g_strerror (errno));
        return -1;
    }
    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
        fail (error, what, path, "not a regular file");
        close (fd);
        return -1;
    }
    return fd;
}

Sealed *
sealed_read (const char *what, const char *path, guint64 max, GError **error)
{
    g_autoptr (Sealed) sealed = g_new0 (Sealed, 1);

    sealed->fd = memfd_create (what, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (sealed->fd < 0) {
        host_error_set_errno (error, errno, "memory file for %s", what);
        return NULL;
    }
    const int source = open_regular (what, path, error);
    if (source < 0)
        return NULL;
    const gboolean copied = copy (sealed, source, what, path, max, error);
    close (source);
    if (!copied)
        return NULL;
    if (fcntl (sealed->fd, F_ADD_SEALS, ALL_SEALS) != 0) {
        host_error_set_errno (error, errno, "sealing %s", what);
        return NULL;
    }
    /* Private, because a sealed file has no writable shared mappings. */
    void *map = mmap (NULL, sealed->size, PROT_READ, MAP_PRIVATE, sealed->fd, 0);
    if (map == MAP_FAILED) {
        host_error_set_errno (error, errno, "mapping %s", what);
        return NULL;
    }
    sealed->map = map;
    return g_steal_pointer (&sealed);
}

int
sealed_get_fd (const Sealed *sealed)
{
    return sealed->fd;
}

gsize
sealed_get_size (const Sealed *sealed)
{
    return sealed->size;
}

const guint8 *
sealed_get_data (const Sealed *sealed)
{
    return sealed->map;
}

gboolean
sealed_sha256 (const Sealed *sealed, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    return sev_sha256 (sealed->map, sealed->size, out, error);
}

void
sealed_forget (const Sealed *sealed)
{
    if (sealed->map != NULL && madvise (sealed->map, sealed->size, MADV_DONTNEED) != 0)
        g_debug ("madvise: %s", g_strerror (errno));
}
