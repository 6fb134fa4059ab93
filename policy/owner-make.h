/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sev/crypto/sev-ec.h"
#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: owner-make
 * @short_description: the owner's directory and his DH key, new or renewed
 */

/**
 * policy_owner_init:
 * @dir: made (0700) if it is missing
 * Writes pdh.cert, pdh.key, sign.key and sign.pub, each whole, or none of them; a sign.key
 * that is there stays.
 * Errors: %POLICY_ERROR_OWNER_EXISTS, %POLICY_ERROR_OWNER_DIR_MODE,
 *   %POLICY_ERROR_OWNER_DIR_OWNER, %POLICY_ERROR_IO, %POLICY_ERROR_INTERNAL.
 */
gboolean policy_owner_init (const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_owner_rotate:
 * @dir: an owner's directory
 * @keep: (nullable): new name for the old pair, "old" for old.cert and old.key; %NULL: the
 *   old key's file is overwritten, and so are the keys of sessions that wait for a courier,
 *   see policy_file_overwrite()
 * @given_up: (out) (optional): how many sessions these were
 *
 * A new pdh.cert and pdh.key; all else stays.  Interrupted between the two, key and
 * certificate do not fit until it is done again.  Sessions and the old key go last,
 * when the new pair is there.
 * Errors: %POLICY_ERROR_OWNER_MISSING: no certificate to renew; %POLICY_ERROR_OWNER_EXISTS:
 *   @keep is taken; %POLICY_ERROR_OWNER_DIR_MODE, %POLICY_ERROR_OWNER_DIR_OWNER,
 *   %POLICY_ERROR_OWNER_FILE_TYPE, %POLICY_ERROR_OUTPUT_TYPE, %POLICY_ERROR_IO,
 *   %POLICY_ERROR_INTERNAL.
 */
gboolean policy_owner_rotate (const char *dir,
                              const char *keep,
                              guint *given_up,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_owner_make_pair:
 * @cert: (out): certificate of a new key for DH on P-384, as a launch needs it
 * Returns: (transfer full): its key
 */
SevEcKey *policy_owner_make_pair (SevCert *cert, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
