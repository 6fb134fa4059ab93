/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/firmware-info.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/launcher-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/base/sev-guid.h"
#include "sev/crypto/sev-digest.h"

/* Header of a firmware volume: 16 bytes for a reset vector, GUID of the file system, length
 * (8), "_FVH". */
#define VOLUME_GUID_AT 16u
#define VOLUME_LENGTH_AT 32u
#define VOLUME_SIGNATURE_AT 40u
#define VOLUME_HEADER_SIZE 56u
#define VARIABLES_GUID "fff12b8d-7696-4c8b-a985-2747075b4f50"
#define TOP_FILE_AT_END 20u /* "VTF\0", then the 16 bytes where the processor begins */

static const char *const layout_names[] = {
    [FIRMWARE_LAYOUT_OTHER] = "other", [FIRMWARE_LAYOUT_WHOLE] = "whole",
    [FIRMWARE_LAYOUT_CODE] = "code",   [FIRMWARE_LAYOUT_VARIABLES] = "variables",
    [FIRMWARE_LAYOUT_CUT] = "cut",
};

const char *
firmware_layout_name (FirmwareLayout layout)
{
    g_return_val_if_fail ((gsize) layout < G_N_ELEMENTS (layout_names), "other");
    return layout_names[layout];
}

/* A store of variables alone is as long as its volume. */
static gboolean
is_cut (const guint8 *image, gsize len)
{
    guint64 volume = 0;
    SevReader reader;

    sev_reader_init (&reader, image, len);
    return !sev_reader_skip (&reader, VOLUME_LENGTH_AT) ||
           !sev_reader_u64 (&reader, &volume) || volume != len;
}

static FirmwareLayout
find_layout (const guint8 *image, gsize len)
{
    SevGuid variables;

    if (len < OVMF_IMAGE_MIN_SIZE || memcmp (image + VOLUME_SIGNATURE_AT, "_FVH", 4) != 0 ||
        !sev_guid_parse (VARIABLES_GUID, &variables, NULL))
        return FIRMWARE_LAYOUT_OTHER;
    const gboolean store =
        memcmp (image + VOLUME_GUID_AT, variables.bytes, sizeof variables.bytes) == 0;
    const gboolean code = memcmp (image + len - TOP_FILE_AT_END, "VTF", 4) == 0;
    if (!code && store && is_cut (image, len))
        return FIRMWARE_LAYOUT_CUT;
    if (!code)
        return store ? FIRMWARE_LAYOUT_VARIABLES : FIRMWARE_LAYOUT_OTHER;
    return store ? FIRMWARE_LAYOUT_WHOLE : FIRMWARE_LAYOUT_CODE;
}

gboolean
firmware_pins_have (const char *text, const char *sha256)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (char **i = lines; *i != NULL; i++)
        if (g_str_has_prefix (*i, sha256) && !g_ascii_isxdigit ((*i)[strlen (sha256)]))
            return TRUE;
    return FALSE;
}

/* Findings. */

static void
judge_layout (const FirmwareInfo *info, const char *use)
{
    switch (info->layout) {
    case FIRMWARE_LAYOUT_VARIABLES:
        finding_add (info->findings, "variables-only", FINDING_FAIL, use,
                     "a store of variables, not firmware");
        break;
    case FIRMWARE_LAYOUT_CODE:
        finding_add (info->findings, "code-only", FINDING_INSECURE, use,
                     "its variables are in a file of their own (VARS), which the host "
                     "can change and nobody measures");
        break;
    case FIRMWARE_LAYOUT_CUT:
        finding_add (info->findings, "cut-off", FINDING_FAIL, use,
                     "begins as an image with variables and code, and ends without the "
                     "code's reset vector: the file was cut off, or something hangs on it");
        break;
    case FIRMWARE_LAYOUT_OTHER:
        finding_add (info->findings, "not-uefi", FINDING_FAIL, use,
                     "no UEFI firmware with a reset vector");
        break;
    case FIRMWARE_LAYOUT_WHOLE:
    default:
        break;
    }
}

static void
judge_table (const FirmwareInfo *info, const char *use)
{
    const guint caps = info->image.caps;

    if (caps == 0) {
        finding_add (info->findings, "no-sev-table", FINDING_FAIL, use,
                     "nothing in its GUID table is for SEV, or it has no table");
        return;
    }
    if ((caps & OVMF_CAP_SECRET_AREA) == 0)
        finding_add (info->findings, "no-secret-area", FINDING_FAIL, use,
                     "no secret area (or one at address 0): there is no place for the "
                     "guest's secrets");
    if ((caps & OVMF_CAP_HASH_AREA) == 0)
        finding_add (info->findings, "no-hash-area", FINDING_FAIL, use,
                     "no area for kernel hashes: kernel, initrd and command line cannot be "
                     "measured");
    if ((caps & OVMF_CAP_ES_RESET) == 0)
        finding_add (info->findings, "no-es-reset", FINDING_WARN, use,
                     "no SEV-ES reset block: not for a guest policy with es");
}

