/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-device.h"
#include "psp/host/guest-memory.h"
#include "psp/host/private-memory.h"

G_BEGIN_DECLS

/**
 * SECTION: bus
 * @short_description: the addresses under which the secure processor sees memory
 *
 * Guest memory has its guest-physical addresses, the firmware image ends at 4 GiB as in the
 * guest, and buffers of commands lie above %BUS_BUFFERS while they are lent.
 */
typedef struct _Bus Bus;

#define BUS_BUFFERS (G_GUINT64_CONSTANT (1) << 52)

Bus *bus_new (void);
void bus_free (Bus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bus, bus_free)

/**
 * bus_set_ram:
 * @memory: (transfer none): mapped, outlives @bus
 * @private_memory: (transfer none) (nullable): the engine before it; outlives @bus
 */
void bus_set_ram (Bus *bus, GuestMemory *memory, PrivateMemory *private_memory);

/**
 * bus_set_rom:
 * @data: (transfer none): firmware image, outlives @bus; never written, although a command
 *   that would encrypt it in place may name it
 * Returns: the address of its first byte
 */
guint64 bus_set_rom (Bus *bus, const guint8 *data, gsize len);

/**
 * bus_lend:
 * @data: (nullable) (transfer none): a buffer that stays until bus_take_back()
 * Returns: its address; 0, the address that commands take for "no buffer", if @data is
 * %NULL
 */
guint64 bus_lend (Bus *bus, void *data, gsize len);
/** bus_take_back: all buffers lent */
void bus_take_back (Bus *bus);

gboolean bus_range_ok (Bus *bus, guint64 paddr, guint64 len, PspMemoryAccess access);
gboolean bus_read (Bus *bus, guint64 paddr, void *buf, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean bus_write (Bus *bus, guint64 paddr, const void *buf, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/**
 * bus_write_private: PspHostOps.write_private
 *
 * Guest memory takes the data through its engine.  Flash keeps what it has: it is no memory
 * of this machine's.  Elsewhere, and without an engine, this is bus_write().
 */
gboolean bus_write_private (Bus *bus,
                            const PspGuestKey *key,
                            guint64 paddr,
                            const void *data,
                            gsize len,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** bus_read_private: PspHostOps.read_private */
gboolean bus_read_private (Bus *bus,
                           const PspGuestKey *key,
                           guint64 paddr,
                           void *buf,
                           gsize len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
