/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML that somebody defined: a copy that can be read again, or a refusal. */

#include <stdint.h>
#include <string.h>

#include "launcher/domain/domain-copy.h"
#include "launcher/inspect/domain-fitness.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const DomainEdit edit = {
    .uuid = "9959c393-191b-4c64-9310-745f8a985bee",
    .type = "qemu",
    .emulator = "/bin/qemu",
    .kernel = "/uki.efi",
    .policy = 0x1100002b,
    .dh_cert = "AAAA",
    .session = "AAAA",
    .kernel_hashes = TRUE,
    .libvirt_version = 9000000,
};

/* What is started says what was judged. */
static void
assert_same (const DomainFacts *a, const DomainFacts *b)
{
    g_assert_cmpstr (a->name, ==, b->name);
    g_assert_cmpuint (a->vcpus, ==, b->vcpus);
    g_assert_cmpuint (a->memory_mib, ==, b->memory_mib);
    g_assert_cmpstr (a->loader, ==, b->loader);
    g_assert_cmpstr (a->disk, ==, b->disk);
    g_assert_cmpstr (a->kernel != NULL ? a->kernel : edit.kernel, ==, b->kernel);
    g_assert_cmpstr (a->kernel != NULL ? a->cmdline : NULL, ==, b->cmdline);
    g_assert_cmphex (b->policy, ==, edit.policy);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = g_strndup ((const char *) data, size);
    g_autoptr (DomainCopy) copy = domain_copy_read (text, strlen (text), &error);

    g_assert_true ((copy == NULL) == (error != NULL));
    if (copy == NULL)
        return 0;
    g_autofree char *built = domain_copy_build (copy, &edit, NULL);
    g_assert_nonnull (built);
    g_autoptr (DomainCopy) again = domain_copy_read (built, strlen (built), &error);
    /* What was added may have made it too large, or one more of something. */
    if (again != NULL)
        assert_same (domain_copy_get_facts (copy), domain_copy_get_facts (again));
    g_autoptr (GPtrArray) found = domain_fitness (text, built, FALSE, NULL);
    for (guint i = 0; found != NULL && i < found->len; i++) {
        const Finding *finding = g_ptr_array_index (found, i);
        g_assert_null (strchr (finding->text, '\n'));
    }
    return 0;
}
