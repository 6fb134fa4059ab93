/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The real test disk ($SEVLAUNCH_TEST_DISK, see tests/lib/make-test-disk.sh): what is read
 * from the image is what its maker wrote into disk.manifest, and the kernel image beside
 * it.
 */

#include <string.h>
#include <unistd.h>

#include "launcher/image/esp.h"
#include "launcher/image/luks.h"
#include "tests/lib/test-tools.h"

static char *
hex (const guint8 *digest)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (gsize i = 0; i < SEV_DIGEST_SIZE; i++)
        g_string_append_printf (text, "%02x", digest[i]);
    return g_strdup (text->str);
}

static char *
manifest_value (GKeyFile *manifest, const char *key)
{
    g_autoptr (GError) error = NULL;
    char *value = g_key_file_get_string (manifest, "disk", key, &error);

    g_assert_no_error (error);
    return value;
}

static void
check_uki (const ImageInfo *info, GKeyFile *manifest, const char *dir)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (EspUki) uki = esp_extract_uki (info, NULL, &error);
    g_assert_no_error (error);

    g_autofree char *path = manifest_value (manifest, "uki-path");
    g_autofree char *sha256 = manifest_value (manifest, "uki-sha256");
    g_autofree char *file = manifest_value (manifest, "uki");
    g_autofree char *beside = g_build_filename (dir, file, NULL);
    g_autofree char *found = hex (uki->sha256);
    g_assert_cmpstr (uki->path, ==, path);
    g_assert_cmpstr (found, ==, sha256);
    g_assert_cmpuint (uki->info->stub_version, ==, 252);

    g_autofree char *content = NULL;
    gsize len;
    g_assert_true (g_file_get_contents (beside, &content, &len, NULL));
    g_assert_cmpuint (uki->size, ==, len);
    g_autofree char *copy = g_malloc (len);
    for (gsize done = 0; done < len;) {
        const gssize n = read (uki->fd, copy + done, len - done);
        g_assert_cmpint (n, >, 0);
        done += (gsize) n;
    }
    g_assert_true (memcmp (copy, content, len) == 0);

    g_autoptr (EspUki) by_hand = esp_load_uki (beside, &error);
    g_assert_no_error (error);
    g_autofree char *loaded = hex (by_hand->sha256);
    g_assert_cmpstr (loaded, ==, sha256);
}

static void
check_luks (const ImageInfo *info, GKeyFile *manifest)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (LuksHeader) header = luks_find (info, NULL, &error);
    g_assert_no_error (error);

    g_autofree char *uuid = manifest_value (manifest, "luks-uuid");
    g_autofree char *sha256 = manifest_value (manifest, "luks-header-sha256");
    g_autofree char *found = hex (header->sha256);
    g_assert_cmpstr (header->uuid, ==, uuid);
    g_assert_cmpstr (found, ==, sha256);
    g_assert_cmpuint (
        header->start, ==,
        g_key_file_get_uint64 (manifest, "disk", "luks-partition-offset", NULL));
    g_assert_cmpuint (header->length, ==,
                      g_key_file_get_uint64 (manifest, "disk", "luks-header-length", NULL));
}

static void
test_disk (void)
{
    const char *dir = g_getenv ("SEVLAUNCH_TEST_DISK");
    g_autoptr (GKeyFile) manifest = g_key_file_new ();
    g_autoptr (GError) error = NULL;

    if (dir == NULL) {
        g_test_skip ("SEVLAUNCH_TEST_DISK is not set");
        return;
    }
    if (test_skip_without ("qemu-nbd", NULL))
        return;
    g_autofree char *file = g_build_filename (dir, "disk.manifest", NULL);
    g_assert_true (g_key_file_load_from_file (manifest, file, G_KEY_FILE_NONE, &error));
    g_assert_no_error (error);
    g_autofree char *image = manifest_value (manifest, "image");
    g_autofree char *path = g_build_filename (dir, image, NULL);
    g_autoptr (ImageInfo) info = image_info_open (path, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (info), ==, 1);
    g_assert_cmpint (image_info_get_layer (info, 0)->format, ==, IMAGE_FORMAT_QCOW2);
    check_uki (info, manifest, dir);
    check_luks (info, manifest);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    /* The one that was built, whether one is installed or not. */
    g_autofree char *judge =
        g_test_build_filename (G_TEST_BUILT, "ovmf-hooks/guest/luks-judge", NULL);
    luks_set_judge (judge);

    g_test_add_func ("/image/disk", test_disk);
    return g_test_run ();
}
