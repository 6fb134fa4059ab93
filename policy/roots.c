/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/roots.h"

#include <string.h>

#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define PREFIX "sha256:"
#define MAX_FILE_SIZE 65536u
#define MAX_ROOTS 1024u

/*
 * SHA-256 over exponent and modulus of AMD's ARK certificates as virtee/sev ships them
 * (src/certs/sev/builtin/NAME/ark.cert; Naples and Rome are also in tests/vectors):
 *
 *     tail -c +65 ark.cert | head -c $((2 * BYTES)) | sha256sum     BYTES: 256 or 512
 *
 * Checked when they were recorded: each ARK verifies itself and its ASK; the moduli of
 * Milan, Genoa and Turin equal those of AMD's X.509 certificates ARK-Milan, ARK-Genoa and
 * ARK-Turin.
 */
static const struct {
    const char *name;
    const char *hex;
} builtin_roots[] = {
    { "Naples", "fb61bb1bf3b399dfb7c811390c25845d74369aae5f2a77e25710c86cc2ecb158" },
    { "Rome", "227cc97640363424696c3e80d4d17902a5e1784cc5805a9eb5acc00620661a71" },
    { "Milan", "5201496b2232d81cf2ae75b867e7b8516f81a3d4d0dc876138051927a5a20bab" },
    { "Genoa", "6be9aa11d1b8c246ba0e67c8cb850f249e8fa0690adcba97189f223885e6a91b" },
    { "Turin", "1d1245f774fd7190e5380751a9338c3dc63c89d75c44c1faa317bfffe4bd00c7" },
};

struct _PolicyRoots {
    GArray *fingerprints; /* PolicyFingerprint */
};

gboolean
policy_root_fingerprint (const SevAmdCert *ark, PolicyFingerprint *out, GError **error)
{
    g_autoptr (GByteArray) key = g_byte_array_new ();
    g_autoptr (GError) local = NULL;

    g_return_val_if_fail (ark != NULL && out != NULL, FALSE);
    g_return_val_if_fail (ark->key_bytes > 0 && ark->key_bytes <= SEV_RSA_MAX_BYTES, FALSE);

    sev_put_bytes (key, ark->exponent, ark->key_bytes);
    sev_put_bytes (key, ark->modulus, ark->key_bytes);
    if (sev_sha256 (key->data, key->len, out->bytes, &local))
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, local->message);
    return FALSE;
}

char *
policy_fingerprint_to_text (const PolicyFingerprint *fingerprint)
{
    g_return_val_if_fail (fingerprint != NULL, NULL);

    g_autofree char *hex = sev_hex_encode (fingerprint->bytes, sizeof fingerprint->bytes);
    return g_strconcat (PREFIX, hex, NULL);
}

gboolean
policy_fingerprint_parse (const char *text, PolicyFingerprint *out, GError **error)
{
    g_return_val_if_fail (text != NULL && out != NULL, FALSE);

    if (!g_str_has_prefix (text, PREFIX) ||
        !sev_hex_decode (text + strlen (PREFIX), out->bytes, sizeof out->bytes, NULL)) {
        g_autofree char *shown = g_strescape (text, NULL);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS,
                     "'%.100s' is not a fingerprint: expected sha256: and 64 digits",
                     shown);
        return FALSE;
    }
    return TRUE;
}

