/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The chain of signatures as SVG. */

#include "policy/evidence/evidence-html-private.h"

#define BOX_W 150
#define BOX_H 46

typedef struct {
    const char *name;
    const char *what;
    int x, y; /* of the box's left upper corner */
} Box;

enum { ARK, ASK, CEK, PEK, OCA, PDH, REPORT, SIGNER, MANIFEST, TIK, MAC, N_BOXES };

static const Box boxes[N_BOXES] = {
    [ARK] = { "ARK", "root of the chain", 10, 20 },
    [ASK] = { "ASK", "signs the chips", 10, 110 },
    [CEK] = { "CEK", "this chip", 10, 200 },
    [OCA] = { "OCA", "the platform's owner", 200, 200 },
    [PEK] = { "PEK", "the platform", 105, 290 },
    [PDH] = { "PDH", "agrees session keys", 10, 380 },
    [REPORT] = { "Report", "digest and policy", 200, 380 },
    [SIGNER] = { "sign.key", "the guest's owner", 420, 200 },
    [MANIFEST] = { "Manifest", "what the owner says", 420, 380 },
    [TIK] = { "TIK", "owner and platform", 600, 200 },
    [MAC] = { "Measurement", "MAC of the launch", 600, 380 },
};

static void
put_box (GString *out, int which, const char *class, const char *what)
{
    const Box *box = &boxes[which];

    g_string_append_printf (
        out,
        "<g class=\"%s\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>",
        class, box->x, box->y, BOX_W, BOX_H);
    g_string_append_printf (out, "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>",
                            box->x + BOX_W / 2, box->y + 20, box->name);
    g_string_append_printf (out, "<text class=\"what\" x=\"%d\" y=\"%d\">",
                            box->x + BOX_W / 2, box->y + 36);
    html_put (out, what != NULL ? what : box->what);
    g_string_append (out, "</text></g>\n");
}

typedef enum {
    EDGE_YES,  /* the signature verifies */
    EDGE_NO,   /* it does not */
    EDGE_OPEN, /* it was not checked */
    EDGE_SAID, /* no signature */
} Edge;

/* From the middle of one box's lower edge to the upper edge of the other. */
static void
put_arrow (GString *out, int from, int to, Edge edge)
{
    static const char *const classes[] = { "yes", "no", "open", "said" };
    static const char *const marks[] = { "\xe2\x9c\x93", "\xe2\x9c\x97", "?", "" };
    const char *class = classes[edge];
    const int x1 = boxes[from].x + BOX_W / 2;
    const int y1 = boxes[from].y + BOX_H;
    const int x2 = boxes[to].x + BOX_W / 2;
    const int y2 = boxes[to].y - 7;
    const int side = x2 < x1 ? -24 : 10;

    g_string_append_printf (out,
                            "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>",
                            class, x1, y1, x2, y2);
    g_string_append_printf (out, "<polygon class=\"%s\" points=\"%d,%d %d,%d %d,%d\"/>",
                            class, x2 - 5, y2, x2 + 5, y2, x2, y2 + 7);
    g_string_append_printf (out, "<text class=\"mark %s\" x=\"%d\" y=\"%d\">%s</text>\n",
                            class, (x1 + x2) / 2 + side,
                            (y1 + y2) / 2 + (x1 == x2 ? 5 : -4), marks[edge]);
}

