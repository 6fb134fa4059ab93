/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/release.h"

#include <string.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "policy/attest/owner-vmsa.h"
#include "policy/key-file.h"
#include "policy/owner-file.h"
#include "policy/release-private.h"
#include "sev/base/sev-bytes.h"

#define MAX_FIRMWARE 64u
#define GROUP_RELEASE "release"
#define GROUP_BOOT "boot"
#define GROUP_SECRETS "secrets"
#define KEY_VCPUS "vcpus"
#define KEY_HEADER_SHA256 "luks-header-sha256"
#define KEY_HEADER_LENGTH "luks-header-length"

typedef struct {
    SevGuid guid;
    char *file;
    SevSecret *value; /* NULL until loaded */
} Secret;

typedef struct {
    gboolean set;
    guint8 bytes[SEV_DIGEST_SIZE];
} Digest;

enum { DIGEST_UKI, DIGEST_KERNEL, DIGEST_INITRD, DIGEST_CMDLINE, N_DIGESTS };
static const char *const digest_keys[N_DIGESTS] = { "uki", "kernel", "initrd", "cmdline" };

struct _PolicyRelease {
    gatomicrefcount refs;
    char *name;
    char *image;
    char *luks_uuid;
    GArray *firmware; /* guint8[SEV_DIGEST_SIZE] */
    Digest digests[N_DIGESTS];
    guint vcpus;     /* 0: any number */
    GArray *secrets; /* Secret */
    gboolean has_pin;
    guint8 pin[OVMF_LUKS_HEADER_PIN_SIZE];
};

static const PolicyKeyFileGroup *const *
release_groups (void)
{
    static const char *const release_keys[] = { "format", "image", "luks-uuid", NULL };
    static const char *const boot_keys[] = { "firmware", "uki",     "kernel", "initrd",
                                             "cmdline",  KEY_VCPUS, NULL };
    static const char *const secret_keys[] = { OVMF_SECRET_LUKS_KEY, KEY_HEADER_SHA256,
                                               KEY_HEADER_LENGTH, NULL };
    static const PolicyKeyFileGroup release = { GROUP_RELEASE, release_keys, FALSE };
    static const PolicyKeyFileGroup boot = { GROUP_BOOT, boot_keys, FALSE };
    static const PolicyKeyFileGroup secrets = { GROUP_SECRETS, secret_keys, TRUE };
    static const PolicyKeyFileGroup *const groups[] = { &release, &boot, &secrets, NULL };

    return groups;
}

static void
secret_clear (gpointer data)
{
    Secret *secret = data;

    g_free (secret->file);
    if (secret->value != NULL)
        sev_secret_unref (secret->value);
}

static PolicyRelease *
release_alloc (const char *name)
{
    PolicyRelease *release = g_new0 (PolicyRelease, 1);

    g_atomic_ref_count_init (&release->refs);
    release->name = g_strdup (name);
    release->firmware = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    release->secrets = g_array_new (FALSE, FALSE, sizeof (Secret));
    g_array_set_clear_func (release->secrets, secret_clear);
    return release;
}

PolicyRelease *
policy_release_ref (PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, NULL);
    g_atomic_ref_count_inc (&release->refs);
    return release;
}

void
policy_release_unref (PolicyRelease *release)
{
    if (release == NULL || !g_atomic_ref_count_dec (&release->refs))
        return;
    g_free (release->name);
    g_free (release->image);
    g_free (release->luks_uuid);
    g_array_unref (release->firmware);
    g_array_unref (release->secrets);
    g_free (release);
}

static gboolean G_GNUC_PRINTF (2, 3) syntax (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX, text);
    return FALSE;
}

gboolean
policy_is_uuid (const char *text)
{
    SevGuid guid;

    return sev_guid_parse (text, &guid, NULL);
}

