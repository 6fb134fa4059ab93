/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The acceptance policy: every key, alone, refuses what it was met by before. */

#include <string.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/secret-guids.h"
#include "policy/acceptance/acceptance.h"
#include "policy/policy-error.h"
#include "sev/wire/sev-cert-wire.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-vectors.h"

#define HEAD "[acceptance]\nformat=1\n"
/* tail -c +65 ark.cert | head -c 1024 | sha256sum; dd bs=1 skip=16 count=1028 <oca.cert */
#define ROME_ROOT "sha256:227cc97640363424696c3e80d4d17902a5e1784cc5805a9eb5acc00620661a71"
#define ROME_OWNER "sha256:e13e248436a9e331e11d47443c47090dff1c3a0e397d4f1d4055db0ce8d52996"
#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGEST_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* A launch of which everything is known, and good. */
typedef struct {
    PolicyFacts facts;
    PolicyBoot boot;
    PolicyChain *rome;
    PolicyChain *naples;
    PolicyChain *emulated;
    SevGuid secrets[1];
} World;

static PolicyChain *
load_chain (const char *dir)
{
    static const char *const names[] = { "pdh", "pek", "oca", "cek", "ask", "ark" };
    GBytes *certs[G_N_ELEMENTS (names)];
    g_autoptr (GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = g_strdup_printf ("certs/%s/%s.cert", dir, names[i]);
        certs[i] = test_vector_load (path);
    }
    g_autoptr (GBytes) middle = test_cat (certs + 1, 3);
    const PolicyChainInput input = {
        .pdh = certs[0], .cert_chain = middle, .ask = certs[4], .ark = certs[5]
    };
    PolicyChain *chain = policy_chain_verify (&input, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_SEV);
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
        g_bytes_unref (certs[i]);
    return chain;
}

static void
world_init (World *world)
{
    *world = (World){ .rome = load_chain ("rome-ok"),
                      .naples = load_chain ("naples-ok"),
                      .emulated = test_chain_verified () };
    memset (world->boot.firmware, 0xaa, SEV_DIGEST_SIZE);
    world->boot.firmware_pin = POLICY_FIRMWARE_BY_RELEASE;
    world->boot.measured = TRUE;
    world->boot.es = TRUE;
    world->boot.vcpus = 2;
    g_assert_true (ovmf_secret_guid_parse ("luks-key", &world->secrets[0], NULL));
    world->facts = (PolicyFacts){
        .chain = world->rome,
        .has_version = TRUE,
        .api_minor = 24,
        .build = 10,
        .boot = &world->boot,
        .has_policy = TRUE,
        .guest_policy = 0x1800002f, /* prod-es, min-api=0.24 */
        .judged_on = POLICY_JUDGED_OWNER_MACHINE,
        .secrets = world->secrets,
        .n_secrets = 1,
    };
}

