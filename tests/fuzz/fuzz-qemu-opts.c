/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values of QEMU options: written and read again they say the same, also after an item was
 * set or taken out.  Byte 0: whether the first item has an implied name.
 */

#include <stdint.h>
#include <string.h>

#include "psp/host/host-error.h"
#include "psp/host/qemu-opts.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What stands between two commas is no item to QEMU. */
static GPtrArray *
real_items (const QemuOpts *opts)
{
    GPtrArray *items = g_ptr_array_new ();

    for (guint i = 0; i < opts->items->len; i++) {
        QemuOpt *opt = g_ptr_array_index (opts->items, i);
        if (opt->name[0] != '\0' || opt->value != NULL)
            g_ptr_array_add (items, opt);
    }
    return items;
}

/* A flag and "=on" are the same to QEMU. */
static void
check_same (const QemuOpts *a, const QemuOpts *b)
{
    g_autoptr (GPtrArray) a_items = real_items (a);
    g_autoptr (GPtrArray) b_items = real_items (b);

    g_assert_cmpuint (a_items->len, ==, b_items->len);
    for (guint i = 0; i < a_items->len; i++) {
        const QemuOpt *x = g_ptr_array_index (a_items, i);
        const QemuOpt *y = g_ptr_array_index (b_items, i);

        g_assert_cmpstr (x->name, ==, y->name);
        g_assert_cmpstr (x->value != NULL ? x->value : "on", ==,
                         y->value != NULL ? y->value : "on");
    }
}

static void
check_round (const QemuOpts *opts, const char *implied)
{
    g_autofree char *text = qemu_opts_format (opts, implied);
    g_autoptr (QemuOpts) again = qemu_opts_parse (text, implied);

    check_same (opts, again);
}

static void
check_text (const char *text, const char *implied)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (text, implied);

    check_round (opts, implied);
    if (opts->items->len == 0)
        return;

    const QemuOpt *first = g_ptr_array_index (opts->items, 0);
    g_autofree char *name = g_strdup (first->name);
    qemu_opts_set (opts, name, "a,b=c");
    g_assert_cmpstr (qemu_opts_get (opts, name), ==, "a,b=c");
    check_round (opts, implied);
    qemu_opts_remove (opts, name);
    g_assert_null (qemu_opts_get (opts, name));
    check_round (opts, implied);
}

static void
check_object (const char *text)
{
    gboolean is_json;
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) object = qemu_opts_to_object (text, "driver", &is_json, &error);

    g_assert_true (is_json == (text[0] == '{'));
    if (object == NULL) {
        g_assert_error (error, HOST_ERROR, HOST_ERROR_ARGV);
        g_assert_true (is_json);
        return;
    }
    g_autofree char *json = qemu_opts_object_to_json (object);
    /* json-glib 1.6 writes the control byte 0x1f as it is, which nobody reads. */
    if (!g_utf8_validate (text, -1, NULL) || strchr (text, 0x1f) != NULL)
        return;
    g_autoptr (JsonObject) again = qemu_opts_to_object (json, "driver", &is_json, &error);
    g_assert_no_error (error);
    g_assert_true (is_json);
    g_assert_true (json_object_equal (object, again));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    guint64 bytes;

    if (size == 0)
        return 0;
    g_autofree char *text = g_strndup ((const char *) data + 1, size - 1);
    check_text (text, (data[0] & 1) != 0 ? "type" : NULL);
    check_object (text);
    if (qemu_opts_parse_size (text, 1, &bytes)) {
        g_autofree char *plain = g_strdup_printf ("%" G_GUINT64_FORMAT, bytes);
        guint64 again;
        g_assert_true (qemu_opts_parse_size (plain, 1, &again));
        g_assert_cmpuint (again, ==, bytes);
    }
    return 0;
}
