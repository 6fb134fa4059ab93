/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SWAP_OUT and SWAP_IN.  The fake host's engine inverts every bit. */

#include <gio/gio.h>
#include <string.h>

#include "psp/fw/psp-swap.h"
#include "tests/unit/psp-guest-fixture.h"
#include "tests/unit/psp-openssl.h"

#define PAGE FAKE_AT (0x10000)
#define BACK FAKE_AT (0x12000)
#define DISK FAKE_AT (0x20000)
#define ENTRY FAKE_AT (0x30000)

#define VMSA PSP_SWAP_TYPE_VMSA
#define IN_PLACE PSP_SWAP_FLAG_IN_PLACE

static void
set_up (GuestFixture *f, gconstpointer data)
{
    guest_fixture_open_running (f, TRUE, GPOINTER_TO_UINT (data));
}

static SevStatus
swap_out (GuestFixture *f, guint32 flags, guint64 src, guint64 dst, guint64 mdata)
{
    PspSwapOutCmd cmd = { .handle_le = GUINT32_TO_LE (f->handle),
                          .flags_le = GUINT32_TO_LE (flags),
                          .src_paddr_le = GUINT64_TO_LE (src),
                          .dst_paddr_le = GUINT64_TO_LE (dst),
                          .mdata_paddr_le = GUINT64_TO_LE (mdata),
                          .software_le = GUINT64_TO_LE (0x1122334455667788) };

    return fake_command (f->psp, PSP_CMD_SWAP_OUT, &cmd, sizeof cmd);
}

static SevStatus
swap_in (GuestFixture *f,
         guint32 handle,
         guint32 flags,
         guint64 src,
         guint64 dst,
         guint64 mdata)
{
    PspSwapInCmd cmd = { .handle_le = GUINT32_TO_LE (handle),
                         .flags_le = GUINT32_TO_LE (flags),
                         .src_paddr_le = GUINT64_TO_LE (src),
                         .dst_paddr_le = GUINT64_TO_LE (dst),
                         .mdata_paddr_le = GUINT64_TO_LE (mdata) };

    return fake_command (f->psp, PSP_CMD_SWAP_IN, &cmd, sizeof cmd);
}

/* psp-swap.h's derivation, in the test's own words. */
static void
derive (GuestFixture *f, const char *label, guint16 bits, guint8 out[32])
{
    const PspGuest *guest = psp_guests_find (f->psp->guests, f->handle);
    static const guint8 one[4] = { 1 };
    const guint32 handle_le = GUINT32_TO_LE (f->handle);
    const guint32 bits_le = GUINT32_TO_LE (bits);
    g_autoptr (GByteArray) message = g_byte_array_new ();

    g_byte_array_append (message, one, 4);
    g_byte_array_append (message, (const guint8 *) label, (guint) strlen (label) + 1);
    g_byte_array_append (message, (const guint8 *) &handle_le, 4);
    g_byte_array_append (message, sev_secret_data (guest->vek), 16);
    g_byte_array_append (message, (const guint8 *) &bits_le, 4);
    ossl_hmac (sev_secret_data (f->psp->swap_key), 32, message->data, message->len, out);
}

/* The entry at the offsets that psp-swap.h documents, and what it protects. */
static void
check_out (GuestFixture *f, guint32 flags, const guint8 *private)
{
    static const guint8 software[8] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 };
    static const guint8 none[8];
    const guint8 *entry = fake_host_at (f->host, ENTRY, 64);
    const guint8 *page = fake_host_at (f->host, DISK, 4096);
    const guint32 flags_le = GUINT32_TO_LE (flags);
    guint8 enc[32], mac_key[32], iv[16] = { 0 }, plain[4096], mac[32];
    g_autoptr (GByteArray) message = g_byte_array_new ();

    derive (f, "sevlaunch-swap-encryption", 128, enc);
    derive (f, "sevlaunch-swap-integrity", 256, mac_key);
    g_assert_cmpmem (entry, 8, software, 8);
    g_assert_cmpmem (entry + 8, 4, &flags_le, 4);
    g_assert_cmpmem (entry + 0x18, 8, none, 8);
    g_byte_array_append (message, entry, 0x20);
    g_byte_array_append (message, page, 4096);
    ossl_hmac (mac_key, 32, message->data, message->len, mac);
    g_assert_cmpmem (entry + 0x20, 32, mac, 32);

    memcpy (iv, entry + 0xc, 12);
    ossl_ctr (enc, iv, page, plain, 4096);
    for (gsize i = 0; i < sizeof plain; i++)
        g_assert_cmphex (plain[i], ==, (guint8) ~private[i]);
}

