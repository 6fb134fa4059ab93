/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-device.h"
#include "psp/fw/psp-guest.h"
#include "psp/fw/psp-keys.h"

G_BEGIN_DECLS

/*
 * The inside of the device, for the command handlers and for unit tests that put a known
 * key into it.
 */

struct _PspDevice {
    PspConfig config;
    PspHostOps ops;
    gpointer host;
    PspChip *chip;
    SevPlatformState state;
    gboolean es_enabled; /* by INIT */
    guint64 nv_area;     /* of the last INIT_EX; 0: INIT came after it, or none at all */
    PspKeys *keys;       /* %NULL when UNINIT */
    PspGuests *guests;   /* %NULL when UNINIT */
    SevSecret *swap_key; /* %NULL until the first SWAP_OUT */
    guint faults;        /* PspFault; nothing looks at it without PSP_FAULTS */
};

/* Largest command buffer: SEND_START. */
#define PSP_CMD_MAX_SIZE 68u

/* What *@status of psp_device_command() is after a host fault. */
#define PSP_STATUS_NONE ((SevStatus) 0xffff)

/**
 * PspHandler:
 * @guest: (nullable): the guest that the command buffer names, for a guest command
 * @buffer: (inout): a copy of the command buffer, of the size in the command's row; given
 *   back to the caller with any status
 * @status: (out): to be set whenever %TRUE is returned
 *
 * The dispatcher has checked the platform's and the guest's state.  The order inside a
 * handler is: parameters, work on locals, commit; after the first store into the device
 * nothing may fail.
 *
 * Returns: %FALSE on a host fault
 */
typedef gboolean (*PspHandler) (PspDevice *psp,
                                PspGuest *guest,
                                void *buffer,
                                SevStatus *status,
                                GError **error);

#define PSP_DECLARE_HANDLER(name)                                                          \
    gboolean psp_cmd_##name (PspDevice *psp, PspGuest *guest, void *buffer,                \
                             SevStatus *status, GError **error) G_GNUC_WARN_UNUSED_RESULT

PSP_DECLARE_HANDLER (activate);
PSP_DECLARE_HANDLER (activate_ex);
PSP_DECLARE_HANDLER (attestation);
PSP_DECLARE_HANDLER (copy);
PSP_DECLARE_HANDLER (dbg_decrypt);
PSP_DECLARE_HANDLER (dbg_encrypt);
PSP_DECLARE_HANDLER (deactivate);
PSP_DECLARE_HANDLER (decommission);
PSP_DECLARE_HANDLER (df_flush);
PSP_DECLARE_HANDLER (download_firmware);
PSP_DECLARE_HANDLER (get_id);
PSP_DECLARE_HANDLER (guest_status);
PSP_DECLARE_HANDLER (init);
PSP_DECLARE_HANDLER (init_ex);
PSP_DECLARE_HANDLER (launch_finish);
PSP_DECLARE_HANDLER (launch_measure);
PSP_DECLARE_HANDLER (launch_secret);
PSP_DECLARE_HANDLER (launch_start);
PSP_DECLARE_HANDLER (launch_update_data);
PSP_DECLARE_HANDLER (launch_update_vmsa);
PSP_DECLARE_HANDLER (nop);
PSP_DECLARE_HANDLER (pdh_cert_export);
PSP_DECLARE_HANDLER (pdh_gen);
PSP_DECLARE_HANDLER (pek_cert_import);
PSP_DECLARE_HANDLER (pek_csr);
PSP_DECLARE_HANDLER (pek_gen);
PSP_DECLARE_HANDLER (platform_reset);
PSP_DECLARE_HANDLER (platform_status);
PSP_DECLARE_HANDLER (receive_finish);
PSP_DECLARE_HANDLER (receive_start);
PSP_DECLARE_HANDLER (receive_update_data);
PSP_DECLARE_HANDLER (receive_update_vmsa);
PSP_DECLARE_HANDLER (send_cancel);
PSP_DECLARE_HANDLER (send_finish);
PSP_DECLARE_HANDLER (send_start);
PSP_DECLARE_HANDLER (send_update_data);
PSP_DECLARE_HANDLER (send_update_vmsa);
PSP_DECLARE_HANDLER (shutdown);
PSP_DECLARE_HANDLER (swap_in);
PSP_DECLARE_HANDLER (swap_out);

/**
 * psp_answer: sets *@status; for handlers to end with
 * Returns: %TRUE
 */
gboolean psp_answer (SevStatus *status, SevStatus value);

/** psp_api_at_least: compares the firmware's API version */
gboolean psp_api_at_least (const PspDevice *psp, guint major, guint minor);

