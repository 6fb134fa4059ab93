/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which file is the firmware that the secure processor measures: pflash unit 0, behind a
 * block node or a -drive, or -bios (QEMU hw/i386/pc_sysfw.c).
 */

#include "psp/host/argv-private.h"

#include <string.h>

static const char *const file_members[] = {
    "aio",      "auto-read-only", "cache",     "detect-zeroes", "discard", "driver",
    "filename", "locking",        "node-name", "read-only",     NULL,
};
static const char *const raw_members[] = {
    "cache", "detect-zeroes", "discard", "driver", "file", "node-name", "read-only", NULL,
};

static gboolean
check_members (JsonObject *object, const char *const *allowed, GError **error)
{
    JsonObjectIter iter;
    const char *name;

    json_object_iter_init (&iter, object);
    while (json_object_iter_next (&iter, &name, NULL))
        if (!g_strv_contains (allowed, name))
            return argv_refuse (error, "-blockdev: firmware with option '%s'", name);
    return TRUE;
}

static ArgvItem *
find_node (const Argv *argv, const char *node, JsonObject **object)
{
    for (guint i = 0; i < argv->items->len; i++) {
        ArgvItem *item = g_ptr_array_index (argv->items, i);
        gboolean is_json;

        if (!argv_item_is (item, "blockdev"))
            continue;
        g_autoptr (JsonObject) found =
            qemu_opts_to_object (item->value, "driver", &is_json, NULL);
        g_autofree char *name =
            found != NULL ? qemu_opts_member_text (found, "node-name") : NULL;
        if (g_strcmp0 (name, node) != 0)
            continue;
        *object = g_steal_pointer (&found);
        return item;
    }
    return NULL;
}

static void
replace_value (ArgvItem *item, JsonObject *object)
{
    g_free (item->value);
    item->value = qemu_opts_object_to_json (object);
}

/* Everything about how the file was to be opened goes: it is another file now. */
static void
take_file_node (Argv *argv, ArgvItem *item, JsonObject *object, const char *node)
{
    g_autoptr (JsonObject) out = json_object_new ();

    argv->firmware = qemu_opts_member_text (object, "filename");
    json_object_set_string_member (out, "driver", "file");
    json_object_set_string_member (out, "node-name", node);
    json_object_set_boolean_member (out, "read-only", TRUE);
    replace_value (item, out);
    item->role = ARGV_ROLE_FIRMWARE_NODE;
}

static gboolean
resolve_node (Argv *argv, const char *node, GError **error)
{
    g_autoptr (JsonObject) object = NULL;
    ArgvItem *item = find_node (argv, node, &object);

    if (item == NULL)
        return argv_refuse (error, "-machine pflash0: no block device '%s'", node);
    g_autofree char *driver = qemu_opts_member_text (object, "driver");
    if (g_strcmp0 (driver, "raw") == 0) {
        g_autofree char *below = qemu_opts_member_text (object, "file");
        g_autoptr (JsonObject) file = NULL;
        ArgvItem *file_item = below != NULL ? find_node (argv, below, &file) : NULL;

        if (!check_members (object, raw_members, error))
            return FALSE;
        if (file_item == NULL || file_item == item)
            return argv_refuse (error, "-blockdev '%s': no file below", node);
        json_object_set_boolean_member (object, "read-only", TRUE);
        replace_value (item, object);
        g_autofree char *file_driver = qemu_opts_member_text (file, "driver");
        if (g_strcmp0 (file_driver, "file") != 0)
            return argv_refuse (error, "-blockdev '%s': firmware must be a plain file",
                                below);
        if (!check_members (file, file_members, error))
            return FALSE;
        take_file_node (argv, file_item, file, below);
    } else if (g_strcmp0 (driver, "file") == 0) {
        if (!check_members (object, file_members, error))
            return FALSE;
        take_file_node (argv, item, object, node);
    } else {
        return argv_refuse (error, "-blockdev '%s': firmware of format '%s' (must be raw)",
                            node, driver != NULL ? driver : "");
    }
    if (argv->firmware == NULL)
        return argv_refuse (error, "-blockdev '%s': no file name", node);
    return TRUE;
}

static gboolean
take_drive (Argv *argv, ArgvItem *item, const QemuOpts *opts, GError **error)
{
    static const char *const known[] = { "file",  "format",   "id",        "if", "unit",
                                         "index", "readonly", "read-only", NULL };

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);
        if (!g_strv_contains (known, opt->name))
            return argv_refuse (error, "-drive if=pflash with option '%s'", opt->name);
    }
    if (g_strcmp0 (qemu_opts_get (opts, "format"), "raw") != 0)
        return argv_refuse (error, "-drive if=pflash: format must be raw");
    if (argv->firmware != NULL || qemu_opts_get (opts, "file") == NULL)
        return argv_refuse (error, "-drive if=pflash: one firmware file is needed");
    argv->firmware = g_strdup (qemu_opts_get (opts, "file"));
    g_free (item->value);
    item->value = g_strdup ("if=pflash,format=raw,unit=0,readonly=on");
    item->role = ARGV_ROLE_FIRMWARE_DRIVE;
    return TRUE;
}

/* Unit 1 holds variables: not measured, nor by real QEMU. */
static gboolean
check_drive (Argv *argv, ArgvItem *item, GError **error)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, NULL);
    const char *unit = qemu_opts_get (opts, "unit");

    if (g_strcmp0 (qemu_opts_get (opts, "if"), "pflash") != 0)
        return TRUE;
    if (unit == NULL)
        unit = qemu_opts_get (opts, "index");
    if (g_strcmp0 (unit, "1") == 0)
        return TRUE;
    if (g_strcmp0 (unit, "0") != 0)
        return argv_refuse (error, "-drive if=pflash: say unit=0 or unit=1");
    return take_drive (argv, item, opts, error);
}

gboolean
argv_find_firmware (Argv *argv, const char *node, GError **error)
{
    if (node != NULL && !resolve_node (argv, node, error))
        return FALSE;
    for (guint i = 0; i < argv->items->len; i++) {
        ArgvItem *item = g_ptr_array_index (argv->items, i);

        if (argv_item_is (item, "drive") && !check_drive (argv, item, error))
            return FALSE;
        if (!argv_item_is (item, "bios"))
            continue;
        if (argv->firmware != NULL)
            return argv_refuse (error, "-bios: there is firmware already");
        argv->firmware = g_strdup (item->value);
        item->role = ARGV_ROLE_BIOS;
    }
    if (argv->firmware == NULL)
        return argv_refuse (error, "no firmware: a SEV guest needs pflash unit 0 or -bios");
    return TRUE;
}
