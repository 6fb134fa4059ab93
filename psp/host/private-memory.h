/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-device.h"
#include "psp/host/guest-memory.h"

G_BEGIN_DECLS

/**
 * SECTION: private-memory
 * @short_description: in which form a guest's pages lie in its memory file
 *
 * The processor that runs an emulated guest has no memory-encryption engine, so a guest
 * that runs needs its pages in plain.  In every other state they lie encrypted, as on
 * hardware.  The guest sets no C-bit either: all of its RAM counts as private.
 *
 * Only pages that exist in the file are touched; holes stay holes.  A page that is first
 * used while the others lie encrypted (QEMU reads a hole, for a dump) holds zeros then and
 * is not decrypted.  QEMU must be quiescent whenever the form changes: see guard.h.
 */
typedef struct _PrivateMemory PrivateMemory;

/**
 * private_memory_new:
 * @memory: (transfer none): mapped before anything else is called; outlives this
 *
 * The form is encrypted, and no page is.
 * Returns: (transfer full)
 */
PrivateMemory *private_memory_new (GuestMemory *memory);
void private_memory_free (PrivateMemory *private_memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PrivateMemory, private_memory_free)

/**
 * private_memory_set_key:
 * @key: of the guest; only its first key counts
 *
 * Errors: %HOST_ERROR_IO if it is another guest's key; %SEV_ERROR_CRYPTO.
 */
gboolean private_memory_set_key (PrivateMemory *private_memory,
                                 const PspGuestKey *key,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean private_memory_is_encrypted (const PrivateMemory *private_memory);

/**
 * private_memory_encrypt: brings all pages into the encrypted form, if they are not
 *
 * Errors: %HOST_ERROR_IO, also without a key; %SEV_ERROR_CRYPTO.  After an error the pages
 * are of no use to anybody, and the guest must end.
 */
gboolean private_memory_encrypt (PrivateMemory *private_memory,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** private_memory_decrypt: the other direction; the same errors */
gboolean private_memory_decrypt (PrivateMemory *private_memory,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * private_memory_write: PspHostOps.write_private
 * @gpa: a multiple of 16
 * @data: plaintext; stored in the form that the pages have
 * @len: a multiple of 16
 *
 * The rest of a page that was not encrypted yet is encrypted as it is; hardware would leave
 * those bytes, and the guest would read noise.
 * Errors: %HOST_ERROR_IO if the range is not RAM; those of private_memory_set_key().
 */
gboolean private_memory_write (PrivateMemory *private_memory,
                               const PspGuestKey *key,
                               guint64 gpa,
                               const void *data,
                               gsize len,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** private_memory_read: PspHostOps.read_private; the caller wipes @buf */
gboolean private_memory_read (PrivateMemory *private_memory,
                              const PspGuestKey *key,
                              guint64 gpa,
                              void *buf,
                              gsize len,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
