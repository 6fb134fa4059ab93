/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-error.h"

G_BEGIN_DECLS

/**
 * SECTION: qcow2
 * @short_description: what a qcow2 header says about other files
 *
 * Source: QEMU docs/interop/qcow2.txt.  Pure.  Only the header and its extensions; the
 * tables are QEMU's business.
 */

#define QCOW2_HEAD_SIZE                                                                    \
    65536u /* bytes of a file that suffice: header is in one cluster                       \
            */

/**
 * Qcow2Header:
 * @virtual_size: guest-visible bytes
 * @encrypted: crypt_method is not 0
 * @data_file: data lies in an external file
 * @backing_name: (nullable): name of the backing file, as it stands there
 * @backing_format: (nullable): format of the backing file, if the header says it
 */
typedef struct {
    guint64 virtual_size;
    gboolean encrypted;
    gboolean data_file;
    char *backing_name;
    char *backing_format;
} Qcow2Header;

void qcow2_header_clear (Qcow2Header *header);

/** qcow2_has_magic: Returns: %TRUE if @head begins like qcow2 (or the older qcow) */
gboolean qcow2_has_magic (const guint8 *head, gsize len);

/**
 * qcow2_header_parse:
 * @head: (array length=len): first bytes of the file
 * @len: %QCOW2_HEAD_SIZE, or the file's size if it is smaller
 * @header: (out caller-allocates): zeroes on error
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %IMAGE_ERROR_FORMAT (no qcow2, or a version other than 2 and 3),
 * %IMAGE_ERROR_BROKEN.
 */
gboolean qcow2_header_parse (const guint8 *head,
                             gsize len,
                             Qcow2Header *header,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
