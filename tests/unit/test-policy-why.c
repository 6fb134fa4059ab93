/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Measurements that differ from the expected one in a known way; the search must name it.
 * What is reported is put together here, field by field, and not by the code under test.
 */

#include "policy/attest/why.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-hmac.h"

#define API_MAJOR 1
#define API_MINOR 55
#define BUILD 21
#define POLICY 0x0000002bu
#define ES_POLICY 0x0000002fu
#define VARS_SIZE 0x20000u
#define FIRMWARE_SIZE 0x40000u
#define KERNEL_SIZE 20001u
#define INITRD_SIZE 12288u
#define CMDLINE "console=ttyS0 root=/dev/vda1 ro quiet"
#define RESET_ADDR 0x0080b004u

typedef struct {
    guint8 firmware[FIRMWARE_SIZE];
    guint8 other[FIRMWARE_SIZE]; /* another build */
    guint8 kernel[KERNEL_SIZE];
    guint8 new_kernel[KERNEL_SIZE];
    guint8 initrd[INITRD_SIZE];
    guint8 new_initrd[INITRD_SIZE];
    guint8 padded_kernel[KERNEL_SIZE + 3];
    guint8 tik[SEV_KEY_SIZE];
    guint8 tek[SEV_KEY_SIZE];
    guint8 nonce[SEV_NONCE_SIZE];
    guint8 old_nonce[SEV_NONCE_SIZE];
} World;

/* What a host really launched; begins as what was expected. */
typedef struct {
    const guint8 *firmware;
    gsize firmware_len;
    gboolean hashes;
    const guint8 *kernel;
    gsize kernel_len;
    const guint8 *initrd;
    gsize initrd_len;
    const char *cmdline;
    gsize cmdline_len; /* with its NUL */
    guint32 policy;
    gboolean es;
    PolicyVcpus vcpus;
    guint last;        /* with what is expected: as many processors, or fewer */
    gboolean any_form; /* likewise: of their save areas */
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    gboolean legacy;
    gboolean reversed;
    const guint8 *key;
    const guint8 *nonce; /* what the MAC is of */
} Launch;

static World world;

static void
fill (guint8 *out, gsize len, guint seed)
{
    for (gsize i = 0; i < len; i++)
        out[i] = (guint8) (i * 31 + i / 251 * 7 + seed);
}

/* A variable store, code, and a table with the SEV-ES reset block alone. */
static void
make_firmware (guint8 image[FIRMWARE_SIZE], guint seed)
{
    static const guint8 reset_guid[] = { 0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f,
                                         0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e };
    static const guint8 table_guid[] = { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                         0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d };
    g_autoptr (GByteArray) table = g_byte_array_new ();

    fill (image, FIRMWARE_SIZE, seed);
    memset (image, 0, 64);
    memcpy (image + 40, "_FVH", 4);
    image[34] = VARS_SIZE >> 16;
    sev_put_u32 (table, RESET_ADDR);
    sev_put_u16 (table, 22);
    sev_put_bytes (table, reset_guid, sizeof reset_guid);
    sev_put_u16 (table, 40);
    sev_put_bytes (table, table_guid, sizeof table_guid);
    memcpy (image + FIRMWARE_SIZE - 32 - table->len, table->data, table->len);
}

static void
make_world (void)
{
    make_firmware (world.firmware, 1);
    make_firmware (world.other, 2);
    fill (world.kernel, sizeof world.kernel, 3);
    fill (world.new_kernel, sizeof world.new_kernel, 4);
    fill (world.initrd, sizeof world.initrd, 5);
    fill (world.new_initrd, sizeof world.new_initrd, 6);
    memcpy (world.padded_kernel, world.kernel, sizeof world.kernel);
    fill (world.tik, sizeof world.tik, 7);
    fill (world.tek, sizeof world.tek, 8);
    fill (world.nonce, sizeof world.nonce, 9);
    fill (world.old_nonce, sizeof world.old_nonce, 10);
}

