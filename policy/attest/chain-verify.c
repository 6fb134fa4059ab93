/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/chain-private.h"

#include <stdarg.h>
#include <string.h>

#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/wire/sev-cert-wire.h"

/* A certificate after decoding; @problem says why it cannot be used. */
typedef struct {
    SevCert cert;
    SevEcKey *key;
    char *problem;
    gboolean missing;
} EcSubject;

typedef struct {
    SevAmdCert cert;
    SevRsaKey *key;
    char *problem;
    gboolean missing;
} AmdSubject;

/* What one verification works on. */
typedef struct {
    AmdSubject ark, ask;
    EcSubject cek, oca, pek, pdh;
    gboolean undecodable; /* a certificate is missing or has the wrong size */
    gboolean cek_differs; /* the signed CEK is of another chip */
} Work;

static const struct {
    const char *subject;
    const char *signer;
} link_names[] = {
    [POLICY_LINK_ARK_SELF] = { "ARK", "ARK" },
    [POLICY_LINK_ASK_BY_ARK] = { "ASK", "ARK" },
    [POLICY_LINK_CEK_BY_ASK] = { "CEK", "ASK" },
    [POLICY_LINK_PEK_BY_CEK] = { "PEK", "CEK" },
    [POLICY_LINK_OCA_SELF] = { "OCA", "OCA" },
    [POLICY_LINK_PEK_BY_OCA] = { "PEK", "OCA" },
    [POLICY_LINK_PDH_BY_PEK] = { "PDH", "PEK" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (link_names) == POLICY_N_LINKS);

static void ec_subject_clear (EcSubject *subject);
static void amd_subject_clear (AmdSubject *subject);

static void
work_clear (Work *work)
{
    amd_subject_clear (&work->ark);
    amd_subject_clear (&work->ask);
    ec_subject_clear (&work->cek);
    ec_subject_clear (&work->oca);
    ec_subject_clear (&work->pek);
    ec_subject_clear (&work->pdh);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static void
ec_subject_clear (EcSubject *subject)
{
    g_clear_pointer (&subject->key, sev_ec_key_unref);
    g_clear_pointer (&subject->problem, g_free);
}

static void
amd_subject_clear (AmdSubject *subject)
{
    g_clear_pointer (&subject->key, sev_rsa_key_unref);
    g_clear_pointer (&subject->problem, g_free);
}

/* Keeps the first problem: later ones follow from it. */
static void G_GNUC_PRINTF (2, 3) set_problem (char **problem, const char *format, ...)
{
    va_list args;

    if (*problem != NULL)
        return;
    va_start (args, format);
    *problem = g_strdup_vprintf (format, args);
    va_end (args);
}

static gboolean
is_signing_algo (guint32 algo)
{
    return algo == SEV_ALGO_ECDSA_SHA256 || algo == SEV_ALGO_ECDSA_SHA384;
}

/* Form of a certificate, whoever signed it. */
static void
check_ec_form (EcSubject *subject, SevUsage usage)
{
    const SevCert *cert = &subject->cert;
    const char *name = sev_usage_name (usage);
    g_autoptr (GError) error = NULL;

    if (cert->version != SEV_CERT_VERSION)
        set_problem (&subject->problem, "%s certificate has version %u, expected %u", name,
                     cert->version, SEV_CERT_VERSION);
    else if (cert->reserved != 0)
        set_problem (&subject->problem, "%s certificate: reserved bytes are not zero",
                     name);
    else if (cert->pubkey_usage != usage)
        set_problem (&subject->problem,
                     "%s expected, but the certificate is of a key for %s", name,
                     sev_usage_name (cert->pubkey_usage));
    else if (usage == SEV_USAGE_PDH ? cert->pubkey_algo != SEV_ALGO_ECDH_SHA256
                                    : !is_signing_algo (cert->pubkey_algo))
        set_problem (
            &subject->problem, "%s certificate: algorithm 0x%x of its key is not %s", name,
            cert->pubkey_algo, usage == SEV_USAGE_PDH ? "ECDH with SHA-256" : "ECDSA");
    if (subject->problem != NULL)
        return;

    subject->key = sev_cert_get_ec_key (cert, &error);
    if (subject->key == NULL)
        set_problem (&subject->problem, "%s", error->message);
    else if (sev_ec_key_curve (subject->key) != SEV_CURVE_P384)
        set_problem (&subject->problem, "%s certificate: its curve is not P-384", name);
}

static void
decode_ec (Work *work, EcSubject *subject, GBytes *bytes, gsize offset, SevUsage usage)
{
    gsize len = 0;
    const guint8 *data = bytes != NULL ? g_bytes_get_data (bytes, &len) : NULL;
    g_autoptr (GError) error = NULL;

    if (bytes == NULL) {
        work->undecodable = TRUE;
        subject->missing = TRUE;
        set_problem (&subject->problem, "%s certificate is missing",
                     sev_usage_name (usage));
        return;
    }
    if (offset > len || len - offset < SEV_CERT_SIZE) {
        work->undecodable = TRUE;
        set_problem (&subject->problem,
                     "%s certificate: %" G_GSIZE_FORMAT " bytes, expected %u",
                     sev_usage_name (usage), len - MIN (offset, len), SEV_CERT_SIZE);
        return;
    }
    if (!sev_cert_decode (data + offset, SEV_CERT_SIZE, &subject->cert, &error)) {
        work->undecodable = TRUE;
        set_problem (&subject->problem, "%s", error->message);
        return;
    }
    check_ec_form (subject, usage);
}

static gboolean
exponent_is_65537 (const SevAmdCert *cert)
{
    static const guint8 low[] = { 1, 0, 1 };

    return memcmp (cert->exponent, low, sizeof low) == 0 &&
           sev_bytes_all_zero (cert->exponent + sizeof low, cert->key_bytes - sizeof low);
}

static void
decode_amd (Work *work, AmdSubject *subject, GBytes *bytes, SevUsage usage)
{
    const char *name = sev_usage_name (usage);
    g_autoptr (GError) error = NULL;
    gsize len = 0;

    if (bytes == NULL) {
        work->undecodable = TRUE;
        subject->missing = TRUE;
        set_problem (&subject->problem, "%s certificate is missing", name);
        return;
    }
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (!sev_amd_cert_decode (data, len, &subject->cert, &error)) {
        work->undecodable = TRUE;
        set_problem (&subject->problem, "%s: %s", name, error->message);
        return;
    }
    const SevAmdCert *cert = &subject->cert;
    if (cert->version != SEV_CERT_VERSION)
        set_problem (&subject->problem, "%s certificate has version %u, expected %u", name,
                     cert->version, SEV_CERT_VERSION);
    else if (cert->usage != usage)
        set_problem (&subject->problem,
                     "%s expected, but the certificate is of a key for %s", name,
                     sev_usage_name (cert->usage));
    else if (!sev_bytes_all_zero (cert->reserved, sizeof cert->reserved))
        set_problem (&subject->problem, "%s certificate: reserved bytes are not zero",
                     name);
    else if (!exponent_is_65537 (cert))
        set_problem (&subject->problem, "%s certificate: RSA exponent is not 65537", name);
    if (subject->problem != NULL)
        return;

    subject->key = sev_amd_cert_get_key (cert, &error);
    if (subject->key == NULL)
        set_problem (&subject->problem, "%s certificate: %s", name, error->message);
}

/* A signed CEK from elsewhere stands in for the platform's, if it is of the same key. */
static void
merge_cek (Work *work, GBytes *signed_cek)
{
    EcSubject other = { 0 };
    gsize len;

    if (signed_cek == NULL)
        return;
    g_bytes_get_data (signed_cek, &len);
    if (len != SEV_CERT_SIZE) {
        work->undecodable = TRUE;
        set_problem (&work->cek.problem,
                     "signed CEK certificate: %" G_GSIZE_FORMAT " bytes, expected %u", len,
                     SEV_CERT_SIZE);
        return;
    }
    decode_ec (work, &other, signed_cek, 0, SEV_USAGE_CEK);
    if (work->cek.problem == NULL && other.problem == NULL &&
        !sev_ec_key_same_public (work->cek.key, other.key)) {
        work->cek_differs = TRUE;
        set_problem (&work->cek.problem,
                     "the signed CEK certificate is of another chip than this platform");
    }
    if (other.problem != NULL)
        set_problem (&work->cek.problem, "%s", other.problem);
    else
        work->cek.cert = other.cert;
    ec_subject_clear (&other);
}

static gboolean
slot_is_empty (const SevCertSig *sig)
{
    return sig->usage == SEV_USAGE_INVALID && sig->algo == SEV_ALGO_NONE &&
           sev_bytes_all_zero (sig->bytes, sizeof sig->bytes);
}

/*
 * The slot that @signer filled.  The other one must be @other's (a PEK has two signers, in
 * either order), or empty.
 */
static const SevCertSig *
find_slot (const SevCert *cert, SevUsage signer, SevUsage other, char **problem)
{
    const char *name = sev_usage_name (cert->pubkey_usage);

    for (guint i = 0; i < SEV_CERT_SIGS; i++) {
        const SevCertSig *sig = &cert->sig[i];
        const SevCertSig *rest = &cert->sig[1 - i];
        if (sig->usage != signer)
            continue;
        if (other == SEV_USAGE_INVALID ? !slot_is_empty (rest) : rest->usage != other) {
            set_problem (problem,
                         "%s certificate: beside the signature by %s is one by %s, "
                         "expected %s",
                         name, sev_usage_name (signer), sev_usage_name (rest->usage),
                         other == SEV_USAGE_INVALID ? "an empty slot"
                                                    : sev_usage_name (other));
            return NULL;
        }
        return sig;
    }
    set_problem (problem, "%s certificate is not signed by %s", name,
                 sev_usage_name (signer));
    return NULL;
}

static void
check_ec_link (const EcSubject *subject,
               const EcSubject *signer,
               SevUsage other,
               char **problem)
{
    const SevUsage usage = (SevUsage) signer->cert.pubkey_usage;
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature signature;
    g_autoptr (GError) error = NULL;

    if (subject->problem != NULL || signer->problem != NULL) {
        set_problem (problem, "%s",
                     subject->problem != NULL ? subject->problem : signer->problem);
        return;
    }
    const SevCertSig *sig = find_slot (&subject->cert, usage, other, problem);
    if (sig == NULL)
        return;
    if (sig->algo != signer->cert.pubkey_algo) {
        set_problem (problem,
                     "%s certificate: algorithm 0x%x of the signature by %s, expected 0x%x "
                     "as its key has",
                     sev_usage_name (subject->cert.pubkey_usage), sig->algo,
                     sev_usage_name (usage), signer->cert.pubkey_algo);
        return;
    }
    if (!sev_cert_sig_get_ec (sig, &signature, &error)) {
        set_problem (problem, "%s", error->message);
        return;
    }
    sev_cert_encode_body (&subject->cert, body);
    if (!sev_ec_verify (signer->key,
                        sig->algo == SEV_ALGO_ECDSA_SHA384 ? SEV_HASH_SHA384
                                                           : SEV_HASH_SHA256,
                        body, sizeof body, &signature, &error))
        set_problem (problem, "%s certificate: signature by %s does not verify",
                     sev_usage_name (subject->cert.pubkey_usage), sev_usage_name (usage));
}

static SevHash
amd_hash (const SevAmdCert *signer)
{
    return signer->modulus_bits == 2048 ? SEV_HASH_SHA256 : SEV_HASH_SHA384;
}

static guint32
amd_algo (const SevAmdCert *signer)
{
    return signer->modulus_bits == 2048 ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384;
}

static gboolean
is_unsigned (const EcSubject *cek)
{
    return slot_is_empty (&cek->cert.sig[0]) && slot_is_empty (&cek->cert.sig[1]);
}

static void
check_cek_link (const EcSubject *cek, const AmdSubject *ask, char **problem)
{
    guint8 body[SEV_CERT_BODY_SIZE];

    if (cek->problem != NULL || ask->problem != NULL) {
        set_problem (problem, "%s", cek->problem != NULL ? cek->problem : ask->problem);
        return;
    }
    if (is_unsigned (cek)) {
        set_problem (problem, "CEK certificate carries no signature: the platform gives it "
                              "unsigned, the signed one has to be fetched from AMD");
        return;
    }
    const SevCertSig *sig =
        find_slot (&cek->cert, SEV_USAGE_ASK, SEV_USAGE_INVALID, problem);
    if (sig == NULL)
        return;
    if (sig->algo != amd_algo (&ask->cert)) {
        set_problem (problem,
                     "CEK certificate: algorithm 0x%x of the signature by ASK, expected "
                     "0x%x",
                     sig->algo, amd_algo (&ask->cert));
        return;
    }
    if (!sev_bytes_all_zero (sig->bytes + ask->cert.key_bytes,
                             sizeof sig->bytes - ask->cert.key_bytes)) {
        set_problem (problem,
                     "CEK certificate: bytes after the signature by ASK are not zero");
        return;
    }
    sev_cert_encode_body (&cek->cert, body);
    if (!sev_rsa_verify (ask->key, amd_hash (&ask->cert), body, sizeof body, sig->bytes,
                         NULL))
        set_problem (problem, "CEK certificate: signature by ASK does not verify");
}

static void
check_amd_link (const AmdSubject *subject, const AmdSubject *ark, char **problem)
{
    const char *name = sev_usage_name (subject->cert.usage);

    if (subject->problem != NULL || ark->problem != NULL) {
        set_problem (problem, "%s",
                     subject->problem != NULL ? subject->problem : ark->problem);
        return;
    }
    if (memcmp (subject->cert.certifying_id, ark->cert.key_id, SEV_AMD_KEY_ID_SIZE) != 0) {
        set_problem (problem, "%s certificate names another certifying key than ARK", name);
        return;
    }
    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (&subject->cert);
    if (!sev_rsa_verify (ark->key, amd_hash (&ark->cert), body->data, body->len,
                         subject->cert.signature, NULL))
        set_problem (problem, "%s certificate: RSA-PSS signature by ARK does not verify",
                     name);
}

/* What AMD's servers have; the rest only the platform can give. */
static void
mark_absent (PolicyLink *links, const Work *work)
{
    const AmdSubject *ark = &work->ark;
    const AmdSubject *ask = &work->ask;
    const EcSubject *cek = &work->cek;

    links[POLICY_LINK_ARK_SELF].absent = ark->missing;
    links[POLICY_LINK_ASK_BY_ARK].absent =
        ask->problem != NULL ? ask->missing : ark->missing;
    links[POLICY_LINK_CEK_BY_ASK].absent =
        cek->problem != NULL ? cek->missing : ask->missing || is_unsigned (cek);
    links[POLICY_LINK_PEK_BY_CEK].absent = work->pek.problem == NULL && cek->missing;
}

static void
check_links (PolicyChain *chain, const Work *work)
{
    PolicyLink *links = chain->links;

    check_amd_link (&work->ark, &work->ark, &links[POLICY_LINK_ARK_SELF].problem);
    check_amd_link (&work->ask, &work->ark, &links[POLICY_LINK_ASK_BY_ARK].problem);
    check_cek_link (&work->cek, &work->ask, &links[POLICY_LINK_CEK_BY_ASK].problem);
    check_ec_link (&work->pek, &work->cek, SEV_USAGE_OCA,
                   &links[POLICY_LINK_PEK_BY_CEK].problem);
    check_ec_link (&work->oca, &work->oca, SEV_USAGE_INVALID,
                   &links[POLICY_LINK_OCA_SELF].problem);
    check_ec_link (&work->pek, &work->oca, SEV_USAGE_CEK,
                   &links[POLICY_LINK_PEK_BY_OCA].problem);
    check_ec_link (&work->pdh, &work->pek, SEV_USAGE_INVALID,
                   &links[POLICY_LINK_PDH_BY_PEK].problem);

    mark_absent (links, work);
    chain->links_ok = !work->undecodable && !work->cek_differs;
    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        links[i].id = (PolicyLinkId) i;
        links[i].subject = link_names[i].subject;
        links[i].signer = link_names[i].signer;
        links[i].ok = links[i].problem == NULL;
        chain->links_ok = chain->links_ok && links[i].ok;
    }
}

static gboolean
dup_owner (PolicyChain *chain, const SevCert *oca, GError **error)
{
    PolicyFingerprint fingerprint;
    g_autoptr (GError) local = NULL;

    if (!sev_sha256 (oca->pubkey, sizeof oca->pubkey, fingerprint.bytes, &local)) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, local->message);
        return FALSE;
    }
    chain->owner = oca->api_major == 0 && oca->api_minor == 0 ? "external" : "self";
    chain->owner_fingerprint = policy_fingerprint_to_text (&fingerprint);
    return TRUE;
}

