/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch firmware -- what firmware images can do. */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "launcher/cli/cmd-firmware.h"
#include "launcher/cli/command-list.h"
#include "launcher/inspect/firmware-list.h"

static JsonNode *
area_to_json (const OvmfArea *area)
{
    if (area->size == 0)
        return json_node_new (JSON_NODE_NULL);
    JsonObject *object = json_object_new ();
    JsonNode *node = json_node_new (JSON_NODE_OBJECT);

    json_object_set_int_member (object, "base", area->base);
    json_object_set_int_member (object, "size", area->size);
    json_node_take_object (node, object);
    return node;
}

static void
set_number (JsonObject *object, const char *name, guint32 value)
{
    if (value != 0)
        json_object_set_int_member (object, name, value);
    else
        json_object_set_null_member (object, name);
}

static JsonArray *
words_to_json (const char *const *words)
{
    JsonArray *array = json_array_new ();

    for (; *words != NULL; words++)
        json_array_add_string_element (array, *words);
    return array;
}

static JsonArray *
descriptors_to_json (const GPtrArray *descriptors)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < descriptors->len; i++) {
        const FirmwareDescriptor *d = g_ptr_array_index (descriptors, i);
        JsonObject *object = json_object_new ();

        json_object_set_string_member (object, "file", d->file);
        json_object_set_string_member (object, "description", d->description);
        json_object_set_string_member (object, "mode", d->mode);
        json_object_set_array_member (object, "features",
                                      words_to_json ((const char *const *) d->features));
        json_array_add_object_element (array, object);
    }
    return array;
}

static JsonObject *
entry_to_json (const FirmwareEntry *entry)
{
    const FirmwareInfo *info = entry->info;
    JsonObject *object = json_object_new ();
    g_autofree const char **can = firmware_info_can (info);
    g_autofree char *path = g_utf8_make_valid (info->path, -1);

    json_object_set_string_member (object, "path", path);
    json_object_set_int_member (object, "size", (gint64) info->size);
    if (info->sha256 != NULL)
        json_object_set_string_member (object, "sha256", info->sha256);
    else
        json_object_set_null_member (object, "sha256");
    json_object_set_boolean_member (object, "own_build", info->own_build);
    json_object_set_string_member (object, "layout", firmware_layout_name (info->layout));
    json_object_set_array_member (object, "can", words_to_json (can));
    json_object_set_member (object, "secret_area", area_to_json (&info->image.secret_area));
    json_object_set_member (object, "hash_area", area_to_json (&info->image.hash_area));
    set_number (object, "es_reset", info->image.es_reset_addr);
    set_number (object, "snp_metadata", info->image.snp_metadata);
    json_object_set_array_member (object, "descriptors",
                                  descriptors_to_json (entry->descriptors));
    json_object_set_array_member (object, "findings",
                                  finding_list_to_json (info->findings));
    return object;
}

/* Words for people. */

static void
print_area (const char *name, const OvmfArea *area, const char *unit)
{
    if (area->size > 0)
        printf ("  %-14s 0x%x, 0x%x bytes\n", name, area->base, area->size);
    else
        printf ("  %-14s no%s\n", name, unit);
}

static const char *
layout_words (const FirmwareInfo *info)
{
    switch (info->layout) {
    case FIRMWARE_LAYOUT_WHOLE:
        return "whole image: works read-only, without a file of variables";
    case FIRMWARE_LAYOUT_CODE:
        return "CODE: its variables are in another file";
    case FIRMWARE_LAYOUT_VARIABLES:
        return "VARS: variables only";
    case FIRMWARE_LAYOUT_CUT:
        return "an image that was cut off";
    case FIRMWARE_LAYOUT_OTHER:
    default:
        return "not UEFI firmware";
    }
}

static void
print_facts (const FirmwareInfo *info)
{
    const OvmfImageInfo *image = &info->image;

    printf ("  %-14s %" G_GUINT64_FORMAT " bytes\n", "size", info->size);
    printf ("  %-14s %s\n", "sha256", info->sha256 != NULL ? info->sha256 : "?");
    printf ("  %-14s %s\n", "build", info->own_build ? "sevlaunch's" : "somebody else's");
    printf ("  %-14s %s\n", "layout", layout_words (info));
    if (info->layout != FIRMWARE_LAYOUT_WHOLE && info->layout != FIRMWARE_LAYOUT_CODE)
        return;
    printf ("  %-14s %s\n", "SEV", image->caps != 0 ? "yes" : "not that it says so");
    if ((image->caps & OVMF_CAP_ES_RESET) != 0)
        printf ("  %-14s yes, processors begin at 0x%x\n", "SEV-ES", image->es_reset_addr);
    else
        printf ("  %-14s no\n", "SEV-ES");
    print_area ("secrets", &image->secret_area, "");
    print_area ("kernel hashes", &image->hash_area, "");
    printf ("  %-14s %s\n", "SNP metadata",
            (image->caps & OVMF_CAP_SNP_METADATA) != 0 ? "yes" : "no");
}

