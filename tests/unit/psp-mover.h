/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/unit/psp-fake-host.h"

/*
 * The other party of SEND_* and RECEIVE_*: a target with all its keys, a sender of sessions
 * and packets, a receiver of them.  Sessions and packets are made and opened with OpenSSL
 * called directly, by the formulas of AMD's sev-tool.
 */

typedef struct {
    guint8 pdh[SEV_CERT_SIZE];
    guint8 plat[SEV_CERT_CHAIN_SIZE];       /* PEK || OCA || CEK, the CEK signed */
    guint8 amd[2 * SEV_AMD_CERT_SIZE_4096]; /* ASK || ARK */
    guint32 amd_len;
    SevEcKey *oca_key, *pek_key, *pdh_key; /* %NULL in mover_own() */
} MoverTarget;

#define MOVER_PEK(target) ((target)->plat)
#define MOVER_OCA(target) ((target)->plat + SEV_CERT_SIZE)
#define MOVER_CEK(target) ((target)->plat + 2 * SEV_CERT_SIZE)

/* Another platform of fake_chip(), with that API version. */
MoverTarget *mover_make (guint8 api_major, guint8 api_minor);
/* The platform itself, for a snapshot. */
MoverTarget *mover_own (PspDevice *psp);
void mover_free (MoverTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MoverTarget, mover_free)

/* Signs the body of a certificate into a slot and makes the other one empty. */
void mover_sign (guint8 *cert, guint slot, SevUsage signer, const SevEcKey *key);

/* Where the certificates and the session lie in the fake host's memory. */
#define MOVER_PDH FAKE_AT (0x30000)
#define MOVER_PLAT FAKE_AT (0x31000)
#define MOVER_AMD FAKE_AT (0x33000)
#define MOVER_SESSION FAKE_AT (0x34000)

/* Puts the certificates into memory, and a SEND_START for them into @cmd. */
void mover_put (const MoverTarget *target,
                FakeHost *host,
                guint32 handle,
                PspSendStartCmd *cmd);

/* The keys of the sender's sessions. */
extern const guint8 mover_tek[16];
extern const guint8 mover_tik[16];

/* A session for the platform's PDH into memory, by a sender whose key is new, and a
 * RECEIVE_START for it into @cmd.
 */
void mover_put_session (PspDevice *psp,
                        FakeHost *host,
                        guint32 policy,
                        PspLaunchStartCmd *cmd);

/* Opens the session at MOVER_SESSION as the target; both MACs must be right. */
void mover_open_session (const MoverTarget *target,
                         const PspDevice *sender,
                         FakeHost *host,
                         guint32 policy,
                         guint8 tek[16],
                         guint8 tik[16]);

/* A packet into memory.  @context: 2 data, 3 save area */
void mover_put_packet (FakeHost *host,
                       const guint8 *tek,
                       const guint8 *tik,
                       guint8 context,
                       guint64 header_paddr,
                       guint64 trans_paddr,
                       const guint8 *plain,
                       guint32 len);
/* Opens a packet in memory; the MAC must be right. */
void mover_open_packet (FakeHost *host,
                        const guint8 *tek,
                        const guint8 *tik,
                        guint8 context,
                        guint64 header_paddr,
                        guint64 trans_paddr,
                        guint8 *plain,
                        guint32 len);
