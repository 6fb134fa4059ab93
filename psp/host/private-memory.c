/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/private-memory.h"

#include <string.h>

#include "psp/host/host-error.h"
#include "psp/mee/mee.h"

struct _PrivateMemory {
    GuestMemory *memory;
    SevSecret *vek; /* (nullable) */
    Mee *mee;       /* (nullable) */
    gboolean encrypted;
    guint8 *pages; /* a bit for each page of the file that is encrypted */
};

PrivateMemory *
private_memory_new (GuestMemory *memory)
{
    PrivateMemory *pm = g_new0 (PrivateMemory, 1);
    const guint64 n_pages = guest_memory_get_size (memory) / MEE_PAGE_SIZE;

    pm->memory = memory;
    pm->encrypted = TRUE;
    /* So large that it comes from the kernel and costs nothing where no bit is set. */
    pm->pages = g_malloc0 ((n_pages + 7) / 8);
    return pm;
}

void
private_memory_free (PrivateMemory *pm)
{
    g_clear_pointer (&pm->mee, mee_free);
    g_clear_pointer (&pm->vek, sev_secret_unref);
    g_free (pm->pages);
    g_free (pm);
}

gboolean
private_memory_set_key (PrivateMemory *pm, const PspGuestKey *key, GError **error)
{
    if (pm->mee == NULL) {
        pm->mee = mee_new (key->vek, error);
        if (pm->mee == NULL)
            return FALSE;
        pm->vek =
            sev_secret_new_copy (sev_secret_data (key->vek), sev_secret_size (key->vek));
        return TRUE;
    }
    if (sev_secret_equal (pm->vek, key->vek))
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO,
                         "the memory belongs to a guest with another key");
    return FALSE;
}

gboolean
private_memory_is_encrypted (const PrivateMemory *pm)
{
    return pm->encrypted;
}

static gboolean
is_marked (const PrivateMemory *pm, guint64 offset)
{
    const guint64 page = offset / MEE_PAGE_SIZE;

    return (pm->pages[page / 8] >> (page % 8) & 1) != 0;
}

static void
set_mark (PrivateMemory *pm, guint64 offset, gboolean marked)
{
    const guint64 page = offset / MEE_PAGE_SIZE;
    const guint8 bit = (guint8) (1u << (page % 8));

    if (marked)
        pm->pages[page / 8] |= bit;
    else
        pm->pages[page / 8] &= (guint8) ~bit;
}

static gboolean
need_key (const PrivateMemory *pm, GError **error)
{
    if (pm->mee != NULL)
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_IO,
                         "guest memory without a memory key");
    return FALSE;
}

/* Encrypts the pages of a range that are plain, or decrypts those that are encrypted. */
static gboolean
transform_range (PrivateMemory *pm,
                 guint64 offset,
                 guint64 len,
                 gboolean encrypt,
                 GError **error)
{
    const guint64 end = offset + len;

    while (offset < end) {
        guint64 gpa;
        const guint64 start = offset;
        guint8 *data = guest_memory_at (pm->memory, offset, &gpa);
        guint64 run = 0;

        while (offset < end && is_marked (pm, offset) != encrypt &&
               guest_memory_same_piece (pm->memory, start, offset)) {
            set_mark (pm, offset, encrypt);
            offset += MEE_PAGE_SIZE;
            run += MEE_PAGE_SIZE;
        }
        if (run == 0) {
            offset += MEE_PAGE_SIZE;
            continue;
        }
        if (encrypt ? !mee_encrypt (pm->mee, gpa, data, run, error)
                    : !mee_decrypt (pm->mee, gpa, data, run, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
private_memory_encrypt (PrivateMemory *pm, GError **error)
{
    guint64 offset = 0;
    guint64 len;

    if (pm->encrypted)
        return TRUE;
    if (!need_key (pm, error))
        return FALSE;
    for (;;) {
        if (!guest_memory_next_populated (pm->memory, &offset, &len, error))
            return FALSE;
        if (len == 0)
            break;
        if (!transform_range (pm, offset, len, TRUE, error))
            return FALSE;
        offset += len;
    }
    pm->encrypted = TRUE;
    return TRUE;
}

gboolean
private_memory_decrypt (PrivateMemory *pm, GError **error)
{
    const guint64 n_pages = guest_memory_get_size (pm->memory) / MEE_PAGE_SIZE;

    if (!pm->encrypted)
        return TRUE;
    if (!need_key (pm, error))
        return FALSE;
    /* The marks decide, not what is populated now. */
    for (guint64 page = 0; page < n_pages; page += 8) {
        const guint64 left = MIN (n_pages - page, 8);
        if (pm->pages[page / 8] != 0 &&
            !transform_range (pm, page * MEE_PAGE_SIZE, left * MEE_PAGE_SIZE, FALSE, error))
            return FALSE;
    }
    pm->encrypted = FALSE;
    return TRUE;
}

/* Returns: where the range lies, or %NULL */
static guint8 *
find (PrivateMemory *pm, guint64 gpa, gsize len, guint64 *offset, GError **error)
{
    guint8 *place = guest_memory_range (pm->memory, gpa, len);

    if (place != NULL && guest_memory_offset (pm->memory, gpa, len, offset))
        return place;
    g_set_error (error, HOST_ERROR, HOST_ERROR_IO,
                 "no guest memory for %" G_GSIZE_FORMAT " bytes at 0x%" G_GINT64_MODIFIER
                 "x",
                 len, gpa);
    return NULL;
}

gboolean
private_memory_write (PrivateMemory *pm,
                      const PspGuestKey *key,
                      guint64 gpa,
                      const void *data,
                      gsize len,
                      GError **error)
{
    guint64 offset;

    if (!private_memory_set_key (pm, key, error))
        return FALSE;
    guint8 *place = find (pm, gpa, len, &offset, error);
    if (place == NULL)
        return FALSE;
    if (!pm->encrypted) {
        memcpy (place, data, len);
        return TRUE;
    }
    const guint64 first = offset - offset % MEE_PAGE_SIZE;
    const guint64 last = offset + len - 1 - (offset + len - 1) % MEE_PAGE_SIZE;
    if (!transform_range (pm, first, last + MEE_PAGE_SIZE - first, TRUE, error))
        return FALSE;
    g_autoptr (SevSecret) copy = sev_secret_new_copy (data, len);
    guint8 *bytes = sev_secret_writable (copy);
    if (!mee_encrypt (pm->mee, gpa, bytes, len, error))
        return FALSE;
    memcpy (place, bytes, len);
    return TRUE;
}

gboolean
private_memory_read (PrivateMemory *pm,
                     const PspGuestKey *key,
                     guint64 gpa,
                     void *buf,
                     gsize len,
                     GError **error)
{
    guint64 offset;

    if (!private_memory_set_key (pm, key, error))
        return FALSE;
    const guint8 *place = find (pm, gpa, len, &offset, error);
    if (place == NULL)
        return FALSE;
    memcpy (buf, place, len);
    for (gsize done = 0; pm->encrypted && done < len;) {
        const gsize in_page = (offset + done) % MEE_PAGE_SIZE;
        const gsize n = MIN (len - done, MEE_PAGE_SIZE - in_page);
        if (is_marked (pm, offset + done) &&
            !mee_decrypt (pm->mee, gpa + done, (guint8 *) buf + done, n, error))
            return FALSE;
        done += n;
    }
    return TRUE;
}
