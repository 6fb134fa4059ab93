/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/owner-session.h"
#include "policy/release.h"

G_BEGIN_DECLS

/**
 * SECTION: courier-store
 * @short_description: what the owner keeps of a session between bundle and packet
 *
 *     sessions/ID/tek, tik     16 bytes each
 *     sessions/ID/key          of the bundle's certificate, PEM; only if it is not pdh.key
 *     sessions/ID/bundle       as it was sent; what comes back is compared with it
 *     sessions/ID/platform     the platform file that the session was made for
 *     sessions/ID/record       what is expected, what was accepted, and where it lay
 *
 * in the owner's directory, 0700 and 0600.  It is forgotten when the session was judged.
 */

#define POLICY_COURIER_MAX_DIGESTS 8u

/** PolicyCourierPart: a file that boots; its SHA-256 is in the record's @boot */
typedef struct {
    char *path; /* (nullable): there is none; absolute, or inside the image */
    guint64 size;
} PolicyCourierPart;

/** PolicyCourierRecord: @bundle and @platform are the files' text */
typedef struct {
    guint8 session[POLICY_SESSION_ID_SIZE];
    SevSecret *tek;
    SevSecret *tik;
    SevSecret *key; /* (nullable): --ephemeral: PEM, of the certificate in the bundle */
    GBytes *bundle;
    GBytes *platform;
    char *release;   /* (nullable) */
    PolicyBoot boot; /* as it was compared with the release */
    PolicyCourierPart firmware;
    PolicyCourierPart kernel; /* or the unified kernel image */
    PolicyCourierPart initrd;
    guint8 digests[POLICY_COURIER_MAX_DIGESTS][SEV_DIGEST_SIZE]; /* any of them will do */
    guint n_digests;
    guint64 room; /* bytes of the firmware's secret area */
} PolicyCourierRecord;

void policy_courier_record_clear (PolicyCourierRecord *record);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyCourierRecord, policy_courier_record_clear)

/**
 * policy_courier_keep:
 * @dir: the owner's directory
 * Errors: %POLICY_ERROR_OWNER_EXISTS (the session is kept already), %POLICY_ERROR_IO,
 *   those of policy_dir_open().
 */
gboolean policy_courier_keep (const char *dir,
                              const PolicyCourierRecord *record,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_courier_recall:
 * @out: (out caller-allocates): empty on error
 * Errors: %POLICY_ERROR_COURIER_SESSION (no such session is kept),
 *   %POLICY_ERROR_COURIER_FILE (damaged), those of policy_file_read().
 */
gboolean policy_courier_recall (const char *dir,
                                const guint8 session[POLICY_SESSION_ID_SIZE],
                                PolicyCourierRecord *out,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_courier_is_kept: whether the file @path is a key of a session that is kept so */
gboolean policy_courier_is_kept (const char *path);

/** policy_courier_forget: the keys are overwritten and removed, see
 * policy_file_overwrite(). Errors: %POLICY_ERROR_IO. */
gboolean policy_courier_forget (const char *dir,
                                const guint8 session[POLICY_SESSION_ID_SIZE],
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_courier_forget_all: the same for every session that is kept
 * @owner_dir: descriptor of the owner's directory
 * @n: (out): how many there were
 */
gboolean policy_courier_forget_all (int owner_dir,
                                    guint *n,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
