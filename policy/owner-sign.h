/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sev/crypto/sev-sign.h"

G_BEGIN_DECLS

/**
 * SECTION: owner-sign
 * @short_description: the key with which the owner signs evidence
 *
 * Ed25519, in the owner's directory: sign.key (PKCS#8, 0600) and sign.pub, which goes to
 * whoever shall check evidence.  The DH key never signs.
 */

#define POLICY_OWNER_SIGN_KEY "sign.key"
#define POLICY_OWNER_SIGN_PUB "sign.pub"

/**
 * policy_sign_key_make_at:
 * @dirfd: the owner's directory
 * Writes both files, or neither.
 * Errors: %POLICY_ERROR_OWNER_EXISTS if either is there, %POLICY_ERROR_IO,
 *   %POLICY_ERROR_INTERNAL.
 */
gboolean policy_sign_key_make_at (int dirfd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_sign_key_make: the same in the directory @dir, which must be the caller's and
 * 0700. Errors: besides, those of policy_dir_open(). */
gboolean policy_sign_key_make (const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_sign_key_load:
 * @dir: an owner's directory
 * @out: (out) (transfer full) (nullable): %NULL if it has no sign.key
 * Errors: those of policy_dir_open() and policy_file_read_secret(),
 *   %POLICY_ERROR_OWNER_KEY_MALFORMED.
 */
gboolean policy_sign_key_load (const char *dir,
                               SevSignKey **out,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_sign_pub_load:
 * @path: a file like sign.pub, anywhere
 * Errors: %POLICY_ERROR_OWNER_MISSING, %POLICY_ERROR_OWNER_KEY_MALFORMED,
 *   %POLICY_ERROR_IO.
 */
SevSignKey *policy_sign_pub_load (const char *path,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_sign_pub_load_found: the same of what is called so in a folder of anybody's.
 * Errors: besides, %POLICY_ERROR_OWNER_FILE_TYPE. */
SevSignKey *policy_sign_pub_load_found (const char *path,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_sign_key_id: Returns: (transfer full): "sha256:" and the SHA-256 of the 32 bytes
 * of the public key in 64 digits; %NULL with an error if hashing fails */
char *policy_sign_key_id (const SevSignKey *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