static void
print_entry (const FirmwareEntry *entry)
{
    g_autofree char *path = message_printable (entry->info->path);

    printf ("%s\n", path);
    if (entry->info->sha256 != NULL)
        print_facts (entry->info);
    for (guint i = 0; i < entry->descriptors->len; i++) {
        const FirmwareDescriptor *d = g_ptr_array_index (entry->descriptors, i);
        g_autofree char *joined = g_strjoinv (", ", d->features);
        g_autofree char *line = g_strdup_printf ("%s (%s: %s)", d->file, d->mode, joined);
        g_autofree char *shown = message_printable (line);

        printf ("  %-14s %s\n", "announced by", shown);
    }
    command_print_findings (entry->info->findings, "  ");
}

/* The command. */

static JsonArray *
reasons_to_json (const GPtrArray *errors)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < errors->len; i++) {
        const GError *error = g_ptr_array_index (errors, i);
        JsonObject *one = json_object_new ();
        g_autofree char *text = g_utf8_make_valid (error->message, -1);

        json_object_set_string_member (one, "id", launcher_reason (error).id);
        json_object_set_string_member (one, "text", text);
        json_array_add_object_element (array, one);
    }
    return array;
}

/* @errors: (element-type GError): the first is the command's */
static int
show (const CommandCommon *common, const GPtrArray *list, const GPtrArray *errors)
{
    const int code = errors->len > 0
                         ? (int) launcher_reason (g_ptr_array_index (errors, 0)).exit_code
                         : LAUNCHER_EXIT_OK;

    for (guint i = 0; !common->json && i < list->len; i++)
        print_entry (g_ptr_array_index (list, i));
    for (guint i = 0; i < errors->len; i++)
        message_error (g_ptr_array_index (errors, i));
    if (!common->json)
        return code;
    g_autoptr (JsonObject) object = json_object_new ();
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < list->len; i++)
        json_array_add_object_element (array, entry_to_json (g_ptr_array_index (list, i)));
    json_object_set_string_member (object, "schema", "sevlaunch.firmware/1");
    json_object_set_array_member (object, "firmware", array);
    json_object_set_array_member (object, "reasons", reasons_to_json (errors));
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

/* What somebody named as firmware, and is none, is bad input; it was still shown. */
static void
complain_of_damage (const GPtrArray *list, GPtrArray *errors)
{
    for (guint i = 0; i < list->len; i++) {
        const FirmwareEntry *entry = g_ptr_array_index (list, i);
        const Finding *finding = finding_get (entry->info->findings, "damaged");

        if (finding != NULL)
            g_ptr_array_add (errors, g_error_new (LAUNCHER_ERROR,
                                                  LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                                                  "firmware '%s': %s", entry->info->path,
                                                  finding->text));
    }
}

/* Each on its own: what one file is does not depend on the others. */
static int
show_named (const CommandCommon *common, char *const *paths)
{
    g_autoptr (GPtrArray) lists =
        g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
    g_autoptr (GPtrArray) entries = g_ptr_array_new ();
    g_autoptr (GPtrArray) errors =
        g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    for (; *paths != NULL; paths++) {
        char *const one[] = { *paths, NULL };
        GError *error = NULL;
        GPtrArray *list = firmware_list_named (one, PKGDATADIR, &error);

        if (list == NULL) {
            g_ptr_array_add (errors, error);
            continue;
        }
        g_ptr_array_add (lists, list);
        g_ptr_array_add (entries, g_ptr_array_index (list, 0));
    }
    if (entries->len == 0 && errors->len == 1)
        return command_fail (common, g_ptr_array_index (errors, 0));
    complain_of_damage (entries, errors);
    return show (common, entries, errors);
}

static int
show_all (const CommandCommon *common, const char *root)
{
    g_autoptr (GPtrArray) list = firmware_list_all (root != NULL ? root : "", PKGDATADIR);
    g_autoptr (GPtrArray) none = g_ptr_array_new ();

    return show (common, list, none);
}

static int
cmd_firmware_show (int argc, char **argv)
{
    gboolean all = FALSE;
    g_autofree char *root = NULL;
    const GOptionEntry entries[] = {
        { "all", 0, 0, G_OPTION_ARG_NONE, &all,
          "Every image that is installed, instead of FILEs", NULL },
        { "root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &root,
          "Another prefix of /usr and /etc", "DIR" },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("firmware show", "[FILE…]",
                        "Says what firmware images can do for a guest with SEV, by the "
                        "table that they\ncarry: SEV-ES, secrets, kernel hashes; and what "
                        "to take where one cannot.",
                        entries, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (all == (argc > 1)) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "firmware show takes FILEs, or --all");
        return command_fail (&common, error);
    }
    return all ? show_all (&common, root) : show_named (&common, argv + 1);
}

int
cmd_firmware (int argc, char **argv)
{
    static const Command table[] = {
        { "show", "Say what firmware images can do (the default)", cmd_firmware_show },
        { "trust", "Pin one for all releases of an owner", cmd_firmware_trust },
        { NULL, NULL, NULL },
    };
    const char *word = argc > 1 ? argv[1] : "--help";

    if (command_list_active ())
        command_list_default ("firmware", "show");

    /* "firmware FILE" is "firmware show FILE". */
    if (command_find (table, word) == NULL && strcmp (word, "--help") != 0 &&
        strcmp (word, "-h") != 0)
        return cmd_firmware_show (argc, argv);
    return command_dispatch ("firmware", table, argc, argv);
}
