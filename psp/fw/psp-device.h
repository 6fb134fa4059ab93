/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-chip.h"
#include "psp/fw/psp-command.h"
#include "psp/fw/psp-error.h"
#include "sev/base/sev-secret.h"
#include "sev/wire/sev-status.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-device
 * @short_description: one emulated secure processor
 *
 * A #PspDevice does no I/O, starts no threads and has no state outside itself; any number
 * may exist in one process.  Memory, randomness and storage reach it through #PspHostOps.
 * It is not thread-safe: one caller at a time, as the mailbox of the hardware.
 *
 * Two channels.  What the firmware decides comes back as a #SevStatus.  What went wrong
 * around it (a host operation failed, OpenSSL failed) is a #GError.
 *
 * A command that ends in a host fault or in any status but SUCCESS has changed nothing in
 * the device.  Two exceptions, both the firmware's own rules: lengths are written back into
 * the command buffer (the length query), and an INIT (or INIT_EX) that answers
 * SECURE_DATA_INVALID has erased the damaged persistent state, so that the next succeeds.
 * Memory may have been written when a host operation failed half-way.
 */
typedef struct _PspDevice PspDevice;

/* Persistent state and chip data never are larger: the NV area of INIT_EX (Linux). */
#define PSP_NV_MAX_SIZE 32768u

/**
 * PspMemoryAccess: what the firmware is about to do with a range.
 */
typedef enum {
    PSP_MEMORY_READ = 1 << 0,
    PSP_MEMORY_WRITE = 1 << 1,
} PspMemoryAccess;

/**
 * PspGuestKey: the guest a private page belongs to, for a memory-encryption engine.
 * @handle: of the guest
 * @asid: it is active on; never 0 here
 * @vek: its memory key, %SEV_KEY_SIZE bytes; must not leave psp/
 */
typedef struct {
    guint32 handle;
    guint32 asid;
    const SevSecret *vek;
} PspGuestKey;

/**
 * PspHostOps: everything outside the firmware.  Each operation gets the #PspDevice's host
 * pointer, returns %FALSE with a #GError set when the host failed, and must not call into
 * the device.  Addresses are system physical addresses in whatever sense the host gives
 * them; the device only adds to them, and never past 2^64.
 *
 * @get_random: (not nullable): fills @buf; nonces, keys, TEK and TIK.  Key pairs come from
 *   OpenSSL's own generator
 * @range_ok: (nullable): whether [@paddr, @paddr + @len) is memory that may be accessed so.
 *   Where it says no, the command answers INVALID_ADDRESS.  It is asked for each range
 *   before anything is read or written; @len is never 0 and the sum never wraps.  %NULL:
 *   every range is memory, and a failed access is a host fault
 * @read_system: (not nullable)
 * @write_system: (not nullable)
 * @nv_load: (not nullable): sets *@blob to (transfer full) what @nv_store was given last,
 *   or to %NULL if nothing is stored.  At most %PSP_NV_MAX_SIZE bytes are looked at
 * @nv_store: (not nullable): makes @blob the persistent state, atomically and durably,
 *   before it returns; called before a command commits.  %NULL @blob: nothing is stored
 *   from now on
 * @write_private: (nullable): stores @data as private memory of the guest, in the form in
 *   which it lies in memory: the seam for a memory-encryption engine, called by
 *   LAUNCH_UPDATE_DATA for the plaintext that it has measured and by LAUNCH_SECRET for the
 *   plaintext of the packet.  %NULL: there is no engine; LAUNCH_UPDATE_DATA then leaves
 *   the pages as they are and LAUNCH_SECRET writes plaintext with @write_system, and
 *   memory is not protected from the host
 * @read_private: (nullable): the other direction: the plaintext of private memory, for
 *   DBG_DECRYPT, SEND_UPDATE_*, COPY and SWAP_OUT.  What it gives must not leave psp/ but
 *   in the form that the command gives it.  %NULL: there is no engine, and @read_system
 *   reads plaintext.  An engine has both operations
 * @other_guests: (nullable): guest contexts of the same platform that other instances
 *   hold.  While there are some, an initialised platform is WORKING here too.  %NULL: none
 */
