/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "ovmf-hooks/ovmf-image.h"

G_BEGIN_DECLS

/**
 * ovmf_secret_area_limit:
 * @info: result of ovmf_image_inspect()
 * @out: (out): largest padded secret table in bytes: the secret area rounded down to 16
 *   bytes, at most 16 KiB (LAUNCH_SECRET)
 *
 * QEMU does not check the size of what it injects (sev_inject_launch_secret() in
 * target/i386/sev.c), so nobody but the owner does.
 * Errors: %OVMF_ERROR_UNSUPPORTED if the firmware has no secret area.
 */
gboolean ovmf_secret_area_limit (const OvmfImageInfo *info,
                                 gsize *out,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
