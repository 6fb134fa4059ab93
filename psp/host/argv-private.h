/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/argv.h"
#include "psp/host/option-table.h"
#include "psp/host/qemu-opts.h"

G_BEGIN_DECLS

/* What argv_build() makes of an item. */
typedef enum {
    ARGV_ROLE_AS_IS,
    ARGV_ROLE_DROP,
    ARGV_ROLE_MONITOR,
    ARGV_ROLE_PROBE_QMP,
    ARGV_ROLE_PROBE_MACHINE,
    ARGV_ROLE_RAM,            /* value: JSON without mem-path */
    ARGV_ROLE_FIRMWARE_NODE,  /* value: JSON without filename */
    ARGV_ROLE_FIRMWARE_DRIVE, /* value: options without file= */
    ARGV_ROLE_BIOS,
    ARGV_ROLE_KERNEL,
    ARGV_ROLE_INITRD,
} ArgvRole;

struct _ArgvItem {
    ArgvRole role;
    const OptionRow *row; /* (nullable): unknown options and words without a dash */
    char *option;         /* as given, with its dashes */
    char *value;          /* (nullable) */
};

void argv_item_free (gpointer data);
ArgvItem *argv_add (Argv *argv, ArgvRole role, const char *option, const char *value);
/** argv_item_is: whether the item is the option @name, complete with its value */
gboolean argv_item_is (const ArgvItem *item, const char *name);

/** argv_check_sev: checks every option of a SEV guest and marks what is rewritten */
gboolean argv_check_sev (Argv *argv, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** argv_find_firmware: resolves @node, the machine's pflash0 or %NULL, -drive if=pflash and
 * -bios, and marks them */
gboolean argv_find_firmware (Argv *argv,
                             const char *node,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** argv_refuse: sets %HOST_ERROR_ARGV. Returns: %FALSE */
gboolean argv_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
