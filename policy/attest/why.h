/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/boot-inputs.h"
#include "policy/attest/owner-measure.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: why
 * @short_description: why a measurement is not the expected one
 *
 * The measurement is a MAC over everything that was measured, so a wrong one says nothing
 * by itself.  But what goes wrong is mostly one thing, or two: another file, another
 * number.  Each such hypothesis costs a MAC, and one that gives the reported measurement is
 * certain to be the cause.
 *
 * What is found explains; it is no verdict, and a launch that it explains stays refused.
 */
typedef struct _PolicyWhy PolicyWhy;

/* What a search takes unless it is told otherwise: hypotheses, and bytes of processors'
 * save areas (each hypothesis of SEV-ES hashes 4 KiB a processor).  Both are counted and
 * not timed, so that an answer does not depend on the machine: less than a second on any.
 */
#define POLICY_WHY_LIMIT 200000u
#define POLICY_WHY_MAX_BYTES (G_GUINT64_CONSTANT (384) << 20)

/**
 * policy_why_new:
 * @tik: 16 bytes
 * @tek: (nullable): 16 bytes; without it nobody can see that the two were swapped
 * @policy: the guest policy of the session
 * @input: what was expected, launch digest included; its report must have 48 bytes
 *
 * Without policy_why_set_boot() the launch digest counts as right.
 */
PolicyWhy *policy_why_new (const SevSecret *tik,
                           const SevSecret *tek,
                           guint32 policy,
                           const PolicyMeasureInput *input);
void policy_why_free (PolicyWhy *why);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyWhy, policy_why_free)

/** PolicyWhyVcpus: processors that are all right */
typedef struct {
    PolicyVcpus vcpus; /* its count is the least number of them */
    guint last;        /* the greatest */
    gboolean any_form; /* any of policy_vcpus_variant(), not only that of @vcpus */
} PolicyWhyVcpus;

/**
 * policy_why_set_boot:
 * @inputs: what was expected; borrowed until the search is over
 * @vcpus: (nullable): with SEV-ES
 * Once, and before anything is added.  Adds what follows from these alone: kernel hashes on
 * or off, command lines, no initrd, processors.
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_why_set_boot (PolicyWhy *why,
                              const PolicyBootInputs *inputs,
                              const PolicyWhyVcpus *vcpus,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_why_add_own_firmware:
 * @image: (array length=len): the bytes of the expected image
 * Adds parts of it: the code without the variable store, and what is left of a file that
 * was cut off.
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_why_add_own_firmware (PolicyWhy *why,
                                      const guint8 *image,
                                      gsize len,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_why_add_firmware:
 * @name: of another image
 * @own: (array length=own_len) (nullable): the expected one, to tell a whole image whose
 *   code part it is
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_why_add_firmware (PolicyWhy *why,
                                  const char *name,
                                  const guint8 *image,
                                  gsize len,
                                  const guint8 *own,
                                  gsize own_len,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
    POLICY_WHY_KERNEL,
    POLICY_WHY_INITRD,
} PolicyWhyFile;

/** policy_why_add_file: another kernel or initrd that may have been taken */
void policy_why_add_file (PolicyWhy *why,
                          PolicyWhyFile which,
                          const char *name,
                          const guint8 sha256[SEV_DIGEST_SIZE]);

/**
 * policy_why_add_own_file:
 * @fd: the expected kernel or initrd; its position stays
 * Adds what is left of a file that was cut off (at a multiple of 4 KiB, of larger blocks in
 * files of more than 128 MiB; of 512 bytes near its end; anywhere in its last 4 KiB; in its
 * middle; after a round number of bytes), and the file with zeroes up to a full block.
 * Reads it once. Errors: %POLICY_ERROR_IO, %POLICY_ERROR_INTERNAL.
 */
gboolean policy_why_add_own_file (PolicyWhy *why,
                                  PolicyWhyFile which,
                                  int fd,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_why_add_nonce: a nonce that was seen before, in the ledger or in a report */
void policy_why_add_nonce (PolicyWhy *why, const guint8 mnonce[SEV_NONCE_SIZE]);

/** PolicyWhyCause: one thing that differs */
typedef struct {
    const char *id; /* lower case with dashes, stable; sevlaunch-why(1) lists them */
    char *text;     /* one sentence without full stop */
} PolicyWhyCause;

/** PolicyWhyAnswer: what a search came to */
typedef struct {
    gboolean matches; /* the measurement is the expected one */
    guint64 tried;
    guint64 hashed;          /* bytes of save areas */
    gboolean complete;       /* no hypothesis was left out for a limit */
    GPtrArray *explanations; /* (element-type GPtrArray of PolicyWhyCause): each of them
                              * accounts for the measurement; likeliest first */
} PolicyWhyAnswer;
void policy_why_answer_free (PolicyWhyAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyWhyAnswer, policy_why_answer_free)

/**
 * policy_why_search:
 * @limit: most hypotheses, %POLICY_WHY_LIMIT
 * @max_bytes: most bytes of save areas, %POLICY_WHY_MAX_BYTES
 *
 * The likely first: one difference, two common ones, rare ones, two less common, three of
 * the commonest. Errors: %POLICY_ERROR_INTERNAL.
 */
PolicyWhyAnswer *policy_why_search (PolicyWhy *why,
                                    guint64 limit,
                                    guint64 max_bytes,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
