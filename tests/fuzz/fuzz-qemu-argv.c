/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QEMU command lines, words with NUL between them.  A plain one is put together again as it
 * was; what is built for a SEV guest holds no SEV object, libvirt's monitor and the
 * relay's, and none of the files whose contents were measured.
 */

#include <stdint.h>
#include <string.h>

#include "psp/host/argv-private.h"
#include "psp/host/host-error.h"

#define MAX_WORDS 256u
#define MONITOR "socket,id=charmonitor,fd=901,server=on,wait=off"
#define CONTROL "socket,id=charsevrelay,fd=906,server=on,wait=off"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const ArgvFds fds = { .monitor = 901,
                             .control = 906,
                             .ram = 902,
                             .firmware = 903,
                             .kernel = 904,
                             .initrd = 905 };

static char **
split_words (const uint8_t *data, size_t size)
{
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    guint n = 0;

    while (size > 0 && n++ < MAX_WORDS) {
        const uint8_t *end = memchr (data, '\0', size);
        const size_t len = end != NULL ? (size_t) (end - data) : size;
        g_autofree char *word = g_strndup ((const char *) data, len);

        g_strv_builder_add (builder, word);
        data += end != NULL ? len + 1 : len;
        size -= end != NULL ? len + 1 : len;
    }
    return g_strv_builder_end (builder);
}

static gint
count_values (char *const *words, const char *part)
{
    gint n = 0;

    for (gsize i = 0; words[i] != NULL; i++)
        if (strstr (words[i], part) != NULL)
            n++;
    return n;
}

/* How often a descriptor was put in; a kernel's command line may speak of it by itself. */
static gint
count_new (char *const *words, char *const *built, const char *part)
{
    return count_values (built, part) - count_values (words, part);
}

static void
check_sev (const Argv *argv, char *const *words, char *const *built)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) again = argv_parse ((const char *const *) built, &error);
    guint monitors = 0;
    guint backends = 0;

    g_assert_no_error (error);
    g_assert_cmpint (again->kind, ==, ARGV_PLAIN);
    for (guint i = 0; i < again->items->len; i++) {
        const ArgvItem *item = g_ptr_array_index (again->items, i);

        g_assert_nonnull (item->row);
        g_assert_cmpint (item->row->rule, !=, OPTION_REFUSE);
        monitors += argv_item_is (item, "mon") ? 1 : 0;
        if (argv_item_is (item, "object") &&
            strstr (item->value, "memory-backend-") != NULL)
            backends++;
        if (argv_item_is (item, "machine")) {
            g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "type");
            g_assert_null (qemu_opts_get (opts, "confidential-guest-support"));
            g_assert_null (qemu_opts_get (opts, "memory-encryption"));
        }
    }
    g_assert_cmpuint (monitors, ==, 2);
    g_assert_cmpuint (backends, >=, 1);
    g_assert_true (g_strv_contains ((const char *const *) built, MONITOR));
    g_assert_true (g_strv_contains ((const char *const *) built, CONTROL));
    g_assert_cmpint (count_new (words, built, "/proc/self/fd/902"), ==, 1);
    g_assert_cmpint (count_new (words, built, "/proc/self/fd/903"), ==, 1);
    g_assert_cmpint (count_new (words, built, "/proc/self/fd/904"), ==,
                     argv->kernel != NULL ? 2 : 0);
    g_assert_cmpint (count_new (words, built, "/proc/self/fd/905"), ==,
                     argv->initrd != NULL ? 1 : 0);
    g_assert_cmpuint (argv->ram_size % 4096, ==, 0);
    g_assert_cmpuint (argv->ram_size, >, 0);
    g_assert_cmpuint (argv->ram_size, <=, ARGV_RAM_MAX);
    g_assert_nonnull (argv->firmware);
    g_assert_nonnull (argv->sev.id);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_auto (GStrv) words = split_words (data, size);
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) argv = argv_parse ((const char *const *) words, &error);

    if (argv == NULL) {
        g_assert_error (error, HOST_ERROR, HOST_ERROR_ARGV);
        return 0;
    }
    g_assert_no_error (error);
    g_auto (GStrv) built = argv_build (argv, &fds, TRUE, FALSE);
    switch (argv->kind) {
    case ARGV_PLAIN:
        g_assert_true (
            g_strv_equal ((const char *const *) words, (const char *const *) built));
        break;
    case ARGV_PROBE:
        g_assert_nonnull (argv->monitor_path);
        g_assert_true (g_strv_contains ((const char *const *) built, MONITOR));
        break;
    case ARGV_SEV:
        check_sev (argv, words, built);
        break;
    }
    return 0;
}
