/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "qmp/qmp-error.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-json
 * @short_description: json-glib's parser for bytes that nobody vouches for
 *
 * json-glib 1.6 reads more than JSON: single quotes, comments, "var x = …",
 * hexadecimal and octal numbers, a NUL that cuts a string short, bytes after
 * the value, integers that wrap round, one member name twice.  A second reader
 * may see something else in such a text, so it is refused before or while
 * json-glib reads it.
 */

#define QMP_JSON_MAX_DEPTH 128u /* brackets open at one time; json-glib recurses */

/**
 * qmp_json_parse:
 * @text: (array length=len): the text, need not end with NUL
 * @len: its length in bytes; the caller bounds it
 * @error: return location for a #GError, or %NULL
 *
 * Reads one JSON object or array (RFC 8259), UTF-8, with white space around it.
 * An integer from 2^63 to 2^64-1 is accepted and shows as a negative gint64 in
 * the tree, because QEMU sends such numbers; qmp_json_get_uint() refuses it.
 *
 * Errors: %QMP_ERROR_PROTOCOL, %QMP_ERROR_TOO_BIG (nesting).
 *
 * Returns: (transfer full): the immutable root node, or %NULL on error
 */
JsonNode *qmp_json_parse (const char *text,
                          gsize len,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_json_get_uint:
 * @object: an object
 * @member: name of a member that must be there
 * @max: largest value allowed, below 2^63
 * @value: (out): the value; unchanged on error
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_PROTOCOL when absent, not an integer, negative or above
 * @max.
 *
 * Returns: %TRUE on success
 */
gboolean qmp_json_get_uint (JsonObject *object,
                            const char *member,
                            guint64 max,
                            guint64 *value,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_json_get_boolean:
 * @object: an object
 * @member: name of a member that must be there
 * @value: (out): the value; unchanged on error
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_PROTOCOL when absent or not a boolean.
 *
 * Returns: %TRUE on success
 */
gboolean qmp_json_get_boolean (JsonObject *object,
                               const char *member,
                               gboolean *value,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_json_get_string:
 * @object: an object
 * @member: name of a member that must be there
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_PROTOCOL when absent or not a string.
 *
 * Returns: (transfer none): the string, owned by @object; %NULL on error
 */
const char *qmp_json_get_string (JsonObject *object,
                                 const char *member,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_json_get_object:
 * @object: an object
 * @member: name of a member that must be there
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_PROTOCOL when absent or not an object.
 *
 * Returns: (transfer none): the object, owned by @object; %NULL on error
 */
JsonObject *qmp_json_get_object (JsonObject *object,
                                 const char *member,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_json_get_bytes:
 * @object: an object
 * @member: name of a member that must be there
 * @max: largest decoded length allowed, in bytes
 * @error: return location for a #GError, or %NULL
 *
 * Decodes base64 (RFC 4648 section 4) strictly: full alphabet check, right
 * padding, unused bits zero, no white space.
 *
 * Errors: %QMP_ERROR_PROTOCOL when absent, not such a string, or too long.
 *
 * Returns: (transfer full): the bytes; %NULL on error
 */
GBytes *qmp_json_get_bytes (JsonObject *object,
                            const char *member,
                            gsize max,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
