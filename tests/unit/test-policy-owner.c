/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which release a launch takes: the owner's word goes before the image's. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "policy/owner-dir.h"
#include "policy/owner-make.h"
#include "policy/policy-error.h"
#include "tests/lib/test-dir.h"

#define UUID_A "aaaaaaaa-0000-4000-8000-00000000000a"
#define UUID_B "bbbbbbbb-0000-4000-8000-00000000000b"
#define UUID_C "cccccccc-0000-4000-8000-00000000000c"

static void
make_release (const TestDir *dir, const char *name, const char *image, const char *uuid)
{
    static const guint8 digests[1][SEV_DIGEST_SIZE] = { { 0xf1 } };
    const PolicyReleaseSpec spec = {
        .image = image,
        .luks_uuid = uuid,
        .firmware = digests,
        .n_firmware = 1,
        .uki = digests[0],
    };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_owner_create_release (dir->path, name, &spec, FALSE, &error));
    g_assert_no_error (error);
}

/* Releases "a" of a.img and UUID_A, "b" of b.img and UUID_B. */
static PolicyOwner *
open_owner (TestDir *dir)
{
    g_autoptr (GError) error = NULL;

    test_dir_init (dir);
    g_assert_true (policy_owner_init (dir->path, &error));
    g_assert_no_error (error);
    make_release (dir, "a", "a.img", UUID_A);
    make_release (dir, "b", "b.img", UUID_B);
    PolicyOwner *owner = policy_owner_open_dir (dir->path, POLICY_OWNER_DEFAULT, &error);
    g_assert_no_error (error);
    return owner;
}

static void
assert_found (const PolicyOwner *owner,
              const char *image,
              const char *uuid,
              const char *name,
              gboolean alone)
{
    g_autoptr (GError) error = NULL;
    gboolean by_uuid_alone = !alone;
    const PolicyRelease *release =
        policy_owner_find_release (owner, image, uuid, &by_uuid_alone, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (policy_release_get_name (release), ==, name);
    g_assert_cmpint (by_uuid_alone, ==, alone);
}

static void
assert_none (const PolicyOwner *owner,
             const char *image,
             const char *uuid,
             PolicyError code)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (policy_owner_find_release (owner, image, uuid, NULL, &error));
    g_assert_error (error, POLICY_ERROR, (int) code);
    if (code != POLICY_ERROR_RELEASE_AMBIGUOUS)
        return;
    g_assert_nonnull (strstr (error->message, "'a'"));
    g_assert_nonnull (strstr (error->message, "'b'"));
    g_assert_nonnull (strstr (error->message, "--release"));
}

static void
test_find (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) owner = open_owner (&dir);

    assert_found (owner, "/some/where/a.img", UUID_A, "a", FALSE);
    assert_found (owner, "a.img", NULL, "a", FALSE);
    assert_found (owner, "a.img", UUID_C, "a", FALSE);
    assert_found (owner, "c.img", UUID_B, "b", TRUE);
    assert_found (owner, NULL, UUID_B, "b", TRUE);
    assert_none (owner, "c.img", UUID_C, POLICY_ERROR_RELEASE_MISSING);
    assert_none (owner, "c.img", NULL, POLICY_ERROR_RELEASE_MISSING);
}

/* The header of another release's disk, written into the image. */
static void
test_find_disagrees (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) owner = open_owner (&dir);

    assert_found (owner, "a.img", UUID_A, "a", FALSE);
    assert_none (owner, "a.img", UUID_B, POLICY_ERROR_RELEASE_AMBIGUOUS);
    assert_none (owner, "b.img", UUID_A, POLICY_ERROR_RELEASE_AMBIGUOUS);
}

static void
test_find_two (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) before = open_owner (&dir);
    g_autoptr (GError) error = NULL;

    assert_found (before, "a.img", UUID_A, "a", FALSE);
    g_assert_true (policy_owner_take_release (before, "a", &error) != NULL);
    policy_owner_free (g_steal_pointer (&before));
    g_autofree char *path = test_dir_path (&dir, "releases/b/release.conf");
    g_autofree char *text = test_dir_read (&dir, "releases/b/release.conf");
    g_auto (GStrv) parts = g_strsplit (text, "b.img", 2);
    g_autofree char *changed = g_strjoinv ("a.img", parts);
    g_assert_true (g_file_set_contents (path, changed, -1, NULL));

    /* Two of this name: the UUID does not choose between them. */
    g_autoptr (PolicyOwner) owner = policy_owner_open_dir (dir.path, 0, &error);
    g_assert_no_error (error);
    assert_none (owner, "a.img", NULL, POLICY_ERROR_RELEASE_AMBIGUOUS);
    assert_none (owner, "a.img", UUID_A, POLICY_ERROR_RELEASE_AMBIGUOUS);
    const PolicyRelease *named = policy_owner_take_release (owner, "b", &error);
    g_assert_no_error (error);
    g_assert_cmpstr (policy_release_get_luks_uuid (named), ==, UUID_B);
}