typedef struct {
    gboolean (*get_random) (gpointer host, void *buf, gsize len, GError **error);
    gboolean (*range_ok) (gpointer host,
                          guint64 paddr,
                          guint64 len,
                          PspMemoryAccess access);
    gboolean (
        *read_system) (gpointer host, guint64 paddr, void *buf, gsize len, GError **error);
    gboolean (*write_system) (gpointer host,
                              guint64 paddr,
                              const void *buf,
                              gsize len,
                              GError **error);
    gboolean (*nv_load) (gpointer host, SevSecret **blob, GError **error);
    gboolean (*nv_store) (gpointer host, const SevSecret *blob, GError **error);
    gboolean (*write_private) (gpointer host,
                               const PspGuestKey *key,
                               guint64 paddr,
                               const void *data,
                               gsize len,
                               GError **error);
    gboolean (*read_private) (gpointer host,
                              const PspGuestKey *key,
                              guint64 paddr,
                              void *buf,
                              gsize len,
                              GError **error);
    guint32 (*other_guests) (gpointer host);
} PspHostOps;

/**
 * PspConfig: what kind of platform it is.  Start from psp_config_init().
 *
 * @api_major: @api_minor: the firmware's API version, until DOWNLOAD_FIRMWARE changes it.
 *   Below 0.17 measurements and packets use the older formulas (AMD's sev-tool,
 *   calc_measurement and package_secret)
 * @build: build number
 * @es: whether INIT may turn SEV-ES on
 * @min_sev_asid: CPUID 8000001F EDX: lowest ASID of a SEV guest; those below are for SEV-ES
 * @max_asid: CPUID 8000001F ECX: highest ASID, and the largest number of guest contexts
 */
typedef struct {
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    gboolean es;
    guint32 min_sev_asid;
    guint32 max_asid;
} PspConfig;

/** psp_config_init: API 1.55 build 21, SEV-ES, ASIDs 1-99 for SEV-ES and 100-509 for SEV */
void psp_config_init (PspConfig *config);

/**
 * psp_device_new:
 * @config: copied
 * @chip: the device takes a reference
 * @ops: copied
 * @host: (nullable): passed to every operation; outlives the device
 *
 * Nothing is loaded: the platform is UNINIT until INIT.
 *
 * Errors: %PSP_ERROR_CONFIG.
 * Returns: (transfer full)
 */
PspDevice *psp_device_new (const PspConfig *config,
                           PspChip *chip,
                           const PspHostOps *ops,
                           gpointer host,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_device_free: wipes every key and guest context; persistent state stays */
void psp_device_free (PspDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PspDevice, psp_device_free)

/**
 * psp_device_command:
 * @command: a #PspCommandId, or any other number
 * @buffer: (nullable) (inout) (array length=len): the command buffer, one of the *Cmd
 *   structs of psp-command.h; %NULL only if @len is 0
 * @len: bytes in @buffer; those beyond the command's own size are neither read nor written
 * @status: (out): what the firmware answers; 0xffff after a host fault
 * @error: return location for a #GError, or %NULL
 *
 * Puts one command into the mailbox and waits for the answer.  The order of checks is
 * fixed: command id (INVALID_COMMAND), buffer size (INVALID_LENGTH), platform state
 * (INVALID_PLATFORM_STATE), guest handle (INVALID_GUEST), guest state
 * (INVALID_GUEST_STATE), then the parameters in the order of the command's own comment.
 *
 * Errors: %PSP_ERROR, %SEV_ERROR_CRYPTO, and what the host operations return.
 * Returns: %TRUE if the firmware answered, with whatever status; %FALSE on a host fault
 */
gboolean psp_device_command (PspDevice *device,
                             guint32 command,
                             void *buffer,
                             gsize len,
                             SevStatus *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_device_platform_state: what PLATFORM_STATUS would report, without a command */
SevPlatformState psp_device_platform_state (const PspDevice *device);
/** psp_device_chip: Returns: (transfer none) */
PspChip *psp_device_chip (const PspDevice *device);

G_END_DECLS
