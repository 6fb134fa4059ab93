/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evidence/evidence-html.h"

#include <string.h>

#include "policy/evidence/evidence-html-private.h"
#include "policy/guest-policy-explain.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define ARROW "\xe2\x86\x92"

static gboolean
is_shown (gunichar c)
{
    if (c == '\n')
        return TRUE;
    /* Marks that turn the direction could show one text as another. */
    if (c == 0x061c || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069))
        return FALSE;
    return g_unichar_isprint (c);
}

void
html_put (GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "-", -1);

    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
        const gunichar c = g_utf8_get_char (p);

        switch (c) {
        case '<':
            g_string_append (out, "&lt;");
            break;
        case '>':
            g_string_append (out, "&gt;");
            break;
        case '&':
            g_string_append (out, "&amp;");
            break;
        case '"':
            g_string_append (out, "&quot;");
            break;
        case '\'':
            g_string_append (out, "&#39;");
            break;
        default:
            g_string_append_unichar (out, is_shown (c) ? c : 0xfffd);
            break;
        }
    }
}

void
html_put_hex (GString *out, const void *data, gsize len)
{
    g_autofree char *hex = sev_hex_encode (data, len);

    g_string_append_printf (out, "<code>%s</code>", hex);
}

static void
put_fact (GString *out, const char *label, const char *text)
{
    g_string_append_printf (out, "<tr><th scope=\"row\">%s</th><td>", label);
    html_put (out, text);
    g_string_append (out, "</td></tr>\n");
}

static void
put_code_fact (GString *out, const char *label, const char *text)
{
    g_string_append_printf (out, "<tr><th scope=\"row\">%s</th><td><code>", label);
    html_put (out, text);
    g_string_append (out, "</code></td></tr>\n");
}

static const char *
place_text (const EvidenceManifest *m)
{
    if (g_strcmp0 (m->judged_on, "owner-machine") == 0)
        return "on the owner's machine";
    if (g_strcmp0 (m->judged_on, "hypervisor") == 0)
        return "on the host itself, with the owner's key there";
    if (g_strcmp0 (m->judged_on, "emulated-host") == 0)
        return "on the EMULATED host itself";
    return "nowhere";
}

gboolean
html_is_emulated (const Evidence *evidence, const EvidenceAnswer *answer)
{
    return evidence->manifest->emulated || policy_chain_says_emulated (answer->chain) ||
           policy_chain_get_kind (answer->chain) == POLICY_PLATFORM_EMULATED;
}

static gboolean
is_signed (const EvidenceAnswer *answer)
{
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing == EVIDENCE_PROVEN && strcmp (finding->id, "signature") == 0)
            return TRUE;
    }
    return FALSE;
}

static void
put_banners (GString *out, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;
    const gboolean sound = !answer->refused && is_signed (answer);

    if (html_is_emulated (evidence, answer))
        g_string_append (out, "<div class=\"banner warn\"><b>EMULATED platform</b><br>No "
                              "hardware protected this guest. What follows shows how "
                              "evidence looks; it protects nothing.</div>\n");
    if (answer->refused) {
        g_string_append (out, "<div class=\"banner bad\"><b>\xe2\x9c\x97 This evidence was "
                              "refused</b><ul>");
        for (guint i = 0; i < answer->findings->len; i++) {
            const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
            if (finding->standing != EVIDENCE_REFUSED)
                continue;
            g_string_append (out, "<li>");
            html_put (out, finding->text);
            g_string_append_printf (out, " <code>%s</code></li>", finding->id);
        }
        g_string_append (out, "</ul></div>\n");
    }
    if (!answer->refused && !sound)
        g_string_append (out, "<div class=\"banner bad\"><b>Who signed this was not "
                              "checked</b><br>No key was given to check it with: anybody "
                              "may have made up what follows.</div>\n");
    g_string_append_printf (
        out, "<div class=\"banner %s\"><b>%s</b><br>Judged %s. %s</div>\n",
        m->verified ? (sound ? "good" : "warn") : "bad",
        m->verified ? "\xe2\x9c\x93 The owner's verdict: launch verified"
                    : "\xe2\x9c\x97 The owner's verdict: launch refused",
        place_text (m),
        m->secrets->len == 0 ? "No secret was released."
        : m->early_report    ? "Secrets were sealed for this launch."
                             : "Secrets were released to this launch.");
}

