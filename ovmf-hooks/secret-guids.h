/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-guid.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/*
 * Names of secrets.  The first GUID is the convention of libvirt (alias "luks-key") and
 * grub's efisecret module: raw bytes of a LUKS key.  The second is ours: which LUKS header
 * the guest may accept.
 */
#define OVMF_SECRET_LUKS_KEY "luks-key"
#define OVMF_SECRET_LUKS_KEY_GUID "736869e5-84f0-4973-92ec-06879ce3da0b"
#define OVMF_SECRET_LUKS_HEADER "luks-header"
#define OVMF_SECRET_LUKS_HEADER_GUID "5ebfa30f-6bd1-4e0c-8a0d-3d2b4c0f7a11"

/* Data of "luks-header": SHA-256 of the first LENGTH bytes, then LENGTH as u64. */
#define OVMF_LUKS_HEADER_PIN_SIZE (SEV_DIGEST_SIZE + 8u)
#define OVMF_LUKS_HEADER_MIN_LENGTH 4096u
#define OVMF_LUKS_HEADER_MAX_LENGTH (16u * 1024u * 1024u)

/**
 * ovmf_secret_guid_parse:
 * @name: an alias ("luks-key", "luks-header") or a GUID in text form
 * @out: (out caller-allocates)
 * Errors: %OVMF_ERROR_INVALID: neither, or a GUID that the table itself uses.
 */
gboolean ovmf_secret_guid_parse (const char *name,
                                 SevGuid *out,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ovmf_secret_guid_alias: Returns: (nullable): the alias of a GUID; static storage */
const char *ovmf_secret_guid_alias (const SevGuid *guid);

/**
 * ovmf_luks_header_pin:
 * @sha256: of the first @length bytes of the LUKS partition
 * @length: offset of the data segment in bytes: %OVMF_LUKS_HEADER_MIN_LENGTH to
 *   %OVMF_LUKS_HEADER_MAX_LENGTH, a multiple of 512
 * @out: (out caller-allocates): data for the "luks-header" entry; not secret
 * Errors: %OVMF_ERROR_INVALID.
 */
gboolean ovmf_luks_header_pin (const guint8 sha256[SEV_DIGEST_SIZE],
                               guint64 length,
                               guint8 out[OVMF_LUKS_HEADER_PIN_SIZE],
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
