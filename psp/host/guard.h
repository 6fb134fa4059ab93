/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/control.h"
#include "psp/host/private-memory.h"
#include "psp/host/relay-log.h"

G_BEGIN_DECLS

/**
 * SECTION: guard
 * @short_description: when a guest's pages change their form
 *
 * A guest that runs has plain pages.  They lie encrypted in every state that only a relayed
 * "cont" leaves: prelaunch, paused, io-error, guest-panicked, watchdog, shutdown and
 * internal-error.
 *
 * The form changes only while QEMU is quiescent, that is after it has answered a
 * "query-status" of the guard's own with such a state: the event STOP comes before QEMU has
 * drained its block devices, the answer after it.  Nothing that QEMU said after that event
 * reaches libvirt before the pages are encrypted.  They are decrypted before a "cont" is
 * forwarded; when it fails, they are encrypted again.
 *
 * Every function below that can fail reports that to the log, and returns %FALSE; the relay
 * must end then, and QEMU ends with it.
 */
typedef struct _Guard Guard;

/**
 * guard_new:
 * @control: (transfer full)
 * @private_memory: (transfer none): outlives this
 * @log: (transfer none): outlives this
 */
Guard *guard_new (Control *control, PrivateMemory *private_memory, RelayLog *log);
void guard_free (Guard *guard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Guard, guard_free)

/** guard_get_fd: to be polled for input, then guard_receive() */
int guard_get_fd (const Guard *guard);
/** guard_receive: acts upon what QEMU said, also while the functions below waited for an
 * answer; to be called after them */
gboolean guard_receive (Guard *guard) G_GNUC_WARN_UNUSED_RESULT;

/** guard_is_encrypted: whether the guest is in a state that only a "cont" leaves */
gboolean guard_is_encrypted (const Guard *guard);

/** guard_settle: encrypts the pages if the guest does not run any more */
gboolean guard_settle (Guard *guard) G_GNUC_WARN_UNUSED_RESULT;

/**
 * guard_why_not_continue:
 * @why: (out) (nullable): QEMU's words if it would refuse a "cont" now; static storage
 */
gboolean guard_why_not_continue (Guard *guard, const char **why) G_GNUC_WARN_UNUSED_RESULT;
/** guard_before_continue: decrypts the pages; guard_settle() when "cont" was answered */
gboolean guard_before_continue (Guard *guard) G_GNUC_WARN_UNUSED_RESULT;

/**
 * guard_pause:
 * @stopped: (out): whether the guest ran, and was stopped by this
 * @why: (out) (nullable): why it cannot be stopped; static storage
 *
 * For a command that reads memory while the guest runs: stops it and encrypts its pages.
 */
gboolean guard_pause (Guard *guard,
                      gboolean *stopped,
                      const char **why) G_GNUC_WARN_UNUSED_RESULT;
/**
 * guard_unpause: undoes a guard_pause() that stopped the guest
 * @refused: (out): whether QEMU would not continue it; its pages are encrypted then
 *
 * A dump that goes on in the background holds this back until it is done.
 */
gboolean guard_unpause (Guard *guard, gboolean *refused) G_GNUC_WARN_UNUSED_RESULT;

/** guard_after_dump: libvirt is about to be told that a dump is done */
gboolean guard_after_dump (Guard *guard) G_GNUC_WARN_UNUSED_RESULT;

/** guard_expect_debugger: a debugger's stub is about to be opened; "cont" closes it */
void guard_expect_debugger (Guard *guard);

G_END_DECLS
