/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The typed commands: what goes out, what comes back, what is refused. */

#include <string.h>

#include "qmp/qmp-machine.h"
#include "qmp/qmp-sev.h"
#include "qmp/qmp-transport-unix.h"
#include "tests/unit/fake-qmp-peer.h"

#define LONG 60000u /* ms */

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
    GAsyncResult **slot = data;

    *slot = g_object_ref (result);
}

static GAsyncResult *
await (GAsyncResult **slot)
{
    while (*slot == NULL)
        g_main_context_iteration (NULL, TRUE);
    return *slot;
}

/* A client whose peer expects one command and answers it. */
typedef struct {
    PeerStep steps[2];
    char *reply;
    FakePeer *peer;
    QmpClient *client;
    GAsyncResult *result;
} Call;

static void
call_init (Call *call, const char *command, const char *arguments, const char *returns)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GAsyncResult) opened = NULL;

    memset (call, 0, sizeof *call);
    call->reply = g_strdup_printf ("{\"return\": %s, \"id\": %%ID}\r\n", returns);
    call->steps[0] = (PeerStep) FAKE_NEGOTIATION;
    call->steps[1] = (PeerStep){ command, arguments, call->reply, PEER_WAIT };
    call->peer = fake_peer_new (FAKE_GREETING, call->steps, 2);

    g_autoptr (GIOStream) stream = fake_peer_take_stream (call->peer);
    qmp_transport_unix_new_async (stream, 64u << 10, NULL, on_done, &opened);
    g_autoptr (QmpTransport) transport =
        qmp_transport_unix_new_finish (await (&opened), &error);
    g_assert_no_error (error);
    call->client = qmp_client_new (transport, LONG);
}

static void
call_clear (Call *call)
{
    g_clear_object (&call->result);
    g_object_unref (call->client);
    fake_peer_finish (call->peer);
    g_free (call->reply);
}

static gboolean
query_sev (const char *returns, QmpSevInfo *info, GError **error)
{
    Call call;

    call_init (&call, "query-sev", NULL, returns);
    qmp_sev_query_async (call.client, NULL, on_done, &call.result);
    const gboolean ok =
        qmp_sev_query_finish (call.client, await (&call.result), info, error);
    call_clear (&call);
    return ok;
}

/* Shapes from qapi/misc-target.json of QEMU 7.2 and of QEMU 10.0. */
#define SEV_72                                                                             \
    "{\"enabled\": true, \"api-minor\": 55, \"handle\": 4294967295, \"state\": "           \
    "\"launch-secret\", \"api-major\": 1, \"build-id\": 24, \"policy\": 3}"
#define SEV_100                                                                            \
    "{\"enabled\": true, \"api-minor\": 55, \"handle\": 1, \"state\": \"running\", "       \
    "\"api-major\": 1, \"sev-type\": \"sev\", \"build-id\": 24, \"policy\": 4294967295}"
#define SNP_100                                                                            \
    "{\"enabled\": true, \"api-minor\": 55, \"state\": \"running\", \"api-major\": 1, "    \
    "\"sev-type\": \"sev-snp\", \"build-id\": 24, \"snp-policy\": 196608}"
/* What QEMU 7.2.22 answered without SEV. */
#define SEV_OFF                                                                            \
    "{\"enabled\": false, \"api-minor\": 0, \"handle\": 0, \"state\": \"uninit\", "        \
    "\"api-major\": 0, \"build-id\": 0, \"policy\": 0}"

static void
test_query_sev (void)
{
    g_autoptr (GError) error = NULL;
    QmpSevInfo info;

    g_assert_true (query_sev (SEV_72, &info, &error));
    g_assert_no_error (error);
    g_assert_true (info.enabled);
    g_assert_false (info.snp);
    g_assert_cmpuint (info.api_major, ==, 1);
    g_assert_cmpuint (info.api_minor, ==, 55);
    g_assert_cmpuint (info.build_id, ==, 24);
    g_assert_cmpuint (info.policy, ==, 3);
    g_assert_cmpuint (info.handle, ==, 4294967295u);
    g_assert_cmpint (info.state, ==, QMP_SEV_STATE_LAUNCH_SECRET);
    g_assert_cmpstr (qmp_sev_state_to_string (info.state), ==, "launch-secret");

    g_assert_true (query_sev (SEV_100, &info, NULL));
    g_assert_false (info.snp);
    g_assert_cmpuint (info.policy, ==, 4294967295u);
    g_assert_cmpint (info.state, ==, QMP_SEV_STATE_RUNNING);

    g_assert_true (query_sev (SNP_100, &info, NULL));
    g_assert_true (info.snp);
    g_assert_cmpuint (info.snp_policy, ==, 0x30000);
    g_assert_cmpuint (info.policy, ==, 0);

    g_assert_true (query_sev (SEV_OFF, &info, NULL));
    g_assert_false (info.enabled);
    g_assert_cmpint (info.state, ==, QMP_SEV_STATE_UNINIT);
}

