/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/*
 * Command ids and command buffers of the firmware's mailbox.  These are not the structs of
 * <linux/psp-sev.h>, which is the driver's ioctl interface: ids and layouts differ.
 *
 * Numbers and layouts: AMD's sev-tool (src/sevapi.h) and Linux (include/linux/psp-sev.h of
 * the kernel's own headers).  All members are little-endian.  "io": length in, needed or
 * written length out.  Reserved members are ignored (no source says that they are
 * checked).
 */
typedef enum {
    PSP_CMD_INIT = 0x01,
    PSP_CMD_SHUTDOWN = 0x02,
    PSP_CMD_PLATFORM_RESET = 0x03,
    PSP_CMD_PLATFORM_STATUS = 0x04,
    PSP_CMD_PEK_GEN = 0x05,
    PSP_CMD_PEK_CSR = 0x06,
    PSP_CMD_PEK_CERT_IMPORT = 0x07,
    PSP_CMD_PDH_CERT_EXPORT = 0x08,
    PSP_CMD_PDH_GEN = 0x09,
    PSP_CMD_DF_FLUSH = 0x0a,
    PSP_CMD_DOWNLOAD_FIRMWARE = 0x0b,
    PSP_CMD_GET_ID = 0x0c,
    PSP_CMD_INIT_EX = 0x0d,
    PSP_CMD_NOP = 0x0e,
    PSP_CMD_DECOMMISSION = 0x20,
    PSP_CMD_ACTIVATE = 0x21,
    PSP_CMD_DEACTIVATE = 0x22,
    PSP_CMD_GUEST_STATUS = 0x23,
    PSP_CMD_COPY = 0x24,
    PSP_CMD_ACTIVATE_EX = 0x25,
    PSP_CMD_LAUNCH_START = 0x30,
    PSP_CMD_LAUNCH_UPDATE_DATA = 0x31,
    PSP_CMD_LAUNCH_UPDATE_VMSA = 0x32,
    PSP_CMD_LAUNCH_MEASURE = 0x33,
    PSP_CMD_LAUNCH_SECRET = 0x34,
    PSP_CMD_LAUNCH_FINISH = 0x35,
    PSP_CMD_ATTESTATION = 0x36,
    PSP_CMD_SEND_START = 0x40,
    PSP_CMD_SEND_UPDATE_DATA = 0x41,
    PSP_CMD_SEND_UPDATE_VMSA = 0x42,
    PSP_CMD_SEND_FINISH = 0x43,
    PSP_CMD_SEND_CANCEL = 0x44,
    PSP_CMD_RECEIVE_START = 0x50,
    PSP_CMD_RECEIVE_UPDATE_DATA = 0x51,
    PSP_CMD_RECEIVE_UPDATE_VMSA = 0x52,
    PSP_CMD_RECEIVE_FINISH = 0x53,
    PSP_CMD_DBG_DECRYPT = 0x60,
    PSP_CMD_DBG_ENCRYPT = 0x61,
    PSP_CMD_SWAP_OUT = 0x70,
    PSP_CMD_SWAP_IN = 0x71,
} PspCommandId;

/** psp_command_name: Returns: "LAUNCH_START", ... or "unknown"; static storage */
const char *psp_command_name (guint32 command);

/* DOWNLOAD_FIRMWARE. */
typedef struct __attribute__ ((packed)) {
    guint64 fw_paddr_le; /* 00h: a multiple of 32 */
    guint32 fw_len_le;   /* 08h: at most psp_image_max_size() */
} PspDownloadFirmwareCmd;
G_STATIC_ASSERT (sizeof (PspDownloadFirmwareCmd) == 12);
G_STATIC_ASSERT (offsetof (PspDownloadFirmwareCmd, fw_len_le) == 8);

/* PEK_CSR. */
typedef struct __attribute__ ((packed)) {
    guint64 csr_paddr_le; /* 00h: 0 asks for the length */
    guint32 csr_len_le;   /* 08h io: 2084 */
} PspPekCsrCmd;
G_STATIC_ASSERT (sizeof (PspPekCsrCmd) == 12);
G_STATIC_ASSERT (offsetof (PspPekCsrCmd, csr_len_le) == 8);

/* PEK_CERT_IMPORT. */
typedef struct __attribute__ ((packed)) {
    guint64 pek_paddr_le; /* 00h: the signed CSR */
    guint32 pek_len_le;   /* 08h: 2084 */
    guint32 reserved;
    guint64 oca_paddr_le; /* 10h: the owner's certificate */
    guint32 oca_len_le;   /* 18h: 2084 */
} PspPekCertImportCmd;
G_STATIC_ASSERT (sizeof (PspPekCertImportCmd) == 28);
G_STATIC_ASSERT (offsetof (PspPekCertImportCmd, pek_len_le) == 8);
G_STATIC_ASSERT (offsetof (PspPekCertImportCmd, oca_paddr_le) == 16);
G_STATIC_ASSERT (offsetof (PspPekCertImportCmd, oca_len_le) == 24);

