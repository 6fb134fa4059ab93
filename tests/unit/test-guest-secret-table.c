/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel module's reader of the secret table, compiled for user space. */

#include <string.h>

#include <glib.h>

typedef guint8 u8;
typedef guint32 u32;

#include "ovmf-hooks/guest/module/secret_table.h"

/* Origin: what virt-qemu-sev-validate 9.0.0 injects as --inject-secret luks-key:FILE, FILE
 * holding "correct horse battery staple" (vector lv-secret-1, decrypted with openssl). */
static const guint8 validate[] = {
    0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d, 0x96, 0x3e, 0xef, 0x42, 0x87, 0xff,
    0x17, 0x3b, 0x44, 0x00, 0x00, 0x00, 0xe5, 0x69, 0x68, 0x73, 0xf0, 0x84, 0x49, 0x73,
    0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3, 0xda, 0x0b, 0x30, 0x00, 0x00, 0x00, 'c',  'o',
    'r',  'r',  'e',  'c',  't',  ' ',  'h',  'o',  'r',  's',  'e',  ' ',  'b',  'a',
    't',  't',  'e',  'r',  'y',  ' ',  's',  't',  'a',  'p',  'l',  'e',  0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
};
/* Origin: virtee/sevctl, tests/secretbuild.rs (vector virtee-secret-fixture-1). */
static const guint8 sevctl[] = { 0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d, 0x96, 0x3e,
                                 0xef, 0x42, 0x87, 0xff, 0x17, 0x3b, 0x3a, 0x00, 0x00, 0x00,
                                 0xe5, 0x69, 0x68, 0x73, 0xf0, 0x84, 0x49, 0x73, 0x92, 0xec,
                                 0x06, 0x87, 0x9c, 0xe3, 0xda, 0x0b, 0x26, 0x00, 0x00, 0x00,
                                 'M',  'Y',  '-',  'L',  'U',  'K',  'S',  '-',  'P',  'A',
                                 'S',  'S',  'P',  'H',  'R',  'A',  'S',  'E',  0x00, 0x00,
                                 0x00, 0x00, 0x00, 0x00 };

static void
assert_one (const guint8 *table, gsize len, const char *secret)
{
    struct secret_slot slots[SECRET_ENTRIES_MAX];
    unsigned int count;

    g_assert_cmpint (secret_table_parse (table, len, slots, &count), ==, SECRET_TABLE_OK);
    g_assert_cmpuint (count, ==, 1);
    g_assert_cmpmem (slots[0].guid, sizeof slots[0].guid, table + 20, 16);
    g_assert_cmpmem (table + slots[0].offset, slots[0].len, secret, strlen (secret));
}

static void
test_foreign_tables (void)
{
    assert_one (validate, sizeof validate, "correct horse battery staple");
    assert_one (sevctl, sizeof sevctl, "MY-LUKS-PASSPHRASE");
}

/* Changes to a good table: one byte at a place, and the length that is passed. */
static const struct {
    const char *name;
    gsize at;
    guint8 value;
    gsize len;
    enum secret_table_result expect;
} changes[] = {
    { "as-it-is", 0, 0x42, sizeof validate, SECRET_TABLE_OK },
    { "other-header", 15, 0x3c, sizeof validate, SECRET_TABLE_ABSENT },
    { "area-too-small", 0, 0x42, 19, SECRET_TABLE_ABSENT },
    { "total-below-header", 16, 19, sizeof validate, SECRET_TABLE_LENGTH },
    { "total-beyond-area", 16, 0x51, sizeof validate, SECRET_TABLE_LENGTH },
    { "total-huge", 19, 0xff, sizeof validate, SECRET_TABLE_LENGTH },
    { "area-cut", 0, 0x42, 67, SECRET_TABLE_LENGTH },
    { "entry-length-below-header", 36, 19, sizeof validate, SECRET_TABLE_ENTRY },
    { "entry-length-zero", 36, 0, sizeof validate, SECRET_TABLE_ENTRY },
    { "entry-beyond-table", 36, 0x31, sizeof validate, SECRET_TABLE_ENTRY },
    { "entry-huge", 39, 0xff, sizeof validate, SECRET_TABLE_ENTRY },
    { "rest-shorter-than-header", 36, 0x2f, sizeof validate, SECRET_TABLE_ENTRY },
    { "empty-table", 16, 20, sizeof validate, SECRET_TABLE_OK },
};

static void
test_changes (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        /* Exactly so long, so that a sanitizer sees any read beyond. */
        g_autofree guint8 *table = g_memdup2 (validate, changes[i].len);
        struct secret_slot slots[SECRET_ENTRIES_MAX];
        unsigned int count = 99;

        g_test_message ("%s", changes[i].name);
        if (changes[i].at < changes[i].len)
            table[changes[i].at] = changes[i].value;
        g_assert_cmpint (secret_table_parse (table, changes[i].len, slots, &count), ==,
                         changes[i].expect);
        if (changes[i].expect != SECRET_TABLE_OK)
            g_assert_cmpuint (count, ==, 0);
    }
}

/* A table of @n empty entries, their GUIDs numbered from @first. */
static GByteArray *
make_table (guint n, guint first)
{
    GByteArray *table = g_byte_array_new ();
    const guint32 total = 20 + 20 * n;

    g_byte_array_append (table, validate, 16);
    g_byte_array_append (table, (const guint8 *) &total, 4); /* little-endian machine */
    for (guint i = 0; i < n; i++) {
        guint8 entry[20] = { 0 };
        entry[0] = (guint8) (first + i);
        entry[16] = 20;
        g_byte_array_append (table, entry, sizeof entry);
    }
    return table;
}

static enum secret_table_result
parse (GByteArray *table, unsigned int *count)
{
    struct secret_slot slots[SECRET_ENTRIES_MAX];

    return secret_table_parse (table->data, table->len, slots, count);
}

static void
test_many (void)
{
    g_autoptr (GByteArray) most = make_table (64, 1);
    g_autoptr (GByteArray) more = make_table (65, 1);
    g_autoptr (GByteArray) wiped = make_table (65, 0); /* the first has a zero GUID */
    unsigned int count;

    g_assert_cmpint (parse (most, &count), ==, SECRET_TABLE_OK);
    g_assert_cmpuint (count, ==, 64);
    g_assert_cmpint (parse (more, &count), ==, SECRET_TABLE_TOO_MANY);
    g_assert_cmpint (parse (wiped, &count), ==, SECRET_TABLE_OK);
    g_assert_cmpuint (count, ==, 64);

    most->data[20 + 63 * 20] = 5;
    g_assert_cmpint (parse (most, &count), ==, SECRET_TABLE_DUPLICATE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/guest/secret-table/foreign", test_foreign_tables);
    g_test_add_func ("/guest/secret-table/changes", test_changes);
    g_test_add_func ("/guest/secret-table/many", test_many);

    return g_test_run ();
}
