/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The transport over a socket and the client's time limits, against a scripted peer. */

#include <glib/gstdio.h>
#include <string.h>

#include "qmp/qmp-client.h"
#include "qmp/qmp-transport-unix.h"
#include "tests/unit/fake-qmp-peer.h"

/* SHORT only where nothing will ever come, LONG where the answer must: a slow machine
 * changes neither result. */
#define SHORT 50u   /* ms */
#define LONG 60000u /* ms */

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
    GAsyncResult **slot = data;

    g_assert_null (*slot);
    *slot = g_object_ref (result);
}

static GAsyncResult *
await (GAsyncResult **slot)
{
    while (*slot == NULL)
        g_main_context_iteration (NULL, TRUE);
    return *slot;
}

static QmpTransport *
open_transport (FakePeer *peer, GError **error)
{
    g_autoptr (GIOStream) stream = fake_peer_take_stream (peer);
    g_autoptr (GAsyncResult) result = NULL;

    qmp_transport_unix_new_async (stream, 64u << 10, NULL, on_done, &result);
    return qmp_transport_unix_new_finish (await (&result), error);
}

static QmpClient *
open_client (FakePeer *peer, guint timeout_ms)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (QmpTransport) transport = open_transport (peer, &error);

    g_assert_no_error (error);
    return qmp_client_new (transport, timeout_ms);
}

static JsonNode *
execute (QmpClient *client, const char *command, GError **error)
{
    g_autoptr (GAsyncResult) result = NULL;

    qmp_client_execute_async (client, command, NULL, NULL, on_done, &result);
    return qmp_client_execute_finish (client, await (&result), error);
}

static void
test_replies (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "a", NULL, "{\"return\": {\"x\": 1}, \"id\": %ID}\r\n", PEER_GO_ON },
        { "b", NULL,
          "{\"id\": %ID, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no "
          "\\u001b[1m\"}}\n",
          PEER_GO_ON },
        { "c", NULL, "{\"id\": %ID, \"error\": {\"class\": \"Odd\", \"desc\": \"d\"}}\n",
          PEER_GO_ON },
        { "d", NULL, "{\"return\": [], \"id\": %ID}", PEER_WAIT },
    };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) odd = NULL;
    QmpClient *client = open_client (peer, LONG);

    g_autoptr (JsonNode) a = execute (client, "a", &error);
    g_assert_no_error (error);
    g_assert_cmpint (json_object_get_int_member (json_node_get_object (a), "x"), ==, 1);

    g_assert_null (execute (client, "b", &error));
    g_assert_error (error, QMP_PEER_ERROR, QMP_PEER_ERROR_DEVICE_NOT_FOUND);
    g_assert_cmpstr (error->message, ==, "b: no ?[1m");
    g_assert_cmpstr (qmp_peer_error_get_class (error), ==, "DeviceNotFound");
    g_assert_cmpstr (qmp_peer_error_get_desc (error), ==, "no \x1b[1m");
    g_autoptr (GError) copy = g_error_copy (error);
    g_assert_cmpstr (qmp_peer_error_get_class (copy), ==, "DeviceNotFound");

    g_assert_null (execute (client, "c", &odd));
    g_assert_error (odd, QMP_PEER_ERROR, QMP_PEER_ERROR_OTHER);
    g_assert_cmpstr (qmp_peer_error_get_class (odd), ==, "Odd");

    g_autoptr (JsonNode) d = execute (client, "d", NULL);
    g_assert_true (JSON_NODE_HOLDS_ARRAY (d));
    g_object_unref (client);
    fake_peer_finish (peer);
}

/* Answers find their command by id, not by order. */
static void
test_out_of_order (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "first", NULL, NULL, PEER_GO_ON },
        { "second", NULL,
          "{\"return\": \"to second\", \"id\": %ID}\r\n{\"return\": \"to first\", \"id\": "
          "1}\r\n",
          PEER_WAIT },
    };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = open_client (peer, LONG);
    g_autoptr (GAsyncResult) first = NULL;
    g_autoptr (GAsyncResult) second = NULL;

    qmp_client_execute_async (client, "first", NULL, NULL, on_done, &first);
    qmp_client_execute_async (client, "second", NULL, NULL, on_done, &second);
    g_autoptr (JsonNode) to_first =
        qmp_client_execute_finish (client, await (&first), NULL);
    g_autoptr (JsonNode) to_second =
        qmp_client_execute_finish (client, await (&second), NULL);
    g_assert_cmpstr (json_node_get_string (to_first), ==, "to first");
    g_assert_cmpstr (json_node_get_string (to_second), ==, "to second");
    qmp_client_close (client);
    qmp_client_close (client);
    g_object_unref (client);
    fake_peer_finish (peer);
}

