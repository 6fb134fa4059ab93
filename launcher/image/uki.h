/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-error.h"

G_BEGIN_DECLS

/**
 * SECTION: uki
 * @short_description: the sections of a unified kernel image
 *
 * Source: Microsoft "PE Format"; UAPI Group "Unified Kernel Image"; systemd-stub(7).
 * Pure.
 */

/* From this version on systemd-stub takes a kernel command line from SMBIOS strings,
 * which no SEV measurement covers (systemd-stub(7), io.systemd.stub.kernel-cmdline-extra).
 */
#define UKI_STUB_FIRST_REFUSED 254u

#define UKI_MAX_SIZE (256u << 20) /* bytes */

/**
 * UkiInfo:
 * @cmdline: kernel command line, printable, without the line end
 * @uname: (nullable): kernel release
 * @os_name: (nullable): PRETTY_NAME of .osrel
 * @stub: version text of systemd-stub, "252.39-1~deb12u2"
 * @stub_version: its leading number
 * @linux_size: bytes of the kernel
 * @initrd_size: bytes of the initrd
 */
typedef struct {
    char *cmdline;
    char *uname;
    char *os_name;
    char *stub;
    guint stub_version;
    gsize linux_size;
    gsize initrd_size;
} UkiInfo;

void uki_info_free (UkiInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UkiInfo, uki_info_free)

/**
 * uki_parse:
 * @data: (array length=len): a whole file
 * @len: its length in bytes
 * @error: return location for a #GError, or %NULL
 *
 * Accepts a PE32+ file for x86-64 with exactly one section each of .linux, .initrd and
 * .cmdline, whose sections lie inside the file and over no other, and whose stub is a
 * systemd-stub before %UKI_STUB_FIRST_REFUSED.
 *
 * Errors: %IMAGE_ERROR_UKI_NOT_UKI (no PE file, or none of those sections),
 * %IMAGE_ERROR_UKI_BROKEN, %IMAGE_ERROR_UKI_STUB_UNKNOWN, %IMAGE_ERROR_UKI_STUB_TOO_NEW,
 * %IMAGE_ERROR_UKI_TOO_LARGE.
 *
 * Returns: (transfer full): what is in it; %NULL on error
 */
UkiInfo *uki_parse (const guint8 *data,
                    gsize len,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