static void
test_out_in (GuestFixture *f, gconstpointer data)
{
    guint8 page[4096];

    memcpy (page, fake_host_at (f->host, PAGE, 4096), 4096);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    check_out (f, 0, page);
    g_assert_cmpmem (fake_host_at (f->host, PAGE, 4096), 4096, page, 4096);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
    g_assert_cmpmem (fake_host_at (f->host, BACK, 4096), 4096, page, 4096);

    /* Out where it lies, and back in its place: the other address is not looked at. */
    g_assert_cmphex (swap_out (f, 0, PAGE, PAGE, ENTRY), ==, 0);
    g_assert_cmpint (memcmp (fake_host_at (f->host, PAGE, 4096), page, 4096), !=, 0);
    g_assert_cmphex (swap_in (f, f->handle, IN_PLACE, PAGE, 3, ENTRY), ==, 0);
    g_assert_cmpmem (fake_host_at (f->host, PAGE, 4096), 4096, page, 4096);
}

static void
test_vmsa (GuestFixture *f, gconstpointer data)
{
    guint8 page[4096];

    memcpy (page, fake_host_at (f->host, PAGE, 4096), 4096);
    g_assert_cmphex (swap_out (f, VMSA, PAGE, DISK, ENTRY), ==, 0);
    check_out (f, VMSA, page);
    /* As data it is not what went out. */
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==,
                     SEV_STATUS_INVALID_MDATA_ENTRY);
    g_assert_cmphex (swap_in (f, f->handle, VMSA, DISK, BACK, ENTRY), ==, 0);
    g_assert_cmpmem (fake_host_at (f->host, BACK, 4096), 4096, page, 4096);
}

static void
test_vmsa_policy (GuestFixture *f, gconstpointer data)
{
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    g_assert_cmphex (swap_out (f, VMSA, PAGE, DISK, ENTRY), ==, SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (swap_in (f, f->handle, VMSA, DISK, BACK, ENTRY), ==,
                     SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
}

/* Refused, and nothing changes. */
static void
refuse_in (GuestFixture *f, guint32 handle, SevStatus expect)
{
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

    g_assert_cmphex (swap_in (f, handle, 0, DISK, BACK, ENTRY), ==, expect);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmpstr (is, ==, was);
}

/* Every byte of the entry, and of the page. */
static void
test_changed (GuestFixture *f, gconstpointer data)
{
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    for (guint i = 0; i < 64; i++) {
        *fake_host_at (f->host, ENTRY + i, 1) ^= 0x10;
        refuse_in (f, f->handle, SEV_STATUS_INVALID_MDATA_ENTRY);
        *fake_host_at (f->host, ENTRY + i, 1) ^= 0x10;
    }
    for (guint i = 0; i < 4096; i += 1365) {
        *fake_host_at (f->host, DISK + i, 1) ^= 0x10;
        refuse_in (f, f->handle, SEV_STATUS_INVALID_MDATA_ENTRY);
        *fake_host_at (f->host, DISK + i, 1) ^= 0x10;
    }
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
}

/* A page comes back once.  An older state of it does not. */
static void
test_replay (GuestFixture *f, gconstpointer data)
{
    guint8 old_page[4096], old_entry[64];

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    memcpy (old_page, fake_host_at (f->host, DISK, 4096), 4096);
    memcpy (old_entry, fake_host_at (f->host, ENTRY, 64), 64);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
    refuse_in (f, f->handle, SEV_STATUS_INVALID_MDATA_ENTRY);

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    g_assert_cmpint (memcmp (old_page, fake_host_at (f->host, DISK, 4096), 4096), !=, 0);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
    memcpy (fake_host_at (f->host, DISK, 4096), old_page, 4096);
    memcpy (fake_host_at (f->host, ENTRY, 64), old_entry, 64);
    refuse_in (f, f->handle, SEV_STATUS_INVALID_MDATA_ENTRY);
}

/* Two pages that are out at the same time are not one for the other. */
static void
test_mixed (GuestFixture *f, gconstpointer data)
{
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK + 0x1000, ENTRY + 64), ==, 0);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY + 64), ==,
                     SEV_STATUS_INVALID_MDATA_ENTRY);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK + 0x1000, BACK, ENTRY + 64), ==, 0);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
}

