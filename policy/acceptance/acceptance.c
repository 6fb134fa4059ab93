/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/acceptance/acceptance-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy-error.h"

#define MAX_FILE 65536u
#define BUILTIN "built-in"

const char *const policy_root_words[] = { "amd", "trusted", NULL };
const char *const policy_generation_words[] = { "naples", "rome",  "milan",
                                                "genoa",  "turin", NULL };
const char *const policy_judged_words[] = { "owner-machine", "hypervisor", "emulated-host",
                                            NULL };
const char *const policy_need_words[] = {
    "es", "no-debug", "measured-boot", "firmware-pinned", "owner-machine", "amd", NULL,
};

static void
digest_set_init (PolicyDigestSet *set)
{
    set->digests = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
}

gboolean
policy_digest_set_contains (const PolicyDigestSet *set,
                            const guint8 digest[SEV_DIGEST_SIZE])
{
    for (guint i = 0; i < set->digests->len; i++)
        if (memcmp (set->digests->data + (gsize) i * SEV_DIGEST_SIZE, digest,
                    SEV_DIGEST_SIZE) == 0)
            return TRUE;
    return FALSE;
}

char *
policy_words_of (guint set, const char *const *words)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; words[i] != NULL; i++)
        if ((set & 1u << i) != 0)
            g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", words[i]);
    return g_string_free (g_steal_pointer (&text), FALSE);
}

PolicyAcceptance *
policy_acceptance_alloc (const char *source)
{
    PolicyAcceptance *acceptance = g_new0 (PolicyAcceptance, 1);
    PolicyDigestSet *const sets[] = { &acceptance->root_keys, &acceptance->owners,
                                      &acceptance->firmware,  &acceptance->uki,
                                      &acceptance->kernel,    &acceptance->initrd,
                                      &acceptance->cmdline };

    g_atomic_ref_count_init (&acceptance->refs);
    acceptance->source = g_strdup (source);
    for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
        digest_set_init (sets[i]);
    acceptance->vcpus = g_array_new (FALSE, FALSE, sizeof (PolicyRange));
    acceptance->secrets = g_array_new (FALSE, FALSE, sizeof (PolicySecretRule));
    acceptance->roots.set = (1u << N_ROOT_WORDS) - 1;
    for (guint i = 0; policy_generation_words[i] != NULL; i++)
        if (!policy_generation_banned_by_default (policy_generation_words[i]))
            acceptance->generations.set |= 1u << i;
    acceptance->judged_on.set = (1u << N_JUDGED) - 1;
    return acceptance;
}

PolicyAcceptance *
policy_acceptance_new_default (void)
{
    PolicyAcceptance *acceptance = policy_acceptance_alloc (BUILTIN);

    acceptance->builtin = TRUE;
    acceptance->emulated = TRUE;
    return acceptance;
}

PolicyAcceptance *
policy_acceptance_ref (PolicyAcceptance *acceptance)
{
    g_return_val_if_fail (acceptance != NULL, NULL);
    g_atomic_ref_count_inc (&acceptance->refs);
    return acceptance;
}

void
policy_acceptance_unref (PolicyAcceptance *acceptance)
{
    if (acceptance == NULL || !g_atomic_ref_count_dec (&acceptance->refs))
        return;
    PolicyDigestSet *const sets[] = { &acceptance->root_keys, &acceptance->owners,
                                      &acceptance->firmware,  &acceptance->uki,
                                      &acceptance->kernel,    &acceptance->initrd,
                                      &acceptance->cmdline };
    for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
        g_array_unref (sets[i]->digests);
    g_array_unref (acceptance->vcpus);
    g_array_unref (acceptance->secrets);
    g_free (acceptance->source);
    g_free (acceptance);
}

const char *
policy_acceptance_get_source (const PolicyAcceptance *acceptance)
{
    g_return_val_if_fail (acceptance != NULL, NULL);
    return acceptance->source;
}

const guint8 *
policy_acceptance_get_sha256 (const PolicyAcceptance *acceptance)
{
    g_return_val_if_fail (acceptance != NULL, NULL);
    return acceptance->builtin ? NULL : acceptance->sha256;
}

static gboolean
cannot (const char *path, const char *why, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX,
                 "acceptance policy '%s': %s", path, why);
    return FALSE;
}

/* A device or pipe could give forever; what is read is what was looked at. */
static gboolean
read_text (int fd, const char *path, GByteArray *text, GError **error)
{
    struct stat st;

    if (fd < 0 || fstat (fd, &st) != 0)
        return cannot (path, g_strerror (errno), error);
    if (!S_ISREG (st.st_mode))
        return cannot (path, "is no file", error);
    g_byte_array_set_size (text, MAX_FILE + 1);
    guint len = 0;
    while (len <= MAX_FILE) {
        const gssize got = read (fd, text->data + len, MAX_FILE + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cannot (path, g_strerror (errno), error);
        if (got == 0)
            break;
        len += (guint) got;
    }
    g_byte_array_set_size (text, len);
    return TRUE;
}

PolicyAcceptance *
policy_acceptance_load (const char *path, GError **error)
{
    g_autoptr (GByteArray) text = g_byte_array_new ();

    g_return_val_if_fail (path != NULL, NULL);

    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const gboolean ok = read_text (fd, path, text, error);
    if (fd >= 0)
        close (fd);
    if (!ok)
        return NULL;
    g_autofree char *absolute = g_canonicalize_filename (path, NULL);
    g_autofree char *folder = g_path_get_dirname (absolute);
    return policy_acceptance_parse (path, folder, (const char *) text->data, text->len,
                                    error);
}
