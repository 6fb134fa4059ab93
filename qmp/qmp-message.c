/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-message.h"

#include "qmp/qmp-json.h"

struct _QmpMessage {
    gatomicrefcount refs;
    QmpMessageKind kind;
    GBytes *frame;
    JsonNode *root;
    /* Everything below belongs to root. */
    JsonObject *object;
    const char *name;
    const char *error_class;
    const char *error_desc;
    JsonObject *arguments;
    gboolean oob;
};

/* The member that makes a message what it is: exactly one of them is there. */
static const struct {
    const char *member;
    QmpMessageKind kind;
} kinds[] = {
    { "QMP", QMP_MESSAGE_GREETING },    { "return", QMP_MESSAGE_RETURN },
    { "error", QMP_MESSAGE_ERROR },     { "event", QMP_MESSAGE_EVENT },
    { "execute", QMP_MESSAGE_COMMAND }, { "exec-oob", QMP_MESSAGE_COMMAND },
};

static gboolean
find_kind (QmpMessage *message, const char **member, GError **error)
{
    *member = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
        if (!json_object_has_member (message->object, kinds[i].member))
            continue;
        if (*member != NULL) {
            g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                         "QMP message has both '%s' and '%s'", *member, kinds[i].member);
            return FALSE;
        }
        *member = kinds[i].member;
        message->kind = kinds[i].kind;
    }
    if (*member == NULL) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "QMP message is neither greeting, return, error, event nor command");
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_named (QmpMessage *message, const char *member, const char *payload, GError **error)
{
    message->name = qmp_json_get_string (message->object, member, error);
    if (message->name == NULL)
        return FALSE;
    if (!json_object_has_member (message->object, payload))
        return TRUE;
    message->arguments = qmp_json_get_object (message->object, payload, error);
    return message->arguments != NULL;
}

static gboolean
read_command (QmpMessage *message, const char *member, GError **error)
{
    static const char *const known[] = { "execute", "exec-oob", "arguments", "id", NULL };
    JsonObjectIter iter;
    const char *name;

    message->oob = g_str_equal (member, "exec-oob");
    json_object_iter_init (&iter, message->object);
    while (json_object_iter_next (&iter, &name, NULL)) {
        if (!g_strv_contains (known, name)) {
            g_autofree char *shown = qmp_error_printable (name);
            g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                         "QMP input member '%s' is unexpected", shown);
            return FALSE;
        }
    }
    return read_named (message, member, "arguments", error);
}

static gboolean
read_error (QmpMessage *message, GError **error)
{
    JsonObject *body = qmp_json_get_object (message->object, "error", error);

    if (body == NULL)
        return FALSE;
    message->error_class = qmp_json_get_string (body, "class", error);
    if (message->error_class == NULL)
        return FALSE;
    message->error_desc = qmp_json_get_string (body, "desc", error);
    return message->error_desc != NULL;
}

static gboolean
read_greeting (QmpMessage *message, GError **error)
{
    JsonObject *body = qmp_json_get_object (message->object, "QMP", error);

    if (body == NULL)
        return FALSE;

    JsonNode *capabilities = json_object_get_member (body, "capabilities");
    if (capabilities == NULL || !JSON_NODE_HOLDS_ARRAY (capabilities)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "greeting has no array 'capabilities'");
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_body (QmpMessage *message, const char *member, GError **error)
{
    switch (message->kind) {
    case QMP_MESSAGE_GREETING:
        return read_greeting (message, error);
    case QMP_MESSAGE_RETURN:
        return TRUE;
    case QMP_MESSAGE_ERROR:
        return read_error (message, error);
    case QMP_MESSAGE_EVENT:
        return read_named (message, member, "data", error);
    case QMP_MESSAGE_COMMAND:
        return read_command (message, member, error);
    }
    g_return_val_if_reached (FALSE);
}

QmpMessage *
qmp_message_parse (GBytes *frame, GError **error)
{
    g_return_val_if_fail (frame != NULL, NULL);

    gsize len;
    const char *text = g_bytes_get_data (frame, &len);
    g_autoptr (JsonNode) root = qmp_json_parse (text, len, error);
    if (root == NULL)
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT (root)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "QMP message is not an object");
        return NULL;
    }

    g_autoptr (QmpMessage) message = g_new0 (QmpMessage, 1);
    const char *member;
    g_atomic_ref_count_init (&message->refs);
    message->frame = g_bytes_ref (frame);
    message->object = json_node_get_object (root);
    message->root = g_steal_pointer (&root);

    if (!find_kind (message, &member, error) || !read_body (message, member, error))
        return NULL;
    return g_steal_pointer (&message);
}

QmpMessage *
qmp_message_ref (QmpMessage *message)
{
    g_return_val_if_fail (message != NULL, NULL);

    g_atomic_ref_count_inc (&message->refs);
    return message;
}

void
qmp_message_unref (QmpMessage *message)
{
    g_return_if_fail (message != NULL);

    if (!g_atomic_ref_count_dec (&message->refs))
        return;
    json_node_unref (message->root);
    g_bytes_unref (message->frame);
    g_free (message);
}

