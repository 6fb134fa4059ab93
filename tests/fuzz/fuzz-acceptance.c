/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Acceptance policies: what can be read can be judged by, and never passes what is not
 * known. */

#include <stdint.h>
#include <string.h>

#include "policy/acceptance/acceptance.h"
#include "policy/policy-error.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
judge (const PolicyAcceptance *acceptance)
{
    const PolicyBoot boot = { .measured = TRUE, .es = TRUE, .vcpus = 2 };
    const PolicyFacts some = { .has_version = TRUE,
                               .api_minor = 24,
                               .boot = &boot,
                               .has_policy = TRUE,
                               .guest_policy = 0x1100002f,
                               .judged_on = POLICY_JUDGED_HYPERVISOR };
    const PolicyFacts none = { 0 };
    g_autoptr (PolicyVerdict) first = policy_verdict_new ();
    g_autoptr (PolicyVerdict) second = policy_verdict_new ();

    const gboolean foreseen = policy_acceptance_foresee (acceptance, &some, first);
    g_assert_true (foreseen == !policy_verdict_has_failed (first));
    g_assert_false (policy_verdict_check_passed (first, POLICY_CHECK_ACCEPTANCE));
    /* A file asks for a platform, so that one that is not known is refused. */
    g_assert_true (policy_acceptance_foresee (acceptance, &none, second));
    g_assert_false (policy_acceptance_judge (acceptance, &none, second));
    g_assert_false (policy_verdict_check_passed (second, POLICY_CHECK_ACCEPTANCE));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyAcceptance) acceptance =
        policy_acceptance_parse ("fuzz", NULL, (const char *) data, size, &error);

    g_assert_true ((acceptance == NULL) == (error != NULL));
    if (acceptance != NULL)
        judge (acceptance);
    else
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
    return 0;
}