static gboolean
parse_identity (PolicyRelease *release, GKeyFile *file, GError **error)
{
    g_autofree char *format = g_key_file_get_string (file, GROUP_RELEASE, "format", NULL);

    if (g_strcmp0 (format, "1") != 0)
        return syntax (error, "[release] format is '%s', expected 1",
                       format != NULL ? format : "missing");
    release->image = g_key_file_get_string (file, GROUP_RELEASE, "image", NULL);
    if (release->image != NULL &&
        (release->image[0] == '\0' || strchr (release->image, '/') != NULL))
        return syntax (error, "[release] image '%s' is not a base name", release->image);
    g_autofree char *uuid = g_key_file_get_string (file, GROUP_RELEASE, "luks-uuid", NULL);
    if (uuid != NULL && !policy_is_uuid (uuid))
        return syntax (error, "[release] luks-uuid '%s' is not a UUID", uuid);
    release->luks_uuid = uuid != NULL ? g_ascii_strdown (uuid, -1) : NULL;
    if (release->image == NULL && release->luks_uuid == NULL)
        return syntax (error, "[release] names neither image nor luks-uuid");
    return TRUE;
}

static gboolean
parse_digest (const char *key, const char *text, guint8 *out, GError **error)
{
    if (!sev_hex_decode (text, out, SEV_DIGEST_SIZE, NULL))
        return syntax (error, "[boot] %s '%.80s' is not 64 hexadecimal digits", key, text);
    return TRUE;
}

static gboolean
parse_firmware (PolicyRelease *release, GKeyFile *file, GError **error)
{
    g_auto (GStrv) list =
        g_key_file_get_string_list (file, GROUP_BOOT, "firmware", NULL, NULL);

    if (list == NULL || list[0] == NULL)
        return syntax (error, "[boot] firmware is missing");
    for (gsize i = 0; list[i] != NULL; i++) {
        guint8 digest[SEV_DIGEST_SIZE];
        if (i >= MAX_FIRMWARE)
            return syntax (error, "[boot] firmware names more than %u", MAX_FIRMWARE);
        if (!parse_digest ("firmware", list[i], digest, error))
            return FALSE;
        g_array_append_vals (release->firmware, digest, 1);
    }
    return TRUE;
}

static gboolean
parse_vcpus (PolicyRelease *release, GKeyFile *file, GError **error)
{
    g_autofree char *text = g_key_file_get_string (file, GROUP_BOOT, KEY_VCPUS, NULL);
    guint64 value;

    if (text == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned (text, 10, 1, POLICY_MAX_VCPUS, &value, NULL))
        return syntax (error, "[boot] " KEY_VCPUS " '%.40s' is not a number from 1 to %u",
                       text, POLICY_MAX_VCPUS);
    release->vcpus = (guint) value;
    return TRUE;
}

static gboolean
parse_boot (PolicyRelease *release, GKeyFile *file, GError **error)
{
    const Digest *digests = release->digests;

    if (!parse_firmware (release, file, error) || !parse_vcpus (release, file, error))
        return FALSE;
    for (guint i = 0; i < N_DIGESTS; i++) {
        g_autofree char *text =
            g_key_file_get_string (file, GROUP_BOOT, digest_keys[i], NULL);
        if (text == NULL)
            continue;
        if (!parse_digest (digest_keys[i], text, release->digests[i].bytes, error))
            return FALSE;
        release->digests[i].set = TRUE;
    }
    const guint parts = (digests[DIGEST_KERNEL].set ? 1u : 0u) +
                        (digests[DIGEST_INITRD].set ? 1u : 0u) +
                        (digests[DIGEST_CMDLINE].set ? 1u : 0u);
    if (digests[DIGEST_UKI].set && parts > 0)
        return syntax (error, "[boot] has a uki and also kernel, initrd or cmdline");
    if (!digests[DIGEST_UKI].set && parts < 3)
        return syntax (error, "[boot] needs uki, or kernel, initrd and cmdline");
    return TRUE;
}

