/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define QEMU_VERSION_PROGRAM "qemu-system-x86_64"

/**
 * qemu_version_parse:
 * @text: (array length=len): what "--version" printed: "QEMU emulator version 7.2.22 (…"
 * Returns: 7002022 for 7.2.22, as libvirt counts; 0 if it says none
 */
gulong qemu_version_parse (const char *text, gsize len);

/**
 * qemu_version_ask:
 * @root: "" for this machine; else a directory with usr/bin
 * Runs the program, with limits of time and output.  Blocks.
 * Returns: 0 if it is not there, or says none
 */
gulong qemu_version_ask (const char *root);

G_END_DECLS
