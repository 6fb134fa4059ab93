/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/session-private.h"

#include <string.h>

static void
refuse_as (Session *session, const QmpMessage *command, const char *name, const char *why)
{
    g_autofree char *text =
        g_strdup_printf ("command '%.100s' is refused for a SEV guest: %s", name, why);

    relay_log (session->relay->log, "refused: '%s': %s", name, why);
    session_answer (session, qmp_message_build_error ("GenericError", text,
                                                      qmp_message_get_id (command)));
}

static void
refuse (Session *session, const QmpMessage *command, const char *why)
{
    refuse_as (session, command, qmp_message_get_name (command), why);
}

/* QEMU's sev_vm_state_change(): the first run ends the launch. */
static gboolean
finish_launch (Session *session, const QmpMessage *command)
{
    g_autoptr (GError) error = NULL;
    LaunchInfo info;

    if (launch_get_info (session->relay->sev.launch, &info, &error) &&
        launch_finish (session->relay->sev.launch, &error)) {
        if (info.state != SEV_GUEST_RUNNING)
            relay_log (session->relay->log, "LAUNCH_FINISH");
        return TRUE;
    }
    relay_log (session->relay->log, "%s", error->message);
    session_answer (session, qmp_message_build_error ("GenericError", error->message,
                                                      qmp_message_get_id (command)));
    return FALSE;
}

/* What may go wrong between the pages and QEMU ends the relay.  Returns: whether not */
static gboolean
require (Session *session, gboolean ok)
{
    if (!ok)
        session->relay->failed = session->over = TRUE;
    return ok;
}

/* Before a "cont": the launch ends with the first one. */
static gboolean
prepare_continue (Session *session, const QmpMessage *command)
{
    Guard *guard = session->relay->guard;
    const char *why;

    if (!require (session, guard_why_not_continue (guard, &why)))
        return FALSE;
    if (why != NULL) {
        session_answer (session, qmp_message_build_error ("GenericError", why,
                                                          qmp_message_get_id (command)));
        return FALSE;
    }
    if (!finish_launch (session, command) ||
        !require (session, guard_before_continue (guard)))
        return FALSE;
    session->after = SESSION_AFTER_SETTLE;
    return TRUE;
}

/* Before a command that reads memory, whether the guest runs or not.  QEMU's own dump stops
 * a guest that runs, and tells so; other commands do not. */
static gboolean
prepare_wrapped (Session *session, const QmpMessage *command, const char *name)
{
    gboolean stopped;
    const char *why;

    if (!require (session, guard_pause (session->relay->guard, &stopped, &why)))
        return FALSE;
    if (why != NULL) {
        refuse_as (session, command, name, why);
        return FALSE;
    }
    if (!stopped)
        return TRUE;
    session->after = SESSION_AFTER_UNPAUSE;
    if (strcmp (name, "dump-guest-memory") != 0) {
        session->after = SESSION_AFTER_UNPAUSE_HIDDEN;
        session->hidden_stops++;
        session->hidden_resumes++;
    }
    return TRUE;
}

static gboolean
prepare_paused (Session *session, const QmpMessage *command, const char *name)
{
    Guard *guard = session->relay->guard;

    if (!guard_is_encrypted (guard)) {
        refuse_as (session, command, name, COMMAND_WHY_RUNNING);
        return FALSE;
    }
    if (strcmp (name, "gdbserver") == 0)
        guard_expect_debugger (guard);
    return TRUE;
}

/* What comes before a command of this class is handed on.  Returns: whether it is */
static gboolean
prepare (Session *session, const QmpMessage *command, CommandClass class, const char *name)
{
    switch (class) {
    case COMMAND_CONT:
        return prepare_continue (session, command);
    case COMMAND_STOP:
        session->after = SESSION_AFTER_SETTLE;
        return TRUE;
    case COMMAND_PAUSED:
        return prepare_paused (session, command, name);
    case COMMAND_WRAPPED:
        return prepare_wrapped (session, command, name);
    case COMMAND_PASS:
    case COMMAND_CHECK:
        return TRUE;
    case COMMAND_OURS:
    case COMMAND_HMP:
    case COMMAND_REFUSED:
        break;
    }
    g_return_val_if_reached (FALSE);
}

/* The arguments of a message are immutable. */
static JsonObject *
copy_object (JsonObject *object)
{
    g_autoptr (JsonNode) node = json_node_alloc ();

    if (object == NULL)
        return json_object_new ();
    json_node_init_object (node, object);
    g_autofree char *text = json_to_string (node, FALSE);
    g_autoptr (JsonNode) copy = json_from_string (text, NULL);
    return json_node_dup_object (copy);
}