#define PSP_INIT_OPTION_ES (1u << 0)
#define PSP_TMR_SIZE 0x100000u /* size and alignment of the trusted memory region */

typedef struct __attribute__ ((packed)) {
    guint32 options_le; /* 00h: PSP_INIT_OPTION_* */
    guint32 reserved;
    guint64 tmr_paddr_le; /* 08h: looked at only with PSP_INIT_OPTION_ES */
    guint32 tmr_len_le;   /* 10h */
} PspInitCmd;
G_STATIC_ASSERT (sizeof (PspInitCmd) == 20);
G_STATIC_ASSERT (offsetof (PspInitCmd, tmr_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspInitCmd, tmr_len_le) == 16);

typedef struct __attribute__ ((packed)) {
    guint32 len_le;       /* 00h: 24h */
    guint32 options_le;   /* 04h: PSP_INIT_OPTION_* */
    guint64 tmr_paddr_le; /* 08h */
    guint32 tmr_len_le;   /* 10h */
    guint32 reserved;
    guint64 nv_paddr_le; /* 18h: a multiple of 4 KiB */
    guint32 nv_len_le;   /* 20h: 32 KiB */
} PspInitExCmd;
G_STATIC_ASSERT (sizeof (PspInitExCmd) == 36);
G_STATIC_ASSERT (offsetof (PspInitExCmd, options_le) == 4);
G_STATIC_ASSERT (offsetof (PspInitExCmd, tmr_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspInitExCmd, tmr_len_le) == 16);
G_STATIC_ASSERT (offsetof (PspInitExCmd, nv_paddr_le) == 24);
G_STATIC_ASSERT (offsetof (PspInitExCmd, nv_len_le) == 32);

#define PSP_STATUS_OWNER_EXTERNAL 0x01u /* of @owner */
#define PSP_STATUS_CONFIG_ES 0x0001u    /* of @config_le */

typedef struct __attribute__ ((packed)) {
    guint8 api_major;       /* 00h out */
    guint8 api_minor;       /* 01h out */
    guint8 state;           /* 02h out: SevPlatformState */
    guint8 owner;           /* 03h out: PSP_STATUS_OWNER_*; 0 when UNINIT */
    guint16 config_le;      /* 04h out: PSP_STATUS_CONFIG_*; 0 when UNINIT */
    guint8 reserved;        /* 06h out: 0 */
    guint8 build;           /* 07h out */
    guint32 guest_count_le; /* 08h out: guest contexts */
} PspPlatformStatusCmd;
G_STATIC_ASSERT (sizeof (PspPlatformStatusCmd) == 12);
G_STATIC_ASSERT (offsetof (PspPlatformStatusCmd, config_le) == 4);
G_STATIC_ASSERT (offsetof (PspPlatformStatusCmd, build) == 7);
G_STATIC_ASSERT (offsetof (PspPlatformStatusCmd, guest_count_le) == 8);

typedef struct __attribute__ ((packed)) {
    guint64 pdh_paddr_le; /* 00h: 0 asks for the lengths */
    guint32 pdh_len_le;   /* 08h io: 2084 */
    guint32 reserved;
    guint64 certs_paddr_le; /* 10h: PEK || OCA || CEK; 0 asks for the lengths */
    guint32 certs_len_le;   /* 18h io: 6252 */
} PspPdhCertExportCmd;
G_STATIC_ASSERT (sizeof (PspPdhCertExportCmd) == 28);
G_STATIC_ASSERT (offsetof (PspPdhCertExportCmd, pdh_len_le) == 8);
G_STATIC_ASSERT (offsetof (PspPdhCertExportCmd, certs_paddr_le) == 16);
G_STATIC_ASSERT (offsetof (PspPdhCertExportCmd, certs_len_le) == 24);

typedef struct __attribute__ ((packed)) {
    guint64 id_paddr_le; /* 00h: a multiple of 8; 0 asks for the length */
    guint32 id_len_le;   /* 08h io: 64, the emulated platform has one socket */
} PspGetIdCmd;
G_STATIC_ASSERT (sizeof (PspGetIdCmd) == 12);
G_STATIC_ASSERT (offsetof (PspGetIdCmd, id_len_le) == 8);

/* DECOMMISSION, DEACTIVATE, LAUNCH_FINISH. */
typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
} PspHandleCmd;
G_STATIC_ASSERT (sizeof (PspHandleCmd) == 4);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 asid_le;   /* 04h */
} PspActivateCmd;
G_STATIC_ASSERT (sizeof (PspActivateCmd) == 8);
G_STATIC_ASSERT (offsetof (PspActivateCmd, asid_le) == 4);