static void
judge (FirmwareInfo *info, const GError *damage, const char *use)
{
    g_autofree char *take = use != NULL ? g_strdup_printf ("use '%s'", use) : NULL;

    if (info->damaged) {
        finding_add (info->findings, "damaged", FINDING_FAIL, take, "%s", damage->message);
        return;
    }
    judge_layout (info, take);
    if (info->layout != FIRMWARE_LAYOUT_WHOLE && info->layout != FIRMWARE_LAYOUT_CODE)
        return;
    judge_table (info, take);
    if (!info->own_build) {
        g_autofree char *fix =
            g_strdup_printf ("%s%sor trust it knowingly: sevlaunch firmware trust",
                             take != NULL ? take : "build sevlaunch's own",
                             take != NULL ? "; " : " (build-firmware.sh), ");
        finding_add (info->findings, "other-build", FINDING_INSECURE, fix,
                     "not a build of sevlaunch that this version knows: other firmware may "
                     "boot what was not measured, with the right measurement");
    }
}

FirmwareInfo *
firmware_info_inspect (const char *path,
                       const guint8 *image,
                       gsize len,
                       const char *pins,
                       const char *use)
{
    FirmwareInfo *info = g_new0 (FirmwareInfo, 1);
    g_autoptr (GError) damage = NULL;
    guint8 digest[SEV_DIGEST_SIZE];

    info->path = g_strdup (path);
    info->size = len;
    info->findings = finding_list_new ();
    info->layout = find_layout (image, len);
    info->damaged = !ovmf_image_inspect (image, len, &info->image, &damage);
    if (sev_sha256 (image, len, digest, NULL))
        info->sha256 = sev_hex_encode (digest, sizeof digest);
    info->own_build =
        info->sha256 != NULL && pins != NULL && firmware_pins_have (pins, info->sha256);
    judge (info, damage, use);
    return info;
}

static gboolean
set_missing (GError **error, const char *path)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_MISSING,
                 "firmware '%s': %s", path, g_strerror (errno));
    return FALSE;
}

static gboolean
read_all (int fd, const char *path, GByteArray *image, GError **error)
{
    struct stat st;

    if (fd < 0 || fstat (fd, &st) != 0)
        return set_missing (error, path);
    if (!S_ISREG (st.st_mode) || st.st_size > OVMF_IMAGE_MAX_SIZE) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                     "firmware '%s': %s", path,
                     S_ISREG (st.st_mode) ? "too large for a firmware image"
                                          : "not a regular file");
        return FALSE;
    }
    g_byte_array_set_size (image, (guint) st.st_size);
    for (guint at = 0; at < image->len;) {
        const ssize_t n = read (fd, image->data + at, image->len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return set_missing (error, path);
        if (n == 0)
            g_byte_array_set_size (image, at);
        at += (guint) n;
    }
    return TRUE;
}

FirmwareInfo *
firmware_info_read (const char *path, const char *pins, const char *use, GError **error)
{
    g_autoptr (GByteArray) image = g_byte_array_new ();
    /* A FIFO must not hold this up. */
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const gboolean ok = read_all (fd, path, image, error);

    if (fd >= 0)
        close (fd);
    if (!ok)
        return NULL;
    return firmware_info_inspect (path, image->data, image->len, pins, use);
}

void
firmware_info_free (FirmwareInfo *info)
{
    g_free (info->path);
    g_free (info->sha256);
    g_ptr_array_unref (info->findings);
    g_free (info);
}

const char **
firmware_info_can (const FirmwareInfo *info)
{
    const guint caps = info->image.caps;
    const struct {
        const char *name;
        gboolean it;
    } all[] = {
        { "sev", caps != 0 },
        { "sev-es", (caps & OVMF_CAP_ES_RESET) != 0 },
        { "secret", (caps & OVMF_CAP_SECRET_AREA) != 0 },
        { "kernel-hashes", (caps & OVMF_CAP_HASH_AREA) != 0 },
        { "snp", (caps & OVMF_CAP_SNP_METADATA) != 0 },
        { "stateless", info->layout == FIRMWARE_LAYOUT_WHOLE },
    };
    const char **can = g_new0 (const char *, G_N_ELEMENTS (all) + 1);
    guint n = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
        if (all[i].it)
            can[n++] = all[i].name;
    return can;
}
