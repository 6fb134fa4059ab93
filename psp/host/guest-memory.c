/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/guest-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "psp/host/host-error.h"

#define GIB (G_GUINT64_CONSTANT (1) << 30)
#define HIGH_BASE (4 * GIB)
#define SMALL_LIMIT G_GUINT64_CONSTANT (0xb0000000) /* 2.75 GiB */
#define LARGE_LOW (2 * GIB)

struct _GuestMemory {
    int fd;
    guint64 size;
    guint64 low; /* bytes that begin at address 0 */
    guint8 *map; /* (nullable) */
};

GuestMemory *
guest_memory_new (guint64 size, GError **error)
{
    g_autoptr (GuestMemory) memory = g_new0 (GuestMemory, 1);

    g_return_val_if_fail (size > 0 && size % 4096 == 0, NULL);

    memory->size = size;
    memory->low = size >= SMALL_LIMIT ? LARGE_LOW : size;
    memory->fd = memfd_create ("sev-guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd < 0 || ftruncate (memory->fd, (off_t) size) != 0 ||
        fcntl (memory->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        host_error_set_errno (error, errno, "guest memory of %" G_GUINT64_FORMAT " bytes",
                              size);
        return NULL;
    }
    return g_steal_pointer (&memory);
}

void
guest_memory_free (GuestMemory *memory)
{
    if (memory->map != NULL)
        munmap (memory->map, memory->size);
    if (memory->fd >= 0)
        close (memory->fd);
    g_free (memory);
}

guint64
guest_memory_get_size (const GuestMemory *memory)
{
    return memory->size;
}

int
guest_memory_get_fd (const GuestMemory *memory)
{
    return memory->fd;
}

gboolean
guest_memory_map (GuestMemory *memory, GError **error)
{
    void *map = mmap (NULL, memory->size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, memory->fd, 0);

    if (map == MAP_FAILED) {
        host_error_set_errno (error, errno, "mapping guest memory");
        return FALSE;
    }
    memory->map = map;
    return TRUE;
}

gboolean
guest_memory_offset (const GuestMemory *memory, guint64 gpa, guint64 len, guint64 *offset)
{
    const guint64 high = memory->size - memory->low;

    if (len == 0)
        return FALSE;
    if (gpa < memory->low) {
        *offset = gpa;
        return len <= memory->low - gpa;
    }
    if (gpa < HIGH_BASE || gpa - HIGH_BASE >= high)
        return FALSE;
    *offset = memory->low + (gpa - HIGH_BASE);
    return len <= high - (gpa - HIGH_BASE);
}

guint8 *
guest_memory_range (const GuestMemory *memory, guint64 gpa, guint64 len)
{
    guint64 offset;

    if (memory->map == NULL || !guest_memory_offset (memory, gpa, len, &offset))
        return NULL;
    return memory->map + offset;
}

guint8 *
guest_memory_at (const GuestMemory *memory, guint64 offset, guint64 *gpa)
{
    g_return_val_if_fail (memory->map != NULL && offset < memory->size, NULL);

    *gpa = offset < memory->low ? offset : HIGH_BASE + (offset - memory->low);
    return memory->map + offset;
}

gboolean
guest_memory_same_piece (const GuestMemory *memory, guint64 a, guint64 b)
{
    return (a < memory->low) == (b < memory->low);
}

gboolean
guest_memory_next_populated (const GuestMemory *memory,
                             guint64 *offset,
                             guint64 *len,
                             GError **error)
{
    *len = 0;
    if (*offset >= memory->size)
        return TRUE;
    const off_t start = lseek (memory->fd, (off_t) *offset, SEEK_DATA);
    if (start < 0 && errno == ENXIO)
        return TRUE;
    const off_t end = start < 0 ? start : lseek (memory->fd, start, SEEK_HOLE);
    if (end < 0) {
        host_error_set_errno (error, errno, "looking for pages of guest memory");
        return FALSE;
    }
    *offset = (guint64) start;
    *len = (guint64) (end - start);
    return TRUE;
}
