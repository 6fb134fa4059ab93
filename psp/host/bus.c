/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/bus.h"

#include <string.h>

#include "psp/host/host-error.h"

#define MAX_BUFFERS 4u
#define BUFFER_STRIDE (G_GUINT64_CONSTANT (1) << 32)
#define ROM_END (G_GUINT64_CONSTANT (1) << 32)

typedef struct {
    guint8 *data;
    gsize len;
} Buffer;

struct _Bus {
    GuestMemory *ram;
    PrivateMemory *private_memory; /* (nullable) */
    const guint8 *rom;
    gsize rom_len;
    Buffer buffers[MAX_BUFFERS];
    guint n_buffers;
};

Bus *
bus_new (void)
{
    return g_new0 (Bus, 1);
}

void
bus_free (Bus *bus)
{
    g_free (bus);
}

void
bus_set_ram (Bus *bus, GuestMemory *memory, PrivateMemory *private_memory)
{
    bus->ram = memory;
    bus->private_memory = private_memory;
}

guint64
bus_set_rom (Bus *bus, const guint8 *data, gsize len)
{
    g_return_val_if_fail (len > 0 && len < ROM_END, 0);

    bus->rom = data;
    bus->rom_len = len;
    return ROM_END - len;
}

guint64
bus_lend (Bus *bus, void *data, gsize len)
{
    g_return_val_if_fail (bus->n_buffers < MAX_BUFFERS && len < BUFFER_STRIDE, 0);

    if (data == NULL)
        return 0;
    bus->buffers[bus->n_buffers] = (Buffer){ data, len };
    return BUS_BUFFERS + BUFFER_STRIDE * bus->n_buffers++;
}

void
bus_take_back (Bus *bus)
{
    bus->n_buffers = 0;
}

/* Returns: the bytes of a range within one buffer, or %NULL */
static guint8 *
find_buffer (const Bus *bus, guint64 paddr, guint64 len)
{
    const guint64 index = (paddr - BUS_BUFFERS) / BUFFER_STRIDE;
    const guint64 offset = (paddr - BUS_BUFFERS) % BUFFER_STRIDE;

    if (index >= bus->n_buffers || offset > bus->buffers[index].len ||
        len > bus->buffers[index].len - offset)
        return NULL;
    return bus->buffers[index].data + offset;
}

static const guint8 *
find_rom (const Bus *bus, guint64 paddr, guint64 len)
{
    if (bus->rom == NULL || paddr < ROM_END - bus->rom_len || paddr >= ROM_END ||
        len > ROM_END - paddr)
        return NULL;
    return bus->rom + (paddr - (ROM_END - bus->rom_len));
}

static guint8 *
find_writable (const Bus *bus, guint64 paddr, guint64 len)
{
    if (paddr >= BUS_BUFFERS)
        return find_buffer (bus, paddr, len);
    return bus->ram != NULL ? guest_memory_range (bus->ram, paddr, len) : NULL;
}

static const guint8 *
find_readable (const Bus *bus, guint64 paddr, guint64 len)
{
    const guint8 *found = find_writable (bus, paddr, len);

    return found != NULL ? found : find_rom (bus, paddr, len);
}

gboolean
bus_range_ok (Bus *bus, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    /* The image in flash is memory to the firmware; bus_write_private() leaves it. */
    return find_readable (bus, paddr, len) != NULL;
}

static gboolean
no_memory (guint64 paddr, gsize len, GError **error)
{
    g_set_error (error, HOST_ERROR, HOST_ERROR_IO,
                 "no memory for %" G_GSIZE_FORMAT " bytes at 0x%" G_GINT64_MODIFIER "x",
                 len, paddr);
    return FALSE;
}

gboolean
bus_read (Bus *bus, guint64 paddr, void *buf, gsize len, GError **error)
{
    const guint8 *found = find_readable (bus, paddr, len);

    if (found == NULL)
        return no_memory (paddr, len, error);
    memcpy (buf, found, len);
    return TRUE;
}

gboolean
bus_write (Bus *bus, guint64 paddr, const void *buf, gsize len, GError **error)
{
    guint8 *found = find_writable (bus, paddr, len);

    if (found == NULL)
        return no_memory (paddr, len, error);
    memcpy (found, buf, len);
    return TRUE;
}

/* Whether an access goes through the engine. */
static gboolean
is_private_ram (const Bus *bus, guint64 paddr, gsize len)
{
    return bus->private_memory != NULL && paddr < BUS_BUFFERS &&
           guest_memory_range (bus->ram, paddr, len) != NULL;
}

gboolean
bus_write_private (Bus *bus,
                   const PspGuestKey *key,
                   guint64 paddr,
                   const void *data,
                   gsize len,
                   GError **error)
{
    if (is_private_ram (bus, paddr, len))
        return private_memory_write (bus->private_memory, key, paddr, data, len, error);
    if (find_rom (bus, paddr, len) == NULL)
        return bus_write (bus, paddr, data, len, error);
    return bus->private_memory == NULL ||
           private_memory_set_key (bus->private_memory, key, error);
}

gboolean
bus_read_private (Bus *bus,
                  const PspGuestKey *key,
                  guint64 paddr,
                  void *buf,
                  gsize len,
                  GError **error)
{
    if (is_private_ram (bus, paddr, len))
        return private_memory_read (bus->private_memory, key, paddr, buf, len, error);
    return bus_read (bus, paddr, buf, len, error);
}
