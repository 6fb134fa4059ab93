/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include <glib.h>

G_BEGIN_DECLS

/*
 * Byte layouts and numbers shared by every party to the SEV API (AMD publication 55766).
 * Nothing here decides anything: no keys, no state.
 *
 * A *Wire type is only ever the target of a memcpy() of bytes whose length was checked,
 * never a cast of foreign memory.  Members wider than a byte say their order (_le).  Sizes
 * and offsets are asserted with the numbers of AMD's sev-tool (src/sevapi.h) and Linux
 * (<linux/psp-sev.h>).
 */

#define SEV_KEY_SIZE 16u /* TEK, TIK, KEK, KIK, master secret */
#define SEV_IV_SIZE 16u
#define SEV_MAC_SIZE 32u    /* HMAC-SHA-256 */
#define SEV_DIGEST_SIZE 32u /* SHA-256 */
#define SEV_NONCE_SIZE 16u

/* LAUNCH_START, session buffer. */
typedef struct __attribute__ ((packed)) {
    guint8 nonce[SEV_NONCE_SIZE];     /* 00h: context of the master secret */
    guint8 wrap_tk[2 * SEV_KEY_SIZE]; /* 10h: AES-128-CTR (KEK, WRAP_IV, TEK || TIK) */
    guint8 wrap_iv[SEV_IV_SIZE];      /* 30h */
    guint8 wrap_mac[SEV_MAC_SIZE];    /* 40h: HMAC (KIK, WRAP_TK), over the ciphertext */
    guint8 policy_mac[SEV_MAC_SIZE];  /* 60h: HMAC (TIK, POLICY as LE32) */
} SevSessionWire;
G_STATIC_ASSERT (sizeof (SevSessionWire) == 128);
G_STATIC_ASSERT (offsetof (SevSessionWire, wrap_tk) == 0x10);
G_STATIC_ASSERT (offsetof (SevSessionWire, wrap_iv) == 0x30);
G_STATIC_ASSERT (offsetof (SevSessionWire, wrap_mac) == 0x40);
G_STATIC_ASSERT (offsetof (SevSessionWire, policy_mac) == 0x60);

/* LAUNCH_MEASURE, measurement buffer. */
typedef struct __attribute__ ((packed)) {
    guint8 measure[SEV_MAC_SIZE];  /* 00h */
    guint8 mnonce[SEV_NONCE_SIZE]; /* 20h: chosen by the firmware */
} SevMeasureWire;
G_STATIC_ASSERT (sizeof (SevMeasureWire) == 48);
G_STATIC_ASSERT (offsetof (SevMeasureWire, mnonce) == 0x20);

/* LAUNCH_SECRET (and SEND/RECEIVE_UPDATE), packet header buffer. */
typedef struct __attribute__ ((packed)) {
    guint32 flags_le;         /* 00h: SEV_PACKET_FLAG_* */
    guint8 iv[SEV_IV_SIZE];   /* 04h */
    guint8 mac[SEV_MAC_SIZE]; /* 14h */
} SevPacketHeaderWire;
G_STATIC_ASSERT (sizeof (SevPacketHeaderWire) == 52);
G_STATIC_ASSERT (offsetof (SevPacketHeaderWire, iv) == 0x04);
G_STATIC_ASSERT (offsetof (SevPacketHeaderWire, mac) == 0x14);

#define SEV_REPORT_SIG_FIELD 72u /* width of r and of s, little-endian */

/* ATTESTATION, report buffer. */
typedef struct __attribute__ ((packed)) {
    guint8 mnonce[SEV_NONCE_SIZE];      /* 00h: chosen by the caller */
    guint8 ld[SEV_DIGEST_SIZE];         /* 10h: launch digest */
    guint32 policy_le;                  /* 30h: the last of what is signed */
    guint32 sig_usage_le;               /* 34h: of the signing key: PEK */
    guint32 sig_algo_le;                /* 38h */
    guint32 reserved;                   /* 3ch */
    guint8 sig_r[SEV_REPORT_SIG_FIELD]; /* 40h */
    guint8 sig_s[SEV_REPORT_SIG_FIELD]; /* 88h */
} SevReportWire;
G_STATIC_ASSERT (sizeof (SevReportWire) == 208);
G_STATIC_ASSERT (offsetof (SevReportWire, ld) == 0x10);
G_STATIC_ASSERT (offsetof (SevReportWire, policy_le) == 0x30);
G_STATIC_ASSERT (offsetof (SevReportWire, sig_usage_le) == 0x34);
G_STATIC_ASSERT (offsetof (SevReportWire, sig_r) == 0x40);
G_STATIC_ASSERT (offsetof (SevReportWire, sig_s) == 0x88);

#define SEV_REPORT_SIGNED_SIZE 52u /* bytes 00h..33h (AMD's sev-tool) */

#define SEV_PACKET_FLAG_COMPRESSED (1u << 0)

/* First byte of the MAC preimages: tells a packet from a measurement. */
#define SEV_MAC_CONTEXT_SECRET 0x01u
#define SEV_MAC_CONTEXT_DATA 0x02u /* SEND_, RECEIVE_UPDATE_DATA */
#define SEV_MAC_CONTEXT_VMSA 0x03u /* SEND_, RECEIVE_UPDATE_VMSA; no source shows it */
#define SEV_MAC_CONTEXT_MEASURE 0x04u

/* LAUNCH_SECRET takes at most so many bytes, a multiple of 16 (sevctl, Linux). */
#define SEV_SECRET_MAX_SIZE 16384u
#define SEV_BLOCK_SIZE 16u

/* Guest policy of SEV and SEV-ES, LAUNCH_START. */
#define SEV_POLICY_NODBG (1u << 0)
#define SEV_POLICY_NOKS (1u << 1)
#define SEV_POLICY_ES (1u << 2)
#define SEV_POLICY_NOSEND (1u << 3)
#define SEV_POLICY_DOMAIN (1u << 4)
#define SEV_POLICY_SEV (1u << 5)
#define SEV_POLICY_RESERVED 0x0000ffc0u
#define SEV_POLICY_API_MAJOR_SHIFT 16u
#define SEV_POLICY_API_MINOR_SHIFT 24u

/* Labels of the key derivation, hashed without their NUL. */
#define SEV_LABEL_MASTER_SECRET "sev-master-secret"
#define SEV_LABEL_KEK "sev-kek"
#define SEV_LABEL_KIK "sev-kik"

/*
 * First firmware API whose MACs name their context and versions and bind packets to the
 * measurement.  Older formulas exist for --allow-legacy-api only.
 */
#define SEV_API_BOUND_MAJOR 0u
#define SEV_API_BOUND_MINOR 17u

/* PLATFORM_STATUS.STATE. */
typedef enum {
    SEV_PLATFORM_UNINIT = 0,
    SEV_PLATFORM_INIT = 1,
    SEV_PLATFORM_WORKING = 2,
} SevPlatformState;

/* GUEST_STATUS.STATE. */
typedef enum {
    SEV_GUEST_UNINIT = 0,
    SEV_GUEST_LAUNCH_UPDATE = 1,
    SEV_GUEST_LAUNCH_SECRET = 2,
    SEV_GUEST_RUNNING = 3,
    SEV_GUEST_SEND_UPDATE = 4,
    SEV_GUEST_RECEIVE_UPDATE = 5,
    SEV_GUEST_SENT = 6,
} SevGuestState;

G_END_DECLS
