/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-info.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: luks
 * @short_description: the LUKS2 header that a release pins
 *
 * Source: "LUKS2 On-Disk Format Specification" 1.1.  Whether the guest will accept the
 * header is judged by the guest's own program text (ovmf-hooks/guest/luks-header.h), so
 * that nothing is pinned which the guest then refuses; a program of its own (luks-judge)
 * asks it.
 */

/**
 * LuksHeader:
 * @partition: number in the partition table, from 1
 * @start: first byte of the partition on the disk
 * @uuid: text of the header's UUID, 36 characters
 * @length: bytes from @start to the encrypted data: what is pinned
 * @sha256: over these bytes
 */
typedef struct {
    guint partition;
    guint64 start;
    char *uuid;
    guint64 length;
    guint8 sha256[SEV_DIGEST_SIZE];
} LuksHeader;

void luks_header_free (LuksHeader *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LuksHeader, luks_header_free)

/**
 * luks_find:
 * @image: a disk image
 * @cancellable: (nullable): ends the search and kills running tools
 * @error: return location for a #GError, or %NULL
 *
 * Finds the one partition that begins with a LUKS magic or has the LUKS type GUID.
 * Blocks.
 *
 * Errors: %IMAGE_ERROR (GPT, LUKS, TOOL, TIMEOUT, IO), %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): what to pin; %NULL on error
 */
LuksHeader *luks_find (const ImageInfo *image,
                       GCancellable *cancellable,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * luks_find_uuid:
 *
 * As luks_find(), but no more is read and judged than the header that has the UUID.
 *
 * Returns: (transfer full): 36 characters; %NULL on error
 */
char *luks_find_uuid (const ImageInfo *image,
                      GCancellable *cancellable,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * luks_parse:
 * @data: (array length=len): first bytes of a partition
 * @len: their number: 16 MiB, or the whole partition if it is smaller
 * @partition_size: bytes
 * @uuid: (out) (transfer full): text of the UUID
 * @length: (out): see #LuksHeader
 * @error: return location for a #GError, or %NULL
 *
 * Pure, without the guest's judgement.  Errors: %IMAGE_ERROR_LUKS_MISSING (no magic),
 * %IMAGE_ERROR_LUKS_BROKEN, %IMAGE_ERROR_LUKS_UNFIT (not LUKS2, or too large).
 */
gboolean luks_parse (const guint8 *data,
                     gsize len,
                     guint64 partition_size,
                     char **uuid,
                     guint64 *length,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** luks_set_judge: @program: absolute path of another luks-judge than the installed one;
 * for tests of what is not installed */
void luks_set_judge (const char *program);

G_END_DECLS