static Launch
expected (gboolean es)
{
    return (Launch){
        .firmware = world.firmware,
        .firmware_len = FIRMWARE_SIZE,
        .hashes = TRUE,
        .kernel = world.kernel,
        .kernel_len = KERNEL_SIZE,
        .initrd = world.initrd,
        .initrd_len = INITRD_SIZE,
        .cmdline = CMDLINE,
        .cmdline_len = sizeof CMDLINE,
        .policy = es ? ES_POLICY : POLICY,
        .es = es,
        .vcpus = { .count = 2,
                   .signature = policy_cpu_signature_make (25, 1, 1),
                   .reset_addr = RESET_ADDR },
        .api_major = API_MAJOR,
        .api_minor = API_MINOR,
        .build = BUILD,
        .key = world.tik,
        .nonce = world.nonce,
    };
}

static void
sha256 (const void *data, gsize len, guint8 out[SEV_DIGEST_SIZE])
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    gsize size = SEV_DIGEST_SIZE;

    g_checksum_update (sum, data, (gssize) len);
    g_checksum_get_digest (sum, out, &size);
}

/* By policy_launch_digest(), which has vectors of its own (test-policy-vectors). */
static void
digest_of (const Launch *l, guint8 out[SEV_DIGEST_SIZE])
{
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];
    OvmfHashes hashes;

    sha256 (l->kernel, l->kernel_len, hashes.kernel);
    sha256 (l->initrd, l->initrd_len, hashes.initrd);
    sha256 (l->cmdline, l->cmdline_len, hashes.cmdline);
    ovmf_hashes_build (&hashes, table);
    g_assert_true (policy_launch_digest (l->firmware, l->firmware_len,
                                         l->hashes ? table : NULL, l->es ? &l->vcpus : NULL,
                                         out, NULL));
}

static void
report_of (const Launch *l, guint8 out[sizeof (SevMeasureWire)])
{
    g_autoptr (GByteArray) message = g_byte_array_new ();
    guint8 digest[SEV_DIGEST_SIZE];
    guint8 mac[SEV_MAC_SIZE];

    digest_of (l, digest);
    if (!l->legacy) {
        sev_put_u8 (message, 4);
        sev_put_u8 (message, l->api_major);
        sev_put_u8 (message, l->api_minor);
        sev_put_u8 (message, l->build);
    }
    sev_put_u32 (message, l->policy);
    sev_put_bytes (message, digest, sizeof digest);
    sev_put_bytes (message, l->nonce, SEV_NONCE_SIZE);
    g_assert_true (
        sev_hmac_sha256 (l->key, SEV_KEY_SIZE, message->data, message->len, mac, NULL));
    memcpy (out + (l->reversed ? SEV_NONCE_SIZE : 0), mac, sizeof mac);
    memcpy (out + (l->reversed ? 0 : SEV_MAC_SIZE), world.nonce, SEV_NONCE_SIZE);
}

static void
add_own (PolicyWhy *why, PolicyWhyFile which, const guint8 *data, gsize len)
{
    g_autofree char *path = NULL;
    GError *error = NULL;
    const int fd = g_file_open_tmp ("why-XXXXXX", &path, &error);

    g_assert_no_error (error);
    g_assert_cmpint (write (fd, data, len), ==, (gssize) len);
    g_assert_true (policy_why_add_own_file (why, which, fd, &error));
    g_assert_no_error (error);
    close (fd);
    g_unlink (path);
}

static PolicyBootInputs *
inputs_of (const Launch *l)
{
    PolicyBootInputs *inputs =
        policy_boot_inputs_new ("own.fd", l->firmware, l->firmware_len, NULL);
    PolicyBootPart kernel = { .name = (char *) "own-kernel", .size = l->kernel_len };
    PolicyBootPart initrd = { .name = (char *) "own-initrd", .size = l->initrd_len };

    if (!l->hashes)
        return inputs;
    sha256 (l->kernel, l->kernel_len, kernel.sha256);
    sha256 (l->initrd, l->initrd_len, initrd.sha256);
    g_assert_true (policy_boot_inputs_set_kernel (
        inputs, &kernel, l->initrd_len > 0 ? &initrd : NULL, l->cmdline, NULL));
    return inputs;
}

