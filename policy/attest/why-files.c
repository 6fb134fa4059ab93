/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other files than the expected ones, and parts of these. */

#include "policy/attest/why-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy-error.h"

#define BLOCK 4096u
#define SECTOR 512u
#define READ_SIZE (256u * 1024u)
#define MOST_CUTS 32768u /* for files up to 128 MiB each block */
#define LIKELY_CUTS 64u
#define LIKELY_BYTES 16u
#define END_SECTORS (256u * 1024u) /* bytes at the end: at each sector */
#define END_BYTES 4096u            /* anywhere */
/* Variable stores of OVMF's builds of 2 and 4 MiB: where the code begins. */
#define VARS_2M 0x20000u
#define VARS_4M 0x84000u
/* UEFI PI, firmware volume header: length at 32, signature at 40. */
#define FV_LENGTH_OFFSET 32u
#define FV_SIGNATURE_OFFSET 40u

/* Where a file may have been cut off. */

typedef struct {
    guint64 at;
    WhyRank rank;
} Cut;

/* A file on its way through the hash. */
typedef struct {
    PolicyWhy *why;
    WhySubject subject;
    SevDigest *running;
    guint64 size;
    guint64 at;   /* bytes that are hashed */
    GArray *cuts; /* (element-type Cut): in their order, the commoner first of the same */
    guint next;   /* of @cuts */
} Cutter;

