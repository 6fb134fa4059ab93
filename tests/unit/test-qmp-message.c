/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-message.h"

#include <string.h>

#include "qmp/qmp-server.h"

/* Lines that QEMU 7.2.22 (Debian 12) wrote: -machine none -qmp stdio. */
#define GREETING                                                                           \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "     \
    "\"package\": \"Debian 1:7.2+dfsg-7+deb12u18+b3\"}, \"capabilities\": [\"oob\"]}}"
#define STATUS                                                                             \
    "{\"return\": {\"status\": \"prelaunch\", \"singlestep\": false, \"running\": "        \
    "false}, \"id\": \"libvirt-2\"}"
#define NOT_FOUND                                                                          \
    "{\"id\": \"libvirt-3\", \"error\": {\"class\": \"CommandNotFound\", \"desc\": "       \
    "\"The command nope has not been found\"}}"
#define NOT_NEGOTIATED                                                                     \
    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities "     \
    "negotiation with 'qmp_capabilities'\"}}"
#define SHUTDOWN                                                                           \
    "{\"timestamp\": {\"seconds\": 1795323078, \"microseconds\": 696064}, \"event\": "     \
    "\"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-quit\"}}"

static QmpMessage *
parse (const char *text, GError **error)
{
    g_autoptr (GBytes) frame = g_bytes_new (text, strlen (text));

    return qmp_message_parse (frame, error);
}

static QmpMessage *
parse_good (const char *text, QmpMessageKind kind)
{
    g_autoptr (GError) error = NULL;
    QmpMessage *message = parse (text, &error);

    g_assert_no_error (error);
    g_assert_cmpint (qmp_message_get_kind (message), ==, kind);
    g_assert_cmpmem (g_bytes_get_data (qmp_message_get_frame (message), NULL),
                     g_bytes_get_size (qmp_message_get_frame (message)), text,
                     strlen (text));
    return message;
}

static void
test_reads_qemu (void)
{
    g_autoptr (QmpMessage) greeting = parse_good (GREETING, QMP_MESSAGE_GREETING);
    g_autoptr (QmpMessage) status = parse_good (STATUS, QMP_MESSAGE_RETURN);
    g_autoptr (QmpMessage) not_found = parse_good (NOT_FOUND, QMP_MESSAGE_ERROR);
    g_autoptr (QmpMessage) event = parse_good (SHUTDOWN, QMP_MESSAGE_EVENT);
    g_autoptr (QmpMessage) bare = parse_good ("{\"event\": \"STOP\"}", QMP_MESSAGE_EVENT);

    g_assert_true (qmp_message_has_capability (greeting, "oob"));
    g_assert_false (qmp_message_has_capability (greeting, "nope"));
    g_assert_cmpstr (json_node_get_string (qmp_message_get_id (status)), ==, "libvirt-2");
    g_assert_cmpstr (json_object_get_string_member (
                         json_node_get_object (qmp_message_get_return (status)), "status"),
                     ==, "prelaunch");
    g_assert_cmpstr (qmp_message_get_error_class (not_found), ==, "CommandNotFound");
    g_assert_cmpstr (qmp_message_get_error_desc (not_found), ==,
                     "The command nope has not been found");
    g_assert_cmpstr (qmp_message_get_name (event), ==, "SHUTDOWN");
    g_assert_cmpstr (
        json_object_get_string_member (qmp_message_get_arguments (event), "reason"), ==,
        "host-qmp-quit");
    g_assert_null (qmp_message_get_arguments (bare));
    g_assert_null (qmp_message_get_id (bare));
}

static void
test_reads_commands (void)
{
    g_autoptr (QmpMessage) plain =
        parse_good ("{\"execute\":\"cont\",\"id\":7}", QMP_MESSAGE_COMMAND);
    g_autoptr (QmpMessage) oob = parse_good (
        "{\"exec-oob\":\"migrate-pause\",\"arguments\":{\"a\":1}}", QMP_MESSAGE_COMMAND);

    g_assert_cmpstr (qmp_message_get_name (plain), ==, "cont");
    g_assert_false (qmp_message_is_oob (plain));
    g_assert_null (qmp_message_get_arguments (plain));
    g_assert_cmpint (json_node_get_int (qmp_message_get_id (plain)), ==, 7);
    g_assert_cmpstr (qmp_message_get_name (oob), ==, "migrate-pause");
    g_assert_true (qmp_message_is_oob (oob));
    g_assert_cmpint (json_object_get_int_member (qmp_message_get_arguments (oob), "a"), ==,
                     1);
}