/*
 * The host operations.  On %FALSE @error is set, also if the operation forgot to.
 */
gboolean psp_random (PspDevice *psp, void *buf, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** psp_random_secret: Returns: (transfer full) */
SevSecret *psp_random_secret (PspDevice *psp,
                              gsize len,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_range_ok: whether the range is memory; an empty or wrapping range is not */
gboolean psp_range_ok (PspDevice *psp, guint64 paddr, guint64 len, PspMemoryAccess access);
gboolean psp_read (PspDevice *psp, guint64 paddr, void *buf, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean psp_write (PspDevice *psp,
                    guint64 paddr,
                    const void *buf,
                    gsize len,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_write_private: plaintext that becomes an active guest's private memory */
gboolean psp_write_private (PspDevice *psp,
                            const PspGuest *guest,
                            guint64 paddr,
                            const void *data,
                            gsize len,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_read_private: plaintext of an active guest's private memory; the caller wipes it */
gboolean psp_read_private (PspDevice *psp,
                           const PspGuest *guest,
                           guint64 paddr,
                           void *buf,
                           gsize len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * psp_launch_update: what LAUNCH_UPDATE_DATA and _VMSA have in common: the address, the
 *   running digest, the private memory
 * @guest: active, in LUPDATE
 */
gboolean psp_launch_update (PspDevice *psp,
                            PspGuest *guest,
                            guint64 paddr,
                            guint32 len,
                            SevStatus *status,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** PspTransfer: bytes that go from one place in memory to another */
typedef struct {
    guint64 src;
    guint64 dst;
    guint32 len;
    gboolean src_private; /* plaintext of the guest's private memory */
    gboolean dst_private; /* becomes the guest's private memory */
} PspTransfer;

/**
 * psp_transfer: what DBG_DECRYPT, DBG_ENCRYPT and COPY have in common
 * @status: (out): SUCCESS, INACTIVE, INVALID_LENGTH or INVALID_ADDRESS, in this order
 */
gboolean psp_transfer (PspDevice *psp,
                       const PspGuest *guest,
                       const PspTransfer *what,
                       SevStatus *status,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * psp_debug: what DBG_DECRYPT and DBG_ENCRYPT have in common
 * @buffer: a PspDbgCmd
 * @decrypt: reads private memory; else it writes some
 * @status: (out): POLICY_FAILURE, or as psp_transfer() has it
 */
gboolean psp_debug (PspDevice *psp,
                    const PspGuest *guest,
                    const void *buffer,
                    gboolean decrypt,
                    SevStatus *status,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_nv_load: Returns: %TRUE and *@blob, (nullable) (transfer full) */
gboolean psp_nv_load (PspDevice *psp,
                      SevSecret **blob,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean psp_nv_store (PspDevice *psp,
                       const SevSecret *blob,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The persistent state.  @area: of INIT_EX, or 0 for the firmware's own storage.
 */
/** psp_storage_load: psp_nv_load(). Errors: also %PSP_ERROR_NV_DAMAGED, ..._VERSION. */
gboolean psp_storage_load (PspDevice *psp, guint64 area, SevSecret **blob, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean psp_storage_store (PspDevice *psp,
                            guint64 area,
                            const SevSecret *blob,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_store_keys: makes @keys the persistent state. Errors: also %SEV_ERROR_CRYPTO. */
gboolean psp_store_keys (PspDevice *psp, guint64 area, const PspKeys *keys, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/**
 * psp_replace_keys: psp_store_keys() where the present ones are, then puts them in place
 * @keys: (inout) (transfer full): %NULL afterwards; unchanged on failure
 */
gboolean psp_replace_keys (PspDevice *psp,
                           PspKeys **keys,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_activate: ACTIVATE and ACTIVATE_EX, once their buffers are read */
SevStatus psp_activate (PspDevice *psp, PspGuest *guest, guint32 asid);

/** PspInitParams: what INIT and INIT_EX have in common */
typedef struct {
    guint32 options;
    guint64 tmr_paddr;
    guint32 tmr_len;
    guint64 nv_area; /* 0: the firmware's own storage */
} PspInitParams;

/** psp_init: checks all but @nv_area, and does it */
gboolean psp_init (PspDevice *psp,
                   const PspInitParams *params,
                   SevStatus *status,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** psp_guest_count: guest contexts of the platform, those of other instances included */
guint32 psp_guest_count (const PspDevice *psp);

/** psp_device_stop: drops and wipes all volatile state; the platform is UNINIT */
void psp_device_stop (PspDevice *psp);

G_END_DECLS
