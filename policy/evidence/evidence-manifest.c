/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evidence/evidence-manifest.h"

#include <string.h>

#include "policy/evidence/evidence-private.h"
#include "sev/crypto/sev-digest.h"

void
evidence_file_free (EvidenceFile *file)
{
    if (file == NULL)
        return;
    g_free (file->path);
    g_free (file);
}

void
evidence_check_free (gpointer data)
{
    EvidenceCheck *check = data;

    g_free (check->name);
    g_free (check);
}

void
evidence_reason_free (gpointer data)
{
    PolicyReason *reason = data;

    g_free (reason->id);
    g_free (reason->text);
    g_free (reason);
}

EvidenceManifest *
evidence_manifest_new (void)
{
    EvidenceManifest *manifest = g_new0 (EvidenceManifest, 1);

    manifest->checks = g_ptr_array_new_with_free_func (evidence_check_free);
    manifest->reasons = g_ptr_array_new_with_free_func (evidence_reason_free);
    manifest->unproven = g_ptr_array_new_with_free_func (g_free);
    manifest->secrets = g_array_new (FALSE, FALSE, sizeof (SevGuid));
    return manifest;
}

void
evidence_manifest_free (EvidenceManifest *manifest)
{
    if (manifest == NULL)
        return;

    char *const texts[] = {
        manifest->tool,
        manifest->version,
        manifest->time,
        manifest->signer,
        manifest->judged_on,
        manifest->release,
        manifest->acceptance,
        manifest->domain_name,
        manifest->domain_uuid,
        manifest->domain_uri,
        manifest->domain_xml,
        manifest->platform_kind,
        manifest->generation,
        manifest->platform_owner,
        manifest->owner_fingerprint,
        manifest->root_fingerprint,
        manifest->cpu_model,
        manifest->vmsa,
        manifest->cmdline,
        manifest->uki_cmdline,
    };
    GBytes *const bytes[] = { manifest->owner_cert, manifest->pdh, manifest->cert_chain,
                              manifest->cek,        manifest->ask, manifest->ark,
                              manifest->session };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_free (texts[i]);
    for (gsize i = 0; i < G_N_ELEMENTS (bytes); i++)
        g_bytes_unref (bytes[i]);
    evidence_file_free (manifest->firmware);
    evidence_file_free (manifest->kernel);
    evidence_file_free (manifest->initrd);
    g_ptr_array_unref (manifest->checks);
    g_ptr_array_unref (manifest->reasons);
    g_ptr_array_unref (manifest->unproven);
    g_array_unref (manifest->secrets);
    g_free (manifest);
}

void
evidence_manifest_set_file (EvidenceFile **slot,
                            const char *path,
                            guint64 size,
                            const guint8 sha256[SEV_DIGEST_SIZE])
{
    EvidenceFile *file = g_new0 (EvidenceFile, 1);

    file->path = g_strdup (path != NULL ? path : "");
    file->size = size;
    memcpy (file->sha256, sha256, SEV_DIGEST_SIZE);
    evidence_file_free (*slot);
    *slot = file;
}

static GBytes *
ref_or_null (GBytes *bytes)
{
    return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

/* PEK || OCA || CEK, also where they came one by one. */
static GBytes *
dup_cert_chain (const PolicyChainInput *input)
{
    GBytes *const parts[] = { input->pek, input->oca, input->own_cek };
    g_autoptr (GByteArray) all = g_byte_array_new ();

    if (input->cert_chain != NULL)
        return g_bytes_ref (input->cert_chain);
    if (input->pek == NULL && input->oca == NULL && input->own_cek == NULL)
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) {
        gsize len = 0;
        const void *data = parts[i] != NULL ? g_bytes_get_data (parts[i], &len) : NULL;
        if (len > 0)
            g_byte_array_append (all, data, (guint) len);
    }
    return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

void
evidence_manifest_set_chain (EvidenceManifest *manifest,
                             const PolicyChainInput *input,
                             const PolicyChain *chain)
{
    const PolicyPlatformKind kind = policy_chain_get_kind (chain);

    manifest->pdh = ref_or_null (input->pdh);
    manifest->cert_chain = dup_cert_chain (input);
    manifest->cek = ref_or_null (input->cek);
    manifest->ask = ref_or_null (input->ask);
    manifest->ark = ref_or_null (input->ark);
    manifest->platform_kind = g_strdup (policy_platform_kind_name (kind));
    manifest->emulated =
        kind == POLICY_PLATFORM_EMULATED || policy_chain_says_emulated (chain);
    manifest->generation = g_strdup (policy_chain_get_generation (chain));
    manifest->platform_owner = g_strdup (policy_chain_get_owner (chain));
    manifest->owner_fingerprint = g_strdup (policy_chain_get_owner_fingerprint (chain));
    manifest->root_fingerprint = g_strdup (policy_chain_get_root_fingerprint (chain));
}

void
evidence_manifest_set_session (EvidenceManifest *manifest, const PolicySession *session)
{
    manifest->owner_cert = g_bytes_ref (policy_session_get_cert (session));
    manifest->session = g_bytes_ref (policy_session_get_blob (session));
    manifest->policy = policy_session_get_policy (session);
    memcpy (manifest->session_id, policy_session_get_id (session), POLICY_SESSION_ID_SIZE);
}

void
evidence_manifest_set_acceptance (EvidenceManifest *manifest,
                                  const PolicyAcceptance *acceptance)
{
    const guint8 *sha256 = policy_acceptance_get_sha256 (acceptance);

    g_clear_pointer (&manifest->acceptance, g_free);
    if (sha256 == NULL)
        return;
    /* Where the file lay is nobody's business. */
    g_autofree char *name = g_path_get_basename (policy_acceptance_get_source (acceptance));
    manifest->acceptance = g_utf8_make_valid (name, -1);
    memcpy (manifest->acceptance_sha256, sha256, SEV_DIGEST_SIZE);
}

void
evidence_manifest_add_reason (EvidenceManifest *manifest, const char *id, const char *text)
{
    PolicyReason *reason = g_new0 (PolicyReason, 1);

    reason->id = g_strdup (id);
    reason->text = g_utf8_make_valid (text, -1);
    g_ptr_array_add (manifest->reasons, reason);
}

void
evidence_manifest_set_verdict (EvidenceManifest *manifest,
                               const PolicyVerdict *verdict,
                               gboolean verified)
{
    GPtrArray *reasons = policy_verdict_get_reasons (verdict);
    GPtrArray *unproven = policy_verdict_get_unproven (verdict);

    manifest->verified = verified;
    manifest->judged_on =
        g_strdup (policy_judged_on_name (policy_verdict_get_judged_on (verdict)));
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        EvidenceCheck *check = g_new0 (EvidenceCheck, 1);

        check->name = g_strdup (policy_check_name ((PolicyCheck) i));
        check->passed = policy_verdict_check_passed (verdict, (PolicyCheck) i);
        g_ptr_array_add (manifest->checks, check);
    }
    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        evidence_manifest_add_reason (manifest, reason->id, reason->text);
    }
    for (guint i = 0; i < unproven->len; i++)
        g_ptr_array_add (manifest->unproven,
                         g_utf8_make_valid (g_ptr_array_index (unproven, i), -1));
}

gboolean
evidence_manifest_get_mnonce (GBytes *bytes, guint8 out[SEV_NONCE_SIZE], GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len;
    const void *data = g_bytes_get_data (bytes, &len);

    if (!sev_sha256 (data, len, digest, error))
        return FALSE;
    memcpy (out, digest, SEV_NONCE_SIZE);
    return TRUE;
}
