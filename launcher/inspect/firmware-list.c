/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/firmware-list.h"

#include <string.h>

#include "launcher/base/message.h"
#include "launcher/inspect/bounded-file.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define PINS_MAX 65536u

static void
entry_free (gpointer data)
{
    FirmwareEntry *entry = data;

    firmware_info_free (entry->info);
    g_ptr_array_unref (entry->descriptors);
    g_free (entry);
}

static FirmwareEntry *
entry_new (GPtrArray *list, FirmwareInfo *info)
{
    FirmwareEntry *entry = g_new0 (FirmwareEntry, 1);

    entry->info = info;
    entry->descriptors =
        g_ptr_array_new_with_free_func ((GDestroyNotify) firmware_descriptor_free);
    g_ptr_array_add (list, entry);
    return entry;
}

static char *
load_pins (const char *datadir)
{
    g_autofree char *path = g_build_filename (datadir, FIRMWARE_PINS_NAME, NULL);

    return bounded_file_text (path, PINS_MAX);
}

gboolean
firmware_is_own_build (const guint8 *sha256, const char *datadir)
{
    g_autofree char *pins = load_pins (datadir);
    g_autofree char *hex = sev_hex_encode (sha256, SEV_DIGEST_SIZE);

    return pins != NULL && firmware_pins_have (pins, hex);
}

void
firmware_note_other_build (const guint8 *sha256,
                           const char *datadir,
                           PolicyVerdict *verdict)
{
    if (!firmware_is_own_build (sha256, datadir))
        policy_verdict_add_unproven (
            verdict, "firmware: another build than sevlaunch's, taken by its owner's word; "
                     "nothing says that it boots only what is measured");
}

static FirmwareInfo *
unreadable (const char *path, const GError *cause)
{
    FirmwareInfo *info = g_new0 (FirmwareInfo, 1);

    info->path = g_strdup (path);
    info->findings = finding_list_new ();
    finding_add (info->findings, "unreadable", FINDING_FAIL, NULL, "%s", cause->message);
    return info;
}

/* A descriptor is a promise; the image says what is there. */
static void
judge_descriptor (const FirmwareInfo *info, const FirmwareDescriptor *d)
{
    const guint caps = info->image.caps;

    if (info->sha256 == NULL)
        return;
    if (firmware_descriptor_has (d, "amd-sev") &&
        (caps & (OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA)) !=
            (OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA))
        finding_add (info->findings, "descriptor-amd-sev", FINDING_WARN,
                     "name the firmware in the domain; do not let libvirt choose it",
                     "'%s' announces it for amd-sev, but it takes no secrets or does not "
                     "check the kernel",
                     d->file);
    if (firmware_descriptor_has (d, "requires-smm"))
        finding_add (info->findings, "requires-smm", FINDING_WARN, NULL,
                     "it needs SMM, which SEV-ES does not have");
}

static void
add_descriptor (GPtrArray *list,
                GHashTable *by_path,
                FirmwareDescriptor *d,
                const char *pins,
                const char *use,
                const char *root)
{
    FirmwareEntry *entry = g_hash_table_lookup (by_path, d->image);

    if (entry == NULL) {
        g_autofree char *path = g_strconcat (root, d->image, NULL);
        g_autoptr (GError) cause = NULL;
        FirmwareInfo *info = firmware_info_read (path, pins, use, &cause);

        entry = entry_new (list, info != NULL ? info : unreadable (path, cause));
        g_hash_table_insert (by_path, g_strdup (d->image), entry);
    }
    judge_descriptor (entry->info, d);
    g_ptr_array_add (entry->descriptors, d);
}

static void
say_problem (const GError *error, gpointer data)
{
    message_warning ("%s", error->message);
}

GPtrArray *
firmware_list_all (const char *root, const char *datadir)
{
    GPtrArray *list = g_ptr_array_new_with_free_func (entry_free);
    g_autoptr (GHashTable) by_path =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_auto (GStrv) dirs = firmware_descriptor_dirs (root);
    g_autofree char *pins = load_pins (datadir);
    g_autofree char *own = g_build_filename (datadir, FIRMWARE_OWN_NAME, NULL);
    FirmwareInfo *info = firmware_info_read (own, pins, NULL, NULL);
    const char *use = info != NULL ? own : NULL;

    if (info != NULL)
        g_hash_table_insert (by_path, g_strdup (own), entry_new (list, info));
    g_autoptr (GPtrArray) descriptors =
        firmware_descriptors_load ((const char *const *) dirs, say_problem, NULL);
    while (descriptors->len > 0)
        add_descriptor (list, by_path, g_ptr_array_steal_index (descriptors, 0), pins, use,
                        root);
    return list;
}

GPtrArray *
firmware_list_named (char *const *paths, const char *datadir, GError **error)
{
    g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (entry_free);
    g_autofree char *pins = load_pins (datadir);
    g_autofree char *own = g_build_filename (datadir, FIRMWARE_OWN_NAME, NULL);
    const char *use = g_file_test (own, G_FILE_TEST_IS_REGULAR) ? own : NULL;

    for (; *paths != NULL; paths++) {
        const char *other = g_strcmp0 (*paths, use) != 0 ? use : NULL;
        FirmwareInfo *info = firmware_info_read (*paths, pins, other, error);

        if (info == NULL)
            return NULL;
        entry_new (list, info);
    }
    return g_steal_pointer (&list);
}
