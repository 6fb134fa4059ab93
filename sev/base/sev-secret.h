/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: sev-secret
 * @short_description: bytes that must not leave the process
 *
 * A #SevSecret lies in OpenSSL's secure heap (locked, not in core dumps, between guard
 * pages) once sev_secret_heap_init() succeeded, else in ordinary memory; either way it is
 * wiped when the last reference goes.  It has no text form and no hash on purpose.
 */
typedef struct _SevSecret SevSecret;

/**
 * sev_secret_heap_init:
 *
 * Sets up the secure heap for this process, forbids core dumps and other processes'
 * looks into its memory (PR_SET_DUMPABLE), and has OpenSSL wipe all that it frees.  Call
 * it first in main().
 *
 * Returns: %FALSE if memory could not be locked; secrets then are wiped, but might be
 *   swapped out
 */
gboolean sev_secret_heap_init (void);

/** sev_secret_new: Returns: (transfer full): @len zero bytes; @len at least 1 */
SevSecret *sev_secret_new (gsize len);
/** sev_secret_new_copy: the caller wipes @data, for instance with sev_wipe() */
SevSecret *sev_secret_new_copy (const void *data, gsize len);
/** sev_secret_new_random: Errors: %SEV_ERROR_CRYPTO. */
SevSecret *sev_secret_new_random (gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

SevSecret *sev_secret_ref (SevSecret *secret);
void sev_secret_unref (SevSecret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevSecret, sev_secret_unref)

const guint8 *sev_secret_data (const SevSecret *secret);
guint8 *sev_secret_writable (SevSecret *secret);
gsize sev_secret_size (const SevSecret *secret);

/**
 * sev_secret_wipe:
 * Overwrites the bytes now, for all who hold references; the size stays.  To ask for them
 * afterwards ends the program: zeroes must never be taken for a key.
 */
void sev_secret_wipe (SevSecret *secret);

/** sev_secret_equal: constant time for equal sizes; sizes are not secret */
gboolean sev_secret_equal (const SevSecret *a, const SevSecret *b);
/** sev_constant_time_equal: compares MACs, digests, keys */
gboolean sev_constant_time_equal (const void *a, const void *b, gsize len);
/** sev_wipe: overwrites in a way that the compiler keeps */
void sev_wipe (void *data, gsize len);

G_END_DECLS