static void
put_acceptance (GString *out, const EvidenceManifest *m)
{
    if (m->acceptance == NULL) {
        put_fact (out, "Acceptance policy", "built-in default");
        return;
    }
    g_string_append (out, "<tr><th scope=\"row\">Acceptance policy</th><td>");
    html_put (out, m->acceptance);
    g_string_append (out, "<br>SHA-256 ");
    html_put_hex (out, m->acceptance_sha256, SEV_DIGEST_SIZE);
    g_string_append (out, "</td></tr>\n");
}

/* What was only asked for is not said as if it were known. */
static char *
guest_text (const EvidenceManifest *m)
{
    g_autofree char *vcpus =
        m->vcpus > 0 ? g_strdup_printf ("%u %s", m->vcpus,
                                        m->vcpus == 1 ? "processor" : "processors")
                     : NULL;
    g_autofree char *memory =
        m->memory_mib > 0 ? g_strdup_printf ("%u MiB", m->memory_mib) : NULL;
    const char *measured = m->es && m->verified ? "(measured)" : "asked for, not measured";

    return g_strdup_printf ("%s; %s%s%s; %s%s", m->es ? "SEV-ES" : "SEV",
                            vcpus != NULL ? vcpus : "number of processors not known",
                            vcpus != NULL ? " " : "", vcpus != NULL ? measured : "",
                            memory != NULL ? memory : "memory not known",
                            memory != NULL ? " asked for, not measured" : "");
}

static char *
platform_text (const EvidenceManifest *m, gboolean emulated)
{
    g_autofree char *api = m->has_api
                               ? g_strdup_printf ("SEV API %u.%u, build %u", m->api_major,
                                                  m->api_minor, m->build)
                               : g_strdup ("API and build not known");

    return g_strdup_printf ("%s%s, %s", emulated ? "EMULATED" : "AMD SEV, ",
                            emulated                ? ""
                            : m->generation != NULL ? m->generation
                                                    : "not shown by its certificates",
                            api);
}

static void
put_summary (GString *out, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;
    const gboolean emulated = html_is_emulated (evidence, answer);
    g_autofree char *number =
        g_strdup_printf ("%" G_GUINT64_FORMAT " in the owner's order%s%s", m->counter,
                         m->has_previous ? ", names the one before" : ", the first",
                         m->gap ? "; whether others came before is not known" : "");
    g_autofree char *guest = guest_text (m);
    g_autofree char *platform = platform_text (m, emulated);

    g_string_append (out, "<table class=\"facts\">\n");
    put_fact (out, "Guest", m->domain_name);
    put_code_fact (out, "Its UUID", m->domain_uuid);
    put_fact (out, "Kind", guest);
    put_fact (out, "Release", m->release);
    put_acceptance (out, m);
    put_fact (out, "Time", m->time);
    put_fact (out, "Host", m->domain_uri);
    put_fact (out, "Platform", platform);
    put_code_fact (out, "Root of its chain", m->root_fingerprint);
    put_code_fact (out, "Owner of the platform", m->owner_fingerprint);
    put_fact (out, "Number of this evidence", number);
    put_code_fact (out, "Signing key", m->signer);
    g_string_append (out, "</table>\n");
}

static void
put_findings (GString *out, GPtrArray *findings, EvidenceStanding standing)
{
    for (guint i = 0; i < findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (findings, i);
        const char *name = evidence_standing_name (standing);

        if (finding->standing != standing)
            continue;
        g_string_append_printf (out, "<tr><td><span class=\"tag t-%s\">%s</span></td><td>",
                                name, name);
        html_put (out, finding->text);
        if (finding->to != NULL) {
            g_string_append (out, "<div class=\"to\">" ARROW " ");
            html_put (out, finding->to);
            g_string_append (out, "</div>");
        }
        g_string_append (out, "</td></tr>\n");
    }
}