/* Neither another guest's, nor that of one with the same memory key, nor from before a
 * restart; also where the other context thinks that a page with this nonce is out.
 */
static void
test_other_guest (GuestFixture *f, gconstpointer data)
{
    PspLaunchStartCmd share = { .handle_le = GUINT32_TO_LE (f->handle),
                                .policy_le = GUINT32_TO_LE (f->policy) };
    const guint32 other = guest_fixture_add_running (f, 101);

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_START, &share, sizeof share), ==,
                     0);
    const guint32 sharer = GUINT32_FROM_LE (share.handle_le);
    fake_activate (f->psp, sharer, 100);
    psp_guests_find (f->psp->guests, sharer)->state = SEV_GUEST_RUNNING;

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    refuse_in (f, other, SEV_STATUS_INVALID_MDATA_ENTRY);
    refuse_in (f, sharer, SEV_STATUS_INVALID_MDATA_ENTRY);
    psp_guest_add_swapped (psp_guests_find (f->psp->guests, other),
                           fake_host_at (f->host, ENTRY + 0xc, 12));
    psp_guest_add_swapped (psp_guests_find (f->psp->guests, sharer),
                           fake_host_at (f->host, ENTRY + 0xc, 12));
    refuse_in (f, other, SEV_STATUS_INVALID_MDATA_ENTRY);
    refuse_in (f, sharer, SEV_STATUS_INVALID_MDATA_ENTRY);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_null (f->psp->swap_key);
    fake_init (f->psp, TRUE);
    const guint32 handle = guest_fixture_add_running (f, 100);
    refuse_in (f, handle, SEV_STATUS_INVALID_MDATA_ENTRY);
}

static void
test_limits (GuestFixture *f, gconstpointer data)
{
    static const struct {
        guint32 flags;
        guint64 src, dst, mdata;
        SevStatus expect;
    } tries[] = {
        { 1u << 1, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_PARAM },
        { 3u << 1, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_PARAM },
        { 1u << 4, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_PARAM },
        { 1u << 31, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_PARAM },
        { VMSA | PSP_SWAP_FLAG_2M, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_PARAM },
        { 0, PAGE + 16, DISK, ENTRY, SEV_STATUS_INVALID_ADDRESS },
        { 0, PAGE, DISK + 0x800, ENTRY, SEV_STATUS_INVALID_ADDRESS },
        { 0, PAGE, DISK, ENTRY + 32, SEV_STATUS_INVALID_ADDRESS },
        { 0, 0, DISK, ENTRY, SEV_STATUS_INVALID_ADDRESS },
        { 0, PAGE, FAKE_END, ENTRY, SEV_STATUS_INVALID_ADDRESS },
        { 0, PAGE, DISK, FAKE_END, SEV_STATUS_INVALID_ADDRESS },
        { 0, G_MAXUINT64 - 0xfff, DISK, ENTRY, SEV_STATUS_INVALID_ADDRESS },
        { PSP_SWAP_FLAG_2M, PAGE, DISK, ENTRY, SEV_STATUS_INVALID_ADDRESS },
    };

    g_assert_cmphex (swap_out (f, IN_PLACE, PAGE, DISK, ENTRY), ==,
                     SEV_STATUS_INVALID_PARAM);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        g_test_message ("try %" G_GSIZE_FORMAT, i);
        g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmphex (
            swap_out (f, tries[i].flags, tries[i].src, tries[i].dst, tries[i].mdata), ==,
            tries[i].expect);
        g_assert_cmphex (swap_in (f, f->handle, tries[i].flags, tries[i].src, tries[i].dst,
                                  tries[i].mdata),
                         ==, tries[i].expect);
        g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmpstr (is, ==, was);
    }

    psp_guests_deactivate (f->psp->guests, psp_guests_find (f->psp->guests, f->handle));
    refuse_in (f, f->handle, SEV_STATUS_INACTIVE);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, SEV_STATUS_INACTIVE);
    fake_activate (f->psp, f->handle, 2);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
}

