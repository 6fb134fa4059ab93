/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who could see what: from what happened, the guest policy, the platform and the place of
 * the verdict. */

#include "policy/evidence/evidence-html-private.h"
#include "policy/guest-policy-explain.h"

typedef struct {
    const char *what;
    const char *host;     /* the host and who administers it */
    const char *platform; /* AMD's firmware in it */
    const char *owner;    /* of the guest */
} Sight;

static gboolean
is_by_owner (const EvidenceManifest *m)
{
    return g_strcmp0 (m->judged_on, "owner-machine") == 0;
}

static const char *
memory_sight (const EvidenceManifest *m, gboolean emulated)
{
    if (emulated)
        return "could read it: an EMULATED platform protects nothing";
    if ((m->policy & SEV_POLICY_NODBG) == 0)
        return "could read it through the platform: the guest policy allows debugging";
    g_auto (GStrv) dangers = policy_guest_dangers (m->policy);
    if (dangers[0] != NULL)
        return "could read it: the guest policy lets its key leave this guest and platform";
    return "saw ciphertext; could replace or replay it unnoticed";
}

static Sight
register_row (const EvidenceManifest *m, gboolean emulated)
{
    Sight row = { "Registers of its processors", NULL, NULL, "no" };

    if (emulated) {
        row.host = "could read them";
        row.platform = m->es ? "measured their first values, and encrypts none" : "no";
    } else if (m->es) {
        row.host = "saw ciphertext, and what the guest shows it for a request";
        row.platform = "has the key that encrypts them";
    } else {
        row.host = "could read and change them: the launch was without SEV-ES";
        row.platform = "no";
    }
    return row;
}

static Sight
key_row (const EvidenceManifest *m, gboolean begun)
{
    Sight row = { "Session keys of the launch", "there were none", "there were none",
                  "made none" };

    if (m->session == NULL)
        return row;
    row.owner = "made them";
    row.platform = begun ? "has them" : "did not get them from this launch";
    row.host = !is_by_owner (m) ? "had them in a process on its machine: its administrator "
                                  "could read them"
               : begun          ? "saw them wrapped for the platform"
                                : "did not get them from this launch";
    return row;
}

static Sight
secret_row (const EvidenceManifest *m, gboolean emulated)
{
    Sight row = { "Released secrets", "none was released", "none was released",
                  "released none" };

    if (m->secrets->len == 0)
        return row;
    row.owner = "gave them";
    row.platform =
        m->early_report ? "could pass them into the guest" : "passed them into the guest";
    row.host = !is_by_owner (m) ? "had them in a process on its machine: its administrator "
                                  "could read them"
               : emulated       ? "could read them in the guest's memory"
                                : "saw ciphertext";
    return row;
}

/* A guest that was refused had nothing of its owner's to see. */
static Sight
refused_row (gboolean begun)
{
    if (!begun)
        return (Sight){ "The guest", "no guest was started", "no guest was started",
                        "refused it before" };
    return (Sight){ "The guest",
                    "started one, which got no secret and was not resumed by sevlaunch",
                    "knows what it measured, or would have", "refused it" };
}

static Sight
boot_row (const EvidenceManifest *m, gboolean begun)
{
    Sight row = { "Firmware, kernel, command line", "saw them", "measured them",
                  "named them" };

    if (!m->has_measurement)
        row.platform = "measured none that the owner knows of";
    else if (!m->verified)
        row.platform = "measured what the host started";
    if (!begun)
        row.host = is_by_owner (m) ? "did not get them from this launch" : "saw them";
    return row;
}

static void
put_row (GString *out, const Sight *row)
{
    const char *const cells[] = { row->host, row->platform, row->owner };

    g_string_append_printf (out, "<tr><th scope=\"row\">%s</th>", row->what);
    for (gsize i = 0; i < G_N_ELEMENTS (cells); i++) {
        g_string_append (out, "<td>");
        html_put (out, cells[i]);
        g_string_append (out, "</td>");
    }
    g_string_append (out, "</tr>\n");
}

void
html_put_sight (GString *out, const Evidence *evidence, gboolean emulated)
{
    const EvidenceManifest *m = evidence->manifest;
    const gboolean begun =
        m->has_measurement || m->domain_uuid != NULL || evidence->report != NULL;
    const Sight ran[] = {
        { "Memory of the guest", memory_sight (m, emulated),
          emulated ? "is a program of the host" : "has the key that encrypts it", "no" },
        register_row (m, emulated),
    };
    const Sight shared[] = { key_row (m, begun), secret_row (m, emulated),
                             boot_row (m, begun) };
    const Sight later[] = {
        { "Disk, network, console",
          "carries all of it; what is readable in it depends on the guest's own encryption",
          "no", "no" },
        { "Timing, size, access patterns", "sees them", "no", "no" },
    };
    const Sight refused = refused_row (begun);

    g_string_append (out, "<table class=\"sight\"><thead><tr><td></td>"
                          "<th scope=\"col\">The host and its administrator</th>"
                          "<th scope=\"col\">The platform's firmware</th>"
                          "<th scope=\"col\">The owner of the guest</th></tr></thead>"
                          "<tbody>\n");
    if (!m->verified)
        put_row (out, &refused);
    for (gsize i = 0; m->verified && i < G_N_ELEMENTS (ran); i++)
        put_row (out, &ran[i]);
    for (gsize i = 0; i < G_N_ELEMENTS (shared); i++)
        put_row (out, &shared[i]);
    for (gsize i = 0; m->verified && i < G_N_ELEMENTS (later); i++)
        put_row (out, &later[i]);
    g_string_append (out, "</tbody></table>\n");
}
