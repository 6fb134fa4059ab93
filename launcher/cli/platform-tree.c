/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/platform-tree.h"

#include <stdio.h>
#include <string.h>

#include "launcher/base/message.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/wire/sev-cert-wire.h"

#define SHOWN_DIGITS 16

/* In the order in which trust goes down. */
static const PolicyCertKind order[] = {
    POLICY_CERT_ARK, POLICY_CERT_ASK, POLICY_CERT_CEK,
    POLICY_CERT_OCA, POLICY_CERT_PEK, POLICY_CERT_PDH,
};

/* What a certificate says of itself; strings are NULL where it has no such field. */
typedef struct {
    gboolean present;
    guint bits; /* of an RSA key */
    char *key_id;
    char *certifying_id;
    char *root; /* generation, of an ARK of AMD's */
    guint8 api_major, api_minor;
    char *fingerprint; /* of an EC key field: 64 digits */
} Facts;

static void
facts_clear (Facts *facts)
{
    g_free (facts->key_id);
    g_free (facts->certifying_id);
    g_free (facts->root);
    g_free (facts->fingerprint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Facts, facts_clear)

static void
read_amd (const guint8 *data, gsize len, PolicyCertKind kind, Facts *out)
{
    PolicyFingerprint fingerprint;
    SevAmdCert cert;

    if (!sev_amd_cert_decode (data, len, &cert, NULL))
        return;
    out->present = TRUE;
    out->bits = cert.modulus_bits;
    out->key_id = sev_hex_encode (cert.key_id, sizeof cert.key_id);
    out->certifying_id = sev_hex_encode (cert.certifying_id, sizeof cert.certifying_id);
    if (kind == POLICY_CERT_ARK && policy_root_fingerprint (&cert, &fingerprint, NULL))
        out->root = g_strdup (policy_builtin_root_name (&fingerprint));
}

static void
read_ec (const guint8 *data, gsize len, Facts *out)
{
    guint8 digest[SEV_DIGEST_SIZE];
    SevCert cert;

    if (!sev_cert_decode (data, len, &cert, NULL) ||
        !sev_sha256 (cert.pubkey, sizeof cert.pubkey, digest, NULL))
        return;
    out->present = TRUE;
    out->api_major = cert.api_major;
    out->api_minor = cert.api_minor;
    out->fingerprint = sev_hex_encode (digest, sizeof digest);
}

static void
read_facts (const PolicyPlatformCerts *certs, PolicyCertKind kind, Facts *out)
{
    GBytes *bytes = certs->cert[kind];
    gsize len;

    if (bytes == NULL)
        return;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (kind == POLICY_CERT_ARK || kind == POLICY_CERT_ASK)
        read_amd (data, len, kind, out);
    else
        read_ec (data, len, out);
}

static void
print_facts (PolicyCertKind kind, const Facts *facts, const PolicyChain *chain)
{
    printf ("%s  ", policy_cert_kind_name (kind));
    if (!facts->present) {
        printf ("missing, or no certificate\n");
        return;
    }
    if (facts->bits != 0)
        printf ("RSA %u, key id %s", facts->bits, facts->key_id);
    else
        printf ("API %u.%u, key sha256:%.*s…", facts->api_major, facts->api_minor,
                SHOWN_DIGITS, facts->fingerprint);
    if (kind == POLICY_CERT_ARK)
        printf (facts->root != NULL ? ", AMD's for %s" : ", not AMD's", facts->root);
    if (kind == POLICY_CERT_OCA && policy_chain_get_owner (chain) != NULL)
        printf (", owner: %s", policy_chain_get_owner (chain));
    printf ("\n");
}

static void
print_link (const PolicyLink *link, gboolean last)
{
    g_autofree char *problem =
        link->ok ? NULL : message_printable (link->problem != NULL ? link->problem : "");

    printf ("     %s %s → %s  %s%s\n", last ? "└─" : "├─", link->signer, link->subject,
            link->ok ? "good" : "BAD: ", link->ok ? "" : problem);
}

static void
print_links (PolicyCertKind kind, const PolicyChain *chain)
{
    const char *name = policy_cert_kind_name (kind);
    const PolicyLink *held = NULL;

    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = policy_chain_get_link (chain, (PolicyLinkId) i);

        if (strcmp (link->signer, name) != 0)
            continue;
        if (held != NULL)
            print_link (held, FALSE);
        held = link;
    }
    if (held != NULL)
        print_link (held, TRUE);
}

void
platform_tree_print (const PolicyPlatformCerts *certs, const PolicyChain *chain)
{
    for (gsize i = 0; i < G_N_ELEMENTS (order); i++) {
        g_auto (Facts) facts = { 0 };

        read_facts (certs, order[i], &facts);
        print_facts (order[i], &facts, chain);
        print_links (order[i], chain);
    }
}

static JsonObject *
facts_to_json (PolicyCertKind kind, const Facts *facts)
{
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "name", policy_cert_kind_name (kind));
    json_object_set_boolean_member (object, "present", facts->present);
    if (!facts->present)
        return object;
    if (facts->bits != 0) {
        json_object_set_int_member (object, "bits", facts->bits);
        json_object_set_string_member (object, "key_id", facts->key_id);
        json_object_set_string_member (object, "certifying_key_id", facts->certifying_id);
        if (facts->root != NULL)
            json_object_set_string_member (object, "amd_root", facts->root);
        return object;
    }
    g_autofree char *api = g_strdup_printf ("%u.%u", facts->api_major, facts->api_minor);
    g_autofree char *key = g_strconcat ("sha256:", facts->fingerprint, NULL);
    json_object_set_string_member (object, "api", api);
    json_object_set_string_member (object, "key_fingerprint", key);
    return object;
}

static JsonArray *
links_to_json (const PolicyChain *chain)
{
    JsonArray *links = json_array_new ();

    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = policy_chain_get_link (chain, (PolicyLinkId) i);
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "subject", link->subject);
        json_object_set_string_member (one, "signer", link->signer);
        json_object_set_boolean_member (one, "ok", link->ok);
        if (link->problem != NULL)
            json_object_set_string_member (one, "problem", link->problem);
        json_array_add_object_element (links, one);
    }
    return links;
}

void
platform_tree_add_json (JsonObject *object,
                        const PolicyPlatformCerts *certs,
                        const PolicyChain *chain)
{
    JsonArray *array = json_array_new ();

    for (gsize i = 0; i < G_N_ELEMENTS (order); i++) {
        g_auto (Facts) facts = { 0 };

        read_facts (certs, order[i], &facts);
        json_array_add_object_element (array, facts_to_json (order[i], &facts));
    }
    json_object_set_array_member (object, "certificates", array);
    json_object_set_array_member (object, "links", links_to_json (chain));
}