static void
add_neighbours (PolicyWhy *why)
{
    guint8 digest[SEV_DIGEST_SIZE];
    GError *error = NULL;

    g_assert_true (
        policy_why_add_own_firmware (why, world.firmware, FIRMWARE_SIZE, &error));
    g_assert_true (policy_why_add_firmware (why, "other.fd", world.other, FIRMWARE_SIZE,
                                            world.firmware, FIRMWARE_SIZE, &error));
    g_assert_no_error (error);
    sha256 (world.new_kernel, KERNEL_SIZE, digest);
    policy_why_add_file (why, POLICY_WHY_KERNEL, "new-kernel", digest);
    sha256 (world.new_initrd, INITRD_SIZE, digest);
    policy_why_add_file (why, POLICY_WHY_INITRD, "new-initrd", digest);
    sha256 (world.padded_kernel, sizeof world.padded_kernel, digest);
    policy_why_add_file (why, POLICY_WHY_KERNEL, "padded-kernel", digest);
    policy_why_add_nonce (why, world.old_nonce);
    add_own (why, POLICY_WHY_KERNEL, world.kernel, KERNEL_SIZE);
    add_own (why, POLICY_WHY_INITRD, world.initrd, INITRD_SIZE);
}

static PolicyWhyAnswer *
ask (const Launch *wanted, const Launch *real, guint64 limit)
{
    g_autoptr (SevSecret) tik = sev_secret_new_copy (world.tik, SEV_KEY_SIZE);
    g_autoptr (SevSecret) tek = sev_secret_new_copy (world.tek, SEV_KEY_SIZE);
    g_autoptr (PolicyBootInputs) inputs = inputs_of (wanted);
    guint8 report[sizeof (SevMeasureWire)];
    PolicyMeasureInput input = { .api_major = wanted->api_major,
                                 .api_minor = wanted->api_minor,
                                 .build = wanted->build,
                                 .report = report,
                                 .report_len = sizeof report };
    GError *error = NULL;

    digest_of (wanted, input.launch_digest);
    report_of (real, report);
    g_autoptr (PolicyWhy) why = policy_why_new (tik, tek, wanted->policy, &input);
    const PolicyWhyVcpus vcpus = { wanted->vcpus, MAX (wanted->last, wanted->vcpus.count),
                                   wanted->any_form };
    g_assert_true (policy_why_set_boot (why, inputs, wanted->es ? &vcpus : NULL, &error));
    g_assert_no_error (error);
    add_neighbours (why);
    PolicyWhyAnswer *answer = policy_why_search (why, limit, POLICY_WHY_MAX_BYTES, &error);
    g_assert_no_error (error);
    return answer;
}

static char *
ids_of (const PolicyWhyAnswer *answer)
{
    GString *text = g_string_new (answer->matches ? "matches" : NULL);

    for (guint i = 0; i < answer->explanations->len; i++) {
        const GPtrArray *causes = g_ptr_array_index (answer->explanations, i);

        g_string_append (text, i > 0 ? " | " : "");
        for (guint k = 0; k < causes->len; k++) {
            const PolicyWhyCause *cause = g_ptr_array_index (causes, k);
            g_string_append_printf (text, "%s%s", k > 0 ? " " : "", cause->id);
        }
    }
    return g_string_free (text, FALSE);
}

/* One row for each thing that goes wrong: what the host did, and the answer. */

typedef struct {
    const char *name;
    gboolean es;
    void (*change) (Launch *real);
    const char *answer;
} Row;

#define CHANGE(name, ...)                                                                  \
    static void name (Launch *real) { __VA_ARGS__; }

#define TAKE_CMDLINE(text) (real->cmdline = (text), real->cmdline_len = sizeof (text))

CHANGE (nothing, (void) real)
CHANGE (other_firmware, real->firmware = world.other)
CHANGE (code_part, real->firmware = world.firmware + VARS_SIZE;
        real->firmware_len = FIRMWARE_SIZE - VARS_SIZE)