static void
test_resource_limit (GuestFixture *f, gconstpointer data)
{
    PspGuest *guest = psp_guests_find (f->psp->guests, f->handle);

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    for (guint64 i = 0; i < 0x100000 - 1; i++) {
        const guint64 nonce[2] = { i, 0 };
        psp_guest_add_swapped (guest, (const guint8 *) nonce);
    }
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK + 0x1000, ENTRY + 64), ==,
                     SEV_STATUS_RESOURCE_LIMIT);
    g_assert_cmphex (swap_in (f, f->handle, 0, DISK, BACK, ENTRY), ==, 0);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
}

/* Two pages that are out never have one keystream, also where the host repeats itself. */
static void
test_nonce_repeats (GuestFixture *f, gconstpointer data)
{
    PspSwapOutCmd cmd = { .handle_le = GUINT32_TO_LE (f->handle),
                          .src_paddr_le = GUINT64_TO_LE (PAGE),
                          .dst_paddr_le = GUINT64_TO_LE (DISK),
                          .mdata_paddr_le = GUINT64_TO_LE (ENTRY) };
    g_autoptr (GError) error = NULL;
    SevStatus status;

    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
    memcpy (f->host->random, fake_host_at (f->host, ENTRY + 0xc, 12), 12);
    f->host->random_len = 12;
    g_assert_false (
        psp_device_command (f->psp, PSP_CMD_SWAP_OUT, &cmd, sizeof cmd, &status, &error));
    g_assert_error (error, PSP_ERROR, PSP_ERROR_HOST);
    g_assert_cmphex (swap_out (f, 0, PAGE, DISK, ENTRY), ==, 0);
}

/* Returns how many host operations the command needs, having failed each of them once. */
static guint
fail_everywhere (GuestFixture *f, guint32 id, const void *good, gsize size)
{
    for (guint n = 1;; n++) {
        guint8 buffer[PSP_CMD_MAX_SIZE];
        g_autoptr (GError) error = NULL;
        SevStatus status;

        memcpy (buffer, good, size);
        g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);
        f->host->calls = 0;
        f->host->fail_at = n;
        const gboolean ok = psp_device_command (f->psp, id, buffer, size, &status, &error);
        f->host->fail_at = 0;
        if (ok) {
            g_assert_cmphex (status, ==, SEV_STATUS_SUCCESS);
            return n - 1;
        }
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
        g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
        g_assert_cmpstr (is, ==, was);
    }
}

