/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/acceptance/acceptance-private.h"

#include <string.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/secret-guids.h"
#include "policy/attest/owner-vmsa.h"
#include "policy/attest/platform-file.h"
#include "policy/guest-policy.h"
#include "policy/key-file.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define MAX_VALUES 256u
#define MAX_SECRETS 64u
#define SECRET_PREFIX "secret "

#define GROUP_ACCEPTANCE "acceptance"
#define GROUP_PLATFORM "platform"
#define GROUP_VERDICT "verdict"
#define GROUP_FIRMWARE "firmware"
#define GROUP_BOOT "boot"
#define GROUP_GUEST "guest"

/* What is being read, and where it is. */
typedef struct {
    PolicyAcceptance *acceptance;
    const char *text;
    gsize len;
    const char *folder; /* (nullable): of files that it names */
    GKeyFile *file;
    GError **error;
} Reader;

static const PolicyKeyFileGroup *const *
file_groups (void)
{
    static const char *const acceptance_keys[] = { "format", NULL };
    static const char *const platform_keys[] = { "roots",  "generations", "emulated",
                                                 "owners", "min-api",     "min-build",
                                                 NULL };
    static const char *const verdict_keys[] = { "judged-on", NULL };
    static const char *const firmware_keys[] = { "sha256", "pinned", NULL };
    static const char *const boot_keys[] = { "measured", "uki",   "kernel", "initrd",
                                             "cmdline",  "vcpus", NULL };
    static const char *const guest_keys[] = { "require", "forbid", NULL };
    static const char *const secret_keys[] = { "needs", NULL };
    static const PolicyKeyFileGroup acceptance = { GROUP_ACCEPTANCE, acceptance_keys,
                                                   FALSE };
    static const PolicyKeyFileGroup platform = { GROUP_PLATFORM, platform_keys, FALSE };
    static const PolicyKeyFileGroup verdict = { GROUP_VERDICT, verdict_keys, FALSE };
    static const PolicyKeyFileGroup firmware = { GROUP_FIRMWARE, firmware_keys, FALSE };
    static const PolicyKeyFileGroup boot = { GROUP_BOOT, boot_keys, FALSE };
    static const PolicyKeyFileGroup guest = { GROUP_GUEST, guest_keys, FALSE };
    static const PolicyKeyFileGroup secret = { SECRET_PREFIX, secret_keys, FALSE, TRUE };
    static const PolicyKeyFileGroup *const groups[] = { &acceptance, &platform, &verdict,
                                                        &firmware,   &boot,     &guest,
                                                        &secret,     NULL };

    return groups;
}

/* @group, @key: (nullable): where it is. */
static gboolean G_GNUC_PRINTF (4, 5)
    refuse (Reader *r, const char *group, const char *key, const char *format, ...)
{
    const guint line =
        group != NULL ? policy_key_file_line (r->text, r->len, group, key) : 0;
    g_autofree char *where = line > 0 ? g_strdup_printf ("line %u: ", line) : g_strdup ("");
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (r->error, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX, "%s%s", where,
                 text);
    return FALSE;
}

static gboolean
refuse_value (Reader *r,
              const char *group,
              const char *key,
              const char *value,
              const char *expected)
{
    g_autofree char *shown = g_strescape (value, NULL);

    return refuse (r, group, key, "[%s] %s: '%.100s' is not %s", group, key, shown,
                   expected);
}

/* @expected: with the words @known among it. */
static gboolean
refuse_near (Reader *r,
             const char *group,
             const char *key,
             const char *value,
             const char *const *known,
             const char *expected)
{
    const char *near = policy_suggest (value, known);
    g_autofree char *both =
        near != NULL ? g_strdup_printf ("%s (did you mean '%s'?)", expected, near) : NULL;

    return refuse_value (r, group, key, value, both != NULL ? both : expected);
}

static gboolean
refuse_word (Reader *r,
             const char *group,
             const char *key,
             const char *value,
             const char *const *known)
{
    const char *near = policy_suggest (value, known);
    g_autofree char *shown = g_strescape (value, NULL);
    g_autofree char *all = g_strjoinv (", ", (char **) known);

    if (near != NULL)
        return refuse (r, group, key, "[%s] %s: unknown word '%s' (did you mean '%s'?)",
                       group, key, shown, near);
    return refuse (r, group, key, "[%s] %s: unknown word '%.80s' (known: %s)", group, key,
                   shown, all);
}

/* Reading of values.  @out stays NULL if the key is missing. */