CHANGE (cut_firmware, real->firmware_len = 3 * 4096)
CHANGE (hashes_off, real->hashes = FALSE)
CHANGE (line_end, TAKE_CMDLINE (CMDLINE "\n"))
CHANGE (blank_behind, TAKE_CMDLINE (CMDLINE " "))
CHANGE (two_blanks, TAKE_CMDLINE ("console=ttyS0 root=/dev/vda1  ro quiet"))
CHANGE (no_nul, real->cmdline_len--)
CHANGE (quoted, TAKE_CMDLINE ("\"" CMDLINE "\""))
CHANGE (one_word_less, TAKE_CMDLINE ("console=ttyS0 root=/dev/vda1 quiet"))
CHANGE (no_cmdline, TAKE_CMDLINE (""))
CHANGE (no_initrd, real->initrd_len = 0)
CHANGE (other_initrd, real->initrd = world.new_initrd)
CHANGE (other_kernel, real->kernel = world.new_kernel)
CHANGE (cut_kernel, real->kernel_len = 4 * 4096)
CHANGE (kernel_but_a_byte, real->kernel_len--)
CHANGE (initrd_but_a_byte, real->initrd_len--)
CHANGE (cut_initrd, real->initrd_len = 4096)
CHANGE (padded_kernel, real->kernel = world.padded_kernel;
        real->kernel_len = KERNEL_SIZE + 3)
CHANGE (count, real->vcpus.count = 4)
CHANGE (many, real->vcpus.count = 48)
CHANGE (rome, real->vcpus.signature = policy_cpu_signature_make (23, 49, 0))
CHANGE (init2, real->vcpus.form = POLICY_VMSA_INIT2)
CHANGE (debug_swap, real->vcpus.features = 0x20)
CHANGE (without_es, real->es = FALSE; real->policy &= ~4u)
CHANGE (no_nodbg, real->policy ^= 1)
CHANGE (with_domain, real->policy |= 16)
CHANGE (three_bits, real->policy = 0)
CHANGE (min_api, real->policy |= 17u << 24)
CHANGE (build, real->build = 24)
CHANGE (far_build, real->build = 200)
CHANGE (api, real->api_minor = 51)
CHANGE (both_versions, real->api_minor = 49; real->build = 3)
CHANGE (legacy, real->legacy = TRUE)
CHANGE (swapped, real->key = world.tek)
CHANGE (stale, real->nonce = world.old_nonce)
CHANGE (reversed, real->reversed = TRUE)
CHANGE (firmware_and_build, real->firmware = world.other; real->build = 22)
CHANGE (initrd_and_line_end, real->initrd_len = 0; TAKE_CMDLINE (CMDLINE "\n"))
CHANGE (kernel_and_initrd, real->kernel = world.new_kernel; real->initrd = world.new_initrd)
CHANGE (cut_to, real->kernel_len = 10000)
CHANGE (cut_in_half, real->kernel_len = KERNEL_SIZE - KERNEL_SIZE / 2)
CHANGE (kernel_but_17, real->kernel_len -= 17)
CHANGE (kernel_but_3000, real->kernel_len -= 3000)
CHANGE (kernel_to_sector, real->kernel_len = 17 * 512)
CHANGE (initrd_to_sector, real->initrd_len = 3 * 512)
CHANGE (firmware_but_a_byte, real->firmware_len--)
CHANGE (firmware_1000, real->firmware_len = 1000)
CHANGE (all_double, TAKE_CMDLINE ("console=ttyS0  root=/dev/vda1  ro  quiet"))
CHANGE (two_behind, TAKE_CMDLINE (CMDLINE "  "))
CHANGE (two_before, TAKE_CMDLINE ("  " CMDLINE))
CHANGE (tab_behind, TAKE_CMDLINE (CMDLINE "\t"))
CHANGE (a_tab, TAKE_CMDLINE ("console=ttyS0\troot=/dev/vda1 ro quiet"))
CHANGE (blank_and_line_end, TAKE_CMDLINE (CMDLINE " \n"))
CHANGE (line_end_before, TAKE_CMDLINE ("\n" CMDLINE))
CHANGE (return_behind, TAKE_CMDLINE (CMDLINE "\r"))
CHANGE (two_line_ends, TAKE_CMDLINE (CMDLINE "\n\n"))
CHANGE (lines, TAKE_CMDLINE ("console=ttyS0\nroot=/dev/vda1\nro\nquiet"))
CHANGE (around_and_between, TAKE_CMDLINE ("\nconsole=ttyS0\troot=/dev/vda1\tro\tquiet"))
CHANGE (joined, TAKE_CMDLINE ("console=ttyS0 root=/dev/vda1 roquiet"))
CHANGE (api_and_far_build, real->api_minor = 49; real->build = 99)
CHANGE (min_api_0_21, real->policy |= 21u << 24)
CHANGE (min_api_1_51, real->policy |= 51u << 24 | 1u << 16)
CHANGE (count_65, real->vcpus.count = 65)
CHANGE (count_255, real->vcpus.count = 255)
CHANGE (genoa_3, real->vcpus.signature = policy_cpu_signature_make (25, 17, 3))
CHANGE (turin_2, real->vcpus.signature = policy_cpu_signature_make (26, 2, 2))
CHANGE (cascade, real->vcpus.signature = policy_cpu_signature_make (6, 85, 7))
CHANGE (vermeer, real->vcpus.signature = policy_cpu_signature_make (25, 33, 0))
CHANGE (three_things, real->kernel = world.new_kernel; real->initrd = world.new_initrd;
        real->policy ^= 8)
