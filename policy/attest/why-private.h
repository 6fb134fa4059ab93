/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/why.h"

G_BEGIN_DECLS

/* What can differ, independently of the rest.  Those that change the digest come first, in
 * the order in which they are hashed, and the number of processors last of them: so it is
 * computed anew as seldom as can be. */
typedef enum {
    WHY_FIRMWARE,
    WHY_HASHES,
    WHY_KERNEL,
    WHY_INITRD,
    WHY_CMDLINE,
    WHY_SIGNATURE,
    WHY_FORM,
    WHY_COUNT,
    WHY_POLICY,
    WHY_VERSION,
    WHY_KEY,
    WHY_NONCE,
} WhySubject;
#define WHY_N_SUBJECTS 12u
#define WHY_N_FILES 5u    /* WHY_FIRMWARE to WHY_CMDLINE: before the processors */
#define WHY_N_MEASURED 8u /* WHY_FIRMWARE to WHY_COUNT */

/* How common it is, and so with what else it is combined. */
typedef enum {
    WHY_COMMON,   /* with two others */
    WHY_UNCOMMON, /* with one other */
    WHY_RARE,     /* alone */
    WHY_REMOTE,   /* alone, and last */
} WhyRank;

/* Something else than was expected of one subject; which member counts, that decides. */
typedef struct {
    WhyRank rank;
    const char *id;
    char *text; /* (nullable) until it is asked for: see @what */
    SevDigest *after_firmware;
    guint32 reset_addr;
    guint8 digest[SEV_DIGEST_SIZE]; /* kernel, initrd, cmdline */
    guint32 number;                 /* count, signature, policy */
    gboolean es;                    /* WHY_COUNT: processors are measured */
    PolicyVmsaForm form;            /* WHY_FORM, and WHY_COUNT where none was expected */
    guint64 features;
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    const SevHmac *keyed; /* WHY_KEY: owned by the PolicyWhy */
    guint8 mnonce[SEV_NONCE_SIZE];
    gboolean reversed; /* WHY_NONCE: the report's two halves in the wrong order */
} WhyOther;

struct _PolicyWhy {
    SevHmac *tik;
    SevHmac *tek; /* (nullable) */
    guint32 policy;
    PolicyMeasureInput input;
    guint8 report[sizeof (SevMeasureWire)];
    const PolicyBootInputs *boot; /* (nullable) */
    gboolean es;
    PolicyWhyVcpus vcpus; /* with @es */
    guint8 no_initrd[SEV_DIGEST_SIZE];
    GArray *others[WHY_N_SUBJECTS]; /* (element-type WhyOther) */
    GHashTable *lines; /* (nullable) (element-type GBytes): digests of command lines */
};

/* Appends an alternative: zeroes but for these; fill in the rest at once. */
WhyOther *why_add (PolicyWhy *why,
                   WhySubject subject,
                   WhyRank rank,
                   const char *id,
                   char *text);

/* What needs no files: why-numbers.c, why-vcpus.c and why-cmdline.c. */
void why_add_numbers (PolicyWhy *why);
void why_add_vcpus (PolicyWhy *why);
gboolean why_add_cmdlines (PolicyWhy *why, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean why_internal (GError *local, GError **error);

G_END_DECLS