static void
test_host_faults (GuestFixture *f, gconstpointer data)
{
    const PspSwapOutCmd out = { .handle_le = GUINT32_TO_LE (f->handle),
                                .src_paddr_le = GUINT64_TO_LE (PAGE),
                                .dst_paddr_le = GUINT64_TO_LE (DISK),
                                .mdata_paddr_le = GUINT64_TO_LE (ENTRY) };
    const PspSwapInCmd in = { .handle_le = GUINT32_TO_LE (f->handle),
                              .src_paddr_le = GUINT64_TO_LE (DISK),
                              .dst_paddr_le = GUINT64_TO_LE (BACK),
                              .mdata_paddr_le = GUINT64_TO_LE (ENTRY) };

    /* Key, nonce; page; ciphertext, entry. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_SWAP_OUT, &out, sizeof out), ==, 5);
    /* Entry, ciphertext; page. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_SWAP_IN, &in, sizeof in), ==, 3);
}

/* A host with room for large pages, and without an engine. */
#define LARGE 0x200000u

static gboolean
large_range_ok (gpointer host, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    return paddr < 4 * LARGE && len <= 4 * LARGE - paddr;
}

static gboolean
large_read (gpointer host, guint64 paddr, void *buf, gsize len, GError **error)
{
    memcpy (buf, (guint8 *) host + paddr, len);
    return TRUE;
}

static gboolean
large_write (gpointer host, guint64 paddr, const void *buf, gsize len, GError **error)
{
    memcpy ((guint8 *) host + paddr, buf, len);
    return TRUE;
}

static gboolean
large_random (gpointer host, void *buf, gsize len, GError **error)
{
    memset (buf, 0x42, len);
    return TRUE;
}

static void
test_large (GuestFixture *f, gconstpointer data)
{
    g_autofree guint8 *memory = g_malloc0 (4 * LARGE);
    g_autofree guint8 *stream = g_malloc0 (LARGE);
    guint8 enc[32], iv[16] = { 0 };

    for (guint32 i = 0; i < LARGE; i++)
        memory[i] = (guint8) (i * 7 + i / 251);
    f->psp->host = memory;
    f->psp->ops = (PspHostOps){ .get_random = large_random,
                                .range_ok = large_range_ok,
                                .read_system = large_read,
                                .write_system = large_write };
    g_assert_cmphex (swap_out (f, PSP_SWAP_FLAG_2M, 0, LARGE, 3 * LARGE), ==, 0);

    /* The whole page is one stream. */
    derive (f, "sevlaunch-swap-encryption", 128, enc);
    memset (iv, 0x42, 12);
    ossl_ctr (enc, iv, memory, stream, LARGE);
    g_assert_true (memcmp (memory + LARGE, stream, LARGE) == 0);

    g_assert_cmphex (swap_in (f, f->handle, 0, LARGE, 2 * LARGE, 3 * LARGE), ==,
                     SEV_STATUS_INVALID_MDATA_ENTRY);
    memory[2 * LARGE - 1] ^= 1;
    g_assert_cmphex (swap_in (f, f->handle, PSP_SWAP_FLAG_2M, LARGE, 2 * LARGE, 3 * LARGE),
                     ==, SEV_STATUS_INVALID_MDATA_ENTRY);
    memory[2 * LARGE - 1] ^= 1;
    g_assert_cmphex (swap_in (f, f->handle, PSP_SWAP_FLAG_2M, LARGE, 2 * LARGE, 3 * LARGE),
                     ==, SEV_STATUS_SUCCESS);
    g_assert_true (memcmp (memory, memory + 2 * LARGE, LARGE) == 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-swap/" path, GuestFixture, GUINT_TO_POINTER (policy), set_up, func,  \
                guest_fixture_tear_down)
    ADD ("out-in", 1, test_out_in);
    ADD ("vmsa", SEV_POLICY_ES, test_vmsa);
    ADD ("vmsa-policy", 0, test_vmsa_policy);
    ADD ("changed", 0, test_changed);
    ADD ("replay", 0, test_replay);
    ADD ("mixed", 0, test_mixed);
    ADD ("other-guest", 0, test_other_guest);
    ADD ("limits", SEV_POLICY_ES, test_limits);
    ADD ("resource-limit", 0, test_resource_limit);
    ADD ("nonce-repeats", 0, test_nonce_repeats);
    ADD ("host-faults", 0, test_host_faults);
    ADD ("large-page", 0, test_large);
#undef ADD
    return g_test_run ();
}