/* Which generation the ASK is of helps whoever gave the wrong file of AMD's. */
static void
name_wrong_ask (PolicyLink *link, const char *generation)
{
    if (link->ok || link->absent)
        return;
    g_autofree char *problem = g_steal_pointer (&link->problem);
    link->problem = g_strdup_printf ("%s (the ASK is AMD's for %s; the chip may be of "
                                     "another generation)",
                                     problem, generation);
}

/* What the platform is: decided by the ARK key, and only after every link verified. */
static gboolean
judge_root (PolicyChain *chain,
            const Work *work,
            const PolicyRoots *roots,
            PolicyAmdRootFunc amd_root,
            GError **error)
{
    PolicyFingerprint fingerprint;

    if (work->ark.key == NULL)
        return TRUE;
    if (!policy_root_fingerprint (&work->ark.cert, &fingerprint, error))
        return FALSE;
    chain->root_fingerprint = policy_fingerprint_to_text (&fingerprint);
    chain->says_emulated =
        policy_key_id_is_emulated (work->ark.cert.key_id) ||
        (work->ask.key != NULL && policy_key_id_is_emulated (work->ask.cert.key_id));
    const char *amd = amd_root (&fingerprint);
    chain->amd_root = amd != NULL;
    if (amd != NULL && chain->links[POLICY_LINK_ASK_BY_ARK].ok && work->cek.key != NULL)
        name_wrong_ask (&chain->links[POLICY_LINK_CEK_BY_ASK], amd);
    chain->root_known = amd != NULL
                            ? !chain->says_emulated
                            : roots != NULL && policy_roots_contains (roots, &fingerprint);
    if (!chain->links_ok || !chain->root_known)
        return TRUE;

    chain->kind = amd != NULL ? POLICY_PLATFORM_SEV : POLICY_PLATFORM_EMULATED;
    chain->generation = amd != NULL ? amd : "EMULATED";
    chain->api_major = work->pek.cert.api_major;
    chain->api_minor = work->pek.cert.api_minor;
    chain->pdh_key = sev_ec_key_ref (work->pdh.key);
    return dup_owner (chain, &work->oca.cert, error);
}

