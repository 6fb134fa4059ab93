/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: verdict
 * @short_description: why a launch was refused, or that every check passed
 *
 * A verdict starts refused.  It becomes accepted only when each check of #PolicyCheck was
 * recorded as passed (or waived, where the owner may waive it) and none was recorded as
 * failed; a failure is never taken back.
 */

typedef enum {
    POLICY_CHECK_CHAIN,    /* "chain": the certificates verify up to their root */
    POLICY_CHECK_ROOT,     /* "root": the root is AMD's, or one the owner trusts */
    POLICY_CHECK_SESSION,  /* "session": made for this platform by this owner */
    POLICY_CHECK_API,      /* "api": firmware API satisfies the owner's policy */
    POLICY_CHECK_FIRMWARE, /* "firmware": the guest firmware is one that is released to */
    POLICY_CHECK_BOOT,     /* "boot": kernel, initrd and command line are the release's */
    POLICY_CHECK_MEASUREMENT, /* "measurement": the platform measured exactly that */
    POLICY_CHECK_ACCEPTANCE,  /* "acceptance": the owner's acceptance policy is satisfied */
    POLICY_CHECK_FRESH,       /* "fresh": not judged before, recorded in the ledger */
} PolicyCheck;
#define POLICY_N_CHECKS 9u

/** policy_check_name: Returns: the quoted name above; static storage */
const char *policy_check_name (PolicyCheck check);

typedef enum {
    POLICY_JUDGED_NOWHERE,       /* not said: the verdict cannot be accepted */
    POLICY_JUDGED_OWNER_MACHINE, /* key and verdict away from the host (remote, courier) */
    POLICY_JUDGED_HYPERVISOR,    /* on the host itself */
    POLICY_JUDGED_EMULATED_HOST, /* everything on one machine, the platform EMULATED */
} PolicyJudgedOn;
#define POLICY_N_JUDGED_ON 4u

/** policy_judged_on_name: "owner-machine", "hypervisor", "emulated-host", "nowhere" */
const char *policy_judged_on_name (PolicyJudgedOn where);

/** PolicyReason: one line of a verdict; both owned by the verdict */
typedef struct {
    char *id;   /* lower case with dashes, stable */
    char *text; /* one sentence without full stop */
} PolicyReason;

typedef struct _PolicyVerdict PolicyVerdict;

PolicyVerdict *policy_verdict_new (void);
void policy_verdict_free (PolicyVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyVerdict, policy_verdict_free)

/** policy_verdict_pass: records a check as passed; without effect after a failure of it */
void policy_verdict_pass (PolicyVerdict *verdict, PolicyCheck check);
/**
 * policy_verdict_fail:
 * @id: reason id, lower case with dashes
 */
void policy_verdict_fail (PolicyVerdict *verdict,
                          PolicyCheck check,
                          const char *id,
                          const char *format,
                          ...) G_GNUC_PRINTF (4, 5);
/** policy_verdict_fail_error: the same with policy_error_id() and message of @failure */
void policy_verdict_fail_error (PolicyVerdict *verdict,
                                PolicyCheck check,
                                const GError *failure);
/**
 * policy_verdict_waive:
 * @check: %POLICY_CHECK_FIRMWARE, %POLICY_CHECK_BOOT or %POLICY_CHECK_SESSION; no other can
 *   be waived
 * @unproven: what therefore is not proven; appended to the list
 *
 * For options by which the owner says that a check shall not be made.  Without effect
 * after a failure of the same check.
 */
void policy_verdict_waive (PolicyVerdict *verdict, PolicyCheck check, const char *unproven);

/** policy_verdict_add_unproven: a sentence about what SEV cannot prove; repeated ones once
 */
void policy_verdict_add_unproven (PolicyVerdict *verdict, const char *text);
/**
 * policy_verdict_add_unproven_standard:
 * @es: vCPU state is measured
 *
 * Memory size, devices, ACPI tables, vCPU count without ES, disk rollback.
 */
void policy_verdict_add_unproven_standard (PolicyVerdict *verdict, gboolean es);

void policy_verdict_set_judged_on (PolicyVerdict *verdict, PolicyJudgedOn where);
PolicyJudgedOn policy_verdict_get_judged_on (const PolicyVerdict *verdict);

/** policy_verdict_is_accepted: %TRUE only with the complete set of checks */
gboolean policy_verdict_is_accepted (const PolicyVerdict *verdict);
/** policy_verdict_is_accepted_but: the same without asking for @check, which comes last */
gboolean policy_verdict_is_accepted_but (const PolicyVerdict *verdict, PolicyCheck check);
/** policy_verdict_has_failed: %TRUE if any check was recorded as failed */
gboolean policy_verdict_has_failed (const PolicyVerdict *verdict);
/** policy_verdict_check_passed: %TRUE if passed or waived and not failed */
gboolean policy_verdict_check_passed (const PolicyVerdict *verdict, PolicyCheck check);

/** policy_verdict_get_reasons: Returns: (transfer none) (element-type PolicyReason) */
GPtrArray *policy_verdict_get_reasons (const PolicyVerdict *verdict);
/**
 * policy_verdict_dup_refusal:
 * Returns: (transfer full) (element-type PolicyReason): the reasons, and one
 * "check-missing" for every check that was never recorded; empty if accepted
 */
GPtrArray *policy_verdict_dup_refusal (const PolicyVerdict *verdict);
/** policy_verdict_get_unproven: Returns: (transfer none) (element-type utf8) */
GPtrArray *policy_verdict_get_unproven (const PolicyVerdict *verdict);

G_END_DECLS