static void
put_proofs (GString *out, const EvidenceAnswer *answer)
{
    g_string_append (out,
                     "<h2>What is proven, and to whom</h2>\n<p>A signature of the "
                     "platform convinces whoever trusts its root. The launch "
                     "measurement is a MAC with a key that the owner has too, so it "
                     "convinces the owner only. Everything else is his word, which his "
                     "signing key binds to this file.</p>\n<table>\n");
    put_findings (out, answer->findings, EVIDENCE_REFUSED);
    put_findings (out, answer->findings, EVIDENCE_PROVEN);
    put_findings (out, answer->findings, EVIDENCE_OWNER_ONLY);
    put_findings (out, answer->findings, EVIDENCE_SAID);
    g_string_append (out, "</table>\n");
}

static void
put_file (GString *out, const char *label, const EvidenceFile *file)
{
    if (file == NULL)
        return;
    g_string_append_printf (out, "<tr><th scope=\"row\">%s</th><td>", label);
    html_put (out, file->path);
    g_string_append_printf (out, ", %" G_GUINT64_FORMAT " bytes<br>SHA-256 ", file->size);
    html_put_hex (out, file->sha256, SEV_DIGEST_SIZE);
    g_string_append (out, "</td></tr>\n");
}

static void
put_cmdlines (GString *out, const EvidenceManifest *m)
{
    const char *given = m->cmdline != NULL && *m->cmdline != '\0' ? m->cmdline : "(empty)";

    if (!m->uki) {
        put_code_fact (out, "Command line", given);
        return;
    }
    if (m->uki_cmdline != NULL)
        put_code_fact (out, "Command line in the image",
                       *m->uki_cmdline != '\0' ? m->uki_cmdline : "(empty)");
    else
        put_fact (out, "Command line in the image", "measured with it, not looked at");
    put_code_fact (out, "Command line beside it", given);
}

static void
put_measured (GString *out, const EvidenceManifest *m)
{
    g_string_append_printf (out, "<h2>%s</h2>\n<table class=\"facts\">\n",
                            m->verified ? "What was measured"
                                        : "What should have been measured");
    put_file (out, "Firmware", m->firmware);
    put_file (out, m->uki ? "Unified kernel image" : "Kernel", m->kernel);
    put_file (out, "Initrd", m->initrd);
    if (m->kernel_hashes)
        put_cmdlines (out, m);
    else
        put_fact (out, "Kernel", "not measured: the image's own boot loader");
    if (m->es)
        put_fact (out, "Processors", "their number, kind and first state");
    if (m->has_digest) {
        g_string_append (out, "<tr><th scope=\"row\">Launch digest</th><td>");
        html_put_hex (out, m->digest, sizeof m->digest);
        g_string_append (out, "</td></tr>\n");
    }
    g_string_append (out, "</table>\n");
}

static void
put_policy (GString *out, const EvidenceManifest *m)
{
    PolicyBitText bits[POLICY_N_BITS];
    g_autofree char *api = policy_guest_explain_api (m->policy);

    policy_guest_explain (m->policy, bits);
    g_string_append_printf (out, "<h2>Guest policy 0x%08x</h2>\n<ul>\n", m->policy);
    for (guint i = 0; i < POLICY_N_BITS; i++) {
        g_string_append_printf (out, "<li><code>%s</code> %s: ", bits[i].name,
                                bits[i].set ? "set" : "not set");
        html_put (out, bits[i].text);
        g_string_append (out, "</li>\n");
    }
    g_string_append (out, "<li>");
    html_put (out, api);
    g_string_append (out, "</li>\n</ul>\n");
}

static void
put_secrets (GString *out, const EvidenceManifest *m)
{
    if (m->secrets->len == 0)
        return;
    g_string_append (out, "<h2>Released secrets</h2>\n<p>By their GUIDs; neither they nor "
                          "hashes or lengths of them are in the evidence.</p>\n<ul>\n");
    for (guint i = 0; i < m->secrets->len; i++) {
        g_autofree char *guid =
            sev_guid_to_string (&g_array_index (m->secrets, SevGuid, i));
        g_string_append_printf (out, "<li><code>%s</code></li>\n", guid);
    }
    g_string_append (out, "</ul>\n");
}