CHANGE (count_and_cpu, real->vcpus.count = 3;
        real->vcpus.signature = policy_cpu_signature_make (23, 1, 2))

static const Row rows[] = {
    { "nothing", FALSE, nothing, "matches" },
    { "other-firmware", FALSE, other_firmware, "firmware-other" },
    { "code-part", FALSE, code_part, "firmware-code-part" },
    { "cut-firmware", FALSE, cut_firmware, "firmware-truncated" },
    { "hashes-off", FALSE, hashes_off, "kernel-hashes-off" },
    { "line-end", FALSE, line_end, "cmdline-white-space" },
    { "blank-behind", FALSE, blank_behind, "cmdline-white-space" },
    { "two-blanks", FALSE, two_blanks, "cmdline-white-space" },
    { "no-nul", FALSE, no_nul, "cmdline-nul" },
    { "quoted", FALSE, quoted, "cmdline-quotes" },
    { "one-word-less", FALSE, one_word_less, "cmdline-word" },
    { "no-cmdline", FALSE, no_cmdline, "cmdline-absent" },
    { "no-initrd", FALSE, no_initrd, "initrd-absent" },
    { "other-initrd", FALSE, other_initrd, "initrd-other" },
    { "other-kernel", FALSE, other_kernel, "kernel-other" },
    { "cut-kernel", FALSE, cut_kernel, "kernel-truncated" },
    { "kernel-but-a-byte", FALSE, kernel_but_a_byte, "kernel-truncated" },
    { "initrd-but-a-byte", FALSE, initrd_but_a_byte, "initrd-truncated" },
    { "cut-initrd", FALSE, cut_initrd, "initrd-truncated" },
    { "padded-kernel", FALSE, padded_kernel, "kernel-other | kernel-padded" },
    { "count", TRUE, count, "vcpu-count" },
    { "many", TRUE, many, "vcpu-count" },
    { "cpu", TRUE, rome, "cpu-signature" },
    { "init2", TRUE, init2, "vmsa-form" },
    { "debug-swap", TRUE, debug_swap, "vmsa-form" },
    { "without-es", TRUE, without_es, "es-off" },
    { "es-other-firmware", TRUE, other_firmware, "firmware-other" },
    { "es-no-initrd", TRUE, no_initrd, "initrd-absent" },
    { "count-and-cpu", TRUE, count_and_cpu, "vcpu-count cpu-signature" },
    { "no-nodbg", FALSE, no_nodbg, "policy-bits" },
    { "with-domain", FALSE, with_domain, "policy-bits" },
    { "three-bits", FALSE, three_bits, "policy-bits" },
    { "min-api", FALSE, min_api, "policy-min-api" },
    { "build", FALSE, build, "build-differs" },
    { "far-build", FALSE, far_build, "build-differs" },
    { "api", FALSE, api, "api-differs" },
    { "both-versions", FALSE, both_versions, "api-and-build-differ" },
    { "legacy", FALSE, legacy, "api-legacy" },
    { "swapped", FALSE, swapped, "keys-swapped" },
    { "stale", FALSE, stale, "nonce-stale" },
    { "reversed", FALSE, reversed, "report-order" },
    { "firmware-and-build", FALSE, firmware_and_build, "firmware-other build-differs" },
    { "initrd-and-line-end", FALSE, initrd_and_line_end,
      "initrd-absent cmdline-white-space" },
    { "kernel-and-initrd", FALSE, kernel_and_initrd, "kernel-other initrd-other" },
    { "cut-to-10000", FALSE, cut_to, "kernel-truncated" },
    { "cut-in-half", FALSE, cut_in_half, "kernel-truncated" },
    { "kernel-but-17", FALSE, kernel_but_17, "kernel-truncated" },
    { "kernel-but-3000", FALSE, kernel_but_3000, "kernel-truncated" },
    { "kernel-to-sector", FALSE, kernel_to_sector, "kernel-truncated" },
    { "initrd-to-sector", FALSE, initrd_to_sector, "initrd-truncated" },
    { "firmware-but-a-byte", FALSE, firmware_but_a_byte, "firmware-truncated" },
    { "firmware-1000", FALSE, firmware_1000, "firmware-truncated" },
    { "all-double", FALSE, all_double, "cmdline-white-space" },
    { "two-behind", FALSE, two_behind, "cmdline-white-space" },
    { "two-before", FALSE, two_before, "cmdline-white-space" },
    { "tab-behind", FALSE, tab_behind, "cmdline-white-space" },
    { "a-tab", FALSE, a_tab, "cmdline-white-space" },
    { "blank-and-line-end", FALSE, blank_and_line_end, "cmdline-white-space" },
    { "line-end-before", FALSE, line_end_before, "cmdline-white-space" },
    { "return-behind", FALSE, return_behind, "cmdline-white-space" },
    { "two-line-ends", FALSE, two_line_ends, "cmdline-white-space" },
    { "lines", FALSE, lines, "cmdline-white-space" },
    { "around-and-between", FALSE, around_and_between, "cmdline-white-space" },
    { "joined", FALSE, joined, "cmdline-white-space" },
    { "api-and-far-build", FALSE, api_and_far_build, "api-and-build-differ" },
    { "min-api-0.21", FALSE, min_api_0_21, "policy-min-api" },
    { "min-api-1.51", FALSE, min_api_1_51, "policy-min-api" },
    { "count-65", TRUE, count_65, "vcpu-count" },
    { "count-255", TRUE, count_255, "vcpu-count" },
    { "genoa-3", TRUE, genoa_3, "cpu-signature" },
    { "turin-2", TRUE, turin_2, "cpu-signature" },
    { "cascade", TRUE, cascade, "cpu-signature" },
    { "vermeer", TRUE, vermeer, "cpu-signature" },
    { "three-things", FALSE, three_things, "kernel-other initrd-other policy-bits" },
};