static void
world_clear (World *world)
{
    policy_chain_unref (world->rome);
    policy_chain_unref (world->naples);
    policy_chain_unref (world->emulated);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

/* What boots. */

static void
boot_uki (World *w)
{
    w->boot.uki = TRUE;
    memset (w->boot.kernel, 0xbb, SEV_DIGEST_SIZE);
    g_assert_true (ovmf_hashes_no_initrd (w->boot.initrd, NULL));
    g_assert_true (ovmf_hashes_cmdline (NULL, w->boot.cmdline, NULL));
}

static void
boot_kernel (World *w)
{
    w->boot.uki = FALSE;
    memset (w->boot.kernel, 0xbb, SEV_DIGEST_SIZE);
    memset (w->boot.initrd, 0xcc, SEV_DIGEST_SIZE);
    g_assert_true (ovmf_hashes_cmdline ("console=ttyS0; quiet", w->boot.cmdline, NULL));
}

/* Changes: one of them makes the fact a bad one. */

static void
on_naples (World *w)
{
    w->facts.chain = w->naples;
}

static void
on_emulated (World *w)
{
    w->facts.chain = w->emulated;
}

static void
older_api (World *w)
{
    w->facts.api_minor = 23;
    w->facts.build = 99;
}

static void
older_build (World *w)
{
    w->facts.build = 9;
}

static void
on_hypervisor (World *w)
{
    w->facts.judged_on = POLICY_JUDGED_HYPERVISOR;
}

static void
on_emulated_host (World *w)
{
    w->facts.judged_on = POLICY_JUDGED_EMULATED_HOST;
}

static void
other_firmware (World *w)
{
    w->boot.firmware[31] ^= 1;
}

static void
unpinned (World *w)
{
    w->boot.firmware_pin = POLICY_FIRMWARE_UNPINNED;
    w->boot.firmware_accepted = TRUE;
}

static void
pin_unknown (World *w)
{
    w->boot.firmware_pin = POLICY_FIRMWARE_UNKNOWN;
}

static void
unmeasured (World *w)
{
    w->boot.measured = FALSE;
    w->boot.allow_unmeasured = TRUE;
}

static void
other_kernel (World *w)
{
    w->boot.kernel[0] ^= 0x80;
}

static void
other_initrd (World *w)
{
    w->boot.initrd[0] ^= 1;
}

static void
other_cmdline (World *w)
{
    g_assert_true (ovmf_hashes_cmdline ("console=ttyS0; quiet ", w->boot.cmdline, NULL));
}

static void
three_vcpus (World *w)
{
    w->boot.vcpus = 3;
}

static void
nine_vcpus (World *w)
{
    w->boot.vcpus = 9;
}

static void
without_es (World *w)
{
    w->boot.es = FALSE;
    w->facts.guest_policy &= ~SEV_POLICY_ES;
}

static void
with_domain (World *w)
{
    w->facts.guest_policy |= SEV_POLICY_DOMAIN;
}

static void
lower_min_api (World *w)
{
    w->facts.guest_policy = 0x1700002f;
}

static void
with_debug (World *w)
{
    w->facts.guest_policy &= ~SEV_POLICY_NODBG;
}

static void
no_chain (World *w)
{
    w->facts.chain = NULL;
}

static void
no_version (World *w)
{
    w->facts.has_version = FALSE;
}

static void
no_boot (World *w)
{
    w->facts.boot = NULL;
}

static void
no_policy (World *w)
{
    w->facts.has_policy = FALSE;
}

static void
no_place (World *w)
{
    w->facts.judged_on = POLICY_JUDGED_NOWHERE;
}

/* @unknown: the fact that the demand needs is not known */
typedef struct {
    const char *keys; /* group/key of what is shown */
    const char *text;
    void (*boot) (World *);
    void (*change) (World *);
    void (*unknown) (World *);
    const char *id;
    const char *says;
} Row;

#define SECRET "[secret luks-key]\nneeds="
static const Row rows[] = {
    { "platform/roots", "[platform]\nroots=amd\nemulated=yes\n", boot_uki, on_emulated,
      no_chain, "acceptance-root", "trusted-roots" },
    { "platform/roots", "[platform]\nroots=" ROME_ROOT "\ngenerations=naples;rome\n",
      boot_uki, on_naples, no_chain, "acceptance-root", "fb61bb1b" },
    { "platform/emulated", "[platform]\nemulated=no\n", boot_uki, on_emulated, no_chain,
      "acceptance-emulated", "emulated=yes" },
    { "platform/emulated", "", boot_uki, on_emulated, no_chain, "acceptance-emulated",
      "EMULATED" },
    { "platform/generations", "", boot_uki, on_naples, no_chain, "acceptance-generation",
      "Naples" },
    { "platform/generations", "[platform]\ngenerations=rome;milan\n", boot_uki, on_naples,
      no_chain, "acceptance-generation", "rome, milan" },
    { "platform/owners", "[platform]\ngenerations=rome;naples\nowners=" ROME_OWNER "\n",
      boot_uki, on_naples, no_chain, "acceptance-owner", "OCA" },
    { "platform/min-api", "[platform]\nmin-api=0.24\n", boot_uki, older_api, no_version,
      "acceptance-api", "0.23 build 99" },
    { "platform/min-build", "[platform]\nmin-api=0.24\nmin-build=10\n", boot_uki,
      older_build, no_version, "acceptance-api", "0.24 build 10 or newer" },
    { "verdict/judged-on", "[verdict]\njudged-on=owner-machine\n", boot_uki, on_hypervisor,
      no_place, "acceptance-judged-on", "hypervisor" },
    { "verdict/judged-on", "[verdict]\njudged-on=owner-machine;hypervisor\n", boot_uki,
      on_emulated_host, no_place, "acceptance-judged-on", "emulated-host" },
    { "firmware/sha256", "[firmware]\nsha256=" DIGEST_B ";" DIGEST_A "\n", boot_uki,
      other_firmware, no_boot, "acceptance-firmware", "aaab" },
    { "firmware/pinned", "[firmware]\npinned=yes\n", boot_uki, unpinned, no_boot,
      "acceptance-firmware", "firmware: unpinned" },
    { "firmware/pinned", "[firmware]\npinned=yes\n", boot_uki, unpinned, pin_unknown,
      "acceptance-firmware", "firmware: unpinned" },
    { "boot/measured", "[boot]\nmeasured=yes\n", boot_uki, unmeasured, no_boot,
      "acceptance-boot", "not measured" },
    { "boot/uki", "[boot]\nuki=" DIGEST_B "\n", boot_uki, other_kernel, no_boot,
      "acceptance-boot", "3bbb" },
    { "boot/uki", "[boot]\nuki=" DIGEST_B "\n", boot_uki, other_initrd, no_boot,
      "acceptance-boot", "beside it" },
    { "boot/uki", "[boot]\nuki=" DIGEST_B "\n", boot_uki, other_cmdline, no_boot,
      "acceptance-boot", "beside it" },
    { "boot/uki", "[boot]\nuki=" DIGEST_B "\n", boot_uki, boot_kernel, no_boot,
      "acceptance-boot", "a plain kernel is booted" },
    { "boot/uki", "[boot]\nuki=" DIGEST_B "\n", boot_uki, unmeasured, no_boot,
      "acceptance-boot", "not measured" },
    { "boot/kernel", "[boot]\nkernel=" DIGEST_B "\n", boot_kernel, other_kernel, no_boot,
      "acceptance-boot", "the kernel" },
    { "boot/kernel", "[boot]\nkernel=" DIGEST_B "\n", boot_kernel, boot_uki, no_boot,
      "acceptance-boot", "a unified kernel image is booted" },
    { "boot/initrd", "[boot]\ninitrd=" DIGEST_C "\n", boot_kernel, other_initrd, no_boot,
      "acceptance-boot", "the initrd" },
    { "boot/cmdline", "[boot]\ncmdline=quiet;console=ttyS0\\; quiet\n", boot_kernel,
      other_cmdline, no_boot, "acceptance-boot", "the command line" },
    { "boot/vcpus", "[boot]\nvcpus=1-2;4-8\n", boot_uki, three_vcpus, no_boot,
      "acceptance-vcpus", "3 vCPUs" },
    { "boot/vcpus", "[boot]\nvcpus=1-2;4-8\n", boot_uki, nine_vcpus, no_boot,
      "acceptance-vcpus", "9 vCPUs" },
    { "boot/vcpus", "[boot]\nvcpus=2\n", boot_uki, without_es, no_boot, "acceptance-vcpus",
      "only SEV-ES proves" },
    { "guest/require", "[guest]\nrequire=no-debug,es\n", boot_uki, without_es, no_policy,
      "acceptance-guest-policy", "without es" },
    { "guest/require", "[guest]\nrequire=prod\n", boot_uki, with_debug, no_policy,
      "acceptance-guest-policy", "without no-debug" },
    { "guest/require", "[guest]\nrequire=min-api=0.24\n", boot_uki, lower_min_api,
      no_policy, "acceptance-guest-policy", "min-api=0.23" },
    { "guest/forbid", "[guest]\nforbid=domain\n", boot_uki, with_domain, no_policy,
      "acceptance-guest-policy", "has domain" },
    { "secret/needs", SECRET "es\n", boot_uki, without_es, no_policy, "acceptance-secret",
      "luks-key needs 'es'" },
    { "secret/needs", SECRET "no-debug\n", boot_uki, with_debug, no_policy,
      "acceptance-secret", "'no-debug'" },
    { "secret/needs", SECRET "measured-boot\n", boot_uki, unmeasured, no_boot,
      "acceptance-secret", "'measured-boot'" },
    { "secret/needs", SECRET "firmware-pinned\n", boot_uki, unpinned, no_boot,
      "acceptance-secret", "'firmware-pinned'" },
    { "secret/needs", SECRET "firmware-pinned\n", boot_uki, unpinned, pin_unknown,
      "acceptance-secret", "'firmware-pinned'" },
    { "secret/needs", SECRET "owner-machine\n", boot_uki, on_hypervisor, no_place,
      "acceptance-secret", "'owner-machine'" },
    { "secret/needs", "[platform]\nemulated=yes\n" SECRET "amd;es\n", boot_uki, on_emulated,
      NULL, "acceptance-secret", "'amd'" },
    { "secret/needs", "[secret " OVMF_SECRET_LUKS_KEY_GUID "]\nneeds=es\n", boot_uki,
      without_es, no_policy, "acceptance-secret", "luks-key" },
};

static PolicyAcceptance *
parse (const char *text)
{
    g_autofree char *whole = g_strconcat (HEAD, text, NULL);
    g_autoptr (GError) error = NULL;
    PolicyAcceptance *acceptance =
        policy_acceptance_parse ("test", NULL, whole, strlen (whole), &error);

    g_assert_no_error (error);
    return acceptance;
}

static void
assert_reason (const PolicyVerdict *verdict, const char *id, const char *says)
{
    GPtrArray *reasons = policy_verdict_get_reasons (verdict);

    g_assert_cmpuint (reasons->len, ==, 1);
    const PolicyReason *reason = g_ptr_array_index (reasons, 0);
    g_assert_cmpstr (reason->id, ==, id);
    if (says != NULL && strstr (reason->text, says) == NULL)
        g_error ("'%s' does not say '%s'", reason->text, says);
    g_assert_false (policy_verdict_check_passed (verdict, POLICY_CHECK_ACCEPTANCE));
}

static void
test_row (gconstpointer data)
{
    const Row *row = data;
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = parse (row->text);
    g_autoptr (PolicyVerdict) good = policy_verdict_new ();
    g_autoptr (PolicyVerdict) bad = policy_verdict_new ();
    g_autoptr (PolicyVerdict) foreseen = policy_verdict_new ();

    world_init (&world);
    row->boot (&world);
    g_assert_true (policy_acceptance_foresee (acceptance, &world.facts, good));
    g_assert_false (policy_verdict_check_passed (good, POLICY_CHECK_ACCEPTANCE));
    g_assert_true (policy_acceptance_judge (acceptance, &world.facts, good));
    g_assert_true (policy_verdict_check_passed (good, POLICY_CHECK_ACCEPTANCE));
    g_assert_false (policy_verdict_has_failed (good));

    row->change (&world);
    g_assert_false (policy_acceptance_judge (acceptance, &world.facts, bad));
    assert_reason (bad, row->id, row->says);
    g_assert_false (policy_acceptance_foresee (acceptance, &world.facts, foreseen));
    assert_reason (foreseen, row->id, row->says);
}

/* What is not known cannot be foreseen, and is no pass at the end. */
static void
test_row_unknown (gconstpointer data)
{
    const Row *row = data;
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = parse (row->text);
    g_autoptr (PolicyVerdict) foreseen = policy_verdict_new ();
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    world_init (&world);
    row->boot (&world);
    row->unknown (&world);
    g_assert_true (policy_acceptance_foresee (acceptance, &world.facts, foreseen));
    g_assert_false (policy_verdict_has_failed (foreseen));
    g_assert_false (policy_acceptance_judge (acceptance, &world.facts, verdict));
    g_assert_true (policy_verdict_has_failed (verdict));
    g_assert_false (policy_verdict_check_passed (verdict, POLICY_CHECK_ACCEPTANCE));
}

/* A step by hand sees neither platform nor place; what else it does not see is no pass. */
static void
test_row_step (gconstpointer data)
{
    const Row *row = data;
    const gboolean elsewhere =
        row->unknown == no_chain ||
        (row->unknown == no_place && strstr (row->text, "needs") == NULL);
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = parse (row->text);
    g_autoptr (PolicyVerdict) good = policy_verdict_new ();
    g_autoptr (PolicyVerdict) unknown = policy_verdict_new ();
    g_autoptr (PolicyVerdict) bad = policy_verdict_new ();

    world_init (&world);
    row->boot (&world);
    g_assert_true (policy_acceptance_judge_step (acceptance, &world.facts, good));
    g_assert_false (policy_verdict_has_failed (good));
    /* It is no verdict on a launch. */
    g_assert_false (policy_verdict_check_passed (good, POLICY_CHECK_ACCEPTANCE));

    row->unknown (&world);
    const gboolean passed =
        policy_acceptance_judge_step (acceptance, &world.facts, unknown);
    g_assert_true (passed == elsewhere);
    if (!passed)
        assert_reason (unknown, row->id, NULL);

    world_clear (&world);
    world_init (&world);
    row->boot (&world);
    row->change (&world);
    g_assert_false (policy_acceptance_judge_step (acceptance, &world.facts, bad));
    assert_reason (bad, row->id, row->says);
}

/* Every key of acceptance(5) has a row above. */
static void
test_complete (void)
{
    static const char *const keys[] = {
        "platform/roots",   "platform/generations", "platform/emulated", "platform/owners",
        "platform/min-api", "platform/min-build",   "verdict/judged-on", "firmware/sha256",
        "firmware/pinned",  "boot/measured",        "boot/uki",          "boot/kernel",
        "boot/initrd",      "boot/cmdline",         "boot/vcpus",        "guest/require",
        "guest/forbid",     "secret/needs",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
        guint found = 0;
        for (gsize j = 0; j < G_N_ELEMENTS (rows); j++)
            found += strcmp (rows[j].keys, keys[i]) == 0;
        if (found == 0)
            g_error ("no row shows that %s refuses", keys[i]);
    }
}

static gboolean
accepts (const PolicyAcceptance *acceptance, const World *world)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    return policy_acceptance_judge (acceptance, &world->facts, verdict);
}

