/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * OptionRule: what becomes of a QEMU option on a SEV guest's command line
 */
typedef enum {
    OPTION_PASS,       /* handed to QEMU as it is */
    OPTION_REFUSE,     /* no SEV guest starts with it; see why */
    OPTION_NONE_ONLY,  /* only with the value "none" */
    OPTION_NO_MONITOR, /* not "mon:…", which puts a monitor onto the device */
    OPTION_HANDLED,    /* argv.c looks into it */
} OptionRule;

/** OptionRow: one option of QEMU's command line, without its dashes */
typedef struct {
    const char *name;
    gboolean has_value;
    OptionRule rule;
    const char *why; /* for %OPTION_REFUSE */
} OptionRow;

/** option_table_find: Returns: (nullable): the row of an option, without dashes */
const OptionRow *option_table_find (const char *name);

/**
 * option_device_refusal:
 * @driver: name of a -device driver
 * Returns: (nullable): why a SEV guest may not have this device; %NULL if it may
 */
const char *option_device_refusal (const char *driver);

/** option_object_allowed: whether a SEV guest may have an -object of this type, besides
 * its RAM and its sev-guest */
gboolean option_object_allowed (const char *qom_type);

/** option_machine_allowed: whether a -machine property is known to leave RAM, firmware and
 * kernel alone */
gboolean option_machine_allowed (const char *property);

G_END_DECLS