static void
test_row (gconstpointer data)
{
    const Row *row = data;
    const Launch wanted = expected (row->es);
    Launch real = expected (row->es);

    row->change (&real);
    g_autoptr (PolicyWhyAnswer) answer = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_autofree char *ids = ids_of (answer);
    g_assert_cmpstr (ids, ==, row->answer);
    g_test_message ("%" G_GUINT64_FORMAT " hypotheses", answer->tried);
}

/* What the owner expects is a set, or is other than a kernel with everything. */

typedef struct {
    const char *name;
    void (*expect) (Launch *wanted);
    void (*change) (Launch *real);
    const char *answer;
    const char *text; /* (nullable): what the first cause says */
} Other;

CHANGE (one_to_eight, real->es = TRUE; real->policy = ES_POLICY; real->vcpus.count = 1;
        real->last = 8;
        real->any_form = TRUE)
CHANGE (any_two, real->es = TRUE; real->policy = ES_POLICY; real->any_form = TRUE)
CHANGE (five, real->es = TRUE; real->policy = ES_POLICY; real->vcpus.count = 5)
CHANGE (five_init2, five (real); real->vcpus.form = POLICY_VMSA_INIT2)
CHANGE (five_rome, five (real);
        real->vcpus.signature = policy_cpu_signature_make (23, 49, 0))
