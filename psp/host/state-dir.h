/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * SECTION: state-dir
 * @short_description: HOST/platform, what the chip and its firmware keep
 *
 * chip: the manufacturer's keys, written once.  nv: the firmware's persistent state.
 * lock: held while either is read or written.  Files are 0600 and replaced as a whole, so a
 * kill at any moment leaves a state that loads.
 */
typedef struct _StateDir StateDir;

/**
 * state_dir_open:
 *
 * Opens HOST/platform, makes it if it is missing, and waits for its lock; the lock goes
 * with state_dir_free() or the process.
 * Errors: %HOST_ERROR_IO.
 */
StateDir *state_dir_open (const HostDir *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void state_dir_free (StateDir *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StateDir, state_dir_free)

/**
 * state_dir_chip:
 * @host: says what a chip is like that is made because there is none yet: takes seconds
 *
 * Errors: %HOST_ERROR_IO, %HOST_ERROR_STATE, %HOST_ERROR_CONFIG (there is a chip of another
 * generation), and what psp_chip_load() gives.
 * Returns: (transfer full)
 */
PspChip *state_dir_chip (StateDir *state,
                         const HostDir *host,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** state_dir_has_nv: whether anything is stored */
gboolean state_dir_has_nv (const StateDir *state);
/** state_dir_nv_load: PspHostOps.nv_load; one byte, which is no state, where the file has a
 * size that no state has */
gboolean state_dir_nv_load (StateDir *state,
                            SevSecret **blob,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** state_dir_nv_store: PspHostOps.nv_store */
gboolean state_dir_nv_store (StateDir *state,
                             const SevSecret *blob,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
