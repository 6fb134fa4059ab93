/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other files than the expected ones, and parts of these. */

#include "policy/attest/why-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy-error.h"

#define BLOCK 4096u
#define MOST_CUTS 32768u /* for files up to 128 MiB each block */
/* Variable stores of OVMF's builds of 2 and 4 MiB: where the code begins. */
#define VARS_2M 0x20000u
#define VARS_4M 0x84000u
/* UEFI PI, firmware volume header: length at 32, signature at 40. */
#define FV_LENGTH_OFFSET 32u
#define FV_SIGNATURE_OFFSET 40u

/* Firmware. */

static gboolean
add_image (PolicyWhy *why,
           WhyRank rank,
           const char *id,
           char *text,
           const guint8 *image,
           gsize len,
           GError **error)
{
    GError *local = NULL;
    OvmfImageInfo info = { 0 };
    WhyOther *other = why_add (why, WHY_FIRMWARE, rank, id, text);

    if (ovmf_image_inspect (image, len, &info, NULL))
        other->reset_addr = info.es_reset_addr;
    other->after_firmware = sev_digest_new (&local);
    if (other->after_firmware == NULL ||
        !sev_digest_update (other->after_firmware, image, len, &local))
        return why_internal (local, error);
    return TRUE;
}

static gboolean
add_code_part (PolicyWhy *why, const guint8 *image, gsize len, gsize at, GError **error)
{
    if (at == 0 || at >= len)
        return TRUE;
    return add_image (
        why, WHY_COMMON, "firmware-code-part",
        g_strdup_printf ("the firmware is the code part alone (the last %" G_GSIZE_FORMAT
                         " bytes of the image, as OVMF_CODE.fd) and not the whole image",
                         len - at),
        image + at, len - at, error);
}

/* The first volume of a whole image is the variable store. */
static gsize
first_volume (const guint8 *image, gsize len)
{
    guint64 le;

    if (len < FV_SIGNATURE_OFFSET + 4 ||
        memcmp (image + FV_SIGNATURE_OFFSET, "_FVH", 4) != 0)
        return 0;
    memcpy (&le, image + FV_LENGTH_OFFSET, sizeof le);
    le = GUINT64_FROM_LE (le);
    return le < len ? (gsize) le : 0;
}

static gboolean
add_cut (PolicyWhy *why, const guint8 *image, gsize len, GError **error)
{
    GError *local = NULL;
    g_autoptr (SevDigest) running = sev_digest_new (&local);

    for (gsize at = 0; running != NULL && at < len; at += BLOCK) {
        const gsize n = MIN (BLOCK, len - at);

        if (at > 0) {
            WhyOther *other =
                why_add (why, WHY_FIRMWARE, WHY_RARE, "firmware-truncated",
                         g_strdup_printf ("the firmware is cut off after %" G_GSIZE_FORMAT
                                          " of %" G_GSIZE_FORMAT " bytes",
                                          at, len));
            other->after_firmware = sev_digest_copy (running, &local);
            if (other->after_firmware == NULL)
                break;
        }
        if (!sev_digest_update (running, image + at, n, &local))
            break;
    }
    return local == NULL || why_internal (local, error);
}

gboolean
policy_why_add_own_firmware (PolicyWhy *why, const guint8 *image, gsize len, GError **error)
{
    const gsize volume = first_volume (image, len);
    const gsize starts[] = { volume, VARS_2M, VARS_4M };

    g_return_val_if_fail (why != NULL && why->boot != NULL && image != NULL, FALSE);

    for (gsize i = 0; i < G_N_ELEMENTS (starts); i++)
        if ((i == 0 || starts[i] != volume) &&
            !add_code_part (why, image, len, starts[i], error))
            return FALSE;
    return add_cut (why, image, len, error);
}

gboolean
policy_why_add_firmware (PolicyWhy *why,
                         const char *name,
                         const guint8 *image,
                         gsize len,
                         const guint8 *own,
                         gsize own_len,
                         GError **error)
{
    g_return_val_if_fail (why != NULL && why->boot != NULL && image != NULL, FALSE);

    if (own != NULL && len == own_len && memcmp (image, own, len) == 0)
        return TRUE;
    const gboolean whole = own != NULL && own_len > 0 && len > own_len &&
                           memcmp (image + len - own_len, own, own_len) == 0;
    return add_image (
        why, WHY_COMMON, whole ? "firmware-whole-image" : "firmware-other",
        whole ? g_strdup_printf ("the firmware is the whole image '%s' and not its code "
                                 "part alone",
                                 name)
              : g_strdup_printf ("the firmware is '%s' and not '%s'", name,
                                 why->boot->firmware.name),
        image, len, error);
}

/* Kernel and initrd. */

void
policy_why_add_file (PolicyWhy *why,
                     PolicyWhyFile which,
                     const char *name,
                     const guint8 sha256[SEV_DIGEST_SIZE])
{
    const gboolean kernel = which == POLICY_WHY_KERNEL;
    const char *what = kernel ? "kernel" : "initrd";

    g_return_if_fail (why != NULL && why->boot != NULL && name != NULL);

    const PolicyBootPart *own = kernel ? &why->boot->kernel : &why->boot->initrd;
    if (own->name != NULL && memcmp (own->sha256, sha256, SEV_DIGEST_SIZE) == 0)
        return;
    WhyOther *other = why_add (
        why, kernel ? WHY_KERNEL : WHY_INITRD, WHY_COMMON,
        kernel ? (own->name != NULL ? "kernel-other" : "kernel-hashes-on")
               : (own->name != NULL ? "initrd-other" : "initrd-present"),
        own->name != NULL
            ? g_strdup_printf ("the %s is '%s' and not '%s'", what, name, own->name)
        : kernel ? g_strdup_printf ("kernel hashes are on, with the kernel '%s'", name)
                 : g_strdup_printf ("there is an initrd, '%s'", name));
    memcpy (other->digest, sha256, SEV_DIGEST_SIZE);
}