static gboolean
read_text (Reader *r, const char *group, const char *key, char **out)
{
    g_autoptr (GError) local = NULL;

    if (!g_key_file_has_key (r->file, group, key, NULL))
        return TRUE;
    *out = g_key_file_get_string (r->file, group, key, &local);
    if (*out == NULL)
        return refuse (r, group, key, "[%s] %s: %s", group, key, local->message);
    return **out != '\0' || refuse (r, group, key, "[%s] %s is empty", group, key);
}

static gboolean
read_list (Reader *r, const char *group, const char *key, char ***out)
{
    g_autoptr (GError) local = NULL;
    gsize n = 0;

    if (!g_key_file_has_key (r->file, group, key, NULL))
        return TRUE;
    *out = g_key_file_get_string_list (r->file, group, key, &n, &local);
    if (*out == NULL)
        return refuse (r, group, key, "[%s] %s: %s", group, key, local->message);
    if (n == 0)
        return refuse (r, group, key, "[%s] %s is empty", group, key);
    return n <= MAX_VALUES || refuse (r, group, key, "[%s] %s has more than %u values",
                                      group, key, MAX_VALUES);
}

static gboolean
read_flag (Reader *r, const char *group, const char *key, gboolean *out)
{
    static const char *const flags[] = { "yes", "no", NULL };
    g_autofree char *text = NULL;

    if (!read_text (r, group, key, &text))
        return FALSE;
    if (text == NULL)
        return TRUE;
    *out = strcmp (text, "yes") == 0;
    return *out || strcmp (text, "no") == 0 ||
           refuse_near (r, group, key, text, flags, "yes or no");
}

static int
find_word (const char *word, const char *const *known)
{
    for (int i = 0; known[i] != NULL; i++)
        if (strcmp (known[i], word) == 0)
            return i;
    return -1;
}

static gboolean
read_words (Reader *r,
            const char *group,
            const char *key,
            const char *const *known,
            PolicyWordSet *out)
{
    g_auto (GStrv) values = NULL;

    if (!read_list (r, group, key, &values))
        return FALSE;
    if (values == NULL)
        return TRUE;
    out->given = TRUE;
    out->set = 0;
    for (char **i = values; *i != NULL; i++) {
        const int word = find_word (*i, known);
        if (word < 0)
            return refuse_word (r, group, key, *i, known);
        if ((out->set & 1u << word) != 0)
            return refuse (r, group, key, "[%s] %s names '%s' twice", group, key, *i);
        out->set |= 1u << word;
    }
    return TRUE;
}

/* @prefix: "sha256:" that must stand before the digits, or "". */
static gboolean
add_digest (Reader *r,
            const char *group,
            const char *key,
            const char *prefix,
            const char *value,
            PolicyDigestSet *out)
{
    guint8 digest[SEV_DIGEST_SIZE];

    if (!g_str_has_prefix (value, prefix) ||
        !sev_hex_decode (value + strlen (prefix), digest, sizeof digest, NULL))
        return refuse_value (r, group, key, value,
                             *prefix != '\0' ? "sha256: and 64 hexadecimal digits"
                                             : "a SHA-256 of 64 hexadecimal digits");
    out->given = TRUE;
    g_array_append_vals (out->digests, digest, 1);
    return TRUE;
}

static gboolean
read_digests (Reader *r,
              const char *group,
              const char *key,
              const char *prefix,
              PolicyDigestSet *out)
{
    g_auto (GStrv) values = NULL;

    if (!read_list (r, group, key, &values))
        return FALSE;
    for (char **i = values; i != NULL && *i != NULL; i++)
        if (!add_digest (r, group, key, prefix, *i, out))
            return FALSE;
    return TRUE;
}

/* [platform] and [verdict] */

static gboolean
read_roots (Reader *r)
{
    PolicyAcceptance *a = r->acceptance;
    g_auto (GStrv) values = NULL;

    if (!read_list (r, GROUP_PLATFORM, "roots", &values))
        return FALSE;
    if (values == NULL)
        return TRUE;
    a->roots.given = TRUE;
    a->roots.set = 0;
    for (char **i = values; *i != NULL; i++) {
        const int word = find_word (*i, policy_root_words);
        if (word >= 0)
            a->roots.set |= 1u << word;
        else if (!g_str_has_prefix (*i, "sha256:"))
            return refuse_near (r, GROUP_PLATFORM, "roots", *i, policy_root_words,
                                "amd, trusted or sha256:HEX");
        else if (!add_digest (r, GROUP_PLATFORM, "roots", "sha256:", *i, &a->root_keys))
            return FALSE;
    }
    return TRUE;
}

