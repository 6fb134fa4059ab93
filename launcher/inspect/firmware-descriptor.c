/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/firmware-descriptor.h"

#include <errno.h>
#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/inspect/bounded-file.h"
#include "qmp/qmp-json.h"

#define FEATURES_MAX 64u

static gboolean
bad (GError **error, const char *file, const char *what)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                 "firmware descriptor '%s': %s", file, what);
    return FALSE;
}

static const char *
get_string (JsonObject *object, const char *member)
{
    JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

    return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
                   json_node_get_value_type (node) == G_TYPE_STRING
               ? json_node_get_string (node)
               : NULL;
}

static JsonObject *
get_object (JsonObject *object, const char *member)
{
    JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

    return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
                                                         : NULL;
}

static char **
take_features (JsonObject *root)
{
    JsonNode *node = json_object_get_member (root, "features");
    g_autoptr (GPtrArray) features = g_ptr_array_new ();

    if (node != NULL && JSON_NODE_HOLDS_ARRAY (node)) {
        JsonArray *array = json_node_get_array (node);

        for (guint i = 0; i < MIN (json_array_get_length (array), FEATURES_MAX); i++) {
            JsonNode *one = json_array_get_element (array, i);

            if (JSON_NODE_HOLDS_VALUE (one) &&
                json_node_get_value_type (one) == G_TYPE_STRING)
                g_ptr_array_add (features, g_strdup (json_node_get_string (one)));
        }
    }
    g_ptr_array_add (features, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&features), FALSE);
}

/* "mode" came with QEMU 7.0; before, every flash mapping was split. */
static gboolean
take_mapping (FirmwareDescriptor *d, JsonObject *mapping, GError **error)
{
    static const char *const modes[] = { "split", "combined", "stateless" };
    const char *device = get_string (mapping, "device");
    const char *mode = get_string (mapping, "mode");

    if (g_strcmp0 (device, "memory") == 0) {
        d->mode = "memory";
        d->image = g_strdup (get_string (mapping, "filename"));
    } else if (g_strcmp0 (device, "flash") == 0) {
        JsonObject *template = get_object (mapping, "nvram-template");

        for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
            if (strcmp (mode != NULL ? mode : "split", modes[i]) == 0)
                d->mode = modes[i];
        d->image = g_strdup (get_string (get_object (mapping, "executable"), "filename"));
        d->nvram_template = g_strdup (get_string (template, "filename"));
    } else {
        return bad (error, d->file, "it maps neither flash nor memory");
    }
    if (d->mode == NULL)
        return bad (error, d->file, "its mode is unknown");
    if (d->image == NULL || !g_path_is_absolute (d->image))
        return bad (error, d->file, "it names no image by an absolute path");
    return TRUE;
}

FirmwareDescriptor *
firmware_descriptor_parse (const char *file, const char *text, gsize len, GError **error)
{
    g_autoptr (FirmwareDescriptor) d = g_new0 (FirmwareDescriptor, 1);
    g_autoptr (GError) cause = NULL;

    d->file = g_strdup (file);
    if (len > FIRMWARE_DESCRIPTOR_MAX_SIZE) {
        bad (error, file, "it is too large");
        return NULL;
    }
    g_autoptr (JsonNode) node = qmp_json_parse (text, len, &cause);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)) {
        bad (error, file, cause != NULL ? cause->message : "it is not an object");
        return NULL;
    }
    JsonObject *root = json_node_get_object (node);
    const char *description = get_string (root, "description");

    d->description = g_strdup (description != NULL ? description : "");
    d->features = take_features (root);
    return take_mapping (d, get_object (root, "mapping"), error) ? g_steal_pointer (&d)
                                                                 : NULL;
}

void
firmware_descriptor_free (FirmwareDescriptor *d)
{
    g_free (d->file);
    g_free (d->description);
    g_free (d->image);
    g_free (d->nvram_template);
    g_strfreev (d->features);
    g_free (d);
}

gboolean
firmware_descriptor_has (const FirmwareDescriptor *d, const char *feature)
{
    return g_strv_contains ((const char *const *) d->features, feature);
}

/* Paths of the files that count, in the order of their names. */
static GPtrArray *
list_files (const char *const *dirs)
{
    g_autoptr (GHashTable) seen =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

    for (; *dirs != NULL; dirs++) {
        g_autoptr (GDir) dir = g_dir_open (*dirs, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name (dir)) != NULL &&
               paths->len < FIRMWARE_DESCRIPTOR_MAX_COUNT)
            if (g_str_has_suffix (name, ".json") && name[0] != '.' &&
                g_hash_table_add (seen, g_strdup (name)))
                g_ptr_array_add (paths, g_build_filename (*dirs, name, NULL));
    }
    return paths;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
    g_autofree char *left = g_path_get_basename (*(char *const *) a);
    g_autofree char *right = g_path_get_basename (*(char *const *) b);

    return strcmp (left, right);
}

GPtrArray *
firmware_descriptors_load (const char *const *dirs,
                           void (*problem) (const GError *error, gpointer data),
                           gpointer data)
{
    GPtrArray *list =
        g_ptr_array_new_with_free_func ((GDestroyNotify) firmware_descriptor_free);
    g_autoptr (GPtrArray) paths = list_files (dirs);

    g_ptr_array_sort (paths, compare_names);
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index (paths, i);
        g_autoptr (GError) error = NULL;
        g_autoptr (GBytes) bytes =
            bounded_file_read (path, FIRMWARE_DESCRIPTOR_MAX_SIZE, &error);
        FirmwareDescriptor *one = NULL;
        gsize len = 0;

        if (bytes != NULL) {
            const char *text = g_bytes_get_data (bytes, &len);
            if (len == 0)
                continue;
            one = firmware_descriptor_parse (path, text, len, &error);
        }
        if (one != NULL)
            g_ptr_array_add (list, one);
        else
            problem (error, data);
    }
    return list;
}

char **
firmware_descriptor_dirs (const char *root)
{
    g_autoptr (GPtrArray) dirs = g_ptr_array_new ();

    if (*root == '\0')
        g_ptr_array_add (
            dirs, g_build_filename (g_get_user_config_dir (), "qemu", "firmware", NULL));
    g_ptr_array_add (dirs, g_strconcat (root, "/etc/qemu/firmware", NULL));
    g_ptr_array_add (dirs, g_strconcat (root, "/usr/share/qemu/firmware", NULL));
    g_ptr_array_add (dirs, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&dirs), FALSE);
}