static gboolean
parse_pin (PolicyRelease *release, GKeyFile *file, GError **error)
{
    g_autofree char *digest =
        g_key_file_get_string (file, GROUP_SECRETS, KEY_HEADER_SHA256, NULL);
    g_autofree char *length_text =
        g_key_file_get_string (file, GROUP_SECRETS, KEY_HEADER_LENGTH, NULL);
    guint8 sha256[SEV_DIGEST_SIZE];
    guint64 length = 0;
    g_autoptr (GError) local = NULL;

    if (digest == NULL && length_text == NULL)
        return TRUE;
    if (digest == NULL || length_text == NULL)
        return syntax (error, "[secrets] " KEY_HEADER_SHA256 " and " KEY_HEADER_LENGTH
                              " go together");
    if (!sev_hex_decode (digest, sha256, sizeof sha256, NULL))
        return syntax (error,
                       "[secrets] " KEY_HEADER_SHA256 " is not 64 hexadecimal digits");
    if (!g_ascii_string_to_unsigned (length_text, 10, 0, OVMF_LUKS_HEADER_MAX_LENGTH,
                                     &length, NULL))
        return syntax (error,
                       "[secrets] " KEY_HEADER_LENGTH " '%.40s' is not a number up "
                       "to %u",
                       length_text, OVMF_LUKS_HEADER_MAX_LENGTH);
    if (!ovmf_luks_header_pin (sha256, length, release->pin, &local))
        return syntax (error, "[secrets] %s", local->message);
    release->has_pin = TRUE;
    return TRUE;
}

static gboolean
parse_secret (PolicyRelease *release, GKeyFile *file, const char *key, GError **error)
{
    g_autofree char *path = g_key_file_get_string (file, GROUP_SECRETS, key, NULL);
    g_autoptr (GError) local = NULL;
    Secret secret = { 0 };

    if (!ovmf_secret_guid_parse (key, &secret.guid, &local)) {
        const char *near = policy_suggest (key, release_groups ()[2]->keys);
        return syntax (error, "[secrets] %s%s%s%s", local->message,
                       near != NULL ? " (did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?)" : "");
    }
    if (g_strcmp0 (ovmf_secret_guid_alias (&secret.guid), OVMF_SECRET_LUKS_HEADER) == 0)
        return syntax (error, "[secrets] the LUKS header is pinned by " KEY_HEADER_SHA256
                              " and " KEY_HEADER_LENGTH ", not by a file");
    if (path == NULL || !policy_name_is_plain (path))
        return syntax (error,
                       "[secrets] %s: '%s' is not the name of a file beside "
                       "release.conf",
                       key, path != NULL ? path : "");
    for (guint i = 0; i < release->secrets->len; i++)
        if (sev_guid_equal (&g_array_index (release->secrets, Secret, i).guid,
                            &secret.guid))
            return syntax (error, "[secrets] names '%s' twice", key);
    if (release->secrets->len >= OVMF_SECRET_MAX_ENTRIES - 1)
        return syntax (error, "[secrets] names more than %u", OVMF_SECRET_MAX_ENTRIES - 1);
    secret.file = g_steal_pointer (&path);
    g_array_append_val (release->secrets, secret);
    return TRUE;
}

static gboolean
parse_secrets (PolicyRelease *release, GKeyFile *file, GError **error)
{
    g_auto (GStrv) keys = g_key_file_get_keys (file, GROUP_SECRETS, NULL, NULL);

    if (!parse_pin (release, file, error))
        return FALSE;
    for (gsize i = 0; keys != NULL && keys[i] != NULL; i++) {
        if (strcmp (keys[i], KEY_HEADER_SHA256) == 0 ||
            strcmp (keys[i], KEY_HEADER_LENGTH) == 0)
            continue;
        if (!parse_secret (release, file, keys[i], error))
            return FALSE;
    }
    return TRUE;
}

