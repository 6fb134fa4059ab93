/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SEV_GUID_SIZE 16u

/**
 * SevGuid: an EFI GUID as it lies in memory (UEFI 2.10, appendix A): the first three
 * groups little-endian, the rest as written.
 */
typedef struct {
    guint8 bytes[SEV_GUID_SIZE];
} SevGuid;

#define SEV_GUID_BYTE(value, shift) ((guint8) (((guint64) (value) >> (shift)) & 0xff))

/**
 * SEV_GUID_INIT: an initialiser written like the text form, for example
 * SEV_GUID_INIT (0x736869e5, 0x84f0, 0x4973, 0x92ec, 0x06879ce3da0b)
 */
#define SEV_GUID_INIT(a, b, c, d, e)                                                       \
    {                                                                                      \
        {                                                                                  \
            SEV_GUID_BYTE (a, 0), SEV_GUID_BYTE (a, 8), SEV_GUID_BYTE (a, 16),             \
                SEV_GUID_BYTE (a, 24), SEV_GUID_BYTE (b, 0), SEV_GUID_BYTE (b, 8),         \
                SEV_GUID_BYTE (c, 0), SEV_GUID_BYTE (c, 8), SEV_GUID_BYTE (d, 8),          \
                SEV_GUID_BYTE (d, 0), SEV_GUID_BYTE (e, 40), SEV_GUID_BYTE (e, 32),        \
                SEV_GUID_BYTE (e, 24), SEV_GUID_BYTE (e, 16), SEV_GUID_BYTE (e, 8),        \
                SEV_GUID_BYTE (e, 0)                                                       \
        }                                                                                  \
    }

gboolean sev_guid_equal (const SevGuid *a, const SevGuid *b);
gboolean sev_guid_is_zero (const SevGuid *guid);

/** sev_guid_to_string: Returns: (transfer full): 36 lower-case characters */
char *sev_guid_to_string (const SevGuid *guid);

/**
 * sev_guid_parse:
 * @text: 8-4-4-4-12 hexadecimal digits with dashes, nothing before or after
 * Errors: %SEV_ERROR_MALFORMED.
 */
gboolean sev_guid_parse (const char *text,
                         SevGuid *out,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
