/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: sealed
 * @short_description: a file read once, so that the bytes measured are the bytes run
 *
 * The contents lie in a memory file that nobody can change any more; QEMU opens it as
 * /proc/self/fd/N.
 */
typedef struct _Sealed Sealed;

/**
 * sealed_read:
 * @what: for messages: "firmware", "kernel", "initrd"
 * @path: of a regular file
 * @max: largest size accepted, in bytes
 *
 * Errors: %HOST_ERROR_GUEST (missing, not a file, empty, too large), %HOST_ERROR_IO.
 * Returns: (transfer full)
 */
Sealed *sealed_read (const char *what, const char *path, guint64 max, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void sealed_free (Sealed *sealed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sealed, sealed_free)

/** sealed_get_fd: close-on-exec */
int sealed_get_fd (const Sealed *sealed);
gsize sealed_get_size (const Sealed *sealed);
const guint8 *sealed_get_data (const Sealed *sealed);

/** sealed_sha256: Errors: %SEV_ERROR_CRYPTO. */
gboolean sealed_sha256 (const Sealed *sealed,
                        guint8 out[SEV_DIGEST_SIZE],
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** sealed_forget: gives the pages back that this process has mapped; data comes back when
 * it is read again */
void sealed_forget (const Sealed *sealed);

G_END_DECLS
