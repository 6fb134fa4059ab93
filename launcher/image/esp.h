/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-info.h"
#include "launcher/image/uki.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * EspUki: the unified kernel image that was found
 * @path: in the EFI system partition, "EFI/Linux/debian.efi"
 * @fd: sealed memory file with the whole UKI, position 0; closed with the struct
 * @size: bytes
 * @sha256: of the whole file
 * @info: its sections
 */
typedef struct {
    char *path;
    int fd;
    gsize size;
    guint8 sha256[SEV_DIGEST_SIZE];
    UkiInfo *info;
} EspUki;

void esp_uki_free (EspUki *uki);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EspUki, esp_uki_free)

/**
 * esp_extract_uki:
 * @image: a disk image
 * @cancellable: (nullable): ends the search and kills running tools
 * @error: return location for a #GError, or %NULL
 *
 * Looks into EFI/Linux/ (each file named .efi) and at EFI/BOOT/BOOTX64.EFI of the one EFI
 * system partition.  Exactly one of these must be a UKI; other boot loaders beside it are
 * ignored, since they do not take part in a direct boot.  Blocks.
 *
 * Errors: %IMAGE_ERROR (all of GPT, ESP, FAT, UKI, TOOL, TIMEOUT, IO),
 * %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the UKI; %NULL on error
 */
EspUki *esp_extract_uki (const ImageInfo *image,
                         GCancellable *cancellable,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * esp_load_uki:
 * @path: a UKI file given by hand (--uki)
 *
 * The same checks and the same result for a file of the host.  Errors: as above, and
 * %IMAGE_ERROR_MISSING, %IMAGE_ERROR_UNREADABLE.
 */
EspUki *esp_load_uki (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** esp_load_uki_fd: the same for an open file; @fd stays the caller's, @path is for
 * messages */
EspUki *esp_load_uki_fd (int fd,
                         const char *path,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