gboolean
policy_fingerprint_equal (const PolicyFingerprint *a, const PolicyFingerprint *b)
{
    g_return_val_if_fail (a != NULL && b != NULL, FALSE);
    return memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

const char *
policy_builtin_root_name (const PolicyFingerprint *fingerprint)
{
    g_return_val_if_fail (fingerprint != NULL, NULL);

    g_autofree char *hex = sev_hex_encode (fingerprint->bytes, sizeof fingerprint->bytes);
    for (gsize i = 0; i < G_N_ELEMENTS (builtin_roots); i++)
        if (strcmp (hex, builtin_roots[i].hex) == 0)
            return builtin_roots[i].name;
    return NULL;
}

gboolean
policy_generation_banned_by_default (const char *generation)
{
    g_return_val_if_fail (generation != NULL, TRUE);
    return g_ascii_strcasecmp (generation, "Naples") == 0;
}

gboolean
policy_key_id_is_emulated (const guint8 key_id[SEV_AMD_KEY_ID_SIZE])
{
    static const char word[] = "EMULATED";
    const gsize len = strlen (word);

    g_return_val_if_fail (key_id != NULL, FALSE);
    return memcmp (key_id, word, len) == 0 ||
           memcmp (key_id + SEV_AMD_KEY_ID_SIZE - len, word, len) == 0;
}

PolicyRoots *
policy_roots_new (void)
{
    PolicyRoots *roots = g_new0 (PolicyRoots, 1);

    roots->fingerprints = g_array_new (FALSE, FALSE, sizeof (PolicyFingerprint));
    return roots;
}

void
policy_roots_free (PolicyRoots *roots)
{
    if (roots == NULL)
        return;
    g_array_unref (roots->fingerprints);
    g_free (roots);
}

static gboolean
parse_line (PolicyRoots *roots,
            const char *name,
            const char *line,
            guint number,
            GError **error)
{
    const gsize len = strcspn (line, " \t");
    g_autofree char *word = g_strndup (line, len);
    PolicyFingerprint fingerprint;

    if (line[0] == '\0' || line[0] == '#')
        return TRUE;
    if (!policy_fingerprint_parse (word, &fingerprint, error)) {
        g_prefix_error (error, "%s:%u: ", name, number);
        return FALSE;
    }
    if (policy_roots_count (roots) >= MAX_ROOTS) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS,
                     "%s:%u: more than %u lines", name, number, MAX_ROOTS);
        return FALSE;
    }
    policy_roots_add (roots, &fingerprint);
    return TRUE;
}

PolicyRoots *
policy_roots_parse (const char *text, gsize len, GError **error)
{
    return policy_roots_parse_named ("trusted-roots", text, len, error);
}

PolicyRoots *
policy_roots_parse_named (const char *name, const char *text, gsize len, GError **error)
{
    g_autoptr (PolicyRoots) roots = policy_roots_new ();

    g_return_val_if_fail (name != NULL && (text != NULL || len == 0), NULL);

    if (len > MAX_FILE_SIZE) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS,
                     "%s: %" G_GSIZE_FORMAT " bytes, at most %u", name, len, MAX_FILE_SIZE);
        return NULL;
    }
    if (len > 0 && !g_utf8_validate_len (text, len, NULL)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS, "%s: not UTF-8 text",
                     name);
        return NULL;
    }
    g_autofree char *copy = g_strndup (text != NULL ? text : "", len);
    g_auto (GStrv) lines = g_strsplit (copy, "\n", 0);
    for (guint i = 0; lines[i] != NULL; i++)
        if (!parse_line (roots, name, lines[i], i + 1, error))
            return NULL;
    return g_steal_pointer (&roots);
}

void
policy_roots_add (PolicyRoots *roots, const PolicyFingerprint *fingerprint)
{
    g_return_if_fail (roots != NULL && fingerprint != NULL);

    if (!policy_roots_contains (roots, fingerprint))
        g_array_append_vals (roots->fingerprints, fingerprint, 1);
}

gboolean
policy_roots_contains (const PolicyRoots *roots, const PolicyFingerprint *fingerprint)
{
    g_return_val_if_fail (roots != NULL && fingerprint != NULL, FALSE);

    for (guint i = 0; i < roots->fingerprints->len; i++)
        if (policy_fingerprint_equal (
                &g_array_index (roots->fingerprints, PolicyFingerprint, i), fingerprint))
            return TRUE;
    return FALSE;
}

guint
policy_roots_count (const PolicyRoots *roots)
{
    g_return_val_if_fail (roots != NULL, 0);
    return roots->fingerprints->len;
}