static void
put_reasons (GString *out, const EvidenceManifest *m)
{
    if (m->reasons->len == 0)
        return;
    g_string_append (out, "<h2>Reasons of the verdict</h2>\n<ul>\n");
    for (guint i = 0; i < m->reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (m->reasons, i);
        g_string_append (out, "<li>");
        html_put (out, reason->text);
        g_string_append (out, " <code>");
        html_put (out, reason->id);
        g_string_append (out, "</code></li>\n");
    }
    g_string_append (out, "</ul>\n");
}

static void
put_open (GString *out, const EvidenceAnswer *answer)
{
    g_string_append (out, "<h2>Questions that stay open</h2>\n<ul>\n");
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing != EVIDENCE_OPEN)
            continue;
        g_string_append (out, "<li>");
        html_put (out, finding->text);
        g_string_append (out, "</li>\n");
    }
    g_string_append (out, "</ul>\n");
}

static void
put_command (GString *out,
             const Evidence *evidence,
             const EvidenceAnswer *answer,
             const char *file)
{
    const char *root = policy_chain_get_root_fingerprint (answer->chain);
    g_autofree char *quoted = g_shell_quote (file);

    /* A reader may paste it: no word is the manifest's. */
    g_string_append (out, "<pre>sevlaunch evidence verify ");
    html_put (out, quoted);
    g_string_append (out, " \\\n    --signer sign.pub");
    if (html_is_emulated (evidence, answer) && root != NULL) {
        g_string_append (out, " \\\n    --trust-root ");
        html_put (out, root);
    }
    g_string_append (out, "</pre>\n");
}

static void
put_appendix (GString *out,
              const Evidence *evidence,
              const EvidenceAnswer *answer,
              const char *file,
              const char *version)
{
    const EvidenceManifest *m = evidence->manifest;

    g_string_append (out, "<h2>How to check this page</h2>\n<p>It was written from <code>");
    html_put (out, file);
    g_string_append (out, "</code>, SHA-256 ");
    html_put_hex (out, evidence->sha256, sizeof evidence->sha256);
    g_string_append (out, ", and is a reading of it, not evidence itself. With that file "
                          "and the owner's <code>sign.pub</code>, without host and "
                          "network:</p>\n");
    put_command (out, evidence, answer, file);
    if (m->domain_xml != NULL) {
        g_string_append (out, "<details><summary>The guest as it was described to "
                              "libvirt</summary><pre>");
        html_put (out, m->domain_xml);
        g_string_append (out, "</pre></details>\n");
    }
    g_string_append (out, "<footer>Technical facts about one launch, for records on the "
                          "security of processing (GDPR, Article 32) and on the secrecy of "
                          "telecommunications; no legal assessment. Evidence by ");
    html_put (out, m->tool);
    g_string_append_c (out, ' ');
    html_put (out, m->version);
    g_string_append (out, "; page by sevlaunch ");
    html_put (out, version);
    g_string_append (out, ".</footer>\n");
}

char *
evidence_html (const Evidence *evidence,
               const EvidenceAnswer *answer,
               const char *file,
               const char *version)
{
    const EvidenceManifest *m = evidence->manifest;
    GString *out = g_string_new (
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Launch of ");

    html_put (out, m->domain_name);
    g_string_append_printf (out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n",
                            evidence_html_style);
    g_string_append (out, "<h1>Launch of ");
    html_put (out, m->domain_name);
    g_string_append (out,
                     "</h1>\n<p class=\"sub\">Evidence of the launch of a confidential "
                     "virtual machine, ");
    html_put (out, m->time);
    g_string_append (out, "</p>\n");
    put_banners (out, evidence, answer);
    put_summary (out, evidence, answer);
    put_reasons (out, m);
    g_string_append (out, "<section class=\"keep\"><h2>Who signs what</h2>\n<p>Whole "
                          "arrows are signatures, as "
                          "they were checked for this page; the dashed one is a key that "
                          "both sides have.</p>\n");
    html_put_tree (out, evidence, answer);
    g_string_append (out, "</section>\n");
    put_proofs (out, answer);
    g_string_append (out, "<h2>Who could see what</h2>\n");
    html_put_sight (out, evidence, html_is_emulated (evidence, answer));
    put_open (out, answer);
    put_measured (out, m);
    put_policy (out, m);
    put_secrets (out, m);
    put_appendix (out, evidence, answer, file, version);
    g_string_append (out, "</body>\n</html>\n");
    return g_string_free (out, FALSE);
}
