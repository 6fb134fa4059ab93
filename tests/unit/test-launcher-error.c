/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reason ids and exit codes: the words and numbers of sevlaunch(1). */

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/image/image-error.h"
#include "ovmf-hooks/ovmf-error.h"
#include "policy/policy-error.h"
#include "qmp/qmp-error.h"

static LauncherReason
reason_of (GQuark domain, int code)
{
    g_autoptr (GError) error = g_error_new_literal (domain, code, "text");

    return launcher_reason (error);
}

static void
assert_reason (GQuark domain, int code, const char *id, int exit_code)
{
    const LauncherReason reason = reason_of (domain, code);

    g_assert_cmpstr (reason.id, ==, id);
    g_assert_cmpint ((int) reason.exit_code, ==, exit_code);
}

static gboolean
id_is_well_formed (const char *id)
{
    const gsize len = strlen (id);

    return len > 0 && strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
           g_ascii_islower (id[0]) && id[len - 1] != '-' && strstr (id, "--") == NULL;
}

/* @seen: id -> exit code. */
static void
check_domain (GHashTable *seen, GQuark domain, int last)
{
    static const int allowed[] = { 1, 2, 3, 4, 5, 6, 7, 70, 130, 143 };
    g_autoptr (GHashTable) own = g_hash_table_new (g_str_hash, g_str_equal);

    for (int code = 0; code <= last; code++) {
        const LauncherReason reason = reason_of (domain, code);
        const int exit_code = (int) reason.exit_code;
        gboolean found = FALSE;
        gpointer other;

        g_assert_nonnull (reason.id);
        g_test_message ("%s %d: %s %d", g_quark_to_string (domain), code, reason.id,
                        exit_code);
        g_assert_true (id_is_well_formed (reason.id));
        for (gsize i = 0; i < G_N_ELEMENTS (allowed); i++)
            found = found || exit_code == allowed[i];
        g_assert_true (found);
        g_assert_true (g_hash_table_add (own, (gpointer) reason.id));
        /* Two domains may mean the same thing, if it ends the same way. */
        if (g_hash_table_lookup_extended (seen, reason.id, NULL, &other))
            g_assert_cmpint (GPOINTER_TO_INT (other), ==, exit_code);
        g_hash_table_insert (seen, (gpointer) reason.id, GINT_TO_POINTER (exit_code));
        /* Only what nobody thought of is an internal error. */
        if (code != 0)
            g_assert_cmpstr (reason.id, !=, "internal-error");
    }
}

static void
test_ids (void)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

    check_domain (seen, LAUNCHER_ERROR, LAUNCHER_ERROR_TERMINATED);
    check_domain (seen, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
    check_domain (seen, IMAGE_ERROR, IMAGE_ERROR_IO);
}

static void
test_list (void)
{
    gsize n;
    const LauncherReason *list = launcher_error_list (&n);

    g_assert_cmpuint (n, ==, LAUNCHER_ERROR_TERMINATED + 1);
    for (gsize i = 0; i < n; i++)
        assert_reason (LAUNCHER_ERROR, (int) i, list[i].id, (int) list[i].exit_code);
}

/* One reason of every exit code, from the table of exit codes. */
static void
test_exit_codes (void)
{
    assert_reason (POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH, "measurement-mismatch",
                   1);
    assert_reason (POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED, "chain-root-untrusted",
                   1);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_PSP_REFUSED, "platform-refused", 1);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "usage", 2);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_UNMEASURED_BOOT, "unmeasured-boot", 3);
    assert_reason (IMAGE_ERROR, IMAGE_ERROR_BACKING_FILE, "image-backing-file", 3);
    assert_reason (IMAGE_ERROR, IMAGE_ERROR_MISSING, "image-missing", 4);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG, "configuration", 4);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_SEV_UNUSABLE, "sev-unusable", 5);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_EXISTS, "domain-exists", 5);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_LIBVIRT, "libvirt-failed", 6);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_PSP, "platform-error", 7);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL, "internal-error", 70);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_INTERRUPTED, "interrupted", 130);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_TERMINATED, "terminated", 143);
}

static void
test_foreign (void)
{
    assert_reason (G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted", 130);
    assert_reason (G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "usage", 2);
    assert_reason (OVMF_ERROR, OVMF_ERROR_MALFORMED, "firmware-unsuitable", 4);
    assert_reason (QMP_ERROR, QMP_ERROR_TIMEOUT, "host-timeout", 6);
    assert_reason (QMP_ERROR, QMP_ERROR_CLOSED, "qemu-died", 6);
    assert_reason (QMP_ERROR, QMP_ERROR_PROTOCOL, "reply-implausible", 6);
    assert_reason (QMP_ERROR, QMP_ERROR_ARGUMENT, "internal-error", 70);
    assert_reason (QMP_PEER_ERROR, QMP_PEER_ERROR_GENERIC, "libvirt-failed", 6);
}

/* Neither a success nor a verdict, whatever the number is. */
static void
test_unknown (void)
{
    static const int codes[] = { -1, 0, 1, 2, 6, 1000, G_MAXINT };
    const GQuark nobody = g_quark_from_static_string ("a-domain-of-nobody");

    for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
        assert_reason (nobody, codes[i], "internal-error", 70);
    assert_reason (G_IO_ERROR, G_IO_ERROR_FAILED, "internal-error", 70);
    assert_reason (LAUNCHER_ERROR, -1, "internal-error", 70);
    assert_reason (LAUNCHER_ERROR, LAUNCHER_ERROR_TERMINATED + 1, "internal-error", 70);
    assert_reason (POLICY_ERROR, -1, "internal-error", 70);
    assert_reason (POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE + 1, "internal-error", 70);
    assert_reason (IMAGE_ERROR, -1, "internal-error", 70);
    assert_reason (IMAGE_ERROR, IMAGE_ERROR_IO + 1, "internal-error", 70);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/launcher-error/ids", test_ids);
    g_test_add_func ("/launcher-error/list", test_list);
    g_test_add_func ("/launcher-error/exit-codes", test_exit_codes);
    g_test_add_func ("/launcher-error/foreign", test_foreign);
    g_test_add_func ("/launcher-error/unknown", test_unknown);
    return g_test_run ();
}
