/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The owner's side of a launch: secrets that are read, session files that are written. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/base/secret-file.h"
#include "launcher/flow/launch-boot.h"
#include "launcher/flow/session-keeper.h"
#include "policy/policy-error.h"
#include "sev/wire/sev-wire.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-dir.h"

#define POLICY 0x1100002bu

/* TEK, then TIK. */
static const guint8 keys[32] = "0123456789abcdefFEDCBA9876543210";

/* Session files. */

static void
assert_file (const TestDir *dir, const char *name, const void *data, gsize len)
{
    g_autofree char *text = test_dir_read (dir, name);

    g_assert_cmpmem (text, strlen (text), data, len);
    g_assert_cmpuint (test_dir_mode (dir, name) & 07777, ==, 0600);
}

static void
test_keeper_writes (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicySession) session = test_session (keys, POLICY);
    g_autofree char *godh = policy_session_dup_cert_base64 (session);
    g_autofree char *blob = policy_session_dup_blob_base64 (session);

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "made");
    g_autoptr (SessionKeeper) keeper = session_keeper_start (path, &error);
    g_assert_no_error (error);
    g_assert_true (session_keeper_write (keeper, "vm-1", session, &error));
    g_assert_no_error (error);

    assert_file (&dir, "made/vm-1_tek.bin", keys, 16);
    assert_file (&dir, "made/vm-1_tik.bin", keys + 16, 16);
    assert_file (&dir, "made/vm-1_godh.b64", godh, strlen (godh));
    assert_file (&dir, "made/vm-1_session.b64", blob, strlen (blob));
    g_assert_cmpuint (test_dir_count (&dir, "made"), ==, 4);
    g_assert_cmpuint (test_dir_mode (&dir, "made") & 07777, ==, 0700);

    session_keeper_undo (keeper, "vm-1");
    g_assert_cmpuint (test_dir_count (&dir, "made"), ==, 0);
}

static void
test_keeper_survives_signals (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) session = test_session (keys, POLICY);
    g_autoptr (GError) error = NULL;
    int status;

    test_dir_init (&dir);
    /* A group of its own, as Ctrl-C reaches one. */
    const pid_t child = fork ();
    if (child == 0) {
        setpgid (0, 0);
        signal (SIGINT, SIG_IGN);
        signal (SIGTERM, SIG_IGN);
        SessionKeeper *keeper = session_keeper_start (dir.path, NULL);
        gboolean ok = keeper != NULL && session_keeper_write (keeper, "a", session, NULL);
        kill (0, SIGINT);
        kill (0, SIGTERM);
        if (ok) {
            session_keeper_undo (keeper, "a");
            session_keeper_free (keeper);
        }
        _exit (ok ? 0 : 1);
    }
    while (waitpid (child, &status, 0) < 0)
        g_assert_cmpint (errno, ==, EINTR);
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    g_assert_cmpuint (test_dir_count (&dir, "."), ==, 0);
}