static gboolean
add_part (PolicyWhy *why,
          PolicyWhyFile which,
          const SevDigest *running,
          char *text,
          const char *suffix,
          GError **error)
{
    const gboolean kernel = which == POLICY_WHY_KERNEL;
    const gboolean cut = strcmp (suffix, "truncated") == 0;
    WhyOther *other =
        why_add (why, kernel ? WHY_KERNEL : WHY_INITRD, cut ? WHY_RARE : WHY_UNCOMMON,
                 kernel ? (cut ? "kernel-truncated" : "kernel-padded")
                        : (cut ? "initrd-truncated" : "initrd-padded"),
                 text);
    g_autoptr (SevDigest) copy = sev_digest_copy (running, error);

    return copy != NULL && sev_digest_finish (copy, other->digest, error);
}

static gboolean
add_cut_at (PolicyWhy *why,
            PolicyWhyFile which,
            const SevDigest *running,
            guint64 at,
            GError **error)
{
    return add_part (why, which, running,
                     g_strdup_printf ("the %s is cut off after %" G_GUINT64_FORMAT " bytes",
                                      which == POLICY_WHY_KERNEL ? "kernel" : "initrd", at),
                     "truncated", error);
}

/* As files come from block devices and from tools that align. */
static gboolean
add_padded (PolicyWhy *why,
            PolicyWhyFile which,
            const SevDigest *whole,
            guint64 len,
            GError **error)
{
    static const guint8 zeroes[BLOCK];
    static const guint to[] = { 4, 512, 2048, 4096 };

    for (gsize i = 0; i < G_N_ELEMENTS (to); i++) {
        const gsize n = (gsize) (-len & (to[i] - 1u));
        g_autoptr (SevDigest) padded = sev_digest_copy (whole, error);

        if (padded == NULL || !sev_digest_update (padded, zeroes, n, error))
            return FALSE;
        if (n > 0 &&
            !add_part (why, which, padded,
                       g_strdup_printf ("the %s has %" G_GSIZE_FORMAT
                                        " zero bytes behind it, up to a multiple of %u",
                                        which == POLICY_WHY_KERNEL ? "kernel" : "initrd", n,
                                        to[i]),
                       "padded", error))
            return FALSE;
    }
    return TRUE;
}

/* A file on its way through the hash. */
typedef struct {
    PolicyWhy *why;
    PolicyWhyFile which;
    SevDigest *running;
    guint64 size;
    guint64 step; /* between two places where it may be cut off */
} Cutter;

static void
cutter_clear (Cutter *cutter)
{
    g_clear_pointer (&cutter->running, sev_digest_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Cutter, cutter_clear)

/* The last byte is often a line end that somebody's editor or copy took away. */
static gboolean
add_block (const Cutter *c, const guint8 *block, gsize len, guint64 at, GError **error)
{
    if (at > 0 && at % c->step == 0 &&
        !add_cut_at (c->why, c->which, c->running, at, error))
        return FALSE;
    if (at + len == c->size && len > 1) {
        g_autoptr (SevDigest) but_one = sev_digest_copy (c->running, error);

        if (but_one == NULL || !sev_digest_update (but_one, block, len - 1, error) ||
            !add_cut_at (c->why, c->which, but_one, at + len - 1, error))
            return FALSE;
    }
    return sev_digest_update (c->running, block, len, error);
}

static gssize
read_block (int fd, guint8 *block, guint64 at)
{
    gsize len = 0;

    while (len < BLOCK) {
        const gssize n = pread (fd, block + len, BLOCK - len, (off_t) (at + len));

        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        len += n > 0 ? (gsize) n : 0;
    }
    return (gssize) len;
}

static gboolean
begin_file (Cutter *c, int fd, GError **error)
{
    GError *local = NULL;
    struct stat st;

    if (fstat (fd, &st) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "reading the file: %s",
                     g_strerror (errno));
        return FALSE;
    }
    c->size = (guint64) st.st_size;
    for (c->step = BLOCK; c->size / c->step > MOST_CUTS;)
        c->step *= 2;
    c->running = sev_digest_new (&local);
    return c->running != NULL || why_internal (local, error);
}

gboolean
policy_why_add_own_file (PolicyWhy *why, PolicyWhyFile which, int fd, GError **error)
{
    g_auto (Cutter) cutter = { .why = why, .which = which };
    guint8 block[BLOCK];
    GError *local = NULL;
    guint64 at = 0;

    g_return_val_if_fail (why != NULL && why->boot != NULL && fd >= 0, FALSE);

    if (!begin_file (&cutter, fd, error))
        return FALSE;
    for (;;) {
        const gssize len = read_block (fd, block, at);

        if (len < 0) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "reading the file: %s",
                         g_strerror (errno));
            return FALSE;
        }
        if (len == 0)
            break;
        if (!add_block (&cutter, block, (gsize) len, at, &local))
            return why_internal (local, error);
        at += (guint64) len;
    }
    return add_padded (why, which, cutter.running, at, &local) ||
           why_internal (local, error);
}