typedef struct {
    guint events;
    char *last;
    GError *closed;
} Heard;

static void
on_event (QmpClient *client, const char *name, JsonObject *data, gpointer user)
{
    Heard *heard = user;

    heard->events++;
    g_free (heard->last);
    heard->last = g_strdup (name);
    if (data != NULL)
        g_assert_cmpstr (json_object_get_string_member (data, "reason"), ==, "guest-panic");
}

static void
on_closed (QmpClient *client, const GError *why, gpointer user)
{
    Heard *heard = user;

    g_assert_null (heard->closed);
    heard->closed = g_error_copy (why);
}

static void
test_events_and_hang_up (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "a", NULL,
          "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 2}}\r\n"
          "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-panic\"}}\r\n"
          "{\"return\": {}, \"id\": %ID}\r\n",
          PEER_GO_ON },
        { "b", NULL, NULL, PEER_GO_ON },
        { "c", NULL, NULL, PEER_HANG_UP },
    };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = open_client (peer, LONG);
    Heard heard = { 0 };
    g_autoptr (GAsyncResult) b = NULL;
    g_autoptr (GAsyncResult) c = NULL;
    g_autoptr (GError) error_b = NULL;
    g_autoptr (GError) error_c = NULL;
    g_autoptr (GError) error_d = NULL;

    g_signal_connect (client, "event", G_CALLBACK (on_event), &heard);
    g_signal_connect (client, "closed", G_CALLBACK (on_closed), &heard);
    g_autoptr (JsonNode) a = execute (client, "a", NULL);
    g_assert_nonnull (a);
    g_assert_cmpuint (heard.events, ==, 2);
    g_assert_cmpstr (heard.last, ==, "SHUTDOWN");

    qmp_client_execute_async (client, "b", NULL, NULL, on_done, &b);
    qmp_client_execute_async (client, "c", NULL, NULL, on_done, &c);
    g_assert_null (qmp_client_execute_finish (client, await (&b), &error_b));
    g_assert_null (qmp_client_execute_finish (client, await (&c), &error_c));
    g_assert_error (error_b, QMP_ERROR, QMP_ERROR_CLOSED);
    g_assert_error (error_c, QMP_ERROR, QMP_ERROR_CLOSED);
    g_assert_error (heard.closed, QMP_ERROR, QMP_ERROR_CLOSED);
    g_assert_null (execute (client, "d", &error_d));
    g_assert_error (error_d, QMP_ERROR, QMP_ERROR_CLOSED);

    g_object_unref (client);
    fake_peer_finish (peer);
    g_free (heard.last);
    g_error_free (heard.closed);
}

/* The second command ends in its time; the late answer to the first is dropped. */
static void
test_timeout (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "slow", NULL, NULL, PEER_GO_ON },
        { "quick", NULL,
          "{\"return\": {}, \"id\": 1}\r\n{\"return\": {\"q\": 1}, \"id\": %ID}\r\n",
          PEER_WAIT },
    };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    g_autoptr (GError) error = NULL;
    g_autoptr (QmpTransport) transport = open_transport (peer, &error);
    g_assert_no_error (error);
    QmpClient *hasty = qmp_client_new (transport, SHORT);

    g_assert_null (execute (hasty, "slow", &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_TIMEOUT);

    QmpClient *patient = qmp_client_new (transport, LONG);
    g_autoptr (JsonNode) quick = execute (patient, "quick", NULL);
    g_assert_nonnull (quick);
    g_assert_true (json_object_has_member (json_node_get_object (quick), "q"));
    g_object_unref (patient);
    g_object_unref (hasty);
    fake_peer_finish (peer);
}