/* Versions are compared as a whole: builds count anew with each API. */
static void
test_newer (void)
{
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance =
        parse ("[platform]\nmin-api=0.24\nmin-build=10\n");

    world_init (&world);
    world.facts.build = 11;
    g_assert_true (accepts (acceptance, &world));
    world.facts.build = 0;
    g_assert_false (accepts (acceptance, &world));
    world.facts.api_minor = 25;
    g_assert_true (accepts (acceptance, &world));
    world.facts.api_major = 1;
    world.facts.api_minor = 0;
    g_assert_true (accepts (acceptance, &world));
}

/* A rule for a secret that is not released asks for nothing. */
static void
test_other_secret (void)
{
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = parse (SECRET "es\n");

    world_init (&world);
    without_es (&world);
    g_assert_false (accepts (acceptance, &world));
    world.facts.n_secrets = 0;
    g_assert_true (accepts (acceptance, &world));
}

/* Without a file: Naples is off, an emulated platform whose root is trusted goes. */
static void
test_default (void)
{
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = policy_acceptance_new_default ();
    g_autoptr (PolicyVerdict) naples = policy_verdict_new ();
    g_autoptr (PolicyVerdict) unknown = policy_verdict_new ();

    world_init (&world);
    g_assert_cmpstr (policy_acceptance_get_source (acceptance), ==, "built-in");
    g_assert_true (accepts (acceptance, &world));
    on_emulated (&world);
    g_assert_true (accepts (acceptance, &world));
    on_naples (&world);
    g_assert_false (policy_acceptance_judge (acceptance, &world.facts, naples));
    assert_reason (naples, "acceptance-generation", "generations=");

    world.facts.chain = NULL;
    g_assert_true (policy_acceptance_judge (acceptance, &world.facts, unknown));
    GPtrArray *unproven = policy_verdict_get_unproven (unknown);
    g_assert_cmpuint (unproven->len, ==, 1);
    g_assert_nonnull (strstr (g_ptr_array_index (unproven, 0), "which platform"));

    /* A verdict in which this check was not made is a refusal. */
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_OWNER_MACHINE);
    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        if (i != POLICY_CHECK_ACCEPTANCE)
            policy_verdict_pass (verdict, (PolicyCheck) i);
    g_assert_false (policy_verdict_is_accepted (verdict));
    world.facts.chain = world.rome;
    g_assert_true (policy_acceptance_judge (acceptance, &world.facts, verdict));
    g_assert_true (policy_verdict_is_accepted (verdict));
}