/* SEV_72 with one thing changed in each. */
static void
test_query_sev_refuses (void)
{
    static const struct {
        const char *from;
        const char *to;
    } changes[] = {
        { "\"api-minor\": 55, ", "" },
        { "\"api-minor\": 55", "\"api-minor\": 256" },
        { "\"api-minor\": 55", "\"api-minor\": -1" },
        { "\"api-minor\": 55", "\"api-minor\": \"55\"" },
        { "\"api-minor\": 55", "\"api-minor\": 55.0" },
        { "\"api-major\": 1", "\"api-major\": 257" },
        { "\"build-id\": 24", "\"build-id\": null" },
        { "\"handle\": 4294967295", "\"handle\": 4294967296" },
        { "\"handle\": 4294967295, ", "" },
        { ", \"policy\": 3", "" },
        { "\"policy\": 3", "\"policy\": 4294967296" },
        { "\"policy\": 3", "\"policy\": 18446744073709551615" },
        { "\"policy\": 3", "\"policy\": true" },
        { "launch-secret", "launch" },
        { "\"launch-secret\"", "2" },
        { "true", "1" },
        { "\"enabled\": true, ", "" },
        { "\"policy\": 3", "\"policy\": 3, \"sev-type\": \"sev-xyz\"" },
        { "\"policy\": 3", "\"policy\": 3, \"sev-type\": 0" },
        { "\"policy\": 3", "\"policy\": 3, \"sev-type\": \"sev-snp\"" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        GString *text = g_string_new (SEV_72);
        g_autoptr (GError) error = NULL;
        QmpSevInfo info = { .policy = 77 };

        g_assert_cmpuint (g_string_replace (text, changes[i].from, changes[i].to, 1), ==,
                          1);
        g_assert_false (query_sev (text->str, &info, &error));
        g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
        g_assert_true (g_str_has_prefix (error->message, "query-sev: "));
        g_assert_cmpuint (info.policy, ==, 0);
        g_string_free (text, TRUE);
    }

    QmpSevInfo info;
    g_assert_false (query_sev ("[]", &info, NULL));
    g_assert_false (query_sev ("1", &info, NULL));
}

static QmpSevCapabilities *
query_capabilities (gsize pdh, gsize chain, gssize id, const char *rest, GError **error)
{
    g_autofree guchar *bytes = g_malloc0 (8192);
    g_autofree char *pdh64 = NULL;
    g_autofree char *chain64 = NULL;
    g_autofree char *id64 = NULL;
    Call call;

    memset (bytes, 0x5a, 8192);
    pdh64 = g_base64_encode (bytes, pdh);
    chain64 = g_base64_encode (bytes, chain);
    id64 = g_base64_encode (bytes, (gsize) MAX (id, 0));
    g_autofree char *id_member = g_strdup_printf ("\"cpu0-id\": \"%s\", ", id64);
    g_autofree char *returns =
        g_strdup_printf ("{\"pdh\": \"%s\", \"cert-chain\": \"%s\", %s%s}", pdh64, chain64,
                         id < 0 ? "" : id_member, rest);

    call_init (&call, "query-sev-capabilities", NULL, returns);
    qmp_sev_query_capabilities_async (call.client, NULL, on_done, &call.result);
    QmpSevCapabilities *capabilities =
        qmp_sev_query_capabilities_finish (call.client, await (&call.result), error);
    call_clear (&call);
    return capabilities;
}

#define BITS "\"cbitpos\": 51, \"reduced-phys-bits\": 1"

static void
test_query_capabilities (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (QmpSevCapabilities) with_id =
        query_capabilities (2084, 6252, 64, BITS, &error);
    g_assert_no_error (error);
    g_autoptr (QmpSevCapabilities) without =
        query_capabilities (2084, 6252, -1, BITS, &error);
    g_assert_no_error (error);

    g_assert_cmpuint (g_bytes_get_size (with_id->pdh), ==, 2084);
    g_assert_cmpuint (g_bytes_get_size (with_id->cert_chain), ==, 6252);
    g_assert_cmpuint (g_bytes_get_size (with_id->cpu0_id), ==, 64);
    g_assert_cmpuint (with_id->cbitpos, ==, 51);
    g_assert_cmpuint (with_id->reduced_phys_bits, ==, 1);
    g_assert_null (without->cpu0_id);
}

static void
test_query_capabilities_refuses (void)
{
    static const struct {
        gsize pdh;
        gsize chain;
        gssize id;
        const char *rest;
    } cases[] = {
        { 2083, 6252, 64, BITS },
        { 2085, 6252, 64, BITS },
        { 0, 6252, 64, BITS },
        { 2084, 6251, 64, BITS },
        { 2084, 2084, 64, BITS },
        { 2084, 6252, 65, BITS },
        { 2084, 6252, 0, BITS },
        { 2084, 6252, 64, "\"cbitpos\": 64, \"reduced-phys-bits\": 1" },
        { 2084, 6252, 64, "\"cbitpos\": 51, \"reduced-phys-bits\": -1" },
        { 2084, 6252, 64, "\"cbitpos\": 51" },
        { 2084, 6252, 64, "\"reduced-phys-bits\": 1" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        QmpSevCapabilities *capabilities = query_capabilities (
            cases[i].pdh, cases[i].chain, cases[i].id, cases[i].rest, &error);

        g_assert_null (capabilities);
        g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

static GBytes *
query_measure (const char *returns, GError **error)
{
    Call call;

    call_init (&call, "query-sev-launch-measure", NULL, returns);
    qmp_sev_query_launch_measure_async (call.client, NULL, on_done, &call.result);
    GBytes *measure =
        qmp_sev_query_launch_measure_finish (call.client, await (&call.result), error);
    call_clear (&call);
    return measure;
}

static void
test_query_measure (void)
{
    guint8 expected[48];
    static const char *const bad[] = {
        "{}",
        "{\"data\": 1}",
        "{\"data\": null}",
        "{\"data\": \"\"}",
        "{\"data\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4\"}",
        "{\"data\": "
        "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\\n\"}",
        "{\"data\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4=\"}",
        "{\"data\": "
        "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMA==\"}",
        "{\"data\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX-BkaGxwdHh8gISIjJCUmJygpKissLS4v\"}",
        "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\"",
    };
    g_autoptr (GError) error = NULL;
    /* python3 -c 'import base64; print(base64.b64encode(bytes(range(48))))' */
    g_autoptr (GBytes) measure = query_measure (
        "{\"data\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\"}",
        &error);

    g_assert_no_error (error);
    for (guint i = 0; i < sizeof expected; i++)
        expected[i] = (guint8) i;
    g_assert_cmpmem (g_bytes_get_data (measure, NULL), g_bytes_get_size (measure), expected,
                     sizeof expected);

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) why = NULL;

        g_assert_null (query_measure (bad[i], &why));
        g_assert_error (why, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

static GBytes *
query_report (const char *arguments, const char *data, gsize len, GError **error)
{
    static const guint8 nonce[16] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                      0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
    g_autofree char *text = g_base64_encode ((const guchar *) data, len);
    g_autofree char *returns = g_strdup_printf ("{\"data\": \"%s\"}", text);
    Call call;

    call_init (&call, "query-sev-attestation-report", arguments, returns);
    qmp_sev_query_attestation_report_async (call.client, nonce, NULL, on_done,
                                            &call.result);
    GBytes *report =
        qmp_sev_query_attestation_report_finish (call.client, await (&call.result), error);
    call_clear (&call);
    return report;
}

static void
test_query_report (void)
{
    /* python3 -c 'import base64; print(base64.b64encode(bytes(range(16))))' */
    static const char arguments[] = "{\"mnonce\": \"AAECAwQFBgcICQoLDA0ODw==\"}";
    g_autofree char *bytes = g_malloc0 (209);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) report = query_report (arguments, bytes, 208, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (report), ==, 208);
    g_assert_null (query_report (arguments, bytes, 207, &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    g_clear_error (&error);
    g_assert_null (query_report (arguments, bytes, 209, &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
}

static gboolean
inject (gsize header_len,
        gsize secret_len,
        const guint64 *gpa,
        const char *arguments,
        GError **error)
{
    g_autofree guint8 *zeroes = g_malloc0 (256);
    g_autoptr (GBytes) header = g_bytes_new (zeroes, header_len);
    g_autoptr (GBytes) secret = g_bytes_new (zeroes, secret_len);
    Call call;

    call_init (&call, arguments != NULL ? "sev-inject-launch-secret" : NULL, arguments,
               "{}");
    qmp_sev_inject_launch_secret_async (call.client, header, secret, gpa, NULL, on_done,
                                        &call.result);
    const gboolean ok =
        qmp_sev_inject_launch_secret_finish (call.client, await (&call.result), error);
    call_clear (&call);
    return ok;
}

/* base64 of 52 zero bytes: 17 groups of AAAA for 51, then AA== for the last. */
#define HEADER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static void
test_inject (void)
{
    const guint64 gpa = 0x810000;
    const guint64 too_high = G_GUINT64_CONSTANT (1) << 63;
    g_autoptr (GError) error = NULL;

    g_assert_true (inject (
        52, 3, NULL, "{\"packet-header\": \"" HEADER "\", \"secret\": \"AAAA\"}", &error));
    g_assert_no_error (error);
    g_assert_true (inject (52, 4, &gpa,
                           "{\"packet-header\": \"" HEADER
                           "\", \"secret\": \"AAAAAA==\", \"gpa\": 8454144}",
                           &error));
    g_assert_no_error (error);

    static const struct {
        gsize header;
        gsize secret;
    } bad[] = { { 51, 16 }, { 53, 16 }, { 52, 0 } };
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) why = NULL;

        g_assert_false (inject (bad[i].header, bad[i].secret, NULL, NULL, &why));
        g_assert_error (why, QMP_ERROR, QMP_ERROR_ARGUMENT);
    }
    g_assert_false (inject (52, 16, &too_high, NULL, &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_ARGUMENT);
}

static QmpMachineStatus *
query_status (const char *returns, GError **error)
{
    Call call;

    call_init (&call, "query-status", NULL, returns);
    qmp_machine_query_status_async (call.client, NULL, on_done, &call.result);
    QmpMachineStatus *status =
        qmp_machine_query_status_finish (call.client, await (&call.result), error);
    call_clear (&call);
    return status;
}

static void
test_query_status (void)
{
    static const char *const bad[] = {
        "{\"running\": false}",
        "{\"status\": \"paused\"}",
        "{\"status\": \"paused\", \"running\": 0}",
        "{\"status\": \"Paused\\u001b\", \"running\": false}",
        "{\"status\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"running\": false}",
    };
    g_autoptr (GError) error = NULL;
    /* From QEMU 7.2.22; QEMU 10 leaves "singlestep" out. */
    g_autoptr (QmpMachineStatus) old = query_status (
        "{\"status\": \"prelaunch\", \"singlestep\": false, \"running\": false}", &error);
    g_assert_no_error (error);
    g_autoptr (QmpMachineStatus) new =
        query_status ("{\"status\": \"running\", \"running\": true}", &error);
    g_assert_no_error (error);

    g_assert_cmpstr (old->status, ==, "prelaunch");
    g_assert_false (old->running);
    g_assert_cmpstr (new->status, ==, "running");
    g_assert_true (new->running);
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) why = NULL;

        g_assert_null (query_status (bad[i], &why));
        g_assert_error (why, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

static void
test_run_state_commands (void)
{
    Call call;

    call_init (&call, "cont", NULL, "{}");
    qmp_machine_cont_async (call.client, NULL, on_done, &call.result);
    g_assert_true (qmp_machine_cont_finish (call.client, await (&call.result), NULL));
    call_clear (&call);

    call_init (&call, "stop", NULL, "{}");
    qmp_machine_stop_async (call.client, NULL, on_done, &call.result);
    g_assert_true (qmp_machine_stop_finish (call.client, await (&call.result), NULL));
    call_clear (&call);

    call_init (&call, "quit", NULL, "{}");
    qmp_machine_quit_async (call.client, NULL, on_done, &call.result);
    g_assert_true (qmp_machine_quit_finish (call.client, await (&call.result), NULL));
    call_clear (&call);

    call_init (&call, "cont", NULL, "[]");
    qmp_machine_cont_async (call.client, NULL, on_done, &call.result);
    g_assert_false (qmp_machine_cont_finish (call.client, await (&call.result), NULL));
    call_clear (&call);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/qmp/sev/query", test_query_sev);
    g_test_add_func ("/qmp/sev/query-refuses", test_query_sev_refuses);
    g_test_add_func ("/qmp/sev/capabilities", test_query_capabilities);
    g_test_add_func ("/qmp/sev/capabilities-refuses", test_query_capabilities_refuses);
    g_test_add_func ("/qmp/sev/measure", test_query_measure);
    g_test_add_func ("/qmp/sev/query-report", test_query_report);
    g_test_add_func ("/qmp/sev/inject", test_inject);
    g_test_add_func ("/qmp/machine/status", test_query_status);
    g_test_add_func ("/qmp/machine/commands", test_run_state_commands);
    return g_test_run ();
}