static void
test_cancel (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "a", NULL, NULL, PEER_GO_ON },
        { "b", NULL, "{\"return\": {}, \"id\": 1}{\"return\": {}, \"id\": %ID}\r\n",
          PEER_WAIT },
    };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = open_client (peer, LONG);
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GAsyncResult) a = NULL;
    g_autoptr (GAsyncResult) never_sent = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) error_never = NULL;

    qmp_client_execute_async (client, "a", NULL, cancellable, on_done, &a);
    g_cancellable_cancel (cancellable);
    g_assert_null (qmp_client_execute_finish (client, await (&a), &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    /* Cancelled before: the peer's script would fail if it came. */
    qmp_client_execute_async (client, "x", NULL, cancellable, on_done, &never_sent);
    g_assert_null (qmp_client_execute_finish (client, await (&never_sent), &error_never));
    g_assert_error (error_never, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    g_autoptr (JsonNode) b = execute (client, "b", NULL);
    g_assert_nonnull (b);
    qmp_client_close (client); /* the results above hold the client */
    g_object_unref (client);
    fake_peer_finish (peer);
}

/* What the peer says to "a"; all of it ends the connection with a protocol error. */
static void
test_bad_replies (void)
{
    static const struct {
        const char *reply;
        QmpError code;
    } cases[] = {
        { "{\"return\": {}}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": 99}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": \"1\"}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": null}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": 1.0}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n",
          QMP_ERROR_PROTOCOL },
        { FAKE_GREETING, QMP_ERROR_PROTOCOL },
        { "{\"execute\": \"quit\"}\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": 1, \"id\": 1}\r\n", QMP_ERROR_PROTOCOL },
        { "HTTP/1.1 200 OK\r\n", QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": 1", QMP_ERROR_CLOSED },
        { "", QMP_ERROR_CLOSED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        const PeerStep steps[] = {
            FAKE_NEGOTIATION,
            { "a", NULL, cases[i].reply, PEER_HANG_UP },
        };
        FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
        QmpClient *client = open_client (peer, LONG);
        g_autoptr (GError) error = NULL;

        g_assert_null (execute (client, "a", &error));
        g_assert_error (error, QMP_ERROR, (gint) cases[i].code);
        g_object_unref (client);
        fake_peer_finish (peer);
    }
}

/* open_transport() allows 64 KiB a message. */
static void
test_reply_too_long (void)
{
    g_autofree char *pad = g_strnfill (64u << 10, 'x');
    g_autofree char *reply =
        g_strdup_printf ("{\"return\": \"%s\", \"id\": %%ID}\r\n", pad);
    const PeerStep steps[] = { FAKE_NEGOTIATION, { "a", NULL, reply, PEER_HANG_UP } };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = open_client (peer, LONG);
    g_autoptr (GError) error = NULL;

    g_assert_null (execute (client, "a", &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_TOO_BIG);
    g_object_unref (client);
    fake_peer_finish (peer);
}

static void
test_reply_fits (void)
{
    g_autofree char *pad = g_strnfill ((64u << 10) - 64, 'x');
    g_autofree char *reply =
        g_strdup_printf ("{\"return\": \"%s\", \"id\": %%ID}\r\n", pad);
    const PeerStep steps[] = { FAKE_NEGOTIATION, { "a", NULL, reply, PEER_WAIT } };
    FakePeer *peer = fake_peer_new (FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = open_client (peer, LONG);
    g_autoptr (JsonNode) node = execute (client, "a", NULL);

    g_assert_nonnull (node);
    g_assert_cmpstr (json_node_get_string (node), ==, pad);
    g_object_unref (client);
    fake_peer_finish (peer);
}

static void
test_bad_openings (void)
{
    static const struct {
        const char *greeting;
        PeerStep step;
        GQuark (*domain) (void);
        gint code;
    } cases[] = {
        { "", { NULL }, qmp_error_quark, QMP_ERROR_CLOSED },
        { "SSH-2.0-OpenSSH_9.2\r\n", { NULL }, qmp_error_quark, QMP_ERROR_PROTOCOL },
        { "{\"return\": {}, \"id\": 0}\r\n",
          { NULL },
          qmp_error_quark,
          QMP_ERROR_PROTOCOL },
        { "{\"QMP\": {\"version\": 1}}\r\n",
          { NULL },
          qmp_error_quark,
          QMP_ERROR_PROTOCOL },
        { FAKE_GREETING FAKE_GREETING,
          { "qmp_capabilities", NULL, NULL, PEER_HANG_UP },
          qmp_error_quark,
          QMP_ERROR_PROTOCOL },
        { FAKE_GREETING,
          { "qmp_capabilities", NULL, NULL, PEER_HANG_UP },
          qmp_error_quark,
          QMP_ERROR_CLOSED },
        { FAKE_GREETING,
          { "qmp_capabilities", NULL,
            "{\"id\": %ID, \"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n",
            PEER_HANG_UP },
          qmp_peer_error_quark,
          QMP_PEER_ERROR_GENERIC },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        FakePeer *peer = fake_peer_new (cases[i].greeting, &cases[i].step,
                                        cases[i].step.command != NULL);
        g_autoptr (GError) error = NULL;
        g_autoptr (QmpTransport) transport = open_transport (peer, &error);

        g_assert_null (transport);
        g_assert_error (error, cases[i].domain (), cases[i].code);
        fake_peer_finish (peer);
    }
}

typedef struct {
    char *dir;
    char *path;
} SocketFile;

static void
socket_file_init (SocketFile *file)
{
    file->dir = g_dir_make_tmp ("sl-qmp-XXXXXX", NULL);
    file->path = g_build_filename (file->dir, "s", NULL);
}

static void
socket_file_clear (SocketFile *file)
{
    g_remove (file->path);
    g_rmdir (file->dir);
    g_free (file->dir);
    g_free (file->path);
}

static QmpClient *
connect_to (const char *path, guint timeout_ms, GCancellable *cancellable, GError **error)
{
    g_autoptr (GAsyncResult) result = NULL;

    qmp_client_connect_async (path, timeout_ms, cancellable, on_done, &result);
    return qmp_client_connect_finish (await (&result), error);
}

static void
test_connect (void)
{
    const PeerStep steps[] = {
        FAKE_NEGOTIATION,
        { "a", NULL, "{\"return\": {}, \"id\": %ID}\r\n", PEER_WAIT },
    };
    SocketFile file;
    g_autoptr (GError) error = NULL;

    socket_file_init (&file);
    FakePeer *peer =
        fake_peer_listen (file.path, FAKE_GREETING, steps, G_N_ELEMENTS (steps));
    QmpClient *client = connect_to (file.path, LONG, NULL, &error);
    g_assert_no_error (error);
    g_autoptr (JsonNode) a = execute (client, "a", NULL);
    g_assert_nonnull (a);
    g_object_unref (client);
    fake_peer_finish (peer);
    socket_file_clear (&file);
}

/* A peer that says nothing, or no more than its greeting: the time limit and the
 * cancellable end the attempt. */
static void
connect_to_silence (const char *greeting, gboolean cancel)
{
    const PeerStep silence = { NULL, NULL, NULL, PEER_WAIT };
    SocketFile file;
    g_autoptr (GError) error = NULL;
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GAsyncResult) result = NULL;

    socket_file_init (&file);
    FakePeer *peer = fake_peer_listen (file.path, greeting, &silence, 1);
    qmp_client_connect_async (file.path, cancel ? LONG : SHORT, cancellable, on_done,
                              &result);
    if (cancel) {
        /* Let it get as far as it can first. */
        while (g_main_context_iteration (NULL, FALSE))
            continue;
        g_cancellable_cancel (cancellable);
    }
    g_assert_null (qmp_client_connect_finish (await (&result), &error));
    if (cancel)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    else
        g_assert_error (error, QMP_ERROR, QMP_ERROR_TIMEOUT);
    fake_peer_finish (peer);
    socket_file_clear (&file);
}

static void
test_connect_to_silence (void)
{
    connect_to_silence ("", FALSE);
    connect_to_silence ("", TRUE);
    connect_to_silence (FAKE_GREETING, FALSE);
    connect_to_silence (FAKE_GREETING, TRUE);
}

static void
test_connect_fails (void)
{
    SocketFile file;
    g_autoptr (GError) missing = NULL;
    g_autoptr (GError) too_long = NULL;
    g_autofree char *name = g_strnfill (108, 'x');

    socket_file_init (&file);
    g_assert_null (connect_to (file.path, LONG, NULL, &missing));
    g_assert_error (missing, QMP_ERROR, QMP_ERROR_CONNECT);
    g_assert_null (connect_to (name, LONG, NULL, &too_long));
    g_assert_error (too_long, QMP_ERROR, QMP_ERROR_CONNECT);
    g_assert_nonnull (strstr (too_long->message, "108 bytes"));
    g_assert_nonnull (strstr (too_long->message, "107"));
    socket_file_clear (&file);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/qmp/transport/replies", test_replies);
    g_test_add_func ("/qmp/transport/out-of-order", test_out_of_order);
    g_test_add_func ("/qmp/transport/events-and-hang-up", test_events_and_hang_up);
    g_test_add_func ("/qmp/transport/timeout", test_timeout);
    g_test_add_func ("/qmp/transport/cancel", test_cancel);
    g_test_add_func ("/qmp/transport/bad-replies", test_bad_replies);
    g_test_add_func ("/qmp/transport/reply-fits", test_reply_fits);
    g_test_add_func ("/qmp/transport/reply-too-long", test_reply_too_long);
    g_test_add_func ("/qmp/transport/bad-openings", test_bad_openings);
    g_test_add_func ("/qmp/client/connect", test_connect);
    g_test_add_func ("/qmp/client/connect-to-silence", test_connect_to_silence);
    g_test_add_func ("/qmp/client/connect-fails", test_connect_fails);
    return g_test_run ();
}