static void
test_malformed (void)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"id\": 1}",
        "{\"return\": {}, \"error\": {\"class\": \"a\", \"desc\": \"b\"}}",
        "{\"execute\": \"a\", \"exec-oob\": \"a\"}",
        "{\"execute\": \"a\", \"return\": {}}",
        "{\"event\": \"a\", \"return\": {}}",
        "{\"execute\": 1}",
        "{\"execute\": null}",
        "{\"execute\": \"a\", \"arguments\": []}",
        "{\"execute\": \"a\", \"arguments\": null}",
        "{\"execute\": \"a\", \"argument\": {}}",
        "{\"execute\": \"a\", \"control\": {}}",
        "{\"event\": {}}",
        "{\"event\": \"a\", \"data\": 1}",
        "{\"error\": \"text\"}",
        "{\"error\": {}}",
        "{\"error\": {\"class\": \"a\"}}",
        "{\"error\": {\"class\": 1, \"desc\": \"b\"}}",
        "{\"error\": {\"class\": \"a\", \"desc\": null}}",
        "{\"QMP\": []}",
        "{\"QMP\": {}}",
        "{\"QMP\": {\"capabilities\": {}}}",
        "{\"execute\": \"query-status\", \"execute\": \"quit\"}",
        "{\"return\": {}, \"id\": 1, \"id\": 2}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (QmpMessage) message = parse (texts[i], &error);

        if (message != NULL)
            g_error ("accepted: %s", texts[i]);
        g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

/* Takes line. */
static void
assert_line (GBytes *line, const char *expected)
{
    g_assert_cmpmem (g_bytes_get_data (line, NULL), g_bytes_get_size (line), expected,
                     strlen (expected));
    g_bytes_unref (line);
}

/* The same JSON value, with QEMU's bytes as the expected side. */
static void
assert_same_value (GBytes *line, const char *qemu)
{
    g_autoptr (QmpMessage) ours = qmp_message_parse (line, NULL);
    g_autoptr (QmpMessage) theirs = parse (qemu, NULL);
    g_autoptr (JsonNode) a =
        json_node_init_object (json_node_alloc (), qmp_message_get_root (ours));
    g_autoptr (JsonNode) b =
        json_node_init_object (json_node_alloc (), qmp_message_get_root (theirs));

    g_assert_true (json_node_equal (a, b));
    g_bytes_unref (line);
}

static void
test_builds_as_qemu (void)
{
    g_autoptr (JsonNode) id = json_from_string ("\"libvirt-3\"", NULL);
    g_autoptr (JsonNode) data =
        json_from_string ("{\"guest\": false, \"reason\": \"host-qmp-quit\"}", NULL);

    assert_same_value (
        qmp_message_build_greeting (7, 2, 22, "Debian 1:7.2+dfsg-7+deb12u18+b3", TRUE),
        GREETING);
    assert_same_value (qmp_message_build_error ("CommandNotFound",
                                                "The command nope has not been found", id),
                       NOT_FOUND);
    assert_same_value (qmp_message_build_event ("SHUTDOWN", json_node_get_object (data),
                                                G_GINT64_CONSTANT (1795323078696064)),
                       SHUTDOWN);
    assert_line (qmp_message_build_error ("GenericError", "no", NULL),
                 "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}\r\n");
    assert_line (qmp_message_build_return (NULL, id),
                 "{\"return\":{},\"id\":\"libvirt-3\"}\r\n");
    assert_line (qmp_message_build_return (NULL, NULL), "{\"return\":{}}\r\n");
    assert_line (qmp_message_build_command ("stop", NULL, NULL),
                 "{\"execute\":\"stop\"}\r\n");
    assert_line (qmp_message_build_command ("x", json_node_get_object (data), id),
                 "{\"execute\":\"x\",\"arguments\":{\"guest\":false,\"reason\":"
                 "\"host-qmp-quit\"},\"id\":\"libvirt-3\"}\r\n");
}

