/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/acceptance/acceptance.h"
#include "policy/roots.h"

G_BEGIN_DECLS

/* A set of words of a table, a bit each. */
typedef struct {
    gboolean given; /* the file has the key */
    guint set;
} PolicyWordSet;

typedef struct {
    gboolean given;
    GArray *digests; /* guint8[SEV_DIGEST_SIZE] */
} PolicyDigestSet;

enum { ROOT_AMD, ROOT_TRUSTED, N_ROOT_WORDS };
enum {
    GENERATION_NAPLES,
    GENERATION_ROME,
    GENERATION_MILAN,
    GENERATION_GENOA,
    GENERATION_TURIN,
    N_GENERATIONS
};
enum { JUDGED_OWNER_MACHINE, JUDGED_HYPERVISOR, JUDGED_EMULATED_HOST, N_JUDGED };
enum {
    NEED_ES,
    NEED_NO_DEBUG,
    NEED_MEASURED_BOOT,
    NEED_FIRMWARE_PINNED,
    NEED_OWNER_MACHINE,
    NEED_AMD,
    N_NEEDS
};

/* NULL-terminated, in the order of the enums above. */
extern const char *const policy_root_words[];
extern const char *const policy_generation_words[];
extern const char *const policy_judged_words[];
extern const char *const policy_need_words[];

/* First to last, both included. */
typedef struct {
    guint first;
    guint last;
} PolicyRange;

typedef struct {
    SevGuid guid;
    guint needs; /* a bit for each NEED_* */
} PolicySecretRule;

struct _PolicyAcceptance {
    gatomicrefcount refs;
    char *source;
    gboolean builtin;
    guint8 sha256[SEV_DIGEST_SIZE]; /* of the file, unless @builtin */
    PolicyWordSet roots;
    PolicyDigestSet root_keys; /* the fingerprints among roots */
    PolicyWordSet generations;
    gboolean emulated;
    PolicyDigestSet owners;
    gboolean has_api;
    guint api; /* major << 8 | minor */
    guint build;
    PolicyWordSet judged_on;
    PolicyDigestSet firmware;
    gboolean pinned;
    gboolean measured;
    PolicyDigestSet uki;
    PolicyDigestSet kernel;
    PolicyDigestSet initrd;
    PolicyDigestSet cmdline; /* as in the hash table */
    GArray *vcpus;           /* PolicyRange; empty: any number */
    guint32 require;         /* bits, and the least min-api */
    guint32 forbid;
    GArray *secrets; /* PolicySecretRule */
};

/** policy_words_of: Returns: (transfer full): the words of @set, with ", " between them */
char *policy_words_of (guint set, const char *const *words);
/** policy_acceptance_alloc: Returns: (transfer full): the demands of an empty file */
PolicyAcceptance *policy_acceptance_alloc (const char *source);
/** policy_digest_set_contains: of @set; also %FALSE for an empty one */
gboolean policy_digest_set_contains (const PolicyDigestSet *set,
                                     const guint8 digest[SEV_DIGEST_SIZE]);

G_END_DECLS
