/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: relay-log
 * @short_description: one bounded log per guest, HOST/log/NAME.log
 *
 * At %RELAY_LOG_MAX bytes the file becomes NAME.log.1 and a new one begins.  Lines have a
 * time stamp; control bytes are escaped, long lines are cut.  Never holds arguments of
 * commands.
 */
typedef struct _RelayLog RelayLog;

#define RELAY_LOG_MAX (256u << 10)
#define RELAY_LOG_LINE_MAX 400u

/**
 * relay_log_open:
 * @dir: descriptor of HOST/log; taken over
 * @name: of the guest; bytes that do not belong into a file name are replaced
 *
 * A log that cannot be written is no reason to stop a guest: lines then go nowhere.
 */
RelayLog *relay_log_open (int dir, const char *name);
void relay_log_free (RelayLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RelayLog, relay_log_free)

/** relay_log_get_fds: descriptors that must survive when all others are closed */
void relay_log_get_fds (const RelayLog *log, int *dir, int *file);

void relay_log (RelayLog *log, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
