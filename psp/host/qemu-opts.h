/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * SECTION: qemu-opts
 * @short_description: values of QEMU options in their two notations
 *
 * "type,key=value,flag" where ",," stands for a comma (QEMU util/qemu-option.c), and
 * JSON objects, which -object, -device, -blockdev and -netdev take as well.
 */

/** QemuOpt: @name is %NULL for the first item without "="; @value is %NULL for a flag */
typedef struct {
    char *name;
    char *value;
} QemuOpt;

/** QemuOpts: items in their order; keys may repeat, the last one counts (QEMU) */
typedef struct {
    GPtrArray *items; /* QemuOpt */
} QemuOpts;

/**
 * qemu_opts_parse:
 * @text: the value of an option
 * @implied: (nullable): name of the first item when it has no "=", for instance "type"
 *
 * Never fails: what is no key=value is a flag.
 * Returns: (transfer full)
 */
QemuOpts *qemu_opts_parse (const char *text, const char *implied);
void qemu_opts_free (QemuOpts *opts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QemuOpts, qemu_opts_free)

/** qemu_opts_get: Returns: (nullable) (transfer none): the last value of @name */
const char *qemu_opts_get (const QemuOpts *opts, const char *name);
/** qemu_opts_set: replaces the last item called @name, or appends one */
void qemu_opts_set (QemuOpts *opts, const char *name, const char *value);
/** qemu_opts_remove: removes every item called @name */
void qemu_opts_remove (QemuOpts *opts, const char *name);
/** qemu_opts_format: @implied: as in parsing. Returns: (transfer full) */
char *qemu_opts_format (const QemuOpts *opts, const char *implied);

/**
 * qemu_opts_to_object:
 * @text: the value of -object, -device or -blockdev, in either notation
 * @implied: "qom-type" or "driver"
 * @is_json: (out): which one it was
 *
 * Errors: %HOST_ERROR_ARGV: JSON that no other reader would understand in the same way
 * (doubled members, comments, single quotes).
 * Returns: (transfer full): an object; values of the text notation are strings, flags
 *   "on" or, after "no", "off"
 */
JsonObject *qemu_opts_to_object (const char *text,
                                 const char *implied,
                                 gboolean *is_json,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** qemu_opts_object_to_json: Returns: (transfer full): compact JSON */
char *qemu_opts_object_to_json (JsonObject *object);

/**
 * qemu_opts_parse_size:
 * @text: bytes, or a number with one of the suffixes b k M G T (either case)
 * @default_unit: what a number without suffix counts: 1, or 1 MiB for -m
 */
gboolean qemu_opts_parse_size (const char *text,
                               guint64 default_unit,
                               guint64 *out) G_GNUC_WARN_UNUSED_RESULT;

/** qemu_opts_member_text: Returns: (transfer full) (nullable): a string, integer or boolean
 * member in the text notation; %NULL if absent or of another type */
char *qemu_opts_member_text (JsonObject *object, const char *name);

G_END_DECLS
