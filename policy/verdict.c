/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/verdict.h"

#include <string.h>

#include "policy/policy-error.h"

typedef enum {
    STATE_MISSING = 0,
    STATE_PASSED,
    STATE_WAIVED,
    STATE_FAILED,
} State;

struct _PolicyVerdict {
    State checks[POLICY_N_CHECKS];
    PolicyJudgedOn judged_on;
    GPtrArray *reasons;  /* PolicyReason */
    GPtrArray *unproven; /* char */
};

static const char *const check_names[] = {
    [POLICY_CHECK_CHAIN] = "chain",
    [POLICY_CHECK_ROOT] = "root",
    [POLICY_CHECK_SESSION] = "session",
    [POLICY_CHECK_API] = "api",
    [POLICY_CHECK_FIRMWARE] = "firmware",
    [POLICY_CHECK_BOOT] = "boot",
    [POLICY_CHECK_MEASUREMENT] = "measurement",
    [POLICY_CHECK_ACCEPTANCE] = "acceptance",
    [POLICY_CHECK_FRESH] = "fresh",
};
G_STATIC_ASSERT (G_N_ELEMENTS (check_names) == POLICY_N_CHECKS);

const char *
policy_check_name (PolicyCheck check)
{
    g_return_val_if_fail ((guint) check < POLICY_N_CHECKS, NULL);
    return check_names[check];
}

const char *
policy_judged_on_name (PolicyJudgedOn where)
{
    switch (where) {
    case POLICY_JUDGED_OWNER_MACHINE:
        return "owner-machine";
    case POLICY_JUDGED_HYPERVISOR:
        return "hypervisor";
    case POLICY_JUDGED_EMULATED_HOST:
        return "emulated-host";
    case POLICY_JUDGED_NOWHERE:
        break;
    }
    return "nowhere";
}

static void
reason_free (gpointer data)
{
    PolicyReason *reason = data;

    g_free (reason->id);
    g_free (reason->text);
    g_free (reason);
}

static PolicyReason *
reason_new (const char *id, const char *text)
{
    PolicyReason *reason = g_new0 (PolicyReason, 1);

    reason->id = g_strdup (id);
    reason->text = g_strdup (text);
    return reason;
}

PolicyVerdict *
policy_verdict_new (void)
{
    PolicyVerdict *verdict = g_new0 (PolicyVerdict, 1);

    verdict->reasons = g_ptr_array_new_with_free_func (reason_free);
    verdict->unproven = g_ptr_array_new_with_free_func (g_free);
    return verdict;
}

void
policy_verdict_free (PolicyVerdict *verdict)
{
    if (verdict == NULL)
        return;
    g_ptr_array_unref (verdict->reasons);
    g_ptr_array_unref (verdict->unproven);
    g_free (verdict);
}

void
policy_verdict_pass (PolicyVerdict *verdict, PolicyCheck check)
{
    g_return_if_fail (verdict != NULL && (guint) check < POLICY_N_CHECKS);

    if (verdict->checks[check] != STATE_FAILED)
        verdict->checks[check] = STATE_PASSED;
}

static void
fail (PolicyVerdict *verdict, PolicyCheck check, const char *id, const char *text)
{
    verdict->checks[check] = STATE_FAILED;
    g_ptr_array_add (verdict->reasons, reason_new (id, text));
}

void
policy_verdict_fail (PolicyVerdict *verdict,
                     PolicyCheck check,
                     const char *id,
                     const char *format,
                     ...)
{
    va_list args;

    g_return_if_fail (verdict != NULL && (guint) check < POLICY_N_CHECKS);
    g_return_if_fail (id != NULL && format != NULL);

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    fail (verdict, check, id, text);
}

void
policy_verdict_fail_error (PolicyVerdict *verdict, PolicyCheck check, const GError *failure)
{
    g_return_if_fail (verdict != NULL && (guint) check < POLICY_N_CHECKS);
    g_return_if_fail (failure != NULL);

    fail (verdict, check, policy_error_id (failure), failure->message);
}