/* The platform owner's certificate, as verify-platform --oca takes it. */
static gboolean
add_owner_file (Reader *r, const char *name)
{
    g_autoptr (GError) local = NULL;
    PolicyFingerprint owner;

    if (r->folder == NULL || sev_hex_decode (name, owner.bytes, sizeof owner.bytes, NULL))
        return refuse_value (r, GROUP_PLATFORM, "owners", name,
                             "sha256: and 64 hexadecimal digits");
    g_autofree char *path = g_canonicalize_filename (name, r->folder);
    g_autoptr (GBytes) oca = policy_platform_certs_read_one (path, POLICY_CERT_OCA, &local);
    if (oca == NULL || !policy_oca_fingerprint (oca, &owner, &local))
        return refuse (r, GROUP_PLATFORM, "owners",
                       "[platform] owners: neither sha256: and 64 hexadecimal digits nor a "
                       "file with an OCA certificate: %s",
                       local->message);
    r->acceptance->owners.given = TRUE;
    g_array_append_vals (r->acceptance->owners.digests, owner.bytes, 1);
    return TRUE;
}

static gboolean
read_owners (Reader *r)
{
    g_auto (GStrv) values = NULL;

    if (!read_list (r, GROUP_PLATFORM, "owners", &values))
        return FALSE;
    for (char **i = values; i != NULL && *i != NULL; i++)
        if (g_str_has_prefix (*i, "sha256:")
                ? !add_digest (r, GROUP_PLATFORM, "owners", "sha256:", *i,
                               &r->acceptance->owners)
                : !add_owner_file (r, *i))
            return FALSE;
    return TRUE;
}

static gboolean
read_version (Reader *r)
{
    PolicyAcceptance *a = r->acceptance;
    g_autofree char *api = NULL;
    g_autofree char *build = NULL;
    guint64 major = 0, minor = 0, number = 0;

    if (!read_text (r, GROUP_PLATFORM, "min-api", &api) ||
        !read_text (r, GROUP_PLATFORM, "min-build", &build))
        return FALSE;
    if (api == NULL)
        return build == NULL ||
               refuse (r, GROUP_PLATFORM, "min-build",
                       "[platform] min-build needs min-api: builds count anew with each "
                       "API version");
    g_auto (GStrv) parts = g_strsplit (api, ".", 3);
    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &major, NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &minor, NULL))
        return refuse_value (r, GROUP_PLATFORM, "min-api", api, "a version such as 0.24");
    if (build != NULL && !g_ascii_string_to_unsigned (build, 10, 0, 255, &number, NULL))
        return refuse_value (r, GROUP_PLATFORM, "min-build", build, "a number up to 255");
    a->has_api = TRUE;
    a->api = (guint) major << 8 | (guint) minor;
    a->build = (guint) number;
    return TRUE;
}

static gboolean
read_platform (Reader *r)
{
    PolicyAcceptance *a = r->acceptance;

    return read_roots (r) &&
           read_words (r, GROUP_PLATFORM, "generations", policy_generation_words,
                       &a->generations) &&
           read_flag (r, GROUP_PLATFORM, "emulated", &a->emulated) && read_owners (r) &&
           read_version (r) &&
           read_words (r, GROUP_VERDICT, "judged-on", policy_judged_words, &a->judged_on);
}

/* [firmware] and [boot] */

static gboolean
read_cmdlines (Reader *r)
{
    PolicyDigestSet *out = &r->acceptance->cmdline;
    g_auto (GStrv) values = NULL;

    if (!read_list (r, GROUP_BOOT, "cmdline", &values))
        return FALSE;
    for (char **i = values; i != NULL && *i != NULL; i++) {
        guint8 digest[SEV_DIGEST_SIZE];
        if (!ovmf_hashes_cmdline (*i, digest, r->error))
            return FALSE;
        out->given = TRUE;
        g_array_append_vals (out->digests, digest, 1);
    }
    return TRUE;
}

static gboolean
read_range (Reader *r, const char *text)
{
    g_auto (GStrv) ends = g_strsplit (text, "-", 2);
    guint64 first = 0, last = 0;

    if (ends[0] == NULL ||
        !g_ascii_string_to_unsigned (ends[0], 10, 1, POLICY_MAX_VCPUS, &first, NULL) ||
        !g_ascii_string_to_unsigned (ends[1] != NULL ? ends[1] : ends[0], 10, first,
                                     POLICY_MAX_VCPUS, &last, NULL))
        return refuse_value (r, GROUP_BOOT, "vcpus", text,
                             "a number or a range such as 1-4");
    const PolicyRange range = { (guint) first, (guint) last };
    g_array_append_val (r->acceptance->vcpus, range);
    return TRUE;
}

