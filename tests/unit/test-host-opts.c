/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values of QEMU options, by the rules of QEMU's util/qemu-option.c. */

#include <string.h>

#include "psp/host/host-error.h"
#include "psp/host/qemu-opts.h"

/* @items: "name=value|name=value|…" as it must be read; a flag has no "=" */
static const struct {
    const char *text;
    const char *implied;
    const char *items;
    const char *written; /* NULL: as it was */
} rows[] = {
    { "", "type", "", NULL },
    { "q35", "type", "type=q35", NULL },
    { "q35", NULL, "q35", NULL },
    { "pc-q35-7.2,usb=off,memory-backend=pc.ram", "type",
      "type=pc-q35-7.2|usb=off|memory-backend=pc.ram", NULL },
    { "file=/a,,b.img,if=pflash", NULL, "file=/a,b.img|if=pflash", NULL },
    { "/a,,b,c", "path", "path=/a,b|c", NULL },
    { "a=b=c,d", NULL, "a=b=c|d", NULL },
    { "type=a=b", "type", "type=a=b", NULL },
    { "server,nowait", "backend", "backend=server|nowait", NULL },
    { "a=,b=", NULL, "a=|b=", NULL },
    { "a=1,a=2", NULL, "a=1|a=2", NULL },
    { "a=,,,,", NULL, "a=,,", NULL },
    { "x,=y", NULL, "x|=y", NULL },
    { "a,,b", NULL, "a||b", "a,b" },
    { "type=x", "type", "type=x", "x" },
};

static char *
show (const QemuOpts *opts)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);
        g_string_append_printf (text, "%s%s%s%s", i > 0 ? "|" : "", opt->name,
                                opt->value != NULL ? "=" : "",
                                opt->value != NULL ? opt->value : "");
    }
    return g_strdup (text->str);
}

static void
test_rows (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (QemuOpts) opts = qemu_opts_parse (rows[i].text, rows[i].implied);
        g_autofree char *shown = show (opts);
        g_autofree char *written = qemu_opts_format (opts, rows[i].implied);

        g_assert_cmpstr (shown, ==, rows[i].items);
        g_assert_cmpstr (written, ==,
                         rows[i].written != NULL ? rows[i].written : rows[i].text);
    }
}

static void
test_change (void)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse ("q35,usb,accel=kvm,accel=tcg", "type");

    g_assert_cmpstr (qemu_opts_get (opts, "type"), ==, "q35");
    g_assert_cmpstr (qemu_opts_get (opts, "usb"), ==, "on");
    g_assert_cmpstr (qemu_opts_get (opts, "accel"), ==, "tcg");
    g_assert_null (qemu_opts_get (opts, "smm"));
    qemu_opts_set (opts, "accel", "a,b");
    qemu_opts_set (opts, "smm", "off");
    g_autofree char *set = qemu_opts_format (opts, "type");
    g_assert_cmpstr (set, ==, "q35,usb,accel=kvm,accel=a,,b,smm=off");
    qemu_opts_remove (opts, "accel");
    g_autofree char *removed = qemu_opts_format (opts, "type");
    g_assert_cmpstr (removed, ==, "q35,usb,smm=off");
    /* The next one does not slip into the place of the implied name. */
    qemu_opts_remove (opts, "type");
    g_autofree char *first = qemu_opts_format (opts, "type");
    g_assert_cmpstr (first, ==, "usb=on,smm=off");
    qemu_opts_set (opts, "type", "");
    qemu_opts_remove (opts, "usb");
    qemu_opts_remove (opts, "smm");
    g_autofree char *empty = qemu_opts_format (opts, "type");
    g_assert_cmpstr (empty, ==, "type=");
}

static void
check_member (JsonObject *object, const char *name, const char *expected)
{
    g_autofree char *text = qemu_opts_member_text (object, name);

    g_assert_cmpstr (text, ==, expected);
}

static void
test_object (void)
{
    gboolean is_json = TRUE;
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) text = qemu_opts_to_object (
        "sev-guest,id=s,policy=0x1,kernel-hashes,nowait", "qom-type", &is_json, &error);

    g_assert_no_error (error);
    g_assert_false (is_json);
    check_member (text, "qom-type", "sev-guest");
    check_member (text, "policy", "0x1");
    check_member (text, "kernel-hashes", "on");
    check_member (text, "wait", "off");
    check_member (text, "none", NULL);

    g_autoptr (JsonObject) json = qemu_opts_to_object (
        "{\"driver\":\"x\",\"a\":5,\"b\":true,\"c\":false,\"d\":[1],\"e\":null,\"f\":1.5}",
        "driver", &is_json, &error);
    g_assert_no_error (error);
    g_assert_true (is_json);
    check_member (json, "driver", "x");
    check_member (json, "a", "5");
    check_member (json, "b", "on");
    check_member (json, "c", "off");
    check_member (json, "d", NULL);
    check_member (json, "e", NULL);
    check_member (json, "f", NULL);
}

/* What two readers would read in two ways. */
static void
test_odd_json (void)
{
    static const char *const odd[] = {
        "{",
        "{\"driver\":\"x\"",
        "{\"driver\":\"x\"}}",
        "{\"driver\":\"x\",\"driver\":\"y\"}",
        "{'driver':'x'}",
        "{\"driver\":\"x\"} // comment",
        "{/* comment */\"driver\":\"x\"}",
        "{\"driver\":\"x\",}",
        "{driver:\"x\"}",
        "{\"driver\":\"x\xff\"}",
    };
    gboolean is_json;

    g_autoptr (JsonObject) good =
        qemu_opts_to_object ("{\"driver\":\"x\"}", "driver", &is_json, NULL);
    g_assert_nonnull (good);
    for (gsize i = 0; i < G_N_ELEMENTS (odd); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (JsonObject) object =
            qemu_opts_to_object (odd[i], "driver", &is_json, &error);
        g_assert_null (object);
        g_assert_error (error, HOST_ERROR, HOST_ERROR_ARGV);
    }
}

static void
test_sizes (void)
{
    static const struct {
        const char *text;
        guint64 unit;
        gint64 bytes; /* -1: no size */
    } sizes[] = {
        { "0", 1, 0 },
        { "512", 1, 512 },
        { "512", 1u << 20, 512 << 20 },
        { "512b", 1u << 20, 512 },
        { "4k", 1, 4096 },
        { "4K", 1, 4096 },
        { "512M", 1, 512 << 20 },
        { "2G", 1u << 20, G_GINT64_CONSTANT (2) << 30 },
        { "1T", 1, G_GINT64_CONSTANT (1) << 40 },
        { "", 1, -1 },
        { "M", 1, -1 },
        { "-1", 1, -1 },
        { "+1", 1, -1 },
        { " 1", 1, -1 },
        { "1 ", 1, -1 },
        { "1.5G", 1, -1 },
        { "0x10", 1, -1 },
        { "1GG", 1, -1 },
        { "1x", 1, -1 },
        { "18446744073709551616", 1, -1 },
        { "18014398509481984k", 1, -1 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
        guint64 bytes = 0;
        const gboolean ok = qemu_opts_parse_size (sizes[i].text, sizes[i].unit, &bytes);
        g_assert_cmpint (ok, ==, sizes[i].bytes >= 0);
        g_assert_true (!ok || bytes == (guint64) sizes[i].bytes);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/opts/rows", test_rows);
    g_test_add_func ("/host/opts/change", test_change);
    g_test_add_func ("/host/opts/object", test_object);
    g_test_add_func ("/host/opts/odd-json", test_odd_json);
    g_test_add_func ("/host/opts/sizes", test_sizes);
    return g_test_run ();
}