/* Text that would leave its string in the line, were it not escaped. */
static void
test_build_escapes (void)
{
    g_autoptr (GBytes) line =
        qmp_message_build_error ("GenericError", "a\"}\r\n{\"b\x01\\", NULL);
    g_autoptr (QmpMessage) message = qmp_message_parse (line, NULL);

    g_assert_nonnull (message);
    g_assert_cmpstr (qmp_message_get_error_desc (message), ==, "a\"}\r\n{\"b\x01\\");
}

static void
server_push (QmpServer *server, const char *text)
{
    qmp_server_push (server, text, strlen (text));
}

static void
assert_step (QmpServer *server, QmpServerStep expected, const char *what)
{
    g_autoptr (QmpMessage) command = NULL;
    g_autoptr (GBytes) reply = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (qmp_server_next (server, &command, &reply, &error), ==, expected);
    g_assert_true ((error != NULL) == (expected == QMP_SERVER_BROKEN));
    g_assert_true ((command != NULL) == (expected == QMP_SERVER_COMMAND));
    if (command != NULL)
        g_assert_cmpstr (qmp_message_get_name (command), ==, what);
    if (expected == QMP_SERVER_REPLY)
        assert_same_value (g_bytes_ref (reply), what);
}

static void
test_server_negotiates (void)
{
    g_autoptr (QmpServer) server = qmp_server_new (QMP_SERVER_NEGOTIATE, 4096);

    assert_step (server, QMP_SERVER_NEED_MORE, NULL);
    server_push (server, "{\"execute\":\"query-sev\"}\r\n");
    assert_step (server, QMP_SERVER_REPLY, NOT_NEGOTIATED);
    server_push (server,
                 "{\"execute\":\"qmp_capabilities\",\"id\":1}{\"execute\":\"stop\"}");
    assert_step (server, QMP_SERVER_REPLY, "{\"return\": {}, \"id\": 1}");
    assert_step (server, QMP_SERVER_COMMAND, "stop");
    g_assert_cmpuint (qmp_server_get_offset (server), ==, 25 + 37 + 18);
    assert_step (server, QMP_SERVER_NEED_MORE, NULL);
}

static void
test_server_answers_bad_commands (void)
{
    g_autoptr (QmpServer) server = qmp_server_new (QMP_SERVER_RELAY, 4096);

    server_push (server,
                 "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"cont\",\"x\":1}\n"
                 "{\"return\":1,\"id\":9}\n{\"execute\":\"stop\"}\n(");
    assert_step (server, QMP_SERVER_COMMAND, "qmp_capabilities");
    assert_step (server, QMP_SERVER_REPLY,
                 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member "
                 "'x' is unexpected\"}}");
    assert_step (server, QMP_SERVER_REPLY,
                 "{\"id\": 9, \"error\": {\"class\": \"GenericError\", \"desc\": \"QMP "
                 "input lacks member 'execute'\"}}");
    assert_step (server, QMP_SERVER_COMMAND, "stop");
    assert_step (server, QMP_SERVER_BROKEN, NULL);
    assert_step (server, QMP_SERVER_BROKEN, NULL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/qmp/message/reads-qemu", test_reads_qemu);
    g_test_add_func ("/qmp/message/reads-commands", test_reads_commands);
    g_test_add_func ("/qmp/message/malformed", test_malformed);
    g_test_add_func ("/qmp/message/builds-as-qemu", test_builds_as_qemu);
    g_test_add_func ("/qmp/message/build-escapes", test_build_escapes);
    g_test_add_func ("/qmp/server/negotiates", test_server_negotiates);
    g_test_add_func ("/qmp/server/answers-bad-commands", test_server_answers_bad_commands);
    return g_test_run ();
}
