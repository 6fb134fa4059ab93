/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * SECTION: asids
 * @short_description: which ASIDs of the host are taken, across processes
 *
 * HOST/platform/asids is an empty file; a lock on byte N says that ASID N is a guest's.
 * The lock goes with the process that took it, however that ends, so nobody has to tidy
 * up.  Whoever takes or counts holds the lock of the platform's state (state-dir.h).
 */
typedef struct _Asids Asids;

/** asids_open: makes the file if it is missing. Errors: %HOST_ERROR_IO. */
Asids *asids_open (const HostDir *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** asids_free: gives back what was taken */
void asids_free (Asids *asids);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Asids, asids_free)

/**
 * asids_take:
 * @es: for a SEV-ES guest: 1 to MIN - 1; else MIN to MAX (CPUID 8000001F EDX and ECX)
 * @asid: (out): the lowest that is free; 0 if none is
 *
 * Until asids_free() it is taken.  No second one may be taken.
 * Errors: %HOST_ERROR_IO.
 */
gboolean asids_take (Asids *asids, gboolean es, guint32 *asid, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/** asids_count_others: how many are taken, but for the own one */
guint32 asids_count_others (const Asids *asids);

G_END_DECLS
