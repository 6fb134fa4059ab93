/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Guest pages in two forms.  What ciphertext must be, the engine's own tests say; here the
 * engine is used as a second opinion on which pages are touched and at which address.
 */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/host-error.h"
#include "psp/host/private-memory.h"
#include "psp/mee/mee.h"

#define PAGE MEE_PAGE_SIZE
#define MIB (1u << 20)
#define TEXT "sixteen bytes..."

typedef struct {
    SevSecret *vek;
    PspGuestKey key;
    GuestMemory *memory;
    PrivateMemory *pm;
    Mee *mee;
} Fixture;

static void
set_up (Fixture *f, gconstpointer size)
{
    g_autoptr (GError) error = NULL;

    f->vek = sev_secret_new_random (SEV_KEY_SIZE, &error);
    g_assert_no_error (error);
    f->key = (PspGuestKey){ .handle = 1, .asid = 100, .vek = f->vek };
    f->memory = guest_memory_new (*(const guint64 *) size, &error);
    g_assert_no_error (error);
    g_assert_true (guest_memory_map (f->memory, &error));
    f->pm = private_memory_new (f->memory);
    f->mee = mee_new (f->vek, &error);
    g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer size)
{
    mee_free (f->mee);
    private_memory_free (f->pm);
    guest_memory_free (f->memory);
    sev_secret_unref (f->vek);
}

static void
to_form (Fixture *f, gboolean encrypted)
{
    g_autoptr (GError) error = NULL;
    const gboolean ok = encrypted ? private_memory_encrypt (f->pm, &error)
                                  : private_memory_decrypt (f->pm, &error);

    g_assert_no_error (error);
    g_assert_true (ok);
    g_assert_cmpint (private_memory_is_encrypted (f->pm), ==, encrypted);
}

static void
take_key (Fixture *f)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (private_memory_set_key (f->pm, &f->key, &error));
    g_assert_no_error (error);
}

/* What the file holds at a guest's address, decrypted. */
static void
check_cipher (Fixture *f, guint64 gpa, const void *plain, gsize len)
{
    g_autoptr (GError) error = NULL;
    g_autofree guint8 *data = g_memdup2 (guest_memory_range (f->memory, gpa, len), len);

    g_assert_cmpint (memcmp (data, plain, len), !=, 0);
    g_assert_true (mee_decrypt (f->mee, gpa, data, len, &error));
    g_assert_cmpmem (data, len, plain, len);
}

static guint64
populated (const Fixture *f)
{
    struct stat st;

    g_assert_cmpint (fstat (guest_memory_get_fd (f->memory), &st), ==, 0);
    return (guint64) st.st_blocks * 512 / PAGE;
}

static const guint64 small = 4 * MIB;
static const guint64 large = G_GUINT64_CONSTANT (3) << 30; /* in two pieces */

static void
test_round (Fixture *f, gconstpointer size)
{
    static const guint64 addresses[] = { 0, 5 * PAGE, G_GUINT64_CONSTANT (0x7ffff000),
                                         G_GUINT64_CONSTANT (0x100000000),
                                         G_GUINT64_CONSTANT (0x13ffff000) };
    guint8 page[PAGE];

    take_key (f);
    to_form (f, FALSE);
    memset (page, 'p', sizeof page);
    for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
        memcpy (guest_memory_range (f->memory, addresses[i], PAGE), page, PAGE);
    g_assert_cmpuint (populated (f), ==, G_N_ELEMENTS (addresses));
    for (guint round = 0; round < 2; round++) {
        to_form (f, TRUE);
        to_form (f, TRUE);
        for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
            check_cipher (f, addresses[i], page, PAGE);
        to_form (f, FALSE);
        to_form (f, FALSE);
        for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
            g_assert_cmpmem (guest_memory_range (f->memory, addresses[i], PAGE), PAGE, page,
                             PAGE);
    }
    g_assert_cmpuint (populated (f), ==, G_N_ELEMENTS (addresses));
}