PolicyRelease *
policy_release_parse (const char *name, const char *text, gsize len, GError **error)
{
    g_autoptr (GError) local = NULL;

    g_return_val_if_fail (name != NULL && (text != NULL || len == 0), NULL);

    g_autoptr (PolicyRelease) release = release_alloc (name);
    g_autoptr (GKeyFile) file =
        policy_key_file_parse (text, len, release_groups (), &local);
    if (file != NULL && parse_identity (release, file, &local) &&
        parse_boot (release, file, &local) && parse_secrets (release, file, &local))
        return g_steal_pointer (&release);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX,
                 "releases/%s/" POLICY_RELEASE_CONF ": %s", name, local->message);
    return NULL;
}

gboolean
policy_release_load_secrets (PolicyRelease *release, int dirfd, GError **error)
{
    gsize left = POLICY_SECRET_FILE_MAX_SIZE;

    for (guint i = 0; i < release->secrets->len; i++) {
        Secret *secret = &g_array_index (release->secrets, Secret, i);
        g_autoptr (GError) local = NULL;

        if (secret->value != NULL)
            return TRUE;
        /* Together they must fit into one table, so together they need no more memory. */
        SevSecret *value = policy_file_read_secret (dirfd, secret->file, left, &local);
        if (value != NULL) {
            secret->value = value;
            left -= sev_secret_size (value);
            continue;
        }
        /* A file that others can read is a matter of security, not of this release. */
        if (g_error_matches (local, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE) ||
            g_error_matches (local, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE))
            g_propagate_prefixed_error (error, g_steal_pointer (&local),
                                        "release '%s': ", release->name);
        else
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SECRET,
                         "release '%s': %s", release->name, local->message);
        return FALSE;
    }
    return TRUE;
}

const char *
policy_release_get_name (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, NULL);
    return release->name;
}

const char *
policy_release_get_image (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, NULL);
    return release->image;
}

const char *
policy_release_get_luks_uuid (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, NULL);
    return release->luks_uuid;
}

gboolean
policy_release_is_uki (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, FALSE);
    return release->digests[DIGEST_UKI].set;
}

static const guint8 *
get_digest (const PolicyRelease *release, guint index)
{
    g_return_val_if_fail (release != NULL, NULL);
    return release->digests[index].set ? release->digests[index].bytes : NULL;
}

const guint8 *
policy_release_get_uki (const PolicyRelease *release)
{
    return get_digest (release, DIGEST_UKI);
}

const guint8 *
policy_release_get_kernel (const PolicyRelease *release)
{
    return get_digest (release, DIGEST_KERNEL);
}

const guint8 *
policy_release_get_initrd (const PolicyRelease *release)
{
    return get_digest (release, DIGEST_INITRD);
}

const guint8 *
policy_release_get_cmdline (const PolicyRelease *release)
{
    return get_digest (release, DIGEST_CMDLINE);
}

guint
policy_release_get_vcpus (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, 0);
    return release->vcpus;
}

guint
policy_release_n_firmware (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, 0);
    return release->firmware->len;
}

const guint8 *
policy_release_get_firmware (const PolicyRelease *release, guint index)
{
    g_return_val_if_fail (release != NULL && index < release->firmware->len, NULL);
    return (const guint8 *) release->firmware->data + (gsize) index * SEV_DIGEST_SIZE;
}

gboolean
policy_release_allows_firmware (const PolicyRelease *release,
                                const guint8 sha256[SEV_DIGEST_SIZE])
{
    g_return_val_if_fail (release != NULL && sha256 != NULL, FALSE);

    for (guint i = 0; i < release->firmware->len; i++)
        if (memcmp (policy_release_get_firmware (release, i), sha256, SEV_DIGEST_SIZE) == 0)
            return TRUE;
    return FALSE;
}

void
policy_release_wipe_secrets (PolicyRelease *release)
{
    for (guint i = 0; i < release->secrets->len; i++)
        sev_secret_wipe (g_array_index (release->secrets, Secret, i).value);
}

