/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: guest-memory
 * @short_description: a guest's RAM in a memory file that QEMU shares
 *
 * The file is QEMU's RAM block as it lies in the block.  Machine type q35 shows it to the
 * guest in two pieces: below 2 GiB (2.75 GiB for smaller guests) from address 0, the rest
 * from 4 GiB (QEMU hw/i386/pc_q35.c).
 */
typedef struct _GuestMemory GuestMemory;

/**
 * guest_memory_new:
 * @size: bytes, a multiple of 4096, not 0
 *
 * The file's size is sealed.  It is not mapped yet.
 * Errors: %HOST_ERROR_IO.
 * Returns: (transfer full)
 */
GuestMemory *guest_memory_new (guint64 size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void guest_memory_free (GuestMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestMemory, guest_memory_free)

/** guest_memory_get_size: bytes, a multiple of 4096 */
guint64 guest_memory_get_size (const GuestMemory *memory);

/** guest_memory_get_fd: close-on-exec */
int guest_memory_get_fd (const GuestMemory *memory);

/** guest_memory_map: maps the file into this process. Errors: %HOST_ERROR_IO. */
gboolean guest_memory_map (GuestMemory *memory, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * guest_memory_offset:
 * @gpa: guest-physical address
 * @len: bytes, at least 1
 * @offset: (out): where the range begins in the file
 *
 * Returns: %FALSE if any byte of the range is not RAM, or the range lies in both pieces
 */
gboolean guest_memory_offset (const GuestMemory *memory,
                              guint64 gpa,
                              guint64 len,
                              guint64 *offset);

/** guest_memory_range: Returns: (nullable): the bytes of a range that is RAM, once mapped
 */
guint8 *guest_memory_range (const GuestMemory *memory, guint64 gpa, guint64 len);

/**
 * guest_memory_at:
 * @offset: in the file, below its size
 * @gpa: (out): its guest-physical address
 *
 * Returns: the byte, once mapped
 */
guint8 *guest_memory_at (const GuestMemory *memory, guint64 offset, guint64 *gpa);
/** guest_memory_same_piece: whether two offsets are as far from each other in the guest */
gboolean guest_memory_same_piece (const GuestMemory *memory, guint64 a, guint64 b);

/**
 * guest_memory_next_populated:
 * @offset: (inout): where to look from, a multiple of 4096; where the pages begin
 * @len: (out): bytes of pages that exist, a multiple of 4096; 0: there are no more
 *
 * Asks the kernel (lseek, SEEK_DATA) and changes nothing.
 * Errors: %HOST_ERROR_IO.
 */
gboolean guest_memory_next_populated (const GuestMemory *memory,
                                      guint64 *offset,
                                      guint64 *len,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
