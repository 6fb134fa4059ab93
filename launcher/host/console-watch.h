/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/host/console-text.h"
#include "launcher/host/virt.h"

G_BEGIN_DECLS

/**
 * SECTION: console-watch
 * @short_description: waits for what a guest says, or for its end
 *
 * Opened before the guest runs, so that nothing is missed; read from a libvirt stream whose
 * events come on the default main context.
 */
typedef struct _ConsoleWatch ConsoleWatch;

/**
 * console_watch_open:
 * Blocks; the rest runs on the default main context.
 * Errors: %LAUNCHER_ERROR_LIBVIRT.
 */
ConsoleWatch *console_watch_open (virDomainPtr domain,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** console_watch_free: closes the console; blocks shortly */
void console_watch_free (ConsoleWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConsoleWatch, console_watch_free)

/** ConsoleEnd: how a wait ended */
typedef enum {
    CONSOLE_END_SAID,    /* see console_text_get_said() */
    CONSOLE_END_STOPPED, /* the guest is gone */
    CONSOLE_END_SILENT,  /* the time is over */
} ConsoleEnd;

/**
 * console_watch_wait_async:
 * @seconds: how long
 * @said: whether a line that says something ends the wait; else only the guest's end does
 * @cancellable: (nullable)
 */
void console_watch_wait_async (ConsoleWatch *watch,
                               guint seconds,
                               gboolean said,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/** console_watch_wait_finish: Errors: %G_IO_ERROR_CANCELLED. */
gboolean console_watch_wait_finish (GAsyncResult *result,
                                    ConsoleEnd *end,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** console_watch_get_text: Returns: (transfer none): what was read so far */
const ConsoleText *console_watch_get_text (const ConsoleWatch *watch);

G_END_DECLS