guint
policy_release_n_secrets (const PolicyRelease *release)
{
    g_return_val_if_fail (release != NULL, 0);
    return release->secrets->len + (release->has_pin ? 1u : 0u);
}

static gboolean
add_secret (const PolicyRelease *release,
            OvmfSecretTable *table,
            const SevGuid *guid,
            SevSecret *value,
            GError **error)
{
    g_autoptr (GError) local = NULL;

    if (ovmf_secret_table_add (table, guid, value, &local))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SECRET, "release '%s': %s",
                 release->name, local->message);
    return FALSE;
}

gboolean
policy_release_fill_table (const PolicyRelease *release,
                           OvmfSecretTable *table,
                           GError **error)
{
    SevGuid guid;

    g_return_val_if_fail (release != NULL && table != NULL, FALSE);

    for (guint i = 0; i < release->secrets->len; i++) {
        const Secret *secret = &g_array_index (release->secrets, Secret, i);
        if (secret->value == NULL) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_SECRET,
                         "release '%s': the secret '%s' was not loaded", release->name,
                         secret->file);
            return FALSE;
        }
        if (!add_secret (release, table, &secret->guid, secret->value, error))
            return FALSE;
    }
    if (!release->has_pin)
        return TRUE;
    g_autoptr (SevSecret) pin = sev_secret_new_copy (release->pin, sizeof release->pin);
    return ovmf_secret_guid_parse (OVMF_SECRET_LUKS_HEADER, &guid, error) &&
           add_secret (release, table, &guid, pin, error);
}

/* One digest against one pinned value; a reason if they differ. */
static gboolean
check_digest (const PolicyRelease *release,
              const char *what,
              const guint8 *pinned,
              const guint8 found[SEV_DIGEST_SIZE],
              PolicyVerdict *verdict)
{
    if (memcmp (pinned, found, SEV_DIGEST_SIZE) == 0)
        return TRUE;
    g_autofree char *id = g_strconcat (what, "-not-released", NULL);
    g_autofree char *pinned_hex = sev_hex_encode (pinned, SEV_DIGEST_SIZE);
    g_autofree char *found_hex = sev_hex_encode (found, SEV_DIGEST_SIZE);
    policy_verdict_fail (verdict, POLICY_CHECK_BOOT, id,
                         "%s has SHA-256 %s, release '%s' pins %s", what, found_hex,
                         release->name, pinned_hex);
    return FALSE;
}

static gboolean
check_parts (const PolicyRelease *release,
             const PolicyBoot *boot,
             const guint8 *initrd,
             const guint8 *cmdline,
             PolicyVerdict *verdict)
{
    const gboolean uki = policy_release_is_uki (release);
    const guint8 *kernel =
        uki ? policy_release_get_uki (release) : policy_release_get_kernel (release);
    gboolean ok =
        check_digest (release, uki ? "uki" : "kernel", kernel, boot->kernel, verdict);

    ok = check_digest (release, "initrd", initrd, boot->initrd, verdict) && ok;
    return check_digest (release, "cmdline", cmdline, boot->cmdline, verdict) && ok;
}

static gboolean
check_boot (const PolicyRelease *release, const PolicyBoot *boot, PolicyVerdict *verdict)
{
    guint8 no_initrd[SEV_DIGEST_SIZE];
    guint8 no_cmdline[SEV_DIGEST_SIZE];
    g_autoptr (GError) error = NULL;

    if (!boot->measured && boot->allow_unmeasured) {
        policy_verdict_waive (verdict, POLICY_CHECK_BOOT,
                              "what boots: the image's own boot loader is not measured");
        return TRUE;
    }
    if (!boot->measured) {
        policy_verdict_fail (verdict, POLICY_CHECK_BOOT, "boot-unmeasured",
                             "kernel, initrd and command line are not measured, so nothing "
                             "may be released to them");
        return FALSE;
    }
    if (boot->uki != policy_release_is_uki (release)) {
        policy_verdict_fail (verdict, POLICY_CHECK_BOOT, "boot-kind-differs",
                             "%s is booted, release '%s' pins %s",
                             boot->uki ? "a unified kernel image" : "a plain kernel",
                             release->name,
                             boot->uki ? "a plain kernel" : "a unified kernel image");
        return FALSE;
    }
    if (!policy_release_is_uki (release))
        return check_parts (release, boot, policy_release_get_initrd (release),
                            policy_release_get_cmdline (release), verdict);
    if (!ovmf_hashes_no_initrd (no_initrd, &error) ||
        !ovmf_hashes_cmdline (NULL, no_cmdline, &error)) {
        policy_verdict_fail_error (verdict, POLICY_CHECK_BOOT, error);
        return FALSE;
    }
    return check_parts (release, boot, no_initrd, no_cmdline, verdict);
}

