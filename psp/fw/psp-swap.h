/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "psp/fw/psp-private.h"

G_BEGIN_DECLS

/*
 * Pages that a hypervisor writes to its disk: SWAP_OUT and SWAP_IN.
 *
 * The command buffers and the 64 bytes of a metadata entry are AMD's (sev-tool,
 * src/sevapi.h).  Everything else is a design choice, made here: no public source says how
 * a page is protected.
 *
 * A page leaves as AES-128-CTR ciphertext, and its metadata entry holds an HMAC-SHA-256 of
 * the entry and the ciphertext.  Both keys are derived for one guest from a key that is
 * made at the first SWAP_OUT and is forgotten at SHUTDOWN:
 *
 *   key = KDF (swap key, label, LE32 (HANDLE) || VEK)     (sev-kdf.h)
 *
 * so that a page of another guest is refused, also of one with the same memory key, or from
 * before a restart.  The guest's context remembers the nonces of what is out.  A page comes
 * back once; a page that was never out, or is back already, is INVALID_MDATA_ENTRY: whoever
 * keeps old files cannot choose between the states of a page.  That is no more than a
 * hypervisor can do with ciphertext in memory on SEV without SNP, but no less.
 *
 * The address is not part of it: a page may come back elsewhere, at another address.
 */

#define PSP_SWAP_FLAG_2M (1u << 0)
#define PSP_SWAP_TYPE_MASK (3u << 1)
#define PSP_SWAP_TYPE_DATA (0u << 1)
#define PSP_SWAP_TYPE_VMSA (2u << 1)
#define PSP_SWAP_FLAG_IN_PLACE (1u << 3) /* SWAP_IN only: DST_PADDR is not looked at */

/* So many pages of a guest may be out at a time, then RESOURCE_LIMIT. */
#define PSP_SWAP_MAX_PAGES 0x100000u

#define PSP_SWAP_NONCE_SIZE 12u

/** PspSwapEntry: metadata entry; its address is a multiple of its size */
typedef struct __attribute__ ((packed)) {
    guint64 software_le;               /* 00h: the caller's, from SWAP_OUT */
    guint32 flags_le;                  /* 08h: size and type */
    guint8 nonce[PSP_SWAP_NONCE_SIZE]; /* 0ch: the counter block, without the counter */
    guint64 reserved;                  /* 18h: 0 */
    guint8 mac[SEV_MAC_SIZE];          /* 20h: of 00h to 1fh and the ciphertext */
} PspSwapEntry;
G_STATIC_ASSERT (sizeof (PspSwapEntry) == 64);
G_STATIC_ASSERT (offsetof (PspSwapEntry, flags_le) == 0x08);
G_STATIC_ASSERT (offsetof (PspSwapEntry, nonce) == 0x0c);
G_STATIC_ASSERT (offsetof (PspSwapEntry, mac) == 0x20);

/** PspSwap: keys of one guest, for one command */
typedef struct {
    SevSecret *enc;
    SevSecret *mac;
} PspSwap;

/** psp_swap_page_size: Returns: 4 KiB or 2 MiB */
guint32 psp_swap_page_size (guint32 flags);

/**
 * psp_swap_check_guest:
 * @flags: size and type only
 * Returns: SUCCESS; INVALID_PARAM (no such type, a save area of 2 MiB), POLICY_FAILURE (a
 *   save area, but no ES), INACTIVE (no ASID)
 */
SevStatus psp_swap_check_guest (const PspGuest *guest, guint32 flags);

/** psp_swap_init: derives the keys; psp_swap_clear() also after a failure */
gboolean psp_swap_init (PspSwap *swap,
                        const SevSecret *swap_key,
                        const PspGuest *guest,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void psp_swap_clear (PspSwap *swap);

/**
 * psp_swap_crypt: encrypts or decrypts a part of a page
 * @offset: of the part in the page, a multiple of 16
 */
gboolean psp_swap_crypt (const PspSwap *swap,
                         const PspSwapEntry *entry,
                         guint32 offset,
                         const guint8 *in,
                         guint8 *out,
                         guint32 len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_swap_mac: over all of the entry but its MAC, and the ciphertext */
gboolean psp_swap_mac (const PspSwap *swap,
                       const PspSwapEntry *entry,
                       const guint8 *data,
                       guint32 len,
                       guint8 mac[SEV_MAC_SIZE],
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
