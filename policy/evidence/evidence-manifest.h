/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/acceptance/acceptance.h"
#include "policy/attest/chain.h"
#include "policy/attest/owner-session.h"
#include "policy/verdict.h"
#include "sev/base/sev-guid.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: evidence-manifest
 * @short_description: what the owner says of one launch, as one JSON text
 *
 * The text is made once.  Its bytes are what is hashed, what is signed and what is kept;
 * nothing is ever serialised again to check a signature.  Hashes, sizes and keys of secrets
 * are not in it, and neither are the secrets.
 *
 * What is not measured and not known is null there.  What a verified launch cannot be
 * without (certificates, session, measurement) may be null where it was refused before.
 */

#define EVIDENCE_MANIFEST_SCHEMA "sevlaunch.manifest/1"
#define EVIDENCE_MANIFEST_MAX_SIZE (2u * 1024u * 1024u)
#define EVIDENCE_MAX_LIST 256u /* elements of any list in it */

/** EvidenceFile: a file that was measured */
typedef struct {
    char *path; /* where it lay; no claim about what lies there now */
    guint64 size;
    guint8 sha256[SEV_DIGEST_SIZE];
} EvidenceFile;

/** EvidenceCheck: one check of the verdict */
typedef struct {
    char *name; /* policy_check_name() */
    gboolean passed;
} EvidenceCheck;

/** EvidenceManifest: plain data; texts and bytes are owned, (nullable) where said */
typedef struct {
    char *tool;      /* "sevlaunch" */
    char *version;   /* of the tool */
    char *time;      /* UTC, ISO 8601: when the evidence was made, by the tool's clock */
    guint64 counter; /* from 1, in the order of the owner's directory */
    gboolean has_previous;
    guint8 previous[SEV_DIGEST_SIZE]; /* SHA-256 of the evidence before this one */
    gboolean gap; /* that it was the last one was not known, EvidencePlace.gap */
    char *signer; /* policy_sign_key_id() */

    char *judged_on; /* policy_judged_on_name() */
    gboolean verified;
    GPtrArray
        *checks; /* (element-type EvidenceCheck): all of #PolicyCheck of that version */
    GPtrArray *reasons;  /* (element-type PolicyReason) */
    GPtrArray *unproven; /* (element-type utf8) */

    GBytes *owner_cert;
    char *release;    /* (nullable) */
    char *acceptance; /* (nullable): name of the acceptance policy's file; NULL: the
                         built-in default held */
    guint8 acceptance_sha256[SEV_DIGEST_SIZE]; /* of that file */
    char *domain_name;
    char *domain_uuid; /* (nullable) */
    char *domain_uri;  /* (nullable) */
    char *domain_xml;  /* (nullable) */

    char *platform_kind; /* policy_platform_kind_name() */
    gboolean emulated;
    char *generation; /* (nullable) */
    gboolean has_api; /* the three that follow are known */
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    char *platform_owner;    /* (nullable): "self" or "external" */
    char *owner_fingerprint; /* (nullable): of the OCA */
    char *root_fingerprint;  /* (nullable) */
    GBytes *pdh;             /* (nullable): the platform was not asked yet */
    GBytes *cert_chain;      /* (nullable): PEK || OCA || CEK */
    GBytes *cek;             /* (nullable): as in #PolicyChainInput */
    GBytes *ask;             /* (nullable) */
    GBytes *ark;             /* (nullable) */

    guint32 policy;
    guint vcpus;           /* asked for, and with @es measured; 0: not known */
    guint memory_mib;      /* asked for, never measured; 0: not known */
    gboolean es;           /* what follows is measured */
    gboolean has_cpu;      /* ... and known */
    char *cpu_model;       /* (nullable) */
    guint32 cpu_signature; /* EAX of CPUID leaf 1 */
    char *vmsa;            /* (nullable): policy_vmsa_form_name() */
    guint64 sev_features;

    EvidenceFile *firmware;
    gboolean kernel_hashes; /* kernel, initrd and command line are measured */
    EvidenceFile *kernel;   /* (nullable): or the unified kernel image */
    EvidenceFile *initrd;   /* (nullable) */
    char *cmdline;          /* (nullable) */
    gboolean uki;           /* @kernel is a unified kernel image */
    char *uki_cmdline;      /* (nullable): the command line in it, if it was looked at */

    guint8 session_id[POLICY_SESSION_ID_SIZE]; /* SHA-256 of @session */
    GBytes *session; /* (nullable): launch blob, public; none was made yet */
    gboolean has_digest;
    guint8 digest[SEV_DIGEST_SIZE]; /* launch digest that was expected */
    gboolean has_measurement;       /* the two that follow are known */
    guint8 reported[SEV_MAC_SIZE];  /* the platform's MAC */
    guint8 nonce[SEV_NONCE_SIZE];   /* its nonce */
    gboolean early_report; /* the platform's report was asked for before there was a
                              manifest: policy_report_nonce_early() */
    GArray *secrets;       /* (element-type SevGuid): released, or given to the host */
} EvidenceManifest;

EvidenceManifest *evidence_manifest_new (void);
void evidence_manifest_free (EvidenceManifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EvidenceManifest, evidence_manifest_free)

/** evidence_manifest_set_file: @slot: (inout): freed and replaced */
void evidence_manifest_set_file (EvidenceFile **slot,
                                 const char *path,
                                 guint64 size,
                                 const guint8 sha256[SEV_DIGEST_SIZE]);
/** evidence_manifest_set_chain: what the host gave (nothing, if it was not asked), and what
 * the chain says it is */
void evidence_manifest_set_chain (EvidenceManifest *manifest,
                                  const PolicyChainInput *input,
                                  const PolicyChain *chain);
/** evidence_manifest_set_session: certificate of the owner, launch blob, id and policy */
void evidence_manifest_set_session (EvidenceManifest *manifest,
                                    const PolicySession *session);
/**
 * evidence_manifest_set_verdict: checks, reasons, unproven and where it was judged
 * @verified: the verdict was accepted; not taken from @verdict alone
 */
void evidence_manifest_set_verdict (EvidenceManifest *manifest,
                                    const PolicyVerdict *verdict,
                                    gboolean verified);
/** evidence_manifest_add_reason: one that is not of the verdict, such as a host's failure
 */
void evidence_manifest_add_reason (EvidenceManifest *manifest,
                                   const char *id,
                                   const char *text);

/** evidence_manifest_to_bytes: Returns: (transfer full): the text */
GBytes *evidence_manifest_to_bytes (const EvidenceManifest *manifest);

/**
 * evidence_manifest_parse:
 * @bytes: untrusted
 * Strict: every member is there, has its type and its bounds, and there is no other.  What
 * it says is not compared with anything; see evidence-check.h.
 * Errors: %POLICY_ERROR_EVIDENCE_MALFORMED.
 */
EvidenceManifest *evidence_manifest_parse (GBytes *bytes,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** evidence_manifest_set_acceptance: which policy held */
void evidence_manifest_set_acceptance (EvidenceManifest *manifest,
                                       const PolicyAcceptance *acceptance);

/** evidence_manifest_get_mnonce: what ATTESTATION is asked with: the first 16 bytes of
 * the SHA-256 of the text */
gboolean evidence_manifest_get_mnonce (GBytes *bytes,
                                       guint8 out[SEV_NONCE_SIZE],
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