const char *
policy_firmware_pin_name (PolicyFirmwarePin pin)
{
    switch (pin) {
    case POLICY_FIRMWARE_BY_RELEASE:
        return "release";
    case POLICY_FIRMWARE_BY_OWNER:
        return "owner";
    case POLICY_FIRMWARE_UNKNOWN:
        return "unknown";
    case POLICY_FIRMWARE_UNPINNED:
        break;
    }
    return "unpinned";
}

gboolean
policy_firmware_pin_holds (PolicyFirmwarePin pin)
{
    return pin == POLICY_FIRMWARE_BY_RELEASE || pin == POLICY_FIRMWARE_BY_OWNER;
}

static gboolean
check_firmware (const PolicyRelease *release,
                const PolicyBoot *boot,
                PolicyVerdict *verdict)
{
    if (policy_release_allows_firmware (release, boot->firmware) ||
        boot->firmware_pin == POLICY_FIRMWARE_BY_OWNER) {
        policy_verdict_pass (verdict, POLICY_CHECK_FIRMWARE);
        return TRUE;
    }
    if (boot->firmware_accepted) {
        policy_verdict_waive (
            verdict, POLICY_CHECK_FIRMWARE,
            "firmware: unpinned; nothing says that it boots only what is measured (it was "
            "accepted by hand)");
        return TRUE;
    }
    g_autofree char *hex = sev_hex_encode (boot->firmware, SEV_DIGEST_SIZE);
    policy_verdict_fail (
        verdict, POLICY_CHECK_FIRMWARE, "firmware-not-released",
        "firmware: unpinned; it has SHA-256 %s, which neither release '%s' "
        "pins nor the owner trusts (sevlaunch firmware trust)",
        hex, release->name);
    return FALSE;
}

static gboolean
check_vcpus (const PolicyRelease *release, const PolicyBoot *boot, PolicyVerdict *verdict)
{
    if (release->vcpus == 0 || (boot->es && boot->vcpus == release->vcpus))
        return TRUE;
    if (boot->es)
        policy_verdict_fail (verdict, POLICY_CHECK_BOOT, "vcpus-not-released",
                             "%u vCPUs where release '%s' pins %u", boot->vcpus,
                             release->name, release->vcpus);
    else
        policy_verdict_fail (verdict, POLICY_CHECK_BOOT, "vcpus-not-released",
                             "release '%s' pins %u vCPUs, whose number only SEV-ES proves "
                             "(--policy with es)",
                             release->name, release->vcpus);
    return FALSE;
}

gboolean
policy_release_check (const PolicyRelease *release,
                      const PolicyBoot *boot,
                      PolicyVerdict *verdict)
{
    g_return_val_if_fail (release != NULL && boot != NULL && verdict != NULL, FALSE);

    const gboolean firmware = check_firmware (release, boot, verdict);
    const gboolean vcpus = check_vcpus (release, boot, verdict);
    const gboolean chain = check_boot (release, boot, verdict) && vcpus;
    if (chain && boot->measured)
        policy_verdict_pass (verdict, POLICY_CHECK_BOOT);
    return firmware && chain;
}