CHANGE (nine, five (real); real->vcpus.count = 9)
CHANGE (nine_init2, nine (real); real->vcpus.form = POLICY_VMSA_INIT2)
CHANGE (two_init2, any_two (real); real->vcpus.form = POLICY_VMSA_INIT2)
CHANGE (two_init2_line_end, two_init2 (real); TAKE_CMDLINE (CMDLINE "\n"))
CHANGE (no_kernel, real->hashes = FALSE)
CHANGE (new_kernel, real->kernel = world.new_kernel; real->initrd_len = 0;
        TAKE_CMDLINE (""))
CHANGE (new_kernel_initrd, real->kernel = world.new_kernel; real->initrd = world.new_initrd;
        TAKE_CMDLINE (""))
CHANGE (wants_no_initrd, real->initrd_len = 0)
CHANGE (new_initrd, real->initrd = world.new_initrd)
CHANGE (many_blanks, TAKE_CMDLINE ("a  b  c"))
CHANGE (fewer_blanks, TAKE_CMDLINE ("a b  c"))
CHANGE (no_break_space, TAKE_CMDLINE ("a\xc2\xa0 b"))
CHANGE (plain_space, TAKE_CMDLINE ("a b"))

static const Other others[] = {
    { "range", one_to_eight, five_init2, "matches", NULL },
    { "range-cpu", one_to_eight, five_rome, "cpu-signature", NULL },
    { "range-count", one_to_eight, nine, "vcpu-count",
      "the guest has 9 processors and not 1 to 8" },
    { "range-count-init2", one_to_eight, nine_init2, "vcpu-count", NULL },
    { "any-form", any_two, two_init2, "matches", NULL },
    { "any-form-line-end", any_two, two_init2_line_end, "cmdline-white-space",
      "the command line has a line end behind it" },
    { "kernel-hashes-on", no_kernel, new_kernel, "kernel-hashes-on", NULL },
    { "kernel-hashes-on-initrd", no_kernel, new_kernel_initrd,
      "kernel-hashes-on initrd-present", NULL },
    { "initrd-present", wants_no_initrd, new_initrd, "initrd-present", NULL },
    { "es-on", nothing, two_init2, "es-on cpu-signature", NULL },
    { "es-on-five", nothing, five_rome, "es-on cpu-signature", NULL },
    { "fewer-blanks", many_blanks, fewer_blanks, "cmdline-white-space",
      "the command line has one blank behind the word 'a'" },
    { "no-break-space", no_break_space, plain_space, "cmdline-white-space", NULL },
};

static void
test_other (gconstpointer data)
{
    const Other *other = data;
    Launch wanted = expected (FALSE);
    Launch real = expected (FALSE);

    other->expect (&wanted);
    other->change (&real);
    g_autoptr (PolicyWhyAnswer) answer = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_autofree char *ids = ids_of (answer);
    g_assert_cmpstr (ids, ==, other->answer);
    if (other->text != NULL) {
        const GPtrArray *causes = g_ptr_array_index (answer->explanations, 0);
        const PolicyWhyCause *cause = g_ptr_array_index (causes, 0);
        g_assert_cmpstr (cause->text, ==, other->text);
    }
}