void
policy_verdict_waive (PolicyVerdict *verdict, PolicyCheck check, const char *unproven)
{
    g_return_if_fail (verdict != NULL && unproven != NULL);
    g_return_if_fail (check == POLICY_CHECK_FIRMWARE || check == POLICY_CHECK_BOOT ||
                      check == POLICY_CHECK_SESSION);

    if (verdict->checks[check] != STATE_FAILED)
        verdict->checks[check] = STATE_WAIVED;
    policy_verdict_add_unproven (verdict, unproven);
}

void
policy_verdict_add_unproven (PolicyVerdict *verdict, const char *text)
{
    g_return_if_fail (verdict != NULL && text != NULL);

    if (!g_ptr_array_find_with_equal_func (verdict->unproven, text, g_str_equal, NULL))
        g_ptr_array_add (verdict->unproven, g_strdup (text));
}

void
policy_verdict_add_unproven_standard (PolicyVerdict *verdict, gboolean es)
{
    policy_verdict_add_unproven (verdict, "memory size");
    policy_verdict_add_unproven (verdict, "devices and ACPI tables");
    if (!es) {
        policy_verdict_add_unproven (verdict, "vCPU count");
        policy_verdict_add_unproven (verdict, "vCPU registers (encrypted by SEV-ES only)");
    }
    policy_verdict_add_unproven (
        verdict, "age of the disk's content (an older disk looks the same)");
}

void
policy_verdict_set_judged_on (PolicyVerdict *verdict, PolicyJudgedOn where)
{
    g_return_if_fail (verdict != NULL);
    verdict->judged_on = where;
}

PolicyJudgedOn
policy_verdict_get_judged_on (const PolicyVerdict *verdict)
{
    g_return_val_if_fail (verdict != NULL, POLICY_JUDGED_NOWHERE);
    return verdict->judged_on;
}

gboolean
policy_verdict_check_passed (const PolicyVerdict *verdict, PolicyCheck check)
{
    g_return_val_if_fail (verdict != NULL && (guint) check < POLICY_N_CHECKS, FALSE);

    return verdict->checks[check] == STATE_PASSED || verdict->checks[check] == STATE_WAIVED;
}

gboolean
policy_verdict_has_failed (const PolicyVerdict *verdict)
{
    g_return_val_if_fail (verdict != NULL, TRUE);

    return verdict->reasons->len > 0;
}

/* @but: POLICY_N_CHECKS for none. */
static gboolean
accepted (const PolicyVerdict *verdict, guint but)
{
    if (verdict->reasons->len > 0 || verdict->judged_on == POLICY_JUDGED_NOWHERE)
        return FALSE;
    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        if (i != but && !policy_verdict_check_passed (verdict, (PolicyCheck) i))
            return FALSE;
    return TRUE;
}

gboolean
policy_verdict_is_accepted (const PolicyVerdict *verdict)
{
    g_return_val_if_fail (verdict != NULL, FALSE);
    return accepted (verdict, POLICY_N_CHECKS);
}

gboolean
policy_verdict_is_accepted_but (const PolicyVerdict *verdict, PolicyCheck check)
{
    g_return_val_if_fail (verdict != NULL && (guint) check < POLICY_N_CHECKS, FALSE);
    return accepted (verdict, (guint) check);
}

GPtrArray *
policy_verdict_get_reasons (const PolicyVerdict *verdict)
{
    g_return_val_if_fail (verdict != NULL, NULL);
    return verdict->reasons;
}

GPtrArray *
policy_verdict_dup_refusal (const PolicyVerdict *verdict)
{
    GPtrArray *out = g_ptr_array_new_with_free_func (reason_free);

    g_return_val_if_fail (verdict != NULL, out);

    for (guint i = 0; i < verdict->reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (verdict->reasons, i);
        g_ptr_array_add (out, reason_new (reason->id, reason->text));
    }
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        if (verdict->checks[i] != STATE_MISSING)
            continue;
        g_autofree char *text =
            g_strdup_printf ("the check '%s' was not made", check_names[i]);
        g_ptr_array_add (out, reason_new ("check-missing", text));
    }
    if (verdict->judged_on == POLICY_JUDGED_NOWHERE)
        g_ptr_array_add (
            out, reason_new ("check-missing", "it was not said where this was judged"));
    return out;
}

GPtrArray *
policy_verdict_get_unproven (const PolicyVerdict *verdict)
{
    g_return_val_if_fail (verdict != NULL, NULL);
    return verdict->unproven;
}
