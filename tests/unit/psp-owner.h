/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * A platform's owner, and a judge of certificates: both work on the bytes of the format
 * with OpenSSL alone, nothing of sev/ or psp/.  Offsets: AMD's sev-tool (src/sevapi.h).
 */

#define OWNER_CERT_SIZE 2084u

/* Offsets in a certificate. */
#define OWNER_AT_API 0x004u
#define OWNER_AT_USAGE 0x008u
#define OWNER_AT_PUBKEY 0x010u
#define OWNER_BODY_SIZE 0x414u
#define OWNER_AT_SLOT(slot) ((slot) == 0 ? 0x414u : 0x61cu)
#define OWNER_SLOT_SIZE 520u

/* The owner of tests/vectors/csr, whose certificate AMD's sev-tool made. */
void owner_get_cert (guint8 out[OWNER_CERT_SIZE]);

/* Signs the body into a slot as an OCA, with the key of that owner. */
void owner_sign (guint8 cert[OWNER_CERT_SIZE], guint slot);

/* Another owner with a key made now: a self-signed certificate. */
void owner_make (guint8 oca[OWNER_CERT_SIZE]);
/* Signs as that one. */
void owner_make_sign (guint8 cert[OWNER_CERT_SIZE], guint slot);

guint32 owner_get_u32 (const guint8 *cert, gsize at);
void owner_put_u32 (guint8 *cert, gsize at, guint32 value);
void owner_clear_slot (guint8 *cert, guint slot);

/* Whether the slot holds an ECDSA signature with SHA-256 by the key in @signer, and says so
 * (@usage).
 */
gboolean owner_verifies (const guint8 cert[OWNER_CERT_SIZE],
                         guint slot,
                         guint32 usage,
                         const guint8 signer[OWNER_CERT_SIZE]);
gboolean owner_slot_is_empty (const guint8 *cert, guint slot);