static gboolean
read_boot (Reader *r)
{
    PolicyAcceptance *a = r->acceptance;
    g_auto (GStrv) ranges = NULL;

    if (!read_digests (r, GROUP_FIRMWARE, "sha256", "", &a->firmware) ||
        !read_flag (r, GROUP_FIRMWARE, "pinned", &a->pinned) ||
        !read_flag (r, GROUP_BOOT, "measured", &a->measured) ||
        !read_digests (r, GROUP_BOOT, "uki", "", &a->uki) ||
        !read_digests (r, GROUP_BOOT, "kernel", "", &a->kernel) ||
        !read_digests (r, GROUP_BOOT, "initrd", "", &a->initrd) || !read_cmdlines (r) ||
        !read_list (r, GROUP_BOOT, "vcpus", &ranges))
        return FALSE;
    for (char **i = ranges; i != NULL && *i != NULL; i++)
        if (!read_range (r, *i))
            return FALSE;
    return TRUE;
}

/* [guest] and [secret NAME] */

static gboolean
read_guest_policy (Reader *r, const char *key, guint32 *out)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) local = NULL;

    if (!read_text (r, GROUP_GUEST, key, &text))
        return FALSE;
    if (text == NULL || policy_guest_parse (text, out, &local))
        return TRUE;
    return refuse (r, GROUP_GUEST, key, "[guest] %s: %s", key, local->message);
}

static gboolean
read_guest (Reader *r)
{
    PolicyAcceptance *a = r->acceptance;
    guint8 major, minor;

    if (!read_guest_policy (r, "require", &a->require) ||
        !read_guest_policy (r, "forbid", &a->forbid))
        return FALSE;
    policy_guest_min_api (a->forbid, &major, &minor);
    if (major != 0 || minor != 0)
        return refuse (r, GROUP_GUEST, "forbid",
                       "[guest] forbid: names bits, not a min-api");
    if ((a->require & a->forbid) == 0)
        return TRUE;
    g_autofree char *both = policy_guest_to_text (a->require & a->forbid);
    return refuse (r, GROUP_GUEST, "forbid", "[guest] require and forbid both name %s",
                   both);
}

static gboolean
read_secret (Reader *r, const char *group)
{
    const char *name = group + strlen (SECRET_PREFIX);
    PolicySecretRule rule = { 0 };
    PolicyWordSet needs = { 0 };
    g_autoptr (GError) local = NULL;

    if (!ovmf_secret_guid_parse (name, &rule.guid, &local))
        return refuse (r, group, NULL, "[%s]: %s", group, local->message);
    for (guint i = 0; i < r->acceptance->secrets->len; i++)
        if (sev_guid_equal (
                &g_array_index (r->acceptance->secrets, PolicySecretRule, i).guid,
                &rule.guid))
            return refuse (r, group, NULL, "[%s] is of a secret that has rules already",
                           group);
    if (r->acceptance->secrets->len >= MAX_SECRETS)
        return refuse (r, group, NULL, "rules for more than %u secrets", MAX_SECRETS);
    if (!read_words (r, group, "needs", policy_need_words, &needs))
        return FALSE;
    if (!needs.given)
        return refuse (r, group, NULL, "[%s] has no key 'needs'", group);
    rule.needs = needs.set;
    g_array_append_val (r->acceptance->secrets, rule);
    return TRUE;
}

static gboolean
read_secrets (Reader *r)
{
    g_auto (GStrv) groups = g_key_file_get_groups (r->file, NULL);

    for (char **i = groups; *i != NULL; i++)
        if (g_str_has_prefix (*i, SECRET_PREFIX) && !read_secret (r, *i))
            return FALSE;
    return TRUE;
}

static gboolean
read_all (Reader *r)
{
    g_autofree char *format = NULL;

    if (!read_text (r, GROUP_ACCEPTANCE, "format", &format))
        return FALSE;
    if (g_strcmp0 (format, "1") != 0)
        return refuse (r, GROUP_ACCEPTANCE, "format",
                       "[acceptance] format is '%.20s', expected 1",
                       format != NULL ? format : "missing");
    return read_platform (r) && read_boot (r) && read_guest (r) && read_secrets (r);
}

PolicyAcceptance *
policy_acceptance_parse (const char *source,
                         const char *folder,
                         const char *text,
                         gsize len,
                         GError **error)
{
    g_autoptr (GError) local = NULL;

    g_return_val_if_fail (source != NULL && (text != NULL || len == 0), NULL);

    g_autoptr (PolicyAcceptance) acceptance = policy_acceptance_alloc (source);
    g_autoptr (GKeyFile) file = policy_key_file_parse (text, len, file_groups (), &local);
    Reader reader = { acceptance, text, len, folder, file, &local };
    if (file != NULL && read_all (&reader) &&
        sev_sha256 (text, len, acceptance->sha256, &local))
        return g_steal_pointer (&acceptance);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX,
                 "acceptance policy '%s': %s", source, local->message);
    return NULL;
}