static void
handle_row (Session *session, const QmpMessage *command, const CommandRow *row)
{
    g_autoptr (JsonObject) copy = NULL;
    JsonObject *arguments = qmp_message_get_arguments (command);

    if (row->check != NULL) {
        arguments = copy = copy_object (arguments);
        const char *why = row->check (arguments);
        if (why != NULL) {
            refuse (session, command, why);
            return;
        }
    }
    if (prepare (session, command, row->class, row->name))
        session_forward (session, command, arguments);
}

static void
handle_hmp (Session *session, const QmpMessage *command)
{
    JsonObject *given = qmp_message_get_arguments (command);
    JsonNode *node = given != NULL ? json_object_get_member (given, "command-line") : NULL;
    g_auto (HmpLine) line = { 0 };

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        json_node_get_string (node) == NULL) {
        session_answer (session, qmp_message_build_error (
                                     "GenericError", "Parameter 'command-line' is missing",
                                     qmp_message_get_id (command)));
        return;
    }
    hmp_line_parse (json_node_get_string (node), &line);
    if (line.class == COMMAND_REFUSED) {
        refuse_as (session, command, line.name, line.why);
        return;
    }
    if (line.class == COMMAND_OURS) {
        session_answer (session,
                        sev_qmp_info (&session->relay->sev, qmp_message_get_id (command)));
        return;
    }
    if (!prepare (session, command, line.class, line.name))
        return;
    g_autoptr (JsonObject) arguments = copy_object (given);
    json_object_set_string_member (arguments, "command-line", line.canonical);
    session_forward (session, command, arguments);
}

void
session_handle_guarded (Session *session, const QmpMessage *command)
{
    const CommandRow *row = command_table_find (qmp_message_get_name (command));

    session->after = SESSION_AFTER_NOTHING;
    if (row == NULL) {
        refuse (session, command, "it is not in the relay's table");
        return;
    }
    if (qmp_message_is_oob (command) && row->class != COMMAND_PASS) {
        refuse (session, command, "it cannot run out of band");
        return;
    }
    switch (row->class) {
    case COMMAND_OURS:
        relay_log (session->relay->log, "answered: %s", row->name);
        session_answer (session, sev_qmp_answer (&session->relay->sev, command));
        return;
    case COMMAND_HMP:
        handle_hmp (session, command);
        return;
    case COMMAND_REFUSED:
        refuse (session, command, row->why);
        return;
    case COMMAND_PASS:
    case COMMAND_CHECK:
    case COMMAND_CONT:
    case COMMAND_STOP:
    case COMMAND_PAUSED:
    case COMMAND_WRAPPED:
        handle_row (session, command, row);
        return;
    }
}

/* The client takes the guest for a running one, and no RESUME is to come. */
static void
admit_stop (Session *session)
{
    session->hidden_resumes--;
    if (session->hidden_stops > 0)
        session->hidden_stops--; /* QEMU's own event is still to come */
    else
        session_answer (session,
                        qmp_message_build_event ("STOP", NULL, g_get_real_time ()));
}

static void
unpause (Session *session, gboolean hidden)
{
    gboolean refused = FALSE;

    if (require (session, guard_unpause (session->relay->guard, &refused)) && refused &&
        hidden)
        admit_stop (session);
}

void
session_after_reply (Session *session)
{
    const SessionAfter after = session->after;

    session->after = SESSION_AFTER_NOTHING;
    if (after == SESSION_AFTER_SETTLE)
        require (session, guard_settle (session->relay->guard));
    if (after == SESSION_AFTER_UNPAUSE || after == SESSION_AFTER_UNPAUSE_HIDDEN)
        unpause (session, after == SESSION_AFTER_UNPAUSE_HIDDEN);
}

gboolean
session_hides_event (Session *session, const char *name)
{
    Guard *guard = session->relay->guard;
    guint *hidden = NULL;

    if (guard == NULL)
        return FALSE;
    if (strcmp (name, "STOP") == 0) {
        require (session, guard_settle (guard));
        hidden = &session->hidden_stops;
    } else if (strcmp (name, "RESUME") == 0) {
        hidden = &session->hidden_resumes;
    } else if (strcmp (name, "DUMP_COMPLETED") == 0) {
        require (session, guard_after_dump (guard));
    }
    if (hidden == NULL || *hidden == 0)
        return FALSE;
    (*hidden)--;
    return TRUE;
}
