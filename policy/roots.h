/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: roots
 * @short_description: the keys that a platform's chain may end in
 *
 * A root is a key and nothing else: its fingerprint is SHA-256 over the exponent and then
 * the modulus, each as it stands in the ARK certificate (little-endian, 256 or 512 bytes
 * each).  Key id, usage and signature are not part of it.
 */

#define POLICY_FINGERPRINT_SIZE 32u

typedef struct {
    guint8 bytes[POLICY_FINGERPRINT_SIZE];
} PolicyFingerprint;

/** policy_root_fingerprint: Errors: %POLICY_ERROR_INTERNAL if hashing fails */
gboolean policy_root_fingerprint (const SevAmdCert *ark,
                                  PolicyFingerprint *out,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_fingerprint_to_text: Returns: (transfer full): "sha256:" and 64 digits */
char *policy_fingerprint_to_text (const PolicyFingerprint *fingerprint);
/** policy_fingerprint_parse: the inverse. Errors: %POLICY_ERROR_TRUSTED_ROOTS. */
gboolean policy_fingerprint_parse (const char *text,
                                   PolicyFingerprint *out,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean policy_fingerprint_equal (const PolicyFingerprint *a, const PolicyFingerprint *b);

/**
 * policy_builtin_root_name:
 * Returns: (nullable): generation whose AMD root this is: "Naples", "Rome", "Milan",
 *   "Genoa", "Turin"; %NULL for any other key; static storage
 */
const char *policy_builtin_root_name (const PolicyFingerprint *fingerprint);

/**
 * policy_generation_banned_by_default: whether platforms of this generation ("Naples" ...)
 * are not to be launched on unless the owner's acceptance policy allows them.  Naples: the
 * keys of its secure processors have been extracted (Buhren, Werling, Seifert: "Insecure
 * Until Proven Updated", CCS 2019), so that a signed chain no longer shows where it came
 * from.
 */
gboolean policy_generation_banned_by_default (const char *generation);

/* ASCII key ids of the emulated ARK and ASK. */
#define POLICY_EMULATED_ARK_ID "EMULATED-SEVLNCH"
#define POLICY_EMULATED_ASK_ID "EMULATED-SEVLNCA"
/** policy_key_id_is_emulated: %TRUE for either id above, and for any that begins or ends
 * with "EMULATED" */
gboolean policy_key_id_is_emulated (const guint8 key_id[SEV_AMD_KEY_ID_SIZE]);

/** PolicyRoots: the owner's trusted roots, text file "trusted-roots" */
typedef struct _PolicyRoots PolicyRoots;

PolicyRoots *policy_roots_new (void);
void policy_roots_free (PolicyRoots *roots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyRoots, policy_roots_free)

/**
 * policy_roots_parse:
 * @text: (array length=len): lines "sha256:HEX" and a comment after blanks; empty lines and
 *   lines that start with '#' are allowed; at most 64 KiB
 * Errors: %POLICY_ERROR_TRUSTED_ROOTS with the line's number.
 */
PolicyRoots *policy_roots_parse (const char *text,
                                 gsize len,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_roots_parse_named: another file of fingerprints; @name: for messages */
PolicyRoots *policy_roots_parse_named (const char *name,
                                       const char *text,
                                       gsize len,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_roots_add: for this process only; see policy_owner_trust() for the file */
void policy_roots_add (PolicyRoots *roots, const PolicyFingerprint *fingerprint);
gboolean policy_roots_contains (const PolicyRoots *roots,
                                const PolicyFingerprint *fingerprint);
guint policy_roots_count (const PolicyRoots *roots);

G_END_DECLS
