/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/chain.h"
#include "policy/release.h"
#include "policy/verdict.h"
#include "sev/base/sev-guid.h"

G_BEGIN_DECLS

/**
 * SECTION: acceptance
 * @short_description: what the owner demands of every launch, beyond a release
 *
 * The file "acceptance" in the owner's directory, a key file; acceptance(5) is its manual.
 *
 *     [acceptance]
 *     format=1
 *     [platform]
 *     roots=amd;trusted                    or sha256:HEX; what a chain may end in
 *     generations=rome;milan;genoa;turin   of AMD's
 *     emulated=yes                         roots that are not AMD's, too
 *     owners=sha256:HEX;provider/oca.cert  fingerprints of OCAs, or their certificates
 *     min-api=0.24
 *     min-build=10                         of exactly that API
 *     [verdict]
 *     judged-on=owner-machine;hypervisor;emulated-host
 *     [firmware]
 *     sha256=HEX
 *     pinned=yes                           by a release or the owner; not by hand
 *     [boot]
 *     measured=yes
 *     uki=HEX                              or kernel=, initrd= and
 *     cmdline=TEXT
 *     vcpus=1-4;8                          proven by SEV-ES only
 *     [guest]
 *     require=no-debug,es                  a guest policy
 *     forbid=domain
 *     [secret luks-key]                    or a GUID
 *     needs=es;measured-boot;firmware-pinned;owner-machine;no-debug;amd
 *
 * Every key may be missing and then demands nothing, with three exceptions: roots is amd
 * and trusted, generations all but Naples (keys were extracted from chips of this
 * generation: Buhren, Werling, Seifert, "Insecure Until Proven Updated", 2019), and a file
 * that does not say emulated=yes refuses emulated platforms.  Without a file the built-in
 * default holds: no demand but that of generations; it is the owner's trusted-roots that
 * let an emulated platform in.
 */
typedef struct _PolicyAcceptance PolicyAcceptance;

#define POLICY_ACCEPTANCE_NAME "acceptance"

/** policy_acceptance_new_default: Returns: (transfer full): what holds without a file */
PolicyAcceptance *policy_acceptance_new_default (void);
/**
 * policy_acceptance_parse:
 * @source: for messages and reports: a path
 * @folder: (nullable): where the files lie that it names; %NULL: it may name none
 * @text: (array length=len): content of the file
 *
 * An unknown, repeated or empty key, and an unknown value, is an error, which says the
 * line. Of a certificate of owners= only the key counts, as its fingerprint would. Errors:
 * %POLICY_ERROR_ACCEPTANCE_SYNTAX.
 */
PolicyAcceptance *policy_acceptance_parse (const char *source,
                                           const char *folder,
                                           const char *text,
                                           gsize len,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_acceptance_takes_uki: Returns: unless it names a plain kernel's parts and no UKI
 */
gboolean policy_acceptance_takes_uki (const PolicyAcceptance *acceptance);
/**
 * policy_acceptance_load:
 * @path: a regular file anywhere, at most 64 KiB
 * Errors: %POLICY_ERROR_ACCEPTANCE_SYNTAX, also if it cannot be read.
 */
PolicyAcceptance *policy_acceptance_load (const char *path,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
PolicyAcceptance *policy_acceptance_ref (PolicyAcceptance *acceptance);
void policy_acceptance_unref (PolicyAcceptance *acceptance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyAcceptance, policy_acceptance_unref)

/** policy_acceptance_get_source: Returns: the path, or "built-in" */
const char *policy_acceptance_get_source (const PolicyAcceptance *acceptance);

/** policy_acceptance_get_sha256: Returns: (nullable): of the file; %NULL: built-in */
const guint8 *policy_acceptance_get_sha256 (const PolicyAcceptance *acceptance);

/** PolicyDemand: one key of the file and what follows from it, in words; @key: "group/key"
 */
typedef struct {
    char *key;
    char *text;
} PolicyDemand;

/**
 * policy_acceptance_explain:
 * Returns: (transfer full) (element-type PolicyDemand): what the policy takes, defaults
 * included; in the order of acceptance(5)
 */
GPtrArray *policy_acceptance_explain (const PolicyAcceptance *acceptance);
/** policy_acceptance_warnings: Returns: (transfer full) (array zero-terminated=1): demands
 * that no launch can meet together, or that have no effect */
char **policy_acceptance_warnings (const PolicyAcceptance *acceptance);

/** PolicyFacts: what is known of a launch; borrowed for the call */
typedef struct {
    const PolicyChain *chain; /* (nullable): the platform is not known */
    gboolean has_version;     /* of the platform's firmware; the measurement binds it */
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    const PolicyBoot *boot;   /* (nullable): what boots is not known */
    gboolean has_policy;      /* what follows is the guest policy */
    guint32 guest_policy;     /* SEV_POLICY_* */
    PolicyJudgedOn judged_on; /* POLICY_JUDGED_NOWHERE: not known */
    const SevGuid *secrets;   /* (nullable): what would be released; as many as */
    guint n_secrets;
} PolicyFacts;

/**
 * policy_acceptance_foresee:
 * Records every demand that the known facts do not meet; passes over what needs others.
 * For refusing before there is a guest.
 * Returns: %TRUE if there was none
 */
gboolean policy_acceptance_foresee (const PolicyAcceptance *acceptance,
                                    const PolicyFacts *facts,
                                    PolicyVerdict *verdict);
/**
 * policy_acceptance_judge_step:
 * For a single step that lets secrets go, made by hand after others: what every launch must
 * have of platform and place is passed over where it is not known, for those steps judge
 * it.  Everything else that is not known is not met, what a secret needs included.
 * Returns: %TRUE if there was no reason; %POLICY_CHECK_ACCEPTANCE is not passed by it
 */
gboolean policy_acceptance_judge_step (const PolicyAcceptance *acceptance,
                                       const PolicyFacts *facts,
                                       PolicyVerdict *verdict);
/**
 * policy_acceptance_add_open:
 * Adds to what is unproven each demand that @facts do not suffice for, for a command that
 * judges a part of a launch.
 */
void policy_acceptance_add_open (const PolicyAcceptance *acceptance,
                                 const PolicyFacts *facts,
                                 PolicyVerdict *verdict);
/**
 * policy_acceptance_judge:
 * Records %POLICY_CHECK_ACCEPTANCE: passed, or failed with a reason for each demand that is
 * not met: acceptance-root, acceptance-generation, acceptance-emulated, acceptance-owner,
 * acceptance-api, acceptance-judged-on, acceptance-firmware, acceptance-boot,
 * acceptance-vcpus, acceptance-guest-policy, acceptance-secret.
 *
 * A demand of a file whose fact is not known is not met.  What the built-in default asks of
 * a platform that is not known is unproven.
 * Returns: %TRUE if it passed
 */
gboolean policy_acceptance_judge (const PolicyAcceptance *acceptance,
                                  const PolicyFacts *facts,
                                  PolicyVerdict *verdict);

G_END_DECLS
