/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PspError:
 * @PSP_ERROR_CONFIG: a #PspConfig that no platform could have
 * @PSP_ERROR_CHIP: the chip's own data (keys burnt in by the manufacturer) is damaged, or
 *   was written by a newer build in a form that this one cannot read
 * @PSP_ERROR_NV_VERSION: intact persistent state, written by a newer build in a form that
 *   this one cannot read; it is left alone
 * @PSP_ERROR_NV_DAMAGED: persistent state is torn, changed or another chip's.  Only the
 *   decoder returns it; INIT turns it into the status SECURE_DATA_INVALID
 * @PSP_ERROR_HOST: a host operation failed in a way that it did not explain
 *
 * Host faults: what went wrong around the firmware.  What the firmware answers to a
 * command is never a #GError but a #SevStatus.
 */
typedef enum {
    PSP_ERROR_CONFIG,
    PSP_ERROR_CHIP,
    PSP_ERROR_NV_VERSION,
    PSP_ERROR_NV_DAMAGED,
    PSP_ERROR_HOST,
} PspError;

#define PSP_ERROR (psp_error_quark ())
GQuark psp_error_quark (void);

G_END_DECLS