static gboolean
has_finding (const EvidenceAnswer *answer, EvidenceStanding standing, const char *id)
{
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing == standing && g_strcmp0 (finding->id, id) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
put_chain (GString *out, const EvidenceAnswer *answer)
{
    static const struct {
        PolicyLinkId link;
        int from, to;
    } edges[] = {
        { POLICY_LINK_ASK_BY_ARK, ARK, ASK }, { POLICY_LINK_CEK_BY_ASK, ASK, CEK },
        { POLICY_LINK_PEK_BY_CEK, CEK, PEK }, { POLICY_LINK_PEK_BY_OCA, OCA, PEK },
        { POLICY_LINK_PDH_BY_PEK, PEK, PDH },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (edges); i++)
        put_arrow (out, edges[i].from, edges[i].to,
                   policy_chain_get_link (answer->chain, edges[i].link)->ok ? EDGE_YES
                                                                            : EDGE_NO);
}

static void
put_arrows (GString *out, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;

    if (m->pdh != NULL)
        put_chain (out, answer);
    if (evidence->report != NULL)
        put_arrow (out, PEK, REPORT, answer->has_report ? EDGE_YES : EDGE_NO);
    put_arrow (out, SIGNER, MANIFEST,
               has_finding (answer, EVIDENCE_PROVEN, "signature") ? EDGE_YES
               : has_finding (answer, EVIDENCE_OPEN, "signature") ? EDGE_OPEN
                                                                  : EDGE_NO);
    if (m->has_measurement)
        put_arrow (out, TIK, MAC,
                   has_finding (answer, EVIDENCE_REFUSED, "evidence-measurement")
                       ? EDGE_NO
                       : EDGE_SAID);
}

static void
put_platform (GString *out, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;
    const gboolean trusted = policy_chain_is_verified (answer->chain);
    const char *generation = policy_chain_get_generation (answer->chain);
    g_autofree char *root = m->pdh == NULL ? g_strdup ("was not asked for")
                            : !trusted     ? g_strdup ("a root not trusted here")
                            : html_is_emulated (evidence, answer)
                                ? g_strdup ("EMULATED root")
                                : g_strdup_printf ("AMD, %s", generation);

    put_box (out, ARK,
             m->pdh == NULL ? "box none"
             : trusted      ? "box root"
                            : "box bad",
             root);
    put_box (out, ASK, "box", NULL);
    put_box (out, CEK, "box", NULL);
    put_box (out, OCA, "box",
             m->platform_owner == NULL                        ? "owner: not known"
             : g_strcmp0 (m->platform_owner, "external") == 0 ? "owner: external"
                                                              : "owner: itself");
    put_box (out, PEK, "box", NULL);
    put_box (out, PDH, "box", NULL);
    put_box (out, REPORT, evidence->report != NULL ? "box" : "box none",
             evidence->report == NULL ? "there is none"
             : m->early_report        ? "for the measurement"
                                      : NULL);
}

static void
put_owner (GString *out, const EvidenceManifest *m)
{
    put_box (out, SIGNER, "box root", NULL);
    put_box (out, MANIFEST, "box", NULL);
    put_box (out, TIK, m->session != NULL ? "box" : "box none",
             m->session != NULL ? NULL : "there is none");
    put_box (out, MAC, m->has_measurement ? "box" : "box none",
             m->has_measurement ? NULL : "there is none");
}

void
html_put_tree (GString *out, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;

    g_string_append (out, "<svg viewBox=\"0 0 760 440\" role=\"img\" "
                          "aria-label=\"Who signs what\">\n");
    g_string_append (out, "<text class=\"group\" x=\"10\" y=\"12\">The platform</text>"
                          "<text class=\"group\" x=\"420\" y=\"190\">The owner</text>"
                          "<text class=\"group\" x=\"600\" y=\"190\">Both sides</text>\n");
    put_arrows (out, evidence, answer);
    put_platform (out, evidence, answer);
    put_owner (out, m);
    if (evidence->report != NULL && !m->early_report)
        g_string_append_printf (
            out,
            "<line class=\"bind\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
            "<text class=\"what\" x=\"%d\" y=\"%d\">names</text>\n",
            boxes[REPORT].x + BOX_W, boxes[REPORT].y + BOX_H / 2, boxes[MANIFEST].x,
            boxes[REPORT].y + BOX_H / 2, (boxes[REPORT].x + BOX_W + boxes[MANIFEST].x) / 2,
            boxes[REPORT].y + BOX_H / 2 - 6);
    g_string_append (out, "</svg>\n");
}
