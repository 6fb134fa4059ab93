/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/inspect/finding.h"
#include "ovmf-hooks/ovmf-image.h"

G_BEGIN_DECLS

/**
 * SECTION: firmware-info
 * @short_description: what a firmware image can do for a guest with SEV
 *
 * The image is untrusted, and what it says of itself proves nothing: only its digest tells
 * whether it is the firmware that an owner accepts.
 */

#define FIRMWARE_OWN_NAME "sevlaunch-ovmf.fd" /* in the package's data directory */
#define FIRMWARE_PINS_NAME "expected.sha256"  /* there too: digests of own builds */

/**
 * FirmwareLayout: how the image is put together
 * @FIRMWARE_LAYOUT_OTHER: no UEFI image
 * @FIRMWARE_LAYOUT_WHOLE: variables' store and code in one file
 * @FIRMWARE_LAYOUT_CODE: code, whose variables are in a file of their own
 * @FIRMWARE_LAYOUT_VARIABLES: that file
 * @FIRMWARE_LAYOUT_CUT: begins with variables, ends without code
 *
 * Source: edk2, MdePkg/Include/Pi/PiFirmwareVolume.h (header of a volume) and
 * OvmfPkg/ResetVector (the volume top file, whose signature ends 16 bytes before the end).
 */
typedef enum {
    FIRMWARE_LAYOUT_OTHER,
    FIRMWARE_LAYOUT_WHOLE,
    FIRMWARE_LAYOUT_CODE,
    FIRMWARE_LAYOUT_VARIABLES,
    FIRMWARE_LAYOUT_CUT,
} FirmwareLayout;

/** FirmwareInfo: @findings: (element-type Finding): why it does not do, or not well */
typedef struct {
    char *path;
    guint64 size; /* bytes */
    char *sha256; /* (nullable): hexadecimal; %NULL: the file could not be read */
    FirmwareLayout layout;
    OvmfImageInfo image; /* zero if the table is damaged */
    gboolean own_build;
    gboolean damaged; /* the table contradicts itself, or the size is that of no image */
    GPtrArray *findings;
} FirmwareInfo;

/** firmware_layout_name: "other", "whole", "code", "variables" or "cut" */
const char *firmware_layout_name (FirmwareLayout layout);

/** firmware_pins_have: whether @text (lines that begin with a SHA-256) names the digest */
gboolean firmware_pins_have (const char *text, const char *sha256);

/**
 * firmware_info_inspect:
 * @path: for messages
 * @image: (array length=len): any bytes
 * @pins: (nullable): digests of own builds
 * @use: (nullable): what a fix names: the firmware to take instead
 *
 * Returns: (transfer full): never %NULL
 */
FirmwareInfo *firmware_info_inspect (const char *path,
                                     const guint8 *image,
                                     gsize len,
                                     const char *pins,
                                     const char *use);

/**
 * firmware_info_read: as firmware_info_inspect(), of a file of at most
 *   %OVMF_IMAGE_MAX_SIZE bytes
 * Errors: %LAUNCHER_ERROR_FIRMWARE_MISSING, %LAUNCHER_ERROR_FIRMWARE_UNSUITABLE (too large,
 *   no regular file).
 */
FirmwareInfo *firmware_info_read (const char *path,
                                  const char *pins,
                                  const char *use,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

void firmware_info_free (FirmwareInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FirmwareInfo, firmware_info_free)

/**
 * firmware_info_can:
 * Returns: (transfer container) (array zero-terminated=1): of "sev", "sev-es", "secret",
 *   "kernel-hashes", "snp", "stateless"
 */
const char **firmware_info_can (const FirmwareInfo *info);

G_END_DECLS