static void
test_keeper_wants_private (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    test_dir_make (&dir, "open", 0755);
    g_autofree char *path = test_dir_path (&dir, "open");
    g_assert_null (session_keeper_start (path, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_DIR_MODE);
    g_assert_cmpint (chmod (path, 0700), ==, 0);
    g_clear_error (&error);
    g_autoptr (SessionKeeper) keeper = session_keeper_start (path, &error);
    g_assert_no_error (error);
}

static void
test_keeper_all_or_nothing (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) session = test_session (keys, POLICY);
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autoptr (SessionKeeper) keeper = session_keeper_start (dir.path, &error);
    g_assert_no_error (error);
    /* A directory stands where the last file belongs. */
    test_dir_make (&dir, "vm_session.b64", 0700);
    g_assert_false (session_keeper_write (keeper, "vm", session, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO);
    g_assert_cmpuint (test_dir_count (&dir, "."), ==, 1);
}

/* Secrets. */

static void
test_secret_argument (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *name = NULL;
    g_autoptr (SevSecret) value = NULL;
    SevGuid guid;

    test_dir_init (&dir);
    test_dir_write (&dir, "a:b", "key\n", 0600);
    g_autofree char *path = test_dir_path (&dir, "a:b");
    g_autofree char *text = g_strconcat ("luks-key:", path, NULL);
    g_assert_true (secret_argument_parse (text, &guid, &name, &value, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (name, ==, "luks-key");
    g_assert_cmpmem (sev_secret_data (value), sev_secret_size (value), "key\n", 4);
    g_autofree char *guid_text = sev_guid_to_string (&guid);
    g_assert_cmpstr (guid_text, ==, "736869e5-84f0-4973-92ec-06879ce3da0b");
}

static void
assert_no_secret (const char *text, LauncherError code)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *name = NULL;
    g_autoptr (SevSecret) value = NULL;
    SevGuid guid;

    g_assert_false (secret_argument_parse (text, &guid, &name, &value, &error));
    g_assert_error (error, LAUNCHER_ERROR, (int) code);
}

static void
test_secret_refused (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *large = g_strnfill (SEV_SECRET_MAX_SIZE + 1, 'x');

    test_dir_init (&dir);
    test_dir_write (&dir, "empty", "", 0600);
    test_dir_write (&dir, "large", large, 0600);
    large[SEV_SECRET_MAX_SIZE] = '\0';
    test_dir_write (&dir, "largest", large, 0600);
    g_autofree char *empty = g_strdup_printf ("luks-key:%s/empty", dir.path);
    g_autofree char *too_large = g_strdup_printf ("luks-key:%s/large", dir.path);
    g_autofree char *largest = g_strdup_printf ("%s/largest", dir.path);
    g_autofree char *missing = g_strdup_printf ("luks-key:%s/missing", dir.path);
    g_autofree char *directory = g_strdup_printf ("luks-key:%s", dir.path);

    g_autoptr (SevSecret) good = secret_file_read (largest, SEV_SECRET_MAX_SIZE, NULL);
    g_assert_nonnull (good);
    g_assert_cmpuint (sev_secret_size (good), ==, SEV_SECRET_MAX_SIZE);
    assert_no_secret (empty, LAUNCHER_ERROR_FILE);
    assert_no_secret (too_large, LAUNCHER_ERROR_FILE);
    assert_no_secret (missing, LAUNCHER_ERROR_FILE);
    assert_no_secret (directory, LAUNCHER_ERROR_FILE);
    assert_no_secret ("luks-key", LAUNCHER_ERROR_USAGE);
    assert_no_secret ("luks-key:", LAUNCHER_ERROR_USAGE);
    assert_no_secret (":x", LAUNCHER_ERROR_USAGE);
    assert_no_secret ("luks-kei:/dev/null", LAUNCHER_ERROR_USAGE);
}

/* Without a release the owner's own word must pin the firmware; what nobody was asked is no
 * such word. */
static void
test_unreleased (void)
{
    static const struct {
        PolicyFirmwarePin pin;
        gboolean passes;
    } pins[] = {
        { POLICY_FIRMWARE_BY_OWNER, TRUE },  { POLICY_FIRMWARE_BY_RELEASE, TRUE },
        { POLICY_FIRMWARE_UNPINNED, FALSE }, { POLICY_FIRMWARE_UNKNOWN, FALSE },
        { (PolicyFirmwarePin) 99, FALSE },
    };
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_autoptr (SevSecret) value = sev_secret_new_copy (keys, 16);
    const SevGuid guid = { .bytes = { 1 } };
    const LaunchOwner owner = { .table = table };

    g_assert_true (ovmf_secret_table_add (table, &guid, value, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS (pins); i++) {
        const PolicyBoot seen = { .measured = TRUE, .firmware_pin = pins[i].pin };
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

        launch_boot_judge_seen (&seen, &owner, verdict);
        g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_FIRMWARE) ==
                       pins[i].passes);
        g_assert_true (policy_verdict_has_failed (verdict) == !pins[i].passes);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/launcher/keeper/writes", test_keeper_writes);
    g_test_add_func ("/launcher/keeper/survives-signals", test_keeper_survives_signals);
    g_test_add_func ("/launcher/keeper/wants-private", test_keeper_wants_private);
    g_test_add_func ("/launcher/keeper/all-or-nothing", test_keeper_all_or_nothing);
    g_test_add_func ("/launcher/secret/argument", test_secret_argument);
    g_test_add_func ("/launcher/secret/refused", test_secret_refused);
    g_test_add_func ("/launcher/boot/unreleased", test_unreleased);
    return g_test_run ();
}
