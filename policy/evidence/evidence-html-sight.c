/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who could see what: from the guest policy, the platform and the place of the verdict. */

#include "policy/evidence/evidence-html-private.h"
#include "policy/guest-policy-explain.h"

typedef struct {
    const char *what;
    const char *host;     /* the host and who administers it */
    const char *platform; /* AMD's firmware in it */
    const char *owner;    /* of the guest */
} Sight;

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

static const char *
register_sight (const EvidenceManifest *m, gboolean emulated)
{
    if (emulated)
        return "could read them";
    return m->es ? "saw ciphertext, and what the guest shows it for a request"
                 : "could read and change them: the launch was without SEV-ES";
}

static const char *
key_sight (const EvidenceManifest *m)
{
    if (g_strcmp0 (m->judged_on, "owner-machine") == 0)
        return "saw them wrapped for the platform";
    return "had them in a process on its machine: its administrator could read them";
}

static const char *
secret_sight (const EvidenceManifest *m, gboolean emulated)
{
    if (m->secrets->len == 0)
        return "none was released";
    if (g_strcmp0 (m->judged_on, "owner-machine") != 0)
        return "had them in a process on its machine: its administrator could read them";
    return emulated ? "could read them in the guest's memory" : "saw ciphertext";
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
html_put_sight (GString *out, const EvidenceManifest *m, gboolean emulated)
{
    const Sight rows[] = {
        { "Memory of the guest", memory_sight (m, emulated), "has the key that encrypts it",
          "no" },
        { "Registers of its processors", register_sight (m, emulated),
          m->es ? "has the key that encrypts them" : "no", "no" },
        { "Session keys of the launch", key_sight (m), "has them", "made them" },
        { "Released secrets", secret_sight (m, emulated),
          m->early_report ? "could pass them into the guest" : "passed them into the guest",
          m->secrets->len > 0 ? "gave them" : "none was released" },
        { "Firmware, kernel, command line", "saw them", "measured them", "named them" },
        { "Disk, network, console",
          "carried all of it; what is readable in it depends on "
          "the guest's own encryption",
          "no", "no" },
        { "Timing, size, access patterns", "saw them", "no", "no" },
    };

    g_string_append (out, "<table class=\"sight\"><thead><tr><td></td>"
                          "<th scope=\"col\">The host and its administrator</th>"
                          "<th scope=\"col\">The platform's firmware</th>"
                          "<th scope=\"col\">The owner of the guest</th></tr></thead>"
                          "<tbody>\n");
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        put_row (out, &rows[i]);
    g_string_append (out, "</tbody></table>\n");
}