/* QEMU's dump reads holes through its mapping, which makes pages of zeros. */
static void
test_hole_read (Fixture *f, gconstpointer size)
{
    static const guint8 zeros[PAGE];
    volatile guint8 *hole = guest_memory_range (f->memory, 8 * PAGE, PAGE);

    take_key (f);
    to_form (f, FALSE);
    memcpy (guest_memory_range (f->memory, 0, 16), TEXT, 16);
    to_form (f, TRUE);
    g_assert_cmpuint (populated (f), ==, 1);
    g_assert_cmpint (hole[0], ==, 0);
    g_assert_cmpuint (populated (f), ==, 2);
    to_form (f, FALSE);
    g_assert_cmpmem ((const void *) hole, PAGE, zeros, PAGE);
    g_assert_cmpmem (guest_memory_range (f->memory, 0, 16), 16, TEXT, 16);
    to_form (f, TRUE);
    check_cipher (f, 8 * PAGE, zeros, PAGE);
    to_form (f, FALSE);
    g_assert_cmpmem ((const void *) hole, PAGE, zeros, PAGE);
}

static void
write_text (Fixture *f, guint64 gpa, const char *text)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (private_memory_write (f->pm, &f->key, gpa, text, strlen (text), &error));
    g_assert_no_error (error);
}

static void
read_text (Fixture *f, guint64 gpa, const char *text)
{
    g_autoptr (GError) error = NULL;
    char buf[64];

    g_assert_cmpuint (strlen (text), <=, sizeof buf);
    g_assert_true (private_memory_read (f->pm, &f->key, gpa, buf, strlen (text), &error));
    g_assert_no_error (error);
    g_assert_cmpmem (buf, strlen (text), text, strlen (text));
}

/* LAUNCH_UPDATE_DATA and LAUNCH_SECRET write before the guest runs. */
static void
test_write (Fixture *f, gconstpointer size)
{
    static const guint8 zeros[PAGE];
    const guint64 over_pages = 3 * PAGE - 16;

    g_assert_true (private_memory_is_encrypted (f->pm));
    write_text (f, PAGE + 32, TEXT);
    check_cipher (f, PAGE + 32, TEXT, 16);
    check_cipher (f, PAGE, zeros, 32);
    check_cipher (f, PAGE + 48, zeros, PAGE - 48);
    write_text (f, PAGE + 64, TEXT);
    check_cipher (f, PAGE + 32, TEXT, 16);
    write_text (f, over_pages, TEXT TEXT);
    check_cipher (f, over_pages, TEXT TEXT, 32);
    read_text (f, over_pages, TEXT TEXT);
    read_text (f, PAGE + 64, TEXT);
    g_assert_cmpuint (populated (f), ==, 3);

    to_form (f, FALSE);
    g_assert_cmpmem (guest_memory_range (f->memory, PAGE + 32, 16), 16, TEXT, 16);
    g_assert_cmpmem (guest_memory_range (f->memory, PAGE + 96, 16), 16, zeros, 16);
    write_text (f, 0, "plain while run.");
    g_assert_cmpmem (guest_memory_range (f->memory, 0, 16), 16, "plain while run.", 16);
    read_text (f, 0, "plain while run.");
    to_form (f, TRUE);
    read_text (f, 0, "plain while run.");
}

static void
test_refused (Fixture *f, gconstpointer size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) other = sev_secret_new (SEV_KEY_SIZE);
    const PspGuestKey stranger = { .handle = 2, .asid = 101, .vek = other };
    char buf[16];

    g_assert_false (private_memory_decrypt (f->pm, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
    g_clear_error (&error);
    write_text (f, 0, TEXT);
    g_assert_false (private_memory_write (f->pm, &stranger, 0, TEXT, 16, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
    g_clear_error (&error);
    g_assert_false (private_memory_read (f->pm, &stranger, 0, buf, 16, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
    g_clear_error (&error);
    read_text (f, 0, TEXT);
    g_assert_false (private_memory_write (f->pm, &f->key, small, TEXT, 16, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
    g_clear_error (&error);
    g_assert_false (private_memory_read (f->pm, &f->key, small - 8, buf, 16, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add ("/host/private/round", Fixture, &large, set_up, test_round, tear_down);
    g_test_add ("/host/private/hole-read", Fixture, &small, set_up, test_hole_read,
                tear_down);
    g_test_add ("/host/private/write", Fixture, &small, set_up, test_write, tear_down);
    g_test_add ("/host/private/refused", Fixture, &small, set_up, test_refused, tear_down);
    return g_test_run ();
}