/* The owner had the code part, the host took the whole image. */
static void
test_whole_image (void)
{
    g_autoptr (SevSecret) tik = sev_secret_new_copy (world.tik, SEV_KEY_SIZE);
    const Launch real = { .firmware = world.firmware,
                          .firmware_len = FIRMWARE_SIZE,
                          .cmdline = "",
                          .policy = POLICY,
                          .api_major = API_MAJOR,
                          .api_minor = API_MINOR,
                          .key = world.tik,
                          .nonce = world.nonce };
    const guint8 *code = world.firmware + VARS_SIZE;
    const gsize len = FIRMWARE_SIZE - VARS_SIZE;
    guint8 report[sizeof (SevMeasureWire)];
    PolicyMeasureInput input = { .api_major = API_MAJOR,
                                 .api_minor = API_MINOR,
                                 .report = report,
                                 .report_len = sizeof report };
    GError *error = NULL;

    report_of (&real, report);
    g_autoptr (PolicyBootInputs) inputs =
        policy_boot_inputs_new ("code.fd", code, len, &error);
    g_assert_no_error (error);
    g_assert_true (policy_boot_inputs_digest (inputs, NULL, input.launch_digest, NULL));
    g_autoptr (PolicyWhy) why = policy_why_new (tik, NULL, POLICY, &input);
    g_assert_true (policy_why_set_boot (why, inputs, NULL, NULL) &&
                   policy_why_add_firmware (why, "whole.fd", world.firmware, FIRMWARE_SIZE,
                                            code, len, NULL));
    g_autoptr (PolicyWhyAnswer) answer =
        policy_why_search (why, POLICY_WHY_LIMIT, POLICY_WHY_MAX_BYTES, NULL);
    g_autofree char *ids = ids_of (answer);
    g_assert_cmpstr (ids, ==, "firmware-whole-image");
}

/* Nothing of the host's is in the neighbourhood. */
static void
test_not_found (void)
{
    const Launch wanted = expected (TRUE);
    Launch real = expected (TRUE);
    guint8 unknown[KERNEL_SIZE];

    fill (unknown, sizeof unknown, 99);
    real.kernel = unknown;
    g_autoptr (PolicyWhyAnswer) answer = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_assert_false (answer->matches);
    g_assert_cmpuint (answer->explanations->len, ==, 0);
    g_assert_cmpuint (answer->tried, >, 10000);
}

static void
test_limit (void)
{
    const Launch wanted = expected (FALSE);
    Launch real = expected (FALSE);

    real.build = 200;
    g_autoptr (PolicyWhyAnswer) found = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_assert_cmpuint (found->explanations->len, ==, 1);
    g_assert_true (found->complete);
    g_autoptr (PolicyWhyAnswer) answer = ask (&wanted, &real, 10);
    g_assert_cmpuint (answer->explanations->len, ==, 0);
    g_assert_cmpuint (answer->tried, ==, 10);
    g_assert_false (answer->complete);
}

/* A big guest does not take longer than a small one. */
static void
test_bytes (void)
{
    Launch wanted = expected (TRUE);
    Launch real = expected (TRUE);
    const guint64 area = sizeof (SevVmsaWire);

    wanted.vcpus.count = real.vcpus.count = 255;
    wanted.last = 255;
    real.policy ^= 1;
    real.build = 200;
    g_autoptr (PolicyWhyAnswer) none = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_assert_cmpuint (none->explanations->len, ==, 0);
    g_assert_false (none->complete);
    g_assert_cmpuint (none->hashed, <=, POLICY_WHY_MAX_BYTES);
    g_assert_cmpuint (none->hashed, >, POLICY_WHY_MAX_BYTES / 2);
    /* Those of the expected guest alone. */
    real.policy ^= 1;
    g_autoptr (PolicyWhyAnswer) build = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_autofree char *ids = ids_of (build);
    g_assert_cmpstr (ids, ==, "build-differs");
    /* Each number of processors is one more area, and not all of them once more. */
    real = wanted;
    real.vcpus.count = 254;
    g_autoptr (PolicyWhyAnswer) count = ask (&wanted, &real, POLICY_WHY_LIMIT);
    g_autofree char *count_ids = ids_of (count);
    g_assert_cmpstr (count_ids, ==, "vcpu-count");
    g_assert_cmpuint (count->hashed, <, 800 * 255 * area);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    make_world ();
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = g_strconcat ("/policy-why/", rows[i].name, NULL);
        g_test_add_data_func (path, &rows[i], test_row);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (others); i++) {
        g_autofree char *path = g_strconcat ("/policy-why/expected/", others[i].name, NULL);
        g_test_add_data_func (path, &others[i], test_other);
    }
    g_test_add_func ("/policy-why/whole-image", test_whole_image);
    g_test_add_func ("/policy-why/not-found", test_not_found);
    g_test_add_func ("/policy-why/limit", test_limit);
    g_test_add_func ("/policy-why/bytes", test_bytes);
    return g_test_run ();
}
