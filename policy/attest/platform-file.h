/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/chain.h"

G_BEGIN_DECLS

/**
 * SECTION: platform-file
 * @short_description: a platform's certificates from the files that other tools write
 *
 * | file                          | bytes        | content                          |
 * | ----------------------------- | ------------ | -------------------------------- |
 * | one certificate               | 2084         | PDH, PEK, OCA or CEK             |
 * | one of AMD's                  | 832, 1600    | ARK or ASK                       |
 * | AMD's, ask_ark_NAME.cert      | 1664, 3200   | ASK, ARK (or the other way round)|
 * | cert_chain.cert, "cert-chain" | 6252         | PEK, OCA, CEK                    |
 * | sevctl export                 | 8336         | PDH, PEK, OCA, CEK               |
 * | sevctl export --full          | and 1664, 3200 | the same, ASK, ARK             |
 *
 * Each of them also as base64, as QMP and libvirt give it.  AMD published the Naples ARK
 * without its signature (576 bytes); wherever it stands alone or last, the signature that
 * AMD's sev-tool and virtee/sev put there is added, and verified like any other.
 *
 * Nothing is verified here, and the length of a file decides what stands where, so that a
 * certificate with one wrong field is still told as that certificate by the chain's
 * verdict.
 *
 * Source: AMD's sev-tool (src/commands.h, README), virtee/sev (src/certs/sev), measured.
 */

typedef enum {
    POLICY_CERT_PDH,
    POLICY_CERT_PEK,
    POLICY_CERT_OCA,
    POLICY_CERT_CEK,
    POLICY_CERT_ASK,
    POLICY_CERT_ARK,
} PolicyCertKind;
#define POLICY_N_CERTS 6u

/** policy_cert_kind_name: "PDH" ...; static storage */
const char *policy_cert_kind_name (PolicyCertKind kind);

/** PolicyPlatformCerts: each (nullable) until a file had it; untrusted bytes */
typedef struct {
    GBytes *cert[POLICY_N_CERTS];
    char *chip_id; /* (nullable): 128 lower-case digits, from sev-tool's getid_s0_out.txt */
} PolicyPlatformCerts;

void policy_platform_certs_clear (PolicyPlatformCerts *certs);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PolicyPlatformCerts, policy_platform_certs_clear)

#define POLICY_PLATFORM_FILE_MAX 65536u

/**
 * policy_platform_certs_add:
 * @certs: (inout): what other files had stays; the same certificate again is fine, and a
 *   signed CEK takes the place of the unsigned one of the same key
 * @bytes: content of a file, untrusted
 * @name: for messages
 *
 * Errors: %POLICY_ERROR_PLATFORM_FILE: no form above (the message says what else it is: a
 *   zip archive, an X.509 certificate, a web page), or another certificate of a kind that
 *   is there already.  @certs is unchanged then.
 */
gboolean policy_platform_certs_add (PolicyPlatformCerts *certs,
                                    GBytes *bytes,
                                    const char *name,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_platform_certs_read:
 * @path: a file of any form above, or a folder as AMD's sev-tool writes it:
 *   {pdh,pek,oca,cek,ask,ark}.cert, cert_chain.cert, ask_ark.cert, getid_s0_out.txt; or
 *   its certs_export.zip, with the same names in it.  A file there that is named for one
 *   certificate is taken for it.
 * Errors: %POLICY_ERROR_PLATFORM_FILE, also for a path that cannot be read and a folder
 *   without any of the names.
 */
gboolean policy_platform_certs_read (PolicyPlatformCerts *certs,
                                     const char *path,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_platform_certs_read_ca: @path is a file of AMD's certificates; what they replace
 * is forgotten
 * Errors: %POLICY_ERROR_PLATFORM_FILE: also if it has any other certificate, or one alone.
 */
gboolean policy_platform_certs_read_ca (PolicyPlatformCerts *certs,
                                        const char *path,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_platform_certs_read_one: Returns: (transfer full): the one certificate of @kind
 * that is in the file @path
 * Errors: %POLICY_ERROR_PLATFORM_FILE.
 */
GBytes *policy_platform_certs_read_one (const char *path,
                                        PolicyCertKind kind,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_chip_id_parse: Returns: (transfer full): 128 lower-case digits of a text with
 * blanks around them, or %NULL if it is no chip's id */
char *policy_chip_id_parse (const char *text, gsize len);

/**
 * policy_platform_certs_dup_chain: PEK || OCA || CEK, 6252 bytes
 * Returns: (transfer full) (nullable): %NULL if one of them is missing
 */
GBytes *policy_platform_certs_dup_chain (const PolicyPlatformCerts *certs);

/**
 * policy_platform_certs_verify:
 * @signed_cek: (nullable): the CEK from elsewhere, which must be of the same chip
 * @roots: (nullable): the owner's trusted roots
 *
 * policy_chain_verify() of these; a certificate that is missing breaks its links, each
 * with that as its problem.
 * Errors: %POLICY_ERROR_INTERNAL.
 */
PolicyChain *policy_platform_certs_verify (const PolicyPlatformCerts *certs,
                                           GBytes *signed_cek,
                                           const PolicyRoots *roots,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