static void
test_take (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) owner = open_owner (&dir);
    g_autoptr (GError) error = NULL;
    const PolicyRelease *release = policy_owner_take_release (owner, "b", &error);

    g_assert_no_error (error);
    g_assert_cmpstr (policy_release_get_image (release), ==, "b.img");
    g_assert_null (policy_owner_take_release (owner, "b.img", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_RELEASE_MISSING);
    g_assert_nonnull (strstr (error->message, "'b.img'"));
}

/* The number of processors is a pin like the others, that only SEV-ES can honour. */
static void
test_release_vcpus (void)
{
    static const char head[] = "[release]\nformat=1\nimage=a.img\n[boot]\nvcpus=%s\n"
                               "firmware=%064d\nuki=%064d\n";
    static const struct {
        gboolean es;
        guint vcpus;
        gboolean ok;
    } cases[] = {
        { TRUE, 4, TRUE }, { TRUE, 3, FALSE }, { TRUE, 5, FALSE }, { FALSE, 4, FALSE }
    };
    static const char *const bad[] = { "0", "4097", "-1", "4 ", "x", "" };
    g_autofree char *text = g_strdup_printf (head, "4", 0, 0);
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyRelease) release =
        policy_release_parse ("a", text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_cmpuint (policy_release_get_vcpus (release), ==, 4);
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        PolicyBoot boot = { .measured = TRUE, .uki = TRUE };

        g_assert_true (ovmf_hashes_no_initrd (boot.initrd, NULL));
        g_assert_true (ovmf_hashes_cmdline (NULL, boot.cmdline, NULL));
        boot.es = cases[i].es;
        boot.vcpus = cases[i].vcpus;
        g_assert_cmpint (policy_release_check (release, &boot, verdict), ==, cases[i].ok);
        g_assert_cmpint (policy_verdict_check_passed (verdict, POLICY_CHECK_BOOT), ==,
                         cases[i].ok);
        if (cases[i].ok)
            continue;
        GPtrArray *reasons = policy_verdict_get_reasons (verdict);
        g_assert_cmpuint (reasons->len, ==, 1);
        g_assert_cmpstr (((const PolicyReason *) reasons->pdata[0])->id, ==,
                         "vcpus-not-released");
    }
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *conf = g_strdup_printf (head, bad[i], 0, 0);
        g_autoptr (GError) cause = NULL;
        g_autoptr (PolicyRelease) none =
            policy_release_parse ("a", conf, strlen (conf), &cause);
        g_assert_null (none);
        g_assert_error (cause, POLICY_ERROR, POLICY_ERROR_RELEASE_SYNTAX);
    }
}

/* Firmware that the owner trusts needs no pin of a release; the file is re-read, strictly.
 */
static void
test_trusted_firmware (void)
{
    static const guint8 mine[SEV_DIGEST_SIZE] = { 0xf2, 0x01 };
    static const guint8 released[SEV_DIGEST_SIZE] = { 0xf1 };
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) before = open_owner (&dir);
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) bad = NULL;
    const PolicyRelease *release = policy_owner_get_release (before, 0);
    gboolean added = FALSE;

    g_assert_cmpint (policy_owner_pin_of (before, release, mine), ==,
                     POLICY_FIRMWARE_UNPINNED);
    g_assert_cmpint (policy_owner_pin_of (before, release, released), ==,
                     POLICY_FIRMWARE_BY_RELEASE);
    g_assert_cmpint (policy_owner_pin_of (before, NULL, released), ==,
                     POLICY_FIRMWARE_UNPINNED);
    g_assert_true (policy_owner_trust_firmware (dir.path, mine, "mine.fd", &added, &error));
    g_assert_true (added);
    g_assert_true (policy_owner_trust_firmware (dir.path, mine, "again", &added, &error));
    g_assert_no_error (error);
    g_assert_false (added);
    g_autoptr (PolicyOwner) after =
        policy_owner_open_dir (dir.path, POLICY_OWNER_DEFAULT, &error);
    g_assert_no_error (error);
    g_assert_cmpint (policy_owner_pin_of (after, policy_owner_get_release (after, 0), mine),
                     ==, POLICY_FIRMWARE_BY_OWNER);

    g_autofree char *path = test_dir_path (&dir, POLICY_OWNER_FIRMWARE);
    g_assert_true (g_file_set_contents (path, "sha256:12 short\n", -1, NULL));
    g_assert_null (policy_owner_open_dir (dir.path, POLICY_OWNER_DEFAULT, &bad));
    g_assert_error (bad, POLICY_ERROR, POLICY_ERROR_TRUSTED_FIRMWARE);
    g_assert_nonnull (strstr (bad->message, "trusted-firmware:1:"));
}