/* ACTIVATE_EX: the one guest command whose handle is not in front. */
typedef struct __attribute__ ((packed)) {
    guint32 ex_len_le;    /* 00h: 18h */
    guint32 handle_le;    /* 04h */
    guint32 asid_le;      /* 08h */
    guint32 num_ids_le;   /* 0ch */
    guint64 ids_paddr_le; /* 10h: so many 32-bit numbers of cores */
} PspActivateExCmd;
G_STATIC_ASSERT (sizeof (PspActivateExCmd) == 24);
G_STATIC_ASSERT (offsetof (PspActivateExCmd, handle_le) == 4);
G_STATIC_ASSERT (offsetof (PspActivateExCmd, asid_le) == 8);
G_STATIC_ASSERT (offsetof (PspActivateExCmd, num_ids_le) == 12);
G_STATIC_ASSERT (offsetof (PspActivateExCmd, ids_paddr_le) == 16);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 policy_le; /* 04h out */
    guint32 asid_le;   /* 08h out: 0 when inactive */
    guint8 state;      /* 0ch out: SevGuestState */
} PspGuestStatusCmd;
G_STATIC_ASSERT (sizeof (PspGuestStatusCmd) == 13);
G_STATIC_ASSERT (offsetof (PspGuestStatusCmd, asid_le) == 8);
G_STATIC_ASSERT (offsetof (PspGuestStatusCmd, state) == 12);

/* LAUNCH_START; RECEIVE_START with the sender's PDH certificate in the place of dh_cert. */
typedef struct __attribute__ ((packed)) {
    guint32 handle_le;        /* 00h io: 0 or the guest whose key is shared; new handle */
    guint32 policy_le;        /* 04h: SEV_POLICY_* */
    guint64 dh_cert_paddr_le; /* 08h: 0: no session, the firmware makes up TEK and TIK */
    guint32 dh_cert_len_le;   /* 10h: 2084 */
    guint32 reserved;
    guint64 session_paddr_le; /* 18h: SevSessionWire */
    guint32 session_len_le;   /* 20h: 128 */
} PspLaunchStartCmd;
G_STATIC_ASSERT (sizeof (PspLaunchStartCmd) == 36);
G_STATIC_ASSERT (offsetof (PspLaunchStartCmd, dh_cert_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspLaunchStartCmd, dh_cert_len_le) == 16);
G_STATIC_ASSERT (offsetof (PspLaunchStartCmd, session_paddr_le) == 24);
G_STATIC_ASSERT (offsetof (PspLaunchStartCmd, session_len_le) == 32);

/* LAUNCH_UPDATE_DATA, LAUNCH_UPDATE_VMSA; LAUNCH_MEASURE with an io length. */
typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 reserved;
    guint64 paddr_le; /* 08h */
    guint32 len_le;   /* 10h */
} PspLaunchDataCmd;
G_STATIC_ASSERT (sizeof (PspLaunchDataCmd) == 20);
G_STATIC_ASSERT (offsetof (PspLaunchDataCmd, paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspLaunchDataCmd, len_le) == 16);

#define PSP_VMSA_SIZE 4096u /* the save area of one virtual CPU */

/*
 * LAUNCH_SECRET, RECEIVE_UPDATE_DATA, RECEIVE_UPDATE_VMSA; SEND_UPDATE_DATA and
 * SEND_UPDATE_VMSA with hdr_len and trans_len io.
 */
typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 reserved1;
    guint64 hdr_paddr_le; /* 08h: SevPacketHeaderWire */
    guint32 hdr_len_le;   /* 10h: 52 */
    guint32 reserved2;
    guint64 guest_paddr_le; /* 18h: where the plaintext goes; a multiple of 16 */
    guint32 guest_len_le;   /* 20h: a multiple of 16, at most 16 KiB */
    guint32 reserved3;
    guint64 trans_paddr_le; /* 28h: ciphertext */
    guint32 trans_len_le;   /* 30h: as guest_len */
} PspLaunchSecretCmd;
G_STATIC_ASSERT (sizeof (PspLaunchSecretCmd) == 52);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, hdr_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, hdr_len_le) == 16);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, guest_paddr_le) == 24);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, guest_len_le) == 32);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, trans_paddr_le) == 40);
G_STATIC_ASSERT (offsetof (PspLaunchSecretCmd, trans_len_le) == 48);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 reserved;
    guint64 paddr_le;              /* 08h: SevReportWire; 0 asks for the length */
    guint8 mnonce[SEV_NONCE_SIZE]; /* 10h: goes into the report */
    guint32 len_le;                /* 20h io: 208 */
} PspAttestationCmd;
G_STATIC_ASSERT (sizeof (PspAttestationCmd) == 36);
G_STATIC_ASSERT (offsetof (PspAttestationCmd, paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspAttestationCmd, mnonce) == 16);
G_STATIC_ASSERT (offsetof (PspAttestationCmd, len_le) == 32);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le;    /* 00h */
    guint32 policy_le;    /* 04h out */
    guint64 pdh_paddr_le; /* 08h: of the target */
    guint32 pdh_len_le;   /* 10h: 2084 */
    guint32 reserved1;
    guint64 plat_paddr_le; /* 18h: PEK || OCA || CEK of the target */
    guint32 plat_len_le;   /* 20h: 6252 */
    guint32 reserved2;
    guint64 amd_paddr_le; /* 28h: ASK || ARK; looked at only with SEV_POLICY_SEV */
    guint32 amd_len_le;   /* 30h: 1664 or 3200 */
    guint32 reserved3;
    guint64 session_paddr_le; /* 38h: SevSessionWire; 0 asks for the length */
    guint32 session_len_le;   /* 40h io: 128 */
} PspSendStartCmd;
G_STATIC_ASSERT (sizeof (PspSendStartCmd) == 68);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, pdh_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, pdh_len_le) == 16);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, plat_paddr_le) == 24);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, plat_len_le) == 32);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, amd_paddr_le) == 40);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, amd_len_le) == 48);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, session_paddr_le) == 56);
G_STATIC_ASSERT (offsetof (PspSendStartCmd, session_len_le) == 64);

/* DBG_DECRYPT, DBG_ENCRYPT. */
typedef struct __attribute__ ((packed)) {
    guint32 handle_le; /* 00h */
    guint32 reserved;
    guint64 src_paddr_le; /* 08h: a multiple of 16 */
    guint64 dst_paddr_le; /* 10h: a multiple of 16 */
    guint32 len_le;       /* 18h: a multiple of 16 */
} PspDbgCmd;
G_STATIC_ASSERT (sizeof (PspDbgCmd) == 28);
G_STATIC_ASSERT (offsetof (PspDbgCmd, src_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspDbgCmd, dst_paddr_le) == 16);
G_STATIC_ASSERT (offsetof (PspDbgCmd, len_le) == 24);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le;    /* 00h */
    guint32 len_le;       /* 04h: a multiple of 16 */
    guint64 src_paddr_le; /* 08h: a multiple of 16 */
    guint64 dst_paddr_le; /* 10h: a multiple of 16 */
} PspCopyCmd;
G_STATIC_ASSERT (sizeof (PspCopyCmd) == 24);
G_STATIC_ASSERT (offsetof (PspCopyCmd, len_le) == 4);
G_STATIC_ASSERT (offsetof (PspCopyCmd, src_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspCopyCmd, dst_paddr_le) == 16);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le;      /* 00h */
    guint32 flags_le;       /* 04h: PSP_SWAP_* */
    guint64 src_paddr_le;   /* 08h: the page, a multiple of its size */
    guint64 dst_paddr_le;   /* 10h: ciphertext, a multiple of its size */
    guint64 mdata_paddr_le; /* 18h: PspSwapEntry */
    guint64 software_le;    /* 20h: goes into the entry as it is */
} PspSwapOutCmd;
G_STATIC_ASSERT (sizeof (PspSwapOutCmd) == 40);
G_STATIC_ASSERT (offsetof (PspSwapOutCmd, flags_le) == 4);
G_STATIC_ASSERT (offsetof (PspSwapOutCmd, src_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspSwapOutCmd, dst_paddr_le) == 16);
G_STATIC_ASSERT (offsetof (PspSwapOutCmd, mdata_paddr_le) == 24);
G_STATIC_ASSERT (offsetof (PspSwapOutCmd, software_le) == 32);

typedef struct __attribute__ ((packed)) {
    guint32 handle_le;      /* 00h */
    guint32 flags_le;       /* 04h: PSP_SWAP_* */
    guint64 src_paddr_le;   /* 08h: ciphertext, a multiple of its size */
    guint64 dst_paddr_le;   /* 10h: the page, a multiple of its size */
    guint64 mdata_paddr_le; /* 18h: PspSwapEntry */
} PspSwapInCmd;
G_STATIC_ASSERT (sizeof (PspSwapInCmd) == 32);
G_STATIC_ASSERT (offsetof (PspSwapInCmd, flags_le) == 4);
G_STATIC_ASSERT (offsetof (PspSwapInCmd, src_paddr_le) == 8);
G_STATIC_ASSERT (offsetof (PspSwapInCmd, dst_paddr_le) == 16);
G_STATIC_ASSERT (offsetof (PspSwapInCmd, mdata_paddr_le) == 24);

G_END_DECLS