QmpMessageKind
qmp_message_get_kind (const QmpMessage *message)
{
    return message->kind;
}

GBytes *
qmp_message_get_frame (const QmpMessage *message)
{
    return message->frame;
}

JsonObject *
qmp_message_get_root (const QmpMessage *message)
{
    return message->object;
}

JsonNode *
qmp_message_get_id (const QmpMessage *message)
{
    return json_object_get_member (message->object, "id");
}

const char *
qmp_message_get_name (const QmpMessage *message)
{
    return message->name;
}

JsonObject *
qmp_message_get_arguments (const QmpMessage *message)
{
    return message->arguments;
}

gboolean
qmp_message_is_oob (const QmpMessage *message)
{
    return message->oob;
}

JsonNode *
qmp_message_get_return (const QmpMessage *message)
{
    return json_object_get_member (message->object, "return");
}

const char *
qmp_message_get_error_class (const QmpMessage *message)
{
    return message->error_class;
}

const char *
qmp_message_get_error_desc (const QmpMessage *message)
{
    return message->error_desc;
}

gboolean
qmp_message_has_capability (const QmpMessage *message, const char *name)
{
    g_return_val_if_fail (message->kind == QMP_MESSAGE_GREETING, FALSE);

    JsonObject *body = json_object_get_object_member (message->object, "QMP");
    JsonArray *capabilities = json_object_get_array_member (body, "capabilities");

    for (guint i = 0; i < json_array_get_length (capabilities); i++) {
        JsonNode *node = json_array_get_element (capabilities, i);

        if (JSON_NODE_HOLDS_VALUE (node) &&
            json_node_get_value_type (node) == G_TYPE_STRING &&
            g_str_equal (json_node_get_string (node), name))
            return TRUE;
    }
    return FALSE;
}

/* Takes the object. */
static GBytes *
to_line (JsonObject *object)
{
    g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
    g_autofree char *text = json_to_string (root, FALSE);
    GString *line = g_string_new (text);

    json_object_unref (object);
    g_string_append (line, "\r\n");
    return g_string_free_to_bytes (line);
}

static void
add_id (JsonObject *object, JsonNode *id)
{
    if (id != NULL)
        json_object_set_member (object, "id", json_node_copy (id));
}

GBytes *
qmp_message_build_command (const char *name, JsonObject *arguments, JsonNode *id)
{
    g_return_val_if_fail (name != NULL, NULL);

    JsonObject *object = json_object_new ();
    json_object_set_string_member (object, "execute", name);
    if (arguments != NULL)
        json_object_set_object_member (object, "arguments", json_object_ref (arguments));
    add_id (object, id);
    return to_line (object);
}

GBytes *
qmp_message_build_greeting (guint major,
                            guint minor,
                            guint micro,
                            const char *package,
                            gboolean oob)
{
    JsonObject *qemu = json_object_new ();
    json_object_set_int_member (qemu, "micro", micro);
    json_object_set_int_member (qemu, "minor", minor);
    json_object_set_int_member (qemu, "major", major);

    JsonObject *version = json_object_new ();
    json_object_set_object_member (version, "qemu", qemu);
    json_object_set_string_member (version, "package", package);

    JsonArray *capabilities = json_array_new ();
    if (oob)
        json_array_add_string_element (capabilities, "oob");

    JsonObject *body = json_object_new ();
    json_object_set_object_member (body, "version", version);
    json_object_set_array_member (body, "capabilities", capabilities);

    JsonObject *object = json_object_new ();
    json_object_set_object_member (object, "QMP", body);
    return to_line (object);
}

GBytes *
qmp_message_build_return (JsonNode *value, JsonNode *id)
{
    JsonObject *object = json_object_new ();

    if (value != NULL)
        json_object_set_member (object, "return", json_node_copy (value));
    else
        json_object_set_object_member (object, "return", json_object_new ());
    add_id (object, id);
    return to_line (object);
}

GBytes *
qmp_message_build_error (const char *klass, const char *desc, JsonNode *id)
{
    g_return_val_if_fail (klass != NULL && desc != NULL, NULL);

    JsonObject *body = json_object_new ();
    json_object_set_string_member (body, "class", klass);
    json_object_set_string_member (body, "desc", desc);

    JsonObject *object = json_object_new ();
    add_id (object, id);
    json_object_set_object_member (object, "error", body);
    return to_line (object);
}

GBytes *
qmp_message_build_event (const char *name, JsonObject *data, gint64 time_us)
{
    g_return_val_if_fail (name != NULL, NULL);

    JsonObject *timestamp = json_object_new ();
    json_object_set_int_member (timestamp, "seconds", time_us / G_USEC_PER_SEC);
    json_object_set_int_member (timestamp, "microseconds", time_us % G_USEC_PER_SEC);

    JsonObject *object = json_object_new ();
    json_object_set_object_member (object, "timestamp", timestamp);
    json_object_set_string_member (object, "event", name);
    if (data != NULL)
        json_object_set_object_member (object, "data", json_object_ref (data));
    return to_line (object);
}