/* One pin too few refuses; that the owner trusts the firmware is as good as a release's. */
static void
test_release_firmware (void)
{
    static const PolicyFirmwarePin pins[] = { POLICY_FIRMWARE_BY_OWNER,
                                              POLICY_FIRMWARE_UNPINNED };
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) owner = open_owner (&dir);
    const PolicyRelease *release = policy_owner_get_release (owner, 0);

    for (gsize i = 0; i < G_N_ELEMENTS (pins); i++) {
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        PolicyBoot boot = { .firmware = { 0xf2 },
                            .firmware_pin = pins[i],
                            .measured = TRUE,
                            .uki = TRUE,
                            .kernel = { 0xf1 } };
        g_assert_true (ovmf_hashes_no_initrd (boot.initrd, NULL));
        g_assert_true (ovmf_hashes_cmdline (NULL, boot.cmdline, NULL));
        g_assert_cmpint (policy_release_check (release, &boot, verdict), ==, i == 0);
        g_assert_cmpint (policy_verdict_check_passed (verdict, POLICY_CHECK_FIRMWARE), ==,
                         i == 0);
    }
}

/* Without the file the built-in default; with it, that, or an error. */
static void
test_acceptance_file (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) without = open_owner (&dir);
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) bad = NULL;
    g_autofree char *path = test_dir_path (&dir, POLICY_ACCEPTANCE_NAME);

    g_assert_cmpstr (policy_acceptance_get_source (policy_owner_get_acceptance (without)),
                     ==, "built-in");
    g_assert_true (g_file_set_contents (path, "[acceptance]\nformat=1\n", -1, NULL));
    g_autoptr (PolicyOwner) with =
        policy_owner_open_dir (dir.path, POLICY_OWNER_DEFAULT, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (policy_acceptance_get_source (policy_owner_get_acceptance (with)), ==,
                     path);
    g_assert_true (g_file_set_contents (path, "[acceptance]\nformat=1\nx=y\n", -1, NULL));
    g_assert_null (policy_owner_open_dir (dir.path, POLICY_OWNER_DEFAULT, &bad));
    g_assert_error (bad, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
}

/* The error's place: it may be read only after the call, the first argument, was made. */
static void
assert_refused (gboolean ok, GError **error, PolicyError code)
{
    g_assert_false (ok);
    g_assert_error (*error, POLICY_ERROR, (gint) code);
    g_clear_error (error);
}

static void
assert_ok (gboolean ok, GError **error)
{
    g_assert_no_error (*error);
    g_assert_true (ok);
}

static void
test_rotate (void)
{
    g_auto (TestDir) dir = { 0 };
    GError *error = NULL;

    policy_owner_free (open_owner (&dir));
    g_autofree char *cert = test_dir_read (&dir, "pdh.cert");
    g_autofree char *key = test_dir_read (&dir, "pdh.key");
    g_autofree char *sign = test_dir_read (&dir, "sign.key");
    g_autofree char *path = test_dir_path (&dir, "pdh.key");
    g_autofree char *second = test_dir_path (&dir, "second");

    /* A second name for the old file shows that it was overwritten and not only removed. */
    g_assert_cmpint (link (path, second), ==, 0);
    assert_ok (policy_owner_rotate (dir.path, NULL, NULL, &error), &error);
    g_autofree char *wiped = test_dir_read (&dir, "second");
    g_autofree char *new_key = test_dir_read (&dir, "pdh.key");
    g_autofree char *new_sign = test_dir_read (&dir, "sign.key");
    for (gsize i = 0; i < strlen (key); i++)
        g_assert_cmpint (wiped[i], ==, 0);
    g_assert_cmpstr (new_key, !=, key);
    g_assert_cmpstr (new_sign, ==, sign);
    g_assert_cmphex (test_dir_mode (&dir, "pdh.key"), ==, 0600);

    /* Certificate and key fit, and the releases are there. */
    g_autoptr (PolicyOwner) owner =
        policy_owner_open_dir (dir.path, POLICY_OWNER_DEFAULT, &error);
    assert_ok (owner != NULL, &error);
    g_assert_cmpuint (policy_owner_n_releases (owner), ==, 2);

    assert_ok (policy_owner_rotate (dir.path, "kept", NULL, &error), &error);
    g_autofree char *kept = test_dir_read (&dir, "kept.key");
    g_autofree char *newest = test_dir_read (&dir, "pdh.key");
    g_assert_cmpstr (kept, ==, new_key);
    g_assert_cmpstr (newest, !=, new_key);
    g_assert_true (test_dir_has (&dir, "kept.cert"));
}

static void
test_rotate_refused (void)
{
    g_auto (TestDir) dir = { 0 };
    GError *error = NULL;

    test_dir_init (&dir);
    assert_refused (policy_owner_rotate (dir.path, NULL, NULL, &error), &error,
                    POLICY_ERROR_OWNER_MISSING);
    assert_ok (policy_owner_init (dir.path, &error), &error);
    g_autofree char *key = test_dir_read (&dir, "pdh.key");
    test_dir_write (&dir, "taken.key", "x", 0600);
    assert_refused (policy_owner_rotate (dir.path, "taken", NULL, &error), &error,
                    POLICY_ERROR_OWNER_EXISTS);
    g_autofree char *same = test_dir_read (&dir, "pdh.key");
    g_assert_cmpstr (same, ==, key);

    /* Nothing is overwritten through a link. */
    g_autofree char *path = test_dir_path (&dir, "pdh.key");
    g_autofree char *other = test_dir_path (&dir, "other");
    g_assert_cmpint (rename (path, other), ==, 0);
    g_assert_cmpint (symlink (other, path), ==, 0);
    assert_refused (policy_owner_rotate (dir.path, NULL, NULL, &error), &error,
                    POLICY_ERROR_IO);
    g_autofree char *untouched = test_dir_read (&dir, "other");
    g_assert_cmpstr (untouched, ==, key);
}

/* Neither the key of the file nor the certificate is taken, and no file is written. */
static void
test_fresh_key (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicyOwner) stored = open_owner (&dir);
    GError *error = NULL;
    const guint files = test_dir_count (&dir, ".");

    g_autoptr (PolicyOwner) a =
        policy_owner_open_dir (dir.path, POLICY_OWNER_FRESH_KEY, &error);
    assert_ok (a != NULL, &error);
    g_autoptr (PolicyOwner) b =
        policy_owner_open_dir (dir.path, POLICY_OWNER_FRESH_KEY, &error);
    assert_ok (b != NULL, &error);
    g_assert_false (
        sev_ec_key_same_public (policy_owner_get_key (a), policy_owner_get_key (stored)));
    g_assert_false (
        sev_ec_key_same_public (policy_owner_get_key (a), policy_owner_get_key (b)));
    g_autoptr (SevEcKey) public = sev_cert_get_ec_key (policy_owner_get_cert (a), &error);
    assert_ok (public != NULL, &error);
    g_assert_true (sev_ec_key_same_public (policy_owner_get_key (a), public));
    g_assert_cmpuint (policy_owner_n_releases (a), ==, 2);
    g_assert_cmpuint (test_dir_count (&dir, "."), ==, files);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/owner/find", test_find);
    g_test_add_func ("/owner/find-disagrees", test_find_disagrees);
    g_test_add_func ("/owner/find-two", test_find_two);
    g_test_add_func ("/owner/take", test_take);
    g_test_add_func ("/release/vcpus", test_release_vcpus);
    g_test_add_func ("/release/firmware", test_release_firmware);
    g_test_add_func ("/owner/trusted-firmware", test_trusted_firmware);
    g_test_add_func ("/owner/acceptance", test_acceptance_file);
    g_test_add_func ("/owner/rotate", test_rotate);
    g_test_add_func ("/owner/rotate/refused", test_rotate_refused);
    g_test_add_func ("/owner/fresh-key", test_fresh_key);
    return g_test_run ();
}