/* A certificate that came by itself. */
static void
decode_alone (Work *work, EcSubject *subject, GBytes *bytes, SevUsage usage)
{
    if (bytes != NULL && g_bytes_get_size (bytes) > SEV_CERT_SIZE) {
        work->undecodable = TRUE;
        set_problem (&subject->problem,
                     "%s certificate: %" G_GSIZE_FORMAT " bytes, expected %u",
                     sev_usage_name (usage), g_bytes_get_size (bytes), SEV_CERT_SIZE);
        return;
    }
    decode_ec (work, subject, bytes, 0, usage);
}

/* PEK, OCA and the CEK as the platform gives it. */
static void
decode_middle (Work *work, const PolicyChainInput *input)
{
    GBytes *chain = input->cert_chain;

    if (chain == NULL) {
        decode_alone (work, &work->pek, input->pek, SEV_USAGE_PEK);
        decode_alone (work, &work->oca, input->oca, SEV_USAGE_OCA);
        /* Without it there is nothing to hold a CEK from elsewhere against but the PEK. */
        decode_alone (work, &work->cek,
                      input->own_cek != NULL ? input->own_cek : input->cek, SEV_USAGE_CEK);
        return;
    }
    decode_ec (work, &work->pek, chain, 0, SEV_USAGE_PEK);
    decode_ec (work, &work->oca, chain, SEV_CERT_SIZE, SEV_USAGE_OCA);
    decode_ec (work, &work->cek, chain, 2 * SEV_CERT_SIZE, SEV_USAGE_CEK);
    if (g_bytes_get_size (chain) == SEV_CERT_CHAIN_SIZE)
        return;
    work->undecodable = TRUE;
    set_problem (&work->pek.problem,
                 "certificate chain: %" G_GSIZE_FORMAT " bytes, expected %u",
                 g_bytes_get_size (chain), SEV_CERT_CHAIN_SIZE);
}

PolicyChain *
policy_chain_verify_with (const PolicyChainInput *input,
                          const PolicyRoots *roots,
                          PolicyAmdRootFunc amd_root,
                          GError **error)
{
    g_auto (Work) work = { 0 };

    g_return_val_if_fail (input != NULL, NULL);

    g_autoptr (PolicyChain) chain = g_new0 (PolicyChain, 1);
    g_atomic_ref_count_init (&chain->refs);

    decode_amd (&work, &work.ark, input->ark, SEV_USAGE_ARK);
    decode_amd (&work, &work.ask, input->ask, SEV_USAGE_ASK);
    decode_ec (&work, &work.pdh, input->pdh, 0, SEV_USAGE_PDH);
    decode_middle (&work, input);
    merge_cek (&work, input->cek);

    check_links (chain, &work);
    chain->undecodable = work.undecodable;
    chain->cek_differs = work.cek_differs;
    if (!judge_root (chain, &work, roots, amd_root, error))
        return NULL;
    return g_steal_pointer (&chain);
}

PolicyChain *
policy_chain_verify (const PolicyChainInput *input,
                     const PolicyRoots *roots,
                     GError **error)
{
    return policy_chain_verify_with (input, roots, policy_builtin_root_name, error);
}
