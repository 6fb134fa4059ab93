/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/bus.h"
#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * SECTION: platform
 * @short_description: the emulated secure processor of a host, switched on
 *
 * Each process that needs one has its own instance of the firmware; what they share is the
 * identity in HOST/platform and the ASIDs (asids.h).
 */
typedef struct _Platform Platform;

/* What the processor would say in CPUID 8000001F EBX: position of the C-bit (Rome and
 * later; 47 on Naples), and how many physical address bits encryption takes. */
#define PLATFORM_REDUCED_PHYS_BITS 1u
guint32 platform_cbitpos (const Platform *platform);

/**
 * platform_open_locked:
 * @host: (transfer none): outlives the platform
 *
 * Waits for the lock of the platform's state and loads the chip, which is made if it is
 * missing.  The platform is UNINIT; the lock stays until platform_unlock().
 * Errors: %HOST_ERROR, %PSP_ERROR, %SEV_ERROR.
 * Returns: (transfer full)
 */
Platform *platform_open_locked (const HostDir *host,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_unlock: nothing may touch the persistent state from here on */
void platform_unlock (Platform *platform);

/**
 * platform_open_init:
 *
 * platform_open_locked(), INIT, as the kernel's driver does, and platform_update_certs().
 */
Platform *platform_open_init (const HostDir *host,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** platform_open: platform_open_init() without the lock */
Platform *platform_open (const HostDir *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_has_identity: whether something is stored for INIT to load.  That is what the
 * host's platform, which no process keeps, is: INIT with an identity, UNINIT without. */
gboolean platform_has_identity (const Platform *platform);

/** platform_is_up: INIT or WORKING */
gboolean platform_is_up (const Platform *platform);

/** platform_init: INIT, twice if the first finds damaged state (Linux). @status: (out) */
gboolean platform_init (Platform *platform,
                        SevStatus *status,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_take_asid: asids_take() for the one guest of this process; before
 * platform_unlock() */
gboolean platform_take_asid (Platform *platform, gboolean es, guint32 *asid, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

void platform_free (Platform *platform);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Platform, platform_free)

Bus *platform_get_bus (const Platform *platform);
PspChip *platform_get_chip (const Platform *platform);
const HostDir *platform_get_host (const Platform *platform);
/** platform_state_was_replaced: whether INIT found damaged persistent state */
gboolean platform_state_was_replaced (const Platform *platform);

/**
 * platform_command:
 *
 * psp_device_command() with the buffers lent on the bus; they are taken back afterwards.
 */
gboolean platform_command (Platform *platform,
                           PspCommandId command,
                           void *buffer,
                           gsize len,
                           SevStatus *status,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * platform_require:
 *
 * platform_command() where every status but SUCCESS is an error.
 * Errors: also %HOST_ERROR_FIRMWARE, with the command's and the status' names.
 */
gboolean platform_require (Platform *platform,
                           PspCommandId command,
                           void *buffer,
                           gsize len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_check: Errors: %HOST_ERROR_FIRMWARE unless @status is SUCCESS */
gboolean platform_check (PspCommandId command,
                         SevStatus status,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_status: PLATFORM_STATUS */
gboolean platform_status (Platform *platform,
                          PspPlatformStatusCmd *out,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * platform_export:
 * @pdh: (out) (transfer full): 2084 bytes
 * @chain: (out) (transfer full): PEK || OCA || CEK, 6252 bytes
 */
gboolean platform_export (Platform *platform, GBytes **pdh, GBytes **chain, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/** platform_get_id: Returns: (transfer full): GET_ID, 64 bytes */
GBytes *platform_get_id (Platform *platform, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * platform_write_certs:
 *
 * Writes HOST/certs/{ark,ask,cek,oca,pek,pdh}.cert, each as a whole, before
 * platform_unlock().  If the PDH is another, libvirt's emulator is touched, so that libvirt
 * asks again.
 */
gboolean platform_write_certs (Platform *platform,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * platform_update_certs:
 *
 * platform_write_certs() unless the PDH there is this platform's: every change of the
 * identity makes a new one.  So the certificates follow also where a process was killed
 * between storing an identity and showing it.
 */
gboolean platform_update_certs (Platform *platform,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