/* Not only the first reason. */
static void
test_all_reasons (void)
{
    static const char *const expected[] = {
        "acceptance-root",   "acceptance-generation",   "acceptance-owner",
        "acceptance-api",    "acceptance-judged-on",    "acceptance-firmware",
        "acceptance-boot",   "acceptance-boot",         "acceptance-boot",
        "acceptance-vcpus",  "acceptance-guest-policy", "acceptance-guest-policy",
        "acceptance-secret",
    };
    static const char text[] =
        "[platform]\nroots=" ROME_ROOT "\nowners=" ROME_OWNER "\nmin-api=1.0\n"
        "[verdict]\njudged-on=owner-machine\n[firmware]\nsha256=" DIGEST_B "\n"
        "[boot]\nkernel=" DIGEST_A "\ninitrd=" DIGEST_A "\ncmdline=x\nvcpus=1\n"
        "[guest]\nrequire=domain\nforbid=no-send\n" SECRET "owner-machine\n";
    g_auto (World) world = { 0 };
    g_autoptr (PolicyAcceptance) acceptance = parse (text);
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    world_init (&world);
    boot_kernel (&world);
    on_naples (&world);
    on_hypervisor (&world);
    g_assert_false (policy_acceptance_judge (acceptance, &world.facts, verdict));
    GPtrArray *reasons = policy_verdict_get_reasons (verdict);
    g_assert_cmpuint (reasons->len, ==, G_N_ELEMENTS (expected));
    for (guint i = 0; i < reasons->len; i++)
        g_assert_cmpstr (((const PolicyReason *) reasons->pdata[i])->id, ==, expected[i]);
}

