/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-digest.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-guest
 * @short_description: guest contexts, handles and ASIDs
 *
 * Design choices, for which no public source decides: handles count up from 1 and are used
 * again only after a wrap; guests that share a memory key may share an ASID, others not;
 * an ASID that was left needs DF_FLUSH before it is taken again, and after INIT all do
 * (Linux does WBINVD on all cores and DF_FLUSH in both cases).  The emulated host has no
 * cache lines tagged with an ASID, so WBINVD_REQUIRED is never answered.
 */

/** PspGuest: GCTX.  Members that are %NULL do not exist in the guest's state. */
typedef struct {
    guint32 handle; /* never 0 */
    guint32 asid;   /* 0: inactive */
    guint32 policy;
    SevGuestState state;
    SevSecret *vek;    /* the same object in guests that share it */
    SevSecret *tek;    /* until LAUNCH_FINISH, RECEIVE_FINISH; while it is being sent */
    SevSecret *tik;    /* likewise */
    SevDigest *digest; /* running, until LAUNCH_MEASURE */
    guint8
        launch_digest[SEV_DIGEST_SIZE]; /* from LAUNCH_MEASURE on; kept for ATTESTATION */
    guint8 measure[SEV_MAC_SIZE];       /* from LAUNCH_MEASURE until LAUNCH_FINISH */
    GHashTable *swapped; /* (nullable): nonces of pages that SWAP_OUT gave away */
} PspGuest;

PspGuest *psp_guest_new (guint32 policy);
void psp_guest_free (PspGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PspGuest, psp_guest_free)

/** psp_guest_wipe_launch: TEK, TIK, running digest, MEASURE; not the finalised digest */
void psp_guest_wipe_launch (PspGuest *guest);

/**
 * psp_guest_advance:
 * @command: a #PspCommandId that succeeded
 *
 * Moves the guest to the state that the transition table gives for @command; a
 * programmer's error if there is none from the present state.
 */
void psp_guest_advance (PspGuest *guest, guint32 command);

/*
 * Pages that are out: SWAP_OUT adds a nonce, SWAP_IN takes it away.  Only its first 8 bytes
 * count; SWAP_OUT takes no nonce that is_swapped() says is there.
 */
gboolean psp_guest_is_swapped (const PspGuest *guest, const guint8 *nonce);
guint psp_guest_swapped_count (const PspGuest *guest);
void psp_guest_add_swapped (PspGuest *guest, const guint8 *nonce);
void psp_guest_remove_swapped (PspGuest *guest, const guint8 *nonce);

typedef struct _PspGuests PspGuests;

PspGuests *psp_guests_new (guint32 max_asid);
void psp_guests_free (PspGuests *guests);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PspGuests, psp_guests_free)

/** psp_guests_find: Returns: (nullable) (transfer none) */
PspGuest *psp_guests_find (const PspGuests *guests, guint32 handle);
guint32 psp_guests_count (const PspGuests *guests);
gboolean psp_guests_full (const PspGuests *guests);
/** psp_guests_add: gives a handle; @guest: (transfer full); not when full */
void psp_guests_add (PspGuests *guests, PspGuest *guest);
/** psp_guests_remove: wipes and frees @guest, which must be inactive */
void psp_guests_remove (PspGuests *guests, PspGuest *guest);

/** psp_guests_asid_owned: whether a guest with another memory key is active on @asid */
gboolean psp_guests_asid_owned (const PspGuests *guests,
                                guint32 asid,
                                const SevSecret *vek);
/** psp_guests_asid_stale: whether @asid needs DF_FLUSH first; not if it is in use */
gboolean psp_guests_asid_stale (const PspGuests *guests, guint32 asid);
void psp_guests_activate (PspGuests *guests, PspGuest *guest, guint32 asid);
void psp_guests_deactivate (PspGuests *guests, PspGuest *guest);
void psp_guests_flush (PspGuests *guests);

G_END_DECLS