static void
cutter_clear (Cutter *c)
{
    g_clear_pointer (&c->running, sev_digest_free);
    g_clear_pointer (&c->cuts, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Cutter, cutter_clear)

static void
add_place (Cutter *c, WhyRank rank, guint64 at)
{
    const Cut cut = { at, rank };

    if (at > 0 && at < c->size)
        g_array_append_val (c->cuts, cut);
}

static void
add_places_every (Cutter *c, WhyRank rank, guint64 from, guint64 step)
{
    for (guint64 at = from / step * step; at < c->size; at += step)
        add_place (c, rank, at);
}

/* A full disk, a broken transfer, a tool that counts in blocks, an editor that takes the
 * line end away, somebody's "head -c 1000000". */
static void
add_places (Cutter *c)
{
    const guint64 size = c->size;
    guint64 step = BLOCK;

    for (guint64 less = 1; less <= LIKELY_BYTES; less++)
        add_place (c, WHY_RARE, size - MIN (less, size));
    add_place (c, WHY_RARE, size / 2);
    add_place (c, WHY_RARE, size - size / 2);
    add_place (c, WHY_RARE, (size - 1) / BLOCK * BLOCK);
    add_place (c, WHY_RARE, (size - 1) / SECTOR * SECTOR);
    for (guint64 power = 1000; power < size && power < G_GUINT64_CONSTANT (1) << 40;
         power *= 10)
        for (guint n = 1; n < 100; n++)
            add_place (c, n < 10 ? WHY_RARE : WHY_REMOTE, n * power);
    while (size / step > MOST_CUTS)
        step *= 2;
    add_places_every (c, WHY_REMOTE, 0, step);
    while (size / step > LIKELY_CUTS)
        step *= 2;
    add_places_every (c, WHY_RARE, 0, step);
    add_places_every (c, WHY_REMOTE, size > END_SECTORS ? size - END_SECTORS : 0, SECTOR);
    add_places_every (c, WHY_REMOTE, size > END_BYTES ? size - END_BYTES : 0, 1);
}

static int
by_place (gconstpointer a, gconstpointer b)
{
    const Cut *const one = a;
    const Cut *const two = b;

    if (one->at != two->at)
        return one->at < two->at ? -1 : 1;
    return (int) one->rank - (int) two->rank;
}

static gboolean
cutter_begin (Cutter *c, PolicyWhy *why, WhySubject subject, guint64 size, GError **error)
{
    c->why = why;
    c->subject = subject;
    c->size = size;
    c->cuts = g_array_new (FALSE, FALSE, sizeof (Cut));
    if (size > 0)
        add_places (c);
    g_array_sort (c->cuts, by_place);
    c->running = sev_digest_new (error);
    return c->running != NULL;
}

static gboolean
add_cut (const Cutter *c, const Cut *cut, GError **error)
{
    static const struct {
        const char *id;
        const char *what;
    } subjects[] = {
        [WHY_FIRMWARE] = { "firmware-truncated", "firmware" },
        [WHY_KERNEL] = { "kernel-truncated", "kernel" },
        [WHY_INITRD] = { "initrd-truncated", "initrd" },
    };
    WhyOther *other =
        why_add (c->why, c->subject, cut->rank, subjects[c->subject].id,
                 g_strdup_printf ("the %s is cut off after %" G_GUINT64_FORMAT
                                  " of %" G_GUINT64_FORMAT " bytes",
                                  subjects[c->subject].what, cut->at, c->size));
    SevDigest *copy = sev_digest_copy (c->running, error);

    if (copy == NULL)
        return FALSE;
    if (c->subject == WHY_FIRMWARE) {
        other->after_firmware = copy;
        return TRUE;
    }
    const gboolean ok = sev_digest_finish (copy, other->digest, error);
    sev_digest_free (copy);
    return ok;
}

/* The file's next bytes; the digest is copied at each place in them. */
static gboolean
cutter_feed (Cutter *c, const guint8 *data, gsize len, GError **error)
{
    const guint64 end = c->at + len;
    guint64 last = 0;

    while (c->at < end) {
        const Cut *cut =
            c->next < c->cuts->len ? &g_array_index (c->cuts, Cut, c->next) : NULL;
        const guint64 to = cut != NULL && cut->at < end ? cut->at : end;

        if (!sev_digest_update (c->running, data, (gsize) (to - c->at), error))
            return FALSE;
        data += to - c->at;
        c->at = to;
        if (to == end)
            break;
        if (cut->at != last && !add_cut (c, cut, error))
            return FALSE;
        last = cut->at;
        c->next++;
    }
    return TRUE;
}

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
add_cut_image (PolicyWhy *why, const guint8 *image, gsize len, GError **error)
{
    g_auto (Cutter) cutter = { 0 };
    GError *local = NULL;

    return (cutter_begin (&cutter, why, WHY_FIRMWARE, len, &local) &&
            cutter_feed (&cutter, image, len, &local)) ||
           why_internal (local, error);
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
    return add_cut_image (why, image, len, error);
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
add_padded_to (PolicyWhy *why,
               PolicyWhyFile which,
               SevDigest *padded,
               gsize zeroes,
               guint to,
               GError **error)
{
    const gboolean kernel = which == POLICY_WHY_KERNEL;
    WhyOther *other =
        why_add (why, kernel ? WHY_KERNEL : WHY_INITRD, WHY_UNCOMMON,
                 kernel ? "kernel-padded" : "initrd-padded",
                 g_strdup_printf ("the %s has %" G_GSIZE_FORMAT
                                  " zero bytes behind it, up to a multiple of %u",
                                  kernel ? "kernel" : "initrd", zeroes, to));

    return sev_digest_finish (padded, other->digest, error);
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
        if (n > 0 && !add_padded_to (why, which, padded, n, to[i], error))
            return FALSE;
    }
    return TRUE;
}

static gssize
read_block (int fd, guint8 *block, guint64 at)
{
    gsize len = 0;

    while (len < READ_SIZE) {
        const gssize n = pread (fd, block + len, READ_SIZE - len, (off_t) (at + len));

        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        len += n > 0 ? (gsize) n : 0;
    }
    return (gssize) len;
}

static gboolean
unreadable (GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "reading the file: %s",
                 g_strerror (errno));
    return FALSE;
}

gboolean
policy_why_add_own_file (PolicyWhy *why, PolicyWhyFile which, int fd, GError **error)
{
    g_auto (Cutter) cutter = { 0 };
    g_autofree guint8 *block = g_malloc (READ_SIZE);
    GError *local = NULL;
    struct stat st;
    gssize len;

    g_return_val_if_fail (why != NULL && why->boot != NULL && fd >= 0, FALSE);

    if (fstat (fd, &st) != 0)
        return unreadable (error);
    if (!cutter_begin (&cutter, why, which == POLICY_WHY_KERNEL ? WHY_KERNEL : WHY_INITRD,
                       (guint64) st.st_size, &local))
        return why_internal (local, error);
    while ((len = read_block (fd, block, cutter.at)) > 0)
        if (!cutter_feed (&cutter, block, (gsize) len, &local))
            return why_internal (local, error);
    if (len < 0)
        return unreadable (error);
    return add_padded (why, which, cutter.running, cutter.at, &local) ||
           why_internal (local, error);
}
