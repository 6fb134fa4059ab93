/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/acceptance/acceptance.h"
#include "policy/ledger.h"
#include "policy/release.h"
#include "policy/roots.h"
#include "sev/crypto/sev-ec.h"
#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: owner-dir
 * @short_description: the guest owner's directory
 *
 * The directory of the (resolved) --owner-cert: 0700 and the caller's.  Files in it are
 * regular, the caller's, not links, and bounded in size; pdh.key and secrets are 0600.
 * policy_owner_open() reads everything but secrets and opens the ledger;
 * policy_owner_find_release() reads the secrets of the one release in question.  After both
 * a program may drop its privileges and needs none of the files again.
 */

#define POLICY_OWNER_CERT "pdh.cert"
#define POLICY_OWNER_KEY "pdh.key"
#define POLICY_OWNER_ROOTS "trusted-roots"
#define POLICY_OWNER_FIRMWARE "trusted-firmware"

typedef enum {
    POLICY_OWNER_DEFAULT = 0,
    POLICY_OWNER_NO_KEY =
        1 << 0, /* the key may be missing: --session with --tik and --tek */
    POLICY_OWNER_FRESH_KEY =
        1 << 1, /* neither certificate nor key of the files: new ones, in memory only */
} PolicyOwnerFlags;

typedef struct _PolicyOwner PolicyOwner;

/**
 * policy_owner_open:
 * @cert_path: the owner's certificate; binary, or base64 as sevctl writes it.  The key is
 *   the file of the same name that ends in ".key" instead (pdh.key)
 * Errors: POLICY_ERROR_OWNER_*, %POLICY_ERROR_TRUSTED_ROOTS,
 *   %POLICY_ERROR_TRUSTED_FIRMWARE, %POLICY_ERROR_ACCEPTANCE_SYNTAX,
 * %POLICY_ERROR_RELEASE_SYNTAX, %POLICY_ERROR_IO.
 */
PolicyOwner *policy_owner_open (const char *cert_path,
                                PolicyOwnerFlags flags,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_owner_open_dir:
 * @dir: the directory itself (--owner DIR); its certificate is pdh.cert
 */
PolicyOwner *policy_owner_open_dir (const char *dir,
                                    PolicyOwnerFlags flags,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_owner_free (PolicyOwner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyOwner, policy_owner_free)

/** policy_owner_get_dir: absolute path without links */
const char *policy_owner_get_dir (const PolicyOwner *owner);
const SevCert *policy_owner_get_cert (const PolicyOwner *owner);
/** policy_owner_get_key: (nullable): with %POLICY_OWNER_NO_KEY, and once it is forgotten */
const SevEcKey *policy_owner_get_key (const PolicyOwner *owner);
/** policy_owner_forget: overwrites the key and the secrets of releases, when they have
 * served */
void policy_owner_forget (PolicyOwner *owner);
PolicyRoots *policy_owner_get_roots (PolicyOwner *owner);
PolicyLedger *policy_owner_get_ledger (PolicyOwner *owner);
/** policy_owner_get_acceptance: Returns: (transfer none): of the file "acceptance", else
 * the built-in default */
PolicyAcceptance *policy_owner_get_acceptance (PolicyOwner *owner);
/** policy_owner_pin_of: @release: (nullable). Returns: who pins the firmware @sha256 */
PolicyFirmwarePin policy_owner_pin_of (const PolicyOwner *owner,
                                       const PolicyRelease *release,
                                       const guint8 sha256[SEV_DIGEST_SIZE]);
guint policy_owner_n_releases (const PolicyOwner *owner);
PolicyRelease *policy_owner_get_release (const PolicyOwner *owner, guint index);

/**
 * policy_owner_find_release:
 * @image: (nullable): path or base name of the image
 * @luks_uuid: (nullable): UUID of its encrypted partition; the image says it, untrusted
 * @by_uuid_alone: (out) (optional): the name led to no release, so that the image chose it
 *
 * The release that name and UUID lead to, or the one of them that leads to any; two
 * different ones are ambiguous.  Loads the secrets of what it finds, so call it before
 * privileges are dropped.
 * Returns: (transfer none)
 * Errors: %POLICY_ERROR_RELEASE_MISSING, %POLICY_ERROR_RELEASE_AMBIGUOUS,
 *   %POLICY_ERROR_RELEASE_SECRET, %POLICY_ERROR_OWNER_FILE_MODE,
 *   %POLICY_ERROR_OWNER_FILE_TYPE.
 */
PolicyRelease *policy_owner_find_release (const PolicyOwner *owner,
                                          const char *image,
                                          const char *luks_uuid,
                                          gboolean *by_uuid_alone,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_owner_take_release:
 * @name: of the release (--release), so that nothing of the image chooses
 * Likewise.
 */
PolicyRelease *policy_owner_take_release (const PolicyOwner *owner,
                                          const char *name,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_owner_trust:
 * @dir: owner directory
 * @comment: printable text for the reader of the file
 * @added: (out) (optional): %FALSE if it was trusted before
 * Adds a root to the file trusted-roots, atomically.
 */
gboolean policy_owner_trust (const char *dir,
                             const PolicyFingerprint *fingerprint,
                             const char *comment,
                             gboolean *added,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_owner_trust_firmware: the same for the image @sha256 and trusted-firmware */
gboolean policy_owner_trust_firmware (const char *dir,
                                      const guint8 sha256[SEV_DIGEST_SIZE],
                                      const char *comment,
                                      gboolean *added,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_owner_create_release:
 * @name: letters, digits and "._+-", not starting with a dot
 * @replace: an existing release of this name is replaced
 * Writes releases/NAME/release.conf and the secret files, 0600.  What was written is parsed
 * again before it counts.
 * Errors: %POLICY_ERROR_RELEASE_EXISTS, %POLICY_ERROR_RELEASE_SYNTAX, %POLICY_ERROR_IO, ...
 */
gboolean policy_owner_create_release (const char *dir,
                                      const char *name,
                                      const PolicyReleaseSpec *spec,
                                      gboolean replace,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_read_cert_bytes:
 * @path: a certificate, session or key file of sevctl or sev-tool, anywhere; links followed
 * @size: bytes that it must have when decoded
 * Binary or base64, told apart by the content.
 * Errors: those of policy_file_read_any(), %POLICY_ERROR_OWNER_CERT_TRUNCATED,
 *   %POLICY_ERROR_OWNER_CERT_MALFORMED.
 */
GBytes *policy_read_cert_bytes (const char *path,
                                gsize size,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