static PolicyAcceptance *
load_text (TestDir *dir, const char *text, GError **error)
{
    g_autofree char *path = test_dir_path (dir, "acceptance");
    g_autofree char *whole = g_strconcat (HEAD "[platform]\n", text, NULL);

    g_assert_true (g_file_set_contents (path, whole, -1, NULL));
    return policy_acceptance_load (path, error);
}

/* The provider gives his certificate, not its fingerprint. */
static void
test_owner_file (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (World) world = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) oca = test_vector_load ("certs/rome-ok/oca.cert");
    g_autoptr (GBytes) pek = test_vector_load ("certs/rome-ok/pek.cert");

    test_dir_init (&dir);
    world_init (&world);
    g_autofree char *oca_path = test_dir_path (&dir, "oca.cert");
    g_autofree char *pek_path = test_dir_path (&dir, "pek.cert");
    g_assert_true (g_file_set_contents (oca_path, g_bytes_get_data (oca, NULL),
                                        (gssize) g_bytes_get_size (oca), NULL));
    g_assert_true (g_file_set_contents (pek_path, g_bytes_get_data (pek, NULL),
                                        (gssize) g_bytes_get_size (pek), NULL));
    g_autofree char *absolute = g_strconcat (
        "generations=rome;naples\nowners=sha256:" DIGEST_A ";", oca_path, "\n", NULL);
    const char *const good[] = { "generations=rome;naples\nowners=oca.cert\n", absolute };

    for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
        world.facts.chain = world.rome;
        g_autoptr (PolicyAcceptance) acceptance = load_text (&dir, good[i], &error);
        g_assert_no_error (error);
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        g_assert_true (accepts (acceptance, &world));
        on_naples (&world);
        g_assert_false (policy_acceptance_judge (acceptance, &world.facts, verdict));
        assert_reason (verdict, "acceptance-owner", "OCA");
    }

    static const char *const bad[][2] = {
        { "owners=pek.cert\n", "pek.cert" },
        { "roots=amd\nowners=none.cert\n", "none.cert" },
        { "owners=acceptance\n", "acceptance" },
        { "owners=.\n", "OCA" },
        { "owners=/dev/zero\n", "/dev/zero" },
    };
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) refused = NULL;
        g_autofree char *line =
            g_strdup_printf (": line %u: [platform] owners: ", i == 1 ? 5u : 4u);
        g_assert_null (load_text (&dir, bad[i][0], &refused));
        g_assert_error (refused, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
        g_test_message ("%s", refused->message);
        g_assert_nonnull (strstr (refused->message, line));
        g_assert_nonnull (strstr (refused->message, bad[i][1]));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path =
            g_strdup_printf ("/acceptance/refuses/%s/%" G_GSIZE_FORMAT, rows[i].keys, i);
        g_autofree char *unknown =
            g_strdup_printf ("/acceptance/unknown/%s/%" G_GSIZE_FORMAT, rows[i].keys, i);
        g_autofree char *step =
            g_strdup_printf ("/acceptance/step/%s/%" G_GSIZE_FORMAT, rows[i].keys, i);
        g_test_add_data_func (path, &rows[i], test_row);
        if (rows[i].unknown != NULL) {
            g_test_add_data_func (unknown, &rows[i], test_row_unknown);
            g_test_add_data_func (step, &rows[i], test_row_step);
        }
    }
    g_test_add_func ("/acceptance/complete", test_complete);
    g_test_add_func ("/acceptance/newer", test_newer);
    g_test_add_func ("/acceptance/other-secret", test_other_secret);
    g_test_add_func ("/acceptance/default", test_default);
    g_test_add_func ("/acceptance/all-reasons", test_all_reasons);
    g_test_add_func ("/acceptance/owner-file", test_owner_file);
    return g_test_run ();
}
