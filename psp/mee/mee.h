/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: mee
 * @short_description: one guest's memory-encryption engine
 *
 * What the memory controller does with private pages: AES-128 in XEX form, for each block
 * of 16 bytes at the physical address p
 *
 *     C = AES (K, P ^ T(p)) ^ T(p)        T(p) = xor of t(i) over the bits i that p has set
 *
 * with bits 4 to 51.  AES in this form with a tweak that is linear in the bits of the
 * address is what was measured on hardware: Du et al., "Secure Encrypted Virtualization is
 * Unsecure", arXiv:1712.05090, section 3 (there without the second xor), and Wilke et al.,
 * "SEVurity: No Security Without Integrity", IEEE S&P 2020, section III (with it, on later
 * EPYCs).
 *
 * K is the guest's VEK.  Design choices, for which there is no public source:
 *
 *  - t(i) = the project's KDF (sev_kdf_derive()) of the VEK, label "sevlaunch-mee-tweak",
 *    context LE32 (i), 16 bytes.  The first EPYCs had fixed constants, which the papers
 *    above turn into attacks; later ones do not show theirs.
 *  - p is the guest-physical address.  On hardware it is the system-physical one, under
 *    which the hypervisor may put any page.
 *
 * As on hardware there is no integrity: a changed block decrypts to noise, a moved one too.
 * Keys and t(i) lie in memory of #SevSecret's kind, but for OpenSSL's key schedule, which
 * is wiped by mee_free().  Not thread-safe.
 */
typedef struct _Mee Mee;

#define MEE_PAGE_SIZE 4096u
#define MEE_BLOCK_SIZE 16u
#define MEE_ADDRESS_BITS 52u /* addresses are below 2^52 */

/**
 * mee_new:
 * @vek: (transfer none): %SEV_KEY_SIZE bytes; need not outlive the engine
 *
 * Errors: %SEV_ERROR_CRYPTO.
 * Returns: (transfer full)
 */
Mee *mee_new (const SevSecret *vek, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void mee_free (Mee *mee);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Mee, mee_free)

/**
 * mee_encrypt:
 * @paddr: address of the first byte, a multiple of 16
 * @data: (inout) (array length=len): the bytes at @paddr, changed in place
 * @len: a multiple of 16
 *
 * Fastest in whole pages.
 *
 * Errors: %SEV_ERROR_CRYPTO: a part of @data may be changed then.
 */
gboolean mee_encrypt (Mee *mee, guint64 paddr, void *data, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** mee_decrypt: undoes mee_encrypt() at the same address */
gboolean mee_decrypt (Mee *mee, guint64 paddr, void *data, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
